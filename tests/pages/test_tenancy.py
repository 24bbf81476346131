"""What a session has of the server: a lane, an allowance of memory, and both gone with it."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from streamlit.runtime.scriptrunner_utils.script_run_context import RunLocation, ThreadState
from streamlit.testing.v1 import AppTest

from imgsim_core import lanes
from imgsim_core.allowance import Allowances
from imgsim_core.lanes import Lane
from imgsim_core.memory import Memory
from imgsim_core.picture import Picture
from imgsim_core.text import Text
from pages.parts import cached, teaching_groups, tenancy
from tests.pages.visitor import bring, checked, file_of, markdown, names, open_app


def told(app: AppTest) -> str:
    return "\n".join(markdown(app))


def picture(side: int, name: str = "a") -> Picture:
    return Picture(np.zeros((side, side, 3), np.uint8), name, name)


@pytest.fixture
def allowances(monkeypatch: pytest.MonkeyPatch) -> Allowances:
    """Room for one picture of 120 × 96 pixels a visitor, and three of all."""
    size = 120 * 96 * 3
    found = Allowances(each=size, together=3 * size)
    monkeypatch.setattr(tenancy, "allowances", lambda: found)
    return found


# ── Lanes ──────────────────────────────────────────────────────────────────────────


def _page() -> None:
    import streamlit as st

    from imgsim_core import lanes

    st.session_state["seen"] = [*st.session_state.get("seen", []), lanes.current()]


def test_a_session_has_one_lane_in_every_run_and_no_other_session_has_it():
    first, second = AppTest.from_function(_page), AppTest.from_function(_page)
    lane_a, again = checked(checked(first.run()).run()).session_state["seen"]
    (lane_b,) = checked(second.run()).session_state["seen"]
    assert lane_a is again
    assert lane_a is not lane_b
    assert lane_a.is_visitors
    assert not lane_a.background
    assert lanes.current() is lanes.EVERYBODY  # this thread is nobody's


def test_what_a_session_had_asked_for_is_dropped_when_it_is_let_go_of():
    presence = tenancy._Presence()
    lane = presence.lane
    behind = lane.behind()
    lane.check()
    del presence
    assert lane.left
    assert behind.left


def test_a_page_that_waits_for_a_model_leaves_off_where_streamlit_would(monkeypatch):
    class Stopped(BaseException):
        pass

    def stop() -> None:
        raise Stopped

    lane = tenancy._Presence().lane
    lane._left.clear()  # its session would have been let go of by now
    monkeypatch.setattr(tenancy, "get_run_yield_check", lambda: stop)
    ThreadState.initialize()
    with pytest.raises(Stopped):
        lane.check()
    with ThreadState.scoped(run_location=RunLocation.CALLBACK):
        lane.check()  # a callback is not left half done
    monkeypatch.setattr(tenancy, "get_run_yield_check", lambda: None)
    lane.check()


# ── Memory ─────────────────────────────────────────────────────────────────────────


def test_a_picture_beyond_a_visitor_s_room_is_refused_and_what_was_there_stays(
    allowances: Allowances, png: bytes
):
    app = open_app()
    bring(app, "a", "first.png", png)
    assert allowances.held == allowances.each
    bring(app, "b", "second.png", file_of("PNG", seed=1))
    assert "There is no room for more" in told(app)
    assert names(app) == ["first.png"]
    assert allowances.held == allowances.each
    other = open_app(locale="zh-CN")  # another visitor has room of their own
    bring(other, "a", "first.png", png)
    assert names(other) == ["first.png"]
    bring(other, "b", "second.png", file_of("PNG", seed=1))
    assert "放不下更多图片了" in told(other)


def test_when_all_room_is_taken_the_next_visitor_is_told_so(allowances: Allowances, png: bytes):
    elsewhere = [allowances.new().hold(picture(96)) for _ in range(3)]
    app = open_app()
    bring(app, "a", "mine.png", png)
    assert "This server has no room for more pictures just now" in told(app)
    elsewhere.clear()
    bring(app, "a", "mine.png", png)
    assert names(app) == ["mine.png"]


def test_a_session_that_ends_gives_its_room_back(allowances: Allowances):
    class Session(dict):
        pass

    session = Session(presence=tenancy._Presence())
    session["presence"].allowance = allowances.new()
    session["brought_a"] = session["presence"].allowance.hold(picture(64))
    gone = weakref.ref(session["brought_a"])
    assert allowances.held
    del session
    gc.collect()
    assert gone() is None
    assert allowances.held == 0


def test_groups_handed_over_end_where_the_room_does(allowances: Allowances, monkeypatch):
    mine = allowances.new()
    monkeypatch.setattr(tenancy, "allowance", lambda: mine)
    refused: list[Text] = []
    members = [(picture(64, str(number)), "group") for number in range(6)]
    held = list(teaching_groups._held(members, refused))
    assert len(held) == allowances.each // (64 * 64 * 3)
    assert len(refused) == 1
    assert "no room for more" in str(refused[0])


# ── When nobody comes ──────────────────────────────────────────────────────────────


def test_what_was_worked_out_of_a_visitor_s_pictures_is_reaped_though_nobody_comes(
    monkeypatch, tmp_path
):
    memory, now = Memory(10_000), [0.0]
    visitors = tenancy.Visitors(tmp_path / "visitors")

    class Samples:
        def keep(self) -> None:
            pass

    monkeypatch.setattr(cached, "memory", lambda: memory)
    monkeypatch.setattr(tenancy, "visitors", lambda: visitors)
    monkeypatch.setattr(tenancy, "sample_gallery", Samples)
    monkeypatch.setattr("imgsim_core.memory.time.monotonic", lambda: now[0])
    with lanes.within(Lane("visitor")):
        memory.recall("preview", lambda: b"their picture, small")
    now[0] = visitors.limits.seconds - 1
    tenancy.reap()
    assert memory.recall("preview", lambda: b"made anew") != b"made anew"
    now[0] += visitors.limits.seconds + 1
    tenancy.reap()
    assert memory.recall("preview", lambda: b"made anew") == b"made anew"
