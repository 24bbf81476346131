"""Pictures to try faces on: one public portrait, and what was made from it.

NASA's portrait of the astronaut Eileen Collins is in the public domain and comes with
scikit-image. No second face ships: nobody else has agreed to be an example.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgsim_core.distort import damage_by_id
from imgsim_core.errors import UnknownSample
from imgsim_core.picture import Picture, open_picture
from imgsim_core.samples import open_sample
from imgsim_core.text import Text, UserText

RGB = NDArray[np.uint8]


@dataclass(frozen=True)
class Example:
    """A picture to try: its id, what to call it, and how it is made."""

    id: str
    label: Text
    make: Callable[[], RGB]


def _portrait() -> RGB:
    return open_sample("astronaut").rgb


def _damaged(name: str, strength: float) -> RGB:
    return damage_by_id(name)(_portrait(), strength=strength)


def _older() -> RGB:
    """Grey, recompressed, cut closer: as an old print might have been scanned."""
    rgb = damage_by_id("grey")(_portrait()[0:330, 90:370], strength=100)
    return damage_by_id("jpeg")(rgb, strength=70)


def _on_its_side() -> RGB:
    return np.ascontiguousarray(np.rot90(_portrait()))


def _far_away() -> RGB:
    """So small in its picture that no verdict is right."""
    ground = cv2.resize(open_sample("coffee").rgb, (900, 600), interpolation=cv2.INTER_AREA)
    ground = cv2.GaussianBlur(ground, (0, 0), 9)
    small = cv2.resize(_portrait(), (150, 150), interpolation=cv2.INTER_AREA)
    ground[330:480, 640:790] = small
    return np.asarray(ground, np.uint8)


def _reshaped() -> RGB:
    """A face that is nobody's: hers, bent until the encoder is no longer sure."""
    rgb = _portrait()
    height, width = rgb.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    across, down = (x - 222) / 110, (y - 125) / 120
    near = 40 * np.exp(-0.9 * (across**2 + down**2))
    from_x = x + near * across * (0.43 - 0.61 * np.sin(3 * down) - 0.72 * np.cos(4 * down))
    from_y = y + near * (0.17 * down + 0.43 * (down**2 - 0.2) - 0.24 * np.sin(4 * down))
    bent = cv2.remap(rgb, from_x.astype(np.float32), from_y.astype(np.float32), cv2.INTER_LINEAR)
    return np.asarray(bent[:330, 80:380], np.uint8)


def _group() -> RGB:
    """Three faces in one picture: hers, the bent one, hers mirrored and grey."""
    hers = _portrait()[:330, 80:380]
    mirrored = damage_by_id("grey")(_portrait()[:330, 80:380][:, ::-1], strength=100)
    row = np.hstack([hers, _reshaped(), mirrored])
    return np.pad(row, ((20, 20), (20, 20), (0, 0)), constant_values=236)


EXAMPLES = (
    Example("portrait", Text("Portrait"), _portrait),
    Example("older", Text("Grey, saved poorly"), _older),
    Example("bent", Text("Bent: nobody's face"), _reshaped),
    Example("group", Text("Three faces"), _group),
    Example("side", Text("Lying on its side"), _on_its_side),
    Example("blurred", Text("Blurred"), lambda: _damaged("blur", 3)),
    Example("far", Text("Far away"), _far_away),
    Example("none", Text("No face: a cat"), lambda: open_sample("cat").rgb),
)


@lru_cache(maxsize=16)
def open_example(example_id: str) -> Picture:
    """Make an example, and open it through the gate like a visitor's picture.

    Raises
    ------
    UnknownSample
        If none has this id.
    """
    for example in EXAMPLES:
        if example.id == example_id:
            target = io.BytesIO()
            Image.fromarray(example.make()).save(target, "PNG", compress_level=1)
            return open_picture(target.getvalue(), f"{example_id}.png")
    raise UnknownSample(
        Text("There is no built-in picture called {sample}.", sample=UserText(example_id))
    )
