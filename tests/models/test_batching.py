"""The queue that puts what several threads ask into one call."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgsim_core import lanes
from imgsim_core.lanes import Lane, VisitorLeft
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


# ── Between visitors ───────────────────────────────────────────────────────────────


class Stepwise:
    """Work that waits for permission for each batch, and keeps what was in it."""

    def __init__(self):
        self.batches = []
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)

    def __call__(self, items):
        self.batches.append(list(items))
        self.begun.release()
        assert self.go_on.acquire(timeout=10)
        return items

    def step(self):
        """Let the batch at work end, and wait until the next has begun."""
        self.go_on.release()
        assert self.begun.acquire(timeout=10)


def asked_in(work, lane, items):
    with lanes.within(lane):
        return [work.ask(item) for item in items]


def held_up(work, stepwise):
    """Have the worker busy, so that what is asked next waits."""
    first = work.ask("first")
    assert stepwise.begun.acquire(timeout=10)
    return first


@given(
    counts=st.lists(st.integers(1, 12), min_size=1, max_size=6),
    largest=st.integers(1, 5),
)
@settings(max_examples=25, deadline=None)
def test_nobody_gets_a_second_answer_while_somebody_waits_for_a_first(counts, largest):
    stepwise = Stepwise()
    work = BatchingQueue(stepwise, largest=largest)
    futures = [held_up(work, stepwise)]
    for place, count in enumerate(counts):
        futures += asked_in(work, Lane(str(place)), [(place, n) for n in range(count)])
    for _ in range(sum(counts) + 1):
        stepwise.go_on.release()
    assert [future.result(timeout=10) for future in futures[1:]] == [
        (place, n) for place, count in enumerate(counts) for n in range(count)
    ]
    order = [item for batch in stepwise.batches[1:] for item in batch]
    assert all(len(batch) <= largest for batch in stepwise.batches)
    # The n-th item of every lane comes before the n + 1st of any
    assert [n for _, n in order] == sorted(n for _, n in order)


def test_one_picture_waits_for_one_batch_beside_somebody_who_asks_for_thousands():
    stepwise = Stepwise()
    work = BatchingQueue(stepwise, largest=4, each=8)
    greedy, modest = Lane("greedy"), Lane("modest")

    def many():
        with lanes.within(greedy):
            return work.answers(range(5000))

    with ThreadPoolExecutor(1) as pool:
        all_of_them = pool.submit(many)
        assert stepwise.begun.acquire(timeout=10)
        for _ in range(5):
            stepwise.step()
        (one,) = asked_in(work, modest, ["mine"])
        stepwise.step()  # the batch that was at work is over
        stepwise.go_on.release()
        assert one.result(timeout=10) == "mine"
        assert work.waiting <= 8
        greedy.leave()
        stepwise.go_on.release(10)
        with pytest.raises(VisitorLeft):
            all_of_them.result(timeout=10)
    assert len(stepwise.batches) < 12  # of 1,250


def test_work_behind_the_page_steps_back_but_is_never_forgotten():
    stepwise = Stepwise()
    work = BatchingQueue(stepwise, largest=2)
    held_up(work, stepwise)
    visitor, behind = Lane("visitor"), Lane("behind", background=True)
    asked_in(work, behind, ["b1", "b2"])
    asked_in(work, visitor, ["v1", "v2"])
    stepwise.step()
    assert stepwise.batches[-1] == ["v1", "v2"]
    for n in range(9):
        asked_in(work, visitor, [n])
        stepwise.step()
        if stepwise.batches[-1] == ["b1"]:
            break
    assert stepwise.batches[-1] == ["b1"]
    stepwise.go_on.release(100)


def test_one_lane_never_takes_all_the_room():
    stepwise = Stepwise()
    work = BatchingQueue(stepwise, largest=1, waiting=6, each=4)
    held_up(work, stepwise)
    greedy, modest = Lane("greedy"), Lane("modest")
    asked_in(work, greedy, range(4))
    full = threading.Event()

    def one_more():
        asked_in(work, greedy, ["more"])
        full.set()

    threading.Thread(target=one_more, daemon=True).start()
    (mine,) = asked_in(work, modest, ["mine"])  # returns at once: there is room for others
    assert not full.is_set()
    stepwise.go_on.release(100)
    assert mine.result(timeout=10) == "mine"
    assert full.wait(10)


def test_what_is_cancelled_gives_its_room_back_and_is_never_worked_on():
    stepwise = Stepwise()
    work = BatchingQueue(stepwise, largest=2, waiting=2)
    held_up(work, stepwise)
    futures = asked_in(work, Lane("left"), ["dropped 1", "dropped 2"])
    assert work.waiting == 2
    for future in futures:
        assert future.cancel()
    assert work.waiting == 0
    (kept,) = asked_in(work, Lane("here"), ["kept"])
    stepwise.step()
    stepwise.go_on.release()
    assert kept.result(timeout=10) == "kept"
    assert stepwise.batches == [["first"], ["kept"]]


def test_what_a_visitor_who_left_had_asked_is_dropped_before_work():
    stepwise = Stepwise()
    work = BatchingQueue(stepwise, largest=2)
    held_up(work, stepwise)
    visitor = Lane("visitor")
    futures = asked_in(work, visitor, ["late 1", "late 2"])
    (kept,) = asked_in(work, Lane("other"), ["kept"])
    visitor.leave()
    stepwise.go_on.release(100)
    assert kept.result(timeout=10) == "kept"
    for future in futures:
        with pytest.raises(CancelledError):
            future.result(timeout=10)
    assert all("late" not in str(item) for batch in stepwise.batches for item in batch)
    with pytest.raises(VisitorLeft):
        asked_in(work, visitor, ["later still"])


def test_a_page_that_is_to_leave_off_does_so_while_it_waits():
    stepwise = Stepwise()
    work = BatchingQueue(stepwise)
    clicked = threading.Event()

    class ClickedElsewhere(BaseException):
        pass

    def interrupted():
        if clicked.is_set():
            raise ClickedElsewhere

    def page():
        with lanes.within(Lane("page", interrupted=interrupted)):
            work.answers(range(100))

    held_up(work, stepwise)
    with ThreadPoolExecutor(1) as pool:
        drawn = pool.submit(page)
        clicked.set()
        with pytest.raises(ClickedElsewhere):
            drawn.result(timeout=10)
    assert work.waiting == 0
    stepwise.go_on.release(100)


def test_batches_are_small_where_the_machine_is_slow():
    now = [0.0]

    def clock():
        return now[0]

    def slow(items):
        now[0] += 0.25 * len(items)
        sizes.append(len(items))
        begun.release()
        assert go_on.acquire(timeout=10)
        return items

    sizes, begun, go_on = [], threading.Semaphore(0), threading.Semaphore(0)
    work = BatchingQueue(slow, largest=8, seconds=0.5, clock=clock)
    futures = [work.ask(0)]
    assert begun.acquire(timeout=10)
    futures += [work.ask(n) for n in range(7)]
    go_on.release(100)
    assert len([future.result(timeout=10) for future in futures]) == 8
    assert sizes == [1, 2, 2, 2, 1]


def test_a_wrong_number_of_answers_is_an_error_for_all_and_the_worker_goes_on():
    answers = iter([[], ["right"]])
    work = BatchingQueue(lambda items: next(answers))
    with pytest.raises(ValueError, match="0 answers to 1 items"):
        work.ask("first").result(timeout=10)
    assert work.ask("second").result(timeout=10) == "right"
