"""What a visitor sees when the app itself is at fault: a sentence, never a traceback."""

from __future__ import annotations

import logging

import streamlit as st

from imgsim_core.text import Text
from pages.parts import metrics
from pages.parts.language import say

_LOG = logging.getLogger(__name__)

SORRY = Text(
    "Something went wrong on our side. Reload the page; if it happens again, please report it."
)
"""Also for work behind a page that ended without an answer and without a reason."""


def apologise(error: Exception) -> bool:
    """Log a bug with its traceback, tell the visitor in a sentence; True: it was shown."""
    metrics.failures.add(type(error).__name__)
    _LOG.error("a page failed", exc_info=error)
    st.error(say(SORRY), icon=":material/error:")
    return True
