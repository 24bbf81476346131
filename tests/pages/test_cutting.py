"""Compare the cut-outs: chosen, shown with and without, doubted, corrected, kept in links."""

from __future__ import annotations

import hashlib
import io
import itertools

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from imgsim_core.memory import Memory
from imgsim_core.method import Family
from imgsim_core.samples import open_sample
from pages.parts import cached, cutting
from tests.pages.visitor import (
    PAIR,
    bring,
    checked,
    english,
    markdown,
    open_app,
    shared_link,
    summary,
)


def said(app: AppTest) -> str:
    return "\n".join(markdown(app))


def discs(*colours: tuple[int, int, int]) -> bytes:
    """A PNG of discs side by side on grey."""
    rows, columns = np.indices((120, 120 * len(colours)))
    rgb = np.full((*rows.shape, 3), 150, np.uint8)
    for place, colour in enumerate(colours):
        rgb[(rows - 60) ** 2 + (columns - 60 - 120 * place) ** 2 < 40**2] = colour
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "PNG")
    return stream.getvalue()


RED_AND_BLUE = discs((200, 30, 30), (30, 40, 190))


def test_whole_pictures_are_compared_until_somebody_asks_for_cut_outs():
    app = open_app({"pair": PAIR})
    assert "With background" not in said(app)
    before = summary(app)
    app.segmented_control(key="widget.cutout").set_value("place")
    checked(app.run())
    assert said(app).count("With background") >= len(Family) - 1
    assert shared_link(app)["cutout"] == "place"
    app.segmented_control(key="widget.cutout").set_value("whole")
    checked(app.run())
    assert "With background" not in said(app)
    assert "cutout" not in shared_link(app)
    assert summary(app) == before


def test_a_link_opens_on_the_cut_outs_and_says_what_it_means():
    app = open_app({"pair": "coffee-shifted", "cutout": "close"})
    text = said(app)
    assert "EfficientNet-Lite2 (Apache-2.0)" in text
    assert "measured on whole pictures" in text
    assert "does not tell like from unlike" in text


def test_a_link_with_another_value_compares_whole_pictures():
    app = open_app({"pair": PAIR, "cutout": "../etc"})
    assert app.segmented_control(key="widget.cutout").value == "whole"


def test_it_is_all_said_in_chinese():
    app = open_app({"pair": "unrelated", "cutout": "place", "lang": "zh"})
    assert "带背景" in said(app)
    assert not english([text for text in markdown(app) if "Language" not in text])


def test_a_picture_without_a_subject_is_named_and_whole_pictures_are_compared():
    app = open_app({"pair": PAIR, "cutout": "place"})
    stream = io.BytesIO()
    Image.new("RGB", (80, 60), "teal").save(stream, "PNG")
    app = bring(app, "a", "flat.png", stream.getvalue())
    assert any("flat.png" in item.value and "stands apart" in item.value for item in app.warning)
    assert any("whole pictures are compared" in item.value for item in app.info)
    assert "With background" not in said(app)


def test_what_is_drawn_changes_the_cut_out_and_stays():
    app = open_app({"pair": PAIR, "cutout": "place"})
    app = bring(app, "a", "two.png", RED_AND_BLUE)
    left = {"kind": "box", "points": [[0.05, 0.1], [0.48, 0.9]]}
    before = said(app)
    place = f"pair_cut_a_{hashlib.sha256(RED_AND_BLUE).hexdigest()[:16]}"
    for steps in ([left], [left, left]):
        app.session_state[cutting.DRAWN] = {place: steps}
        app = checked(app.run())
        assert said(app) != before
        assert "It covers 17 %" in said(app) or "It covers 18 %" in said(app)


def test_what_was_cut_out_for_a_visitor_is_let_go_of(monkeypatch):
    memory = Memory(200 * 2**20)
    monkeypatch.setattr(cached, "memory", lambda: memory)
    app = open_app({"pair": PAIR, "cutout": "place"})
    assert "It covers" in said(app)
    memory.forget_unused(-1)
    assert memory.held_bytes == 0


@pytest.mark.parametrize(
    "step",
    [
        None,
        {"kind": "spray", "points": [[0.5, 0.5]]},
        {"kind": "keep", "points": []},
        {"kind": "keep", "points": [[0.5, 1.5]]},
        {"kind": "keep", "points": [[0.5, float("nan")]]},
        {"kind": "keep", "points": [["0", 0.5]]},
        {"kind": "keep", "points": [[0.5, 0.5]] * 1000},
        {"kind": "box", "points": [[0.5, 0.5]]},
        {"kind": "box", "points": [[0.6, 0.2], [0.4, 0.8]]},
    ],
)
def test_a_step_that_no_editor_makes_is_left_out(step: object):
    assert cutting.checked_step(step) is None


def test_of_several_boxes_the_last_counts_and_every_stroke():
    box, other = [[0.1, 0.1], [0.5, 0.5]], [[0.2, 0.2], [0.9, 0.9]]
    steps = [
        {"kind": "box", "points": box},
        {"kind": "keep", "points": [[0.3, 0.3], [0.4, 0.4]]},
        {"kind": "box", "points": other},
        {"kind": "drop", "points": [[0.8, 0.8]]},
    ]
    correction = cutting.correction_from([cutting.checked_step(step) for step in steps])
    assert correction.box == (*other[0], *other[1])
    assert correction.keep == (((0.3, 0.3), (0.4, 0.4)),)
    assert correction.drop == (((0.8, 0.8),),)


def test_the_veil_covers_what_is_cut_away():
    picture = open_sample("coffee")
    found = cutting.found(picture, cutting.correction_from([]))
    assert not isinstance(found, cutting.Text)
    veil = np.asarray(Image.open(io.BytesIO(cutting.veil(picture, found))))
    assert veil.shape[2] == 4
    covered = veil[..., 3] > 0
    assert abs((~covered).mean() - found.share) < 0.05
    corners = list(itertools.product((0, -1), (0, -1)))
    assert all(covered[corner] for corner in corners)
