"""What every command needs: files by path, output that is safe to print, tables, JSON."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imgsim_core.errors import ImgSimError
from imgsim_core.picture import MAX_MEGABYTES, Picture, open_picture
from imgsim_core.text import Text, UserText

# One mebibyte more than the gate lets in is enough for it to refuse, whatever is read.
MOST_BYTES = (MAX_MEGABYTES + 1) * 1024 * 1024


class CommandLineError(ImgSimError):
    """The arguments, or a file that they name, cannot be used."""


def opened(path: str) -> Picture:
    """Open a picture file.

    Raises
    ------
    CommandLineError
        If the file cannot be read.
    PictureError
        As `open_picture`.
    """
    name = UserText(path)
    try:
        if Path(path).is_dir():
            raise CommandLineError(Text("{name} is a folder, not a picture file.", name=name))
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES)
    except FileNotFoundError:
        raise CommandLineError(Text("There is no file {name}.", name=name)) from None
    except PermissionError:
        raise CommandLineError(Text("The file {name} may not be read.", name=name)) from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise CommandLineError(
            Text("The file {name} cannot be read: {why}.", name=name, why=UserText(error))
        ) from None
    # Bytes of a name that are no UTF-8 would make the JSON invalid.
    return open_picture(data, os.fsencode(Path(path).name).decode("utf-8", "replace"))


def print_json(data: Any) -> None:
    """Print data as JSON; NaN and infinity are refused, since JSON has none."""
    print(json.dumps(data, indent=2, allow_nan=False))


def printable(text: str) -> str:
    """Keep a file name from moving the cursor or colouring the terminal."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def shown(text: Text) -> str:
    """Render a sentence for a terminal."""
    return text.render(show_user_text=printable)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Pad the columns to equal width; the last one is left as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


@contextmanager
def stopped_by_ctrl_c() -> Iterator[threading.Event]:
    """Let the first Ctrl-C end work in order, with what is done; the second ends it at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # signals come to the main thread only
        return

    def asked(number: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, asked)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
