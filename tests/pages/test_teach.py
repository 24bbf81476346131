"""The Teach page, as a visitor without a browser sees it."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from imgsim_core.labelled import Pair
from imgsim_core.picture import open_picture
from imgsim_core.samples import open_sample
from imgsim_core.teaching.head import head_as_bytes
from pages.parts import teaching_groups
from pages.parts.language import catalogue
from pages.parts.teaching_handover import groups_of_pairs
from tests.pages.visitor import checked, english, markdown, open_app, whole, without_code_spans

PAGE = "../teach.py"
PATIENCE = 120  # seconds, for a machine under load and the first import of torch
THINGS = ("bricks", "grass", "coins", "page")


def teach(link=None, locale: str = "en-GB"):
    app = open_app(link, locale)
    app.switch_page(PAGE)
    return checked(app.run())


def said(app) -> str:
    return "\n".join(markdown(app))


def click(app, key: str):
    next(button for button in app.button if button.key == key).click()
    return checked(app.run())


def keys(app) -> set[str]:
    return {str(button.key) for button in app.button}


def bring(app, name: str, *uploads):
    uploader = next(one for one in app.file_uploader if str(one.key).startswith(f"file_{name}_"))
    for file_name, data, kind in uploads:
        uploader.upload(file_name, data, kind)
    return whole(checked(app.run()))


def taught(app):
    """Wait for the lesson behind the page, then draw the page anew."""
    run = app.session_state["teaching_run"].run
    assert run.wait(PATIENCE)
    return whole(app)


def jpeg(thing: str, number: int) -> bytes:
    """Encode a part of a built-in picture; another number, another part."""
    rgb = open_sample(thing).rgb
    random = np.random.default_rng(number)
    top, left = (int(random.integers(length - 64)) for length in rgb.shape[:2])
    stream = io.BytesIO()
    Image.fromarray(rgb[top : top + 64, left : left + 64]).save(stream, "JPEG")
    return stream.getvalue()


def zipped(files: dict[str, bytes]) -> tuple[str, bytes, str]:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return "mine.zip", stream.getvalue(), "application/zip"


def folders(each: int, things=THINGS) -> dict[str, bytes]:
    return {f"{one}/{n}.jpg": jpeg(one, n) for one in things for n in range(each)}


@pytest.fixture(scope="module")
def lesson_over():
    """A visitor who has clicked the first sample and seen it through."""
    app = click(teach(), "teach_begin_colour")
    return taught(app)


def test_one_click_on_a_sample_shows_a_real_effect(lesson_over):
    (success,) = [item.value for item in lesson_over.success if "It helps" in item.value]
    assert "the model alone did so 0 of 100 times" in success
    figures = lesson_over.session_state["teaching_run"].run.lesson
    assert figures.recall.low > 0.2
    assert "12 groups · 60 pictures" in said(lesson_over)
    assert lesson_over.query_params["lesson"] == "colour"


def test_a_taught_notion_becomes_a_method_is_saved_and_brought_back(lesson_over):
    app = click(lesson_over, "teach_use")
    assert "It is one of your methods now" in said(app)
    ((method_id, (head, _)),) = app.session_state["own_methods"].items()
    assert f"teach_save_{method_id}" in {str(one.key) for one in app.get("download_button")}
    app = click(app, f"teach_remove_{method_id}")
    assert not app.session_state["own_methods"]
    data = head_as_bytes(head)
    changed = data[:-1] + bytes([data[-1] ^ 1])
    app = bring(
        app,
        "teach_back",
        ("mine.safetensors", data, "application/octet-stream"),
        ("changed.safetensors", changed, "application/octet-stream"),
        ("nonsense.safetensors", b"nonsense", "application/octet-stream"),
    )
    assert list(app.session_state["own_methods"]) == [method_id]
    errors = [item.value for item in app.error]
    assert any("changed.safetensors" in one and "changed since" in one for one in errors)
    assert any("nonsense.safetensors" in one for one in errors)
    assert len(errors) == 2


def test_a_result_that_is_out_of_date_says_so(lesson_over):
    app = lesson_over
    desk = app.session_state["teaching_desk"]
    desk.move(0, None)
    app = whole(app)
    assert "You changed the groups" in said(app)
    assert "59 pictures" in said(app)


def test_a_link_opens_a_lesson_in_the_readers_language():
    app = teach({"lesson": "chance", "lang": "zh"}, "zh-CN")
    app = taught(app)
    assert catalogue("zh")["Dealt by chance"] in said(app)
    assert not app.success
    texts = [without_code_spans(text) for text in markdown(app)]
    assert not english(texts)


def test_a_link_that_makes_no_sense_is_the_page_as_ever():
    app = teach({"lesson": "../x", "teach.loss": "no", "teach.copies": "99", "teach.model": "y"})
    assert "teach_begin_colour" in keys(app)


def test_own_groups_are_shown_changed_and_renamed():
    app = bring(teach(), "teach", zipped(folders(3) | {"notes.txt": b"hello"}))
    assert "4 groups · 12 pictures" in said(app)
    assert "notes.txt" in said(app)  # said to be no picture; the rest is used
    desk = app.session_state["teaching_desk"]
    app = click(app, "teach_start_over")
    teaching = whole(app)
    assert "teach_begin_colour" in keys(teaching)
    assert desk.rename("bricks", "  walls ")
    assert desk.codes()[0] == "walls"
    assert not desk.rename("walls", "grass")
    desk.move(0, desk.new_group())
    assert len(desk.codes()) == 5
    assert desk.groups().sizes.tolist() == [1, 2, 3, 3, 3]


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (folders(3, ("bricks",)), "at least 3 groups"),
        (folders(1), "at least 3 groups"),
        ({"a/readme.txt": b"words"}, "No groups were found"),
    ],
    ids=["one-group", "one-picture-a-group", "no-pictures"],
)
def test_groups_that_teach_nothing_are_refused_in_words(files, sentence):
    app = bring(teach(), "teach", zipped(files))
    assert sentence in said(app)
    assert "teach_go" not in keys(app) or app.button(key="teach_go").disabled


def test_a_picture_in_two_groups_is_named_and_left_out():
    torn = jpeg("cat", 1)
    files = folders(3) | {"bricks/torn.jpg": torn, "grass/torn.jpg": torn}
    app = bring(teach(), "teach", zipped(files))
    assert "it cannot be in two groups" in said(app)
    assert len(app.session_state["teaching_desk"].groups()) == 12


def test_more_pictures_than_fit_are_counted(monkeypatch):
    monkeypatch.setattr(teaching_groups, "MOST", 10)
    app = bring(teach(), "teach", zipped(folders(3)))
    assert "at most 10 pictures" in said(app)
    assert len(app.session_state["teaching_desk"].members) == 10


def test_files_named_by_their_group_need_no_folders():
    loose = [(f"{one}_{n}.jpg", jpeg(one, n), "image/jpeg") for one in THINGS for n in (1, 2)]
    app = bring(teach(), "teach", *loose)
    assert "4 groups · 8 pictures" in said(app)


def test_a_lesson_can_be_stopped():
    app = bring(teach(), "teach", zipped(folders(3)))
    app = click(app, "teach_go")
    run = app.session_state["teaching_run"].run
    run.stop()
    assert run.wait(PATIENCE)
    app = whole(app)
    assert run.lesson is not None or "Stopped: nothing was learned" in said(app)


def test_marked_pairs_are_handed_over_from_calibrate():
    app = open_app({"labelled": "copies"})
    app.switch_page("../calibrate.py")
    app = click(checked(app.run()), "teach_hand_calibrate")
    groups = app.session_state["teaching_desk"].groups()
    assert len(groups.names) == 12  # as the example says: 12 pictures with two copies each
    assert set(groups.sizes.tolist()) == {3}


def test_pairs_marked_same_join_into_groups():
    pairs = [
        Pair("a", "b", True),
        Pair("c", "d", True),
        Pair("d", "a", True),
        Pair("e", "a", False),
        Pair("f", "e", False),
    ]
    assert groups_of_pairs(pairs) == [["c", "d", "a", "b"], ["e"], ["f"]]


def test_names_from_elsewhere_are_bounded_and_printable():
    picture = open_picture(jpeg("cat", 1), "x.jpg")
    (member,) = teaching_groups._bounded([], [(picture, "\x00" + "n" * 200), (picture, "n" * 61)])
    assert member.group == "n" * 60
