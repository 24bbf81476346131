"""Put what several threads ask at the same time into one call."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class BatchingQueue(Generic[Item, Answer]):
    """A bounded queue whose single worker answers all that wait, a batch at a time.

    Parameters
    ----------
    work : callable
        Sequence of items -> sequence of as many answers, in order.
    largest : int
        Items in one batch at most.
    waiting : int
        Items that may wait; whoever asks beyond that waits for room.

    Notes
    -----
    The worker sleeps while nothing is asked and ends with the process. An exception of
    `work` reaches every caller of its batch, and the worker goes on.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Answer]],
        largest: int = 8,
        waiting: int = 64,
    ) -> None:
        self._work = work
        self._largest = largest
        self._queue: queue.Queue[tuple[Item, Future[Answer]]] = queue.Queue(maxsize=waiting)
        self._starting = threading.Lock()
        self._worker: threading.Thread | None = None

    def ask(self, item: Item) -> Future[Answer]:
        """Put one item in the queue; the future brings its answer."""
        self._start()
        future: Future[Answer] = Future()
        self._queue.put((item, future))
        return future

    def _start(self) -> None:
        # A thread does not outlive a fork, so look whether it is alive, not whether it was made.
        with self._starting:
            if self._worker is None or not self._worker.is_alive():
                self._worker = threading.Thread(target=self._serve, daemon=True, name="batching")
                self._worker.start()

    def _serve(self) -> None:
        while True:
            self._answer(self._gathered())

    def _gathered(self) -> list[tuple[Item, Future[Answer]]]:
        batch = [self._queue.get()]
        while len(batch) < self._largest:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _answer(self, batch: list[tuple[Item, Future[Answer]]]) -> None:
        try:
            answers = self._work([item for item, _ in batch])
        except BaseException as error:  # not swallowed: it is raised again in every caller
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            future.set_result(answer)
