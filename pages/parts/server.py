"""What the web server does around the pages: headers, compression, warm-up, clean-up."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import importlib
import logging
import os
import re
import sys
import weakref
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    MutableMapping,
)
from pathlib import Path
from typing import Any

import anyio.to_thread
import streamlit as st
from starlette.formparsers import MultiPartParser
from starlette.requests import Request
from starlette.responses import JSONResponse
from streamlit import runtime

from imgsim_core import background
from imgsim_core.errors import BadSetting, ImgSimError
from imgsim_core.gallery.limits import limits_of_host
from imgsim_core.heap import give_back_memory, spare_memory
from imgsim_core.text import HostText, Text
from pages.parts import closing, first_visit, guard, media, metrics

_LOG = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# Nothing is fetched from anywhere but this host; Streamlit and plotly need inline style,
# eval and blob workers.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "font-src 'self' data:; connect-src 'self'{sockets} data:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'{framers}"
)
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), microphone=(), geolocation=(), payment=(), usb=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
FRAMED_BY = "IMGSIM_FRAMED_BY"
"""Environment variable: sites that may show the app in a frame; no other than this if not set."""

_SITE = re.compile(r"https://(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:\d{1,5})?")
_HOST = re.compile(rb"[A-Za-z0-9.-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
# What a visitor brings is promised to stay in memory, but from 1 MB on Starlette would lay an
# upload into a temporary file. More than `server.maxUploadSize` never comes.
MultiPartParser.spool_max_size = 64 * 2**20

_REAP_SECONDS = 15
_WORK_SECONDS = 5.0  # for what is in the middle of a step when the server ends
_SAMPLES_SECONDS = 2  # after all else is warm: a first visitor's clicks come first
# Who asks for these may be a load balancer, or a page that is open already.
_NO_VISIT = ("/_stcore/", "/api/")


class SecurityHeaders:
    """Add security headers to every response; sockets and bodies pass untouched.

    Raises
    ------
    BadSetting
        If the setting of sites that may show the app in a frame makes no sense.
    """

    def __init__(self, app: Application) -> None:
        self.app = app
        self._framers = framers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if not scope["path"].startswith(_NO_VISIT):
            first_visit.somebody_comes()

        policy = (b"content-security-policy", _policy(scope, self._framers))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], policy, *_HEADERS]
            await send(message)

        await self.app(scope, receive, with_headers)


def check_settings() -> None:
    """See that what the server needs, and what its visitors may have, is set to what can be.

    Raises
    ------
    BadSetting
    """
    framers()
    guard.most_upload_bytes()
    metrics.address()
    limits_of_host()


def framers() -> tuple[str, ...]:
    """Read which sites may show the app in a frame of theirs.

    Raises
    ------
    BadSetting
        If one of them is more or less than https://HOST.
    """
    written = os.environ.get(FRAMED_BY, "").split()
    for site in written:
        if not _SITE.fullmatch(site):
            raise BadSetting(
                Text(
                    "The setting {variable} must name sites such as https://huggingface.co, "
                    "not {value}.",
                    variable=FRAMED_BY,
                    value=HostText(site),
                )
            )
    return tuple(written)


def _policy(scope: Scope, framers: tuple[str, ...]) -> bytes:
    """Write the policy: sockets to this host only, by name, since not every 'self' means them."""
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    sockets = f" ws://{host.decode()} wss://{host.decode()}" if _HOST.fullmatch(host) else ""
    return _POLICY.format(sockets=sockets, framers="".join(f" {one}" for one in framers)).encode()


class CompressStatic:
    """Compress the front end's files once, and keep them compressed.

    Streamlit serves its scripts uncompressed: 7 MB for a page with a chart. The files never
    change while the server runs, so each is compressed at its first request only. Nobody can
    make it keep more than them: a file has one path here, and pages are not kept.
    """

    _kinds = (b"javascript", b"css", b"json", b"svg")
    # No empty part, nor "." or "..": the same file would have paths without end
    _path = re.compile(r"(/[\w-][\w.-]*)*/static(/[\w-][\w.-]*)+", re.ASCII)
    _longest_path = 300

    def __init__(self, app: Application) -> None:
        self.app = app
        self._kept: dict[str, tuple[Message, bytes]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._wanted(scope) or not _accepts_gzip(scope):
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        if path not in self._kept:
            start, body = await self._fetched(scope)
            headers = dict(start["headers"])
            kind = headers.get(b"content-type", b"")
            whole = int(headers.get(b"content-length", len(body))) == len(body)
            if start["status"] != 200 or not whole or not any(one in kind for one in self._kinds):
                await send(start)
                await send({"type": "http.response.body", "body": body})
                return
            self._kept[path] = await anyio.to_thread.run_sync(_compressed, start, body)
        start, body = self._kept[path]
        await send({**start, "headers": list(start["headers"])})
        await send({"type": "http.response.body", "body": body})

    def _wanted(self, scope: Scope) -> bool:
        if scope["type"] != "http" or scope["method"] != "GET":
            return False
        path = scope["path"]
        return len(path) <= self._longest_path and self._path.fullmatch(path) is not None

    async def _fetched(self, scope: Scope) -> tuple[Message, bytes]:
        """Ask for the whole file, for all who will want it: nobody can hang up in the middle."""
        started: list[Message] = []
        body = bytearray()
        # A conditional request would be answered 304 without a body to compress.
        conditional = {b"if-none-match", b"if-modified-since", b"range"}
        headers = [pair for pair in scope["headers"] if pair[0] not in conditional]

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
            else:
                body.extend(message.get("body", b""))

        sent = False

        async def receive() -> Message:
            nonlocal sent
            if sent:
                await asyncio.Event().wait()
            sent = True
            return {"type": "http.request", "body": b"", "more_body": False}

        await self.app({**scope, "headers": headers, "extensions": {}}, receive, collect)
        return started[0], bytes(body)


def _accepts_gzip(scope: Scope) -> bool:
    return any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])


def _compressed(start: Message, body: bytes) -> tuple[Message, bytes]:
    packed = gzip.compress(body, compresslevel=6, mtime=0)
    dropped = {b"content-length", b"content-encoding", b"etag", b"accept-ranges"}
    headers = [pair for pair in start["headers"] if pair[0] not in dropped]
    headers += [
        (b"content-encoding", b"gzip"),
        (b"vary", b"accept-encoding"),
        (b"content-length", str(len(packed)).encode()),
    ]
    return {**start, "headers": headers}, packed


def settle_search_path(script: Path) -> None:
    """Have the folder of the pages' script among those where modules are looked for, for good.

    Else Streamlit puts it first at the beginning of every run of a page, and takes it away at
    the end: a thread that is just looking for a module passes over a folder then. With 20
    visitors at once the wheel that holds the default model was not found now and then.
    """
    folder = str(script.parent.absolute())
    if folder not in sys.path:
        sys.path.append(folder)  # last, so that nothing there hides anybody else's module


_ready = asyncio.Event()


async def ready(_: Request) -> JSONResponse:
    """Tell a load balancer whether to send visitors: the default model is loaded, no end begun."""
    yes = _ready.is_set() and not closing.stop.is_set()
    return JSONResponse({"ready": yes}, status_code=200 if yes else 503)


@contextlib.asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[dict[str, Any]]:
    """Warm up behind an open port, let go of what closed tabs have left, and end in order."""
    spare_memory()
    closing.listen()

    async def warm_up() -> None:
        await anyio.to_thread.run_sync(lambda: _warmup().warm(closing.stop))
        _ready.set()
        await asyncio.sleep(_SAMPLES_SECONDS)
        with _said_to_the_host():
            _warmup().begin_samples(closing.stop)

    async def reap() -> None:
        while True:
            await asyncio.sleep(_REAP_SECONDS)
            # Each round for itself: what visitors were promised holds even after a fault
            await asyncio.wait([_heard(_reap_once(), "clean-up")])

    with contextlib.ExitStack() as telling:
        with _said_to_the_host():
            telling.enter_context(metrics.told())
        tasks = [_heard(warm_up(), "warm-up"), _heard(reap(), "reaper")]
        yield {}
        for task in tasks:
            task.cancel()
        closing.begin()
        if "pages.parts.tenancy" in sys.modules:  # else nobody has been here yet
            with _said_to_the_host():
                _tenancy().stop()
                background.wait_for_work(_WORK_SECONDS)
                _tenancy().close()
    closing.leave()


def _heard(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Begin work whose failure is logged at once: asyncio would tell when the task is let go of."""

    def tell(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("%s failed", name, exc_info=error)

    task = asyncio.create_task(work, name=name)
    task.add_done_callback(tell)
    return task


async def _reap_once() -> None:
    let_go_of_closed_sessions()
    # What pages have left in circles is freed by nobody else, and of what a crowd has freed
    # the C library kept 180 to 230 MB. Elsewhere than on the loop, which goes on meanwhile
    # but for the collection.
    await anyio.to_thread.run_sync(give_back_memory)
    with _said_to_the_host():
        await anyio.to_thread.run_sync(_tenancy().reap)


def _warmup() -> Any:
    """What is made ready; taken in once the server listens, since it brings all pages' code."""
    return importlib.import_module("pages.parts.warmup")


def _tenancy() -> Any:
    return importlib.import_module("pages.parts.tenancy")


@contextlib.contextmanager
def _said_to_the_host() -> Iterator[None]:
    """Let galleries that cannot be had just now be no reason to stop serving."""
    try:
        yield
    except ImgSimError as error:
        _LOG.warning("%s", error)


_sessions: weakref.WeakSet[Any] = weakref.WeakSet()  # of Streamlit, seen at the last look


def let_go_of_closed_sessions() -> None:
    """Free what sessions hold whose tab has been closed for longer than the stated time.

    Streamlit drops them only when a later visitor comes or goes, and even then its loop holds
    the one that it served last: on a quiet server that visitor's pictures would stay. So a
    session that is over is emptied, whoever holds it. There is no public door to any of this;
    tests watch over those used.
    """
    media.forget_old()
    if not runtime.exists():
        return
    manager = runtime.get_instance()._session_mgr  # type: ignore[attr-defined]
    _sessions.update(one.session for one in manager.list_sessions())
    manager._session_storage._cache.expire()
    there = {one.session for one in manager.list_sessions()}
    for session in [one for one in _sessions if one not in there]:
        session.shutdown()
        if session._scriptrunner is None:  # else its page is at work: the next time
            session.session_state.clear()
            session._fragment_storage.clear()
            _sessions.discard(session)
