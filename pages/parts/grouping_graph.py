"""A group as a small graph: pictures as dots, links as lines, the weakest link marked."""

from __future__ import annotations

import math
from collections.abc import Mapping

import plotly.graph_objects as go
import streamlit as st

from imgsim_core.gallery.entry import Entry
from imgsim_core.gallery.groups import Group
from pages.parts.language import t

_LINK, _WEAK, _DOT, _KEEP = "#8a9694", "#d55e00", "#2b7fc3", "#1a9a88"
_MOST_DRAWN = 24  # more dots could not be told apart
_HEIGHT = 230
_FEW_LINKS = 15


def show(group: Group, entries: Mapping[str, Entry], kept: str | None) -> None:
    """Draw a group; dots carry the numbers that stand under its pictures."""
    members = group.members[:_MOST_DRAWN]
    places = _places(members)
    figure = go.Figure()
    weakest = group.weakest
    width = 4.0 if len(group.links) <= _FEW_LINKS else 0.8
    for link in reversed(group.links):
        if link.a not in places or link.b not in places:
            continue
        (x, y), (to_x, to_y) = places[link.a], places[link.b]
        weak = link == weakest
        figure.add_scatter(
            x=[x, (x + to_x) / 2, to_x],
            y=[y, (y + to_y) / 2, to_y],
            mode="lines",
            line={
                "color": _WEAK if weak else _LINK,
                "width": 3 if weak else 0.4 + width * link.strength,
                "dash": "dash" if weak else "solid",
            },
            hoverinfo="text",
            hovertext=t("strength {number} of 1", number=f"{link.strength:.2f}")
            if link.level is not None
            else t("cosine {number}", number=f"{link.cosine:.3f}"),
        )
    figure.add_scatter(
        x=[places[one][0] for one in members],
        y=[places[one][1] for one in members],
        mode="markers+text",
        text=[str(number) for number in range(1, len(members) + 1)],
        textfont={"color": "#ffffff", "size": 12},
        marker={
            "size": 24,
            "color": [_KEEP if one == kept else _DOT for one in members],
            "symbol": ["square" if one == kept else "circle" for one in members],
        },
        hoverinfo="text",
        # Names are a visitor's: Plotly would read tags in them
        hovertext=[_harmless(entries[one].name) for one in members],
    )
    axis = {"visible": False, "range": [-1.35, 1.35], "fixedrange": True}
    figure.update_layout(
        height=_HEIGHT,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        xaxis=axis,
        yaxis={**axis, "scaleanchor": "x"},
        showlegend=False,
        dragmode=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    st.plotly_chart(
        figure,
        width="stretch",
        key=f"graph_{group.key}",
        config={"displayModeBar": False, "scrollZoom": False},
    )
    if len(group.members) > _MOST_DRAWN:
        st.caption(t("Numbers 1 to {count} are drawn.", count=_MOST_DRAWN))


def _places(members: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """The centre in the middle, the others around it; two side by side."""
    centre, *others = members
    if len(others) == 1:
        return {centre: (-0.8, 0.0), others[0]: (0.8, 0.0)}
    places = {centre: (0.0, 0.0)}
    for index, one in enumerate(others):
        angle = 2 * math.pi * index / len(others) + math.pi / 2
        places[one] = (math.cos(angle), math.sin(angle))
    return places


def _harmless(name: str) -> str:
    shown = "".join(letter for letter in name[:80] if letter.isprintable())
    return shown.replace("&", "&amp;").replace("<", "&lt;")
