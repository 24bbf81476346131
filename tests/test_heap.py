"""Memory that was let go of goes back to the system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from imgsim_core.heap import give_back_memory, spare_memory


def held() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_small_pieces_left_free_between_kept_ones_is_returned():
    pieces = [bytes(4_000) for _ in range(20_000)]
    kept = pieces[::50]
    del pieces
    before = held()
    give_back_memory()
    assert held() < before - 40_000_000
    assert len(kept) == 400


def test_a_platform_without_it_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    give_back_memory()
    spare_memory()


@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc")
def test_large_blocks_go_back_at_once_also_after_one_was_freed():
    told = subprocess.run([sys.executable, "-c", LARGE], check=True, capture_output=True, text=True)
    kept, afterwards = map(int, told.stdout.split())
    assert afterwards < kept


LARGE = """
from imgsim_core.heap import spare_memory
spare_memory()
bytes(30_000_000)  # freed: from now on glibc would have taken such blocks from its heap
import pathlib
held = lambda: int(pathlib.Path("/proc/self/statm").read_text().split()[1])
blocks = [bytearray(b"1" * 8_000_000) for _ in range(8)]
kept = held()
last = bytearray(b"1")
del blocks
print(kept - 10_000, held())
"""
