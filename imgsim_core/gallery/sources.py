"""Where the files of a gallery come from: paths, uploads, samples, an address.

Nothing is read before its turn comes, and names are only ever shown.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from imgsim_core.archive import (
    MOST_OF_ONE,
    count_of_files,
    is_archive,
    is_passed_over,
    unpacked,
)
from imgsim_core.errors import PictureError, StoreGone
from imgsim_core.gallery.spool import Spooled
from imgsim_core.picture import check_length
from imgsim_core.text import Text, UserText

MOST_FILES_OF_ARCHIVE = 100_000
MOST_UPLOADED = 2 * 2**30
"""Bytes that one uploaded archive may yield."""
MOST_UNPACKED = 200 * 2**30
"""Bytes that one archive on the host's own disk may yield."""


@dataclass(frozen=True)
class SourceFile:
    """A file that may be a picture, not read yet.

    Parameters
    ----------
    name : str
        As the visitor calls it, folders included; never used as a path.
    source : str
        Address the host can read it at again; "" if there is none.
    modified : float
        When it was last changed, seconds since 1970; 0 if unknown.
    read : callable
        () -> bytes. Raises `PictureError` if it cannot be read. Any thread may call it.
    """

    name: str
    source: str
    modified: float
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Files:
    """Files to come, each time anew from the start; `operator.length_hint` counts them.

    Parameters
    ----------
    start : callable
        () -> iterator of SourceFile, or Text for a file that cannot even be offered.
    count : callable
        () -> int, how many there are about; cheap, nothing is read.
    """

    start: Callable[[], Iterator[SourceFile | Text]]
    count: Callable[[], int]

    def __iter__(self) -> Iterator[SourceFile | Text]:
        """Start from the first file."""
        return self.start()

    def __length_hint__(self) -> int:
        """Count the files."""
        return self.count()


def from_paths(paths: Sequence[str | Path]) -> Files:
    """Bring files, folders with all that lies in them, and zip archives of this host.

    Parameters
    ----------
    paths : sequence of str or Path

    Returns
    -------
    Files
        Sorted within each folder; hidden files and links that lead back are passed over.
        A folder's files are named with the folder's own name first; the files of an
        archive have no address of their own.
    """
    return Files(
        lambda: (file for path in paths for file in _of_path(Path(path))),
        lambda: sum(_count_of_path(Path(path)) for path in paths),
    )


def from_uploads(uploads: Iterable[tuple[str, bytes | Spooled]]) -> Files:
    """Bring files that a visitor has uploaded, zip archives among them.

    Parameters
    ----------
    uploads : iterable of (name, bytes or Spooled)
        What lies on a spool is read one file at a time.
    """
    held = tuple(uploads)
    return Files(
        lambda: (file for name, data in held for file in _of_upload(name, data)),
        lambda: sum(
            count_of_files(bytes(data)) if is_archive(_head(data)) else 1 for _, data in held
        ),
    )


def from_samples() -> Files:
    """Bring the built-in pictures, and edited copies of them, under names of folders."""
    from imgsim_core.gallery import sample_gallery

    made = sample_gallery.files()
    return Files(
        lambda: (SourceFile(name, "", modified, make) for name, modified, make in made),
        lambda: len(made),
    )


def from_address(address: str) -> Files:
    """Bring all files under an fsspec address: a folder, or a prefix in object storage.

    Parameters
    ----------
    address : str
        Such as s3://bucket/pictures or file:///mnt/pictures; the cloud's usual environment
        variables give the right to read it.

    Returns
    -------
    Files
        Sorted; archives are not opened. Iterating raises `StoreGone` if the address cannot
        be listed.
    """
    return Files(lambda: _of_address(address), lambda: len(_listed(address)[1]))


# ── Files of this host ─────────────────────────────────────────────────────────────


def _of_path(path: Path) -> Iterator[SourceFile | Text]:
    if path.is_dir():
        yield from _of_folder(path)
    elif path.exists():
        yield from _of_file(path, path.name)
    else:
        yield Text("There is no file {name}.", name=UserText(path))


def _of_folder(folder: Path) -> Iterator[SourceFile | Text]:
    top = folder.absolute()
    for path in _walk(top, set()):
        if isinstance(path, Text):
            yield path
        else:
            yield from _of_file(path, _plain(os.path.join(top.name, path.relative_to(top))))


def _walk(folder: Path, above: set[tuple[int, int]]) -> Iterator[Path | Text]:
    """Yield the files of a folder, sorted, and of those in it; `above` are the ways here."""
    try:
        place = folder.stat()
        here = (place.st_dev, place.st_ino)
        if here in above:
            return  # a link that leads back
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        yield _unreadable(folder.name, error)
        return
    for entry in entries:
        if is_passed_over(entry.name):
            continue
        if entry.is_dir():
            yield from _walk(entry, above | {here})
        else:
            yield entry


def _of_file(path: Path, name: str) -> Iterator[SourceFile | Text]:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe or a device would be waited for
            yield Text("{name} is not a file.", name=UserText(name))
            return
        archive = path.suffix.lower() == ".zip" and is_archive(_start(path))
    except OSError as error:
        yield _unreadable(name, error)
        return
    if not archive:
        source = str(path.absolute())
        yield SourceFile(name, source, found.st_mtime, partial(_read, path, name))
        return
    try:
        with path.open("rb") as stream:
            for file in unpacked(
                name, stream, most_files=MOST_FILES_OF_ARCHIVE, most_bytes=MOST_UNPACKED
            ):
                yield file if isinstance(file, Text) else _held(file.name, file.data, file.modified)
    except OSError as error:
        yield _unreadable(name, error)


def _count_of_path(path: Path) -> int:
    if path.is_dir():
        return sum(_count_of_file(one) for one in _walk(path.absolute(), set()))
    return _count_of_file(path)


def _count_of_file(path: Path | Text) -> int:
    if isinstance(path, Path) and path.suffix.lower() == ".zip" and path.is_file():
        try:
            if is_archive(_start(path)):
                with path.open("rb") as stream:
                    return count_of_files(stream)
        except OSError:
            return 1
    return 1


def _start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(4)


def _read(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as stream:
            check_length(os.fstat(stream.fileno()).st_size, name)
            return stream.read(MOST_OF_ONE)  # it may grow
    except OSError as error:
        raise PictureError(_unreadable(name, error)) from error


def _unreadable(name: str, error: Exception) -> Text:
    why = getattr(error, "strerror", None) or str(error)
    return Text("The file {name} cannot be read: {why}.", name=UserText(name), why=UserText(why))


def _plain(name: str) -> str:
    """Make a path a name: slashes as everywhere, bytes that are no UTF-8 replaced."""
    return os.fsencode(name).decode("utf-8", "replace").replace(os.sep, "/")


# ── Bytes at hand ──────────────────────────────────────────────────────────────────


def _head(data: bytes | Spooled) -> bytes:
    return data[:4] if isinstance(data, bytes) else data.head(4)


def _of_upload(name: str, data: bytes | Spooled) -> Iterator[SourceFile | Text]:
    if not is_archive(_head(data)):
        yield SourceFile(name, "", 0.0, lambda: bytes(data))
        return
    for file in unpacked(
        name, bytes(data), most_files=MOST_FILES_OF_ARCHIVE, most_bytes=MOST_UPLOADED
    ):
        yield file if isinstance(file, Text) else _held(file.name, file.data, file.modified)


def _held(name: str, data: bytes, modified: float) -> SourceFile:
    return SourceFile(name, "", modified, lambda: data)


# ── An address ─────────────────────────────────────────────────────────────────────


def _listed(address: str) -> tuple[Any, list[dict[str, Any]], str]:
    """Return the file system, its files under the address by name, and the address's own."""
    import fsspec

    try:
        system, root = fsspec.core.url_to_fs(address)
        found = system.find(root, detail=True)
    except (OSError, ValueError, ImportError) as error:
        raise StoreGone(
            Text(
                "The pictures at {address} cannot be reached: {why}.",
                address=UserText(address),
                why=UserText(error),
            )
        ) from error
    root = root.rstrip("/")
    start = root.rpartition("/")[0]
    files = [
        dict(details, name=path)
        for path, details in sorted(found.items())
        if not is_passed_over(path.removeprefix(start))
    ]
    return system, files, start


def _of_address(address: str) -> Iterator[SourceFile | Text]:
    system, files, start = _listed(address)
    for file in files:
        path = file["name"]
        name = path.removeprefix(start).lstrip("/")
        yield SourceFile(
            name,
            system.unstrip_protocol(path),
            _time_of(file),
            partial(_fetched, system, path, name, int(file.get("size") or 0)),
        )


def _time_of(file: dict[str, Any]) -> float:
    found = file.get("mtime", file.get("LastModified", file.get("last_modified", 0.0)))
    return found.timestamp() if hasattr(found, "timestamp") else float(found or 0.0)


def _fetched(system: Any, path: str, name: str, size: int) -> bytes:
    check_length(size, name)
    try:
        data: bytes = system.cat_file(path, start=0, end=MOST_OF_ONE)
    except (OSError, ValueError) as error:
        raise PictureError(_unreadable(name, error)) from error
    return data
