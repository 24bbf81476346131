"""The main ways through the app, in a real browser."""

from __future__ import annotations

import base64
import json
import re
import time
import urllib.request
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, WebSocket, expect

from imgsim_core.method import Family
from imgsim_core.registry import spokesman
from pages.parts import preloading
from tests.browser.conftest import Visits
from tests.browser.serving import Server
from tests.browser.steps import (
    PAIR,
    choose_pair,
    expect_all_tiles,
    expect_pictures,
    go_to,
    idle,
    keyed,
    keyed_code,
    names_of,
    shared_link,
    upload,
)
from tests.pages.visitor import file_of


@pytest.mark.parametrize(
    ("link", "heading", "language"),
    [("/methods?lang=zh", "方法", "zh-CN"), (f"/?pair={PAIR}", "Look closer", "en")],
    ids=["methods", "pair"],
)
def test_a_deep_link_opens_as_the_very_first_visit(
    fresh_server: Server, visit: Visits, link: str, heading: str, language: str
):
    page = visit(link, at=fresh_server)
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    expect(page.locator(f"html[lang={language}]")).to_have_count(1)
    # The frame is ours: its language switch, and no automatic menu of script files.
    expect(keyed(page, "frame")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)
    if heading == "Look closer":
        expect_all_tiles(page)
        expect_pictures(page, *names_of(PAIR))


def test_a_click_on_a_pair_fills_every_tile(visit: Visits):
    page = visit("/")
    choose_pair(page, PAIR)
    expect_all_tiles(page)
    expect_pictures(page, *names_of(PAIR))
    idle(page)
    assert parameters(page.url) == {"pair": PAIR}


def test_back_leads_to_the_page_before_and_not_through_every_choice(visit: Visits):
    page = visit("/")
    idle(page)
    choose_pair(page, PAIR)
    expect_all_tiles(page)
    idle(page)
    go_to(page, "About", "Methods")
    page.wait_for_url("**/methods?*")
    idle(page)
    page.go_back()
    expect_all_tiles(page)
    idle(page)
    assert parameters(page.url) == {"pair": PAIR}
    page.go_back()
    assert page.url == "about:blank"


def test_two_uploads_are_compared(visit: Visits):
    page = visit("/")
    idle(page)
    upload(page, "a", "first.png", file_of("PNG", seed=1))
    upload(page, "b", "second.png", file_of("PNG", seed=2))
    expect_all_tiles(page)
    expect_pictures(page, "first.png", "second.png")


def test_pictures_are_pasted_one_after_the_other(visit: Visits):
    page = visit("/")
    idle(page)
    for slot, name, seed in (("a", "one.png", 3), ("b", "two.png", 4)):
        paste(page, name, file_of("PNG", seed))
        expect(keyed(page, f"slot_{slot}").locator("code", has_text=name)).to_be_visible()
        idle(page)
    expect_all_tiles(page)
    # With both slots full, what is pasted next replaces the second.
    paste(page, "three.png", file_of("PNG", 5))
    expect_pictures(page, "one.png", "three.png")


def paste(page: Page, name: str, data: bytes) -> None:
    """Paste a picture as the browser would hand it over from the clipboard."""
    # The page's own script comes a moment after the page itself.
    page.wait_for_function("() => window.__simPaste")
    page.evaluate(
        """([name, data]) => {
            const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0))
            const transfer = new DataTransfer()
            transfer.items.add(new File([bytes], name, {type: "image/png"}))
            const event = {clipboardData: transfer, bubbles: true, cancelable: true}
            document.body.dispatchEvent(new ClipboardEvent("paste", event))
        }""",
        [name, base64.b64encode(data).decode()],
    )


def test_a_file_that_is_no_picture_gets_a_sentence(visit: Visits):
    page = visit(f"/?pair={PAIR}")
    expect_all_tiles(page)
    file = {"name": "letter.png", "mimeType": "image/png", "buffer": b"Dear Sir or Madam"}
    keyed(page, "slot_a").locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    alert = keyed(page, "slot_a").get_by_test_id("stAlert")
    expect(alert.locator("code", has_text="letter.png")).to_be_visible()
    expect_pictures(page, *names_of(PAIR))


def test_a_moved_line_changes_the_verdict_without_any_work_done_again(
    visit: Visits, record_property
):
    method = spokesman(Family.COLOUR)
    status = visit("/status")
    page = visit(f"/?pair={PAIR}")
    expect_all_tiles(page)
    idle(page)
    before = descriptions_made(status)
    badges = keyed(page, "agreement").locator(".stMarkdownBadge")
    yes, no = (str(Family.COLOUR.verdict(alike)) for alike in (True, False))
    was_alike = badges.filter(has_text=yes).count() == 1
    slider = keyed(page, f"widget.{line_key(method)}").get_by_role("slider")
    slider.focus()
    started = time.perf_counter()
    # The strict end of the slider lets nothing pass, the other end everything.
    page.keyboard.press("End" if was_alike == method.scale.higher_is_alike else "Home")
    expect(badges.filter(has_text=no if was_alike else yes)).to_have_count(1)
    record_property("milliseconds to the new verdict", (time.perf_counter() - started) * 1000)
    idle(page)
    expect(keyed_code(page)).to_contain_text(f"{method.id}.line")
    assert f"{method.id}.line" in page.url
    assert descriptions_made(status) == before


def line_key(method) -> str:
    """Setting of a method's line, by its usual options."""
    measure = getattr(method.options(), "measure", None)
    return f"{method.id}.line" + (f".{measure}" if measure else "")


def descriptions_made(status: Page) -> int:
    """Read the Status page's count, as of now."""
    status.reload()
    metric = status.get_by_test_id("stMetricValue").nth(1)
    expect(metric).to_be_visible()
    return int(re.sub(r"\D", "", metric.inner_text()))


@pytest.mark.parametrize(("mine", "theirs"), [("en-GB", "zh-CN"), ("zh-CN", "en-GB")])
def test_a_shared_link_shows_another_reader_the_same(visit: Visits, mine: str, theirs: str):
    page = visit(f"/?pair={PAIR}", locale=mine)
    expect_all_tiles(page)
    idle(page)
    method = spokesman(Family.HASHES)
    keyed(page, f"widget.{line_key(method)}").get_by_role("slider").press("ArrowRight")
    expect(keyed_code(page)).to_contain_text(f"{method.id}.line")
    keyed(page, "why_keypoints").get_by_role("button").click()
    expect(keyed_code(page)).to_contain_text("look=keypoints")
    idle(page)
    link = shared_link(page)

    other = visit(link.removeprefix(origin(page)), locale=theirs)
    expect_all_tiles(other)
    idle(other)
    assert parameters(shared_link(other)) == parameters(link)
    assert keyed(other, "agreement").inner_text() == keyed(page, "agreement").inner_text()
    expected = "Look closer" if mine == "en-GB" else "仔细看看"
    expect(other.get_by_role("heading", name=expected)).to_be_visible()


def parameters(link: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(link).query))


def origin(page: Page) -> str:
    parts = urlsplit(page.url)
    return f"{parts.scheme}://{parts.netloc}"


def test_another_language_keeps_what_was_chosen(visit: Visits):
    link = {"pair": PAIR, "look": "hashes", "phash.side": "16"}
    page = visit(f"/?{urlencode(link)}")
    expect_all_tiles(page)
    switch = keyed(page, "widget.lang")
    for code, label, heading, bits in (
        ("zh", "中文", "仔细看看", re.compile("256 位")),
        ("en", "English", "Look closer", re.compile("256 bits")),
    ):
        option = switch.get_by_role("radio", name=label)
        option.or_(switch.get_by_role("button", name=label)).click()
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        idle(page)
        expect(keyed(page, "widget.phash.side").locator("input")).to_have_value(bits)
        expect(keyed_code(page)).to_contain_text(f"lang={code}")
        assert parameters(shared_link(page)) == {**link, "lang": code}
        expect_pictures(page, *names_of(PAIR))


def test_a_pair_is_chosen_by_keyboard_alone(visit: Visits):
    page = visit("/")
    idle(page)
    chosen = keyed(page, f"pair_start_{PAIR}").get_by_role("button")
    for _ in range(60):
        page.keyboard.press("Tab")
        if chosen.evaluate("element => element === document.activeElement"):
            break
    expect(chosen).to_be_focused()
    page.keyboard.press("Enter")
    expect_all_tiles(page)


def test_pages_follow_each_other_and_keep_the_pair(visit: Visits):
    page = visit(f"/?pair={PAIR}")
    expect_all_tiles(page)
    go_to(page, "About", "Methods")
    expect(page.get_by_role("heading", name="The methods")).to_be_visible()
    page.get_by_test_id("stTopNavLink").filter(has_text="Compare").click()
    expect_all_tiles(page)
    expect_pictures(page, *names_of(PAIR))


def test_a_report_is_downloaded(visit: Visits):
    page = visit(f"/?pair={PAIR}")
    expect_all_tiles(page)
    with page.expect_download() as started:
        keyed(page, "imgsim-report.json").get_by_role("button").click()
    told = json.loads(started.value.path().read_text(encoding="utf-8"))
    assert [told["a"]["name"], told["b"]["name"]] == list(names_of(PAIR))
    assert told["scores"]


def test_every_answer_of_the_server_has_security_headers_and_scripts_are_small(server: Server):
    with urllib.request.urlopen(server.address) as answer:
        page = answer.read().decode()
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    script = re.search(r'src="(?:\./)?([^"]+\.js)"', page)
    assert script is not None
    request = urllib.request.Request(
        f"{server.address}/{script[1].lstrip('/')}", headers={"Accept-Encoding": "gzip"}
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_what_the_first_screen_needs_is_named_with_the_page_itself(
    browser: Browser, server: Server
):
    """No script is found out about only when an element that wants it is drawn."""
    page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
    sockets: list[WebSocket] = []
    late: list[str] = []
    page.on("websocket", lambda one: sockets.append(one))
    page.on("request", lambda one: late.append(one.url) if sockets and wanted(one) else None)
    page.goto(server.address)
    keyed(page, "pair_start_two-views").get_by_role("button").wait_for()
    idle(page)
    page.context.close()
    assert sockets
    assert late == []


def wanted(request: Request) -> bool:
    """Whether it is a script, or the icons' font."""
    path = urlsplit(request.url).path
    return "/static/js/" in path or path.endswith(preloading.ICONS)
