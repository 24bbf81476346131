"""What a score means: promises of the reference data that ship, and of how they are made."""

from __future__ import annotations

import json
import math
import threading
from dataclasses import dataclass
from importlib import resources
from itertools import combinations

import numpy as np
import pytest
from cachetools import TTLCache
from scipy.stats import mannwhitneyu, norm, percentileofscore
from sklearn.isotonic import IsotonicRegression

from imgsim_core import calibration
from imgsim_core.calibration import (
    CUTS,
    LEVELS,
    RELATIONS,
    Meaning,
    Relation,
    Strictness,
    background_reference,
    calibrate_on_samples,
    fitted_reference,
    is_calibrating,
    line,
    line_for,
    meaning,
    meaning_by,
    precision_recall,
    presets,
    reference_for,
    roc,
    shipped_references,
    stated_relations,
    stored_form,
    waits_its_turn,
    why_unmeasured,
)
from imgsim_core.comparison import Question, Score
from imgsim_core.errors import ImgSimError, TooFewPairs
from imgsim_core.method import Family, Method, Scale, number
from imgsim_core.registry import all_methods, method_by_id
from imgsim_core.text import Text

SHIPPED = [reference for found in shipped_references().values() for reference in found]
SIMILARITY = Scale(identical=1.0, opposite=-10.0, line=0.0)
DISTANCE = Scale(identical=0.0, opposite=math.inf, line=10.0, shown=(20.0, 0.0))


def reference_id(reference) -> str:
    return f"{reference.method} {reference.preset}"


@dataclass(frozen=True)
class Width:
    width: int = number(8, Text("Width"), Text("Made up."), 1, 64, 1)


def made_up(scale: Scale = SIMILARITY, describe=None, **changes) -> Method:
    """Return a method that compares mean levels."""
    return Method(
        **{
            "id": "made-up",
            "label": Text("Made up"),
            "family": Family.COLOUR,
            "scale": scale,
            "about": Text("Made up."),
            "formula": "",
            "source": "",
            "options": Width,
            "describe": describe or (lambda picture, options: float(picture.rgb.mean())),
            "compare": lambda a, b, options: 1 - abs(a - b) / 255,
            "explain": lambda a, b, options: (),
            **changes,
        }
    )


def question(scale: Scale = SIMILARITY, **changes) -> Question:
    return Question(made_up(scale, **changes), Width())


CENTRES = (0.0, 0.5, 2.0, 4.0)


def normal_scores(count: int, seed: int = 0) -> dict[Relation, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        relation: random.normal(centre, 1, count)
        for relation, centre in zip(RELATIONS, CENTRES, strict=True)
    }


@pytest.fixture(scope="module")
def normal_reference():
    return fitted_reference(question(), "default", normal_scores(4000), Text("Made up."))


# ── What ships ─────────────────────────────────────────────────────────────────────


def test_the_file_that_ships_is_small_and_says_what_it_rests_on():
    file = resources.files("imgsim_core").joinpath("calibration.json")
    assert len(file.read_bytes()) < 150_000
    stored = json.loads(file.read_text("utf-8"), parse_constant=pytest.fail)
    assert {"date", "seed", "half", "libraries", "same-scene"} <= set(stored["provenance"])


def test_every_method_that_works_out_of_the_box_was_measured_with_every_preset():
    missing = [
        (method.id, preset)
        for method in all_methods()
        if method.availability() is None and method.scale.line != method.scale.identical
        for preset, options in presets(method).items()
        if reference_for(Question(method, options)) is None
    ]
    assert not missing


def test_what_was_measured_is_still_what_can_be_asked():
    for reference in SHIPPED:
        method = method_by_id(reference.method)
        options = presets(method)[reference.preset]
        assert method.options_from(reference.options) == options
        assert reference_for(Question(method, options)) is reference


@pytest.mark.parametrize("reference", SHIPPED, ids=reference_id)
def test_nearer_scores_never_make_a_nearer_relation_less_likely(reference):
    assert (np.diff(reference.sign * reference.knots) > 0).all()
    assert (np.diff(reference.cuts, axis=1) >= 0).all()
    assert (np.diff(reference.cuts, axis=0) <= 0).all()
    assert reference.cuts.min() > 0
    assert reference.cuts.max() < 1


@pytest.mark.parametrize("reference", SHIPPED, ids=reference_id)
def test_every_score_has_a_meaning_even_beyond_the_data(reference):
    found = np.concatenate([*reference.quantiles.values(), [np.inf, -np.inf, 0.0, 1.0]])
    for value in found:
        told = meaning_by(reference, float(value))
        assert math.isclose(sum(told.likelihoods.values()), 1, abs_tol=1e-9)
        assert min(told.likelihoods.values()) >= 0
        assert 0 <= told.beyond_unrelated < 1
        assert 0 <= told.beyond_copies < 1
        assert sum(told.likelihoods[each] for each in told.stated) >= reference.level - 1e-9


@pytest.mark.parametrize("reference", SHIPPED, ids=reference_id)
def test_a_stricter_line_lets_less_pass(reference):
    method = method_by_id(reference.method)
    scale = method.scale_with(method.options_from(reference.options))
    loose, normal, strict = (reference.lines[strictness] for strictness in Strictness)
    assert scale.is_alike(strict, normal)
    assert scale.is_alike(normal, loose)
    assert strict in scale


@pytest.mark.parametrize("reference", SHIPPED, ids=reference_id)
def test_one_in_a_hundred_unrelated_pairs_reaches_the_normal_line(reference):
    line = reference.lines[Strictness.NORMAL]
    assert reference.beyond(Relation.UNRELATED, line) >= 0.985


def test_a_shipped_reference_survives_being_stored():
    for reference in SHIPPED[:3]:
        again = json.loads(json.dumps(stored_form(reference)))
        assert again["knots"] == list(reference.knots)
        assert again["counts"] == list(reference.counts.values())


# ── Meaning ────────────────────────────────────────────────────────────────────────


def told(method_id: str, value: float) -> Meaning:
    method = method_by_id(method_id)
    found = meaning(Score(Question(method, method.options()), value, 0.0))
    assert found is not None
    return found


def test_a_fingerprint_without_a_differing_bit_is_a_copy():
    found = told("phash", 0)
    assert found.stated == (Relation.COPY,)
    assert found.certain
    assert str(found.verdict) == "Most likely an edited copy."
    assert found.beyond_unrelated > 0.999


def test_structure_cannot_tell_the_same_kind_from_unrelated_and_says_so():
    found = told("ssim", 0.15)
    assert {Relation.UNRELATED, Relation.SAME_KIND} <= set(found.stated)
    assert not found.certain
    assert "cannot tell" in str(found.verdict).lower()


def test_a_method_never_measured_has_no_meaning_and_keeps_its_own_line():
    never = question()
    assert meaning(Score(never, 0.5, 0.0)) is None
    assert line(never, Strictness.STRICT) == SIMILARITY.line


def test_options_never_measured_have_no_meaning():
    method = method_by_id("phash")
    assert reference_for(Question(method, method.options_from({"side": 16}))) is None


def test_strictness_moves_the_line():
    method = method_by_id("phash")
    asked = Question(method, method.options())
    loose, normal, strict = (line(asked, strictness) for strictness in Strictness)
    assert loose >= normal > strict
    assert [strictness.rate for strictness in Strictness] == [0.05, 0.01, 0.001]


def test_every_set_of_relations_has_words():
    sets = [set(some) for size in range(1, 5) for some in combinations(RELATIONS, size)]
    assert set(calibration._VERDICTS) == {frozenset(some) for some in sets}
    assert len({str(verdict) for verdict in calibration._VERDICTS.values()}) == 15


def test_relations_are_stated_by_falling_likelihood_until_the_level():
    likelihoods = dict(zip(RELATIONS, (0.1, 0.25, 0.6, 0.05), strict=True))
    assert stated_relations(likelihoods, 0.5) == (Relation.SAME_SCENE,)
    assert stated_relations(likelihoods, 0.7) == (Relation.SAME_KIND, Relation.SAME_SCENE)
    assert stated_relations(likelihoods, 0.96) == RELATIONS


# ── Fitting ────────────────────────────────────────────────────────────────────────


def test_likelihoods_agree_with_the_truth_of_known_distributions(normal_reference):
    for value in np.linspace(-1, 5, 25):
        densities = norm.pdf(value, CENTRES)
        expected = densities / densities.sum()
        found = list(normal_reference.likelihoods(value).values())
        assert np.abs(found - expected).max() < 0.08
        assert np.abs(found - expected).mean() < 0.035


def test_cuts_agree_with_isotonic_regression_of_scikit_learn(normal_reference):
    scores = normal_scores(4000)
    places = np.concatenate(list(scores.values()))
    for index in range(len(CUTS)):
        truth = np.repeat(np.arange(4) > index, 4000)
        peer = IsotonicRegression(y_min=0, y_max=1).fit(places, truth)
        grid = np.linspace(-1.5, 5.5, 60)
        found = np.interp(grid, normal_reference.knots, normal_reference.cuts[index])
        assert np.abs(found - peer.predict(grid)).max() < 0.07
        assert np.abs(found - peer.predict(grid)).mean() < 0.015


def test_the_stated_set_holds_the_truth_in_nine_of_ten_new_pairs(normal_reference):
    covered = [
        relation in meaning_by(normal_reference, value).stated
        for relation, values in normal_scores(1000, seed=1).items()
        for value in values
    ]
    assert 0.90 <= np.mean(covered) <= 0.97


def test_percentiles_agree_with_scipy(normal_reference):
    scores = normal_scores(4000)
    for value in np.linspace(-2, 3, 21):
        expected = percentileofscore(scores[Relation.UNRELATED], value, "strict") / 100
        assert abs(normal_reference.beyond(Relation.UNRELATED, value) - expected) < 0.006


def test_no_count_of_pairs_proves_certainty(normal_reference):
    assert normal_reference.beyond(Relation.UNRELATED, 100.0) == 1 - 1 / 4002
    assert normal_reference.beyond(Relation.COPY, -100.0) == 0
    for value in (-100.0, 100.0, math.inf, -math.inf):
        assert min(normal_reference.likelihoods(value).values()) > 0
    edge = float(normal_reference.knots[-1])
    assert normal_reference.likelihoods(edge) == normal_reference.likelihoods(edge + 50)


def test_a_distance_is_read_the_other_way_round(normal_reference):
    mirrored = {relation: 6 - values for relation, values in normal_scores(4000).items()}
    distances = fitted_reference(question(DISTANCE), "default", mirrored, Text("Made up."))
    for value in (-1.0, 0.7, 2.5, 5.0):
        expected = normal_reference.likelihoods(value)
        found = distances.likelihoods(6 - value)
        assert all(abs(found[each] - expected[each]) < 1e-9 for each in RELATIONS)


@pytest.mark.parametrize("strictness", Strictness)
@pytest.mark.parametrize("scale", [SIMILARITY, DISTANCE], ids=["similarity", "distance"])
def test_a_line_lets_no_more_unrelated_pairs_pass_than_it_says(strictness, scale):
    scores = normal_scores(3000)
    if scale is DISTANCE:
        scores = {relation: np.rint(8 - values) for relation, values in scores.items()}
    found = fitted_reference(question(scale), "default", scores, Text("Made up."))
    passing = [
        scale.is_alike(value, found.lines[strictness]) for value in scores[Relation.UNRELATED]
    ]
    assert np.mean(passing) <= strictness.rate


def test_where_no_pair_lies_between_the_usual_line_is_kept():
    scores = {relation: [0.0] * 20 + [5.0] * 20 for relation in RELATIONS}
    scores[Relation.UNRELATED] = [0.0] * 40
    scale = Scale(identical=math.inf, opposite=0.0, line=1.0, shown=(0.0, 10.0))
    found = fitted_reference(question(scale), "default", scores, Text("Made up."))
    assert set(found.lines.values()) == {1.0}


def test_anything_found_is_another_matter_than_nothing_found():
    random = np.random.default_rng(0)
    scores = {relation: np.zeros(200) for relation in RELATIONS}
    scores[Relation.SAME_SCENE] = random.uniform(0.1, 0.6, 200)
    scores[Relation.COPY] = random.uniform(0.3, 0.9, 200)
    found = fitted_reference(question(), "default", scores, Text("Made up."))
    nothing, something = (meaning_by(found, value) for value in (0.0, 0.02))
    assert nothing.stated == (Relation.UNRELATED, Relation.SAME_KIND)
    assert something.stated == (Relation.SAME_SCENE,)


def test_scores_that_are_mostly_equal_or_infinite_can_be_fitted():
    scores = {relation: [0.0] * 40 for relation in RELATIONS}
    scores[Relation.COPY] = [math.inf] * 30 + [0.0] * 10
    scores[Relation.SAME_SCENE] = [5.0] * 20 + [0.0] * 20
    scale = Scale(identical=math.inf, opposite=0.0, line=7.0, shown=(0.0, 10.0))
    found = fitted_reference(question(scale), "default", scores, Text("Made up."))
    assert meaning_by(found, math.inf).likelihoods[Relation.COPY] > 0.5
    assert meaning_by(found, 0.0).likelihoods[Relation.COPY] < 0.2
    assert found.lines[Strictness.NORMAL] == 5.0


def test_all_scores_equal_means_cannot_tell():
    scores = {relation: [0.0] * 10 for relation in RELATIONS}
    found = meaning_by(fitted_reference(question(), "x", scores, Text("Made up.")), 0.0)
    assert found.stated == RELATIONS
    assert not found.certain


def test_a_relation_without_pairs_is_refused_in_a_sentence():
    scores = {relation: [0.0, 1.0] for relation in RELATIONS}
    scores[Relation.SAME_KIND] = []
    with pytest.raises(TooFewPairs, match="0 pairs of one sort are too few"):
        fitted_reference(question(), "default", scores, Text("Made up."))


def test_levels_are_the_hundredths_and_the_tails():
    assert set(np.arange(101) / 100) <= set(LEVELS)
    assert {0.001, 0.999} <= set(LEVELS)


# ── On the built-in pictures ───────────────────────────────────────────────────────


def test_a_method_is_calibrated_on_the_built_in_pictures_coarsely():
    method = method_by_id("phash")
    found = calibrate_on_samples(method, method.options_from({"side": 16}))
    assert found.coarse
    assert "rough guide" in str(found.provenance)
    assert min(found.counts.values()) >= 20
    assert meaning_by(found, 2).likeliest is Relation.COPY
    assert meaning_by(found, 128).likeliest in (Relation.UNRELATED, Relation.SAME_KIND)


@pytest.fixture
def forgetting(monkeypatch):
    monkeypatch.setattr(calibration, "_calibrated_here", {})
    monkeypatch.setattr(calibration, "_under_way", set())
    monkeypatch.setattr(calibration, "_failed", {})


@pytest.mark.usefixtures("forgetting")
def test_a_visitor_who_tries_every_option_begins_few_calibrations_at_a_time(monkeypatch):
    begun: list[object] = []
    monkeypatch.setattr(calibration, "in_background", lambda work, name: begun.append(work))
    asked = [question(id=f"method-{number}") for number in range(9)]
    for one in asked:
        assert background_reference(one) is None
    assert len(begun) == 4
    assert [is_calibrating(one) for one in asked] == [True] * 4 + [False] * 5


@pytest.mark.usefixtures("forgetting")
def test_a_reference_is_made_once_in_the_background():
    held, done = threading.Event(), threading.Event()
    described: list[str] = []

    def describe(picture, options):
        held.wait(10)
        described.append(picture.digest)
        return float(picture.rgb.mean())

    asked = question(describe=describe)
    finished: list[None] = []

    def finish():
        finished.append(None)
        done.set()

    callers = [
        threading.Thread(target=background_reference, args=(asked, finish)) for _ in range(8)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert background_reference(asked) is None
    assert is_calibrating(asked)
    held.set()
    assert done.wait(30)
    assert len(finished) == 1
    assert len(described) == len(set(described))
    assert not is_calibrating(asked)
    found = background_reference(asked)
    assert found is not None
    assert found is reference_for(asked)
    assert meaning(Score(asked, 1.0, 0.0)).coarse


@pytest.mark.usefixtures("forgetting")
def test_a_method_without_its_model_is_not_calibrated():
    asked = question(availability=lambda: Text("Its model is not here."))
    assert background_reference(asked) is None
    assert not is_calibrating(asked)
    with pytest.raises(ImgSimError, match="not here"):
        calibrate_on_samples(asked.method, asked.options)


class Clock:
    """A time that goes on when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def calibrations_are_over() -> None:
    for thread in threading.enumerate():
        if thread.name == "calibration":
            thread.join(30)


@pytest.mark.usefixtures("forgetting")
def test_a_reference_that_could_not_be_made_is_tried_again_after_some_minutes(monkeypatch):
    clock, begun = Clock(), []
    monkeypatch.setattr(calibration, "_failed", TTLCache(2, 300.0, clock))

    def calibrate(method, options):
        begun.append(method)
        raise ImgSimError(Text("Gone."))

    monkeypatch.setattr(calibration, "calibrate_on_samples", calibrate)
    asked = question()
    for minutes, times in ((0, 1), (4, 1), (6, 2)):
        clock.now = 60.0 * minutes
        assert background_reference(asked) is None
        calibrations_are_over()
        assert not is_calibrating(asked)
        assert why_unmeasured(asked) == Text("Gone.")
        assert len(begun) == times


@pytest.mark.usefixtures("forgetting")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_ours_is_loud_and_not_begun_again_at_once():
    begun = []

    def describe(picture, options):
        begun.append(picture)
        raise ZeroDivisionError

    asked = question(describe=describe)
    for _ in range(3):
        assert background_reference(asked) is None
        calibrations_are_over()
    assert "on our side" in str(why_unmeasured(asked))
    assert len(begun) == 1


@pytest.mark.usefixtures("forgetting")
def test_one_is_measured_and_the_others_wait_their_turn():
    held, first = threading.Event(), threading.Event()

    def describe(picture, options):
        first.set()
        held.wait(10)
        raise ImgSimError(Text("Gone."))

    asked = [question(id=f"method-{number}", describe=describe) for number in range(6)]
    assert background_reference(asked[0]) is None
    assert first.wait(10)
    for one in asked:
        assert background_reference(one) is None
    assert [waits_its_turn(one) for one in asked] == [False] + [True] * 5
    assert [why_unmeasured(one) for one in asked] == [None] * 6
    held.set()
    calibrations_are_over()
    assert not any(waits_its_turn(one) for one in asked)


# ── Lines from labelled pairs ──────────────────────────────────────────────────────

SAME = tuple(np.random.default_rng(1).normal(2, 1, 60))
DIFFERENT = tuple(np.random.default_rng(2).normal(0, 1, 80))


def test_the_area_is_the_share_of_pairs_in_the_right_order():
    expected = mannwhitneyu(SAME, DIFFERENT).statistic / (len(SAME) * len(DIFFERENT))
    found = roc(SAME, DIFFERENT, SIMILARITY)
    assert math.isclose(found.area, expected)
    assert found.area_low < found.area < found.area_high
    assert (found.band_low <= found.band_high).all()


def test_a_distance_parts_the_other_way_round():
    upright = roc(SAME, DIFFERENT, SIMILARITY)
    turned = roc([6 - v for v in SAME], [6 - v for v in DIFFERENT], DISTANCE)
    assert math.isclose(upright.area, turned.area)
    assert np.allclose(turned.thresholds[1:], 6 - upright.thresholds[1:])


def test_bands_are_the_same_every_time():
    first, second = (roc(SAME, DIFFERENT, SIMILARITY) for _ in range(2))
    assert (first.area_low, first.area_high) == (second.area_low, second.area_high)


def test_pairs_fully_parted_have_area_one_even_at_infinite_scores():
    found = roc([math.inf] * 5, [1.0, 2.0, 3.0, 4.0, -math.inf], SIMILARITY)
    assert found.area == 1
    assert precision_recall([math.inf] * 5, [1.0] * 5, SIMILARITY).average_precision == 1


def test_precision_and_recall_at_a_threshold_are_what_they_say():
    found = precision_recall(SAME, DIFFERENT, SIMILARITY)
    at = len(found.thresholds) // 2
    same = np.sum(np.array(SAME) >= found.thresholds[at])
    different = np.sum(np.array(DIFFERENT) >= found.thresholds[at])
    assert math.isclose(found.recalls[at], same / len(SAME))
    assert math.isclose(found.precisions[at], same / (same + different))
    assert found.average_low <= found.average_precision <= found.average_high


@pytest.mark.parametrize("wanted", [0.001, 0.05, 0.2])
@pytest.mark.parametrize("turned", [False, True])
def test_a_proposed_line_keeps_to_the_wanted_false_alarms(wanted, turned):
    scale = DISTANCE if turned else SIMILARITY
    same = [6 - v for v in SAME] if turned else SAME
    different = [6 - v for v in DIFFERENT] if turned else DIFFERENT
    found = line_for(same, different, scale, wanted)
    passing = np.mean([scale.is_alike(value, found.line) for value in different])
    hits = np.mean([scale.is_alike(value, found.line) for value in same])
    assert math.isclose(passing, found.false_alarms)
    assert math.isclose(hits, found.hits)
    assert found.false_alarms <= wanted


def test_how_many_more_pairs_would_settle_it():
    # The rule of three: 59 pairs without a false alarm show at most 5 %
    assert line_for(SAME, DIFFERENT[:50], SIMILARITY, 0.05).more_different == 9
    assert line_for(SAME, DIFFERENT, SIMILARITY, 0.05).more_different == 0


@pytest.mark.parametrize("draw", [roc, precision_recall, line_for])
def test_too_few_labelled_pairs_are_refused_in_a_sentence(draw):
    with pytest.raises(TooFewPairs, match="4 pairs of one sort"):
        draw(SAME, DIFFERENT[:4], SIMILARITY)
