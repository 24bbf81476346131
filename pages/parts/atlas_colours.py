"""What the colour of a dot on the map says: its cluster, its nearest picture, its date, ..."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from imgsim_core.gallery.facts import bin_colours
from imgsim_core.text import Text
from pages.parts.atlas_view import View
from pages.parts.language import plain, t

NONE = "#8a9694"  # grey in both themes
# Distinct to colour-blind eyes first (Okabe and Ito), then others; readable on light and dark
CLUSTERS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
    "#7b5bd6", "#a0522d", "#6b8e23", "#d6336c", "#1f9aa8", "#b59b00",
)  # fmt: skip
ABOVE, BELOW = "#d55e00", "#4c8fc0"  # of the line; on the map and in the histogram
# Viridis in twelve steps, without its darkest end, which is lost on a dark ground
_STEPS = (
    "#46327e", "#3f4a8a", "#365c8d", "#2e6d8e", "#277f8e", "#21918c",
    "#1fa187", "#2db27d", "#4ac16d", "#73d056", "#a0da39", "#d8e219",
)  # fmt: skip

MODES = {
    "cluster": Text("Cluster"),
    "line": Text("Near pictures"),
    "date": Text("Date"),
    "light": Text("Brightness"),
    "colour": Text("Main colour"),
}
USUAL = "cluster"
SETTING = "map.colour"  # also in links


@dataclass(frozen=True, eq=False)
class Colouring:
    """A palette, and the place in it of each row.

    key : pairs of colour and words for the legend; ramp : words at both ends of a row of
    steps, if there is one.
    """

    palette: tuple[str, ...]
    of: NDArray[np.uint8]
    key: Sequence[tuple[str, str]] = ()
    ramp: tuple[str, str] | None = None


def colouring(view: View, mode: str, line: float) -> Colouring:
    """Colour all rows of a map in one of the `MODES`."""
    return _COLOURINGS[mode](view, line)


def colour_of(cluster: int) -> str:
    """Colour of a cluster; a map of very many uses each more than once."""
    return CLUSTERS[cluster % len(CLUSTERS)]


def show_key(one: Colouring) -> None:
    """Draw the legend."""
    parts = []
    if one.ramp is not None:
        low, high = (html.escape(words) for words in one.ramp)
        steps = "".join(f'<i style="background:{colour}"></i>' for colour in _STEPS)
        parts.append(f'<span class="ramp">{low}<b aria-hidden="true">{steps}</b>{high}</span>')
    parts += [
        f'<span><i style="background:{colour}"></i>{html.escape(words)}</span>'
        for colour, words in one.key
    ]
    if parts:
        st.html(f'<div class="sim-atlas-key">{"".join(parts)}</div>')


def _by_cluster(view: View, line: float) -> Colouring:
    labels = view.atlas.labels
    of = np.where(labels < 0, len(CLUSTERS), labels % len(CLUSTERS))
    key = [(NONE, t("in no cluster"))] if (labels < 0).any() else []
    return Colouring((*CLUSTERS, NONE), of.astype(np.uint8), key)


def _by_line(view: View, line: float) -> Colouring:
    atlas = view.atlas
    of = np.full(len(atlas), 2, np.uint8)
    if len(atlas.nearest_cosines):
        of[atlas.measured] = atlas.nearest_cosines < line
    key = [(ABOVE, t("has a picture above the line")), (BELOW, t("has none"))]
    if (of == 2).any():
        key.append((NONE, t("not measured")))
    return Colouring((ABOVE, BELOW, NONE), of, key)


def _by_date(view: View, line: float) -> Colouring:
    times = np.array([_time(one.taken, one.modified) for one in view.snapshot.entries])
    known = np.isfinite(times)
    of = np.full(len(times), len(_STEPS), np.uint8)
    key = [] if known.all() else [(NONE, t("no date known"))]
    if not known.any():
        return Colouring((*_STEPS, NONE), of, key)
    # By rank, so that one picture of another century does not make all others one colour
    values, ranks = np.unique(times[known], return_inverse=True)
    of[known] = ranks * len(_STEPS) // max(1, len(values))
    ends = [datetime.fromtimestamp(one, UTC).strftime("%Y-%m-%d") for one in values[[0, -1]]]
    return Colouring((*_STEPS, NONE), of, key, (ends[0], ends[1]))


def _time(taken: str, modified: float) -> float:
    """Seconds since 1970 when a picture was taken, else when its file was last changed."""
    if taken:
        return datetime.fromisoformat(taken).replace(tzinfo=UTC).timestamp()
    return modified or np.nan


def _by_light(view: View, line: float) -> Colouring:
    lightness = bin_colours() @ np.array([0.2126, 0.7152, 0.0722]) / 255
    light = _summaries(view) @ lightness
    of = np.clip((light * len(_STEPS)).astype(int), 0, len(_STEPS) - 1)
    return Colouring(_STEPS, of.astype(np.uint8), (), (t("dark"), t("bright")))


def _by_colour(view: View, line: float) -> Colouring:
    palette = tuple(f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in bin_colours())
    most = _summaries(view).argmax(axis=1).astype(np.uint8)
    return Colouring(palette, most)


def _summaries(view: View) -> NDArray[np.float32]:
    return np.stack([entry.colours for entry in view.snapshot.entries])


_COLOURINGS: dict[str, Callable[[View, float], Colouring]] = {
    "cluster": _by_cluster,
    "line": _by_line,
    "date": _by_date,
    "light": _by_light,
    "colour": _by_colour,
}


def labels() -> dict[str, str]:
    """Name of each mode in the visitor's language."""
    return {code: plain(text) for code, text in MODES.items()}
