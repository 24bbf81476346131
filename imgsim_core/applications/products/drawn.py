"""Packages that nobody sells, drawn by this project: for the built-in catalogue.

Their prints are full of details, as prints on real packages are, and some differ in
nothing but their colours.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

RGB = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Colour = tuple[int, int, int]

_TIMES = 2  # drawn larger, then reduced: smooth edges
_INK: Colour = (34, 34, 40)
_PAPER: Colour = (250, 247, 238)


@dataclass(frozen=True)
class Print:
    """What is printed on a package.

    Parameters
    ----------
    brand, words : str
        The large word, and the line under it.
    ground, accent : tuple of int
        RGB of the package and of its pattern.
    seed : int
        Of the pattern.
    """

    brand: str
    words: str
    ground: Colour
    accent: Colour
    seed: int


def package(size: tuple[int, int], said: Print, *, gable: bool = False) -> tuple[RGB, Mask]:
    """Draw a box's front, or a carton's with a gable on top.

    Parameters
    ----------
    size : tuple of int
        Width and height, pixels.
    said : Print
    gable : bool

    Returns
    -------
    tuple of ndarray of uint8, shape (height, width, 3), and ndarray of bool
        The picture, and where the package is.
    """
    width, height = (_TIMES * side for side in size)
    random = np.random.default_rng(said.seed)
    drawn = Image.new("RGB", (width, height), said.ground)
    pen = ImageDraw.Draw(drawn)
    top = round(0.14 * height) if gable else 0
    _pattern(pen, random, (width, height), said)
    band = (round(0.06 * width), top + round(0.14 * height), round(0.94 * width))
    pen.rounded_rectangle(
        (band[0], band[1], band[2], band[1] + round(0.3 * height)),
        round(0.04 * width),
        _PAPER,
        _INK,
        3,
    )
    for words, down, share, most in ((said.brand, 0.1, 0.76, 0.15), (said.words, 0.22, 0.6, 0.09)):
        _centred(pen, words, (width / 2, band[1] + down * height), share * width, most * height)
    _small_print(pen, random, (width, height))
    outline = Image.new("L", (width, height), 0)
    shape = ImageDraw.Draw(outline)
    if gable:
        slope = [(0, top), (round(0.2 * width), 0), (round(0.8 * width), 0), (width, top)]
        shape.polygon([*slope, (width, height), (0, height)], 255)
        pen.line(((0, top), (width, top)), _INK, 4)
    else:
        shape.rounded_rectangle((0, 0, width - 1, height - 1), 0.02 * width, 255)
    return _reduced(drawn, outline, size)


def mug(size: tuple[int, int], ground: Colour, accent: Colour) -> tuple[RGB, Mask]:
    """Draw a mug with a handle and a star; returns what `package` does."""
    width, height = (_TIMES * side for side in size)
    outline = Image.new("L", (width, height), 0)
    shape = ImageDraw.Draw(outline)
    shape.ellipse((0.55 * width, 0.25 * height, width - 1, 0.75 * height), 255)
    shape.ellipse((0.67 * width, 0.36 * height, 0.89 * width, 0.64 * height), 0)
    body = (0.02 * width, 0.04 * height, 0.74 * width, 0.97 * height)
    shape.rounded_rectangle(body, 0.1 * width, 255)
    levels = np.linspace(1.12, 0.72, width)[None, :, None] * np.array(ground, float)
    shaded = np.broadcast_to(np.clip(levels, 0, 255), (height, width, 3)).astype(np.uint8)
    drawn = Image.fromarray(np.ascontiguousarray(shaded))
    pen = ImageDraw.Draw(drawn)
    pen.ellipse((0.05 * width, 0.05 * height, 0.71 * width, 0.15 * height), (48, 40, 36))
    centre = np.array((0.38 * width, 0.55 * height))
    angles = np.pi * (np.arange(10) / 5 - 0.5)
    reach = np.where(np.arange(10) % 2, 0.09, 0.22)[:, None] * width
    star = centre + reach * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    pen.polygon([tuple(point) for point in star.tolist()], accent)
    pen.rectangle((0.02 * width, 0.84 * height, 0.74 * width, 0.88 * height), accent)
    return _reduced(drawn, outline, size)


def shirt(size: tuple[int, int], ground: Colour, accent: Colour) -> tuple[RGB, Mask]:
    """Draw a shirt with stripes across the chest; returns what `package` does."""
    width, height = (_TIMES * side for side in size)
    outline = Image.new("L", (width, height), 0)
    points = (
        *((0.3, 0.02), (0.7, 0.02), (0.99, 0.25), (0.86, 0.42), (0.76, 0.34)),
        *((0.76, 0.98), (0.24, 0.98), (0.24, 0.34), (0.14, 0.42), (0.01, 0.25)),
    )
    shape = ImageDraw.Draw(outline)
    shape.polygon([(x * width, y * height) for x, y in points], 255)
    shape.ellipse((0.38 * width, -0.1 * height, 0.62 * width, 0.1 * height), 0)
    drawn = Image.new("RGB", (width, height), ground)
    pen = ImageDraw.Draw(drawn)
    for place in (0.36, 0.44, 0.52):
        pen.rectangle((0, place * height, width, (place + 0.035) * height), accent)
    folds = np.asarray(drawn, np.float32)
    waves = 1 + 0.08 * np.sin(np.linspace(0, 14, width))[None, :, None]
    drawn = Image.fromarray(np.clip(folds * waves, 0, 255).astype(np.uint8))
    return _reduced(drawn, outline, size)


# ── Parts of a print ───────────────────────────────────────────────────────────────


def _pattern(
    pen: ImageDraw.ImageDraw, random: np.random.Generator, size: tuple[int, int], said: Print
) -> None:
    """Scatter leaves, rings and bars of the accent colour and its shades."""
    width, height = size
    for _ in range(46):
        x, y = random.uniform(0, width), random.uniform(0, height)
        reach = random.uniform(0.03, 0.11) * width
        shade = random.uniform(0.7, 1.15)
        colour = tuple(int(min(255, level * shade)) for level in said.accent)
        box = (x - reach, y - reach * random.uniform(0.3, 1), x + reach, y + reach)
        kind = said.seed % 3
        if kind == 0:
            pen.ellipse(box, colour)
        elif kind == 1:
            pen.polygon([(x, y - reach), (x + reach, y + reach), (x - reach / 2, y)], colour)
        else:
            pen.ellipse(box, None, colour, max(3, int(reach / 4)))


def _small_print(
    pen: ImageDraw.ImageDraw, random: np.random.Generator, size: tuple[int, int]
) -> None:
    """Draw a bar code and lines of small letters along the lower edge."""
    width, height = size
    left, top = 0.06 * width, 0.84 * height
    pen.rectangle((left, top, left + 0.34 * width, 0.96 * height), "white")
    x = left + 6
    while x < left + 0.32 * width:
        bar = float(random.integers(2, 7))
        pen.rectangle((x, top + 6, x + bar, 0.96 * height - 6), _INK)
        x += bar + float(random.integers(3, 8))
    font = ImageFont.load_default(max(10, round(0.032 * width)))
    letters = "abcdeghilmnoprstu 0123456789 kg"
    for row in range(4):
        said = "".join(letters[int(i)] for i in random.integers(0, len(letters), 24))
        line = max(0.026 * height, 0.03 * width)
        pen.text((0.46 * width, top + row * line), said, _INK, font)


def _centred(
    pen: ImageDraw.ImageDraw, words: str, centre: tuple[float, float], across: float, high: float
) -> None:
    """Write words as large as fit into a width and a height."""
    font = ImageFont.load_default(40)
    fitting = 40 * across / max(1.0, pen.textlength(words, font))
    font = ImageFont.load_default(max(10, round(min(fitting, high))))
    pen.text(centre, words, _INK, font, anchor="mm")


def _reduced(drawn: Image.Image, outline: Image.Image, size: tuple[int, int]) -> tuple[RGB, Mask]:
    rgb = cv2.resize(np.asarray(drawn), size, interpolation=cv2.INTER_AREA)
    cover = cv2.resize(np.asarray(outline), size, interpolation=cv2.INTER_AREA)
    return np.asarray(rgb, np.uint8), np.asarray(cover > 127)
