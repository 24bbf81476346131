"""Searches behind the Duplicates page: whose are kept, and whose are stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from imgsim_core.gallery.copies import Level
from pages.parts import grouping_run
from pages.parts.grouping_run import Run, Runs


@pytest.fixture
def let_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Searches that last until they are stopped, or all are let end."""
    end = threading.Event()

    def find(gallery: Any, level: Any, answers: Any, told: Any, stop: Callable[[], bool]) -> Any:
        while not (end.wait(0.005) or stop()):
            pass
        return SimpleNamespace(entries={}, links=(), stopped=not end.is_set())

    monkeypatch.setattr(grouping_run, "find_duplicates", find)
    yield end
    end.set()


def ask(runs: Runs, visitor: int, version: str = "1") -> Run:
    gallery: Any = SimpleNamespace(
        store=SimpleNamespace(address=f"/galleries/{visitor}"),
        name="own",
        info=SimpleNamespace(created="today"),
    )
    return runs.of(gallery, Level.COPY, version)


def test_nobody_s_search_is_stopped_because_others_search_too(let_end: threading.Event):
    runs = Runs(most=2)
    first = [ask(runs, visitor) for visitor in range(5)]
    assert [ask(runs, visitor) for visitor in range(5)] == first
    let_end.set()
    assert all(run.wait(5) for run in first)
    assert not any(run.report.stopped for run in first)  # type: ignore[union-attr]
    assert ask(runs, 4) is first[4]  # of those that are over two are kept, the latest asked for
    assert ask(runs, 3) is first[3]
    assert ask(runs, 0) is not first[0]


def test_a_search_of_what_a_gallery_held_before_is_stopped(let_end: threading.Event):
    runs = Runs()
    before, other = ask(runs, 1), ask(runs, 2)
    now = ask(runs, 1, version="2")
    assert before.wait(5)
    assert not now.wait(0)
    assert not other.wait(0)


def test_of_one_visitor_s_own_searches_a_newer_one_stops_the_oldest(let_end: threading.Event):
    runs = Runs(most=2, of_one=True)
    oldest, *latest = [ask(runs, gallery) for gallery in range(3)]
    assert oldest.wait(5)
    assert not any(run.wait(0) for run in latest)
