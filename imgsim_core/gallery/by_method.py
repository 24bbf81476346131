"""Search by any method of the registry: it looks at small copies of the pictures."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core import lanes
from imgsim_core.comparison import Question
from imgsim_core.errors import ImgSimError
from imgsim_core.gallery.entry import Entry
from imgsim_core.gallery.facts import turned_hashes
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.result import PictureAsked, Told
from imgsim_core.gallery.shelf import THUMBNAIL_SIDE, thumbnail
from imgsim_core.memory import Memory
from imgsim_core.methods.keypoints import MatchResult, verified_match
from imgsim_core.picture import Picture, open_picture
from imgsim_core.registry import method_by_id

STORED_METHOD = "phash"
"""The method whose descriptions a gallery keeps with every picture."""

VERIFIED_SIDE = 640
_WORKERS = 2
_AT_ONCE = 16


@dataclass(frozen=True)
class Compared:
    """What a method said of pictures: value by digest, and how many it could not take."""

    values: dict[str, float]
    failed: int


def by_method(
    gallery: Gallery,
    asked: PictureAsked,
    question: Question,
    entries: Sequence[Entry],
    memory: Memory,
    told: Told | None = None,
    stop: threading.Event | None = None,
) -> Compared:
    """Compare a picture with many of a gallery by a method.

    Parameters
    ----------
    gallery : Gallery
    asked : PictureAsked
    question : Question
    entries : sequence of Entry
    memory : Memory
        Descriptions are remembered here, apart from those of pictures in full size.
    told : callable or None
        Told now and then how far it is.
    stop : threading.Event or None
        When set, what has been compared so far is returned.

    Returns
    -------
    Compared

    Raises
    ------
    ImgSimError
        If the method cannot be used, or cannot take the picture asked with.
    """
    reason = question.method.availability()
    if reason is not None:
        raise ImgSimError(reason)
    if is_stored(question):
        return Compared(_by_stored_hashes(gallery, asked, entries), 0)
    method, options = question.method, question.options

    def described(digest: str, opened: Callable[[], Picture]) -> Any:
        key = ("small", method.id, options, digest)
        return memory.recall(key, lambda: method.describe(opened(), options))

    mine = described(asked.digest, lambda: small(gallery, asked))

    def value(entry: Entry) -> float | None:
        try:
            theirs = described(entry.digest, lambda: _small_of(gallery, entry))
            return float(method.compare(mine, theirs, options))
        except ImgSimError:
            return None

    values: dict[str, float] = {}
    done = 0
    with ThreadPoolExecutor(_WORKERS, initializer=lanes.joined()) as pool:
        for some in _batches(entries):
            if stop is not None and stop.is_set():
                break
            for entry, found in zip(some, pool.map(value, some), strict=True):
                if found is not None and not math.isnan(found):
                    values[entry.digest] = found
            done += len(some)
            if told is not None:
                told(done, len(entries))
    return Compared(values, done - len(values))


def is_stored(question: Question) -> bool:
    """Tell whether a gallery keeps what a question asks of every picture, so that none is opened.

    That is so for the usual options of the method only.
    """
    method = question.method
    return method.id == STORED_METHOD and question.options == method.options()


def _batches(entries: Sequence[Entry]) -> list[Sequence[Entry]]:
    return [entries[start : start + _AT_ONCE] for start in range(0, len(entries), _AT_ONCE)]


def _by_stored_hashes(
    gallery: Gallery, asked: PictureAsked, entries: Sequence[Entry]
) -> dict[str, float]:
    if not entries:
        return {}
    if asked.picture is None:
        mine = gallery.entry(asked.digest).hashes[0]
    else:
        mine = turned_hashes(asked.picture.rgb)[0]
    theirs: NDArray[np.uint64] = np.array([entry.hashes[0] for entry in entries], np.uint64)
    bits = np.bitwise_count(theirs ^ mine)
    return {entry.digest: float(n) for entry, n in zip(entries, bits, strict=True)}


def small(gallery: Gallery, asked: PictureAsked) -> Picture:
    """Make of the picture asked with what the gallery keeps of its own: a thumbnail."""
    if asked.picture is None:
        return _small_of(gallery, gallery.entry(asked.digest))
    picture = asked.picture
    opened = open_picture(thumbnail(picture.rgb), picture.name)
    return Picture(opened.rgb, picture.digest, picture.name)


def _small_of(gallery: Gallery, entry: Entry) -> Picture:
    kept = gallery.shelf.thumbnail(entry.digest)
    if kept is None:
        # Through the same reduction, so that a copy with a thumbnail scores the same
        kept = thumbnail(gallery.picture(entry, THUMBNAIL_SIDE).rgb)
    return Picture(open_picture(kept, entry.name).rgb, entry.digest, entry.name)


# ── A closer look at the first hits ────────────────────────────────────────────────


def verified_details(
    gallery: Gallery, asked: PictureAsked, entry: Entry, memory: Memory
) -> MatchResult | None:
    """Look for the details of the picture asked with in one of the gallery.

    Returns
    -------
    MatchResult or None
        None if either picture cannot be opened or is too small to have details.
    """
    method = method_by_id("sift")
    options = method.options()

    def described(digest: str, picture: Picture | None) -> Any:
        def make() -> Any:
            opened = picture or gallery.picture(gallery.entry(digest), VERIFIED_SIDE)
            return method.describe(opened, options)

        # One brought in full size is described as it is: the method reduces it itself
        size = "full" if picture is not None else VERIFIED_SIDE
        return memory.recall(("verified", method.id, size, digest), make)

    try:
        mine = described(asked.digest, asked.picture)
        return verified_match(mine, described(entry.digest, None), options)
    except ImgSimError:
        return None
