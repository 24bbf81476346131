"""One thread while lessons are on, and as many as before afterwards."""

from __future__ import annotations

import threading

import numpy as np
import torch

from imgsim_core.teaching.one_thread import one_thread, product


def test_lessons_that_overlap_leave_the_usual_number_of_threads_behind():
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        entered, left = threading.Event(), threading.Event()
        seen: list[int] = []

        def second() -> None:
            with one_thread():
                entered.set()
                left.wait(10)
                seen.append(torch.get_num_threads())

        with one_thread():
            other = threading.Thread(target=second)
            other.start()
            assert entered.wait(10)
            assert torch.get_num_threads() == 1
        left.set()
        other.join()
        assert seen == [1]
        assert torch.get_num_threads() == 2
        fresh: list[int] = []
        later = threading.Thread(target=lambda: fresh.append(torch.get_num_threads()))
        later.start()
        later.join()
        assert fresh == [2]
    finally:
        torch.set_num_threads(usual)


def test_a_product_is_numpys():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(7, 5)).astype(np.float32), random.normal(size=(5, 3))
    assert np.allclose(product(a, b.astype(np.float32)), a @ b, atol=1e-5)
