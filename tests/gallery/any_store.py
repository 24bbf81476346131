"""What every kind of store promises: `test_store.py` asks it of a folder and of object storage,
`tests/scale/` of a server. Whoever collects these tests brings the fixtures `storage`, the
place, and `store`, an empty store there.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from imgsim_core.errors import BadGalleryName, OtherEncoder, UnknownGallery
from imgsim_core.gallery import lance
from imgsim_core.gallery.entry import ANYTHING, Entry, Filter, Row
from imgsim_core.gallery.store import Store, open_store
from tests.gallery.conftest import Storage
from tests.gallery.rows import DIMENSION, clustered, digest_of, info, row, rows

ROOT = Path(__file__).parents[2]
NAME = "holiday"


@pytest.fixture
def filled(store: Store) -> Store:
    """Return a store whose gallery holds 300 rows."""
    store.create(info(NAME))
    store.add(NAME, ROWS)
    return store


ROWS = rows(300)


def digests(found: Sequence[Row]) -> list[str]:
    return [one.entry.digest for one in found]


def all_rows(store: Store, name: str = NAME) -> dict[str, Row]:
    """Return the gallery's rows by digest, each of which is there once."""
    found = [one for batch in store.scan(name) for one in batch]
    by_digest = {one.entry.digest: one for one in found}
    assert len(by_digest) == len(found) == store.count(name)
    return by_digest


def assert_same_entry(a: Entry, b: Entry) -> None:
    for field in fields(Entry):
        one, other = getattr(a, field.name), getattr(b, field.name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
        elif isinstance(one, float):
            assert one == pytest.approx(other, rel=1e-6)  # kept in 32 bits
        else:
            assert type(one) is type(other)
            assert one == other


def exact(of: Sequence[Row], vector: NDArray[np.float32], count: int) -> list[str]:
    """Return the digests with the highest cosine: the reference is numpy."""
    cosines = np.stack([one.vector for one in of]).astype(np.float64) @ vector
    return [of[i].entry.digest for i in np.argsort(-cosines, kind="stable")[:count]]


# ── Rows ───────────────────────────────────────────────────────────────────────────


def test_everything_of_a_row_comes_back(filled: Store) -> None:
    wanted = ROWS[:40]
    for one, back in zip(wanted, filled.get(NAME, digests(wanted)), strict=True):
        assert_same_entry(one.entry, back.entry)
        assert back.vector.dtype == np.float32
        np.testing.assert_array_equal(one.vector, back.vector)


def test_adding_again_changes_nothing(filled: Store) -> None:
    filled.add(NAME, ROWS)
    filled.add(NAME, ROWS[:10])
    assert all_rows(filled).keys() == set(digests(ROWS))


def test_a_row_added_again_replaces_the_old_one(filled: Store) -> None:
    old = ROWS[5]
    new = Row(old.entry.also_at("a second name.jpg", "/there"), -old.vector)
    filled.add(NAME, [new])
    (back,) = filled.get(NAME, [old.entry.digest])
    assert back.entry.names == (*old.entry.names, "a second name.jpg")
    np.testing.assert_array_equal(back.vector, -old.vector)
    assert filled.count(NAME) == len(ROWS)


def test_of_a_row_given_twice_the_last_counts(filled: Store) -> None:
    filled.add(NAME, [row("twice.jpg", quality=1), row("twice.jpg", quality=2)])
    assert [one.entry.quality for one in filled.get(NAME, [digest_of("twice.jpg")])] == [2]


def test_adding_no_rows_is_no_change(filled: Store) -> None:
    before = filled.version(NAME)
    filled.add(NAME, [])
    assert filled.version(NAME) == before


def test_a_batch_with_one_wrong_row_adds_none(filled: Store) -> None:
    wrong = row("wrong.jpg", np.ones(DIMENSION + 1).tolist())
    with pytest.raises(ValueError, match=r"\S"):  # a bug of the caller, and loud
        filled.add(NAME, [row("right.jpg"), wrong])
    assert filled.held(NAME, [digest_of("right.jpg")]) == frozenset()
    assert filled.count(NAME) == len(ROWS)


def test_rows_come_in_the_order_asked_for(filled: Store) -> None:
    wanted = digests(ROWS)
    random.Random(1).shuffle(wanted)
    asked = [digest_of("not there"), *wanted, wanted[0]]
    assert digests(filled.get(NAME, asked)) == [*wanted, wanted[0]]
    assert filled.get(NAME, []) == ()


def test_more_digests_than_one_condition_names(filled: Store) -> None:
    others = [digest_of(f"other {i}") for i in range(2500)]
    asked = [*others[:1200], ROWS[3].entry.digest, *others[1200:], ROWS[7].entry.digest]
    assert digests(filled.get(NAME, asked)) == [ROWS[3].entry.digest, ROWS[7].entry.digest]
    assert filled.held(NAME, asked) == {ROWS[3].entry.digest, ROWS[7].entry.digest}


def test_held_names_those_that_are_there(filled: Store) -> None:
    there, other = ROWS[0].entry.digest, digest_of("other")
    assert filled.held(NAME, iter([there, other, there])) == {there}
    assert filled.held(NAME, []) == frozenset()


def test_removed_rows_are_gone_and_nothing_else_is(filled: Store) -> None:
    gone = digests(ROWS[::3])
    filled.remove(NAME, iter([*gone, digest_of("never there")]))
    filled.remove(NAME, gone)
    filled.remove(NAME, [])
    assert all_rows(filled).keys() == set(digests(ROWS)) - set(gone)
    assert filled.get(NAME, gone) == ()


def test_a_scan_gives_every_row_once(filled: Store) -> None:
    for batch in (7, 1000):
        batches = list(filled.scan(NAME, batch=batch))
        assert max(map(len, batches)) <= batch
        assert sorted(digests([one for some in batches for one in some])) == sorted(digests(ROWS))


def test_a_scan_without_vectors_reads_none(filled: Store) -> None:
    found = [one for batch in filled.scan(NAME, vectors=False) for one in batch]
    assert len(found) == len(ROWS)
    assert {one.vector.shape for one in found} == {(0,)}
    by_digest = {one.entry.digest: one.entry for one in found}
    for one in ROWS[:20]:
        assert_same_entry(one.entry, by_digest[one.entry.digest])


def test_an_empty_gallery_answers(store: Store) -> None:
    store.create(info(NAME))
    assert store.count(NAME) == 0
    assert list(store.scan(NAME)) == []
    assert store.search(NAME, ROWS[0].vector, 5) == ()
    assert store.get(NAME, digests(ROWS[:2])) == ()
    store.remove(NAME, digests(ROWS[:2]))
    store.settle(NAME)
    assert store.count(NAME) == 0


# ── Search ─────────────────────────────────────────────────────────────────────────


def test_search_is_exact(filled: Store) -> None:
    queries = [*clustered(5, DIMENSION, seed=9), ROWS[17].vector]
    vectors = {one.entry.digest: one.vector for one in ROWS}
    for query in queries:
        for count in (1, 20, 1000):
            found = filled.search(NAME, query, count)
            assert [hit.entry.digest for hit in found] == exact(ROWS, query, count)
            cosines = [float(vectors[hit.entry.digest] @ query) for hit in found]
            assert [hit.cosine for hit in found] == pytest.approx(cosines, abs=2e-6)
            assert all(-1 <= hit.cosine <= 1 for hit in found)
    assert_same_entry(ROWS[17].entry, filled.search(NAME, ROWS[17].vector, 1)[0].entry)


@pytest.mark.parametrize("count", [0, -1])
def test_asking_for_nothing_finds_nothing(filled: Store, count: int) -> None:
    assert filled.search(NAME, ROWS[0].vector, count) == ()


def test_after_changes_a_search_knows_only_the_new(filled: Store) -> None:
    assert_changes_are_seen(filled, ROWS)


def assert_changes_are_seen(store: Store, held: Sequence[Row]) -> None:
    """Change a gallery in every way, and look for what it held before and holds now."""
    moved = Row(replace(held[0].entry, quality=99), -held[0].vector)
    gone = held[1]
    fresh = row("fresh.jpg", held[1].vector.tolist())
    store.add(NAME, [moved, fresh])
    store.remove(NAME, [gone.entry.digest])
    near_old = store.search(NAME, held[0].vector, 5)
    assert moved.entry.digest not in [hit.entry.digest for hit in near_old]
    best = store.search(NAME, moved.vector, 1)[0]
    assert best.entry.digest == moved.entry.digest
    assert best.entry.quality == 99
    assert best.cosine == pytest.approx(1, abs=1e-5)
    near_gone = [hit.entry.digest for hit in store.search(NAME, gone.vector, 20)]
    assert near_gone[0] == fresh.entry.digest
    assert gone.entry.digest not in near_gone
    assert len(set(near_gone)) == 20


# ── Conditions ─────────────────────────────────────────────────────────────────────

ODD_NAMES = (
    "O'Brien's 100%_sure.jpg", "Straße/北京.PNG", "İstanbul.jpg", "two\nlines.jpg",
    "back\\slash.jpg", 'say "cheese".jpg', "x'); DROP TABLE --.jpg", "🐈.jpg",
    "not unicode \udcff.jpg", "Ångström.tif", " ", "😀" * 300, "{curly} %s",
)  # fmt: skip
VARIED = [
    *ROWS,
    *(row(name, camera=name) for name in ODD_NAMES),
    row("largest.jpg", width=65_500, height=65_500),
    row("a day.jpg", taken="2020-05-01"),
    row("several.jpg", names=("first/one.jpg", "SECOND/two.jpg"), sources=("", "s3://b/k")),
    *(row(f"{w}x{h}.jpg", width=w, height=h) for w, h in ((95, 100), (94, 100), (100, 95))),
]
CONDITIONS = [
    *(Filter(name=name) for name in ODD_NAMES if "\udcff" not in name),
    *(Filter(name=part) for part in (
        "o'b", "%", "_", "STRASSE", "strasse", "istan", "İ", "京", "\\", "\n", '"', "--",
        "folder 3", "SECOND", "one.jpgsecond", "one.jpg\nSECOND", "one.jpg\0SECOND", "ångs", "zzz",
    )),
    *(Filter(camera=name) for name in ("O'Brien 35", "X100V", "x100v", "%", *ODD_NAMES[:8])),
    Filter(formats=("JPEG",)), Filter(formats=("PNG", "WEBP")), Filter(formats=("x'y",)),
    Filter(shape="wide"), Filter(shape="tall"), Filter(shape="square"),
    Filter(least_pixels=65_500**2), Filter(least_pixels=307_200, most_pixels=307_200),
    Filter(most_pixels=1),
    Filter(taken_from="2010", taken_to="2012-05"), Filter(taken_to="2020-05-01"),
    Filter(taken_from="2020-05-01", taken_to="2020-05-01T13:00:00"),
    Filter(taken_from="2010-02-03T12:30:00"), Filter(taken_to="1999"),
    Filter(formats=("JPEG",), shape="wide", least_pixels=1000, camera="X100V", name="folder",
           taken_from="2003"),
]  # fmt: skip


def test_every_condition_keeps_what_it_says(store: Store) -> None:
    store.create(info(NAME))
    store.add(NAME, VARIED)
    kept = 0
    for where in CONDITIONS:
        wanted = [one for one in VARIED if where.keeps(one.entry)]
        found = store.search(NAME, VARIED[0].vector, 1000, where)
        assert {hit.entry.digest for hit in found} == set(digests(wanted)), where
        best = [hit.entry.digest for hit in store.search(NAME, VARIED[0].vector, 3, where)]
        assert best == (exact(wanted, VARIED[0].vector, 3) if wanted else []), where
        kept += bool(wanted)
    assert kept > 40
    assert len(store.search(NAME, VARIED[0].vector, 1000, ANYTHING)) == len(VARIED)


def test_odd_names_come_back_as_they_were(store: Store) -> None:
    store.create(info(NAME))
    store.add(NAME, [row(name, sources=(f"/pictures/{name}",)) for name in ODD_NAMES])
    back = store.get(NAME, [digest_of(name) for name in ODD_NAMES])
    expected = [name.replace("\udcff", "\ufffd") for name in ODD_NAMES]
    assert [one.entry.name for one in back] == expected
    assert [one.entry.sources for one in back] == [(f"/pictures/{name}",) for name in expected]


# ── Versions ───────────────────────────────────────────────────────────────────────


def test_every_change_has_a_version_of_its_own(store: Store, storage: Storage) -> None:
    other = open_store(storage.store)
    seen: list[str] = []

    def changed() -> None:
        version = store.version(NAME)
        assert version == store.version(NAME) == other.version(NAME)
        assert version not in seen
        seen.append(version)

    store.create(info(NAME))
    changed()
    store.add(NAME, ROWS[:3])
    changed()
    store.add(NAME, [Row(replace(ROWS[0].entry, quality=7), ROWS[0].vector)])
    changed()
    other.remove(NAME, digests(ROWS[:1]))
    changed()
    # As many changes as before, but to another gallery of the same name
    other.drop(NAME)
    other.create(info(NAME))
    changed()
    other.add(NAME, ROWS[3:5])
    changed()
    assert all_rows(store).keys() == set(digests(ROWS[3:5]))


# ── Galleries ──────────────────────────────────────────────────────────────────────


def test_galleries_are_listed_by_name(store: Store, storage: Storage) -> None:
    assert store.galleries() == ()
    made = [info(name, title=f"The {name}'s", expires=5.0) for name in ("b", "a-1", "c_2", "0")]
    for one in made:
        store.create(one)
    expected = tuple(sorted(made, key=lambda one: one.name))
    assert store.galleries() == open_store(storage.store).galleries() == expected


def test_what_is_known_of_a_gallery_can_change_and_its_rows_stay(filled: Store) -> None:
    changed = info(NAME, title="New title", expires=2e9)
    filled.create(changed)
    assert filled.galleries() == (changed,)
    assert filled.count(NAME) == len(ROWS)


@pytest.mark.parametrize("dimension", [DIMENSION, DIMENSION + 1])
def test_another_encoder_cannot_take_a_gallerys_name(filled: Store, dimension: int) -> None:
    with pytest.raises(OtherEncoder, match=r"synthetic/1.*synthetic/2"):
        filled.create(info(NAME, encoder="synthetic/2", dimension=dimension))
    assert filled.galleries() == (info(NAME),)
    assert filled.count(NAME) == len(ROWS)


def test_a_dropped_gallery_is_gone_for_all_and_its_name_is_free(
    filled: Store, storage: Storage
) -> None:
    other = open_store(storage.store)
    assert other.count(NAME) == len(ROWS)
    filled.drop(NAME)
    filled.drop(NAME)
    for store in (filled, other):
        assert store.galleries() == ()
        with pytest.raises(UnknownGallery, match=NAME):
            store.count(NAME)
    filled.create(info(NAME, encoder="synthetic/2", dimension=4))
    other.add(NAME, [row("new.jpg", [1, 0, 0, 0])])
    assert digests(filled.get(NAME, [*digests(ROWS), digest_of("new.jpg")])) == [
        digest_of("new.jpg")
    ]


def test_nobody_can_ask_a_gallery_that_is_not_there(store: Store) -> None:
    for ask in asked_of(store, "other"):
        with pytest.raises(UnknownGallery, match="other"):
            ask()
    store.drop("other")


@pytest.mark.parametrize(
    "name", ["", "A", "a b", "../a", "a/b", "-a", "a-", "ä", "a'b", "a" * 64, "a\n", "a.b"]
)
def test_a_name_is_a_plain_name(store: Store, name: str) -> None:
    with pytest.raises(BadGalleryName):
        store.create(info(name))
    for ask in asked_of(store, name):
        with pytest.raises(BadGalleryName):
            ask()
    with pytest.raises(BadGalleryName):
        store.drop(name)


def asked_of(store: Store, name: str) -> tuple[Callable[[], object], ...]:
    """Return everything a store can be asked of a gallery."""
    return (
        lambda: store.add(name, ROWS[:2]),
        lambda: store.remove(name, digests(ROWS[:2])),
        lambda: store.get(name, digests(ROWS[:2])),
        lambda: store.held(name, digests(ROWS[:2])),
        lambda: store.search(name, ROWS[0].vector, 3),
        lambda: list(store.scan(name)),
        lambda: store.count(name),
        lambda: store.version(name),
        lambda: store.settle(name),
    )


# ── Several at once ────────────────────────────────────────────────────────────────

_WRITER = """
import sys
from imgsim_core.gallery.store import open_store
from tests.gallery.rows import info, rows
address, start, stop = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
store = open_store(address)
store.create(info("holiday"))
some = rows(300)[start:stop]
for i in range(0, len(some), 20):
    store.add("holiday", some[i : i + 20])
"""


def started(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def test_two_processes_make_and_fill_a_gallery_at_once(storage: Storage, store: Store) -> None:
    # Half of the rows are given by both
    writers = [started(_WRITER, storage.store, *part) for part in (("0", "200"), ("100", "300"))]
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    assert store.galleries() == (info(NAME),)
    assert all_rows(store).keys() == set(digests(ROWS))


_NEIGHBOUR = """
import sys
from imgsim_core.gallery.store import open_store
from tests.gallery.any_store import finds
from tests.gallery.rows import row
store = open_store(sys.argv[1])
for i in range(3):
    store.add("holiday", [row(f"theirs {i} {j}.jpg") for j in range(10)])
    print("added", flush=True)
    sys.stdin.readline()
    assert finds(store, f"ours {i} 9.jpg")
"""


def finds(store: Store, name: str) -> bool:
    """Tell whether a row comes to be found: at once, or in some stores within seconds."""
    wanted = row(name)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if store.search(NAME, wanted.vector, 1)[0].entry.digest == wanted.entry.digest:
            return True
        time.sleep(0.02)
    return False


def assert_two_processes_find_what_the_other_adds(address: str) -> None:
    """Add rows in turn with another process; each looks for the other's, none is lost."""
    store = open_store(address)
    store.create(info(NAME))
    store.add(NAME, ROWS)
    added = list(ROWS)
    versions = {store.version(NAME)}
    with started(_NEIGHBOUR, address) as neighbour:
        assert neighbour.stdout is not None
        assert neighbour.stdin is not None
        for i in range(3):
            assert neighbour.stdout.readline() == b"added\n"
            assert finds(store, f"theirs {i} 9.jpg")
            versions.add(store.version(NAME))
            ours = [row(f"ours {i} {j}.jpg") for j in range(10)]
            store.add(NAME, ours)
            versions.add(store.version(NAME))
            added += [*ours, *(row(f"theirs {i} {j}.jpg") for j in range(10))]
            neighbour.stdin.write(b"\n")
            neighbour.stdin.flush()
    assert neighbour.returncode == 0
    assert len(versions) == 7
    assert all_rows(store).keys() == set(digests(added))


def test_of_several_that_make_a_gallery_at_once_one_encoder_wins(
    store: Store, storage: Storage
) -> None:
    refused: list[str] = []
    made: list[str] = []
    start = threading.Barrier(6)

    def make(encoder: str) -> None:
        mine = open_store(storage.store)
        start.wait()
        try:
            mine.create(info(NAME, encoder=encoder))
            made.append(encoder)
        except OtherEncoder:
            refused.append(encoder)

    in_threads([lambda i=i: make(f"encoder {i % 2}") for i in range(6)])
    assert len(made) == len(refused) == 3
    (only,) = store.galleries()
    assert set(made) == {only.encoder}
    store.add(NAME, ROWS[:3])
    assert store.count(NAME) == 3


def test_readers_are_not_disturbed_by_a_writer(filled: Store) -> None:
    writing = threading.Event()
    seen: list[int] = []

    def read() -> None:
        while not writing.is_set():
            best = filled.search(NAME, ROWS[3].vector, 4)
            assert best[0].entry.digest == ROWS[3].entry.digest
            count = filled.count(NAME)
            assert sum(map(len, filled.scan(NAME))) >= count
            seen.append(count)

    def write() -> None:
        try:
            for i in range(8):
                filled.add(NAME, [row(f"new {i} {j}.jpg") for j in range(10)])
                if i % 3 == 2:
                    filled.settle(NAME)
        finally:
            writing.set()

    in_threads([*[read] * 8, write])
    assert len(seen) >= 8
    assert {count % 10 for count in seen} == {0}  # never part of a batch
    assert filled.count(NAME) == len(ROWS) + 80


def in_threads(works: Sequence[Callable[[], object]]) -> None:
    """Do all at once, and raise what one of them raises."""
    failed: list[BaseException] = []

    def done(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=done, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


_ENDLESS = """
import sys
from imgsim_core.gallery.store import open_store
from tests.gallery.rows import row
store = open_store(sys.argv[1])
batch = int(sys.argv[2])
while True:
    store.add("holiday", [row(f"{batch} {i}.jpg") for i in range(10)])
    batch += 1
    print(batch, flush=True)  # these batches are committed
"""


def test_killed_while_it_adds_a_gallery_holds_whole_batches(storage: Storage, store: Store) -> None:
    store.create(info(NAME))
    wait = random.Random(4)
    done = 0
    for _ in range(3):
        writer = started(_ENDLESS, storage.store, str(done))
        assert writer.stdout is not None
        with writer:
            done = int(writer.stdout.readline())
            time.sleep(wait.random() * 0.15)
            writer.send_signal(signal.SIGKILL)
            said = writer.stdout.read().split(b"\n")[:-1]
        done = int(said[-1]) if said else done
        held = all_rows(open_store(storage.store)).keys()
        batches = len(held) // 10
        # The one it was in the middle of may be there or not, as a whole
        assert batches - done in (0, 1)
        assert held == {digest_of(f"{b} {i}.jpg") for b in range(batches) for i in range(10)}
        done = batches
    store.settle(NAME)
    assert store.count(NAME) == 10 * done


# ── Tidying, and large galleries ───────────────────────────────────────────────────


def test_settling_changes_no_row(filled: Store) -> None:
    for i in range(12):
        filled.add(NAME, [row(f"more {i}.jpg")])
    filled.remove(NAME, digests(ROWS[:10]))
    before = all_rows(filled)
    filled.settle(NAME)
    filled.settle(NAME)
    after = all_rows(filled)
    assert after.keys() == before.keys()
    for digest, one in after.items():
        assert_same_entry(one.entry, before[digest].entry)
        np.testing.assert_array_equal(one.vector, before[digest].vector)


def test_a_large_gallery_is_indexed_and_still_finds_everything(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lance, "EXACT_UP_TO", 1000)
    held = rows(2000, 32, seed=2)
    store.create(info(NAME, dimension=32))
    store.add(NAME, held)
    store.settle(NAME)
    queries = clustered(2100, 32, seed=2)[2000:]

    def recall(of: Sequence[Row]) -> float:
        shared = 0
        for query in queries:
            found = [hit.entry.digest for hit in store.search(NAME, query, 10)]
            shared += len({*found} & {*exact(of, query, 10)})
        return shared / (10 * len(queries))

    assert recall(held) >= 0.98
    # Rows that the index does not know yet are found as well
    later = rows(200, 32, seed=3)
    store.add(NAME, later)
    assert recall([*held, *later]) >= 0.98
    everything, absent = digests([*held, *later]), digests([row("absent.jpg")])
    assert store.held(NAME, everything + absent) == set(everything)
    for one in (held[5], later[5]):
        (found,) = store.get(NAME, [one.entry.digest])
        np.testing.assert_array_equal(found.vector, one.vector)
    for one in later[:20]:
        assert store.search(NAME, one.vector, 1)[0].cosine == pytest.approx(1, abs=1e-5)
    fresh = row("fresh.jpg", held[1].vector.tolist())
    assert fresh.entry.digest not in digests(held)
    assert_changes_are_seen(store, held)
    store.settle(NAME)
    assert store.search(NAME, -held[0].vector, 1)[0].entry.quality == 99
    where = Filter(camera="X100V", formats=("PNG",))
    kept = [one for one in held[2:] + later if where.keeps(one.entry)]
    found = [hit.entry.digest for hit in store.search(NAME, held[2].vector, 10, where)]
    assert len({*found} & {*exact(kept, held[2].vector, 10)}) >= 9
    cosines = {one.entry.digest: float(one.vector @ held[2].vector) for one in kept}
    hits = store.search(NAME, held[2].vector, 10, where)
    assert [hit.cosine for hit in hits] == pytest.approx(
        [cosines[hit.entry.digest] for hit in hits], abs=1e-5
    )
