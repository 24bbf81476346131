"""What a piece of work costs: wall time and peak memory, each side in a child of its own.

A task is named "module:function"; the function prepares everything and returns the
callable to be timed. Both sides of a comparison run with the same pinned threads.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

THREADS = "2"
PINNED = {
    f"{name}_NUM_THREADS": THREADS for name in ("OMP", "MKL", "OPENBLAS", "NUMBA", "OPENCV_FOR")
}
"""Environment in which both sides of every comparison run."""


@dataclass(frozen=True)
class Cost:
    """Median milliseconds over the repeats, and MiB above what was held before."""

    milliseconds: float
    peak_mib: float


@dataclass(frozen=True)
class Row:
    """One line of the table: a figure of ours, the peer's, and the target for their ratio.

    `correct` tells what was checked in the same run. A peer that was not waited for to its
    end has `at_least` set: its figure is the time after which it was stopped.
    """

    work: str
    measure: str
    ours: float
    theirs: float
    target: float
    correct: str
    peer: str = ""
    at_least: bool = False

    @property
    def ratio(self) -> float:
        """How many times less ours costs."""
        return self.theirs / self.ours

    @property
    def reached(self) -> bool:
        """Whether the ratio is at least the target."""
        return self.ratio >= self.target


@dataclass(frozen=True)
class Moment:
    """Something a visitor waits for: a figure, and what it is to be at most."""

    moment: str
    figure: float
    unit: str
    target: float
    note: str

    @property
    def reached(self) -> bool:
        """Whether the figure is at most the target."""
        return self.figure <= self.target


@dataclass(frozen=True)
class Missing:
    """Work that could not be measured here, and why."""

    work: str
    why: str


def cost(task: str, repeat: int = 7) -> Cost:
    """Measure a task in a fresh process.

    Parameters
    ----------
    task : str
        "module:function"; calling the function returns the callable to time.
    repeat : int
        Timed runs; one more runs first and is not counted.
    """
    output = subprocess.run(
        [sys.executable, "-m", "bench.measure", task, str(repeat)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **PINNED},
        cwd=Path(__file__).parents[1],
    ).stdout
    return Cost(**json.loads(output.splitlines()[-1]))


def _memory(key: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return float(line.split()[1]) / 1024
    raise LookupError(key)


def _run(task: str, repeat: int) -> Cost:
    import cv2

    cv2.setNumThreads(int(THREADS))
    module, _, function = task.partition(":")
    work = getattr(importlib.import_module(module), function)()
    held = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    work()
    peak = _memory("VmHWM") - held
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return Cost(statistics.median(times), max(peak, 0.1))


if __name__ == "__main__":
    result = _run(sys.argv[1], int(sys.argv[2]))
    print(json.dumps({"milliseconds": result.milliseconds, "peak_mib": result.peak_mib}))
