"""Heavy work of many visitors: so much at a time, in turn, and nobody waits for the longest."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from imgsim_core import lanes
from imgsim_core.lanes import Lane
from imgsim_core.turns import Turns


def never():
    return False


class Job:
    """A piece of work in a thread of its own that ends when it is told."""

    def __init__(self, turns, lane):
        self.turns, self.lane = turns, lane
        self.begun, self.stopped, self.over = (threading.Event() for _ in range(3))
        self._end = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._done = self._pool.submit(self._run)

    def _run(self):
        with lanes.within(self.lane), self.turns.turn(self.stopped.is_set) as turn:
            if turn is not None:
                self.begun.set()
                assert self._end.wait(10)
        self.over.set()

    def end(self):
        self._end.set()
        self._done.result(timeout=10)
        self._pool.shutdown()


def test_so_much_is_done_at_a_time_and_in_the_order_it_came():
    turns = Turns(together=1)
    first = Job(turns, Lane("a"))
    assert first.begun.wait(10)
    second = Job(turns, Lane("b"))
    assert not second.begun.wait(0.05)
    first.end()
    assert second.begun.wait(10)
    second.end()


def test_a_visitor_with_much_to_do_does_not_take_all_the_places():
    turns = Turns(together=2, each=1)
    greedy, modest = Lane("greedy"), Lane("modest")
    first = Job(turns, greedy)
    assert first.begun.wait(10)
    second = Job(turns, greedy)
    assert not second.begun.wait(0.05)
    third = Job(turns, modest)  # came last, and begins: the place is not greedy's
    assert third.begun.wait(10)
    assert not second.begun.is_set()
    first.end()
    assert second.begun.wait(10)
    second.end()
    third.end()


def test_what_is_told_to_stop_while_it_waits_never_begins():
    turns = Turns(together=1)
    first = Job(turns, Lane("a"))
    assert first.begun.wait(10)
    second = Job(turns, Lane("b"))
    second.stopped.set()
    assert second.over.wait(10)
    assert not second.begun.is_set()
    first.end()


def test_long_work_gives_way_to_what_waits_and_goes_on_afterwards():
    now = [0.0]
    turns = Turns(together=1, seconds=3.0, clock=lambda: now[0])
    order, at_work, other_is_there = [], threading.Event(), threading.Event()

    def long():
        with lanes.within(Lane("long")), turns.turn(never) as turn:
            order.append("long begins")
            at_work.set()
            assert other_is_there.wait(10)
            turn.give_way()
            order.append("not yet: it has only begun")
            now[0] = 4.0
            turn.give_way()
            order.append("long goes on")

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(long)
        assert at_work.wait(10)
        other = Job(turns, Lane("other"))
        while not turns._waiting:
            pass
        other_is_there.set()
        assert other.begun.wait(10)
        order.append("other")
        other.end()
        done.result(timeout=10)
    assert order == ["long begins", "not yet: it has only begun", "other", "long goes on"]


def test_long_work_that_is_told_to_stop_while_others_are_at_it_holds_nobody_up():
    now, stopped = [0.0], threading.Event()
    turns = Turns(together=1, seconds=1.0, clock=lambda: now[0])
    at_work, other_is_there, over = (threading.Event() for _ in range(3))

    def long():
        with turns.turn(stopped.is_set) as turn:
            at_work.set()
            assert other_is_there.wait(10)
            now[0] = 4.0
            turn.give_way()
            turn.give_way()  # at once: it ends, and has no place to give
            assert over.wait(10)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(long)
        assert at_work.wait(10)
        second, third = Job(turns, Lane("second")), Job(turns, Lane("third"))
        while len(turns._waiting) < 2:
            pass
        other_is_there.set()
        assert second.begun.wait(10) or third.begun.wait(10)
        stopped.set()
        for job in (second, third):
            job.end()
        assert second.begun.is_set()
        assert third.begun.is_set()
        over.set()
        done.result(timeout=10)


def test_work_that_nobody_waits_behind_is_not_interrupted():
    now = [0.0]
    turns = Turns(together=1, seconds=1.0, clock=lambda: now[0])
    with turns.turn(never) as turn:
        now[0] = 100.0
        turn.give_way()  # returns
        assert not turn.is_waiting
