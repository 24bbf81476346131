"""How well each method parts pairs marked same from pairs marked different.

The area under the ROC curve is the share of (same, different) couples of pairs that a
method puts in the right order: 1 parts them fully, 0.5 is chance. Its interval is
Newcombe's score interval (doi:10.1002/sim.2324), which stays honest where a method has
made no mistake yet and redrawing the pairs would claim certainty. Methods are compared
with each other on the same redrawn sets of pairs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.comparison import Question
from imgsim_core.labelled import FEWEST, Key, Pair
from imgsim_core.method import Scale

Values = NDArray[np.float64]
Marks = NDArray[np.bool_]

SETTLED = 0.05  # an area known to within 5 points either way is called settled
_NORMAL = 1.959963984540054  # 97.5 % quantile
_RESAMPLES = 1_000
_FOLDS = 6
_FEWEST_TO_COMBINE = 12  # of each sort


# ── One method ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False)
class MarkedScores:
    """One method's scores of the marked pairs.

    Parameters
    ----------
    question : Question
    keys : tuple of Key
        The pairs it could answer.
    marks : ndarray of bool, shape (n,)
        True for same.
    values : ndarray of float, shape (n,)
        On the method's scale; infinite ones may occur.
    """

    question: Question
    keys: tuple[Key, ...]
    marks: Marks
    values: Values

    @property
    def scale(self) -> Scale:
        """Scale of the values."""
        return self.question.method.scale_with(self.question.options)

    @property
    def places(self) -> Values:
        """Scores turned so that larger is more alike."""
        return self.values if self.scale.higher_is_alike else -self.values

    @property
    def same(self) -> Values:
        """Scores of the pairs marked same."""
        return self.values[self.marks]

    @property
    def different(self) -> Values:
        """Scores of the pairs marked different."""
        return self.values[~self.marks]


def marked_scores(
    question: Question, pairs: Sequence[Pair], scores: Mapping[Key, float | None]
) -> MarkedScores:
    """Gather a method's scores of marked pairs; those it could not answer are left out."""
    known = [
        (pair.key, bool(pair.same), value)
        for pair in pairs
        if pair.same is not None and (value := scores.get(pair.key)) is not None
    ]
    return MarkedScores(
        question,
        tuple(key for key, _, _ in known),
        np.array([mark for _, mark, _ in known], bool),
        np.array([value for _, _, value in known], float),
    )


@dataclass(frozen=True, kw_only=True)
class Separation:
    """How well a method parts the marked pairs, and where to draw its line.

    Parameters
    ----------
    scores : MarkedScores
    area, area_low, area_high : float
        Under the ROC curve, and its 95 % interval.
    line : float
        On the method's scale; the line itself counts as alike.
    false_alarms, misses : float
        Shares, 0 to 1, of the different pairs on the alike side of the line, and of the
        same pairs on the other.
    false_alarms_range, misses_range : (float, float)
        Their 95 % intervals (Wilson, doi:10.1080/01621459.1927.10502953).
    """

    scores: MarkedScores
    area: float
    area_low: float
    area_high: float
    line: float
    false_alarms: float
    misses: float
    false_alarms_range: tuple[float, float]
    misses_range: tuple[float, float]

    @property
    def question(self) -> Question:
        """The method, and how it was asked."""
        return self.scores.question

    @property
    def more_pairs(self) -> int:
        """Pairs still to be marked, in today's mix, until the area is settled."""
        return pairs_to_settle(self.area, len(self.scores.same), len(self.scores.different))

    @property
    def mistakes(self) -> tuple[int, ...]:
        """Places among the scores of the pairs on the wrong side of the line, worst first."""
        places, marks = self.scores.places, self.scores.marks
        wrong = np.flatnonzero(_alike(self.scores, self.line) != marks)
        line = self.line if self.scores.scale.higher_is_alike else -self.line
        return tuple(wrong[np.argsort(-np.abs(places[wrong] - line), kind="stable")].tolist())

    @property
    def beats_chance(self) -> bool:
        """Whether the method surely parts the pairs at all."""
        return self.area_low > 0.5


def separation(scores: MarkedScores, wanted: float | None) -> Separation | None:
    """Judge a method by marked pairs.

    Parameters
    ----------
    scores : MarkedScores
    wanted : float or None
        Share of different pairs, 0 to 1, that may pass the line; None draws the line
        where false alarms and misses are equally frequent.

    Returns
    -------
    Separation or None
        None with fewer than five scores of either sort.
    """
    same, different = len(scores.same), len(scores.different)
    if min(same, different) < FEWEST:
        return None
    area = float(_order(scores.places, scores.marks).mean())
    low, high = area_interval(area, same, different)
    line = best_line(scores, wanted)
    alike = _alike(scores, line)
    false, missed = int(alike[~scores.marks].sum()), int((~alike[scores.marks]).sum())
    return Separation(
        scores=scores,
        area=area,
        area_low=low,
        area_high=high,
        line=line,
        false_alarms=false / different,
        misses=missed / same,
        false_alarms_range=share_interval(false, different),
        misses_range=share_interval(missed, same),
    )


def _order(places: Values, marks: Marks) -> Values:
    """1 where a same pair (row) is above a different one (column), 0.5 where level, else 0."""
    above = places[marks][:, None] > places[~marks][None]
    level = places[marks][:, None] == places[~marks][None]
    return np.asarray(above + 0.5 * level, float)


def area_interval(area: float, same: int, different: int) -> tuple[float, float]:
    """95 % interval of an area under the ROC curve (Newcombe, method 5).

    Parameters
    ----------
    area : float
        0 to 1.
    same, different : int
        Pairs of each sort.

    Returns
    -------
    (float, float)
        Inside 0 to 1; not empty even where the area is 0 or 1.
    """

    def beyond(true: float) -> float:
        return abs(area - true) - _NORMAL * _area_error(true, same, different)

    low = 0.0 if area == 0 else _root(beyond, 0.0, area)
    high = 1.0 if area == 1 else _root(beyond, 1.0, area)
    return low, high


def _area_error(area: float, same: int, different: int) -> float:
    """Standard error of an area (doi:10.1148/radiology.143.1.7063747, sizes levelled)."""
    others = (same + different) / 2 - 1
    spread = 1 + others * ((1 - area) / (2 - area) + area / (1 + area))
    return math.sqrt(area * (1 - area) * spread / (same * different))


def _root(function: Callable[[float], float], outside: float, inside: float) -> float:
    """Where a function that is positive at one end and not at the other becomes zero."""
    for _ in range(50):
        middle = (outside + inside) / 2
        if function(middle) > 0:
            outside = middle
        else:
            inside = middle
    return (outside + inside) / 2


def share_interval(count: int, total: int) -> tuple[float, float]:
    """95 % interval of a share: Wilson's, which is honest about 0 of n, too."""
    share = count / total
    scale = 1 + _NORMAL**2 / total
    centre = (share + _NORMAL**2 / (2 * total)) / scale
    reach = _NORMAL * math.sqrt(share * (1 - share) / total + (_NORMAL / (2 * total)) ** 2) / scale
    return max(0.0, centre - reach), min(1.0, centre + reach)


def pairs_to_settle(area: float, same: int, different: int, within: float = SETTLED) -> int:
    """Estimate how many more pairs settle an area, were they marked in today's mix.

    Parameters
    ----------
    area : float
    same, different : int
        Pairs of each sort so far.
    within : float
        Settled when the 95 % interval reaches no further than this to either side.

    Returns
    -------
    int
        0 when it is settled.
    """

    def settled(factor: float) -> bool:
        low, high = area_interval(area, math.ceil(factor * same), math.ceil(factor * different))
        return max(area - low, high - area) <= within

    if settled(1):
        return 0
    enough = 2.0
    while not settled(enough):
        enough *= 2
    few = enough / 2
    for _ in range(12):
        middle = (few + enough) / 2
        few, enough = (few, middle) if settled(middle) else (middle, enough)
    return max(1, math.ceil((enough - 1) * (same + different)))


# ── Its line ───────────────────────────────────────────────────────────────────────


def best_line(scores: MarkedScores, wanted: float | None) -> float:
    """Draw a line through marked pairs.

    Parameters
    ----------
    scores : MarkedScores
        At least one of each sort.
    wanted : float or None
        As in `separation`.

    Returns
    -------
    float
        On the method's scale and inside its drawn axis, midway between the scores on its
        two sides, with no more digits than it takes to part them.
    """
    places = np.unique(scores.places)
    ordered_same = np.sort(scores.places[scores.marks])
    ordered_different = np.sort(scores.places[~scores.marks])
    different = len(ordered_different)
    false = (different - np.searchsorted(ordered_different, places)) / different
    missed = np.searchsorted(ordered_same, places) / len(ordered_same)
    if wanted is None:
        gaps = np.abs(false - missed)
        best = np.flatnonzero(gaps == gaps.min())
        at = int(best[np.argmin((false + missed)[best])])
    else:
        passing = np.flatnonzero(false <= wanted)
        if not len(passing):
            return scores.scale.identical if math.isfinite(scores.scale.identical) else _end(scores)
        at = int(passing[0])
    sign = 1.0 if scores.scale.higher_is_alike else -1.0
    inner = sign * float(places[at])
    outer = inner if at == 0 else sign * float(places[at - 1])
    return _short(scores, inner, outer)


def _end(scores: MarkedScores) -> float:
    return scores.scale.axis[1]


def _short(scores: MarkedScores, inner: float, outer: float) -> float:
    """Number with few digits between two neighbouring scores, `inner` still passing."""
    scale = scores.scale
    low, high = sorted(scale.axis)
    middle = (inner + outer) / 2
    line = min(high, max(low, middle if math.isfinite(middle) else inner))
    for decimals in range(scale.decimals, scale.decimals + 6):
        step = 10.0**-decimals
        nearest = round(line, decimals)
        # A value that only just misses may lie one step towards the passing side
        for candidate in (
            nearest,
            round(nearest + step, decimals),
            round(nearest - step, decimals),
        ):
            parts = scale.is_alike(inner, candidate) and (
                inner == outer or not scale.is_alike(outer, candidate)
            )
            if parts and low <= candidate <= high:
                return candidate
    return line


def _alike(scores: MarkedScores, line: float) -> Marks:
    values = scores.values
    return values >= line if scores.scale.higher_is_alike else values <= line


# ── Methods against each other ─────────────────────────────────────────────────────


@dataclass(frozen=True)
class Lead:
    """By how much one area exceeds another, and the 95 % interval of that."""

    difference: float
    low: float
    high: float

    @property
    def is_certain(self) -> bool:
        """Whether the lead is more than chance."""
        return self.low > 0


def lead(first: MarkedScores, second: MarkedScores) -> Lead:
    """Compare two methods on the same 1,000 redrawn sets of pairs (seed 0).

    Parameters
    ----------
    first, second : MarkedScores
        Compared on the pairs that both could answer; without one of each sort among them,
        anything may be true, and the interval says so.
    """
    shared = set(first.keys) & set(second.keys)
    both = [_limited(scores, shared) for scores in (first, second)]
    orders = [_order(scores.places, scores.marks) for scores in both]
    if not orders[0].size:
        return Lead(0.0, -1.0, 1.0)
    return _redrawn(orders[0] - orders[1])


def _redrawn(gap: Values) -> Lead:
    """Mean of a difference of two orders, redrawing its rows and its columns."""
    same, different = gap.shape
    random = np.random.default_rng(0)
    rows = random.multinomial(same, np.full(same, 1 / same), _RESAMPLES) / same
    columns = random.multinomial(different, np.full(different, 1 / different), _RESAMPLES)
    found = np.sum((rows @ gap) * (columns / different), axis=1)
    low, high = np.quantile(found, (0.025, 0.975))
    return Lead(float(gap.mean()), float(low), float(high))


def _limited(scores: MarkedScores, keys: set[Key]) -> MarkedScores:
    """The scores of some pairs, in the order of their keys."""
    kept = sorted((key, at) for at, key in enumerate(scores.keys) if key in keys)
    places = [at for _, at in kept]
    return MarkedScores(
        scores.question,
        tuple(key for key, _ in kept),
        scores.marks[places],
        scores.values[places],
    )


def ranked(separations: Sequence[Separation]) -> tuple[Separation, ...]:
    """Order methods by their area, the best first; equal ones by fewer errors."""
    return tuple(sorted(separations, key=lambda one: (-one.area, one.false_alarms + one.misses)))


def level_with_best(separations: Sequence[Separation]) -> tuple[Separation, ...]:
    """List the methods behind the best whose lag may be chance; the best not included.

    Parameters
    ----------
    separations : sequence of Separation
        As `ranked` orders them.
    """
    best, *others = separations
    return tuple(other for other in others if not lead(best.scores, other.scores).is_certain)


# ── All methods together ───────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False)
class Combination:
    """A weighted sum of methods, judged on pairs whose pictures it never saw.

    Parameters
    ----------
    area, area_low, area_high : float
        As of a `Separation`.
    lead : Lead
        Over the best single method.
    weights : tuple of (Question, float)
        Share of each method in the decision, 0 to 1, the heaviest first.
    """

    area: float
    area_low: float
    area_high: float
    lead: Lead
    weights: tuple[tuple[Question, float], ...]

    @property
    def is_better(self) -> bool:
        """Whether it truly does better than the best single method."""
        return self.lead.is_certain


def combination(separations: Sequence[Separation]) -> Combination | None:
    """Weigh all methods together by regularised logistic regression.

    Each pair is judged by a model that saw neither of its pictures: pictures are dealt
    into groups, those marked same into one, and the model for a pair leaves out every
    pair that touches the groups of its two pictures.

    Parameters
    ----------
    separations : sequence of Separation
        As `ranked` orders them.

    Returns
    -------
    Combination or None
        None with fewer than twelve pairs of either sort, or fewer than two methods that
        answered them all.
    """
    every = max((one.scores.keys for one in separations), key=len, default=())
    # The very same pairs and not only as many: their scores stand in one table, row by row
    whole = [one.scores for one in separations if one.scores.keys == every]
    if len(whole) < 2:
        return None
    best, marks = whole[0], whole[0].marks
    if min(int(marks.sum()), int((~marks).sum())) < _FEWEST_TO_COMBINE:
        return None
    features = np.stack([_feature(scores) for scores in whole], axis=1)
    judged = _judged_unseen(features, marks, _folds(best.keys, marks))
    if judged is None:
        return None
    order = _order(judged, marks)
    area = float(order.mean())
    low, high = area_interval(area, int(marks.sum()), int((~marks).sum()))
    weights = np.abs(_model().fit(features, marks)[-1].coef_[0])
    shares = weights / max(float(weights.sum()), 1e-12)
    by_weight = sorted(
        zip((scores.question for scores in whole), shares.tolist(), strict=True),
        key=lambda item: -item[1],
    )
    gain = _redrawn(order - _order(best.places, marks))
    return Combination(area, low, high, gain, tuple(by_weight))


def _feature(scores: MarkedScores) -> Values:
    """Place on the drawn axis, 0 to 1: finite for every score."""
    low, high = scores.scale.axis
    return np.asarray(np.clip((scores.values - low) / (high - low), 0, 1), float)


def _model() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # Many methods and few pairs: held back strongly, both sorts weighing the same
    logistic = LogisticRegression(C=0.3, class_weight="balanced", max_iter=2_000)
    return make_pipeline(StandardScaler(), logistic)


def _folds(keys: Sequence[Key], marks: Marks) -> list[tuple[int, int]]:
    """Deal pictures into folds, those marked same into one; the folds of each pair."""
    leader = {picture: picture for key in keys for picture in key}

    def find(picture: str) -> str:
        while leader[picture] != picture:
            picture = leader[picture]
        return picture

    for key, same in zip(keys, marks, strict=True):
        if same:
            leader[find(key[0])] = find(key[1])
    members = Counter(find(picture) for picture in leader)
    sizes = [0] * _FOLDS
    fold: dict[str, int] = {}
    for first, count in members.most_common():
        fold[first] = int(np.argmin(sizes))
        sizes[fold[first]] += count
    return [(fold[find(a)], fold[find(b)]) for a, b in keys]


def _judged_unseen(
    features: Values, marks: Marks, folds: Sequence[tuple[int, int]]
) -> Values | None:
    """Judge each pair by a model of the pairs that share no fold with it; None if too few."""
    of_pair = np.array(folds)
    judged = np.empty(len(marks))
    for ends in {(min(pair), max(pair)) for pair in folds}:
        mine = (of_pair.min(axis=1) == ends[0]) & (of_pair.max(axis=1) == ends[1])
        unseen = ~np.isin(of_pair, ends).any(axis=1)
        counts = np.bincount(marks[unseen].astype(int), minlength=2)
        if counts.min() < FEWEST:
            return None
        model = _model().fit(features[unseen], marks[unseen])
        judged[mine] = model.decision_function(features[mine])
    return judged
