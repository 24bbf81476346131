"""Pictures with their faces marked, and faces alone, as JPEGs for one visitor."""

from __future__ import annotations

import cv2
import numpy as np

from imgsim_core.applications.faces.face import Face
from imgsim_core.picture import Picture
from pages.parts import cached, faces_held

_SIDE = 1000
_GOOD, _POOR, _RING = (0, 158, 115), (230, 159, 0), (255, 255, 255)  # Okabe-Ito


def marked(picture: Picture, faces: tuple[Face, ...], only: int | None = None) -> bytes:
    """Draw a picture with a numbered box round each face.

    Parameters
    ----------
    picture : Picture
    faces : tuple of Face
    only : int or None
        The face that is meant; the others are drawn thinly.
    """
    drawn = faces_held.held().drawn
    key = ("marked", picture.digest, tuple(face.box for face in faces), only)
    if key not in drawn:
        drawn[key] = cached.jpeg(_marked(picture, faces, only))
    return drawn[key]


def alone(face: Face) -> bytes:
    """Draw a face alone, as the encoder sees it."""
    return cached.jpeg(face.chip, 92)


def _marked(picture: Picture, faces: tuple[Face, ...], only: int | None) -> np.ndarray:
    rgb = cached.reduced(picture.rgb, _SIDE).copy()
    scale = rgb.shape[1] / picture.width
    unit = max(rgb.shape[:2]) / _SIDE
    for number, face in enumerate(faces):
        colour = _GOOD if face.is_good else _POOR
        thick = 3 if only is None or number == only else 1
        thick = max(1, round(thick * max(unit, 0.5)))
        left, top, right, bottom = (round(side * scale) for side in face.box)
        cv2.rectangle(rgb, (left, top), (right, bottom), _RING, thick + 2, cv2.LINE_AA)
        cv2.rectangle(rgb, (left, top), (right, bottom), colour, thick, cv2.LINE_AA)
        for x, y in face.points * scale:
            cv2.circle(rgb, (round(x), round(y)), thick + 2, _RING, -1, cv2.LINE_AA)
            cv2.circle(rgb, (round(x), round(y)), thick + 1, colour, -1, cv2.LINE_AA)
        _tag(rgb, str(number + 1), left, top, colour, max(0.45, 0.8 * unit))
    return rgb


def _tag(
    rgb: np.ndarray, words: str, left: int, top: int, colour: tuple[int, int, int], size: float
) -> None:
    """Write a number on a plate over a box, or inside it where there is no room above."""
    (wide, high), below = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, size, 2)
    pad = round(6 * size)
    tall = high + below + 2 * pad
    top = top - tall if top - tall >= 0 else max(top, 0)
    left = min(max(left, 0), max(0, rgb.shape[1] - wide - 2 * pad))
    cv2.rectangle(rgb, (left, top), (left + wide + 2 * pad, top + tall), colour, -1)
    cv2.putText(
        rgb,
        words,
        (left + pad, top + pad + high),
        cv2.FONT_HERSHEY_SIMPLEX,
        size,
        _RING,
        2,
        cv2.LINE_AA,
    )
