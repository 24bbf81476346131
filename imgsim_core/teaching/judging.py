"""Does a head help? Judged on groups that it has never seen, picture by picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Labels = NDArray[np.intp]

REDRAWS = 2_000
FEWEST_TO_CLAIM = 5
"""Groups kept out in turn: from fewer, no redrawing tells how far chance reaches."""


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


def judged(vectors: Array, labels: Labels, asked: Labels) -> Judged:
    """Ask for each of some pictures how its own group stands among all other pictures.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dimension)
        Of length 1 each.
    labels : ndarray of intp, shape (n,)
    asked : ndarray of intp, shape (m,)
        Rows to ask about, each in a group of two or more; all n are searched.

    Returns
    -------
    Judged
    """
    cosines = vectors[asked] @ vectors.T
    other = asked[:, None] != np.arange(len(labels))[None, :]
    alike = labels[asked][:, None] == labels[None, :]
    nearest = np.where(other, cosines, -np.inf).argmax(axis=1)
    area = np.empty(len(asked))
    for row in range(len(asked)):
        own = np.sort(cosines[row, alike[row] & other[row]])
        rest = np.sort(cosines[row, ~alike[row]])
        below, upto = (np.searchsorted(rest, own, side=side) for side in ("left", "right"))
        area[row] = (below + upto).mean() / (2 * max(len(rest), 1))
    return Judged(
        asked=asked,
        hit=labels[nearest] == labels[asked],
        area=area,
        nearest=nearest,
        same=cosines[alike & other],
        different=cosines[~alike],
    )


@dataclass(frozen=True)
class Difference:
    """A mean before, after, and the 95 % interval of what was gained."""

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
        https://doi.org/10.1214/aos/1176344552).
    """
    kinds, place = np.unique(groups, return_inverse=True)
    sizes = np.bincount(place)
    means = [np.bincount(place, values) / sizes for values in (before, after)]
    gains = means[1] - means[0]
    drawn = np.random.default_rng(seed).integers(len(kinds), size=(REDRAWS, len(kinds)))
    low, high = np.quantile(gains[drawn].mean(axis=1), (0.025, 0.975))
    return Difference(float(means[0].mean()), float(means[1].mean()), float(low), float(high))
