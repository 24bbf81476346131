"""Pairs on which methods differ most, and where pairs of a set stand."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from imgsim_core import calibration, disagreement, standing
from imgsim_core.comparison import Question, describe_now
from imgsim_core.disagreement import disagreements, family_questions
from imgsim_core.memory import Memory
from imgsim_core.method import Family
from imgsim_core.registry import method_by_id
from imgsim_core.standing import every_pair, quick_questions, ranks_among, standings
from tests.pictures import blank, noise, photograph, picture_of


def question(method_id: str) -> Question:
    method = method_by_id(method_id)
    return Question(method, method.options())


def shuffled(picture, side: int = 20):
    """The same colours in other places."""
    rows, columns = picture.height // side, picture.width // side
    rgb = picture.rgb[: rows * side, : columns * side]
    squares = rgb.reshape(rows, side, columns, side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)
    squares = squares[np.random.default_rng(3).permutation(len(squares))]
    dealt = squares.reshape(rows, columns, side, side, 3).swapaxes(1, 2)
    return picture_of(dealt.reshape(rgb.shape), "shuffled.png")


def recoloured(picture):
    return picture_of(np.roll(picture.rgb, 1, axis=2), "recoloured.png")


@pytest.fixture(scope="module")
def pictures():
    cat = photograph("chelsea", 160)
    others = [photograph(name, 160) for name in ("coffee", "astronaut", "rocket", "page")]
    return (cat, shuffled(cat), recoloured(cat), *others)


QUICK = ("histogram", "phash", "hog")


@pytest.fixture(scope="module")
def memory() -> Memory:
    return Memory(2**27)


def uncalibrated(monkeypatch) -> None:
    monkeypatch.setattr(calibration, "reference_for", lambda question: None)


def names(one) -> set[str]:
    return {one.a.name, one.b.name}


@pytest.mark.parametrize("calibrated", [True, False])
def test_same_colours_elsewhere_and_other_colours_in_place_are_found(
    pictures, memory, monkeypatch, calibrated
):
    monkeypatch.setattr(disagreement, "_EACH_PICTURE", 99)
    monkeypatch.setattr(disagreement, "_EACH_CONTRAST", 99)
    if not calibrated:
        uncalibrated(monkeypatch)
    asked = [question("histogram"), question("ssim")]
    found = disagreements(pictures, asked, memory.describe, most=99)
    assert all(one.is_likelihood is calibrated for one in found)
    by_names = {frozenset(names(one)): one for one in found}
    dealt = by_names[frozenset({"chelsea.png", "shuffled.png"})]
    assert (dealt.high.family, dealt.low.family) == (Family.COLOUR, Family.STRUCTURE)
    assert str(dealt.contrast) == "Colour: high. Structure: low."
    turned = by_names[frozenset({"chelsea.png", "recoloured.png"})]
    assert (turned.high.family, turned.low.family) == (Family.STRUCTURE, Family.COLOUR)


def test_the_widest_gap_comes_first_and_heights_are_shares(pictures, memory):
    found = disagreements(pictures, [question(name) for name in QUICK], memory.describe)
    gaps = [one.gap for one in found]
    assert gaps == sorted(gaps, reverse=True)
    for one in found:
        heights = [stand.height for stand in one.stands]
        assert heights == sorted(heights, reverse=True)
        assert all(0 <= height <= 1 for height in heights)
        assert str(one.high.question.method.label) in str(one.sentence)


def test_no_picture_and_no_contrast_comes_too_often(pictures, memory):
    asked = [question(name) for name in QUICK]
    found = disagreements(pictures, asked, memory.describe, most=50)
    shown = Counter(name for one in found for name in names(one))
    contrasts = Counter((one.high.family, one.low.family) for one in found)
    assert max(shown.values()) <= 2
    assert max(contrasts.values()) <= 2
    assert len(disagreements(pictures, asked, memory.describe, most=1)) == 1


def test_slow_methods_see_a_part_of_a_large_set_only(pictures, monkeypatch):
    monkeypatch.setattr(disagreement, "_WHOLE", 10)
    monkeypatch.setattr(disagreement, "_CANDIDATES", 4)
    monkeypatch.setattr(disagreement, "_SAMPLE", 5)
    uncalibrated(monkeypatch)
    monkeypatch.setattr(standing, "_seconds", lambda asked, *_: asked.method.id == "ssim")
    compared = []
    method = method_by_id("ssim")
    counted = Question(_counting(method, compared), method.options())
    found = disagreements(pictures, [question("histogram"), question("hog"), counted], describe_now)
    assert found
    assert 5 <= len(compared) <= 13 < len(every_pair(len(pictures)))


def _counting(method, compared):
    from dataclasses import replace

    def compare(a, b, options):
        compared.append(1)
        return method.compare(a, b, options)

    return replace(method, compare=compare)


def test_descriptions_are_made_once_a_picture(pictures):
    memory = Memory(2**27)
    disagreements(pictures, [question(name) for name in QUICK], memory.describe)
    assert memory.described == len(pictures) * len(QUICK)


def test_there_is_nothing_to_find_in_two_pictures_or_by_one_method(pictures, memory):
    asked = [question(name) for name in QUICK]
    assert disagreements(pictures[:2], asked, memory.describe) == ()
    assert disagreements(pictures, asked[:1], memory.describe) == ()
    assert disagreements((), asked, memory.describe) == ()


def test_odd_pictures_break_nothing(memory):
    odd = (blank(1, 1), blank(40, 40, 0), blank(40, 40), noise(40, 40), noise(5, 300, 1))
    found = disagreements(odd, [question(name) for name in QUICK], memory.describe)
    assert all(np.isfinite(one.gap) for one in found)


def test_progress_is_told_up_to_the_end(pictures, memory):
    told: list[float] = []
    disagreements(
        pictures, [question("histogram"), question("ssim")], memory.describe, told=told.append
    )
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_one_method_a_family_is_asked():
    assert [one.method.family for one in family_questions()] == list(Family)


# ── Standings ──────────────────────────────────────────────────────────────────────


def test_ranks_are_the_share_below_and_half_of_those_level():
    values = np.array([0.0, 0.0, 0.5, 1.0])
    assert ranks_among(values, values, question("ssim")).tolist() == [0.25, 0.25, 0.625, 0.875]
    # Where less is more alike, the smallest stands highest
    assert ranks_among(values, values, question("mse")).tolist() == [0.75, 0.75, 0.375, 0.125]


def test_every_pair_has_its_score_under_every_method(pictures, memory):
    asked = [question("histogram"), question("phash")]
    found = standings(pictures, asked, memory.describe)
    assert found.questions == tuple(asked)
    assert found.values.shape == found.ranks.shape == (2, 21)
    a, b = pictures[1], pictures[4]
    for row, one in enumerate(asked):
        score = memory.ask(one, a, b)
        assert found.values[row, found.place_of[1, 4]] == score.value


def test_a_method_without_its_model_is_left_out(pictures, memory):
    from dataclasses import replace

    from imgsim_core.text import Text

    absent = replace(method_by_id("phash"), availability=lambda: Text("Not here."))
    found = standings(
        pictures, [question("hog"), Question(absent, absent.options())], memory.describe
    )
    assert [one.method.id for one in found.questions] == ["hog"]


def test_hashes_are_quick_and_matching_details_is_not(memory):
    pair = (photograph("chelsea", 300), photograph("coffee", 300))
    asked = [question("phash"), question("sift")]
    assert quick_questions(asked, pair, memory.describe) == (asked[0],)


def test_ranks_do_not_depend_on_the_size_of_the_numbers(pictures, memory):
    found = standings(pictures, [question("histogram")], memory.describe)
    larger = ranks_among(found.values[0] * 100, found.values[0] * 100, question("histogram"))
    assert np.array_equal(larger, found.ranks[0])
