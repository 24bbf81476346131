"""Dark and light, wide and narrow, and for those who do not see the screen."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.browser.steps import PAIR, expect_all_tiles, idle

PAGES = {
    "empty": "/",
    "pair": f"/?pair={PAIR}",
    "methods": "/methods",
    "robustness": "/robustness",
    "calibrate": "/calibrate",
    "status": "/status",
    "search": "/search",
    "duplicates": "/duplicates",
    "map": "/map",
    "products": "/products",
    "objects": "/objects",
    "teach": "/teach",
    "twins": "/methods?family=semantics",
}
WHITE = "rgb(255, 255, 255)"
each_page = pytest.mark.parametrize("where", PAGES)


def opened(visit: Visits, where: str, **context) -> Page:
    page = visit(PAGES[where], **context)
    expect(page.locator("h1, h2").first).to_be_visible()
    if where == "pair":
        expect_all_tiles(page)
        expect(page.get_by_role("slider", name="Move to reveal")).to_be_visible()
    return idle(page)


@each_page
def test_nothing_hinders_anybody_in_light_in_dark_and_on_a_phone(visit: Visits, where: str):
    # The tester's script is put into the page, which the page's own policy would refuse.
    page = opened(visit, where, color_scheme="light", bypass_csp=True)
    assert not is_dark(page)
    assert hindrances(page) == []
    page.emulate_media(color_scheme="dark")
    expect(page.get_by_test_id("stApp")).not_to_have_css("background-color", WHITE)
    assert is_dark(page)
    assert hindrances(idle(page)) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert wider_than_the_screen(idle(page)) == []


def is_dark(page: Page) -> bool:
    colour = page.get_by_test_id("stApp").evaluate("one => getComputedStyle(one).backgroundColor")
    return sum(int(level) for level in re.findall(r"\d+", colour)[:3]) < 3 * 60


def hindrances(page: Page) -> list[tuple[str, str, str]]:
    """Find what keeps those out who cannot see or point."""
    found = Axe().run(page).response["violations"]
    return [
        (rule["id"], node["html"][:160], node["failureSummary"])
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
        if not is_streamlit_s_own(rule["id"], node["html"])
    ]


def is_streamlit_s_own(rule: str, element: str) -> bool:
    """Tell whether only Streamlit could mend a finding."""
    # A long formula scrolls inside itself; st.latex offers no way to let the keyboard reach it.
    return rule == "scrollable-region-focusable" and 'class="katex-display"' in element


def wider_than_the_screen(page: Page) -> list[tuple[str, int, int]]:
    """Find what a phone would have to scroll sideways."""
    return page.evaluate(
        """() => {
            const scrollers = [document.scrollingElement, ...document.querySelectorAll(
                '[data-testid=stMain],[data-testid=stAppViewContainer]')]
            return scrollers.filter(one => one.scrollWidth > one.clientWidth + 1)
                .map(one => [one.tagName, one.scrollWidth, one.clientWidth])
        }"""
    )


@pytest.mark.parametrize("where", ["pair", "map"])  # charts, which are drawn to a width
def test_a_phone_that_comes_first_needs_no_sideways_scrolling(visit: Visits, where: str):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    page = opened(visit, where, color_scheme="dark", **phone)
    assert is_dark(page)
    assert wider_than_the_screen(page) == []
