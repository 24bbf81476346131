"""Tiny networks and made pictures, for trainings of seconds."""

from __future__ import annotations

import pytest


@pytest.fixture
def one_thread():
    """Let torch use one thread: on a busy machine two wait for each other, ten times as long."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
