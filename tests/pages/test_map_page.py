"""What the Map page promises."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from imgsim_core import calibration
from imgsim_core.calibration import Strictness
from imgsim_core.comparison import Question
from imgsim_core.gallery import atlas
from imgsim_core.gallery.cluster_names import ClusterName
from imgsim_core.gallery.entry import Row
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.lance import LanceStore
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.memory import Memory
from imgsim_core.registry import method_by_id
from pages.parts import (
    atlas_chart,
    atlas_colours,
    atlas_tiles,
    atlas_view,
    atlas_words,
    cached,
    galleries,
)
from pages.parts.atlas_view import View
from tests.gallery.rows import DIMENSION, entry, info, rows
from tests.pages.visitor import checked, english, markdown, open_app, whole

HOSTILE = "![x](https://evil.example/p.png)<script>.jpg"
MakeGallery = Callable[..., Gallery]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeGallery:
    """Make a gallery of rows that the page shows, with thumbnails for some of them."""

    def make(kept: list[Row], thumbnails: int = 3, **known: object) -> Gallery:
        store, about = LanceStore(str(tmp_path / "store")), info(**known)
        store.create(about)
        store.add(about.name, kept)
        gallery = Gallery(store, Shelf(str(tmp_path / "pictures")), about, read_only=True)
        numbers = np.random.default_rng(0)
        for one in kept[:thumbnails]:
            rgb = numbers.integers(0, 256, (90, 120, 3), dtype=np.uint8)
            gallery.shelf.put_thumbnail(one.entry.digest, rgb)
        monkeypatch.setattr(galleries, "show_bar", lambda: gallery)
        return gallery

    return make


def open_map(link: dict[str, str] | None = None, locale: str = "en-GB") -> AppTest:
    return checked(open_app(link, locale).switch_page("../map.py").run())


def view_of(gallery: Gallery) -> View:
    snapshot = gallery.snapshot()
    return View(gallery, snapshot, atlas.begin(gallery, snapshot).atlas())


def said(app: AppTest) -> str:
    return "\n".join(markdown(app))


def crowded(count: int = 80) -> list[Row]:
    """Rows in four crowds, and three at right angles to everything."""
    numbers = np.random.default_rng(0)
    corners = np.repeat(np.eye(4, DIMENSION), count // 4, axis=0)
    vectors = corners + 0.05 * numbers.normal(size=corners.shape)
    vectors = np.concatenate([vectors, np.eye(DIMENSION)[4:7]])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    facts = rows(len(vectors))
    return [Row(one.entry, vector.astype(np.float32)) for one, vector in zip(facts, vectors)]  # noqa: B905


# ── At once ────────────────────────────────────────────────────────────────────────


def test_without_a_gallery_the_page_says_what_it_is_for(monkeypatch):
    monkeypatch.setattr(galleries, "show_bar", lambda: None)
    monkeypatch.setattr(atlas, "warm_up", lambda: None)
    assert "A whole gallery at a glance" in said(open_map())


def test_a_gallery_is_mapped_without_a_click(made):
    gallery = made(crowded())
    app = open_map()
    assert "83 pictures in 4 clusters; 3 lie apart" in said(app)
    assert len(app.get("plotly_chart")) == 1
    assert "Trustworthiness" in said(app)
    written = [item.value for item in app.caption]
    for cluster in view_of(gallery).atlas.clusters:
        assert f"{len(cluster)} pictures" in written


@pytest.mark.parametrize("count", [1, 2, 3, 11])
def test_a_small_gallery_is_mapped_too(made, count):
    made(rows(count))
    assert f"{count} pictures" in said(open_map())


def test_an_empty_gallery_says_so(made):
    made([])
    app = open_map()
    assert "empty" in app.info[0].value


def test_a_store_that_went_away_is_a_sentence(made, tmp_path):
    gallery = made(rows(3))
    gallery.store.drop(gallery.name)
    app = open_map()
    assert len(app.error) == 1


# ── Choosing ───────────────────────────────────────────────────────────────────────


def test_a_cluster_is_chosen_from_the_list_without_a_pointer(made):
    made(crowded())
    app = open_map()
    app.selectbox(key="atlas_list").select("0").run()
    app = whole(app)
    assert re.search(r"Cluster 1: 2\d pictures", said(app))
    looks = [item for item in app.button if str(item.key).startswith("atlas_look_")]
    assert len(looks) == 12  # a page of the wall
    app.button(key="atlas_none").click().run()
    assert "Cluster 1: " not in said(whole(app))


def test_a_card_shows_its_cluster_on_the_map(made):
    made(crowded())
    app = open_map()
    app.button(key="atlas_show_2").click().run()
    checked(app)
    assert "Cluster 3: " in said(app)
    assert app.selectbox(key="atlas_list").value == "2"


def test_a_picture_is_looked_at_with_its_nearest_and_the_reason_it_lies_apart(made):
    made(crowded())
    app = open_map()
    app.button(key="atlas_apart_0").click().run()
    text = said(checked(app))
    assert "Nearest to it" in text
    assert "cosine 0." in text or "cosine -0." in text
    assert "Its nearest picture lies at a cosine of" in text


def test_a_picture_opens_in_compare_with_its_nearest(made):
    made(rows(12), thumbnails=12)
    app = open_map()
    app.session_state["atlas_choice"] = None
    app = checked(app.run())
    view = view_of(galleries.show_bar())
    app.session_state["atlas_choice"] = (
        view.id,
        atlas_view.Choice("picture", np.array([0])),
    )
    app = checked(app.run())
    app.button(key="atlas_compare_0").click().run()
    checked(app)
    first, second = app.session_state["brought_a"], app.session_state["brought_b"]
    assert first.name == view.entry(0).name
    near = (view.snapshot.vectors @ view.snapshot.vectors[0]).argsort()[-2]
    assert second.name == view.entry(int(near)).name


def test_a_pair_opens_in_compare_in_full_since_its_answers_are_kept_by_the_file(made, tmp_path):
    kept = []
    for shade, row in enumerate(rows(2)):
        file = tmp_path / f"{shade}.png"
        Image.new("RGB", (2000, 20), (shade, 0, 0)).save(file)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        kept.append(Row(entry(file.name, digest=digest, sources=(str(file),)), row.vector))
    view = view_of(made(kept, thumbnails=0))
    app = open_map()
    app.session_state["atlas_choice"] = (view.id, atlas_view.Choice("picture", np.array([0])))
    checked(checked(app.run()).button(key="atlas_compare_0").click().run())
    assert {app.session_state[f"brought_{slot}"].width for slot in "ab"} == {2000}


def test_the_line_tells_how_many_have_a_neighbour_above_it(made):
    gallery = made(crowded())
    app = open_map()
    cosines = view_of(gallery).atlas.nearest_cosines
    for line in (0.5, 0.99):
        app.slider(key="widget.map.line").set_value(line).run()
        above = int((cosines >= line).sum())
        assert f"**{above} of 83 pictures** have another one above the line at {line:.2f}" in said(
            app
        )
        app = whole(app)
    app.button(key="atlas_above").click().run()
    assert f"{above} pictures with another one above the line" in said(whole(app))


def test_a_gallery_of_a_known_model_starts_at_its_calibrated_line(made):
    made(rows(20, 1280), model="efficientnet-lite2", dimension=1280)
    app = open_map()
    method = method_by_id("efficientnet-lite2")
    normal, strict = (
        calibration.line(Question(method, method.options()), strictness)
        for strictness in (Strictness.NORMAL, Strictness.STRICT)
    )
    assert app.slider[0].value == pytest.approx(normal, abs=1e-3)
    app.segmented_control(key="widget.strict").set_value("strict").run()
    assert app.slider[0].value == pytest.approx(strict, abs=1e-3)
    assert strict > normal


def test_a_line_fits_on_every_page_however_unlike_the_pictures_are(made):
    vector = np.eye(1280, dtype=np.float32)[0]
    opposite = [Row(entry("a.jpg"), vector), Row(entry("b.jpg"), -vector)]
    made(opposite, model="efficientnet-lite2", dimension=1280)
    app = open_map()
    low, high = method_by_id("efficientnet-lite2").scale.axis
    assert (app.slider[0].min, app.slider[0].max) == (low, high)
    counts = json.loads(app.get("plotly_chart")[0].proto.spec)["data"][0]["y"]
    assert np.frombuffer(base64.b64decode(counts["bdata"]), counts["dtype"]).sum() == 2
    app.slider[0].set_value(low).run()
    assert "at 0.000" in said(app)


def test_a_line_below_zero_is_no_obstacle_to_another_gallery(made):
    made(crowded())
    app = open_map()
    app.session_state["settings"] = {"map.line": -0.5}
    assert checked(app.run()).slider(key="widget.map.line").value == -0.5


@pytest.mark.parametrize("mode", atlas_colours.MODES)
def test_colours_come_from_a_link(made, mode):
    made(crowded())
    app = open_map({"map.colour": mode})
    assert app.segmented_control(key="widget.map.colour").value == mode


# ── Colours ────────────────────────────────────────────────────────────────────────


def test_colours_say_what_they_claim(made):
    kept = [
        Row(entry("a.jpg", taken="2001-01-01T00:00:00"), rows(4)[0].vector),
        Row(entry("b.jpg", modified=1_700_000_000.0), rows(4)[1].vector),
        Row(entry("c.jpg"), rows(4)[2].vector),
        Row(entry("d.jpg", colours=np.eye(64, dtype=np.float32)[0]), rows(4)[3].vector),
    ]
    view = view_of(made(kept))
    light = atlas_colours.colouring(view, "light", 0.5).of
    assert light[3] == 0  # all of it is black
    assert light[0] > 3
    colour = atlas_colours.colouring(view, "colour", 0.5)
    assert colour.palette[colour.of[3]] == "#000000"
    line = atlas_colours.colouring(view, "line", -1.0)
    assert set(line.of) == {0}
    assert set(atlas_colours.colouring(view, "line", 1.01).of) == {1}


def test_dates_run_from_the_oldest_to_the_newest(made, monkeypatch):
    kept = [
        Row(entry("a.jpg", taken="2001-01-01T00:00:00"), rows(3)[0].vector),
        Row(entry("b.jpg", modified=1_700_000_000.0), rows(3)[1].vector),
        Row(entry("c.jpg"), rows(3)[2].vector),
    ]
    found = atlas_colours.colouring(view_of(made(kept)), "date", 0.5)
    assert found.ramp == ("2001-01-01", "2023-11-14")
    assert found.of[0] < found.of[1] < found.of[2]
    assert found.palette[found.of[2]] == atlas_colours.NONE


# ── What a browser tells ───────────────────────────────────────────────────────────


@pytest.fixture
def told(made, monkeypatch) -> tuple[View, Callable[[object], atlas_view.Choice | None]]:
    """A view, and what is chosen on it after a browser has sent something."""
    view = view_of(made(crowded()))
    state: dict[str, object] = {}
    monkeypatch.setattr(st, "session_state", state)

    def send(value: object) -> atlas_view.Choice | None:
        state["atlas_map"] = SimpleNamespace(picked=value)
        atlas_chart._picked(view)()
        return atlas_view.choice(view)

    return view, send


def test_a_click_and_a_lasso_choose(told):
    view, send = told
    assert send({"id": view.id, "one": 7}).rows.tolist() == [7]
    everything = [[-2, -2], [2, -2], [2, 2], [-2, 2]]
    assert len(send({"id": view.id, "outline": everything}).rows) == 83
    assert send({"id": view.id, "none": True}) is None


@pytest.mark.parametrize(
    "value",
    [
        None, "x", 5, [], {}, {"id": "other", "one": 1},
        {"one": -1}, {"one": 83}, {"one": True}, {"one": "1"}, {"one": 1.5},
        {"outline": "x"}, {"outline": [[0, 0]]}, {"outline": [[0, 0], [1, 1], [float("nan"), 0]]},
        {"outline": [[10**400, 0]] * 3}, {"outline": [[0, 0, 0]] * 4},
        {"outline": [[0, 0], [1]]}, {"outline": [[0, 0]] * 500},
    ],
    ids=repr,
)  # fmt: skip
def test_whatever_else_a_browser_sends_chooses_nothing(told, value):
    view, send = told
    if isinstance(value, dict) and value and "id" not in value:
        value = {"id": view.id, **value}
    assert send(value) is None


def test_another_map_has_no_choice_of_this_one(told, made):
    view, send = told
    send({"id": view.id, "one": 7})
    view.gallery.store.add(view.gallery.name, rows(1, seed=9))
    assert atlas_view.choice(view_of(view.gallery)) is None


def test_thumbnails_come_on_one_sheet_and_the_missing_are_named(made):
    gallery = made(rows(5), thumbnails=3)
    there = [one.entry for one in rows(5)]
    data, places = atlas_tiles.sheet(gallery, there)
    assert places == [0, 1, 2]
    assert data[:2] == b"\xff\xd8"  # a JPEG
    assert atlas_tiles.sheet(gallery, there[3:]) == (b"", [])
    assert atlas_tiles.tile(gallery, there[0]).shape == (80, 80, 3)
    assert atlas_tiles.montage(gallery, there[:3])
    assert atlas_tiles.montage(gallery, there[3:]) is None


def test_cards_show_pictures_once_their_small_copies_have_come(made):
    gallery = made(crowded(), thumbnails=0)
    app = open_map()
    before, view = len(app.image), view_of(gallery)
    for one in view.snapshot.entries:
        gallery.shelf.put_thumbnail(one.digest, np.zeros((90, 120, 3), np.uint8))
    shown = len(view.atlas.clusters) + len(view.atlas.outliers)
    assert len(checked(app.run()).image) == before + shown


def test_clusters_are_named_once_their_model_has_come(made, monkeypatch):
    view = view_of(made(crowded()))
    answers = iter([(None,) * 4, (ClusterName("tabby", 1.0, ("tabby",)),) * 4])
    monkeypatch.setattr(atlas_words, "cluster_names", lambda *asked: next(answers))
    assert not any(atlas_words.names(view))
    assert all(atlas_words.names(view))
    assert all(atlas_words.names(view))  # and remembered


def test_thumbnails_shown_to_a_visitor_are_let_go_of(made, monkeypatch):
    memory = Memory(200 * 2**20)
    monkeypatch.setattr(cached, "memory", lambda: memory)
    gallery = made(crowded(), thumbnails=80)
    app = open_map()
    app.session_state["atlas_wanted"] = {"id": view_of(gallery).id, "tiles": list(range(80))}
    checked(app.run())
    memory.forget_unused(-1)
    assert memory.held_bytes == 0


def test_a_large_gallery_is_drawn_in_part_with_all_it_points_at(made, monkeypatch):
    monkeypatch.setattr(atlas_view, "MOST_DRAWN", 40)
    made(crowded())
    app = open_map()
    text = said(app)
    assert "of 83 pictures are drawn" in text
    view = view_of(galleries.show_bar())
    assert 0 < len(view.drawn) <= 40
    pointed = {row for cluster in view.atlas.clusters for row in cluster.representatives}
    pointed |= {one.row for one in view.atlas.outliers}
    assert pointed <= set(view.drawn.tolist())


# ── Words ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", ["cluster", "date"])
def test_the_whole_page_is_in_chinese(made, mode):
    made(crowded())
    app = open_map({"map.colour": mode}, locale="zh-CN")
    app.button(key="atlas_apart_0").click().run()
    assert english(list(markdown(checked(app)))) == []


def test_a_hostile_name_is_never_markup(made):
    kept = rows(12)
    kept[0] = Row(entry(HOSTILE), kept[0].vector)
    gallery = made(kept)
    view = view_of(gallery)
    app = open_map()
    row = view.snapshot.row_of[kept[0].entry.digest]
    app.session_state["atlas_choice"] = (view.id, atlas_view.Choice("outline", np.array([row])))
    app = checked(app.run())
    shown = [text for text in markdown(app) if "evil" in text]
    assert shown
    assert all(text.startswith("`") and text.endswith("`") for text in shown)


def test_all_that_goes_to_the_browser_can_be_written_as_json(made, monkeypatch):
    sent: list[dict[str, object]] = []

    def catch(**keywords: object) -> None:
        sent.append(json.loads(json.dumps(keywords["data"])))

    monkeypatch.setattr(atlas_chart, "_MAP", catch)
    monkeypatch.setattr(atlas_chart, "_FEED", catch)
    made(crowded())
    open_map()
    points, feed = sent
    assert sorted(points["order"]) == list(range(83))
    assert len(points["labels"]) == 4
    assert feed["mask"] == ""
