"""Memory that a library has let go of and the process still holds."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Any

_ARENA_MAX, _MMAP_THRESHOLD = -8, -3  # glibc's malloc.h
_ARENAS = 2
_LARGE = 4 * 2**20  # bytes


def spare_memory() -> None:
    """Let a process of many threads hold little more than it uses; to be called at its start.

    By itself glibc opens up to eight heaps a processor, and lets large blocks into them once
    one has been freed: what is free in one heap serves no thread of another. Measured with
    the map of 100,000 pictures: the process peaked at 1.9 GB instead of 2.3. Does nothing
    where the C library is not glibc.
    """
    library = _library()
    if hasattr(library, "mallopt"):
        library.mallopt(_ARENA_MAX, _ARENAS)
        library.mallopt(_MMAP_THRESHOLD, _LARGE)


def give_back_memory() -> None:
    """Return to the system what large pieces of work have left free between what is kept.

    Measured: 90 MB after a network was loaded, 165 MB after OpenVINO has converted it, 60 MB
    after the entries of 100,000 pictures were read. Does nothing where the C library is not
    glibc; takes some hundredths of a second.
    """
    gc.collect()
    library = _library()
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


def _library() -> Any:
    return ctypes.CDLL(None) if sys.platform == "linux" else None
