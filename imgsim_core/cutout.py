"""Cut-out: what a picture is of, apart from its background.

Where the host brings a network for it, that one decides. Otherwise a network that knows kinds
of things says where the subject is likely to be, and GrabCut draws its outline by colours; the
visitor can correct it by a box and strokes. It does well by one thing on a calm ground and
worse elsewhere, and says so where it can.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Hashable
from dataclasses import dataclass

import cv2
import numpy as np
from cachetools import TTLCache
from numpy.typing import NDArray

from imgsim_core.cutting import colours
from imgsim_core.cutting.doubts import doubt_about
from imgsim_core.cutting.likely import likely_subject, model_that_looks
from imgsim_core.cutting.own_network import OwnNetwork, own_network
from imgsim_core.errors import BadBox, ModelError, NoSubject
from imgsim_core.models.catalogue import Model
from imgsim_core.picture import Picture
from imgsim_core.text import Text, UserText

Box = tuple[float, float, float, float]
Stroke = tuple[tuple[float, float], ...]
RGB = NDArray[np.uint8]
Plane = NDArray[np.float32]
Window = tuple[slice, slice]

_SIDE = 256  # pixels of the reduced picture that outlines are drawn on
_FINE_SIDE = 1024
_PEN = 0.025  # of that: how wide a stroke is
_RIM = 0.05  # of the subject's longer side
_MARGIN = 0.04  # of each side: what lies there is taken for background
_AROUND = 0.25  # of a box's sides: what is looked at beside what lies in it
_LEAST, _MOST = 0.01, 0.95  # share of the picture that is not transparent
_GUESS = (0.3, 0.05, 0.98)  # see `first_guess`; chosen on photographs
_IN_BOX = 1.5  # by how much a visitor's box makes what lies in it likelier, in log odds
_EVEN = 0.5
_FLAT = 8  # levels: a picture whose pixels differ by less shows nothing


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
    note : Text or None
        Why a better way was not taken, where the host meant it to be.
    """

    mask: NDArray[np.bool_]
    way: Text
    doubt: Text | None = None
    note: Text | None = None

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
    given = picture.mask
    if correction == AS_SEEN and given is not None and _LEAST <= given.mean() <= _MOST:
        return Cutout(given, Text("by the picture's own transparency"))
    window = _window(picture, correction.box)
    view = picture.rgb[window]
    corrected = bool(correction.keep or correction.drop)
    # A network of the host's own draws fine outlines, GrabCut would be slow at that size
    fine = isinstance(own_network(), OwnNetwork) and not corrected
    small = _reduced(view, _FINE_SIDE if fine else _SIDE)
    if np.ptp(small, axis=(0, 1)).max() < _FLAT:
        raise _no_subject(picture)
    seen = _seen(picture, window, view, small)
    likely = _in_box(seen.likely, correction.box, window, picture)
    lines = _strokes(correction, window, picture, likely.shape)
    likely = colours.by_strokes(small, likely, lines)
    labels = colours.first_guess(likely, *_GUESS)
    labels[lines == colours.KEPT] = cv2.GC_FGD
    labels[lines == colours.DROPPED] = cv2.GC_BGD
    if seen.exact and not corrected:
        found = colours.without_specks(likely > _EVEN, kept=np.zeros(likely.shape, bool))
    else:
        found = colours.outline(small, labels)
    if not found.any():
        raise _no_subject(picture)
    mask = np.zeros(picture.rgb.shape[:2], bool)
    size = (view.shape[1], view.shape[0])
    levels = np.where(found, np.uint8(255), np.uint8(0))
    mask[window] = cv2.resize(levels, size, interpolation=cv2.INTER_CUBIC) > 127
    if not mask.any():
        raise _no_subject(picture)
    mask.setflags(write=False)
    share = float(mask.mean())
    return Cutout(mask, seen.way, doubt_about(small, likely, found, share, corrected), seen.note)


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


@dataclass(frozen=True, eq=False)
class _Seen:
    """Where the subject is likely, and how that is known; `exact`: to the very outline."""

    likely: Plane
    way: Text
    exact: bool = False
    note: Text | None = None


_LOCK = threading.Lock()
_REMEMBERED_BYTES = 32 * 2**20
_REMEMBERED_SECONDS = 1800.0  # a visitor who draws strokes is quicker
_remembered: TTLCache[Hashable, _Seen] = TTLCache(
    _REMEMBERED_BYTES, _REMEMBERED_SECONDS, getsizeof=lambda seen: seen.likely.nbytes
)


def forget_old() -> None:
    """Let go of what was seen in pictures half an hour ago; else only newer looks push it out."""
    with _LOCK:
        _remembered.expire()


def _seen(picture: Picture, window: Window, view: RGB, small: RGB) -> _Seen:
    """Look at a picture once: strokes come one after the other, and only draw anew."""
    own, model = own_network(), model_that_looks()
    sides = tuple((side.start, side.stop) for side in window)
    key = (picture.digest, small.shape, sides, own, model and model.id)
    with _LOCK:
        found = _remembered.get(key)
    if found is None:
        found = _look(view, small, own, model)
        with _LOCK:
            _remembered[key] = found
    return found


def _look(view: RGB, small: RGB, own: OwnNetwork | Text | None, model: Model | None) -> _Seen:
    height, width = small.shape[:2]
    if isinstance(own, OwnNetwork):
        found = own.likely_subject(view)
        likely = np.asarray(cv2.resize(found, (width, height), interpolation=cv2.INTER_AREA))
        way = Text("by the network that this host brings: {file}", file=UserText(own.name))
        return _Seen(likely, way, exact=True)
    if model is not None:
        try:
            likely = likely_subject(small, model)
        except ModelError:
            pass  # its file is damaged, which the Status page tells: colours are still there
        else:
            way = Text(
                "by what {model} ({licence}) sees, outlined by colours: GrabCut",
                model=model.label,
                licence=model.licence,
            )
            return _Seen(likely, way, note=own)
    likely = np.zeros((height, width), np.float32)
    rows, columns = round(_MARGIN * height), round(_MARGIN * width)
    likely[rows : height - rows, columns : width - columns] = _EVEN
    return _Seen(likely, Text("by colours: GrabCut"), note=own)


def _window(picture: Picture, box: Box | None) -> Window:
    """Rows and columns that are looked at: all, or a box and some of what is around it."""
    if box is None:
        return slice(0, picture.height), slice(0, picture.width)
    left, top, right, bottom = box
    across, down = _AROUND * (right - left), _AROUND * (bottom - top)
    return (
        _pixels(top - down, bottom + down, picture.height),
        _pixels(left - across, right + across, picture.width),
    )


def _pixels(low: float, high: float, count: int) -> slice:
    """Pixels of a side from share to share, at least one."""
    first = min(count - 1, max(0, round(low * count)))
    return slice(first, max(first + 1, min(count, round(high * count))))


def _places(window: Window, picture: Picture, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Matrix (2, 3) from shares of the picture to pixels of the reduced window."""
    rows, columns = window
    scale = np.array([shape[1], shape[0]]) / (columns.stop - columns.start, rows.stop - rows.start)
    return np.array(
        [
            [picture.width * scale[0], 0, -columns.start * scale[0]],
            [0, picture.height * scale[1], -rows.start * scale[1]],
        ]
    )


def _in_box(likely: Plane, box: Box | None, window: Window, picture: Picture) -> Plane:
    """Nothing outside a visitor's box is the subject, and what lies in it is likelier."""
    if box is None:
        return likely
    (across, _, left), (_, down, top) = _places(window, picture, likely.shape).tolist()
    height, width = likely.shape
    inside = (
        _pixels((box[1] * down + top) / height, (box[3] * down + top) / height, height),
        _pixels((box[0] * across + left) / width, (box[2] * across + left) / width, width),
    )
    odds = np.clip(likely[inside], 1e-6, 1 - 1e-6)
    boxed = np.zeros_like(likely)
    boxed[inside] = 1 / (1 + (1 / odds - 1) * np.exp(-_IN_BOX))
    return boxed


def _strokes(
    correction: Correction, window: Window, picture: Picture, shape: tuple[int, int]
) -> colours.Labels:
    """What the visitor drew, on the reduced window: KEPT, DROPPED or 0."""
    lines = np.zeros(shape, np.uint8)
    pen = max(2, round(_PEN * max(shape)))
    places = _places(window, picture, shape)
    for strokes, label in ((correction.keep, colours.KEPT), (correction.drop, colours.DROPPED)):
        for stroke in strokes:
            points = np.array(stroke) @ places[:, :2].T + places[:, 2]
            line = np.round(points).astype(np.int32)[:, None]
            cv2.polylines(lines, [line], False, label, pen)
            cv2.circle(lines, line[0, 0].tolist(), pen // 2, label, -1)  # a mere point, too
    return lines


def _reduced(rgb: RGB, side: int) -> RGB:
    height, width = rgb.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _no_subject(picture: Picture) -> NoSubject:
    return NoSubject(
        Text(
            "Nothing in {name} stands apart from its background. Draw a box around what you mean.",
            name=UserText(picture.name),
        )
    )
