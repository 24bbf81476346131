"""Memory that a library has let go of and the process still holds."""

from __future__ import annotations

import ctypes
import gc
import sys


def give_back_memory() -> None:
    """Return to the system what large pieces of work have left free between what is kept.

    Measured: 90 MB after a network was loaded, 165 MB after OpenVINO has converted it, 60 MB
    after the entries of 100,000 pictures were read. Does nothing where the C library is not
    glibc; takes some hundredths of a second.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
