"""How a product looks: what a network sees in it, its colours, its shape.

A shop shows one thing on a plain ground, a photograph shows it somewhere among others. Both
are looked at twice: the shop's picture as it is and cut tight to the product, the
photograph whole and in its middle. Colours and shape are those of the subject alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.cutout import Cutout
from imgsim_core.models import sentences
from imgsim_core.models.catalogue import Model
from imgsim_core.models.encoder import encode_framed
from imgsim_core.models.framing import framed
from imgsim_core.models.words import class_logits, concepts
from imgsim_core.picture import Picture

Array = NDArray[np.float32]
RGB = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_PLAIN = 9.0  # largest spread of the rim's levels, of 255, that still is one plain ground
_APART = 14  # levels that a pixel must differ from the ground by
_LEAST, _MOST = 0.01, 0.97  # share of the picture that a product on a plain ground may cover
_RIM = 0.04
_MIDDLE = 0.75  # of each side: the middle of a photograph
_SHARPNESS = 0.7  # below 1 the likeliest classes count for more
_SIDE = 96  # pixels that colours are counted on
_OUTLINE = 64  # pixels that shape is described on

# Colour: cells of lightness, and of the two axes of hue in CIE Lab
_LIGHT, _HUE = 4, 12
_REACH = 72.0  # of a* and b*, either way; what lies beyond counts at the edge


@dataclass(frozen=True, eq=False)
class Look:
    """What is remembered of one picture.

    Parameters
    ----------
    vector : ndarray of float32, shape (dimension,)
        Mean of both views' vectors; of length 1.
    classes : ndarray of float32, shape (classes,)
        Square roots of what the network's last layer takes the picture for, shares adding up
        to 1: the dot product of two is 1 where they are taken for the same.
    concept : ndarray of float32, shape (384,)
        Where the picture lies among words (ConSE); of length 1.
    colours : ndarray of float32, shape (576,)
        Square roots of the shares of the subject's colours: the dot product of two is 1 for
        the same mixture, 0 for none in common.
    shape : ndarray of float32, shape (576,)
        Directions of edges in 8 x 8 places of the subject; of length 1.
    """

    vector: Array
    classes: Array
    concept: Array
    colours: Array
    shape: Array

    @property
    def nbytes(self) -> int:
        """Bytes of all of it."""
        parts = (self.vector, self.classes, self.concept, self.colours, self.shape)
        return sum(part.nbytes for part in parts)


# ── The subject ────────────────────────────────────────────────────────────────────


def plain_ground(picture: Picture) -> Mask | None:
    """Find the product in a picture on one plain ground, or with transparency.

    Returns
    -------
    ndarray of bool, shape (height, width), or None
        True on the product, holes included; None if the ground is not plain.
    """
    if picture.mask is not None:
        return picture.mask if _LEAST <= picture.mask.mean() <= _MOST else None
    rgb = picture.rgb
    rim = max(1, round(0.02 * min(rgb.shape[:2])))
    edge = np.concatenate(
        [part.reshape(-1, 3) for part in (rgb[:rim], rgb[-rim:], rgb[:, :rim], rgb[:, -rim:])]
    ).astype(np.int16)
    ground = np.median(edge, axis=0)
    off = np.abs(edge - ground).max(axis=1)
    if np.mean(off <= _APART) < 0.85 or off[off <= _APART].std() > _PLAIN:
        return None
    far = np.abs(rgb.astype(np.int16) - ground.astype(np.int16)).max(axis=2) > _APART
    closed = cv2.morphologyEx(far.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(closed.shape, np.uint8)
    least = 0.002 * closed.size
    large = [outline for outline in outlines if cv2.contourArea(outline) >= least]
    cv2.drawContours(filled, large, -1, 1, cv2.FILLED)
    found = filled.astype(bool)
    return found if _LEAST <= found.mean() <= _MOST else None


def tight(rgb: RGB, mask: Mask) -> tuple[RGB, Mask]:
    """Cut a picture to its subject and lay that on white, with a small rim."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    rim = 1 + round(_RIM * max(np.ptp(rows), np.ptp(columns)))
    window = (
        slice(int(rows[0]), int(rows[-1]) + 1),
        slice(int(columns[0]), int(columns[-1]) + 1),
    )
    cover = np.pad(mask[window], rim)
    laid = np.full((*cover.shape, 3), 255, np.uint8)
    laid[rim:-rim, rim:-rim] = rgb[window]
    laid[~cover] = 255
    return laid, cover


def middle(rgb: RGB) -> RGB:
    """Cut the middle out of a photograph."""
    height, width = (round(_MIDDLE * side) for side in rgb.shape[:2])
    top, left = (rgb.shape[0] - height) // 2, (rgb.shape[1] - width) // 2
    return np.ascontiguousarray(rgb[top : top + height, left : left + width])


# ── Looks ──────────────────────────────────────────────────────────────────────────


def look_of_product(model: Model, picture: Picture) -> Look:
    """Describe a shop's picture.

    Parameters
    ----------
    model : Model
        One that names classes.
    picture : Picture

    Returns
    -------
    Look
        Without a concept: the titles say what products are.

    Raises
    ------
    WeightsMissing, WeightsWrong
        If the model cannot be used on this host.
    """
    mask = plain_ground(picture)
    if mask is None:
        subject, cover = picture.rgb, np.ones(picture.rgb.shape[:2], bool)
        closer = middle(picture.rgb)
    else:
        subject, cover = tight(picture.rgb, mask)
        closer = subject
    return _look(model, (picture.rgb, closer), subject, cover, worded=False)


def look_of_photograph(model: Model, picture: Picture, cutout: Cutout | None) -> Look:
    """Describe a photograph.

    Parameters
    ----------
    model : Model
        One that names classes.
    picture : Picture
    cutout : Cutout or None
        Where its subject is; None to take colours and shape from its middle.

    Returns
    -------
    Look

    Raises
    ------
    WeightsMissing, WeightsWrong
        If the model or the sentence encoder cannot be used on this host.
    """
    centre = middle(picture.rgb)
    if cutout is None:
        subject, cover = centre, np.ones(centre.shape[:2], bool)
    else:
        subject, cover = tight(picture.rgb, cutout.mask)
    return _look(model, (picture.rgb, centre), subject, cover, worded=sentences.missing() is None)


def _look(model: Model, views: tuple[RGB, RGB], subject: RGB, cover: Mask, *, worded: bool) -> Look:
    squares = [framed(model, Picture(view, "", ""), model.framing) for view in views]
    vectors, lengths = encode_framed(model, squares)
    logits = class_logits(model, vectors, lengths) / _SHARPNESS
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    concept = np.zeros(0, np.float32)
    if worded:
        concept = _unit(concepts(model, vectors, lengths).sum(axis=0))
    return Look(
        _unit(vectors.sum(axis=0)),
        np.asarray(np.sqrt(shares.mean(axis=0)), np.float32),
        concept,
        colours_of(subject, cover),
        shape_of(subject),
    )


def _unit(vector: Array) -> Array:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)


def colours_of(rgb: RGB, cover: Mask) -> Array:
    """Count the colours of a subject, each spread over its neighbours.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
    cover : ndarray of bool, shape (height, width)
        Pixels that count.

    Returns
    -------
    ndarray of float32, shape (576,)
        Square roots of shares; of Euclidean length 1.
    """
    scale = min(1.0, _SIDE / max(rgb.shape[:2]))
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    kept = cv2.resize(cover.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.6
    if not kept.any():
        kept = np.ones(kept.shape, bool)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)[kept]
    places = (
        lab[:, 0] / 100 * _LIGHT,
        (lab[:, 1] + _REACH) / (2 * _REACH) * _HUE,
        (lab[:, 2] + _REACH) / (2 * _REACH) * _HUE,
    )
    cells = [
        np.clip(place, 0, count - 1e-3).astype(int)
        for place, count in zip(places, (_LIGHT, _HUE, _HUE), strict=True)
    ]
    counts = np.zeros((_LIGHT, _HUE, _HUE), np.float32)
    np.add.at(counts, tuple(cells), 1)
    # Light differs from one photograph to the next: neighbours are almost the same colour
    spread = np.stack([cv2.GaussianBlur(layer, (0, 0), 0.8) for layer in counts])
    spread = 0.6 * spread + 0.2 * (
        np.concatenate([spread[1:], spread[-1:]]) + np.concatenate([spread[:1], spread[:-1]])
    )
    return np.asarray(np.sqrt(spread / spread.sum()).ravel(), np.float32)


def shape_of(rgb: RGB) -> Array:
    """Describe the directions of a subject's edges, place by place.

    Histograms of oriented gradients (Dalal and Triggs 2005,
    https://doi.org/10.1109/CVPR.2005.177), on the subject squashed to a square.

    Returns
    -------
    ndarray of float32, shape (576,)
        Of Euclidean length 1, or 0 where nothing has an edge.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(grey, (_OUTLINE, _OUTLINE), interpolation=cv2.INTER_AREA)
    level = np.sqrt(grey.astype(np.float32))
    across, down = cv2.Sobel(level, cv2.CV_32F, 1, 0), cv2.Sobel(level, cv2.CV_32F, 0, 1)
    strength = np.hypot(across, down)
    direction = np.mod(np.arctan2(down, across), np.pi) / np.pi * 9
    cells = np.zeros((8, 8, 9), np.float32)
    row, column = np.indices(grey.shape) // 8
    np.add.at(cells, (row, column, direction.astype(int) % 9), strength)
    cells = np.sqrt(cells / max(float(cells.sum()), 1e-6))
    return np.asarray(cells.ravel(), np.float32)
