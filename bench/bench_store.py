"""The embedded store at 100,000 vectors, beside FAISS exact on the same vectors in the same run.

`python -m bench.bench_store [--count N] [--dimension D]` prints every figure and writes
bench/store.json. FAISS (`IndexFlatIP`) holds the vectors in memory and nothing else; the
store holds them on disk, with names, conditions and transactions, so the peer's figures are
the floor, not a like for like.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.gallery_of_size import add, chunks
from bench.measure import THREADS, Moment
from imgsim_core.gallery.entry import ANYTHING, Filter, Found
from imgsim_core.gallery.store import GalleryInfo, Store, open_store

PEERS = ("faiss-cpu", "lancedb")
COUNT, DIMENSION, TOP = 100_000, 512, 20
NAME = "bench"
ONE_PERCENT = Filter(taken_from="2026-08")

Figures = dict[str, float]


def measured(count: int = COUNT, dimension: int = DIMENSION) -> Figures:
    """Fill a store in a temporary folder, search it, index it, search it again."""
    import faiss

    faiss.omp_set_num_threads(int(THREADS))
    figures: Figures = {"count": count, "dimension": dimension}
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(folder)
        store.create(
            GalleryInfo(name=NAME, model="", encoder="", dimension=dimension, created=time.time())
        )
        vectors = np.zeros((count, dimension), np.float32)
        digests: list[str] = []
        kept: list[bool] = []
        seconds = 0.0
        for some in chunks(count, dimension):
            for row in some:
                vectors[len(digests)] = row.vector
                digests.append(row.entry.digest)
                kept.append(ONE_PERCENT.keeps(row.entry))
            started = time.perf_counter()
            add(store, NAME, some)
            seconds += time.perf_counter() - started
        figures["rows added a second"] = count / seconds
        exact = faiss.IndexFlatIP(dimension)
        exact.add(vectors)
        numbers = np.random.default_rng(99)
        # Somebody's other shot of a picture in the gallery
        queries = vectors[numbers.integers(count, size=200)]
        queries = queries + numbers.normal(size=queries.shape).astype(np.float32) * (
            0.5 / dimension**0.5
        )
        queries /= np.linalg.norm(queries, axis=1, keepdims=True)
        best = [[digests[i] for i in exact.search(query[None], TOP)[1][0]] for query in queries]
        few = np.flatnonzero(kept)
        figures["rows that the filter keeps"] = len(few)
        among = [
            [digests[i] for i in few[np.argsort(-(vectors[few] @ query))[:TOP]]]
            for query in queries
        ]

        times("FAISS exact", figures, [lambda q=q: exact.search(q[None], TOP) for q in queries])
        searches("not indexed", figures, store, queries[:40], best, ANYTHING)
        searches("not indexed, filter of 1 %", figures, store, queries[:40], among, ONE_PERCENT)
        figures["disk before settling, MiB"] = disk(folder)
        settling(figures, store, queries)
        searches("indexed", figures, store, queries, best, ANYTHING)
        searches("indexed, filter of 1 %", figures, store, queries, among, ONE_PERCENT)
        figures["disk, MiB"] = disk(folder)
        del vectors
        figures.update(in_a_child(folder))
    return figures


def searches(
    what: str,
    figures: Figures,
    store: Store,
    queries: np.ndarray,
    best: list[list[str]],
    where: Filter,
) -> None:
    """Take times of searches, and the share of the true best that they find."""
    answers: list[tuple[Found, ...]] = []
    works = [lambda q=q: answers.append(store.search(NAME, q, TOP, where)) for q in queries]
    works[0]()
    answers.clear()
    times(what, figures, works)
    shared = [
        len({hit.entry.digest for hit in answer} & {*right}) / len(right)
        for answer, right in zip(answers, best, strict=False)
    ]
    figures[f"{what}: recall"] = float(np.mean(shared))


def times(what: str, figures: Figures, works: list[Callable[[], object]]) -> None:
    """Take the time of each piece of work; of all threads' CPU too, which a busy host spares."""
    taken = []
    before = time.process_time()
    for work in works:
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    figures[f"{what}: CPU ms"] = (time.process_time() - before) * 1000 / len(works)
    figures[f"{what}: p50 ms"], figures[f"{what}: p95 ms"] = np.percentile(taken, (50, 95)).tolist()


def settling(figures: Figures, store: Store, queries: np.ndarray) -> None:
    """Settle in one thread, and search from another meanwhile."""
    started = time.perf_counter()
    work = threading.Thread(target=store.settle, args=(NAME,))
    work.start()
    taken = []
    while work.is_alive():
        before = time.perf_counter()
        store.search(NAME, queries[len(taken) % len(queries)], TOP)
        taken.append((time.perf_counter() - before) * 1000)
        time.sleep(0.5)
    figures["settling and indexing, seconds"] = time.perf_counter() - started
    figures["while settling: p50 ms"] = float(np.median(taken))
    figures["while settling: slowest ms"] = max(taken)


def disk(folder: str) -> float:
    """Return MiB of a folder's files."""
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 2**20


_CHILD = """
import json, sys, time
from pathlib import Path
import numpy as np
from imgsim_core.gallery.gallery import open_gallery
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import open_store

def mib(key):
    text = Path("/proc/self/status").read_text()
    return next(int(l.split()[1]) / 1024 for l in text.splitlines() if l.startswith(key))

gallery = open_gallery("bench", open_store(sys.argv[1]), Shelf(sys.argv[1] + "/pictures"))
vector = np.ones(gallery.info.dimension, np.float32)
before = mib("VmRSS")
for i in range(50):
    gallery.store.search("bench", np.cos(np.arange(len(vector)) + i), 20)
searched = mib("VmRSS")
started = time.perf_counter()
snapshot = gallery.snapshot()
print(json.dumps({
    "memory before, MiB": before,
    "memory after 50 searches, MiB": searched,
    "memory with a snapshot, MiB": mib("VmRSS"),
    "peak memory, MiB": mib("VmHWM"),
    "vectors of the snapshot, MiB": snapshot.vectors.nbytes / 2**20,
    "reading the snapshot, seconds": time.perf_counter() - started,
}))
"""


def in_a_child(folder: str) -> Figures:
    """Search and read a snapshot in a process of its own, which tells its memory."""
    output = subprocess.run(
        [sys.executable, "-c", _CHILD, folder],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    ).stdout
    found: Figures = json.loads(output.splitlines()[-1])
    return found


def rows() -> list[Moment]:
    """Return what a visitor of a large gallery waits for."""
    found = measured()
    size = f"{COUNT:,} x {DIMENSION}"
    beside = f"FAISS exact {found['FAISS exact: p50 ms']:.1f} p50 in memory"
    return [
        Moment(
            f"Search in {size}, p95",
            found["indexed: p95 ms"],
            "ms",
            30,
            f"recall@{TOP} {found['indexed: recall']:.3f}; {beside}",
        ),
        Moment(
            f"Search in {size}, missed of the best {TOP}",
            1 - found["indexed: recall"],
            "share",
            0.02,
            "FAISS exact is the truth",
        ),
        Moment(
            f"Peak memory with a snapshot of {size}",
            found["peak memory, MiB"],
            "MiB",
            2048,
            "store and core, no page",
        ),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--dimension", type=int, default=DIMENSION)
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "store.json")
    given = parser.parse_args()
    result = {**measured(given.count, given.dimension), "load": os.getloadavg()[0]}
    for name, value in result.items():
        print(f"{name:<44} {value:>12,.3f}")
    given.json.write_text(json.dumps(result, indent=1) + "\n")
