"""Tell browsers, with the page itself, what the first screen will ask for once it is drawn.

Streamlit's page names the scripts that it begins with. Those of the elements on it (pictures,
buttons, uploaders) a browser finds only when it draws them: after scripts, socket and the
page's own work, two dozen small files and the icons' font one behind the other. Named here,
they come while the first scripts are still at work.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import streamlit

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]

_STATIC = "static"
_FOLDER = Path(streamlit.__file__).parent / "static"

SCRIPTS = (
    "Html.CzLZZ4bP", "purify.es.BXhPiKO5", "BidiComponent.CE4SdmW3", "_arrayReduce.CiwPAjrV",
    "serialization.DdOIrmtN", "recordbatch.BW_wpVG-", "ButtonGroup.CZAouSUd",
    "WidgetLabel.C381QnN0", "styled-components.kM4tXvFQ", "WidgetLabelHelpIconInline.COAzYW2l",
    "useBasicWidgetState.8xeaSejc", "ImageList.uI_663gL", "withFullScreenWrapper.B6XxlEEm",
    "Button.CORxUu4r", "FileUploader.D7YhAWeM", "zip.DLtjLZjW", "unzip.BaBcYNJz",
    "utils.Dl0nPRk0", "ErrorOutline.esm.DyT67HL2", "TableChart.esm.CHfqbHVT",
    "Cancel.esm.B65EWHgo", "UploadFileInfo.WAP1L8Dh", "WidgetLabelHelpIcon.DIAPaBJl",
    "PageLink.BERvM-yN",
)  # fmt: skip
"""Of the pinned Streamlit: a test in a browser says which, when it changes."""

ICONS = "MaterialSymbols-Rounded.nEdyypZU.woff2"


class Preloading:
    """Add to a page what a browser may fetch meanwhile, behind everything that is urgent."""

    def __init__(self, app: Application) -> None:
        self.app = app
        links = _links()
        self._headers = [(b"link", ", ".join(links).encode())] if links else []

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_links(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" and _is_page(scope, message):
                message["headers"] = [*message["headers"], *self._headers]
            await send(message)

        await self.app(scope, receive, with_links)


def _links() -> list[str]:
    """Write a link for each file, by addresses that hold below any path of the app."""
    low = "crossorigin;fetchpriority=low"
    names = [f"js/{name}.js" for name in SCRIPTS]
    scripts = [
        f"<{_STATIC}/{name}>;rel=modulepreload;{low}"
        for name in names
        if (_FOLDER / _STATIC / name).is_file()  # another version's are others
    ]
    font = f'<{_STATIC}/media/{ICONS}>;rel=preload;as=font;type="font/woff2";{low}'
    return [*scripts, font] if (_FOLDER / _STATIC / "media" / ICONS).is_file() else scripts


def _is_page(scope: Scope, message: MutableMapping[str, Any]) -> bool:
    """Tell whether it is one of the app's; a report to be downloaded is a page too, elsewhere."""
    kind = dict(message["headers"]).get(b"content-type", b"")
    downloaded = "/media/" in scope["path"]
    return message["status"] == 200 and kind.startswith(b"text/html") and not downloaded
