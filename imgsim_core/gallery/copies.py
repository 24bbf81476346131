"""Whether two pictures of a gallery are copies or shots of the same, with the evidence for it.

Three tests, the cheapest first. Small copies of both are laid on each other in all eight
turns and mirrors and their outlines correlated: that settles most copies in a millisecond.
Those that are candidates for their vectors only have to share a few details in the same
arrangement: that drops nearly all unrelated pairs in some 30 ms. Whatever is left (cut,
tilted, framed, covered, another photograph) is judged by `imgsim_core.verdict`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.gallery.entry import TURNS
from imgsim_core.memory import Memory
from imgsim_core.methods.keypoints import (
    Keypoints,
    SiftOptions,
    sift_description,
    verified_match,
)
from imgsim_core.picture import Picture
from imgsim_core.text import Text
from imgsim_core.verdict import Kind, PairVerdict, pair_verdict

RGB = NDArray[np.uint8]
Outlines = NDArray[np.float32]

SIDE = 480
"""Pixels of the long side at which a pair is looked at closely."""

ALIKE = 0.85
"""Correlation of the outlines from which two pictures of near fingerprints are copies."""

_OUTLINE_SIDE = 64
_OUTLINE_BLUR = 4.0  # pixels: what is wider than this is no outline
_FEWEST_LEVELS = 1.0  # standard deviation in grey levels: fewer is noise on a blank picture


class Level(Enum):
    """How near pictures have to be to count as duplicates, from nearest to farthest."""

    FILE = "file"
    COPY = "copy"
    SHOT = "shot"

    @property
    def label(self) -> Text:
        """Name, for a control."""
        return _LABELS[self]

    @property
    def about(self) -> Text:
        """One sentence that says what counts."""
        return _ABOUTS[self]


_LABELS = {
    Level.FILE: Text("Same file"),
    Level.COPY: Text("Edited copy"),
    Level.SHOT: Text("Same shot or scene"),
}
_ABOUTS = {
    Level.FILE: Text("Files with the very same bytes, whatever they are called."),
    Level.COPY: Text(
        "The same picture after editing: saved anew, resized, recoloured, cut, turned, mirrored."
    ),
    Level.SHOT: Text(
        "Edited copies, and other photographs of the same object or scene: bursts, other angles."
    ),
}


@dataclass(frozen=True)
class Link:
    """Two pictures that belong together, and which test said so.

    Parameters
    ----------
    a, b : str
        Digests; the sentences call them A and B.
    level : Level or None
        The nearest level at which they are linked: `COPY` or `SHOT`; None where a visitor's
        own notion links them, which tells of no copies.
    strength : float
        Share of the outlines that agree, or their correlation: 0 to 1, higher is more
        alike, 1 for identical pixels, about 0.2 for unrelated pictures. By a notion, the
        cosine.
    certain : bool
        False where the evidence leaves room for doubt.
    because : tuple of Text
        The evidence, a sentence each.
    changes : tuple of Text
        How B was made from A, as short phrases, as far as it can be told.
    share_a, share_b : float
        Share of the picture that the other one shows too, 0 to 1: a cut copy has 1, what
        it was cut from less.
    bits : int
        Bits of 64 in which the fingerprints differ over all turns; -1 if not known.
    cosine : float
        Of the vectors, -1 to 1, higher is more alike; NaN if not known.
    """

    a: str
    b: str
    level: Level | None
    strength: float
    certain: bool
    because: tuple[Text, ...]
    changes: tuple[Text, ...] = ()
    share_a: float = 1.0
    share_b: float = 1.0
    bits: int = -1
    cosine: float = float("nan")

    @property
    def pair(self) -> frozenset[str]:
        """Both digests, in no order."""
        return frozenset((self.a, self.b))

    def counts_at(self, level: Level) -> bool:
        """Tell whether pictures so linked are duplicates at a level."""
        if self.level is None:
            return False
        return level is Level.SHOT or (level is Level.COPY and self.level is Level.COPY)


# ── The cheap test ─────────────────────────────────────────────────────────────────


def outlines(rgb: RGB) -> Outlines:
    """Reduce a picture to its outlines: grey, square, without wide shading, of length 1.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    ndarray of float32, shape (64, 64)
        Mean 0, length 1; all 0 for a picture without outlines.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    size = _OUTLINE_SIDE, _OUTLINE_SIDE
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    sharp = small - cv2.GaussianBlur(small, (0, 0), _OUTLINE_BLUR)
    sharp -= sharp.mean()
    if float(sharp.std()) < _FEWEST_LEVELS:
        return np.zeros_like(sharp)
    return np.asarray(sharp / np.linalg.norm(sharp), np.float32)


def turned(values: NDArray[np.float32], turn: int) -> NDArray[np.float32]:
    """Turn a square as the hashes of an `Entry` are: by quarters to the left, mirrored from 4."""
    return np.rot90(values[:, ::-1] if turn >= TURNS // 2 else values, turn % 4)


def outline_correlation(a: Outlines, b: Outlines) -> tuple[float, int]:
    """Correlate the outlines of two pictures in the turn of B that fits best.

    Parameters
    ----------
    a, b : ndarray of float32, shape (64, 64)
        As `outlines` makes them.

    Returns
    -------
    correlation : float
        -1 to 1; 1 for identical outlines, about 0.1 for unrelated pictures.
    turn : int
        Of B, 0 to 7; 0 if it lies as A does.
    """
    fits = [float((a * turned(b, turn)).sum()) for turn in range(TURNS)]
    # A picture that is its own mirror image lies as it is
    best = max(range(TURNS), key=lambda turn: (round(fits[turn], 3), -turn))
    return min(fits[best], 1.0), best


def copy_by_outlines(a: str, b: str, correlation: float, turn: int) -> Link | None:
    """Link two pictures of near fingerprints if their outlines leave no doubt.

    Parameters
    ----------
    a, b : str
        Digests.
    correlation : float
    turn : int
        As `outline_correlation` returns them.
    """
    if correlation < ALIKE:
        return None
    said = Text(
        "Laid on each other, their outlines correlate {number}: "
        "1 is identical, unrelated pictures stay below 0.7.",
        number=f"{correlation:.2f}",
    )
    changes = (_TURNED[turn],) if turn else ()
    return Link(a, b, Level.COPY, correlation, True, (said,), changes)


# In the order of the hashes of an entry, which turn A; here it is B that is turned back.
_TURNED = (
    Text("as it is"),
    Text("turned a quarter to the right"),
    Text("turned upside down"),
    Text("turned a quarter to the left"),
    Text("mirrored left to right"),
    Text("mirrored and turned a quarter to the left"),
    Text("flipped top to bottom"),
    Text("mirrored and turned a quarter to the right"),
)


# ── The gate before the thorough test ──────────────────────────────────────────────

FEWEST_DETAILS = 7
"""Details that a pair has to share to be looked at closely. Of 567 unrelated pairs with
unusually near vectors none shared more than 6, of 60 edited copies none fewer than 9."""

_DETAILS = SiftOptions(keypoints=500, tilted=False)


def details(digest: str, rgb: RGB) -> Keypoints:
    """Describe a small copy of a picture by its details, few and quickly.

    Parameters
    ----------
    digest : str
        Of the picture.
    rgb : ndarray of uint8, shape (height, width, 3)
        About 256 pixels on its long side.
    """
    # Under a name of its own: the digest stands for the pixels in full size elsewhere
    return sift_description(Picture(rgb, f"{digest} small", ""), _DETAILS)


def agreeing_details(a: Keypoints, b: Keypoints) -> int:
    """Count the details that two pictures share in the same arrangement, mirrored ones too."""
    return verified_match(a, b, _DETAILS).agreeing


# ── The thorough test ──────────────────────────────────────────────────────────────


def close_look(a: Picture, b: Picture, memory: Memory) -> Link | None:
    """Look closely at two pictures and link them if they belong together.

    Parameters
    ----------
    a, b : Picture
        At any size; `SIDE` is enough.
    memory : Memory
        Keeps descriptions of pictures by digest: one that no full-size picture shares.

    Returns
    -------
    Link or None
        None for different pictures, and where there is too little in them to tell.
    """
    verdict = pair_verdict(a, b, memory)
    level = _level(verdict)
    if level is None:
        return None
    share_a, share_b = _shares(a, b, verdict)
    strength = min(1.0, max(0.0, verdict.agreement))
    return Link(
        a.digest,
        b.digest,
        level,
        strength,
        verdict.certain,
        verdict.because,
        verdict.changes,
        share_a,
        share_b,
    )


def _level(verdict: PairVerdict) -> Level | None:
    if verdict.kind is Kind.SAME_FILE:
        return Level.COPY
    if verdict.kind is Kind.DIFFERENT or verdict.agreement == 0 or verdict.transform is None:
        return None
    if verdict.kind is Kind.CHANGED and verdict.certain:
        return Level.COPY
    return Level.SHOT


def _shares(a: Picture, b: Picture, verdict: PairVerdict) -> tuple[float, float]:
    """Share of A that B shows too, and of B that A does."""
    if verdict.transform is None:
        return 1.0, 1.0
    there = np.asarray(verdict.transform, np.float64)
    with np.errstate(all="ignore"):
        return _share_inside(a, b, there), _share_inside(b, a, np.asarray(np.linalg.inv(there)))


_GRID = 40


def _share_inside(of: Picture, within: Picture, transform: NDArray[np.floating[Any]]) -> float:
    """Share of a picture's area whose places lie inside the other's frame."""
    x, y = np.meshgrid(
        (np.arange(_GRID) + 0.5) * of.width / _GRID, (np.arange(_GRID) + 0.5) * of.height / _GRID
    )
    moved = transform @ np.stack([x.ravel() - 0.5, y.ravel() - 0.5, np.ones(x.size)])
    places = moved[:2] / moved[2] + 0.5
    inside = (places >= 0).all(axis=0) & (places[0] <= within.width) & (places[1] <= within.height)
    return float(inside.mean())


def pair_score(a: Picture, b: Picture, memory: Memory) -> float:
    """Score how much two pictures are the same picture, by both tests.

    Parameters
    ----------
    a, b : Picture
    memory : Memory
        As for `close_look`.

    Returns
    -------
    float
        0 to 1, higher is more alike: 2/3 and up for copies, 1/3 and up for other
        photographs of the same, below 1/3 for different pictures.
    """
    correlation, turn = outline_correlation(outlines(a.rgb), outlines(b.rgb))
    link = copy_by_outlines(a.digest, b.digest, correlation, turn) or close_look(a, b, memory)
    if link is None:
        strength = max(correlation, pair_verdict(a, b, memory).agreement)
        return min(max(strength, 0.0), 1.0) / 3
    return ((2 if link.level is Level.COPY else 1) + link.strength) / 3
