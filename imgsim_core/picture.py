"""Picture, and the one gate through which image bytes enter: `open_picture`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgsim_core.text import Text


@dataclass(frozen=True, eq=False)
class Picture:
    """One opened image, the same for every method.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
        Upright, sRGB, alpha laid on white; read-only.
    digest : str
        SHA-256 of the file's bytes, 64 hexadecimal digits.
    name : str
        The visitor's file name: shown, never used as a path.
    notes : tuple of Text
        What was done to open it, for the visitor to read.
    mask : ndarray of bool, shape (height, width), or None
        True where the picture was not fully transparent; None if it had no alpha.
    """

    rgb: NDArray[np.uint8]
    digest: str
    name: str
    notes: tuple[Text, ...] = ()
    mask: NDArray[np.bool_] | None = None

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return int(self.rgb.shape[0])


def open_picture(data: bytes, name: str) -> Picture:
    """Open image bytes (to be written)."""
    raise NotImplementedError
