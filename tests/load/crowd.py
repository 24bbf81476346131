"""Twenty visitors at once: they compare, search and bring pictures, leave, and others come.

Each brings files under names that are nobody else's, and everything that any of them is sent
is looked through for the others' names.
"""

from __future__ import annotations

import io
import random
import re
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import requests
from PIL import Image
from websockets.exceptions import WebSocketException

from imgsim_core.samples import all_samples, open_sample
from tests.load.host import REAPED_SECONDS, Host, hosted, load_average
from tests.load.trial import Findings, Row, percentile
from tests.load.visitor import Answer, Broken, Visitor

MOST_SECONDS = 5.0
MOST_GROWTH = 100.0  # MiB of own memory, from one crowd that has left to the next
_WARM_SECONDS = 60.0
_WORDS = ("cat", "coffee", "flower", "motorcycle", "building", "dog")
_GALLERY = 8  # pictures
_TOKEN = re.compile(rb"zq[0-9a-f]{12}")

Step = tuple[str, Callable[[], Answer]]


class _Watch:
    """What all visitors have lived through; filled from their threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.faults: list[str] = []
        self.came = 0
        self.bytes = 0
        self.media: dict[str, str] = {}  # whose picture an address is

    def did(self, what: str, answer: Answer) -> None:
        with self._lock:
            self.seconds[what].append(answer.seconds)
            self.bytes += answer.bytes
            self.faults += [f"{what}: {words}" for words in answer.errors]

    def failed(self, what: str) -> None:
        with self._lock:
            self.faults.append(what)

    def left(self, name: str, media: set[str]) -> None:
        with self._lock:
            self.came += 1
            for address in media:
                if self.media.setdefault(address, name) != name:
                    self.faults.append("two visitors were given one picture's address")


# ── What they do ───────────────────────────────────────────────────────────────────


def _comparing(visitor: Visitor, name: str, photographs: _Photographs) -> Iterator[Step]:
    chance = photographs.chance
    yield "first page", visitor.open
    for wall in ("start", "more"):
        pair = chance.choice(visitor.keys(f"pair_{wall}_"))
        yield "a sample pair compared", lambda pair=pair: visitor.click(pair)
    for slot in "ab":
        files = [photographs.file(f"{name}-{slot}")]
        yield (
            "an upload compared",
            lambda slot=slot, files=files: visitor.bring(f"file_{slot}_", files),
        )
    yield "both exchanged", lambda: visitor.click("swap")
    line = visitor.key_of("widget.ssim.line")
    for number in (0.3, 0.8):
        yield "a line moved", lambda number=number: visitor.move(line, number)


def _searching(visitor: Visitor, name: str, photographs: _Photographs) -> Iterator[Step]:
    chance = photographs.chance
    yield "first page", lambda: visitor.open("search")
    yield "the samples searched", lambda: visitor.click("try_samples")
    yield "the samples prepared", lambda: visitor.wait_while(lambda _: True)
    for word in chance.sample(_WORDS, 3):
        yield (
            "a search by words",
            lambda word=word: visitor.write("widget.search.words", word),
        )
    more = chance.choice(visitor.keys("more_hits_"))
    yield "a search for more like it", lambda: visitor.click(more)
    files = [photographs.file(name)]
    yield "a search by an upload", lambda: visitor.bring("file_search.sample_", files)
    yield "another page", lambda: visitor.go_to("methods")


def _collecting(visitor: Visitor, name: str, photographs: _Photographs) -> Iterator[Step]:
    yield "first page", lambda: visitor.open("search")
    files = [photographs.file(f"{name}-{number}") for number in range(_GALLERY)]
    yield f"{_GALLERY} pictures sent", lambda: visitor.bring("file_gallery_files_", files)
    yield "a gallery of them", lambda: visitor.wait_while(lambda _: True)
    yield (
        "a search by words",
        lambda: visitor.write("widget.search.words", photographs.chance.choice(_WORDS)),
    )
    yield "another page", lambda: visitor.go_to("duplicates")
    yield "duplicates looked for", lambda: visitor.wait_while(lambda _: True)
    yield "another page", lambda: visitor.go_to("")


_KINDS = (_comparing, _searching, _collecting)
# What is done behind a page that answers meanwhile
_JOBS = ("the samples prepared", "a gallery of them", "duplicates looked for")


class _Photographs:
    """Photographs of 3 megapixels, as often as wanted, and every file another."""

    def __init__(self, files: Sequence[bytes], seed: int) -> None:
        self._files = files
        self.chance = random.Random(seed)

    def file(self, name: str) -> tuple[str, bytes]:
        # What follows a JPEG's end is no part of the picture, but makes it another file
        return f"{name}.jpg", self.chance.choice(self._files) + secrets.token_bytes(16)


def made(side: int = 2000) -> list[bytes]:
    """Make photographs so many pixels wide, 4 to 3, each with a grain of its own."""
    files = []
    size = (side, 3 * side // 4)
    for number, sample in enumerate(all_samples()[:24]):
        rgb = cv2.resize(open_sample(sample.id).rgb, size, interpolation=cv2.INTER_CUBIC)
        grain = np.random.default_rng(number).integers(-6, 7, rgb.shape)
        target = io.BytesIO()
        noisy = np.clip(rgb + grain, 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(target, "JPEG", quality=88)
        files.append(target.getvalue())
    return files


# ── How they come and go ───────────────────────────────────────────────────────────


def _visit(
    host: Host, number: int, photographs: Sequence[bytes], watch: _Watch, until: float
) -> None:
    """Be one visitor after the other, each of another kind, until the time is over."""
    chance = random.Random(number)
    turn = number
    while time.monotonic() < until:
        name = f"zq{secrets.token_hex(6)}"

        def heard(data: bytes, name: str = name) -> None:
            for found in _TOKEN.findall(data):
                if found.decode() != name:
                    watch.failed("a visitor was sent the name of another's file")

        visitor = Visitor(host.address, heard)
        kind = _KINDS[turn % len(_KINDS)]
        turn += 1
        what = "the way in"
        try:
            with visitor.here():
                steps = kind(visitor, name, _Photographs(photographs, chance.randrange(2**31)))
                for what, step in steps:
                    watch.did(what, step())
                    time.sleep(chance.uniform(0.5, 1.5) * _Pace.think)
                    if time.monotonic() > until:
                        break
        except (Broken, OSError, requests.RequestException, WebSocketException) as error:
            watch.failed(f"{what}: {type(error).__name__}: {error}")
            time.sleep(1.0)
        watch.left(name, visitor.media)


class _Pace:
    think = 6.0  # seconds, in the mean, that a visitor looks at what has come


def _crowd(host: Host, count: int, seconds: float, photographs: Sequence[bytes]) -> _Watch:
    watch = _Watch()
    until = time.monotonic() + seconds
    threads = []
    for number in range(count):
        thread = threading.Thread(target=_visit, args=(host, number, photographs, watch, until))
        thread.start()
        threads.append(thread)
        time.sleep(min(0.5, seconds / (4 * count)))  # nobody comes at the very same moment
    for thread in threads:
        thread.join()
    return watch


def try_crowd(folder: Path, minutes: float, count: int = 20, think: float = 6.0) -> Findings:
    """Have a crowd come, leave, and another come for so many minutes.

    Parameters
    ----------
    folder : Path
        For the server.
    minutes : float
        That the second crowd stays.
    count : int
        Visitors at once.
    think : float
        Seconds, in the mean, between what one of them does and the next.
    """
    found = Findings(f"{count} visitors at once for {minutes:g} minutes")
    _Pace.think = think
    photographs = made()
    with hosted(folder) as host:
        at_first = host.memory()
        warm = _crowd(host, count, min(_WARM_SECONDS, 60 * minutes), photographs)
        time.sleep(REAPED_SECONDS)
        before, remembered = host.memory(), _remembered(host)
        host.forget_peak()
        computed = host.processor_seconds()
        watch = _crowd(host, count, 60 * minutes, photographs)
        load, peak = load_average(), host.peak()
        computed = host.processor_seconds() - computed
        there = host.figures().get("imgsim_visitors", -1)
        time.sleep(REAPED_SECONDS)
        after, told = host.memory(), host.figures()
        failures = host.failures()
        if not host.is_up:
            found.faults.append("the server ended by itself")
    grown = (_remembered_of(told) - remembered) / 2**20
    quick = [one for name, some in watch.seconds.items() if name not in _JOBS for one in some]
    found.faults += warm.faults + watch.faults
    if failures:
        found.faults.append(f"{failures:.0f} pages failed by a fault of the app")
    for held in ("uploads", "pictures of visitors"):
        left = told.get(f"imgsim_held_bytes {held}", 0.0)
        if left:
            found.faults.append(f"{left:.0f} bytes of {held} are held after all have left")
    found.rows += [
        Row("actions", len(quick), ""),
        Row("visitors who came", watch.came, ""),
        Row("an action, median", percentile(quick, 0.5), "s"),
        Row("an action, 95 of 100", percentile(quick, 0.95), "s", MOST_SECONDS),
        *(
            Row(f"  {name}, 95 of {len(some)}", percentile(some, 0.95), "s")
            for name, some in sorted(watch.seconds.items())
        ),
        Row(
            "computed by the server, in the mean, for an action",
            computed / max(1, len(quick)),
            "processor s",
        ),
        Row("processors it had, in the mean", computed / (60 * minutes), ""),
        Row("own memory before anybody came", at_first.own, "MiB"),
        Row("own memory at most", peak.own, "MiB"),
        Row("resident at most", peak.resident, "MiB"),
        Row("own memory after the first crowd", before.own, "MiB"),
        Row("own memory after the second", after.own, "MiB"),
        Row("  of it results remembered more (bounded)", grown, "MiB"),
        Row("grown without them", after.own - before.own - grown, "MiB", MOST_GROWTH),
        Row("load average of the machine", load, ""),
    ]
    found.details |= {
        "seconds": {name: [round(one, 2) for one in some] for name, some in watch.seconds.items()},
        "tabs_open_at_the_end": there,
        "megabytes_sent": round(watch.bytes / 2**20, 1),
    }
    return found


def _remembered(host: Host) -> float:
    return _remembered_of(host.figures())


def _remembered_of(told: dict[str, float]) -> float:
    return told.get("imgsim_held_bytes results remembered", 0.0)
