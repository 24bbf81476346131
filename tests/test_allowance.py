"""What visitors may have in memory: bounded for each and for all, and given back by itself."""

from __future__ import annotations

import dataclasses
import gc
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsim_core.allowance import Allowances
from imgsim_core.errors import NoRoom
from imgsim_core.picture import Picture


def picture(pixels=100, name="a"):
    return Picture(np.zeros((1, pixels, 3), np.uint8), name, name)


def test_a_picture_counts_while_it_is_held_and_only_once():
    mine = Allowances(each=1000, together=1000).new()
    one = mine.hold(picture())
    mine.hold(one)
    assert mine.held == 300
    also = dataclasses.replace(one, name="another name")
    mine.hold(also)
    del one
    assert mine.held == 300  # somebody still has it
    del also
    assert mine.held == 0


def test_what_is_too_much_for_a_visitor_is_refused_and_the_rest_stays():
    mine = Allowances(each=700, together=10_000).new()
    kept = [mine.hold(picture()), mine.hold(picture())]
    with pytest.raises(NoRoom, match="one visitor may have"):
        mine.hold(picture())
    assert mine.held == 600
    kept.pop()
    kept.append(mine.hold(picture()))
    assert mine.held == 600


def test_all_together_have_a_bound_and_whoever_leaves_makes_room():
    whole = Allowances(each=700, together=1000)
    first, second = whole.new(), whole.new()
    kept = [first.hold(picture()), first.hold(picture()), second.hold(picture())]
    with pytest.raises(NoRoom, match="This server has no room"):
        second.hold(picture())
    assert whole.held == 900
    del first, kept[:2]  # a session ends: nobody gives anything back by hand
    gc.collect()
    assert whole.held == 300
    kept.append(second.hold(picture()))
    assert (whole.held, second.held) == (600, 600)


def test_what_grows_counts_until_it_is_let_go_of():
    mine = Allowances(each=1000, together=1000).new()
    tally = mine.tally()
    tally.add(400)
    tally.add(400)
    with pytest.raises(NoRoom):
        tally.add(400)
    assert mine.held == 800
    del tally
    assert mine.held == 0


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 60), st.booleans()), max_size=40))
def test_the_counts_are_those_of_what_is_alive_and_never_over_the_bounds(steps):
    whole = Allowances(each=300, together=600)
    visitors = [whole.new() for _ in range(3)]
    alive = [[], [], []]
    for who, pixels, drops in steps:
        if drops and alive[who]:
            alive[who].pop()
            continue
        try:
            alive[who].append(visitors[who].hold(picture(pixels)))
        except NoRoom:
            size = 3 * pixels
            full = visitors[who].held + size > 300
            assert full or whole.held + size > 600
    for visitor, pictures in zip(visitors, alive, strict=True):
        assert visitor.held == sum(one.rgb.nbytes for one in pictures) <= 300
    assert whole.held == sum(visitor.held for visitor in visitors) <= 600


def test_many_threads_at_once_never_take_more_than_there_is():
    whole = Allowances(each=3000, together=6000)
    kept, refused = [], []
    start = threading.Barrier(4)

    def visit():
        mine = whole.new()
        start.wait(timeout=10)
        for _ in range(20):
            try:
                kept.append(mine.hold(picture()))
            except NoRoom as error:
                refused.append(error)

    threads = [threading.Thread(target=visit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert (len(kept), len(refused)) == (20, 60)
    kept.clear()
    assert whole.held == 0
