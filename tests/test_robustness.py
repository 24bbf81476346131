"""Robustness: curves agree with single comparisons, break where they cross, cost what they must."""

import csv
import io
import json
import math
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest

from imgsim_core.comparison import Question, Score, Unavailable, ask
from imgsim_core.distort import all_damages, damage_by_id
from imgsim_core.memory import Memory
from imgsim_core.method import Family, NoOptions, Scale
from imgsim_core.picture import Picture
from imgsim_core.registry import all_methods, method_by_id
from imgsim_core.robustness import (
    CSV_COLUMNS,
    LONG_SIDE,
    Applied,
    Curve,
    combined,
    curve,
    curves,
    curves_as_csv,
    curves_as_json,
    height,
    rounded_strength,
    strengths_of,
    working_copy,
)
from imgsim_core.samples import all_samples, open_sample
from imgsim_core.text import Text, UserText
from tests.pictures import noise, photograph

CLASSIC = [method for method in all_methods() if method.family is not Family.SEMANTICS]
JPEG, BLUR, TURN = (damage_by_id(code) for code in ("jpeg", "blur", "turn"))
every_damage = pytest.mark.parametrize("damage", all_damages(), ids=lambda damage: damage.id)


def question(method_id: str) -> Question:
    method = method_by_id(method_id)
    return Question(method, method.options())


def curve_of(scale: Scale, *points: tuple[float, float]) -> Curve:
    """Build a curve on a scale from (strength, score)."""
    method = replace(method_by_id("mse"), scale=scale, options=NoOptions, scale_by_options=None)
    strengths, scores = zip(*points, strict=True)
    return Curve(Question(method, NoOptions()), strengths, scores)


@pytest.fixture(scope="module")
def cat() -> Picture:
    return photograph("chelsea", 250)


# ── Strengths and copies ───────────────────────────────────────────────────────────


@every_damage
def test_strengths_run_from_nothing_to_all_in_the_damage_s_own_steps(damage):
    strengths = strengths_of(damage)
    assert strengths[0] == damage.low
    assert strengths[-1] == damage.high
    assert list(strengths) == sorted(set(strengths))
    for strength in strengths:
        steps = (strength - damage.low) / damage.step
        assert steps == pytest.approx(round(steps))
        assert strength == rounded_strength(damage, strength) or strength == damage.low


def test_more_steps_are_closer_together_at_both_ends():
    gaps = np.diff(strengths_of(TURN))
    assert len(strengths_of(TURN, 5)) == 5
    assert gaps[0] < gaps[len(gaps) // 2] > gaps[-1]


def test_a_breaking_point_is_never_rounded_down_to_nothing():
    assert rounded_strength(TURN, 0.1) == 1
    assert rounded_strength(damage_by_id("gamma"), 0.31) == 0.3
    assert rounded_strength(JPEG, 94.9) == 95


def test_no_strength_leaves_the_picture_itself(cat):
    assert combined(cat, [Applied(JPEG, 0), Applied(BLUR, 0)]) is cat
    assert combined(cat, []) is cat


def test_damages_happen_one_after_the_other(cat):
    both = combined(cat, [Applied(TURN, 20), Applied(JPEG, 80)])
    assert np.array_equal(both.rgb, JPEG(TURN(cat.rgb, 20), 80))
    assert not both.rgb.flags.writeable
    other_way = combined(cat, [Applied(JPEG, 80), Applied(TURN, 20)])
    assert not np.array_equal(both.rgb, other_way.rgb)
    assert both.digest != other_way.digest


def test_a_copy_is_known_by_what_was_done_to_what(cat):
    digests = [
        combined(picture, [Applied(damage, strength)]).digest
        for picture in (cat, noise(64, 64))
        for damage in (JPEG, BLUR)
        for strength in (4, 5)
    ]
    assert len(set(digests)) == len(digests)
    again = combined(cat, [Applied(JPEG, 4), Applied(BLUR, 0)])
    assert again.digest == digests[0]
    assert len(again.digest) == 64


@pytest.mark.parametrize("shape", [(700, 3000), (3000, 700), (1, 5000), (2000, 2000)])
def test_the_picture_is_worked_on_at_a_bounded_size(shape):
    small = working_copy(noise(*shape))
    assert max(small.width, small.height) == LONG_SIDE
    assert min(small.width, small.height) >= 1


def test_a_small_picture_is_worked_on_as_it_is(cat):
    assert working_copy(cat) is cat


def test_a_working_copy_is_flat_like_the_damaged_ones():
    horse = open_sample("horse")
    assert horse.mask is not None
    assert working_copy(horse).mask is None
    assert np.array_equal(working_copy(horse, 5000).rgb, horse.rgb)


# ── Curves ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", CLASSIC, ids=lambda method: method.id)
def test_every_curve_starts_identical_and_stays_on_its_scale(method, cat):
    asked = Question(method, method.options())
    found = curve(asked, cat, BLUR, (0, 2, 12))
    assert isinstance(found, Curve)
    assert found.strengths == (0, 2, 12)
    assert found.scores[0] == found.scale.identical
    assert all(score in found.scale for score in found.scores)
    assert all(0 <= place <= 1 for place in found.heights(found.scale.line))


def test_scores_are_those_of_single_comparisons(cat):
    also = (Applied(TURN, 10),)
    asked = [question(code) for code in ("histogram", "ssim", "phash")]
    found = curves(asked, cat, JPEG, (50, 0, 90), also=also)
    for one in found:
        assert isinstance(one, Curve)
        assert one.strengths == (0, 50, 90)
        for strength in one.strengths:
            copy = combined(cat, [Applied(JPEG, strength), *also])
            expected = ask(one.question, cat, copy)
            assert isinstance(expected, Score)
            assert one.value_at(strength) == expected.value
    assert found[1].scores[0] < 1  # it is turned even where JPEG does nothing


def test_strengths_beyond_the_damage_are_clipped(cat):
    found = curve(question("psnr"), cat, JPEG, (-5, 1000))
    assert isinstance(found, Curve)
    assert found.strengths == (0, 95)


def test_a_value_between_the_strengths_is_not_guessed(cat):
    found = curve(question("psnr"), cat, JPEG, (0, 90))
    assert isinstance(found, Curve)
    with pytest.raises(ValueError, match="not in tuple"):
        found.value_at(45)


@dataclass
class Counted:
    """What a counting method and a counting damage were asked to do."""

    described: list[str]
    damaged: list[float]


@pytest.fixture
def counted():
    return Counted([], [])


@pytest.fixture
def counting_methods(counted):
    def counting(method_id: str):
        method = method_by_id(method_id)

        def describe(picture, options):
            counted.described.append(f"{method.id} {picture.digest}")
            return method.describe(picture, options)

        return Question(replace(method, describe=describe), method.options())

    return [counting("histogram"), counting("phash"), counting("ssim")]


@pytest.fixture
def counting_damage(counted):
    def apply(rgb, strength):
        counted.damaged.append(strength)
        return BLUR.apply(rgb, strength)

    return replace(BLUR, apply=apply)


def test_nothing_is_done_twice(counting_methods, counting_damage, counted, cat):
    memory = Memory(10**8)
    strengths = (0, 1, 2, 3)
    first = curves(counting_methods, cat, counting_damage, strengths, memory=memory)
    assert sorted(counted.damaged) == [1, 2, 3]  # shared by all three methods
    assert len(counted.described) == len(set(counted.described)) == 3 * 4

    again = curves(counting_methods, cat, counting_damage, strengths, memory=memory)
    assert [one.scores for one in again] == [one.scores for one in first]
    assert len(counted.damaged) == 3
    assert len(counted.described) == 12

    # One more strength costs that one, and the original is not described again
    curves(counting_methods, cat, counting_damage, (*strengths, 2.5), memory=memory)
    assert counted.damaged[3:] == [2.5]
    assert len(counted.described) == 15


def test_another_line_asks_nothing(counting_methods, counting_damage, counted, cat):
    found = curve(counting_methods[0], cat, counting_damage, (0, 3, 12))
    assert isinstance(found, Curve)
    asked = len(counted.described)
    for line in (1.0, 11.5, 60.0):
        found.breaking_point(line)
        found.outline(line)
    assert len(counted.described) == asked


def test_damaged_copies_leave_no_descriptions_in_memory(cat):
    memory = Memory(10**8)
    curve(question("histogram"), cat, BLUR, (0, 1, 2), memory=memory)
    assert memory.described == 1


def test_a_method_that_cannot_take_the_picture_says_so_and_the_rest_stands():
    tiny = noise(12, 12)
    found = curves([question("ms-ssim"), question("psnr")], tiny, BLUR, (0, 1))
    assert isinstance(found[0], Unavailable)
    assert "pixels" in str(found[0].reason)
    assert isinstance(found[1], Curve)


def test_a_missing_model_is_asked_again_when_it_has_come(cat):
    absent = [Text("The model is missing.")]
    method = replace(method_by_id("psnr"), availability=lambda: absent[0] if absent else None)
    memory = Memory(10**8)
    asked = Question(method, method.options())
    assert isinstance(curve(asked, cat, BLUR, (0, 1), memory=memory), Unavailable)
    absent.clear()
    assert isinstance(curve(asked, cat, BLUR, (0, 1), memory=memory), Curve)


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (300, 2)])
def test_the_oddest_pictures_give_numbers_or_sentences(shape):
    picture = working_copy(noise(*shape))
    asked = [Question(method, method.options()) for method in CLASSIC]
    for damage in all_damages()[::4]:
        for one in curves(asked, picture, damage, (damage.low, damage.high)):
            if isinstance(one, Curve):
                assert not any(math.isnan(score) for score in one.scores)


def test_all_classic_methods_over_one_damage_take_less_than_5_seconds_on_two_cores(
    record_property,
):
    picture = working_copy(open_sample(all_samples()[0].id))
    asked = [Question(method, method.options()) for method in CLASSIC]
    started = time.process_time()
    found = curves(asked, picture, JPEG, strengths_of(JPEG))
    # Work of all threads, since others may be using the machine: two cores halve it
    seconds = (time.process_time() - started) / 2
    record_property("seconds on two cores", seconds)
    assert all(isinstance(one, Curve) for one in found)
    assert seconds < 5


# ── Lines and breaking points ──────────────────────────────────────────────────────

RATIO = Scale(identical=1.0, opposite=0.0, line=0.5)
BITS = Scale(identical=0, opposite=64, line=10, unit=Text("bits"), decimals=0)
DECIBELS = Scale(identical=math.inf, opposite=0.0, line=20.0, shown=(0.0, 60.0))


@pytest.mark.parametrize(
    ("scale", "points", "line", "expected"),
    [
        (RATIO, ((0, 1.0), (10, 0.6), (20, 0.2)), 0.5, 12.5),
        (RATIO, ((0, 1.0), (10, 0.6), (20, 0.2)), 0.2, None),
        (RATIO, ((0, 1.0), (10, 0.6), (20, 0.2)), 0.6, 10.0),
        (RATIO, ((0, 0.4), (10, 0.3)), 0.5, 0),
        (BITS, ((0, 0), (4, 20)), 10, 2.0),
        (BITS, ((0, 0), (4, 10)), 10, None),
        (DECIBELS, ((0, math.inf), (4, 20.0), (8, 10.0)), 15, 6.0),
        (DECIBELS, ((0, math.inf), (4, 0.0)), 30, 2.0),
        # A digest, whose line is at identical itself, breaks with the first touch
        (Scale(identical=1.0, opposite=0.0, line=1.0), ((0, 1.0), (5, 0.0)), 1.0, 0.0),
        # First to break, whatever comes later
        (RATIO, ((0, 1.0), (10, 0.0), (20, 1.0), (30, 0.0)), 0.5, 5.0),
    ],
)
def test_a_method_breaks_where_its_scores_cross_its_line(scale, points, line, expected):
    assert curve_of(scale, *points).breaking_point(line) == expected


def test_a_method_that_comes_back_is_told_from_one_that_does_not():
    assert curve_of(RATIO, (0, 1.0), (10, 0.0), (20, 1.0)).recovers(0.5)
    assert not curve_of(RATIO, (0, 1.0), (10, 0.4), (20, 0.45)).recovers(0.5)
    assert not curve_of(RATIO, (0, 1.0), (10, 0.9)).recovers(0.5)


@pytest.mark.parametrize("scale", [RATIO, BITS, DECIBELS], ids=["ratio", "bits", "decibels"])
def test_all_lines_lie_at_one_height(scale):
    low, high = scale.axis
    values = np.linspace(low, high, 41)
    heights = [height(scale, value, scale.line) for value in values]
    assert heights[0] == 0
    assert heights[-1] == 1
    assert height(scale, scale.line, scale.line) == 0.5
    assert heights == sorted(heights)
    for value, place in zip(values, heights, strict=True):
        assert (place >= 0.5) == scale.is_alike(value, scale.line)


@pytest.mark.parametrize("line", [0.0, 1.0])
def test_a_line_at_an_end_still_has_two_sides(line):
    heights = [height(RATIO, value, line) for value in (0.0, 0.5, 1.0)]
    assert all(0 <= place <= 1 for place in heights)
    assert [place >= 0.5 for place in heights] == [value >= line for value in (0.0, 0.5, 1.0)]


def test_a_drawn_curve_passes_its_line_at_the_breaking_point():
    found = curve_of(RATIO, (0, 1.0), (10, 0.6), (20, 0.0), (30, 0.9))
    line = 0.1
    drawn = found.outline(line)
    assert [strength for strength, _ in drawn] == sorted(strength for strength, _ in drawn)
    assert (found.breaking_point(line), 0.5) in drawn
    assert len(drawn) == 4 + 2
    measured = list(zip(found.strengths, found.heights(line), strict=True))
    assert [point for point in drawn if point in measured] == measured


# ── To take along ──────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def three(cat) -> list[Curve]:
    asked = [question(code) for code in ("ssim", "psnr", "phash")]
    return list(curves(asked, cat, JPEG, (0, 50, 95)))


@pytest.fixture(scope="module")
def lines(three) -> dict[str, float]:
    return {one.question.method.id: one.scale.line for one in three}


def test_the_name_of_what_was_taught_begins_no_formula(three, lines):
    label = Text("{name} (taught)", name=UserText("=1+1"))
    named = replace(three[0].question.method, label=label)
    curve = replace(three[0], question=replace(three[0].question, method=named))
    (row, *_) = csv.DictReader(io.StringIO(curves_as_csv([curve], JPEG, lines)))
    assert row["label"] == "'=1+1 (taught)"


def test_csv_has_a_row_for_each_strength_of_each_method(three, lines):
    rows = list(csv.DictReader(io.StringIO(curves_as_csv(three, JPEG, lines))))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert len(rows) == 3 * 3
    assert next(row["value"] for row in rows if row["method"] == "psnr") == "inf"
    for row in rows:
        scale = method_by_id(row["method"]).scale
        assert row["alike"] == str(scale.is_alike(float(row["value"]), scale.line)).lower()
        assert (row["damage"], row["strength_unit"]) == ("jpeg", "%")


def test_json_holds_the_curves_and_what_was_done(three, lines, cat):
    named = replace(cat, name="猫\u202e<b>.png")
    text = curves_as_json(named, three, JPEG, (Applied(TURN, 5),), lines)
    assert text.isascii()
    told = json.loads(text)
    assert told["picture"]["name"] == named.name
    assert told["damage"] == {"id": "jpeg", "unit": "%"}
    assert told["also"] == [{"id": "turn", "strength": 5, "unit": "degrees"}]
    by_method = {item["method"]: item for item in told["curves"]}
    assert by_method["psnr"]["values"][0] == "inf"
    assert by_method["ssim"]["strengths"] == [0, 50, 95]
    for one in three:
        item = by_method[one.question.method.id]
        assert item["breaks_at"] == one.breaking_point(item["line"])


def test_json_holds_a_line_that_only_equal_pictures_reach(three, lines, cat):
    told = json.loads(curves_as_json(cat, three, JPEG, (), {**lines, "psnr": math.inf}))
    assert {one["method"]: one["line"] for one in told["curves"]}["psnr"] == "inf"
