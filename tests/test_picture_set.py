"""Sets of pictures: every file through the gate, archives that bite, names that collide."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from imgsim_core import picture_set
from imgsim_core.errors import NoRoom
from imgsim_core.picture import open_picture
from imgsim_core.picture_set import PictureSet, files_of, with_files
from imgsim_core.text import Text


def png(seed: int, width: int = 24, height: int = 18) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def archive(*files: tuple[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as target:
        for name, data in files:
            target.writestr(name, data)
    return stream.getvalue()


def names(pictures: PictureSet) -> list[str]:
    return [picture.name for picture in pictures.pictures]


def refusals(pictures: PictureSet) -> str:
    return " ".join(map(str, pictures.refused))


def brought(name: str, data: bytes) -> PictureSet:
    return with_files(PictureSet(), files_of(name, data))


def test_pictures_are_made_small_and_keep_their_shape():
    (picture,) = brought("wide.png", png(0, 1200, 300)).pictures
    assert (picture.width, picture.height) == (picture_set.SIDE, 100)


def test_a_small_copy_is_never_taken_for_the_whole_file():
    data = png(0, 1200, 300)
    (picture,) = brought("wide.png", data).pictures
    assert picture.digest != open_picture(data, "wide.png").digest
    assert picture.digest == brought("again.png", data).pictures[0].digest


def test_an_archive_yields_its_pictures_under_their_whole_names():
    data = archive(("a/1.png", png(1)), ("b/1.png", png(2)), ("a/", b""))
    assert names(brought("set.zip", data)) == ["a/1.png", "b/1.png"]


def test_a_name_that_climbs_out_of_the_archive_is_only_a_name():
    pictures = brought("set.zip", archive(("../../etc/cron.d/x.png", png(1))))
    assert names(pictures) == ["../../etc/cron.d/x.png"]


@pytest.mark.parametrize("hidden", ["__MACOSX/._1.png", ".DS_Store", "a/.hidden.png", "Thumbs.db"])
def test_files_that_systems_add_are_passed_over(hidden):
    pictures = brought("set.zip", archive((hidden, png(1)), ("1.png", png(2))))
    assert names(pictures) == ["1.png"]
    assert not pictures.refused


def test_the_same_file_under_two_names_is_one_picture_with_both_names():
    pictures = brought("set.zip", archive(("1.png", png(1)), ("copy of 1.png", png(1))))
    assert names(pictures) == ["1.png"]
    assert pictures.named("copy of 1.png") == pictures.named("1.png") == pictures.pictures
    assert not pictures.refused


def test_two_pictures_of_one_name_are_told_apart():
    pictures = with_files(PictureSet(), [("1.png", png(1)), ("1.png", png(2)), ("1.png", png(3))])
    assert names(pictures) == ["1.png", "1.png (2)", "1.png (3)"]


def test_a_pictures_own_name_means_it_though_another_came_under_it_again():
    pictures = with_files(PictureSet(), [("1.png", png(1)), ("1.png", png(2)), ("1.png", png(2))])
    assert [one.name for one in pictures.named("1.png")] == ["1.png"]


def test_a_name_without_its_folder_finds_every_picture_it_may_mean():
    pictures = brought(
        "s.zip", archive(("a/1.png", png(1)), ("b/1.png", png(2)), ("c/2.png", png(3)))
    )
    assert [one.name for one in pictures.named("1.png")] == ["a/1.png", "b/1.png"]
    assert [one.name for one in pictures.named("C:\\mine\\2.png")] == ["c/2.png"]
    assert pictures.named("3.png") == ()


def test_bringing_files_again_adds_nothing():
    before = brought("1.png", png(1))
    after = with_files(before, [("1.png", png(1)), ("2.png", png(2))])
    assert names(after) == ["1.png", "2.png"]
    assert not after.refused


def test_what_is_no_picture_is_said_and_the_rest_stands():
    data = archive(("letter.txt", b"Dear Sir"), ("1.png", png(1)), ("cut.png", png(2)[:60]))
    pictures = brought("set.zip", data)
    assert names(pictures) == ["1.png"]
    assert "letter.txt" in refusals(pictures)
    assert "cut.png" in refusals(pictures)


def test_an_archive_inside_an_archive_is_not_opened():
    pictures = brought("set.zip", archive(("inner.zip", archive(("1.png", png(1))))))
    assert not len(pictures)
    assert "inner.zip" in refusals(pictures)


def test_a_set_holds_a_bounded_number(monkeypatch):
    monkeypatch.setattr(picture_set, "MOST_PICTURES", 3)
    files = [(f"{number}.png", png(number)) for number in range(5)]
    pictures = with_files(PictureSet(), files)
    assert len(pictures) == 3
    assert "Files left out: 2" in refusals(pictures)
    # Those that are in already are not left out
    assert with_files(pictures, files[:3]).refused == pictures.refused


def test_an_archive_of_very_many_files_is_read_in_part(monkeypatch):
    monkeypatch.setattr(picture_set, "MOST_ENTRIES", 2)
    pictures = brought("s.zip", archive(*((f"{number}.png", png(number)) for number in range(4))))
    assert names(pictures) == ["0.png", "1.png"]
    assert "more than 2 files" in refusals(pictures)


def test_a_bomb_is_unpacked_up_to_a_bound_only(monkeypatch):
    monkeypatch.setattr(picture_set, "MOST_UNPACKED", 4 * 2**20)
    bomb = archive(*((f"{number}.png", bytes(3 * 2**20)) for number in range(6)))
    assert len(bomb) < 30_000
    files = list(files_of("bomb.zip", bomb))
    assert sum(len(file[1]) for file in files if not isinstance(file, Text)) <= 4 * 2**20
    assert "more than 4 MB" in str(files[-1])


def test_a_file_that_lies_about_its_size_is_damaged_or_bounded():
    data = bytearray(archive(("1.png", bytes(2**20))))
    at = data.rindex(b"PK\x01\x02")  # the entry in the archive's directory
    struct.pack_into("<I", data, at + 24, 10)  # says ten bytes
    (file,) = files_of("lie.zip", bytes(data))
    assert isinstance(file, Text) or len(file[1]) <= 2**20


def test_a_locked_file_is_said_to_be_locked():
    data = bytearray(archive(("1.png", png(1))))
    for signature, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rindex(signature) + flag] |= 1
    (file,) = files_of("locked.zip", bytes(data))
    assert "locked" in str(file)


@pytest.mark.parametrize("cut", [4, 30, 60, -30])
def test_a_damaged_archive_is_a_sentence_or_a_part(cut):
    data = archive(("1.png", png(1)), packing=zipfile.ZIP_STORED)
    found = list(files_of("cut.zip", data[:cut]))
    assert all(isinstance(file, Text) for file in found)


def test_damage_inside_an_archive_names_the_file():
    data = bytearray(archive(("1.png", png(1)), ("2.png", png(2)), packing=zipfile.ZIP_STORED))
    data[60] ^= 0xFF  # a byte of the first picture
    pictures = brought("set.zip", bytes(data))
    assert names(pictures) == ["2.png"]
    assert "1.png" in refusals(pictures)


def test_progress_is_told_file_by_file():
    told: list[int] = []
    with_files(PictureSet(), [("1.png", png(1)), ("x", b"no"), ("2.png", png(2))], told.append)
    assert told == [1, 2, 3]


def test_where_the_room_ends_the_taking_ends_and_what_is_in_stays():
    held: list[str] = []

    def hold(picture):
        if len(held) == 2:
            raise NoRoom(Text("No room."))
        held.append(picture.name)

    files = [(f"{number}.png", png(number)) for number in range(5)]
    opened = with_files(PictureSet(), files, hold=hold)
    assert names(opened) == held == ["0.png", "1.png"]
    assert refusals(opened) == "No room."
