"""Galleries that the host has published: everything in its store, to look at only."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from imgsim_core.errors import StoreGone
from imgsim_core.gallery.gallery import Gallery, open_gallery
from imgsim_core.gallery.shelf import PICTURES_ADDRESS, Shelf
from imgsim_core.gallery.shelf import USUAL_ADDRESS as PICTURES_USUALLY
from imgsim_core.gallery.store import STORE_ADDRESS, USUAL_ADDRESS, GalleryInfo, Store, open_store
from imgsim_core.text import HostText, Text

_lock = threading.Lock()
_stores: dict[str, Store] = {}
_shelves: dict[str, Shelf] = {}


def published() -> tuple[GalleryInfo, ...]:
    """List the galleries of the host's store, by name.

    Returns
    -------
    tuple of GalleryInfo
        Empty if the host has set no store and the usual folder is not there.

    Raises
    ------
    StoreGone
        If the store cannot be reached.
    """
    store = _store()
    return store.galleries() if store else ()


def open_published(name: str) -> Gallery:
    """Open a gallery of the host's store for reading.

    Raises
    ------
    UnknownGallery, StoreGone
    """
    store = _store()
    if store is None:
        raise StoreGone(Text("This server has no galleries of its own."))
    address = os.environ.get(PICTURES_ADDRESS) or PICTURES_USUALLY
    with _lock:
        if address not in _shelves:
            _shelves[address] = Shelf(address)
        shelf = _shelves[address]
    return open_gallery(name, store, shelf, read_only=True)


def _store() -> Store | None:
    """Open the host's store once; looking for it makes no folder."""
    address = os.environ.get(STORE_ADDRESS)
    wanted = address or USUAL_ADDRESS
    if "://" not in wanted and not Path(wanted).is_dir():
        if not address:
            return None
        raise StoreGone(Text("There is no store at {address}.", address=HostText(address)))
    with _lock:
        if wanted not in _stores:
            _stores[wanted] = open_store(wanted)
        return _stores[wanted]
