"""The page Duplicates, over a small gallery that stands in for the visitor's."""

from __future__ import annotations

import pytest

from imgsim_core.allowance import Allowances
from imgsim_core.errors import StoreGone
from imgsim_core.gallery.copies import Level
from imgsim_core.gallery.keeping import not_duplicates_as_json
from imgsim_core.text import Text
from pages.parts import galleries, grouping_cards, grouping_graph, grouping_run, tenancy
from tests.gallery.test_duplicates import made, sample
from tests.pages.visitor import checked, english, markdown, names, open_app, without_code_spans


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    cat, coins = sample("cat"), sample("coins")
    bright = (cat * 0.8).astype("uint8")
    return made(
        tmp_path_factory.mktemp("page"),
        {
            "cat.png": cat,
            "again [x](y) `z`.png": cat,
            "mirrored.png": cat[:, ::-1],
            "darker.png": bright,
            "coins.png": coins,
            "coins upside down.png": coins[::-1],
            "rocket.png": sample("rocket"),
        },
    )


@pytest.fixture
def on_page(gallery, monkeypatch):
    """Open the page in a language, with the search over."""
    monkeypatch.setattr(galleries, "show_bar", lambda: gallery)

    def opened(locale="en-GB", level="copy"):
        app = open_app(locale=locale)
        app.switch_page("../duplicates.py").run()
        if level != "copy":
            choose(app, level)
        return ready(app, gallery, level)

    return opened


def choose(app, level):
    control = next(one for one in app.segmented_control if one.key == "widget.duplicates.level")
    control.set_value(level)
    return checked(app.run())


def ready(app, gallery, level):
    """Wait for the search behind the page, and draw it again."""
    version = gallery.snapshot().version
    assert grouping_run.runs().of(gallery, Level(level), version).wait(120)
    return checked(app.run())


def button(app, start):
    return next(one for one in app.button if str(one.key).startswith(start))


def groups(app):
    """Numbers of pictures of the groups on show."""
    return [
        int(one.value.split()[0].lstrip("*"))
        for one in app.markdown
        if one.value.endswith("pictures**")
    ]


def test_groups_with_advice_evidence_and_the_statement(on_page):
    app = on_page()
    assert groups(app) == [3, 2]
    said = "\n".join(markdown(app))
    assert said.count("Weakest link") == 2
    assert "of 64 bits" in said
    assert "Nothing is deleted here" in said
    assert said.count("Keep number") == 2


def test_names_are_never_read_as_markup(on_page):
    for level in ("copy", "file"):
        app = on_page(level=level)
        for text in markdown(app):
            assert "[x](y)" not in without_code_spans(text)


def test_the_same_files_are_listed_by_name(on_page):
    app = on_page(level="file")
    said = "\n".join(markdown(app))
    assert "2 files with the same bytes" in said
    assert "cat.png" in said
    assert "rocket.png" not in said


def test_another_picture_can_be_kept(on_page):
    app = on_page()
    button(app, "keep_").click()
    checked(app.run())
    assert any("You chose it" in text for text in markdown(app))


def test_a_split_parts_a_group_and_can_be_taken_back(on_page):
    app = on_page()
    button(app, "split_").click()
    checked(app.run())
    assert groups(app) == [2, 2]
    assert any("remembered as no duplicates" in text for text in markdown(app))
    button(app, "apart_back").click()
    checked(app.run())
    assert groups(app) == [3, 2]


def test_two_told_apart_are_no_group(on_page):
    app = on_page()
    last = [one for one in app.button if str(one.key).startswith("apart_")][-1]
    last.click()
    checked(app.run())
    assert groups(app) == [3]


def test_a_file_of_pairs_is_taken_and_a_wrong_one_refused(on_page, gallery):
    app = on_page()
    digests = [one.digest for one in gallery.snapshot().entries if "coins" in one.name]
    uploader = next(one for one in app.file_uploader if str(one.key).startswith("file_apart_"))
    uploader.upload("x.json", b"{}", "application/json")
    checked(app.run())
    assert any("no file of pairs" in text for text in markdown(app))
    assert groups(app) == [3, 2]
    uploader = next(one for one in app.file_uploader if str(one.key).startswith("file_apart_"))
    data = not_duplicates_as_json([frozenset(digests)]).encode()
    uploader.upload("x.json", b"{}", "application/json")
    uploader.upload("y.json", data, "application/json")
    checked(app.run())
    assert groups(app) == [3]
    assert any("no file of pairs" in text for text in markdown(app))
    assert any("1 pairs came with the file" in text for text in markdown(app))


def test_the_picture_to_keep_is_shown_however_many_there_are(on_page, gallery, monkeypatch):
    monkeypatch.setattr(grouping_cards, "_MOST_SHOWN", 2)
    app = on_page()
    found = grouping_run.runs().of(gallery, Level.COPY, gallery.snapshot().version).report
    group = found.regrouped(frozenset())[0]
    app.session_state["duplicates_kept"] = {group.key: group.members[2]}
    checked(app.run())
    tile = app.get_by_key(f"tile_{group.key}_{group.members[2][:12]}")
    assert any("Keep" in item.value for item in tile.markdown)


def test_a_graph_of_some_pictures_of_a_group_says_so(on_page, monkeypatch):
    monkeypatch.setattr(grouping_graph, "_MOST_DRAWN", 2)
    assert sum("Numbers 1 to 2 are drawn." in text for text in markdown(on_page())) == 1


def test_the_rule_is_the_visitors(on_page):
    app = on_page()
    undecided = "Nothing in the rule tells them apart"
    assert sum(undecided in text for text in markdown(app)) == 1
    order = next(one for one in app.multiselect if one.key == "widget.duplicates.order")
    order.set_value(["lossless", "older"])
    checked(app.run())
    order = next(one for one in app.multiselect if one.key == "widget.duplicates.order")
    assert order.value == ["lossless", "older"]
    assert app.query_params["duplicates.order"] in ("lossless,older", ["lossless,older"])
    assert sum(undecided in text for text in markdown(app)) == 2


def test_open_in_compare_brings_the_pair(on_page):
    app = on_page()
    button(app, "compare_").click()
    checked(app.run())
    assert len(names(app)) == 2
    assert "Duplicates" not in [one.value for one in app.title]


def test_a_pair_for_which_there_is_no_room_is_not_opened(on_page, monkeypatch):
    app = on_page()
    nothing_left = Allowances(1000, 1000)
    monkeypatch.setattr(tenancy, "allowance", nothing_left.new)
    button(app, "compare_").click()
    checked(app.run())
    assert "There is no room for more" in app.error[0].value
    assert "brought_a" not in app.session_state


def test_in_chinese_nothing_is_left_in_english(on_page):
    for level in ("copy", "file"):
        app = on_page("zh-CN", level)
        texts = [text for text in markdown(app) if "imgsim" not in text]
        assert len(texts) > 10
        assert english(texts) == []


def test_a_store_that_goes_away_is_a_sentence_with_a_way_on(on_page, gallery, monkeypatch):
    def gone(*_, **__):
        raise StoreGone(
            Text("The pictures at {address} cannot be reached: {why}.", address="x", why="y")
        )

    version = gallery.snapshot().version
    runs = grouping_run.runs()
    runs.forget(gallery, Level.SHOT, version)
    monkeypatch.setattr(grouping_run, "find_duplicates", gone)
    app = on_page(level="shot")
    assert "cannot be reached" in app.error[0].value
    monkeypatch.undo()
    runs.forget(gallery, Level.SHOT, version)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_search_that_fails_by_a_fault_of_ours_is_no_empty_page(on_page, gallery, monkeypatch):
    version, runs = gallery.snapshot().version, grouping_run.runs()
    runs.forget(gallery, Level.SHOT, version)
    monkeypatch.setattr(grouping_run, "find_duplicates", lambda *_: 1 / 0)
    app = on_page(level="shot")
    assert "wrong on our side" in app.error[0].value
    monkeypatch.undo()
    button(app, "duplicates_again").click()
    ready(app, gallery, "shot")
    assert not app.error


def test_without_a_gallery_it_says_what_it_is_for(monkeypatch):
    monkeypatch.setattr(galleries, "show_bar", lambda: None)
    app = open_app()
    checked(app.switch_page("../duplicates.py").run())
    assert any("Nothing is deleted" in text for text in markdown(app))


def test_an_empty_gallery_is_a_sentence(monkeypatch, tmp_path):
    empty = made(tmp_path, {})
    monkeypatch.setattr(galleries, "show_bar", lambda: empty)
    app = open_app()
    checked(app.switch_page("../duplicates.py").run())
    assert "empty" in app.info[0].value


def test_thousands_of_groups_are_drawn_a_page_at_a_time(on_page, monkeypatch, gallery):
    monkeypatch.setattr(grouping_cards, "PAGE", 1)
    app = on_page()
    assert groups(app) == [3]
    app.session_state["duplicates_page"] = 2
    checked(app.run())
    assert groups(app) == [2]
