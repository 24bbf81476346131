"""Drawing the map of a gallery: against umap-learn's own class, and at a hundred thousand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.manifold import trustworthiness

from bench.measure import Moment, Row, cost
from imgsim_core.gallery.atlas import draw
from imgsim_core.gallery.entry import COLOURS, TURNS, Entry
from imgsim_core.gallery.gallery import Snapshot

DIMENSION = 640
SMALL, LARGE = 2_000, 100_000
NEIGHBOURS = 15
_JUDGED = 2_000


def vectors(count: int) -> np.ndarray:
    """Crowds of fifty vectors of length 1, every tenth vector a near copy of another."""
    numbers = np.random.default_rng(0)
    centres = numbers.normal(size=(max(1, count // 50), DIMENSION)).astype(np.float32)
    made = centres[numbers.integers(len(centres), size=count)]
    made += 0.7 * numbers.normal(size=made.shape).astype(np.float32)
    made[9::10] = made[8::10][: len(made[9::10])] + 0.01
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def snapshot(count: int) -> Snapshot:
    """Gallery of these vectors; all pictures share one entry's facts."""
    entry = Entry(
        digest="0" * 64, names=("a.jpg",), sources=("",), bytes=1, format="JPEG", width=4, height=3,
        hashes=np.zeros(TURNS, np.uint64), colours=np.zeros(COLOURS, np.float32),
    )  # fmt: skip
    return Snapshot((entry,) * count, vectors(count), "1")


def by_umap(points: np.ndarray) -> np.ndarray:
    """Lay out with umap-learn's own class and the same settings."""
    from umap import UMAP

    layout = UMAP(n_neighbors=NEIGHBOURS, metric="cosine", random_state=0, n_jobs=1)
    return np.asarray(layout.fit_transform(points))


# ── Tasks ──────────────────────────────────────────────────────────────────────────


def our_map() -> Callable[[], object]:
    taken = snapshot(SMALL)
    return lambda: draw(taken)


def umap_map() -> Callable[[], object]:
    points = vectors(SMALL)
    return lambda: by_umap(points)


def our_large_map() -> Callable[[], object]:
    draw(snapshot(100))  # numba compiles
    taken = snapshot(LARGE)
    return lambda: draw(taken)


# ── Table ──────────────────────────────────────────────────────────────────────────


def rows() -> list[Row | Moment]:
    """Measure time against the peer, and time and memory of a large gallery."""
    points = vectors(SMALL)
    judged = np.random.default_rng(0).choice(SMALL, _JUDGED, replace=False)
    figures = [
        trustworthiness(points[judged], layout[judged], n_neighbors=10, metric="cosine")
        for layout in (draw(snapshot(SMALL)).positions, by_umap(points))
    ]
    ours, theirs = (cost(f"{__name__}:{task}", repeat=1) for task in ("our_map", "umap_map"))
    note = f"trustworthiness {figures[0]:.3f} against {figures[1]:.3f}; ours finds clusters too"
    work = f"map of {SMALL:,} pictures"
    large = cost(f"{__name__}:our_large_map", repeat=1)
    seconds = large.milliseconds / 1000
    return [
        Row(work, "ms", ours.milliseconds, theirs.milliseconds, 1.0, note),
        Moment(f"map of {LARGE:,} pictures", seconds, "s", 120, "once for each state of a gallery"),
        Moment(f"map of {LARGE:,} pictures, memory", large.peak_mib, "MiB", 700, "beside vectors"),
    ]
