"""A gallery in a real browser: the samples by one click, one's own pictures, and their end."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.browser.steps import go_to, idle, keyed
from tests.pages.visitor import file_of


def files(count: int) -> list[dict[str, object]]:
    return [
        {"name": f"{seed}.png", "mimeType": "image/png", "buffer": file_of("PNG", seed)}
        for seed in range(count)
    ]


def bring(page: Page, count: int) -> None:
    idle(page)
    keyed(page, "bring_files").locator("input[type=file]").set_input_files(files(count))  # type: ignore[arg-type]


def test_the_samples_come_by_one_click_and_by_link(visit: Visits):
    page = visit("/map")
    keyed(page, "try_samples").get_by_role("button").click()
    expect(keyed(page, "gallery_bar")).to_contain_text("Sample gallery", timeout=90_000)
    expect(page).to_have_url(re.compile("gallery=samples"))
    other = visit("/map?gallery=samples")
    expect(keyed(other, "gallery_bar")).to_contain_text("Sample gallery")


def test_pictures_become_a_gallery_that_only_their_visitor_sees(visit: Visits):
    page = visit("/map")
    bring(page, 5)
    expect(keyed(page, "gallery_bar")).to_contain_text("Your gallery · 5 pictures", timeout=90_000)
    assert "gallery" not in page.url
    go_to(page, "About", "Status")
    expect(page.get_by_role("heading", name="Status")).to_be_visible()
    go_to(page, "Galleries", "Map")
    expect(keyed(page, "gallery_bar")).to_contain_text("5 pictures")  # it outlives the page
    expect(keyed(visit("/map"), "try_samples")).to_be_visible()


def test_a_gallery_is_deleted_at_once(visit: Visits):
    page = visit("/map")
    bring(page, 2)
    expect(keyed(page, "gallery_bar")).to_contain_text("2 pictures", timeout=90_000)
    idle(page)
    keyed(page, "gallery_open").get_by_role("button").click()
    page.locator(".st-key-delete_gallery button").click()
    expect(keyed(page, "try_samples")).to_be_visible()
