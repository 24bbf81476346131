"""Siamese networks on the Methods page: two branches at work, their rows, one number."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from imgsim_core.errors import WeightsWrong
from imgsim_core.memory import Memory
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.encoder import encode
from imgsim_core.models.identity import encoder_key
from imgsim_core.samples import open_sample
from imgsim_core.teaching.head import untaught
from imgsim_core.teaching.method import taught_method
from imgsim_core.text import Text
from pages.parts import cached, handbook_siamese
from tests.pages.visitor import checked, markdown, open_app

MODEL = model_by_id("efficientnet-lite2")


def opened(**link):
    app = open_app({"family": "semantics", **link})
    return checked(app.switch_page("../methods.py").run())


def numbers(app) -> list[str]:
    found = re.findall(r"\*\*([-−]?\d\.\d{3})\*\* is the cosine", " ".join(markdown(app)))
    return [one.replace("−", "-") for one in found]


def cosine(a: str, b: str) -> float:
    vectors = encode(MODEL, [open_sample(a), open_sample(b)], MODEL.framing)
    return float(vectors[0] @ vectors[1])


def test_the_number_is_the_cosine_of_the_two_vectors_of_the_pictures_chosen():
    app = opened(**{"siamese.a": "cat", "siamese.b": "coffee"})
    assert app.selectbox(key="widget.siamese.a").value == "cat"
    assert [float(one) for one in numbers(app)] == [
        pytest.approx(cosine("cat", "coffee"), abs=1e-3)
    ]
    checked(app.selectbox(key="widget.siamese.b").set_value("cat").run())
    assert numbers(app) == ["1.000"]


def test_the_same_picture_has_the_same_row_twice_and_nothing_apart():
    app = opened(**{"siamese.a": "cat", "siamese.b": "cat"})
    (drawn,) = (one.proto.body for one in app.get("html") if 'class="sim-twins"' in one.proto.body)
    rows = re.findall(r'<div class="row (\w+)".*?</div>', drawn)
    assert rows == ["a", "b", "both"]
    a, b, both = (re.findall(r"rgba\(([\d,.]+)\)", row) for row in drawn.split('class="row ')[1:])
    assert len(a) == len(both) == 64
    assert a == b
    assert not any(cell.startswith("204,121,167") for cell in both)


def test_weights_that_cannot_be_used_are_a_sentence(monkeypatch):
    def wrong(*_):
        raise WeightsWrong(Text("These weights are another model's."))

    memory = Memory(2**20)
    monkeypatch.setattr(cached, "memory", lambda: memory)
    monkeypatch.setattr(handbook_siamese, "encode", wrong)
    app = opened()
    assert any("These weights are another model's." in text for text in markdown(app))
    assert numbers(app) == []


def test_what_is_drawn_agrees_as_far_as_the_vectors_do():
    names = ("cat", "cat-mirrored", "coffee", "rocket", "page", "motorcycle-left")
    cells = np.stack([handbook_siamese._cells(MODEL, open_sample(name)) for name in names])
    cells /= np.linalg.norm(cells, axis=1, keepdims=True)
    vectors = encode(MODEL, [open_sample(name) for name in names], MODEL.framing)
    assert np.abs(cells @ cells.T - vectors @ vectors.T).max() < 0.35


def test_a_link_with_an_unknown_picture_shows_the_usual_one():
    app = opened(**{"siamese.a": "../../etc/passwd"})
    assert app.selectbox(key="widget.siamese.a").value == "motorcycle-left"


def test_a_notion_taught_in_the_session_is_asked_too():
    head = untaught(MODEL.dimension, encoder_key(MODEL), 8)
    middle = encode(MODEL, [open_sample("cat"), open_sample("rocket")], MODEL.framing).mean(axis=0)
    head = replace(head, name="Harbours", shift=-middle, summary={"pictures": 9, "groups": 3})
    method = taught_method(head)
    app = open_app({"family": "semantics", "siamese.a": "cat", "siamese.b": "rocket"})
    app.session_state["own_methods"] = {method.id: (head, method)}
    app = checked(app.switch_page("../methods.py").run())
    base, taught = map(float, numbers(app))
    assert base == pytest.approx(cosine("cat", "rocket"), abs=1e-3)
    assert taught == pytest.approx(-1, abs=2e-3)
    assert "Harbours" in " ".join(markdown(app))
