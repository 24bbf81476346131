"""Small square pictures of a gallery: for the map's dots, and side by side for its clusters."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from imgsim_core import lanes
from imgsim_core.errors import ImgSimError, StoreGone
from imgsim_core.gallery.entry import Entry
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.text import Text, UserText
from pages.parts import cached

SIDE = 80
COLUMNS = 12
_READERS = 8  # a shelf may be far away; reading is waiting
_LEAD = 3 * SIDE

RGB = NDArray[np.uint8]


def tile(gallery: Gallery, entry: Entry, side: int = SIDE) -> RGB | None:
    """Cut the middle of a picture to a square, or return None where no copy is kept."""

    def make() -> RGB:
        small = gallery.shelf.thumbnail(entry.digest)
        if small is None:
            # Raised, not returned: it may come later, and what is raised is not kept
            raise StoreGone(
                Text("The picture {name} is no longer there.", name=UserText(entry.name))
            )
        with Image.open(io.BytesIO(small)) as opened:
            return np.asarray(ImageOps.fit(opened.convert("RGB"), (side, side)))

    try:
        key = ("tile", gallery.shelf.address, entry.digest, side)
        return cached.memory().recall(key, make)
    except ImgSimError:
        return None


def sheet(gallery: Gallery, entries: Sequence[Entry]) -> tuple[bytes, list[int]]:
    """Put tiles in rows of `COLUMNS` on one JPEG, so that a browser opens one file.

    Returns
    -------
    bytes
        Empty if there is no tile at all.
    list of int
        Places in `entries` of the tiles, in order: pictures without a copy are left out.
    """
    with ThreadPoolExecutor(_READERS, initializer=lanes.joined()) as readers:
        tiles = list(readers.map(lambda entry: tile(gallery, entry), entries))
    there = [place for place, one in enumerate(tiles) if one is not None]
    if not there:
        return b"", []
    canvas = np.zeros((-(-len(there) // COLUMNS) * SIDE, COLUMNS * SIDE, 3), np.uint8)
    for number, place in enumerate(there):
        top, left = (SIDE * part for part in divmod(number, COLUMNS))
        canvas[top : top + SIDE, left : left + SIDE] = tiles[place]
    return cached.jpeg(canvas, 80), there


def montage(gallery: Gallery, entries: Sequence[Entry]) -> bytes | None:
    """JPEG of one large tile with up to three small ones beside it; None without a tile."""
    lead, *others = entries[:4]
    large = tile(gallery, lead, _LEAD)
    if large is None:
        return None
    small_ones = [
        one
        for one in (tile(gallery, entry, _LEAD // len(others)) for entry in others)
        if one is not None
    ]
    if len(small_ones) < max(1, len(others)):
        return cached.jpeg(large)
    return cached.jpeg(np.hstack([large, np.vstack(small_ones)]))
