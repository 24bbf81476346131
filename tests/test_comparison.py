"""Many methods, one pair: each answers or says why not, and none disturbs another."""

from __future__ import annotations

import dataclasses
import threading

import pytest

from imgsim_core.comparison import (
    Question,
    Sameness,
    Score,
    Unavailable,
    ask,
    compare_pictures,
    sameness,
)
from imgsim_core.errors import PictureTooSmall
from imgsim_core.method import Family, Method, NoOptions, Scale
from imgsim_core.text import Text
from tests.pictures import blank, noise

A, B = blank(4, 6), noise(5, 5)
SCALE = Scale(identical=0.0, opposite=255.0, line=10.0)

MEAN = Method(
    id="mean",
    label=Text("Mean"),
    family=Family.COLOUR,
    scale=SCALE,
    about=Text("Sees the mean."),
    formula="",
    source="https://example.org",
    describe=lambda picture, options: float(picture.rgb.mean()),
    compare=lambda a, b, options: abs(a - b),
    explain=lambda a, b, options: (),
)


def variant(**changes: object) -> Question:
    return Question(dataclasses.replace(MEAN, **changes), NoOptions())


def refuse(picture, options):
    raise PictureTooSmall(Text("Too small."))


def test_a_method_that_can_answer_gives_a_score():
    score = ask(Question(MEAN, NoOptions()), A, B)
    assert isinstance(score, Score)
    assert score.value == pytest.approx(abs(A.rgb.mean() - B.rgb.mean()))
    assert score.scale is SCALE
    assert score.milliseconds > 0


def test_a_method_that_refuses_the_pictures_says_why():
    answer = ask(variant(describe=refuse), A, B)
    assert isinstance(answer, Unavailable)
    assert str(answer.reason) == "Too small."


def test_a_method_that_lacks_its_model_is_not_even_tried():
    def forbidden(picture, options):
        pytest.fail("described although unavailable")

    answer = ask(variant(describe=forbidden, availability=lambda: Text("No weights.")), A, B)
    assert isinstance(answer, Unavailable)
    assert str(answer.reason) == "No weights."


def test_a_bug_in_a_method_stays_loud():
    def broken(a, b, options):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        compare_pictures(A, B, [variant(compare=broken)])


def test_answers_keep_the_order_of_the_questions():
    late = threading.Event()

    def wait(a, b, options):
        assert late.wait(5)
        return 1.0

    def release(a, b, options):
        late.set()
        return 2.0

    questions = [variant(compare=wait), variant(describe=refuse), variant(compare=release)]
    # Three workers, for the first question waits for the last one.
    comparison = compare_pictures(A, B, questions, workers=3)
    assert [type(answer) for answer in comparison.answers] == [Score, Unavailable, Score]
    assert [score.value for score in comparison.scores] == [1.0, 2.0]
    assert [answer.question for answer in comparison.unavailable] == [questions[1]]


def test_a_caller_with_a_cache_describes_in_its_own_way():
    remembered = {A.digest: 3.0, B.digest: 8.0}
    comparison = compare_pictures(
        A,
        B,
        [variant(describe=refuse)],
        describe=lambda method, options, picture: remembered[picture.digest],
    )
    assert comparison.scores[0].value == 5.0


def test_each_picture_is_described_once_for_a_question():
    seen = []
    question = variant(describe=lambda picture, options: seen.append(picture.digest) or 0.0)
    compare_pictures(A, B, [question])
    assert sorted(seen) == sorted([A.digest, B.digest])


def test_sameness_tells_file_pixels_and_neither_apart():
    recoded = dataclasses.replace(A, digest="0" * 64)
    assert sameness(A, A) is Sameness.SAME_FILE
    assert sameness(A, recoded) is Sameness.SAME_PIXELS
    assert sameness(A, B) is Sameness.DIFFERENT
    # One row of grey against one column of it: the same bytes in another shape.
    assert sameness(blank(1, 4), blank(4, 1)) is Sameness.DIFFERENT
