"""Visitors' galleries: private, within bounds, and gone when they should be."""

from __future__ import annotations

import errno
import gc
import io
import os
import shutil
import stat
import threading
import time
import weakref
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgsim_core.background import StopSign
from imgsim_core.errors import (
    BadSetting,
    GalleryFull,
    GalleryReadOnly,
    OtherEncoder,
    StoreGone,
    UnknownGallery,
)
from imgsim_core.gallery import life, published, reembedding
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.ingest import new_gallery
from imgsim_core.gallery.intake import Intake
from imgsim_core.gallery.life import GALLERY, Visitors
from imgsim_core.gallery.limits import Limits, limits_of_host
from imgsim_core.gallery.reembedding import outdated, reembed
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.spool import Spool, Spooled
from imgsim_core.gallery.store import GalleryInfo
from imgsim_core.models.catalogue import model_by_id

MODEL = "efficientnet-lite2"
SMALL = Limits(hours=1, pictures=5, megabytes=50, all_megabytes=100)


@pytest.fixture
def visitors(tmp_path: Path) -> Visitors:
    return Visitors(tmp_path / "visitors", SMALL)


def photo(seed: int) -> bytes:
    corners = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(corners).resize((90, 72), Image.Resampling.BICUBIC).save(stream, "PNG")
    return stream.getvalue()


def archive(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return stream.getvalue()


def taken_in(visitors: Visitors, *files: tuple[str, bytes], name: str = "") -> tuple[str, Intake]:
    """Give files to a visitor's gallery and wait until all that can be in is in."""
    name = name or visitors.make()
    intake = Intake(visitors, name, model_by_id(MODEL))
    intake.add(files)
    intake.join(60)
    assert not intake.running
    return name, intake


def shown(gallery: Gallery) -> set[str]:
    return {entry.name for entry in gallery.snapshot().entries}


# ── Private ────────────────────────────────────────────────────────────────────────


def test_two_visitors_never_see_each_other_s_pictures(visitors: Visitors):
    first, _ = taken_in(visitors, ("a.png", photo(1)))
    second, _ = taken_in(visitors, ("b.png", photo(2)))
    galleries = visitors.open(first), visitors.open(second)
    assert [shown(gallery) for gallery in galleries] == [{"a.png"}, {"b.png"}]
    (entry,) = galleries[0].snapshot().entries
    assert galleries[1].shelf.original(entry.digest) is None
    assert galleries[1].shelf.thumbnail(entry.digest) is None
    assert galleries[1].store.get(GALLERY, [entry.digest]) == ()


def test_names_are_128_bits_that_nobody_guesses_or_makes_up(visitors: Visitors):
    names = {visitors.make() for _ in range(20)}
    assert len(names) == 20
    assert all(len(bytes.fromhex(name)) == 16 for name in names)
    for wrong in ("0" * 32, "", "..", "../secret", "A" * 32, next(iter(names)) + "/"):
        with pytest.raises(UnknownGallery):
            visitors.open(wrong)


@pytest.mark.skipif(os.name == "nt", reason="other systems have other rights")
def test_other_users_of_the_machine_cannot_look_in(visitors: Visitors):
    place = visitors.folder / visitors.make()
    for folder in (visitors.folder, place):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="other systems have other users")
def test_a_folder_that_somebody_else_has_put_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(StoreGone, match="another user"):
        Visitors(tmp_path, SMALL)


# ── Lifetime ───────────────────────────────────────────────────────────────────────


def test_a_gallery_lives_from_its_last_use_and_leaves_nothing(visitors: Visitors):
    old, _ = taken_in(visitors, ("a.png", photo(1)))
    used = visitors.make()
    an_hour_ago = time.time() - SMALL.seconds - 60
    for name in (old, used):
        os.utime(visitors.folder / name / "used", (an_hour_ago, an_hour_ago))
    visitors.touch(used)
    assert visitors.reap() == 1
    assert [place.name for place in visitors.folder.iterdir()] == [used]
    with pytest.raises(UnknownGallery, match="its time was up"):
        visitors.open(old)


def test_opening_and_taking_in_count_as_use(visitors: Visitors):
    name, _ = taken_in(visitors, ("a.png", photo(1)))
    mark = visitors.folder / name / "used"
    for use in (visitors.open, lambda name: taken_in(visitors, ("b.png", photo(2)), name=name)):
        os.utime(mark, (0, 0))
        use(name)
        assert mark.stat().st_mtime > time.time() - 60


def test_another_process_reaps_what_one_has_left_behind(visitors: Visitors):
    name = visitors.make()
    os.utime(visitors.folder / name / "used", (0, 0))
    (visitors.folder / "gone-1234").mkdir()  # half removed when a process was killed
    others = ["somebody's", "x" * 32]
    for other in others:
        (visitors.folder / other).mkdir()
        os.utime(visitors.folder / other, (0, 0))
    assert Visitors(visitors.folder, SMALL).reap() == 1
    assert sorted(place.name for place in visitors.folder.iterdir()) == others


def test_a_folder_cleared_away_is_made_again(visitors: Visitors):
    lost = visitors.make()
    shutil.rmtree(visitors.folder)
    with pytest.raises(UnknownGallery, match="time was up"):
        visitors.open(lost)
    place, _ = taken_in(visitors, ("a.png", photo(1)))
    assert len(visitors.open(place).snapshot()) == 1
    assert stat.S_IMODE(visitors.folder.stat().st_mode) == 0o700


def test_what_was_left_goes_with_the_next_reaping(visitors: Visitors):
    kept, left = visitors.make(), visitors.make()
    visitors.leave(left)
    assert visitors.reap() == 1
    assert [place.name for place in visitors.folder.iterdir()] == [kept]


def test_deleting_forgets_the_snapshot_too(visitors: Visitors):
    names = [taken_in(visitors, ("a.png", photo(1)))[0] for _ in range(2)]
    deleted, kept = (weakref.ref(visitors.open(name).snapshot()) for name in names)
    gc.collect()
    assert deleted() is not None  # else nothing remembers it, and this test shows nothing
    visitors.drop(names[0])
    gc.collect()
    assert deleted() is None
    assert kept() is visitors.open(names[1]).snapshot()
    assert [place.name for place in visitors.folder.iterdir()] == names[1:]
    visitors.drop(names[0])  # again, and nothing happens


def test_at_its_end_a_process_deletes_its_own_only(visitors: Visitors):
    other = Visitors(visitors.folder, SMALL)
    mine, theirs = visitors.make(), other.make()
    visitors.close()
    assert [place.name for place in visitors.folder.iterdir()] == [theirs]
    assert mine != theirs


# ── Quota ──────────────────────────────────────────────────────────────────────────


def test_at_its_end_nothing_is_left_of_a_gallery_that_is_still_being_written(tmp_path: Path):
    class WrittenMeanwhile(Visitors):
        def drop(self, name: str) -> None:
            super().drop(name)
            (self.folder / name / "pictures").mkdir(parents=True)

    visitors = WrittenMeanwhile(tmp_path)
    visitors.make()
    visitors.close()
    assert not list(tmp_path.iterdir())


def test_files_over_the_quota_are_refused_and_the_rest_stays(visitors: Visitors):
    name, intake = taken_in(visitors, *((f"{seed}.png", photo(seed)) for seed in range(8)))
    assert len(visitors.open(name).snapshot()) == SMALL.pictures
    assert intake.problem is None
    assert "at most 5 pictures" in " ".join(map(str, intake.progress.refused))


def test_all_visitors_together_have_a_quota(tmp_path: Path):
    visitors = Visitors(tmp_path, Limits(all_megabytes=0.01))
    name = visitors.make()
    (tmp_path / name / "much").write_bytes(bytes(20_000))
    visitors.drop("0" * 32)  # measured anew
    with pytest.raises(GalleryFull, match="no room"):
        visitors.make()
    assert visitors.room(name).bytes < 20_000


def test_a_full_disk_is_a_sentence_and_leaves_no_room_for_more(visitors, monkeypatch):
    name, _ = taken_in(visitors, ("a.png", photo(1)))
    spare, free = life._SPARE_BYTES, 0
    monkeypatch.setattr(life.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))
    own = sum(file.stat().st_size for file in (visitors.folder / name).rglob("*") if file.is_file())
    assert visitors.room(name).bytes == 0
    with pytest.raises(GalleryFull, match="no room for another gallery"):
        visitors.make()
    _, intake = taken_in(visitors, ("b.png", photo(2)), name=name)
    assert intake.problem is None
    assert "left out" in " ".join(map(str, intake.progress.refused))
    assert shown(visitors.open(name)) == {"a.png"}
    # What is kept free for everything else is no room either
    free = spare
    with pytest.raises(GalleryFull):
        visitors.make()
    free = spare + 2**20
    assert own < visitors.room(name).bytes
    assert visitors.make() != name


def test_a_disk_that_refuses_a_new_place_is_a_sentence(visitors, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(StoreGone, match="No space left"):
        visitors.make()
    monkeypatch.undo()
    assert not list(visitors.folder.iterdir())


def test_a_disk_that_fills_up_in_the_middle_stops_with_a_sentence_and_resumes(
    visitors: Visitors, monkeypatch
):
    name, _ = taken_in(visitors, ("first.png", photo(0)))
    pipe = Shelf._write

    def full(self, path, data):
        with self._asked():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Shelf, "_write", full)
    intake = Intake(visitors, name)
    intake.add([("second.png", photo(1))])
    intake.join(60)
    assert "No space left" in str(intake.problem)
    assert shown(visitors.open(name)) == {"first.png"}
    monkeypatch.setattr(Shelf, "_write", pipe)
    intake.resume()
    intake.join(60)
    assert intake.problem is None
    assert intake.waiting == 0
    assert shown(visitors.open(name)) == {"first.png", "second.png"}


@pytest.mark.parametrize("written", ["many", "-1", "0", "inf", "nan"])
def test_a_host_s_setting_that_is_no_number_is_a_sentence(monkeypatch, written: str):
    monkeypatch.setenv("IMGSIM_VISITOR_HOURS", written)
    with pytest.raises(BadSetting, match="IMGSIM_VISITOR_HOURS must be a number above 0"):
        limits_of_host()


def test_a_host_sets_the_limits(monkeypatch, tmp_path: Path):
    for name, value in {"HOURS": "0.5", "PICTURES": "10", "MEGABYTES": "7"}.items():
        monkeypatch.setenv(f"IMGSIM_VISITOR_{name}", value)
    monkeypatch.setenv("IMGSIM_ALL_VISITORS_MEGABYTES", "70")
    monkeypatch.setenv("IMGSIM_VISITOR_MEMORY", "30")
    monkeypatch.setenv("IMGSIM_ALL_VISITORS_MEMORY", "300")
    monkeypatch.setenv("IMGSIM_VISITOR_JOBS", "1")
    monkeypatch.setenv("IMGSIM_VISITORS", str(tmp_path / "there"))
    visitors = Visitors()
    assert visitors.limits == Limits(
        hours=0.5,
        pictures=10,
        megabytes=7,
        all_megabytes=70,
        memory_megabytes=30,
        all_memory_megabytes=300,
        jobs=1,
    )
    assert visitors.folder == tmp_path / "there"


# ── Intake ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.zip", archive()),
        ("texts.zip", archive(a=b"hello", b=b"there")),
        ("broken.jpg", b"no picture"),
        ("nothing.png", b""),
        ("torn.zip", archive(a=photo(1))[:40]),
    ],
    ids=["empty", "texts", "broken", "nothing", "torn"],
)
def test_what_holds_no_picture_ends_with_a_reason_and_an_empty_gallery(visitors, name, data):
    place, intake = taken_in(visitors, (name, data))
    assert intake.problem is None
    assert intake.progress.state == "done"
    assert intake.progress.added == 0
    assert intake.progress.refused_count or name == "empty.zip"
    assert len(visitors.open(place).snapshot()) == 0


def test_unreadable_files_among_good_ones_are_named_and_the_rest_goes_on(visitors: Visitors):
    packed = archive(**{"in/a.png": photo(1), "in/notes.txt": b"hello", "b.jpg": b"\xff\xd8\xff"})
    name, intake = taken_in(visitors, ("some.zip", packed), ("c.png", photo(2)))
    assert shown(visitors.open(name)) == {"in/a.png", "c.png"}
    refused = " ".join(map(str, intake.progress.refused))
    assert "notes.txt" in refused
    assert "b.jpg" in refused


def test_adding_again_adds_what_is_new(visitors: Visitors):
    name, _ = taken_in(visitors, ("a.png", photo(1)))
    _, intake = taken_in(visitors, ("a.png", photo(1)), ("b.png", photo(2)), name=name)
    assert (intake.progress.added, intake.progress.known) == (1, 1)


def test_what_is_more_than_the_quota_is_refused_before_it_is_kept(tmp_path, monkeypatch):
    size = len(photo(1))
    visitors = Visitors(tmp_path, Limits(megabytes=2.5 * size / 2**20, all_megabytes=100))
    intake = Intake(visitors, visitors.make(), model_by_id(MODEL))
    intake.stop()
    monkeypatch.setattr(Intake, "resume", lambda _: None)
    intake.add((f"{seed}.png", photo(1)) for seed in range(2))
    intake.add([("2.png", photo(1)), ("small.txt", b"hello")])
    # Those already waiting count, and a smaller one may still find room
    assert [file[0] for file in intake._waiting if isinstance(file, tuple)] == [
        "0.png",
        "1.png",
        "small.txt",
    ]
    monkeypatch.undo()
    intake.resume()
    intake.join(60)
    progress = intake.progress
    assert (progress.seen, progress.total, progress.added, progress.refused_count) == (4, 4, 1, 2)
    assert "2.png was left out: at most" in " ".join(map(str, progress.refused))
    # Once they are in, there is room again
    intake.add([("2.png", photo(1))])
    intake.join(60)
    assert (intake.waiting, intake.progress.same, intake.progress.refused_count) == (0, 1, 0)


def test_a_stop_keeps_what_is_in_and_a_resume_completes_it(visitors: Visitors):
    name = visitors.make()
    intake = Intake(visitors, name, model_by_id(MODEL))
    intake.add([])
    assert not intake.running
    intake._waiting = [(f"{seed}.png", photo(seed)) for seed in range(3)]
    intake.stop()
    intake._at_work = True
    intake._run()  # told to stop before it began
    assert not intake.running
    assert intake.waiting == 3
    intake.resume()
    intake.join(60)
    assert intake.waiting == 0
    assert len(visitors.open(name).snapshot()) == 3


def test_files_given_while_it_is_at_work_are_taken_in_too(visitors: Visitors, monkeypatch):
    name = visitors.make()
    intake = Intake(visitors, name, model_by_id(MODEL))
    began = threading.Event()
    goes_on = threading.Event()
    told = Intake._told

    def slowly(self, progress):
        began.set()
        goes_on.wait(30)
        told(self, progress)

    monkeypatch.setattr(Intake, "_told", slowly)
    intake.add([("a.png", photo(1))])
    assert began.wait(60)
    intake.add([("b.png", photo(2))])
    goes_on.set()
    intake.join(60)
    assert shown(visitors.open(name)) == {"a.png", "b.png"}


def test_a_gallery_deleted_under_its_intake_ends_it_with_a_sentence(visitors, monkeypatch):
    name, intake = taken_in(visitors, ("a.png", photo(1)))
    visitors.drop(name)
    intake.add([("b.png", photo(2))])
    intake.join(60)
    assert "its time was up" in str(intake.problem)
    assert not list(visitors.folder.iterdir())


# ── Published ──────────────────────────────────────────────────────────────────────


def test_no_store_is_no_published_gallery_and_makes_no_folder(monkeypatch, tmp_path: Path):
    monkeypatch.delenv("IMGSIM_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    assert published.published() == ()
    assert not list(tmp_path.iterdir())


def test_a_store_that_is_gone_is_a_sentence(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("IMGSIM_STORE", str(tmp_path / "unplugged"))
    with pytest.raises(StoreGone, match="no store at"):
        published.published()


def test_published_galleries_are_to_look_at(monkeypatch, tmp_path: Path, visitors: Visitors):
    monkeypatch.setenv("IMGSIM_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("IMGSIM_PICTURES", str(tmp_path / "pictures"))
    store = life.open_store(str(tmp_path / "store"))
    new_gallery("holidays", store, Shelf(str(tmp_path / "pictures")), title="Holidays")
    assert [info.title for info in published.published()] == ["Holidays"]
    gallery = published.open_published("holidays")
    assert gallery.read_only
    with pytest.raises(GalleryReadOnly):
        reembed(gallery, model_by_id(MODEL))


# ── Another encoder ────────────────────────────────────────────────────────────────


def as_if_made_by(visitors: Visitors, name: str, encoder: str) -> Gallery:
    """Let a gallery say that another encoder made it."""
    gallery = visitors.open(name)
    info = gallery.info
    rows = [row for batch in gallery.store.scan(GALLERY) for row in batch]
    gallery.store.drop(GALLERY)
    fields = {**info.__dict__, "encoder": encoder}
    gallery.store.create(GalleryInfo(**fields))
    gallery.store.add(GALLERY, rows)
    visitors.close_gallery(name)
    return visitors.open(name)


def test_a_gallery_of_another_encoder_says_so_and_is_embedded_again(visitors: Visitors):
    name, _ = taken_in(visitors, ("a.png", photo(1)), ("b.png", photo(2)))
    before = visitors.open(name).snapshot()
    assert outdated(visitors.open(name)) is None
    old = as_if_made_by(visitors, name, f"{MODEL}/000000000000/crop/0")
    assert "another version" in str(outdated(old))
    with pytest.raises(OtherEncoder):
        new_gallery(GALLERY, old.store, old.shelf, model_by_id(MODEL))
    intake = Intake(visitors, name)
    intake.embed_again(model_by_id(MODEL))
    intake.join(60)
    assert intake.problem is None
    again = visitors.open(name)
    assert outdated(again) is None
    after = again.snapshot()
    assert [entry.digest for entry in after.entries] == [entry.digest for entry in before.entries]
    # The very vectors that taking the files in had made: same pictures, same encoder
    np.testing.assert_allclose(after.vectors, before.vectors, atol=1e-5)
    np.testing.assert_allclose(
        [entry.length for entry in after.entries],
        [entry.length for entry in before.entries],
        rtol=1e-4,
    )
    assert [info.name for info in again.store.galleries()] == [GALLERY]


def test_embedding_again_that_is_stopped_or_fails_leaves_all_as_it_was(visitors, monkeypatch):
    name, _ = taken_in(visitors, ("a.png", photo(1)))
    old = as_if_made_by(visitors, name, f"{MODEL}/000000000000/crop/0")
    stop = StopSign()
    stop.set()
    assert reembed(old, model_by_id(MODEL), stop=stop).info == old.info

    def gone(*_):
        raise StoreGone(life.Text("There is no store at {address}.", address="x"))

    monkeypatch.setattr(reembedding, "embed", gone)
    with pytest.raises(StoreGone):
        reembed(old, model_by_id(MODEL))
    assert [info.encoder for info in old.store.galleries()] == [old.info.encoder]
    assert len(visitors.open(name).snapshot()) == 1


def test_what_is_remembered_of_a_gallery_goes_with_it(visitors: Visitors):
    forgotten: list[str] = []
    visitors.when_dropped(forgotten.append)
    name = visitors.make()
    visitors.leave(name)
    visitors.reap()
    assert forgotten == [str(visitors.folder / name)]


def test_what_waits_to_be_taken_in_lies_on_the_disk_and_not_in_memory(visitors, monkeypatch):
    intake = Intake(visitors, visitors.make(), model_by_id(MODEL))
    monkeypatch.setattr(Intake, "resume", lambda _: None)
    intake.add((f"{seed}.png", photo(seed)) for seed in range(3))
    assert [type(data) for _, data in intake._waiting] == [Spooled] * 3
    assert [bytes(data) for _, data in intake._waiting] == [photo(seed) for seed in range(3)]


def test_what_is_taken_in_leaves_the_disk_though_more_comes_again_and_again(visitors, monkeypatch):
    intake = Intake(visitors, visitors.make(), model_by_id(MODEL))
    monkeypatch.setattr(Intake, "resume", lambda _: None)
    intake.add([("a.png", photo(1))])
    batch = intake._next()
    intake.add([("b.png", photo(2))])
    intake._take_in(batch)
    intake.add([("c.png", photo(3))])
    (_, before), (_, after) = intake._waiting
    assert before._spool is not after._spool
    assert [bytes(before), bytes(after)] == [photo(2), photo(3)]


def test_a_disk_that_refuses_an_upload_is_a_sentence(visitors, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    intake = Intake(visitors, visitors.make(), model_by_id(MODEL))
    monkeypatch.setattr(Intake, "resume", lambda _: None)
    monkeypatch.setattr(Spool, "add", full)
    intake.add([("a.png", photo(1))])
    (refused,) = intake._waiting
    assert str(refused).startswith("a.png was left out, since the disk refuses it: No space")
