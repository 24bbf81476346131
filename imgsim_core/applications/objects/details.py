"""Details of an object and of a scene, and which of them look alike.

Unlike a comparison of two pictures, a scene may hold the object several times: each of its
details is asked which detail of the object it might be, and the object's own details are
what a match must be clearer than (Lowe 2004, doi:10.1023/B:VISI.0000029664.99615.94).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.picture import Picture

Array = NDArray[np.float32]

SCENE_SIDE = 1200  # pixels of the long side at which details are sought
OBJECT_SIDE = 800
SCENE_COUNT = 4000  # details kept at most
OBJECT_COUNT = 1500

_SMALLEST_SIDE = 16  # pixels; no detector finds anything below
_RATIO = 0.85  # of the distance to the next detail of the object elsewhere
_LEAST_LIKENESS = 0.75  # scalar product of two descriptors
_SAME_PLACE = 6.0  # pixels: one spot may carry several details
_MOST_CANDIDATES = 1500
_BLOCK = 512


@dataclass(frozen=True, eq=False)
class Details:
    """Details of one picture.

    Parameters
    ----------
    points : ndarray of float32, shape (n, 2)
        x, y in pixels of the reduced picture.
    sizes, angles : ndarray of float32, shape (n,)
        Diameter in the same pixels; direction in radians.
    vectors : ndarray of float32, shape (n, 128)
        RootSIFT, each of length 1.
    width, height : int
        Of the reduced picture, in pixels.
    to_original : ndarray of float64, shape (3, 3)
        From pixels of the reduced picture to those of the original.
    """

    points: Array
    sizes: Array
    angles: Array
    vectors: Array
    width: int
    height: int
    to_original: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Details of a scene with the detail of the object that each looks like.

    Parameters
    ----------
    on_object, in_scene : ndarray of int, shape (n,)
        Rows of either's `Details`.
    """

    on_object: NDArray[np.intp]
    in_scene: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.on_object)

    def only(self, kept: NDArray[np.bool_]) -> Candidates:
        """Return those that are marked."""
        return Candidates(self.on_object[kept], self.in_scene[kept])


def details_of(picture: Picture, side: int, count: int, mirrored: bool = False) -> Details:
    """Find details by SIFT and describe them by RootSIFT.

    Parameters
    ----------
    picture : Picture
    side : int
        Pixels that the long side is reduced to if it is longer.
    count : int
        Details kept at most, the strongest first.
    mirrored : bool
        Whether to look at the picture mirrored left to right; `to_original` mirrors back.

    Returns
    -------
    Details
        None of a picture less than 16 pixels wide or high.
    """
    grey = cv2.cvtColor(np.asarray(picture.rgb), cv2.COLOR_RGB2GRAY)
    scale = min(1.0, side / max(grey.shape))
    width, height = (max(1, round(edge * scale)) for edge in (picture.width, picture.height))
    if scale < 1:
        grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    x, y = picture.width / width, picture.height / height
    to_original = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])
    if mirrored:
        grey = np.ascontiguousarray(grey[:, ::-1])
        to_original = to_original @ np.array([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]])
    found: tuple[cv2.KeyPoint, ...] = ()
    vectors = None
    if min(grey.shape) >= _SMALLEST_SIDE:
        detector = cv2.SIFT.create(nfeatures=count, enable_precise_upscale=True)
        found, vectors = detector.detectAndCompute(grey, None)
    if vectors is None:
        found, vectors = (), np.zeros((0, 128), np.float32)
    root = np.sqrt(vectors / np.maximum(vectors.sum(axis=1, keepdims=True), 1e-6))
    return Details(
        points=np.array([one.pt for one in found], np.float32).reshape(-1, 2),
        sizes=np.array([one.size for one in found], np.float32),
        angles=np.radians(np.array([one.angle for one in found], np.float32)),
        vectors=np.asarray(root, np.float32),
        width=width,
        height=height,
        to_original=to_original,
    )


def candidates(the_object: Details, scene: Details) -> Candidates:
    """Pair each detail of the scene with the object's detail that it clearly looks like.

    Several details of a scene may look like the same one of the object.

    Returns
    -------
    Candidates
        The clearest first, at most 1,500.
    """
    if len(the_object) < 2 or not len(scene):
        nothing = np.zeros(0, np.intp)
        return Candidates(nothing, nothing)
    apart = the_object.points[:, None] - the_object.points[None]
    same_place = (apart**2).sum(axis=2) < _SAME_PLACE**2
    partners, ratios = [], []
    for start in range(0, len(scene), _BLOCK):
        likeness = scene.vectors[start : start + _BLOCK] @ the_object.vectors.T
        partner = likeness.argmax(axis=1)
        best = likeness[np.arange(len(likeness)), partner]
        likeness[same_place[partner]] = -1
        following = likeness.max(axis=1)
        ratio = np.sqrt(np.maximum(0, 1 - best) / np.maximum(1e-6, 1 - following))
        ratio[best < _LEAST_LIKENESS] = 1
        partners.append(partner)
        ratios.append(ratio)
    partner, ratio = np.concatenate(partners), np.concatenate(ratios)
    clear = np.flatnonzero(ratio < _RATIO)
    clear = clear[np.argsort(ratio[clear], kind="stable")][:_MOST_CANDIDATES]
    return Candidates(partner[clear], clear)
