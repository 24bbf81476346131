"""Caches are bounded by bytes: the oldest goes first, the latest stays."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imgsim_core.sizes import drop_oldest, holds


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12), st.integers(0, 200))
def test_no_more_is_dropped_than_must_be_and_never_the_latest(sizes, most):
    kept = dict(enumerate(sizes))
    dropped = drop_oldest(kept, most, lambda size: size)
    assert [*dropped, *kept.values()] == sizes
    assert kept
    assert sum(kept.values()) <= most or len(kept) == 1
    if dropped:  # the last that went had to
        assert dropped[-1] + sum(kept.values()) > most


def test_what_holds_an_array_is_found_out_however_deep():
    array = np.zeros((4, 4), np.uint8)
    assert holds({"a": [(1, array[1:])]}, array)
    assert not holds({"a": [(array.copy(), "array")], "b": np.zeros((4, 4))}, array)
