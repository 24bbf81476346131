"""What two pictures are to each other: one of four kinds, decided from evidence.

The way: are the bytes or the pixels the same? If not, B is laid on A in every way an edit
or another camera position would explain; the best way is judged by the share of A's
outlines that are found in B at the same place, or B's in A. What is flat says nothing and
counts for nothing, so two things on white are not alike for their canvas. Last, how B lies
on A tells an edited copy from another photograph: an edit stretches, turns and cuts a
picture, but only another position of the camera changes the perspective.

It never averages the methods: each piece of evidence is used for what it can tell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.comparison import Sameness, sameness
from imgsim_core.memory import Memory
from imgsim_core.methods.keypoints import MatchResult, verified_match
from imgsim_core.picture import Picture
from imgsim_core.registry import method_by_id
from imgsim_core.text import Text

RGB = NDArray[np.uint8]
Grey = NDArray[np.float32]
Flags = NDArray[np.bool_]
Transform = NDArray[np.float64]

WORKING_SIDE = 1000
"""Pixels to which larger pictures are reduced before anything else."""

FRAME_SIDE = 256
"""Pixels of the frame in which two pictures laid on each other are compared."""


# ── The answer ─────────────────────────────────────────────────────────────────────


class Kind(Enum):
    """What two pictures are to each other, from nearest to farthest."""

    SAME_FILE = "same-file"
    CHANGED = "changed"
    SAME_THING = "same-thing"
    DIFFERENT = "different"

    @property
    def label(self) -> Text:
        """The kind in words."""
        return _LABELS[self]


_LABELS = {
    Kind.SAME_FILE: Text("The very same picture"),
    Kind.CHANGED: Text("Same picture, changed"),
    Kind.SAME_THING: Text("Same thing, other photograph"),
    Kind.DIFFERENT: Text("Different pictures"),
}


@dataclass(frozen=True)
class Region:
    """A box around a place that was changed, in pixels of A; share of A's area, 0 to 1."""

    left: int
    top: int
    width: int
    height: int
    share: float


@dataclass(frozen=True, eq=False)
class PairVerdict:
    """What two pictures are to each other, and why.

    Parameters
    ----------
    kind : Kind
    certain : bool
        False where the evidence does not suffice: then `kind` is the likeliest only.
    because : tuple of Text
        The evidence in words, at most three sentences.
    changes : tuple of Text
        How B was made from A, as far as it can be told, each a short phrase:
        "mirrored left to right". Empty for other kinds than `Kind.CHANGED`.
    regions : tuple of Region
        Places where B differs from A beyond what was done to the whole picture,
        the largest first.
    changed : ndarray of bool, shape (height, width), or None
        Where those places are. It covers the whole of A, at a reduced size.
    changed_share : float
        Their share of A, 0 to 1.
    aligned : ndarray of uint8, shape (height, width, 3), or None
        B laid on A, of the same shape as `changed`; white where B has nothing.
    transform : ndarray of float64, shape (3, 3), or None
        From pixels of A to pixels of B; the centre of the first pixel is (0, 0).
    agreement : float
        Share of the outlines that agree, 0 to 1; about 0.2 for unrelated pictures.
    """

    kind: Kind
    certain: bool
    because: tuple[Text, ...]
    changes: tuple[Text, ...] = ()
    regions: tuple[Region, ...] = ()
    changed: Flags | None = None
    changed_share: float = 0.0
    aligned: RGB | None = None
    transform: Transform | None = None
    agreement: float = 0.0


# ── Geometry: coordinates count from the picture's corner, pixel (0, 0) ends at (1, 1) ──


def _move(x: float, y: float) -> Transform:
    return np.array([[1.0, 0, x], [0, 1, y], [0, 0, 1]])


def _stretch(x: float, y: float) -> Transform:
    return np.diag([x, y, 1.0])


_TO_CORNERS = _move(0.5, 0.5)  # from coordinates that count from the first pixel's centre
_TO_CENTRES = _move(-0.5, -0.5)


def _quarter_turns() -> Iterator[Transform]:
    """The eight ways to lay a unit square on itself, the untouched one first."""
    for across in (1.0, -1.0):
        for turn in range(4):
            cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[turn]
            turned = np.array([[cosine, -sine, 0.0], [sine, cosine, 0], [0, 0, 1]])
            yield _move(0.5, 0.5) @ turned @ _stretch(across, 1) @ _move(-0.5, -0.5)


_WAYS = tuple(_quarter_turns())


@dataclass(frozen=True)
class _Box:
    left: float
    top: float
    width: float
    height: float

    @property
    def from_unit(self) -> Transform:
        return _move(self.left, self.top) @ _stretch(self.width, self.height)

    @property
    def area(self) -> float:
        return self.width * self.height


def _whole(rgb: RGB) -> _Box:
    return _Box(0, 0, rgb.shape[1], rgb.shape[0])


def _places(points: Any, transform: Any) -> NDArray[np.float64]:
    """Points under a transform; NaN at and behind the horizon. Shape (n, 2) in and out."""
    moved = np.column_stack([points, np.ones(len(points))]) @ transform.T
    depth = moved[:, 2:] * np.sign(moved[:, 2].sum() or 1.0)
    shown = np.where(depth > 1e-9, moved[:, 2:], np.nan)
    return np.asarray(moved[:, :2] / shown)


def _corners(box: _Box) -> NDArray[np.float64]:
    right, bottom = box.left + box.width, box.top + box.height
    return np.array(
        [[box.left, box.top], [right, box.top], [right, bottom], [box.left, bottom]], np.float64
    )


def _slope(transform: Transform, box: _Box) -> Transform:
    """The 2 × 2 part that holds in the middle of a box."""
    x, y = box.left + box.width / 2, box.top + box.height / 2
    middle = transform @ (x, y, 1)
    place = middle[:2] / middle[2]
    return np.asarray((transform[:2, :2] - np.outer(place, transform[2, :2])) / middle[2])


# ── Reading pictures ───────────────────────────────────────────────────────────────


def _reduced(rgb: RGB, side: int) -> RGB:
    scale = side / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    size = [max(1, round(length * scale)) for length in rgb.shape[1::-1]]
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _grey(rgb: RGB) -> Grey:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.float32)


def _seen_through(rgb: RGB, transform: Transform, size: tuple[int, int]) -> tuple[RGB, Flags]:
    """The part of a picture that a frame shows, and where the picture fills the frame.

    `transform` leads from the frame to the picture. The picture is reduced first where
    the frame is coarser: warping alone would alias.
    """
    slope = _slope(transform, _Box(0, 0, *size))
    coarser = math.sqrt(abs(np.linalg.det(slope)))
    height, width = rgb.shape[:2]
    if coarser > 1.2:
        size_before = width, height
        width, height = (max(1, round(length / coarser)) for length in size_before)
        rgb = np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        transform = _stretch(width / size_before[0], height / size_before[1]) @ transform
    warp = _TO_CENTRES @ transform @ _TO_CORNERS
    ones = np.ones((height, width), np.uint8)
    inverse = cv2.WARP_INVERSE_MAP
    shown = cv2.warpPerspective(
        rgb, warp, size, flags=cv2.INTER_LINEAR | inverse, borderMode=cv2.BORDER_REPLICATE
    )
    filled = cv2.warpPerspective(ones, warp, size, flags=cv2.INTER_NEAREST | inverse)
    return np.asarray(shown, np.uint8), np.asarray(filled > 0)


_FLAT = 5  # levels that neighbours may differ in a blank area
_BLANK_SHARE = 0.005  # of the picture; smaller flat spots at the edge are no canvas


def _blank(rgb: RGB) -> Flags:
    """Flat areas that touch the picture's edge: canvas, borders, what a turn left empty."""
    smooth = cv2.GaussianBlur(rgb, (0, 0), 1.0)
    square = np.ones((3, 3), np.uint8)
    red, green, blue = cv2.split(
        cv2.subtract(cv2.dilate(smooth, square), cv2.erode(smooth, square))
    )
    # Asked some fifty times for a pair: OpenCV takes the maximum in a fifth of NumPy's time
    flat = (cv2.max(cv2.max(red, green), blue) <= _FLAT).astype(np.uint8)
    count, parts, sizes, _ = cv2.connectedComponentsWithStats(flat, connectivity=4)
    edge = np.zeros(count, np.bool_)
    for strip in (parts[:2], parts[-2:], parts[:, :2], parts[:, -2:]):
        edge[strip] = True
    edge &= sizes[:, cv2.CC_STAT_AREA] >= _BLANK_SHARE * flat.size
    edge[0] = False  # what is not flat
    return np.asarray(edge[parts])


def _content(rgb: RGB) -> _Box:
    """The box inside blank margins; the whole picture if there is hardly anything."""
    small = _reduced(rgb, FRAME_SIDE)
    filled = ~_blank(small)
    rows = np.flatnonzero(filled.mean(axis=1) > 0.02)
    columns = np.flatnonzero(filled.mean(axis=0) > 0.02)
    if len(rows) < 8 or len(columns) < 8:
        return _whole(rgb)
    x, y = rgb.shape[1] / small.shape[1], rgb.shape[0] / small.shape[0]
    return _Box(
        columns[0] * x,
        rows[0] * y,
        (columns[-1] + 1 - columns[0]) * x,
        (rows[-1] + 1 - rows[0]) * y,
    )


# ── B laid on A ────────────────────────────────────────────────────────────────────

_FAINT = 2.0  # grey levels a pixel: weaker gradients are noise
_STRONG = 0.7  # quantile: the strongest 30 per cent of the gradients are the outlines
_DIRECTION = 0.8  # cosine: within 37 degrees; one in five agrees by chance
_RIM = 3  # pixels around blank areas that do not count: a canvas' edge is no evidence
_FEWEST_OUTLINES = 150  # pixels of the frame; fewer prove nothing
_SQUARES = 16  # along the long side of the frame
_FEWEST_CELLS = 6  # squares with outlines: a mere spot proves nothing either


@dataclass(frozen=True, eq=False)
class _Laid:
    """B laid on A, seen in a frame over the part of A that B covers."""

    transform: Transform
    frame: Transform
    a: RGB
    b: RGB
    covered: Flags
    blank_a: Flags
    blank_b: Flags
    used: Flags
    found_a: float  # share of A's outlines found in B
    found_b: float
    outlines: int

    @property
    def size(self) -> tuple[int, int]:
        return self.a.shape[1], self.a.shape[0]

    @property
    def area(self) -> float:
        """Pixels of A in the frame."""
        return float(self.frame[0, 0] * self.frame[1, 1] * self.size[0] * self.size[1])

    @property
    def both(self) -> float:
        """Agreement both ways together, 0 to 2: for telling two ways to lay B apart."""
        return self.found_a + self.found_b

    @property
    def agreement(self) -> float:
        """Share of the outlines that agree, 0 to 1."""
        # An addition leaves A's outlines in B, a removal leaves B's in A
        return max(self.found_a, self.found_b)


def _overlap(a: RGB, b: RGB, transform: Transform) -> _Box | None:
    """The box around what of A lies under B."""
    if abs(np.linalg.det(transform)) < 1e-12:
        return None
    corners = _places(_corners(_whole(b)), np.linalg.inv(transform))
    if not np.isfinite(corners).all():
        return None
    low = np.maximum(corners.min(axis=0), 0)
    size = np.minimum(corners.max(axis=0), a.shape[1::-1]) - low
    return _Box(*low, *size) if size.min() >= 8 else None


def _frame_over(box: _Box, side: int) -> tuple[Transform, tuple[int, int]]:
    scale = min(1.0, side / max(box.width, box.height))
    width, height = max(1, round(box.width * scale)), max(1, round(box.height * scale))
    return box.from_unit @ _stretch(1 / width, 1 / height), (width, height)


def _around(mask: Flags) -> Flags:
    """Pixels near the edge of a mask."""
    square = np.ones((2 * _RIM + 1,) * 2, np.uint8)
    flags = mask.astype(np.uint8)
    return np.asarray(cv2.dilate(flags, square) != cv2.erode(flags, square))


def _gradients(grey: Grey) -> tuple[Grey, Grey, Grey]:
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.0)
    x, y = (cv2.Sobel(smooth, cv2.CV_32F, *order) / 8 for order in ((1, 0), (0, 1)))
    return x, y, np.hypot(x, y)


def _found(strength: Grey, other: Grey, cosine: Grey, used: Flags) -> tuple[float, int]:
    """Share of the outlines of one picture that the other has in the same direction."""
    values = strength[used]
    if len(values) == 0:
        return 0.0, 0
    outlines = used & (strength >= max(_FAINT, float(np.quantile(values, _STRONG))))
    count = int(outlines.sum())
    rows, columns = np.nonzero(outlines)
    side = max(1, max(outlines.shape) // _SQUARES)
    cells = np.count_nonzero(np.bincount(rows // side * max(outlines.shape) + columns // side))
    if count < _FEWEST_OUTLINES // 4 or cells < _FEWEST_CELLS:
        return 0.0, 0
    ratio = other[outlines] / strength[outlines]
    agree = (cosine[outlines] > _DIRECTION) & (ratio > 0.25 * np.median(ratio))
    return float(agree.mean()), count


def _laid(a: RGB, b: RGB, transform: Transform, side: int = FRAME_SIDE) -> _Laid | None:
    """Lay B on A; None if they would hardly overlap."""
    box = _overlap(a, b, transform)
    if box is None:
        return None
    frame, size = _frame_over(box, side)
    if min(size) < 8:
        return None
    part_of_a, _ = _seen_through(a, frame, size)
    part_of_b, covered = _seen_through(b, transform @ frame, size)
    blank_a, blank_b = _blank(part_of_a), _blank(part_of_b) & covered
    used = covered & ~(blank_a & blank_b)
    used &= ~(_around(blank_a) | _around(blank_b) | _around(covered))
    used[:2] = used[-2:] = False
    used[:, :2] = used[:, -2:] = False
    ax, ay, a_strength = _gradients(_grey(part_of_a))
    bx, by, b_strength = _gradients(_grey(part_of_b))
    cosine = (ax * bx + ay * by) / np.maximum(a_strength * b_strength, 1e-6)
    found_a, outlines_a = _found(a_strength, b_strength, cosine, used)
    found_b, outlines_b = _found(b_strength, a_strength, cosine, used)
    return _Laid(
        transform,
        frame,
        part_of_a,
        part_of_b,
        covered,
        blank_a,
        blank_b,
        used,
        found_a,
        found_b,
        max(outlines_a, outlines_b),
    )


# ── Finding how B lies on A ────────────────────────────────────────────────────────

_COARSE_SIDE = 96  # pixels of the frame in which the ways to lay B on A are tried first
_TRIED = 2  # best coarse ways that are looked at closely
_SETTLED = 0.9  # agreement from which no other way need be tried
_STEPS = 20  # of the refinement; it stops earlier where nothing moves any more


def _shifted(a: RGB, b: RGB, transform: Transform) -> Transform:
    """Better a way by a shift, by phase correlation (Kuglin and Hines 1975)."""
    frame, size = _frame_over(_whole(a), _COARSE_SIDE)
    if min(size) < 8:
        return transform
    grey_a = _grey(_seen_through(a, frame, size)[0])
    part_of_b, covered = _seen_through(b, transform @ frame, size)
    grey_b = _grey(part_of_b) * covered
    window = cv2.createHanningWindow(size, cv2.CV_32F)
    shift, _ = cv2.phaseCorrelate(grey_a - grey_a.mean(), grey_b - grey_b.mean(), window)
    return np.asarray(transform @ frame @ _move(*shift) @ np.linalg.inv(frame))


def _refined(laid: _Laid, a: RGB, b: RGB, bent: bool) -> _Laid:
    """Move B until it correlates best with A; the same if that betters nothing.

    ECC of Evangelidis and Psarakis (2008), doi:10.1109/TPAMI.2008.113.
    """
    start = np.eye(3, dtype=np.float32)[: 3 if bent else 2]
    motion = cv2.MOTION_HOMOGRAPHY if bent else cv2.MOTION_AFFINE
    criteria = cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, _STEPS, 1e-3
    mask = (laid.covered & ~laid.blank_b).astype(np.uint8)
    try:
        _, step = cv2.findTransformECC(
            _grey(laid.a), _grey(laid.b), start, motion, criteria, mask, 5
        )
    except cv2.error:  # its answer where the two do not correlate at all
        return laid
    square = np.vstack([step, [0, 0, 1]]) if len(step) == 2 else step
    transform = laid.transform @ laid.frame @ _TO_CORNERS @ square @ _TO_CENTRES
    side = max(laid.size)
    better = _laid(a, b, transform @ np.linalg.inv(laid.frame), side)
    return better if better is not None and better.agreement >= laid.agreement else laid


def _coarse_ways(a: RGB, b: RGB) -> list[Transform]:
    """Ways to lay B on A without looking for details, the best first."""
    small_a, small_b = (_reduced(rgb, 2 * _COARSE_SIDE) for rgb in (a, b))
    enlarge, reduce = _between(small_b, b), _between(a, small_a)
    return [enlarge @ way @ reduce for way in _ways_of_small(small_a, small_b)]


def _between(rgb: RGB, other: RGB) -> Transform:
    return _stretch(other.shape[1] / rgb.shape[1], other.shape[0] / rgb.shape[0])


def _ways_of_small(a: RGB, b: RGB) -> list[Transform]:
    boxes = [(_whole(a), _whole(b))]
    inner = _content(a), _content(b)
    if inner != boxes[0]:
        boxes.append(inner)
    tried: list[tuple[float, Transform]] = []
    for box_a, box_b in boxes:
        for way in _WAYS:
            plain = box_b.from_unit @ way @ np.linalg.inv(box_a.from_unit)
            for transform in (plain, _shifted(a, b, plain)):
                laid = _laid(a, b, transform, _COARSE_SIDE)
                if laid is not None:
                    tried.append((laid.agreement, transform))
                    if laid.agreement > _SETTLED and laid.outlines > _FEWEST_OUTLINES:
                        return [transform]
    tried.sort(key=lambda one: -one[0])
    return [transform for _, transform in tried[:_TRIED]]


_STRAYED = 0.6  # of the area of A under B; what shrinks more has lost its way
_LEAST_OVERLAP = 0.3  # of A; smaller parts are left to the matching details
_ENLARGED = 6.0  # times; a spot blown up beyond has no outlines of its own


def _best_by_trying(a: RGB, b: RGB) -> _Laid | None:
    refined = []
    for transform in _coarse_ways(a, b):
        start = _laid(a, b, transform)
        if start is None or not _is_worth_it(start, a):
            continue
        end = _refined(_refined(start, a, b, bent=False), a, b, bent=False)
        refined.append(end if end.area > _STRAYED * start.area else start)
    return max(refined, key=lambda laid: laid.agreement, default=None)


def _is_worth_it(laid: _Laid, a: RGB) -> bool:
    slope = _slope(laid.transform, _Box(0, 0, *laid.size))
    growth = math.sqrt(abs(np.linalg.det(slope)))
    return 1 / _ENLARGED < growth < _ENLARGED and laid.area > _LEAST_OVERLAP * _whole(a).area


def _best_by_details(a: RGB, b: RGB, match: MatchResult, to_b: Transform) -> _Laid | None:
    """Lay B on A as the matching details say; `to_b` leads from A to B."""
    if not match.sane:
        return None
    laid = _laid(a, b, to_b)
    return None if laid is None else _refined(laid, a, b, bent=True)


# ── Edit or another camera position? ───────────────────────────────────────────────

_FINE_SIDE = 512  # pixels of the frame in which perspective is measured


def _bend_of(laid: _Laid) -> float:
    """How far from any stretch and turn B lies on A: share of the frame's long side.

    An edit moves straight lines in step; only another camera position makes one end of a
    picture larger than the other.
    """
    across, down = np.meshgrid(*(np.linspace(0, length, 9) for length in laid.size))
    places = np.column_stack([across.ravel(), down.ravel()])
    seen = _places(places, laid.transform @ laid.frame)
    if not np.isfinite(seen).all():
        return math.inf
    known = np.column_stack([places, np.ones(len(places))])
    stretch, *_ = np.linalg.lstsq(known, seen, rcond=None)
    growth = math.sqrt(max(abs(np.linalg.det(stretch[:2])), 1e-12))
    off = np.linalg.norm(seen - known @ stretch, axis=1).max()
    return float(off / growth / max(laid.size))


def _unbent(laid: _Laid) -> Transform:
    """The stretch and turn nearest to how B lies on A."""
    corners = _corners(_Box(0, 0, *laid.size))
    seen = _places(corners, laid.transform @ laid.frame)
    known = np.column_stack([corners, np.ones(4)])
    stretch, *_ = np.linalg.lstsq(known, seen, rcond=None)
    straight = np.vstack([stretch.T, [0, 0, 1]])
    return np.asarray(straight @ np.linalg.inv(laid.frame))


def _straight_and_bent(a: RGB, b: RGB, laid: _Laid) -> tuple[_Laid, _Laid] | None:
    """B laid on A finely, as an edit may do it, and with perspective free."""
    straight = _laid(a, b, _unbent(laid), _FINE_SIDE)
    if straight is None:
        return None
    straight = _refined(straight, a, b, bent=False)
    bent = _refined(straight, a, b, bent=True)
    again = _laid(a, b, _unbent(bent), _FINE_SIDE)
    if again is not None and again.both > straight.both:
        straight = again
    return straight, bent


_NEARLY_PLAIN = 0.02  # of the long side
_HARDLY_WORSE = 0.1  # of agreement, both ways together


def _in_place(a: RGB, b: RGB, laid: _Laid) -> _Laid | None:
    """B's frame laid on A's to the pixel, mirrored or turned perhaps, if that fits as well.

    No second photograph lies so: in five edits each of 12 kinds this cost 0.05 of agreement
    at most, where large pixels had drawn B aside; in the five pairs of photographs from the
    same spot, 0.87 at least.
    """
    whole_a, whole_b = _whole(a), _whole(b)
    corners = _corners(whole_a)
    seen = _places(corners, laid.transform)
    for way in _WAYS:
        plain = whole_b.from_unit @ way @ np.linalg.inv(whole_a.from_unit)
        off = np.linalg.norm(_places(corners, plain) - seen, axis=1).max()
        if off < _NEARLY_PLAIN * max(b.shape[:2]):
            placed, fine = (_laid(a, b, each, _FINE_SIDE) for each in (plain, laid.transform))
            if placed is None or fine is None:
                return None
            return placed if fine.both - placed.both < _HARDLY_WORSE else None
    return None


# ── What was changed ───────────────────────────────────────────────────────────────

_DRAWN_SIDE = 384  # pixels of A's reduced copy on which changes are sought and drawn
_DISAGREES = 0.8  # correlation around a pixel; a region that was not touched stays above
_TEXTURED = 6.0  # grey levels around a pixel, below which correlation says nothing
_LEAST_RESIDUE = 20.0  # levels by which a changed region differs at least
_RESIDUE = 4.0  # and times the median, which grain and compression raise
_LEAST_REGION = 0.002  # of A; smaller specks are not counted
_CANVAS = 0.03  # of A, blank in B alone, from which it is a canvas that B was laid on


@dataclass(frozen=True, eq=False)
class _Sheet:
    """A's reduced copy, and B laid on all of it."""

    a: RGB
    b: RGB
    kept: Flags  # where B shows something of A
    common: Flags  # where both can be compared
    changed: Flags
    regions: tuple[Region, ...]


def _least_squares(known: Grey, wanted: Grey) -> Grey:
    """Weights from the normal equations: a few columns only, and quicker than lstsq."""
    steady = 1e-2 * np.eye(known.shape[1])  # grey pictures have equal columns
    square = known.T.astype(np.float64) @ known + steady
    return np.asarray(np.linalg.solve(square, known.T.astype(np.float64) @ wanted), np.float32)


def _colours_explained(a: RGB, b: RGB, where: Flags) -> NDArray[np.float32]:
    """A with the colours that B would have, had only its colours and light been changed.

    A fit of each channel on A's colours, their squares and their extremes (which a turn of
    hues follows), blind to the worst third of the pixels.
    """
    levels = a.reshape(-1, 3).astype(np.float32) / 255
    known = np.column_stack(
        [levels, levels**2, levels.max(axis=1), levels.min(axis=1), np.ones(len(levels))]
    ).astype(np.float32)
    wanted = b.reshape(-1, 3).astype(np.float32)
    chosen = np.flatnonzero(where.ravel())
    chosen = chosen[:: max(1, len(chosen) // 4000)]
    weights = np.zeros((known.shape[1], 3), np.float32)
    best = chosen
    for _ in range(4):
        weights = _least_squares(known[best], wanted[best])
        residue = np.abs(known[chosen] @ weights - wanted[chosen]).sum(axis=1)
        best = chosen[residue <= np.quantile(residue, 0.67)]
    return np.asarray(np.clip(known @ weights, 0, 255).reshape(a.shape), np.float32)


def _local_correlation(a: Grey, b: Grey, sigma: float) -> tuple[Grey, Grey]:
    """Correlation of the neighbourhoods, and how much either varies, in grey levels."""

    def around(values: Grey) -> Grey:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), np.float32)

    mean_a, mean_b = around(a), around(b)
    spread_a = np.sqrt(np.maximum(around(a * a) - mean_a**2, 0))
    spread_b = np.sqrt(np.maximum(around(b * b) - mean_b**2, 0))
    together = around(a * b) - mean_a * mean_b
    return together / np.maximum(spread_a * spread_b, 1), np.maximum(spread_a, spread_b)


def _changed_pixels(a: RGB, b: RGB, common: Flags) -> Flags:
    if common.sum() < _FEWEST_OUTLINES:
        return np.zeros_like(common)
    expected = _colours_explained(a, b, common)
    off = np.abs(cv2.GaussianBlur(b, (0, 0), 1.5) - cv2.GaussianBlur(expected, (0, 0), 1.5))
    residue = off.max(axis=2)
    least = max(_LEAST_RESIDUE, _RESIDUE * float(np.median(residue[common])))
    correlation, texture = _local_correlation(_grey(a), _grey(b), 4)
    unlike = (correlation < _DISAGREES) | (texture < _TEXTURED)
    changed = (residue > least) & unlike & common
    square = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    return np.asarray(cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_CLOSE, square) > 0)


def _regions(changed: Flags, to_a: Transform) -> tuple[Flags, tuple[Region, ...]]:
    """Keep what is large enough, and box it in pixels of A, the largest first."""
    count, parts, sizes, _ = cv2.connectedComponentsWithStats(changed.astype(np.uint8))
    area = sizes[:, cv2.CC_STAT_AREA]
    kept = [part for part in range(1, count) if area[part] >= _LEAST_REGION * changed.size]
    kept.sort(key=lambda part: -area[part])
    x, y = to_a[0, 0], to_a[1, 1]
    boxes = tuple(
        Region(
            left=round(float(sizes[part, cv2.CC_STAT_LEFT] * x)),
            top=round(float(sizes[part, cv2.CC_STAT_TOP] * y)),
            width=max(1, round(float(sizes[part, cv2.CC_STAT_WIDTH] * x))),
            height=max(1, round(float(sizes[part, cv2.CC_STAT_HEIGHT] * y))),
            share=float(area[part] / changed.size),
        )
        for part in kept
    )
    return np.asarray(np.isin(parts, kept)), boxes


def _sheet(picture: Picture, a: RGB, b: RGB, transform: Transform, untouched: bool) -> _Sheet:
    """Lay B on all of A and find the places that differ.

    What a turn, a shift or a border left blank is not there rather than changed; only
    where B fills A's frame exactly (`untouched`) is blank a colour like any other.
    """
    frame, size = _frame_over(_whole(a), _DRAWN_SIDE)
    part_of_a, _ = _seen_through(a, frame, size)
    part_of_b, covered = _seen_through(b, transform @ frame, size)
    common = kept = covered
    if not untouched:
        blank_a, blank_b = _blank(part_of_a), _blank(part_of_b)
        lost = covered & blank_b & ~blank_a
        # A soft background looks blank here and there: only a canvas is larger
        kept = covered & ~lost if lost.mean() > _CANVAS else covered
        empty = blank_a | blank_b
        rim = np.ones((5, 5), np.uint8)
        common = covered & ~np.asarray(cv2.dilate(empty.astype(np.uint8), rim) > 0)
    inner = cv2.erode(common.astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=1) > 0
    changed = _changed_pixels(part_of_a, part_of_b, np.asarray(inner))
    to_a = _stretch(picture.width / size[0], picture.height / size[1])
    changed, regions = _regions(changed, to_a)
    shown = np.where(covered[..., None], part_of_b, 255).astype(np.uint8)
    return _Sheet(part_of_a, shown, kept, common, changed, regions)


# ── How it was changed, in words ───────────────────────────────────────────────────

_SMALLEST_TURN = 0.7  # degrees
_SMALLEST_GROWTH = 0.02
_SMALLEST_CUT = 0.02  # of the area
_LIGHT = 5.0  # grey levels on average
_COLOURLESS = 3.0  # levels between the strongest and the weakest channel, on average
_COLOURED = 6.0
_WARMTH = 3.0  # of b* in CIELAB, on average
_HUES = 0.85  # cosine between the colours of A and B around grey


def _how_moved(picture_a: Picture, picture_b: Picture, to_b: Transform) -> Iterator[Text]:
    slope = _slope(to_b, _Box(0, 0, picture_a.width, picture_a.height))
    mirrored = np.linalg.det(slope) < 0
    upright = slope * (-1, 1) if mirrored else slope
    turn = math.degrees(math.atan2(upright[1, 0] - upright[0, 1], upright[0, 0] + upright[1, 1]))
    if mirrored and abs(turn) > 135:
        yield Text("mirrored top to bottom")
        turn -= math.copysign(180, turn)
    elif mirrored:
        yield Text("mirrored left to right")
    if abs(turn) > 179:
        yield Text("turned upside down")
    elif turn > _SMALLEST_TURN:
        yield Text("turned clockwise by {degrees}°", degrees=round(turn))
    elif turn < -_SMALLEST_TURN:
        yield Text("turned anticlockwise by {degrees}°", degrees=round(-turn))
    wider, taller = np.linalg.norm(upright, axis=0)
    growth = math.sqrt(wider * taller)
    if abs(math.log(wider / taller)) > _SMALLEST_GROWTH:
        yield Text("stretched")
    if abs(growth - 1) > _SMALLEST_GROWTH:
        yield Text("resized to {percent} %", percent=round(100 * growth))
    same_canvas = (picture_a.width, picture_a.height) == (picture_b.width, picture_b.height)
    still = not mirrored and abs(turn) <= _SMALLEST_TURN and abs(growth - 1) < 0.01
    x, y = to_b[:2, 2] / to_b[2, 2]
    if same_canvas and still and math.hypot(x, y) > 1.2:
        yield Text("moved by {pixels} px", pixels=round(max(abs(x), abs(y))))


def _how_cut(sheet: _Sheet, b: RGB, to_a: Transform, a: RGB, changes: list[Text]) -> Iterator[Text]:
    frame, size = _frame_over(_whole(b), FRAME_SIDE)
    part_of_b, _ = _seen_through(b, frame, size)
    _, under_a = _seen_through(a, to_a @ frame, size)
    beyond, blank = ~under_a, _blank(part_of_b)
    kept = float(sheet.kept.mean())
    moved_only = (
        any("moved" in change.template or "turned" in change.template for change in changes)
        and kept > 0.8
    )  # corners and edges lost on the way
    if kept < 1 - _SMALLEST_CUT and not moved_only:
        yield Text("cropped to {percent} %", percent=max(1, round(100 * min(kept, 1))))
    empty = float((beyond & blank).mean())
    more = float((beyond & ~blank).mean())
    if empty > _SMALLEST_CUT and empty >= more and not moved_only:
        yield Text("put on a larger canvas")
    elif more > 2 * _SMALLEST_CUT:
        yield Text("shown with more around it")


def _how_lit(a: RGB, b: RGB, where: Flags) -> Iterator[Text]:
    if where.sum() < _FEWEST_OUTLINES:
        return
    first, second = (_grey(rgb)[where] for rgb in (a, b))
    brighter = float(second.mean() - first.mean())
    if brighter > _LIGHT:
        yield Text("made brighter")
    elif brighter < -_LIGHT:
        yield Text("made darker")
    contrast = float(second.std() / max(first.std(), 1.0))
    if contrast < 0.8:
        yield Text("with less contrast")
    elif contrast > 1.25:
        yield Text("with more contrast")


def _how_coloured(a: RGB, b: RGB, where: Flags) -> Iterator[Text]:
    if where.sum() < _FEWEST_OUTLINES:
        return
    a, b = (np.asarray(cv2.GaussianBlur(rgb, (0, 0), 2), np.uint8) for rgb in (a, b))  # no grain
    strength_a, strength_b = (
        float((rgb.max(axis=2).astype(np.float32) - rgb.min(axis=2))[where].mean())
        for rgb in (a, b)
    )
    if strength_a < _COLOURLESS and strength_b < _COLOURLESS:
        return
    if strength_a > _COLOURED and strength_b < _COLOURLESS:
        yield Text("made grey")
        return
    if strength_b > _COLOURED and strength_a < _COLOURLESS:
        yield Text("coloured")
        return
    lab_a, lab_b = (
        cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[where][:, 1:]
        for rgb in (a, b)
    )
    along = float((lab_a * lab_b).sum())
    if along < _HUES * math.sqrt(float((lab_a**2).sum() * (lab_b**2).sum())):
        yield Text("in other hues")
        return
    # Warmth is what a grey place gets; what coloured places get beyond that is loudness
    centre_a, centre_b = lab_a.mean(axis=0), lab_b.mean(axis=0)
    spread = float(((lab_a - centre_a) ** 2).sum())
    louder = float(((lab_a - centre_a) * (lab_b - centre_b)).sum()) / max(spread, 1.0)
    warmer = float((centre_b - louder * centre_a)[1])
    if warmer > _WARMTH:
        yield Text("in warmer colours")
    elif warmer < -_WARMTH:
        yield Text("in cooler colours")
    elif louder > 1.25:
        yield Text("in louder colours")
    elif louder < 0.75:
        yield Text("in fainter colours")


def _how_sharp(fine: _Laid) -> Iterator[Text]:
    """Compare the finest detail, measured against the coarser that any copy keeps."""
    correlation, _ = _local_correlation(_grey(fine.a), _grey(fine.b), 4)
    where = fine.used & (correlation > 0.9)  # what was laid over is no sharpness
    if where.sum() < _FEWEST_OUTLINES:
        return
    shares = []
    for rgb in (fine.a, fine.b):
        grey = _grey(rgb)
        smooth, smoother = (cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in (1.0, 4.0))
        detail = float(np.abs(grey - smooth)[where].mean())
        shares.append(detail / max(float(np.abs(smooth - smoother)[where].mean()), 0.5))
    ratio = (shares[1] + 0.02) / (shares[0] + 0.02)
    if ratio < 0.75:
        yield Text("blurred, or saved with less detail")
    elif ratio > 1.35:
        yield Text("grainier or sharper")


# ── Deciding ───────────────────────────────────────────────────────────────────────

_ALIKE = 0.6
"""Agreement from which B truly lies on A. 240 unrelated pairs, 90 of them on white canvases:
0.55 at most, half of them under 0.25; copies by 22 of 23 damages: 0.7 at least."""

_ALIKE_COARSELY = 0.85
"""The same in the coarse frame, where large pixels lose to the fine one. Unrelated: 0.64 at
most; pixels of 9 in a picture of 320: 0.88 at least."""

_UNLIKE = 0.42
"""Agreement up to which B surely does not lie on A: 2 of 240 unrelated pairs exceed it."""

_BENT = 0.0008
"""Share of the long side. Second photographs of flat scenes: 0.0012 to 0.16; a zoom about the
lens, which has no perspective of its own: 0; edits that keep detail: 0.0006 at most."""

_BENT_BETTER = 0.002
"""By which perspective must raise the agreement, both ways together; second photographs gain
0.004 at least."""

_SURELY_BENT = 0.006
"""Edits that moved, turned and blurred a picture: 0.0036 at most."""

_CLEAR = 1.85
"""Agreement both ways from which fine detail was not lost, so that small bends are real."""

_ALL_DETAIL = 1.95
"""Agreement both ways of a turned copy that lost no detail: 1.98 at least."""

_BENT_MUCH_BETTER = 0.01
"""Gain from which a small bend is believed though detail was lost; 144 edits: 0.01 at most."""

_PARALLAX = 0.75
"""Agreement that an edit exceeds one way at least, since what it adds or takes away leaves the
outlines of one picture in the other; two views of one motorcycle: 0.65."""

_SPOT = 0.02  # of a picture; details agreeing within so little prove no common thing
_FEW_DETAILS = 9  # SIFT; up to 6 agree in unrelated pictures
_MANY_DETAILS = 18
_NEARLY_EQUAL = 16.0  # levels anywhere, for pictures that are hardly more than one colour
_SAME_SHAPE = 0.95  # correlation, for pictures that are a small shape on plain ground
_TINY = 32  # pixels of either side, when those are compared

_PARALLAX_SEEN = Text(
    "Near and far parts have moved differently: the camera or the thing itself moved."
)


def _perspective(bend: float) -> Text:
    return Text(
        "Their perspectives differ by up to {percent} % of the picture: the camera stood "
        "elsewhere, and no edit does that.",
        percent=f"{100 * bend:.1f}",
    )


def _details_agree(match: MatchResult) -> Text:
    return Text("{count} details of A lie in the same arrangement in B.", count=match.agreeing)


def pair_verdict(a: Picture, b: Picture, memory: Memory) -> PairVerdict:
    """Tell what two pictures are to each other.

    Parameters
    ----------
    a, b : Picture
    memory : Memory
        Keeps the verdict, and the matching details if they had to be sought.

    Returns
    -------
    PairVerdict
        Places and shares refer to A; swapping the pictures swaps the roles.
    """
    return memory.recall(("verdict", a.digest, b.digest), lambda: _verdict(a, b, memory))


def _verdict(a: Picture, b: Picture, memory: Memory) -> PairVerdict:
    same = sameness(a, b)
    if same is not Sameness.DIFFERENT:
        return PairVerdict(Kind.SAME_FILE, True, (same.value,), transform=np.eye(3), agreement=1.0)
    return _Inquiry(a, b, memory).verdict()


class _Inquiry:
    """The evidence about one pair, gathered only as far as it is needed."""

    def __init__(self, a: Picture, b: Picture, memory: Memory) -> None:
        self.picture_a, self.picture_b = a, b
        self.memory = memory
        self.a, self.b = _reduced(a.rgb, WORKING_SIDE), _reduced(b.rgb, WORKING_SIDE)
        self.reduce_a, self.reduce_b = (
            _stretch(small.shape[1] / picture.width, small.shape[0] / picture.height)
            for small, picture in ((self.a, a), (self.b, b))
        )
        self.laid: _Laid | None = None
        self.coarse = 0.0
        self.match: MatchResult | None = None

    def verdict(self) -> PairVerdict:
        self._look(_best_by_trying(self.a, self.b))
        if self.laid is None or self.laid.agreement < _SETTLED:
            self._look(_best_by_details(self.a, self.b, self._details(), self._by_details()))
        laid = self.laid
        if laid is None or laid.outlines < _FEWEST_OUTLINES:
            return self._hardly_anything()
        if laid.agreement >= _ALIKE or self.coarse >= _ALIKE_COARSELY:
            return self._alike(laid)
        return self._negative() or self._unlike(laid)

    # ── Gathering ──

    def _look(self, laid: _Laid | None) -> None:
        """Keep the better way to lay B on A."""
        if laid is None or (self.laid is not None and laid.agreement <= self.laid.agreement):
            return
        coarse = _laid(self.a, self.b, laid.transform, _COARSE_SIDE)
        self.laid, self.coarse = laid, coarse.agreement if coarse is not None else 0.0

    def _details(self) -> MatchResult:
        if self.match is None:
            method = method_by_id("sift")
            options = method.options()
            first, second = (
                self.memory.describe(method, options, picture)
                for picture in (self.picture_a, self.picture_b)
            )
            self.match = verified_match(first, second, options)
        return self.match

    def _by_details(self) -> Transform:
        homography = self._details().homography
        if homography is None:
            return np.eye(3)
        original = _TO_CORNERS @ homography @ _TO_CENTRES
        return np.asarray(self.reduce_b @ original @ np.linalg.inv(self.reduce_a))

    def _original(self, transform: Transform) -> Transform:
        """From pixels of A to pixels of B, by the centres of the pixels."""
        full = np.linalg.inv(self.reduce_b) @ transform @ self.reduce_a
        moved = _TO_CENTRES @ full @ _TO_CORNERS
        return np.asarray(moved / moved[2, 2])

    # ── The kinds ──

    def _alike(self, laid: _Laid) -> PairVerdict:
        placed = _in_place(self.a, self.b, laid)
        if placed is not None:
            return self._copy(laid, placed, certain=True)
        finely = _straight_and_bent(self.a, self.b, laid)
        if finely is None:
            return self._copy(laid, laid, certain=False)
        straight, bent = finely
        bend, gain = _bend_of(bent), bent.both - straight.both
        seems_bent = bend > _BENT and gain > _BENT_BETTER
        if seems_bent and (bend > _SURELY_BENT or straight.both > _CLEAR):
            return self._other_photograph(laid, _perspective(bend), bend > 2 * _BENT)
        if seems_bent and gain > _BENT_MUCH_BETTER:
            return self._other_photograph(laid, _perspective(bend), certain=False)
        if self._has_parallax(laid):
            return self._other_photograph(laid, _PARALLAX_SEEN)
        certain = self._is_certain_copy(laid) and not seems_bent
        return self._copy(laid, straight, certain and not self._may_be_zoomed(straight))

    def _has_parallax(self, laid: _Laid) -> bool:
        # Whatever an edit adds or takes away, the outlines of one picture stay in the other
        return max(laid.found_a, laid.found_b) < _PARALLAX and self.coarse < _ALIKE_COARSELY

    def _is_certain_copy(self, laid: _Laid) -> bool:
        return laid.agreement >= _PARALLAX or self.coarse >= _SETTLED

    def _may_be_zoomed(self, straight: _Laid) -> bool:
        """Whether the camera may have turned and zoomed about its lens, as nothing bends then.

        A turned copy either has blank corners or, cut from a larger one, all its detail.
        """
        slope = _slope(straight.transform, _whole(self.a))
        askew = math.degrees(math.atan2(slope[1, 0], slope[0, 0])) % 90
        if min(askew, 90 - askew) < _SMALLEST_TURN or straight.both > _ALL_DETAIL:
            return False
        corners = [0, 0, -1, -1], [0, -1, 0, -1]
        blank = (_blank(_reduced(rgb, FRAME_SIDE))[corners].all() for rgb in (self.a, self.b))
        return not any(blank)

    def _copy(self, laid: _Laid, straight: _Laid, certain: bool) -> PairVerdict:
        transform = straight.transform
        to_b = self._original(transform)
        sheet = _sheet(self.picture_a, self.a, self.b, transform, self._fills(transform))
        changes = list(_how_moved(self.picture_a, self.picture_b, to_b))
        back = np.asarray(np.linalg.inv(transform), np.float64)
        changes += _how_cut(sheet, self.b, back, self.a, changes)
        calm = sheet.common & ~sheet.changed
        changes += _how_lit(sheet.a, sheet.b, calm)
        changes += _how_coloured(sheet.a, sheet.b, calm)
        changes += _how_sharp(straight)
        if not changes and not sheet.regions:
            changes.append(Text("saved anew, with hardly visible changes"))
        share = float(sheet.changed.mean())
        because = [self._outlines_agree(laid)]
        if sheet.regions:
            because.append(
                Text(
                    "Places that differ beyond that: {count}, together {percent} % of A.",
                    count=len(sheet.regions),
                    percent=f"{100 * share:.1f}",
                )
            )
        if not certain:
            because.append(Text("It may also be another photograph of the same thing."))
        return PairVerdict(
            kind=Kind.CHANGED,
            certain=certain,
            because=tuple(because),
            changes=tuple(changes),
            regions=sheet.regions,
            changed=sheet.changed,
            changed_share=share,
            aligned=sheet.b,
            transform=to_b,
            agreement=max(laid.agreement, self.coarse),
        )

    def _negative(self) -> PairVerdict | None:
        """A copy with light and dark swapped, which reverses every outline."""
        reversed_b = np.asarray(255 - self.b, np.uint8)
        stretch = _whole(self.b).from_unit @ np.linalg.inv(_whole(self.a).from_unit)
        laid = _laid(self.a, reversed_b, stretch)
        if laid is None or laid.agreement < _SETTLED or laid.outlines < _FEWEST_OUTLINES:
            return None
        return PairVerdict(
            kind=Kind.CHANGED,
            certain=True,
            because=(self._outlines_agree(laid),),
            changes=(Text("light and dark swapped, like a negative"),),
            aligned=_reduced(self.b, _DRAWN_SIDE),
            transform=self._original(stretch),
            agreement=laid.agreement,
        )

    def _fills(self, transform: Transform) -> bool:
        """Whether B's frame lies on A's to the pixel, mirrored or turned perhaps."""
        corners = _places(_corners(_whole(self.a)), transform)
        height, width = self.b.shape[:2]
        off = np.minimum(np.abs(corners), np.abs(corners - (width, height)))
        return bool(off.max() < 1)

    def _outlines_agree(self, laid: _Laid) -> Text:
        return Text(
            "With B laid on A, {percent} % of the outlines agree; by chance it is about 20 %.",
            percent=round(100 * max(laid.agreement, self.coarse if laid is self.laid else 0)),
        )

    def _other_photograph(self, laid: _Laid, why: Text, certain: bool = True) -> PairVerdict:
        because = [self._outlines_agree(laid), why]
        if self.match is not None and self.match.sane:
            because.insert(0, _details_agree(self.match))
        frame, size = _frame_over(_whole(self.a), _DRAWN_SIDE)
        shown, covered = _seen_through(self.b, laid.transform @ frame, size)
        return PairVerdict(
            kind=Kind.SAME_THING,
            certain=certain,
            because=tuple(because),
            aligned=np.where(covered[..., None], shown, 255).astype(np.uint8),
            transform=self._original(laid.transform),
            agreement=laid.agreement,
        )

    def _unlike(self, laid: _Laid) -> PairVerdict:
        match = self._details()
        if match.sane and self._spot(match) >= _SPOT:
            return self._other_photograph(laid, _PARALLAX_SEEN, match.count >= _MANY_DETAILS)
        if match.agreeing >= _FEW_DETAILS and not match.sane:
            return PairVerdict(
                kind=Kind.SAME_THING,
                certain=False,
                because=(
                    _details_agree(match),
                    Text("That is more than unrelated pictures share, but too few to be sure."),
                ),
                agreement=laid.agreement,
            )
        details = (
            Text("Details agree in one small spot only.")
            if match.sane
            else Text("No details lie in the same arrangement, beyond what chance brings.")
        )
        return PairVerdict(
            kind=Kind.DIFFERENT,
            certain=laid.agreement <= _UNLIKE,
            because=(
                Text(
                    "However B is laid on A, at most {percent} % of the outlines agree; "
                    "by chance it is about 20 %.",
                    percent=round(100 * laid.agreement),
                ),
                details,
            ),
            agreement=laid.agreement,
        )

    def _spot(self, match: MatchResult) -> float:
        """Share of the picture over which the agreeing details spread, the smaller of both."""
        shares = []
        for points, picture in (
            (match.points_a, self.picture_a),
            (match.points_b, self.picture_b),
        ):
            hull = cv2.convexHull(np.asarray(points[match.verified], np.float32))
            shares.append(cv2.contourArea(hull) / (picture.width * picture.height))
        return float(min(shares))

    def _hardly_anything(self) -> PairVerdict:
        """Judge pictures without outlines by their plain pixels, and never be certain."""
        a, b = (
            cv2.resize(rgb, (_TINY, _TINY), interpolation=cv2.INTER_AREA).astype(np.float32)
            for rgb in (self.a, self.b)
        )
        off = float(np.abs(a - b).mean())
        alike = float(np.abs(a - b).max()) < _NEARLY_EQUAL or _is_same_shape(a, b)
        return PairVerdict(
            kind=Kind.CHANGED if alike else Kind.DIFFERENT,
            certain=False,
            because=(
                Text("There is too little in the pictures to compare: hardly any outlines."),
                Text("Their colours differ by {levels} of 255 levels.", levels=round(off)),
            ),
            agreement=0.0,
        )


def _is_same_shape(a: Grey, b: Grey) -> bool:
    """Whether what stands out from plain ground is the same, mirrored or turned perhaps."""
    first, second = (values - cv2.GaussianBlur(values, (0, 0), 4) for values in (a, b))
    if min(first.std(), second.std()) < 1:
        return False
    turns = [np.rot90(way, turn) for way in (second, second[:, ::-1]) for turn in range(4)]
    return any(np.corrcoef(first.ravel(), turn.ravel())[0, 1] > _SAME_SHAPE for turn in turns)
