"""Pictures on show stay until a browser has had time to fetch them.

Streamlit deletes a picture as soon as no page holds it. But while a page is drawn anew it holds
none, for a moment, and that moment may end with another visitor's page: a browser that is just
then asking gets nothing, and shows a broken picture for good, since the address it is given
afterwards is the same.

Only what a visitor has told the server to forget goes at once.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable

from streamlit.runtime.media_file_storage import MediaFileKind
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.scriptrunner import get_script_run_ctx

SECONDS = 30.0
"""For so long a picture can be fetched after it was let go of."""

MOST_BYTES = 64 * 2**20
"""Pictures that were let go of take up no more, all visitors' together: the oldest go first."""


class LingeringMedia(MemoryMediaFileStorage):
    """Streamlit's storage of pictures on show, which deletes a little later.

    Parameters
    ----------
    endpoint : str
        As Streamlit's.
    clock : callable
        Seconds since some moment.
    """

    def __init__(self, endpoint: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(endpoint)
        self._clock = clock
        self._lock = threading.Lock()
        self._going: OrderedDict[str, tuple[float, int]] = OrderedDict()  # when, and bytes
        self._session_of: dict[str, str] = {}
        self._forgetting: dict[str, float] = {}  # sessions, and since when
        _all.add(self)

    def load_and_get_id(
        self,
        path_or_data: str | bytes,
        mimetype: str,
        kind: MediaFileKind,
        filename: str | None = None,
    ) -> str:
        """Take a picture in, or keep one that was going."""
        with self._lock:
            file_id = super().load_and_get_id(path_or_data, mimetype, kind, filename)
            self._going.pop(file_id, None)
            self._session_of[file_id] = _session()
        return file_id

    def delete_file(self, file_id: str) -> None:
        """Let a picture go, in a while; at once if its session has had all forgotten."""
        with self._lock:
            file = self._files_by_id.get(file_id)
            if file is not None and self._session_of.get(file_id) in self._forgetting:
                self._remove(file_id)
            elif file is not None:
                self._going[file_id] = self._clock(), file.content_size
        self.forget_old()

    def forget(self, session: str) -> None:
        """Let go at once of what a session no longer shows, now and when its page is anew."""
        with self._lock:
            self._forgetting[session] = self._clock()
            for file_id in [one for one in self._going if self._session_of.get(one) == session]:
                self._remove(file_id)

    def forget_old(self) -> None:
        """Delete what has been going for long enough, or what is too much."""
        with self._lock:
            held = sum(size for _, size in self._going.values())
            oldest = self._clock() - SECONDS
            for session in [one for one, since in self._forgetting.items() if since <= oldest]:
                del self._forgetting[session]
            while self._going:
                file_id, (since, size) = next(iter(self._going.items()))
                if since > oldest and held <= MOST_BYTES:
                    return
                held -= size
                self._remove(file_id)

    def _remove(self, file_id: str) -> None:
        """Delete a picture; the lock is held."""
        self._going.pop(file_id, None)
        self._session_of.pop(file_id, None)
        super().delete_file(file_id)


_all: weakref.WeakSet[LingeringMedia] = weakref.WeakSet()


def forget_old() -> None:
    """Delete what nobody fetches any more, also when nobody comes."""
    for storage in list(_all):
        storage.forget_old()


def forget_what_was_shown() -> None:
    """Let nobody fetch this visitor's pictures any more once the page no longer shows them."""
    for storage in list(_all):
        storage.forget(_session())


def _session() -> str:
    context = get_script_run_ctx(suppress_warning=True)
    return "" if context is None else context.session_id
