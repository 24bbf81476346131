"""What stands around the pages: headers, compression, readiness, clean-up."""

from __future__ import annotations

import asyncio
import gc
import gzip
import os
import re
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from streamlit import runtime
from streamlit.runtime import Runtime, RuntimeConfig
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.script_data import ScriptData
from streamlit.runtime.scriptrunner.exec_code import modified_sys_path
from streamlit.runtime.scriptrunner.script_cache import ScriptCache

from imgsim_core.background import StopSign
from imgsim_core.errors import BadSetting
from imgsim_core.method import Family
from pages.parts import cached, closing, first_visit, guard, metrics, server, warmup

ROOT = Path(__file__).parents[2]
FRONT_END = Path(streamlit.__file__).parent / "static"
SCRIPT = max((FRONT_END / "static" / "js").glob("*.js"), key=lambda file: file.stat().st_size)

Application = Callable[..., Awaitable[None]]


def answer(
    app: Application, path: str, *, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Ask an ASGI application; return status, headers and body."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(3600)  # a visitor who neither sends more nor hangs up
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    fields = [(k.replace("_", "-").encode(), value.encode()) for k, value in headers.items()]
    scope = {
        "type": "http", "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "root_path": "", "query_string": b"", "headers": fields,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    found = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:])


class Counted:
    """An application that counts how often it is asked."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        await self.app(scope, receive, send)


@pytest.fixture
def front_end() -> Counted:
    return Counted(StaticFiles(directory=FRONT_END))


def test_every_answer_carries_the_security_headers(front_end: Counted):
    app = Starlette(
        routes=[Mount("/", app=front_end)], middleware=[Middleware(server.SecurityHeaders)]
    )
    for path, status in (("/index.html", 200), ("/static/js", 404)):
        found, headers, _ = answer(app, path)
        assert found == status
        assert headers["x-content-type-options"] == "nosniff"
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "http:" not in policy
        assert "https:" not in policy
        assert "object-src 'none'" in policy


def framed_by(monkeypatch: pytest.MonkeyPatch, sites: str) -> str:
    monkeypatch.setenv(server.FRAMED_BY, sites)
    _, headers, _ = answer(server.SecurityHeaders(PlainTextResponse("page")), "/")
    return headers["content-security-policy"].rpartition("frame-ancestors ")[2]


def test_only_sites_that_the_host_names_may_show_the_app_in_a_frame(
    monkeypatch: pytest.MonkeyPatch,
):
    assert framed_by(monkeypatch, "") == "'self'"
    found = framed_by(monkeypatch, " https://huggingface.co https://*.hf.space:8443 ")
    assert found == "'self' https://huggingface.co https://*.hf.space:8443"


@pytest.mark.parametrize(
    "site",
    ["*", "https://*", "http://a.org", "https://a.org/x", "https://a.org;", "a.org", "'none'"],
)
def test_a_site_that_would_open_more_than_itself_is_refused(
    monkeypatch: pytest.MonkeyPatch, site: str
):
    with pytest.raises(BadSetting, match="must name sites"):
        framed_by(monkeypatch, site)


def test_a_script_is_compressed_once_and_unchanged(front_end: Counted):
    app = server.CompressStatic(front_end)
    path = f"/static/js/{SCRIPT.name}"
    bodies = []
    for _ in range(3):
        status, headers, body = answer(app, path, accept_encoding="gzip, br")
        assert status == 200
        assert headers["content-encoding"] == "gzip"
        assert headers["vary"] == "accept-encoding"
        assert int(headers["content-length"]) == len(body)
        assert "javascript" in headers["content-type"]
        bodies.append(body)
    assert front_end.asked == 1
    assert bodies[0] == bodies[1] == bodies[2]
    assert gzip.decompress(body) == SCRIPT.read_bytes()
    assert len(body) < SCRIPT.stat().st_size / 3


async def _ends_when_its_reader_hangs_up(scope: Any, receive: Any, send: Any) -> None:
    """Serve a script in ten parts, as long as somebody is there to read them."""
    headers = [(b"content-type", b"text/javascript"), (b"content-length", b"1000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    gone = asyncio.Event()

    async def listen() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()

    listening = asyncio.create_task(listen())
    for part in range(10):
        await asyncio.sleep(0)
        if gone.is_set():
            break
        await send({"type": "http.response.body", "body": b"x" * 100, "more_body": part < 9})
    listening.cancel()


def test_who_hangs_up_leaves_no_torn_script_to_the_next():
    app = server.CompressStatic(_ends_when_its_reader_hangs_up)
    scope = {
        "type": "http", "method": "GET", "path": "/static/js/chart.js",
        "headers": [(b"accept-encoding", b"gzip")],
    }  # fmt: skip

    async def hang_up() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def nobody_reads(_: Any) -> None:
        pass

    asyncio.run(app(scope, hang_up, nobody_reads))
    _, _, body = answer(app, "/static/js/chart.js", accept_encoding="gzip")
    assert gzip.decompress(body) == b"x" * 1000


def test_a_script_that_came_incomplete_is_not_kept():
    files = iter([(b"1000", b"torn"), (b"5", b"whole")])

    async def torn_at_first(scope: Any, receive: Any, send: Any) -> None:
        length, script = next(files)
        headers = [(b"content-type", b"text/javascript"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": script})

    app = server.CompressStatic(torn_at_first)
    answer(app, "/static/js/chart.js", accept_encoding="gzip")
    _, fields, body = answer(app, "/static/js/chart.js", accept_encoding="gzip")
    assert fields["content-encoding"] == "gzip"
    assert gzip.decompress(body) == b"whole"


def test_who_cannot_unpack_gets_the_plain_script(front_end: Counted):
    _, headers, body = answer(server.CompressStatic(front_end), f"/static/js/{SCRIPT.name}")
    assert "content-encoding" not in headers
    assert body == SCRIPT.read_bytes()


@pytest.mark.parametrize("first", [True, False], ids=["first", "kept"])
def test_a_conditional_or_partial_request_gets_the_whole_script(front_end: Counted, first: bool):
    app = server.CompressStatic(front_end)
    path = f"/static/js/{SCRIPT.name}"
    if not first:
        answer(app, path, accept_encoding="gzip")
    for condition in (
        {"range": "bytes=0-9"},
        {"if_modified_since": "Fri, 01 Jan 2100 00:00:00 GMT"},
    ):
        status, headers, body = answer(app, path, accept_encoding="gzip", **condition)
        assert status == 200
        assert headers["content-encoding"] == "gzip"
        assert gzip.decompress(body) == SCRIPT.read_bytes()


def test_pictures_and_what_is_missing_pass_untouched():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        missing = scope["path"].endswith("missing.js")
        response = PlainTextResponse(b"picture", 404 if missing else 200, media_type="image/png")
        await response(scope, receive, send)

    for path, status in (("/static/icon.png", 200), ("/static/missing.js", 404)):
        found, headers, body = answer(server.CompressStatic(app), path, accept_encoding="gzip")
        assert (found, body) == (status, b"picture")
        assert "content-encoding" not in headers


LIMITS = [
    f"IMGSIM_{name}"
    for name in (
        "VISITOR_HOURS", "VISITOR_PICTURES", "VISITOR_MEGABYTES", "ALL_VISITORS_MEGABYTES",
        "VISITOR_MEMORY", "ALL_VISITORS_MEMORY", "VISITOR_JOBS",
    )
]  # fmt: skip


@pytest.mark.parametrize("variable", [server.FRAMED_BY, guard.UPLOADS, metrics.ADDRESS, *LIMITS])
def test_settings_are_looked_at_before_anybody_comes(
    monkeypatch: pytest.MonkeyPatch, variable: str
):
    monkeypatch.setenv(variable, "much")
    with pytest.raises(BadSetting, match=f"{variable} must .*, not much"):
        server.check_settings()


def test_a_server_with_a_setting_that_cannot_be_says_so_and_does_not_start():
    ended = subprocess.run(
        [sys.executable, "-c", "import app"],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, metrics.ADDRESS: "much"},
    )  # fmt: skip
    assert ended.returncode == 1
    assert re.fullmatch(r"imgsim: The setting IMGSIM_METRICS must .*, not much\.\n", ended.stderr)


def test_ready_says_no_until_the_warm_up_is_over_and_at_the_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server, "_ready", asyncio.Event())
    monkeypatch.setattr(closing, "stop", StopSign())
    # The end of this server is not that of what other tests use in this process
    nothing = SimpleNamespace(reap=int, stop=int, close=int)
    monkeypatch.setattr(server, "_tenancy", lambda: nothing)
    request = Request({"type": "http", "method": "GET", "path": "/api/ready", "headers": []})
    seen = []

    async def life() -> None:
        started, may_go_on = asyncio.Event(), asyncio.Event()

        async def slowly(_: Callable[[], None]) -> None:
            started.set()
            await may_go_on.wait()

        monkeypatch.setattr(server.anyio.to_thread, "run_sync", slowly)
        async with server.lifespan(SimpleNamespace()):  # type: ignore[arg-type]
            await started.wait()
            seen.append((await server.ready(request)).status_code)
            may_go_on.set()
            await asyncio.wait_for(server._ready.wait(), 5)
            seen.append((await server.ready(request)).status_code)
        seen.append((await server.ready(request)).status_code)

    asyncio.run(life())
    assert seen == [503, 200, 503]


def test_clean_up_goes_on_after_a_fault_which_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(server, "_REAP_SECONDS", 0)
    monkeypatch.setattr(closing, "stop", StopSign())
    tenancy = SimpleNamespace(reap=object(), stop=int, close=int)
    monkeypatch.setattr(server, "_tenancy", lambda: tenancy)
    rounds: list[int] = []
    given_back: list[int] = []  # memory, after so many rounds

    async def life() -> None:
        done = asyncio.Event()

        async def run_sync(work: Callable[[], None]) -> None:
            if work is server.give_back_memory:
                given_back.append(len(rounds))
                return
            if work is not tenancy.reap:
                raise ZeroDivisionError("the warm-up")
            rounds.append(len(rounds))
            if len(rounds) == 1:
                raise ZeroDivisionError("a round")
            done.set()

        monkeypatch.setattr(server.anyio.to_thread, "run_sync", run_sync)
        async with server.lifespan(SimpleNamespace()):  # type: ignore[arg-type]
            await asyncio.wait_for(done.wait(), 5)

    asyncio.run(life())
    assert len(rounds) > 1
    assert given_back[:2] == [0, 1]
    failed = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert failed == ["warm-up failed", "clean-up failed"]


def test_the_door_opens_before_the_pages_are_loaded_and_the_first_page_needs_no_tables():
    """Each costs the first visitor after a start half a second."""
    program = """if True:
        import sys
        import app
        heavy = {"numpy", "cv2", "lancedb", "imgsim_core.method", "pages.parts.links"}
        behind = heavy & set(sys.modules)
        from streamlit.testing.v1 import AppTest
        page = AppTest.from_file(app.HERE / "pages" / "parts" / "main.py", default_timeout=60)
        assert not page.run().exception
        assert len(page.button) > 12
        print(behind, {"pandas", "pyarrow", "torch"} & set(sys.modules))
    """
    told = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert told.stdout.strip() == "set() set()"


@pytest.fixture
def collecting_as_before() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_the_warm_up_answers_for_every_family(
    monkeypatch: pytest.MonkeyPatch, collecting_as_before: None
):
    monkeypatch.setattr(first_visit, "_COMING_SECONDS", 0)
    warmup.warm(StopSign())
    described = cached.memory().described
    warmup.warm(StopSign())
    assert described >= len(Family)
    assert cached.memory().described == described


class Session:
    """What stands for a closed tab."""

    id = "closed"


@pytest.fixture
def nobody_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_visit, "_visited", threading.Event())
    monkeypatch.setattr(first_visit, "_drawn", threading.Event())
    monkeypatch.setattr(first_visit, "_leaving", threading.Event())
    monkeypatch.setattr(first_visit, "_last_asked", 0.0)


@pytest.mark.parametrize(
    ("path", "comes"), [("/", True), ("/search", True), ("/_stcore/health", False)]
)
def test_only_who_fetches_a_page_is_a_visitor(nobody_yet: None, path: str, comes: bool):
    answer(server.SecurityHeaders(PlainTextResponse("page")), path)
    assert first_visit._visited.is_set() is comes


def test_the_model_waits_until_the_first_page_is_drawn(nobody_yet: None):
    first_visit._visited.set()
    waiting = threading.Thread(target=first_visit.await_first_page)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    first_visit.page_is_drawn()
    waiting.join(2)
    assert not waiting.is_alive()


def test_the_model_waits_while_a_browser_fetches_the_pictures(nobody_yet: None):
    first_visit.somebody_comes()
    first_visit.page_is_drawn()
    waiting = threading.Thread(target=first_visit.await_first_page)
    waiting.start()
    for _ in range(12):  # for longer than it would wait without
        waiting.join(0.1)
        assert waiting.is_alive()
        first_visit.somebody_comes()
    waiting.join(5)
    assert not waiting.is_alive()


@pytest.mark.parametrize("ends", [False, True])
def test_it_does_not_wait_for_whoever_asks_without_end_nor_when_the_server_ends(
    nobody_yet: None, ends: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(first_visit, "_LONGEST_SETTLING", 60 if ends else 0.2)
    monkeypatch.setattr(first_visit, "_last_asked", time.monotonic() + 3600)
    first_visit.page_is_drawn()
    first_visit._visited.set()
    waiting = threading.Thread(target=first_visit.await_first_page)
    waiting.start()
    if ends:
        first_visit.wait_no_longer()
    waiting.join(5)
    assert not waiting.is_alive()


def test_the_model_does_not_wait_for_nobody(nobody_yet: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(first_visit, "_COMING_SECONDS", 0.01)
    first_visit.await_first_page()
    assert not first_visit._visited.is_set()


def test_what_is_there_for_good_is_spared_from_collection(collecting_as_before: None):
    warmup.spare_from_collection()
    assert gc.get_freeze_count() > 10_000


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> MemorySessionStorage:
    """Of a running server, where it keeps sessions whose tab was closed: for no time at all."""
    found = MemorySessionStorage(ttl_seconds=0)
    monkeypatch.setattr(Runtime, "_instance", None)
    Runtime(
        RuntimeConfig(
            script_path="main.py",
            media_file_storage=MemoryMediaFileStorage("/media"),
            uploaded_file_manager=MemoryUploadedFileManager("/_stcore/upload_file"),
            session_storage=found,
        )
    )
    return found


def test_what_closed_tabs_left_is_let_go_of(storage: MemorySessionStorage):
    """A private door that is used: it must still be there, and still do this."""
    closed = SimpleNamespace(session=Session())
    held = weakref.ref(closed.session)
    storage.save(closed)  # type: ignore[arg-type]
    del closed
    gc.collect()
    assert held() is not None  # Streamlit itself lets go only when somebody else comes or goes
    server.let_go_of_closed_sessions()
    assert held() is None


def test_a_session_that_is_over_is_emptied_whoever_holds_it(storage: MemorySessionStorage):
    """Streamlit's loop holds the last one, and frozen garbage any: the private doors again."""

    class Picture:
        pass

    async def life() -> None:
        session = AppSession(
            script_data=ScriptData("main.py", is_hello=False),
            uploaded_file_manager=MemoryUploadedFileManager("/_stcore/upload_file"),
            script_cache=ScriptCache(),
            message_enqueued_callback=None,
            user_info={},
        )
        pictures = [Picture(), Picture()]
        held = [weakref.ref(one) for one in pictures]
        session.session_state["picture"] = pictures[0]
        session._fragment_storage.register("fragment", partial(id, pictures[1]))
        del pictures
        manager = runtime.get_instance()._session_mgr  # type: ignore[attr-defined]
        manager._active_session_info_by_id[session.id] = SimpleNamespace(session=session)
        server.let_go_of_closed_sessions()
        assert all(one() is not None for one in held)
        del manager._active_session_info_by_id[session.id]
        session._scriptrunner = at_work = SimpleNamespace(request_stop=int)  # type: ignore[assignment]
        server.let_go_of_closed_sessions()
        assert all(one() is not None for one in held)
        session._scriptrunner = None
        session._script_event_loop.close()  # as the end of a page at work does
        del at_work
        server.let_go_of_closed_sessions()
        assert not any(one() for one in held)

    asyncio.run(life())


def test_no_run_of_a_page_changes_where_modules_are_looked_for(monkeypatch: pytest.MonkeyPatch):
    script = ROOT / "pages" / "parts" / "main.py"
    monkeypatch.setattr(sys, "path", [one for one in sys.path if Path(one) != script.parent])
    before = list(sys.path)
    with modified_sys_path(str(script)):
        assert sys.path != before  # else Streamlit has mended it, and nothing here is needed
    server.settle_search_path(script)
    server.settle_search_path(script)
    settled = list(sys.path)
    assert settled == [*before, str(script.parent)]
    with modified_sys_path(str(script)):
        assert sys.path == settled
    assert sys.path == settled


def test_without_a_server_there_is_nothing_to_let_go_of(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Runtime, "_instance", None)
    server.let_go_of_closed_sessions()


def test_streamlit_can_find_the_app_in_its_file():
    # Streamlit looks for these very words before it imports the file.
    assert re.search(r"^app = st\.App\(", (ROOT / "app.py").read_text(), re.MULTILINE)
