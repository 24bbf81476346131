"""A gallery of 100,000 pictures: every page can be used, and what the server takes up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import requests
from websockets.exceptions import WebSocketException

from tests.load.host import Host, hosted, load_average
from tests.load.trial import Findings, Row
from tests.load.visitor import Answer, Broken, Visitor

MOST_MEMORY = 2000.0  # MiB
ROOT = Path(__file__).parents[2]
NAME = "big"
_PATIENCE = 1200.0


def make(place: Path, count: int) -> None:
    """Make the gallery in a folder, with vectors as long as the default model's; takes minutes."""
    environment = {
        **os.environ,
        "IMGSIM_STORE": str(place),
        "IMGSIM_PICTURES": str(place / "pictures"),
    }
    command = [sys.executable, "-m", "bench.gallery_of_size", NAME, "--count", str(count)]
    command += ["--model", "efficientnet-lite2"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def try_pages(folder: Path, place: Path | None = None, count: int = 100_000) -> Findings:
    """Use every page that a gallery has, one after the other, as one visitor.

    Parameters
    ----------
    folder : Path
        For the server.
    place : Path or None
        Folder of galleries with one called "big"; None makes it.
    count : int
        Pictures of the gallery that is made.
    """
    if place is None:
        place = folder / "galleries"
        make(place, count)
    found = Findings("A gallery of 100,000 pictures" if count == 100_000 else f"{count} pictures")
    places = {"IMGSIM_STORE": str(place), "IMGSIM_PICTURES": str(place / "pictures")}
    with hosted(folder, **places) as host:
        found.rows.append(Row("own memory before anybody came", host.memory().own, "MiB"))
        try:
            with Visitor(host.address, patience=_PATIENCE).here() as visitor:
                _use(visitor, host, found)
        except (Broken, OSError, requests.RequestException, WebSocketException) as error:
            found.faults.append(f"{type(error).__name__}: {error}")
        peak, failures = host.peak(), host.failures()
    if failures:
        found.faults.append(f"{failures:.0f} pages failed by a fault of the app")
    found.rows += [
        Row("own memory at most", peak.own, "MiB", MOST_MEMORY),
        # Pages of files are the system's to take back: in a memory group of 2,000 MiB
        # everything here is as quick
        Row("resident at most, with files mapped from the disk", peak.resident, "MiB"),
        Row("load average of the machine", load_average(), ""),
    ]
    return found


def _use(visitor: Visitor, host: Host, found: Findings) -> None:
    def step(what: str, act: Callable[[], Answer]) -> Answer:
        before, computed = host.peak(), host.processor_seconds()
        answer = act()
        now = host.memory()
        found.rows.append(Row(what, answer.seconds, "s"))
        found.details.setdefault("memory", []).append(
            {
                "after": what,
                "own": round(now.own),
                "resident": round(now.resident),
                "computed": round(host.processor_seconds() - computed, 1),
                "peak_own_before": round(before.own),
                "peak_own": round(host.peak().own),
                "peak_resident": round(host.peak().resident),
            }
        )
        found.faults.extend(f"{what}: {words}" for words in answer.errors)
        return answer

    def rest() -> Answer:
        return visitor.wait_while(lambda _: True, _PATIENCE)

    step("Search, first answer", lambda: visitor.open("search", {"gallery": NAME}))
    if not visitor.keys("hit_"):
        found.faults.append("Search shows no hits")
    step("Search, words", lambda: visitor.write("widget.search.words", "cat"))
    step("Search, more like a hit", lambda: visitor.click(visitor.keys("more_hits_")[0]))
    step("Search, again", lambda: visitor.click(visitor.keys("more_hits_")[1]))
    step("Search, by part of a name", lambda: visitor.write("search_filter_name", "7"))
    step("Map, page", lambda: visitor.go_to("map"))
    step("Map, drawn", rest)
    if not visitor.has("atlas_map"):
        found.faults.append("Map shows no map")
    step("Duplicates, page", lambda: visitor.go_to("duplicates"))
    step("Duplicates, begun", lambda: visitor.click("duplicates_begin"))
    step("Duplicates, found", rest)
    if not visitor.has("duplicates_head"):
        found.faults.append("Duplicates shows no result")
    step("Search, after them", lambda: visitor.go_to("search"))
    step("Map, after them", lambda: visitor.go_to("map"))
    step("Status", lambda: visitor.go_to("status"))
    step("Compare", lambda: visitor.go_to(""))
