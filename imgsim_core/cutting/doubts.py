"""Reasons not to trust a cut-out, seen without knowing the right one."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.text import Text

Mask = NDArray[np.bool_]
Plane = NDArray[np.float32]

_LEAST, _MOST = 0.01, 0.95  # share of the picture
_BINS = 8  # a channel
# Chosen on 82 photographs to tell the cut-outs whose overlap with ISNet's is under 0.6; on 82
# others it names 77 % of those, and 73 % of what it names is of them.
_CONFIDENCE_WEIGHT, _MOST_UNCERTAIN = 0.8, -0.55
_ALIKE = 0.3  # from here on colours are the reason given


def doubt_about(
    rgb: NDArray[np.uint8], likely: Plane, mask: Mask, share: float, corrected: bool
) -> Text | None:
    """Say why a cut-out should not be trusted; None if nothing speaks against it.

    Parameters
    ----------
    rgb, likely, mask
        As for `signs`.
    share : float
        Of the whole picture that the subject covers.
    corrected : bool
        Whether the visitor has drawn on it: then their eyes know better.
    """
    if share < _LEAST:
        return Text("Less than 1 % of the picture is left: that is hardly its subject.")
    if share > _MOST:
        return Text("Nearly the whole picture is left: no background was told from its subject.")
    if corrected or mask.all():
        return None
    found = signs(rgb, likely, mask)
    confidence = found["agreement"] + found["contrast"]
    if found["alike"] - _CONFIDENCE_WEIGHT * confidence <= _MOST_UNCERTAIN:
        return None
    if found["alike"] > _ALIKE:
        return Text(
            "Its colours are those of the background too, so the outline is a guess. Look at it, "
            "and draw on it where it is wrong."
        )
    return Text(
        "Two ways of looking for the subject disagree. Look whether this is what you mean, "
        "and draw on it where it is wrong."
    )


def signs(rgb: NDArray[np.uint8], likely: Plane, mask: Mask) -> dict[str, float]:
    """Measure what tells good cut-outs from poor ones.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
    likely : ndarray of float32, shape (height, width)
        How likely each pixel belonged to the subject before an outline was drawn.
    mask : ndarray of bool, shape (height, width)
        Neither all True nor all False.

    Returns
    -------
    dict
        agreement: overlap (intersection over union) of mask and likelihood. contrast: mean
        likelihood inside less that outside. alike: overlap 0..1 of the colours in and out.
    """
    least, most = np.minimum(likely, mask).sum(), np.maximum(likely, mask).sum()
    cells = (cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB) // (256 // _BINS)).astype(np.intp)
    cells = (cells[..., 0] * _BINS + cells[..., 1]) * _BINS + cells[..., 2]
    inside, outside = (
        np.bincount(cells[where], minlength=_BINS**3) / max(1, int(where.sum()))
        for where in (mask, ~mask)
    )
    return {
        "agreement": float(least / most),
        "contrast": float(likely[mask].mean() - likely[~mask].mean()),
        "alike": float(np.minimum(inside, outside).sum()),
    }
