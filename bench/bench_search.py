"""Searches as a visitor asks them, beside FAISS exact on the same vectors in the same run.

`python -m bench.bench_search [--count N] [--dimension D]` prints every figure and writes
bench/search.json. Ours returns entries with names and facts from a gallery on disk; FAISS
(`IndexFlatIP`) returns row numbers from memory: the floor, not a like for like. Recall is
the share of the exact best 20 that ours finds. imgsearch's own index is searched beside them
where it is installed and the vectors are few enough to fill it in a minute or two. Vectors are
synthetic, or real ones of bench.real_vectors, from the file that IMGSIM_BENCH_VECTORS names.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.gallery_of_size import add, chunks
from bench.measure import THREADS, Moment
from imgsim_core.gallery.entry import ANYTHING, Filter, Found
from imgsim_core.gallery.entry import Row as Held
from imgsim_core.gallery.gallery import Gallery, open_gallery
from imgsim_core.gallery.result import ColourAsked, Hit, PictureAsked, Query, Result
from imgsim_core.gallery.search import search
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import GalleryInfo, open_store

PEERS = ("faiss-cpu", "imgsearch")
SMALL, LARGE, DIMENSION, TOP, QUERIES = 1_000, 100_000, 512, 20, 100
WARM = 10  # searches before those that count: the first ones read the index from disk
PEER_UP_TO = 25_000  # vectors that imgsearch is given

Figures = dict[str, float]


def real_vectors() -> NDArray[np.float32] | None:
    """Read the real vectors, or return None if there are none."""
    path = os.environ.get("IMGSIM_BENCH_VECTORS")
    return np.load(path) if path else None


def held(count: int, dimension: int, real: NDArray[np.float32] | None) -> Iterator[list[Held]]:
    """Yield rows to fill a gallery with; real vectors, if given, take the synthetic ones' place."""
    done = 0
    for some in chunks(count, dimension):
        if real is not None:
            some = [replace(row, vector=real[done + i]) for i, row in enumerate(some)]
        done += len(some)
        yield some


def measured(
    count: int, dimension: int = DIMENSION, real: NDArray[np.float32] | None = None
) -> Figures:
    """Fill a gallery in a temporary folder and search it in every way that has an index."""
    import faiss

    if real is not None:
        count, dimension = real.shape

    faiss.omp_set_num_threads(int(THREADS))
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(folder)
        store.create(
            GalleryInfo(name="bench", model="", encoder="", dimension=dimension, created=1.0)
        )
        vectors = np.zeros((count, dimension), np.float32)
        digests: list[str] = []
        for some in held(count, dimension, real):
            for row in some:
                vectors[len(digests)] = row.vector
                digests.append(row.entry.digest)
            add(store, "bench", some)
        store.settle("bench")
        exact = faiss.IndexFlatIP(dimension)
        exact.add(vectors)
        gallery = open_gallery("bench", store, Shelf(str(Path(folder) / "pictures")))
        chosen = np.random.default_rng(99).integers(count, size=(QUERIES, 2))
        figures: Figures = {"count": count, "dimension": dimension}
        single = [vectors[a] for a, _ in chosen]
        joined = [vectors[a] + 0.5 * vectors[b] for a, b in chosen]
        best = {
            what: [[digests[i] for i in exact.search(one[None], TOP)[1][0]] for one in asked]
            for what, asked in (("one picture", single), ("picture + half another", joined))
        }
        times("FAISS exact", figures, [lambda q=q: exact.search(q[None], TOP) for q in single])
        if count <= PEER_UP_TO and peer_is_there():
            by_imgsearch(figures, vectors, digests, single, best["one picture"], Path(folder))
        queries = {
            "one picture": [Query(pictures=(PictureAsked(digests[a]),)) for a, _ in chosen],
            "picture + half another": [
                Query(pictures=(PictureAsked(digests[a]), PictureAsked(digests[b], None, 0.5)))
                for a, b in chosen
            ],
        }
        for what, asked in queries.items():
            answers = searches(what, figures, gallery, asked)
            figures[f"{what}: recall@{TOP}"] = recall([one.hits for one in answers], best[what])
        found: list[Sequence[Found | Hit]] = []
        alone = "the store alone"
        for one in single[:WARM]:
            store.search("bench", one, TOP)
        times(
            alone,
            figures,
            [lambda q=q: found.append(store.search("bench", q, TOP)) for q in single],
        )
        figures[f"{alone}: recall@{TOP}"] = recall(found, best["one picture"])
        wide = Filter(shape="wide")
        searches("one picture, wide ones only", figures, gallery, queries["one picture"], wide)
        blue = Query(colours=(ColourAsked((40, 80, 200), 0.4),))
        searches("by a colour", figures, gallery, [blue] * 10)
    return figures


def searches(
    what: str, figures: Figures, gallery: Gallery, asked: list[Query], where: Filter = ANYTHING
) -> list[Result]:
    """Take times of searches; the first, which may have to read the gallery, apart."""
    started = time.perf_counter()
    search(gallery, asked[0], TOP, where)
    figures[f"{what}: first time, ms"] = (time.perf_counter() - started) * 1000
    for one in asked[1:WARM]:
        search(gallery, one, TOP, where)
    answers: list[Result] = []
    times(
        what, figures, [lambda q=q: answers.append(search(gallery, q, TOP, where)) for q in asked]
    )
    return answers


def recall(found: Sequence[Sequence[Found | Hit]], best: list[list[str]]) -> float:
    """Mean share of the digests of the exact best that were found, 0 to 1."""
    shared = [
        len({one.entry.digest for one in some} & set(right)) / TOP
        for some, right in zip(found, best, strict=True)
    ]
    return float(np.mean(shared))


def peer_is_there() -> bool:
    """Tell whether imgsearch can be asked."""
    return all(find_spec(name) for name in ("imgsearch", "hnswlib", "bidict"))


def by_imgsearch(
    figures: Figures,
    vectors: NDArray[np.float32],
    digests: list[str],
    asked: list[NDArray[np.float32]],
    right: list[list[str]],
    folder: Path,
) -> None:
    """Fill imgsearch's index as its server does, 500 at a time, and search it."""
    from imgsearch.storage import VectorDB

    index = VectorDB("bench", folder / "imgsearch", dim=vectors.shape[1])
    started = time.perf_counter()
    for start in range(0, len(vectors), 500):
        some = slice(start, start + 500)
        index.add_items(digests[some], list(vectors[some]))
    figures["imgsearch: seconds to fill"] = time.perf_counter() - started
    lists = [one.tolist() for one in asked]
    answers: list[list[tuple[str, float]]] = []
    times(
        "imgsearch",
        figures,
        [lambda q=q: answers.append(index.search(q, TOP)) for q in lists],
    )
    shared = [
        len({label for label, _ in answer} & set(best)) / TOP
        for answer, best in zip(answers, right, strict=True)
    ]
    figures[f"imgsearch: recall@{TOP}"] = float(np.mean(shared))


def times(what: str, figures: Figures, works: list[Callable[[], object]]) -> None:
    """Take the time of each piece of work."""
    taken = []
    for work in works:
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    figures[f"{what}: p50 ms"], figures[f"{what}: p95 ms"] = np.percentile(taken, (50, 95)).tolist()


def rows() -> list[Moment]:
    """Return what a visitor waits for after a click on a picture."""
    found = []
    real = real_vectors()
    for count, vectors in (
        (SMALL, None),
        (LARGE, None),
        *([(0, real)] if real is not None else []),
    ):
        figures = measured(count, DIMENSION, vectors)
        kind = "synthetic" if vectors is None else "real"
        peer = ""
        if "imgsearch: p95 ms" in figures:
            peer = (
                f"; imgsearch {figures['imgsearch: p95 ms']:.1f} p95 at recall "
                f"{figures[f'imgsearch: recall@{TOP}']:.3f}"
            )
        size = f"{figures['count']:,} {kind} x {figures['dimension']}"
        found.append(
            Moment(
                f"Top {TOP} of {size} in the store, p95",
                figures["the store alone: p95 ms"],
                "ms",
                30,
                f"recall@{TOP} {figures[f'the store alone: recall@{TOP}']:.3f}, facts included",
            )
        )
        found.append(
            Moment(
                f"Search among {size}, p95",
                figures["one picture: p95 ms"],
                "ms",
                30,
                f"recall@{TOP} {figures[f'one picture: recall@{TOP}']:.3f}; "
                f"FAISS exact {figures['FAISS exact: p95 ms']:.1f} p95 in memory{peer}",
            )
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, nargs="*", default=[SMALL, LARGE])
    parser.add_argument("--dimension", type=int, default=DIMENSION)
    arguments = parser.parse_args()
    all_figures = []
    asked: list[tuple[int, NDArray[np.float32] | None]] = [(one, None) for one in arguments.count]
    real = real_vectors()
    if real is not None:
        asked.append((0, real))
    for count, vectors in asked:
        all_figures.append(measured(count, arguments.dimension, vectors))
        all_figures[-1]["real"] = float(vectors is not None)
        all_figures[-1]["load"] = os.getloadavg()[0]
        for what, figure in all_figures[-1].items():
            print(f"{what:48} {figure:12,.3f}")
        print(flush=True)
    text = json.dumps(all_figures, indent=1)
    (Path(__file__).parent / "search.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
