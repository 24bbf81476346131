"""kill -9 while galleries are built: by the command line, and by visitors of the web server."""

from __future__ import annotations

import random
import signal
import threading
import time
from pathlib import Path

import requests
from websockets.exceptions import WebSocketException

from bench.kill_index import kill_often
from tests.load.crowd import made
from tests.load.host import REAPED_SECONDS, Host, hosted, load_average
from tests.load.trial import Findings, Row
from tests.load.visitor import Broken, Visitor

_PICTURES = 60
_OF_THE_SERVER = 1  # its gallery of samples, which it keeps while it runs
_INDEXED = 400  # `index` commits some dozens at a time: kills must fall between
_GONE = (Broken, OSError, requests.RequestException, WebSocketException)


def _files(count: int = _PICTURES) -> list[tuple[str, bytes]]:
    """Make so many different files; what follows a JPEG's end makes another of it."""
    some = made(side=640)
    return [
        (f"holiday-{number}.jpg", some[number % len(some)] + b"%06d" % number)
        for number in range(count)
    ]


def try_commands(folder: Path, kills: int) -> Findings:
    """Kill `index` at random moments; each time what is there must be whole.

    Parameters
    ----------
    folder : Path
        For pictures and galleries.
    kills : int
    """
    found = Findings(f"kill -9 of `index`, {kills} times")
    pictures = folder / "holiday"  # apart from where `index` keeps its own
    pictures.mkdir()
    for name, data in _files(_INDEXED):
        (pictures / name).write_bytes(data)
    told = kill_often(pictures, kills, folder)
    found.faults += told["faults"]
    found.rows += [
        Row("pictures", _INDEXED, ""),
        Row("rows left by the last kill", told["rows_after_kill"][-1], ""),
        Row("1 - least cosine to an undisturbed run", 1 - told["least_cosine"], "", 1e-5),
        Row("load average of the machine", load_average(), ""),
    ]
    found.details["rows_after_kill"] = told["rows_after_kill"]
    return found


def try_visitors(folder: Path, kills: int) -> Findings:
    """Kill the web server while a visitor's gallery is filled, and start it again.

    What a visitor's gallery holds is promised to a session only, and a session does not
    outlive its server. What has to hold: the next server starts on the same folder, the next
    visitor's gallery becomes whole, and what was left behind is in nobody's way and gone in
    the end.

    Parameters
    ----------
    folder : Path
        For the servers.
    kills : int
    """
    found = Findings(f"kill -9 of the server while a visitor's gallery is filled, {kills} times")
    files = _files()
    moments = random.Random(7)
    # Left galleries expire at once, so that the last server can be seen to delete them
    short = {"IMGSIM_VISITOR_HOURS": "0.05"}
    left = []
    for _ in range(kills):
        with hosted(folder, **short) as host:
            _fill_and_kill(host, files, moments.uniform(0.0, 6.0))
        left.append(len(_places(folder)))
    with hosted(folder, **short) as host:
        try:
            with Visitor(host.address).here() as visitor:
                visitor.open("search")
                visitor.bring("file_gallery_files_", files)
                last = visitor.wait_while(lambda _: True, 300)
                count = f"{_PICTURES} pictures added"
                if not any(count in one.words for one in last.said):
                    found.faults.append("the next visitor's gallery did not become whole")
                hits = visitor.write("widget.search.words", "cat")
                found.faults += hits.errors
        except _GONE as error:
            found.faults.append(f"{type(error).__name__}: {error}")
        # The last visitor's counts as used until their session is over
        until = time.monotonic() + 3600 * 0.05 + REAPED_SECONDS + 30
        while len(_places(folder)) > _OF_THE_SERVER and time.monotonic() < until:
            time.sleep(1.0)
        if len(_places(folder)) > _OF_THE_SERVER:
            found.faults.append(f"{len(_places(folder)) - _OF_THE_SERVER} were never deleted")
        if host.failures():
            found.faults.append("a page failed by a fault of the app")
    found.rows += [
        Row("galleries left behind by kills", max(left, default=0), ""),
        Row("galleries left in the end", len(_places(folder)), "", 0),
        Row("load average of the machine", load_average(), ""),
    ]
    return found


def _fill_and_kill(host: Host, files: list[tuple[str, bytes]], seconds: float) -> None:
    def fill() -> None:
        try:
            with Visitor(host.address).here() as visitor:
                visitor.open("search")
                begun.set()
                visitor.bring("file_gallery_files_", files)
                visitor.wait_while(lambda _: True, 60)
        except _GONE:
            pass  # it is killed meanwhile: that is the trial

    begun = threading.Event()
    thread = threading.Thread(target=fill)
    thread.start()
    begun.wait(60)
    time.sleep(seconds)
    host.server.process.send_signal(signal.SIGKILL)
    host.server.process.wait()
    thread.join()


def _places(folder: Path) -> list[Path]:
    return list((folder / "visitors").glob("*"))
