"""Where pictures lie on a map of two dimensions: near ones near each other."""

from __future__ import annotations

import warnings
from functools import cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from imgsim_core.gallery.neighbours import Neighbours

FEWEST_FOR_UMAP = 10
"""Below this number of pictures a neighbourhood graph says nothing: principal components."""

_SPREAD = 1.0
_CLOSEST, _LOOSEST = 0.1, 0.5  # least distance of two points that UMAP aims at
_FILLED = 0.4  # part of the map that is covered when small pictures lie on their places
_PUSHES, _ENOUGH = 300, 0.95
_START = 10.0  # half the side of the square that UMAP starts from, as its author has it
_NEGATIVE_SAMPLES = 5
_FEW_ROUNDS, _MANY_ROUNDS = 200, 400
_TINY = 1e-6  # vectors that differ by less are the same

Positions = NDArray[np.float32]


def principal_positions(vectors: NDArray[np.float32]) -> Positions:
    """Lay out vectors by their first two principal components.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)

    Returns
    -------
    ndarray of float32, shape (n, 2)
        The larger entry of each component is positive, so that the result is the same each
        time; vectors that are all equal lie on a small spiral.
    """
    count = len(vectors)
    if count == 0:
        return np.zeros((0, 2), np.float32)
    centred = vectors.astype(np.float64) - vectors.mean(axis=0)
    # From the smaller of the two square matrices: a gallery has many more dimensions
    # than few pictures, and many more pictures than dimensions.
    if count <= vectors.shape[1]:
        values, left = np.linalg.eigh(centred @ centred.T)
        scores = left[:, ::-1] * np.sqrt(np.maximum(values[::-1], 0))
    else:
        _, axes = np.linalg.eigh(centred.T @ centred)
        scores = centred @ axes[:, ::-1]
    positions = np.zeros((count, 2))
    kept = min(2, scores.shape[1])
    positions[:, :kept] = scores[:, :kept]
    largest = np.abs(positions).argmax(axis=0)
    positions *= np.where(positions[largest, [0, 1]] < 0, -1, 1)
    positions[:, np.abs(positions).max(axis=0) < _TINY] = 0
    if count > 1 and not positions.any():
        return spiral(count)
    return positions.astype(np.float32)


def spiral(count: int) -> Positions:
    """Spread points evenly over a disc, as seeds in a sunflower."""
    places = np.arange(count)
    angles, radii = places * np.pi * (3 - np.sqrt(5)), np.sqrt(places)
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1).astype(np.float32)


def umap_positions(vectors: NDArray[np.float32], near: Neighbours, seed: int) -> Positions:
    """Lay out vectors by UMAP: their graph of neighbours, drawn in two dimensions.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
        Of length 1; at least `FEWEST_FOR_UMAP`.
    near : Neighbours
        Of each among all others, itself left out.
    seed : int
        Equal seeds give equal maps on the same kind of machine.

    Returns
    -------
    ndarray of float32, shape (n, 2)

    Notes
    -----
    Started from principal components rather than from the graph's spectrum: as good, the
    same each time, and without the failures of an eigenvalue solver on a graph in pieces.

    References
    ----------
    McInnes, Healy, Melville: UMAP. arXiv:1802.03426
    Kobak, Linderman: Initialization is critical for preserving global data structure in both
    t-SNE and UMAP. https://doi.org/10.1038/s41587-020-00809-z
    """
    umap = _umap()
    count = len(vectors)
    # UMAP counts a point as the first neighbour of itself
    rows = np.concatenate([np.arange(count, dtype=np.int32)[:, None], near.rows], axis=1)
    distances = np.concatenate([np.zeros((count, 1), np.float32), 1 - near.cosines], axis=1)
    numbers = np.random.RandomState(seed)  # UMAP takes no other kind
    graph, _, _ = umap.fuzzy_simplicial_set(
        vectors,
        rows.shape[1],
        numbers,
        "cosine",
        knn_indices=rows,
        knn_dists=np.maximum(distances, 0),
    )
    slope, power = umap.find_ab_params(_SPREAD, least_distance(count))
    positions, _ = umap.simplicial_set_embedding(
        vectors,
        graph,
        2,
        1.0,
        slope,
        power,
        1.0,
        _NEGATIVE_SAMPLES,
        _MANY_ROUNDS if count <= 2000 else _FEW_ROUNDS,
        _start(vectors, seed),
        numbers,
        "cosine",
        {},
        False,
        {},
        False,
        parallel=False,
    )
    return np.asarray(positions, np.float32)


def least_distance(count: int) -> float:
    """How close UMAP may put two points: few are given more room than many."""
    return float(np.clip(5 / np.sqrt(count), _CLOSEST, _LOOSEST))


def _start(vectors: NDArray[np.float32], seed: int) -> Positions:
    """Principal components at the size UMAP wants, no two points in one place."""
    components = principal_positions(vectors)
    jitter = np.random.default_rng(seed).normal(scale=1e-3, size=components.shape)
    scale = _START / float(np.abs(components).max() or 1.0)
    start: Positions = (components * scale + jitter).astype(np.float32)
    return start


def placed_among(near: Neighbours, positions: Positions) -> Positions:
    """Place further vectors between those of their neighbours that are on the map already.

    Parameters
    ----------
    near : Neighbours
        Of each further vector among those on the map.
    positions : ndarray of float32, shape (n, 2)
        Of those on the map.

    Returns
    -------
    ndarray of float32, shape (m, 2)
        Mean of the neighbours' places, the near ones counting most; a neighbour far from
        the nearest one's place does not pull.
    """
    places = positions[near.rows]  # (m, k, 2)
    distances = np.maximum(1 - near.cosines, 1e-4)
    weights = (distances[:, :1] / distances) ** 4
    # Neighbours that the map put elsewhere would pull the picture into the void between
    reach = np.median(np.linalg.norm(places - places[:, :1], axis=2), axis=1, keepdims=True)
    weights *= np.linalg.norm(places - places[:, :1], axis=2) <= reach + 1e-6
    weights /= weights.sum(axis=1, keepdims=True)
    placed: Positions = np.einsum("mk,mkd->md", weights, places).astype(np.float32)
    return placed


def fitted(positions: Positions) -> Positions:
    """Turn a map so that it is wider than high, and scale it into the square from -1 to 1.

    Only distances mean something on it, and those keep their proportions.
    """
    if not len(positions):
        return positions
    turned = principal_positions(positions) if len(positions) > 1 else positions
    low, high = turned.min(axis=0), turned.max(axis=0)
    half = float((high - low).max()) / 2 or 1.0
    scaled: Positions = ((turned - (low + high) / 2) / half).astype(np.float32)
    return scaled


def spread_out(positions: Positions) -> tuple[Positions, float]:
    """Push points apart until small pictures on their places hardly cover each other.

    Parameters
    ----------
    positions : ndarray of float32, shape (n, 2)
        As `fitted` returns them.

    Returns
    -------
    positions : ndarray of float32, shape (n, 2)
        Within -1 and 1 again.
    side : float
        Of the square that each point was given; 0 for fewer than two points.
    """
    count = len(positions)
    if count < 2:
        return positions, 0.0
    from scipy.spatial import cKDTree

    places = positions.astype(np.float64)
    # A map that is nearly a line has no area: there is room above and below it
    area = np.prod(np.maximum(np.ptp(places, axis=0), 0.8))
    side = min(0.5, float(np.sqrt(_FILLED * area / count)))
    for _ in range(_PUSHES):
        one, other = cKDTree(places).query_pairs(side * _ENOUGH, np.inf, output_type="ndarray").T
        if not len(one):
            break
        apart = places[one] - places[other]
        overlap = side - np.abs(apart)
        shorter = overlap.argmin(axis=1)  # the shorter way out, sideways or up and down
        pairs = np.arange(len(one))
        way = np.where(apart[pairs, shorter] < 0, -1, 1)
        push = np.zeros_like(places)
        np.add.at(push, (one, shorter), overlap[pairs, shorter] * way)
        np.add.at(push, (other, shorter), -overlap[pairs, shorter] * way)
        # All pushes together, so that a dense crowd opens; no farther than half a square
        places += np.clip(0.4 * push, -side / 2, side / 2)
    low, high = places.min(axis=0), places.max(axis=0)
    half = float((high - low).max()) / 2 or 1.0
    spread: Positions = ((places - (low + high) / 2) / half).astype(np.float32)
    return spread, side / half


@cache
def _umap() -> ModuleType:
    """Import UMAP, which takes seconds: numba compiles for this machine."""
    with warnings.catch_warnings():
        # Its package says that a part of it which is not used here needs tensorflow
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        from umap import umap_

    module: ModuleType = umap_
    return module
