"""Two visitors of one server: neither is sent, can guess or can reach what is the other's."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PIL import Image
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from streamlit import net_util

from imgsim_core import calibration
from imgsim_core.picture import open_picture
from pages.parts import cached, guard, links
from pages.parts import media as lingering
from pages.parts import server as server_parts
from tests.pages.visitor import file_of
from tests.security.wire import HOST, ORIGIN, Visitor, media, serving

NAME = "aunt-mildred-in-lisbon.png"


@pytest.fixture(scope="module")
def server() -> Iterator[TestClient]:
    with pytest.MonkeyPatch.context() as patch, serving() as client:
        # Measuring takes minutes in a thread of its own
        patch.setattr(calibration, "background_reference", lambda *_: None)
        yield client


@pytest.fixture(scope="module")
def both(server: TestClient) -> Iterator[tuple[Visitor, Visitor]]:
    """The first has brought a picture; both have the page open."""
    first, second = Visitor(server), Visitor(server)
    with first.here(), second.here():
        first.run()
        first.bring("file_a", NAME, file_of("PNG", 7))
        second.run()
        yield first, second


def test_what_one_brings_is_shown_to_nobody_else(both: tuple[Visitor, Visitor]):
    first, second = both
    assert NAME.encode() in first.heard
    second.run({"a": NAME, "gallery": "mine", "brought_a": NAME})
    assert second.heard
    for secret in (NAME, "mildred", first.session, first.token):
        assert secret.encode() not in second.heard
    assert not media(first.heard) & media(second.heard)


def test_who_has_the_same_picture_learns_nothing_of_who_looks_at_it(
    both: tuple[Visitor, Visitor],
):
    first, _ = both
    data = file_of("PNG", 8)
    # Slot A alone: nothing is compared, which would take its time
    shown = [media(one.bring("file_a", "same.png", data)) for one in both]
    assert all(shown)
    assert not shown[0] & shown[1]
    # What Streamlit would call it can be worked out by anybody: nothing is there
    small = cached.preview(open_picture(data, "same.png"))
    guessed = guard._id_by_content(small, "image/jpeg")
    assert first.client.get(f"/media/{guessed}.jpg").status_code == 404
    for address in shown[0]:
        answer = first.client.get(address)
        assert answer.status_code == 200
        with Image.open(io.BytesIO(answer.content)) as picture:
            picture.verify()
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_picture_goes_a_while_after_its_page_and_not_before(server: TestClient, monkeypatch):
    """Else a browser that is just asking while the page is drawn anew shows a broken one."""
    visitor = Visitor(server)
    with visitor.here():
        visitor.run()
        shown = media(visitor.bring("file_a", "mine.png", file_of("PNG", 9)))
        shown -= media(visitor.bring("file_a", "other.png", file_of("PNG", 10)))
    assert shown
    lingering.forget_old()
    assert {visitor.client.get(address).status_code for address in shown} == {200}
    monkeypatch.setattr(lingering, "SECONDS", 0.0)
    monkeypatch.setattr(lingering, "MOST_BYTES", 0)
    visitor.client.portal.call(server_parts.let_go_of_closed_sessions)
    told = {address: visitor.client.get(address).status_code for address in shown}
    assert set(told.values()) == {404}, told


def test_nobody_puts_a_file_into_a_session_without_its_name_and_a_token(
    both: tuple[Visitor, Visitor],
):
    first, second = both
    data = file_of("PNG")
    assert second.put("planted.png", data, session="0" * 8 + first.session[8:]) == 400
    assert second.put("planted.png", data, **{"x-xsrftoken": "2|0|0|0"}) == 403
    stranger = Visitor(TestClient(first.client.app))
    stranger.client.cookies.clear()
    assert stranger.put("planted.png", data, session=first.session) == 403
    assert b"planted" not in first.run()


def test_a_fault_of_the_app_is_a_sentence_without_a_traceback(
    server: TestClient, monkeypatch: pytest.MonkeyPatch
):
    def fails() -> None:
        raise RuntimeError("at /srv/secret/place of aunt-mildred.png")

    monkeypatch.setattr(links, "write", fails)
    visitor = Visitor(server)
    with visitor.here():
        came = visitor.run()
    assert b"Something went wrong on our side" in came
    for told in (b"/srv/secret", b"mildred", b"RuntimeError", b"Traceback", b"links.py"):
        assert told not in came


def test_the_page_of_another_site_gets_no_session_and_the_internet_is_not_asked(
    server: TestClient, monkeypatch: pytest.MonkeyPatch
):
    def asked(*_: object, **__: object) -> None:
        raise AssertionError("the server asked the internet for its own address")

    monkeypatch.setattr(net_util, "_make_blocking_http_get", asked)
    headers = {"host": HOST, "origin": "http://evil.example"}
    with (
        pytest.raises(WebSocketDisconnect),
        server.websocket_connect("/_stcore/stream", subprotocols=["streamlit"], headers=headers),
    ):
        pass
    answer = server.get("/_stcore/health", headers={"origin": "http://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_the_only_cookie_is_the_token_against_forged_requests(server: TestClient):
    answer = server.get("/_stcore/health")
    cookies = answer.headers.get_list("set-cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == ["_streamlit_xsrf"]
    assert "samesite=lax" in cookies[0].lower()


@pytest.mark.parametrize(
    "path",
    [
        "/app.py",
        "/.streamlit/config.toml",
        "/app/static/favicon.png",
        "/app/static/../app.py",
        "/static/../../app.py",
        "/static/%2e%2e/%2e%2e/app.py",
        "/media/../app.py",
        "/media/%2e%2e%2fapp.py",
        "/component/x/../../app.py",
        "/component/sim_swipe/../../../app.py",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/_stcore/upload_file/a/b",
        "/_stcore/agent/interact",
        "/_stcore/metrics",
        "/x/_stcore/metrics",
        "/api/galleries",
    ],
)
def test_no_path_gives_a_file_of_the_host(server: TestClient, path: str):
    answer = server.get(path)
    page = server.get("/").text  # what Streamlit answers where it knows nothing better
    known = answer.status_code in (400, 404, 405) or answer.text == page
    assert known or "text/html" in answer.headers["content-type"]
    for told in ("import streamlit", "root:", "maxUploadSize", "process_resident", "\x89PNG"):
        assert told not in answer.text


def test_programs_are_not_driven_through_the_app(server: TestClient):
    answer = server.post("/_stcore/agent/interact", json={}, headers={"host": HOST})
    assert answer.status_code in (403, 404, 405)
    assert "does not serve" in answer.text


@pytest.mark.parametrize("path", ["/", "/nothing", "/_stcore/health", "/media/0.jpg"])
def test_every_answer_has_the_security_headers(server: TestClient, path: str):
    headers = server.get(path, headers={"origin": ORIGIN}).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    # Where a script of a stranger's, should one ever run, could send something to
    assert f"connect-src 'self' ws://{HOST} wss://{HOST} data:;" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "microphone=()" in headers["permissions-policy"]


@pytest.mark.parametrize("host", ["evil.example; script-src *", "a b", "", "x" * 300, "[::1"])
def test_a_made_up_host_adds_nothing_to_the_policy(server: TestClient, host: str):
    policy = server.get("/nothing", headers={"host": host}).headers["content-security-policy"]
    assert "connect-src 'self' data:;" in policy
