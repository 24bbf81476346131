"""Figures for the host's Prometheus: true, bounded, and of nobody."""

from __future__ import annotations

import asyncio
import sys
import urllib.request
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.responses import PlainTextResponse

from imgsim_core import counting
from imgsim_core.counting import Tally
from imgsim_core.errors import BadSetting, EmptyFile
from imgsim_core.gallery.life import Visitors
from imgsim_core.text import Text
from pages.parts import metrics, tenancy


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    for room, names in (
        (counting, ("comparisons", "batches", "refusals")),
        (metrics, ("pages_drawn", "requests", "failures")),
    ):
        for name in names:
            monkeypatch.setattr(room, name, Tally(getattr(room, name).bounds))


def told() -> dict[str, dict[tuple[str, ...], float]]:
    """What Prometheus would read, by name and labels."""
    from prometheus_client import generate_latest

    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(generate_latest(metrics.registry()).decode()):
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", None),
        (" 127.0.0.1:9464 ", ("127.0.0.1", 9464)),
        ("[::1]:9464", ("::1", 9464)),
        ("metrics.internal:1", ("metrics.internal", 1)),
    ],
)
def test_an_address_is_read(monkeypatch: pytest.MonkeyPatch, written: str, read: object):
    monkeypatch.setenv(metrics.ADDRESS, written)
    assert metrics.address() == read


@pytest.mark.parametrize(
    "written",
    ["9464", ":9464", "127.0.0.1", "127.0.0.1:port", "127.0.0.1:99999", "h:1/path", "::1"],
)
def test_what_is_no_address_is_said(monkeypatch: pytest.MonkeyPatch, written: str):
    monkeypatch.setenv(metrics.ADDRESS, written)
    with pytest.raises(BadSetting, match="address and a port"):
        metrics.address()


def test_nobody_listens_where_nothing_is_set(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(metrics.ADDRESS, raising=False)
    monkeypatch.setattr(metrics, "registry", lambda: pytest.fail("nobody asked"))
    with metrics.told():
        pass


def test_figures_are_told_at_their_own_address_and_no_longer_than_the_server_runs(
    monkeypatch: pytest.MonkeyPatch, free_port: int, counted: None
):
    monkeypatch.setenv(metrics.ADDRESS, f"127.0.0.1:{free_port}")
    with metrics.told():
        with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/metrics", timeout=10) as answer:
            assert b"imgsim_build_info{" in answer.read()
        with pytest.raises(BadSetting, match="listen"), metrics.told():
            pass
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{free_port}/metrics", timeout=10)


def test_what_happened_is_told(counted: None):
    counting.comparisons.add("ssim", 0.3)
    counting.comparisons.add("ssim", 70)
    counting.batches.add("clip", 5)
    with pytest.raises(EmptyFile):
        raise EmptyFile(Text("Nothing in it."))
    with metrics.page_timed("search"):
        pass
    found = told()
    assert found["imgsim_comparison_seconds_count"] == {("ssim",): 2}
    assert found["imgsim_comparison_seconds_sum"] == {("ssim",): pytest.approx(70.3)}
    buckets = found["imgsim_comparison_seconds_bucket"]
    assert tuple(buckets[most, "ssim"] for most in ("0.25", "0.5", "+Inf")) == (0, 1, 2)
    assert found["imgsim_batch_pictures_bucket"]["4.0", "clip"] == 0
    assert found["imgsim_batch_pictures_bucket"]["8.0", "clip"] == 1
    assert found["imgsim_refusals_total"] == {("EmptyFile",): 1}
    assert found["imgsim_page_seconds_count"] == {("search",): 1}
    assert found["process_resident_memory_bytes"][()] > 1e6
    assert next(iter(found["imgsim_build_info"].values())) == 1


def test_a_page_that_fails_is_no_page_drawn(counted: None):
    with pytest.raises(ZeroDivisionError), metrics.page_timed("search"):
        raise ZeroDivisionError
    assert metrics.pages_drawn.readings() == {}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "page"),
        ("/search", "page"),
        ("/<script>secret", "page"),
        ("/media/abc.jpg", "picture"),
        ("/_stcore/health", "health"),
        ("/_stcore/upload_file/session/file", "upload"),
        ("/static/js/index.js", "front end"),
    ],
)
def test_requests_are_counted_by_kind_and_addresses_are_not_kept(
    counted: None, path: str, kind: str
):
    async def ignored(_: object) -> None:
        pass

    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    app = metrics.CountRequests(PlainTextResponse("gone", 404))
    asyncio.run(app(scope, SimpleNamespace(), ignored))  # type: ignore[arg-type]
    assert told()["imgsim_request_seconds_count"] == {(kind, "404"): 1}


def test_what_visitors_hold_is_told_and_gone_with_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    visitors = Visitors(tmp_path)
    monkeypatch.setattr(tenancy, "visitors", lambda: visitors)
    monkeypatch.setitem(sys.modules, "pages.parts.warmup", ModuleType("warmup"))
    before = told()["imgsim_held_bytes"]
    picture = Holder()
    tenancy.allowances().new().hold_bytes(picture, 12_345)
    (tmp_path / visitors.make() / "a.jpg").write_bytes(bytes(1000))
    during = told()["imgsim_held_bytes"]
    del picture
    assert during["pictures of visitors",] - before["pictures of visitors",] == 12_345
    assert during["galleries of visitors, on the disk",] == 1000
    assert told()["imgsim_held_bytes"]["pictures of visitors",] == before["pictures of visitors",]


class Holder:
    """What a visitor brought."""
