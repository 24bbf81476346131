"""Whether somebody has come since the server started, and has a whole page by now."""

from __future__ import annotations

import threading
import time

_COMING_SECONDS = 3.0
_DRAWING_SECONDS = 10.0
_SETTLING_SECONDS = 0.8  # in which a browser asks for the first pictures of a page
_LONGEST_SETTLING = 3.0
_STEP = 0.05

_visited, _drawn, _leaving = threading.Event(), threading.Event(), threading.Event()
_last_asked = 0.0


def somebody_comes() -> None:
    """Take note that a page has been asked for, or what belongs to it."""
    global _last_asked
    _last_asked = time.monotonic()
    _visited.set()


def page_is_drawn() -> None:
    """Take note that somebody has a whole page: called at the end of every page."""
    _drawn.set()


def await_first_page() -> None:
    """Wait while the first visitor's page is made: loading a model would hold it up.

    Also while the browser fetches its pictures, which come through this process too. After a
    moment nobody is waited for who has not come.
    """
    if not _visited.wait(_COMING_SECONDS):
        return
    _drawn.wait(_DRAWING_SECONDS)
    drawn = now = time.monotonic()
    while now - max(drawn, _last_asked) < _SETTLING_SECONDS and now - drawn < _LONGEST_SETTLING:
        if _leaving.wait(_STEP):
            return
        now = time.monotonic()


def wait_no_longer() -> None:
    """Let whoever waits for the first page go on: the server ends."""
    _leaving.set()
    _visited.set()
    _drawn.set()
