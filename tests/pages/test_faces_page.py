"""What the Faces page promises."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser
from streamlit.testing.v1 import AppTest

from imgsim_core.applications.faces.detecting import describe_face, find_faces
from imgsim_core.applications.faces.examples import EXAMPLES, open_example
from imgsim_core.applications.faces.face import Face, FacePrint
from imgsim_core.applications.faces.people import Person
from imgsim_core.applications.faces.switch import SETTING
from imgsim_core.models import faces as models
from pages.parts import cached, faces_held, faces_people, faces_slot, media
from tests.pages.visitor import checked, english, markdown, open_app, whole

CATALOGUE = Path(faces_held.__file__).parent / "locale" / "zh" / "faces.json"


@pytest.fixture(autouse=True)
def _switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "1")


def open_page(locale: str = "en-GB") -> AppTest:
    return checked(open_app(locale=locale).switch_page("../faces.py").run())


def task(app: AppTest, code: str) -> AppTest:
    control = next(c for c in app.segmented_control if "faces_choice_task" in str(c.key))
    return checked(control.set_value(code).run())


def click(app: AppTest, key: str) -> AppTest:
    return checked(app.button(key=key).click().run())


def words(app: AppTest) -> str:
    return "\n".join(markdown(app))


def file_of(example: str, kind: str = "JPEG", side: int | None = None) -> bytes:
    image = Image.fromarray(open_example(example).rgb)
    if side:
        image = image.resize((side, side))
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def bring(app: AppTest, slot: str, *files: tuple[str, bytes]) -> AppTest:
    uploader = next(u for u in app.file_uploader if f"faces_{slot}_" in str(u.key))
    uploader.set_value([(name, data, "image/jpeg") for name, data in files])
    return checked(app.run())


def enrol(app: AppTest, name: str, consent: bool = True) -> AppTest:
    app.text_input(key="faces_name").set_value(name)
    app.checkbox(key="faces_consent").set_value(consent)
    return click(app, "faces_enrol")


# ── Off and missing ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("value", [None, "0", "perhaps"])
def test_a_host_that_has_not_switched_it_on_says_why(
    monkeypatch: pytest.MonkeyPatch, value: str | None
):
    monkeypatch.delenv(SETTING)
    if value is not None:
        monkeypatch.setenv(SETTING, value)
    app = open_page()
    assert not app.file_uploader
    said = words(app)
    assert ("IMGSIM_FACES is 1 for on" if value == "perhaps" else "biometric") in said


def test_missing_packages_are_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(models, "_MODULES", ("dlib", "no_such_package"))
    app = open_page()
    assert "not installed on this server" in words(app)
    assert not app.file_uploader


# ── One click from an example ──────────────────────────────────────────────────────


def test_each_example_is_one_click_from_its_faces():
    app = open_page()
    assert "Faces are personal" in words(app)
    assert {f"faces_try_find_{one.id}" for one in EXAMPLES} <= {str(b.key) for b in app.button}
    for example, expected in (
        ("group", "#### 3 found, 3 good"),
        ("side", "after turning the picture"),
        ("blurred", "No verdict from this one."),
        ("none", "No face is found"),
    ):
        app = click(app, f"faces_try_find_{example}")
        assert expected in words(app)
    assert "Never let an answer of this page decide" in words(app)


def test_a_refused_picture_opens_the_fold_in_which_its_reason_stands():
    app = click(open_page(), "faces_try_find_portrait")
    fold = next(one for one in app.expander if one.label == "Another picture")
    assert not fold.proto.expanded
    app = bring(app, "find", ("broken.jpg", b"no picture at all"))
    fold = next(one for one in app.expander if one.label == "Another picture")
    assert fold.proto.expanded
    assert "broken.jpg" in fold.error[0].value


@pytest.mark.parametrize(
    ("pair", "verdict"),
    [
        ("older", "Probably the same person."),
        ("bent", "Too close to the line to say."),
        ("blurred", "No verdict."),
    ],
)
def test_each_pair_is_one_click_from_its_verdict(pair: str, verdict: str):
    app = click(task(open_page(), "compare"), f"faces_pair_{pair}")
    assert verdict in words(app)
    assert ("In our trial" in words(app)) == (pair != "blurred")
    assert "%" not in "\n".join(item.value for item in app.get_by_key("faces_verdict").markdown)


def test_one_of_several_faces_is_chosen():
    app = click(task(open_page(), "compare"), "faces_pair_group")
    chooser = next(item for item in app.pills if "face_b" in str(item.key))
    assert len(chooser.options) == 3
    checked(chooser.set_value("1").run())
    assert "Too close to the line to say." in words(app)
    checked(next(item for item in app.pills if "face_b" in str(item.key)).set_value("0").run())
    assert "Probably the same person." in words(app)


def test_the_astronaut_is_enrolled_and_named_once_in_one_click():
    app = click(task(open_page(), "people"), "faces_try_people")
    said = words(app)
    assert "Enrolled: 1" in said
    assert said.count("Probably `Astronaut`.") == 1
    assert said.count("nobody is twice in one picture") == 2


# ── Uploads ────────────────────────────────────────────────────────────────────────


def test_people_are_enrolled_from_uploads_with_consent_only():
    app = bring(task(open_page(), "people"), "enrol", ("a.jpg", file_of("portrait")))
    app = enrol(app, "Ada <b>x</b>", consent=False)
    assert "Nobody is enrolled without consent" in words(app)
    assert not app.session_state["faces_held"].prints  # not even described
    assert "Enrolled: 0" in words(app)
    app = enrol(app, "", consent=True)
    assert "give the person a name" in words(app)
    app = enrol(app, "Ada <b>x</b>")
    assert "Enrolled: 1" in words(app)
    assert "`Ada <b>x</b>`" in words(app)
    app = bring(app, "who", ("b.jpg", file_of("older")))
    assert "Probably `Ada <b>x</b>`." in words(app)
    app = click(app, "faces_remove_0")
    assert "Enrolled: 0" in words(app)


def test_what_cannot_be_used_is_said_and_the_rest_goes_on():
    files = [("bad.jpg", b"no picture"), ("none.jpg", file_of("none")), ("a.jpg", file_of("older"))]
    app = bring(task(open_page(), "people"), "enrol", *files)
    assert "`bad.jpg`" in words(app)
    assert "No face is found in `none.jpg`" in words(app)
    app = enrol(app, "Ada")
    assert "Enrolled: 1" in words(app)
    assert not app.checkbox(key="faces_consent").value  # it was Ada's, and not the next one's


def test_only_so_many_pictures_wait_to_be_enrolled_at_a_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(faces_slot, "_MOST_FILES", 1)
    app = bring(task(open_page(), "people"), "enrol", ("a.jpg", file_of("portrait")))
    app = bring(app, "enrol", ("b.jpg", file_of("older")))
    assert "Taken here at a time: 1." in words(app)
    assert [one.name for one in app.session_state["faces_held"].waiting.values()] == ["a.jpg"]
    app = bring(enrol(app, "Ada"), "enrol", ("b.jpg", file_of("older")))
    assert "Taken here at a time" not in words(app)


def test_a_double_click_enrols_once_and_complains_of_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(st, "session_state", {"faces_name": "Ada", "faces_consent": True})
    mine, portrait = faces_held.held(), open_example("portrait")
    mine.waiting[portrait.digest] = portrait
    for _ in range(2):
        faces_people._enrol([(portrait, 0)])
    assert [len(person.faces) for person in mine.people.everybody] == [1]
    assert not mine.said
    mine.people.forget()
    for _ in range(2):
        faces_people._try()
    assert [len(person.faces) for person in mine.people.everybody] == [1]


def test_a_photograph_turned_by_its_metadata_is_upright():
    rgb = np.rot90(open_example("portrait").rgb)
    stream, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter clockwise
    Image.fromarray(np.ascontiguousarray(rgb)).save(stream, "JPEG", exif=exif, quality=95)
    app = bring(open_page(), "find", ("turned.jpg", stream.getvalue()))
    assert "#### 1 found, 1 good" in words(app)
    assert "after turning the picture" not in words(app)


# ── Nothing stays, nothing leaks ───────────────────────────────────────────────────


def everything_done() -> AppTest:
    """Have a visitor do all there is to do with a picture of his own."""
    app = bring(open_page(), "find", ("own.jpg", file_of("portrait", side=500)))
    app = bring(task(app, "compare"), "a", ("own.jpg", file_of("portrait", side=500)))
    app = bring(app, "b", ("other.jpg", file_of("older")))
    app = bring(task(app, "people"), "enrol", ("own.jpg", file_of("portrait", side=500)))
    app = enrol(app, "Ada Lovelace")
    app = bring(app, "who", ("other.jpg", file_of("older")))
    assert "Probably `Ada Lovelace`." in words(app)
    return app


def test_nothing_is_written_to_disk_or_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    models.face_models()
    places = [tmp_path / name for name in ("home", "tmp", "work")]
    for place in places:
        place.mkdir()
    monkeypatch.setenv("HOME", str(places[0]))
    monkeypatch.setenv("TMPDIR", str(places[1]))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(places[2])
    before = len(list(tmp_path.rglob("*")))
    with caplog.at_level(logging.DEBUG):
        everything_done()
    assert [path for place in places for path in place.rglob("*")] == []
    assert len(list(tmp_path.rglob("*"))) == before == 3
    assert "Ada" not in caplog.text
    assert "own.jpg" not in caplog.text


def test_an_upload_is_never_laid_into_a_temporary_file():
    """Starlette would do so from 1 MB on; `pages.parts.server` keeps it in memory."""
    from pages.parts import server

    assert server.MultiPartParser is MultiPartParser
    body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.jpg"\r\n\r\n'
    body += bytes(15 * 2**20) + b"\r\n--x--\r\n"

    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 2**16):
            yield body[start : start + 2**16]

    async def parsed() -> tuple[int, bool]:
        headers = Headers({"content-type": "multipart/form-data; boundary=x"})
        form = await MultiPartParser(headers, stream()).parse()
        upload = form["f"]
        found = upload.size, upload.file._rolled
        await form.close()
        return found

    assert asyncio.run(parsed()) == (15 * 2**20, False)
    root = Path(__file__).parents[2]
    settings = (root / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    most = int(next(line for line in settings.splitlines() if "maxUploadSize" in line).split()[2])
    assert most >= 20
    assert MultiPartParser.spool_max_size > most * 2**20


def test_links_hold_nothing():
    app = everything_done()
    assert dict(app.query_params) == {}
    assert "settings" not in app.session_state or not app.session_state["settings"]


def test_shared_caches_hold_no_face_and_no_picture_of_a_visitor():
    app = everything_done()
    mine: faces_held.Held = app.session_state["faces_held"]
    digests = {picture.digest for picture in mine.pictures.values()}
    assert digests
    memory = cached.memory()
    kept = list(memory._results.items())
    assert not [key for key, _ in kept if any(digest in repr(key) for digest in digests)]
    secrets = (Face, FacePrint, Person)
    assert not [value for _, value in kept if _reaches(value, secrets)]
    # The library's own caches: no function of the core may remember what it was given
    assert not hasattr(describe_face, "cache_info")
    assert not hasattr(find_faces, "cache_info")


def _reaches(value: object, kinds: tuple[type, ...]) -> bool:
    if isinstance(value, kinds):
        return True
    if isinstance(value, dict):
        return any(_reaches(item, kinds) for item in value.values())
    return isinstance(value, list | tuple) and any(_reaches(item, kinds) for item in value)


def test_one_button_forgets_everything(monkeypatch):
    app = everything_done()
    forgotten: list[bool] = []
    monkeypatch.setattr(media, "forget_what_was_shown", lambda: forgotten.append(True))
    held = app.session_state["faces_held"]
    vectors = [id(one) for one in held.prints.values()]
    assert vectors
    del held
    app = click(app, "faces_forget")
    assert forgotten == [True]
    mine = app.session_state["faces_held"]
    for emptied in (mine.pictures, mine.looks, mine.prints, mine.drawn, mine.waiting):
        assert not emptied
    assert len(mine.people) == 0
    said = words(task(app, "people"))
    assert "Enrolled: 0" in said
    assert "Lovelace" not in said
    assert "own.jpg" not in words(whole(app))
    assert "Ada Lovelace" not in repr(app.session_state)


def test_nothing_is_left_when_the_session_is_gone():
    """No face outlives the session that brought it: nobody else refers to it."""

    def names() -> list[str]:
        gc.collect()
        return [one.name for one in gc.get_objects() if type(one) is Person]

    app = everything_done()
    assert "Ada Lovelace" in names()
    del app
    assert "Ada Lovelace" not in names()


def test_two_visitors_do_not_see_each_other():
    everything_done()
    other = task(open_page(), "people")
    assert "Enrolled: 0" in words(other)
    assert "Lovelace" not in words(other)


# ── Chinese ────────────────────────────────────────────────────────────────────────


def test_every_task_is_chinese():
    texts = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    app = open_page("zh-CN")
    assert texts["Faces"] in [title.value for title in app.title]
    app = click(app, "faces_try_find_far")
    said = list(markdown(app))
    app = click(task(app, "compare"), "faces_pair_bent")
    said += markdown(app)
    app = click(task(app, "people"), "faces_try_people")
    said += markdown(app)
    assert not english(said)
    assert any(texts["Too close to the line to say."] in text for text in said)


def test_the_task_stays_when_the_language_changes():
    app = task(open_page(), "compare")
    checked(app.segmented_control(key="widget.lang").set_value("zh").run())
    control = next(c for c in app.segmented_control if "faces_choice_task" in str(c.key))
    assert control.value == "compare"
