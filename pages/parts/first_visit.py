"""Whether somebody has come since the server started, and has a whole page by now."""

from __future__ import annotations

import threading

_COMING_SECONDS = 3.0
_DRAWING_SECONDS = 10.0

_visited, _drawn = threading.Event(), threading.Event()


def somebody_comes() -> None:
    """Take note that a page has been asked for."""
    _visited.set()


def page_is_drawn() -> None:
    """Take note that somebody has a whole page: called at the end of every page."""
    _drawn.set()


def await_first_page() -> None:
    """Wait while the first visitor's page is made: loading a model would hold it up.

    Returns at once later on, and after a moment if nobody comes.
    """
    if _visited.wait(_COMING_SECONDS):
        _drawn.wait(_DRAWING_SECONDS)


def wait_no_longer() -> None:
    """Let whoever waits for the first page go on: the server ends."""
    _visited.set()
    _drawn.set()
