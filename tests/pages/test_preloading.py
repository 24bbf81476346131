"""What a page names for browsers to fetch meanwhile."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import streamlit
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from pages.parts import preloading
from tests.pages.test_server import Application, answer

FRONT_END = Path(streamlit.__file__).parent / "static"


@pytest.fixture
def app() -> Application:
    gone = Route("/gone", lambda _: HTMLResponse("gone", 404))
    report = Route("/media/report.html", lambda _: HTMLResponse("report"))
    return preloading.Preloading(
        Starlette(routes=[gone, report, Mount("/", StaticFiles(directory=FRONT_END, html=True))])
    )


def test_a_page_names_files_that_are_there(app: Application):
    _, headers, body = answer(app, "/")
    named = re.findall(r"<([^>]+)>", headers["link"])
    assert len(named) == len(preloading.SCRIPTS) + 1 == headers["link"].count("fetchpriority=low")
    for name in named:
        status, _, found = answer(app, f"/{name}")
        assert status == 200
        assert found
        assert name.encode() not in body  # else Streamlit names it by now
    # Balancers take 4 KB of headers as they come
    assert len(headers["link"]) < 2500


@pytest.mark.parametrize(
    "path", [f"/static/js/{preloading.SCRIPTS[0]}.js", "/gone", "/media/report.html"]
)
def test_nothing_but_a_page_names_them(app: Application, path: str):
    assert "link" not in answer(app, path)[1]


def test_what_another_streamlit_does_not_have_is_not_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(preloading, "SCRIPTS", ("Button.00000000",))
    monkeypatch.setattr(preloading, "ICONS", "Icons.00000000.woff2")
    assert "link" not in answer(preloading.Preloading(HTMLResponse("page")), "/")[1]
