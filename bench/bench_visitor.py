"""What a visitor waits for, in a real browser before a server started here.

Times are those of a browser on the same machine, so its own work is in them. Each is the
median of several, on pictures that the server has not seen before.
"""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from bench.measure import Moment
from imgsim_core.method import Family
from imgsim_core.registry import spokesman
from imgsim_core.samples import all_pairs
from tests.browser.serving import Server, launch, served
from tests.browser.steps import idle, keyed

PEERS = ("streamlit", "playwright")
ROOT = Path(__file__).parents[1]
_QUIET_SECONDS = 5
VIEW = {"width": 1280, "height": 1000}
TILES = "document.querySelectorAll('[class*=st-key-why_]').length"


def rows() -> Iterator[Moment]:
    """Measure every moment."""
    yield from _imports()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = launch(playwright)
        cold = [_cold_start(browser, Path(folder) / f"cold{turn}.txt") for turn in range(3)]
        with served(Path(folder) / "log.txt") as server:
            server.wait_until_ready()
            _wait_until_quiet(server)
            yield _moment("cold server to first page", cold, "s", 3)
            for measure in (_first_visit, _samples, _uploads, _slider, _pages):
                yield from measure(browser, server)


def _moment(name: str, times: list[float], unit: str, target: float) -> Moment:
    figures = [1000 * one for one in times] if unit == "ms" else times
    spread = f"{min(figures):.2f} to {max(figures):.2f} {unit}, {len(figures)} times"
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    return Moment(name, statistics.median(figures), unit, target, f"{spread}; {load}")


def _timed(act: Callable[[], object], page: Page, *conditions: str) -> list[float]:
    """Seconds from an act until each condition holds in the page, looked at every frame."""
    started = time.perf_counter()
    act()
    times = []
    for condition in conditions:
        page.wait_for_function(f"() => {condition}", timeout=120_000)
        times.append(time.perf_counter() - started)
    return times


def _opened(browser: Browser, address: str) -> Page:
    page = browser.new_context(viewport=VIEW).new_page()  # type: ignore[arg-type]
    page.goto(address)
    return page


def _cold_start(browser: Browser, log: Path) -> float:
    """Time from starting the program to the wall of examples with all its pictures."""
    started = time.perf_counter()
    with served(log) as server:
        page = _opened(browser, server.address)
        keyed(page, f"pair_start_{all_pairs()[0].id}").wait_for(timeout=120_000)
        idle(page)
        seconds = time.perf_counter() - started
        page.context.close()
    return seconds


def _wait_until_quiet(server: Server) -> None:
    """Wait until the server has prepared its samples: from then on it is warm."""
    used, quiet = server.processor_seconds(), 0
    while quiet < _QUIET_SECONDS:
        time.sleep(1)
        before, used = used, server.processor_seconds()
        quiet = quiet + 1 if used - before < 0.1 else 0


def _first_visit(browser: Browser, server: Server) -> Iterator[Moment]:
    """Count what comes over the wire for somebody who was never here."""
    page = browser.new_context(viewport=VIEW).new_page()  # type: ignore[arg-type]
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    by_http: list[float] = []
    by_socket: list[int] = []
    devtools.on("Network.loadingFinished", lambda event: by_http.append(event["encodedDataLength"]))
    devtools.on(
        "Network.webSocketFrameReceived",
        lambda event: by_socket.append(len(event["response"]["payloadData"]) * 3 // 4),
    )
    seconds = _timed(lambda: page.goto(server.address), page, "document.querySelector('h1')")
    idle(page)
    page.context.close()
    transferred = (sum(by_http) + sum(by_socket)) / 2**20
    note = (
        f"{len(by_http)} answers {sum(by_http) / 2**20:.2f} MB, socket {sum(by_socket) / 2**20:.2f}"
    )
    yield Moment("first visit's transfer, compressed", transferred, "MB", 3, note)
    yield _moment("warm server to first page, nothing cached", seconds, "s", 3)


def _samples(browser: Browser, server: Server) -> Iterator[Moment]:
    first, every = [], []
    for pair in all_pairs()[1:8]:  # the first pair was asked during the warm-up
        page = _opened(browser, server.address)
        button = keyed(page, f"pair_start_{pair.id}").get_by_role("button")
        button.wait_for()
        idle(page)
        found = _timed(button.click, page, f"{TILES} >= 1", f"{TILES} === {len(Family)}")
        first.append(found[0])
        every.append(found[1])
        page.context.close()
    yield _moment("click on a sample pair to the first verdict", first, "s", 1)
    yield _moment("click on a sample pair to all default cards", every, "s", 3)


def _photograph(name: str, seed: int) -> bytes:
    """Return a photograph enlarged to 4000 × 3000 with a camera's grain, as JPEG 90."""
    large = cv2.resize(getattr(skimage.data, name)(), (4000, 3000), interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(seed).normal(0, 4, large.shape)
    target = io.BytesIO()
    rgb = np.clip(large + grain, 0, 255).astype(np.uint8)
    Image.fromarray(rgb).save(target, "JPEG", quality=90)
    return target.getvalue()


def _uploads(browser: Browser, server: Server) -> Iterator[Moment]:
    classic, every = [], []
    for turn in range(5):
        files = [_photograph("coffee", 2 * turn), _photograph("chelsea", 2 * turn + 1)]
        page = _opened(browser, server.address)
        keyed(page, "slot_b").wait_for()
        idle(page)

        def bring(page: Page = page, files: list[bytes] = files) -> None:
            for slot, data in zip("ab", files, strict=True):
                file = {"name": f"{slot}.jpg", "mimeType": "image/jpeg", "buffer": data}
                box = keyed(page, f"slot_{slot}")
                box.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
                if slot == "a":
                    # Streamlit loses a second file that comes while the first is being drawn.
                    box.locator("code", has_text=f"{slot}.jpg").wait_for(timeout=120_000)
                    idle(page)

        # The cards come in the order of the families: the learned one is the last
        found = _timed(bring, page, f"{TILES} >= {len(Family) - 1}", f"{TILES} === {len(Family)}")
        classic.append(found[0])
        every.append(found[1])
        idle(page)
        page.context.close()
    yield _moment("two 12-megapixel uploads to all classic cards", classic, "s", 3)
    yield _moment("two 12-megapixel uploads to all default cards", every, "s", 3)


def _slider(browser: Browser, server: Server) -> Iterator[Moment]:
    page = _opened(browser, f"{server.address}/?pair={all_pairs()[1].id}")
    page.wait_for_function(f"() => {TILES} === {len(Family)}", timeout=120_000)
    idle(page)
    method = spokesman(Family.COLOUR)
    slider = page.locator(f"[class*='st-key-widget-{method.id}-line']").get_by_role("slider")
    agreement = "document.querySelector('.st-key-agreement').innerText"
    said = {alike: f"{agreement}.includes('{Family.COLOUR.verdict(alike)}')" for alike in (0, 1)}
    ends = ("End", "Home") if method.scale.higher_is_alike else ("Home", "End")
    times = []
    for turn in range(13):
        alike = turn % 2
        found = _timed(lambda alike=alike: slider.press(ends[alike]), page, said[alike])
        times += found if turn > 2 else []  # the first may have found its verdict already there
        idle(page)
    page.context.close()
    yield _moment("slider move to new verdict", times, "ms", 200)


def _pages(browser: Browser, server: Server) -> Iterator[Moment]:
    page = _opened(browser, server.address)
    idle(page)
    menu = page.get_by_test_id("stTopNavSection").filter(has_text="About")
    links = page.get_by_test_id("stTopNavDropdownLink")
    times = []
    for turn in range(8):
        name, heading = (("Methods", "The methods"), ("Status", "Status"))[turn % 2]
        shown = f"document.querySelector('h1')?.innerText.startsWith('{heading}')"
        menu.click()
        times += _timed(links.filter(has_text=name).click, page, shown)
        idle(page)
    page.context.close()
    yield _moment("page switch", times, "ms", 500)


def _imports() -> Iterator[Moment]:
    program = (
        "import sys, time; started = time.perf_counter(); import imgsim_core;"
        "print(time.perf_counter() - started, 'torch' in sys.modules)"
    )
    times = []
    for _ in range(5):
        told = subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT
        ).stdout.split()
        if told[1] != "False":
            raise RuntimeError("importing the core brings torch in")
        times.append(float(told[0]))
    yield _moment("import imgsim_core", times, "ms", 500)
