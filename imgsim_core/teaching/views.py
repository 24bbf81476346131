"""Pictures as a model sees them, and as it would see them a little changed."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.models.catalogue import Model
from imgsim_core.models.encoder import encode_framed, framed
from imgsim_core.picture import Picture

Array = NDArray[np.float32]
Known = MutableMapping[tuple[str, int], Array]

COPIES = 2
"""Changed copies of each picture that are trained on beside it."""

_BATCH = 16
_LEAST_KEPT = 0.6  # share of the area that a changed copy shows at least
_MOST_LIGHT = 0.25  # of brightness and of contrast, up or down


def embedded(
    model: Model,
    pictures: Sequence[Picture],
    copies: int = COPIES,
    *,
    known: Known | None = None,
    told: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Array | None:
    """Embed pictures and changed copies of them: cut a little, mirrored, in other light.

    Parameters
    ----------
    model : Model
    pictures : sequence of Picture
    copies : int
        Changed copies of each, 0 or more; the same ones every time.
    known : mutable mapping of (digest, copy) to vector, or None
        What is in is not embedded again; what is new is put in.
    told : callable or None
        Called with (done, all) after each batch.
    stop : callable
        Asked between batches; True ends the work.

    Returns
    -------
    ndarray of float32, shape (n, 1 + copies, dimension), or None
        Each vector of length 1; copy 0 is the picture itself. None if stopped.

    Raises
    ------
    WeightsMissing, WeightsWrong
        If the model cannot be used on this host.
    """
    held: Known = {} if known is None else known
    wanted = [
        (picture, copy)
        for picture in pictures
        for copy in range(copies + 1)
        if (picture.digest, copy) not in held
    ]
    for start in range(0, len(wanted), _BATCH):
        if stop():
            return None
        batch = wanted[start : start + _BATCH]
        squares = [
            framed(model, changed(picture, copy) if copy else picture, model.framing)
            for picture, copy in batch
        ]
        vectors, _ = encode_framed(model, squares)
        for (picture, copy), vector in zip(batch, vectors, strict=True):
            held[picture.digest, copy] = vector
        if told is not None:
            told(min(start + _BATCH, len(wanted)), len(wanted))
    rows = [[held[picture.digest, copy] for copy in range(copies + 1)] for picture in pictures]
    return np.array(rows, np.float32).reshape(len(pictures), copies + 1, model.dimension)


def changed(picture: Picture, copy: int) -> Picture:
    """Make a copy of a picture as another photograph of the same might be.

    Parameters
    ----------
    picture : Picture
    copy : int
        Which of the copies, from 1; the same number gives the same copy.

    Returns
    -------
    Picture
        Part of it, mirrored every second time, a little brighter or darker.
    """
    random = np.random.default_rng([int(picture.digest[:8], 16), copy])
    height, width = picture.rgb.shape[:2]
    side = np.sqrt(random.uniform(_LEAST_KEPT, 1))
    tall, wide = max(1, round(height * side)), max(1, round(width * side))
    top, left = random.integers(height - tall + 1), random.integers(width - wide + 1)
    rgb = picture.rgb[top : top + tall, left : left + wide]
    if copy % 2:
        rgb = rgb[:, ::-1]
    gain, offset = 1 + random.uniform(-1, 1, 2) * _MOST_LIGHT
    rgb = cv2.convertScaleAbs(np.ascontiguousarray(rgb), alpha=gain, beta=64 * (offset - 1))
    rgb.setflags(write=False)
    return Picture(rgb, f"{picture.digest}/{copy}", picture.name)
