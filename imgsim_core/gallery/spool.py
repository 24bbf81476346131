"""Files that wait to be taken into a gallery, on the disk instead of in memory."""

from __future__ import annotations

import tempfile
import threading
import weakref
from pathlib import Path


class Spool:
    """One file without a name that uploads are appended to; gone when nobody holds it.

    Parameters
    ----------
    folder : Path
        Where it lies, without being seen there.

    Raises
    ------
    OSError
        If the disk refuses.
    """

    def __init__(self, folder: Path) -> None:
        # Closed with its last piece: a visitor may let go of it while it is read. Without a
        # buffer: what a full disk has refused would stay in it, and be in the way of all else
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._end = 0
        self._lock = threading.Lock()

    def add(self, data: bytes) -> Spooled:
        """Put a file at the end.

        Raises
        ------
        OSError
            If the disk refuses; what was there before can still be read.
        """
        with self._lock:
            self._file.seek(self._end)
            left = memoryview(data)
            while left:  # a disk that fills up takes a part, and refuses the next one
                left = left[self._file.write(left) :]
            start, self._end = self._end, self._end + len(data)
        return Spooled(self, start, len(data))

    def read(self, start: int, size: int) -> bytes:
        """Read from a place on."""
        with self._lock:
            self._file.seek(start)
            return self._file.read(size)


class Spooled:
    """A file on a spool: of what a file's bytes can do, what is needed to take it in."""

    def __init__(self, spool: Spool, start: int, size: int) -> None:
        self._spool, self._start, self._size = spool, start, size

    def __len__(self) -> int:
        """How many bytes it has."""
        return self._size

    def __bytes__(self) -> bytes:
        """Read all of it."""
        return self._spool.read(self._start, self._size)

    def head(self, count: int) -> bytes:
        """Read its first bytes."""
        return self._spool.read(self._start, min(count, self._size))
