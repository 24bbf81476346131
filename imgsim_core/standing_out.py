"""Where the hits end that have to do with the query, and the rest of the gallery begins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgsim_core.calibration import Strictness

FEWEST = 20
"""Pictures a gallery must have before its own scores say what is usual in it."""

# How far above the middle of the usual scores, in robust standard deviations. Asked for
# 1,000 class names among 1,000 photographs, one of each class, the right picture lies above
# these in 92, 90 and 79 of 100 cases, with 13, 6 and 2 pictures above in the median.
_FAR = {Strictness.LOOSE: 3.0, Strictness.NORMAL: 3.5, Strictness.STRICT: 4.5}
_TO_DEVIATION = 1.4826  # of the median absolute deviation, for a normal distribution


def guessed_line(scores: NDArray[np.float32], strictness: Strictness) -> float | None:
    """Guess above which score a picture stands out from what is usual.

    Parameters
    ----------
    scores : ndarray of float32, shape (n,)
        What is usual: of all pictures of the gallery, of many drawn from it, or of typical
        pictures of many kinds of things; larger for more alike.
    strictness : Strictness

    Returns
    -------
    float or None
        None if there are too few scores, or nearly all are equal.

    Notes
    -----
    The median and the median absolute deviation are not moved by the few pictures that do
    stand out (Iglewicz and Hoaglin 1993). In a gallery that is full of what was asked for,
    nothing stands out from its own scores: it is a guess, and to be called one.
    """
    if len(scores) < FEWEST:
        return None
    middle = float(np.median(scores))
    spread = _TO_DEVIATION * float(np.median(np.abs(scores - middle)))
    return middle + _FAR[strictness] * spread if spread > 1e-6 else None
