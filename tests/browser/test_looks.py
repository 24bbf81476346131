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
each_page = pytest.mark.parametrize("where", PAGES)


def opened(visit: Visits, where: str, **context) -> Page:
    page = visit(PAGES[where], **context)
    expect(page.locator("h1, h2").first).to_be_visible()
    if where == "pair":
        expect_all_tiles(page)
        expect(page.get_by_role("slider", name="Move to reveal")).to_be_visible()
    return idle(page)


@each_page
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_hinders_those_who_cannot_see_or_point(visit: Visits, where: str, theme: str):
    # The tester's script is put into the page, which the page's own policy would refuse.
    page = opened(visit, where, color_scheme=theme, bypass_csp=True)
    found = Axe().run(page).response["violations"]
    serious = [
        (rule["id"], node["html"][:160], node["failureSummary"])
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
        if not is_streamlit_s_own(rule["id"], node["html"])
    ]
    assert serious == []


def is_streamlit_s_own(rule: str, element: str) -> bool:
    """Tell whether only Streamlit could mend a finding."""
    # A long formula scrolls inside itself; st.latex offers no way to let the keyboard reach it.
    return rule == "scrollable-region-focusable" and 'class="katex-display"' in element


@each_page
def test_a_phone_needs_no_sideways_scrolling(visit: Visits, where: str):
    page = opened(visit, where, viewport={"width": 390, "height": 844}, has_touch=True)
    wider = page.evaluate(
        """() => {
            const scrollers = [document.scrollingElement, ...document.querySelectorAll(
                '[data-testid=stMain],[data-testid=stAppViewContainer]')]
            return scrollers.filter(one => one.scrollWidth > one.clientWidth + 1)
                .map(one => [one.tagName, one.scrollWidth, one.clientWidth])
        }"""
    )
    assert wider == []


@pytest.mark.parametrize(("theme", "is_dark"), [("light", False), ("dark", True)])
def test_the_browser_s_theme_is_followed(visit: Visits, theme: str, is_dark: bool):
    page = opened(visit, "pair", color_scheme=theme)
    colour = page.get_by_test_id("stApp").evaluate("one => getComputedStyle(one).backgroundColor")
    levels = [int(level) for level in re.findall(r"\d+", colour)[:3]]
    assert (sum(levels) < 3 * 60) is is_dark
