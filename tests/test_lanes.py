"""Lanes: whose work a thread is doing, also in threads that were begun for somebody."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from imgsim_core import lanes
from imgsim_core.background import in_background
from imgsim_core.lanes import BACKGROUND, EVERYBODY, Lane, VisitorLeft


def lane_in_another_thread(work=lanes.current):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(timeout=10)


def test_a_thread_has_the_lane_it_was_told_and_only_so_long():
    visitor = Lane("visitor")
    assert lanes.current() is EVERYBODY
    with lanes.within(visitor):
        assert lanes.current() is visitor
        assert lane_in_another_thread() is EVERYBODY
        assert lane_in_another_thread(lanes.carried(lanes.current)) is visitor
    assert lanes.current() is EVERYBODY


def test_the_threads_of_a_pool_join_whoever_made_it():
    visitor = Lane("visitor")
    with (
        lanes.within(visitor),
        ThreadPoolExecutor(1, initializer=lanes.joined()) as pool,
    ):
        assert pool.submit(lanes.current).result(timeout=10) is visitor


def test_whoever_knows_the_pages_tells_whose_a_thread_is(monkeypatch):
    visitor, told = Lane("visitor"), Lane("told")
    monkeypatch.setattr(lanes, "_find", lambda: visitor)
    assert lanes.current() is visitor
    with lanes.within(told):
        assert lanes.current() is told


def test_work_behind_the_page_ends_with_its_visitor():
    visitor = Lane("visitor")
    behind = visitor.behind()
    assert behind.background
    assert visitor.behind() is behind is behind.behind()
    behind.check()
    visitor.leave()
    with pytest.raises(VisitorLeft):
        behind.check()


def test_work_in_the_background_is_nobodys_unless_it_is_said_whose():
    found = {}
    over = threading.Semaphore(0)

    def look(name):
        found[name] = lanes.current()
        over.release()

    visitor = Lane("visitor")
    with lanes.within(visitor):
        in_background(lambda: look("shared"), "test")
        in_background(lambda: look("own"), "test", visitor.behind())
    assert over.acquire(timeout=10)
    assert over.acquire(timeout=10)
    assert found == {"shared": BACKGROUND, "own": visitor.behind()}


def test_work_in_the_background_gives_way_while_a_visitor_waits_and_not_for_ever():
    behind = Lane("visitor").behind()

    def a_step():
        with lanes.within(behind):
            lanes.give_way(patience=10)
        return "done"

    def an_impatient_step():
        with lanes.within(behind):
            lanes.give_way(patience=0.01)
        return "done"

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(a_step).result(timeout=5) == "done"
        with lanes.in_front():
            assert pool.submit(an_impatient_step).result(timeout=5) == "done"
            step = pool.submit(a_step)
            lanes.give_way()  # a visitor's own work never waits
            with pytest.raises(TimeoutError):
                step.result(timeout=0.05)
        assert step.result(timeout=5) == "done"


def test_work_in_the_background_is_never_in_front():
    with lanes.within(BACKGROUND), lanes.in_front():
        lanes.give_way(patience=10)  # returns: nobody is
