"""A Milvus server filled and searched: `python -m bench.milvus_store milvus://host:19530`.

Prints every figure as JSON. The rows, conditions and queries are those of `bench_store`;
the reference is numpy over all vectors. The gallery is dropped before and after.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from collections.abc import Callable

import numpy as np

from bench.bench_store import NAME, ONE_PERCENT, TOP, Figures, searches, times
from bench.gallery_of_size import chunks
from imgsim_core.gallery.entry import ANYTHING, Filter, Row
from imgsim_core.gallery.milvus import MilvusStore
from imgsim_core.gallery.store import GalleryInfo

BATCH = 1_000
VISITORS = 8
SECONDS = 15.0
NAMED = Filter(name="picture-1-0000")


def measured(address: str, count: int, dimension: int) -> Figures:
    """Fill a gallery, search it as it is and once it is indexed, and by many at once."""
    store = MilvusStore(address)
    store.drop(NAME)
    store.create(
        GalleryInfo(name=NAME, model="", encoder="", dimension=dimension, created=time.time())
    )
    figures: Figures = {"count": count, "dimension": dimension, "load average": os.getloadavg()[0]}
    held: list[Row] = []
    seconds = 0.0
    for some in chunks(count, dimension):
        held += some
        started = time.perf_counter()
        for start in range(0, len(some), BATCH):
            store.add(NAME, some[start : start + BATCH])
        seconds += time.perf_counter() - started
    figures["rows added a second"] = count / seconds
    vectors = np.stack([row.vector for row in held])
    numbers = np.random.default_rng(99)
    # Somebody's other shot of a picture in the gallery
    queries = vectors[numbers.integers(count, size=200)]
    queries = queries + numbers.normal(size=queries.shape).astype(np.float32) * (
        0.5 / dimension**0.5
    )
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    digests = np.array([row.entry.digest for row in held])

    def best(where: Filter) -> list[list[str]]:
        kept = np.flatnonzero([where.keeps(row.entry) for row in held])
        cosines = queries @ vectors[kept].T
        return [digests[kept[np.argsort(-line)[:TOP]]].tolist() for line in cosines]

    conditions = (
        ("everything", ANYTHING),
        ("filter of 1 %", ONE_PERCENT),
        ("part of a name", NAMED),
    )
    right = {what: best(where) for what, where in conditions}
    for what, where in conditions:
        searches(f"as added, {what}", figures, store, queries[:40], right[what], where)
    started = time.perf_counter()
    store.settle(NAME)
    figures["settling, seconds"] = time.perf_counter() - started
    while store._client.describe_index(f"imgsim_rows_{dimension}", "vector")["pending_index_rows"]:
        time.sleep(0.5)
    figures["until all is indexed, seconds"] = time.perf_counter() - started
    time.sleep(5)  # the index is loaded after that
    for what, where in conditions:
        searches(f"indexed, {what}", figures, store, queries, right[what], where)
    few: list[Callable[[], object]] = [
        lambda d=d: store.get(NAME, d) for d in np.split(digests[: 20 * 50], 50)
    ]
    times("20 rows by digest", figures, few)
    times("version", figures, [lambda: store.version(NAME)] * 50)
    many_at_once(figures, store, queries)
    started = time.perf_counter()
    read = sum(map(len, store.scan(NAME)))
    assert read >= count
    figures["rows read a second"] = read / (time.perf_counter() - started)
    store.drop(NAME)
    return figures


def many_at_once(figures: Figures, store: MilvusStore, queries: np.ndarray) -> None:
    """Search from eight threads while another one writes."""
    ends = time.perf_counter() + SECONDS
    taken: list[float] = []
    written = [0]

    def visit(number: int) -> None:
        i = number
        while time.perf_counter() < ends:
            started = time.perf_counter()
            found = store.search(NAME, queries[i % len(queries)], TOP)
            taken.append((time.perf_counter() - started) * 1000)
            assert len(found) == TOP
            i += VISITORS

    def write() -> None:
        for some in chunks(100_000, queries.shape[1]):
            for start in range(0, len(some), 250):
                if time.perf_counter() > ends:
                    return
                store.add(NAME, some[start : start + 250])
                written[0] += 250
                time.sleep(0.5)

    threads = [threading.Thread(target=visit, args=(i,)) for i in range(VISITORS)]
    threads.append(threading.Thread(target=write))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    figures["at once: searches a second"] = len(taken) / SECONDS
    figures["at once: p50 ms"], figures["at once: p95 ms"] = np.percentile(taken, (50, 95)).tolist()
    figures["at once: rows written a second"] = written[0] / SECONDS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=512)
    chosen = parser.parse_args()
    figures = measured(chosen.address, chosen.count, chosen.dimension)
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}, indent=1))


if __name__ == "__main__":
    main()
