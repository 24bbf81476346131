"""A face found in a picture, and the numbers that describe it: both for the memory only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from imgsim_core.text import Text

Values = NDArray[np.float64]


class MemoryOnly:
    """Something that refuses to be pickled, so that no cache or queue can write it to disk."""

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse.

        Raises
        ------
        TypeError
            Always: whoever asks for it has a bug.
        """
        raise TypeError(f"a {type(self).__name__} is kept in memory only")


@dataclass(frozen=True, eq=False)
class Face(MemoryOnly):
    """One face of a picture.

    Parameters
    ----------
    box : tuple of float
        Left, top, right, bottom in pixels of the picture; may reach over its edges.
    points : ndarray of float, shape (5, 2)
        x and y in pixels of the picture: outer and inner corner of the eye on the right
        of the upright face, of that on its left, and the place below the nose.
    chip : ndarray of uint8, shape (150, 150, 3)
        The face alone, upright, eyes level; read-only.
    score : float
        Of the detector: 0.2 is the least that is reported, 2 to 3 a plain face.
    turns : int
        Quarter turns counter-clockwise after which it stood upright, 0 to 3.
    doubts : tuple of Text
        Why nothing should be concluded from it; empty for a good one.
    """

    box: tuple[float, float, float, float]
    points: Values = field(repr=False)
    chip: NDArray[np.uint8] = field(repr=False)
    score: float
    turns: int = 0
    doubts: tuple[Text, ...] = ()

    @property
    def width(self) -> float:
        """Pixels of the picture that its box is wide."""
        return self.box[2] - self.box[0]

    @property
    def is_good(self) -> bool:
        """Whether it may be compared."""
        return not self.doubts


@dataclass(frozen=True, eq=False)
class FacePrint(MemoryOnly):
    """What the encoder makes of a face: 128 numbers that no log or trace shows.

    Parameters
    ----------
    vector : ndarray of float, shape (128,)
        Read-only.
    """

    vector: Values = field(repr=False)

    def distance(self, other: FacePrint) -> float:
        """Euclidean distance: 0 for the same, up to about 1.4."""
        return float(np.linalg.norm(self.vector - other.vector))
