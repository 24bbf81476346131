"""Searches as a visitor asks them, beside FAISS exact on the same vectors in the same run.

`python -m bench.bench_search [--count N] [--dimension D]` prints every figure and writes
bench/search.json. Ours returns entries with names and facts from a gallery on disk; FAISS
(`IndexFlatIP`) returns row numbers from memory: the floor, not a like for like. Recall is
the share of the exact best 20 that ours finds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.gallery_of_size import add, chunks
from bench.measure import THREADS, Moment
from imgsim_core.gallery.entry import ANYTHING, Filter
from imgsim_core.gallery.gallery import Gallery, open_gallery
from imgsim_core.gallery.result import ColourAsked, PictureAsked, Query, Result
from imgsim_core.gallery.search import search
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import GalleryInfo, open_store

SMALL, LARGE, DIMENSION, TOP, QUERIES = 1_000, 100_000, 512, 20, 100

Figures = dict[str, float]


def measured(count: int, dimension: int = DIMENSION) -> Figures:
    """Fill a gallery in a temporary folder and search it in every way that has an index."""
    import faiss

    faiss.omp_set_num_threads(int(THREADS))
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(folder)
        store.create(
            GalleryInfo(name="bench", model="", encoder="", dimension=dimension, created=1.0)
        )
        vectors = np.zeros((count, dimension), np.float32)
        digests: list[str] = []
        for some in chunks(count, dimension):
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
        queries = {
            "one picture": [Query(pictures=(PictureAsked(digests[a]),)) for a, _ in chosen],
            "picture + half another": [
                Query(pictures=(PictureAsked(digests[a]), PictureAsked(digests[b], None, 0.5)))
                for a, b in chosen
            ],
        }
        for what, asked in queries.items():
            answers = searches(what, figures, gallery, asked)
            shared = [
                len({hit.entry.digest for hit in answer.hits} & set(right)) / TOP
                for answer, right in zip(answers, best[what], strict=True)
            ]
            figures[f"{what}: recall@{TOP}"] = float(np.mean(shared))
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
    answers: list[Result] = []
    times(
        what, figures, [lambda q=q: answers.append(search(gallery, q, TOP, where)) for q in asked]
    )
    return answers


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
    for count in (SMALL, LARGE):
        figures = measured(count)
        found.append(
            Moment(
                f"Search by a picture among {count:,} x {DIMENSION}, p95",
                figures["one picture: p95 ms"],
                "ms",
                30,
                f"recall@{TOP} {figures[f'one picture: recall@{TOP}']:.3f}; "
                f"FAISS exact {figures['FAISS exact: p95 ms']:.1f} p95 in memory",
            )
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, nargs="*", default=[SMALL, LARGE])
    parser.add_argument("--dimension", type=int, default=DIMENSION)
    arguments = parser.parse_args()
    all_figures = []
    for count in arguments.count:
        all_figures.append(measured(count, arguments.dimension))
        for what, figure in all_figures[-1].items():
            print(f"{what:48} {figure:12,.3f}")
        print(flush=True)
    text = json.dumps(all_figures, indent=1)
    (Path(__file__).parent / "search.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
