"""What an actor of a Ray cluster does for `on_ray`: read, open and embed files on its machine."""

from __future__ import annotations

import os
import socket
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from imgsim_core import __version__
from imgsim_core.errors import ImgSimError, PictureError
from imgsim_core.gallery.entry import Row
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.sources import SourceFile
from imgsim_core.gallery.workers import NewFile, ReadFile, made, problem_of, read_file
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.identity import encoder_key
from imgsim_core.models.network import (
    compute_alone,
    network,
    quicken_in_background,
    use_processors,
)
from imgsim_core.text import HostText, Text, UserText

_KEPT_BYTES = 128 * 2**20  # of files that were read and not asked to be opened yet


@dataclass(frozen=True)
class Order:
    """What a worker is to do it with.

    Parameters
    ----------
    model, encoder : str
        Its id, and the key of the very weights.
    shelf : str
        Address, absolute.
    mark : (str, bytes)
        Digest and bytes of something that is on the shelf.
    many : bool
        Whether more than a few pictures are to be embedded.
    version : str
        Of the program that gives the order.
    """

    model: str
    encoder: str
    shelf: str
    mark: tuple[str, bytes]
    many: bool = False
    version: str = __version__


@dataclass(frozen=True)
class Ended:
    """Why the work cannot go on."""

    why: Text


class Worker:
    """What an actor does. Every method may be called from several threads at once."""

    def __init__(self, processors: int) -> None:
        use_processors(processors)  # others have the rest of the machine
        self._pool = ThreadPoolExecutor(processors, "worker", compute_alone)
        self._lock = threading.Lock()
        self._read: OrderedDict[str, bytes] = OrderedDict()

    def begin(self, order: Order) -> Text | None:
        """Load the model and look at the shelf; say what is not as it should be."""
        node = HostText(socket.gethostname())
        if order.version != __version__:
            return Text(
                "The machine {node} has version {there} of this program, not {here}.",
                node=node,
                there=__version__,
                here=order.version,
            )
        try:
            self._model = model_by_id(order.model)
            if encoder_key(self._model) != order.encoder:
                return Text(
                    "The machine {node} has other weights of {model} than this one.",
                    node=node,
                    model=self._model.label,
                )
            network(self._model)
            self._shelf = Shelf(order.shelf)
            digest, mark = order.mark
            seen = self._shelf.original(digest)
        except ImgSimError as error:
            return Text("On the machine {node}: {why}", node=node, why=error.text)
        if seen != mark:
            return Text(
                "The machine {node} does not see the pictures at {address}: take a folder that "
                "all of them share, or object storage.",
                node=node,
                address=HostText(order.shelf),
            )
        if order.many:
            self.quicken()
        return None

    def read(self, files: Sequence[SourceFile]) -> list[tuple[str, int] | None]:
        """Read files; tell digest and bytes of each, None of one that cannot be read here."""
        return [self._read_one(file) for file in files]

    def make(self, files: Sequence[NewFile]) -> list[Row | Text] | Ended:
        """Open and embed files."""
        return self._pool.submit(self._made, files).result()

    def problem(self, read: ReadFile, name: str) -> Text | None:
        """Say why a file cannot be opened, by this name; None if it can."""
        there = self._with_bytes(read)
        return there if isinstance(there, Text) else problem_of(there, name)

    def quicken(self) -> None:
        """Prepare for many pictures."""
        quicken_in_background(self._model)

    def _read_one(self, file: SourceFile) -> tuple[str, int] | None:
        try:
            if not _is_the_same_here(file):
                return None
            read = read_file(file)
        except PictureError:
            return None  # why, the one who asks finds out for himself
        if read.data is not None:
            self._keep(read.digest, read.data)
        return read.digest, read.size

    def _keep(self, digest: str, data: bytes) -> None:
        with self._lock:
            self._read[digest] = data
            while sum(map(len, self._read.values())) > _KEPT_BYTES:
                self._read.popitem(last=False)

    def _made(self, files: Sequence[NewFile]) -> list[Row | Text] | Ended:
        there = [self._with_bytes(new.read) for new in files]
        new = [
            NewFile(read, one.kept)
            for read, one in zip(there, files, strict=True)
            if isinstance(read, ReadFile)
        ]
        try:
            results = iter(made(self._shelf, self._model, new))
        except ImgSimError as error:
            return Ended(error.text)
        return [one if isinstance(one, Text) else next(results) for one in there]

    def _with_bytes(self, read: ReadFile) -> ReadFile | Text:
        """Have the bytes of a file: those that came with it, those kept, or read again."""
        if read.data is not None:
            return read
        with self._lock:
            data = self._read.pop(read.digest, None)
        if data is not None:
            return replace(read, data=data)
        try:
            again = read_file(read.file)
        except PictureError as error:
            return error.text
        if again.digest != read.digest:
            return Text(
                "The file {name} was changed while it was being read.",
                name=UserText(read.file.name),
            )
        return again


def _is_the_same_here(file: SourceFile) -> bool:
    """Tell whether a file's address leads to the same on this machine as where it was found."""
    if "://" in file.source:
        return True
    try:
        return os.stat(file.source).st_mtime == file.modified
    except OSError:
        return False
