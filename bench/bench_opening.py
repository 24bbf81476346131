"""Opening a 12-megapixel JPEG: whole, and reduced for a gallery, against Pillow."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import skimage.data
from PIL import Image, ImageOps

from bench.measure import Row, cost
from imgsim_core.picture import open_picture, open_reduced

PEERS = ("pillow",)
THUMBNAIL = 320


@cache
def photograph() -> bytes:
    """Return a photograph enlarged to 4000 × 3000 with a camera's grain, as JPEG 90."""
    large = cv2.resize(skimage.data.astronaut(), (4000, 3000), interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(0).normal(0, 4, large.shape)
    rgb = np.clip(large + grain, 0, 255).astype(np.uint8)
    target = io.BytesIO()
    Image.fromarray(rgb).save(target, "JPEG", quality=90)
    return target.getvalue()


def by_pillow(data: bytes) -> np.ndarray:
    """Open as most programs do: upright RGB in an array."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def reduced_by_pillow(data: bytes) -> np.ndarray:
    """Decode all of it, then make it small."""
    with Image.open(io.BytesIO(data)) as image:
        whole = ImageOps.exif_transpose(image).convert("RGB")
    size = (THUMBNAIL, round(THUMBNAIL * whole.height / whole.width))
    return np.asarray(whole.resize(size, Image.Resampling.BOX))


# ── Tasks ──────────────────────────────────────────────────────────────────────────


def our_whole() -> Callable[[], object]:
    data = photograph()
    return lambda: open_picture(data, "photograph.jpg")


def pillow_whole() -> Callable[[], object]:
    data = photograph()
    return lambda: by_pillow(data)


def our_reduced() -> Callable[[], object]:
    data = photograph()
    return lambda: open_reduced(data, "photograph.jpg", THUMBNAIL)


def pillow_reduced() -> Callable[[], object]:
    data = photograph()
    return lambda: reduced_by_pillow(data)


# ── Table ──────────────────────────────────────────────────────────────────────────


def rows() -> list[Row]:
    """Measure both ways of opening."""
    data = photograph()
    whole = np.array_equal(open_picture(data, "x").rgb, by_pillow(data))
    reduced = open_reduced(data, "x", THUMBNAIL).rgb.astype(int)
    difference = np.abs(reduced - reduced_by_pillow(data)).mean()
    table = []
    for work, ours, theirs, target, correct in (
        ("open a 12 MP JPEG", "our_whole", "pillow_whole", 1.0, f"equal: {whole}"),
        (
            f"open a 12 MP JPEG at {THUMBNAIL} px",
            "our_reduced",
            "pillow_reduced",
            4.0,
            f"mean difference {difference:.2f} of 255",
        ),
    ):
        our_cost = cost(f"{__name__}:{ours}")
        their_cost = cost(f"{__name__}:{theirs}")
        times = (our_cost.milliseconds, their_cost.milliseconds)
        table.append(Row(work, "ms", *times, target, correct, PEERS[0]))
    return table
