"""The queue that puts what several threads ask into one call."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from imgsim_core.models.batching import BatchingQueue


def doubled(items):
    return [2 * item for item in items]


def test_every_caller_gets_the_answer_to_its_own_question():
    work = BatchingQueue(doubled)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: work.ask(n).result(timeout=10), range(500)))
    assert answers == [2 * n for n in range(500)]


def test_what_waits_goes_into_one_batch_of_bounded_size():
    begun, go_on, sizes = threading.Event(), threading.Event(), []

    def slow(items):
        sizes.append(len(items))
        begun.set()
        assert go_on.wait(10)
        return items

    work = BatchingQueue(slow, largest=8)
    futures = [work.ask(0)]
    assert begun.wait(10)
    futures += [work.ask(n) for n in range(10)]
    go_on.set()
    assert len([future.result(timeout=10) for future in futures]) == 11
    assert sizes == [1, 8, 2]


def test_an_error_reaches_the_caller_and_the_queue_goes_on():
    def reciprocals(items):
        return [1 / item for item in items]

    work = BatchingQueue(reciprocals, largest=1)
    with pytest.raises(ZeroDivisionError):
        work.ask(0).result(timeout=10)
    assert work.ask(4).result(timeout=10) == 0.25


def test_a_full_queue_makes_callers_wait():
    go_on = threading.Event()
    work = BatchingQueue(lambda items: [go_on.wait(10) for _ in items], largest=1, waiting=1)
    futures = [work.ask(0)]
    done = threading.Event()

    def ask_more():
        futures.extend(work.ask(n) for n in range(3))
        done.set()

    threading.Thread(target=ask_more, daemon=True).start()
    assert not done.wait(0.1)
    go_on.set()
    assert done.wait(10)
    assert all(future.result(timeout=10) for future in futures)
