"""Where the subject of a picture is likely to be, before any outline is drawn.

What lies along the border is mostly background. Each place is asked how unlike the border
it is, in colour and in what a network saw there, how much the network saw at all (Wei et al.
2017, https://doi.org/10.1109/TIP.2017.2688133), and on which side of the best division of
the picture it falls (Shi and Malik 2000, https://doi.org/10.1109/34.868688).
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.models.catalogue import Model, model_by_id
from imgsim_core.models.network import network
from imgsim_core.models.weights import availability

Plane = NDArray[np.float32]
RGB = NDArray[np.uint8]

_SEEN_SIDE = 448  # pixels: larger than the model's own input, so its grid is finer (14 × 14)
_COLOUR_SIDE = 64
_NEAREST = 10  # places of the border that a place is compared with
_JOINED = 0.6  # share of the pairs of places that count as not alike
_SPREAD = 0.25  # of a side: how far subjects stray from the middle
_SOFTEN = 25.0  # levels²: a border of one colour is not infinitely sure of it
_RANGE = (2, 98)  # percentiles that become 0 and 1

# The weights below were chosen by what this model sees, and hold for no other
_LOOKS = "efficientnet-lite2"
# Chosen on half of 170 photographs by how well the cut-outs agree with those of ISNet
_WEIGHTS = {
    "unlike border": 3.0,
    "seen": 3.2,
    "apart": 1.6,
    "unlike one side": 1.14,
    "unlike three sides": 1.44,
    "middle": 1.8,
}
_START = -5.34


def model_that_looks() -> Model | None:
    """Return the model whose features are used; None if its weights are not on this host."""
    model = model_by_id(_LOOKS)
    return model if availability(model).reason is None else None


def likely_subject(rgb: RGB, model: Model) -> Plane:
    """Tell how likely each pixel belongs to the subject.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
    model : Model
        Whose features to look at.

    Returns
    -------
    ndarray of float32, shape (height, width)
        0..1.

    Raises
    ------
    WeightsMissing, WeightsWrong
        If the model cannot be used on this host.
    """
    height, width = rgb.shape[:2]
    found = {
        **_by_network(rgb, model),
        **_unlike_border_in_colour(rgb),
        "middle": _middle(height, width),
    }
    strength = np.full((height, width), _START, np.float32)
    for name, weight in _WEIGHTS.items():
        plane = cv2.resize(found[name], (width, height), interpolation=cv2.INTER_CUBIC)
        strength += weight * np.clip(plane, 0, 1)
    likely = 1 / (1 + np.exp(-strength))
    return likely.astype(np.float32)


def _middle(height: int, width: int) -> Plane:
    rows = (np.arange(height, dtype=np.float32) + 0.5) / height - 0.5
    columns = (np.arange(width, dtype=np.float32) + 0.5) / width - 0.5
    plane = np.exp(-(rows[:, None] ** 2 + columns**2) / (2 * _SPREAD**2))
    return plane.astype(np.float32)


# ── Colours ────────────────────────────────────────────────────────────────────────


def _unlike_border_in_colour(rgb: RGB) -> dict[str, Plane]:
    """Mahalanobis distances to the colours along the four sides, in CIE Lab.

    A subject that touches a side is like that side: so the nearest of the four sides counts,
    and the mean of the three nearest.
    """
    side = _COLOUR_SIDE
    small = cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    distances = []
    for strip in (lab[:3], lab[-3:], lab[:, :3], lab[:, -3:]):
        colours = strip.reshape(-1, 3)
        spread = np.linalg.inv(np.cov(colours.T) + _SOFTEN * np.eye(3))
        away = lab.reshape(-1, 3) - colours.mean(axis=0)
        squares = np.einsum("ni,ij,nj->n", away, spread, away)
        distances.append(np.sqrt(np.maximum(squares, 0)))
    near = np.sort(distances, axis=0).reshape(4, side, side)
    return {
        "unlike one side": _stretched(near[0]),
        "unlike three sides": _stretched(near[:3].mean(axis=0)),
    }


# ── What a network sees ────────────────────────────────────────────────────────────


def _by_network(rgb: RGB, model: Model) -> dict[str, Plane]:
    import torch

    square = cv2.resize(rgb, (_SEEN_SIDE, _SEEN_SIDE), interpolation=cv2.INTER_AREA)
    mean, std = (np.array(values, np.float32) for values in (model.mean, model.std))
    levels = (square.astype(np.float32) / 255 - mean) / std
    batch = torch.from_numpy(np.ascontiguousarray(levels.transpose(2, 0, 1)[None]))
    grid = network(model).run("grids", batch)[0].numpy()
    places = grid.reshape(len(grid), -1).T
    lengths = np.linalg.norm(places, axis=1, keepdims=True)
    places = places / np.maximum(lengths, 1e-6)
    likeness = places @ places.T
    return {
        "seen": _stretched(np.maximum(grid, 0).sum(axis=0)),
        "unlike border": _unlike_border(likeness),
        "apart": _apart(likeness),
    }


def _unlike_border(likeness: Plane) -> Plane:
    """How unlike the most alike places of the border each place is; grid of shape (n, n)."""
    border = _border(likeness)
    others = likeness.copy()
    np.fill_diagonal(others, -1)
    nearest = np.sort(others[:, border], axis=1)[:, -_NEAREST:].mean(axis=1)
    return _stretched(-nearest.reshape(_grid(likeness)))


def _apart(likeness: Plane) -> Plane:
    """Second eigenvector of the normalised graph of places, the border on its low side."""
    joined = np.where(likeness > np.quantile(likeness, _JOINED), likeness, 1e-4).astype(float)
    roots = np.sqrt(joined.sum(axis=1))
    _, vectors = np.linalg.eigh(joined / roots[:, None] / roots)
    side = vectors[:, -2] / roots
    if side[_border(likeness)].mean() > side.mean():
        side = -side
    return _stretched(side.reshape(_grid(likeness)))


def _grid(likeness: Plane) -> tuple[int, int]:
    side = math.isqrt(len(likeness))
    return side, side


def _border(likeness: Plane) -> NDArray[np.intp]:
    inside = np.zeros(_grid(likeness), bool)
    inside[1:-1, 1:-1] = True
    return np.flatnonzero(~inside)


def _stretched(values: NDArray[np.floating]) -> Plane:
    """Bring values to 0..1, but for a few at either end."""
    low, high = np.percentile(values, _RANGE)
    stretched: Plane = np.clip((values - low) / (high - low + 1e-9), 0, 1).astype(np.float32)
    return stretched
