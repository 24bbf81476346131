"""How a picture becomes the square that a model sees.

crop    the short side is resized to the model's size, the centre is kept
squash  both sides are resized, nothing is cut off but proportions change
pad     the long side is resized, the rest is filled with the model's mean colour
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgsim_core.models.catalogue import Framing, Model
from imgsim_core.picture import Picture

_RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}

# A crop keeps a square of the centre. From longer strips the far ends are dropped before
# resizing, or a picture of 1 × 5000 pixels would be blown up to a million columns.
_LONGEST_STRIP = 4


@dataclass(frozen=True)
class Window:
    """The part of a picture that the square shows, in shares of its width and height.

    Below 0 or above 1 where the square shows a border.
    """

    left: float
    top: float
    right: float
    bottom: float


def framed(model: Model, picture: Picture, framing: Framing) -> NDArray[np.uint8]:
    """Make the square that the model sees, as a picture to look at.

    Parameters
    ----------
    model : Model
    picture : Picture
    framing : str
        "crop", "squash" or "pad".

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
        RGB, before normalisation.
    """
    if framing == "crop":
        return _cropped(model, picture)
    if framing == "pad":
        return _padded(model, picture)
    image = Image.fromarray(picture.rgb)
    return np.asarray(image.resize((model.size, model.size), _RESAMPLING[model.interpolation]))


def window(model: Model, picture: Picture, framing: Framing) -> Window:
    """Tell which part of the picture `framed` shows."""
    width, height = picture.width, picture.height
    if framing == "crop":
        short = min(width, height)
        share = model.size / _side_before_crop(model)
        across, down = share * short / width, share * short / height
    elif framing == "pad":
        long = max(width, height)
        across, down = long / width, long / height
    else:
        across = down = 1.0
    return Window(0.5 - across / 2, 0.5 - down / 2, 0.5 + across / 2, 0.5 + down / 2)


def network_input(model: Model, square: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Normalise a square for the network.

    Parameters
    ----------
    model : Model
    square : ndarray of uint8, shape (size, size, 3)

    Returns
    -------
    ndarray of float32, shape (3, size, size)
    """
    normal = np.empty((3, *square.shape[:2]), np.float32)
    for channel, levels in enumerate(_levels(model.mean, model.std)):
        np.take(levels, square[:, :, channel], out=normal[channel], mode="clip")
    return normal


@cache
def _levels(mean: tuple[float, ...], spread: tuple[float, ...]) -> NDArray[np.float32]:
    """Normalise all 256 levels of each channel, once: a third of the time of doing it anew."""
    levels = np.arange(256, dtype=np.uint8).astype(np.float32) / np.float32(255)
    means, spreads = np.array(mean, np.float32), np.array(spread, np.float32)
    normal: NDArray[np.float32] = ((levels[:, None] - means) / spreads).T.copy()
    return normal


def _side_before_crop(model: Model) -> int:
    return math.floor(model.size / model.crop_share)


def _cropped(model: Model, picture: Picture) -> NDArray[np.uint8]:
    image = Image.fromarray(_without_far_ends(picture.rgb))
    short, side = min(image.size), _side_before_crop(model)
    # Rounded down, and the crop's corner rounded to even, as torchvision does.
    width, height = (side if edge == short else int(side * edge / short) for edge in image.size)
    image = image.resize((width, height), _RESAMPLING[model.interpolation])
    left, top = round((width - model.size) / 2), round((height - model.size) / 2)
    return np.asarray(image)[top : top + model.size, left : left + model.size]


def _without_far_ends(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    limit = _LONGEST_STRIP * min(rgb.shape[:2])
    top, left = (max(0, (edge - limit) // 2) for edge in rgb.shape[:2])
    return np.ascontiguousarray(rgb[top : rgb.shape[0] - top, left : rgb.shape[1] - left])


def _padded(model: Model, picture: Picture) -> NDArray[np.uint8]:
    image = Image.fromarray(picture.rgb)
    scale = model.size / max(image.size)
    width, height = (max(1, round(edge * scale)) for edge in image.size)
    image = image.resize((width, height), _RESAMPLING[model.interpolation])
    red, green, blue = (round(255 * level) for level in model.mean)
    square = Image.new("RGB", (model.size, model.size), (red, green, blue))
    square.paste(image, ((model.size - width) // 2, (model.size - height) // 2))
    return np.asarray(square)
