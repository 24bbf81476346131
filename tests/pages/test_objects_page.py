"""What the Objects page promises."""

from __future__ import annotations

import io
import re
import zipfile

from PIL import Image
from streamlit.testing.v1 import AppTest

from imgsim_core.applications.objects.examples import classes
from imgsim_core.samples import open_sample
from imgsim_core.text import Text, UserText
from pages.parts import objects_parts
from tests.pages.visitor import (
    bring,
    checked,
    english,
    file_of,
    markdown,
    open_app,
    whole,
)


def open_page(link: dict[str, str] | None = None, locale: str = "en-GB") -> AppTest:
    """Open the page by a link's parameters."""
    return checked(open_app(link, locale).switch_page("../objects.py").run())


def said(app: AppTest) -> str:
    return "\n".join(markdown(app))


def png(sample: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(open_sample(sample).rgb).save(stream, "PNG")
    return stream.getvalue()


# ── Find ───────────────────────────────────────────────────────────────────────────


def test_the_first_visit_shows_a_find_without_a_click():
    app = open_page()
    assert "Found once." in said(app)
    assert "pairs of unrelated photographs" in said(app)
    assert app.button(key="objects_compare_1")


def test_the_details_that_agree_are_counted_once():
    told = said(open_page())
    assert "Green: matches" in told
    assert len(re.findall(r"\d+ (?:details agree|matches)", told)) == 1


def test_an_example_is_one_click_away_and_stands_in_the_link():
    app = open_page()
    app.button(key="objects_example_absent").click()
    app = checked(app.run())
    assert "Not there." in said(app)
    assert "absent" in app.query_params[objects_parts.EXAMPLE]


def test_compare_opens_with_the_object_and_the_find():
    app = open_page({objects_parts.EXAMPLE: "mirrored"})
    assert "mirrored" in said(app)
    app.button(key="objects_compare_1").click()
    app = checked(app.run())
    assert app.session_state["brought_a"].name == "cat.png"
    assert app.session_state["brought_b"].name == open_sample("cat-mirrored").name


def test_an_object_without_texture_is_refused_with_what_to_do():
    app = open_page()
    app = bring(app, objects_parts.THING, "smooth.png", file_of("PNG"))
    assert "too few details" in said(app)
    assert "closer, sharper picture" in said(app)


def test_a_file_that_is_no_picture_keeps_what_was_there():
    app = open_page()
    app = bring(app, objects_parts.THING, "bad.png", b"no picture at all")
    assert any("bad.png" in item.value for item in app.error)
    assert "Found once." in said(app)


def test_a_box_of_the_link_is_taken_and_one_too_small_refused():
    digest = open_sample("cat").digest
    link = {objects_parts.THING: "cat", objects_parts.SCENE: "cat-mirrored"}
    box = objects_parts.written_box(digest, (0.2, 0.1, 0.7, 0.8))
    app = open_page({**link, objects_parts.BOX: box})
    assert "Found once." in said(app)
    box = objects_parts.written_box(digest, (0.2, 0.1, 0.21, 0.8))
    app = open_page({**link, objects_parts.BOX: box})
    assert any("too small" in item.value for item in app.error)


def test_more_of_it_in_its_own_picture():
    app = open_page({objects_parts.WITHIN: "True"})
    assert "where you drew it" in said(app)


def test_the_same_picture_as_object_and_scene_is_said_so():
    app = open_page({objects_parts.THING: "cat", objects_parts.SCENE: "cat"})
    assert "same picture" in said(app)


def test_hostile_links_fall_back():
    hostile = {objects_parts.BOX: "x,9,9,9,9", objects_parts.PART: "<b>", objects_parts.WITHIN: "1"}
    assert "Found once." in said(open_page(hostile))
    assert objects_parts.read_box("a,900,0,100,1000") is None
    assert objects_parts.read_box("a,1,2,3") is None


# ── Name ───────────────────────────────────────────────────────────────────────────


def test_a_picture_is_named_by_words_and_by_kinds():
    app = open_page({objects_parts.PART: "name"})
    assert "This is: `cat`" in said(app)
    assert "500 photographs" in said(app)
    app.text_area(key=f"widget.{objects_parts.WORDS}").set_value("guitar, volcano")
    app = checked(app.run())
    assert "None of these." in said(app)
    app.text_area(key=f"widget.{objects_parts.WORDS}").set_value(" , ")
    app = checked(app.run())
    assert any("No words" in item.value for item in app.error)
    app = open_page({objects_parts.PART: "name", objects_parts.WAY: "classes"})
    assert "Egyptian cat" in said(app)


# ── Teach ──────────────────────────────────────────────────────────────────────────


def test_a_sample_s_label_of_another_language_chooses_nothing():
    app = open_page({objects_parts.PART: "name"})
    chooser = app.selectbox(key="sample_objects.named")
    chooser.options[0] = "咖啡杯"  # as a browser tells it that has just been in Chinese
    chooser.select_index(0)
    checked(app.run())
    assert not app.error
    assert "objects.named" not in app.session_state["settings"]


def test_samples_teach_in_one_click():
    app = open_page({objects_parts.PART: "learn"})
    app.button(key="objects_samples").click()
    app = checked(app.run())
    assert "12 of 12 right" in said(app)
    assert said(app).count("None of these. Closest") == 2


def test_a_zip_of_folders_teaches_and_bad_files_are_named():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for label, pictures in classes()[:2]:
            for picture in pictures[:2]:
                data = io.BytesIO()
                Image.fromarray(picture.rgb).save(data, "PNG")
                archive.writestr(f"{label}/{picture.name}", data.getvalue())
        archive.writestr("Bricks/broken.png", b"\x89PNG\r\n\x1a\n....")
        archive.writestr("loose.png", png("cat"))
    app = open_page({objects_parts.PART: "learn"})
    app.file_uploader(key="file_objects_teach_0").upload(
        "set.zip", stream.getvalue(), "application/zip"
    )
    app = checked(app.run())
    assert "4 of 4 right" in said(app)
    warned = " ".join(item.value for item in app.warning)
    assert "broken.png" in warned
    assert "loose.png" in warned


def test_of_many_bad_files_the_rest_are_counted():
    app = open_page({objects_parts.PART: "learn"})
    app.session_state["objects_refused"] = [
        Text("{name} was left out.", name=UserText(f"{number}.png")) for number in range(10)
    ]
    checked(app.run())
    assert sum("was left out" in item.value for item in app.warning) == 8
    assert "… and 2 more." in [item.value for item in app.caption]


# ── Two languages ──────────────────────────────────────────────────────────────────


def test_every_part_speaks_chinese():
    for part in objects_parts.PARTS:
        app = open_page({objects_parts.PART: part, "lang": "zh"}, "zh-CN")
        assert not english(list(markdown(app))), part
        if part == objects_parts.NAME:
            assert "猫" in said(app)
        if part == objects_parts.LEARN:
            app.button(key="objects_samples").click()
            app = whole(app)
            assert not english(list(markdown(app)))
