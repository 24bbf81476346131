"""The built-in gallery: the samples, and copies of them as people make them.

Every copy is made the same way each time, so the gallery is the same everywhere.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgsim_core.distort import damage_by_id
from imgsim_core.samples import all_samples, open_sample, sample_by_id

RGB = NDArray[np.uint8]


class Made(NamedTuple):
    """A file of the built-in gallery: its name, its time, and what makes its bytes."""

    name: str
    modified: float
    make: Callable[[], bytes]


# By which folder somebody would keep them in
_FOLDERS = {
    "pets": ("cat",),
    "kitchen": ("coffee", "cup"),
    "trips": ("motorcycle", "rocket", "astronaut"),
    "textures": ("bricks", "grass", "gravel"),
    "science": ("moon", "galaxies", "eye", "tissue", "coins"),
}
_COPIED = ("cat", "coffee", "astronaut", "rocket", "motorcycle-left", "coins", "galaxies")
_FIRST = 1_577_836_800.0  # 2020-01-01: times that stay the same, a day apart
_DAY = 86_400.0


def files() -> tuple[Made, ...]:
    """List the files of the built-in gallery; making each takes milliseconds.

    Returns
    -------
    tuple of Made
        All samples in folders by subject; of some of them edited copies in "edited", and
        of the first a copy of the very same bytes in "backup".
    """
    made: list[tuple[str, Callable[[], bytes]]] = [
        (f"{_folder(sample.id)}/{sample.file_name}", sample.make) for sample in all_samples()
    ]
    for sample_id in _COPIED:
        made += [
            (f"edited/{sample_id}-{suffix}", partial(_copy, sample_id, edit, form))
            for suffix, edit, form in _EDITS
        ]
    first = sample_by_id(_COPIED[0])
    made.append((f"backup/{first.file_name}", first.make))
    return tuple(Made(name, _FIRST + _DAY * day, make) for day, (name, make) in enumerate(made))


def _folder(sample_id: str) -> str:
    for folder, starts in _FOLDERS.items():
        if sample_id.startswith(starts):
            return folder
    return "other"


def _copy(sample_id: str, edit: Callable[[RGB], RGB], form: str) -> bytes:
    image = Image.fromarray(np.ascontiguousarray(edit(open_sample(sample_id).rgb)))
    target = io.BytesIO()
    if form == "PNG":
        image.save(target, form, compress_level=1)
    else:
        image.save(target, "JPEG", quality=int(form))
    return target.getvalue()


def _half(rgb: RGB) -> RGB:
    size = (rgb.shape[1] // 2, rgb.shape[0] // 2)
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _same(rgb: RGB) -> RGB:
    return rgb


def _quarter_turn(rgb: RGB) -> RGB:
    return np.rot90(rgb)


def _cropped(rgb: RGB) -> RGB:
    height, width = rgb.shape[:2]
    return rgb[height // 10 : -height // 10, width // 10 : -width // 10]


def _damaged(damage_id: str, strength: float) -> Callable[[RGB], RGB]:
    return partial(damage_by_id(damage_id), strength=strength)


# File name, edit, and "PNG" or the quality of a JPEG
_EDITS: tuple[tuple[str, Callable[[RGB], RGB], str], ...] = (
    ("half.jpg", _half, "85"),
    ("jpeg30.jpg", _same, "30"),
    ("mirrored.jpg", _damaged("mirror", 1), "90"),
    ("turned.jpg", _quarter_turn, "90"),
    ("cropped.jpg", _cropped, "90"),
    ("warm.jpg", _damaged("warmth", 40), "90"),
)
