"""The atlas of a gallery: every picture a place on one map, with its crowds and its loners.

Made once for each state of a gallery, by one thread for all who ask. Of a large gallery a
seeded sample is drawn and the others are placed beside it: beyond the snapshot, which holds
every vector, time and memory grow with the pictures and not with their pairs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.background import leaving
from imgsim_core.gallery.clusters import (
    Cluster,
    closeness,
    clusters_of,
    labels_of,
    loneliness_line,
)
from imgsim_core.gallery.gallery import Gallery, Snapshot
from imgsim_core.gallery.layout import (
    FEWEST_FOR_UMAP,
    Positions,
    fitted,
    placed_among,
    principal_positions,
    spread_out,
    umap_positions,
)
from imgsim_core.gallery.neighbours import Neighbours, nearest
from imgsim_core.heap import give_back_memory
from imgsim_core.sizes import drop_oldest, size_in_bytes
from imgsim_core.text import Text

NEAREST = 5
"""Neighbours whose mean cosine says how alone a picture is."""

_PLACED_BY = 10  # neighbours a picture outside the sample is placed by
_MEASURED = 5_000  # pictures of a very large gallery whose neighbours are looked for among all
_MEASURE_ALL_UP_TO = 20_000
_SUSPECTS = 300  # of a very large gallery: looked at closely as possible outliers
_JUDGED = 2_000  # pictures that the map's quality is measured on
_JUDGED_BY = 10
_SPREAD_UP_TO = 500  # pictures that are pushed apart until each can be seen
_MOST_BYTES = 64 * 2**20  # of the maps that are kept


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """How a map is drawn.

    Parameters
    ----------
    neighbours : int
        Pictures that UMAP ties each picture to: few show detail, many the broad shape.
    drawn : int
        Pictures that UMAP itself lays out; a larger gallery is sampled.
    seed : int
        Equal seeds give equal maps.
    """

    neighbours: int = 15
    drawn: int = 5_000
    seed: int = 0


USUAL = Parameters()


class Stage(Enum):
    """What a map being drawn is at."""

    WAITING = "waiting"
    NEIGHBOURS = "neighbours"
    LAYOUT = "layout"
    PLACING = "placing"
    CLUSTERS = "clusters"
    QUALITY = "quality"

    @property
    def label(self) -> Text:
        """The stage, for people."""
        return _STAGE_LABELS[self]

    @property
    def share(self) -> float:
        """Part of the work that is done as a rule when the stage begins, 0 to 1."""
        return _STAGE_SHARES[self]


_STAGE_LABELS = {
    Stage.WAITING: Text("Waiting for another map to be drawn"),
    Stage.NEIGHBOURS: Text("Finding the nearest pictures of each"),
    Stage.LAYOUT: Text("Laying neighbours next to each other"),
    Stage.PLACING: Text("Placing all other pictures beside them"),
    Stage.CLUSTERS: Text("Looking for clusters and for pictures that lie apart"),
    Stage.QUALITY: Text("Checking how far the map can be trusted"),
}
_STAGE_SHARES = {
    Stage.WAITING: 0.02,
    Stage.NEIGHBOURS: 0.05,
    Stage.LAYOUT: 0.2,
    Stage.PLACING: 0.4,
    Stage.CLUSTERS: 0.8,
    Stage.QUALITY: 0.9,
}


@dataclass(frozen=True)
class Outlier:
    """A picture far from all others.

    Parameters
    ----------
    row : int
    nearest : int
        Row of the picture most like it.
    cosine : float
        Cosine similarity to that one.
    usual : float
        Median over the gallery of the same.
    """

    row: int
    nearest: int
    cosine: float
    usual: float

    @property
    def reason(self) -> Text:
        """Why it is called one."""
        return Text(
            "Its nearest picture lies at a cosine of {cosine}; for half of the gallery it is "
            "{usual} or more.",
            cosine=f"{self.cosine:.2f}",
            usual=f"{self.usual:.2f}",
        )


@dataclass(frozen=True)
class Quality:
    """How far a map can be trusted.

    Parameters
    ----------
    trustworthiness : float
        1 if whatever lies close on the map is close for the model too; 0 at the other end.
        It falls with every intruder, by how far off it is for the model. Among the judged.
    kept : float
        Of the `of` pictures nearest on the map, how many on average are among the `of`
        nearest for the model.
    of : int
    judged : int
        Pictures this was measured on.

    References
    ----------
    Venna, Kaski: Local multidimensional scaling.
    https://doi.org/10.1016/j.neunet.2006.05.014
    """

    trustworthiness: float
    kept: float
    of: int
    judged: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Atlas:
    """A gallery's map. Rows are those of the snapshot with the same version.

    Parameters
    ----------
    version : str
        State of the gallery it shows.
    parameters : Parameters
    positions : ndarray of float32, shape (n, 2)
        Between -1 and 1; the axes mean nothing, distances do.
    labels : ndarray of int32, shape (n,)
        Cluster of each picture, -1 for none.
    clusters : tuple of Cluster
        The largest first.
    outliers : tuple of Outlier
        The farthest first.
    measured : ndarray of int64, shape (m,)
        Rows whose neighbours among all were looked for: every one, or a drawn sample of a
        very large gallery.
    near : Neighbours
        Of those, the nearest first.
    quality : Quality or None
        None for fewer than four pictures.
    drawn : int
        Pictures that were laid out by UMAP; the others were placed beside them.
    room : float
        Side of the square that each picture has for itself on the map of a small gallery;
        0 on that of a large one.
    """

    version: str
    parameters: Parameters
    positions: Positions
    labels: NDArray[np.int32]
    clusters: tuple[Cluster, ...]
    outliers: tuple[Outlier, ...]
    measured: NDArray[np.int64]
    near: Neighbours
    quality: Quality | None
    drawn: int
    room: float

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def nearest_cosines(self) -> NDArray[np.float32]:
        """Cosine of each measured picture to the one most like it, shape (m,)."""
        if not self.near.cosines.shape[1]:
            return np.zeros(0, np.float32)
        return self.near.cosines[:, 0]

    def inside(self, outline: NDArray[np.float64]) -> NDArray[np.int64]:
        """Rows of the pictures inside an outline drawn on the map.

        Parameters
        ----------
        outline : ndarray of float, shape (k, 2)
            Corners of a polygon in the map's coordinates; it closes by itself and may cross
            itself (what it goes round twice is outside).

        Returns
        -------
        ndarray of int64, ascending
        """
        x, y = self.positions.T.astype(np.float64)
        odd = np.zeros(len(self), bool)
        for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
            crosses = (y0 > y) != (y1 > y)
            with np.errstate(divide="ignore", invalid="ignore"):
                odd ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
        return np.flatnonzero(odd)

    @property
    def is_sampled(self) -> bool:
        """Whether neighbours were looked for of a sample only."""
        return len(self.measured) < len(self)


Told = Callable[[Stage], None]


def draw(snapshot: Snapshot, parameters: Parameters = USUAL, told: Told | None = None) -> Atlas:
    """Draw the map of a gallery.

    Parameters
    ----------
    snapshot : Snapshot
    parameters : Parameters
    told : callable or None
        Called as each stage begins.

    Returns
    -------
    Atlas
        The same one for the same pictures and parameters.
    """
    tell = told or (lambda stage: None)
    vectors, count = snapshot.vectors, len(snapshot.vectors)
    numbers = np.random.default_rng(parameters.seed)
    tell(Stage.NEIGHBOURS)
    sample = _sample(numbers, count, parameters.drawn)
    inside = np.arange(len(sample))
    chosen = vectors if len(sample) == count else vectors[sample]
    wanted = max(parameters.neighbours, _PLACED_BY)
    near_inside = nearest(chosen, chosen, wanted, own=inside)
    tell(Stage.LAYOUT)
    if count < FEWEST_FOR_UMAP:
        laid_out = principal_positions(chosen)
    else:
        laid_out = umap_positions(chosen, near_inside.first(parameters.neighbours), parameters.seed)
    positions, labels = laid_out, labels_of(laid_out)
    to_sample = near_inside
    if len(sample) < count:
        tell(Stage.PLACING)
        positions, labels, to_sample = _with_the_rest(
            vectors, sample, laid_out, labels, near_inside
        )
    tell(Stage.CLUSTERS)
    measured, near = _measured(vectors, numbers, near_inside, len(sample))
    outliers = _outliers(vectors, measured, near, to_sample)
    clusters = clusters_of(vectors, labels)
    tell(Stage.QUALITY)
    positions, room = fitted(positions), 0.0
    if count <= _SPREAD_UP_TO:
        positions, room = spread_out(positions)
    return Atlas(
        version=snapshot.version,
        parameters=parameters,
        positions=positions,
        labels=labels,
        clusters=clusters,
        outliers=outliers,
        measured=measured,
        near=near,
        quality=_quality(vectors, positions, numbers),
        drawn=len(sample),
        room=room,
    )


def _sample(numbers: np.random.Generator, count: int, most: int) -> NDArray[np.int64]:
    """Rows 0 to count, or `most` of them drawn at random; ascending."""
    if count <= most:
        return np.arange(count)
    return np.sort(numbers.choice(count, most, replace=False))


def _with_the_rest(
    vectors: NDArray[np.float32],
    sample: NDArray[np.int64],
    laid_out: Positions,
    labels: NDArray[np.int32],
    near_inside: Neighbours,
) -> tuple[Positions, NDArray[np.int32], Neighbours]:
    """Places, clusters and neighbours in the sample of all pictures, from those of the sample."""
    # Of all, the sample included: picking the rest out would copy nearly all vectors
    near = nearest(vectors, vectors[sample], near_inside.rows.shape[1])
    positions, all_labels = placed_among(near, laid_out), labels[near.rows[:, 0]]
    positions[sample], all_labels[sample] = laid_out, labels
    near.rows[sample], near.cosines[sample] = near_inside.rows, near_inside.cosines
    return positions, all_labels, Neighbours(sample[near.rows].astype(np.int32), near.cosines)


def _measured(
    vectors: NDArray[np.float32],
    numbers: np.random.Generator,
    near_inside: Neighbours,
    drawn: int,
) -> tuple[NDArray[np.int64], Neighbours]:
    count = len(vectors)
    if drawn == count:
        return np.arange(count), near_inside.first(NEAREST)
    rows = _sample(numbers, count, count if count <= _MEASURE_ALL_UP_TO else _MEASURED)
    return rows, nearest(vectors[rows], vectors, NEAREST, own=rows)


def _outliers(
    vectors: NDArray[np.float32],
    measured: NDArray[np.int64],
    near: Neighbours,
    to_sample: Neighbours,
) -> tuple[Outlier, ...]:
    """Pictures below the gallery's line of loneliness.

    A picture that was not measured is at least as near to all others as to the sample: the
    loneliest by the sample are looked at among all.
    """
    close = closeness(near, NEAREST)
    line = loneliness_line(close)
    usual = float(np.median(near.cosines[:, 0])) if near.cosines.size else 0.0
    rows = measured
    if len(measured) < len(vectors):
        suspects = np.argsort(closeness(to_sample, NEAREST), kind="stable")[:_SUSPECTS]
        rows = np.sort(suspects)
        near = nearest(vectors[rows], vectors, NEAREST, own=rows)
        close = closeness(near, NEAREST)
    found = [
        Outlier(int(rows[i]), int(near.rows[i, 0]), float(near.cosines[i, 0]), usual)
        for i in np.argsort(close, kind="stable")
        if close[i] < line
    ]
    return tuple(found)


def _quality(
    vectors: NDArray[np.float32], positions: Positions, numbers: np.random.Generator
) -> Quality | None:
    rows = _sample(numbers, len(vectors), _JUDGED)
    of = min(_JUDGED_BY, (len(rows) - 1) // 2)
    if of < 1:
        return None
    from scipy.spatial import cKDTree
    from sklearn.manifold import trustworthiness

    # Neighbours among all; ranks, which need every pair, among those judged only
    for_model = nearest(vectors[rows], vectors, of, own=rows).rows
    _, on_map = cKDTree(positions).query(positions[rows], of + 1)
    others = on_map != rows[:, None]
    others[others.all(axis=1), -1] = False  # itself was crowded out by equals
    on_map = on_map[others].reshape(len(rows), of)
    kept = (on_map[:, :, None] == for_model[:, None, :]).any(axis=2).sum(axis=1).mean()
    figure = trustworthiness(vectors[rows], positions[rows], n_neighbors=of, metric="cosine")
    return Quality(float(figure), float(kept), of, len(rows))


# ── Made once for all who ask ──────────────────────────────────────────────────────


class Drawing:
    """A map being drawn, or drawn already; whoever asks for the same one gets this."""

    def __init__(self) -> None:
        self.stage = Stage.WAITING
        self._future: Future[Atlas] | None = None

    def start(self, workers: ThreadPoolExecutor, snapshot: Snapshot, how: Parameters) -> None:
        """Let a worker draw it."""

        def told(stage: Stage) -> None:
            if leaving():  # Python would wait for a map that nobody will see
                raise RuntimeError("the program ends")
            self.stage = stage

        self._future = workers.submit(_drawn, snapshot, how, told)

    def wait(self, seconds: float) -> bool:
        """Wait a while; return whether it is drawn."""
        return self._future is not None and not wait_for([self._future], seconds).not_done

    def atlas(self) -> Atlas:
        """Return the map, waiting until it is drawn."""
        if self._future is None:
            raise RuntimeError("start it first")
        return self._future.result()

    @property
    def failed(self) -> bool:
        """Whether drawing ended in an error, so that it is worth another try."""
        future = self._future
        return future is not None and future.done() and future.exception() is not None


def _drawn(snapshot: Snapshot, how: Parameters, told: Told) -> Atlas:
    try:
        return draw(snapshot, how, told)
    finally:
        give_back_memory()


_lock = threading.Lock()
_drawings: dict[tuple[Any, ...], Drawing] = {}
# One at a time: a second one would only make both slower
_workers = ThreadPoolExecutor(1, thread_name_prefix="atlas")


@cache
def warm_up() -> None:
    """Let numba compile what a map needs, so that the first one is not slower than others."""
    vectors = np.random.default_rng(0).normal(size=(2 * FEWEST_FOR_UMAP, 8)).astype(np.float32)
    _workers.submit(draw, Snapshot((), vectors, ""))


def begin(gallery: Gallery, snapshot: Snapshot, parameters: Parameters = USUAL) -> Drawing:
    """Begin to draw a gallery's map, or recall the one drawn of this very state.

    Parameters
    ----------
    gallery : Gallery
    snapshot : Snapshot
        Of the gallery; its version is what the map is kept under.
    parameters : Parameters
    """
    info = gallery.info
    key = (
        gallery.store.address,
        info.name,
        info.created,
        info.encoder,
        snapshot.version,
        parameters,
    )
    with _lock:
        drawing = _drawings.pop(key, None)
        if drawing is None or drawing.failed:
            drawing = Drawing()
            drawing.start(_workers, snapshot, parameters)
        _drawings[key] = drawing  # the one used last goes last
        drop_oldest(_drawings, _MOST_BYTES, _size)
    return drawing


def _size(drawing: Drawing) -> int:
    future = drawing._future
    is_there = future is not None and future.done() and not drawing.failed
    return size_in_bytes(drawing.atlas()) if is_there else 0


def forget_drawings(address: str) -> None:
    """Let go of the maps of galleries whose store lies at or below an address."""
    with _lock:
        for key in [key for key in _drawings if str(key[0]).startswith(address)]:
            del _drawings[key]
