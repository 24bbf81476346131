"""What looks wrong about groups before anything is taught: said by name, decided by nobody."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgsim_core.teaching.groups import Groups, listed
from imgsim_core.teaching.one_thread import product
from imgsim_core.text import Text, UserText

Array = NDArray[np.float32]
Labels = NDArray[np.intp]

ALMOST_THE_SAME = 0.999
"""Cosine of the base model's vectors from which two pictures are hardly two."""

_MOST_PAIRS = 5  # named one by one
_FAR_BIGGER = 5  # times the middle of all sizes
_BIG = 20  # pictures; smaller groups crowd nobody out

# Of the test for two meanings, chosen on made mixtures: see `two_meanings`
_TRAITS = 16
_FEWEST_GROUPS = 6
_FEWEST_ON_A_SIDE = 2
_SHARE = 0.45  # of what sets groups' ways of varying apart, along one line
_BEYOND_CHANCE = 1.7  # times what dealing the pictures anew brings in 19 of 20 deals
_DEALS = 40
_LEAST_VARIANCE = 0.05  # beside a whole set's 1; below it groups are simply tight


def doubts(groups: Groups, views: Array) -> tuple[Text, ...]:
    """Say what a visitor should look at before believing what these groups teach.

    Parameters
    ----------
    groups : Groups
    views : ndarray of float32, shape (n, copies, dimension)
        Of its pictures, as `views.embedded` gives them.

    Returns
    -------
    tuple of Text
        One sentence each on pictures that are hardly two but in two groups, on a group far
        bigger than the others, and on groups that seem to mean different things.
    """
    said = []
    pairs = almost_the_same(views[:, 0], groups.labels)
    for a, b in pairs[:_MOST_PAIRS]:
        said.append(
            Text(
                "{one} in {group} and {other} in {another} are almost the same picture, but in "
                "two groups: one of them is probably in the wrong one.",
                one=UserText(groups.pictures[a].name),
                group=UserText(groups.names[groups.labels[a]]),
                other=UserText(groups.pictures[b].name),
                another=UserText(groups.names[groups.labels[b]]),
            )
        )
    if len(pairs) > _MOST_PAIRS:
        said.append(
            Text(
                "{count} more pairs of almost the same picture are in two groups.",
                count=len(pairs) - _MOST_PAIRS,
            )
        )
    big = int(groups.sizes.argmax())
    if groups.sizes[big] >= max(_BIG, _FAR_BIGGER * float(np.median(groups.sizes))):
        said.append(
            Text(
                "{group} holds {size} of the {count} pictures. Each step of training "
                "takes a few of them only, so that the other groups are not drowned out.",
                group=UserText(groups.names[big]),
                size=int(groups.sizes[big]),
                count=len(groups),
            )
        )
    sides = two_meanings(views[:, 0], groups.labels)
    if sides is not None:
        some, others = ([groups.names[label] for label in side] for side in sides)
        said.append(
            Text(
                "The groups may have different meanings. {some} vary in one way, {others} in "
                "another, as where some groups go by colour and some by subject. One notion can "
                "have one meaning only: teach each on its own.",
                some=UserText(listed(some)),
                others=UserText(listed(others)),
            )
        )
    return tuple(said)


def almost_the_same(vectors: Array, labels: Labels) -> list[tuple[int, int]]:
    """List pairs of rows in two groups whose vectors are almost the same, the closest first."""
    cosines = product(vectors, vectors.T)
    apart = np.triu(labels[:, None] != labels[None, :])
    rows, columns = np.nonzero(apart & (cosines >= ALMOST_THE_SAME))
    order = np.argsort(-cosines[rows, columns], kind="stable")
    return [(int(rows[i]), int(columns[i])) for i in order]


def two_meanings(vectors: Array, labels: Labels) -> tuple[Labels, Labels] | None:
    """Tell whether groups fall into two sides that vary in different ways.

    Groups by colour vary in subject and groups by subject in colour. So each group is
    described by how much it varies along each of the set's main traits; where one line
    through these descriptions holds most of their differences, and far more than where the
    pictures are dealt into groups anew, its two ends are two meanings.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dimension)
    labels : ndarray of intp, shape (n,)

    Returns
    -------
    tuple of two ndarrays of intp, or None
        The groups of either side; None where nothing speaks for two.
    """
    kinds = np.flatnonzero(np.bincount(labels) >= 2)
    if len(kinds) < _FEWEST_GROUPS:
        return None
    traits = _traits(vectors)
    share, strength, line = _main_line(traits, labels, kinds)
    sides = kinds[line < 0], kinds[line >= 0]
    if share < _SHARE or min(map(len, sides)) < _FEWEST_ON_A_SIDE:
        return None
    random = np.random.default_rng(0)
    chance = [_main_line(traits, random.permutation(labels), kinds)[1] for _ in range(_DEALS)]
    return sides if strength > _BEYOND_CHANCE * np.quantile(chance, 0.95) else None


def _traits(vectors: Array) -> NDArray[np.float64]:
    """Place each picture along the main traits of the set, each of variance 1: (n, traits)."""
    away = vectors - vectors.mean(axis=0)
    places = np.linalg.eigh(product(away, away.T))[1]
    found: NDArray[np.float64] = places[:, ::-1][:, :_TRAITS] * np.sqrt(len(vectors))
    return found


def _main_line(
    traits: NDArray[np.float64], labels: Labels, kinds: Labels
) -> tuple[float, float, NDArray[np.float64]]:
    """Find the line along which groups differ most in how they vary: its share, its strength."""
    ways = np.log([traits[labels == kind].var(axis=0, ddof=1) + _LEAST_VARIANCE for kind in kinds])
    ways -= ways.mean(axis=0)
    ways -= ways.mean(axis=1, keepdims=True)  # a group may be tight in every way
    places, strengths, _ = np.linalg.svd(ways, full_matrices=False)
    powers = strengths**2
    return float(powers[0] / max(powers.sum(), 1e-12)), float(powers[0] / ways.size), places[:, 0]
