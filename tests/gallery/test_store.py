"""A folder and object storage by its address keep what every store promises, and more."""

from __future__ import annotations

import os
import time
import warnings
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lancedb.db import LanceDBConnection

from imgsim_core.errors import OtherEncoder, StoreGone
from imgsim_core.gallery import lance
from imgsim_core.gallery.entry import Row
from imgsim_core.gallery.lance import LanceStore
from imgsim_core.gallery.store import open_store
from tests.gallery.any_store import *  # noqa: F403  the tests themselves
from tests.gallery.any_store import (
    NAME,
    ROWS,
    all_rows,
    asked_of,
    assert_two_processes_find_what_the_other_adds,
    digests,
    started,
)
from tests.gallery.conftest import ObjectStorage, Storage
from tests.gallery.rows import info, row

# ── Several at once ────────────────────────────────────────────────────────────────


def test_two_processes_write_in_turn_and_each_finds_what_the_other_added(tmp_path: Path) -> None:
    assert_two_processes_find_what_the_other_adds(str(tmp_path / "galleries"))


@pytest.mark.parametrize("storage", ["s3"], indirect=True)
@pytest.mark.parametrize("encoder", ["the first's", "another"])
def test_one_that_writes_over_a_gallery_just_made_puts_it_back(
    storage: Storage, encoder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between LanceDB's look whether there is a table and its commit somebody makes it."""
    commit = LanceDBConnection.create_table
    first, second = open_store(storage.store), open_store(storage.store)
    before: list[str] = []

    def create_table(base: LanceDBConnection, name: str, **options: Any) -> Any:
        if before:
            return commit(base, name, **options)
        before.append(name)
        first.create(info(NAME, encoder="the first's"))
        first.add(NAME, ROWS[:3])
        return commit(base, name, mode="overwrite", **options)

    monkeypatch.setattr(LanceDBConnection, "create_table", create_table)
    if encoder == "another":
        with pytest.raises(OtherEncoder):
            second.create(info(NAME, encoder=encoder))
    else:
        second.create(info(NAME, encoder=encoder))
    assert len(before) == 1
    for store in (first, second):
        assert [one.encoder for one in store.galleries()] == ["the first's"]
        assert all_rows(store).keys() == set(digests(ROWS[:3]))


# ── Tidying ────────────────────────────────────────────────────────────────────────


def test_settling_frees_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lance, "_KEPT_VERSIONS", timedelta(0))
    store = open_store(str(tmp_path))
    store.create(info(NAME))
    for i in range(30):
        store.add(NAME, [Row(replace(one.entry, quality=i + 1), one.vector) for one in ROWS])
    full = sizes(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that no reader is spared: there is none
        store.settle(NAME)
    tidy = sizes(tmp_path)
    assert sum(full) > 10 * sum(tidy)
    assert len(full) > 5 * len(tidy)
    assert {one.entry.quality for one in all_rows(store).values()} == {30}


def test_a_large_gallery_from_before_digests_were_indexed_gets_that_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lance, "EXACT_UP_TO", 200)
    store = LanceStore(str(tmp_path))
    store.create(info(NAME))
    store.add(NAME, ROWS)
    table = store._table(lance._table_of(NAME))

    def indexed() -> list[str]:
        return sorted(column for index in table.list_indices() for column in index.columns)

    assert indexed() == []
    store.settle(NAME)
    assert indexed() == ["digest", "vector"]
    table.drop_index("digest_idx")
    store.settle(NAME)
    assert indexed() == ["digest", "vector"]


def sizes(folder: Path) -> list[int]:
    return [path.stat().st_size for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("storage", ["s3"], indirect=True)
def test_a_folder_copied_to_object_storage_is_the_same_galleries(
    tmp_path: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    monkeypatch.setattr(lance, "EXACT_UP_TO", 200)
    folder = open_store(str(tmp_path / "galleries"))
    folder.create(info(NAME))
    folder.add(NAME, ROWS)
    folder.settle(NAME)
    s3fs.S3FileSystem().put(f"{tmp_path}/galleries/", f"{storage.store}/", recursive=True)
    copied = open_store(storage.store)
    assert copied.galleries() == (info(NAME),)
    assert all_rows(copied).keys() == set(digests(ROWS))
    for one in ROWS[:5]:
        found = [hit.entry.digest for hit in copied.search(NAME, one.vector, 10)]
        assert found == [hit.entry.digest for hit in folder.search(NAME, one.vector, 10)]
    copied.add(NAME, [row("new.jpg")])
    assert copied.count(NAME) == len(ROWS) + 1


# ── Things that go wrong ───────────────────────────────────────────────────────────


def test_object_storage_that_went_away_is_said_soon(
    ending_object_storage: ObjectStorage,
) -> None:
    address = ending_object_storage.storage().store
    store = open_store(address)
    store.create(info(NAME))
    store.add(NAME, ROWS)
    ending_object_storage.server.stop()
    for ask in (*asked_of(store, NAME)[:5], store.galleries, lambda: open_store(address)):
        began = time.monotonic()
        with pytest.raises(StoreGone, match=r"cannot be used just now: .{10,250}\.$"):
            ask()
        assert time.monotonic() - began < 20


def test_a_folder_that_went_away_is_said(tmp_path: Path) -> None:
    place = tmp_path / "galleries"
    store = open_store(str(place))
    store.create(info(NAME))
    store.add(NAME, ROWS)
    place.rename(tmp_path / "elsewhere")
    for ask in (*asked_of(store, NAME), store.galleries, lambda: store.create(info("new"))):
        with pytest.raises(StoreGone, match="the folder is not there"):
            ask()
    assert not place.exists()
    (tmp_path / "elsewhere").rename(place)
    assert all_rows(store).keys() == set(digests(ROWS))


def test_a_file_in_the_place_of_the_folder_is_said(tmp_path: Path) -> None:
    place = tmp_path / "galleries"
    place.write_text("a file")
    with pytest.raises(StoreGone):
        open_store(str(place))


@pytest.mark.parametrize("address", ["nosuch://place", "http://place"])
def test_a_kind_of_store_that_is_not_known_is_said(address: str) -> None:
    with pytest.raises(StoreGone, match="There is no store of the kind"):
        open_store(address)


_FULL = """
import resource, sys
from imgsim_core.errors import StoreGone
from imgsim_core.gallery.store import open_store
from tests.gallery.rows import rows
store = open_store(sys.argv[1])
store.count("holiday")
# No file may grow beyond this: what the disk says when it is full
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))
try:
    store.add("holiday", rows(2000, seed=7))
except StoreGone as error:
    print(error)
"""


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    store.create(info(NAME))
    store.add(NAME, ROWS)
    writer = started(_FULL, str(tmp_path))
    said, _ = writer.communicate(timeout=60)
    assert b"cannot be used just now" in said
    assert all_rows(store).keys() == set(digests(ROWS))
    store.add(NAME, [row("after.jpg")])
    assert store.count(NAME) == len(ROWS) + 1


_READ_ONLY = """
import ctypes, os, sys
if os.getuid() == 0:  # whom permissions do not hold back, unless this is given up
    ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1], sys.argv[2]])
"""
_READS = """
import sys
from imgsim_core.errors import StoreGone
from imgsim_core.gallery.store import open_store
from tests.gallery.rows import info, rows
store = open_store(sys.argv[1])
some = rows(300)
print(store.count("holiday"), len(store.search("holiday", some[0].vector, 5)))
print(sum(map(len, store.scan("holiday"))), len(store.galleries()))
for change in (
    lambda: store.add("holiday", rows(5, seed=8)),
    lambda: store.remove("holiday", [some[0].entry.digest]),
    lambda: store.create(info("other")),
    lambda: store.drop("holiday"),
):
    try:
        change()
    except StoreGone as error:
        print("refused", error)
"""


def test_a_read_only_folder_can_be_read_and_says_no_to_changes(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "galleries"))
    store.create(info(NAME))
    store.add(NAME, ROWS)
    everything = [tmp_path / "galleries", *(tmp_path / "galleries").rglob("*")]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        reader = started(_READ_ONLY, _READS, str(tmp_path / "galleries"))
        said, _ = reader.communicate(timeout=60)
    finally:
        for path in everything:
            path.chmod(0o755 if path.is_dir() else 0o644)
    lines = said.decode().splitlines()
    assert lines[:2] == ["300 5", "300 1"]
    assert [line.partition(" ")[0] for line in lines[2:]] == ["refused"] * 4
    assert all_rows(store).keys() == set(digests(ROWS))
    assert store.galleries() == (info(NAME),)


def test_the_folder_is_found_again_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMGSIM_STORE", "kept/galleries")
    store = open_store()
    store.create(info(NAME))
    os.chdir("/")
    store.add(NAME, ROWS[:2])
    assert open_store(str(tmp_path / "kept/galleries")).count(NAME) == 2
