"""`reindex`: galleries from one store into another, restartable, counted on both sides."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import numpy as np
import pytest

from imgsim_core.__main__ import main
from imgsim_core.gallery.lance import LanceStore
from imgsim_core.gallery.reindexing import reindex
from imgsim_core.gallery.store import Store, open_store
from tests.gallery.rows import info, row, rows

ROWS = rows(2300)


@pytest.fixture
def source(tmp_path) -> Store:
    store = open_store(str(tmp_path / "source"))
    store.create(info("trip", title="Our trip", expires=5.0))
    store.add("trip", ROWS)
    store.create(info("other", encoder="synthetic/2", dimension=4))
    store.add("other", [row("one.jpg", [1, 2, 3, 4])])
    return store


@pytest.fixture
def target(tmp_path) -> Store:
    return open_store(str(tmp_path / "target"))


def by_digest(store: Store, name: str) -> dict[str, tuple[object, ...]]:
    return {
        one.entry.digest: (one.entry.names, one.entry.length, *one.vector.tolist())
        for batch in store.scan(name)
        for one in batch
    }


def run(capsys, *arguments: str) -> dict[str, object]:
    assert main(["reindex", *arguments, "--json"]) == 0
    result: dict[str, object] = json.loads(capsys.readouterr().out)
    return result


def test_all_galleries_are_copied_and_again_nothing_is(source, target, capsys):
    where = ("--from", source.address, "--to", target.address)
    result = run(capsys, *where)
    assert (result["from"], result["to"]) == (source.address, target.address)
    assert [
        (one["gallery"], one["state"], one["rows"], one["copied"], one["held"])
        for one in result["galleries"]
    ] == [("other", "done", 1, 1, 0), ("trip", "done", 2300, 2300, 0)]
    assert result["galleries"][1]["rows_per_second"] > 0
    assert target.galleries() == source.galleries()
    for name in ("trip", "other"):
        assert by_digest(target, name) == by_digest(source, name)
    version = target.version("trip")
    (again,) = run(capsys, "trip", *where)["galleries"]
    assert (again["copied"], again["held"], again["rows_per_second"]) == (0, 2300, 0)
    assert target.version("trip") == version


def test_a_copy_that_was_stopped_is_completed(source, target):
    stop = threading.Event()
    part = reindex("trip", source, target, lambda done, total: stop.set(), stop)
    assert not part.complete
    assert 0 < part.copied < part.rows == 2300
    assert target.count("trip") == part.copied
    whole = reindex("trip", source, target)
    assert (whole.complete, whole.held, whole.copied) == (True, part.copied, 2300 - part.copied)
    assert by_digest(target, "trip") == by_digest(source, "trip")


def test_a_store_that_fails_in_the_middle_loses_nothing(source, target, monkeypatch):
    add, called = LanceStore.add, []

    def fails(self, gallery, some):
        called.append(len(some))
        if len(called) == 2:
            raise OSError("the disk is gone")
        add(self, gallery, some)

    with monkeypatch.context() as patch:
        patch.setattr(LanceStore, "add", fails)
        with pytest.raises(OSError, match="disk"):
            reindex("trip", source, target)
    assert reindex("trip", source, target).held == called[0]
    assert by_digest(target, "trip") == by_digest(source, "trip")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nosuch",), "no gallery called nosuch"),
        (("Bad Name",), "cannot be the name of a gallery"),
    ],
)
def test_what_is_not_there_is_said(source, target, capsys, arguments, says):
    assert main(["reindex", *arguments, "--from", source.address, "--to", target.address]) == 2
    assert says in capsys.readouterr().err


def test_two_different_stores_are_needed(source, tmp_path, capsys):
    missing = str(tmp_path / "missing")
    assert main(["reindex", "--from", missing, "--to", source.address]) == 2
    assert "There is no store at" in capsys.readouterr().err
    assert not (tmp_path / "missing").exists()
    assert main(["reindex", "--from", source.address, "--to", source.address]) == 2
    assert "same store" in capsys.readouterr().err


def test_another_gallery_of_the_same_name_is_not_mixed_with_it(source, target, capsys):
    where = ["--from", source.address, "--to", target.address]
    target.create(info("other"))
    assert main(["reindex", "other", *where]) == 2
    assert "synthetic/1" in capsys.readouterr().err
    target.create(info("trip"))
    target.add("trip", [row("not in the trip.jpg"), replace_vector(ROWS[0])])
    assert main(["reindex", "trip", *where]) == 2
    assert "lacks 0 pictures and has 1 that" in capsys.readouterr().err


def replace_vector(one):
    return replace(one, vector=np.asarray(-one.vector))
