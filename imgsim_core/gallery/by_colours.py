"""Pictures that hold chosen colours, each over about its share of the picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.gallery.facts import bin_colours
from imgsim_core.gallery.result import ColourAsked
from imgsim_core.method import Scale

SCALE = Scale(identical=1.0, opposite=0.0, line=0.5, decimals=2)
"""Of the colour asked for, how much is there: 0 none, 1 all; half of it stands out."""

# Bins lie about 25 units of CIELAB apart: a colour between two of them counts in both.
_REACH = 22.0


def colour_scores(
    colours: NDArray[np.float32], asked: Sequence[ColourAsked]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Tell how much of the chosen colours each picture has.

    Parameters
    ----------
    colours : ndarray of float32, shape (n, 64)
        As `facts.colour_summary` makes them.
    asked : sequence of ColourAsked
        With a share above 0.

    Returns
    -------
    scores : ndarray of float32, shape (n,)
        Share, 0 to 1, of what was asked for that is there: more of a colour than was asked
        for does not make up for another that is missing.
    amounts : ndarray of float32, shape (n,)
        Of all chosen colours together, without that limit: settles ties.
    """
    shares = np.array([one.share for one in asked], np.float32)
    there = colours @ _likeness(asked).T
    scores = np.minimum(there, shares).sum(axis=1) / shares.sum()
    return np.asarray(np.clip(scores, 0, 1), np.float32), np.asarray(there.sum(axis=1), np.float32)


def _likeness(asked: Sequence[ColourAsked]) -> NDArray[np.float32]:
    """How far each bin counts for each chosen colour, shape (m, 64), 0 to 1."""
    wanted = _lab(np.array([one.rgb for one in asked], np.uint8))
    bins = _lab(bin_colours())
    away = np.linalg.norm(wanted[:, None] - bins[None], axis=2)
    like = np.exp(-np.square(away / _REACH))
    like /= like.max(axis=1, keepdims=True)
    # No part of a picture counts twice, for two chosen colours that are alike
    like /= np.maximum(1, like.sum(axis=0, keepdims=True))
    return np.asarray(like, np.float32)


def _lab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    levels = (rgb.astype(np.float32) / 255)[:, None]
    return np.asarray(cv2.cvtColor(levels, cv2.COLOR_RGB2Lab), np.float32)[:, 0]
