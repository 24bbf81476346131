"""Visitors' galleries: private, temporary, within a quota, and gone when they should be.

Each lies in a folder of its own with its own store and shelf, under a name of 128 random
bits that only its visitor's session knows: nothing lists them, no link names them, and
forgetting one is removing one folder.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imgsim_core.errors import GalleryFull, StoreGone, UnknownGallery
from imgsim_core.gallery.gallery import Gallery, forget_snapshots, open_gallery
from imgsim_core.gallery.limits import Limits, limits_of_host
from imgsim_core.gallery.reembedding import finish_reembedding
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.spool import Spool
from imgsim_core.gallery.store import Store, open_store
from imgsim_core.text import HostText, Text

VISITORS_ADDRESS = "IMGSIM_VISITORS"
"""Environment variable: the folder of visitors' galleries; one in the system's temporary
folder if not set."""

GALLERY = "mine"
"""Name of the one gallery in each place."""

_USED = "used"  # a file whose time says when a gallery was last used
_NAME_BYTES = 16
_SPARE_BYTES = 200 * 2**20  # left free on the disk for everything else
_MEASURE_SECONDS = 5.0


@dataclass(frozen=True)
class Held:
    """How much is there, without saying whose: galleries, and bytes of their folders."""

    galleries: int
    bytes: int


@dataclass(frozen=True)
class Room:
    """What may be in a gallery at most, just now: pictures, and bytes of its folder."""

    pictures: int
    bytes: int


class Visitors:
    """The temporary galleries of one folder.

    Several processes may share the folder: each reaps what is expired, whoever made it.

    Parameters
    ----------
    folder : Path or None
        Made if need be, for the eyes of this system user only; None takes
        `IMGSIM_VISITORS`, or a folder in the system's temporary one.
    limits : Limits or None
        None reads the host's.

    Raises
    ------
    StoreGone
        If the folder cannot be had, or belongs to somebody else.
    BadSetting
        As `limits_of_host`.
    """

    def __init__(self, folder: Path | None = None, limits: Limits | None = None) -> None:
        self.limits = limits or limits_of_host()
        self.folder = folder or _usual_folder()
        self._open: dict[str, Gallery] = {}
        self._mine: set[str] = set()
        self._left: deque[str] = deque()
        self._forgetting: list[Callable[[str], None]] = []
        self._lock = threading.Lock()
        self._measured = (0.0, Held(0, 0))
        self._have_folder()

    # ── One gallery ────────────────────────────────────────────────────────────────

    def make(self) -> str:
        """Make a place for a gallery.

        Returns
        -------
        str
            Its name, 32 hexadecimal digits that nobody can guess. Keep it where only its
            visitor's session can see it.

        Raises
        ------
        GalleryFull
            If all visitors together have used up what there is for them.
        StoreGone
            If the disk refuses.
        """
        self._have_folder()  # systems clear their temporary folder away under a long-lived server
        if self._bytes_left() <= 0:
            raise GalleryFull(
                Text(
                    "This server has no room for another gallery just now. Try again later, or "
                    "look at the sample gallery."
                )
            )
        name = secrets.token_hex(_NAME_BYTES)
        place = self._place(name)
        with _disk(self.folder):
            place.mkdir(mode=0o700)
            (place / _USED).touch()
        with self._lock:
            self._mine.add(name)
        self._measured = (0.0, self._measured[1])
        return name

    def store(self, name: str) -> Store:
        """Open the store of a gallery's place."""
        return open_store(str(self._known(name) / "store"))

    def shelf(self, name: str) -> Shelf:
        """Open the shelf of a gallery's place."""
        return Shelf(str(self._known(name) / "pictures"))

    def open(self, name: str) -> Gallery:
        """Open a visitor's gallery, which counts as using it.

        Raises
        ------
        UnknownGallery
            If it has expired or was deleted.
        """
        self.touch(name)
        with self._lock:
            known = self._open.get(name)
        if known is not None:
            return known
        store, shelf = self.store(name), self.shelf(name)
        gallery = finish_reembedding(GALLERY, store, shelf) or open_gallery(GALLERY, store, shelf)
        with self._lock:
            self._open[name] = gallery
        return gallery

    def close_gallery(self, name: str) -> None:
        """Have a gallery opened anew next time: what is known of it as a whole has changed."""
        with self._lock:
            self._open.pop(name, None)

    def touch(self, name: str) -> None:
        """Note that a gallery is used now: its lifetime begins anew.

        Raises
        ------
        UnknownGallery
            If it has expired or was deleted.
        """
        used = self._known(name) / _USED
        with _disk(self.folder):
            os.utime(used)

    def spool(self, name: str) -> Spool:
        """Make a place on the disk for files that wait to be taken into a gallery.

        Raises
        ------
        UnknownGallery
            If it has expired or was deleted.
        StoreGone
            If the disk refuses.
        """
        place = self._known(name)
        with _disk(self.folder):
            return Spool(place)

    def room(self, name: str) -> Room:
        """Tell how much a gallery may hold, counting what is in it already.

        Raises
        ------
        UnknownGallery
            If it has expired or was deleted.
        """
        own = _bytes_in(self._known(name))
        return Room(self.limits.pictures, max(0, min(self.limits.bytes, own + self._bytes_left())))

    def drop(self, name: str) -> None:
        """Delete a gallery and its pictures at once; nothing happens if it is gone."""
        place = self._place(name)
        with self._lock:
            self._open.pop(name, None)
            self._mine.discard(name)
        forget_snapshots(str(place))
        for forget in self._forgetting:
            forget(str(place))
        # Under another name first: from here on nobody finds it, however long removing takes
        gone = place.with_name(f"gone-{secrets.token_hex(4)}")
        try:
            place.rename(gone)
        except OSError:
            gone = place
        shutil.rmtree(gone, ignore_errors=True)
        self._measured = (0.0, self._measured[1])

    def leave(self, name: str) -> None:
        """Let `reap` delete a gallery.

        Takes no lock, so that it may be called from anywhere, a finalizer included.
        """
        self._left.append(name)

    def when_dropped(self, forget: Callable[[str], None]) -> None:
        """Have something else forgotten with each gallery, by the address of its place."""
        self._forgetting.append(forget)

    # ── All of them ────────────────────────────────────────────────────────────────

    def reap(self, now: float | None = None) -> int:
        """Delete what has expired or was left.

        Parameters
        ----------
        now : float or None
            Seconds since 1970; None for the present.

        Returns
        -------
        int
            How many were deleted.
        """
        count = 0
        while self._left:
            self.drop(self._left.popleft())
            count += 1
        oldest = (time.time() if now is None else now) - self.limits.seconds
        for place in self._places():
            if place.name.startswith("gone-"):
                shutil.rmtree(place, ignore_errors=True)  # was interrupted
            elif _last_used(place) < oldest:
                self.drop(place.name)
                count += 1
        return count

    def close(self) -> None:
        """Delete all galleries that this process has made."""
        with self._lock:
            mine = tuple(self._mine)
        for name in mine:
            self.drop(name)
        self.reap()
        for name in mine:
            # Work that could not be waited for may have begun it anew
            shutil.rmtree(self._place(name), ignore_errors=True)

    def held(self) -> Held:
        """Measure what all visitors have; at most every few seconds."""
        measured, held = self._measured
        if time.monotonic() - measured > _MEASURE_SECONDS or not measured:
            places = [place for place in self._places() if not place.name.startswith("gone-")]
            held = Held(len(places), sum(map(_bytes_in, places)))
            self._measured = (time.monotonic(), held)
        return held

    def disk_left(self) -> int:
        """Bytes free on the disk of the folder."""
        with _disk(self.folder):
            return shutil.disk_usage(self.folder).free

    # ── Inside ─────────────────────────────────────────────────────────────────────

    def _have_folder(self) -> None:
        with _disk(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if hasattr(os, "getuid") and self.folder.stat().st_uid != os.getuid():
                raise PermissionError("the folder belongs to another user")

    def _bytes_left(self) -> int:
        left = round(self.limits.all_megabytes * 2**20) - self.held().bytes
        return min(left, self.disk_left() - _SPARE_BYTES)

    def _place(self, name: str) -> Path:
        if not _is_name(name):
            raise _gone()  # never a path of somebody's making
        return self.folder / name

    def _known(self, name: str) -> Path:
        place = self._place(name)
        if not (place / _USED).exists():
            with self._lock:
                self._open.pop(name, None)
            raise _gone()
        return place

    def _places(self) -> Iterator[Path]:
        try:
            found = sorted(self.folder.iterdir())
        except OSError:
            return
        for place in found:
            if (_is_name(place.name) or place.name.startswith("gone-")) and place.is_dir():
                yield place


def _is_name(name: str) -> bool:
    return len(name) == 2 * _NAME_BYTES and set(name) <= set("0123456789abcdef")


def _gone() -> UnknownGallery:
    return UnknownGallery(Text("Your gallery is no longer there: its time was up."))


def _usual_folder() -> Path:
    address = os.environ.get(VISITORS_ADDRESS)
    if address:
        return Path(address)
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"imgsim-visitors-{user}"


def _last_used(place: Path) -> float:
    try:
        return (place / _USED).stat().st_mtime
    except OSError:
        try:
            return place.stat().st_mtime  # being made, or half removed
        except OSError:
            return time.time()


def _bytes_in(place: Path) -> int:
    """Add up the files of a folder; what goes in the meantime does not count."""
    total = 0
    for folder, _, files in os.walk(place):
        for file in files:
            try:
                total += os.stat(os.path.join(folder, file)).st_size
            except OSError:
                continue
    return total


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise _gone() from None
    except OSError as error:
        raise StoreGone(
            Text(
                "The folder of visitors' galleries, {folder}, cannot be used: {why}.",
                folder=HostText(folder),
                why=HostText(error.strerror or error),
            )
        ) from error
