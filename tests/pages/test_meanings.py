"""What a score means, while that is measured behind the page and when it cannot be."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cachetools import TTLCache
from streamlit.testing.v1 import AppTest

from imgsim_core import calibration
from imgsim_core.calibration import background_reference
from imgsim_core.comparison import Question, Score
from imgsim_core.errors import ImgSimError
from imgsim_core.method import Family, Method, NoOptions, Scale
from imgsim_core.text import Text
from tests.pages.visitor import checked, english, markdown


@pytest.fixture(autouse=True)
def _measured_behind_the_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(calibration, "background_reference", background_reference)
    monkeypatch.setattr(calibration, "_failed", TTLCache(9, 300.0))
    yield
    calibrations_are_over()


def score(describe: Callable[..., Any], name: str) -> Score:
    method = Method(
        id=name,
        label=Text("Made up"),
        family=Family.COLOUR,
        scale=Scale(identical=1.0, opposite=0.0, line=0.5),
        about=Text("Made up."),
        formula="",
        source="",
        describe=describe,
        compare=lambda a, b, options: 1 - abs(a - b) / 255,
        explain=lambda a, b, options: (),
    )
    return Score(Question(method, NoOptions()), 0.5, 0.0)


def mean(picture: Any, options: Any) -> float:
    return float(picture.rgb.mean())


def page(scores: list[Score], language: str) -> AppTest:
    # Its text is run alone: names of this file mean nothing there
    def script(scores, language):  # type: ignore[no-untyped-def]
        from pages.parts import meanings, settings

        settings.put("lang", language)
        for one in scores:
            meanings.show(one)

    return checked(AppTest.from_function(script, args=(scores, language)).run())


def calibrations_are_over() -> None:
    for thread in threading.enumerate():
        if thread.name == "calibration":
            thread.join(30)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_cannot_be_measured_is_told_and_not_begun_again_and_again(
    language: str, monkeypatch: pytest.MonkeyPatch
):
    begun = []

    def calibrate(method: Method, options: Any) -> None:
        begun.append(method)
        raise ImgSimError(Text("Something went wrong on our side."))

    monkeypatch.setattr(calibration, "calibrate_on_samples", calibrate)
    app = page([score(mean, "broken")], language)
    for _ in range(4):
        calibrations_are_over()
        checked(app.run())
    (told,) = markdown(app)
    assert ("could not be measured: Something went wrong" in told) is (language == "en")
    assert language == "en" or not english([told])
    assert len(begun) == 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_who_waits_is_told_so_and_gets_the_meaning(language: str):
    held, first = threading.Event(), threading.Event()

    def describe(picture: Any, options: Any) -> float:
        first.set()
        held.wait(20)
        return mean(picture, options)

    scores = [score(describe, f"slow-{number}-{language}") for number in range(6)]
    assert background_reference(scores[0].question) is None
    assert first.wait(10)
    try:
        app = page(scores, language)
        told = list(markdown(app))
        words = {"en": ("built-in pictures", "waits its turn"), "zh": ("内置图片", "等待")}[
            language
        ]
        assert [[word in one for one in told] for word in words] == [
            [True] + [False] * 5,
            [False] + [True] * 5,
        ]
    finally:
        held.set()
    for _ in range(2):  # the last two begin when there is room
        calibrations_are_over()
        checked(app.run())
    assert sum("rough guide" in one or "粗略" in one for one in markdown(app)) == 6
