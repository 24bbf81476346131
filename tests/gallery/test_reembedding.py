"""Embedding a gallery again: whatever interrupts it, nothing is lost and again completes it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgsim_core.errors import BadGalleryName, StoreGone
from imgsim_core.gallery import reembedding
from imgsim_core.gallery.entry import Entry
from imgsim_core.gallery.gallery import Gallery, open_gallery
from imgsim_core.gallery.reembedding import AGAIN, finish_reembedding, reembed
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import GalleryInfo, Store, open_store
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.identity import encoder_key
from imgsim_core.picture import Picture
from imgsim_core.text import Text
from tests.gallery.rows import DIMENSION, row
from tests.gallery.rows import digest_of as digest

MODEL = model_by_id("efficientnet-lite2")
NAMES = tuple(f"{number}.png" for number in range(3))
WRITING = ("create", "drop", "add", "remove")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small batches, and vectors that come from no network but tell the pictures apart."""
    monkeypatch.setattr(reembedding, "_BATCH", 2)
    monkeypatch.setattr(reembedding, "_COPIED", 2)

    def picture(_: Gallery, entry: Entry, __: int) -> Picture:
        rgb = np.full((8, 8, 3), int(entry.digest[:2], 16), np.uint8)
        return Picture(rgb, entry.digest, entry.name)

    def embed(_: object, pictures: Sequence[Picture]) -> tuple[np.ndarray, np.ndarray]:
        return np.stack([made(one.digest) for one in pictures]), np.full(len(pictures), 3.0)

    monkeypatch.setattr(Gallery, "picture", picture)
    monkeypatch.setattr(reembedding, "embed", embed)


def made(digest: str) -> np.ndarray:
    vector = np.random.default_rng(int(digest[:8], 16)).normal(size=MODEL.dimension)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def old_gallery(store: Store, shelf: Shelf, name: str = "mine", title: str = "Mine") -> Gallery:
    info = GalleryInfo(
        name=name, title=title, model=MODEL.id, encoder="older/1/crop/0", dimension=DIMENSION,
        created=time.time(), expires=9e9,
    )  # fmt: skip
    store.create(info)
    store.add(name, [row(one) for one in NAMES])
    return Gallery(store, shelf, info)


@pytest.fixture
def old(tmp_path: Path) -> Gallery:
    return old_gallery(open_store(str(tmp_path / "store")), Shelf(str(tmp_path / "shelf")))


def held(store: Store, name: str) -> dict[str, np.ndarray]:
    return {one.entry.digest: one.vector for rows in store.scan(name) for one in rows}


def assert_new(gallery: Gallery, names: Sequence[str] = NAMES) -> None:
    """The gallery is there under its name with all of the new vectors, and nothing else is."""
    store = gallery.store
    (info,) = store.galleries()
    assert (info.name, info.title, info.expires) == ("mine", "Mine", 9e9)
    assert info.encoder == encoder_key(MODEL) == gallery.info.encoder
    vectors = held(store, "mine")
    assert vectors.keys() == {digest(name) for name in names}
    for code, vector in vectors.items():
        np.testing.assert_array_equal(vector, made(code))


def whole(store: Store) -> list[GalleryInfo]:
    """Galleries that hold all pictures and do not say that they are unfinished."""
    everything = {digest(name) for name in NAMES}
    return [
        info
        for info in store.galleries()
        if held(store, info.name).keys() == everything and "being embedded" not in info.title
    ]


class Killed(BaseException):
    """The end of the process."""


class Breaking:
    """A store that breaks at its n-th writing: before or after it has done it.

    After a kill nothing is written any more; an error may pass, or last.
    """

    def __init__(self, store: Store, at: int, way: str) -> None:
        self._store, self._at, self._way = store, at, way
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        genuine = getattr(self._store, name)
        if name not in WRITING:
            return genuine

        def call(*args: object) -> object:
            number = len(self.calls)
            self.calls.append(f"{name} {args[0] if isinstance(args[0], str) else ''}")
            if number < self._at or (number > self._at and "once" in self._way):
                return genuine(*args)
            if number == self._at and "after" in self._way:
                genuine(*args)
            if "killed" in self._way:
                raise Killed
            raise StoreGone(Text("The disk is full."))

        return call


def steps(old: Gallery) -> int:
    """How many writings a whole run takes."""
    counting = Breaking(old.store, 10**6, "")
    assert_new(reembed(replace(old, store=counting), MODEL))
    return len(counting.calls)


def kill_while_it_moves(gallery: Gallery) -> None:
    """End a run when the gallery itself is there in part, and its copy is complete."""

    count = 9  # the sixth marks the copy, the ninth makes the gallery, then it is filled
    with pytest.raises(Killed):
        reembed(replace(gallery, store=Breaking(gallery.store, count, "killed after")), MODEL)
    name = gallery.name[:57] + AGAIN
    assert 0 < len(held(gallery.store, gallery.name)) < len(NAMES) == len(held(gallery.store, name))


# Killed before a step is killed after the one before it
WAYS = ("error once", "error after", "killed after")


@pytest.mark.parametrize("way", WAYS)
def test_whatever_step_fails_nothing_is_lost_and_again_completes_it(tmp_path, way: str):
    shelf = Shelf(str(tmp_path / "shelf"))
    count = steps(old_gallery(open_store(str(tmp_path / "counted")), shelf))
    assert count > 10
    for at in range(count):
        store = open_store(str(tmp_path / f"store-{at}"))
        gallery = old_gallery(store, shelf)
        broken = Breaking(store, at, way)
        try:
            reembed(replace(gallery, store=broken), MODEL)
        except (Killed, StoreGone):
            pass
        else:
            # Only tidying up has failed, or the last step was done before
            assert "once" in way or "after" in way
        assert len(broken.calls) > at
        assert whole(store), broken.calls
        # What the command does: the gallery itself may be missing
        finished = finish_reembedding("mine", store, shelf)
        again = finished or open_gallery("mine", store, shelf)
        if again.info.encoder != encoder_key(MODEL):
            again = reembed(again, MODEL)
        assert_new(again)


def test_a_second_interruption_loses_nothing_either(tmp_path):
    shelf = Shelf(str(tmp_path / "shelf"))
    for second in range(5):
        store = open_store(str(tmp_path / f"store-{second}"))
        gallery = old_gallery(store, shelf)
        kill_while_it_moves(gallery)
        with pytest.raises(Killed):
            finish_reembedding("mine", Breaking(store, second, "killed after"), shelf)
        assert whole(store)
        assert_new(reembed(gallery, MODEL))


def test_an_object_of_the_old_gallery_is_enough_to_complete_it(old: Gallery):
    kill_while_it_moves(old)
    assert_new(reembed(old, MODEL))


def test_pictures_added_in_the_meantime_are_embedded_too_and_removed_ones_stay_out(old: Gallery):
    def told(done: int, total: int) -> None:
        if done == len(NAMES):
            old.store.add("mine", [row("late.png")])
            old.store.remove("mine", [digest(NAMES[0])])

    assert_new(reembed(old, MODEL, told), (*NAMES[1:], "late.png"))


def test_somebody_s_own_gallery_of_the_copy_s_name_is_not_touched(old: Gallery):
    old_gallery(old.store, old.shelf, f"mine{AGAIN}", "Another trip")
    with pytest.raises(BadGalleryName, match="mine-again"):
        reembed(old, MODEL)
    assert finish_reembedding("mine", old.store, old.shelf) is None
    assert len(whole(old.store)) == 2


def test_long_names_that_begin_alike_do_not_take_each_other_s_copy(tmp_path):
    store, shelf = open_store(str(tmp_path / "store")), Shelf(str(tmp_path / "shelf"))
    first, second = (old_gallery(store, shelf, "x" * 60 + end) for end in "ab")
    kill_while_it_moves(first)
    assert len(whole(store)) == 2  # the second, and the first's copy
    with pytest.raises(BadGalleryName):
        reembed(second, MODEL)
    assert finish_reembedding(second.name, store, shelf) is None
    assert finish_reembedding(first.name, store, shelf) is not None
    assert {info.name for info in whole(store)} == {first.name, second.name}
    assert {info.name for info in store.galleries()} == {first.name, second.name}


def test_pictures_added_to_a_gallery_begun_anew_after_a_loss_stay(old: Gallery):
    kill_while_it_moves(old)
    # Somebody drops what is there in part and begins a gallery of that name
    old.store.drop("mine")
    (copy,) = old.store.galleries()
    old.store.create(replace(copy, name="mine", title="Mine"))
    late = replace(row("late.png"), vector=made(digest("late.png")))
    old.store.add("mine", [late])
    assert finish_reembedding("mine", old.store, old.shelf) is None
    assert_new(open_gallery("mine", old.store, old.shelf), (*NAMES, "late.png"))


def test_a_shelf_that_cannot_be_reached_leaves_no_picture_out(old: Gallery, monkeypatch):
    def gone(*_: object) -> None:
        raise StoreGone(Text("The disk is full."))

    monkeypatch.setattr(Gallery, "picture", gone)
    monkeypatch.setattr(Shelf, "thumbnail", gone)
    with pytest.raises(StoreGone, match=r"The disk is full"):
        reembed(old, MODEL)
    assert [info.name for info in whole(old.store)] == ["mine"]


def test_a_gallery_all_of_whose_pictures_are_gone_keeps_its_vectors(old: Gallery, monkeypatch):
    def gone(*_: object) -> None:
        raise StoreGone(Text("The picture is no longer there."))

    monkeypatch.setattr(Gallery, "picture", gone)
    with pytest.raises(StoreGone, match="None of the pictures of Mine"):
        reembed(old, MODEL)
    assert [info.name for info in old.store.galleries()] == ["mine"]
    assert len(held(old.store, "mine")) == len(NAMES)
