"""Scenes made on the spot: copies of an object laid on a ground, where they lie being known."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.picture import Picture

_SCENE = (1024, 768)  # pixels
_SMALLEST, _LARGEST = 0.4, 1.5  # times as large as the object
_TRIES = 200


def pasted(
    the_object: Picture,
    ground: Picture,
    copies: int,
    random: np.random.Generator,
    scales: tuple[float, float] = (_SMALLEST, _LARGEST),
) -> tuple[Picture, list[NDArray[np.float32]]]:
    """Lay copies of an object on a ground, turned and scaled at random, none on another.

    Parameters
    ----------
    the_object, ground : Picture
        The ground is enlarged to the scene's size.
    copies : int
        How many to lay; fewer where no room is left.
    random : Generator
    scales : tuple of float
        Smallest and largest size, as shares of the object's own.

    Returns
    -------
    scene : Picture
        1024 × 768 pixels.
    outlines : list of ndarray of float32, shape (4, 2)
        The corners of each copy, from the object's top left clockwise.
    """
    scene = np.asarray(cv2.resize(ground.rgb, _SCENE, interpolation=cv2.INTER_CUBIC), np.uint8)
    width, height = the_object.width, the_object.height
    taken = np.zeros(scene.shape[:2], np.uint8)
    outlines: list[NDArray[np.float32]] = []
    frame = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], float)
    for _ in range(_TRIES):
        if len(outlines) == copies:
            break
        scale, turn = random.uniform(*scales), random.uniform(0, 360)
        move = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), turn, scale)
        middle = np.array([random.uniform(0, edge) for edge in _SCENE])
        move[:, 2] += middle - ((width - 1) / 2, (height - 1) / 2)
        corners = frame @ move[:, :2].T + move[:, 2]
        if (corners < 2).any() or (corners > np.array(_SCENE) - 3).any():
            continue
        cover = cv2.fillConvexPoly(np.zeros_like(taken), np.rint(corners).astype(np.int32), 255)
        if (taken & cover).any():
            continue
        small = cv2.GaussianBlur(the_object.rgb, (0, 0), 0.4 / scale) if scale < 1 else None
        laid = cv2.warpAffine(
            np.asarray(the_object.rgb) if small is None else small,
            move,
            _SCENE,
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        soft = cv2.GaussianBlur(cover, (0, 0), 0.8)[..., None].astype(np.float32) / 255
        scene = np.rint(laid * soft + scene * (1 - soft)).astype(np.uint8)
        taken |= cover
        outlines.append(corners.astype(np.float32))
    scene.setflags(write=False)
    digest = hashlib.sha256(scene.tobytes()).hexdigest()
    return Picture(rgb=scene, digest=digest, name="scene.png"), outlines
