"""The Methods page and the Status page."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from imgsim_core.comparison import Question, Score
from imgsim_core.memory import Memory, score_key
from imgsim_core.method import Family
from imgsim_core.models.catalogue import all_models
from imgsim_core.registry import all_methods, methods_of
from imgsim_core.samples import all_pairs, open_sample
from pages.parts import cached, health
from tests.pages.visitor import PAIR, checked, english, markdown, open_app

LANGUAGES = ("en", "zh")


def go(app: AppTest, page: str) -> AppTest:
    """Follow the navigation to another page."""
    return checked(app.switch_page(f"../{page}.py").run())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_methods_page_tells_of_every_method(language: str):
    app = go(open_app({"lang": language}), "methods")
    for family in Family:
        checked(app.segmented_control(key="widget.family").set_value(family.value).run())
        for method in methods_of(family):
            card = app.get_by_key(f"method_{method.id}")
            drawn = card.latex[0].value
            parts = [part.strip(" ,;") for part in re.split(r"\\q?quad", method.formula)]
            assert all(part in drawn for part in parts)
            assert any(method.source in item.value for item in card.caption)
            if language == "en" and method.availability() is None:
                assert any("ms for a sample pair on this" in item.value for item in card.caption)
        if language == "zh":
            assert not english(list(markdown(app)))


@pytest.mark.parametrize("question", range(6))
def test_a_question_leads_to_the_family_that_answers_it(question: int):
    app = go(open_app(), "methods")
    checked(app.selectbox(key="chooser").select_index(question).run())
    family = Family(app.segmented_control(key="widget.family").value)
    assert str(family.label) in app.success[0].value


def test_the_questions_lead_to_every_family():
    app = go(open_app(), "methods")
    led = set()
    for question in range(len(app.selectbox(key="chooser").options)):
        checked(app.selectbox(key="chooser").select_index(question).run())
        led.add(app.segmented_control(key="widget.family").value)
    assert led == {family.value for family in Family}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_status_page_tells_of_every_model(language: str):
    app = go(open_app({"lang": language}), "status")
    for model in all_models():
        card = app.get_by_key(f"model_{model.id}")
        assert any(f"`{model.id}`" in item.value for item in card.markdown)
    assert len(app.metric) == 5  # of the memory two, of the galleries three
    if language == "zh":
        assert not english(list(markdown(app)))


def test_a_library_that_is_not_there_leaves_the_status_page(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(health, "_LIBRARIES", ("numpy", "no-such-library"))
    table = next(item.value for item in go(open_app(), "status").markdown if "numpy" in item.value)
    assert "| no-such-library | – |" in table


def test_the_self_check_finds_every_method_right():
    app = go(open_app(), "status")
    checked(app.button(key="check").click().run())
    table = next(item.value for item in app.markdown if "| Result |" in item.value)
    rows = table.splitlines()[2:]
    for method, row in zip(all_methods(), rows, strict=True):
        expected = ":material/check:" if method.availability() is None else ":material/cloud_off:"
        assert expected in row, row


def test_the_self_check_asks_now_whatever_was_remembered(monkeypatch: pytest.MonkeyPatch):
    memory = Memory(2**24)
    monkeypatch.setattr(cached, "memory", lambda: memory)
    digest = open_sample(all_pairs()[0].a).digest
    for method in all_methods():
        question = Question(method, method.options())
        wrong = Score(question, method.scale.opposite, milliseconds=None)
        memory.recall(score_key(question, digest, digest), lambda wrong=wrong: wrong)
    app = go(open_app(), "status")
    checked(app.button(key="check").click().run())
    table = next(item.value for item in app.markdown if "| Result |" in item.value)
    assert ":material/error:" not in table


def test_the_pair_is_still_there_after_a_look_at_another_page():
    app = go(open_app({"pair": PAIR}), "methods")
    go(app, "compare")
    assert app.query_params == {"pair": PAIR}
    assert app.get_by_key("agreement")
