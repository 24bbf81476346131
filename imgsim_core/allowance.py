"""What visitors may have in memory: so much each, and so much all of them together.

Nothing here is given back by hand. A picture is counted while anybody holds it, and what is
let go of, by a button, by another picture in its place or by a session that ends, is room
again at once.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from typing import Any

from imgsim_core.errors import NoRoom
from imgsim_core.picture import Picture
from imgsim_core.text import Text


class Allowances:
    """The memory of a server that visitors' pictures may take up.

    Parameters
    ----------
    each : int
        Bytes of one visitor.
    together : int
        Bytes of all of them.
    """

    def __init__(self, each: int, together: int) -> None:
        self.each = each
        self.together = together
        self._held = 0
        self._lock = threading.Lock()
        # Filled by finalizers, which may run at any moment in any thread and so take no lock
        self._gone: deque[tuple[Allowance, int, int]] = deque()

    @property
    def held(self) -> int:
        """Bytes that all visitors hold."""
        with self._lock:
            self._settle()
            return self._held

    def new(self) -> Allowance:
        """Make the allowance of one more visitor."""
        return Allowance(self)

    def _settle(self) -> None:
        while self._gone:
            allowance, owner, size = self._gone.popleft()
            allowance._known.remove(owner)
            allowance._held -= size
            self._held -= size


class Allowance:
    """What one visitor has in memory; made by `Allowances.new`."""

    def __init__(self, whole: Allowances) -> None:
        self._whole = whole
        self._held = 0
        self._known: set[int] = set()  # owners alive, by id

    @property
    def held(self) -> int:
        """Bytes that this visitor holds."""
        with self._whole._lock:
            self._whole._settle()
            return self._held

    def hold(self, picture: Picture) -> Picture:
        """Count a picture for as long as anybody holds it; the same one twice counts once.

        Returns
        -------
        Picture
            The same.

        Raises
        ------
        NoRoom
            If the visitor, or all together, would hold more than they may. The picture is
            not counted then, and to be let go of.
        """
        # Not the picture itself: under another name it is another object with the same pixels
        mask = 0 if picture.mask is None else picture.mask.nbytes
        self.hold_bytes(picture.rgb, picture.rgb.nbytes + mask)
        return picture

    def hold_bytes(self, owner: Any, size: int) -> None:
        """Count bytes that live as long as their owner; the same owner twice counts once.

        Parameters
        ----------
        owner : object
            Something that can be referred to weakly.
        size : int

        Raises
        ------
        NoRoom
            As `hold`.
        """
        whole = self._whole
        with whole._lock:
            whole._settle()
            if id(owner) in self._known:
                return
            self._take(size)
            self._known.add(id(owner))
        weakref.finalize(owner, whole._gone.append, (self, id(owner), size)).atexit = False

    def tally(self) -> Tally:
        """Begin to count something that grows piece by piece."""
        return Tally(self)

    def _take(self, size: int) -> None:
        """Count bytes, or raise; the lock is held."""
        whole = self._whole
        if self._held + size > whole.each:
            raise NoRoom(
                Text(
                    "There is no room for more: one visitor may have {most} MB of pictures in "
                    "this server's memory, on all pages together. What you have stays. Put away "
                    "what you no longer need, on this page or another, and try again.",
                    most=f"{whole.each / 2**20:,.0f}",
                )
            )
        if whole._held + size > whole.together:
            raise NoRoom(
                Text(
                    "This server has no room for more pictures just now, since others are using "
                    "it too. What you have stays. Please try again in a few minutes."
                )
            )
        self._held += size
        whole._held += size


class Tally:
    """Bytes of something that grows, counted until the tally itself is let go of."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._parts: list[_Part] = []

    def add(self, size: int) -> None:
        """Count more bytes.

        Raises
        ------
        NoRoom
            As `Allowance.hold`; what was counted before stays so.
        """
        part = _Part()
        self._allowance.hold_bytes(part, size)
        self._parts.append(part)


class _Part:
    """Owner of a piece of a tally."""
