"""Teaching in a real browser: from a zip of folders to a method on Compare."""

from __future__ import annotations

import io
import zipfile

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, TimeoutError, expect

from imgsim_core.samples import open_sample
from tests.browser.conftest import Visits
from tests.browser.steps import PATIENCE, go_to, idle, keyed

THINGS = ("bricks", "grass", "coins", "page", "cat", "coffee")


def a_zip_of_folders() -> bytes:
    random = np.random.default_rng(0)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for thing in THINGS:
            rgb = open_sample(thing).rgb
            for number in range(3):
                top, left = (int(random.integers(length - 96)) for length in rgb.shape[:2])
                file = io.BytesIO()
                Image.fromarray(rgb[top : top + 96, left : left + 96]).save(file, "JPEG")
                archive.writestr(f"mine/{thing}/{number}.jpg", file.getvalue())
    return stream.getvalue()


def choose(box: Locator, option: Locator) -> None:
    """Open a list and choose; a list that opens while the page still moves closes again."""
    for _ in range(30):
        box.press("ArrowDown")
        try:
            option.click(timeout=2_000)
        except TimeoutError:
            continue
        return
    raise AssertionError("the list never opened")


def test_groups_from_a_zip_are_taught_and_used_on_compare(visit: Visits) -> None:
    page = visit("/teach")
    idle(page)
    file = {"name": "things.zip", "mimeType": "application/zip", "buffer": a_zip_of_folders()}
    keyed(page, "teach_bring").locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    expect(keyed(page, "teach_bar")).to_contain_text("6 groups · 18 pictures")
    idle(page)
    # A picture is moved, and the wall follows
    keyed(page, "teach_change").locator("summary").click()
    expect(keyed(page, "teach_member_0")).to_be_visible()
    idle(page)  # a list that is open closes when the page is drawn anew
    first = keyed(page, "teach_member_0").get_by_role("combobox")
    choose(first, page.get_by_role("option", name="left out"))
    expect(keyed(page, "teach_bar")).to_contain_text("17 pictures")
    keyed(page, "teach_go").get_by_role("button").click()
    expect(keyed(page, "teach_use")).to_be_visible(timeout=PATIENCE)
    idle(page)
    keyed(page, "teach_use").get_by_role("button").click()
    expect(keyed(page, "teach_in_use")).to_be_visible()
    with page.expect_download() as download:
        page.locator("[class*=st-key-teach_save_]").get_by_role("button").click()
    assert download.value.suggested_filename == "imgsim-things.safetensors"
    go_to(page, "Experiments", "Robustness")
    go_to(page, "Experiments", "Teach")
    idle(page)
    expect(keyed(page, "teach_in_use")).to_be_visible()  # nothing is lost on the way
    keyed(page, "teach_to_compare").get_by_role("button").click()
    # Two pictures are there to try it on, and its tile among the answers
    expect(keyed(page, "taught_tiles")).to_contain_text("things (taught)", timeout=PATIENCE)
