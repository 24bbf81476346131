"""The map itself: dots that become thumbnails, to move about in, to draw a lasso on, to click."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.parts import assets, atlas_colours, atlas_tiles, charts, wall
from pages.parts.atlas_view import Choice, View, choice, choose, choose_nothing
from pages.parts.language import t

_MAP = assets.component("atlas")
_FEED = assets.component("atlas_feed")
_MOST_ASKED = 150  # tiles a browser may ask for at a time
_MOST_CORNERS = 400
_WANTED = "atlas_wanted"


def show(view: View, colouring: atlas_colours.Colouring, labels: Sequence[str]) -> None:
    """Draw the map of a gallery of at least one picture.

    Parameters
    ----------
    view : View
    colouring : Colouring
    labels : sequence of str
        What stands at each cluster, without markup.
    """
    rows = view.drawn
    places = np.round(view.atlas.positions[rows] * 32767).astype("<i2")
    _MAP(
        key="atlas_map",
        data={
            "id": view.id,
            "places": _packed(places),
            "colour": _packed(colouring.of[rows]),
            "palette": list(colouring.palette),
            "room": view.atlas.room,
            "order": _order(view).tolist(),
            "labels": [
                {"at": int(np.searchsorted(rows, _middle(view, cluster.rows))), "text": text}
                for cluster, text in zip(view.atlas.clusters, labels, strict=True)
            ],
            "words": {
                "move": t("Move"),
                "lasso": t("Lasso"),
                "box": t("Box"),
                "closer": t("Closer"),
                "farther": t("Farther"),
                "fit": t("See all"),
                "tools": t("Tools of the map"),
                "about": t(
                    "Map of {count} pictures: alike ones lie near each other. Arrow keys move, "
                    "plus and minus zoom, 0 shows all. Clusters can also be chosen from the "
                    "list above.",
                    count=len(rows),
                ),
                "hint": t(
                    "Drag to move, pinch or click and scroll to come closer, click a picture, "
                    "or draw round several with the lasso."
                ),
            },
        },
        on_picked_change=_picked(view),
    )
    st.fragment(_feed, key="atlas_tiles")(view)


def _packed(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _order(view: View) -> NDArray[np.int64]:
    """Dots in the order in which they become thumbnails: those that stand for many first."""
    heads = [cluster.representatives for cluster in view.atlas.clusters]
    rows = [one[place] for place in range(4) for one in heads if place < len(one)]
    first = np.searchsorted(view.drawn, np.array(rows, int))
    others = np.random.default_rng(0).permutation(len(view.drawn))
    return np.concatenate([first, others[~np.isin(others, first)]])


def _middle(view: View, members: NDArray[np.int64]) -> int:
    """Drawn member that lies most in the middle of a cluster: its name stands there."""
    there = np.intersect1d(members, view.drawn, assume_unique=True)
    places = view.atlas.positions[there]
    return int(there[np.linalg.norm(places - np.median(places, axis=0), axis=1).argmin()])


# ── What was picked ────────────────────────────────────────────────────────────────


def _picked(view: View) -> Any:
    def keep() -> None:
        told = st.session_state["atlas_map"].picked
        # A browser may send anything
        if not isinstance(told, Mapping) or told.get("id") != view.id:
            return
        if told.get("none"):
            choose_nothing()
        elif (dot := _dot(view, told.get("one"))) is not None:
            choose(view, "picture", [view.drawn[dot]])
        elif (corners := _corners(told.get("outline"))) is not None:
            rows = view.atlas.inside(corners)
            if len(rows):
                choose(view, "outline", rows)
            else:
                choose_nothing()

    return keep


def _dot(view: View, value: Any) -> int | None:
    known = type(value) is int and 0 <= value < len(view.drawn)
    return value if known else None


def _corners(value: Any) -> NDArray[np.float64] | None:
    try:
        corners = np.asarray(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    fits = corners.ndim == 2 and corners.shape[1] == 2 and 3 <= len(corners) <= _MOST_CORNERS
    return corners if fits and np.isfinite(corners).all() else None


# ── Thumbnails ─────────────────────────────────────────────────────────────────────


def _feed(view: View) -> None:
    """Bring the map what it asked for last; only this runs again while somebody looks about."""
    told = st.session_state.pop(_WANTED, None)
    asked = told if isinstance(told, Mapping) and told.get("id") == view.id else {}
    dots = [dot for one in _list(asked.get("tiles")) if (dot := _dot(view, one)) is not None]
    entries = [view.entry(int(view.drawn[dot])) for dot in dots]
    data, there = atlas_tiles.sheet(view.gallery, entries) if entries else (b"", [])
    chosen = choice(view)
    _FEED(
        key="atlas_feed",
        data={
            "id": view.id,
            "sheet": charts.data_url(data),
            "side": atlas_tiles.SIDE,
            "columns": atlas_tiles.COLUMNS,
            "ids": [dots[place] for place in there],
            "without": [dot for place, dot in enumerate(dots) if place not in there],
            "large": _large(view, _dot(view, asked.get("large"))),
            "mask": _mask(view, chosen),
            "scroll": st.session_state.get("atlas_scroll", 0),
            "turn": st.session_state.get("atlas_answers", 0),
        },
        on_wanted_change=_keep_wanted,
        height=1,
    )


def _keep_wanted() -> None:
    st.session_state[_WANTED] = st.session_state["atlas_feed"].wanted
    # Two equal answers in a row would be one to the browser, which waits for the second
    st.session_state["atlas_answers"] = st.session_state.get("atlas_answers", 0) + 1


def _list(value: Any) -> list[Any]:
    return value[:_MOST_ASKED] if isinstance(value, list) else []


def _large(view: View, dot: int | None) -> dict[str, Any] | None:
    """What to show beside a dot that the pointer is on."""
    if dot is None:
        return None
    row = int(view.drawn[dot])
    entry = view.entry(row)
    small = wall.thumbnail(view.gallery, entry)
    label = int(view.atlas.labels[row])
    return {
        "id": dot,
        "url": "" if small is None else charts.data_url(small),
        "name": entry.name.rpartition("/")[2],
        "note": t("in no cluster") if label < 0 else t("Cluster {number}", number=label + 1),
    }


def _mask(view: View, chosen: Choice | None) -> str:
    """A bit a dot: whether it is chosen; empty if there is no choice."""
    if chosen is None:
        return ""
    return _packed(np.packbits(np.isin(view.drawn, chosen.rows)))
