"""Draw the outline of a subject by its colours.

GrabCut (Rother, Kolmogorov and Blake 2004, https://doi.org/10.1145/1015706.1015720) parts two
mixtures of colours along the edges of a picture, from a first guess of where each of them is.
"""

from __future__ import annotations

import threading

import cv2
import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.uint8]
Plane = NDArray[np.float32]

_ROUNDS = 2  # measured: more change little
_PART = 0.1  # of the largest part: smaller ones are specks
_HOLE = 0.01  # of the subject: smaller holes are closed

KEPT, DROPPED = 1, 2  # what a visitor's stroke says of a pixel
_PULL = 5.0  # log odds that a stroke moves pixels like those it covers
_SHADE = 18.0  # distance in CIE Lab over which colours stay alike
_REACH = 0.25  # of the longer side
_SAMPLE = 48  # pixels of strokes that others are compared with

_LOCK = threading.Lock()  # one generator of random numbers serves all threads


def first_guess(likely: Plane, at_least: float, surely_not: float, surely: float) -> Labels:
    """Turn likelihoods into GrabCut's four labels.

    Parameters
    ----------
    likely : ndarray of float32, shape (height, width)
        0..1.
    at_least : float
        From here on a pixel is taken for the subject until colours say otherwise.
    surely_not, surely : float
        Beyond these, colours are not asked.

    Returns
    -------
    ndarray of uint8, shape (height, width)
    """
    labels = np.where(likely > at_least, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[likely < surely_not] = cv2.GC_BGD
    labels[likely > surely] = cv2.GC_FGD
    return labels


def by_strokes(rgb: NDArray[np.uint8], likely: Plane, lines: Labels) -> Plane:
    """Let strokes speak for what is near them and of their colour.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
    likely : ndarray of float32, shape (height, width)
        0..1.
    lines : ndarray of uint8, shape (height, width)
        KEPT, DROPPED, or 0 where nothing was drawn.

    Returns
    -------
    ndarray of float32, shape (height, width)
        0..1.
    """
    if not lines.any():
        return likely
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    rows, columns = np.indices(lines.shape, np.float32) / (_REACH * max(lines.shape))
    odds = np.log(np.clip(likely, 0.02, 0.98) / (1 - np.clip(likely, 0.02, 0.98)))
    odds[likely == 0] = -np.inf  # outside a box
    for label, sign in ((KEPT, 1), (DROPPED, -1)):
        drawn = np.flatnonzero(lines == label)
        nearest = np.full(lines.shape, np.inf, np.float32)
        for pixel in drawn[:: max(1, len(drawn) // _SAMPLE)]:
            row, column = np.unravel_index(pixel, lines.shape)
            away = ((lab - lab[row, column]) ** 2).sum(axis=2) / _SHADE**2
            away += (rows - rows[row, column]) ** 2 + (columns - columns[row, column]) ** 2
            np.minimum(nearest, away, out=nearest)
        odds += sign * _PULL * np.exp(-nearest)
    moved: Plane = (1 / (1 + np.exp(-odds))).astype(np.float32)
    return moved


def outline(rgb: NDArray[np.uint8], labels: Labels) -> NDArray[np.bool_]:
    """Let GrabCut decide what the labels leave open.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
    labels : ndarray of uint8, shape (height, width)
        As `first_guess` gives them; not changed.

    Returns
    -------
    ndarray of bool, shape (height, width)
        Without specks; all False if there was nothing to begin with on either side.
    """
    inside = (labels & 1).astype(bool)
    if not inside.any() or inside.all():
        return np.zeros(labels.shape, bool)
    decided = labels.copy()
    with _LOCK:
        cv2.setRNGSeed(0)  # GrabCut starts its colour models at random
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(rgb, decided, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = without_specks((decided & 1).astype(bool), kept=labels == cv2.GC_FGD)
    background = without_specks(~found, kept=labels == cv2.GC_BGD, least=_HOLE * found.sum())
    return ~background


def without_specks(
    found: NDArray[np.bool_],
    kept: NDArray[np.bool_],
    least: float | None = None,
) -> NDArray[np.bool_]:
    """Keep the connected parts of a mask that are large, and those that hold `kept`.

    Parameters
    ----------
    found : ndarray of bool, shape (height, width)
    kept : ndarray of bool, shape (height, width)
    least : float or None
        Pixels of a large part; None for a tenth of the largest.

    Returns
    -------
    ndarray of bool, shape (height, width)
    """
    count, parts, facts, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8))
    if count <= 2:
        return found
    areas = facts[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    large = areas >= (_PART * areas.max() if least is None else least)
    large[np.unique(parts[kept])] = True
    large[0] = False
    return np.asarray(large[parts])
