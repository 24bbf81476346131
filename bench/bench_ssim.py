"""SSIM with its map on a 12-megapixel grey pair: ours against scikit-image."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from bench.measure import Row, cost
from imgsim_core.methods.structure import similarity_and_map

PEERS = ("scikit-image",)
TOLERANCE = 1e-4


@cache
def grey_pair() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Two photographs side by side, enlarged to 4000 × 3000, and a blurred, noisy copy."""
    halves = (skimage.data.astronaut(), skimage.data.coffee())
    original = np.hstack(
        [
            cv2.resize(
                cv2.cvtColor(half, cv2.COLOR_RGB2GRAY), (2000, 3000), interpolation=cv2.INTER_CUBIC
            )
            for half in halves
        ]
    )
    noise = np.random.default_rng(0).integers(-6, 7, original.shape, dtype=np.int16)
    damaged = cv2.add(cv2.GaussianBlur(original, (0, 0), 2), noise, dtype=cv2.CV_8U)
    return original, damaged


def ours() -> Callable[[], object]:
    """Our strips."""
    a, b = grey_pair()
    return lambda: similarity_and_map(a, b)


def scikit_image() -> Callable[[], object]:
    """The peer, as the article calls it."""
    a, b = grey_pair()
    return lambda: structural_similarity(a, b, full=True)


def correctness() -> str:
    """Compare value and map of both; raises if they part by more than 1e-4."""
    value, values = ours()()  # type: ignore[misc]
    expected, expected_map = scikit_image()()  # type: ignore[misc]
    apart = max(abs(value - expected), float(np.abs(values - expected_map).max()))
    if apart > TOLERANCE:
        raise ArithmeticError(f"SSIM is {apart:.1e} away from scikit-image")
    return f"value and map within {apart:.0e}"


def rows() -> list[Row]:
    """Measure both sides in processes of their own."""
    correct = correctness()
    mine, theirs = cost("bench.bench_ssim:ours"), cost("bench.bench_ssim:scikit_image", 5)
    work = "SSIM with map, 12-megapixel grey pair"
    return [
        Row(work, "ms", mine.milliseconds, theirs.milliseconds, 4, correct, PEERS[0]),
        Row(work, "MiB", mine.peak_mib, theirs.peak_mib, 4, correct, PEERS[0]),
    ]
