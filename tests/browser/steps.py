"""What a visitor does, and what there is to see; nothing here sleeps."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from imgsim_core.method import Family
from imgsim_core.samples import all_pairs, open_sample, pair_by_id

PAIR = "cat-edited"
PATIENCE = 120_000  # milliseconds: other tests are computing beside these


def idle(page: Page) -> Page:
    """Wait until Streamlit has nothing more to do, and every picture has come."""
    page.wait_for_selector(
        '[data-testid="stApp"][data-test-connection-state="CONNECTED"]'
        '[data-test-script-state="notRunning"]',
        timeout=PATIENCE,
    )
    page.wait_for_function(
        "() => !document.querySelector("
        "'[data-testid=stSkeleton],[data-testid=stSpinner],[data-stale=true]')"
        " && [...document.images].every(image => image.complete && image.naturalWidth > 0)",
        timeout=PATIENCE,
    )
    return page


def keyed(page: Page, key: str) -> Locator:
    """Element with a key, by the class name that Streamlit makes of it."""
    return page.locator(".st-key-" + re.sub(r"[^a-zA-Z0-9_-]", "-", key))


def choose_pair(page: Page, pair_id: str) -> None:
    """Click a guided pair on the first page."""
    wall = "start" if pair_id in [pair.id for pair in all_pairs()[:12]] else "rest"
    keyed(page, f"pair_{wall}_{pair_id}").get_by_role("button").click()


def go_to(page: Page, section: str, title: str) -> None:
    """Choose a page in a section of the menu."""
    page.get_by_test_id("stTopNavSection").filter(has_text=section).click()
    page.get_by_test_id("stTopNavDropdownLink").filter(has_text=title).click()


def expect_all_tiles(page: Page) -> None:
    """Wait for the agreement line and a tile a family."""
    expect(page.locator("[class*=st-key-why_]")).to_have_count(len(Family))
    expect(keyed(page, "agreement").locator(".stMarkdownBadge").first).to_be_visible()


def expect_pictures(page: Page, first: str, second: str) -> None:
    """Wait until the slots show pictures with these names."""
    for slot, name in (("a", first), ("b", second)):
        expect(keyed(page, f"slot_{slot}").locator("code", has_text=name)).to_be_visible()


def names_of(pair_id: str) -> tuple[str, str]:
    """File names of a guided pair."""
    pair = pair_by_id(pair_id)
    return open_sample(pair.a).name, open_sample(pair.b).name


def upload(page: Page, slot: str, name: str, data: bytes) -> None:
    """Bring a file into a slot and wait until it is shown."""
    file = {"name": name, "mimeType": "image/png", "buffer": data}
    keyed(page, f"slot_{slot}").locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    expect(keyed(page, f"slot_{slot}").locator("code", has_text=name)).to_be_visible()
    idle(page)  # a file given while the page is drawn anew would be lost


def shared_link(page: Page) -> str:
    """Text of the link that the page offers for copying."""
    return keyed_code(page).inner_text()


def keyed_code(page: Page) -> Locator:
    """Block that holds the link."""
    return page.get_by_test_id("stCode").locator("code")
