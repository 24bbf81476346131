"""Crowds of a map, the pictures that stand for each, and the pictures that stand alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgsim_core.gallery.layout import Positions
from imgsim_core.gallery.neighbours import Neighbours

ALONE = -1
"""Label of a picture in no cluster."""

_FEWEST = 6  # pictures among which clusters are looked for
_LEAST_SIZE, _MOST_SIZE = 3, 60
_REPRESENTATIVES = 4
_AT_ONCE = 4_096  # members copied together: a cluster may hold nearly all of a large gallery
_FENCE = 1.5  # interquartile ranges below the lower quartile, as in Tukey's box plots
_CLEAR = 0.02  # cosine; a smaller gap is nothing to talk of
_FEWEST_FOR_OUTLIERS = 5


@dataclass(frozen=True, eq=False)
class Cluster:
    """Pictures that lie together on the map.

    Parameters
    ----------
    rows : ndarray of int64, shape (n,)
        Its members, ascending.
    representatives : tuple of int
        Rows that stand for it: first its medoid, the member most like all others, then
        members unlike those before.
    """

    rows: NDArray[np.int64]
    representatives: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def medoid(self) -> int:
        """Row of the member with the highest mean cosine to all members."""
        return self.representatives[0]


def labels_of(positions: Positions) -> NDArray[np.int32]:
    """Find the crowds on a map by HDBSCAN.

    Parameters
    ----------
    positions : ndarray of float32, shape (n, 2)

    Returns
    -------
    ndarray of int32, shape (n,)
        0 for the largest cluster and so on; `ALONE` for pictures between them.

    References
    ----------
    Campello, Moulavi, Sander: Density-based clustering based on hierarchical density
    estimates. https://doi.org/10.1007/978-3-642-37456-2_14
    """
    count = len(positions)
    if count < _FEWEST:
        return np.full(count, ALONE, np.int32)
    from sklearn.cluster import HDBSCAN

    least = int(np.clip(round(np.sqrt(count) / 2), _LEAST_SIZE, _MOST_SIZE))
    found = HDBSCAN(min_cluster_size=least, min_samples=_LEAST_SIZE, copy=True).fit_predict(
        positions.astype(np.float64)
    )
    return by_size(found)


def by_size(labels: NDArray[np.int64]) -> NDArray[np.int32]:
    """Number clusters anew by falling size, equal ones by their first member."""
    known, first, sizes = np.unique(labels[labels >= 0], return_index=True, return_counts=True)
    renamed = np.full(len(labels), ALONE, np.int32)
    for new, old in enumerate(known[np.lexsort((first, -sizes))]):
        renamed[labels == old] = new
    return renamed


def clusters_of(vectors: NDArray[np.float32], labels: NDArray[np.int32]) -> tuple[Cluster, ...]:
    """Gather the members of each label and choose who stands for them."""
    found = []
    for label in range(int(labels.max(initial=ALONE)) + 1):
        rows = np.flatnonzero(labels == label)
        found.append(Cluster(rows, representatives(vectors, rows)))
    return tuple(found)


def representatives(
    vectors: NDArray[np.float32], rows: NDArray[np.int64], count: int = _REPRESENTATIVES
) -> tuple[int, ...]:
    """Choose members that stand for a set of pictures.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
        Of length 1.
    rows : ndarray of int64, shape (m,)
        Members.
    count : int

    Returns
    -------
    tuple of int
        At most `count` of the rows. The first is the medoid by cosine: the sum of cosines
        to all members is the product with the sum of their vectors, so no pair need be
        looked at. Each further one is typical and little like those before it.

    References
    ----------
    Carbonell, Goldstein: The use of MMR. https://doi.org/10.1145/290941.291025
    """
    typical = _products(vectors, rows, _mean(vectors, rows))
    chosen = [int(typical.argmax())]
    closest = _products(vectors, rows, vectors[rows[chosen[0]]])
    while len(chosen) < min(count, len(rows)):
        gain = typical - closest
        gain[chosen] = -np.inf
        best = int(gain.argmax())
        chosen.append(best)
        closest = np.maximum(closest, _products(vectors, rows, vectors[rows[best]]))
    return tuple(int(rows[one]) for one in chosen)


def _mean(vectors: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean of some vectors, a few of which are copied at a time."""
    total = np.zeros(vectors.shape[1], np.float64)
    for start in range(0, len(rows), _AT_ONCE):
        total += vectors[rows[start : start + _AT_ONCE]].sum(axis=0)
    return (total / len(rows)).astype(np.float32)


def _products(
    vectors: NDArray[np.float32], rows: NDArray[np.int64], other: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Products of some vectors with another, a few of which are copied at a time."""
    products = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        products[some] = vectors[rows[some]] @ other
    return products


def loneliness_line(cosines: NDArray[np.float32]) -> float:
    """Draw the line below which a picture is far from all others.

    Parameters
    ----------
    cosines : ndarray of float32, shape (n,)
        Mean cosine of each picture to its nearest few.

    Returns
    -------
    float
        Tukey's lower fence: one and a half interquartile ranges below the lower quartile,
        and clearly below it in any case; -1 for too few pictures to tell.
    """
    if len(cosines) < _FEWEST_FOR_OUTLIERS:
        return -1.0
    lower, upper = np.quantile(cosines.astype(np.float64), [0.25, 0.75])
    return float(lower - max(_FENCE * (upper - lower), _CLEAR))


def closeness(near: Neighbours, count: int) -> NDArray[np.float32]:
    """Mean cosine to the nearest few: shape (n,), 0 where there is no other picture."""
    few = near.first(count).cosines
    if not few.shape[1]:
        return np.zeros(len(few), np.float32)
    return np.asarray(few.mean(axis=1), np.float32)
