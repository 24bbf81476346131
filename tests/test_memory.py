"""Memory keeps results within its bound and makes each once."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from imgsim_core import lanes
from imgsim_core.lanes import Lane
from imgsim_core.memory import Memory, size_in_bytes
from imgsim_core.reference_pairs import made_picture
from imgsim_core.registry import method_by_id


def test_a_result_is_made_once_and_recalled():
    memory, made = Memory(10_000), []
    for _ in range(3):
        assert memory.recall("key", lambda: made.append(1) or "answer") == "answer"
    assert len(made) == 1


def test_eight_threads_that_ask_together_make_one_result():
    memory, made = Memory(10_000), []
    together = threading.Barrier(8)

    def slow():
        made.append(1)
        time.sleep(0.05)
        return "answer"

    def ask(_):
        together.wait()
        return memory.recall("key", slow)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {"answer"}
    assert len(made) == 1


def test_the_bound_holds_and_the_oldest_goes_first():
    memory = Memory(5_000)
    for number in range(20):
        memory.recall(number, lambda: np.zeros(1_000, np.uint8))
    assert memory.held_bytes <= 5_000
    made = []
    memory.recall(19, lambda: made.append("recent"))
    memory.recall(0, lambda: made.append("oldest"))
    assert made == ["oldest"]


def test_a_result_larger_than_the_bound_is_returned_but_not_kept():
    memory = Memory(100)
    assert memory.recall("big", lambda: np.zeros(1_000)).shape == (1_000,)
    assert memory.held_bytes == 0


def test_a_failure_is_not_kept():
    memory = Memory(10_000)
    with pytest.raises(ZeroDivisionError):
        memory.recall("key", lambda: 1 / 0)
    assert memory.recall("key", lambda: "answer") == "answer"


def test_after_a_failure_still_one_at_a_time_makes_it():
    memory, busy, most = Memory(10_000), [], []
    together = threading.Barrier(8)

    def failing():
        busy.append(1)
        most.append(len(busy))
        time.sleep(0.01)
        busy.pop()
        raise ZeroDivisionError

    def ask(_):
        together.wait()
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                memory.recall("key", failing)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert max(most) == 1


def test_nested_arrays_are_counted():
    assert size_in_bytes({"a": (np.zeros(1_000, np.uint8), [b"x" * 500])}) >= 1_500


def test_a_result_that_needs_itself_is_an_error_and_not_a_wait():
    memory = Memory(10_000)

    def make() -> str:
        return memory.recall("other", lambda: memory.recall("key", make))

    with pytest.raises(RuntimeError, match="needed to make itself"):
        memory.recall("key", make)
    assert memory.recall("key", lambda: "answer") == "answer"


# ── What was made for a visitor ────────────────────────────────────────────────────


def test_what_was_made_for_a_visitor_goes_when_nobody_has_used_it_for_long():
    memory = Memory(10_000)
    with lanes.within(Lane("visitor")):
        memory.recall("theirs", lambda: "a picture's preview")
    memory.recall("made ahead", lambda: "a sample's")
    now = time.monotonic()
    assert memory.forget_unused(60, now=now) == 0
    assert memory.forget_unused(60, now=now + 120) == 1
    made = []
    memory.recall("made ahead", lambda: made.append(1))
    assert not made
    memory.recall("theirs", lambda: made.append(1))
    assert made


def test_whatever_is_used_again_lives_on():
    memory = Memory(10_000)
    with lanes.within(Lane("visitor")):
        memory.recall("theirs", lambda: "kept")
    begun = memory._used["theirs"]
    memory._used["theirs"] = begun - 1000
    memory.recall("theirs", lambda: "made anew")
    assert memory.forget_unused(60, now=begun + 30) == 0
    assert memory.recall("theirs", lambda: "made anew") == "kept"


def test_what_the_bound_has_pushed_out_is_forgotten_as_well():
    memory = Memory(1500)
    with lanes.within(Lane("visitor")):
        for number in range(20):
            memory.recall(number, lambda: b"x" * 300)
    memory.forget_unused(60)
    assert len(memory._used) == len(memory._results) < 5


def test_a_description_that_is_the_picture_goes_with_it():
    """Else the pixels of a visitor who left would stay as long as the results."""
    memory, ssim = Memory(10_000_000), method_by_id("ssim")
    rgb = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    picture = made_picture(rgb, "a.png")
    first = memory.describe(ssim, ssim.options(), picture)
    assert memory.describe(ssim, ssim.options(), picture) is first
    assert memory.described == 1
    pixels = weakref.ref(picture.rgb)
    del first, rgb, picture
    gc.collect()
    assert pixels() is None


def test_what_is_worked_out_of_a_picture_outlives_it():
    memory, method = Memory(10_000_000), method_by_id("histogram")
    rgb = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for _ in range(2):
        memory.describe(method, method.options(), made_picture(rgb, "a.png"))
        gc.collect()
    assert memory.described == 1
