"""Every page opens by a link that sets everything to what it cannot be."""

from __future__ import annotations

import pytest

from imgsim_core import calibration
from tests.pages.visitor import checked, markdown, open_app, without_code_spans
from tests.security.properties import known_keys

# A link is read before any page is, and what is taken of it is the same on all; the others
# would only work out long what they always work out.
PAGES = ["calibrate.py", "faces.py", "methods.py"]
MARKUP = "![x](https://evil.example/x.png)<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def _no_work_behind_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "background_reference", lambda *_, **__: None)


@pytest.fixture(scope="module")
def app():
    return open_app(dict.fromkeys(known_keys(), MARKUP))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_and_shows_no_markup_of_a_link(app, page: str):
    checked(app.switch_page(f"../{page}").run())
    for text in markdown(app):
        assert "evil.example" not in without_code_spans(text)
        assert "onerror" not in without_code_spans(text)


def test_of_such_a_link_only_words_to_search_for_are_kept(app):
    assert set(app.query_params) <= {"search.words", "search.not", "objects.words"}
