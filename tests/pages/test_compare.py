"""What the Compare page promises."""

from __future__ import annotations

import csv
import io
import json
import re
import time

import pytest
from streamlit.testing.v1 import AppTest

from imgsim_core.calibration import Strictness, reference_for
from imgsim_core.comparison import Question, Score, ask
from imgsim_core.memory import Memory
from imgsim_core.method import Family, Method
from imgsim_core.registry import all_methods, article_methods, methods_of, spokesman
from imgsim_core.samples import all_pairs, open_sample, pair_by_id
from imgsim_core.verdict import Kind, pair_verdict
from pages.parts import cached, export, pairing
from tests.pages.visitor import (
    MAIN,
    PAIR,
    bring,
    checked,
    english,
    line_slider,
    markdown,
    names,
    open_app,
    sample_names,
    shared_link,
    summary,
    verdicts,
    whole,
)


def test_who_clicks_elsewhere_does_not_wait_for_what_has_not_begun(monkeypatch):
    asked = []

    class Slow(Memory):
        def ask(self, question, a, b):
            asked.append(question.method.family)
            time.sleep(0.3)
            raise RuntimeError("this run ends here")  # as a click ends it

    memory = Slow(200 * 2**20)
    monkeypatch.setattr(cached, "memory", lambda: memory)
    monkeypatch.setattr(pairing, "verdict", lambda a, b, memory: time.sleep(0.3))
    app = AppTest.from_file(str(MAIN), default_timeout=120)
    app.query_params["pair"] = PAIR
    app.run()
    assert app.exception
    assert len(asked) <= len(Family) - 2


def test_the_first_page_offers_every_guided_pair():
    app = open_app()
    offered = [str(item.key).rpartition("_")[2] for item in app.button if "pair_" in str(item.key)]
    assert offered == [pair.id for pair in all_pairs()]
    assert not app.error


def test_a_click_on_a_pair_gives_every_family_a_verdict_and_one_line_that_sums_up():
    app = open_app()
    checked(app.button(key=f"pair_start_{PAIR}").click().run())
    found = verdicts(app)
    assert set(found) == set(Family)
    assert f"{sum(found.values())} of {len(Family)}" in summary(app)
    pair = pair_by_id(PAIR)
    said = pair_verdict(open_sample(pair.a), open_sample(pair.b), cached.memory())
    assert str(said.kind.label) in summary(app)
    assert names(app) == sample_names(PAIR)


def test_each_verdict_is_the_core_s_answer_on_its_side_of_the_line(on_pair: AppTest):
    pair = pair_by_id(PAIR)
    for family, alike in verdicts(on_pair).items():
        method = spokesman(family)
        answer = cached.memory().ask(
            Question(method, method.options()), open_sample(pair.a), open_sample(pair.b)
        )
        assert isinstance(answer, Score)
        line = line_slider(on_pair, method).value
        assert alike == answer.scale.is_alike(answer.value, line), family


def test_the_same_file_twice_is_said_to_be_so():
    app = open_app({"pair": "same-file"})
    assert str(Kind.SAME_FILE.label) in summary(app)
    assert all(verdicts(app).values())


def test_a_bar_says_identical_only_where_its_axis_reaches_it(on_pair: AppTest):
    drawn = [one.proto.body for one in on_pair.get("html") if 'class="sim-bar' in one.proto.body]
    ends = [re.findall(r"<span>(.*?)</span>", body) for body in drawn]
    assert ["nothing in common", "≥ 0.500"] in ends  # share of SIFT's details
    assert ["identical", "≥ 100.0 points"] in ends  # colours
    assert ["nothing in common", "identical"] in ends  # layout of edges


def test_the_ends_of_every_meaning_are_named(on_pair: AppTest):
    drawn = [one.proto.body for one in on_pair.get("html") if 'class="sim-mea' in one.proto.body]
    ends = [re.findall(r"<span>(.*?)</span>", body.partition("sim-ends")[2]) for body in drawn]
    assert ends[: len(Family)] == [["Unrelated", "Edited copy"]] * len(Family)


def test_a_moved_line_changes_the_verdict_and_describes_nothing_again(on_pair: AppTest):
    method = spokesman(Family.COLOUR)
    before = verdicts(on_pair)[Family.COLOUR]
    described = cached.memory().described
    slider = line_slider(on_pair, method)
    lenient = slider.min if method.scale.higher_is_alike else slider.max
    strict = slider.max if method.scale.higher_is_alike else slider.min
    whole(checked(slider.set_value(strict if before else lenient).run()))
    assert verdicts(on_pair)[Family.COLOUR] is not before
    assert cached.memory().described == described


def test_strictness_moves_every_line_and_describes_nothing_again(on_pair: AppTest):
    methods = [spokesman(family) for family in Family]
    described = cached.memory().described
    checked(on_pair.segmented_control(key="widget.strict").set_value("strict").run())
    for method in methods:
        reference = reference_for(Question(method, method.options()))
        expected = round(reference.lines[Strictness.STRICT], method.scale.decimals)
        assert line_slider(on_pair, method).value == pytest.approx(expected)
    assert cached.memory().described == described


def test_the_link_to_copy_follows_a_moved_line(on_pair: AppTest):
    slider = on_pair.slider[0]
    checked(slider.set_value(slider.min + slider.step).run())
    # No further run: what the move itself has drawn anew.
    assert shared_link(on_pair)[str(slider.key).removeprefix("widget.")] == str(slider.value)


def test_another_pair_is_one_click_away(on_pair: AppTest):
    checked(on_pair.button(key="pair_more_same-file").click().run())
    assert names(on_pair) == sample_names("same-file")


def test_a_sample_can_be_chosen_for_one_slot(on_pair: AppTest):
    on_pair.selectbox(key="sample_b").select("coffee")
    checked(on_pair.run())
    assert names(on_pair) == [sample_names(PAIR)[0], "coffee.png"]
    assert shared_link(on_pair)["b"] == "coffee"


def test_swapping_exchanges_the_pictures(on_pair: AppTest):
    checked(on_pair.button(key="swap").click().run())
    assert names(on_pair) == sample_names(PAIR)[::-1]


def test_swapping_exchanges_a_brought_picture_with_a_sample(on_pair: AppTest, png: bytes):
    bring(on_pair, "a", "mine.png", png)
    checked(on_pair.button(key="swap").click().run())
    assert names(on_pair) == [sample_names(PAIR)[1], "mine.png"]


def test_as_in_the_article_sets_its_options_and_shows_its_numbers(on_pair: AppTest):
    checked(on_pair.button(key="article_on").click().run())
    tables = [item.value for item in on_pair.markdown if item.value.startswith("|")]
    assert len(tables) == 1
    rows = tables[0].splitlines()[2:]
    assert len(rows) == len(article_methods())
    for method, row in zip(article_methods(), rows, strict=True):
        assert str(method.label) in row
        assert str(method.article_result or "–") in row
    link = shared_link(on_pair)
    for method in article_methods():
        for field in method.option_fields:
            value = getattr(method.article, field.name)
            assert link.get(f"{method.id}.{field.name}", str(field.default)) == str(value)

    checked(on_pair.button(key="article_off").click().run())
    assert set(shared_link(on_pair)) == {"lang", "pair"}


def test_the_article_s_numbers_are_by_its_options_whatever_the_visitor_s_are():
    app = open_app({"pair": PAIR, "article": "True", "ssim.window": "gaussian"})
    (table,) = (item.value for item in app.markdown if item.value.startswith("|"))
    pair = pair_by_id(PAIR)
    for method, row in zip(article_methods(), table.splitlines()[2:], strict=True):
        answer = ask(Question(method, method.article), open_sample(pair.a), open_sample(pair.b))
        if isinstance(answer, Score):
            assert f"**{answer.value:.{answer.scale.decimals}f}" in row


@pytest.mark.parametrize("family", Family, ids=lambda family: family.value)
def test_show_why_opens_the_closer_look_at_that_family(on_pair: AppTest, family: Family):
    checked(on_pair.button(key=f"why_{family.value}").click().run())
    assert on_pair.segmented_control(key="widget.look").value == family.value
    assert str(spokesman(family).about) in [item.value for item in on_pair.markdown]


@pytest.fixture(scope="module")
def long_visit() -> AppTest:
    """One visitor who looks at everything in turn."""
    return open_app({"pair": PAIR})


@pytest.mark.parametrize("method", all_methods(), ids=lambda method: method.id)
def test_every_method_can_be_looked_at(long_visit: AppTest, method: Method):
    app = long_visit
    if app.segmented_control(key="widget.look").value != method.family.value:
        checked(app.segmented_control(key="widget.look").set_value(method.family.value).run())
    if len(methods_of(method.family)) > 1:
        checked(app.pills(key=f"widget.method.{method.family.value}").set_value(method.id).run())
    assert not app.error
    assert str(method.about) in [item.value for item in app.markdown]
    if method.availability() is None:
        shown = app.get_by_key("evidence")
        assert any(shown.get(kind) for kind in ("markdown", "image", "html", "plotly_chart"))
        drawn = {item.key for kind in ("selectbox", "toggle", "slider") for item in app.get(kind)}
        assert {f"widget.{method.id}.{field.name}" for field in method.option_fields} <= drawn
    else:
        assert str(method.availability()) in " ".join(item.value for item in app.info)


def test_an_option_changes_the_answer_and_can_be_taken_back(on_pair: AppTest):
    method = next(one for one in all_methods() if one.option_fields and one.headline)
    field = next(item for item in method.option_fields if item.choices is not None)
    checked(on_pair.segmented_control(key="widget.look").set_value(method.family.value).run())
    other = next(value for value in field.choices or () if value != field.default)
    checked(on_pair.selectbox(key=f"widget.{method.id}.{field.name}").set_value(other).run())
    assert shared_link(whole(on_pair))[f"{method.id}.{field.name}"] == str(other)
    checked(on_pair.button(key=f"reset_{method.id}").click().run())
    assert f"{method.id}.{field.name}" not in shared_link(whole(on_pair))


def test_another_language_keeps_pair_options_and_lines(on_pair: AppTest):
    checked(on_pair.button(key="article_on").click().run())
    before = shared_link(on_pair)
    checked(on_pair.segmented_control(key="widget.lang").set_value("zh").run())
    assert shared_link(on_pair) == {**before, "lang": "zh"}
    assert names(on_pair) == sample_names(PAIR)


def test_another_language_keeps_what_the_widgets_show():
    method = next(one for one in all_methods() if one.headline and one.option_fields)
    field = next(item for item in method.option_fields if item.choices is not None)
    other = next(value for value in field.choices or () if value != field.default)
    key = f"{method.id}.{field.name}"
    app = open_app({"pair": PAIR, "look": method.family.value, key: str(other)})
    assert app.selectbox(key=f"widget.{key}").value == other
    for language in ("zh", "en"):
        checked(app.segmented_control(key="widget.lang").set_value(language).run())
        assert app.selectbox(key=f"widget.{key}").value == other
        assert app.segmented_control(key="widget.look").value == method.family.value


@pytest.mark.parametrize(
    ("link", "locale", "chinese"),
    [
        ({}, "zh-CN", True),
        ({}, "de-DE", False),
        ({"lang": "zh"}, "en-GB", True),
        ({"lang": "en"}, "zh-CN", False),
    ],
)
def test_the_link_s_language_goes_before_the_browser_s(link, locale, chinese):
    app = open_app(link, locale)
    assert bool(re.search("[一-鿿]", app.title[0].value)) is chinese


def test_a_chinese_visitor_reads_no_english(on_pair: AppTest):
    checked(on_pair.segmented_control(key="widget.lang").set_value("zh").run())
    assert not english(list(markdown(on_pair)))


# ── What a visitor takes along ─────────────────────────────────────────────────────


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch):
    """Collect what the download buttons would give, by file name."""
    makers = {}

    def collect(_label, name, _kind, make):
        makers[name] = make

    monkeypatch.setattr(export, "_button", collect)
    return makers


def test_the_reports_hold_every_method(reports):
    open_app({"pair": PAIR, "lang": "zh"})
    # Made here, outside the visitor's session, as the server does when a button is clicked.
    page, data, table = (reports[f"imgsim-report.{kind}"]() for kind in ("html", "json", "csv"))
    ids = {method.id for method in all_methods()}
    told = json.loads(data)
    assert {item["method"] for item in told["scores"] + told["unavailable"]} == ids
    assert {row["method"] for row in csv.DictReader(io.StringIO(table.decode("utf-8-sig")))} == ids
    assert '<html lang="zh' in page
    assert all(name in page for name in sample_names(PAIR))


def test_what_a_report_works_out_is_let_go_of_like_the_rest_of_the_visit(reports, monkeypatch):
    memory = Memory(200 * 2**20)
    monkeypatch.setattr(cached, "memory", lambda: memory)
    open_app({"pair": PAIR})
    reports["imgsim-report.json"]()  # outside the visitor's session, as above
    memory.forget_unused(-1)
    assert memory.held_bytes == 0
