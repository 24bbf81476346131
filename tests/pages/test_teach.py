"""The Teach page, as a visitor without a browser sees it."""

from __future__ import annotations

import io
import threading
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from imgsim_core import lanes
from imgsim_core.errors import ImgSimError
from imgsim_core.labelled import Pair
from imgsim_core.memory import Memory
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.picture import open_picture
from imgsim_core.samples import open_sample
from imgsim_core.teaching.head import head_as_bytes, untaught
from imgsim_core.teaching.sample_lessons import all_lessons
from imgsim_core.text import Text, UserText
from pages.parts import (
    own_methods,
    teaching_charts,
    teaching_groups,
    teaching_handover,
    teaching_lesson,
    teaching_run,
)
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


def test_what_is_doubted_is_said_once(lesson_over):
    run = lesson_over.session_state["teaching_run"].run
    sound = run.lesson
    doubts = [
        Text("{group} and {number}", group=UserText("red ink, cyan ink + 2"), number=n)
        for n in range(7)
    ]
    try:
        run.lesson = replace(sound, doubts=tuple(doubts))
        (box,) = [item.value for item in whole(lesson_over).warning if "red ink" in item.value]
        lesson_over.segmented_control(key="widget.lang").set_value("zh")
        (chinese,) = [item.value for item in whole(lesson_over).warning if " and 4" in item.value]
    finally:
        run.lesson = sound
        lesson_over.segmented_control(key="widget.lang").set_value("en")
        whole(lesson_over)
    assert [box.count(f"` and {n}") for n in range(7)] == [1] * 5 + [0] * 2
    assert "… and 2 more" in box
    assert "`红色, 青色 + 2`" in chinese


def test_a_sample_follows_the_language_of_its_reader(lesson_over):
    try:
        lesson_over.segmented_control(key="widget.lang").set_value("zh")
        app = whole(lesson_over)
        assert not english([without_code_spans(text) for text in markdown(app)])
        assert "ink" not in said(app)
        assert "红色" in said(app)
        (name,) = [one for one in app.text_input if str(one.key).startswith("teach_name_")]
        assert name.value == "按颜色相似"
    finally:
        lesson_over.segmented_control(key="widget.lang").set_value("en")
        whole(lesson_over)


def test_what_is_set_otherwise_since_is_told(lesson_over):
    chosen = lesson_over.selectbox(key="widget.teach.loss")
    usual = chosen.value
    chosen.set_value("triplet")
    app = whole(lesson_over)
    assert "taught otherwise than is set now" in said(app)
    assert "Contrastive: pairs together or apart;" in said(app)
    app.selectbox(key="widget.teach.loss").set_value(usual)
    assert "taught otherwise" not in said(whole(app))


def test_a_taught_notion_becomes_a_method_is_saved_and_brought_back(lesson_over):
    (name,) = [one for one in lesson_over.text_input if str(one.key).startswith("teach_name_")]
    name.set_value("  Inks ")
    app = click(whole(lesson_over), "teach_use")
    assert "It is one of your methods now" in said(app)
    ((method_id, (head, _)),) = app.session_state["own_methods"].items()
    assert head.name == "Inks"
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


def test_a_group_renamed_keeps_its_pictures(lesson_over):
    desk = lesson_over.session_state["teaching_desk"]
    for code in desk.codes():
        assert desk.rename(code, f"kind {code}")
    lesson_over.session_state["teach_tabs"] = f":material/rule: {'What does not fit'}"
    app = whole(lesson_over)
    assert any(key.startswith("teach_unfit_out_") for key in keys(app))
    assert "Changed." not in said(app)


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


@pytest.mark.parametrize("link", [{}, {"teach.model": "siglip2"}])
def test_without_the_usual_model_it_is_taught_on_the_one_the_form_names(monkeypatch, link):
    monkeypatch.setattr(teaching_lesson, "_usable", lambda: [model_by_id("clip")])
    wishes = []
    monkeypatch.setattr(teaching_run, "begin", wishes.append)
    app = click(teach(link), "teach_begin_colour")
    assert app.selectbox(key="widget.teach.model").value == "clip"
    assert [wish.model.id for wish in wishes] == ["clip"]


def test_own_groups_are_shown_changed_and_renamed():
    app = bring(teach(), "teach", zipped(folders(3) | {"notes.txt": b"hello"}))
    assert "4 groups · 12 pictures" in said(app)
    assert "notes.txt" in said(app)  # said to be no picture; the rest is used
    desk = app.session_state["teaching_desk"]
    bricks = desk.codes()[0]
    assert desk.rename(bricks, "  walls\x00 ")
    assert not desk.rename(bricks, "grass")
    assert not desk.rename(bricks, " \x00 ")
    desk.move(0, desk.new_group())
    app = whole(app)
    assert "5 groups · 12 pictures" in said(app)
    assert "`walls` · 2" in said(app)
    assert "bricks" not in said(app)
    assert desk.groups().sizes.tolist() == [1, 2, 3, 3, 3]
    app = bring(app, "teach", zipped({f"walls/{n}.jpg": jpeg("bricks", n) for n in (7, 8)}))
    assert "`walls` · 4" in said(app)
    assert "teach_begin_colour" in keys(whole(click(app, "teach_start_over")))


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
    assert said(app).count(sentence) == 1
    assert "the rest is" not in said(app)
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
    app = bring(app, "teach", zipped(folders(1, ("bricks", "cat", "coffee"))))
    assert "2 more pictures were left out" in said(app)  # one of the three is there already
    assert len(app.session_state["teaching_desk"].members) == 10


def test_groups_of_another_page_come_whole_or_are_counted(monkeypatch):
    monkeypatch.setattr(teaching_groups, "MOST", 5)
    groups = [("a", "12345678"), ("b", "123"), ("c", "123"), ("d", "12")]
    assert teaching_handover._that_fit(groups) == ([("b", "123"), ("d", "12")], 11)


def test_a_click_while_files_are_opened_does_not_lose_them(monkeypatch):
    from pages.parts import teaching_intake

    class Interrupted(BaseException):
        pass

    def interrupted(*_):
        raise Interrupted

    state = {teaching_intake._INCOMING: [("mine.zip", b"")]}
    monkeypatch.setattr("streamlit.session_state", state)
    monkeypatch.setattr(teaching_intake, "with_files", interrupted)
    with pytest.raises(Interrupted):
        teaching_intake._take_in()
    assert state[teaching_intake._INCOMING]


def test_files_named_by_their_group_need_no_folders():
    loose = [(f"{one}_{n}.jpg", jpeg(one, n), "image/jpeg") for one in THINGS for n in (1, 2)]
    app = bring(teach(), "teach", *loose)
    assert "4 groups · 8 pictures" in said(app)


def test_a_lesson_can_be_stopped(monkeypatch):
    app = bring(teach(), "teach", zipped(folders(3)))
    begun = threading.Event()

    def endless(*_, stop, **__):
        begun.set()
        while not stop():
            threading.Event().wait(0.01)

    monkeypatch.setattr(teaching_run, "embedded", endless)
    app = click(app, "teach_go")
    assert begun.wait(PATIENCE)
    app = click(app, "teach_stop")
    run = app.session_state["teaching_run"].run
    assert run.wait(PATIENCE)
    assert run.lesson is None
    assert "Stopped: nothing was learned" in said(whole(app))


def test_samples_are_embedded_ahead_as_soon_as_the_model_can_be_used(monkeypatch):
    model = {"path": None, "works": False}
    begun, embedded_now = [], []

    def embedded(_, pictures, *__, known, **___):
        if not model["works"]:
            raise ImgSimError(Text("It does not hold the weights."))
        known.update({(picture.digest, 0): np.zeros(1, np.float32) for picture in pictures})
        embedded_now.append(len(pictures))

    def at_once(work, name):
        begun.append(name)
        work()

    def pages_drawn() -> int:
        """Draw the page three times; return how often embedding was begun."""
        begun.clear()
        for _ in range(3):
            shared.warm()
        return len(begun)

    monkeypatch.setattr(teaching_run, "availability", lambda _: SimpleNamespace(**model))
    monkeypatch.setattr(teaching_run, "embedded", embedded)
    monkeypatch.setattr(teaching_run, "trained", lambda *_, **__: None)
    monkeypatch.setattr(teaching_run, "in_background", at_once)
    now = [1000.0]
    monkeypatch.setattr(teaching_run.time, "monotonic", lambda: now[0])
    shared = teaching_run.Shared()
    assert pages_drawn() == 0
    model["path"] = "weights that are another model's"
    assert pages_drawn() == 1
    model["works"] = True
    now[0] += 600
    assert pages_drawn() == 1
    assert len(embedded_now) == len(all_lessons())


class Elsewhere(BaseException):
    pass


def test_maps_are_laid_out_once_for_all_and_a_click_meanwhile_waits_for_one_at_most(monkeypatch):
    vectors = np.random.default_rng(0).normal(size=(12, 1, 8)).astype(np.float32)
    laid = []

    def spread(seen, start):
        laid.append(len(seen))
        return start + seen[:, :2]

    def run() -> teaching_run.Run:
        lesson = SimpleNamespace(head=lambda seen: -seen)
        return teaching_run.Run(None, {}, views=vectors, lesson=lesson)

    def clicked():
        if laid:
            raise Elsewhere

    mine = Memory(10**6)
    monkeypatch.setattr(teaching_charts.cached, "memory", lambda: mine)
    monkeypatch.setattr(teaching_charts, "_spread", spread)
    first = run()
    with lanes.within(lanes.Lane(interrupted=clicked)), pytest.raises(Elsewhere):
        teaching_charts._places(first)
    assert len(laid) == 1
    before, after = teaching_charts._places(first)
    assert len(laid) == 2
    for one, other in zip(teaching_charts._places(run()), (before, after), strict=True):
        assert (one == other).all()
    assert len(laid) == 2


def test_what_a_lesson_waits_for_is_told(monkeypatch):
    monkeypatch.setattr("streamlit.session_state", {"settings": {"lang": "en"}})
    run = teaching_run.Run(None, {})
    assert "Others are using this server" in teaching_lesson._stage(run)[1]
    run.stop()
    assert "Stopping" in teaching_lesson._stage(run)[1]


def test_a_lesson_that_broke_is_loud_once():
    app = bring(teach(), "teach", zipped(folders(3)))
    run = teaching_run.Run(None, {})
    run.wish = teaching_run.Wish(None, (), (), "", None, None, 0, 0)
    run._over.set()
    app.session_state["teaching_run"] = teaching_run._Held(run)
    (broken,) = app.run().exception
    assert "ended without a result" in broken.message
    assert "Your notions of alike" in said(whole(app))


def test_lessons_that_overlap_leave_blas_with_the_threads_it_had():
    from threadpoolctl import threadpool_info, threadpool_limits

    def threads():
        return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}

    with threadpool_limits(2, user_api="blas"):
        usual = threads()
        first, second = teaching_run.one_blas_thread(), teaching_run.one_blas_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert threads() == {1}
        second.__exit__(None, None, None)
        assert threads() == usual


def test_one_notion_too_many_is_refused_and_none_is_lost(monkeypatch):
    state = {"settings": {}}
    monkeypatch.setattr("streamlit.session_state", state)
    monkeypatch.setattr(own_methods, "MOST", 2)
    heads = [replace(untaught(4, f"nothing-{n}", 2, seed=n), name=str(n)) for n in range(3)]

    class Named:
        def __init__(self, head):
            self.id = head.name

    monkeypatch.setattr(own_methods, "taught_method", Named)
    for head in heads[:2]:
        own_methods.add(head)
    with pytest.raises(ImgSimError, match="Remove one first"):
        own_methods.add(heads[2])
    own_methods.add(heads[0])  # again: it is one of them
    assert {one.id for one in own_methods.taught()} == {"0", "1"}


def test_marked_pairs_are_handed_over_from_calibrate():
    app = open_app({"labelled": "copies"})
    run = teaching_run.Run(None, {})
    app.session_state["teaching_run"] = teaching_run._Held(run)
    app.switch_page("../calibrate.py")
    app = click(checked(app.run()), "teach_hand_calibrate")
    assert "teaching_run" not in app.session_state  # of what lay here before
    assert run.stopping
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
    desk = teaching_groups.Desk("mine", Text("mine"))
    long = "n" * 200
    named = [(picture, "\x00" + long), (picture, long), (picture, "n" * 61), (picture, "n")]
    assert desk.take_in(named) == 0
    titles = [desk.title(one.group) for one in desk.members]
    assert titles == ["n" * 52 + "…", "n" * 52 + "… (2)", "n"]
