"""Does a head help? Judged on groups that it has never seen, picture by picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgsim_core.teaching.one_thread import product

Array = NDArray[np.float32]
Labels = NDArray[np.intp]

REDRAWS = 10_000
FEWEST_TO_CLAIM = 5
"""Groups kept out in turn: from fewer, no redrawing tells how far chance reaches."""

_TAIL = 0.05 / 2 / 2  # two sides; and two measures are looked at, either of which may be claimed


@dataclass(frozen=True, eq=False)
class Judged:
    """How each picture that was asked about fared among all others.

    Parameters
    ----------
    asked : ndarray of intp, shape (m,)
        Rows of the pictures asked about.
    hit : ndarray of bool, shape (m,)
        Whether the most alike other picture is of the same group.
    area : ndarray of float64, shape (m,)
        Share, 0 to 1, of pairs of one picture of its group and one of another in which
        the one of its group is more alike: the area under this picture's ROC curve.
    nearest : ndarray of intp, shape (m,)
        Row of the most alike other picture.
    same, different : ndarray of float32
        Cosines of all pairs asked about, each pair once for each end that was asked.
    """

    asked: Labels
    hit: NDArray[np.bool_]
    area: NDArray[np.float64]
    nearest: Labels
    same: Array
    different: Array


def judged(vectors: Array, labels: Labels, asked: Labels, among: Labels | None = None) -> Judged:
    """Ask for each of some pictures how its own group stands among other pictures.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dimension)
        Of length 1 each.
    labels : ndarray of intp, shape (n,)
    asked : ndarray of intp, shape (m,)
        Rows to ask about, each in a group of two or more.
    among : ndarray of intp or None
        Rows to search, each once; None for all. What was trained on must not be among
        them: it has been moved away from what was not, and would make that look good.

    Returns
    -------
    Judged

    Notes
    -----
    The area is read off ranks, equal cosines sharing theirs (Mann and Whitney 1947,
    https://doi.org/10.1214/aoms/1177730491).
    """
    from scipy.stats import rankdata

    among = np.arange(len(labels)) if among is None else among
    cosines = product(vectors[asked], vectors[among].T)
    other = asked[:, None] != among[None, :]
    alike = (labels[asked][:, None] == labels[among][None, :]) & other
    different = other & ~alike
    apart = np.where(other, cosines, -np.inf)
    nearest = among[apart.argmax(axis=1)]
    # A picture's cosine with itself counts as the least of all, so it takes one rank
    ranks = rankdata(apart, axis=1) - (~other).sum(axis=1, keepdims=True)
    own, rest = alike.sum(axis=1), different.sum(axis=1)
    above = np.where(alike, ranks, 0).sum(axis=1) - own * (own + 1) / 2
    return Judged(
        asked=asked,
        hit=labels[nearest] == labels[asked],
        area=above / np.maximum(own * rest, 1),
        nearest=nearest,
        same=cosines[alike],
        different=cosines[different],
    )


@dataclass(frozen=True)
class Difference:
    """A mean before, after, and the interval of what was gained.

    Of two measures both intervals together hold the truth in 95 of 100 cases.
    """

    before: float
    after: float
    low: float
    high: float

    @property
    def is_gain(self) -> bool:
        """Whether chance alone would hardly bring as much."""
        return self.low > 0

    @property
    def is_loss(self) -> bool:
        """Whether it got worse, beyond chance."""
        return self.high < 0


def difference(
    before: NDArray[np.float64], after: NDArray[np.float64], groups: Labels, seed: int = 0
) -> Difference:
    """Compare two values a picture, group by group.

    Parameters
    ----------
    before, after : ndarray of float64, shape (m,)
    groups : ndarray of intp, shape (m,)
        Pictures of one group share their luck: whole groups are redrawn.
    seed : int

    Returns
    -------
    Difference
        Each group weighs the same. Percentile bootstrap over groups (Efron 1979,
        https://doi.org/10.1214/aos/1176344552), its percentiles widened as Student's t
        asks where groups are few (Hesterberg 2015,
        https://doi.org/10.1080/00031305.2015.1089789), and for two measures being looked
        at (Bonferroni): five groups would be believed too easily.
    """
    from scipy.stats import norm, t

    kinds, place = np.unique(groups, return_inverse=True)
    sizes = np.bincount(place)
    means = [np.bincount(place, values) / sizes for values in (before, after)]
    gains = means[1] - means[0]
    drawn = np.random.default_rng(seed).integers(len(kinds), size=(REDRAWS, len(kinds)))
    few = max(len(kinds), 2)
    tail = norm.cdf(t.ppf(_TAIL, few - 1) * np.sqrt(few / (few - 1)))
    low, high = np.quantile(gains[drawn].mean(axis=1), (tail, 1 - tail))
    return Difference(float(means[0].mean()), float(means[1].mean()), float(low), float(high))
