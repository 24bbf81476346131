"""Small pictures for tests, made here or taken from scikit-image's own wheel."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from imgsim_core.picture import Picture


def picture_of(rgb: NDArray[np.uint8], name: str = "test.png") -> Picture:
    """Wrap an RGB array as a Picture, without going through the gate."""
    array = np.ascontiguousarray(rgb, dtype=np.uint8)
    array.setflags(write=False)
    digest = hashlib.sha256(str(array.shape).encode() + array.tobytes()).hexdigest()
    return Picture(rgb=array, digest=digest, name=name)


def photograph(name: str = "chelsea", side: int = 300) -> Picture:
    """Return a photograph of scikit-image's wheel as RGB, its long side at most `side`."""
    import cv2
    import skimage.data

    array = getattr(skimage.data, name)()
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    array = array[..., :3]
    scale = side / max(array.shape[:2])
    if scale < 1:
        size = (round(array.shape[1] * scale), round(array.shape[0] * scale))
        array = cv2.resize(array, size, interpolation=cv2.INTER_AREA)
    return picture_of(array, f"{name}.png")


def noise(height: int, width: int, seed: int = 0) -> Picture:
    """Return uniform colour noise."""
    random = np.random.default_rng(seed)
    return picture_of(random.integers(0, 256, (height, width, 3), dtype=np.uint8))


def blank(height: int, width: int, level: int = 255) -> Picture:
    """Return one flat grey level."""
    return picture_of(np.full((height, width, 3), level, dtype=np.uint8))
