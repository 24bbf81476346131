"""A Milvus server keeps what every store promises, and comes back whole after kill -9."""

from __future__ import annotations

import random
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imgsim_core.errors import StoreGone, UnknownGallery
from imgsim_core.gallery import milvus as module
from imgsim_core.gallery.entry import ANYTHING, Filter, Row
from imgsim_core.gallery.reindexing import reindex
from imgsim_core.gallery.store import Store, open_store
from tests.gallery.any_store import *  # noqa: F403  the tests themselves
from tests.gallery.any_store import (
    NAME,
    ROWS,
    all_rows,
    asked_of,
    assert_changes_are_seen,
    assert_same_entry,
    assert_two_processes_find_what_the_other_adds,
    digests,
    exact,
    started,
)
from tests.gallery.conftest import Storage
from tests.gallery.rows import DIMENSION, clustered, digest_of, info, row, rows
from tests.scale.conftest import Server, wait_until_back

MAKER = """
import sys
from imgsim_core.gallery.store import open_store
from tests.gallery.rows import info, rows
address, dimension = sys.argv[1], int(sys.argv[2])
store = open_store(address)
print("here", flush=True)
sys.stdin.readline()
store.create(info("holiday", dimension=dimension))
store.add("holiday", rows(50, dimension, seed=int(sys.argv[3])))
"""


# ── What only a server has to keep ─────────────────────────────────────────────────


def test_two_processes_make_the_first_gallery_of_a_length_at_once(storage: Storage) -> None:
    dimension = random.randrange(100, 2000)  # no server has a collection for it yet
    makers = [started(MAKER, storage.store, str(dimension), str(seed)) for seed in (1, 2)]
    for maker in makers:
        assert maker.stdout is not None
        assert maker.stdout.readline() == b"here\n"
    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.write(b"\n")
        maker.stdin.flush()
    for maker in makers:
        maker.communicate(timeout=60)
        assert maker.returncode == 0
    added = [*rows(50, dimension, seed=1), *rows(50, dimension, seed=2)]
    store = module.MilvusStore(storage.store)
    assert all_rows(store).keys() == set(digests(added))
    store.drop(NAME)
    store._client.drop_collection(f"{module._ROWS}{dimension}")


def test_two_processes_write_in_turn_and_each_finds_what_the_other_added(storage: Storage) -> None:
    assert_two_processes_find_what_the_other_adds(storage.store)


def test_galleries_share_a_partition_and_stay_apart(store: Store) -> None:
    names = [f"gallery-{i}" for i in range(130)]  # more than twice as many as partitions
    places: dict[str, list[str]] = {}
    for name in names:
        making = module._Making(name, "", "", DIMENSION, 0)
        places.setdefault(making.partition, []).append(name)
    together = max(places.values(), key=len)
    assert len(together) >= 2
    made = {name: row(f"{name}.jpg", ROWS[0].vector.tolist()) for name in together}
    for name, one in made.items():
        store.create(info(name))
        store.add(name, [one])
    store.drop(together[0])
    for name in together[1:]:
        assert all_rows(store, name).keys() == {made[name].entry.digest}
        (hit,) = store.search(name, ROWS[0].vector, 5)
        assert hit.entry.name == f"{name}.jpg"


def test_more_rows_than_one_call_takes(store: Store) -> None:
    many = rows(2300, seed=5)
    store.create(info(NAME))
    store.add(NAME, many)
    assert all_rows(store).keys() == set(digests(many))
    assert store.held(NAME, digests(many)) == set(digests(many))
    assert digests(store.get(NAME, digests(many)[::-1])) == digests(many)[::-1]
    store.remove(NAME, digests(many[:2100]))
    assert all_rows(store).keys() == set(digests(many[2100:]))


def test_what_was_added_just_now_is_found_exactly(store: Store) -> None:
    many = rows(8000, 32, seed=9)
    store.create(info(NAME, dimension=32))
    store.add(NAME, many)
    few = Filter(taken_from="2026-08")
    for where in (ANYTHING, few):
        kept = [one for one in many if where.keeps(one.entry)]
        shared = 0
        for query in clustered(8010, 32, seed=9)[8000:]:
            found = [hit.entry.digest for hit in store.search(NAME, query, 10, where)]
            shared += len({*found} & {*exact(kept, query, 10)})
        assert shared >= 99  # of 100


def test_few_with_a_name_are_found_among_many(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if one search could find no more than this: then all names are looked through
    monkeypatch.setattr(module, "_MOST_FOUND", 256)
    many = rows(2000, seed=6)
    far = [row(f"rare {i}.jpg", (-many[0].vector).tolist()) for i in range(3)]
    store.create(info(NAME))
    store.add(NAME, [*many, *far])
    found = store.search(NAME, many[0].vector, 5, Filter(name="RARE"))
    assert {hit.entry.digest for hit in found} == set(digests(far))
    assert {round(hit.cosine, 5) for hit in found} == {-1.0}
    where = Filter(name="folder 3", formats=("PNG",))
    kept = [one for one in many if where.keeps(one.entry)]
    best = [hit.entry.digest for hit in store.search(NAME, many[0].vector, 5, where)]
    assert best == exact(kept, many[0].vector, 5)


def test_numbers_that_are_none_are_refused(store: Store) -> None:
    store.create(info(NAME))
    for wrong in (np.nan, np.inf):
        vector = np.full(DIMENSION, wrong, np.float32)
        with pytest.raises(ValueError, match="finite"):
            store.add(NAME, [row("right.jpg"), Row(row("wrong.jpg").entry, vector)])
    assert store.count(NAME) == 0


def test_of_thousands_of_names_the_first_are_kept(store: Store) -> None:
    names = tuple(f"folder {i}/a picture of a cat that was copied.jpg" for i in range(3000))
    store.create(info(NAME))
    store.add(NAME, [row("cat", names=names, sources=("",) * len(names))])
    (back,) = store.get(NAME, [digest_of("cat")])
    assert len(back.entry.names) == len(back.entry.sources) > 500
    assert back.entry.names == names[: len(back.entry.names)]


def test_a_remover_that_was_killed_leaves_no_state_that_others_keep(
    store: Store, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create(info(NAME))
    store.add(NAME, ROWS)
    before = store.version(NAME)
    upsert = module.MilvusStore._upsert

    def ends_after_the_first(self: module.MilvusStore, *given: object) -> None:
        upsert(self, *given)  # type: ignore[arg-type]
        monkeypatch.setattr(module.MilvusStore, "_upsert", raises)

    def raises(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module.MilvusStore, "_upsert", ends_after_the_first)
    with pytest.raises(KeyboardInterrupt):
        store.remove(NAME, digests(ROWS[:5]))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    first = store.version(NAME)
    assert first not in (before, "")
    monkeypatch.setattr(time, "time", lambda: now + 1)
    assert store.version(NAME) != first
    monkeypatch.setattr(time, "time", lambda: now + 10_000)
    last = store.version(NAME)
    monkeypatch.setattr(time, "time", lambda: now + 20_000)
    assert store.version(NAME) == last


def test_what_a_dropping_left_behind_is_cleared_by_settling(
    store: Store, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create(info(NAME))
    store.add(NAME, ROWS)
    with monkeypatch.context() as patch:
        patch.setattr(module.MilvusStore, "_clear", lambda *given: None)
        store.drop(NAME)
    with pytest.raises(UnknownGallery):
        store.count(NAME)
    assert store.galleries() == ()
    store.create(info(NAME, title="anew"))
    assert store.count(NAME) == 0
    assert store.galleries() == (info(NAME, title="anew"),)
    store.add(NAME, ROWS[:7])
    assert rows_in(storage.store) == len(ROWS) + 7 + 4
    store.settle(NAME)
    assert all_rows(store).keys() == set(digests(ROWS[:7]))
    assert rows_in(storage.store) == 7 + 2


def rows_in(address: str) -> int:
    """Count the rows of all makings, those that tell of galleries and states included."""
    store = module.MilvusStore(address)
    name = f"{module._ROWS}{DIMENSION}"
    return int(store._query(name, "kind >= 0", ["count(*)"])[0]["count(*)"])


def test_a_gallery_whose_maker_ended_too_early_can_be_made(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module.MilvusStore, "_upsert", lambda *given: None)
        store.create(info(NAME, encoder="of the one that ended"))
    assert store.galleries() == ()
    store.create(info(NAME, encoder="of the one that ended"))
    assert [one.name for one in store.galleries()] == [NAME]
    store.drop(NAME)
    with monkeypatch.context() as patch:
        patch.setattr(module.MilvusStore, "_upsert", lambda *given: None)
        store.create(info(NAME, encoder="of the one that ended"))
    with monkeypatch.context() as patch:
        patch.setattr(module, "_BEING_MADE", 0.0)
        store.create(info(NAME))
    assert store.galleries() == (info(NAME),)


def test_a_gallery_goes_from_a_folder_to_the_server_and_back(store: Store, tmp_path: Path) -> None:
    folder, other = open_store(str(tmp_path / "one")), open_store(str(tmp_path / "other"))
    folder.create(info(NAME, title="Our trip"))
    folder.add(NAME, rows(2300))
    assert reindex(NAME, folder, store).copied == 2300
    assert reindex(NAME, folder, store).held == 2300
    assert reindex(NAME, store, other).copied == 2300
    assert other.galleries() == folder.galleries()
    there = all_rows(folder)
    for digest, one in all_rows(other).items():
        assert_same_entry(one.entry, there[digest].entry)
        np.testing.assert_array_equal(one.vector, there[digest].vector)


# ── Things that go wrong ───────────────────────────────────────────────────────────


@contextmanager
def silent() -> Iterator[int]:
    """Accept whoever comes on a port of this machine, and never answer."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_server_that_is_not_there_or_never_answers_is_said_within_seconds() -> None:
    with silent() as silent_port, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        for port in (silent_port, closed.getsockname()[1]):
            began = time.monotonic()
            with pytest.raises(StoreGone, match=r"cannot be used just now: .{10,250}\.$") as told:
                open_store(f"milvus://someone:secret@127.0.0.1:{port}")
            assert time.monotonic() - began < 8  # 5 s, and what a busy machine takes
            assert "secret" not in str(told.value)


def test_address_and_log_keep_the_password(
    milvus: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = milvus.partition("://")[2]
    store = open_store(f"milvus://someone:hush-hush@{place}")
    assert store.address == milvus
    with pytest.raises(UnknownGallery):
        store.count("other")
    monkeypatch.setenv(module.MILVUS_TOKEN, "someone:hush-hush")
    assert open_store(milvus).address == milvus
    assert "hush-hush" not in caplog.text


@pytest.mark.parametrize("place", ["host:nineteen", "[::1]:1", "nosuch.invalid"])
def test_an_address_that_leads_nowhere_is_said(place: str) -> None:
    with pytest.raises(StoreGone, match=r"There is no store at host|cannot be used just now"):
        open_store(f"milvus://{place}")


def test_a_database_that_is_not_there_is_said(milvus: str) -> None:
    with pytest.raises(StoreGone, match="cannot be used just now"):
        open_store(f"{milvus}/nosuch{uuid.uuid4().hex}").galleries()


def test_a_killed_server_is_said_and_comes_back_complete(
    server: Server, storage: Storage, record_property: Callable[[str, object], None]
) -> None:
    store = open_store(storage.store)
    held = rows(1500, seed=8)
    store.create(info(NAME))
    store.create(info("settled"))
    store.add("settled", ROWS)
    store.settle("settled")
    store.add(NAME, held)
    store.remove(NAME, digests(held[1400:]))
    returned: list[Row] = []
    writing = threading.Thread(target=lambda: returned.extend(added_until_it_ends(store)))
    writing.start()
    while not store.held(NAME, [digest_of("more 0 0.jpg")]):
        time.sleep(0.05)
    server.kill()
    writing.join()
    for ask in (*asked_of(store, NAME), store.galleries, lambda: store.create(info("new"))):
        began = time.monotonic()
        with pytest.raises(StoreGone, match="cannot be used just now"):
            ask()
        assert time.monotonic() - began < 8
    began = time.monotonic()
    server.start()
    wait_until_back(store, NAME, 180)
    record_property("seconds until the server is back", time.monotonic() - began)
    there = all_rows(store)
    wanted = {one.entry.digest for one in [*held[:1400], *returned]}
    assert wanted <= there.keys()
    # The batch that it was in the middle of is there wholly or not at all
    assert len(there.keys() - wanted) in (0, 10)
    assert all_rows(store, "settled").keys() == set(digests(ROWS))
    assert {one.name for one in store.galleries()} == {NAME, "settled"}
    for one in held[:20]:
        assert store.search(NAME, one.vector, 1)[0].cosine == pytest.approx(1, abs=1e-5)
    assert_changes_are_seen(store, held)
    moved = replace(held[5].entry, quality=77)
    store.add(NAME, [Row(moved, held[5].vector)])
    assert store.get(NAME, [moved.digest])[0].entry.quality == 77


def added_until_it_ends(store: Store) -> list[Row]:
    """Add rows until the server is gone; return those whose adding came back."""
    done: list[Row] = []
    for batch in range(10_000):
        some = [row(f"more {batch} {i}.jpg") for i in range(10)]
        try:
            store.add(NAME, some)
        except StoreGone:
            return done
        done += some
    raise AssertionError("the server was not killed")
