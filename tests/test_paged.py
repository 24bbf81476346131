"""Large arrays in files without a name: like any other, and gone with the array."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from imgsim_core import paged

LARGE = (2**13, 2**10 + 1)


def mapped(array: np.ndarray) -> bool:
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system has no such files")
def test_a_large_array_is_like_any_other_and_leaves_no_file(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    array = paged.zeros(*LARGE)
    assert mapped(array)
    assert (array.shape, array.dtype) == (LARGE, np.float32)
    assert not array.any()
    assert list(tmp_path.iterdir()) == []
    numbers = np.random.default_rng(0).normal(size=LARGE).astype(np.float32)
    array[:] = numbers
    np.testing.assert_array_equal(array, numbers)
    array.setflags(write=False)
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1


def test_a_small_array_is_in_memory_alone():
    array = paged.zeros(3, 4)
    assert not mapped(array)
    assert (array.shape, array.dtype) == ((3, 4), np.float32)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system has no such files")
def test_without_room_on_the_disk_it_is_in_memory(monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    array = paged.zeros(*LARGE)
    assert not mapped(array)
    assert array.shape == LARGE
