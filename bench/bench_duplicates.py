"""Duplicates against imagededup: all near pairs of hashes, and 1,300 pictures end to end.

Run alone, `python -m bench.bench_duplicates`, it also measures what is right, and writes
bench/duplicates.json.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.measure import Row
from bench.reference_photos import DATA
from imgsim_core.distort import all_damages
from imgsim_core.gallery.copies import Level
from imgsim_core.gallery.duplicates import find_duplicates
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.ingest import ingest, new_gallery
from imgsim_core.gallery.near_hashes import near_pairs
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.sources import from_paths
from imgsim_core.gallery.store import open_store
from imgsim_core.memory import Memory
from imgsim_core.models.torchvision_operators import torch_library
from imgsim_core.picture import open_picture

PEERS = ("imagededup",)
HASHES, RADIUS = 10_000, 10
MANY = 100_000  # the peer's time grows as the square: it is waited for a while only
GROWTH = (10_000, 20_000)  # how the peer's time grows
PATIENCE = 240  # seconds that the peer is waited for
FACTOR = 15  # times ours that it is waited for with many hashes; the target is 10
COPIES = 300
SEED = 7


def _peer() -> Any:
    # It imports torchvision though its hashes do without
    return torch_library("imagededup.methods").PHash(verbose=False)


def hashes_with_near_ones(count: int) -> NDArray[np.uint64]:
    """Random hashes, one in five made from another by flipping up to 13 bits."""
    random = np.random.default_rng(SEED)
    made = random.integers(0, 2**64, count, dtype=np.uint64)
    for _ in range(count // 5):
        to, other = random.integers(count, size=2)
        places = random.choice(64, random.integers(0, 14), replace=False).astype(np.uint64)
        made[to] = made[other] ^ np.bitwise_or.reduce(np.uint64(1) << places)
    return made


def compare_hashes(count: int = HASHES) -> tuple[float, float, bool, int]:
    """Seconds of ours and of the peer's for the same pairs, whether these agree, how many."""
    table = hashes_with_near_ones(count)
    near_pairs(table[:100], RADIUS)  # compiles
    ours = _median_of_three(lambda: near_pairs(table, RADIUS))
    found = near_pairs(table, RADIUS)
    peer = _peer()
    names = {str(row): f"{int(value):016x}" for row, value in enumerate(table)}
    started = time.perf_counter()
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        theirs_found = peer.find_duplicates(
            encoding_map=names, max_distance_threshold=RADIUS, num_dist_workers=0
        )
    theirs = time.perf_counter() - started
    pairs = {(int(a), int(b)) for a, b in found.rows}
    wanted = {
        (min(int(a), int(b)), max(int(a), int(b))) for a, near in theirs_found.items() for b in near
    }
    return ours, theirs, pairs == wanted, len(pairs)


def growth() -> dict[str, Any]:
    """Seconds of ours for many hashes, and of the peer's for few: a process each, with a limit."""
    figures: dict[str, Any] = {"radius_bits": RADIUS}
    table = hashes_with_near_ones(MANY)
    near_pairs(table[:100], RADIUS)  # compiles
    started = time.perf_counter()
    found = near_pairs(table, RADIUS)
    figures[f"ours {MANY}"] = time.perf_counter() - started
    figures[f"pairs {MANY}"] = len(found.rows)
    for count in GROWTH:
        asked = [sys.executable, "-m", "bench.bench_duplicates", "peer", str(count)]
        try:
            told = subprocess.run(
                asked, capture_output=True, text=True, check=True, timeout=PATIENCE
            ).stdout
        except subprocess.TimeoutExpired:
            figures[f"imagededup {count}"] = None  # not done in that time
            break
        figures[f"imagededup {count}"] = float(told.splitlines()[-1])
    figures["load"] = os.getloadavg()[0]
    return figures


def _median_of_three(work: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def pairs_by_looking_at_all(table: NDArray[np.uint64]) -> int:
    """Count near pairs by comparing each hash with each: what nothing may be missed of."""
    count = 0
    for row, value in enumerate(table):
        count += int((np.bitwise_count(table[row + 1 :] ^ value) <= RADIUS).sum())
    return count


def many_hashes() -> Row:
    """Measure ours on many hashes; the peer is stopped once the target is passed by half."""
    table = hashes_with_near_ones(MANY)
    near_pairs(table[:100], RADIUS)  # compiles
    ours = _median_of_three(lambda: near_pairs(table, RADIUS))
    found, right = len(near_pairs(table, RADIUS).rows), pairs_by_looking_at_all(table)
    asked = [sys.executable, "-m", "bench.bench_duplicates", "peer", str(MANY)]
    limit, stopped = max(20.0, FACTOR * ours), False
    with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True, start_new_session=True) as peer:
        try:
            theirs = float(peer.communicate(timeout=limit)[0].splitlines()[-1])
        except subprocess.TimeoutExpired:
            theirs, stopped = limit, True
            os.killpg(peer.pid, signal.SIGKILL)  # its workers too
    if found != right:
        raise AssertionError(f"{found} pairs found of {right}")
    note = f"all {found} pairs, as by comparing each with each"
    work = f"pairs within {RADIUS} of 64 bits, {MANY:,} hashes"
    return Row(work, "s", ours, theirs, 10, note, PEERS[0], at_least=stopped)


def peer_seconds(count: int) -> float:
    """Seconds the peer takes to find the near pairs of as many hashes."""
    peer = _peer()
    names = {
        str(row): f"{int(value):016x}" for row, value in enumerate(hashes_with_near_ones(count))
    }
    started = time.perf_counter()
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        peer.find_duplicates(encoding_map=names, max_distance_threshold=RADIUS, num_dist_workers=0)
    return time.perf_counter() - started


def with_copies(folder: Path) -> dict[str, str]:
    """Put the photographs and edited copies of some into a folder; family of each file name."""
    random = np.random.default_rng(SEED)
    families = {}
    photos = sorted((DATA / "photos").glob("*.jpg"))
    for path in photos:
        (folder / path.name).write_bytes(path.read_bytes())
        families[path.name] = path.name
    damages = all_damages()
    for number in range(COPIES):
        path = photos[int(random.integers(len(photos)))]
        damage = damages[number % len(damages)]
        rgb = damage(open_picture(path.read_bytes(), path.name).rgb, damage.default)
        name = f"copy-{number:03}-{damage.id}.png"
        Image.fromarray(rgb).save(folder / name)
        families[name] = path.name
    return families


def right(pairs: set[frozenset[str]], families: dict[str, str]) -> tuple[float, float]:
    """Recall and precision of pairs of file names."""
    members: dict[str, list[str]] = {}
    for name, family in families.items():
        members.setdefault(family, []).append(name)
    wanted = {
        frozenset((a, b)) for names in members.values() for a in names for b in names if a != b
    }
    return len(pairs & wanted) / len(wanted), len(pairs & wanted) / max(1, len(pairs))


def our_pairs(gallery: Gallery) -> set[frozenset[str]]:
    """Every two files of a group, those with equal bytes included."""
    pairs = set()
    same = find_duplicates(gallery, Level.FILE)
    copies = find_duplicates(gallery, Level.COPY, Memory(100_000_000))
    for report in (same, copies):
        for group in report.groups:
            names = [Path(name).name for one in group.members for name in report.entries[one].names]
            pairs |= {frozenset((a, b)) for a in names for b in names if a != b}
    return pairs


def compare_pictures() -> dict[str, Any]:
    """Time and rightness of both on the same pictures, from the files to the groups."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "in"
        folder.mkdir()
        families = with_copies(folder)
        started = time.perf_counter()
        store, shelf = open_store(f"{made}/store"), Shelf(f"{made}/pictures")
        gallery = new_gallery("bench", store, shelf)
        ingest(gallery, from_paths([str(folder)]))
        indexed = time.perf_counter()
        ours = our_pairs(gallery)
        found = time.perf_counter()
        recall, precision = right(ours, families)
        peer = _peer()
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            before = time.perf_counter()
            near = peer.find_duplicates(image_dir=folder, max_distance_threshold=RADIUS)
            peer_seconds = time.perf_counter() - before
        theirs = {frozenset((a, b)) for a, others in near.items() for b in others if a != b}
        peer_recall, peer_precision = right(theirs, families)
    return {
        "pictures": len(families),
        "index_seconds": indexed - started,
        "search_seconds": found - indexed,
        "recall": recall,
        "precision": precision,
        "imagededup_seconds": peer_seconds,
        "imagededup_recall": peer_recall,
        "imagededup_precision": peer_precision,
    }


def rows() -> Iterator[Row]:
    """Yield the lines for `python -m bench`."""
    ours, theirs, same, count = compare_hashes()
    correct = f"{count} pairs, {'the same' if same else 'NOT THE SAME'} as imagededup's"
    work = f"pairs within {RADIUS} of 64 bits, {HASHES:,} hashes"
    yield Row(work, "s", ours, theirs, 10, correct, PEERS[0])
    yield many_hashes()


def main() -> None:
    """Print the comparisons and write them as JSON; `growth` or `peer COUNT` does that alone."""
    if sys.argv[1:2] == ["peer"]:
        print(peer_seconds(int(sys.argv[2])))
        return
    if sys.argv[1:2] == ["growth"]:
        print(json.dumps(growth(), indent=1))
        return
    ours, theirs, same, count = compare_hashes()
    result: dict[str, Any] = {
        "load_at_start": os.getloadavg(),
        "hashes": {
            "count": HASHES,
            "radius_bits": RADIUS,
            "pairs": count,
            "same_pairs": same,
            "seconds": ours,
            "imagededup_seconds": theirs,
            "ratio": theirs / ours,
        },
    }
    print(
        f"{f'{HASHES:,} hashes, {RADIUS} bits':<34} ours {ours:8.2f} s  imagededup {theirs:8.2f} s",
        end="",
    )
    print(f"   {theirs / ours:.1f}x   same pairs: {same} ({count})")
    if "hashes" not in sys.argv[1:]:
        told = compare_pictures()
        result["pictures"] = told
        seconds = told["index_seconds"] + told["search_seconds"]
        print(
            f"{told['pictures']} pictures, from files to groups   ours {seconds:8.2f} s   "
            f"imagededup {told['imagededup_seconds']:8.2f} s"
        )
        print(
            f"  recall     ours {told['recall']:.3f}   imagededup {told['imagededup_recall']:.3f}"
        )
        print(
            f"  precision  ours {told['precision']:.3f}   "
            f"imagededup {told['imagededup_precision']:.3f}"
        )
        result["growth"] = growth()
    result["load_at_end"] = os.getloadavg()
    path = Path(__file__).parent / "duplicates.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
