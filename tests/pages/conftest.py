from __future__ import annotations

import pytest
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.testing.v1 import AppTest

from pages.parts import language
from tests.pages.visitor import PAIR, file_of, open_app, reading


@pytest.fixture(autouse=True)
def _labels_as_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let AppTest name options in the language they are drawn in.

    It calls the page's `format_func` outside any session, where the language would be
    English, and then does not find a Chinese option.
    """
    in_session = language.language

    def language_here() -> str:
        outside = get_script_run_ctx(suppress_warning=True) is None
        return reading["language"] if outside else in_session()

    reading["language"] = "en"
    monkeypatch.setattr(language, "language", language_here)


@pytest.fixture
def on_pair() -> AppTest:
    """A visitor who looks at a guided pair."""
    return open_app({"pair": PAIR})


@pytest.fixture(scope="session")
def png() -> bytes:
    """A small picture as a file."""
    return file_of("PNG")
