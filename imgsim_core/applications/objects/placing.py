"""Where an object lies in a scene, from details that look alike: one place at a time.

Each pair of details says by itself where the object would lie, how large and how turned;
the place that most of the others agree with is looked at closely. Chance is thereby ruled
out before any outline is fitted, however many other pairs there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.applications.objects.details import Candidates, Details
from imgsim_core.methods.keypoints import consensus, outline_of

Matrix = NDArray[np.float64]

_NEAR = 0.12  # of the object's diagonal as it lies there: how far a vote may miss
_NEAR_PIXELS = 6.0  # at least so many
_OCTAVES = 0.8  # that two sizes may differ
_TURN = np.radians(30)  # that two directions may differ
_TRIES = 5_000  # of the estimator, at most
_TOLERANCE = 3.0  # pixels of the reduced scene that a detail may miss its place
_BEND = 4  # more details a homography must explain than an affine map to be preferred
_PLENTY = 40  # details from which it need not explain any more
_ENOUGH_TO_BEND = 20  # details from which seen-from-the-side is believed
_LARGEST, _SMALLEST = 10.0, 0.05  # times as long as the object itself
_SKEW = 4.0  # an edge may be so much longer than the opposite one, at most
_ROUNDS = 3


@dataclass(frozen=True, eq=False)
class Place:
    """One place where the object may lie, in pixels of the reduced pictures.

    Parameters
    ----------
    homography : ndarray of float64, shape (3, 3)
        From the object to the scene.
    outline : ndarray of float64, shape (4, 2)
        The object's corners in the scene, from top left clockwise.
    pairs : Candidates
        Those that lie where the homography says.
    agreeing : int
        Distinct details among them, the fewer of the two sides.
    """

    homography: Matrix
    outline: Matrix
    pairs: Candidates
    agreeing: int


def best_place(
    the_object: Details, scene: Details, pairs: Candidates, fewest: int
) -> tuple[Place | None, Candidates]:
    """Find the place that most pairs agree on.

    Parameters
    ----------
    the_object, scene : Details
    pairs : Candidates
    fewest : int
        Details that must agree.

    Returns
    -------
    place : Place or None
        None if too few agree, or the object would have an impossible shape.
    voters : Candidates
        The pairs that spoke for it, so that they can be put aside.
    """
    if len(pairs) < fewest:
        return None, pairs
    agree = _agreement(the_object, scene, pairs)
    voters = pairs.only(agree[int(agree.sum(axis=1).argmax())])
    if len(voters) < fewest:
        return None, pairs
    fitted = _fitted(the_object.points[voters.on_object], scene.points[voters.in_scene])
    place = None if fitted is None else _grown(the_object, scene, pairs, fitted)
    if place is None or place.agreeing < fewest or not is_possible(place, the_object):
        return None, voters
    return place, place.pairs


def _agreement(the_object: Details, scene: Details, pairs: Candidates) -> NDArray[np.bool_]:
    """Tell which pairs (columns) lie where each pair (row) says that the object lies."""
    from_points, to_points = the_object.points[pairs.on_object], scene.points[pairs.in_scene]
    growth = scene.sizes[pairs.in_scene] / the_object.sizes[pairs.on_object]
    turn = scene.angles[pairs.in_scene] - the_object.angles[pairs.on_object]
    across, down = growth * np.cos(turn), growth * np.sin(turn)
    x = from_points[None, :, 0] - from_points[:, None, 0]
    y = from_points[None, :, 1] - from_points[:, None, 1]
    miss_x = across[:, None] * x - down[:, None] * y
    miss_x -= to_points[None, :, 0] - to_points[:, None, 0]
    miss_y = down[:, None] * x + across[:, None] * y
    miss_y -= to_points[None, :, 1] - to_points[:, None, 1]
    diagonal = float(np.hypot(the_object.width, the_object.height))
    reach = np.maximum(_NEAR_PIXELS, _NEAR * diagonal * growth)
    agree = miss_x**2 + miss_y**2 < reach[:, None] ** 2
    octaves = np.log2(growth)
    agree &= np.abs(octaves[None] - octaves[:, None]) < _OCTAVES
    aside = np.abs((turn[None] - turn[:, None] + np.pi) % (2 * np.pi) - np.pi)
    return np.asarray(agree & (aside < _TURN))


def _fitted(from_points: NDArray[np.float32], to_points: NDArray[np.float32]) -> Matrix | None:
    """Fit the simplest map that explains the pairs; None if there is none."""
    flat, explained = cv2.estimateAffine2D(from_points, to_points, consensus(_TOLERANCE, _TRIES))
    found: Matrix | None = None
    count = 0
    if flat is not None and np.isfinite(flat).all():
        found, count = np.vstack([flat, [0, 0, 1]]), int(explained.sum())
    if len(from_points) < _ENOUGH_TO_BEND:
        return found
    bent, explained = cv2.findHomography(from_points, to_points, consensus(_TOLERANCE, _TRIES))
    # Many details hold the bend in place; few could make one up
    more = 0 if len(from_points) >= _PLENTY else _BEND
    if bent is not None and np.isfinite(bent).all() and int(explained.sum()) >= count + more:
        found = bent
    return found


def _grown(
    the_object: Details, scene: Details, pairs: Candidates, homography: Matrix
) -> Place | None:
    """Gather every pair that lies where the map says, fit again, and count."""
    from_points, to_points = the_object.points[pairs.on_object], scene.points[pairs.in_scene]
    kept = np.zeros(len(pairs), np.bool_)
    for _ in range(_ROUNDS):
        moved = from_points.astype(np.float64) @ homography[:, :2].T + homography[:, 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            miss = np.hypot(*(moved[:, :2] / moved[:, 2:] - to_points).T)
        before, kept = kept, np.asarray(miss < _TOLERANCE)
        if kept.sum() < 4 or (kept == before).all():
            break
        again = _fitted(from_points[kept], to_points[kept])
        if again is None:
            break
        homography = again
    inside = pairs.only(kept)
    agreeing = min(_distinct(from_points[kept]), _distinct(to_points[kept]))
    outline = outline_of(homography, the_object.width, the_object.height)
    return Place(homography, outline, inside, agreeing) if np.isfinite(outline).all() else None


def _distinct(points: NDArray[np.float32]) -> int:
    return len(np.unique(np.rint(points / 2), axis=0)) if len(points) else 0


def is_possible(place: Place, the_object: Details) -> bool:
    """Tell whether an outline is one that a flat thing can show, and of a likely size."""
    outline = place.outline
    edges = np.roll(outline, -1, axis=0) - outline
    following = np.roll(edges, -1, axis=0)
    turns = edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0]
    if not (turns > 0).all():
        return False
    lengths = np.hypot(*edges.T)
    own = np.array([the_object.width, the_object.height] * 2, np.float64)
    growth = lengths / np.maximum(own, 1)
    opposite = np.maximum(lengths, 1e-6) / np.maximum(np.roll(lengths, 2), 1e-6)
    return bool(
        (growth > _SMALLEST).all() and (growth < _LARGEST).all() and (opposite < _SKEW).all()
    )
