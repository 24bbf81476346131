"""The log: one form, and nothing in it that a visitor brought."""

from __future__ import annotations

import io
import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit.logger

from imgsim_core.errors import EmptyFile, PictureDamaged
from imgsim_core.text import HostText, Text, UserText
from pages.parts import language, logs

SECRET = 'grandma\'s "house"\n{"level": "forged"} %s %n ../é.jpg'


@pytest.fixture(params=["json", ""], ids=["json", "plain"])
def form(request: pytest.FixtureRequest) -> str:
    return request.param


class Log:
    """Takes what a logger of some room says."""

    def __init__(self, form: str) -> None:
        self.form = form
        self.stream = io.StringIO()
        formatter = logs._AsJson() if form else logs._Plain()
        self.handler = logs._Handler(formatter)
        self.handler.setStream(self.stream)

    def room(self, name: str) -> logging.Logger:
        logger = logging.Logger(name)
        logger.addHandler(self.handler)
        return logger

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def only(self) -> dict[str, Any]:
        (line,) = self.text.splitlines()
        facts: dict[str, Any] = json.loads(line)
        return facts


@pytest.fixture
def log(form: str) -> Log:
    return Log(form)


def leaks(text: str) -> bool:
    return any(word in text for word in ("grandma", "forged", "é.jpg"))


def test_a_line_tells_time_level_room_message_and_duration():
    log = Log("json")
    log.room("pages.search").warning("drawn: %s", "search", extra={"duration": 0.25})
    facts = log.only()
    assert facts.pop("time").endswith("Z")
    assert facts == {
        "level": "warning", "room": "pages.search", "message": "drawn: search", "duration": 0.25,
    }  # fmt: skip


@pytest.mark.parametrize("room", ["streamlit.runtime", "PIL.Image", "uvicorn.error", "asyncio"])
def test_what_others_fill_in_is_left_out_except_numbers(log: Log, room: str):
    log.room(room).warning("%s, %d, %s", SECRET, 7, [SECRET])
    assert not leaks(log.text)
    assert "…, 7, …" in log.text


@pytest.mark.parametrize("room", ["PIL.Image", "pages.parts.oops"])
def test_a_message_that_was_put_together_is_not_written(log: Log, room: str):
    log.room(room).error(f"cannot open {SECRET}")
    log.room(room).error(SECRET)
    log.room(room).error(ValueError(SECRET))
    assert not leaks(log.text)
    assert "test_logs.py:" in log.text  # where it was said, at least


def test_a_dictionary_and_a_number_that_is_none_are_left_out_too(log: Log):
    log.room("some.room").error("%(name)s here", {"name": SECRET})
    log.room("some.room").error("%d here", SECRET)
    assert not leaks(log.text)
    assert "… here" in log.text


def test_a_refusal_says_which_but_not_whose(log: Log):
    error = EmptyFile(
        Text(
            "{name} in {place} is empty: {why}",
            name=UserText(SECRET),
            place=HostText("/data"),
            why=Text("{what} is", what=UserText(SECRET)),
        )
    )
    log.room("pages.parts.server").warning("%s", error)
    assert not leaks(log.text)
    assert "… in /data is empty: … is" in log.text


def _fails() -> None:
    try:
        Path(f"/no such folder/{SECRET}").read_bytes()
    except OSError as cause:
        raise PictureDamaged(Text("{name} is damaged.", name=UserText(SECRET))) from cause


def test_an_error_comes_with_its_traceback_and_without_its_words(log: Log):
    try:
        _fails()
    except PictureDamaged:
        log.room("pages.parts.oops").exception("a page failed")
    assert not leaks(log.text)
    for part in (
        "a page failed",
        "in _fails",
        "FileNotFoundError",
        "PictureDamaged: … is damaged.",
    ):
        assert part in log.text
    if log.form:
        assert log.only()["traceback"].index("FileNotFound") < log.only()["traceback"].index(
            "PictureDamaged"
        )


def test_a_visitor_is_a_word_that_is_another_in_each_session(monkeypatch: pytest.MonkeyPatch):
    sessions = iter(["session one", "session one", "session two"])
    monkeypatch.setattr(
        logs, "get_script_run_ctx", lambda **_: SimpleNamespace(session_id=next(sessions))
    )
    words = []
    for _ in range(3):
        log = Log("json")
        log.room("pages").warning("here")
        words.append(log.only()["visitor"])
    assert words[0] == words[1] != words[2]
    assert not any("session" in word for word in words)


@pytest.fixture
def loggers_as_before() -> Any:
    root = logging.getLogger()
    before = list(root.handlers), sys.unraisablehook, logs.threading.excepthook
    functions = streamlit.logger.get_logger, streamlit.logger.setup_formatter
    yield
    root.handlers[:], sys.unraisablehook, logs.threading.excepthook = before
    streamlit.logger.get_logger, streamlit.logger.setup_formatter = functions
    logging.captureWarnings(False)
    for name in logs._OURS:
        logging.getLogger(name).setLevel(logging.NOTSET)


def test_streamlits_own_rooms_have_no_door_of_their_own(
    loggers_as_before: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The private door that is used: `streamlit.logger` must still hand its loggers out so."""
    monkeypatch.setenv(logs.FORM, "json")
    early = streamlit.logger.get_logger("streamlit.early")
    logs.begin()
    late = streamlit.logger.get_logger("streamlit.late")
    early.warning("early: %s", SECRET)
    late.warning("late: %s", SECRET)
    logging.getLogger("uvicorn.access").info("%s", SECRET)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["message"] for line in lines] == ["early: …", "late: …"]


def test_what_is_for_the_host_alone_goes_through_here_and_without_its_password(
    loggers_as_before: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv(logs.FORM, "json")
    logs.begin()
    told = language.say(Text("No store at {where}.", where=HostText("s3://me:secret@host/box")))
    assert told == "No store at …."
    (line,) = capsys.readouterr().err.splitlines()
    facts = json.loads(line)
    assert facts["room"] == language.__name__
    assert facts["message"].endswith("s3://…@host/box")
