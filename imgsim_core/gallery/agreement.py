"""How far two lists of hits agree, the first places counting most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imgsim_core.text import Text

PERSISTENCE = 0.9
"""A reader goes on to the next hit with this probability: the first ten carry 86 %."""


def rank_biased_overlap(
    first: Sequence[str], second: Sequence[str], persistence: float = PERSISTENCE
) -> float:
    """Compare two rankings that need not hold the same things.

    Parameters
    ----------
    first, second : sequence of str
        The best first; none twice in one list.
    persistence : float
        Above 0 and under 1; the smaller, the more the first places count.

    Returns
    -------
    float
        0 (nothing shared) to 1 (the same order), extrapolated beyond the ends of the lists;
        1 for two empty lists, 0 if only one is.

    Notes
    -----
    Equation 32 of Webber, Moffat and Zobel 2010, https://doi.org/10.1145/1852102.1852106.
    """
    shorter, longer = sorted((first, second), key=len)
    if not shorter:
        return 1.0 if not longer else 0.0
    s, length = len(shorter), len(longer)
    seen_short: set[str] = set()
    seen_long: set[str] = set()
    shared = 0
    shared_at_s = 0
    total = 0.0
    for depth in range(1, length + 1):
        new_long = longer[depth - 1]
        new_short = shorter[depth - 1] if depth <= s else None
        if new_short is not None and new_short == new_long:
            shared += 1
        else:
            shared += new_long in seen_short
            shared += new_short is not None and new_short in seen_long
        seen_long.add(new_long)
        if new_short is not None:
            seen_short.add(new_short)
        if depth == s:
            shared_at_s = shared
        agreement = shared / depth
        if depth > s:
            agreement += shared_at_s * (depth - s) / (s * depth)
        total += agreement * persistence**depth
    end = (shared - shared_at_s) / length + shared_at_s / s
    # Sums of many powers: rounding may step over the ends
    overlap = (1 - persistence) / persistence * total + end * persistence**length
    return min(1.0, max(0.0, overlap))


@dataclass(frozen=True)
class Agreement:
    """How far two lists agree.

    overlap : rank-biased overlap, 0 to 1. shared : digests in the first `among` of both, in
    the order of the first list. sentence : in words.
    """

    overlap: float
    shared: tuple[str, ...]
    among: int
    sentence: Text


def agreement(first: Sequence[str], second: Sequence[str], among: int = 10) -> Agreement:
    """Tell how far two lists of digests agree, in numbers and in words."""
    among = min(among, max(len(first), len(second)))
    there = set(second[:among])
    shared = tuple(digest for digest in first[:among] if digest in there)
    overlap = rank_biased_overlap(first, second)
    return Agreement(overlap, shared, among, _in_words(overlap, len(shared), among))


def _in_words(overlap: float, shared: int, among: int) -> Text:
    if shared == 0:
        return Text("They share none of their first {among} pictures.", among=among)
    if overlap >= 0.8:
        return Text(
            "They nearly agree: {shared} of the first {among} pictures are the same, in much "
            "the same order.",
            shared=shared,
            among=among,
        )
    if overlap >= 0.4:
        return Text(
            "They agree in part: {shared} of the first {among} pictures are the same.",
            shared=shared,
            among=among,
        )
    return Text(
        "They hardly agree: {shared} of the first {among} pictures are the same.",
        shared=shared,
        among=among,
    )
