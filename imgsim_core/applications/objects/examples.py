"""Examples ready made: objects with their scenes, pictures to name, classes to learn from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from imgsim_core.applications.objects.finding import Box, cropped
from imgsim_core.applications.objects.made_scene import pasted
from imgsim_core.distort import damage_by_id
from imgsim_core.errors import UnknownSample
from imgsim_core.picture import Picture
from imgsim_core.samples import open_sample
from imgsim_core.text import Text, UserText

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class SceneExample:
    """An object and a scene to look for it in.

    Parameters
    ----------
    id : str
        In links: never renamed.
    label, notice : Text
        Name, and what to notice.
    source : str
        Id of the sample that shows the object.
    box : tuple of float
        Where in it the object is.
    scene : callable
        () -> Picture.
    """

    id: str
    label: Text
    notice: Text
    source: str
    box: Box
    scene: Callable[[], Picture]


def _copies() -> Picture:
    badge = cropped(open_sample("astronaut"), _FACE)
    random = np.random.default_rng(4)
    scene, _ = pasted(badge, open_sample("gravel"), 4, random, (0.7, 1.6))
    return scene


_FACE: Box = (0.3, 0.0, 0.62, 0.42)

SCENES = (
    SceneExample(
        "wheel",
        Text("Engine of a motorcycle"),
        Text("A part drawn in one photograph is found in another, taken from further right."),
        "motorcycle-left",
        (0.34, 0.3, 0.68, 0.82),
        lambda: open_sample("motorcycle-right"),
    ),
    SceneExample(
        "four",
        Text("Four portraits on gravel"),
        Text("Four copies were laid out, turned and scaled at random: all are counted."),
        "astronaut",
        _FACE,
        _copies,
    ),
    SceneExample(
        "mirrored",
        Text("A cat's face, mirrored"),
        Text("The scene shows the cat mirrored: it is found, and the find says so."),
        "cat",
        (0.2, 0.05, 0.65, 0.75),
        lambda: open_sample("cat-mirrored"),
    ),
    SceneExample(
        "absent",
        Text("A rocket among bricks"),
        Text("There is no rocket in this wall, and the answer says so plainly."),
        "rocket",
        WHOLE,
        lambda: open_sample("bricks"),
    ),
)


def scene_example(code: str) -> SceneExample:
    """Find an example by its id.

    Raises
    ------
    UnknownSample
        If none has this id.
    """
    for example in SCENES:
        if example.id == code:
            return example
    raise UnknownSample(
        Text("There is no built-in picture called {sample}.", sample=UserText(code))
    )


@lru_cache(maxsize=8)
def scene_of(code: str) -> Picture:
    """Open or make the scene of an example, once.

    Raises
    ------
    UnknownSample
        If no example has this id.
    """
    return scene_example(code).scene()


# ── Classes to learn from ──────────────────────────────────────────────────────────

CLASSES = (
    ("bricks", Text("Bricks")),
    ("grass", Text("Grass")),
    ("gravel", Text("Gravel")),
)
_PARTS: tuple[Box, ...] = (
    (0.0, 0.0, 0.4, 0.4),
    (0.6, 0.0, 1.0, 0.4),
    (0.0, 0.6, 0.4, 1.0),
    (0.6, 0.6, 1.0, 1.0),
)
_KEPT_BACK: Box = (0.3, 0.3, 0.7, 0.7)


@lru_cache(maxsize=1)
def classes() -> tuple[tuple[Text, tuple[Picture, ...]], ...]:
    """Make three classes of four pictures each: corners of photographs of different grounds."""
    return tuple(
        (label, tuple(_named(open_sample(code), part, code, k) for k, part in enumerate(_PARTS, 1)))
        for code, label in CLASSES
    )


@lru_cache(maxsize=1)
def new_pictures() -> tuple[Picture, ...]:
    """Make pictures to classify: the middle of each ground, darker, and two strangers."""
    darker = damage_by_id("darkness")
    made = []
    for code, _ in CLASSES:
        middle = _named(open_sample(code), _KEPT_BACK, f"{code}-new", 0)
        rgb = np.ascontiguousarray(darker(middle.rgb, strength=20))
        rgb.setflags(write=False)
        digest = hashlib.sha256(f"{middle.digest} darker".encode()).hexdigest()
        made.append(Picture(rgb=rgb, digest=digest, name=middle.name))
    return (*made, open_sample("cat"), open_sample("coffee"))


def _named(picture: Picture, box: Box, code: str, number: int) -> Picture:
    part = cropped(picture, box)
    name = f"{code}-{number}.png" if number else f"{code}.png"
    return Picture(rgb=part.rgb, digest=part.digest, name=name)
