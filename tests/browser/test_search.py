"""The page Search in a browser, on the sample gallery."""

from __future__ import annotations

import io
import re

from PIL import Image
from playwright.sync_api import Page, expect

from imgsim_core.samples import open_sample
from tests.browser.conftest import Visits
from tests.browser.steps import idle, keyed

HITS = "[class*=st-key-tile_hits_]"


def on_results(page: Page) -> Page:
    """Wait for the wall; the sample gallery is made when somebody first asks for it."""
    expect(page.locator(HITS).first).to_be_visible(timeout=120_000)
    return idle(page)


def test_one_click_leads_to_a_result_and_a_hit_to_compare(visit: Visits):
    page = visit("/search")
    keyed(page, "try_samples").get_by_role("button").click()
    on_results(page)
    expect(page.locator(HITS).first).to_contain_text("The same file")
    expect(page.get_by_text("Probably unrelated below")).to_be_visible()
    expect(page).to_have_url(re.compile("gallery=samples"))
    name = page.locator(HITS).nth(1).locator("code").inner_text().rstrip("…")
    keyed(page, "why_hits_1").get_by_role("button").click()
    expect(keyed(page, "slot_b").locator("code")).to_contain_text(name)


def test_words_come_by_a_link_and_an_example_changes_them(visit: Visits):
    page = visit("/search?gallery=samples&search.words=motorcycle")
    on_results(page)
    expect(page.locator(HITS).first).to_contain_text("motorcycle", timeout=90_000)
    coffee = keyed(page, "search_examples").get_by_role("radio", name="coffee")
    coffee.or_(keyed(page, "search_examples").get_by_role("button", name="coffee")).click()
    expect(page.locator(HITS).first).to_contain_text("coffee", timeout=90_000)
    expect(page).to_have_url(re.compile("search.words=coffee"))


def test_an_uploaded_copy_finds_the_original_on_a_phone(visit: Visits):
    page = visit("/search?gallery=samples", viewport={"width": 390, "height": 2400})
    on_results(page)
    keyed(page, "search_bring").get_by_role("button").first.click()
    stream = io.BytesIO()
    Image.fromarray(open_sample("coffee").rgb).resize((300, 200)).save(stream, "JPEG", quality=70)
    file = {"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": stream.getvalue()}
    page.locator("input[type=file]").first.set_input_files(file)  # type: ignore[arg-type]
    expect(keyed(page, "search_picture").locator("code", has_text="mine.jpg")).to_be_visible()
    expect(page.locator(HITS).first).to_contain_text("coffee")
    assert "mine" not in page.url
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
