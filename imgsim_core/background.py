"""Work in threads of its own that ends when the program does.

A daemon thread that is inside a library's machine code while Python ends takes the whole
process down; any other thread is waited for. So such work asks between two steps whether
the program is leaving.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from imgsim_core import lanes
from imgsim_core.lanes import BACKGROUND, Lane, VisitorLeft


def in_background(work: Callable[[], None], name: str, lane: Lane = BACKGROUND) -> threading.Thread:
    """Start work that asks `leaving` again and again, in a thread Python waits for.

    Parameters
    ----------
    work : callable
    name : str
        Of the thread, for whoever looks at a process.
    lane : Lane
        Whose work it is.
    """

    def in_lane() -> None:
        lanes.enter(lane)
        with suppress(VisitorLeft):
            work()

    thread = _Worker(target=in_lane, name=name, daemon=False)
    thread.start()
    return thread


class _Worker(threading.Thread):
    """A thread of this room's."""


def at_work() -> dict[str, int]:
    """Count the threads that `in_background` began and that are at work, by name."""
    return dict(Counter(one.name for one in threading.enumerate() if isinstance(one, _Worker)))


def wait_for_work(seconds: float) -> tuple[str, ...]:
    """Wait for all that `in_background` began, but not longer than so many seconds.

    Returns
    -------
    tuple of str
        Names of those that are still at work.
    """
    until = time.monotonic() + seconds
    for one in threading.enumerate():
        if isinstance(one, _Worker) and one is not threading.current_thread():
            one.join(max(0.0, until - time.monotonic()))
    return tuple(sorted(at_work()))


_told_to_leave = threading.Event()


def leave() -> None:
    """Let all work know that the program is going to end."""
    _told_to_leave.set()


def leaving() -> bool:
    """Tell whether the program is ending: it was told to, or its main thread is through."""
    return _told_to_leave.is_set() or not threading.main_thread().is_alive()


class StopSign(threading.Event):
    """An event that is also set while the program is ending; nobody may wait for it."""

    def is_set(self) -> bool:
        """Tell whether to stop."""
        return super().is_set() or leaving()
