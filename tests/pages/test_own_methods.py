"""A notion taught in a session, wherever methods are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.identity import encoder_key
from imgsim_core.teaching.head import untaught
from imgsim_core.teaching.method import taught_method
from pages.parts import own_methods
from tests.pages.visitor import ENGLISH, PAIR, checked, line_slider, markdown, open_app, whole


@pytest.fixture(scope="module")
def head():
    plain = untaught(1280, encoder_key(model_by_id("efficientnet-lite2")), 8)
    scores = list(np.linspace(0, 1, 101))
    summary = {"pictures": 40, "groups": 8, "same": scores, "different": list(np.array(scores) - 1)}
    return replace(plain, name="Colours", summary=summary)


def taught(head, link):
    """Open a page in a session that holds a notion."""
    app = open_app(link)
    method = taught_method(head)
    app.session_state["own_methods"] = {method.id: (head, method)}
    return whole(app), method


def words_of(app):
    return "\n".join(markdown(app))


def test_it_has_a_tile_of_its_own_and_its_line_moves(head):
    app, method = taught(head, {"pair": PAIR})
    words = words_of(app)
    assert "By what you taught" in words
    assert "Colours" in words
    assert "pairs from different groups" in words
    assert "Without what you taught, EfficientNet-Lite2 gives 0." in words
    slider = line_slider(app, method)
    assert slider.value == pytest.approx(-0.01, abs=0.01)
    slider.set_value(0.999)
    assert "Not alike as taught" in words_of(checked(app.run()))


def test_it_is_among_the_methods_of_its_family_and_tells_why(head):
    app, method = taught(head, {"pair": PAIR, "look": "semantics"})
    next(item for item in app.button if item.key == f"why_{method.id}").click()
    app = whole(app)
    assert "Taught with 40 pictures in 8 groups" in words_of(app)
    assert "Where A looks like something in B" in words_of(app)


def test_it_can_be_tried_on_robustness(head):
    app, _ = taught(head, {"pair": PAIR})
    app = checked(app.switch_page("../robustness.py").run())
    pills = next(item for item in app.pills if item.key == "robust_methods")
    assert any("Colours" in label for label in pills.options)


def test_all_is_said_in_chinese(head):
    app, _ = taught(head, {"pair": PAIR, "lang": "zh"})
    assert "按您教给它的标准" in words_of(app)
    tile = app.get_by_key("taught_tiles")
    said = [item.value for item in (*tile.markdown, *tile.caption)]
    assert not [text for text in said if ENGLISH.search(text.replace("`Colours`", ""))]


def test_another_session_does_not_have_it(head):
    _, method = taught(head, {"pair": PAIR})
    stranger = open_app({"pair": PAIR, "look": "semantics", "method.semantics": method.id})
    assert "By what you taught" not in words_of(stranger)


def test_removing_it_takes_it_out_of_every_setting(head, monkeypatch):
    state, kept = {}, {"search.methods": "x,y", "y.line": 0.3, "method.semantics": "y"}
    state["settings"] = kept
    state["own_methods"] = {"y": (head, taught_method(head))}
    monkeypatch.setattr("streamlit.session_state", state)
    own_methods.remove("y")
    assert kept == {"search.methods": "x"}
    assert own_methods.taught() == ()
