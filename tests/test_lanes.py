"""Lanes: whose work a thread is doing, also in threads that were begun for somebody."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from imgsim_core import lanes
from imgsim_core.background import in_background
from imgsim_core.lanes import BACKGROUND, EVERYBODY, Lane, VisitorLeft
from imgsim_core.models.network import compute_alone


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


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a niceness of their own there")
def test_only_what_computes_in_the_background_gives_way():
    def niceness_in(lane):
        compute_alone(lane)
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert lane_in_another_thread(lambda: niceness_in(Lane("visitor"))) == mine
    assert lane_in_another_thread(lambda: niceness_in(BACKGROUND)) == max(mine, 10)
