"""What a visitor taught, on the pages Search, Duplicates and Products."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from imgsim_core.comparison import Question
from imgsim_core.gallery.copies import Level
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.ingest import ingest, new_gallery
from imgsim_core.gallery.lance import LanceStore
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.sources import from_samples
from imgsim_core.gallery.store import open_store
from imgsim_core.kept_lines import KeptLine, lines_as_json
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.identity import encoder_key
from imgsim_core.registry import method_by_id
from imgsim_core.teaching.head import untaught
from imgsim_core.teaching.method import taught_method
from pages.parts import disputes, galleries, grouping_run, own_methods, workbench
from tests.pages.visitor import ENGLISH, checked, markdown, open_app, without_code_spans


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """The built-in pictures, as a visitor's own."""
    folder = tmp_path_factory.mktemp("rooms")
    store, shelf = open_store(str(folder / "store")), Shelf(str(folder / "shelf"))
    made = new_gallery("mine", store, shelf)
    ingest(made, from_samples(), keep_originals=True)
    return made


@pytest.fixture(autouse=True)
def _gallery_on_show(gallery, monkeypatch):
    monkeypatch.setattr(galleries, "show_bar", lambda: gallery)


@pytest.fixture(scope="module")
def notions():
    """A notion that fits what is built in, and one of another model's vectors."""
    fitting = untaught(1280, encoder_key(model_by_id("efficientnet-lite2")), 8)
    up = np.random.default_rng(1).normal(scale=0.1, size=fitting.up.shape).astype(np.float32)
    scores = np.linspace(0, 1, 101)
    summary = {"pictures": 40, "groups": 8, "same": list(scores), "different": list(scores - 0.6)}
    fitting = replace(fitting, name="Harbours", up=up, summary=summary)
    return fitting, replace(fitting, name="Stranger", base="efficientnet-lite2/000000000000/crop/1")


def on_page(page, heads, settings=None, **link):
    """Open a page in a session that holds notions and has some settings."""
    app = open_app(link)
    for key, value in (settings or {}).items():
        app.session_state["settings"][key] = value
    methods = [taught_method(head) for head in heads]
    app.session_state["own_methods"] = {
        method.id: (head, method) for head, method in zip(heads, methods, strict=True)
    }
    return checked(app.switch_page(f"../{page}.py").run()), methods


def put(app, key, value):
    app.session_state["settings"] = {**app.session_state["settings"], key: value}
    return checked(app.run())


def words_of(app):
    return "\n".join(markdown(app))


# ── Search ─────────────────────────────────────────────────────────────────────────


def methods_offered(app):
    (control,) = (one for one in app.multiselect if one.key == "search_methods")
    return control


def test_search_offers_it_as_fast_and_says_why_another_cannot_be_used(notions):
    app, _ = on_page("search", notions)
    offered = methods_offered(app).options
    assert "Harbours (taught) (fast)" in offered
    assert not any("Stranger" in label for label in offered)
    assert "other weights" in words_of(app)


def test_search_answers_by_it_in_the_words_of_the_visitors_groups(notions):
    app, (method,) = on_page("search", notions[:1])
    methods_offered(app).set_value([method.id])
    app = checked(app.run())
    words = words_of(app)
    assert "alike as you taught it" in words
    assert "Not alike as you taught it, from here on" in words
    assert "Probably unrelated" not in words
    helps = [item.help for item in app.caption if "`" in item.value and item.help]
    assert helps
    assert all("Harbours" in text and "as you taught it" in text for text in helps)


def test_search_side_by_side_and_without_it_again(notions):
    app, (method,) = on_page("search", notions[:1])
    app = put(app, "search.methods", f"{method.id},efficientnet-lite2,phash")
    assert any("Harbours" in item.value for item in app.subheader)
    app.session_state["own_methods"] = {}
    assert not any("Harbours" in item.value for item in checked(app.run()).subheader)


def test_search_with_several_pictures_can_be_answered_by_it(notions, gallery):
    app, (method,) = on_page("search", notions[:1])
    app = put(app, "search.methods", method.id)
    app.session_state["search.minus"] = ("mine", gallery.snapshot().entries[5].digest)
    app = checked(app.run())
    assert "Harbours (taught) (fast)" in methods_offered(app).options
    assert "pHash" not in " ".join(methods_offered(app).options)
    assert "Harbours" in words_of(app)
    app = put(app, "search.words", "a harbour")
    assert not [one for one in app.multiselect if one.key == "search_methods"]


def test_search_says_all_of_it_in_chinese(notions):
    app, (method, _) = on_page("search", notions, lang="zh")
    app = put(app, "search.methods", method.id)
    assert "按您所教" in words_of(app)
    said = [without_code_spans(item.value) for item in app.caption]
    assert not [text for text in said if ENGLISH.search(text)]


# ── Duplicates ─────────────────────────────────────────────────────────────────────


@pytest.fixture
def together(notions, gallery):
    """Open Duplicates by a notion with a line of the visitor's."""
    runs, version = grouping_run.runs(), gallery.snapshot().version

    def opened(heads=notions[:1], line=0.5, **link):
        method = taught_method(heads[0])
        settings = {f"{method.id}.line": line, "duplicates.level": "taught"}
        app, _ = on_page("duplicates", heads, settings, **link)
        wanted = grouping_run.ByNotion(method, line)
        assert runs.of(gallery, wanted, version).wait(60)
        return checked(app.run()), method

    yield opened
    # A search for copies that nobody waits for
    if runs.known(gallery, Level.COPY, version):
        runs.of(gallery, Level.COPY, version).stop()
        assert runs.of(gallery, Level.COPY, version).wait(60)
        runs.forget(gallery, Level.COPY, version)


def level(app):
    return next(one for one in app.segmented_control if one.key == "widget.duplicates.level")


def test_duplicates_offers_it_only_where_it_fits(notions):
    for heads, offered in ((notions, True), (notions[1:], False), ((), False)):
        app, _ = on_page("duplicates", heads, {"duplicates.level": "file"})
        assert ("By what you taught" in level(app).options) == offered
        assert ("cannot put its pictures together" in words_of(app)) == (heads == notions[1:])


def test_groups_by_it_are_not_called_duplicates(together):
    app, _ = together()
    words = words_of(app)
    assert "pairs** are above the line" in words
    assert "copies of each other it does not ask" in words
    assert "Weakest link" in words
    assert "by chance" in words
    for said in ("duplicate", "Keep", "Plan"):
        assert said not in words.replace("Duplicates", "").replace("no duplicate", "")
    assert [one.label for one in app.get("download_button")] == [
        "Groups as a table (CSV)",
        "Groups as JSON",
    ]


def test_the_line_can_be_moved_until_nothing_is_left(together):
    app, method = together(line=0.999)
    assert "No two pictures are above this line" in words_of(app)
    slider = next(one for one in app.slider if one.key == f"widget.{method.id}.line")
    assert slider.value == 0.999


def test_a_very_large_gallery_is_put_together_when_asked(notions, monkeypatch):
    monkeypatch.setattr(Gallery, "snapshot", None)  # nothing is read before that
    monkeypatch.setattr(LanceStore, "count", lambda self, name: 20_001)
    chosen = {"duplicates.level": "taught"}
    app, _ = on_page("duplicates", notions[:1], chosen)
    (button,) = (one for one in app.button if one.key == "duplicates_begin")
    assert button.label == "Look for what belongs together"


def test_the_best_of_each_group_is_chosen_only_if_wanted(together):
    app, _ = together()
    toggle = next(one for one in app.toggle if one.key == "widget.duplicates.best")
    toggle.set_value(True)
    app = checked(app.run())
    assert "Keep number" in words_of(app)
    assert "Plan" not in words_of(app)


def test_two_told_apart_under_a_notion_are_told_apart_only_there(together):
    app, method = together()
    button = next(one for one in app.button if str(one.key).startswith("split_"))
    button.click()
    app = checked(app.run())
    assert "remembered as not belonging together" in words_of(app)
    assert app.session_state[f"duplicates_apart{method.id}"]
    assert "duplicates_apart" not in app.session_state
    next(one for one in app.button if one.key == "apart_back").click()
    assert "remembered as not belonging" not in words_of(checked(app.run()))


def test_removing_the_notion_brings_the_copies_back(together):
    app, _ = together()
    app.session_state["own_methods"] = {}
    app = checked(app.run())
    assert level(app).value == "copy"


def test_duplicates_by_a_notion_in_chinese(together):
    app, _ = together(lang="zh")
    said = [without_code_spans(text) for text in markdown(app)]
    assert any("并不判断它们是否为彼此的副本" in text for text in said)
    assert not [text for text in said if ENGLISH.search(text)]


# ── Products ───────────────────────────────────────────────────────────────────────


def sees(app):
    return [one for one in app.selectbox if one.key == "widget.products.notion"]


def verdict(app):
    return next(text for text in markdown(app) if "-badge[" in text)


def test_products_are_ordered_by_it_and_judged_as_before(notions):
    app, (method, _) = on_page("products", notions, **{"products.sample": "green-mug"})
    before = verdict(app)
    (control,) = sees(app)
    assert control.options == ["As it was trained", "Harbours (taught)"]
    control.set_value(method.id)
    app = checked(app.run())
    assert "stands for what the network sees" in words_of(app)
    assert verdict(app) == before
    app.session_state["own_methods"] = {}
    app = checked(app.run())
    assert not sees(app)
    assert "stands for what the network sees" not in words_of(app)


def test_products_say_why_another_notion_cannot_stand_in(notions):
    app, _ = on_page("products", notions[1:], **{"products.sample": "green-mug"})
    assert not sees(app)
    assert "cannot stand in here" in words_of(app)


def test_products_say_it_in_chinese(notions):
    chosen = {"products.notion": taught_method(notions[0]).id}
    app, _ = on_page("products", notions[:1], chosen, lang="zh", **{"products.sample": "green-mug"})
    (control,) = sees(app)
    assert control.options[0] == "网络原本的判断"
    assert "代替网络所看到的内容" in words_of(app)


# ── Robustness, Calibrate ──────────────────────────────────────────────────────────


def test_robustness_draws_its_curve_and_its_breaking_point(notions):
    method = taught_method(notions[0])
    chosen = {"robust.methods": method.id, "robust.damages": "blur"}
    app, _ = on_page("robustness", notions[:1], chosen)
    words = words_of(app)
    assert len(app.get("plotly_chart")) == 1
    table = next(text for text in markdown(app) if text.startswith("| "))
    assert "Harbours" in table
    assert "Harbours" in words
    assert not app.error


@pytest.fixture
def few(monkeypatch):
    """Ask two quick methods besides what was taught."""
    shipped = tuple(method_by_id(code) for code in ("histogram", "phash"))
    asked = tuple(Question(method, method.options()) for method in shipped)
    monkeypatch.setattr(own_methods, "all_methods", lambda: (*shipped, *own_methods.taught()))
    monkeypatch.setattr(workbench, "family_questions", lambda: asked)
    monkeypatch.setattr(disputes, "family_questions", lambda: asked)


def settled(app):
    """Wait until all pairs are scored by all methods."""
    bench = app.session_state["workbench"]
    ending = time.monotonic() + 60
    bench.standings()
    bench._standings.result()
    while True:
        there, total = bench.scoring.done([pair.key for pair in bench.marked])
        if there == total:
            return checked(app.run())
        assert time.monotonic() < ending
        time.sleep(0.05)


def asked_on(app):
    return [one.method.id for one in app.session_state["workbench"].scoring.questions]


def test_calibrate_separates_by_it_and_saves_its_line(notions, few):
    app, (method,) = on_page("calibrate", notions[:1], labelled="copies")
    app = settled(app)
    assert asked_on(app)[-1] == method.id
    assert any("Harbours" in text for text in markdown(app)) or any(
        "Harbours" in label for one in app.selectbox for label in one.options
    )
    saved = lines_as_json([KeptLine(Question(method, method.options()), 0.42)], {})
    app.file_uploader(key="file_lines_0").upload("lines.json", saved.encode())
    app = checked(checked(app.run()).run())
    assert app.session_state["settings"][f"{method.id}.line"] == 0.42


def test_calibrate_asks_what_was_taught_later_and_forgets_what_was_removed(notions, few):
    app, _ = on_page("calibrate", (), labelled="copies")
    app, method = settled(app), taught_method(notions[0])
    assert method.id not in asked_on(app)
    app.session_state["own_methods"] = {method.id: (notions[0], method)}
    app = settled(checked(app.run()))
    assert asked_on(app)[-1] == method.id
    app.session_state["own_methods"] = {}
    app = settled(checked(app.run()))
    assert method.id not in asked_on(app)


def test_lines_of_what_was_taught_elsewhere_are_left_out_by_name(notions, few):
    app, _ = on_page("calibrate", (), labelled="copies")
    method = taught_method(notions[0])
    saved = lines_as_json([KeptLine(Question(method, method.options()), 0.42)], {})
    app.file_uploader(key="file_lines_0").upload("lines.json", saved.encode())
    app = checked(checked(app.run()).run())
    assert "Harbours" in words_of(app)
    assert "taught elsewhere" in words_of(app)
    assert f"{method.id}.line" not in app.session_state["settings"]
