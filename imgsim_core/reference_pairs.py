"""Pairs whose relation is known: what scores are calibrated on.

The built-in pictures yield a small set, made on the spot; the project's own script
measures on many more photographs with the same makers of copies and second views.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, cycle

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgsim_core.distort import Damage, all_damages
from imgsim_core.picture import Picture
from imgsim_core.samples import open_sample

RGB = NDArray[np.uint8]
Pair = tuple[Picture, Picture]


@dataclass(frozen=True)
class ReferencePairs:
    """Pairs of pictures by what they are to each other."""

    unrelated: tuple[Pair, ...]
    same_kind: tuple[Pair, ...]
    same_scene: tuple[Pair, ...]
    copies: tuple[Pair, ...]


def made_picture(rgb: RGB, name: str) -> Picture:
    """Wrap pixels made here as a Picture; its digest is that of the pixels.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
    name : str
    """
    array = np.ascontiguousarray(rgb)
    array.setflags(write=False)
    digest = hashlib.sha256(str(array.shape).encode() + array.tobytes()).hexdigest()
    return Picture(array, digest, name)


def reduced_picture(picture: Picture, side: int) -> Picture:
    """Make the longer side at most `side` pixels; a smaller picture is returned as it is."""
    scale = side / max(picture.width, picture.height)
    if scale >= 1:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    smaller = cv2.resize(picture.rgb, size, interpolation=cv2.INTER_AREA)
    return made_picture(np.asarray(smaller, np.uint8), picture.name)


# ── Edited copies ──────────────────────────────────────────────────────────────────


def graded_strengths(damage: Damage) -> tuple[float, ...]:
    """Weak, usual and strong: half the default, the default, and twice it where it goes.

    Where twice the default is more than halfway to the damage's end, halfway it is; a
    damage that is only off or on has one strength.
    """
    if damage.high == damage.step:
        return (damage.high,)
    strong = min(2 * damage.default, (damage.default + damage.high) / 2)
    return tuple(sorted({damage.default / 2, damage.default, strong}))


def edited_copies(originals: tuple[Picture, ...], per_damage: int) -> Iterator[Pair]:
    """Damage each picture in turn by every damage at every strength.

    Copies that came out equal to the original pixel by pixel are left out: that is told
    without measuring.

    Parameters
    ----------
    originals : tuple of Picture
    per_damage : int
        Pictures for each damage and strength; as many again are made smaller.
    """
    turn = cycle(originals)
    for damage in all_damages():
        for strength in graded_strengths(damage):
            for _ in range(per_damage):
                original = next(turn)
                damaged = damage(original.rgb, strength)
                if not np.array_equal(damaged, original.rgb):
                    yield original, made_picture(damaged, f"{damage.id}-{strength:g}")
    for share in (0.75, 0.5, 0.33):
        for _ in range(per_damage):
            original = next(turn)
            side = max(8, round(max(original.width, original.height) * share))
            yield original, reduced_picture(original, side)


# ── The same scene, photographed again ─────────────────────────────────────────────


def second_views(rgb: RGB, random: np.random.Generator) -> tuple[RGB, RGB]:
    """Simulate two photographs of what a picture shows: no second camera was there.

    The first is a part of the picture. The second shows a part that overlaps it, from
    aside (a strong perspective), tilted, at another scale, and with other exposure,
    white balance, grain and compression.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
    random : numpy.random.Generator

    Returns
    -------
    tuple of two ndarrays of uint8
        Of different sizes.
    """
    height, width = rgb.shape[:2]
    shown = random.uniform(0.7, 0.95, 2) * (width, height)
    corner = random.uniform(0, 1, 2) * ((width, height) - shown)
    left, top, right, bottom = np.rint([*corner, *(corner + shown)]).astype(int)
    first = np.ascontiguousarray(rgb[top : max(top + 1, bottom), left : max(left + 1, right)])
    return first, _relit(_seen_from_aside(rgb, random), random)


def _seen_from_aside(rgb: RGB, random: np.random.Generator) -> RGB:
    height, width = rgb.shape[:2]
    size = np.array([width, height])
    half = random.uniform(0.55, 0.85, 2) / 2
    angle = np.deg2rad(random.uniform(-20, 20))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half * size
    corners = square @ turn.T + random.uniform(-0.12, 0.12, (4, 2)) * size
    # Into the picture, as far as it goes: there is nothing to be seen outside
    corners -= corners.min(axis=0)
    corners *= np.minimum(1, (size - 1) / np.maximum(corners.max(axis=0), 1))
    corners += random.uniform(0, 1, 2) * (size - 1 - corners.max(axis=0))
    scale = random.uniform(0.7, 1.3)
    seen = np.maximum(8, np.rint(2 * half * size * scale)).astype(int)
    target = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * (seen - 1)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32))
    return np.asarray(
        cv2.warpPerspective(
            rgb,
            matrix,
            (int(seen[0]), int(seen[1])),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )


def _relit(rgb: RGB, random: np.random.Generator) -> RGB:
    """Change exposure, white balance and contrast, add grain, and save as JPEG."""
    gamma = 2.0 ** random.uniform(-0.4, 0.4)
    gain = 2.0 ** random.uniform(-0.5, 0.5) * random.uniform(0.88, 1.14, 3)
    light = 255 * gain * (rgb / 255.0) ** gamma
    light += random.uniform(0, 8) * random.standard_normal(rgb.shape)
    target = io.BytesIO()
    photograph = Image.fromarray(np.clip(np.rint(light), 0, 255).astype(np.uint8))
    photograph.save(target, "JPEG", quality=int(random.integers(70, 96)))
    with Image.open(io.BytesIO(target.getvalue()), formats=("JPEG",)) as image:
        return np.asarray(image, np.uint8)


# ── The built-in pictures ──────────────────────────────────────────────────────────

SAMPLE_SIDE = 400
# Each shows something else, but for the surfaces, of which any two could pass for a kind
_THINGS = (
    "motorcycle-left",
    "cat",
    "coffee",
    "astronaut",
    "rocket",
    "photographer",
    "coins",
    "moon",
    "galaxies",
    "eye",
    "tissue",
    "horse",
    "page",
    "colour-wheel",
    "grass",
)
# Parts that do not overlap show the same kind of thing and not one thing of it twice
_MORE_OF_THE_SAME = ("bricks", "grass", "gravel", "coins", "galaxies", "tissue", "page")
_SECOND_VIEWS = 2


def sample_pairs() -> ReferencePairs:
    """Make pairs from the built-in pictures: few, and the same every time."""
    random = np.random.default_rng(20261122)
    things = tuple(reduced_picture(open_sample(name), SAMPLE_SIDE) for name in _THINGS)
    motorcycles = ("motorcycle-left", "motorcycle-right")
    left, right = (reduced_picture(open_sample(name), SAMPLE_SIDE) for name in motorcycles)
    views = [
        tuple(made_picture(view, thing.name) for view in second_views(thing.rgb, random))
        for thing in things
        for _ in range(_SECOND_VIEWS)
    ]
    return ReferencePairs(
        unrelated=tuple(combinations(things, 2)),
        same_kind=tuple(pair for name in _MORE_OF_THE_SAME for pair in _parts(name)),
        same_scene=((left, right), *((first, second) for first, second in views)),
        copies=tuple(edited_copies(things, 1)),
    )


def _parts(name: str) -> Iterator[Pair]:
    picture = reduced_picture(open_sample(name), 2 * SAMPLE_SIDE)
    height, width = picture.height // 2, picture.width // 2
    quarters = (
        made_picture(picture.rgb[top : top + height, left : left + width], picture.name)
        for top in (0, height)
        for left in (0, width)
    )
    return combinations(tuple(quarters), 2)
