"""The server's log: one form for every room, and nothing in it that a visitor brought.

`IMGSIM_LOG=json` writes one JSON object a line; otherwise lines are for the eye. Of any
message only the words that stand in a program's source are written, with numbers filled in;
what else was to be filled in is left out unless a room of ours has put it there. Errors come
with their traceback but without their own words, which may hold a file's name.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import secrets
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from typing import Any

import streamlit.logger
from streamlit.runtime.scriptrunner import get_script_run_ctx

from imgsim_core.errors import ImgSimError
from imgsim_core.text import Text, UserText

FORM = "IMGSIM_LOG"
"""Environment variable: `json` for one object a line."""

_OURS = ("imgsim_core", "pages", "app")
_OTHERS = ("streamlit", "uvicorn", "websockets")
_LEFT_OUT = "…"
_WITHHELD = "(a message made of more than its source's words)"
_SECRET = secrets.token_bytes(32)
_LOG = logging.getLogger(__name__)


def begin() -> None:
    """Let everything that this process logs go through here; called once, by the door."""
    as_json = os.environ.get(FORM, "").strip().lower() == "json"
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, _Handler)]:
        root.removeHandler(handler)
    root.addHandler(_Handler(_AsJson() if as_json else _Plain()))
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO if as_json else logging.WARNING)
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in _OTHERS:
            _leave_to_root(logging.getLogger(name))
    # Addresses hold what visitors look for
    logging.getLogger("uvicorn.access").propagate = False
    # Streamlit gives each of its rooms a handler of its own, also those it opens later
    streamlit.logger.setup_formatter = _leave_to_root
    streamlit.logger.get_logger = _get_logger
    logging.captureWarnings(True)
    # Python's own print what an error says; who has put others there wants to know themselves
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _thread_failed
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _failed_unseen


def _leave_to_root(logger: logging.Logger) -> None:
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    logger.propagate = True


_streamlits_get_logger = streamlit.logger.get_logger


def _get_logger(name: str) -> logging.Logger:
    logger = _streamlits_get_logger(name)
    logger.propagate = True
    return logger


def _thread_failed(told: threading.ExceptHookArgs) -> None:
    if told.exc_type is not SystemExit and told.exc_value is not None:
        found = (told.exc_type, told.exc_value, told.exc_traceback)
        _LOG.error("a thread failed", exc_info=found)


def _failed_unseen(told: Any) -> None:
    found = (told.exc_type, told.exc_value or told.exc_type(), told.exc_traceback)
    _LOG.error("failed where nobody could be told", exc_info=found)


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to standard error; a class of its own, so that `begin` knows one from before."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(formatter)


class _AsJson(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_facts(record), ensure_ascii=False)


class _Plain(logging.Formatter):
    """Time, level, room and message; a traceback on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        facts = _facts(record)
        line = f"{facts['time']} {facts['level']} {facts['room']}: {facts['message']}"
        if "place" in facts:
            line += f" ({facts['place']})"
        return "\n".join([line, *filter(None, [facts.get("traceback")])])


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    """Tell what a record says, fit to be kept."""
    whole, thousandth = int(record.created), int(record.msecs)
    facts: dict[str, Any] = {
        "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{thousandth:03d}Z",
        "level": record.levelname.lower(),
        "room": record.name,
    }
    facts["message"] = _words(record)
    if facts["message"] == _WITHHELD:
        facts["place"] = f"{os.path.basename(record.pathname)}:{record.lineno}"
    if isinstance(duration := getattr(record, "duration", None), float):
        facts["duration"] = round(duration, 4)
    if visitor := _visitor():
        facts["visitor"] = visitor
    if record.exc_info and record.exc_info[1] is not None:
        facts["traceback"] = _trace(record.exc_info[1])
    return facts


def _visitor() -> str:
    """A word for whose page this thread makes: another in each session, and tells nothing."""
    session = get_script_run_ctx(suppress_warning=True)
    if session is None:
        return ""
    return hmac.new(_SECRET, session.session_id.encode(), hashlib.sha256).hexdigest()[:8]


# ── Words that may be kept ─────────────────────────────────────────────────────────


def _words(record: logging.LogRecord) -> str:
    if not isinstance(record.msg, str) or not _stands_in_the_source(record):
        return _WITHHELD
    ours = record.name.partition(".")[0] in _OURS
    shown = _ours_shown if ours else _others_shown
    try:
        if isinstance(record.args, Mapping):
            return record.msg % {name: shown(value) for name, value in record.args.items()}
        return record.msg % tuple(map(shown, record.args)) if record.args else record.msg
    except (TypeError, ValueError, KeyError):
        return record.msg  # such as %d for what was left out


def _stands_in_the_source(record: logging.LogRecord) -> bool:
    """Whether the message is a constant of the function that logs it, and not put together."""
    frame = sys._getframe()
    while frame is not None:
        code = frame.f_code
        if code.co_filename == record.pathname and code.co_name == record.funcName:
            return record.msg in code.co_consts
        frame = frame.f_back  # type: ignore[assignment]
    return False


def _ours_shown(value: object) -> object:
    if isinstance(value, ImgSimError):
        value = value.text
    if isinstance(value, Text):
        return value.render(show_user_text=lambda _: _LEFT_OUT)
    return _LEFT_OUT if isinstance(value, (UserText, BaseException)) else value


def _others_shown(value: object) -> object:
    return value if isinstance(value, (int, float)) else _LEFT_OUT


def _trace(error: BaseException) -> str:
    """Where an error came from, and of what class it is; with those that led to it."""
    led = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = [_trace(led), ""] if led is not None else []
    frames = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))
    kind = type(error)
    words = f": {_ours_shown(error)}" if isinstance(error, ImgSimError) else ""
    return "\n".join([*before, frames.rstrip(), f"{kind.__module__}.{kind.__qualname__}{words}"])
