"""What a number means by a visitor's own groups: the calibration of a method that was taught.

Relations such as "edited copy" are not what a visitor taught. What is known is how pairs of
his groups score that were kept out of the lesson: those he calls the same, and the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from imgsim_core.method import Examples
from imgsim_core.text import Text


@dataclass(frozen=True)
class OwnMeaning:
    """What a score says by the visitor's groups.

    Parameters
    ----------
    beyond_different : float
        Share, 0 to 1, of pairs out of different groups that are less alike than this pair.
    beyond_same : float
        The same among pairs out of one group.
    belongs : float
        Probability, 0 to 1, that the two belong together, were both sorts equally common.
    verdict : Text
        In words.
    """

    beyond_different: float
    beyond_same: float
    belongs: float
    verdict: Text


_LIKELY = 0.9


def own_meaning(examples: Examples, value: float) -> OwnMeaning:
    """Say what a score means by the visitor's groups.

    Parameters
    ----------
    examples : Examples
    value : float
        A cosine: larger is more alike.

    Returns
    -------
    OwnMeaning
        Shares never reach all or none: more pairs might have gone further. `belongs` grows
        with the value: isotonic regression on both sorts, each weighing the same.
    """
    belongs = _belonging(examples, value)
    same, different = examples.counts or (len(examples.same), len(examples.different))
    return OwnMeaning(
        beyond_different=_beyond(examples.different, value, different),
        beyond_same=_beyond(examples.same, value, same),
        belongs=belongs,
        verdict=_verdict(belongs),
    )


def line_by_examples(examples: Examples, rate: float) -> float:
    """Line that about this share of the pairs out of different groups passes.

    Parameters
    ----------
    examples : Examples
    rate : float
        0 to 1.

    Returns
    -------
    float
        A cosine, between two of the scores: of fewer than 1 / `rate` pairs one passes all the
        same.
    """
    return float(np.quantile(examples.different, 1 - rate))


def _beyond(scores: NDArray[np.float32], value: float, count: int) -> float:
    """Share of the scores below a value; of so many pairs none proves a share of 0 or 1."""
    share = np.interp(value, scores, np.linspace(0, 1, len(scores)), left=0, right=1)
    unsure = 1 / (count + 2)
    return float(np.clip(share, unsure, 1 - unsure))


def _belonging(examples: Examples, value: float) -> float:
    places, shares = _fitted(examples)
    unsure = 1 / (examples.fewest + 2)
    return float(np.clip(np.interp(value, places, shares), unsure, 1 - unsure))


@lru_cache(maxsize=16)
def _fitted(examples: Examples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores, ascending, and how likely a pair belongs together at each."""
    from sklearn.isotonic import IsotonicRegression

    scores = np.concatenate([examples.same, examples.different]).astype(np.float64)
    same = np.repeat([1.0, 0.0], [len(examples.same), len(examples.different)])
    weights = np.repeat(
        [1 / len(examples.same), 1 / len(examples.different)],
        [len(examples.same), len(examples.different)],
    )
    fitted = IsotonicRegression(out_of_bounds="clip").fit(scores, same, sample_weight=weights)
    return fitted.X_thresholds_, fitted.y_thresholds_


def _verdict(belongs: float) -> Text:
    if belongs >= _LIKELY:
        return Text("Most likely they belong together, as you taught it.")
    if belongs >= 0.5:
        return Text("They rather belong together, as you taught it, but it is not sure.")
    if belongs > 1 - _LIKELY:
        return Text("They rather do not belong together, as you taught it, but it is not sure.")
    return Text("Most likely they do not belong together, as you taught it.")
