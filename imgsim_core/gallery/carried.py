"""Search by a notion that was taught on a gallery's own vectors: they are carried, not made anew.

What a visitor taught is a small step behind the gallery's model. So the stored vectors are
enough: no picture is opened, and pictures can be added up and taken away as for the model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imgsim_core.calibration import Strictness, line
from imgsim_core.comparison import Question
from imgsim_core.errors import GalleryError
from imgsim_core.gallery.entry import Entry, Filter
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.lance import EXACT_UP_TO
from imgsim_core.gallery.ranking import (
    MOST_COMPARED,
    first,
    kept_rows,
    leading,
    marked,
    vector_of,
    with_meaning,
)
from imgsim_core.gallery.result import Hit, PictureAsked, Result
from imgsim_core.method import Method, OnVectors
from imgsim_core.standing_out import guessed_line
from imgsim_core.text import Text

Array = NDArray[np.float32]

_ROWS = 4096  # carried at a time: a gallery's carried vectors are never in memory whole


def fits(gallery: Gallery, method: Method) -> bool:
    """Tell whether a method can be answered from a gallery's stored vectors."""
    return method.on_vectors is not None and method.on_vectors.encoder == gallery.info.encoder


def carried_cosines(carried: OnVectors, vectors: Array, direction: Array) -> Array:
    """Cosines of carried vectors to a direction.

    Parameters
    ----------
    carried : OnVectors
    vectors : ndarray of float32, shape (n, d)
        As the model made them, of length 1.
    direction : ndarray of float32, shape (d,)
        In the space they are carried to, of length 1.

    Returns
    -------
    ndarray of float32, shape (n,)
        -1 to 1, higher is more alike.
    """
    found = np.zeros(len(vectors), np.float32)
    for start in range(0, len(vectors), _ROWS):
        rows = slice(start, start + _ROWS)
        found[rows] = carried.carry(vectors[rows]) @ direction
    return np.clip(found, -1, 1)


def by_carried(
    gallery: Gallery,
    pictures: Sequence[PictureAsked],
    question: Question,
    count: int,
    where: Filter,
    strictness: Strictness,
) -> Result:
    """Find the pictures that are most alike as it was taught.

    Parameters
    ----------
    gallery : Gallery
        One that the method `fits`.
    pictures : sequence of PictureAsked
        Added up by their weights.
    question : Question
    count : int
    where : Filter
    strictness : Strictness

    Returns
    -------
    Result
        Of a gallery too large to be read whole, those of the model's nearest
        `MOST_COMPARED` that are most alike; a note says so.

    Raises
    ------
    GalleryError
        If the parts cancel each other out, or the gallery is gone.
    ModelError
        If a picture must be described and the model cannot be used on this host.
    """
    method = question.method
    carried = method.on_vectors
    if carried is None:
        raise ValueError(f"{method.id} does not work on vectors")
    known = None if _is_large(gallery) else gallery.snapshot()
    vectors = np.stack([vector_of(gallery, part, known) for part in pictures])
    weights = np.array([part.weight for part in pictures], np.float32)
    direction = _unit(weights @ carried.carry(vectors))
    notes: tuple[Text, ...] = ()
    if known is not None:
        rows = kept_rows(known, where)
        scores = carried_cosines(carried, known.vectors, direction)
        usual, among = scores, scores[rows]
        entries: Sequence[Entry] = [known.entries[row] for row in rows]
        of = len(entries)
    else:
        entries, among = _of_the_nearest(gallery, carried, vectors, weights, direction, where)
        usual, of = np.zeros(0, np.float32), gallery.store.count(gallery.name)
        notes = (nearest_only(len(entries), of),)
    hits = [Hit(entries[place], float(among[place])) for place in first(among, count)]
    own = pictures[0] if len(pictures) == 1 else None
    if own is not None:
        hits = [marked(hit, own) for hit in hits]
    limit = line(question, strictness) if own is not None else guessed_line(usual, strictness)
    return Result(
        label=method.label,
        scale=method.scale,
        hits=with_meaning(hits, question if own is not None else None),
        standing_out=None if limit is None else leading(hits, method.scale, limit),
        guess=None if own is not None else FROM_GALLERY,
        question=question if own is not None else None,
        looked_at=len(entries),
        of=of,
        notes=notes,
    )


FROM_GALLERY = Text("a guess from how this gallery scores as a whole")


def nearest_only(count: int, total: int) -> Text:
    """Say that only the model's nearest pictures were compared."""
    return Text(
        "Compared with the {count} pictures that the gallery's model finds nearest: to look at "
        "all {total} would take too long.",
        count=count,
        total=total,
    )


def _is_large(gallery: Gallery) -> bool:
    return gallery.store.count(gallery.name) > EXACT_UP_TO


def _of_the_nearest(
    gallery: Gallery,
    carried: OnVectors,
    vectors: Array,
    weights: Array,
    direction: Array,
    where: Filter,
) -> tuple[Sequence[Entry], Array]:
    """Entries that the model finds nearest to what is asked, and their carried cosines."""
    found = gallery.store.search(gallery.name, _unit(weights @ vectors), MOST_COMPARED, where)
    rows = gallery.store.get(gallery.name, [one.entry.digest for one in found])
    if not rows:
        return (), np.zeros(0, np.float32)
    stored = np.stack([row.vector for row in rows])
    return [row.entry for row in rows], carried_cosines(carried, stored, direction)


def _unit(vector: Array) -> Array:
    length = float(np.linalg.norm(vector))
    if length < 1e-6:
        raise GalleryError(Text("The parts of the query cancel each other out."))
    return np.asarray(vector / length, np.float32)
