"""How methods part marked pairs: areas, intervals, lines, leads, all methods together.

References: scikit-learn 1.9.1 (areas), SciPy (Wilson's interval), both 2026-11-22.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from imgsim_core.calibration import line_for, roc
from imgsim_core.comparison import Question
from imgsim_core.labelled import Pair
from imgsim_core.registry import method_by_id
from imgsim_core.separation import (
    SETTLED,
    MarkedScores,
    area_interval,
    best_line,
    combination,
    lead,
    level_with_best,
    marked_scores,
    pairs_to_settle,
    ranked,
    separation,
    share_interval,
)


def question(method_id: str) -> Question:
    method = method_by_id(method_id)
    return Question(method, method.options())


def scored(method_id: str, same, different, groups: int = 0) -> MarkedScores:
    """Scores under made-up keys; pairs marked same share no picture with one another."""
    keys = [(f"s{i}a", f"s{i}b") for i in range(len(same))]
    keys += [(f"s{i}a", f"s{(i + 7) % max(1, len(same))}b") for i in range(len(different))]
    return MarkedScores(
        question(method_id),
        tuple(keys),
        np.repeat([True, False], [len(same), len(different)]),
        np.array([*same, *different], float),
    )


def drawn(seed: int, count: int = 40, gap: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    low, high = random.normal(0, 1, (2, count))
    return 0.5 + 0.1 * (high + gap), 0.5 + 0.1 * low


# ── Areas ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(5))
def test_the_area_is_scikit_learn_s(seed):
    same, different = (np.round(values, 2) for values in drawn(seed))  # with level pairs
    found = separation(scored("ssim", same, different), 0.05)
    marks = np.repeat([1, 0], [len(same), len(different)])
    assert found.area == pytest.approx(roc_auc_score(marks, np.concatenate([same, different])))


def test_the_area_turns_with_the_scale():
    same, different = drawn(1)
    up = separation(scored("ssim", same, different), None)
    down = separation(scored("mse", 1000 * (1 - same), 1000 * (1 - different)), None)
    assert down.area == pytest.approx(up.area)
    assert (down.false_alarms, down.misses) == (up.false_alarms, up.misses)


def test_infinite_scores_stand_above_all_others():
    found = separation(scored("psnr", [math.inf] * 5, [20.0, 25, 30, 35, 40]), 0.05)
    assert found.area == 1
    assert 40 < found.line <= 60
    assert (found.false_alarms, found.misses) == (0, 0)


def test_too_few_pairs_are_not_judged():
    assert separation(scored("ssim", [0.9] * 4, [0.1] * 40), None) is None


@pytest.mark.parametrize("area", [0.6, 0.8, 0.95])
def test_the_interval_holds_the_true_area(area):
    """Of 200 sets of 25 + 25 pairs, about 95 in 100 intervals hold the area they came from."""
    random = np.random.default_rng(0)
    shift = math.sqrt(2) * _normal_quantile(area)
    held = 0
    for _ in range(200):
        same, different = random.normal(shift, 1, 25), random.normal(0, 1, 25)
        found = roc_auc_score(np.repeat([1, 0], 25), np.concatenate([same, different]))
        low, high = area_interval(found, 25, 25)
        held += low <= area <= high
    assert 180 <= held <= 200


def _normal_quantile(share: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf(share))


def test_the_interval_is_about_that_of_redrawn_pairs():
    same, different = drawn(3, 60)
    curve = roc(same, different, method_by_id("ssim").scale)
    low, high = area_interval(curve.area, 60, 60)
    assert low == pytest.approx(curve.area_low, abs=0.03)
    assert high == pytest.approx(curve.area_high, abs=0.03)


def test_no_mistake_yet_is_no_certainty():
    low, high = area_interval(1.0, 10, 10)
    assert high == 1
    assert 0.7 < low < 0.9
    assert area_interval(0.0, 10, 10)[0] == 0


@pytest.mark.parametrize(("count", "total"), [(0, 10), (3, 17), (50, 50), (1, 200)])
def test_the_interval_of_a_share_is_scipy_s(count, total):
    reference = binomtest(count, total).proportion_ci(method="wilson")
    assert share_interval(count, total) == pytest.approx((reference.low, reference.high))


@pytest.mark.parametrize("area", [0.55, 0.8, 0.97, 1.0])
def test_the_pairs_said_to_settle_an_area_do(area):
    more = pairs_to_settle(area, 10, 20)
    factor = (30 + more) / 30
    low, high = area_interval(area, math.ceil(10 * factor), math.ceil(20 * factor))
    assert max(area - low, high - area) <= SETTLED * 1.02
    assert more > 0
    assert pairs_to_settle(area, 3000, 3000) == 0


# ── Lines ──────────────────────────────────────────────────────────────────────────


def errors(scores: MarkedScores, line: float) -> tuple[float, float]:
    alike = np.array([scores.scale.is_alike(value, line) for value in scores.values])
    return float(alike[~scores.marks].mean()), float((~alike[scores.marks]).mean())


@pytest.mark.parametrize("method", ["ssim", "mse", "phash"])
@pytest.mark.parametrize("wanted", [None, 0.1, 0.05, 0.01])
@pytest.mark.parametrize("seed", range(4))
def test_no_other_line_does_better(method, wanted, seed):
    same, different = drawn(seed)
    if method == "mse":
        same, different = 5000 * (1 - same), 5000 * (1 - different)
    if method == "phash":
        same, different = np.round(64 * (1 - same)), np.round(64 * (1 - different))
    scores = scored(method, same, different)
    false, missed = errors(scores, best_line(scores, wanted))
    others = [errors(scores, value) for value in scores.values]
    if wanted is None:
        assert abs(false - missed) == pytest.approx(min(abs(f - m) for f, m in others))
    else:
        assert false <= wanted
        assert missed == pytest.approx(min((m for f, m in others if f <= wanted), default=1))


def test_the_line_is_that_of_the_calibration_but_with_few_digits():
    same, different = drawn(5)
    reference = line_for(same, different, method_by_id("ssim").scale, 0.05)
    scores = scored("ssim", same, different)
    line = best_line(scores, 0.05)
    assert errors(scores, line) == (reference.false_alarms, pytest.approx(1 - reference.hits))
    assert line == pytest.approx(reference.line, abs=0.01)
    assert len(f"{line:g}") <= 6


def test_a_line_stays_on_the_slider():
    scores = scored("histogram", [0.0] * 5, [200.0] * 5)
    low, high = sorted(scores.scale.axis)
    assert low <= best_line(scores, 0.05) <= high


@pytest.mark.parametrize("method", ["ssim", "mse", "psnr"])
def test_where_nothing_parts_them_the_line_is_at_the_strict_end(method):
    scale = method_by_id(method).scale
    line = best_line(scored(method, [scale.axis[0]] * 6, [scale.axis[1]] * 6), 0.05)
    assert min(scale.axis) <= line <= max(scale.axis)


def test_mistakes_are_listed_worst_first():
    scores = scored("ssim", [0.9, 0.8, 0.7, 0.2, 0.3], [0.1, 0.12, 0.15, 0.17, 0.18])
    found = separation(scores, 0.01)
    assert found.mistakes == ()
    worse = separation(
        scored("ssim", [0.9, 0.8, 0.7, 0.2, 0.3], [0.1, 0.12, 0.15, 0.17, 0.4]), 0.01
    )
    assert worse.mistakes == (3, 4)


# ── Leads ──────────────────────────────────────────────────────────────────────────


def test_a_clear_lead_is_certain_and_a_tie_is_not():
    good, poor = drawn(0, 60, 3.0), drawn(1, 60, 0.3)
    first, second = scored("ssim", *good), scored("ms-ssim", *poor)
    found = lead(first, second)
    assert found.is_certain
    assert found.low < found.difference < found.high
    assert lead(first, first).difference == 0
    assert not lead(first, first).is_certain
    assert not lead(second, first).is_certain


def test_methods_are_compared_on_the_pairs_both_answered():
    same, different = drawn(0, 20, 2.0)
    whole = scored("ssim", same, different)
    part = MarkedScores(whole.question, whole.keys[3:], whole.marks[3:], whole.values[3:])
    assert lead(whole, part).difference == pytest.approx(0)


def test_methods_that_answered_no_pair_in_common_cannot_be_compared():
    whole = scored("ssim", *drawn(0, 20, 2.0))
    halves = [
        MarkedScores(whole.question, whole.keys[part], whole.marks[part], whole.values[part])
        for part in (slice(0, 20), slice(20, 40))
    ]
    assert not lead(*halves).is_certain
    assert not lead(*reversed(halves)).is_certain


def test_the_best_comes_first_with_those_that_may_be_as_good():
    sets = {"ssim": drawn(0, 40, 2.0), "ms-ssim": drawn(2, 40, 2.0), "hog": drawn(1, 40, 0.0)}
    found = ranked([separation(scored(name, *ends), None) for name, ends in sets.items()])
    assert found[-1].question.method.id == "hog"
    assert not found[-1].beats_chance
    assert [one.question.method.id for one in level_with_best(found)] in (["ssim"], ["ms-ssim"])


def test_only_marked_and_answered_pairs_count():
    pairs = [Pair("a", "b", True), Pair("c", "d"), Pair("e", "f", False), Pair("g", "h", True)]
    scores = marked_scores(
        question("ssim"), pairs, {("a", "b"): 0.9, ("c", "d"): 0.5, ("e", "f"): None}
    )
    assert scores.keys == (("a", "b"),)


# ── Together ───────────────────────────────────────────────────────────────────────


def together(seed: int, gaps: tuple[float, ...], count: int = 60):
    names = ("ssim", "ms-ssim", "hog", "lbp")
    sets = [drawn(seed + 10 * i, count, gap) for i, gap in enumerate(gaps)]
    return ranked(
        [separation(scored(name, *ends), None) for name, ends in zip(names, sets, strict=False)]
    )


def test_methods_that_see_different_things_are_better_together():
    found = combination(together(0, (1.2, 1.2, 1.2, 1.2)))
    assert found.is_better
    assert found.area > 0.9
    assert found.lead.low > 0
    assert sum(weight for _, weight in found.weights) == pytest.approx(1)


def test_nothing_is_claimed_where_one_method_does_it_all():
    found = combination(together(0, (6.0, 0.0, 0.0)))
    assert not found.is_better


def test_marks_by_chance_are_not_learned():
    """Were a pair judged by a model that saw it, some of these would seem to be parted."""
    areas = [combination(together(seed, (0.0,) * 4, 24)).area for seed in range(8)]
    assert np.mean(areas) < 0.6


def test_few_pairs_or_one_method_are_not_combined():
    assert combination(together(0, (1.0, 1.0), 11)) is None
    assert combination(together(0, (1.0,))) is None
    assert combination(()) is None


def test_methods_that_answered_other_pairs_are_not_combined():
    """As many answers, but not to the same pairs: row by row they belong to nothing."""
    whole = scored("ssim", *drawn(0, 60))
    other = scored("hog", *drawn(10, 60))
    lacks_first = MarkedScores(whole.question, whole.keys[1:], whole.marks[1:], whole.values[1:])
    lacks_last = MarkedScores(other.question, other.keys[:-1], other.marks[:-1], other.values[:-1])
    parts = [separation(scores, None) for scores in (lacks_first, lacks_last)]
    assert combination(ranked(parts)) is None


def test_pairs_that_all_share_one_picture_are_not_combined():
    same, different = drawn(0, 20)
    keys = tuple(("hub", f"p{i}") for i in range(40))
    marks = np.repeat([True, False], 20)
    found = [
        separation(MarkedScores(question(name), keys, marks, np.array([*same, *different])), None)
        for name in ("ssim", "ms-ssim")
    ]
    assert combination(ranked(found)) is None


def test_answers_are_the_same_every_time():
    first, second = (combination(together(3, (1.0, 1.0, 0.5))) for _ in range(2))
    assert (first.area, first.lead) == (second.area, second.lead)
    assert list(itertools.islice(first.weights, 2)) == list(itertools.islice(second.weights, 2))
