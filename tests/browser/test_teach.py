"""Teaching in a real browser: from a zip of folders to a method on Compare."""

from __future__ import annotations

import io
import zipfile

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from imgsim_core.samples import open_sample
from tests.browser.conftest import Visits
from tests.browser.steps import go_to, idle, keyed

THINGS = ("bricks", "grass", "coins", "page", "cat", "coffee")
PATIENCE = 120_000  # milliseconds: a lesson on a machine that is busy with other tests


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


def test_groups_from_a_zip_are_taught_and_used_on_compare(visit: Visits) -> None:
    page = visit("/teach")
    idle(page)
    file = {"name": "things.zip", "mimeType": "application/zip", "buffer": a_zip_of_folders()}
    keyed(page, "teach_bring").locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    expect(keyed(page, "teach_bar")).to_contain_text("6 groups · 18 pictures")
    idle(page)
    # A picture is moved, and the wall follows
    keyed(page, "teach_change").locator("summary").click()
    first = keyed(page, "teach_member_0").get_by_role("combobox")
    first.click()
    page.get_by_role("option", name="left out").click()
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
    expect(page.get_by_text("things (taught)").first).to_be_attached()
