"""Archives that bite: bombs, lies, locks, names that climb; each read within bounds."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from imgsim_core import archive
from imgsim_core.archive import Unpacked, count_of_files, is_archive, is_passed_over, unpacked
from imgsim_core.text import Text


def packed(*files: tuple[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as target:
        for name, data in files:
            target.writestr(name, data)
    return stream.getvalue()


def read(data: bytes, most_files: int = 100, most_bytes: int = 2**24) -> list[Unpacked | Text]:
    return list(unpacked("set.zip", data, most_files=most_files, most_bytes=most_bytes))


def test_files_come_with_their_folders_bytes_and_times():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        target.writestr(zipfile.ZipInfo("a/b/1.png", (2024, 5, 31, 18, 2, 10)), b"one")
        target.writestr("a/", b"")
    (file,) = read(stream.getvalue())
    assert isinstance(file, Unpacked)
    assert (file.name, file.data) == ("a/b/1.png", b"one")
    assert file.modified > 1_717_000_000


def test_an_open_file_is_read_like_bytes(tmp_path):
    data = packed(("1.png", b"one"), ("2.png", b"two"))
    path = tmp_path / "set.zip"
    path.write_bytes(data)
    with path.open("rb") as stream:
        found = list(unpacked("set.zip", stream, most_files=9, most_bytes=99))
        assert count_of_files(stream) == 2
        assert not stream.closed
    assert found == read(data)


@pytest.mark.parametrize(
    "name",
    ["__MACOSX/._1.png", "a/__MACOSX/1.png", ".DS_Store", "a/.hidden/1.png", "a/Thumbs.db", ""],
)
def test_what_systems_add_is_passed_over(name):
    assert is_passed_over(name)
    assert not is_passed_over("a/1.png")
    assert not is_passed_over("../1.png")


def test_more_files_or_bytes_than_wanted_are_left_out_and_that_is_said():
    data = packed(*((f"{number}.png", bytes(1000)) for number in range(5)))
    *kept, said = read(data, most_files=2)
    assert len(kept) == 2
    assert "more than 2 files" in str(said)
    *kept, said = read(data, most_bytes=3500)
    assert sum(len(file.data) for file in kept if isinstance(file, Unpacked)) <= 3500
    assert "the rest was left out" in str(said)


def test_no_file_is_unpacked_beyond_what_a_picture_may_have(monkeypatch):
    monkeypatch.setattr(archive, "MOST_OF_ONE", 2**20)
    bomb = packed(("bomb.png", bytes(2**26)), ("1.png", b"one"))
    assert len(bomb) < 2**17
    large, small = read(bomb, most_bytes=2**30)
    assert isinstance(large, Unpacked)
    assert len(large.data) == 2**20
    assert isinstance(small, Unpacked)


def test_a_lie_about_a_size_is_damage_or_bounded():
    data = bytearray(packed(("1.png", bytes(2**20))))
    at = data.rindex(b"PK\x01\x02")  # the entry in the archive's directory
    struct.pack_into("<I", data, at + 24, 10)  # says ten bytes
    (file,) = read(bytes(data))
    assert isinstance(file, Text) or len(file.data) <= 2**20


def test_a_locked_file_is_said_and_the_rest_comes():
    data = bytearray(packed(("1.png", b"one"), ("2.png", b"two")))
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1  # the flag of a password
    locked, other = read(bytes(data))
    assert "1.png is locked" in str(locked)
    assert isinstance(other, Unpacked)


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"PK\x05\x06" + bytes(10), b"no archive"])
def test_a_damaged_archive_is_one_sentence(data):
    (said,) = read(data)
    assert "set.zip is a damaged archive" in str(said)
    assert count_of_files(data) == 0


@pytest.mark.parametrize(
    "packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=int
)
def test_a_file_that_does_not_unpack_is_a_sentence_whatever_packed_it(packing):
    content = bytes(range(256)) * 40
    data = bytearray(packed(("1.png", content), ("2.png", b"two"), packing=packing))
    for at in range(60, 160):
        data[at] ^= 0x55
    damaged, whole = read(bytes(data))
    assert "1.png is damaged inside" in str(damaged)
    assert isinstance(whole, Unpacked)


def test_every_cut_of_an_archive_ends_in_a_sentence():
    data = packed(("1.png", bytes(range(256)) * 9), ("2.png", b"two"))
    for length in range(0, len(data), 7):
        for file in read(data[:length]):
            assert isinstance(file, Unpacked | Text)


def test_an_empty_archive_is_an_archive_with_nothing_in_it():
    data = packed()
    assert is_archive(data)
    assert read(data) == []


def test_names_do_not_decide_what_is_an_archive():
    assert is_archive(packed(("1.png", b"one"))[:4])
    assert not is_archive(b"\x89PNG")
