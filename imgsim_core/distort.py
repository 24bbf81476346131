"""Named, graded damages: what may happen to a picture, as data.

A damage changes nothing at strength 0 and more and more as its strength grows; it keeps
the picture's size and comes out the same every time. Robustness curves, samples and
tests all read this one list.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from imgsim_core.errors import UnknownDamage
from imgsim_core.text import Text, UserText

RGB = NDArray[np.uint8]

_WHITE = (255, 255, 255)
_SEED = 20261122


class Kind(Enum):
    """Where a damage comes from; the order is the order of a list in groups."""

    SAVING = Text("Saving and sending")
    LENS = Text("Lens and sensor")
    LIGHT = Text("Light")
    COLOUR = Text("Colour")
    PLACE = Text("Position and frame")
    COVER = Text("Covered")


@dataclass(frozen=True, kw_only=True)
class Damage:
    """One way to damage a picture.

    Parameters
    ----------
    id : str
        In links and reports: never renamed.
    kind : Kind
        What it belongs to, for a list in groups.
    label, help : Text
        Name, and one sentence on what it does.
    low, high, default, step : float
        Strengths to choose from; `low` is always 0, where nothing changes.
    unit : Text
        What the strength counts.
    apply : callable
        (rgb, strength) -> rgb; ndarray of uint8, shape (height, width, 3), as given.
    """

    id: str
    kind: Kind
    label: Text
    help: Text
    low: float = 0.0
    high: float
    default: float
    step: float
    unit: Text
    apply: Callable[[RGB, float], RGB]

    @property
    def is_switch(self) -> bool:
        """Whether it is only off or on."""
        return self.step == self.high - self.low

    def __call__(self, rgb: RGB, strength: float) -> RGB:
        """Damage a picture.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (height, width, 3)
        strength : float
            Clipped to `low` and `high`.

        Returns
        -------
        ndarray of uint8, shape (height, width, 3)
            A new array, or `rgb` itself at strength 0.
        """
        strength = min(max(strength, self.low), self.high)
        return rgb if strength == 0 else self.apply(rgb, strength)


def all_damages() -> tuple[Damage, ...]:
    """List every damage, the most common first."""
    return DAMAGES


def damage_by_id(damage_id: str) -> Damage:
    """Find a damage.

    Raises
    ------
    UnknownDamage
        If no damage has this id; the sentence lists those there are.
    """
    for damage in DAMAGES:
        if damage.id == damage_id:
            return damage
    raise UnknownDamage(
        Text(
            "There is no damage called {damage}. There are: {known}.",
            damage=UserText(damage_id),
            known=", ".join(damage.id for damage in DAMAGES),
        )
    )


# ── Small tools ────────────────────────────────────────────────────────────────────


def _rounded(values: NDArray[Any]) -> RGB:
    rounded: RGB = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded


def _by_table(rgb: RGB, levels: NDArray[Any]) -> RGB:
    """Map each of the 256 levels: for damages that treat a channel value by itself."""
    return _array(cv2.LUT(rgb, _rounded(levels)))


def _array(values: Any) -> RGB:
    return np.asarray(values, np.uint8)


def _grey(rgb: RGB) -> RGB:
    return _array(cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))


def _resized(rgb: RGB, width: int, height: int, interpolation: int) -> RGB:
    return _array(cv2.resize(rgb, (width, height), interpolation=interpolation))


def _warped(rgb: RGB, matrix: NDArray[np.float64]) -> RGB:
    """Move the picture by a 2 × 3 matrix; what comes in from outside is white."""
    height, width = rgb.shape[:2]
    return _array(
        cv2.warpAffine(
            rgb,
            matrix,
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=_WHITE,
        )
    )


def _share(size: int, strength: float) -> int:
    """Whole pixels that are `strength` per cent of a side."""
    return round(size * strength / 100)


# ── The damages ────────────────────────────────────────────────────────────────────


def _jpeg(rgb: RGB, strength: float) -> RGB:
    target = io.BytesIO()
    Image.fromarray(rgb).save(target, "JPEG", quality=round(100 - strength))
    with Image.open(io.BytesIO(target.getvalue()), formats=("JPEG",)) as image:
        return _array(image)


def _blur(rgb: RGB, strength: float) -> RGB:
    return _array(cv2.GaussianBlur(rgb, (0, 0), strength, borderType=cv2.BORDER_REFLECT))


def _noise(rgb: RGB, strength: float) -> RGB:
    grain = np.random.default_rng(_SEED).standard_normal(rgb.shape, np.float32)
    return _rounded(rgb + strength * grain)


def _salt_and_pepper(rgb: RGB, strength: float) -> RGB:
    drawn = np.random.default_rng(_SEED).random(rgb.shape[:2])
    share = strength / 100
    result = rgb.copy()
    # One draw a pixel decides both, so that a stronger damage keeps all specks of a weaker
    result[drawn < share / 2] = 0
    result[drawn > 1 - share / 2] = 255
    return result


def _brightness(rgb: RGB, strength: float) -> RGB:
    return _by_table(rgb, np.arange(256) + strength * 2.55)


def _darkness(rgb: RGB, strength: float) -> RGB:
    return _by_table(rgb, np.arange(256) * (1 - strength / 100))


def _contrast(rgb: RGB, strength: float) -> RGB:
    return _by_table(rgb, 128 + (np.arange(256) - 128) * (1 - strength / 100))


def _gamma(rgb: RGB, strength: float) -> RGB:
    return _by_table(rgb, 255 * (np.arange(256) / 255) ** (1 + strength))


def _saturation(rgb: RGB, strength: float) -> RGB:
    grey = _grey(rgb).astype(np.float32)
    return _rounded(grey + (rgb - grey) * (1 + strength / 100))


def _greyness(rgb: RGB, strength: float) -> RGB:
    return _array(cv2.addWeighted(rgb, 1 - strength / 100, _grey(rgb), strength / 100, 0))


def _hue(rgb: RGB, strength: float) -> RGB:
    hsv = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + strength) % 360
    return _rounded(255 * np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)))


def _warmth(rgb: RGB, strength: float) -> RGB:
    gain = np.array([1 + strength / 200, 1, 1 - strength / 200])
    return _rounded(rgb * gain)


def _turn(rgb: RGB, strength: float) -> RGB:
    height, width = rgb.shape[:2]
    centre = ((width - 1) / 2, (height - 1) / 2)
    return _warped(rgb, cv2.getRotationMatrix2D(centre, -strength, 1.0))


def _mirror(rgb: RGB, strength: float) -> RGB:
    return np.ascontiguousarray(rgb[:, ::-1])


def _upside_down(rgb: RGB, strength: float) -> RGB:
    return np.ascontiguousarray(rgb[::-1, ::-1])


def _shift(rgb: RGB, strength: float) -> RGB:
    return _warped(rgb, np.array([[1.0, 0.0, round(strength)], [0.0, 1.0, round(strength)]]))


def _crop(rgb: RGB, strength: float) -> RGB:
    height, width = rgb.shape[:2]
    left, top = _share(width, strength / 2), _share(height, strength / 2)
    inside = rgb[top : max(top + 1, height - top), left : max(left + 1, width - left)]
    return _resized(inside, width, height, cv2.INTER_CUBIC)


def _border(rgb: RGB, strength: float) -> RGB:
    height, width = rgb.shape[:2]
    inner_width = max(1, width - 2 * _share(width, strength / 2))
    inner_height = max(1, height - 2 * _share(height, strength / 2))
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    canvas = np.full_like(rgb, 255)
    canvas[top : top + inner_height, left : left + inner_width] = _resized(
        rgb, inner_width, inner_height, cv2.INTER_AREA
    )
    return canvas


def _downscale(rgb: RGB, strength: float) -> RGB:
    height, width = rgb.shape[:2]
    scale = 1 - strength / 100
    small = _resized(
        rgb, max(1, round(width * scale)), max(1, round(height * scale)), cv2.INTER_AREA
    )
    return _resized(small, width, height, cv2.INTER_CUBIC)


def _pixelate(rgb: RGB, strength: float) -> RGB:
    height, width = rgb.shape[:2]
    block = 1 + round(strength)
    small = _resized(rgb, math.ceil(width / block), math.ceil(height / block), cv2.INTER_AREA)
    return _resized(small, width, height, cv2.INTER_NEAREST)


def _posterise(rgb: RGB, strength: float) -> RGB:
    step = 1 + strength
    return _by_table(rgb, np.floor(np.arange(256) / step) * step + step / 2)


def _occlusion(rgb: RGB, strength: float) -> RGB:
    height, width = rgb.shape[:2]
    side = math.sqrt(strength / 100)
    box_height, box_width = max(1, round(height * side)), max(1, round(width * side))
    top, left = (height - box_height) // 2, (width - box_width) // 2
    result = rgb.copy()
    result[top : top + box_height, left : left + box_width] = 128
    return result


def _watermark(rgb: RGB, strength: float) -> RGB:
    cover = _watermark_cover(*rgb.shape[:2])[..., None].astype(np.float32) / 255
    return _rounded(rgb + (255.0 - rgb) * cover * (strength / 100))


def _watermark_cover(height: int, width: int) -> RGB:
    """Draw SAMPLE in slanted rows; 0 to 255, shape (height, width)."""
    size = max(8, min(height, width) // 8)
    font = ImageFont.load_default(size)
    side = math.ceil(math.hypot(height, width))
    sheet = Image.new("L", (side, side))
    draw = ImageDraw.Draw(sheet)
    for row, top in enumerate(range(0, side, size * 2)):
        for left in range(-(row % 2) * size * 3, side, size * 6):
            draw.text((left, top), "SAMPLE", fill=255, font=font)
    slanted = sheet.rotate(30, Image.Resampling.BICUBIC)
    left, top = (side - width) // 2, (side - height) // 2
    return _array(slanted.crop((left, top, left + width, top + height)))


_PER_CENT = Text("%")
_PIXELS = Text("pixels")
_DEGREES = Text("degrees")
_LEVELS = Text("levels")
_ON = Text("off or on")

DAMAGES = (
    Damage(
        id="jpeg",
        kind=Kind.SAVING,
        label=Text("JPEG compression"),
        help=Text("Saves the picture as JPEG; the strength is 100 minus the quality."),
        high=95,
        default=70,
        step=5,
        unit=_PER_CENT,
        apply=_jpeg,
    ),
    Damage(
        id="blur",
        kind=Kind.LENS,
        label=Text("Blur"),
        help=Text("Smears each pixel over its neighbours, like a lens out of focus."),
        high=12,
        default=3,
        step=0.5,
        unit=_PIXELS,
        apply=_blur,
    ),
    Damage(
        id="noise",
        kind=Kind.LENS,
        label=Text("Noise"),
        help=Text("Adds coloured grain, like a photograph taken in the dark."),
        high=100,
        default=25,
        step=5,
        unit=_LEVELS,
        apply=_noise,
    ),
    Damage(
        id="salt-and-pepper",
        kind=Kind.LENS,
        label=Text("Black and white specks"),
        help=Text("Replaces some pixels by black or white."),
        high=60,
        default=10,
        step=2,
        unit=_PER_CENT,
        apply=_salt_and_pepper,
    ),
    Damage(
        id="brightness",
        kind=Kind.LIGHT,
        label=Text("Brighter"),
        help=Text("Adds the same amount of light everywhere."),
        high=80,
        default=20,
        step=5,
        unit=_PER_CENT,
        apply=_brightness,
    ),
    Damage(
        id="darkness",
        kind=Kind.LIGHT,
        label=Text("Darker"),
        help=Text("Takes away the same share of light everywhere."),
        high=95,
        default=40,
        step=5,
        unit=_PER_CENT,
        apply=_darkness,
    ),
    Damage(
        id="contrast",
        kind=Kind.LIGHT,
        label=Text("Less contrast"),
        help=Text("Draws all brightness towards middle grey."),
        high=95,
        default=50,
        step=5,
        unit=_PER_CENT,
        apply=_contrast,
    ),
    Damage(
        id="gamma",
        kind=Kind.LIGHT,
        label=Text("Deeper shadows"),
        help=Text("Darkens the middle tones; black and white stay (a gamma of 1 + strength)."),
        high=3,
        default=1,
        step=0.1,
        unit=Text("gamma"),
        apply=_gamma,
    ),
    Damage(
        id="saturation",
        kind=Kind.COLOUR,
        label=Text("Louder colours"),
        help=Text("Makes the colours stronger, as photo filters do."),
        high=200,
        default=60,
        step=10,
        unit=_PER_CENT,
        apply=_saturation,
    ),
    Damage(
        id="grey",
        kind=Kind.COLOUR,
        label=Text("Fewer colours, to grey"),
        help=Text("Fades the colours; at 100 the picture is grey."),
        high=100,
        default=100,
        step=5,
        unit=_PER_CENT,
        apply=_greyness,
    ),
    Damage(
        id="hue",
        kind=Kind.COLOUR,
        label=Text("Other hues"),
        help=Text("Turns all colours around the colour circle."),
        high=180,
        default=60,
        step=10,
        unit=_DEGREES,
        apply=_hue,
    ),
    Damage(
        id="warmth",
        kind=Kind.COLOUR,
        label=Text("Warmer light"),
        help=Text("More red and less blue, like lamplight."),
        high=100,
        default=40,
        step=5,
        unit=_PER_CENT,
        apply=_warmth,
    ),
    Damage(
        id="posterise",
        kind=Kind.COLOUR,
        label=Text("Fewer shades"),
        help=Text("Keeps only a few levels of each colour."),
        high=127,
        default=40,
        step=1,
        unit=_LEVELS,
        apply=_posterise,
    ),
    Damage(
        id="turn",
        kind=Kind.PLACE,
        label=Text("Turn"),
        help=Text("Turns the picture around its middle; the corners become white."),
        high=90,
        default=15,
        step=1,
        unit=_DEGREES,
        apply=_turn,
    ),
    Damage(
        id="mirror",
        kind=Kind.PLACE,
        label=Text("Mirror"),
        help=Text("Swaps left and right."),
        high=1,
        default=1,
        step=1,
        unit=_ON,
        apply=_mirror,
    ),
    Damage(
        id="upside-down",
        kind=Kind.PLACE,
        label=Text("Upside down"),
        help=Text("Turns the picture by half a turn."),
        high=1,
        default=1,
        step=1,
        unit=_ON,
        apply=_upside_down,
    ),
    Damage(
        id="shift",
        kind=Kind.PLACE,
        label=Text("Shift"),
        help=Text("Moves the picture to the right and down by this many pixels."),
        high=64,
        default=4,
        step=1,
        unit=_PIXELS,
        apply=_shift,
    ),
    Damage(
        id="crop",
        kind=Kind.PLACE,
        label=Text("Crop"),
        help=Text("Cuts off the edges and enlarges the rest to the old size."),
        high=80,
        default=20,
        step=2,
        unit=_PER_CENT,
        apply=_crop,
    ),
    Damage(
        id="border",
        kind=Kind.PLACE,
        label=Text("White border"),
        help=Text("Shrinks the picture onto a white canvas."),
        high=80,
        default=20,
        step=2,
        unit=_PER_CENT,
        apply=_border,
    ),
    Damage(
        id="downscale",
        kind=Kind.SAVING,
        label=Text("Small and enlarged again"),
        help=Text("Makes the picture smaller and enlarges it again: fine detail is lost."),
        high=98,
        default=75,
        step=1,
        unit=_PER_CENT,
        apply=_downscale,
    ),
    Damage(
        id="pixelate",
        kind=Kind.SAVING,
        label=Text("Coarse pixels"),
        help=Text("Joins pixels into larger squares."),
        high=63,
        default=8,
        step=1,
        unit=_PIXELS,
        apply=_pixelate,
    ),
    Damage(
        id="occlusion",
        kind=Kind.COVER,
        label=Text("Grey box"),
        help=Text("Covers this share of the picture with a grey box in the middle."),
        high=90,
        default=15,
        step=5,
        unit=_PER_CENT,
        apply=_occlusion,
    ),
    Damage(
        id="watermark",
        kind=Kind.COVER,
        label=Text("Text laid over"),
        help=Text("Writes white words across the picture, more and more opaque."),
        high=100,
        default=50,
        step=5,
        unit=_PER_CENT,
        apply=_watermark,
    ),
)
