"""A gallery made by another encoder than is at hand now: saying so, and embedding it again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from imgsim_core.errors import GalleryReadOnly, ImgSimError, ModelError
from imgsim_core.gallery.entry import Entry, Row
from imgsim_core.gallery.facts import SIDE
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.ingest import embed, new_gallery
from imgsim_core.models.catalogue import Model, model_by_id
from imgsim_core.models.identity import encoder_key
from imgsim_core.text import Text, UserText

AGAIN = "-again"
"""End of the name of a gallery that is being made from another."""

_BATCH = 32
_LONGEST_NAME = 63


def outdated(gallery: Gallery) -> Text | None:
    """Tell why new pictures cannot be compared with a gallery's.

    Parameters
    ----------
    gallery : Gallery

    Returns
    -------
    Text or None
        None if the very encoder that made it is at hand.
    """
    try:
        model = model_by_id(gallery.info.model)
    except ModelError:
        return Text(
            "This gallery was made with a model that this server does not know: {model}.",
            model=UserText(gallery.info.model),
        )
    try:
        here = encoder_key(model)
    except ModelError as error:
        return Text(
            "This gallery was made with {model}, which cannot be used just now. {why}",
            model=model.label,
            why=error.text,
        )
    if here == gallery.info.encoder:
        return None
    return Text(
        "This gallery was made with another version of {model} than this server has: new "
        "pictures cannot be compared with it.",
        model=model.label,
    )


def reembed(
    gallery: Gallery,
    model: Model,
    told: Callable[[int, int], None] | None = None,
    stop: threading.Event | None = None,
) -> Gallery:
    """Embed a gallery's pictures by another model, and only then drop the old vectors.

    Parameters
    ----------
    gallery : Gallery
        Its pictures are read from its shelf, or where they came from.
    model : Model
    told : callable or None
        Called with the pictures done and their number, after each batch.
    stop : threading.Event or None
        Once set, before the last batch, the gallery stays as it was.

    Returns
    -------
    Gallery
        Of the same name, in the same store, on the same shelf; as it was if it was
        stopped. A picture that is no longer to be had is left out.

    Raises
    ------
    GalleryReadOnly
        If it is published to look at.
    ImgSimError
        If model or store fail; the gallery stays as it was.
    """
    if gallery.read_only:
        raise GalleryReadOnly(Text("This gallery is there to look at, not to change."))
    store, shelf = gallery.store, gallery.shelf
    name = gallery.name[: _LONGEST_NAME - len(AGAIN)] + AGAIN
    store.drop(name)  # what an earlier attempt may have left
    entries = gallery.snapshot().entries
    try:
        fresh = new_gallery(name, store, shelf, model=model)
        for start in range(0, len(entries), _BATCH):
            if stop is not None and stop.is_set():
                return gallery
            store.add(name, _embedded(gallery, model, entries[start : start + _BATCH]))
            if told is not None:
                told(min(start + _BATCH, len(entries)), len(entries))
        # A store knows no new names: the vectors move, which costs no model.
        store.drop(gallery.name)
        again = new_gallery(gallery.name, store, shelf, model=model, title=gallery.info.title)
        for rows in fresh.store.scan(name):
            store.add(gallery.name, rows)
    finally:
        store.drop(name)
    return again


def _embedded(gallery: Gallery, model: Model, entries: Sequence[Entry]) -> list[Row]:
    kept, pictures = [], []
    for entry in entries:
        try:
            pictures.append(gallery.picture(entry, SIDE))
        except ImgSimError:
            continue  # gone from its shelf: nothing is left to embed
        kept.append(entry)
    if not kept:
        return []
    vectors, lengths = embed(model, pictures)
    return [
        Row(replace(entry, length=float(length)), vector)
        for entry, vector, length in zip(kept, vectors, lengths, strict=True)
    ]
