"""One gallery's map as a visitor looks at it: what is drawn of it, and what is chosen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from imgsim_core.gallery.atlas import Atlas
from imgsim_core.gallery.entry import Entry
from imgsim_core.gallery.gallery import Gallery, Snapshot

MOST_DRAWN = 10_000
"""Dots of a map that a browser draws with ease; of a larger gallery a sample is drawn."""

_CHOICE = "atlas_choice"


@dataclass(frozen=True, eq=False)
class View:
    """A gallery, all of it in memory, and its map.

    Rows are places in the snapshot; a dot is a place among the pictures that are drawn.
    """

    gallery: Gallery
    snapshot: Snapshot
    atlas: Atlas

    @cached_property
    def id(self) -> str:
        """Name of this very map, told apart from that of any other gallery or state of it."""
        info = self.gallery.info
        told = (self.gallery.store.address, info.name, info.created, self.atlas.version)
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]

    @cached_property
    def drawn(self) -> NDArray[np.int64]:
        """Rows that are drawn, ascending: all, or a sample with whatever the page points at."""
        count = len(self.snapshot)
        if count <= MOST_DRAWN:
            return np.arange(count)
        pointed = [row for cluster in self.atlas.clusters for row in cluster.representatives]
        pointed += [outlier.row for outlier in self.atlas.outliers]
        some = np.random.default_rng(0).choice(count, MOST_DRAWN - len(pointed), replace=False)
        return np.union1d(some, np.array(pointed, int))

    @property
    def is_partly_drawn(self) -> bool:
        """Whether some pictures have no dot."""
        return len(self.drawn) < len(self.snapshot)

    def entry(self, row: int) -> Entry:
        """Entry of a row."""
        return self.snapshot.entries[row]


@dataclass(frozen=True, eq=False)
class Choice:
    """Pictures a visitor chose on a map.

    how : "picture", "outline", "cluster", "outliers" or "line"; rows : of the snapshot;
    number : which cluster.
    """

    how: str
    rows: NDArray[np.int64]
    number: int = 0


def choice(view: View) -> Choice | None:
    """What is chosen on this map."""
    kept: tuple[str, Choice] | None = st.session_state.get(_CHOICE)
    return kept[1] if kept is not None and kept[0] == view.id else None


def choose(view: View, how: str, rows: Any, number: int = 0, *, scroll: bool = False) -> None:
    """Choose pictures; with `scroll` the map comes into sight."""
    found = Choice(how, np.asarray(rows, np.int64), number)
    st.session_state[_CHOICE] = (view.id, found)
    st.session_state["atlas_turn"] = turn() + 1
    if scroll:
        st.session_state["atlas_scroll"] = st.session_state.get("atlas_scroll", 0) + 1


def choose_nothing() -> None:
    """Let all pictures be shown alike again."""
    st.session_state.pop(_CHOICE, None)
    st.session_state["atlas_turn"] = turn() + 1


def turn() -> int:
    """Times the choice changed: a new wall starts at its first page."""
    return int(st.session_state.get("atlas_turn", 0))
