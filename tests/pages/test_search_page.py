"""The page Search, without a browser, on the sample gallery."""

from __future__ import annotations

import time

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from imgsim_core.allowance import Allowances
from imgsim_core.registry import method_by_id
from pages.parts import galleries, searching, tenancy
from tests.gallery.test_duplicates import made
from tests.pages.visitor import ENGLISH, bring, checked, markdown, open_app, whole

SECONDS = 120


@pytest.fixture(scope="module", autouse=True)
def _sample_gallery():
    """Made once, before anybody looks at it."""
    samples = tenancy.sample_gallery()
    samples.start()
    deadline = time.monotonic() + SECONDS
    while samples.gallery() is None:
        assert samples.state != "failed", samples.problem
        assert time.monotonic() < deadline
        time.sleep(0.1)


def on_search(**link: str) -> AppTest:
    app = open_app({"gallery": "samples", **link})
    return checked(app.switch_page("../search.py").run())


def words_of(app: AppTest) -> str:
    return "\n".join(markdown(app))


def tiles(app: AppTest) -> list[str]:
    """Captions of the hits, in order."""
    return [item.value for item in app.caption if "`" in item.value and item.help]


def asked_for(app: AppTest) -> str:
    (said,) = (item.value for item in app.caption if "Picture to look for" in item.value)
    return said


def test_the_first_look_has_a_result():
    app = on_search()
    assert "probably related" in words_of(app)
    found = tiles(app)
    assert len(found) >= 10
    assert "The same file" in found[0]
    assert "Probably unrelated below" in words_of(app)


def test_every_hit_tells_its_number_and_scale():
    app = on_search()
    helps = [item.help for item in app.caption if "`" in item.value and item.help]
    assert all("EfficientNet-Lite2: " in text and "identical" in text for text in helps)
    # A number nowhere but there
    assert not any("0." in item.split("`")[0] for item in tiles(app))


def test_a_suggestion_is_one_click_away():
    app = on_search()
    before = asked_for(app)
    checked(app.button(key="suggestion_3").click().run())
    assert asked_for(app) != before
    assert "The same file" in tiles(app)[0]


def test_more_like_a_hit_asks_with_it():
    app = on_search()
    name = tiles(app)[3].split("`")[1].rstrip("…")
    key = next(item.key for item in app.button if item.key == "more_hits_3")
    checked(app.button(key=key).click().run())
    assert name in asked_for(app)


def test_a_link_names_no_picture_that_another_has_taken_the_place_of(png):
    app = on_search()
    checked(app.button(key="suggestion_3").click().run())
    assert "search.picture" in app.query_params
    bring(app, "search.sample", "mine.png", png)
    assert "mine.png" in asked_for(app)
    assert "search.picture" not in app.query_params


def test_words_find_pictures_and_stay_in_the_link():
    app = on_search()
    checked(app.text_input(key="widget.search.words").set_value("motorcycle").run())
    assert all("motorcycle" in caption for caption in tiles(app)[:5])
    assert "a guess from how typical pictures" in words_of(app)
    assert app.query_params["search.words"] == "motorcycle"
    assert "search_methods" not in {item.key for item in app.multiselect}


def test_a_link_restores_words_and_minus():
    app = on_search(**{"search.words": "animal", "search.not": "cat"})
    assert app.text_input(key="widget.search.words").value == "animal"
    assert not any("cat" in caption for caption in tiles(app)[:4])


def test_chinese_words_get_a_sentence():
    app = on_search(lang="zh", **{"search.words": "一只猫"})
    (error,) = app.error
    assert "英文" in error.value
    assert not tiles(app)


def test_several_methods_stand_side_by_side_with_what_they_share():
    codes = ("efficientnet-lite2", "histogram", "dhash")
    app = on_search(**{"search.methods": ",".join(codes)})
    said = words_of(app)
    for code in codes:
        assert any(str(method_by_id(code).label) == item.value for item in app.subheader)
    assert said.count("of the first 10 pictures") + said.count("share none") == 3
    linked = [caption for caption in tiles(app) if "-badge[1]" in caption]
    assert len(linked) >= 2


def test_shared_details_are_counted_on_demand():
    app = on_search()
    assert not any("details agree" in caption for caption in tiles(app))
    checked(app.toggle(key="widget.search.verify").set_value(True).run())
    assert any("details agree" in caption for caption in tiles(app)[1:6])


def test_colours_are_asked_for_and_kept_in_the_link():
    app = on_search(**{"search.by": "colours", "search.colours": "ffffff:60"})
    assert "of these colours" in words_of(app)
    assert "%" in tiles(app)[0]
    checked(app.button(key="search_add_colour").click().run())
    assert len(app.color_picker) == 2
    checked(app.color_picker(key="search_colour_1").set_value("#ff0000").run())
    assert app.query_params["search.colours"] == "ffffff:60,ff0000:30"


@pytest.mark.parametrize(
    ("white", "said"), [(0, "No picture"), (1, "1 picture"), (2, "2 pictures")]
)
def test_few_pictures_are_counted_as_people_count(monkeypatch, tmp_path, white, said):
    shades = {f"{number}.png": np.full((32, 32, 3), 255 - number, np.uint8) for number in range(2)}
    for number in range(white, 2):
        shades[f"{number}.png"][:] = (200, 0, 0)
        shades[f"{number}.png"][:number] = 0  # no two files the same
    held = made(tmp_path, shades)
    monkeypatch.setattr(galleries, "show_bar", lambda: held)
    app = on_search(**{"search.by": "colours", "search.colours": "ffffff:100"})
    assert any(f"**{said} hold" in text for text in markdown(app))


def test_no_picture_is_suggested_twice(tmp_path):
    grounds = {f"{number}.png": np.full((32, 32, 3), 128, np.uint8) for number in range(4)}
    for number in range(4):
        grounds[f"{number}.png"][0, 0] = 128 + number  # other files that look the same
    found = [entry.digest for entry in searching.suggestions(made(tmp_path, grounds))]
    assert len(set(found)) == len(found) == 4


@pytest.mark.parametrize("asked", [{}, {"search.by": "colours"}, {"search.words": "cat"}])
def test_an_empty_gallery_is_a_sentence(monkeypatch, tmp_path, asked):
    empty = made(tmp_path, {})
    monkeypatch.setattr(galleries, "show_bar", lambda: empty)
    assert "This gallery is empty" in words_of(on_search(**asked))


def test_conditions_narrow_the_hits_and_can_be_removed():
    app = on_search()
    everything = len(tiles(app))
    checked(app.text_input(key="search_filter_name").set_value("coffee").run())
    assert 0 < len(tiles(app)) < everything
    assert all("coffee" in caption for caption in tiles(app))
    checked(app.text_input(key="search_filter_name").set_value("no such name").run())
    assert "No picture meets these conditions." in words_of(app)
    checked(app.button(key="search_filter_none").click().run())
    assert len(tiles(app)) == everything


def test_conditions_of_another_gallery_do_not_hold_unseen():
    app = on_search()
    everything = tiles(app)
    app.session_state["search_filter_camera"] = "Canon EOS 5D"
    app.session_state["search_filter_formats"] = ["HEIF", "PNG"]
    checked(app.run())
    assert app.multiselect(key="search_filter_formats").value == ["PNG"]
    checked(app.button(key="search_filter_none").click().run())
    assert tiles(app) == everything
    app.session_state["search_filter_camera"] = "Canon EOS 5D"
    checked(app.run())
    assert tiles(app) == everything


@pytest.mark.parametrize(
    "link",
    [
        {"search.methods": "nothing"},
        {"search.methods": "histogram,histogram"},
        {"search.colours": "red:9999"},
        {"search.by": "colours", "search.colours": "2f6fb5:0"},
        {"search.by": "colours", "search.colours": "2f6fb5:999,000000:3"},
        {"search.by": "everything"},
        {"search.picture": "../../etc/passwd"},
        {"search.picture": "0" * 64},
        {"search.weight.picture": "nan"},
        {"search.weight.words": "1e9"},
        {"search.words": "x" * 5000},
    ],
)
def test_a_link_that_does_not_fit_does_no_harm(link):
    app = on_search(**link)
    assert tiles(app)


def test_the_page_is_chinese_for_chinese_readers():
    app = on_search(lang="zh")
    labels = [item.label for item in (*app.button, *app.toggle, *app.text_input, *app.slider)]
    assert labels
    assert not [label for label in labels if ENGLISH.search(label)]
    assert "可能相关" in words_of(whole(app))


def test_a_hit_for_which_there_is_no_room_stays_where_it_is(monkeypatch):
    monkeypatch.setattr(tenancy, "allowances", lambda: Allowances(each=100, together=100))
    app = on_search()
    checked(app.button(key="why_hits_2").click().run())
    assert "There is no room for more" in app.error[0].value
    assert tiles(app)


def test_a_hit_opens_in_compare():
    app = on_search()
    checked(app.button(key="why_hits_2").click().run())
    assert any(item.key == "slot_a" or "A" in item.value for item in app.markdown)
    assert "search.picture" not in app.query_params
