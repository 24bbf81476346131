"""Two app servers without state on one store, as they stand behind a balancer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from imgsim_core.gallery.store import open_store
from tests.browser.conftest import Visits, browser, visit  # noqa: F401  fixtures
from tests.browser.serving import ROOT, Server, served
from tests.gallery.conftest import Storage

NAME, TITLE = "trip", "Our trip"


@pytest.fixture(params=["folder", "milvus"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """A store that is empty, and a folder for pictures, which a host would share as well."""
    if request.param == "milvus":
        found: Storage = request.getfixturevalue("storage")
        return found
    (tmp_path / "store").mkdir()
    return Storage(str(tmp_path / "store"), str(tmp_path / "pictures"))


@pytest.fixture
def servers(
    place: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Server, Server]]:
    """Two servers, each a process of its own."""
    monkeypatch.setenv("IMGSIM_STORE", place.store)
    monkeypatch.setenv("IMGSIM_PICTURES", place.pictures)
    with served(tmp_path / "one.txt") as one, served(tmp_path / "other.txt") as other:
        one.wait_until("/api/ready", 240)
        other.wait_until("/api/ready", 240)
        yield one, other


def published(folder: Path, numbers: range) -> dict[str, object]:
    """Draw pictures and add them to the gallery by the command line, a third process."""
    folder.mkdir(exist_ok=True)
    for number in numbers:
        coarse = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((320, 240)).save(folder / f"{number:02}.jpg")
    command = [sys.executable, "-m", "imgsim_core", "index", NAME, str(folder), "--json"]
    output = subprocess.run(
        [*command, "--title", TITLE],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        timeout=480,
    ).stdout
    told: dict[str, object] = json.loads(output)
    return told


def shows(page: Page, pictures: int) -> None:
    """Wait until the open gallery is shown with so many pictures."""
    expect(page.get_by_text(f"{TITLE} · {pictures} pictures")).to_be_visible(timeout=120_000)


def test_what_is_published_by_one_process_is_served_by_two_others(
    servers: tuple[Server, Server],
    visit: Visits,  # noqa: F811  after the servers, so that pages are closed before they end
    place: Storage,
    tmp_path: Path,
) -> None:
    pages = [visit("/search", at=server) for server in servers]
    for page in pages:
        expect(page.get_by_role("button", name="Try")).not_to_have_count(0)
        expect(page.get_by_role("button", name=TITLE)).to_have_count(0)
    assert published(tmp_path / "photos", range(12))["added"] == 12
    # A link leads to the same gallery on either server: neither keeps it
    for page, server in zip(pages, servers, strict=True):
        page.goto(f"{server.address}/search?gallery={NAME}")
        shows(page, 12)
    told = published(tmp_path / "photos", range(12, 15))
    assert (told["added"], told["known"]) == (3, 12)
    for page in pages:
        page.reload()
        shows(page, 15)
    # One ends; whoever was with it is served by the other
    pages[0].goto("about:blank")
    servers[0].process.terminate()
    servers[0].process.wait(30)
    pages[0].goto(f"{servers[1].address}/search?gallery={NAME}")
    shows(pages[0], 15)
    store = open_store(place.store)
    assert store.count(NAME) == 15
    assert [info.name for info in store.galleries()] == [NAME]
