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
    return without_specks(decided & 1, kept=labels == cv2.GC_FGD)


def without_specks(
    found: NDArray[np.uint8] | NDArray[np.bool_], kept: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Keep the largest connected part, those a tenth as large, and those that hold `kept`."""
    count, parts, facts, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8))
    if count <= 2:
        return found.astype(bool)
    areas = facts[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    large = areas >= _PART * areas.max()
    large[np.unique(parts[kept])] = True
    large[0] = False
    return np.asarray(large[parts])
