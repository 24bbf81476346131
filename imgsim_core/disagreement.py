"""The pairs of a set on which methods differ most: where a notion of likeness matters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgsim_core import calibration
from imgsim_core.calibration import RELATIONS, Reference, Relation
from imgsim_core.comparison import Describe, Question
from imgsim_core.method import Family
from imgsim_core.picture import Picture
from imgsim_core.registry import spokesman
from imgsim_core.standing import Standings, Values, quick_questions, ranks_among, standings
from imgsim_core.text import Text

# A set of so many pairs is compared whole; of a larger one, slow methods see a part only:
# the pairs on which quick methods differ most or see the greatest likeness, and a sample
# to rank by where ranks are needed.
_WHOLE = 250
_SAMPLE = 150
_CANDIDATES = 100
_EACH_PICTURE = 2  # so often may one picture, or one contrast of families, be on the wall
_EACH_CONTRAST = 2


@dataclass(frozen=True)
class Stand:
    """Where one method puts a pair.

    value : the method's own number; height : 0 to 1, the likelihood that both show the
    same thing, or the share of the set's pairs that the method finds less alike.
    """

    question: Question
    value: float
    height: float

    @property
    def family(self) -> Family:
        """Family of the method."""
        return self.question.method.family


@dataclass(frozen=True, eq=False)
class Disagreement:
    """A pair, and what each method makes of it, the one that finds it most alike first.

    is_likelihood : whether the heights are likelihoods, else they are ranks.
    """

    a: Picture
    b: Picture
    stands: tuple[Stand, ...]
    is_likelihood: bool

    @property
    def high(self) -> Stand:
        """The method that finds the pair most alike."""
        return self.stands[0]

    @property
    def low(self) -> Stand:
        """The method that finds it least alike."""
        return self.stands[-1]

    @property
    def gap(self) -> float:
        """How far apart the two are, 0 to 1."""
        return self.high.height - self.low.height

    @property
    def contrast(self) -> Text:
        """Who differs from whom, in a few words."""
        return Text(
            "{high}: high. {low}: low.", high=self.high.family.label, low=self.low.family.label
        )

    @property
    def sentence(self) -> Text:
        """The same with figures."""
        high, low = self.high, self.low
        if self.is_likelihood:
            return Text(
                "How likely it is that both show the same thing: {high_share} % by {high}, "
                "{low_share} % by {low}.",
                high=high.question.method.label,
                high_share=f"{100 * high.height:.0f}",
                low=low.question.method.label,
                low_share=f"{100 * low.height:.0f}",
            )
        return Text(
            "More alike than {high_share} % of the pairs here by {high}, than {low_share} % "
            "by {low}.",
            high=high.question.method.label,
            high_share=f"{100 * high.height:.0f}",
            low=low.question.method.label,
            low_share=f"{100 * low.height:.0f}",
        )


def family_questions() -> tuple[Question, ...]:
    """Ask one method a family, with its usual options: likeness by every notion."""
    methods = [spokesman(family) for family in Family]
    return tuple(Question(method, method.options()) for method in methods)


def disagreements(
    pictures: Sequence[Picture],
    questions: Sequence[Question],
    describe: Describe,
    most: int = 12,
    told: Callable[[float], None] | None = None,
) -> tuple[Disagreement, ...]:
    """Find the pairs of a set on which methods differ most.

    Methods are on different scales. Where all of them are calibrated they are compared by
    the likelihood that both pictures show the same thing, else by rank, the share of the
    set's pairs that each finds less alike.

    Parameters
    ----------
    pictures : sequence of Picture
        Of different content.
    questions : sequence of Question
        Best one of each family: methods of one family differ less.
    describe : callable
        As in `comparison.ask`.
    most : int
        Pairs to return at most.
    told : callable or None
        Called with the share done so far, 0 to 1.

    Returns
    -------
    tuple of Disagreement
        The widest gap first; no picture and no contrast of families comes too often.
        Empty with fewer than three pictures or fewer than two methods.
    """
    if len(pictures) < 3:
        return ()
    usable = [question for question in questions if question.method.availability() is None]
    quick = quick_questions(usable, (pictures[0], pictures[1]), describe)
    slow = [question for question in usable if question not in quick]
    share = 0.4 if slow else 1.0
    rough = standings(pictures, quick, describe, told=_part(told, 0.0, share))
    references = {question: calibration.reference_for(question) for question in usable}
    calibrated = all(reference is not None for reference in references.values())
    chosen, sample = _worth_a_look(rough, calibrated)
    close = standings(
        pictures, slow, describe, rough.pairs[chosen], told=_part(told, share, 1 - share)
    )
    answered = (*rough.questions, *close.questions)
    if len(answered) < 2:
        return ()
    values = np.concatenate([rough.values[:, chosen], close.values])
    basis = [*rough.values, *close.values[:, sample]]
    heights = np.array(
        [
            likelihoods_of_same_thing(reference, row)
            if calibrated and (reference := references[question]) is not None
            else ranks_among(row, among, question)
            for question, row, among in zip(answered, values, basis, strict=True)
        ]
    )
    found = (
        _disagreement(
            (pictures[a], pictures[b]), answered, values[:, at], heights[:, at], calibrated
        )
        for at in np.argsort(-np.ptp(heights, axis=0), kind="stable")
        for a, b in (rough.pairs[chosen[at]].tolist(),)
    )
    return _varied(found, most)


def likelihoods_of_same_thing(reference: Reference, values: Values) -> Values:
    """Likelihood of a copy or of the same scene, by a method's calibration, 0 to 1."""
    shares = calibration.likelihoods_at(
        reference.sign * reference.knots, reference.cuts, reference.sign * values
    )
    return np.asarray(shares[RELATIONS.index(Relation.SAME_SCENE) :].sum(axis=0), float)


def _part(
    told: Callable[[float], None] | None, start: float, length: float
) -> Callable[[float], None] | None:
    return None if told is None else lambda share: told(start + share * length)


def _worth_a_look(rough: Standings, calibrated: bool) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Choose pairs for the slow methods: (which pairs, which of those to rank by)."""
    count = len(rough.pairs)
    if count <= _WHOLE or not len(rough.ranks):
        first = np.arange(min(count, _WHOLE))
        return first, first
    widest = np.argsort(-np.ptp(rough.ranks, axis=0), kind="stable")[:_CANDIDATES]
    nearest = np.argsort(-rough.ranks.mean(axis=0), kind="stable")[:_CANDIDATES]
    candidates = np.union1d(widest, nearest)
    if calibrated:
        return candidates, np.arange(len(candidates))
    sample = np.random.default_rng(0).choice(count, _SAMPLE, replace=False)
    return np.concatenate([sample, np.setdiff1d(candidates, sample)]), np.arange(_SAMPLE)


def _disagreement(
    pair: tuple[Picture, Picture],
    questions: Sequence[Question],
    values: Values,
    heights: Values,
    is_likelihood: bool,
) -> Disagreement:
    stands = [
        Stand(question, float(value), float(height))
        for question, value, height in zip(questions, values, heights, strict=True)
    ]
    stands.sort(key=lambda stand: -stand.height)
    return Disagreement(*pair, tuple(stands), is_likelihood)


def _varied(found: Iterable[Disagreement], most: int) -> tuple[Disagreement, ...]:
    """Take the widest gaps, but no picture and no contrast again and again."""
    kept: list[Disagreement] = []
    pictures: Counter[str] = Counter()
    contrasts: Counter[tuple[Family, Family]] = Counter()
    for one in found:
        contrast = (one.high.family, one.low.family)
        shown = max(pictures[one.a.digest], pictures[one.b.digest])
        if shown >= _EACH_PICTURE or contrasts[contrast] >= _EACH_CONTRAST:
            continue
        kept.append(one)
        pictures.update((one.a.digest, one.b.digest))
        contrasts[contrast] += 1
        if len(kept) == most:
            break
    return tuple(kept)
