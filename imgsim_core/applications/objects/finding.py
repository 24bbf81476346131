"""Find an object in a scene: where it lies, how often, how turned, or that it is not there."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.applications.objects import details
from imgsim_core.applications.objects.details import Candidates, Details
from imgsim_core.applications.objects.placing import Place, best_place
from imgsim_core.errors import BadBox
from imgsim_core.memory import Memory
from imgsim_core.method import Method
from imgsim_core.methods.keypoints import MatchResult, outline_of, verified_match
from imgsim_core.picture import Picture
from imgsim_core.registry import method_by_id
from imgsim_core.text import Text, UserText

Box = tuple[float, float, float, float]

FEWEST = 12
"""Details that must agree before something counts as found."""

SMALLEST_BOX = 24  # pixels of either side

_FEW_DETAILS = 30  # of an object: from here up it can be told from others
_MOST_FINDS = 20
_MOST_TRIES = 40
_OVERLAP = 0.3  # of the smaller of two outlines: more is the same thing seen twice
_INSIDE = 0.3  # of an outline's area that must lie in the scene


@dataclass(frozen=True, eq=False)
class Find:
    """One place where the object was found.

    Parameters
    ----------
    outline : ndarray of float32, shape (4, 2)
        The object's corners in pixels of the scene, from its top left clockwise.
    homography : ndarray of float64, shape (3, 3)
        From pixels of the object to pixels of the scene, a mirroring included.
    points_object, points_scene : ndarray of float32, shape (n, 2)
        The details that agree, in pixels of either picture.
    agreeing : int
        Distinct details among them.
    mirrored : bool
        Whether the object lies there mirrored.
    """

    outline: NDArray[np.float32]
    homography: NDArray[np.float64]
    points_object: NDArray[np.float32]
    points_scene: NDArray[np.float32]
    agreeing: int
    mirrored: bool

    @property
    def growth(self) -> float:
        """How many times as long as in its own picture it is in the scene."""
        a, b, c = self._slope_and_depth()
        return math.sqrt(abs(a[0] * b[1] - a[1] * b[0])) if c else 0.0

    @property
    def turn(self) -> float:
        """Degrees clockwise that it is turned by, -180 to 180."""
        right, down, _ = self._slope_and_depth()
        if self.mirrored:
            right = (-right[0], -right[1])
        return math.degrees(math.atan2(right[1] - down[0], right[0] + down[1]))

    def _slope_and_depth(self) -> tuple[tuple[float, float], tuple[float, float], float]:
        middle = self.points_object.mean(axis=0)
        x, y, depth = self.homography @ (*middle, 1)
        moved = np.outer((x, y), self.homography[2, :2]) / depth
        slope = (self.homography[:2, :2] - moved) / depth
        right, down = slope[:, 0], slope[:, 1]
        return (float(right[0]), float(right[1])), (float(down[0]), float(down[1])), float(depth)


@dataclass(frozen=True, eq=False)
class Found:
    """What came of looking for an object in a scene.

    Parameters
    ----------
    finds : tuple of Find
        The surest first.
    object_details, scene_details : int
        Details that each picture has.
    looked_alike : int
        Details of the scene that look like one of the object, in place or not.
    same_picture : bool
        Whether object and scene are one and the same file.
    """

    finds: tuple[Find, ...]
    object_details: int
    scene_details: int
    looked_alike: int
    same_picture: bool = False

    @property
    def verdict(self) -> Text:
        """Say in a sentence what was found, or that it is not there, or why nobody can tell."""
        count = len(self.finds)
        if self.same_picture:
            return Text("Object and scene are the same picture: it fills all of it.")
        if count == 1:
            return Text("Found once.")
        if count:
            return Text("Found {count} times.", count=count)
        if self.object_details < FEWEST:
            return Text("This object cannot be looked for: it has too few details.")
        if self.scene_details < FEWEST:
            return Text("Nothing can be looked for in this scene: it has too few details.")
        return Text("Not there.")

    @property
    def advice(self) -> Text | None:
        """Say what to do where too little can be seen; None if nothing stands in the way."""
        if self.object_details < FEWEST:
            return Text(
                "The object shows {count} details; at least {fewest} must be found again. "
                "Smooth or blurred things have none. Take a closer, sharper picture, choose a "
                "part with print or pattern, or name the thing in words instead.",
                count=self.object_details,
                fewest=FEWEST,
            )
        if self.object_details < _FEW_DETAILS:
            return Text(
                "The object shows only {count} details, so it may be missed. A closer, sharper "
                "picture or a part with more pattern helps.",
                count=self.object_details,
            )
        if self.scene_details < FEWEST:
            return Text("Smooth, blurred or very small pictures show no details to look for.")
        return None


def find(the_object: Picture, scene: Picture, memory: Memory | None = None) -> Found:
    """Look for an object in a scene, wherever, however turned, scaled or mirrored it lies.

    Parameters
    ----------
    the_object : Picture
        All of it is taken for the object: see `cropped`.
    scene : Picture
    memory : Memory or None
        What is worked out of each picture is kept there.

    Returns
    -------
    Found
        Without finds if it is not there or nothing can be told: see its `verdict`.

    Notes
    -----
    Pairs of alike details vote for places (Lowe 2004, doi:10.1023/B:VISI.0000029664.99615.94);
    a place that enough details agree on is taken away, and the scene is looked at again.
    Where nothing is found so, both pictures are compared by the method SIFT, which also
    looks from the side.
    """
    kept = memory if memory is not None else Memory(2**26)
    looked = _details(kept, scene, details.SCENE_SIDE, details.SCENE_COUNT, False)
    views = [
        _details(kept, the_object, details.OBJECT_SIDE, details.OBJECT_COUNT, mirrored)
        for mirrored in (False, True)
    ]
    if the_object.digest == scene.digest:
        return _whole(the_object, views[0])
    left = [details.candidates(view, looked) for view in views]
    alike = len(np.unique(np.concatenate([pairs.in_scene for pairs in left])))
    finds: list[Find] = []
    for _ in range(_MOST_TRIES):
        tries = [
            best_place(view, looked, pairs, FEWEST) for view, pairs in zip(views, left, strict=True)
        ]
        agreeing = [0 if place is None else place.agreeing for place, _ in tries]
        which = int(np.argmax(agreeing))
        place = tries[which][0]
        if place is None:
            # Voters for an impossible place are put aside; without any, this side is done
            left = [_without(pairs, tried[1]) for pairs, tried in zip(left, tries, strict=True)]
            if not any(len(pairs) >= FEWEST for pairs in left):
                break
            continue
        one = _as_find(place, views[which], looked, mirrored=which == 1)
        left = [_outside(pairs, looked, place) for pairs in left]
        if _is_new(one, finds, scene):
            finds.append(one)
        if len(finds) == _MOST_FINDS:
            break
    if not finds and len(views[0]) >= FEWEST and len(looked) >= FEWEST:
        finds = _seen_from_the_side(kept, the_object, scene)
    finds.sort(key=lambda one: -one.agreeing)
    return Found(tuple(finds), len(views[0]), len(looked), alike)


def _details(memory: Memory, picture: Picture, side: int, count: int, mirrored: bool) -> Details:
    return memory.recall(
        ("object details", picture.digest, side, count, mirrored),
        lambda: details.details_of(picture, side, count, mirrored),
    )


def _whole(the_object: Picture, view: Details) -> Found:
    corners = outline_of(np.eye(3), the_object.width, the_object.height).astype(np.float32)
    points = _moved(view.points, view.to_original)
    own = Find(corners, np.eye(3), points, points, len(view), False) if len(view) else None
    return Found(() if own is None else (own,), len(view), len(view), len(view), same_picture=True)


def _moved(points: NDArray[np.float32], transform: NDArray[np.float64]) -> NDArray[np.float32]:
    """Points under a transform that only scales, shifts or mirrors."""
    return np.asarray(points @ transform[:2, :2].T + transform[:2, 2], np.float32)


def _as_find(place: Place, view: Details, looked: Details, mirrored: bool) -> Find:
    homography = looked.to_original @ place.homography @ np.linalg.inv(view.to_original)
    homography = homography / homography[2, 2]
    width = round(view.width * abs(view.to_original[0, 0]))
    height = round(view.height * view.to_original[1, 1])
    return Find(
        outline=outline_of(homography, width, height).astype(np.float32),
        homography=homography,
        points_object=_moved(view.points[place.pairs.on_object], view.to_original),
        points_scene=_moved(looked.points[place.pairs.in_scene], looked.to_original),
        agreeing=place.agreeing,
        mirrored=mirrored,
    )


def _without(pairs: Candidates, taken: Candidates) -> Candidates:
    return pairs.only(~np.isin(pairs.in_scene, taken.in_scene))


def _outside(pairs: Candidates, looked: Details, place: Place) -> Candidates:
    """Return the pairs whose place in the scene is not covered by this find."""
    ring = place.outline.astype(np.float32)
    points = looked.points[pairs.in_scene]
    inside = np.array([cv2.pointPolygonTest(ring, (float(x), float(y)), False) for x, y in points])
    return _without(pairs.only(inside < 0), place.pairs)


def _is_new(one: Find, finds: list[Find], scene: Picture) -> bool:
    """Tell whether an outline lies in the scene and covers no earlier find."""
    frame = outline_of(np.eye(3), scene.width, scene.height).astype(np.float32)
    area = cv2.contourArea(one.outline)
    if area <= 0 or _shared_area(one.outline, frame) < _INSIDE * area:
        return False
    return all(
        _shared_area(one.outline, other.outline)
        < _OVERLAP * min(area, cv2.contourArea(other.outline))
        for other in finds
    )


def _shared_area(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(cv2.intersectConvexConvex(_clockwise(one), _clockwise(other))[0])


def _clockwise(ring: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn a mirrored outline's corners round: OpenCV wants one sense."""
    return ring if cv2.contourArea(ring, oriented=True) > 0 else np.ascontiguousarray(ring[::-1])


def _seen_from_the_side(memory: Memory, the_object: Picture, scene: Picture) -> list[Find]:
    method: Method = method_by_id("sift")
    options = method.options()
    described = [memory.describe(method, options, one) for one in (the_object, scene)]
    result: MatchResult = verified_match(described[0], described[1], options)
    if result.homography is None or result.outline is None:
        return []
    one = Find(
        outline=result.outline,
        homography=result.homography,
        points_object=result.points_a[result.verified],
        points_scene=result.points_b[result.verified],
        agreeing=result.count,
        mirrored=result.mirrored,
    )
    return [one] if _is_new(one, [], scene) else []


# ── How sure ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Chance:
    """How often so many details agreed in pictures that share nothing.

    Parameters
    ----------
    reached : int
        Unrelated pairs in which at least so many details agreed in one place.
    pairs : int
        Unrelated pairs measured.
    """

    reached: int
    pairs: int

    @property
    def at_most(self) -> float:
        """Rate that chance stays under with 95 % confidence (Clopper and Pearson 1934)."""
        low, high = 0.0, 1.0
        while high - low > 1e-7:
            middle = (low + high) / 2
            low, high = (middle, high) if self._at_most_so_many(middle) > 0.05 else (low, middle)
        return high

    def _at_most_so_many(self, rate: float) -> float:
        """Probability of no more than `reached` among `pairs`, each by chance at this rate."""
        return math.fsum(
            math.comb(self.pairs, k) * rate**k * (1 - rate) ** (self.pairs - k)
            for k in range(self.reached + 1)
        )


@cache
def _measured() -> dict[str, list[int]]:
    file = resources.files(__package__).joinpath("finding.json")
    measured: dict[str, list[int]] = json.loads(file.read_text(encoding="utf-8"))["false_finds"]
    return measured


def chance(agreeing: int) -> Chance:
    """Tell how often unrelated pictures reach so many agreeing details.

    Parameters
    ----------
    agreeing : int

    Returns
    -------
    Chance
        From photographs that this was measured on once (`python -m bench.bench_objects`).
    """
    measured = _measured()
    reached = sum(one >= agreeing for one in measured["agreeing"])
    return Chance(reached, measured["pairs"][0])


# ── What is looked for, and what is shown ──────────────────────────────────────────


def cropped(picture: Picture, box: Box) -> Picture:
    """Cut the object out of a picture by a box.

    Parameters
    ----------
    picture : Picture
    box : tuple of float
        Left, top, right, bottom, in shares 0..1 of the picture's sides.

    Returns
    -------
    Picture
        The picture itself if the box holds all of it.

    Raises
    ------
    BadBox
        If the box is not inside the picture or too small to hold an object.
    """
    left, top, right, bottom = box
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise BadBox(
            Text(
                "The box must lie inside {name}, from top left to bottom right.",
                name=UserText(picture.name),
            )
        )
    columns = round(left * picture.width), round(right * picture.width)
    rows = round(top * picture.height), round(bottom * picture.height)
    width, height = columns[1] - columns[0], rows[1] - rows[0]
    if min(width, height) < SMALLEST_BOX:
        raise BadBox(
            Text(
                "The box in {name} is {width} × {height} pixels: too small. Draw one of at least "
                "{least} × {least}.",
                name=UserText(picture.name),
                width=width,
                height=height,
                least=SMALLEST_BOX,
            )
        )
    if (width, height) == (picture.width, picture.height):
        return picture
    rgb = np.ascontiguousarray(picture.rgb[rows[0] : rows[1], columns[0] : columns[1]])
    rgb.setflags(write=False)
    place = f"{columns[0]}-{rows[0]}-{columns[1]}-{rows[1]}"
    digest = hashlib.sha256(f"{picture.digest} in {place}".encode()).hexdigest()
    return Picture(rgb=rgb, digest=digest, name=picture.name)


def straightened(scene: Picture, one: Find, the_object: Picture, side: int = 600) -> Picture:
    """Cut a find out of the scene and lay it as the object lies in its own picture.

    Parameters
    ----------
    scene : Picture
    one : Find
    the_object : Picture
    side : int
        Pixels of the long side, at most.

    Returns
    -------
    Picture
        What lies outside the scene is white.
    """
    scale = min(1.0, side / max(the_object.width, the_object.height))
    size = tuple(max(1, round(edge * scale)) for edge in (the_object.width, the_object.height))
    back = np.diag([scale, scale, 1.0]) @ np.linalg.inv(one.homography)
    rgb = cv2.warpPerspective(
        np.asarray(scene.rgb), back, size, flags=cv2.INTER_AREA, borderValue=(255, 255, 255)
    )
    rgb.setflags(write=False)
    said = f"{scene.digest} at {np.round(one.homography, 6).tolist()} as {size}"
    return Picture(
        rgb=np.asarray(rgb, np.uint8),
        digest=hashlib.sha256(said.encode()).hexdigest(),
        name=scene.name,
    )
