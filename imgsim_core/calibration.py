"""From a score to its meaning: where it lies among pairs whose relation is known.

The reference data were measured once (`python -m bench.calibrate`) and ship as
calibration.json. What was never measured, such as a model fetched later, is measured on
the built-in pictures on first use. Lines from a visitor's own pairs are drawn here too.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from cachetools import LRUCache, TTLCache
from numpy.typing import NDArray

from imgsim_core.background import in_background, leaving
from imgsim_core.comparison import Describe, Question, Score, ask, describe_now
from imgsim_core.errors import BadOption, ImgSimError, TooFewPairs
from imgsim_core.method import Method, Scale
from imgsim_core.own_examples import line_by_examples
from imgsim_core.picture import Picture
from imgsim_core.reference_pairs import Pair, sample_pairs
from imgsim_core.registry import all_methods
from imgsim_core.sizes import size_in_bytes
from imgsim_core.text import Text

Values = NDArray[np.float64]


class Relation(Enum):
    """What two pictures are to each other, from far to near.

    That two files are identical is told by their digests, not by a score.
    """

    UNRELATED = "unrelated"
    SAME_KIND = "same-kind"
    SAME_SCENE = "same-scene"
    COPY = "copy"

    @property
    def label(self) -> Text:
        """Name of the relation."""
        return _RELATION_LABELS[self]


_RELATION_LABELS = {
    Relation.UNRELATED: Text("Unrelated"),
    Relation.SAME_KIND: Text("Same kind of thing"),
    Relation.SAME_SCENE: Text("Same object or scene"),
    Relation.COPY: Text("Edited copy"),
}
RELATIONS = tuple(Relation)
# Each cut asks: is the relation at least this near?
CUTS = RELATIONS[1:]


class Strictness(Enum):
    """How many unrelated pairs in a hundred may pass a line."""

    LOOSE = 5.0
    NORMAL = 1.0
    STRICT = 0.1

    @property
    def label(self) -> Text:
        """Name, for a control."""
        return _STRICTNESS_LABELS[self]

    @property
    def rate(self) -> float:
        """Share of unrelated pairs that pass, 0 to 1."""
        return self.value / 100


_STRICTNESS_LABELS = {
    Strictness.LOOSE: Text("Loose"),
    Strictness.NORMAL: Text("Normal"),
    Strictness.STRICT: Text("Strict"),
}

# Shares at which quantiles are kept: every hundredth, and closer at both tails
LEVELS: Values = np.unique(
    [*np.arange(101) / 100, 0.001, 0.002, 0.005, 0.995, 0.998, 0.999, 0.9995]
)


# ── What was measured ──────────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False)
class Reference:
    """What one method with one preset of options scored on pairs of known relation.

    Parameters
    ----------
    method : str
        Id of the method.
    preset : str
        "default", "article", "measure=..." or "samples".
    options : mapping
        Every option's name and value.
    quantiles : mapping of Relation to ndarray of float, shape (108,)
        Scores at `LEVELS`, from the least alike to the most alike.
    knots : ndarray of float, shape (n,)
        Scores, from the least alike to the most alike.
    cuts : ndarray of float, shape (3, n)
        Probability at each knot that the relation is at least as near as each of `CUTS`,
        were all relations equally common.
    level : float
        Likelihood that the stated relations must reach together.
    lines : mapping of Strictness to float
        Scores that this share of unrelated pairs reaches at most.
    counts : mapping of Relation to int
        Pairs measured.
    higher_is_alike : bool
        Direction of the scores.
    provenance : Text
        What it was measured on, for the visitor.
    coarse : bool
        Whether it rests on the few built-in pictures only.
    """

    method: str
    preset: str
    options: Mapping[str, Any]
    quantiles: Mapping[Relation, Values]
    knots: Values
    cuts: Values
    level: float
    lines: Mapping[Strictness, float]
    counts: Mapping[Relation, int]
    higher_is_alike: bool
    provenance: Text
    coarse: bool = False

    @property
    def sign(self) -> float:
        """1 where a larger score means more alike, else -1."""
        return 1.0 if self.higher_is_alike else -1.0

    def beyond(self, relation: Relation, value: float) -> float:
        """Share of the measured pairs of a relation that are less alike than `value` says.

        Returns
        -------
        float
            0 to 1; never all of them, since more pairs might have gone further.
        """
        quantiles = self.sign * self.quantiles[relation]
        place = self.sign * value
        index = int(np.searchsorted(quantiles, place, side="left"))
        most = 1 - 1 / (self.counts[relation] + 2)
        if index == 0:
            return 0.0
        if index == len(quantiles):
            return most
        below, above = quantiles[index - 1 : index + 1]
        share = np.interp(place, [below, above], LEVELS[index - 1 : index + 1])
        return min(most, float(share))

    def likelihoods(self, value: float) -> dict[Relation, float]:
        """Likelihood of each relation were all equally common; they sum to 1."""
        shares = likelihoods_at(self.sign * self.knots, self.cuts, np.array([self.sign * value]))
        return dict(zip(RELATIONS, (float(share) for share in shares[:, 0]), strict=True))


def likelihoods_at(knots: Values, cuts: Values, places: Values) -> Values:
    """Likelihoods between the knots: straight lines, flat beyond both ends.

    Parameters
    ----------
    knots : ndarray of float, shape (n,)
        Ascending, larger for more alike.
    cuts : ndarray of float, shape (3, n)
    places : ndarray of float, shape (m,)

    Returns
    -------
    ndarray of float, shape (4, m)
        From unrelated to copy; each column sums to 1.
    """
    at_least = np.array([np.interp(places, knots, cut) for cut in cuts])
    ones, zeros = np.ones_like(places)[None], np.zeros_like(places)[None]
    shares: Values = -np.diff(np.concatenate([ones, at_least, zeros]), axis=0)
    return shares


@cache
def shipped_references() -> Mapping[str, tuple[Reference, ...]]:
    """Read the references that come with the project, by the method's id."""
    text = resources.files("imgsim_core").joinpath("calibration.json").read_text("utf-8")
    stored = json.loads(text)
    found: dict[str, list[Reference]] = {}
    for entry in stored["references"]:
        found.setdefault(entry["method"], []).append(_reference_from(entry, stored["provenance"]))
    return {method: tuple(references) for method, references in found.items()}


def _reference_from(entry: Mapping[str, Any], provenance: Mapping[str, Any]) -> Reference:
    counts = dict(zip(RELATIONS, entry["counts"], strict=True))
    return Reference(
        method=entry["method"],
        preset=entry["preset"],
        options=entry["options"],
        quantiles={
            relation: np.array(entry["quantiles"][relation.value]) for relation in RELATIONS
        },
        knots=np.array(entry["knots"]),
        cuts=np.array(entry["cuts"]),
        level=entry["level"],
        lines={strictness: entry["lines"][strictness.name.lower()] for strictness in Strictness},
        counts=counts,
        higher_is_alike=entry["higher_is_alike"],
        provenance=Text(
            "Measured on {count} pairs of small photographs, on {date}.",
            count=sum(counts.values()),
            date=provenance["date"],
        ),
    )


def stored_form(reference: Reference) -> dict[str, Any]:
    """Put a reference into what JSON can hold, numbers to four digits."""
    return {
        "method": reference.method,
        "preset": reference.preset,
        "options": dict(reference.options),
        "higher_is_alike": reference.higher_is_alike,
        "counts": [reference.counts[relation] for relation in RELATIONS],
        "level": _four_digits(reference.level),
        "lines": {
            strictness.name.lower(): reference.lines[strictness] for strictness in Strictness
        },
        "knots": [_four_digits(knot) for knot in reference.knots],
        "cuts": [[round(float(share), 4) for share in cut] for cut in reference.cuts],
        "quantiles": {
            relation.value: [_four_digits(value) for value in reference.quantiles[relation]]
            for relation in RELATIONS
        },
    }


def _four_digits(value: float) -> float:
    return float(f"{value:.4g}")


def presets(method: Method) -> dict[str, Any]:
    """List what is measured of a method: default, as in the article, each measure.

    Returns
    -------
    dict of str to options
        No two of them equal.
    """
    default = method.options()
    found = {"default": default}
    if method.article is not None:
        found["article"] = method.article
    for item in method.option_fields:
        if item.name == "measure":
            for value in item.choices or ():
                found[f"measure={value}"] = method.options_from({"measure": value})
    unique: dict[str, Any] = {}
    for name, options in found.items():
        if options not in unique.values():
            unique[name] = options
    return unique


def reference_for(question: Question) -> Reference | None:
    """Find what is known of a method with exactly these options.

    Returns
    -------
    Reference or None
        The one that ships, else the one calibrated here on the built-in pictures; None if
        these options were never measured.
    """
    shipped = _shipped_by_options().get((question.method.id, question.options))
    if shipped is not None:
        return shipped
    with _lock:
        return _calibrated_here.get(_key(question))


@cache
def _shipped_by_options() -> Mapping[tuple[str, Any], Reference]:
    found: dict[tuple[str, Any], Reference] = {}
    for method in all_methods():
        for reference in shipped_references().get(method.id, ()):
            try:
                options = method.options_from(reference.options)
            except BadOption:  # the method has moved on since it was measured
                continue
            found[method.id, options] = reference
    return found


# ── Meaning ────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Meaning:
    """What a score says.

    Parameters
    ----------
    beyond_unrelated : float
        Share, 0 to 1, of unrelated pairs that are less alike than this pair.
    beyond_copies : float
        The same among edited copies.
    likelihoods : mapping of Relation to float
        Were all relations equally common; they sum to 1.
    stated : tuple of Relation
        The smallest set that holds the true relation in at least 90 % of pairs; from far
        to near.
    verdict : Text
        In words.
    certain : bool
        False when the score cannot tell related pictures from unrelated ones.
    provenance : Text
        What this rests on.
    coarse : bool
        Whether it rests on the few built-in pictures only.
    """

    beyond_unrelated: float
    beyond_copies: float
    likelihoods: Mapping[Relation, float]
    stated: tuple[Relation, ...]
    verdict: Text
    certain: bool
    provenance: Text
    coarse: bool

    @property
    def likeliest(self) -> Relation:
        """The relation with the greatest likelihood."""
        return max(RELATIONS, key=lambda relation: self.likelihoods[relation])


def meaning(score: Score) -> Meaning | None:
    """Say what a score means.

    Returns
    -------
    Meaning or None
        None if the method was never measured with these options.
    """
    reference = reference_for(score.question)
    return None if reference is None else meaning_by(reference, score.value)


def meaning_by(reference: Reference, value: float) -> Meaning:
    """Say what a score means by a given reference."""
    likelihoods = reference.likelihoods(value)
    stated = stated_relations(likelihoods, reference.level)
    return Meaning(
        beyond_unrelated=reference.beyond(Relation.UNRELATED, value),
        beyond_copies=reference.beyond(Relation.COPY, value),
        likelihoods=likelihoods,
        stated=stated,
        verdict=_VERDICTS[frozenset(stated)],
        certain=Relation.UNRELATED not in stated or len(stated) == 1,
        provenance=reference.provenance,
        coarse=reference.coarse,
    )


def stated_relations(likelihoods: Mapping[Relation, float], level: float) -> tuple[Relation, ...]:
    """List relations by falling likelihood until `level` is reached; from far to near."""
    total = 0.0
    stated = []
    for relation in sorted(RELATIONS, key=lambda relation: -likelihoods[relation]):
        if total >= level:
            break
        stated.append(relation)
        total += likelihoods[relation]
    return tuple(relation for relation in RELATIONS if relation in stated)


def line(question: Question, strictness: Strictness) -> float:
    """Line between alike and not alike for a share of unrelated pairs that may pass.

    Returns
    -------
    float
        On the method's scale; the scale's own line where nothing was measured. A method
        that a visitor taught is held to his own groups.
    """
    if question.method.examples is not None:
        return line_by_examples(question.method.examples, strictness.rate)
    reference = reference_for(question)
    if reference is None:
        return question.method.scale_with(question.options).line
    return reference.lines[strictness]


_FAR, _KIND, _SCENE, _COPY = RELATIONS
_VERDICTS = {
    frozenset({_FAR}): Text("Most likely unrelated."),
    frozenset({_KIND}): Text("Most likely two things of the same kind."),
    frozenset({_SCENE}): Text("Most likely the same object or scene, photographed again."),
    frozenset({_COPY}): Text("Most likely an edited copy."),
    frozenset({_FAR, _KIND}): Text(
        "Probably neither a copy nor the same scene. "
        "Cannot tell the same kind of thing from unrelated."
    ),
    frozenset({_FAR, _SCENE}): Text(
        "Probably not a copy. Cannot tell the same scene photographed again from unrelated."
    ),
    frozenset({_FAR, _COPY}): Text("Cannot tell an edited copy from unrelated."),
    frozenset({_KIND, _SCENE}): Text(
        "Probably not a copy: the same kind of thing, or the same thing photographed again."
    ),
    frozenset({_KIND, _COPY}): Text("An edited copy, or the same kind of thing."),
    frozenset({_SCENE, _COPY}): Text("The same thing: an edited copy, or photographed again."),
    frozenset({_FAR, _KIND, _SCENE}): Text("Probably not a copy. More than that it cannot tell."),
    frozenset({_FAR, _KIND, _COPY}): Text(
        "Cannot tell: edited copies and different things both score like this."
    ),
    frozenset({_FAR, _SCENE, _COPY}): Text(
        "Cannot tell: the same scene and unrelated pictures both score like this."
    ),
    frozenset({_KIND, _SCENE, _COPY}): Text(
        "Related in some way: the same kind of thing, the same scene or an edited copy."
    ),
    frozenset(RELATIONS): Text("Cannot tell: pairs of every kind score like this."),
}


# ── Fitting ────────────────────────────────────────────────────────────────────────

COVERAGE = 0.95  # wanted are 0.90: the rest is for pictures unlike those measured
LEAST_COVERAGE = 0.90  # of whichever relation fares worst
LEAST_LEVEL = 0.9  # what is stated is at least this likely, and not only on average
_HEAVY = 0.5  # weight of a least alike score that stands for "nothing found"
_HAIR = 1e-4  # of the spread of the scores: as good as nothing
_STEP = 0.04  # weight of the smallest step, where each relation weighs 1: evens out chance


def fitted_reference(
    question: Question,
    preset: str,
    scores: Mapping[Relation, Sequence[float]],
    provenance: Text,
    coarse: bool = False,
) -> Reference:
    """Fit a reference to scores of pairs whose relation is known.

    Each cut, "at least this near", is an isotonic regression on the score in which every
    relation weighs the same; its level stretches are joined by straight lines (after
    centred isotonic regression, doi:10.1080/19466315.2017.1286256).

    Parameters
    ----------
    question : Question
    preset : str
    scores : mapping of Relation to sequence of float
        At least two of each relation.
    provenance : Text
    coarse : bool

    Returns
    -------
    Reference
        The same for the same scores.

    Raises
    ------
    TooFewPairs
        If a relation has fewer than two scores.
    """
    scale = question.method.scale_with(question.options)
    sign = 1.0 if scale.higher_is_alike else -1.0
    for relation in RELATIONS:
        _check_count(len(scores[relation]), 2)
    values = _finite([sign * np.asarray(scores[relation], float) for relation in RELATIONS])
    knots, cuts = _cuts(values)
    by_relation = dict(zip(RELATIONS, values, strict=True))
    return Reference(
        method=question.method.id,
        preset=preset,
        options=asdict(question.options),
        quantiles={
            relation: sign * np.quantile(found, LEVELS, method="inverted_cdf")
            for relation, found in by_relation.items()
        },
        knots=sign * knots,
        cuts=cuts,
        level=_level(values),
        lines={strictness: _line(scale, values, strictness.rate) for strictness in Strictness},
        counts={relation: len(found) for relation, found in by_relation.items()},
        higher_is_alike=scale.higher_is_alike,
        provenance=provenance,
        coarse=coarse,
    )


def _finite(values: Sequence[Values]) -> list[Values]:
    """Put infinite scores one spread beyond the finite ones: they stay the last in order."""
    every = np.concatenate(values)
    finite = every[np.isfinite(every)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
    spread = max(high - low, 1.0)
    return [np.clip(found, low - spread, high + spread) for found in values]


def _check_count(count: int, least: int) -> None:
    if count < least:
        raise TooFewPairs(
            Text(
                "{count} pairs of one sort are too few: at least {least} are needed.",
                count=count,
                least=least,
            )
        )


def _cuts(values: Sequence[Values]) -> tuple[Values, Values]:
    """Fit all cuts: (knots, larger for more alike; probabilities of shape (3, n))."""
    places, shares = _steps(values)
    weights = shares.sum(axis=0)
    fits = [_joined(places, shares[first:].sum(axis=0) / weights, weights) for first in (1, 2, 3)]
    knots = np.unique(np.concatenate([knots for knots, _ in fits]))
    cuts = np.array([np.interp(knots, *fit) for fit in fits])
    # Joining the middles of different steps may cross two cuts by a hair
    cuts = np.minimum.accumulate(cuts, axis=0)
    # No count of pairs proves a likelihood of 0 or 1: as if each relation came once more
    unsure = 1 / (min(len(found) for found in values) + 2)
    evenly = np.array([[3.0], [2.0], [1.0]])
    return knots, (cuts + evenly * unsure) / (1 + 4 * unsure)


def _steps(values: Sequence[Values]) -> tuple[Values, Values]:
    """Gather neighbouring scores into steps of a least weight; equal scores stay together.

    Returns
    -------
    places : ndarray of float, shape (n,)
        Mean score of each step, ascending.
    shares : ndarray of float, shape (4, n)
        Share of each relation's pairs that lie in it.
    """
    scores = np.concatenate(values)
    weights = np.concatenate([np.full(len(found), 1 / len(found)) for found in values])
    relations = np.repeat(np.arange(len(values)), [len(found) for found in values])
    _, at = np.unique(scores, return_inverse=True)
    mass: Values = np.bincount(at, weights).astype(np.float64)
    step_of_distinct = _grouped(mass)
    step = step_of_distinct[at]
    count = int(step_of_distinct[-1]) + 1
    places = np.bincount(step, weights * scores, count) / np.bincount(step, weights, count)
    shares = np.zeros((len(values), count))
    np.add.at(shares, (relations, step), weights)
    return places, shares


def _grouped(mass: Values) -> NDArray[np.intp]:
    """Number the steps: each is closed as soon as it weighs enough, or before a heavy score."""
    steps = np.zeros(len(mass), np.intp)
    held, number = 0.0, 0
    for index, weight in enumerate(mass):
        if held >= _STEP or (held > 0 and weight >= _STEP):
            number += 1
            held = 0.0
        steps[index] = number
        held += weight
    return steps


def _joined(places: Values, shares: Values, weights: Values) -> tuple[Values, Values]:
    """Isotonic regression whose level stretches keep their middle half; slopes join them.

    Where the least alike score is one value that many pairs share, such as "nothing found",
    any other score is another matter: there the slope is a step.
    """
    from sklearn.isotonic import isotonic_regression

    fitted = isotonic_regression(shares, sample_weight=weights)
    knots, levels = [], []
    for level in np.unique(fitted):
        inside = fitted == level
        middle = np.cumsum(weights[inside]) / weights[inside].sum()
        ends = np.unique(np.searchsorted(middle, (0.25, 0.75)))
        knots += list(places[inside][ends])
        levels += [level] * len(ends)
    if weights[0] >= _HEAVY and len(levels) > 1 and levels[0] < fitted[1]:
        knots.insert(1, places[0] + _HAIR * (places[-1] - places[0]))
        levels.insert(1, levels[1])
    return np.array(knots), np.array(levels)


def _level(values: Sequence[Values]) -> float:
    """Likelihood that sets must reach to hold the true relation often enough.

    Found on pairs that the fit did not see: each half is judged by a fit to the other.
    """
    halves = [[found[half::2] for found in values] for half in (0, 1)]
    judged = [_needed(halves[1 - half], halves[half]) for half in (0, 1)]
    needed = [np.concatenate(pair) for pair in zip(*judged, strict=True)]
    every = np.concatenate(needed)
    weights = np.concatenate([np.full(len(found), 1 / len(found)) for found in needed])
    on_average = np.quantile(every, COVERAGE, weights=weights, method="inverted_cdf")
    worst = max(np.quantile(found, LEAST_COVERAGE) for found in needed)
    return float(np.clip(max(on_average, worst) + 1e-3, LEAST_LEVEL, 0.999))


def _needed(fitted: Sequence[Values], unseen: Sequence[Values]) -> list[Values]:
    """Sum up, for each unseen pair, the likelihoods of what is stated before its relation."""
    knots, cuts = _cuts(fitted)
    needed = []
    for index, found in enumerate(unseen):
        shares = likelihoods_at(knots, cuts, found)
        before = shares > shares[index]
        before[:index] |= shares[:index] == shares[index]
        needed.append(np.sum(shares * before, axis=0))
    return needed


def _line(scale: Scale, values: Sequence[Values], rate: float) -> float:
    """Most forgiving score that at most a share `rate` of unrelated pairs reaches."""
    sign = 1.0 if scale.higher_is_alike else -1.0
    candidates = np.unique(np.concatenate(values))
    unrelated = np.sort(values[0])
    reach = 1 - np.searchsorted(unrelated, candidates, side="left") / len(unrelated)
    first = int(np.searchsorted(-reach, -rate))
    if first == len(candidates):
        return scale.identical
    usual = sign * scale.line
    if first > 0 and candidates[first - 1] < usual <= candidates[first]:
        return float(scale.line)  # no pair lies between: nothing speaks against the usual one
    return _towards_alike(sign * float(candidates[first]), scale)


def _towards_alike(value: float, scale: Scale) -> float:
    """Round to four digits, never to the more forgiving side."""
    rounded = _four_digits(value)
    if scale.is_alike(rounded, value):
        return rounded
    digit = 10.0 ** (math.floor(math.log10(abs(value))) - 3)
    return _four_digits(rounded + (digit if scale.higher_is_alike else -digit))


# ── Without data that ship: the built-in pictures ──────────────────────────────────

_lock = threading.Lock()
_one_at_a_time = threading.Lock()
_MOST_BYTES = 8 * 2**20
_MOST_UNDER_WAY = 4  # what waits beyond is begun when it is asked for again
_calibrated_here: LRUCache[tuple[str, Any], Reference] = LRUCache(_MOST_BYTES, size_in_bytes)
_under_way: set[tuple[str, Any]] = set()
_at_work: set[tuple[str, Any]] = set()  # one of them, or none, but for the moment of a change
_AGAIN_SECONDS = 300.0  # after which what failed is tried again
_MOST_REASONS = 256
_failed: TTLCache[tuple[str, Any], Text] = TTLCache(maxsize=_MOST_REASONS, ttl=_AGAIN_SECONDS)


def _key(question: Question) -> tuple[str, Any]:
    return question.method.id, question.options


def calibrate_on_samples(
    method: Method, options: Any, describe: Describe = describe_now
) -> Reference:
    """Calibrate a method on the built-in pictures: coarse, and said to be so.

    Parameters
    ----------
    method : Method
    options : object
    describe : callable
        As in `comparison.ask`.

    Returns
    -------
    Reference

    Raises
    ------
    ImgSimError
        If the method cannot answer; its sentence says why.
    """
    reason = method.availability()
    if reason is not None:
        raise ImgSimError(reason)
    question = Question(method, options)
    pairs = sample_pairs()
    remember = _remembering(describe)
    scores = {
        relation: scores_of(question, found, remember)
        for relation, found in (
            (Relation.UNRELATED, pairs.unrelated),
            (Relation.SAME_KIND, pairs.same_kind),
            (Relation.SAME_SCENE, pairs.same_scene),
            (Relation.COPY, pairs.copies),
        )
    }
    provenance = Text(
        "A rough guide: measured on {count} pairs made from the built-in pictures only.",
        count=sum(map(len, scores.values())),
    )
    return fitted_reference(question, "samples", scores, provenance, coarse=True)


def scores_of(question: Question, pairs: Sequence[Pair], describe: Describe) -> list[float]:
    """Ask about many pairs; those the method cannot take are left out."""
    answers = (ask(question, a, b, describe) for a, b in pairs)
    return [answer.value for answer in answers if isinstance(answer, Score)]


def _remembering(describe: Describe) -> Describe:
    made: dict[str, Any] = {}

    def remembered(method: Method, options: Any, picture: Picture) -> Any:
        if leaving():  # nobody will read what this thread works out
            raise SystemExit
        if picture.digest not in made:
            made[picture.digest] = describe(method, options, picture)
        return made[picture.digest]

    return remembered


def background_reference(
    question: Question, done: Callable[[], None] | None = None
) -> Reference | None:
    """Find a reference, or begin to make one on the built-in pictures.

    Parameters
    ----------
    question : Question
    done : callable or None
        Called in the other thread once a reference begun by this call is there.

    Returns
    -------
    Reference or None
        None while it is under way or others are, or as long as `why_unmeasured` tells why.
    """
    found = reference_for(question)
    told_otherwise = question.method.examples is not None  # its groups say what it means
    if found is not None or told_otherwise or why_unmeasured(question) is not None:
        return found
    with _lock:
        if _key(question) in _under_way or len(_under_way) >= _MOST_UNDER_WAY:
            return None
        _under_way.add(_key(question))
    in_background(lambda: _calibrate(question, done), "calibration")
    return None


def is_calibrating(question: Question) -> bool:
    """Tell whether a reference is being made just now, or waits for others to be made."""
    with _lock:
        return _key(question) in _under_way


def waits_its_turn(question: Question) -> bool:
    """Tell whether another reference is being made just now."""
    with _lock:
        return bool(_at_work) and _key(question) not in _at_work


def why_unmeasured(question: Question) -> Text | None:
    """Say why no reference can be made here at present.

    Returns
    -------
    Text or None
        That the method's model is not there, or what went wrong some minutes ago; None if
        nothing is in the way.
    """
    with _lock:
        failed: Text | None = _failed.get(_key(question))
    return question.method.availability() or failed


def _calibrate(question: Question, done: Callable[[], None] | None) -> None:
    key = _key(question)
    reference = None
    reason = Text("Something went wrong on our side.")  # for a bug, which goes on its way
    try:
        with _one_at_a_time:
            with _lock:
                _at_work.add(key)
            reference = calibrate_on_samples(question.method, question.options)
    except ImgSimError as error:  # the model went away, or takes none of the pictures
        reason = error.text
    finally:
        with _lock:
            _at_work.discard(key)
            _under_way.discard(key)
            if reference is None:
                _failed[key] = reason
            else:
                _calibrated_here[key] = reference
    if reference is not None and done is not None:
        done()


# ── Lines from labelled pairs ──────────────────────────────────────────────────────

FEWEST_PAIRS = 5
_RESAMPLES = 200
_GRID: Values = np.linspace(0, 1, 101)


@dataclass(frozen=True, eq=False)
class Roc:
    """How well a score parts pairs marked same from pairs marked different.

    Parameters
    ----------
    false_positive_rates, true_positive_rates : ndarray of float, shape (n,)
        Shares of the different and of the same pairs on the alike side of each threshold.
    thresholds : ndarray of float, shape (n,)
        On the method's scale; the first, that nothing passes, is infinite.
    area : float
        Under the curve: 1 parts them fully, 0.5 is chance.
    area_low, area_high : float
        Within which the area lies in 95 of 100 redrawn sets of pairs.
    grid, band_low, band_high : ndarray of float, shape (101,)
        False positive rates, and within which the curve lies in 95 of 100 redrawn sets.
    """

    false_positive_rates: Values
    true_positive_rates: Values
    thresholds: Values
    area: float
    area_low: float
    area_high: float
    grid: Values
    band_low: Values
    band_high: Values


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """How many of the pairs called same are same, and how many of the same are found.

    Parameters
    ----------
    precisions, recalls : ndarray of float, shape (n + 1,)
        The last point is precision 1 at recall 0.
    thresholds : ndarray of float, shape (n,)
        On the method's scale.
    average_precision : float
    average_low, average_high : float
        Within which it lies in 95 of 100 redrawn sets of pairs.
    grid, band_low, band_high : ndarray of float, shape (101,)
        Recalls, and within which the precision lies in 95 of 100 redrawn sets.
    """

    precisions: Values
    recalls: Values
    thresholds: Values
    average_precision: float
    average_low: float
    average_high: float
    grid: Values
    band_low: Values
    band_high: Values


@dataclass(frozen=True)
class ProposedLine:
    """A line for a wanted share of false alarms, from labelled pairs.

    Parameters
    ----------
    line : float
        On the method's scale; the line itself counts as alike.
    false_alarms, hits : float
        Shares, 0 to 1, of the different and of the same pairs that pass.
    more_different : int
        Different pairs still to be marked before that few false alarms could be shown
        with 95 % confidence; 0 when there are enough.
    """

    line: float
    false_alarms: float
    hits: float
    more_different: int


def roc(scores_same: Sequence[float], scores_different: Sequence[float], scale: Scale) -> Roc:
    """Receiver operating characteristic, with bands from 200 redrawn sets (seed 0).

    Parameters
    ----------
    scores_same, scores_different : sequence of float
        Scores of pairs marked same and of pairs marked different; infinite ones may occur.
    scale : Scale

    Returns
    -------
    Roc

    Raises
    ------
    TooFewPairs
        If there are fewer than five of either.
    """
    from sklearn import config_context
    from sklearn.metrics import auc, roc_curve

    marks, places, sign = _labelled(scores_same, scores_different, scale)
    rates, hits, thresholds = roc_curve(marks, places, drop_intermediate=False)
    areas, curves = [], []
    with config_context(assume_finite=True, skip_parameter_validation=True):
        for chosen in _redrawn(len(scores_same), len(scores_different)):
            some_rates, some_hits, _ = roc_curve(marks[chosen], places[chosen])
            areas.append(auc(some_rates, some_hits))
            curves.append(np.interp(_GRID, some_rates, some_hits))
    area_low, area_high = np.quantile(areas, (0.025, 0.975))
    band_low, band_high = np.quantile(curves, (0.025, 0.975), axis=0)
    return Roc(
        false_positive_rates=rates,
        true_positive_rates=hits,
        thresholds=sign * thresholds,
        area=float(auc(rates, hits)),
        area_low=float(area_low),
        area_high=float(area_high),
        grid=_GRID,
        band_low=band_low,
        band_high=band_high,
    )


def precision_recall(
    scores_same: Sequence[float], scores_different: Sequence[float], scale: Scale
) -> PrecisionRecall:
    """Precision against recall, with bands from 200 redrawn sets (seed 0).

    Parameters
    ----------
    scores_same, scores_different, scale
        As for `roc`.

    Raises
    ------
    TooFewPairs
        If there are fewer than five of either.
    """
    from sklearn import config_context
    from sklearn.metrics import average_precision_score, precision_recall_curve

    marks, places, sign = _labelled(scores_same, scores_different, scale)
    precisions, recalls, thresholds = precision_recall_curve(marks, places)
    averages, curves = [], []
    with config_context(assume_finite=True, skip_parameter_validation=True):
        for chosen in _redrawn(len(scores_same), len(scores_different)):
            some, found, _ = precision_recall_curve(marks[chosen], places[chosen])
            averages.append(average_precision_score(marks[chosen], places[chosen]))
            curves.append(np.interp(_GRID, found[::-1], some[::-1]))
    average_low, average_high = np.quantile(averages, (0.025, 0.975))
    band_low, band_high = np.quantile(curves, (0.025, 0.975), axis=0)
    return PrecisionRecall(
        precisions=precisions,
        recalls=recalls,
        thresholds=sign * thresholds,
        average_precision=float(average_precision_score(marks, places)),
        average_low=float(average_low),
        average_high=float(average_high),
        grid=_GRID,
        band_low=band_low,
        band_high=band_high,
    )


def line_for(
    scores_same: Sequence[float],
    scores_different: Sequence[float],
    scale: Scale,
    false_alarms: float = 0.01,
) -> ProposedLine:
    """Propose the most forgiving line that keeps false alarms at or under a share.

    Parameters
    ----------
    scores_same, scores_different, scale
        As for `roc`.
    false_alarms : float
        Wanted share of different pairs that may pass, above 0 and under 1.

    Returns
    -------
    ProposedLine
        Midway between the scores on its two sides.

    Raises
    ------
    TooFewPairs
        If there are fewer than five of either.
    """
    from sklearn.metrics import roc_curve

    marks, places, sign = _labelled(scores_same, scores_different, scale)
    rates, hits, thresholds = roc_curve(marks, places, drop_intermediate=False)
    at = int(np.flatnonzero(rates <= false_alarms)[-1])
    # With none of n wrong, at most 1 - 0.05^(1/n) are, in 95 of 100 cases
    enough = math.ceil(math.log(0.05) / math.log(1 - false_alarms))
    return ProposedLine(
        line=_between(sign * thresholds, at, scale),
        false_alarms=float(rates[at]),
        hits=float(hits[at]),
        more_different=max(0, enough - len(scores_different)),
    )


def _between(thresholds: Values, at: int, scale: Scale) -> float:
    """Score midway between a threshold and the next, which must not pass any more."""
    if at == 0:
        return scale.identical
    return float(thresholds[at : at + 2].mean())


def _labelled(
    scores_same: Sequence[float], scores_different: Sequence[float], scale: Scale
) -> tuple[NDArray[np.int8], Values, float]:
    """Marks (1 for same), scores that are finite and larger for more alike, and the sign."""
    for found in (scores_same, scores_different):
        _check_count(len(found), FEWEST_PAIRS)
    sign = 1.0 if scale.higher_is_alike else -1.0
    marks = np.repeat(np.array([1, 0], np.int8), [len(scores_same), len(scores_different)])
    same, different = (np.asarray(scores, float) for scores in (scores_same, scores_different))
    return marks, np.concatenate(_finite([sign * same, sign * different])), sign


def _redrawn(same: int, different: int) -> list[NDArray[np.intp]]:
    """Draw both sorts anew, with repetition, as often as there are pairs of each."""
    random = np.random.default_rng(0)
    return [
        np.concatenate(
            [random.integers(0, same, same), same + random.integers(0, different, different)]
        )
        for _ in range(_RESAMPLES)
    ]
