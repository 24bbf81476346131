"""Who reads, opens and embeds the files that come into a gallery: threads of this process.

`Workers` is what `ingest` asks of them; `on_ray` has others, on several machines.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imgsim_core import lanes
from imgsim_core.errors import GalleryReadOnly, PictureError
from imgsim_core.gallery.entry import Entry, Row
from imgsim_core.gallery.facts import SIDE, facts
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.sources import SourceFile
from imgsim_core.models.catalogue import Model
from imgsim_core.models.encoder import encode_framed, framed
from imgsim_core.models.network import (
    compute_alone,
    network,
    quicken_in_background,
    usable_processors,
)
from imgsim_core.picture import open_reduced
from imgsim_core.text import Text, UserText

_MOST_THREADS = 16


@dataclass(frozen=True)
class ReadFile:
    """A file that somebody has read.

    Parameters
    ----------
    file : SourceFile
    digest : str
        SHA-256 of its bytes.
    size : int
        Bytes.
    data : bytes or None
        None where only the one who has read it needs them.
    """

    file: SourceFile
    digest: str
    size: int
    data: bytes | None


@dataclass(frozen=True)
class NewFile:
    """A file to be opened and embedded; the file itself goes on the shelf if it is `kept`."""

    read: ReadFile
    kept: bool


class Workers(Protocol):
    """What `ingest` asks of those who do the costly part; only one thread asks.

    What goes wrong with a single file is a `Text`; what ends the work is an `ImgSimError`.
    """

    @property
    def share(self) -> int:
        """How many times as much as one process can keep in hand they should be given."""

    @property
    def read_together(self) -> int:
        """Files that are best read together."""

    def read(self, files: Sequence[SourceFile]) -> Iterator[ReadFile | Text]:
        """Read files, and yield them in their order."""

    def make(self, files: Sequence[NewFile]) -> Future[list[Row | Text]]:
        """Open a few files, put their thumbnails on the shelf and embed them together."""

    def problem(self, read: ReadFile, name: str) -> Future[Text | None]:
        """Say why a file cannot be opened, by a name of it, or that it can: None."""

    def expect_more(self) -> None:
        """Hear that more than a few files are coming: what it takes to be quick pays."""


# ── In this process ────────────────────────────────────────────────────────────────


class ThreadWorkers:
    """`Workers` that are threads of this process, one for each of its processors.

    Parameters
    ----------
    gallery : Gallery
    model : Model
        That of the gallery.

    Raises
    ------
    WeightsMissing, WeightsWrong
        If the model cannot be used on this host.
    """

    share = 1

    def __init__(self, gallery: Gallery, model: Model) -> None:
        network(model)  # loaded before the threads that share it start
        self._shelf, self._model = gallery.shelf, model
        self.read_together = max(2, min(_MOST_THREADS, usable_processors()))
        self._pool = ThreadPoolExecutor(
            self.read_together, "ingest", compute_alone, (lanes.current(),)
        )
        self._is_quickened = False

    def __enter__(self) -> ThreadWorkers:
        """Be at hand."""
        return self

    def __exit__(self, *error: object) -> None:
        """Finish what is under way, and drop the rest."""
        self._pool.shutdown(cancel_futures=True)

    def read(self, files: Sequence[SourceFile]) -> Iterator[ReadFile | Text]:
        """Read files, and yield them in their order."""
        asked = [self._pool.submit(read_file, file) for file in files]
        for future in asked:
            try:
                yield future.result()
            except PictureError as error:
                yield error.text

    def make(self, files: Sequence[NewFile]) -> Future[list[Row | Text]]:
        """Open a few files, put their thumbnails on the shelf and embed them together."""
        return self._pool.submit(made, self._shelf, self._model, files)

    def problem(self, read: ReadFile, name: str) -> Future[Text | None]:
        """Say why a file cannot be opened, by a name of it, or that it can: None."""
        return self._pool.submit(problem_of, read, name)

    def expect_more(self) -> None:
        """Hear that more than a few files are coming: what it takes to be quick pays."""
        if not self._is_quickened:
            self._is_quickened = True
            quicken_in_background(self._model)


# ── The work itself ────────────────────────────────────────────────────────────────


def model_to_add_with(gallery: Gallery) -> Model:
    """Return the model that new pictures of a gallery are embedded with.

    Raises
    ------
    GalleryReadOnly
        If the gallery is published to look at.
    OtherEncoder, UnknownModel, WeightsMissing
        As `Gallery.model`.
    """
    if gallery.read_only:
        raise GalleryReadOnly(
            Text(
                "The gallery {name} is there to look at: nothing can be added.",
                name=UserText(gallery.title),
            )
        )
    return gallery.model()


def read_file(file: SourceFile) -> ReadFile:
    """Read a file.

    Raises
    ------
    PictureError
        If it cannot be read.
    """
    data = file.read()
    return ReadFile(file, hashlib.sha256(data).hexdigest(), len(data), data)


def made(shelf: Shelf, model: Model, files: Sequence[NewFile]) -> list[Row | Text]:
    """Open files, put them on the shelf, and embed them in one forward pass.

    Parameters
    ----------
    shelf : Shelf
    model : Model
    files : sequence of NewFile
        With their bytes.

    Returns
    -------
    list of Row or Text
        For each file its row, or why it cannot be opened.

    Raises
    ------
    StoreGone, WeightsMissing, WeightsWrong
    """
    entries: list[Entry | Text] = []
    squares: list[NDArray[np.uint8]] = []
    for new in files:
        read, file = new.read, new.read.file
        data = _data_of(read)
        try:
            entry, picture = facts(data, file.name, file.source, file.modified, read.digest)
        except PictureError as error:
            entries.append(error.text)
            continue
        shelf.put_thumbnail(entry.digest, picture.rgb)
        if new.kept:
            shelf.put_original(entry.digest, data)
        entries.append(entry)
        squares.append(framed(model, picture, model.framing))
    vectors, lengths = encode_framed(model, squares)
    rows = zip(vectors, lengths, strict=True)
    results: list[Row | Text] = []
    for one in entries:
        if isinstance(one, Text):
            results.append(one)
        else:
            vector, length = next(rows)
            results.append(Row(replace(one, length=float(length)), vector))
    return results


def problem_of(read: ReadFile, name: str) -> Text | None:
    """Say why a file cannot be opened, by a name of it; None if it can."""
    try:
        open_reduced(_data_of(read), name, SIDE)
    except PictureError as error:
        return error.text
    return None


def _data_of(read: ReadFile) -> bytes:
    if read.data is None:
        raise ValueError(f"{read.file.name} was read elsewhere")
    return read.data
