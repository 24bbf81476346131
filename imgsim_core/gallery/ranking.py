"""What every way of searching a gallery needs: vectors of what is asked with, rows in order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from imgsim_core.calibration import meaning_by, reference_for
from imgsim_core.comparison import Question
from imgsim_core.gallery.entry import ANYTHING, Filter
from imgsim_core.gallery.facts import SIDE
from imgsim_core.gallery.gallery import Gallery, Snapshot
from imgsim_core.gallery.ingest import embed
from imgsim_core.gallery.result import Hit, PictureAsked
from imgsim_core.method import Scale
from imgsim_core.own_examples import own_meaning
from imgsim_core.picture import Picture

Array = NDArray[np.float32]

MOST_COMPARED = 2_000
"""Pictures that a method without an index looks at: beyond, those the model finds nearest."""


def kept_rows(snapshot: Snapshot, where: Filter) -> NDArray[np.intp]:
    """Rows of the pictures that meet the conditions, ascending."""
    if where == ANYTHING:
        return np.arange(len(snapshot))
    return np.flatnonzero([where.keeps(entry) for entry in snapshot.entries])


def first(scores: Array, count: int) -> NDArray[np.intp]:
    """Places of the largest scores, the largest first; equal ones in their own order."""
    if len(scores) > count:
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        candidates = np.flatnonzero(scores >= least)
    else:
        candidates = np.arange(len(scores))
    order = np.argsort(-scores[candidates], kind="stable")[:count]
    return np.asarray(candidates[order], np.intp)


def vector_of(gallery: Gallery, asked: PictureAsked, snapshot: Snapshot | None = None) -> Array:
    """Vector of a picture: as it is stored, if the gallery has it.

    Parameters
    ----------
    gallery : Gallery
    asked : PictureAsked
    snapshot : Snapshot or None
        Of the gallery, where it is at hand.

    Returns
    -------
    ndarray of float32, shape (dimension,)
        Of length 1.

    Raises
    ------
    UnknownGallery
        If it is one of the gallery and no longer there.
    ModelError
        If it must be described and the gallery's model cannot be used on this host.
    """
    row = None if snapshot is None else snapshot.row_of.get(asked.digest)
    if snapshot is not None and row is not None:
        known: Array = snapshot.vectors[row]
        return known
    rows = gallery.store.get(gallery.name, [asked.digest])
    if rows:
        return rows[0].vector
    if asked.picture is None:
        gallery.entry(asked.digest)  # says that it is not there
    model = gallery.model()
    vectors, _ = embed(model, [_reduced(asked.picture)] if asked.picture else [])
    return np.asarray(vectors[0], np.float32)


def _reduced(picture: Picture) -> Picture:
    """Reduce a picture to what pictures of a gallery are embedded at."""
    import cv2

    scale = SIDE / max(picture.width, picture.height)
    if scale >= 1:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    rgb = np.asarray(cv2.resize(picture.rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    return Picture(rgb, picture.digest, picture.name)


def marked(hit: Hit, asked: PictureAsked) -> Hit:
    """Mark the very file that was asked with; it alone is identical."""
    same = hit.entry.digest == asked.digest
    # As the method has it: only a file is identical with itself
    value = 1.0 if same else min(hit.value, math.nextafter(1.0, 0.0))
    return replace(hit, value=value, same_file=same)


def with_meaning(hits: Sequence[Hit], question: Question | None) -> tuple[Hit, ...]:
    """Say of each hit what its score means, where that was measured, or taught."""
    if question is None:
        return tuple(hits)
    examples = question.method.examples
    if examples is not None:
        return tuple(replace(hit, own=own_meaning(examples, hit.value)) for hit in hits)
    reference = reference_for(question)
    if reference is None:
        return tuple(hits)
    return tuple(replace(hit, meaning=meaning_by(reference, hit.value)) for hit in hits)


def leading(hits: Sequence[Hit], scale: Scale, limit: float) -> int:
    """Count the first hits that are alike by a line; the same file always is."""
    alike = [hit.same_file or scale.is_alike(hit.value, limit) for hit in hits]
    return alike.index(False) if False in alike else len(alike)
