"""What Streamlit leaves open on a public address, closed.

- A picture on show has an address that Streamlit makes of its content alone, one for all
  sessions: who has the same file could ask whether somebody looks at it just now. Here it is
  made of the session too, and of a secret of this process.
- It is also gone while its page is drawn anew: see `media`.
- To judge a request from another site's page Streamlit asks the internet for its own address,
  and everybody waits meanwhile. Here no such question is asked.
- An upload stays in memory until its page has taken it, however many there are. Here what
  all of them hold is bounded.
- Its counters are not for visitors.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.responses import PlainTextResponse
from streamlit import config, net_util, runtime
from streamlit.runtime import memory_media_file_storage
from streamlit.runtime.scriptrunner import get_script_run_ctx

from imgsim_core.gallery.limits import number_above_0
from pages.parts.media import LingeringMedia

UPLOADS = "IMGSIM_UPLOADS_MEGABYTES"
"""Environment variable: memory for files that pages have not taken yet, of all visitors."""

_USUAL_MEGABYTES = 2_000.0
_OF_ONE = 0.5  # share of it that one visitor may have
_UPLOAD = "/_stcore/upload_file/"
_COUNTERS = "/_stcore/metrics"

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]

_SECRET = secrets.token_bytes(32)
_id_by_content = memory_media_file_storage._calculate_file_id


def _id_of_a_session(data: bytes, mimetype: str, filename: str | None = None) -> str:
    """Name a media file so that only the session it is made for can know the name."""
    session = get_script_run_ctx(suppress_warning=True)
    if session is None:  # a download that is made at its click: nobody asks for it twice
        return secrets.token_hex(32)
    told = f"{session.session_id}:{_id_by_content(data, mimetype, filename)}"
    return hmac.new(_SECRET, told.encode(), hashlib.sha256).hexdigest()


def _not_asked() -> None:
    """Stand for the address that the internet would tell: unknown."""


def close_the_doors() -> None:
    """Put these in the place of Streamlit's, which has no public door for them.

    To be called before its application is made. Its version is pinned, and tests watch over
    all of them.
    """
    memory_media_file_storage._calculate_file_id = _id_of_a_session
    memory_media_file_storage.MemoryMediaFileStorage = LingeringMedia  # type: ignore[misc]
    net_util.get_external_ip = _not_asked


def most_upload_bytes() -> int:
    """Read how many bytes of uploads may wait in memory, all visitors together.

    Raises
    ------
    BadSetting
        If the setting is no number above 0.
    """
    return round(number_above_0(UPLOADS, _USUAL_MEGABYTES) * 2**20)


class Guard:
    """Refuse uploads beyond what memory is meant for, and questions that are the host's.

    Parameters
    ----------
    app : ASGI application
    most_bytes : int or None
        Of all visitors' uploads; None reads the host's setting.

    Raises
    ------
    BadSetting
        As `most_upload_bytes`.
    """

    def __init__(self, app: Application, most_bytes: int | None = None) -> None:
        self.app = app
        self._most = most_upload_bytes() if most_bytes is None else most_bytes
        self._coming: Counter[str] = Counter()  # bytes on their way, by session

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and path.endswith(_COUNTERS):
            await PlainTextResponse("Not found", 404)(scope, receive, send)
        elif scope["type"] == "http" and scope["method"] == "PUT" and _UPLOAD in path:
            await self._upload(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _upload(self, scope: Scope, receive: Any, send: Any) -> None:
        session = scope["path"].partition(_UPLOAD)[2].partition("/")[0]
        length = _length(scope)
        if not self._has_room(session, length):
            await PlainTextResponse("Too much at once", 413)(scope, receive, send)
            return
        self._coming[session] += length
        try:
            await self.app(scope, receive, send)
        finally:
            self._coming[session] -= length
            self._coming += Counter()  # forgets who has nothing coming

    def _has_room(self, session: str, length: int) -> bool:
        held = _held()
        mine = held.get(session, 0) + self._coming[session] + length
        whole = sum(held.values()) + self._coming.total() + length
        return mine <= _OF_ONE * self._most and whole <= self._most


def _length(scope: Scope) -> int:
    """Bytes that a request says it has; the most that the server would read if it says none."""
    most: int = config.get_option("server.maxUploadSize") * 2**20
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return min(int(value), most)
    return most


def _held() -> dict[str, int]:
    """Bytes of uploads that pages have not taken yet, by session."""
    if not runtime.exists():
        return {}
    # Streamlit counts them only all together, and tells the sum as a statistic only
    held = runtime.get_instance().uploaded_file_mgr.file_storage  # type: ignore[attr-defined]
    return {
        session: sum(len(file.data) for file in tuple(files.values()))
        for session, files in tuple(held.items())
    }
