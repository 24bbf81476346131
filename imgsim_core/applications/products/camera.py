"""Photographs of products, simulated: another ground, another light, turned, partly hidden.

They are for trying the catalogue out and for measuring; a real photograph is the judge.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_DEFOCUS = 2.0  # standard deviation in pixels of the blur of what lies behind


@dataclass(frozen=True)
class Shot:
    """How a photograph is taken.

    Parameters
    ----------
    size : tuple of int
        Width and height of the photograph, pixels.
    share : float
        Of the photograph's shorter side that a single product's longer side takes.
    rows, columns : int
        More than one: a shelf that is full of the same product.
    turn : float
        Degrees, counter-clockwise.
    tilt : float
        How much narrower the far side is, 0..0.4.
    light : tuple of float
        Gain of red, green and blue.
    shade : float
        How much darker the right side is, 0..1.
    hidden : float
        Share of the product's width that something in front covers, 0..0.5.
    noise : float
        Standard deviation, grey levels.
    """

    size: tuple[int, int] = (480, 400)
    share: float = 0.7
    rows: int = 1
    columns: int = 1
    turn: float = 0.0
    tilt: float = 0.0
    light: tuple[float, float, float] = (1.0, 1.0, 1.0)
    shade: float = 0.0
    hidden: float = 0.0
    noise: float = 3.0


def random_shot(random: np.random.Generator, *, shelf: bool = False) -> Shot:
    """Draw how a hurried person with a telephone takes a photograph.

    Parameters
    ----------
    random : Generator
    shelf : bool
        Whether to stand before a shelf rather than hold one product.
    """
    warm = random.uniform(-0.15, 0.2)
    bright = random.uniform(0.65, 1.15)
    return Shot(
        share=float(random.uniform(0.45, 0.85)),
        rows=int(random.integers(1, 4)) if shelf else 1,
        columns=int(random.integers(2, 5)) if shelf else 1,
        turn=float(random.normal(0, 12)),
        tilt=float(random.uniform(0, 0.25)),
        light=(bright * (1 + warm), bright, bright * (1 - warm)),
        shade=float(random.uniform(0, 0.4)),
        hidden=float(random.choice([0.0, 0.0, 0.2, 0.35])),
        noise=float(random.uniform(1, 6)),
    )


def photographed(rgb: RGB, mask: Mask, scene: RGB, shot: Shot, seed: int = 0) -> RGB:
    """Photograph a product in a scene.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
        The product.
    mask : ndarray of bool, shape (height, width)
        True on it.
    scene : ndarray of uint8, shape (height, width, 3)
        What lies behind and around it.
    shot : Shot
    seed : int
        Of the noise, and of how the things on a shelf differ in place.

    Returns
    -------
    ndarray of uint8, shape (`shot.size`, 3)
    """
    random = np.random.default_rng(seed)
    width, height = shot.size
    ground = cv2.GaussianBlur(_covering(scene, width, height).astype(np.float32), (0, 0), _DEFOCUS)
    for centre, across in _places(shot, random):
        matrix = _placed(mask.shape, centre, across, shot)
        one = cv2.warpPerspective(rgb, matrix, shot.size, flags=cv2.INTER_AREA)
        cover = cv2.warpPerspective(mask.astype(np.float32), matrix, shot.size)[..., None]
        ground = ground * (1 - cover) + one * cover
    if shot.hidden:
        ground = _behind(ground, scene, shot)
    shades = np.linspace(1, 1 - shot.shade, width, dtype=np.float32)[None, :, None]
    lit = ground * shades * np.array(shot.light, np.float32)
    lit = cv2.GaussianBlur(lit, (0, 0), 0.7) + random.normal(0, shot.noise, lit.shape)
    photograph = np.asarray(np.clip(np.rint(lit), 0, 255), np.uint8)
    _, coded = cv2.imencode(".jpg", photograph[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR_RGB)
    return np.asarray(decoded, np.uint8)


def _places(shot: Shot, random: np.random.Generator) -> list[tuple[tuple[float, float], float]]:
    """Where each copy stands, and how many pixels its longer side takes."""
    width, height = shot.size
    if shot.rows * shot.columns == 1:
        middle = (width * random.uniform(0.42, 0.58), height * random.uniform(0.45, 0.55))
        return [(middle, shot.share * min(width, height))]
    across = 1.05 * max(width / shot.columns, height / shot.rows)
    return [
        (
            (
                (column + 0.5 + random.uniform(-0.06, 0.06)) * width / shot.columns,
                (row + 0.5 + random.uniform(-0.06, 0.06)) * height / shot.rows,
            ),
            across,
        )
        for row in range(shot.rows)
        for column in range(shot.columns)
    ]


def _placed(
    shape: tuple[int, ...], centre: tuple[float, float], across: float, shot: Shot
) -> NDArray[np.float32]:
    """From pixels of the product to pixels of the photograph."""
    height, width = shape[:2]
    scale = across / max(height, width)
    half = np.array([width, height]) * scale / 2
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float32) * half
    corners[1:3, 1] *= 1 - shot.tilt
    corners[:, 0] *= 1 - shot.tilt / 3
    angle = np.deg2rad(-shot.turn)
    turned = corners @ np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    edges = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    target = np.asarray(turned + centre, np.float32)
    return np.asarray(cv2.getPerspectiveTransform(edges, target), np.float32)


def _behind(ground: NDArray[np.float32], scene: RGB, shot: Shot) -> NDArray[np.float32]:
    """Lay an upright strip of something else across the product's left part."""
    width, height = shot.size
    across = shot.hidden * shot.share * min(width, height)
    left = int(width / 2 - 0.3 * shot.share * min(width, height))
    strip = slice(max(0, left), max(1, left + int(across)))
    other = _covering(scene[::-1, ::-1], width, height).astype(np.float32)
    covered = ground.copy()
    covered[:, strip] = 0.7 * other[:, strip]
    return covered


def _covering(rgb: RGB, width: int, height: int) -> RGB:
    """Middle of a picture, scaled and cut to a size."""
    scale = max(width / rgb.shape[1], height / rgb.shape[0])
    size = (max(width, round(rgb.shape[1] * scale)), max(height, round(rgb.shape[0] * scale)))
    scaled = cv2.resize(np.ascontiguousarray(rgb), size, interpolation=cv2.INTER_AREA)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return np.asarray(scaled[top : top + height, left : left + width], np.uint8)
