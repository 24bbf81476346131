"""A gallery made by another encoder than is at hand now: saying so, and embedding it again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from imgsim_core.errors import (
    BadGalleryName,
    GalleryReadOnly,
    ImgSimError,
    ModelError,
    StoreGone,
)
from imgsim_core.gallery.entry import Entry, Row
from imgsim_core.gallery.facts import SIDE
from imgsim_core.gallery.gallery import Gallery, open_gallery
from imgsim_core.gallery.ingest import embed
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import GalleryInfo, Store
from imgsim_core.models.catalogue import Model, model_by_id
from imgsim_core.models.identity import encoder_key
from imgsim_core.text import Text, UserText

AGAIN = "-again"
"""End of the name of a gallery that is being made from another."""

_BATCH = 32
_COPIED = 1_000  # rows moved at a time
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
    BadGalleryName
        If another gallery has the name that the new one is made under.
    ImgSimError
        If model or store fail. Nothing is lost, and doing it again completes it.

    Notes
    -----
    All is made under another name first, and marked once it is complete; from then on that
    copy stays until the gallery itself is complete again. So at every moment one of the two
    is whole, even if the process is killed: `finish_reembedding` tells which.
    """
    if gallery.read_only:
        raise GalleryReadOnly(Text("This gallery is there to look at, not to change."))
    encoder = encoder_key(model)
    finished = finish_reembedding(gallery.name, gallery.store, gallery.shelf)
    if finished is not None and finished.info.encoder == encoder:
        return finished
    # As it is now: what was opened once may have been embedded again since
    gallery = finished or open_gallery(gallery.name, gallery.store, gallery.shelf)
    store, info = gallery.store, gallery.info
    copy = GalleryInfo(
        name=_copy_name(info.name),
        title=_begun(info.name) + info.title,
        model=model.id,
        encoder=encoder,
        dimension=model.dimension,
        created=time.time(),
        expires=info.expires,
    )
    for other in store.galleries():
        if other.name == copy.name and not other.title.startswith(_begun(info.name)):
            raise _in_the_way(copy.name, info.name)
    store.drop(copy.name)  # what an earlier attempt may have left, which was not complete
    is_made = False
    try:
        store.create(copy)
        is_made = _make(gallery, model, copy.name, told, stop)
    finally:
        if not is_made:
            with suppress(ImgSimError):  # it is told by its mark, and dropped next time
                store.drop(copy.name)
    if not is_made:
        return gallery
    complete = replace(copy, title=_complete(info.name) + info.title)
    store.create(complete)
    store.drop(info.name)
    return _take_over(store, gallery.shelf, info.name, complete)


def finish_reembedding(name: str, store: Store, shelf: Shelf) -> Gallery | None:
    """Complete what an interrupted `reembed` has left.

    Parameters
    ----------
    name : str
        Of the gallery, which need not be there any more.
    store : Store
    shelf : Shelf

    Returns
    -------
    Gallery or None
        The gallery as it was embedded again; None if nothing had to be completed.

    Raises
    ------
    StoreGone
    """
    infos = {info.name: info for info in store.galleries()}
    copy, here = infos.get(_copy_name(name)), infos.get(name)
    if copy is None or not copy.title.startswith(_complete(name)):
        return None  # the gallery itself was not touched
    if here is None or here.title.startswith(_begun(name)):
        return _take_over(store, shelf, name, copy)
    # Whole: as it was before, or already made anew
    more = _digests(store, copy.name) - _digests(store, name)
    if more and here.encoder != copy.encoder:
        return None  # somebody has begun another gallery of this name: both stay
    for start in range(0, len(more), _COPIED):
        store.add(name, store.get(copy.name, sorted(more)[start : start + _COPIED]))
    store.drop(copy.name)
    return None


def _take_over(store: Store, shelf: Shelf, name: str, copy: GalleryInfo) -> Gallery:
    """Make a gallery that is not there, or not whole, from its complete copy.

    A store knows no new names: the vectors move, which costs no model.
    """
    title = copy.title.removeprefix(_complete(name))
    begun = replace(copy, name=name, title=_begun(name) + title)
    if all(info.name != name for info in store.galleries()):
        store.drop(name)  # of one whose dropping was cut short something may be left
    store.create(begun)
    for rows in store.scan(copy.name, batch=_COPIED):
        store.add(name, rows)
    if _digests(store, copy.name) - _digests(store, name):
        raise StoreGone(
            Text(
                "The gallery {name} was changed while it was embedded again: do it once more.",
                name=UserText(name),
            )
        )
    info = replace(begun, title=title)
    store.create(info)
    store.drop(copy.name)
    return Gallery(store, shelf, info)


def _make(
    gallery: Gallery,
    model: Model,
    copy: str,
    told: Callable[[int, int], None] | None,
    stop: threading.Event | None,
) -> bool:
    """Embed all pictures into the copy; tell whether it has become complete."""
    store = gallery.store
    tried: set[str] = set()
    made: set[str] = set()
    # Again for what somebody has added in the meantime
    while entries := [one for one in gallery.snapshot().entries if one.digest not in tried]:
        for start in range(0, len(entries), _BATCH):
            if stop is not None and stop.is_set():
                return False
            some = entries[start : start + _BATCH]
            rows = _embedded(gallery, model, some)
            store.add(copy, rows)
            made.update(row.entry.digest for row in rows)
            tried.update(entry.digest for entry in some)
            if told is not None:
                told(len(tried), len(tried) + len(entries) - start - len(some))
    if tried and not made:
        raise StoreGone(
            Text(
                "None of the pictures of {name} can be read any more: its vectors stay as they "
                "are.",
                name=UserText(gallery.title),
            )
        )
    wanted = made & _digests(store, gallery.name)
    store.remove(copy, made - wanted)  # taken out of the gallery in the meantime
    if _digests(store, copy) != wanted:
        raise _in_the_way(copy, gallery.name)  # somebody else writes into it
    return True


def _digests(store: Store, name: str) -> set[str]:
    return {row.entry.digest for rows in store.scan(name, vectors=False) for row in rows}


# ── Names and marks ────────────────────────────────────────────────────────────────


def _copy_name(name: str) -> str:
    return name[: _LONGEST_NAME - len(AGAIN)] + AGAIN


# A title is what a store can change at once. The name is in it whole, since that of the copy
# may be cut; what follows is the gallery's own title.
def _begun(name: str) -> str:
    return f"{name}, being embedded again: "


def _complete(name: str) -> str:
    return f"{name}, embedded again: "


def _in_the_way(copy: str, name: str) -> BadGalleryName:
    return BadGalleryName(
        Text(
            "To embed {name} again the name {copy} is needed, but a gallery with other pictures "
            "has it.",
            name=UserText(name),
            copy=UserText(copy),
        )
    )


# ── Embedding ──────────────────────────────────────────────────────────────────────


def _embedded(gallery: Gallery, model: Model, entries: Sequence[Entry]) -> list[Row]:
    kept, pictures = [], []
    for entry in entries:
        try:
            pictures.append(gallery.picture(entry, SIDE))
        except StoreGone:
            # A shelf that cannot be asked, or only now and then, is no reason to leave it out
            if gallery.shelf.thumbnail(entry.digest) is not None:
                raise
            continue  # gone from its shelf: nothing is left to embed
        except ImgSimError:
            continue
        kept.append(entry)
    if not kept:
        return []
    vectors, lengths = embed(model, pictures)
    return [
        Row(replace(entry, length=float(length)), vector)
        for entry, vector, length in zip(kept, vectors, lengths, strict=True)
    ]
