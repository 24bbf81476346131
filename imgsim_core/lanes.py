"""Whose work a thread is doing: every visitor has a lane, and all lanes get their turn.

A lane is looked up where work is asked for, so that nothing on the way there need pass it
on. A thread has the lane it was told to be in; else whoever shows pages may know whose
thread it is; else it is nobody's in particular, as on the command line.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class VisitorLeft(BaseException):
    """Whoever asked has left: nobody waits for the answer any more.

    No `ImgSimError`, and not even an `Exception`, so that nothing takes it for an answer
    that it may remember: what is half done is to be left as if nobody had begun.
    """


class Lane:
    """Work of one visitor, or work behind all pages.

    Parameters
    ----------
    name : str
        For whoever looks at a process; nothing a visitor typed.
    background : bool
        Whether visitors who wait at a page go first.
    interrupted : callable or None
        Raises if the thread that calls it should leave off, such as a page's whose visitor
        has clicked elsewhere.
    """

    def __init__(
        self,
        name: str = "",
        background: bool = False,
        interrupted: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.background = background
        self._interrupted = interrupted
        self._left = threading.Event()
        self._behind: Lane | None = None

    def leave(self) -> None:
        """Note that nobody waits for this lane's answers any more.

        Takes no lock that others hold for long, so that a finalizer may call it.
        """
        self._left.set()

    @property
    def is_visitors(self) -> bool:
        """Whether it is one visitor's, and not nobody's in particular."""
        return self not in (EVERYBODY, EVERYBODY.behind(), BACKGROUND)

    @property
    def left(self) -> bool:
        """Whether its visitor has left."""
        return self._left.is_set()

    def check(self) -> None:
        """Return if this lane's work should go on.

        Raises
        ------
        VisitorLeft
            If its visitor has left.
        """
        if self.left:
            raise VisitorLeft
        if self._interrupted is not None:
            self._interrupted()

    def behind(self) -> Lane:
        """Return the lane of the same visitor's work behind the page; both end together."""
        if self.background:
            return self
        if self._behind is None:
            behind = Lane(self.name, background=True)
            behind._left = self._left
            self._behind = behind
        return self._behind


EVERYBODY = Lane("everybody")
"""The lane of threads that nothing is known of."""

BACKGROUND = Lane("background", background=True)
"""The lane of work that is nobody's own: samples, what is worked out before it is asked."""

_lane: ContextVar[Lane | None] = ContextVar("lane", default=None)


def _nobody() -> Lane | None:
    return None


_find: Callable[[], Lane | None] = _nobody


def find_by(find: Callable[[], Lane | None]) -> None:
    """Let `find` tell whose the calling thread is, where the thread was not told itself."""
    global _find
    _find = find


def current() -> Lane:
    """Return the lane of the calling thread."""
    return _lane.get() or _find() or EVERYBODY


def enter(lane: Lane) -> None:
    """Put the calling thread into a lane for good."""
    _lane.set(lane)


def joined() -> Callable[[], None]:
    """Make what puts a pool's threads into the lane of the calling thread: its initializer."""
    lane = current()
    return lambda: enter(lane)


@contextmanager
def within(lane: Lane) -> Iterator[None]:
    """Be in a lane for a while."""
    before = _lane.set(lane)
    try:
        yield
    finally:
        _lane.reset(before)


def carried(work: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """Let work that another thread will do be in the lane of the calling thread."""
    lane = current()

    @wraps(work)
    def in_lane(*arguments: Arguments.args, **keywords: Arguments.kwargs) -> Answer:
        with within(lane):
            return work(*arguments, **keywords)

    return in_lane


# ── Giving way ─────────────────────────────────────────────────────────────────────

_MOST_PATIENCE = 0.5  # seconds

_in_front = 0
_none_in_front = threading.Condition()


@contextmanager
def in_front() -> Iterator[None]:
    """Have the processors while a visitor at a page waits for this; nothing in the background.

    Not by the system's priorities: on a host with busy neighbours what has a low one would
    never be done.
    """
    global _in_front
    if current().background:
        yield
        return
    with _none_in_front:
        _in_front += 1
    try:
        yield
    finally:
        with _none_in_front:
            _in_front -= 1
            if not _in_front:
                _none_in_front.notify_all()


def give_way(patience: float = _MOST_PATIENCE) -> None:
    """In the background, wait while visitors at a page wait, but not for long.

    To be called between two steps of heavy work. However busy the pages are, it goes on after
    `patience` seconds, a step at a time.
    """
    if current().background:
        with _none_in_front:
            _none_in_front.wait_for(lambda: not _in_front, patience)
