"""Charts of a lesson: how it goes, before against after, both maps."""

from __future__ import annotations

import base64
import hashlib
import html
import math

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from imgsim_core import lanes
from imgsim_core.teaching.judging import Difference
from imgsim_core.teaching.lesson import Lesson
from imgsim_core.teaching.siamese import Moment
from pages.parts import cached, teaching_groups, teaching_wall
from pages.parts.language import t
from pages.parts.teaching_run import Run

Points = NDArray[np.float64]

BEFORE, AFTER = "#d55e00", "#2b7fc3"  # distinct to colour-blind eyes, and in both themes
_GREY, _BAND = "#8a9694", "rgba(43,127,195,.35)"
_GAIN_HEIGHT, _HEIGHT, _MAP_HEIGHT = 200, 320, 420
_MOST_THUMBNAILS = 120  # pictures on a map; more are dots
_MOST_POINTS = 200  # on a curve
_NEIGHBOURS = 8.0  # that a map tries to keep near a picture
_NOW = f'stroke="{AFTER}" stroke-width="2.5" vector-effect="non-scaling-stroke"'
_PAST = f'stroke="{_GREY}" stroke-width="1" opacity="0.6" vector-effect="non-scaling-stroke"'
_SIGNS = ("circle", "square", "diamond", "cross", "triangle-up", "star")
_COLOURS = ("#2b7fc3", "#d55e00", "#009e73", "#b8589a", "#c17f00", "#7a76d6", "#7d8a88")


# ── While it is taught ─────────────────────────────────────────────────────────────


def show_live(run: Run) -> None:
    """Draw quality and loss of the training under way, those before it pale behind.

    As plain drawings in the page: a chart would be made anew at every look.
    """
    kinds = (
        ("quality", t("Groups kept aside, told apart (0 to 1, higher is better)")),
        ("loss", t("Loss on the groups it learns from (lower is better)")),
    )
    st.html(
        '<div class="sim-live">'
        + "".join(f"<figure>{_live_one(run, *kind)}</figure>" for kind in kinds)
        + "</div>"
    )


def _live_one(run: Run, kind: str, title: str) -> str:
    curves = [
        (number == run.training, _finite(moments, kind))
        for number, moments in sorted(list(run.curves.items()))
    ]
    drawn = [point for _, points in curves for point in points]
    top = max([value for _, value in drawn], default=1.0) if kind == "loss" else 1.0
    last_step = max([step for step, _ in drawn], default=1)
    lines = "".join(
        f'<polyline {_NOW if is_now else _PAST} points="'
        + " ".join(f"{400 * x / last_step:.1f},{102 - 100 * y / (top or 1.0):.1f}" for x, y in one)
        + '"/>'
        for is_now, one in curves
    )
    newest = f"{curves[-1][1][-1][1]:.2f}" if curves and curves[-1][1] else "–"
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 104" width="400" height="104" '
        f'preserveAspectRatio="none" fill="none">{lines}</svg>'
    )
    address = f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"
    words = html.escape(title)
    return f'<figcaption>{words}<b>{newest}</b></figcaption><img src="{address}" alt="{words}">'


def _finite(moments: list[Moment], kind: str) -> list[tuple[int, float]]:
    points = [(one.step, getattr(one, kind)) for one in list(moments)]
    return [(x, y) for x, y in points if y is not None and math.isfinite(y)]


# ── Before against after ───────────────────────────────────────────────────────────


def show_gains(lesson: Lesson) -> None:
    """Draw both measures before and after, with the interval of what was gained."""
    figure = go.Figure()
    rows = (
        (t("Most alike picture<br>is of its own group"), lesson.recall),
        (t("Own group ranks<br>before the others"), lesson.area),
    )
    for place, (name, one) in enumerate(rows):
        _add_gain(figure, name, one, first=place == 0)
    figure.update_xaxes(
        range=[-3, 103], ticksuffix=" %", title=t("0 %: never · 100 %: always"), fixedrange=True
    )
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"})
    words = [
        f"{name.replace('<br>', ' ')}: {percent(one.before)} → {percent(one.after)}"
        for name, one in rows
    ]
    _show(figure, "; ".join(words), "gains", _GAIN_HEIGHT)


def _add_gain(figure: go.Figure, name: str, one: Difference, first: bool) -> None:
    low, high = (100 * min(1.0, max(0.0, one.before + end)) for end in (one.low, one.high))
    figure.add_scatter(
        x=[low, high], y=[name, name], mode="lines", line={"color": _BAND, "width": 18},
        name=t("after, 95 % sure"), legendgroup="sure", showlegend=first, hoverinfo="skip",
    )  # fmt: skip
    for value, label, colour, sign in (
        (one.before, t("before"), BEFORE, "circle-open"),
        (one.after, t("after"), AFTER, "circle"),
    ):
        figure.add_scatter(
            x=[100 * value], y=[name], mode="markers", name=label, legendgroup=label,
            showlegend=first, cliponaxis=False,
            marker={"color": colour, "size": 15, "symbol": sign, "line": {"width": 3}},
            hovertemplate=f"{label}: %{{x:.0f}} %<extra></extra>",
        )  # fmt: skip


def percent(share: float) -> str:
    """Write a share, 0 to 1, as people read it."""
    return f"{100 * share:.0f} %"


def show_roc(lesson: Lesson) -> None:
    """Draw the share of same pairs found against false alarms, before and after."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": _GREY, "dash": "dot"}, name=t("Chance"),
        hoverinfo="skip",
    )  # fmt: skip
    for found, label, colour, dash in (
        (lesson.before, t("before"), BEFORE, "dash"),
        (lesson.after, t("after"), AFTER, "solid"),
    ):
        alarms, hits = _roc(found.same, found.different)
        figure.add_scatter(
            x=alarms, y=hits, mode="lines", name=label,
            line={"color": colour, "width": 3, "dash": dash},
        )  # fmt: skip
    figure.update_xaxes(
        title=t("False alarms"), range=[-0.02, 1.02], tickformat=".0%", fixedrange=True
    )
    figure.update_yaxes(
        title=t("Same pairs found"), range=[-0.02, 1.04], tickformat=".0%", fixedrange=True
    )
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"})
    _show(figure, t("Same pairs found against false alarms"), "roc", _HEIGHT)


def _roc(same: NDArray[np.float32], different: NDArray[np.float32]) -> tuple[Points, Points]:
    """Shares of different and of same pairs at or above a line, for every line that matters."""
    lines = np.unique(np.concatenate([same, different]))
    if len(lines) > _MOST_POINTS:
        lines = np.quantile(np.concatenate([same, different]), np.linspace(0, 1, _MOST_POINTS))
    lines = np.concatenate([lines, [np.inf]])
    alarms, hits = (
        1 - np.searchsorted(np.sort(values), lines, side="left") / max(1, len(values))
        for values in (different, same)
    )
    return alarms, hits


# ── The two maps ───────────────────────────────────────────────────────────────────


def show_maps(run: Run) -> None:
    """Draw the pictures in two dimensions, before and after, turned alike."""
    with st.spinner(t("Drawing the maps …")):
        before, after = _places(run)
    grid = st.grid("auto", min_column_width=420, gap="small")
    for key, title, points in (("before", t("Before"), before), ("after", t("After"), after)):
        with grid.cell():
            st.markdown(f"**{title}**")
            _show_map(run, points, key, title)


def _places(run: Run) -> tuple[Points, Points]:
    if "places" not in run.drawn and run.views is not None and run.lesson is not None:
        seen = run.views[:, 0]
        start = _flat(seen)
        before = _remembered(seen, start)
        lanes.current().check()  # whoever has clicked elsewhere need not wait for the second
        after = _remembered(run.lesson.head(seen), start)
        # Turned and mirrored, so that pictures stay as near their place as may be
        left, _, right = np.linalg.svd(after.T @ before)
        run.drawn["places"] = before, after @ (left @ right)
    places: tuple[Points, Points] = run.drawn["places"]
    return places


def _remembered(vectors: NDArray[np.float32], start: Points) -> Points:
    """Lay vectors out as `_spread` does, once for all who come to the same ones."""

    def make() -> Points:
        with lanes.in_front():
            return _spread(vectors, start)

    digest = hashlib.sha256(vectors.tobytes() + start.tobytes()).hexdigest()
    return cached.memory().recall(("teaching map", digest), make)


def _flat(vectors: NDArray[np.float32]) -> Points:
    """Lay vectors flat along the two directions they vary most in, as close as t-SNE likes."""
    left, _, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    return np.asarray(left[:, :2] / left[:, 0].std() * 1e-4, np.float64)


def _spread(vectors: NDArray[np.float32], start: Points) -> Points:
    """Lay vectors out so that neighbours stay neighbours; about 0, within -1 to 1.

    t-SNE (van der Maaten and Hinton 2008): a notion that was taught is rarely the direction
    that pictures vary most in, so a flat cut through them would not show it.
    """
    from sklearn.manifold import TSNE

    near = min(_NEIGHBOURS, (len(vectors) - 1) / 3)
    laid = TSNE(
        perplexity=near, metric="cosine", init=start.astype(np.float32), random_state=0
    ).fit_transform(vectors)
    laid = laid - laid.mean(axis=0)
    return np.asarray(laid / max(float(np.abs(laid).max()), 1e-9), np.float64)


def _show_map(run: Run, points: Points, key: str, title: str) -> None:
    groups = run.wish.groups
    titles = [teaching_groups.in_words(title) for title in run.wish.titles]
    figure = go.Figure()
    few = len(points) <= _MOST_THUMBNAILS
    for number, name in enumerate(titles):
        own = groups.labels == number
        figure.add_scatter(
            x=points[own, 0], y=points[own, 1], mode="markers", name=_harmless(name),
            showlegend=False,
            text=[_harmless(groups.pictures[i].name) for i in np.flatnonzero(own)],
            marker={
                "color": _COLOURS[number % len(_COLOURS)],
                "symbol": _SIGNS[(number // len(_COLOURS)) % len(_SIGNS)],
                "size": 30 if few else 9,
                "opacity": 0.0 if few else 0.85,
            },
            hovertemplate="<b>%{fullData.name}</b><br>%{text}<extra></extra>",
        )  # fmt: skip
    if few:
        for place, picture in zip(points, groups.pictures, strict=True):
            jpeg = base64.b64encode(teaching_wall.small(picture, 48)).decode()
            figure.add_layout_image(
                source=f"data:image/jpeg;base64,{jpeg}",
                x=place[0], y=place[1], xref="x", yref="y", sizex=0.13, sizey=0.13,
                xanchor="center", yanchor="middle", layer="below",
            )  # fmt: skip
    frame = {"range": [-1.12, 1.12], "visible": False, "fixedrange": True}
    figure.update_layout(xaxis=frame, yaxis={**frame, "scaleanchor": "x"})
    alt = t("Map of {count} pictures: {title}", count=len(points), title=title)
    _show(figure, alt, f"map_{key}", _MAP_HEIGHT)


def _harmless(name: str) -> str:
    """Keep a visitor's words from being read as markup by the chart."""
    return name[:40].replace("&", "&amp;").replace("<", "&lt;")


def _show(figure: go.Figure, alt: str, key: str, height: int) -> None:
    figure.update_layout(height=height, margin={"l": 8, "r": 12, "t": 8, "b": 8}, dragmode=False)
    st.plotly_chart(figure, key=f"teach_{key}", config={"displayModeBar": False}, alt=alt)
