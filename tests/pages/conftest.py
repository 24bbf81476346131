from __future__ import annotations

import gc
import socket
from collections.abc import Iterator

import pytest
from streamlit import config
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.testing.v1 import AppTest

from imgsim_core import calibration
from pages.parts import language
from tests.pages.visitor import PAIR, file_of, open_app, reading


@pytest.fixture(scope="session", autouse=True)
def _no_work_behind_the_page() -> Iterator[None]:
    """Keep what was never measured unmeasured.

    Measuring takes minutes in a thread of its own: it would compete with the tests, and a
    thread that is inside torch when Python ends takes the whole process down.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            calibration,
            "background_reference",
            lambda question, done=None: calibration.reference_for(question),
        )
        yield


@pytest.fixture(autouse=True)
def _spared_from_collection() -> None:
    """Keep what is there already out of the collection that follows every run of a page.

    As the server does (`spare_from_collection`): it was half of what the pages' tests took.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _tracebacks() -> Iterator[None]:
    """Visitors never see a traceback; whoever reads a failed test must."""
    before = config.get_option("client.showErrorDetails")
    config.set_option("client.showErrorDetails", "full")
    yield
    config.set_option("client.showErrorDetails", before)


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


@pytest.fixture
def free_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
