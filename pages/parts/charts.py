"""Evidence as something to look at: one drawing a kind of evidence."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import cv2
import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from imgsim_core.method import (
    Bars,
    BitGrids,
    Curves,
    Evidence,
    Facts,
    Heatmap,
    Images,
    Matches,
    Swatches,
)
from imgsim_core.picture import Picture
from imgsim_core.text import Text
from pages.parts.cached import jpeg, reduced
from pages.parts.language import plain, say, t

RGB = NDArray[np.uint8]
SIDE = 800  # long side of a drawing in pixels
MOST_LINES = 70  # matches drawn of each kind
_HEIGHT, _WIDEST = 480, 1600  # pixels that each of two pictures may have beside the other
_A, _B = "#0072B2", "#D55E00"  # the two pictures in every chart; distinct to colour-blind eyes
_GREEN, _GREY = (0, 190, 120), (150, 150, 150)


@singledispatch
def show(evidence: Any, a: Picture, b: Picture, *, key: str) -> None:
    """Draw one piece of evidence about pictures A and B; `key` is unique on the page."""
    raise TypeError(f"no drawing for {type(evidence).__name__}")


def show_all(pieces: Sequence[Evidence], a: Picture, b: Picture, *, key: str) -> None:
    """Draw evidence in order; neighbouring heat maps share a row."""
    columns: list[Any] = []
    for index, piece in enumerate(pieces):
        if not isinstance(piece, Heatmap):
            columns = []
            show(piece, a, b, key=f"{key}_{index}")
            continue
        columns = columns or list(st.columns(2))
        with columns.pop(0):
            show(piece, a, b, key=f"{key}_{index}")


def viridis(values: NDArray[np.float32]) -> RGB:
    """Colour an array of 0..1: dark blue for 0, yellow for 1, even steps to the eye."""
    levels = np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)


@show.register
def _(evidence: Heatmap, a: Picture, b: Picture, *, key: str) -> None:
    heatmap(evidence, a)


def heatmap(evidence: Heatmap, picture: Picture, *, titled: bool = True) -> None:
    """Draw a heat map over the picture it belongs to, with its legend."""
    if titled:
        st.markdown(f"**{say(evidence.title)}**")
    base = reduced(picture.rgb, SIDE)
    values = (evidence.values - evidence.low) / ((evidence.high - evidence.low) or 1.0)
    colour = cv2.resize(viridis(values), base.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    grey = cv2.cvtColor(cv2.cvtColor(base, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    blended = cv2.addWeighted(colour, 0.7, grey, 0.3, 0)
    st.image(jpeg(blended), width="stretch", alt=plain(evidence.title))
    low, high = html.escape(plain(evidence.low_label)), html.escape(plain(evidence.high_label))
    st.html(f'<div class="sim-legend"><span>{low}</span><i></i><span>{high}</span></div>')


def data_url(data: bytes) -> str:
    """JPEG bytes as an address that a component can show."""
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"


@show.register
def _(evidence: Matches, a: Picture, b: Picture, *, key: str) -> None:
    st.markdown(f"**{say(evidence.title)}**")
    st.image(jpeg(_matches_canvas(evidence, a, b)), width="stretch", alt=plain(evidence.title))
    # No counts: of very many, only some are given here, and of these only some are drawn
    st.caption(
        t(
            "Green: matches in one consistent arrangement. Grey: matches that fit no "
            "arrangement. Of very many, some are drawn."
        )
    )


def _matches_canvas(evidence: Matches, a: Picture, b: Picture) -> RGB:
    """Both pictures side by side at one height, with a line a match; very long ones lower."""
    height = min(_HEIGHT, max(a.height, b.height))
    # A strip made as high as the other picture could take gigabytes, and be too wide for a JPEG
    scale_a, scale_b = (min(height / one.height, _WIDEST / one.width) for one in (a, b))
    left, right = _scaled(a.rgb, scale_a), _scaled(b.rgb, scale_b)
    gap = 12
    highest = max(left.shape[0], right.shape[0])
    canvas = np.full((highest, left.shape[1] + gap + right.shape[1], 3), 255, np.uint8)
    canvas[: left.shape[0], : left.shape[1]] = left
    canvas[: right.shape[0], left.shape[1] + gap :] = right
    shift = np.array([left.shape[1] + gap, 0.0])
    from_a = np.round(evidence.points_a * scale_a).astype(int)
    to_b = np.round(evidence.points_b * scale_b + shift).astype(int)
    for good in (False, True):
        shown = np.flatnonzero(evidence.verified == good)
        # Beyond some dozens, lines are a solid sheet: draw an even sample.
        for index in shown[:: max(1, math.ceil(len(shown) / MOST_LINES))]:
            colour = _GREEN if good else _GREY
            start, end = from_a[index].tolist(), to_b[index].tolist()
            cv2.line(canvas, start, end, colour, 1, cv2.LINE_AA)
            cv2.circle(canvas, start, 3, colour, -1, cv2.LINE_AA)
            cv2.circle(canvas, end, 3, colour, -1, cv2.LINE_AA)
    if evidence.outline is not None:
        corners = np.round(evidence.outline * scale_b + shift).astype(np.int32)
        cv2.polylines(canvas, [corners], True, (255, 255, 255), 5, cv2.LINE_AA)
        cv2.polylines(canvas, [corners], True, (213, 94, 0), 3, cv2.LINE_AA)
    return canvas


def _scaled(rgb: RGB, scale: float) -> RGB:
    size = [max(1, round(side * scale)) for side in rgb.shape[1::-1]]
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


@show.register
def _(evidence: Swatches, a: Picture, b: Picture, *, key: str) -> None:
    st.markdown(f"**{say(evidence.title)}**")
    rows = []
    for name, colours, shares in (
        (t("Picture A"), evidence.colours_a, evidence.shares_a),
        (t("Picture B"), evidence.colours_b, evidence.shares_b),
    ):
        cells = "".join(
            f'<i style="flex:{share:.4f};background:rgb({r},{g},{b_})" title="{share:.0%}"></i>'
            for (r, g, b_), share in zip(colours.tolist(), shares.tolist(), strict=True)
        )
        rows.append(f'<div class="sim-swatches"><span>{html.escape(name)}</span>{cells}</div>')
    st.html("".join(rows))


@show.register
def _(evidence: Bars, a: Picture, b: Picture, *, key: str) -> None:
    st.markdown(f"**{say(evidence.title)}**")
    if evidence.colours is not None:
        _coloured_bars(evidence, evidence.colours)
    else:
        figure = go.Figure()
        for name, values, colour in (
            (t("Picture A"), evidence.a, _A),
            (t("Picture B"), evidence.b, _B),
        ):
            figure.add_bar(name=name, x=list(evidence.labels), y=values, marker_color=colour)
        figure.update_layout(barmode="group", xaxis_type="category")
        _chart(figure, plain(evidence.title), key)
    st.caption(say(evidence.axis))


def _coloured_bars(evidence: Bars, colours: RGB) -> None:
    """A row a bin: its colour, and how much of it each picture has."""
    most = max(float(evidence.a.max()), float(evidence.b.max()), 1e-9)
    rows = []
    for label, one, other, (red, green, blue) in zip(
        evidence.labels, evidence.a, evidence.b, colours.tolist(), strict=True
    ):
        name = "" if label.startswith("#") else html.escape(label)
        bars = "".join(
            f'<b class="{side}" style="width:{100 * value / most:.1f}%"></b>'
            f"<em>{_short(value, most)}</em>"
            for side, value in (("a", one), ("b", other))
        )
        rows.append(f'<i style="background:rgb({red},{green},{blue})">{name}</i><div>{bars}</div>')
    names = (html.escape(t("Picture A")), html.escape(t("Picture B")))
    st.html(
        f'<div class="sim-key"><b class="a"></b>{names[0]}<b class="b"></b>{names[1]}</div>'
        f'<div class="sim-bins">{"".join(rows)}</div>'
    )


def _short(value: float, most: float) -> str:
    """Two digits, or "≈ 0" for what could not be seen as a bar."""
    return f"{value:.2g}" if value >= most / 200 or value == 0 else "≈ 0"


@show.register
def _(evidence: Curves, a: Picture, b: Picture, *, key: str) -> None:
    st.markdown(f"**{say(evidence.title)}**")
    figure = go.Figure()
    for name, colour, values_a, values_b in evidence.lines:
        for picture, values, dash in (
            (t("Picture A"), values_a, "solid"),
            (t("Picture B"), values_b, "dot"),
        ):
            figure.add_scatter(
                x=evidence.x,
                y=values,
                name=f"{plain(name)} · {picture}",
                mode="lines",
                line={"color": colour, "dash": dash, "width": 2},
            )
    figure.update_layout(xaxis_title=plain(evidence.x_label), yaxis_title=plain(evidence.y_label))
    _chart(figure, plain(evidence.title), key)


def _chart(figure: go.Figure, alt: str, key: str) -> None:
    figure.update_layout(
        height=300,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    st.plotly_chart(figure, key=f"chart_{key}", config={"displayModeBar": False}, alt=alt)


@show.register
def _(evidence: BitGrids, a: Picture, b: Picture, *, key: str) -> None:
    st.markdown(f"**{say(evidence.title)}**")
    differ = evidence.bits_a != evidence.bits_b
    with st.container(horizontal=True, gap="medium"):
        for name, bits, small in (
            (t("Picture A"), evidence.bits_a, evidence.reduced_a),
            (t("Picture B"), evidence.bits_b, evidence.reduced_b),
        ):
            pair = np.hstack(
                [_enlarged_grey(small), np.full((256, 12, 3), 255, np.uint8), _grid(bits, differ)]
            )
            st.image(jpeg(pair, 92), caption=name, width=300, alt=plain(evidence.title))
    st.caption(
        t(
            "Left: what is left of the picture at the size the fingerprint is read from. Right: "
            "its bits; those that differ are orange."
        )
    )


def _enlarged_grey(small: NDArray[np.uint8]) -> RGB:
    grey = cv2.resize(small, (256, 256), interpolation=cv2.INTER_NEAREST)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)


def _grid(bits: NDArray[np.bool_], differ: NDArray[np.bool_]) -> RGB:
    cells = np.where(bits[..., None], [235, 240, 238], [38, 52, 50]).astype(np.uint8)
    light, dark = np.array([240, 160, 70]), np.array([190, 90, 10])
    cells[differ] = np.where(bits[differ][:, None], light, dark).astype(np.uint8)
    grid = cv2.resize(cells, (256, 256), interpolation=cv2.INTER_NEAREST)
    step = 256 / bits.shape[0]
    for index in range(1, bits.shape[0]):
        at = round(index * step)
        grid[at - 1 : at, :] = grid[:, at - 1 : at] = 128
    return grid


@show.register
def _(evidence: Images, a: Picture, b: Picture, *, key: str) -> None:
    st.markdown(f"**{say(evidence.title)}**")
    across = min(2, len(evidence.images))
    columns: list[Any] = []  # anew for each row: on a phone they come one below the other
    for caption, rgb in evidence.images:
        words = say(caption)
        columns = columns or list(st.columns(across))
        columns.pop(0).image(
            jpeg(reduced(rgb, SIDE)), caption=words, width="stretch", alt=plain(caption)
        )


@show.register
def _(evidence: Facts, a: Picture, b: Picture, *, key: str) -> None:
    st.markdown(f"**{say(evidence.title)}**")
    lines = [
        f"- {say(what)}: **{say(value) if isinstance(value, Text) else value}**"
        for what, value in evidence.rows
    ]
    st.markdown("\n".join(lines))
