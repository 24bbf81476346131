"""Whether a face is good enough to be compared, and why not.

The limits of size and blur lie where damaged faces of one person begin to be missed, that of
the score where what was found in photographs of strangers were no plain faces any more
(`bench/bench_faces.py`). Those of light and turning are careful guesses.
"""

from __future__ import annotations

import cv2
import numpy as np

from imgsim_core.applications.faces.face import Face
from imgsim_core.text import Text

LEAST_WIDTH = 40  # pixels of the picture
LEAST_SCORE = 0.75  # under it: embroidery, masks, faces half covered, two faces in one box
_LEAST_SHARPNESS = 0.0025
_LEAST_CONTRAST = 10.0
_DARKEST, _BRIGHTEST = 25.0, 235.0
_MOST_TURN = 0.2
_MOST_OUTSIDE = 0.1  # of the box


def doubts_about(face: Face, width: int, height: int) -> tuple[Text, ...]:
    """Say why a face should not be compared.

    Parameters
    ----------
    face : Face
    width, height : int
        Of the picture it is in, pixels, turned as the face was found.

    Returns
    -------
    tuple of Text
        Empty for a face that is good enough.
    """
    grey = cv2.cvtColor(face.chip, cv2.COLOR_RGB2GRAY)
    brightness, contrast = float(grey.mean()), float(grey.std())
    doubts = []
    if face.score < LEAST_SCORE:
        doubts.append(Text("It is not plainly a face: half covered, or no face at all."))
    if face.width < LEAST_WIDTH:
        doubts.append(
            Text(
                "It is too small: {width} pixels wide, at least {least} are needed.",
                width=round(face.width),
                least=LEAST_WIDTH,
            )
        )
    if brightness < _DARKEST:
        doubts.append(Text("It is too dark."))
    elif brightness > _BRIGHTEST:
        doubts.append(Text("It is too bright."))
    elif contrast < _LEAST_CONTRAST:
        doubts.append(Text("It hardly stands out: there is too little contrast."))
    elif sharpness(face) < _LEAST_SHARPNESS:
        doubts.append(Text("It is too blurred."))
    if abs(turn(face)) > _MOST_TURN:
        doubts.append(Text("It is turned too far to the side."))
    if _outside(face, width, height) > _MOST_OUTSIDE:
        doubts.append(Text("It is cut off by the edge of the picture."))
    return tuple(doubts)


def sharpness(face: Face) -> float:
    """Fine detail as a share of all contrast: about 0.1 in focus, 0.003 where blurred."""
    grey = cv2.cvtColor(face.chip, cv2.COLOR_RGB2GRAY).astype(np.float64)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var() / max(grey.var(), 1.0))


def turn(face: Face) -> float:
    """How far the nose lies aside of the middle between the eyes, in distances of the eyes.

    About 0 for a face seen from the front; positive towards its left eye.
    """
    right, left = face.points[:2].mean(axis=0), face.points[2:4].mean(axis=0)
    between = right - left
    distance = max(float(np.hypot(*between)), 1e-6)
    aside = (face.points[4] - (right + left) / 2) @ between / distance
    return float(aside / distance)


def _outside(face: Face, width: int, height: int) -> float:
    """Share of the box that lies outside the picture."""
    left, top, right, bottom = face.box
    inside = max(0.0, min(right, width) - max(left, 0)) * max(
        0.0, min(bottom, height) - max(top, 0)
    )
    return 1 - inside / max((right - left) * (bottom - top), 1e-6)
