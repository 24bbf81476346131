"""Files that `teach` reads and writes, and what is said of them at a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from imgsim_core.commands.console import CommandLineError, shown
from imgsim_core.errors import ImgSimError
from imgsim_core.gallery.sources import from_paths
from imgsim_core.picture_set import File, PictureSet, with_files
from imgsim_core.teaching.groups import MOST_PICTURES, Groups, groups_of_folders
from imgsim_core.teaching.head import LARGEST, Head, head_from_bytes
from imgsim_core.text import Text, UserText

_SHOWN = 20  # sentences about what was left out
_ENDING = ".training"  # beside the result, where a training that was stopped goes on


def new_file(name: str) -> Path:
    """Where a file goes that is not there yet.

    Raises
    ------
    CommandLineError
        If it is there, or its folder is not.
    """
    out = Path(name)
    if out.exists():
        raise _is_there(out)
    if not out.absolute().parent.is_dir():
        raise CommandLineError(
            Text("There is no folder {name}.", name=UserText(out.absolute().parent))
        )
    return out


def _is_there(out: Path) -> CommandLineError:
    return CommandLineError(Text("{name} is there already: name another file.", name=UserText(out)))


def write_new(out: Path, data: bytes) -> None:
    """Write a file that is not there yet, whole or not at all.

    Raises
    ------
    CommandLineError
        If it has come to be there meanwhile: it is left as it is.
    OSError
        If it cannot be written.
    """
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, out)  # which, unlike renaming, never replaces what is there
        except FileExistsError:
            raise _is_there(out) from None
        except OSError:  # a disk that knows no links, as memory cards
            if out.exists():
                raise _is_there(out) from None
            part.rename(out)
    finally:
        part.unlink(missing_ok=True)


def training_file(out: Path) -> Path:
    """Where a training that was stopped is kept, beside its result."""
    return out.with_name(out.name + _ENDING)


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Turn what a full disk raises into a sentence."""
    try:
        yield
    except OSError as error:  # a full disk, a folder that may not be written to
        raise cannot_write(out, error) from error


def cannot_write(out: Path, error: OSError) -> CommandLineError:
    """Say that a file cannot be written, and why."""
    return CommandLineError(
        Text(
            "The file {name} cannot be written: {why}.",
            name=UserText(out),
            why=UserText(error.strerror or error),
        )
    )


def groups_at(place: str) -> Groups:
    """Open the pictures of a folder or a zip archive: those of one folder are one group.

    Raises
    ------
    CommandLineError
        If there is nothing of this name.
    CannotTeach
        As `groups_of_folders`.
    """
    path = Path(place)
    if not path.exists():
        raise CommandLineError(Text("There is no file {name}.", name=UserText(place)))
    pictures = with_files(PictureSet(), _files(path), counted("files"), most=MOST_PICTURES)
    end_line()
    say(pictures.refused)
    groups = groups_of_folders(pictures)
    say(groups.notes)
    return groups


def _files(path: Path) -> Iterator[File | Text]:
    for file in from_paths([path]):
        if isinstance(file, Text):
            yield file
            continue
        # A folder's own name comes first, and is no group
        name = file.name.partition("/")[2] if path.is_dir() else file.name
        try:
            yield name, file.read()
        except ImgSimError as error:
            yield error.text


# ── What is said meanwhile ─────────────────────────────────────────────────────────


def say(sentences: Sequence[Text]) -> None:
    """Print what was left out, a line each."""
    for sentence in sentences[:_SHOWN]:
        print(shown(sentence), file=sys.stderr)
    if len(sentences) > _SHOWN:
        print(shown(Text("… and {count} more.", count=len(sentences) - _SHOWN)), file=sys.stderr)


def counted(what: str) -> Callable[..., None]:
    """Make a function that counts up on one line of a terminal."""

    def told(done: int, total: int | None = None) -> None:
        if sys.stderr.isatty():
            of_all = "" if total is None else f" of {total}"
            print(f"\r{what}: {done}{of_all}", end="", file=sys.stderr, flush=True)

    return told


def end_line() -> None:
    """Leave the line that was counted on."""
    if sys.stderr.isatty():
        print(file=sys.stderr)


def head_at(name: str) -> Head:
    """Open a taught head.

    Raises
    ------
    CommandLineError
        If the file cannot be read.
    WrongHead
        If it is none, or was changed.
    """
    try:
        with open(name, "rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise CommandLineError(
            Text(
                "The file {name} cannot be read: {why}.",
                name=UserText(name),
                why=UserText(getattr(error, "strerror", None) or error),
            )
        ) from None
    return head_from_bytes(data, Path(name).name)
