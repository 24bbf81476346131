"""Find the faces of a picture, and describe one.

The detector (Dalal and Triggs 2005, https://doi.org/10.1109/CVPR.2005.177, as dlib has it)
sees upright faces at least 80 pixels wide, so it is given a copy of a bounded size: the cost
does not grow with the camera.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.applications.faces.face import Face, FacePrint
from imgsim_core.applications.faces.judging import doubts_about
from imgsim_core.models.faces import FaceModels, Found, face_models
from imgsim_core.picture import Picture

RGB = NDArray[np.uint8]

MOST = 40  # faces of one picture
LEAST_SCORE = 0.2  # below it, folds of cloth pass for faces
_SURE_SCORE = 0.5  # with nothing above it, the picture may lie on its side
_SIDE, _ENLARGED = 1000, 1.5  # long side of the copy looked at; how much it is enlarged at most
_FINE_SIDE, _FINE_ENLARGED = 2000, 3.0
_ROUND = 0.6  # of the box on each side, so that the face can be turned upright
_TILTED = 0.15  # of the distance of the eyes, that one lies higher: a head tilted by 9 degrees
_CUT = 260  # pixels a face is wide at most where its landmarks are looked for


def find_faces(picture: Picture, small: bool = False) -> tuple[Face, ...]:
    """Find the faces of a picture, from left to right.

    Parameters
    ----------
    picture : Picture
    small : bool
        Whether to look for small faces from the start: about four times the cost. Where
        nothing else is found they are looked for anyway, and so are faces in a picture that
        lies on its side or its head.

    Returns
    -------
    tuple of Face
        At most 40, the surest; empty if there is none.

    Raises
    ------
    WeightsMissing
        If the face models are not installed.
    """
    models = face_models()
    turns, found = 0, _look(models, picture.rgb, small)
    if _surest(found) < _SURE_SCORE and not small:
        found = max(found, _look(models, picture.rgb, True), key=_surest)
    if _surest(found) < _SURE_SCORE:
        tries = [(turn, _look(models, np.rot90(picture.rgb, turn), small)) for turn in (1, 2, 3)]
        turns, found = max([(0, found), *tries], key=lambda one: _surest(one[1]))
    upright = np.rot90(picture.rgb, turns)
    surest = sorted(found, key=lambda one: -one.score)[:MOST]
    faces = [_face(models, upright, one) for one in surest]
    turned = [_turned_back(face, picture, turns) for face in faces]
    return tuple(sorted(turned, key=lambda face: face.box[0] + face.box[2]))


def describe_face(face: Face) -> FacePrint:
    """Describe a face: the mean over it and its mirror image, which errs less than either.

    Raises
    ------
    WeightsMissing
        If the face models are not installed.
    """
    models = face_models()
    vector = (models.encode(face.chip) + models.encode(face.chip[:, ::-1])) / 2
    vector.setflags(write=False)
    return FacePrint(vector)


def _surest(found: list[Found]) -> float:
    return max((one.score for one in found), default=0.0)


def _look(models: FaceModels, rgb: RGB, small: bool) -> list[Found]:
    """Look in a copy of bounded size; boxes in pixels of `rgb`."""
    side, enlarged = (_FINE_SIDE, _FINE_ENLARGED) if small else (_SIDE, _ENLARGED)
    height, width = rgb.shape[:2]
    scale = min(enlarged, side / max(height, width))
    copy = _resized(rgb, scale)
    ratio_x, ratio_y = width / copy.shape[1], height / copy.shape[0]
    return [
        Found(
            round(one.left * ratio_x),
            round(one.top * ratio_y),
            round(one.right * ratio_x),
            round(one.bottom * ratio_y),
            one.score,
        )
        for one in models.find(copy, LEAST_SCORE)
    ]


def _face(models: FaceModels, rgb: RGB, found: Found) -> Face:
    """Cut a face out of the full picture, and look at it closely."""
    height, width = rgb.shape[:2]
    rim = round(_ROUND * (found.right - found.left))
    left, top = max(0, found.left - rim), max(0, found.top - rim)
    right, bottom = min(width, found.right + rim), min(height, found.bottom + rim)
    scale = min(1.0, _CUT / (found.right - found.left))
    part = _resized(rgb[top:bottom, left:right], scale)
    inside = Found(
        round((found.left - left) * scale),
        round((found.top - top) * scale),
        round((found.right - left) * scale),
        round((found.bottom - top) * scale),
        found.score,
    )
    points, chip = models.align(part, inside)
    score = found.score
    across, down = points[:2].mean(axis=0) - points[2:4].mean(axis=0)
    if abs(down) > _TILTED * abs(across):
        score = max(score, models.upright_score(part, inside))
    points = points / scale + (left, top)
    for array in (points, chip):
        array.setflags(write=False)
    box = (float(found.left), float(found.top), float(found.right), float(found.bottom))
    face = Face(box, points, chip, score)
    return replace(face, doubts=doubts_about(face, width, height))


def _turned_back(face: Face, picture: Picture, turns: int) -> Face:
    """Give the places of a face found in a turned picture as they are in the picture."""
    if turns == 0:
        return face

    def back(places: NDArray[np.float64]) -> NDArray[np.float64]:
        for turn in range(turns, 0, -1):  # undo one quarter turn counter-clockwise each time
            side = picture.width if turn % 2 == 1 else picture.height
            places = np.stack([side - 1 - places[:, 1], places[:, 0]], axis=1)
        places.setflags(write=False)
        return places

    corners = back(np.array(face.box).reshape(2, 2))
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return replace(face, box=(left, top, right, bottom), points=back(face.points), turns=turns)


def _resized(rgb: RGB, scale: float) -> RGB:
    height, width = rgb.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if size == (width, height):
        return np.ascontiguousarray(rgb)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(rgb), size, interpolation=way), np.uint8)
