"""Visitors as the server meets them, by its own protocol, without a browser: one process.

Every byte that a visitor is sent is kept, so that a test can say what he was not sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest
import streamlit as st
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from streamlit import net_util
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime, memory_media_file_storage

from pages.parts import guard, oops, server

MAIN = Path(__file__).parents[2] / "pages" / "parts" / "main.py"
HOST = "imgsim.example"
ORIGIN = f"http://{HOST}"


class Visitor:
    """One browser: its cookies, its socket, and all that came over it."""

    def __init__(self, client: TestClient) -> None:
        self.client = TestClient(client.app, base_url=ORIGIN)
        self.client.portal = client.portal  # the same event loop, other cookies
        self.client.get("/_stcore/health")
        self.token = self.client.cookies["_streamlit_xsrf"]
        self.session = ""
        self.heard = b""
        self.uploaders: dict[str, str] = {}  # id of each uploader by the start of its key
        self._uploaded: dict[str, tuple[str, str, int]] = {}

    @contextmanager
    def here(self) -> Iterator[Visitor]:
        """Have the page open."""
        protocols = ["streamlit", self.token]
        with self.client.websocket_connect(
            "/_stcore/stream", subprotocols=protocols, headers={"host": HOST, "origin": ORIGIN}
        ) as socket:
            self.socket = socket
            yield self

    def run(self, link: Mapping[str, str] | None = None) -> bytes:
        """Have the page drawn; returns what came."""
        message = BackMsg()
        message.rerun_script.query_string = urlencode(link or {})
        for key, (file_id, name, size) in self._uploaded.items():
            widget = message.rerun_script.widget_states.widgets.add()
            widget.id = self.uploaders[key]
            told = widget.file_uploader_state_value.uploaded_file_info.add()
            told.file_id, told.name, told.size = file_id, name, size
            told.file_urls.file_id = file_id
        self._uploaded.clear()
        self.socket.send_bytes(message.SerializeToString())
        return self._listen()

    def _listen(self) -> bytes:
        came = b""
        while True:
            data = self.socket.receive_bytes()
            came += data
            answer = ForwardMsg()
            answer.ParseFromString(data)
            kind = answer.WhichOneof("type")
            if kind == "new_session":
                self.session = answer.new_session.initialize.session_id or self.session
            elif kind == "delta":
                uploader = answer.delta.new_element.file_uploader
                if uploader.id:
                    self.uploaders[re.sub(r"^.*-(file_\w+?)_\d+$", r"\1", uploader.id)] = (
                        uploader.id
                    )
            elif kind == "script_finished":
                self.heard += came
                return came

    def put(self, name: str, data: bytes, *, session: str = "", **headers: str) -> int:
        """Send a file; returns the server's status."""
        answer = self.client.put(
            f"/_stcore/upload_file/{session or self.session}/file-of-a-test",
            files={"file": (name, data, "image/png")},
            headers={"x-xsrftoken": self.token, **headers},
        )
        return int(answer.status_code)

    def bring(self, key: str, name: str, data: bytes) -> bytes:
        """Bring a file to an uploader, "file_a" or "file_b", and have the page drawn."""
        assert self.put(name, data) == 204
        self._uploaded[key] = ("file-of-a-test", name, len(data))
        return self.run()


def media(came: bytes) -> set[str]:
    """Addresses of pictures in what came."""
    return {found.decode() for found in re.findall(rb"/media/[0-9a-f]+\.\w+", came)}


@contextmanager
def closed_doors() -> Iterator[None]:
    """Close Streamlit's doors, and leave them as they were: other tests run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in (
            (memory_media_file_storage, "_calculate_file_id"),
            (memory_media_file_storage, "MemoryMediaFileStorage"),
            (net_util, "get_external_ip"),
        ):
            patch.setattr(module, name, getattr(module, name))
        guard.close_the_doors()
        yield


@contextmanager
def serving(most_upload_bytes: int | None = None) -> Iterator[TestClient]:
    """Serve the pages as `app.py` does, without the warm-up, in this process."""
    with pytest.MonkeyPatch.context() as patch, closed_doors(), ExitStack() as stack:
        patch.setattr(Runtime, "_instance", None)
        app = st.App(
            str(MAIN),
            middleware=[
                Middleware(server.SecurityHeaders),
                Middleware(guard.Guard, most_bytes=most_upload_bytes),
                Middleware(server.CompressStatic),
            ],
            on_script_error=oops.apologise,
        )
        yield stack.enter_context(TestClient(app, base_url=ORIGIN))
