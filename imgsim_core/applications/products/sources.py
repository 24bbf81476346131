"""Where a catalogue's files come from: uploads, zip archives, folders of this host.

A name is only compared with the names of the list, and never becomes a path.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from imgsim_core.archive import (
    MOST_OF_ONE,
    count_of_files,
    is_archive,
    is_passed_over,
    unpacked,
)
from imgsim_core.errors import CatalogueError, PictureError
from imgsim_core.picture import check_length
from imgsim_core.text import Text, UserText

MOST_FILES = 30_000
MOST_UNPACKED = 2 * 2**30
"""Bytes that one archive may yield."""
_DEEPEST = 12  # folders within folders; links that lead back end here too


@dataclass(frozen=True)
class File:
    """A file not read yet.

    Parameters
    ----------
    name : str
        With folders, parted by "/".
    read : callable
        () -> bytes; raises `PictureError` if it cannot be read.
    """

    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Files:
    """Files to come, each time anew from the first.

    Parameters
    ----------
    start : callable
        () -> iterator of File, or Text for what cannot even be offered.
    count : callable
        () -> int, how many there are at most; nothing is read.
    """

    start: Callable[[], Iterator[File | Text]]
    count: Callable[[], int]

    def __iter__(self) -> Iterator[File | Text]:
        """Start from the first file."""
        return self.start()


def from_uploads(uploads: Iterable[tuple[str, bytes]]) -> Files:
    """Bring files that a visitor has uploaded, zip archives among them.

    Parameters
    ----------
    uploads : iterable of (name, bytes)
    """
    held = tuple(uploads)
    return Files(
        lambda: (file for name, data in held for file in _of_upload(name, data)),
        lambda: sum(count_of_files(data) if is_archive(data[:4]) else 1 for _, data in held),
    )


def from_paths(paths: Sequence[str | Path]) -> Files:
    """Bring files, folders with all that lies in them, and zip archives of this host.

    Raises
    ------
    CatalogueError
        When started, if one of them is not there.
    """
    return Files(
        lambda: (file for path in paths for file in _of_path(Path(path))),
        lambda: sum(1 for path in paths for _ in _of_path(Path(path), only_names=True)),
    )


def _of_upload(name: str, data: bytes) -> Iterator[File | Text]:
    if not is_archive(data[:4]):
        yield File(name, lambda: data)
        return
    for file in unpacked(name, data, most_files=MOST_FILES, most_bytes=MOST_UNPACKED):
        yield file if isinstance(file, Text) else File(file.name, partial(bytes, file.data))


def _of_path(path: Path, only_names: bool = False) -> Iterator[File | Text]:
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise CatalogueError(Text("There is no file {name}.", name=UserText(path))) from error
    if stat.S_ISDIR(found.st_mode):
        for place, inside in enumerate(_walked(path)):
            if place >= MOST_FILES:
                yield Text(
                    "{name} holds more than {most} files: the rest was left out.",
                    name=UserText(path.name),
                    most=MOST_FILES,
                )
                return
            yield File(_plain(inside.relative_to(path)), partial(_read, inside))
    elif not stat.S_ISREG(found.st_mode):  # a pipe or a device would be waited for
        yield Text("{name} is not a file.", name=UserText(path.name))
    elif path.suffix.lower() == ".zip":
        yield from _of_zip(path, only_names)
    else:
        yield File(_plain(Path(path.name)), partial(_read, path))


def _of_zip(path: Path, only_names: bool) -> Iterator[File | Text]:
    try:
        with path.open("rb") as stream:
            if only_names:
                names = (File("", bytes) for _ in range(count_of_files(stream)))
                yield from names
                return
            for file in unpacked(
                path.name, stream, most_files=MOST_FILES, most_bytes=MOST_UNPACKED
            ):
                if isinstance(file, Text):
                    yield file
                else:
                    yield File(file.name, partial(bytes, file.data))
    except OSError as error:
        yield _unreadable(path.name, error)


def _walked(folder: Path, depth: int = 0) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if is_passed_over(entry.name):
            continue
        if entry.is_dir():
            if depth < _DEEPEST:
                yield from _walked(entry, depth + 1)
        elif entry.is_file():
            yield entry


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            check_length(os.fstat(stream.fileno()).st_size, path.name)
            return stream.read(MOST_OF_ONE)
    except OSError as error:
        raise PictureError(_unreadable(path.name, error)) from error


def _unreadable(name: str, error: OSError) -> Text:
    why = error.strerror or str(error)
    return Text("The file {name} cannot be read: {why}.", name=UserText(name), why=UserText(why))


def _plain(path: Path) -> str:
    """Make a path a name: slashes as everywhere, bytes that are no UTF-8 replaced."""
    return os.fsencode(path).decode("utf-8", "replace").replace(os.sep, "/")
