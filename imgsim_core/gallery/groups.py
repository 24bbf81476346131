"""From links between pairs to groups, never chained: A like B and B like C does not join A and C.

A group is a star. It has a centre, and every member is linked to the centre directly, by
evidence of its own; links among the other members come on top. So a false link can bring
in one wrong picture but never a whole other group, and ten different cuts of one photograph
still come together around it. A picture linked to several centres goes to the one it is
linked to most strongly.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from imgsim_core.gallery.copies import Level, Link

Pair = frozenset[str]
"""Two digests."""


@dataclass(frozen=True)
class Group:
    """Pictures that belong together.

    Parameters
    ----------
    members : tuple of str
        Digests, the centre first, the others by the strength of their link to it.
    links : tuple of Link
        All links between two members, the strongest first.
    """

    members: tuple[str, ...]
    links: tuple[Link, ...]

    @property
    def centre(self) -> str:
        """The member that every other one is linked to."""
        return self.members[0]

    @cached_property
    def key(self) -> str:
        """A short name that stays while the members do: 12 hexadecimal digits."""
        return hashlib.sha256("".join(sorted(self.members)).encode()).hexdigest()[:12]

    @cached_property
    def weakest(self) -> Link | None:
        """The link by which the group hangs together; None for a single picture.

        Of all ways to connect the members, the strongest one (the maximum spanning tree)
        needs it, and its weakest link is this one.
        """
        return self._tree[-1] if self._tree else None

    @cached_property
    def _tree(self) -> tuple[Link, ...]:
        """The maximum spanning tree, the strongest link first (Kruskal 1956)."""
        part = {member: member for member in self.members}

        def root(member: str) -> str:
            while part[member] != member:
                member = part[member]
            return member

        tree = []
        for link in self.links:
            one, other = root(link.a), root(link.b)
            if one != other:
                part[one] = other
                tree.append(link)
        return tuple(tree)

    def halves(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Tell which members part from which where the weakest link is cut."""
        near = defaultdict(list)
        for link in self._tree[:-1]:
            near[link.a].append(link.b)
            near[link.b].append(link.a)
        reached, waiting = {self.centre}, [self.centre]
        while waiting:
            for other in near[waiting.pop()]:
                if other not in reached:
                    reached.add(other)
                    waiting.append(other)
        there = tuple(member for member in self.members if member in reached)
        return there, tuple(member for member in self.members if member not in reached)

    def split(self) -> frozenset[Pair]:
        """Return the pairs that have to be told apart to cut the weakest link."""
        there, here = self.halves()
        return frozenset(frozenset((one, other)) for one in there for other in here)


def grouped(
    links: Iterable[Link], level: Level, apart: Collection[Pair] = frozenset()
) -> tuple[Group, ...]:
    """Form groups from links.

    Parameters
    ----------
    links : iterable of Link
    level : Level
        Links that do not count at this level are left aside.
    apart : collection of frozenset of two str
        Pairs of digests that were said to be no duplicates: they are never in one group,
        not even by way of a third picture.

    Returns
    -------
    tuple of Group
        The largest first; those equally large by their key. No picture is in two.
    """
    return gathered([link for link in links if link.counts_at(level)], apart)


def gathered(links: Iterable[Link], apart: Collection[Pair] = frozenset()) -> tuple[Group, ...]:
    """Form groups from links that all count.

    Parameters
    ----------
    links : iterable of Link
    apart : collection of frozenset of two str
        Pairs that are never in one group.

    Returns
    -------
    tuple of Group
        As `grouped` returns them.
    """
    used = [link for link in links if link.pair not in apart]
    used.sort(key=lambda link: (-link.strength, link.a, link.b))
    near: dict[str, dict[str, float]] = defaultdict(dict)
    for link in used:
        near[link.a][link.b] = near[link.b][link.a] = link.strength
    foes = defaultdict(set)
    for pair in apart:
        if len(pair) == 2:
            one, other = pair
            foes[one].add(other)
            foes[other].add(one)
    stars = _stars(near, foes)
    return tuple(
        sorted(_as_groups(stars, near, used), key=lambda one: (-len(one.members), one.key))
    )


def _stars(
    near: Mapping[str, Mapping[str, float]], foes: Mapping[str, Collection[str]]
) -> dict[str, set[str]]:
    """Members by centre, the centre among them."""
    centre_of: dict[str, str] = {}
    stars: dict[str, set[str]] = {}

    def fits(one: str, star: set[str]) -> bool:
        return not star & set(foes.get(one, ()))

    # The best connected first: that is the picture the others were made from, as a rule
    for centre in sorted(near, key=lambda one: (-sum(near[one].values()), one)):
        if centre in centre_of:
            continue
        stars[centre], centre_of[centre] = {centre}, centre
        for other, _ in sorted(near[centre].items(), key=lambda item: (-item[1], item[0])):
            if other not in centre_of and fits(other, stars[centre]):
                stars[centre].add(other)
                centre_of[other] = centre
    for one in sorted(near):
        mine = centre_of[one]
        if one in stars and len(stars[one]) > 1:
            continue
        linked = [(-strength, other) for other, strength in near[one].items() if other in stars]
        for strength, centre in sorted(linked):
            stronger = one == mine or -strength > near[one][mine]
            if centre != mine and stronger and fits(one, stars[centre]):
                stars[mine].discard(one)
                if one == mine:
                    del stars[one]
                stars[centre].add(one)
                centre_of[one] = centre
                break
    return stars


def _as_groups(
    stars: Mapping[str, set[str]],
    near: Mapping[str, Mapping[str, float]],
    links: Iterable[Link],
) -> list[Group]:
    star_of = {one: centre for centre, star in stars.items() for one in star}
    inside = defaultdict(list)
    for link in links:
        if star_of[link.a] == star_of[link.b]:
            inside[star_of[link.a]].append(link)
    groups = []
    for centre, star in stars.items():
        if len(star) > 1:
            others = sorted(star - {centre}, key=lambda one: (-near[centre][one], one))
            groups.append(Group((centre, *others), tuple(inside[centre])))
    return groups
