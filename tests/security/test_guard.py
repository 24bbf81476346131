"""The guard before Streamlit: uploads within what memory is meant for them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from streamlit.runtime import memory_media_file_storage

from imgsim_core.errors import BadSetting
from pages.parts import guard, server
from tests.pages.test_server import answer
from tests.security.wire import closed_doors

MEGABYTE = 2**20


async def taken(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def put(app: guard.Guard, session: str, megabytes: float | None) -> int:
    length = {} if megabytes is None else {"content_length": str(round(megabytes * MEGABYTE))}
    return answer(app, f"/_stcore/upload_file/{session}/file", method="PUT", **length)[0]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    found: dict[str, int] = {}
    monkeypatch.setattr(guard, "_held", lambda: found)
    return found


def test_one_visitor_may_have_half_and_all_together_the_whole(held: dict[str, int]):
    app = guard.Guard(taken, most_bytes=20 * MEGABYTE)
    assert put(app, "a", 10) == 204
    held["a"] = 8 * MEGABYTE
    assert put(app, "a", 3) == 413
    assert put(app, "b", 3) == 204
    held["b"] = 10 * MEGABYTE
    assert put(app, "c", 3) == 413
    held.clear()
    assert put(app, "c", 3) == 204


def test_who_does_not_say_how_much_comes_needs_room_for_the_most(held: dict[str, int]):
    assert put(guard.Guard(taken, most_bytes=30 * MEGABYTE), "a", None) == 413  # 20 of 15
    assert put(guard.Guard(taken, most_bytes=50 * MEGABYTE), "a", None) == 204


def test_what_is_on_its_way_counts_until_it_has_come(held: dict[str, int]):
    async def both() -> list[int]:
        go_on = asyncio.Event()
        seen: list[int] = []

        async def slowly(scope: Any, receive: Any, send: Any) -> None:
            await go_on.wait()
            await taken(scope, receive, send)

        app = guard.Guard(slowly, most_bytes=20 * MEGABYTE)
        length = [(b"content-length", b"%d" % (6 * MEGABYTE))]
        scope = {
            "type": "http",
            "method": "PUT",
            "path": "/_stcore/upload_file/a/1",
            "headers": length,
        }

        async def told(message: Any) -> None:
            if message["type"] == "http.response.start":
                seen.append(message["status"])

        first = asyncio.create_task(app(scope, None, told))
        await asyncio.sleep(0)
        await app(scope, None, told)
        go_on.set()
        await first
        await app(scope, None, told)
        assert not app._coming
        return seen

    assert asyncio.run(both()) == [413, 204, 204]


@pytest.mark.parametrize("value", ["0", "-1", "much", "nan", "inf"])
def test_a_setting_that_is_no_number_stops_the_server(value: str, monkeypatch):
    monkeypatch.setenv("IMGSIM_UPLOADS_MEGABYTES", value)
    with pytest.raises(BadSetting, match="IMGSIM_UPLOADS_MEGABYTES must be a number above 0"):
        guard.Guard(taken)


def test_half_of_the_usual_memory_is_a_visitor_s(monkeypatch):
    monkeypatch.delenv("IMGSIM_UPLOADS_MEGABYTES", raising=False)
    assert guard.most_upload_bytes() == 2_000 * MEGABYTE


def test_without_a_session_an_address_is_only_chance():
    with closed_doors():
        named = memory_media_file_storage._calculate_file_id
    ids = {named(b"same", "image/jpeg") for _ in range(3)}
    assert len(ids) == 3
    assert all(len(one) == 64 for one in ids)


@pytest.mark.parametrize(
    "path",
    ["/static//js/{}", "/static/./js/{}", "/static/js/../js/{}", "//static/js/{}", "/x/static/{}"],
)
def test_nobody_makes_the_server_keep_a_file_under_many_names(path: str):
    async def any_path(scope: Any, receive: Any, send: Any) -> None:
        page = scope["path"].startswith("/x/")
        kind = b"text/html" if page else b"application/javascript"
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]}
        )
        await send({"type": "http.response.body", "body": b"x" * 1000})

    app = server.CompressStatic(any_path)
    for number in range(5):
        status, _, body = answer(app, path.format(f"{number}.js"), accept_encoding="gzip")
        assert (status, body) == (200, b"x" * 1000)
    assert not app._kept
    answer(app, "/static/js/real.js", accept_encoding="gzip")
    assert len(app._kept) == 1
