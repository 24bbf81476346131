"""Groups are stars: never a chain, never a pair that was told apart."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from imgsim_core.gallery.copies import Level, Link
from imgsim_core.gallery.groups import grouped


def link(a, b, strength=0.9, level=Level.COPY):
    return Link(a, b, level, strength, True, ())


def clique(names, strength=0.9):
    return [link(a, b, strength) for a, b in combinations(names, 2)]


def apart(*pairs):
    return frozenset(frozenset(pair) for pair in pairs)


def sets(groups):
    return sorted(sorted(group.members) for group in groups)


def random_links(seed, nodes=40, share=0.08):
    numbers = np.random.default_rng(seed)
    return [
        link(f"{a:02}", f"{b:02}", float(numbers.random()), numbers.choice(list(Level)[1:]))
        for a, b in combinations(range(nodes), 2)
        if numbers.random() < share
    ]


@pytest.mark.parametrize("level", [Level.COPY, Level.SHOT])
@pytest.mark.parametrize("seed", range(8))
def test_every_member_is_linked_to_the_centre_itself(seed, level):
    links = random_links(seed)
    forbidden = frozenset(one.pair for one in links[::9]) | apart(("00", "39"), ("01", "38"))
    groups = grouped(links, level, forbidden)
    assert groups
    near = {one.pair for one in links if one.counts_at(level)}
    seen = [member for group in groups for member in group.members]
    assert len(seen) == len(set(seen))
    for group in groups:
        assert len(group.members) >= 2
        for other in group.members[1:]:
            assert frozenset((group.centre, other)) in near
        for pair in combinations(group.members, 2):
            assert frozenset(pair) not in forbidden
        inside = {one.pair for one in links if one.pair <= set(group.members)}
        assert {one.pair for one in group.links} == (inside & near) - forbidden


def test_the_order_of_the_links_does_not_matter():
    links = random_links(5)
    assert grouped(links, Level.SHOT) == grouped(links[::-1], Level.SHOT)


def test_a_chain_is_not_a_group():
    chain = [link(a, b) for a, b in zip("abcde", "bcdef", strict=True)]
    assert max(len(group.members) for group in grouped(chain, Level.COPY)) == 3


def test_two_cliques_stay_two_over_a_weak_link():
    links = [*clique("abcd"), *clique("wxyz"), link("a", "w", 0.4)]
    assert sets(grouped(links, Level.COPY)) == [list("abcd"), list("wxyz")]


def test_cuts_of_one_photograph_come_together_around_it():
    (group,) = grouped([link("whole", cut) for cut in "abcdef"], Level.COPY)
    assert group.centre == "whole"
    assert len(group.members) == 7


def test_a_shot_does_not_count_among_copies():
    links = [link("a", "b"), link("a", "c", level=Level.SHOT)]
    assert sets(grouped(links, Level.COPY)) == [["a", "b"]]
    assert sets(grouped(links, Level.SHOT)) == [["a", "b", "c"]]
    assert grouped(links, Level.FILE) == ()


def test_the_weakest_link_is_the_one_it_hangs_together_by():
    links = [*clique("abc", 0.95), *clique("de", 0.9), link("a", "d", 0.5), link("a", "e", 0.6)]
    (group,) = grouped(links, Level.COPY)
    assert group.weakest is not None
    assert group.weakest.pair == {"a", "e"}  # a-d is weaker, but d holds on by e
    assert sorted(map(sorted, group.halves())) == [list("abc"), list("de")]


def test_a_split_holds_and_both_parts_stay_together():
    links = [*clique("abc", 0.95), *clique("de", 0.9), link("a", "d", 0.5), link("a", "e", 0.6)]
    (group,) = grouped(links, Level.COPY)
    parts = grouped(links, Level.COPY, group.split())
    assert sets(parts) == [list("abc"), list("de")]


def test_pairs_told_apart_do_not_meet_through_a_third():
    links = [link("centre", "x", 0.9), link("centre", "y", 0.8)]
    (group,) = grouped(links, Level.COPY, apart("xy"))
    assert set(group.members) == {"centre", "x"}


def test_keys_tell_groups_apart_and_stay():
    one, other = grouped([*clique("abc"), *clique("xy")], Level.COPY)
    assert one.key != other.key
    assert one.key == grouped(clique("abc")[::-1], Level.COPY)[0].key


def test_no_links_no_groups():
    assert grouped([], Level.COPY, apart("ab")) == ()
