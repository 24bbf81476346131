"""`reembed`, as a host types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from imgsim_core.__main__ import main
from imgsim_core.gallery.gallery import open_gallery
from imgsim_core.gallery.reembedding import AGAIN
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import GalleryInfo, open_store
from tests.gallery.test_life import photo


@pytest.fixture
def store(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("IMGSIM_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("IMGSIM_PICTURES", str(tmp_path / "pictures"))
    (tmp_path / "a.png").write_bytes(photo(1))
    assert main(["index", "mine", str(tmp_path / "a.png"), "--title", "Holidays"]) == 0
    return open_store()


def test_a_gallery_of_another_encoder_is_made_anew(store, capsys):
    gallery = open_gallery("mine", store, Shelf())
    (row,) = gallery.store.get("mine", [gallery.snapshot().entries[0].digest])
    store.drop("mine")
    store.create(GalleryInfo(**{**gallery.info.__dict__, "encoder": "older/1/crop/0"}))
    store.add("mine", [row])
    capsys.readouterr()
    assert main(["reembed", "mine", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["encoder_before"] == "older/1/crop/0"
    assert told["encoder"] == gallery.info.encoder
    assert told["pictures"] == told["pictures_before"] == 1
    again = open_gallery("mine", store, Shelf())
    assert (again.title, again.info.encoder) == ("Holidays", gallery.info.encoder)


@pytest.mark.parametrize("command", ["reembed", "index"])
def test_a_run_that_was_killed_is_completed_by_the_next_command(store, capsys, tmp_path, command):
    gallery = open_gallery("mine", store, Shelf())
    (row,) = gallery.store.get("mine", [gallery.snapshot().entries[0].digest])
    # As it is after the old gallery was dropped
    store.drop("mine")
    fields = {**gallery.info.__dict__, "name": f"mine{AGAIN}"}
    store.create(GalleryInfo(**{**fields, "title": "mine, embedded again: Holidays"}))
    store.add(f"mine{AGAIN}", [row])
    capsys.readouterr()
    arguments = [] if command == "reembed" else [str(tmp_path / "a.png")]
    assert main([command, "mine", *arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    if command == "reembed":
        assert (told["pictures"], told["finished_earlier_run"]) == (1, True)
    (info,) = store.galleries()
    assert (info.name, info.title) == ("mine", "Holidays")
    np.testing.assert_array_equal(store.get("mine", [row.entry.digest])[0].vector, row.vector)


def test_a_gallery_that_is_not_there_is_a_sentence(store, capsys):
    assert main(["reembed", "other"]) == 2
    assert "There is no gallery called other" in capsys.readouterr().err
