"""What a visitor looks for on the page Search: kept in settings, so that a link restores it.

Words, colours, methods and a built-in picture are part of a link; a picture of a gallery
only if the gallery is there for everybody; an uploaded one never.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from imgsim_core.errors import ImgSimError
from imgsim_core.gallery.carried import fits
from imgsim_core.gallery.entry import Entry
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.lance import EXACT_UP_TO
from imgsim_core.gallery.result import ColourAsked, PictureAsked, Query, WordsAsked
from imgsim_core.method import Method
from imgsim_core.picture import Picture
from imgsim_core.registry import all_methods
from imgsim_core.samples import all_samples
from imgsim_core.text import Text
from pages.parts import cached, inputs, own_methods, settings

SLOT = "search.sample"
BY, WORDS, NOT, COLOURS, METHODS = (
    "search.by",
    "search.words",
    "search.not",
    "search.colours",
    "search.methods",
)
ENTRY, MINUS = "search.picture", "search.minus"
VERIFY = "search.verify"
WEIGHT = "search.weight."
WEIGHTS = {"picture": 1.0, "words": 1.0, "not": 0.5, "minus": 0.5}
HEAVIEST = 2.0
WAYS = ("parts", "colours")
MOST_METHODS = 3
MOST_COLOURS = 3
LEAST_SHARE = 5  # percent of the picture that a colour is asked to fill
SUGGESTIONS = 8

_SAMPLED = 400  # pictures among which suggestions are chosen
_DIGEST = re.compile(r"[0-9a-f]{64}")
_COLOURS = re.compile(r"[0-9a-f]{6}:\d{1,3}(?:,[0-9a-f]{6}:\d{1,3}){0,2}")


# ── Links ──────────────────────────────────────────────────────────────────────────


def link_settings() -> dict[str, Callable[[str], Any]]:
    """Settings of this page in a link, and how a link's text becomes their value."""
    samples = {sample.id for sample in all_samples()}
    methods = {method.id for method in all_methods()}
    return {
        SLOT: lambda text: text if text in samples else None,
        BY: lambda text: text if text in WAYS[1:] else None,
        WORDS: lambda text: text[:200] or None,
        NOT: lambda text: text[:200] or None,
        COLOURS: lambda text: text if _COLOURS.fullmatch(text) else None,
        METHODS: lambda text: text if _some(text, methods) else None,
        ENTRY: lambda text: text if _DIGEST.fullmatch(text) else None,
        MINUS: lambda text: text if _DIGEST.fullmatch(text) else None,
        VERIFY: lambda text: True if text == "True" else None,
        **{f"{WEIGHT}{part}": _weight for part in WEIGHTS},
    }


def _some(text: str, known: set[str]) -> bool:
    codes = text.split(",")
    return known.issuperset(codes) and len(set(codes)) == len(codes) <= MOST_METHODS


def _weight(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return round(value, 1) if 0 <= value <= HEAVIEST else None


# ── Pictures ───────────────────────────────────────────────────────────────────────


def choose(gallery: Gallery, digest: str | None, role: str = ENTRY) -> None:
    """Ask with a picture of the gallery; None for without."""
    if role == ENTRY:
        st.session_state.pop(f"brought_{SLOT}", None)
        st.session_state.pop(f"problem_{SLOT}", None)
        settings.put(SLOT, None)
    settings.put(role, digest if gallery.read_only else None)
    if digest is None:
        st.session_state.pop(role, None)
    else:
        st.session_state[role] = (gallery.name, digest)


def more_like(gallery: Gallery, digest: str) -> None:
    """Look for what is like a hit, and for nothing else."""
    choose(gallery, digest)
    choose(gallery, None, MINUS)
    for key in (WORDS, NOT, BY):
        settings.put(key, None)


def chosen(gallery: Gallery, role: str = ENTRY) -> str | None:
    """Digest of the gallery's picture that was chosen for a role, if it is still there."""
    kept = st.session_state.get(role)
    digest = kept[1] if kept is not None and kept[0] == gallery.name else settings.get(role)
    if digest is None or not gallery.store.held(gallery.name, [digest]):
        return None
    return str(digest)


def picture_asked(gallery: Gallery) -> PictureAsked | None:
    """Picture that was asked with: brought, a sample, or one of the gallery."""
    brought = inputs.picture(SLOT)
    weight = float(settings.get(f"{WEIGHT}picture", WEIGHTS["picture"]))
    if brought is not None:
        settings.put(ENTRY, None)  # else the link would name what was asked with before
        return PictureAsked.of(brought, weight)
    digest = chosen(gallery)
    return None if digest is None else PictureAsked(digest, None, weight)


def suggestions(gallery: Gallery) -> tuple[Entry, ...]:
    """A few pictures of the gallery that differ much from each other."""
    version = gallery.store.version(gallery.name)
    key = ("suggestions", gallery.store.address, gallery.name, gallery.info.created, version)
    return cached.memory().recall(key, lambda: _spread(gallery))


def _spread(gallery: Gallery) -> tuple[Entry, ...]:
    """Start at a picture and go on to whichever is least like those taken so far."""
    if gallery.store.count(gallery.name) <= EXACT_UP_TO:
        snapshot = gallery.snapshot()
        rows = np.unique(np.linspace(0, len(snapshot) - 1, _SAMPLED).astype(int))
        rows = rows[: len(snapshot)]
        entries = [snapshot.entries[row] for row in rows] if len(snapshot) else []
        vectors = snapshot.vectors[rows] if len(snapshot) else snapshot.vectors
    else:
        some = next(iter(gallery.store.scan(gallery.name, batch=_SAMPLED)), ())
        entries = [row.entry for row in some]
        vectors = np.array([row.vector for row in some], np.float32)
    if not entries:
        return ()
    # The most typical one first: nearest to the middle of them all
    taken = [int((vectors @ vectors.mean(axis=0)).argmax())]
    nearest = vectors @ vectors[taken[0]]
    while len(taken) < min(SUGGESTIONS, len(entries)):
        nearest[taken[-1]] = np.inf  # not again, however alike all of them are
        taken.append(int(nearest.argmin()))
        nearest = np.maximum(nearest, vectors @ vectors[taken[-1]])
    return tuple(entries[i] for i in taken)


# ── The query ──────────────────────────────────────────────────────────────────────


def by() -> str:
    """Whether to ask by pictures and words, or by colours."""
    return str(settings.get(BY, WAYS[0]))


def colours() -> tuple[ColourAsked, ...]:
    """Chosen colours with the share of the picture each should fill."""
    found = []
    for part in str(settings.get(COLOURS, "2f6fb5:40")).split(","):
        code, _, percent = part.partition(":")
        red, green, blue = bytes.fromhex(code)
        share = min(100, max(LEAST_SHARE, int(percent))) / 100
        found.append(ColourAsked((red, green, blue), share))
    return tuple(found)


def put_colours(chosen_colours: tuple[ColourAsked, ...]) -> None:
    """Keep the chosen colours."""
    parts = (
        "{:02x}{:02x}{:02x}:{}".format(*one.rgb, round(100 * one.share)) for one in chosen_colours
    )
    settings.put(COLOURS, ",".join(parts))


def query(gallery: Gallery) -> Query | None:
    """What is looked for now; None in an empty gallery. A picture is chosen where nothing is."""
    if not gallery.store.count(gallery.name):
        return None
    if by() == "colours":
        return Query(colours=colours())
    words = tuple(
        WordsAsked(said, sign * float(settings.get(f"{WEIGHT}{part}", WEIGHTS[part])))
        for key, part, sign in ((WORDS, "words", 1), (NOT, "not", -1))
        if (said := str(settings.get(key, "")).strip())
    )
    wanted = picture_asked(gallery)
    if wanted is None and not any(one.weight > 0 for one in words):
        first = suggestions(gallery)[:1]
        wanted = PictureAsked(first[0].digest) if first else None
    if wanted is None and not words:
        return None
    pictures = [] if wanted is None else [wanted]
    minus = chosen(gallery, MINUS)
    if minus is not None:
        weight = float(settings.get(f"{WEIGHT}minus", WEIGHTS["minus"]))
        pictures.append(PictureAsked(minus, None, -weight))
    return Query(pictures=tuple(pictures), words=words)


def methods(gallery: Gallery, asked: Query) -> tuple[str, ...]:
    """Ids of the methods to ask side by side, the gallery's model where none is chosen."""
    usable = set(method_labels(gallery, asked))
    codes = str(settings.get(METHODS, gallery.info.model)).split(",")
    return tuple(code for code in codes if code in usable) or (gallery.info.model,)


def method_labels(gallery: Gallery, asked: Query) -> dict[str, Text]:
    """Label of each method that can answer a query here, the gallery's own model first.

    Several pictures can be added up only where stored vectors are; words need the model.
    """
    found: dict[str, Text] = {}
    for method in own_methods.all_methods():
        if method.id == gallery.info.model:
            found = {method.id: method.label, **found}
        elif _can_answer(gallery, asked, method) and method.availability() is None:
            found[method.id] = method.label
    return found


def _can_answer(gallery: Gallery, asked: Query, method: Method) -> bool:
    if asked.only_picture is not None:
        return True
    return bool(asked.pictures) and not asked.words and fits(gallery, method)


def fast(gallery: Gallery) -> set[str]:
    """Ids of the methods that are answered from the stored vectors."""
    fitting = {method.id for method in own_methods.taught() if fits(gallery, method)}
    return {gallery.info.model, *fitting}


def signature(asked: Query) -> tuple[Any, ...]:
    """What tells queries apart."""
    return (
        tuple((one.digest, one.weight) for one in asked.pictures),
        asked.words,
        asked.colours,
    )


def opened(gallery: Gallery, asked: PictureAsked) -> Picture | None:
    """Open the picture asked with in full; None if it cannot be any more."""
    if asked.picture is not None:
        return asked.picture
    try:
        return gallery.picture(gallery.entry(asked.digest))
    except ImgSimError:
        return None
