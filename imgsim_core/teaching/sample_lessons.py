"""Lessons ready made from the built-in pictures: two that work, and one that cannot.

The pictures are drawn on the spot, the same every time. In each lesson what the eye sees
first is spread over all groups, so that a model that knows things sorts by the wrong trait.
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

from imgsim_core.errors import UnknownSample
from imgsim_core.picture import Picture, open_picture
from imgsim_core.samples import open_sample
from imgsim_core.text import Text, UserText

RGB = NDArray[np.uint8]
Members = tuple[tuple[Picture, Text], ...]

_SIDE = 200  # pixels
_WHITE = 245


@dataclass(frozen=True)
class SampleLesson:
    """Groups to teach with in one click.

    Parameters
    ----------
    id : str
        In links: never renamed.
    label, about : Text
        Name of the notion, and what belongs together in it.
    make : callable
        () -> pictures, each with the name of its group.
    """

    id: str
    label: Text
    about: Text
    make: Callable[[], Members]


def all_lessons() -> tuple[SampleLesson, ...]:
    """List the lessons; the first is the one to begin with."""
    return LESSONS


def lesson_by_id(lesson_id: str) -> SampleLesson:
    """Find a lesson.

    Raises
    ------
    UnknownSample
        If none has this id.
    """
    for one in LESSONS:
        if one.id == lesson_id:
            return one
    raise UnknownSample(
        Text("There is no sample lesson called {lesson}.", lesson=UserText(lesson_id))
    )


@lru_cache(maxsize=8)
def members_of(lesson_id: str) -> Members:
    """Make a lesson's pictures, each with the name of its group.

    Raises
    ------
    UnknownSample
        If no lesson has this id.
    """
    return lesson_by_id(lesson_id).make()


# ── Alike by colour ────────────────────────────────────────────────────────────────

_COLOURS = (
    Text("red ink"),
    Text("orange ink"),
    Text("yellow ink"),
    Text("yellow-green ink"),
    Text("green ink"),
    Text("sea green ink"),
    Text("cyan ink"),
    Text("sky blue ink"),
    Text("blue ink"),
    Text("violet ink"),
    Text("magenta ink"),
    Text("rose ink"),
)
_SUBJECTS = ("cat", "coffee", "astronaut", "rocket", "motorcycle-left")


def _colours() -> Members:
    return tuple(
        (_picture(_tinted(_square(subject), place), f"{subject}-{colour.template}"), colour)
        for place, colour in enumerate(_COLOURS)
        for subject in _SUBJECTS
    )


def _tinted(rgb: RGB, place: int) -> RGB:
    """Print a picture in one ink: dark stays dark, the middle takes the colour."""
    hue = 180 * place // len(_COLOURS)
    hsv = np.array([[[hue, 200, 255]]], np.uint8)
    ink = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float64)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None] / 255
    lighter = ink + (255 - ink) * (grey - 0.6) / 0.4 * 0.8
    return np.asarray(np.where(grey < 0.6, ink * grey / 0.6, lighter), np.uint8)


# ── Alike by outline ───────────────────────────────────────────────────────────────

_FILLINGS = ("bricks", "grass", "tissue", "page", "galaxies")
Outline = NDArray[np.float64]  # corners (x, y) about 0, within -1..1; shape (n, 2)


def _polygon(corners: int, turn: float = 0.0) -> Outline:
    angles = 2 * np.pi * np.arange(corners) / corners - np.pi / 2 + turn
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _star(points: int, inner: float) -> Outline:
    corners = _polygon(2 * points)
    corners[1::2] *= inner
    return corners


def _heart() -> Outline:
    t = np.linspace(0, 2 * np.pi, 120)
    down = -13 * np.cos(t) + 5 * np.cos(2 * t) + 2 * np.cos(3 * t) + np.cos(4 * t)
    return np.stack([16 * np.sin(t) ** 3, down - 2.5], axis=1) / 16.5


def _drop() -> Outline:
    angles = np.linspace(-0.5, np.pi + 0.5, 60)
    round_part = np.stack([0.7 * np.cos(angles), 0.3 + 0.7 * np.sin(angles)], axis=1)
    return np.concatenate([[[0.0, -1.0]], round_part])


def _cross() -> Outline:
    quarter = np.array([(-0.35, -1), (0.35, -1), (0.35, -0.35)])
    corner_by_corner = [quarter]
    for _ in range(3):
        last = corner_by_corner[-1]
        corner_by_corner.append(np.stack([-last[:, 1], last[:, 0]], axis=1))  # a quarter turn
    return np.concatenate(corner_by_corner)


_ROUND = _polygon(80)
_ARROW = np.array(
    [(-1, -0.3), (0.05, -0.3), (0.05, -0.8), (1, 0), (0.05, 0.8), (0.05, 0.3), (-1, 0.3)]
)
_BAR = np.array([(-1, -0.3), (1, -0.3), (1, 0.3), (-1, 0.3)])

_OUTLINES: tuple[tuple[str, Text, Outline, Outline | None], ...] = (  # the last is cut out
    ("triangle", Text("triangle"), _polygon(3), None),
    ("square", Text("square"), _polygon(4, np.pi / 4), None),
    ("hexagon", Text("hexagon"), _polygon(6), None),
    ("circle", Text("circle"), _ROUND, None),
    ("star", Text("star"), _star(5, 0.42), None),
    ("four-points", Text("four points"), _star(4, 0.4), None),
    ("cog", Text("cog"), _star(12, 0.65), None),
    ("heart", Text("heart"), _heart(), None),
    ("cross", Text("cross"), _cross(), None),
    ("arrow", Text("arrow"), _ARROW, None),
    ("bar", Text("bar"), _BAR, None),
    ("crescent", Text("crescent"), _ROUND, 0.85 * _ROUND + [0.42, 0.06]),
    ("ring", Text("ring"), _ROUND, 0.5 * _ROUND),
    ("drop", Text("drop"), _drop(), None),
)


def _outlines() -> Members:
    return tuple(
        (_picture(_cut_out(_square(filling), outer, inner), f"{filling}-{code}"), label)
        for code, label, outer, inner in _OUTLINES
        for filling in _FILLINGS
    )


def _cut_out(rgb: RGB, outer: Outline, inner: Outline | None) -> RGB:
    cover = np.zeros((4 * _SIDE, 4 * _SIDE), np.uint8)  # drawn larger, for a smooth edge
    for outline, value in ((outer, 255), (inner, 0)):
        if outline is not None:
            corners = 2 * _SIDE * (1 + 0.85 * outline)
            cv2.fillPoly(cover, [corners.astype(np.int32)], value)
    seen = cv2.resize(cover, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)[..., None] / 255
    return np.asarray(rgb * seen + _WHITE * (1 - seen), np.uint8)


# ── Dealt by chance ────────────────────────────────────────────────────────────────

_SOURCES = (
    *("bricks", "grass", "gravel", "coins", "page", "cat"),
    *("coffee", "astronaut", "rocket", "motorcycle-left", "galaxies", "tissue"),
)
_EACH = 5
_DEAL = 10  # seed of the deal


def _dealt() -> Members:
    random = np.random.default_rng(_DEAL)
    pieces = [
        _picture(_piece(open_sample(source).rgb, random), f"{source}-{number}")
        for source in _SOURCES
        for number in range(1, _EACH + 1)
    ]
    hands = random.permutation(np.repeat(np.arange(1, len(_SOURCES) + 1), _EACH))
    order = np.argsort(hands, kind="stable")
    return tuple((pieces[i], Text("heap {number}", number=int(hands[i]))) for i in order)


def _piece(rgb: RGB, random: np.random.Generator) -> RGB:
    side = min(rgb.shape[:2]) // 2
    top, left = (int(random.integers(length - side + 1)) for length in rgb.shape[:2])
    return _scaled(rgb[top : top + side, left : left + side])


# ── Making ─────────────────────────────────────────────────────────────────────────


def _square(sample_id: str) -> RGB:
    """Take the middle of a built-in picture."""
    rgb = open_sample(sample_id).rgb
    side = min(rgb.shape[:2])
    top, left = ((length - side) // 2 for length in rgb.shape[:2])
    return _scaled(rgb[top : top + side, left : left + side])


def _scaled(rgb: RGB) -> RGB:
    return np.asarray(cv2.resize(rgb, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _picture(rgb: RGB, name: str) -> Picture:
    """Open what was drawn through the same gate as a visitor's pictures."""
    target = io.BytesIO()
    Image.fromarray(rgb).save(target, "PNG", compress_level=1)
    return open_picture(target.getvalue(), f"{name.replace(' ', '-')}.png")


LESSONS = (
    SampleLesson(
        "colour",
        Text("Alike by colour"),
        Text(
            "Five subjects, each printed in twelve inks. The same ink belongs together, whatever "
            "it shows; the model sees a cat and a cat."
        ),
        _colours,
    ),
    SampleLesson(
        "outline",
        Text("Alike by outline"),
        Text(
            "Fourteen shapes, each cut from five materials. The same shape belongs together; the "
            "model sees brick and brick."
        ),
        _outlines,
    ),
    SampleLesson(
        "chance",
        Text("Dealt by chance"),
        Text(
            "Pieces of twelve pictures dealt into heaps like cards: there is nothing to learn, and "
            "an honest teacher says so."
        ),
        _dealt,
    ),
)
