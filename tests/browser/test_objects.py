"""The Objects page in a real browser: a box is drawn by pointer, moved by keys."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from pages.parts.objects_parts import BOX, read_box
from tests.browser.conftest import Visits
from tests.browser.steps import idle, keyed


def box_in_the_address(page: Page) -> tuple[float, ...]:
    """Wait until the address holds a box, and read it."""
    page.wait_for_function(f"() => new URL(location).searchParams.has('{BOX}')")
    read = read_box(page.evaluate(f"() => new URL(location).searchParams.get('{BOX}')"))
    assert read is not None
    return read[1]


def test_a_box_is_drawn_by_pointer_and_moved_by_keys(visit: Visits):
    page = visit("/objects")
    verdict = keyed(page, "objects_verdict")
    expect(verdict.get_by_text("Found once.")).to_be_visible(timeout=60_000)
    idle(page)
    stage = page.get_by_role("application")
    edge = stage.bounding_box()
    assert edge is not None

    def place(x: float, y: float) -> tuple[float, float]:
        return edge["x"] + x * edge["width"], edge["y"] + y * edge["height"]

    page.mouse.move(*place(0.3, 0.2))
    page.mouse.down()
    page.mouse.move(*place(0.5, 0.5), steps=3)
    page.mouse.move(*place(0.7, 0.8), steps=3)
    page.mouse.up()
    drawn = box_in_the_address(page)
    assert max(abs(a - b) for a, b in zip(drawn, (0.3, 0.2, 0.7, 0.8), strict=True)) < 0.02
    idle(page)
    expect(verdict.get_by_text("Found once.")).to_be_visible()

    before = page.url
    stage.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("before => location.href !== before", arg=before)
    moved = box_in_the_address(page)
    assert moved[0] > drawn[0]
    assert moved[2] > drawn[2]
    assert abs(moved[1] - drawn[1]) < 0.002
