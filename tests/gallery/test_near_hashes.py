"""Pairs of near hashes, against every pair looked at with numpy."""

from __future__ import annotations

import numpy as np
import pytest

from imgsim_core.gallery.near_hashes import (
    MOST_RADIUS,
    allowances,
    equal_rows,
    hash_distance,
    near_pairs,
)


def hashes(count, columns=1, seed=0):
    """Random hashes, half of them some bits away from another one, in any column."""
    numbers = np.random.default_rng(seed)
    made = numbers.integers(0, 2**64, (count, columns), dtype=np.uint64)
    for _ in range(count // 2):
        row, other = numbers.integers(count, size=2)
        flipped = numbers.choice(64, numbers.integers(0, MOST_RADIUS + 4), replace=False)
        mask = np.bitwise_or.reduce(np.uint64(1) << flipped.astype(np.uint64))
        made[row, numbers.integers(columns)] = made[other, 0] ^ mask
    return made


def brute_force(table, radius):
    """Every pair within the radius, and its distance."""
    table = table.reshape(len(table), -1)
    one_way = np.bitwise_count(table[:, None, 0, None] ^ table[None]).min(axis=2)
    distances = np.minimum(one_way, one_way.T)
    rows, others = np.nonzero(np.triu(distances <= radius, 1))
    return {(int(a), int(b)): int(distances[a, b]) for a, b in zip(rows, others, strict=True)}


def as_dict(found):
    return {
        (int(a), int(b)): int(distance)
        for (a, b), distance in zip(found.rows, found.distances, strict=True)
    }


@pytest.mark.parametrize("radius", [0, 1, 2, 3, 4, 7, 10, MOST_RADIUS])
@pytest.mark.parametrize("columns", [1, 8])
def test_the_pairs_are_those_of_brute_force(radius, columns):
    table = hashes(600, columns, seed=radius)
    wanted = brute_force(table, radius)
    assert len(wanted) > 10
    found = near_pairs(table, radius)
    assert found.radius == radius
    assert as_dict(found) == wanted


def test_more_rows_than_a_block_in_several_threads():
    table = hashes(20_000, seed=3)
    near = near_pairs(table, 6)
    words = table[:, 0]
    wanted = 0
    for row in range(len(words)):
        wanted += int((np.bitwise_count(words[row] ^ words[row + 1 :]) <= 6).sum())
    assert len(near) == wanted > 1000


def test_the_turn_says_which_hash_is_near():
    table = hashes(400, 8, seed=5)
    found = near_pairs(table, 8)
    assert set(found.turns.tolist()) == set(range(8))
    for (a, b), distance, turn in zip(found.rows, found.distances, found.turns, strict=True):
        one, other = table[a], table[b]
        there, back = (
            int(np.bitwise_count(x)) for x in (one[0] ^ other[turn], other[0] ^ one[turn])
        )
        assert distance in (there, back)
        assert distance == hash_distance(one, other)


@pytest.mark.parametrize("radius", range(MOST_RADIUS + 1))
def test_whoever_is_beyond_every_allowance_is_beyond_the_radius(radius):
    assert sum(allowed + 1 for allowed in allowances(radius)) == radius + 1


def test_too_many_pairs_shrink_the_radius_and_what_is_left_is_complete():
    table = hashes(500, seed=7)
    table[:200, 0] = np.uint64(2**40 - 1) ^ (np.uint64(1) << np.arange(200, dtype=np.uint64) % 5)
    wide = near_pairs(table, 10)
    assert wide.radius == 10
    narrow = near_pairs(table, 10, most_pairs=5000)
    assert 0 <= narrow.radius < 10
    assert 0 < len(narrow) <= 5000
    assert as_dict(narrow) == brute_force(table, narrow.radius)
    assert len(brute_force(table, narrow.radius + 1)) > 5000


def test_where_even_equal_hashes_are_too_many_none_are_given():
    found = near_pairs(np.zeros((3000, 8), np.uint64), 10, most_pairs=1000)
    assert (found.radius, len(found)) == (-1, 0)


def test_equal_rows_become_one():
    table = hashes(50, 8, seed=1)
    table[[7, 20, 31]] = table[3]
    firsts, belongs = equal_rows(table)
    assert len(firsts) == 47
    assert sorted(firsts) == list(firsts)
    assert (table[firsts[belongs]] == table).all()
    assert {int(firsts[belongs[row]]) for row in (3, 7, 20, 31)} == {3}


def test_it_stops_when_told():
    shares = []
    table = hashes(200, 8)
    whole = near_pairs(table, 10, told=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(whole)
    assert len(near_pairs(table, 10, stop=lambda: True)) == 0


def test_nothing_and_one_row_have_no_pairs():
    for count in (0, 1):
        assert len(near_pairs(np.zeros((count, 8), np.uint64), 10)) == 0


@pytest.mark.parametrize("radius", [-1, MOST_RADIUS + 1])
def test_other_radii_are_refused(radius):
    with pytest.raises(ValueError, match="radius"):
        near_pairs(np.zeros((2, 8), np.uint64), radius)
