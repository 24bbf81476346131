"""Put what several threads ask at the same time into one call, and be fair between visitors."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, Future, wait
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from imgsim_core import lanes
from imgsim_core.lanes import Lane, VisitorLeft

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_LOOK_AGAIN = 0.1  # seconds until somebody who waits asks whether to go on waiting
_PATIENCE = 8  # batches of visitors at pages after which work behind the pages has one item in


@dataclass(eq=False)
class _Asked(Generic[Item, Answer]):
    item: Item
    lane: Lane
    future: Future[Answer] = field(default_factory=Future)


class BatchingQueue(Generic[Item, Answer]):
    """A bounded queue whose single worker answers all that wait, a batch at a time.

    Each lane (see `lanes`) gets its turn: a batch takes one item of each in turn. So whoever
    asks for one waits for the batch that is at work and for their own, however many somebody
    else has asked for. Lanes in the background are served when no other waits, or when they
    have been passed over for long.

    Parameters
    ----------
    work : callable
        Sequence of items -> sequence of as many answers, in order.
    largest : int
        Items in one batch at most.
    waiting : int
        Items that may wait in all; whoever asks beyond that waits for room.
    each : int
        Items of one lane that may wait; fewer where many lanes share the room.
    seconds : float
        What a batch should take at most, by what batches took before: on a slow machine
        batches are small, since whoever comes next waits for the one at work.
    clock : callable
        Seconds since some moment.

    Notes
    -----
    The worker sleeps while nothing is asked and ends with the process. An exception of
    `work` reaches every caller of its batch, and the worker goes on. What is cancelled
    before its batch begins gives its room back at once and costs nothing.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Answer]],
        largest: int = 8,
        waiting: int = 128,
        each: int = 16,
        seconds: float = math.inf,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._work = work
        self._largest = largest
        self._most = waiting
        self._each = each
        self._seconds = seconds
        self._clock = clock
        self._took = 0.0  # seconds for an item in the last batch
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._something = threading.Condition(self._lock)
        # The lane whose turn is next comes first
        self._front: OrderedDict[Lane, deque[_Asked[Item, Answer]]] = OrderedDict()
        self._behind: OrderedDict[Lane, deque[_Asked[Item, Answer]]] = OrderedDict()
        self._count = 0
        self._at_the_door: Counter[Lane] = Counter()  # who waits for room
        self._passed_over = 0
        self._worker: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """How many items wait now."""
        return self._count

    def ask(self, item: Item) -> Future[Answer]:
        """Put one item in the queue, in the lane of this thread; the future brings its answer.

        Raises
        ------
        VisitorLeft
            If the lane's visitor left while there was no room.
        """
        lane = lanes.current()
        lane.check()
        asked: _Asked[Item, Answer] = _Asked(item, lane)
        with self._lock:
            self._start()
            self._at_the_door[lane] += 1
            try:
                while not self._has_room(lane):
                    self._room.wait(_LOOK_AGAIN)
                    lane.check()
                self._queues_of(lane).setdefault(lane, deque()).append(asked)
                self._count += 1
                self._something.notify()
            finally:
                self._at_the_door[lane] -= 1
                if not self._at_the_door[lane]:
                    del self._at_the_door[lane]
        asked.future.add_done_callback(lambda future: self._withdraw(asked))
        return asked.future

    def answers(self, items: Iterable[Item]) -> list[Answer]:
        """Ask for many items, and wait for all answers or for a reason to leave off.

        Items are taken one by one as there is room. Whatever ends this early, what was not
        begun is dropped.

        Raises
        ------
        VisitorLeft
            If the lane's visitor has left.
        """
        lane = lanes.current()
        futures: list[Future[Answer]] = []
        try:
            futures.extend(map(self.ask, items))
            for future in futures:
                while not wait([future], _LOOK_AGAIN).done:
                    lane.check()
            return [future.result() for future in futures]
        except CancelledError:
            raise VisitorLeft from None
        finally:
            for future in futures:
                future.cancel()

    # ── Who may put in how much; the lock is held ──────────────────────────────────

    def _queues_of(self, lane: Lane) -> OrderedDict[Lane, deque[_Asked[Item, Answer]]]:
        return self._behind if lane.background else self._front

    def _has_room(self, lane: Lane) -> bool:
        sharing = self._front.keys() | self._behind.keys() | self._at_the_door.keys()
        most = min(self._each, max(1, self._most // len(sharing)))
        mine = len(self._queues_of(lane).get(lane, ()))
        return mine < most and self._count < self._most

    def _start(self) -> None:
        # A thread does not outlive a fork, so look whether it is alive, not whether it was made.
        if self._worker is None or not self._worker.is_alive():
            self._worker = threading.Thread(target=self._serve, daemon=True, name="batching")
            self._worker.start()

    # ── Leaving ────────────────────────────────────────────────────────────────────

    def _withdraw(self, asked: _Asked[Item, Answer]) -> None:
        """Take out what was cancelled; called when a future is done, whatever way."""
        if not asked.future.cancelled():
            return
        with self._lock:
            queues = self._queues_of(asked.lane)
            mine = queues.get(asked.lane)
            if mine is not None and asked in mine:
                mine.remove(asked)
                self._count -= 1
                if not mine:
                    del queues[asked.lane]
                self._room.notify_all()

    # ── The worker ─────────────────────────────────────────────────────────────────

    def _serve(self) -> None:
        while True:
            self._answer(self._gathered())

    def _gathered(self) -> list[_Asked[Item, Answer]]:
        with self._lock:
            while not self._count:
                self._something.wait()
            size = self._largest
            if self._took > 0:
                size = max(1, int(min(size, self._seconds / self._took)))
            queues, other = self._front, self._behind
            if other and self._passed_over >= _PATIENCE:
                queues, size = other, 1
            elif not queues:
                queues = other
            self._passed_over = self._passed_over + 1 if queues is self._front and other else 0
            batch: list[_Asked[Item, Answer]] = []
            while queues and len(batch) < size:
                lane, mine = next(iter(queues.items()))
                batch.append(mine.popleft())
                if mine:
                    queues.move_to_end(lane)
                else:
                    del queues[lane]
            self._count -= len(batch)
            self._room.notify_all()
        return batch

    def _answer(self, batch: list[_Asked[Item, Answer]]) -> None:
        for asked in batch:
            if asked.lane.left:
                asked.future.cancel()
        batch = [asked for asked in batch if asked.future.set_running_or_notify_cancel()]
        if not batch:
            return
        begun = self._clock()
        try:
            answers = self._work([asked.item for asked in batch])
            if len(answers) != len(batch):
                raise ValueError(f"{len(answers)} answers to {len(batch)} items")
        except BaseException as error:  # not swallowed: it is raised again in every caller
            for asked in batch:
                asked.future.set_exception(error)
            return
        self._took = (self._clock() - begun) / len(batch)
        for asked, answer in zip(batch, answers, strict=True):
            asked.future.set_result(answer)
