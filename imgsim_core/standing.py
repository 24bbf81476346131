"""Where each pair of a set stands by every method, in figures that can be compared."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.comparison import Describe, Question
from imgsim_core.errors import ImgSimError
from imgsim_core.picture import Picture

Values = NDArray[np.float64]
_QUICK = 0.001  # seconds for one comparison: twenty thousand pairs stay bearable


@dataclass(frozen=True, eq=False)
class Standings:
    """Pairs of a set and their ranks.

    Parameters
    ----------
    questions : tuple of Question
        Those that could answer.
    pairs : ndarray of int, shape (n, 2)
        Places of the pictures in the set, the smaller first.
    values : ndarray of float, shape (m, n)
        Scores, a row a question.
    ranks : ndarray of float, shape (m, n)
        Share, 0 to 1, of the pairs that are less alike, those of equal score counted half.
    """

    questions: tuple[Question, ...]
    pairs: NDArray[np.intp]
    values: Values
    ranks: Values

    @cached_property
    def place_of(self) -> Mapping[tuple[int, int], int]:
        """Place of each pair, by the places of its two pictures, the smaller first."""
        return {(a, b): place for place, (a, b) in enumerate(self.pairs.tolist())}


def every_pair(count: int) -> NDArray[np.intp]:
    """List the pairs of `count` pictures as places (smaller, larger), shape (n, 2)."""
    return np.stack(np.triu_indices(count, 1), axis=1)


def glance(pictures: Sequence[Picture]) -> Standings:
    """Rank all pairs at once by how their tiny copies correlate: a start without a method.

    Returns
    -------
    Standings
        Without questions; one row of ranks.
    """
    tiny = np.array([_tiny(picture) for picture in pictures], float)
    tiny -= tiny.mean(axis=1, keepdims=True)
    tiny /= np.maximum(np.linalg.norm(tiny, axis=1, keepdims=True), 1e-9)
    pairs = every_pair(len(pictures))
    values = (tiny @ tiny.T)[pairs[:, 0], pairs[:, 1]][None]
    order = np.argsort(np.argsort(values, axis=1), axis=1)
    return Standings((), pairs, values, order / max(1, len(pairs) - 1))


def _tiny(picture: Picture) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(picture.rgb, (8, 8), interpolation=cv2.INTER_AREA)).ravel()


def quick_questions(
    questions: Sequence[Question], sample: tuple[Picture, Picture], describe: Describe
) -> tuple[Question, ...]:
    """Keep the questions that are so quick to answer that all pairs can be compared.

    Parameters
    ----------
    questions : sequence of Question
    sample : (Picture, Picture)
        Two different pictures to try them on.
    describe : callable
        As in `comparison.ask`.
    """
    return tuple(
        question for question in questions if _seconds(question, sample, describe) < _QUICK
    )


def _seconds(question: Question, pair: tuple[Picture, Picture], describe: Describe) -> float:
    """Least of three times for comparing two descriptions; endless if it cannot."""
    method, options = question.method, question.options
    if method.availability() is not None:
        return math.inf
    spent = []
    try:
        a, b = (describe(method, options, picture) for picture in pair)
        for _ in range(3):
            started = time.perf_counter()
            method.compare(a, b, options)
            spent.append(time.perf_counter() - started)
    except ImgSimError:
        return math.inf
    return min(spent)


def standings(
    pictures: Sequence[Picture],
    questions: Sequence[Question],
    describe: Describe,
    pairs: NDArray[np.intp] | None = None,
    told: Callable[[float], None] | None = None,
) -> Standings:
    """Rank pairs of a set by each method.

    Parameters
    ----------
    pictures : sequence of Picture
    questions : sequence of Question
        One that cannot take a picture of the set is left out.
    describe : callable
        As in `comparison.ask`; called once for each question and picture.
    pairs : ndarray of int, shape (n, 2), or None
        Pairs to rank; None for all.
    told : callable or None
        Called with the share done so far, 0 to 1.

    Returns
    -------
    Standings
    """
    if pairs is None:
        pairs = every_pair(len(pictures))
    answered, values = [], []
    for index, question in enumerate(questions):

        def tell(share: float, done: int = index) -> None:
            if told is not None:
                told((done + share) / len(questions))

        found = _values(pictures, question, describe, pairs, tell)
        if found is not None:
            answered.append(question)
            values.append(found)
    table = np.array(values, float).reshape(len(answered), len(pairs))
    ranks = [ranks_among(row, row, question) for row, question in zip(table, answered, strict=True)]
    return Standings(tuple(answered), pairs, table, np.array(ranks).reshape(table.shape))


def _values(
    pictures: Sequence[Picture],
    question: Question,
    describe: Describe,
    pairs: NDArray[np.intp],
    tell: Callable[[float], None],
) -> Values | None:
    """Score the pairs by one method; None if it cannot."""
    method, options = question.method, question.options
    wanted = np.unique(pairs)
    steps = len(wanted) + len(pairs)
    found: dict[int, Any] = {}
    values = np.empty(len(pairs))
    try:
        if method.availability() is not None:
            return None
        for done, place in enumerate(wanted.tolist()):
            found[place] = describe(method, options, pictures[place])
            tell(done / steps)
        for done, (a, b) in enumerate(pairs.tolist()):
            values[done] = method.compare(found[a], found[b], options)
            if done % 50 == 0:
                tell((len(wanted) + done) / steps)
    except ImgSimError:
        return None
    tell(1.0)
    return values


def ranks_among(values: Values, basis: Values, question: Question) -> Values:
    """Share, 0 to 1, of the scores in `basis` that are less alike than each of `values`.

    Those equal to it count half: most unrelated pairs share no detail at all, and that
    puts none of them at the bottom.
    """
    sign = 1.0 if question.method.scale_with(question.options).higher_is_alike else -1.0
    ordered = np.sort(sign * basis)
    below, up_to = (np.searchsorted(ordered, sign * values, side) for side in ("left", "right"))
    return np.asarray((below + up_to) / (2 * max(1, len(ordered))), float)
