"""The map in a real browser: thumbnails come, a lasso and a box choose."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from imgsim_core.gallery.lance import LanceStore
from imgsim_core.gallery.shelf import Shelf
from tests.browser.conftest import Visits
from tests.browser.serving import Server, served
from tests.browser.steps import keyed
from tests.gallery.rows import info, rows

COUNT = 40
GALLERY = "holiday"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of a host that publishes one gallery."""
    place = tmp_path_factory.mktemp("host")
    store, shelf = LanceStore(str(place / "store")), Shelf(str(place / "pictures"))
    store.create(info(GALLERY))
    kept = rows(COUNT)
    store.add(GALLERY, kept)
    for number, one in enumerate(kept):
        rgb = np.full((90, 120, 3), (6 * number, 255 - 6 * number, 120), np.uint8)
        shelf.put_thumbnail(one.entry.digest, rgb)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMGSIM_STORE", str(place / "store"))
        patch.setenv("IMGSIM_PICTURES", str(place / "pictures"))
        with served(place / "log.txt") as running:
            yield running


def opened(visit: Visits, host: Server, **context: object) -> Page:
    page = visit(f"/map?gallery={GALLERY}", at=host, **context)
    expect(page.locator(".st-key-atlas_map canvas")).to_be_visible(timeout=120_000)
    # The feed has answered: thumbnails are there to be drawn
    page.wait_for_function("() => window.__simAtlas?.tiles?.size >= 20", timeout=60_000)
    return page


def drag_round(page: Page, last: int = 3) -> None:
    """Draw round the whole map, from its first corner to the last one given."""
    frame = page.locator(".st-key-atlas_map canvas").bounding_box()
    assert frame is not None
    left, top = frame["x"], frame["y"]
    right, bottom = left + frame["width"], top + frame["height"]
    corners = [(left + 4, top + 4), (right - 4, top + 4)]
    corners += [(right - 4, bottom - 4), (left + 4, bottom - 4)]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1 : last + 1]:
        page.mouse.move(*corner, steps=4)
    page.mouse.up()


def test_a_lasso_chooses_and_escape_lets_go(visit: Visits, host: Server) -> None:
    page = opened(visit, host)
    page.get_by_role("button", name="Lasso").click()
    drag_round(page)
    chosen = page.get_by_role("heading", name=f"{COUNT} pictures chosen")
    expect(chosen).to_be_visible()
    page.locator(".st-key-atlas_map .stage").focus()
    page.keyboard.press("Escape")
    expect(chosen).to_have_count(0)


def test_a_box_chooses_on_a_phone_in_chinese(visit: Visits, host: Server) -> None:
    page = opened(visit, host, locale="zh-CN", viewport={"width": 390, "height": 1200})
    page.get_by_role("button", name="框选").click()
    drag_round(page, last=2)
    expect(page.get_by_role("heading", name=f"已选 {COUNT} 张图片")).to_be_visible()
    keyed(page, "atlas_none").get_by_role("button").click()
    expect(page.get_by_role("heading", name=f"已选 {COUNT} 张图片")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
