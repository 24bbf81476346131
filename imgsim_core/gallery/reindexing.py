"""Galleries from one store to another: vectors move as they are, no model is asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from imgsim_core.errors import StoreGone, UnknownGallery
from imgsim_core.gallery.store import GalleryInfo, Store
from imgsim_core.text import Text, UserText

_BATCH = 1_000  # rows moved at a time


@dataclass(frozen=True, kw_only=True)
class Copied:
    """What became of a gallery that was copied.

    Parameters
    ----------
    gallery : str
        Its name.
    rows : int
        In the store it came from.
    copied, held : int
        Rows that were written, and rows that the other store held already.
    complete : bool
        False if it was stopped before the end.
    seconds : float
        For reading and writing.
    settling : float
        Seconds for tidying up and indexing afterwards.
    """

    gallery: str
    rows: int
    copied: int
    held: int
    complete: bool
    seconds: float
    settling: float = 0.0

    @property
    def rate(self) -> float:
        """Rows written a second; 0 if none were."""
        return self.copied / self.seconds if self.copied else 0.0


def reindex(
    gallery: str,
    source: Store,
    target: Store,
    told: Callable[[int, int], None] | None = None,
    stop: threading.Event | None = None,
) -> Copied:
    """Copy a gallery from one store into another.

    Parameters
    ----------
    gallery : str
    source, target : Store
        Of whatever kind. Rows that the target holds are left as they are, so a copy that
        was cut short is completed by another.
    told : callable or None
        Called with the rows done and their number, after each batch.
    stop : threading.Event or None
        Once set, copying ends after the batch at hand.

    Returns
    -------
    Copied

    Raises
    ------
    UnknownGallery
        If the source has none of this name.
    OtherEncoder
        If the target has one of this name whose vectors are of another encoder.
    StoreGone
        If a store fails, or the target does not end up with the source's rows.
    """
    info = _info(source, gallery)
    target.create(info)
    began = time.monotonic()
    total = source.count(gallery)
    seen = held = 0
    for rows in source.scan(gallery, batch=_BATCH):
        if stop is not None and stop.is_set():
            seconds = time.monotonic() - began
            return Copied(
                gallery=gallery,
                rows=total,
                copied=seen - held,
                held=held,
                complete=False,
                seconds=seconds,
            )
        known = target.held(gallery, [row.entry.digest for row in rows])
        target.add(gallery, [row for row in rows if row.entry.digest not in known])
        seen += len(rows)
        held += len(known)
        if told is not None:
            told(seen, total)
    seconds = time.monotonic() - began
    began = time.monotonic()
    target.settle(gallery)
    settling = time.monotonic() - began
    _check(gallery, source, target)
    return Copied(
        gallery=gallery,
        rows=total,
        copied=seen - held,
        held=held,
        complete=True,
        seconds=seconds,
        settling=settling,
    )


def _info(store: Store, gallery: str) -> GalleryInfo:
    for info in store.galleries():
        if info.name == gallery:
            return info
    raise UnknownGallery(Text("There is no gallery called {name}.", name=UserText(gallery)))


def _check(gallery: str, source: Store, target: Store) -> None:
    """Raise if the two do not hold the same pictures."""
    here, there = (
        {row.entry.digest for rows in store.scan(gallery, vectors=False) for row in rows}
        for store in (source, target)
    )
    if here != there or target.count(gallery) != len(here):
        raise StoreGone(
            Text(
                "The copy of the gallery {name} lacks {missing} pictures and has {others} that "
                "the gallery does not have: one of them was changed meanwhile or before.",
                name=UserText(gallery),
                missing=len(here - there),
                others=len(there - here),
            )
        )
