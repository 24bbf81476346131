"""Which parts of a picture a score hangs on: hide them one by one and ask again.

Works for every method, since it needs nothing but the score. After Zeiler and Fergus,
"Visualizing and understanding convolutional networks", doi:10.1007/978-3-319-10590-1_53.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.comparison import Question, Score, ask
from imgsim_core.method import Heatmap
from imgsim_core.picture import Picture
from imgsim_core.text import Text

CELLS = 8  # the map's side
WINDOW = 2  # cells hidden at a time, each way: single cells hide too little to matter
WORKING_SIDE = 320  # pixels: the map has 8 cells a side, so detail beyond this is wasted


@dataclass(frozen=True)
class OcclusionMap:
    """How far a score moves when a part of picture A is hidden.

    drop : ndarray of float32, shape (8, 8)
        Move along the method's scale towards "nothing in common", as a share of the drawn
        axis; below 0 where hiding the part makes the pictures more alike.
    complete : bool
        False if it was stopped, or out of time, before every place was tried.
    """

    drop: NDArray[np.float32]
    complete: bool

    def evidence(self) -> Heatmap:
        """The map as something to draw; the ends are the largest move found, both ways."""
        reach = max(float(np.abs(self.drop).max()), 1e-6)
        return Heatmap(
            title=Text("What the score hangs on"),
            values=self.drop,
            low=-reach,
            high=reach,
            low_label=Text("hiding it makes them more alike"),
            high_label=Text("hiding it makes them less alike"),
        )


def occlusion_map(
    question: Question,
    a: Picture,
    b: Picture,
    *,
    seconds: float = 10.0,
    progress: Callable[[float], None] | None = None,
    stopped: Callable[[], bool] | None = None,
) -> OcclusionMap | Text:
    """Hide parts of picture A one by one and watch a method's score.

    Parameters
    ----------
    question : Question
    a, b : Picture
        Reduced to `WORKING_SIDE` first.
    seconds : float
        Budget; what was found by then is returned.
    progress : callable or None
        Called with the share done, 0..1.
    stopped : callable or None
        Asked before every step; True ends the work.

    Returns
    -------
    OcclusionMap or Text
        The reason, if the method cannot answer for this pair at all.
    """
    small_a, small_b = _reduced(a), _reduced(b)
    whole = ask(question, small_a, small_b)
    if not isinstance(whole, Score):
        return whole.reason
    deadline = time.monotonic() + seconds
    total = np.zeros((CELLS, CELLS), np.float32)
    tried = np.zeros((CELLS, CELLS), np.float32)
    described_b = question.method.describe(small_b, question.options)
    places = _places()
    for index, (row, column) in enumerate(places):
        if time.monotonic() > deadline or (stopped is not None and stopped()):
            break
        hidden = _hidden(small_a, row, column)
        described = question.method.describe(hidden, question.options)
        value = question.method.compare(described, described_b, question.options)
        cells = np.s_[row : row + WINDOW, column : column + WINDOW]
        total[cells] += whole.scale.position(whole.value) - whole.scale.position(value)
        tried[cells] += 1
        if progress is not None:
            progress((index + 1) / len(places))
    drop = (total / np.maximum(tried, 1)).astype(np.float32)
    return OcclusionMap(drop, complete=bool(tried.sum() == len(places) * WINDOW**2))


def _places() -> list[tuple[int, int]]:
    """Every place of the window, spread out first so that a partial map covers everything."""
    last = CELLS - WINDOW + 1
    every = [(row, column) for row in range(last) for column in range(last)]
    return sorted(every, key=lambda place: (place[0] % 2 + 2 * (place[1] % 2), place))


def _reduced(picture: Picture) -> Picture:
    scale = WORKING_SIDE / max(picture.width, picture.height)
    if scale >= 1:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    rgb = cv2.resize(picture.rgb, size, interpolation=cv2.INTER_AREA)
    return _like(picture, np.asarray(rgb, np.uint8), f"reduced {size}")


def _hidden(picture: Picture, row: int, column: int) -> Picture:
    """The picture with one window painted in its mean colour."""
    rgb = picture.rgb.copy()
    rows = np.linspace(0, picture.height, CELLS + 1).round().astype(int)
    columns = np.linspace(0, picture.width, CELLS + 1).round().astype(int)
    window = np.s_[rows[row] : rows[row + WINDOW], columns[column] : columns[column + WINDOW]]
    rgb[window] = picture.rgb.mean(axis=(0, 1)).round().astype(np.uint8)
    return _like(picture, rgb, f"hidden {row} {column}")


def _like(picture: Picture, rgb: NDArray[np.uint8], change: str) -> Picture:
    rgb.setflags(write=False)
    # Not the digest of any file: only unequal to that of every other change.
    return Picture(rgb=rgb, digest=f"{picture.digest} {change}", name=picture.name)
