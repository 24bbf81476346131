"""What the Robustness page promises."""

from __future__ import annotations

import csv
import io
import json
import re

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from imgsim_core import robustness
from imgsim_core.comparison import Question, Unavailable, ask
from imgsim_core.distort import Kind, all_damages, damage_by_id
from imgsim_core.method import Family
from imgsim_core.registry import all_methods, method_by_id, spokesman
from imgsim_core.robustness import Applied
from imgsim_core.samples import all_samples, open_sample
from pages.parts import cached, damage, lines, settings
from tests.pages.test_uploads import bomb
from tests.pages.visitor import PAIR, bring, checked, english, file_of, markdown, names, open_app

QUICK = {"robust.methods": "histogram,ssim,phash", "robust.picture": "cat"}
HOSTILE = "<script>alert(1)</script>"


def open_page(link: dict[str, str] | None = None) -> AppTest:
    """Open the page by a link's parameters."""
    return checked(open_app(link).switch_page("../robustness.py").run())


def rows(app: AppTest) -> dict[str, list[str]]:
    """Table under the chart: method id to its cells, without icons."""
    table = next(item.value for item in app.markdown if item.value.startswith("| "))
    ids = {str(method.label): method.id for method in all_methods()}
    found = {}
    for line in table.splitlines()[2:]:
        cells = [re.sub(r":\w+\[.*?\]|:material/\w+:", "", cell) for cell in line.split("|")[1:-1]]
        name, *rest = (cell.strip(" *") for cell in cells)
        found[ids[name]] = rest
    return found


def headline(app: AppTest) -> str:
    return next(item.value for item in app.markdown if item.value.startswith("#### "))


# ── At once ────────────────────────────────────────────────────────────────────────


def test_the_first_visit_shows_curves_without_a_click():
    app = open_page()
    assert names(app) == [all_samples()[0].file_name]
    assert "JPEG compression 70 %" in headline(app)
    assert len(app.get("plotly_chart")) == 1
    usable = [spokesman(family) for family in Family]
    assert set(rows(app)) == {one.id for one in usable if one.availability() is None}
    assert not app.error


def test_models_that_are_missing_are_said_once():
    app = open_page(QUICK)
    said = " ".join(item.value for item in app.caption)
    for method in all_methods():
        missing = method.availability() is not None
        assert said.count(str(method.label)) == (1 if missing else 0), method.id


@pytest.mark.parametrize("trial", damage.TRIALS, ids=lambda trial: trial.id)
def test_each_trial_is_one_click(trial: damage.Trial):
    app = open_page(QUICK)
    checked(app.pills(key="trial").set_value(trial.id).run())
    for code, _ in trial.damages:
        assert str(damage_by_id(code).label) in headline(app)
    for index, (code, strength) in enumerate(trial.damages):
        assert app.selectbox(key=f"damage_{index}").value == code
        widgets = [*app.slider, *app.segmented_control]
        assert any(
            item.key == f"widget.robust.strength.{code}" and item.value == strength
            for item in widgets
        )
    assert app.pills(key="trial").value is None


# ── The numbers ────────────────────────────────────────────────────────────────────


def test_values_and_breaking_points_are_the_core_s():
    app = open_page({**QUICK, "robust.damages": "turn", "robust.strength.turn": "8"})
    turn = damage_by_id("turn")
    picture = robustness.working_copy(open_sample("cat"))
    copy = robustness.combined(picture, [Applied(turn, 8)])
    alike = 0
    for code, (value, line, breaks) in rows(app).items():
        asked = Question(method_by_id(code), method_by_id(code).options())
        answer = ask(asked, picture, copy)
        assert not isinstance(answer, Unavailable)
        assert value.split()[0] == f"{answer.value:.{answer.scale.decimals}f}"
        assert float(line.split()[0]) == pytest.approx(lines.usual(asked))
        alike += answer.scale.is_alike(answer.value, lines.usual(asked))
        curve = robustness.curve(asked, picture, turn, (*robustness.strengths_of(turn), 8))
        at = curve.breaking_point(lines.usual(asked))
        expected = "holds" if at is None else f"{robustness.rounded_strength(turn, at):g} degrees"
        assert expected in breaks
    assert f"{alike} of 3" in headline(app)


def test_the_strength_slider_describes_only_the_new_copy(monkeypatch: pytest.MonkeyPatch):
    app = open_page({**QUICK, "robust.damages": "contrast"})
    described, made = cached.memory().described, []
    copies = robustness._damaged
    monkeypatch.setattr(
        robustness, "_damaged", lambda rgb, all_: made.append(all_) or copies(rgb, all_)
    )
    slider = app.slider(key="widget.robust.strength.contrast")
    checked(slider.set_value(65.0).run())
    assert "65 %" in headline(app)
    assert cached.memory().described == described
    assert {one.strength for all_ in made for one in all_} == {65.0}


def test_lines_are_those_of_the_compare_page():
    app = open_page({**QUICK, "ssim.line": "0.99", "robust.damages": "blur"})
    assert rows(app)["ssim"][1] == "0.99"
    assert "holds" not in rows(app)["ssim"][2]


def test_strictness_moves_lines_and_describes_nothing():
    app = open_page({**QUICK, "robust.damages": "turn"})
    before = rows(app)
    described = cached.memory().described
    checked(app.segmented_control(key="widget.strict").set_value("loose").run())
    assert {code: cells[0] for code, cells in rows(app).items()} == {
        code: cells[0] for code, cells in before.items()
    }
    assert cached.memory().described == described
    assert app.query_params["strict"] == "loose"


def test_options_are_those_of_the_compare_page():
    method = method_by_id("ssim")
    field = method.option_fields[0]
    other = next(value for value in field.choices or () if value != field.default)
    plain = rows(open_page(QUICK))["ssim"][0]
    assert rows(open_page({**QUICK, f"ssim.{field.name}": str(other)}))["ssim"][0] != plain


# ── Damages ────────────────────────────────────────────────────────────────────────


def test_every_damage_can_be_chosen_from_groups_in_plain_words():
    app = open_page(QUICK)
    chooser = app.selectbox(key="damage_0")
    assert len(chooser.options) == len(all_damages())
    groups = [option.partition(" · ")[0] for option in chooser.options]
    order = [str(kind.value) for kind in Kind]
    assert list(dict.fromkeys(groups)) == order
    assert groups == sorted(groups, key=order.index)


@pytest.mark.parametrize("one", all_damages(), ids=lambda one: one.id)
def test_every_damage_has_its_curves(one):
    app = open_page({"robust.methods": "phash,psnr", "robust.picture": "cat",
                     "robust.damages": one.id})  # fmt: skip
    assert str(one.label) in headline(app)
    assert str(one.help) in [item.value for item in app.caption]
    assert set(rows(app)) == {"phash", "psnr"}


def test_damages_are_added_moved_to_the_front_and_removed():
    app = open_page(QUICK)
    checked(app.button(key="add_damage").click().run())
    second = app.selectbox(key="damage_1").value
    assert second != "jpeg"
    assert any("What stays the same" in item.value for item in app.caption)
    checked(app.selectbox(key="damage_1").set_value("crop").run())
    assert headline(app).startswith("#### JPEG compression 70 % + Crop 20 %")
    checked(app.button(key="first_1").click().run())
    assert headline(app).startswith("#### Crop 20 % + JPEG compression 70 %")
    checked(app.button(key="remove_1").click().run())
    assert headline(app).startswith("#### Crop 20 %:")


def test_no_damage_can_be_chosen_twice_and_not_endlessly_many():
    app = open_page({**QUICK, "robust.damages": "jpeg,blur,turn"})
    checked(app.button(key="add_damage").click().run())
    chosen = [app.selectbox(key=f"damage_{index}").value for index in range(4)]
    assert len(set(chosen)) == 4
    assert not [item for item in app.button if item.key == "add_damage"]
    assert len(app.selectbox(key="damage_0").options) == len(all_damages()) - 3


# ── Methods ────────────────────────────────────────────────────────────────────────


def test_the_others_are_drawn_on_request_a_chart_a_family():
    app = open_page({**QUICK, "robust.damages": "mirror"})
    assert len(app.get("plotly_chart")) == 1
    checked(app.button(key="methods_all").click().run())
    usable = {method.id for method in all_methods() if method.availability() is None}
    assert set(rows(app)) == usable
    families = {method_by_id(code).family for code in usable}
    assert len(app.get("plotly_chart")) == len(families)
    checked(app.button(key="methods_usual").click().run())
    assert len(rows(app)) <= len(Family)


def test_without_a_method_the_page_asks_for_one():
    app = open_page(QUICK)
    checked(app.pills(key="robust_methods").set_value([]).run())
    assert "Choose at least one method." in [item.value for item in app.info]
    assert not app.get("plotly_chart")


# ── The picture ────────────────────────────────────────────────────────────────────


def test_a_brought_picture_is_damaged_and_leaves_the_compare_page_alone():
    app = open_page({**QUICK, "pair": PAIR})
    checked(app.button(key="another_picture").click().run())
    bring(app, damage.SLOT, "mine.png", file_of("PNG", seed=3))
    assert names(app) == ["mine.png"]
    checked(app.switch_page("../compare.py").run())
    assert app.query_params["pair"] == PAIR
    assert "mine.png" not in names(app)


def test_a_sample_replaces_what_was_brought():
    app = open_page(QUICK)
    checked(app.button(key="another_picture").click().run())
    bring(app, damage.SLOT, "mine.png", file_of("PNG", seed=3))
    checked(app.selectbox(key=f"sample_{damage.SLOT}").select("coffee").run())
    assert names(app) == ["coffee.png"]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [("no.png", b"not a picture", "no.png"), ("bomb.png", bomb(), "megapixels")],
)
def test_a_bad_file_is_refused_in_a_sentence_and_the_rest_stays(name, data, words):
    app = open_page(QUICK)
    checked(app.button(key="another_picture").click().run())
    bring(app, damage.SLOT, name, data)
    assert words in app.error[0].value
    assert names(app) == ["cat.png"]
    assert set(rows(app)) == {"histogram", "ssim", "phash"}


def test_a_tiny_picture_gets_numbers_or_a_sentence():
    app = open_page({"robust.methods": "ms-ssim,psnr"})
    checked(app.button(key="another_picture").click().run())
    stream = io.BytesIO()
    Image.new("RGB", (12, 9), "orange").save(stream, "PNG")
    bring(app, damage.SLOT, "tiny.png", stream.getvalue())
    assert set(rows(app)) == {"psnr"}
    assert any("pixels" in item.value for item in app.info)
    checked(app.pills(key="robust_methods").set_value(["ms-ssim"]).run())
    assert "None of the chosen methods" in app.info[0].value
    assert any("pixels" in item.value for item in app.info[1:])


@pytest.mark.parametrize(("index", "code"), [(0, "JPEG-Kompression"), (0, "blur"), (2, "noise")])
def test_a_row_takes_no_damage_that_is_unknown_or_there_already_nor_one_when_it_is_gone(
    monkeypatch, index, code
):
    monkeypatch.setattr(st, "session_state", {"damage": code})
    settings.put("robust.damages", "turn,blur")
    damage._replace_damage(index, "damage")
    assert settings.get("robust.damages") == "turn,blur"


# ── Links, languages, files ────────────────────────────────────────────────────────


def test_a_link_restores_picture_damages_strengths_and_methods():
    sent = {
        "lang": "en",
        "robust.picture": "coffee",
        "robust.damages": "blur,turn",
        "robust.strength.blur": "4.5",
        "robust.strength.turn": "7.0",
        "robust.methods": "phash,psnr",
    }
    app = open_page(sent)
    assert app.query_params == sent
    assert names(app) == ["coffee.png"]
    assert headline(app).startswith("#### Blur 4.5 pixels + Turn 7 degrees")
    assert set(rows(app)) == {"phash", "psnr"}


@pytest.mark.parametrize(
    "link",
    [
        {"robust.picture": "../../etc/passwd"},
        {"robust.damages": HOSTILE},
        {"robust.damages": "jpeg,jpeg"},
        {"robust.damages": ""},
        {"robust.methods": f"ssim,{HOSTILE}"},
        *[{"robust.strength.jpeg": text} for text in ("nan", "inf", "-1", "96", "x", HOSTILE, "")],
        {"robust.strength.mirror": "0.5"},
        {f"robust.strength.{HOSTILE}": "3"},
    ],
    ids=str,
)
def test_a_broken_link_falls_back(link):
    app = open_app(link)
    assert app.query_params == {}
    assert not app.error


def test_settings_stay_when_the_visitor_looks_at_another_page():
    app = open_page({**QUICK, "robust.damages": "blur"})
    checked(app.slider(key="widget.robust.strength.blur").set_value(6.0).run())
    checked(app.switch_page("../methods.py").run())
    checked(app.switch_page("../robustness.py").run())
    assert "Blur 6 pixels" in headline(app)
    assert app.slider(key="widget.robust.strength.blur").value == 6


def test_a_chinese_visitor_reads_no_english():
    app = open_page({**QUICK, "lang": "zh", "robust.damages": "hue,mirror"})
    checked(app.button(key="another_picture").click().run())
    assert not english([text for text in markdown(app) if "CLIP" not in text])
    for chart in app.get("plotly_chart"):
        spec = json.loads(chart.proto.spec)
        titles = [spec["layout"]["xaxis"]["title"]["text"], *spec["layout"]["yaxis"]["ticktext"]]
        assert not english(titles)
        assert all(re.search("[一-鿿]", title) for title in titles)


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch):
    """Collect what the download buttons would give, by file name."""
    makers = {}

    def collect(_label, name, _kind, make):
        makers[name] = make

    monkeypatch.setattr(damage, "_button", collect)
    return makers


def test_the_files_hold_what_is_shown(files):
    app = open_page({**QUICK, "lang": "zh", "robust.damages": "turn,blur"})
    assert not app.error
    # Made here, outside the visitor's session, as the server does when a button is clicked
    table = list(csv.DictReader(io.StringIO(files["imgsim-robustness.csv"]())))
    assert {row["method"] for row in table} == {"histogram", "ssim", "phash"}
    assert {row["damage"] for row in table} == {"turn"}
    told = json.loads(files["imgsim-robustness.json"]())
    assert [item["id"] for item in told["also"]] == ["blur"]
    assert {item["method"] for item in told["curves"]} == {"histogram", "ssim", "phash"}
    picture = robustness.working_copy(open_sample("cat"))
    expected = robustness.combined(
        picture,
        [Applied(damage_by_id(code), damage_by_id(code).default) for code in ("turn", "blur")],
    )
    with Image.open(io.BytesIO(files["imgsim-damaged.png"]())) as image:
        assert np.array_equal(np.asarray(image), expected.rgb)
