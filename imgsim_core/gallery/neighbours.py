"""The nearest of many vectors, exactly, block by block in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK_BYTES = 64 * 2**20  # cosines held at a time


@dataclass(frozen=True, eq=False)
class Neighbours:
    """For each of m vectors, its k nearest among n others.

    Parameters
    ----------
    rows : ndarray of int32, shape (m, k)
        Rows of the neighbours, the nearest first.
    cosines : ndarray of float32, shape (m, k)
        Cosine similarity to each: -1 to 1, 1 for the same direction.
    """

    rows: NDArray[np.int32]
    cosines: NDArray[np.float32]

    def of(self, chosen: slice | NDArray[np.int64]) -> Neighbours:
        """Return those of some of the vectors."""
        return Neighbours(self.rows[chosen], self.cosines[chosen])

    def first(self, count: int) -> Neighbours:
        """Return the nearest `count` of each."""
        return Neighbours(self.rows[:, :count], self.cosines[:, :count])


def nearest(
    asked: NDArray[np.float32],
    among: NDArray[np.float32],
    count: int,
    own: NDArray[np.int64] | None = None,
    left_out: NDArray[np.int64] | None = None,
) -> Neighbours:
    """Find the nearest vectors by looking at every one.

    Parameters
    ----------
    asked : ndarray of float32, shape (m, d)
        Of length 1.
    among : ndarray of float32, shape (n, d)
        Of length 1.
    count : int
        Neighbours of each; fewer where there are not so many.
    own : ndarray of int64, shape (m,), or None
        Row that each asked vector itself has in `among`, which is no neighbour of it.
    left_out : ndarray of int64 or None
        Different rows of `among` that are nobody's neighbours, and none of `own`: to leave
        them out here takes no copy of all the others.

    Returns
    -------
    Neighbours
    """
    import torch

    others = np.array([], np.int64) if left_out is None else left_out
    there = len(among) - len(others) - (own is not None)
    count = max(0, min(count, there))
    rows = np.zeros((len(asked), count), np.int32)
    cosines = np.zeros((len(asked), count), np.float32)
    if not count:
        return Neighbours(rows, cosines)
    step = max(1, _BLOCK_BYTES // (4 * len(among)))
    with torch.inference_mode():
        for start in range(0, len(asked), step):
            block = slice(start, start + step)
            found = asked[block] @ among.T
            if own is not None:
                found[np.arange(len(found)), own[block]] = -np.inf
            found[:, others] = -np.inf
            # A dozen times as fast as numpy's partition
            best, places = torch.from_numpy(found).topk(count, dim=1)
            rows[block], cosines[block] = places.numpy(), best.numpy()
    np.clip(cosines, -1, 1, out=cosines)
    return Neighbours(rows, cosines)
