"""All pairs of 64-bit hashes that differ in few bits: exact, and fast without looking at all.

Each hash is cut into four words of 16 bits, and a table a word tells which hashes have
which value there. If two hashes differ in few bits, at least one word differs in very few:
those values are looked up, and only what is found there is compared in full (multi-index
hashing). Nothing is missed: by the pigeonhole principle, the bits allowed to the words add
up to so many that a pair beyond all of them is beyond the radius.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.models.network import usable_processors

MOST_RADIUS = 16
MOST_PAIRS = 2_000_000
"""Pairs kept at most: 20 MB; beyond it the radius shrinks."""

_WORDS, _WORD_BITS = 4, 16
_BLOCK = 16_384  # queries between two looks at `stop`, and with one buffer for their pairs
_ROOM = 1 << 15  # pairs that such a buffer holds at first


@dataclass(frozen=True, eq=False)
class NearPairs:
    """Pairs of rows whose hashes differ in at most `radius` bits: all of them.

    Parameters
    ----------
    rows : ndarray of int32, shape (m, 2)
        Row a < row b, in this order.
    distances : ndarray of uint8, shape (m,)
        Bits that differ, 0 to `radius`, in the best of the turns that were looked at.
    turns : ndarray of uint8, shape (m,)
        Which of row b's hashes is nearest to row a's first: 0 for upright. Of a pair that
        is nearest the other way round, the turn is that of row a.
    radius : int
        What was asked for; smaller where that would have been more than `most_pairs`
        pairs, and -1 where even equal hashes are.
    """

    rows: NDArray[np.int32]
    distances: NDArray[np.uint8]
    turns: NDArray[np.uint8]
    radius: int

    def __len__(self) -> int:
        return len(self.rows)


def near_pairs(
    hashes: NDArray[np.uint64],
    radius: int,
    *,
    most_pairs: int = MOST_PAIRS,
    told: Callable[[float], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> NearPairs:
    """Find all pairs of rows whose hashes differ in at most some bits.

    Parameters
    ----------
    hashes : ndarray of uint64, shape (n,) or (n, k)
        Column 0 is the picture as it is, the others its turns and mirrors: the first
        hash of each row is compared with all hashes of the others.
    radius : int
        0 to `MOST_RADIUS` bits of 64; smaller is more alike.
    most_pairs : int
        If there are more, the radius shrinks to the largest with at most so many, so
        that memory stays bounded, and the answer is still complete for what it says.
        Rows equal in every hash should be collapsed before (`equal_rows`).
    told : callable or None
        Called with the share done, 0 to 1.
    stop : callable or None
        Asked now and then; once True, what has been found so far is returned.

    Returns
    -------
    NearPairs

    Raises
    ------
    ValueError
        If the radius is out of bounds.

    References
    ----------
    Norouzi, Punjani and Fleet, "Fast Exact Search in Hamming Space with Multi-Index
    Hashing", TPAMI 2014, doi:10.1109/TPAMI.2013.231.
    """
    if not 0 <= radius <= MOST_RADIUS:
        raise ValueError(f"the radius must be 0 to {MOST_RADIUS} bits, not {radius}")
    table = np.asarray(hashes, np.uint64)
    table = table[:, None] if table.ndim == 1 else table
    index = _Index.of(table[:, 0])
    collected = _Collected(radius, most_pairs)
    blocks = [
        (turn, start) for turn in range(table.shape[1]) for start in range(0, len(table), _BLOCK)
    ]

    def search(block: tuple[int, int]) -> _Part | None:
        turn, start = block
        if stop is not None and stop():
            return None
        queries = np.ascontiguousarray(table[:, turn])
        return _searched(index, queries, start, turn, collected.radius, most_pairs)

    with ThreadPoolExecutor(usable_processors()) as threads:
        for done, part in enumerate(threads.map(search, blocks), 1):
            if part is None:
                break  # the blocks that wait see `stop` themselves
            collected.add(part)
            if told is not None:
                told(done / len(blocks))
    return collected.pairs()


def equal_rows(hashes: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Collapse rows that are equal in every hash: 50,000 black frames are one row.

    Parameters
    ----------
    hashes : ndarray of uint64, shape (n, k)

    Returns
    -------
    firsts : ndarray of int, shape (m,)
        The first row of each value, in rising order.
    belongs : ndarray of int, shape (n,)
        For every row, its place in `firsts`.
    """
    _, first, belongs = np.unique(hashes, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[belongs.reshape(-1)]


def hash_distance(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> int:
    """Fewest differing bits between two pictures over their turns, 0 to 64.

    Parameters
    ----------
    a, b : ndarray of uint64, shape (8,)
        Hashes of the turns, the picture as it is first.
    """
    return int(min(np.bitwise_count(a[0] ^ b).min(), np.bitwise_count(b[0] ^ a).min()))


# ── The index ──────────────────────────────────────────────────────────────────────


def allowances(radius: int) -> tuple[int, ...]:
    """Bits that each word may differ in, so that no pair within the radius escapes.

    A pair that is beyond the allowance in every word differs in at least their sum and one
    more for each word: together one more than the radius. A word with -1 need not be
    looked at.
    """
    share, rest = divmod(radius + 1 - _WORDS, _WORDS)
    return tuple(share + (word < rest) for word in range(_WORDS))


@cache
def _masks(bits: int) -> NDArray[np.uint32]:
    """All words with at most so many bits set, the fewest first; none for -1."""
    values = [
        sum(1 << place for place in places)
        for size in range(bits + 1)
        for places in combinations(range(_WORD_BITS), size)
    ]
    return np.array(values, np.uint32)


@lru_cache(maxsize=MOST_RADIUS + 1)
def _plan(radius: int) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
    """Masks of all words in one array, where those of each word end, and the allowances."""
    allowed = allowances(radius)
    masks = [_masks(bits) for bits in allowed]
    ends = np.cumsum([0, *map(len, masks)])
    return np.concatenate(masks), ends.astype(np.int64), np.array(allowed, np.int64)


@dataclass(frozen=True, eq=False)
class _Index:
    """For each word: rows and hashes in the order of its value, and where each value starts."""

    rows: NDArray[np.int32]
    hashes: NDArray[np.uint64]
    starts: NDArray[np.int32]

    @classmethod
    def of(cls, hashes: NDArray[np.uint64]) -> _Index:
        rows = np.empty((_WORDS, len(hashes)), np.int32)
        starts = np.zeros((_WORDS, (1 << _WORD_BITS) + 1), np.int32)
        for word in range(_WORDS):
            values = (hashes >> np.uint64(_WORD_BITS * word)).astype(np.uint16)
            rows[word] = np.argsort(values, kind="stable")
            np.cumsum(np.bincount(values, minlength=1 << _WORD_BITS), out=starts[word, 1:])
        return cls(rows, hashes[rows], starts)


# ── Collecting ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False)
class _Part:
    """Pairs that were found; `radius` is to how many bits they are all of a block's."""

    rows: NDArray[np.int32]
    distances: NDArray[np.uint8]
    turns: NDArray[np.uint8]
    radius: int

    def within(self, radius: int) -> _Part:
        kept = self.distances <= radius
        return _Part(self.rows[kept], self.distances[kept], self.turns[kept], radius)


class _Collected:
    """Pairs of all blocks, each once; the radius shrinks where they would be too many."""

    def __init__(self, radius: int, most: int) -> None:
        self.radius, self._most = radius, most
        self._parts: list[_Part] = []
        self._count = 0
        self._limit = most

    def add(self, part: _Part) -> None:
        self.radius = min(self.radius, part.radius)
        self._parts.append(part)
        self._count += len(part.rows)
        if self._count > self._limit:
            self._merge()

    def _merge(self) -> None:
        """Keep each pair once, at its nearest, and no more than may be."""
        joined = _Part(
            np.concatenate([part.rows for part in self._parts] or [np.empty((0, 2), np.int32)]),
            np.concatenate([part.distances for part in self._parts] or [np.empty(0, np.uint8)]),
            np.concatenate([part.turns for part in self._parts] or [np.empty(0, np.uint8)]),
            self.radius,
        ).within(self.radius)
        order = np.lexsort((joined.turns, joined.distances, *joined.rows.T[::-1]))
        rows = joined.rows[order]
        first = np.ones(len(rows), np.bool_)
        first[1:] = (rows[1:] != rows[:-1]).any(axis=1)
        order = order[first]
        merged = _Part(
            joined.rows[order], joined.distances[order], joined.turns[order], self.radius
        )
        counts = np.bincount(merged.distances, minlength=MOST_RADIUS + 1)
        self.radius = _largest_radius(counts, self.radius, self._most)
        self._parts = [merged.within(self.radius)]
        self._count = len(self._parts[0].rows)
        # Twice as many before the next time, or merging would take most of the time
        self._limit = max(self._most, 2 * self._count)

    def pairs(self) -> NearPairs:
        self._merge()
        part = self._parts[0]
        return NearPairs(part.rows, part.distances, part.turns, self.radius)


def _largest_radius(counts: NDArray[np.int64], radius: int, most: int) -> int:
    """The largest radius, up to the given one, within which there are at most so many pairs."""
    within = np.cumsum(counts[: radius + 1])
    return int(np.searchsorted(within, most, side="right")) - 1


def _searched(
    index: _Index, queries: NDArray[np.uint64], start: int, turn: int, radius: int, most: int
) -> _Part:
    """Find the pairs of a block of queries with the index."""
    end = min(start + _BLOCK, len(queries))
    room = _ROOM
    while True:
        counts = np.zeros(MOST_RADIUS + 1, np.int64)
        rows = np.empty((room, 2), np.int32)
        distances = np.empty(room, np.uint8)
        if radius >= 0:
            tables = index.rows, index.hashes, index.starts
            of = queries, start, end, turn == 0
            _compiled()(*tables, *of, *_plan(radius), radius, counts, rows, distances)
        needed = int(counts.sum())
        if needed <= room:
            turns = np.full(needed, turn, np.uint8)
            return _Part(rows[:needed].copy(), distances[:needed].copy(), turns, radius)
        # Both rows of a pair may have asked for it
        radius = _largest_radius(counts, radius, 2 * most)
        room = int(counts[: radius + 1].sum())


# ── The search itself, compiled by numba ───────────────────────────────────────────


@cache
def _compiled() -> Callable[..., None]:
    """Return the search as machine code: a second or two, once on a machine."""
    from numba import njit, types
    from numba.extending import intrinsic

    def as_instruction(context: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.ctpop(arguments[0])

        return types.uint64(types.uint64), generate

    bits_set: Any = intrinsic(as_instruction)

    def search(
        index_rows: Any, index_hashes: Any, index_starts: Any,
        queries: Any, start: int, end: int, upright: bool,
        masks: Any, ends: Any, allowed: Any, radius: int,
        counts: Any, rows: Any, distances: Any,
    ) -> None:  # fmt: skip
        found = 0
        for query in range(start, end):
            asked = queries[query]
            for word in range(4):
                shift = np.uint64(16 * word)
                value = (asked >> shift) & np.uint64(0xFFFF)
                for mask in range(ends[word], ends[word + 1]):
                    near = value ^ np.uint64(masks[mask])
                    for slot in range(index_starts[word, near], index_starts[word, near + 1]):
                        differing = asked ^ index_hashes[word, slot]
                        distance = bits_set(differing)
                        if distance > radius:
                            continue
                        row = index_rows[word, slot]
                        # Upright, either finds the other: once is enough
                        if row >= query if upright else row == query:
                            continue
                        seen = False  # by an earlier word
                        for earlier in range(word):
                            part = (differing >> np.uint64(16 * earlier)) & np.uint64(0xFFFF)
                            seen |= np.int64(bits_set(part)) <= allowed[earlier]
                        if seen:
                            continue
                        counts[distance] += 1
                        if found < len(rows):
                            rows[found, 0] = min(row, query)
                            rows[found, 1] = max(row, query)
                            distances[found] = distance
                            found += 1

    return njit(nogil=True)(search)
