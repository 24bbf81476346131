"""Heavy work behind the pages, of all visitors: a little at a time, each in turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from imgsim_core import lanes
from imgsim_core.lanes import Lane

_LOOK_AGAIN = 0.2  # seconds until work that waits asks whether it was told to stop


class Turns:
    """Room for a few pieces of heavy work at a time; the others wait in the order they came.

    Parameters
    ----------
    together : int
        Pieces of work at a time, of all visitors: more would only slow each other.
    each : int
        Of one visitor (see `lanes`).
    seconds : float
        After so long, work that asks gives way to what waits.
    clock : callable
        Seconds since some moment.
    """

    def __init__(
        self,
        together: int = 2,
        each: int = 2,
        seconds: float = 3.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._together, self._each = together, each
        self._seconds, self._clock = seconds, clock
        self._changed = threading.Condition()
        self._waiting: list[Turn] = []
        self._at_work: list[Turn] = []

    @contextmanager
    def turn(self, stop: Callable[[], bool]) -> Iterator[Turn | None]:
        """Wait for a turn, have it, and give it back.

        Parameters
        ----------
        stop : callable
            Asked now and then while it waits.

        Yields
        ------
        Turn or None
            None if it was told to stop before its turn came.
        """
        mine = Turn(self, lanes.current(), stop)
        try:
            yield mine if self._wait(mine) else None
        finally:
            self._leave(mine)

    def _wait(self, mine: Turn) -> bool:
        with self._changed:
            self._waiting.append(mine)
            while next((one for one in self._waiting if self._may_begin(one)), None) is not mine:
                self._changed.wait(_LOOK_AGAIN)
                if mine.stop():
                    self._waiting.remove(mine)
                    self._changed.notify_all()  # it may have been the next
                    return False
            self._waiting.remove(mine)
            self._at_work.append(mine)
            mine.since = self._clock()
            self._changed.notify_all()  # another may begin as well
        return True

    def _may_begin(self, one: Turn) -> bool:
        of_this_visitor = sum(other.lane is one.lane for other in self._at_work)
        return len(self._at_work) < self._together and of_this_visitor < self._each

    def _leave(self, mine: Turn) -> None:
        with self._changed:
            for places in (self._waiting, self._at_work):
                if mine in places:
                    places.remove(mine)
            self._changed.notify_all()

    def _should_give_way(self, mine: Turn) -> bool:
        if self._clock() - mine.since < self._seconds:
            return False
        with self._changed:
            if mine not in self._at_work:  # told to stop while it waited
                return False
            # Not to work of the same visitor that could not begin anyway
            self._at_work.remove(mine)
            gives_way = any(map(self._may_begin, self._waiting))
            self._at_work.append(mine)
        return gives_way


class Turn:
    """A piece of work's place; made by `Turns.turn`."""

    def __init__(self, turns: Turns, lane: Lane, stop: Callable[[], bool]) -> None:
        self._turns = turns
        self.lane = lane
        self.stop = stop
        self.since = 0.0
        self.is_waiting = False

    def give_way(self) -> None:
        """Let others have a turn if this one has lasted and they wait; return at the next.

        To be called between two steps. Returns at once if the work was told to stop.
        """
        if self._turns._should_give_way(self):
            self.is_waiting = True
            self._turns._leave(self)
            self._turns._wait(self)
            self.is_waiting = False
