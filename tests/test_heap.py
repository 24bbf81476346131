"""Memory that was let go of goes back to the system."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from imgsim_core.heap import give_back_memory


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
