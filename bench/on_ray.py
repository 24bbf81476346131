"""What a picture costs to take in, on this machine alone and by way of Ray: processor and disk.

`python -m bench.on_ray` with Ray installed; the photographs are those of bench_ingest. Each
way is run with few and with many pictures, so that the difference is what pictures cost, and
the rest what beginning costs. Processor time is that of all processes a run begins, Ray's own
among them: other work on the machine makes it slower, not much dearer.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from bench.bench_ingest import photographs

FEW = int(os.environ.get("IMGSIM_BENCH_FEW", "200"))
_LOOKED_EVERY = 0.1  # seconds
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Run:
    """One run of the command: what it did, and what it cost."""

    added: int
    seconds: float
    processor_seconds: float
    at_the_head: float
    peak_mib: dict[str, float]
    store_bytes: int
    thumbnail_bytes: int


def run(pictures: list[Path], *more: str) -> Run:
    """Take pictures in by the command line, in an empty place."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folder = place / "photos"
        folder.mkdir()
        for path in pictures:
            shutil.copy(path, folder)
        places = {
            "IMGSIM_STORE": str(place / "store"),
            "IMGSIM_PICTURES": str(place / "shelf"),
        }
        with subprocess.Popen(
            [sys.executable, "-m", "imgsim_core", "index", "bench", str(folder), "--json", *more],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **places},
        ) as process:
            family = Family(process.pid)
            out, _ = process.communicate()
            family.stop()
        result = json.loads(out)
        return Run(
            added=result["added"],
            seconds=result["seconds"],
            processor_seconds=family.processor_seconds,
            at_the_head=family.at_the_head,
            peak_mib=family.peak_mib,
            store_bytes=size_of(place / "store"),
            thumbnail_bytes=size_of(place / "shelf" / "thumbnails"),
        )


def size_of(folder: Path) -> int:
    """Add up the bytes of a folder's files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class Family:
    """Looks again and again at a process and all that come from it."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._known = {first}
        self._ticks: dict[int, int] = {}
        self.peak_mib: dict[str, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_on)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    @property
    def processor_seconds(self) -> float:
        """Of all of them."""
        return sum(self._ticks.values()) / _TICKS

    @property
    def at_the_head(self) -> float:
        """Processor seconds of the first one alone."""
        return self._ticks.get(self._first, 0) / _TICKS

    def _look_on(self) -> None:
        while not self._ended.wait(_LOOKED_EVERY):
            for place in Path("/proc").iterdir():
                if place.name.isdigit():
                    self._look_at(place)

    def _look_at(self, place: Path) -> None:
        try:
            name, _, words = (place / "stat").read_text().rpartition(")")
        except OSError:
            return  # it has ended
        fields = words.split()
        pid, parent = int(place.name), int(fields[1])
        if pid in self._known or parent in self._known:
            self._known.add(pid)
            self._ticks[pid] = int(fields[11]) + int(fields[12])
            mib = int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20
            kind = name.partition("(")[2]
            self.peak_mib[kind] = max(self.peak_mib.get(kind, 0), mib)


def main() -> None:
    many = photographs()
    print(f"load average {os.getloadavg()[0]:.1f} at the start, {os.cpu_count()} processors")
    for label, more in (("alone", ()), ("Ray", ("--ray", "local"))):
        first, second = run(many[:FEW], *more), run(many, *more)
        pictures = second.added - first.added
        spent = second.processor_seconds - first.processor_seconds
        head = second.at_the_head - first.at_the_head
        wall = second.seconds - first.seconds
        print(
            f"{label}: {pictures} pictures beyond the first {first.added}: "
            f"{1000 * spent / pictures:.1f} ms of processor each "
            f"({1000 * head / pictures:.1f} in the process that was started), "
            f"{pictures / wall:.1f} a second by the clock; "
            f"{first.processor_seconds - first.added * spent / pictures:.0f} s to begin"
        )
        print(
            f"  on disk for each: {second.store_bytes / second.added:.0f} bytes in the store, "
            f"{second.thumbnail_bytes / second.added:.0f} of thumbnail"
        )
        peaks = {kind: round(mib) for kind, mib in second.peak_mib.items() if mib > 20}
        print(f"  most memory of one process, MiB: {peaks}")
    print(f"load average {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
