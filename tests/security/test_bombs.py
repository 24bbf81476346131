"""Small files that want to become large: refused or read, in little memory and time."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zipfile
import zlib

import pytest

from imgsim_core.archive import Unpacked, unpacked
from imgsim_core.errors import PictureError
from imgsim_core.picture import Picture, open_picture
from tests.security.mutations import pictures

MEBIBYTE = 2**20


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(kind: bytes, body: bytes, times: int = 1) -> bytes:
    """A PNG with something behind its head."""
    png = pictures()["png-alpha"]
    return png[:33] + chunk(kind, body) * times + png[33:]


def with_segments(body: bytes, times: int) -> bytes:
    """A JPEG with segments of the kind of EXIF's behind its start."""
    jpeg = pictures()["jpeg"]
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    return jpeg[:2] + segment * times + jpeg[2:]


BLOWN_UP = zlib.compress(bytes(150 * MEBIBYTE))
FILES = {
    "packed words": lambda: with_chunk(b"zTXt", b"a\0\0" + BLOWN_UP),
    "packed words in any language": lambda: with_chunk(b"iTXt", b"a\0\1\0\0\0" + BLOWN_UP),
    "packed colours": lambda: with_chunk(b"iCCP", b"a\0\0" + BLOWN_UP),
    "words without end": lambda: with_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(900_000)), 100),
    "chunks without end": lambda: with_chunk(b"tEXt", b"a\0b", 20_000),
    "EXIF in a million parts": lambda: with_segments(b"Exif\0\0aa", 1_000_000),
    "words in many segments": lambda: with_segments(b"http://ns.adobe.com/xap/1.0/\0a", 20_000),
}


@pytest.mark.parametrize("name", FILES)
def test_what_a_picture_says_beside_its_pixels_takes_little(name: str):
    data = FILES[name]()
    assert len(data) < 20 * MEBIBYTE
    tracemalloc.start()
    started = time.process_time()
    try:
        answer: Picture | PictureError
        try:
            answer = open_picture(data, "bomb.png")
        except PictureError as error:
            answer = error
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(answer, Picture | PictureError)
    assert peak < 100 * MEBIBYTE
    assert time.process_time() - started < 10


def nested(depth: int) -> bytes:
    data = b"picture"
    for level in range(depth):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
            target.writestr(f"{level}.zip", data)
        data = stream.getvalue()
    return data


def test_an_archive_within_archives_is_opened_once():
    (only,) = unpacked("nested.zip", nested(20), most_files=100, most_bytes=MEBIBYTE)
    assert isinstance(only, Unpacked)
    assert only.name == "19.zip"


def test_names_that_climb_or_repeat_are_only_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["../../x.png", "/etc/x.png", "C:\\x.png", "a\0b.png", "same.png", "same.png"]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for name in names[:4]:
            target.writestr(zipfile.ZipInfo(name), b"x")
        target.writestr("same.png", b"first")
        with pytest.warns(UserWarning, match="Duplicate name"):
            target.writestr("same.png", b"second")
        link = zipfile.ZipInfo("link.png")
        link.external_attr = 0o120777 << 16  # a symbolic link
        target.writestr(link, b"/etc/passwd")
    found = list(unpacked("set.zip", stream.getvalue(), most_files=99, most_bytes=MEBIBYTE))
    data = [one.data for one in found if isinstance(one, Unpacked)]
    assert data == [b"x"] * 4 + [b"first", b"second", b"/etc/passwd"]
    assert list(tmp_path.iterdir()) == []


def test_a_directory_of_hundreds_of_thousands_ends_soon():
    """As many entries as an upload can name; what is listed takes time, what is read does not."""
    entry = struct.pack("<IBBBB4H3I5H2I", 0x02014B50, 20, 0, 20, *[0] * 15) + b""
    entry = entry[:28] + struct.pack("<H", 1) + entry[30:] + b"a"
    count = 10_000
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, count * len(entry), 0, 0)
    started = time.process_time()
    found = list(unpacked("many.zip", entry * count + end, most_files=50, most_bytes=MEBIBYTE))
    assert len(found) <= 52
    assert time.process_time() - started < 5
