"""Cut-out: what a picture is of, apart from its background.

Without a learned model, GrabCut (Rother, Kolmogorov and Blake 2004,
https://doi.org/10.1145/1015706.1015720) parts the colours inside a box from those outside.
It does well by one thing on a plain ground and poorly elsewhere, and says so where it can.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.errors import BadBox, NoSubject
from imgsim_core.picture import Picture
from imgsim_core.text import Text, UserText

Box = tuple[float, float, float, float]
Stroke = tuple[tuple[float, float], ...]

_LOCK = threading.Lock()  # one generator of random numbers serves all threads
_SIDE = 320
_ROUNDS = 5
_PEN = 5  # pixels of the reduced picture that a stroke is wide
_PART = 0.1  # of the largest part: smaller ones are specks
_RIM = 0.05  # of the subject's longer side
_MARGIN = 0.04  # of each side: what lies there is taken for background


@dataclass(frozen=True)
class Correction:
    """What a visitor adds to what is seen in the picture; all in shares 0..1 of its sides.

    Parameters
    ----------
    box : tuple of float or None
        Left, top, right, bottom: all of the subject lies inside.
    keep, drop : tuple of strokes
        Lines of (x, y) points that lie on the subject, or on the background.
    """

    box: Box | None = None
    keep: tuple[Stroke, ...] = ()
    drop: tuple[Stroke, ...] = ()


AS_SEEN = Correction()


@dataclass(frozen=True, eq=False)
class Cutout:
    """Where the subject is.

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)
        True on the subject; read-only.
    way : Text
        What found it, for the visitor.
    doubt : Text or None
        Why it should not be trusted, if it should not.
    """

    mask: NDArray[np.bool_]
    way: Text
    doubt: Text | None = None

    @property
    def share(self) -> float:
        """Share of the picture that the subject covers, 0..1."""
        return float(self.mask.mean())


def cut_out(picture: Picture, correction: Correction = AS_SEEN) -> Cutout:
    """Find the subject of a picture.

    Parameters
    ----------
    picture : Picture
    correction : Correction
        What the visitor said of it.

    Returns
    -------
    Cutout
        The same every time for the same picture and correction.

    Raises
    ------
    NoSubject
        If nothing stands apart from its background.
    BadBox
        If the box is empty or a point lies outside the picture.
    """
    _check(correction)
    small = _reduced(picture.rgb)
    height, width = small.shape[:2]
    left, top, right, bottom = correction.box or (_MARGIN, _MARGIN, 1 - _MARGIN, 1 - _MARGIN)
    labels = np.full((height, width), cv2.GC_BGD, np.uint8)
    rows = slice(round(top * height), max(round(bottom * height), round(top * height) + 1))
    columns = slice(round(left * width), max(round(right * width), round(left * width) + 1))
    labels[rows, columns] = cv2.GC_PR_FGD
    for strokes, label in ((correction.keep, cv2.GC_FGD), (correction.drop, cv2.GC_BGD)):
        for stroke in strokes:
            points = np.round(np.array(stroke) * (width - 1, height - 1)).astype(np.int32)
            cv2.polylines(labels, [points[:, None]], False, int(label), _PEN)
    if not (labels == cv2.GC_BGD).any():
        raise _no_subject(picture)
    with _LOCK:
        cv2.setRNGSeed(0)  # GrabCut starts its colour models at random
        cv2.grabCut(
            small,
            labels,
            None,
            np.zeros((1, 65)),
            np.zeros((1, 65)),
            _ROUNDS,
            cv2.GC_INIT_WITH_MASK,
        )
    found = _large_parts((labels & 1).astype(np.uint8))
    if not found.any():
        raise _no_subject(picture)
    size = (picture.width, picture.height)
    mask = cv2.resize(found, size, interpolation=cv2.INTER_LINEAR_EXACT).astype(bool)
    mask.setflags(write=False)
    return Cutout(mask, Text("by colours: GrabCut"))


def without_background(picture: Picture, cutout: Cutout, *, crop: bool = True) -> Picture:
    """Lay the subject on white, as a picture like any other.

    Parameters
    ----------
    picture : Picture
    cutout : Cutout
        Of this picture.
    crop : bool
        Whether to cut away what holds no subject; a small rim is kept.

    Returns
    -------
    Picture
        `mask` is True on the subject; the digest is another than the picture's.
    """
    rgb = np.where(cutout.mask[..., None], picture.rgb, np.uint8(255))
    mask = cutout.mask
    if crop:
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        rim = round(_RIM * max(np.ptp(rows), np.ptp(columns)))
        window = tuple(
            slice(max(0, int(found[0]) - rim), int(found[-1]) + 1 + rim)
            for found in (rows, columns)
        )
        rgb, mask = np.ascontiguousarray(rgb[window]), np.ascontiguousarray(mask[window])
    rgb.setflags(write=False)
    mask.setflags(write=False)
    digest = hashlib.sha256(
        picture.digest.encode() + bytes([crop]) + np.packbits(cutout.mask).tobytes()
    )
    note = Text("The background was taken away.")
    return Picture(rgb, digest.hexdigest(), picture.name, (*picture.notes, note), mask)


def _check(correction: Correction) -> None:
    points = [point for stroke in (*correction.keep, *correction.drop) for point in stroke]
    if correction.box is not None:
        left, top, right, bottom = correction.box
        points += [(left, top), (right, bottom)]
        if not (left < right and top < bottom):
            raise BadBox(Text("The box is empty: draw it around the subject."))
    if not all(0 <= x <= 1 and 0 <= y <= 1 for x, y in points):
        raise BadBox(Text("A part of what was drawn lies outside the picture."))


def _reduced(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = rgb.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _large_parts(found: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Keep the largest connected part, and others at least a tenth as large."""
    count, parts, facts, _ = cv2.connectedComponentsWithStats(found)
    areas = facts[1:, cv2.CC_STAT_AREA]
    if count == 1:
        return found
    kept = 1 + np.flatnonzero(areas >= _PART * areas.max())
    return np.isin(parts, kept).astype(np.uint8)


def _no_subject(picture: Picture) -> NoSubject:
    return NoSubject(
        Text(
            "Nothing in {name} stands apart from its background. Draw a box around what you mean.",
            name=UserText(picture.name),
        )
    )
