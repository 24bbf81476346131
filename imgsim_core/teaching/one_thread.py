"""Small matrices on one thread: more threads would only wait for each other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class _Usual:
    """How many threads torch has when no lesson is on."""

    lock = threading.Lock()
    lessons = 0
    threads = 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread, for what this thread asks of it.

    Torch hands the last number set on to threads yet to come, so of lessons that overlap
    none may take another's one for what was usual.
    """
    import torch

    # Asked in any case: a thread that has not asked takes the common number with its first work
    threads = torch.get_num_threads()
    with _Usual.lock:
        if not _Usual.lessons:
            _Usual.threads = threads
        _Usual.lessons += 1
    torch.set_num_threads(1)
    try:
        yield
    finally:
        with _Usual.lock:
            _Usual.lessons -= 1
            torch.set_num_threads(_Usual.threads)


def product(a: Array, b: Array) -> Array:
    """Multiply matrices in torch: numpy would not keep to `one_thread`.

    Measured on two busy processors: a lesson takes a fifth of the time that way.

    Parameters
    ----------
    a, b : ndarray of float32, shapes (n, k) and (k, m)

    Returns
    -------
    ndarray of float32, shape (n, m)
    """
    import torch

    left, right = (torch.from_numpy(np.asarray(part, np.float32)) for part in (a, b))
    return np.asarray((left @ right).numpy(), np.float32)
