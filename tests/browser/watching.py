"""What goes wrong in a browser without anybody seeing it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request

# At a deep link Streamlit first looks for its server below the page's own path.
_STREAMLIT_S_OWN = re.compile(r"/\w+/_stcore/(health|host-config)$")


class Watched:
    """Collects a page's problems: requests to other hosts, console errors, exceptions."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("request", self._requested)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.problems.append(f"exception: {error}"))

    def _requested(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname not in (
            "127.0.0.1",
            "localhost",
        ):
            self.problems.append(f"asked another host: {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        source = message.location.get("url", "") if message.location else ""
        if message.type == "error" and not _STREAMLIT_S_OWN.search(source):
            self.problems.append(f"console: {message.text} ({source})")
