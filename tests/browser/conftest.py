"""A real browser before a real server: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.serving import Server, launch, served
from tests.browser.watching import Watched

HERE = Path(__file__).parent
Visits = Callable[..., Page]

expect.set_options(timeout=60_000)  # for a machine under load; nothing waits this long otherwise


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = launch(playwright)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has warmed up, shared by the tests."""
    with served(tmp_path_factory.mktemp("server") / "log.txt") as running:
        running.wait_until_ready()
        yield running


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[Server]:
    """A server that nobody has visited yet; to be asked for before `visit`."""
    with served(tmp_path / "log.txt") as running:
        yield running


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visits]:
    """Open a path in a browser of one's own; afterwards nothing may have gone wrong in any."""
    watched: list[Watched] = []

    def visited(path: str = "/", *, at: Server | None = None, **context: Any) -> Page:
        running = at or request.getfixturevalue("server")
        options = {"locale": "en-GB", "viewport": {"width": 1280, "height": 1400}, **context}
        page = browser.new_context(**options).new_page()
        watched.append(Watched(page))
        page.goto(running.address + path)
        return page

    yield visited
    for one in watched:
        one.page.context.close()
    assert [problem for one in watched for problem in one.problems] == []
