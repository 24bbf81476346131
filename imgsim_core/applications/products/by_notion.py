"""A catalogue seen by what a visitor taught, in place of what the network sees by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgsim_core.applications.products.catalogue import Catalogue
from imgsim_core.applications.products.looks import Array, Look
from imgsim_core.errors import WeightsMissing
from imgsim_core.memory import Memory
from imgsim_core.method import Method, OnVectors
from imgsim_core.models.catalogue import Model
from imgsim_core.models.identity import encoder_key

_SAMPLED = 20_000  # pairs of pictures that tell what unrelated products have
_FEWEST = 10
_LEAST_SPREAD = 0.01  # of a cosine: below it a notion tells nothing apart
_USUAL, _SPREAD = 0.0, 0.1  # where a catalogue is too small to say


@dataclass(frozen=True, eq=False)
class Seen:
    """How alike a photograph and every picture of a catalogue are, as it was taught.

    cosines : ndarray of float32, shape (pictures,), -1 to 1. apart : ndarray of float64,
    shape (pictures,), how far they lie beyond what unrelated products have, in spreads.
    """

    cosines: Array
    apart: NDArray[np.float64]


def fits_model(method: Method, model: Model) -> bool:
    """Tell whether a method was taught on the vectors that a model makes here."""
    try:
        return method.on_vectors is not None and method.on_vectors.encoder == encoder_key(model)
    except WeightsMissing:
        return False


def seen_by(method: Method, catalogue: Catalogue, look: Look, memory: Memory) -> Seen:
    """Compare a photograph with a catalogue as it was taught.

    Parameters
    ----------
    method : Method
        One that `fits_model` the catalogue's model.
    catalogue : Catalogue
    look : Look
        The photograph's.
    memory : Memory
        Keeps the catalogue's vectors as they are carried.

    Returns
    -------
    Seen
    """
    taught = method.on_vectors
    if taught is None:
        raise ValueError(f"{method.id} does not work on vectors")
    carried, usual, spread = memory.recall(
        ("product notion", method.id, catalogue.digest), lambda: _carried(taught, catalogue)
    )
    cosines = np.clip(carried @ taught.carry(look.vector[None])[0], -1, 1)
    return Seen(cosines, (cosines.astype(float) - usual) / spread)


def _carried(taught: OnVectors, catalogue: Catalogue) -> tuple[Array, float, float]:
    """Vectors of the pictures as they are carried; mean and spread of unrelated cosines."""
    carried = taught.carry(catalogue.vectors)
    random = np.random.default_rng(0)
    a, b = random.integers(len(carried), size=(2, _SAMPLED))
    unrelated = catalogue.owners[a] != catalogue.owners[b]
    if unrelated.sum() < _FEWEST:
        return carried, _USUAL, _SPREAD
    # Piece by piece: the chosen rows together can be larger than the catalogue
    cosines = np.concatenate(
        [
            np.einsum("ij,ij->i", carried[some], carried[others])
            for some, others in zip(
                np.array_split(a[unrelated], 20), np.array_split(b[unrelated], 20), strict=True
            )
        ]
    )
    return carried, float(cosines.mean()), max(float(cosines.std()), _LEAST_SPREAD)
