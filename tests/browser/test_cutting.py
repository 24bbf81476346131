"""The editor of cut-outs, by mouse and by keyboard, in a real browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.browser.steps import idle, keyed


def covered(page: Page) -> str:
    """What the page says of picture A's cut-out."""
    return keyed(page, "cut_panel").get_by_text("It covers").first.inner_text()


def expect_another(page: Page, before: str) -> str:
    """Wait until it says something else."""
    told = keyed(page, "cut_panel").get_by_text("It covers").first
    expect(told).not_to_have_text(before)
    idle(page)
    return told.inner_text()


def test_a_visitor_draws_a_box_undoes_it_and_sets_one_by_keys(visit: Visits):
    page = visit("/?pair=cat-edited&cutout=place")
    panel = keyed(page, "cut_panel")
    expect(panel.locator("canvas")).to_have_count(2)
    idle(page)
    first = covered(page)
    undo = panel.get_by_role("button", name="Undo").first
    expect(undo).to_be_disabled()

    panel.get_by_role("button", name="Box").first.click()
    canvas = panel.locator("canvas").first
    canvas.scroll_into_view_if_needed()
    area = canvas.bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + 0.3 * area["width"], area["y"] + 0.3 * area["height"])
    page.mouse.down()
    page.mouse.move(area["x"] + 0.7 * area["width"], area["y"] + 0.8 * area["height"], steps=5)
    page.mouse.up()
    boxed = expect_another(page, first)

    undo.click()
    assert expect_another(page, boxed) == first
    expect(undo).to_be_disabled()

    panel.get_by_text("Set the box by its four sides").first.click()
    panel.get_by_label("Left").first.focus()
    page.keyboard.press("PageUp")  # a tenth of the width
    expect(undo).to_be_enabled()
    expect_another(page, first)
