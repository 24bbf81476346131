"""A server of its own for a trial, and what it takes up meanwhile."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.browser.serving import Server, served

_LOOK_SECONDS = 0.25
REAPED_SECONDS = 60 + 15 + 20
"""After a tab is closed its session is kept for 60 s; who reaps comes every 15 s."""


@dataclass(frozen=True)
class Memory:
    """MiB of a process: all that is resident, and what is its own (no mapped files)."""

    resident: float
    own: float


class Host:
    """A server that a trial has for itself.

    Parameters
    ----------
    server : Server
    metrics : str
        Address that it tells its figures at.
    """

    def __init__(self, server: Server, metrics: str) -> None:
        self.server = server
        self._metrics = metrics
        self._peak = Memory(0.0, 0.0)
        self._over = threading.Event()

    @property
    def address(self) -> str:
        """Where visitors come."""
        return self.server.address

    @property
    def is_up(self) -> bool:
        """Whether it has not ended by itself."""
        return self.server.process.poll() is None

    def memory(self) -> Memory:
        """What it takes up now."""
        return _memory(self.server.process.pid)

    def processor_seconds(self) -> float:
        """What it has computed so far."""
        return self.server.processor_seconds()

    def peak(self) -> Memory:
        """Most that it took up since `forget_peak`, looked at four times a second."""
        return self._peak

    def forget_peak(self) -> None:
        """Let the peak begin anew."""
        self._peak = self.memory()

    def figures(self) -> dict[str, float]:
        """What it tells the host, by name; labels behind it, parted by spaces."""
        told = requests.get(f"http://{self._metrics}/metrics", timeout=30).text
        return {
            " ".join([sample.name, *sample.labels.values()]): sample.value
            for family in text_string_to_metric_families(told)
            for sample in family.samples
        }

    def failures(self) -> float:
        """How many pages have failed by a fault of the app."""
        told = self.figures()
        return sum(told[name] for name in told if name.startswith("imgsim_failures_total"))

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            try:
                now = self.memory()
            except (OSError, KeyError):  # it has ended, or is just ending
                return
            self._peak = Memory(
                max(self._peak.resident, now.resident), max(self._peak.own, now.own)
            )


@contextmanager
def hosted(folder: Path, **settings: str) -> Iterator[Host]:
    """Serve from a folder of a trial's own, ready for visitors, faces included."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        metrics = f"127.0.0.1:{free.getsockname()[1]}"
    places = {
        "IMGSIM_STORE": str(folder / "galleries"),
        "IMGSIM_PICTURES": str(folder / "galleries" / "pictures"),
        "IMGSIM_VISITORS": str(folder / "visitors"),
        "IMGSIM_FACES": "1",
        "IMGSIM_METRICS": metrics,
    }
    with served(folder / "server.log", **{**places, **settings}) as server:
        server.wait_until("/api/ready", seconds=300)
        host = Host(server, metrics)
        watcher = threading.Thread(target=host._watch, daemon=True)
        watcher.start()
        try:
            yield host
        finally:
            host._over.set()
            watcher.join()


def load_average() -> float:
    """Work on this machine in the last minute, this trial's included."""
    return round(os.getloadavg()[0], 1)


def _memory(process: int) -> Memory:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    told = dict(line.split(":", 1) for line in lines)
    return Memory(*(int(told[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon")))
