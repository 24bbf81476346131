"""Somebody who visits a running server over the network, by the protocol of its front end.

No browser: twenty of them would need more processors than the server. What a browser would
ask for is asked for here: the page over the socket, every picture it shows, uploads; and the
parts that refresh themselves are asked for again as often as they say.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import requests
from requests.adapters import HTTPAdapter
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from urllib3.util import Retry
from websockets.sync.client import ClientConnection, connect

from pages.parts.language import code_span

PATIENCE = 120.0

_MEDIA = re.compile(rb"/media/[0-9a-f]+\.\w+")
_KEYED = re.compile(r"\$\$ID-[0-9a-f]+-(.+)", re.DOTALL)
_WRITTEN = ("alert", "markdown", "text", "heading", "exception", "toast", "progress")


class Broken(Exception):
    """The server did what no visitor should see: a sentence that says what."""


@dataclass(frozen=True)
class Said:
    """A piece of text on a page, and what kind of element it is, such as "error"."""

    kind: str
    words: str


@dataclass
class Answer:
    """What came between something that a visitor did and the page at rest."""

    seconds: float = 0.0
    bytes: int = 0
    said: list[Said] = field(default_factory=list)

    @property
    def errors(self) -> list[str]:
        """Sentences in red."""
        return [one.words for one in self.said if one.kind == "error"]

    def names(self, name: str) -> bool:
        """Tell whether a sentence, and not only a caption's bare name, has this name."""
        return any(is_named(name, one.words) and one.words.count(" ") >= 3 for one in self.said)


def is_named(name: str, words: str) -> bool:
    """Tell whether words have a name, whole or as pages shorten it."""
    return name in words or code_span(name) in words


@dataclass(frozen=True)
class _Widget:
    id: str
    kind: str
    fragment: str


class Visitor:
    """A tab of a browser of one's own.

    Parameters
    ----------
    address : str
        Of the server, such as http://127.0.0.1:8501.
    heard : callable or None
        Given every message that comes over the socket, as bytes.
    patience : float
        Seconds after which an answer is not waited for any longer.
    """

    def __init__(
        self,
        address: str,
        heard: Callable[[bytes], None] | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self.address = address
        self._patience = patience
        self.media: set[str] = set()
        self._heard = heard
        self._http = requests.Session()
        self._http.trust_env = False
        # As browsers do when a server has just closed a connection that was kept open
        again = Retry(1, backoff_factor=0, allowed_methods=("GET", "PUT"))
        self._http.mount("http://", HTTPAdapter(max_retries=again))
        self._session = self._page = self._query = ""
        self._pages: dict[str, str] = {}  # hash of each page's script by its address
        self._widgets: dict[str, _Widget] = {}
        self._refreshing: dict[str, float] = {}  # seconds by the id of a part of the page
        self._found: set[str] = set()
        self._socket: ClientConnection

    @contextmanager
    def here(self) -> Iterator[Visitor]:
        """Have a tab open, without a page yet."""
        self._get("/_stcore/health")
        self._token = self._http.cookies["_streamlit_xsrf"]
        cookies = "; ".join(f"{one.name}={one.value}" for one in self._http.cookies)
        with connect(
            self.address.replace("http", "ws", 1) + "/_stcore/stream",
            origin=self.address,  # type: ignore[arg-type]
            subprotocols=["streamlit", self._token],  # type: ignore[list-item]
            additional_headers={"Cookie": cookies},
            max_size=None,
            open_timeout=PATIENCE,
            ping_interval=None,
        ) as self._socket:
            yield self
        self._http.close()

    # ── What a visitor does ────────────────────────────────────────────────────────

    def open(self, page: str = "", link: Mapping[str, str] | None = None) -> Answer:
        """Come by a link to a page, named as in addresses."""
        self._query = urlencode(link or {})
        message = BackMsg()
        message.rerun_script.page_name = page
        return self._ask(message)

    def go_to(self, page: str) -> Answer:
        """Choose a page from the menu."""
        self._page, self._query = self._pages[page], ""
        return self._ask(BackMsg())

    def click(self, key: str) -> Answer:
        """Click the button with a key."""
        return self._change(key, lambda state: setattr(state, "trigger_value", True))

    def toggle(self, key: str, on: bool = True) -> Answer:
        """Switch something, or open what opens."""
        return self._change(key, lambda state: setattr(state, "bool_value", on))

    def write(self, key: str, words: str) -> Answer:
        """Write words into a field."""
        return self._change(key, lambda state: setattr(state, "string_value", words))

    def choose(self, key: str, *labels: str) -> Answer:
        """Choose options by the words on them."""
        return self._change(key, lambda state: state.string_array_value.data.extend(labels))

    def move(self, key: str, number: float) -> Answer:
        """Move a slider."""
        return self._change(key, lambda state: state.double_array_value.data.append(number))

    def bring(self, key: str, files: Iterable[tuple[str, bytes]]) -> Answer:
        """Give files to the uploader whose key begins so; the sending counts in."""
        started = time.perf_counter()
        sent = [(str(uuid.uuid4()), name, data) for name, data in files]
        for file_id, name, data in sent:
            self._put(file_id, name, data)
        spent = time.perf_counter() - started

        def told(state: Any) -> None:
            for file_id, name, data in sent:
                one = state.file_uploader_state_value.uploaded_file_info.add()
                one.file_id, one.name, one.size = file_id, name, len(data)
                one.file_urls.file_id = file_id

        answer = self._change(self.key_of(key), told)
        answer.seconds += spent
        return answer

    def wait_while(self, so: Callable[[Answer], bool], seconds: float = PATIENCE) -> Answer:
        """Let the page refresh itself until what comes is no longer so, or nothing refreshes."""
        started = time.perf_counter()
        last = Answer()
        while self._refreshing:
            if time.perf_counter() - started > seconds:
                raise Broken(f"the page was not at rest after {seconds:.0f} s")
            part, every = next(iter(self._refreshing.items()))
            time.sleep(every)
            message = BackMsg()
            message.rerun_script.fragment_id = part
            message.rerun_script.is_auto_rerun = True
            last = self._ask(message)
            if not so(last):
                break
        last.seconds = time.perf_counter() - started
        return last

    # ── What there is on the page ──────────────────────────────────────────────────

    def key_of(self, beginning: str) -> str:
        """Find the key of the element that came last among those that begin so."""
        found = [key for key in self._widgets if key.startswith(beginning)]
        if not found:
            raise Broken(f"nothing on the page has a key that begins with {beginning}")
        return found[-1]

    def has(self, beginning: str) -> bool:
        """Tell whether something on the page has a key that begins so."""
        return any(key.startswith(beginning) for key in self._found)

    def keys(self, beginning: str) -> list[str]:
        """List the keys on the page that begin so."""
        return sorted(key for key in self._found if key.startswith(beginning))

    # ── The wire ───────────────────────────────────────────────────────────────────

    def _get(self, path: str) -> requests.Response:
        answer = self._http.get(self.address + path, timeout=PATIENCE)
        answer.raise_for_status()
        return answer

    def _put(self, file_id: str, name: str, data: bytes) -> None:
        self._http.put(
            f"{self.address}/_stcore/upload_file/{self._session}/{file_id}",
            files={"file": (name, data, "application/octet-stream")},
            headers={"X-Xsrftoken": self._token},
            timeout=PATIENCE,
        ).raise_for_status()

    def _change(self, key: str, put: Callable[[Any], None]) -> Answer:
        if key not in self._widgets:
            raise Broken(f"nothing on the page has the key {key}")
        widget = self._widgets[key]
        message = BackMsg()
        message.rerun_script.fragment_id = widget.fragment
        state = message.rerun_script.widget_states.widgets.add()
        state.id = widget.id
        put(state)
        return self._ask(message)

    def _ask(self, message: BackMsg) -> Answer:
        asked = message.rerun_script
        asked.query_string = self._query
        if not asked.page_name:
            asked.page_script_hash = self._page
        asked.context_info.locale = "en-GB"
        asked.context_info.url = self.address + "/"
        started = time.perf_counter()
        self._socket.send(message.SerializeToString())
        answer = Answer()
        new = self._listen(answer, started + self._patience)
        for address in new - self.media:
            # What has been replaced meanwhile is gone: a browser would not ask for it any more
            picture = self._http.get(self.address + address, timeout=PATIENCE)
            if picture.status_code not in (200, 404):
                raise Broken(f"a picture was answered by {picture.status_code}")
            answer.bytes += len(picture.content)
        self.media |= new
        answer.seconds = time.perf_counter() - started
        return answer

    def _listen(self, answer: Answer, until: float) -> set[str]:
        """Read until the page is at rest; returns the addresses of its pictures."""
        shown: set[str] = set()
        finished = False
        while True:
            try:
                data = self._socket.recv(timeout=max(0.1, until - time.perf_counter()))
            except TimeoutError:
                raise Broken(f"no answer in {self._patience:.0f} s") from None
            assert isinstance(data, bytes)
            answer.bytes += len(data)
            if self._heard is not None:
                self._heard(data)
            message = ForwardMsg()
            message.ParseFromString(data)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self._begin(message)
                shown.clear()
            elif kind == "delta":
                shown.update(found.decode() for found in _MEDIA.findall(data))
                self._lay(message.delta, answer)
            elif kind == "auto_rerun":
                self._refreshing[message.auto_rerun.fragment_id] = message.auto_rerun.interval
            elif kind == "stop_auto_rerun":
                for part in message.stop_auto_rerun.fragment_ids:
                    self._refreshing.pop(part, None)
            elif kind == "page_info_changed":
                self._query = message.page_info_changed.query_string
            elif kind == "navigation":
                self._page = message.navigation.page_script_hash
                self._pages = {
                    page.url_pathname: page.page_script_hash
                    for page in message.navigation.app_pages
                }
            elif kind == "page_not_found":
                raise Broken("there is no such page")
            elif kind == "session_event":
                raise Broken(f"the page failed: {str(message.session_event)[:300]}")
            elif kind == "script_finished":
                finished = message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
            elif (
                kind == "session_status_changed"
                and finished
                and not message.session_status_changed.script_is_running
            ):
                return shown

    def _begin(self, message: ForwardMsg) -> None:
        self._session = message.new_session.initialize.session_id or self._session
        if not message.metadata.run.fragment_ids:  # the whole page begins anew
            self._refreshing.clear()
            self._found.clear()

    def _lay(self, delta: Any, answer: Answer) -> None:
        if delta.WhichOneof("type") == "new_element":
            kind = delta.new_element.WhichOneof("type")
            element = getattr(delta.new_element, kind)
            answer.said += [Said(_kind(kind, element), words) for words in _words(kind, element)]
            if kind == "exception":
                raise Broken(f"an exception is on the page: {element.type} {element.message[:200]}")
        elif delta.WhichOneof("type") == "add_block":
            kind = delta.add_block.WhichOneof("type") or "block"
            element = getattr(delta.add_block, kind, delta.add_block)
            if getattr(element, "label", ""):
                answer.said.append(Said(kind, element.label))
        else:
            return
        keyed = _KEYED.fullmatch(getattr(element, "id", "") or getattr(delta.add_block, "id", ""))
        if keyed:
            key = keyed[1]
            self._widgets.pop(key, None)  # what came last is to be found last
            self._widgets[key] = _Widget(keyed[0], kind, delta.fragment_id)
            self._found.add(key)


def _kind(kind: str, element: Any) -> str:
    return "error" if kind == "alert" and element.format == Alert.ERROR else kind


def _words(kind: str, element: Any) -> Iterator[str]:
    if kind not in _WRITTEN:
        return
    for name in ("body", "message", "text"):
        words = getattr(element, name, "")
        if words:
            yield words
