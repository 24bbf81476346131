"""The only place that knows Streamlit's caches; keys are digests, never pixels."""

from __future__ import annotations

import io

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from imgsim_core import first_screen, lanes
from imgsim_core.memory import Memory
from imgsim_core.picture import Picture

_SHARED_BYTES = 600 * 2**20
_PREVIEW_SIDE = 900


@st.cache_resource(show_spinner=False)
def memory() -> Memory:
    """What has been worked out already, for all visitors; the guided pairs from the start."""
    shared = Memory(_SHARED_BYTES)
    with lanes.within(lanes.EVERYBODY):  # whoever's page it is that asks first
        first_screen.fill(shared)
    return shared


def preview(picture: Picture, side: int = _PREVIEW_SIDE) -> bytes:
    """JPEG of a picture for the screen, long side at most `side` pixels."""
    return memory().recall(
        ("preview", picture.digest, side), lambda: jpeg(reduced(picture.rgb, side))
    )


def reduced(rgb: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Array with its long side at most `side`; returned as it is when already small."""
    import cv2

    scale = side / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def jpeg(rgb: NDArray[np.uint8], quality: int = 88) -> bytes:
    """Encode an RGB array."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(stream, "JPEG", quality=quality)
    return stream.getvalue()
