"""Bringing pictures into a gallery: what is counted is there, and what fails loses nothing."""

from __future__ import annotations

import hashlib
import io
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from imgsim_core.errors import GalleryReadOnly, OtherEncoder, StoreGone, UnknownModel
from imgsim_core.gallery import ingest as module
from imgsim_core.gallery import workers as workers_module
from imgsim_core.gallery.entry import Row
from imgsim_core.gallery.gallery import Gallery, open_gallery
from imgsim_core.gallery.ingest import (
    Progress,
    default_model,
    embed,
    ingest,
    new_gallery,
)
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.sources import SourceFile, from_paths, from_uploads
from imgsim_core.gallery.store import Store, open_store
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.encoder import encode
from imgsim_core.picture import open_reduced
from imgsim_core.text import Text, UserText


def picture(seed: int, side: int = 48) -> bytes:
    """Make blotches of colour as PNG: another picture for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(coarse).resize((side, side * 3 // 4)).save(stream, "PNG")
    return stream.getvalue()


def uploads(*seeds: int) -> list[tuple[str, bytes]]:
    return [(f"{seed}.png", picture(seed)) for seed in seeds]


@pytest.fixture
def gallery(tmp_path) -> Gallery:
    return new_gallery("trip", open_store(str(tmp_path / "store")), Shelf(str(tmp_path / "shelf")))


def names(gallery: Gallery) -> set[str]:
    return {entry.name for entry in gallery.snapshot().entries}


# ── Adding ─────────────────────────────────────────────────────────────────────────


def test_pictures_are_added_with_facts_thumbnail_and_vector(gallery):
    result = ingest(gallery, from_uploads(uploads(1, 2, 3)))
    assert (result.state, result.added, result.seen, result.total) == ("done", 3, 3, 3)
    snapshot = gallery.snapshot()
    assert len(snapshot) == 3
    pictures = [open_reduced(picture(seed), "x", 640) for seed in (1, 2, 3)]
    expected = encode(default_model(), pictures, default_model().framing)
    assert [entry.digest for entry in snapshot.entries] == [one.digest for one in pictures]
    assert np.einsum("nd,nd->n", snapshot.vectors, expected) == pytest.approx(1, abs=1e-5)
    for entry in snapshot.entries:
        assert gallery.shelf.thumbnail(entry.digest)
        assert entry.length > 1


def test_a_vector_times_its_length_is_what_the_network_gave(gallery):
    pictures = [open_reduced(picture(seed), "x", 640) for seed in (1, 2)]
    vectors, lengths = embed(default_model(), pictures)
    from imgsim_core.models.framing import framed, network_input
    from imgsim_core.models.network import network

    model = default_model()
    import torch

    inputs = [network_input(model, framed(model, one, model.framing)) for one in pictures]
    raw = network(model).run("vectors", torch.from_numpy(np.stack(inputs))).numpy()
    assert vectors * lengths[:, None] == pytest.approx(raw, abs=1e-4)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)


def test_adding_again_adds_and_embeds_only_what_is_new(gallery, monkeypatch):
    ingest(gallery, from_uploads(uploads(1, 2)))
    version = gallery.store.version("trip")
    opened = []
    genuine = workers_module.facts
    monkeypatch.setattr(
        workers_module,
        "facts",
        lambda data, name, *rest: opened.append(name) or genuine(data, name, *rest),
    )
    result = ingest(gallery, from_uploads(uploads(1, 2)))
    assert (result.added, result.known, result.same) == (0, 2, 0)
    assert not opened
    assert gallery.store.version("trip") == version
    result = ingest(gallery, from_uploads(uploads(1, 2, 3)))
    assert (result.added, result.known) == (1, 2)
    assert opened == ["3.png"]


def test_the_same_bytes_under_other_names_are_one_picture(gallery):
    same = [(name, picture(1)) for name in ("a/1.png", "b/1.png", "b/1.png", "c/1.png")]
    result = ingest(gallery, from_uploads(same))
    assert (result.added, result.same, result.known, result.seen) == (1, 2, 1, 4)
    result = ingest(gallery, from_uploads([("d/1.png", picture(1)), ("a/1.png", picture(1))]))
    assert (result.added, result.same, result.known) == (0, 1, 1)
    (entry,) = gallery.snapshot().entries
    assert entry.names == ("a/1.png", "b/1.png", "c/1.png", "d/1.png")
    assert np.linalg.norm(gallery.snapshot().vectors[0]) == pytest.approx(1)


def test_copies_that_come_far_apart_are_still_one_picture(gallery, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    files = [(f"{number}.png", picture(number % 3)) for number in range(12)]
    result = ingest(gallery, from_uploads(files))
    assert (result.added, result.same, result.seen) == (3, 9, 12)
    assert sorted(len(entry.names) for entry in gallery.snapshot().entries) == [4, 4, 4]


def test_originals_are_kept_where_nothing_else_keeps_them(gallery, tmp_path):
    path = tmp_path / "host.png"
    path.write_bytes(picture(1))
    ingest(gallery, from_paths([path]))
    ingest(gallery, from_uploads(uploads(2)))
    ingest(gallery, from_uploads(uploads(3)), keep_originals=False)
    by_name = {entry.name: entry for entry in gallery.snapshot().entries}
    assert gallery.shelf.original(by_name["host.png"].digest) is None
    assert gallery.picture(by_name["host.png"]).digest == by_name["host.png"].digest
    assert gallery.shelf.original(by_name["2.png"].digest) == picture(2)
    assert gallery.shelf.original(by_name["3.png"].digest) is None


def test_what_only_a_small_copy_is_left_of_is_not_taken_for_the_file(gallery):
    ingest(gallery, from_uploads(uploads(1)), keep_originals=False)
    (entry,) = gallery.snapshot().entries
    left = gallery.picture(entry)
    assert left.name == entry.name
    assert "small copy" in " ".join(map(str, left.notes))
    assert left.digest != entry.digest


def test_a_file_s_digest_is_computed_once(gallery, monkeypatch):
    computed = []
    genuine = hashlib.sha256

    def sha256(data: bytes = b"", **how: bool) -> object:
        computed.append(data)
        return genuine(data, **how)

    with monkeypatch.context() as patched:
        patched.setattr(hashlib, "sha256", sha256)
        ingest(gallery, from_uploads(uploads(1, 2)))
    files = [data for _, data in uploads(1, 2)]
    assert sorted(data for data in computed if data in files) == sorted(files)
    digests = [entry.digest for entry in gallery.snapshot().entries]
    assert sorted(digests) == sorted(genuine(data).hexdigest() for data in files)


# ── What goes wrong ────────────────────────────────────────────────────────────────


def test_bad_files_are_sentences_and_the_rest_goes_on(gallery):
    files = [("letter.txt", b"Dear Sir"), *uploads(1), ("cut.png", picture(2)[:60]), ("0", b"")]
    result = ingest(gallery, from_uploads([*files, ("copy of letter.txt", b"Dear Sir")]))
    assert (result.state, result.added, result.refused_count, result.seen) == ("done", 1, 4, 5)
    said = " ".join(map(str, result.refused))
    for name in ("letter.txt", "cut.png", "copy of letter.txt"):
        assert name in said


def test_a_source_may_offer_sentences_and_files_that_cannot_be_read(gallery, tmp_path):
    def files() -> Iterator[SourceFile | Text]:
        yield Text("There is no file {name}.", name=UserText("x"))
        yield from from_paths([tmp_path / "gone.png"])
        yield from from_uploads(uploads(1))

    result = ingest(gallery, files())
    assert (result.total, result.added, result.refused_count) == (None, 1, 2)


def test_refusals_are_counted_beyond_those_that_are_kept(gallery, monkeypatch):
    monkeypatch.setattr(module, "MOST_REFUSALS", 3)
    result = ingest(gallery, from_uploads([(f"{n}.txt", b"no %d" % n) for n in range(9)]))
    assert (len(result.refused), result.refused_count, result.seen) == (3, 9, 9)


def test_over_the_quota_nothing_is_lost_and_one_sentence_says_so(gallery):
    result = ingest(gallery, from_uploads(uploads(1, 2, 3, 4, 5)), most_pictures=3)
    assert (result.added, result.refused_count, len(result.refused)) == (3, 2, 1)
    assert "Files left out: 2. This gallery holds at most 3 pictures" in str(result.refused[0])
    # What is in already is no more; a full gallery still knows it
    result = ingest(gallery, from_uploads(uploads(1, 2, 6)), most_pictures=3)
    assert (result.known, result.added, result.refused_count) == (2, 0, 1)
    assert len(gallery.snapshot()) == 3


def test_a_quota_of_bytes_counts_what_was_there_before(gallery):
    size = len(picture(1))
    ingest(gallery, from_uploads(uploads(1)))
    result = ingest(gallery, from_uploads(uploads(2, 3, 4)), most_bytes=round(2.9 * size))
    assert result.added == 1
    assert "MB of pictures" in str(result.refused[0])


def test_a_quota_of_bytes_is_said_as_its_setting_gives_it(gallery):
    large = [(f"{number}.png", picture(number) + bytes(2**20)) for number in range(2)]
    result = ingest(gallery, from_uploads(large), most_bytes=2 * 2**20)
    assert result.added == 1
    assert "at most 2 MB of pictures" in str(result.refused[0])


@pytest.mark.parametrize("at_once", [1, 2, 64])
@pytest.mark.parametrize("together", [1, 4])
def test_a_refused_file_takes_no_good_one_s_place(tmp_path, monkeypatch, at_once, together):
    monkeypatch.setattr(module, "_AT_ONCE", at_once)
    monkeypatch.setattr(module, "_TOGETHER", together)
    shelf = Shelf(str(tmp_path / "shelf"))
    store = open_store(str(tmp_path / "store"))
    files = [*uploads(1, 2, 3), ("a.txt", b"Dear Sir"), ("b.png", picture(4)[:60])]
    orders = {tuple(order) for order in itertools.permutations("gggbb")}
    assert len(orders) == 10
    for number, order in enumerate(sorted(orders)):
        good, bad = iter(files[:3]), iter(files[3:])
        offered = [next(good if kind == "g" else bad) for kind in order]
        gallery = new_gallery(f"trip{number}", store, shelf)
        result = ingest(gallery, from_uploads(offered), most_pictures=3)
        assert (result.state, result.added, result.refused_count, result.seen) == ("done", 3, 2, 5)
        assert not any("left out" in str(text) for text in result.refused), order


def test_a_full_gallery_leaves_out_only_what_is_really_too_much(gallery, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    bad = [(f"{number}.txt", b"no picture %d" % number) for number in range(6)]
    mixed = itertools.chain.from_iterable(zip(bad, uploads(*range(6)), strict=True))
    same = ("0 again.png", picture(0))
    result = ingest(gallery, from_uploads([*mixed, same]), most_pictures=4)
    assert (result.added, result.same, result.refused_count, result.seen) == (4, 1, 8, 13)
    assert "Files left out: 2" in str(result.refused[-1])
    assert names(gallery) == {"0.png", "1.png", "2.png", "3.png"}


def test_a_refused_file_gives_its_bytes_back(gallery):
    size = len(picture(1))
    files = [("large.txt", b"x" * size), *uploads(1)]
    result = ingest(gallery, from_uploads(files), most_bytes=round(1.5 * size))
    assert (result.added, result.refused_count) == (1, 1)


def test_stopped_with_files_put_off_it_ends_and_leaves_them(gallery, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    stop = threading.Event()
    genuine = module._Work._look_up

    def look_up(self, workers, some):
        coming = genuine(self, workers, some)
        if self._put_off:
            stop.set()
        return coming

    monkeypatch.setattr(module._Work, "_look_up", look_up)
    result = ingest(gallery, from_uploads(uploads(1, 2, 3)), most_pictures=1, stop=stop)
    assert stop.is_set()
    assert (result.state, result.refused_count) == ("stopped", 0)


class Failing:
    """A store that goes away at its n-th writing."""

    def __init__(self, store: Store, writings: int) -> None:
        self._store = store
        self._left = writings

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def add(self, gallery: str, rows: Sequence[Row]) -> None:
        self._left -= 1
        if self._left < 0:
            raise StoreGone(Text("The disk is full."))
        self._store.add(gallery, rows)


def test_a_store_that_goes_away_keeps_what_was_written(gallery, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 4)
    broken = replace(gallery, store=Failing(gallery.store, 2))
    result = ingest(broken, from_uploads(uploads(*range(16))))
    assert (result.state, str(result.problem)) == ("failed", "The disk is full.")
    assert result.added == len(gallery.snapshot()) == 8
    result = ingest(gallery, from_uploads(uploads(*range(16))))
    assert (result.state, result.added, result.known) == ("done", 8, 8)


def test_a_store_is_tidied_on_the_way_and_at_the_end(gallery, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 4)
    monkeypatch.setattr(module, "_SETTLED_EVERY", 2)
    monkeypatch.setattr(module, "_LONGEST_WAIT", 600.0)
    rows = []
    genuine = gallery.store.settle

    def settle(name: str) -> None:
        rows.append(gallery.store.count(name))
        genuine(name)

    monkeypatch.setattr(gallery.store, "settle", settle)
    result = ingest(gallery, from_uploads(uploads(*range(20))))
    assert (result.state, result.added) == ("done", 20)
    assert rows == [8, 16, 20]
    ingest(gallery, from_uploads(uploads(*range(20))))
    assert len(rows) == 3  # nothing was written


def test_a_full_disk_on_the_shelf_ends_with_a_sentence_and_no_row_without_thumbnail(gallery):
    class Full(Shelf):
        def put_thumbnail(self, digest: str, rgb: np.ndarray) -> None:
            if digest[0] in "01234567":
                with self._asked():
                    raise OSError(28, "No space left on device")
            super().put_thumbnail(digest, rgb)

    full = replace(gallery, shelf=Full(gallery.shelf.address))
    result = ingest(full, from_uploads(uploads(*range(12))))
    assert result.state == "failed"
    assert "No space left" in str(result.problem)
    for entry in gallery.snapshot().entries:
        assert gallery.shelf.thumbnail(entry.digest)
    assert ingest(gallery, from_uploads(uploads(*range(12)))).state == "done"
    assert len(gallery.snapshot()) == 12


def test_a_published_gallery_is_not_added_to(gallery):
    with pytest.raises(GalleryReadOnly):
        ingest(replace(gallery, read_only=True), from_uploads(uploads(1)))
    assert not len(gallery.snapshot())


def test_another_encoder_is_refused(gallery):
    other = replace(gallery, info=replace(gallery.info, encoder="efficientnet-lite2/old/pad/1"))
    with pytest.raises(OtherEncoder):
        ingest(other, from_uploads(uploads(1)))
    with pytest.raises(UnknownModel):
        model_by_id("no such model")


# ── Stopping, telling, naming ──────────────────────────────────────────────────────


def stopping_after(count: int) -> tuple[threading.Event, Callable[[], Iterator[SourceFile]]]:
    stop = threading.Event()

    def files() -> Iterator[SourceFile]:
        for number, file in enumerate(from_uploads(uploads(*range(20)))):
            if number == count:
                stop.set()
            assert isinstance(file, SourceFile)
            yield file

    return stop, files


def test_stopping_keeps_what_is_counted_and_running_again_completes(gallery, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 4)
    stop, files = stopping_after(10)
    result = ingest(gallery, files(), stop=stop)
    assert result.state == "stopped"
    assert result.added == len(gallery.snapshot()) < 20
    assert result.refused_count == 0
    result = ingest(gallery, from_uploads(uploads(*range(20))))
    assert (result.state, len(gallery.snapshot())) == ("done", 20)


def test_progress_is_told_seldom_and_at_the_end(gallery):
    told: list[Progress] = []
    result = ingest(gallery, from_uploads(uploads(*range(24))), told=told.append)
    assert told[-1] is result
    assert told[0].state == "running"
    assert len(told) <= 3 + result.seconds / module._TOLD_EVERY
    assert [one.seen for one in told] == sorted(one.seen for one in told)
    assert all(one.added <= one.seen <= 24 for one in told)
    assert (result.remaining, result.total) == (0, 24)
    assert result.rate == pytest.approx(24 / result.seconds)


def test_a_new_gallery_is_found_again_and_keeps_what_it_is(gallery):
    again = new_gallery("trip", gallery.store, gallery.shelf, title="Our trip")
    assert again.info == replace(gallery.info, title="Our trip")
    assert new_gallery("trip", gallery.store, gallery.shelf).info == again.info
    assert open_gallery("trip", gallery.store, gallery.shelf).title == "Our trip"
