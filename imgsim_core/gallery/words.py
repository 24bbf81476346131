"""All pictures of a gallery among the meanings of the class names, kept while it stays."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgsim_core import paged
from imgsim_core.gallery.gallery import Gallery, Snapshot
from imgsim_core.models import sentences
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.words import concepts
from imgsim_core.sizes import drop_oldest

Array = NDArray[np.float32]

_MOST_BYTES = 2**28
_AT_A_TIME = 8192  # pictures


@dataclass(frozen=True, eq=False)
class _Placed:
    version: str
    row_of: Mapping[str, int]
    concepts: Array


_lock = threading.Lock()
_placed: dict[tuple[str, str, float], _Placed] = {}


def gallery_concepts(gallery: Gallery, snapshot: Snapshot) -> Array:
    """Place all pictures of a gallery among the class names; only new ones cost anything.

    Parameters
    ----------
    gallery : Gallery
        Of a model with `classes`.
    snapshot : Snapshot
        Of this gallery.

    Returns
    -------
    ndarray of float32, shape (n, 384)
        Row i belongs to entry i of the snapshot.

    Raises
    ------
    WeightsMissing, WeightsWrong
        As `concepts`.
    """
    key = (gallery.store.address, gallery.name, gallery.info.created)
    with _lock:
        known = _placed.get(key)
    if known is not None and known.version == snapshot.version:
        return known.concepts
    placed = paged.zeros(len(snapshot), sentences.DIMENSION)
    earlier = {} if known is None else known.row_of
    fresh = [row for row, entry in enumerate(snapshot.entries) if entry.digest not in earlier]
    if known is not None:
        for row, entry in enumerate(snapshot.entries):
            if entry.digest in earlier:
                placed[row] = known.concepts[earlier[entry.digest]]
    model = model_by_id(gallery.info.model)
    # Some at a time: picking out all vectors of a large gallery would copy them
    for start in range(0, len(fresh), _AT_A_TIME):
        rows = fresh[start : start + _AT_A_TIME]
        lengths = np.array([snapshot.entries[row].length for row in rows], np.float32)
        placed[rows] = concepts(model, snapshot.vectors[rows], lengths)
    placed.setflags(write=False)
    with _lock:
        _placed.pop(key, None)
        _placed[key] = _Placed(snapshot.version, snapshot.row_of, placed)
        drop_oldest(_placed, _MOST_BYTES, lambda one: one.concepts.nbytes)
    return placed


def forget_concepts(address: str) -> None:
    """Let go of what is remembered of galleries whose store lies at or below an address."""
    with _lock:
        for key in [key for key in _placed if key[0].startswith(address)]:
            del _placed[key]
