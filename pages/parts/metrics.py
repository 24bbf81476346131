"""Figures for the host's Prometheus, at an address of their own that no visitor is given.

`IMGSIM_METRICS=127.0.0.1:9464` switches them on. What is told holds nothing of visitors but
how many there are: labels are the ids of pages, methods and models, names of kinds of work,
and classes of errors.
"""

from __future__ import annotations

import importlib
import logging
import os
import platform
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit import runtime

import imgsim_core
from imgsim_core import background, counting
from imgsim_core.counting import Tally
from imgsim_core.errors import BadSetting, ImgSimError
from imgsim_core.text import HostText, Text

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

_LOG = logging.getLogger(__name__)

ADDRESS = "IMGSIM_METRICS"
"""Environment variable: address and port to tell figures at; not told if not set."""

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

pages_drawn = Tally(counting.SECONDS)
"""Whole pages drawn, by page, with the seconds of the server's part of it."""

requests = Tally(counting.SECONDS)
"""Requests answered, by kind and status, with the seconds until the last byte was sent."""

failures = Tally()
"""Pages that failed by a fault of the app itself."""

_KINDS = (
    ("/_stcore/health", "health"),
    ("/api/ready", "health"),
    ("/_stcore/upload_file/", "upload"),
    ("/media/", "picture"),
    ("/static/", "front end"),
    ("/app/static/", "front end"),
    ("/_stcore/", "front end"),
)


# ── What the pages count ───────────────────────────────────────────────────────────


@contextmanager
def page_timed(name: str) -> Iterator[None]:
    """Count a page that is drawn to its end, and the time it takes."""
    started = time.perf_counter()
    yield
    duration = time.perf_counter() - started
    pages_drawn.add(name, duration)
    _LOG.info("page drawn: %s", name, extra={"duration": duration})


class CountRequests:
    """Count what is asked for, by kind; addresses themselves are kept nowhere."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            requests.add(f"{_kind(scope['path'])} {status}", time.perf_counter() - started)


def _kind(path: str) -> str:
    for beginning, kind in _KINDS:
        if path.startswith(beginning):
            return kind
    return "page"


# ── What the host reads ────────────────────────────────────────────────────────────


def address() -> tuple[str, int] | None:
    """Read where figures are to be told.

    Returns
    -------
    tuple of (str, int) or None
        Host and port; None where nothing is set.

    Raises
    ------
    BadSetting
        If it is no address with a port.
    """
    written = os.environ.get(ADDRESS, "").strip()
    if not written:
        return None
    try:
        parts = urlsplit(f"//{written}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or parts.netloc != written:
        raise BadSetting(
            Text(
                "The setting {variable} must be an address and a port such as 127.0.0.1:9464, "
                "not {value}.",
                variable=ADDRESS,
                value=HostText(written),
            )
        )
    return host, port


@contextmanager
def told() -> Iterator[None]:
    """Answer the host's Prometheus meanwhile, in a thread of its own, if that is wanted.

    Raises
    ------
    BadSetting
        As `address`, or if nobody can listen there.
    """
    wanted = address()
    if wanted is None:
        yield
        return
    from prometheus_client import start_http_server

    host, port = wanted
    try:
        server, thread = start_http_server(port, host, registry())
    except OSError as error:
        raise BadSetting(
            Text(
                "Nobody can listen at {value}, which {variable} names: {why}.",
                variable=ADDRESS,
                value=HostText(f"{host}:{port}"),
                why=HostText(error.strerror or error),
            )
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def registry() -> CollectorRegistry:
    """Gather everything that is told."""
    from prometheus_client import CollectorRegistry, ProcessCollector

    gathered = CollectorRegistry()
    ProcessCollector(registry=gathered)
    gathered.register(_Figures())
    return gathered


class _Figures:
    """What is told, read anew each time it is asked for."""

    def collect(self) -> Iterator[Metric]:
        yield from _counted()
        yield from _held_now()

    def describe(self) -> list[Metric]:
        """Promise nothing: a registry would otherwise collect to find out."""
        return []


def _counted() -> Iterator[Metric]:
    yield _durations("imgsim_page_seconds", "Pages drawn, the server's part.", "page", pages_drawn)
    yield _durations(
        "imgsim_comparison_seconds",
        "Pairs a method was asked about; what was known already is not asked again.",
        "method",
        counting.comparisons,
    )
    yield _durations(
        "imgsim_batch_pictures",
        "Pictures that went through a network together.",
        "model",
        counting.batches,
    )
    yield _requests()
    yield _total(
        "imgsim_refusals", "Sentences made instead of an answer.", "kind", counting.refusals
    )
    yield _total("imgsim_failures", "Pages that failed by a fault of the app.", "kind", failures)


def _durations(name: str, about: str, label: str, tally: Tally) -> Metric:
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(name, about, labels=[label])
    for value, reading in sorted(tally.readings().items()):
        bounds = zip(map(str, map(float, tally.bounds)), reading.below, strict=True)
        family.add_metric([value], [*bounds, ("+Inf", reading.count)], reading.total)
    return family


def _requests() -> Metric:
    from prometheus_client.core import SummaryMetricFamily

    family = SummaryMetricFamily(
        "imgsim_request_seconds", "Requests answered.", labels=["kind", "status"]
    )
    for value, reading in sorted(requests.readings().items()):
        kind, _, status = value.rpartition(" ")
        family.add_metric([kind or counting.OTHER, status], reading.count, reading.total)
    return family


def _total(name: str, about: str, label: str, tally: Tally) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(name, about, labels=[label])
    for value, reading in sorted(tally.readings().items()):
        family.add_metric([value], reading.total)
    return family


def _held_now() -> Iterator[Metric]:
    yield _gauge(
        "imgsim_build_info",
        "Always 1; the labels say what runs here.",
        {(imgsim_core.__version__, platform.python_version(), st.__version__): 1},
        "version",
        "python",
        "streamlit",
    )
    if runtime.exists():
        yield _gauge("imgsim_visitors", "Tabs that are open now.", {(): _visitors()})
    yield _gauge(
        "imgsim_background_work",
        "Threads at work behind the pages, such as galleries being filled.",
        {(name,): count for name, count in background.at_work().items()},
        "work",
    )
    if "pages.parts.warmup" not in sys.modules:
        return  # the rest would bring all pages' code in before a first visitor's page
    encoder = importlib.import_module("imgsim_core.models.encoder")
    network = importlib.import_module("imgsim_core.models.network")
    yield _gauge(
        "imgsim_inference_waiting",
        "Pictures that wait for a network now.",
        {(model,): count for model, count in encoder.waiting().items()},
        "model",
    )
    yield _gauge(
        "imgsim_model_loaded",
        "1 for each model whose network is in memory.",
        {(model,): 1 for model in network.loaded_models()},
        "model",
    )
    yield _gauge("imgsim_held_bytes", "What is held, by what it is.", _held(), "what")


def _gauge(name: str, about: str, values: Mapping[tuple[str, ...], float], *labels: str) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(name, about, labels=labels)
    for value, amount in sorted(values.items()):
        family.add_metric(value, amount)
    return family


def _visitors() -> float:
    found = runtime.get_instance().stats_mgr.get_stats(["active_sessions"])
    return sum(stat.value for stats in found.values() for stat in stats)  # type: ignore[attr-defined]


def _held() -> dict[tuple[str, ...], float]:
    """Bytes held for all, in memory and on the disk."""
    cached = importlib.import_module("pages.parts.cached")
    tenancy = importlib.import_module("pages.parts.tenancy")
    held: dict[tuple[str, ...], float] = {("results remembered",): cached.memory().held_bytes}
    if runtime.exists():
        uploads = runtime.get_instance().uploaded_file_mgr.get_stats()  # type: ignore[attr-defined]
        held["uploads",] = sum(stat.byte_length for stats in uploads.values() for stat in stats)
    try:
        held["pictures of visitors",] = tenancy.allowances().held
        held["galleries of visitors, on the disk",] = tenancy.visitors().held().bytes
    except ImgSimError:
        return held  # the Status page says why
    return held
