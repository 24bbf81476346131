"""Large arrays that the system may put away when memory is short."""

from __future__ import annotations

import os
import tempfile

import numpy as np
from numpy.typing import NDArray

_LARGE = 32 * 2**20  # bytes; below, a file is not worth its while


def zeros(rows: int, columns: int) -> NDArray[np.float32]:
    """Make an array of zeros, a large one in a file without a name.

    Parameters
    ----------
    rows, columns : int

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Used as any other. What lies in the file is in memory too while there is room, and is
        read again where there was none: a server of little memory becomes slower instead of
        being killed. In memory alone if the disk has no room, or the system no such files.
        The file is gone with the array.
    """
    size = 4 * rows * columns
    if size < _LARGE or not hasattr(os, "posix_fallocate"):
        return np.zeros((rows, columns), np.float32)
    try:
        with tempfile.TemporaryFile() as file:
            # All of it now: on a disk that is full later, writing would end the process
            os.posix_fallocate(file.fileno(), 0, size)
            return np.asarray(np.memmap(file, np.float32, "r+", shape=(rows, columns)))
    except OSError:
        return np.zeros((rows, columns), np.float32)
