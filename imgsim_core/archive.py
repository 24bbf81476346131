"""Zip archives, read within bounds.

Nothing is ever unpacked to disk, and a name inside an archive is a name to show, never a
path. What an archive says of its sizes may be a lie: reading stops at bounds of our own.
"""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import BinaryIO

from imgsim_core.picture import MAX_MEGABYTES
from imgsim_core.text import Text, UserText

# More than the gate for pictures lets in, so that the gate can say so.
MOST_OF_ONE = MAX_MEGABYTES * 2**20 + 1

_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_ERRORS = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,  # a way of packing that the library does not know
    RuntimeError,  # a password is needed
    MemoryError,  # a packing that says it needs gigabytes
    OSError,
    ValueError,
)
_SYSTEM_FILES = ("Thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class Unpacked:
    """One file of an archive.

    Parameters
    ----------
    name : str
        With its folders, as the archive has it.
    data : bytes
        At most `MOST_OF_ONE`.
    modified : float
        Seconds since 1970, taking the archive's time for local; 0 if it has none.
    """

    name: str
    data: bytes
    modified: float = 0.0


def is_archive(start: bytes) -> bool:
    """Tell whether a file that starts so is a zip archive; its name does not count."""
    return start.startswith(_STARTS)


def is_passed_over(name: str) -> bool:
    """Tell whether a file is one that systems add: hidden, or with a folder's looks in it.

    Parameters
    ----------
    name : str
        With folders, parted by "/" or "\\".
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts:
        return True
    hidden = any(part.startswith(".") and part not in (".", "..") for part in parts)
    return hidden or "__MACOSX" in parts or parts[-1] in _SYSTEM_FILES


def unpacked(
    name: str, archive: bytes | BinaryIO, *, most_files: int, most_bytes: int
) -> Iterator[Unpacked | Text]:
    """Yield the files of an archive, one by one.

    Parameters
    ----------
    name : str
        The archive's own, for sentences.
    archive : bytes or file
        A file is read as far as needed and stays open.
    most_files : int
        Files looked at.
    most_bytes : int
        Bytes that all of them together may yield.

    Yields
    ------
    Unpacked or Text
        Folders and the hidden files that systems add are passed over; what is locked,
        damaged or too much is a sentence. Archives inside archives are not opened.
    """
    try:
        with _opened(archive) as opened:
            entries = _entries(opened)
            yield from _read_all(name, opened, entries[:most_files], most_bytes)
    except _ERRORS:
        yield Text("{name} is a damaged archive. Pack it again.", name=UserText(name))
        return
    if len(entries) > most_files:
        yield Text(
            "{name} holds more than {most} files: the rest was left out.",
            name=UserText(name),
            most=most_files,
        )


def count_of_files(archive: bytes | BinaryIO) -> int:
    """Count the files that `unpacked` would look at; 0 in a damaged archive."""
    try:
        with _opened(archive) as opened:
            return len(_entries(opened))
    except _ERRORS:
        return 0


@contextmanager
def _opened(archive: bytes | BinaryIO) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(io.BytesIO(archive) if isinstance(archive, bytes) else archive) as opened:
        yield opened


def _entries(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    return [
        entry
        for entry in archive.infolist()
        if not entry.is_dir() and not is_passed_over(entry.filename)
    ]


def _read_all(
    name: str, archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], most_bytes: int
) -> Iterator[Unpacked | Text]:
    left = most_bytes
    for entry in entries:
        file = _read(archive, entry, min(left, MOST_OF_ONE))
        left -= 0 if isinstance(file, Text) else len(file.data)
        if left <= 0:
            yield Text(
                "{name} holds more than {most} MB: the rest was left out.",
                name=UserText(name),
                most=most_bytes // 2**20,
            )
            return
        yield file


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> Unpacked | Text:
    if entry.flag_bits & 0x1:
        return Text(
            "{name} is locked with a password. Pack it without one.",
            name=UserText(entry.filename),
        )
    try:
        with archive.open(entry) as stream:
            return Unpacked(entry.filename, stream.read(most), _modified(entry))
    except _ERRORS:
        return Text(
            "{name} is damaged inside the archive. Pack it again.", name=UserText(entry.filename)
        )


def _modified(entry: zipfile.ZipInfo) -> float:
    try:
        return datetime(*entry.date_time).timestamp()
    except (ValueError, OverflowError, OSError):  # month 0, or a year before the clock's
        return 0.0
