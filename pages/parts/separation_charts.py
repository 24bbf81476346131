"""Charts of how a method parts marked pairs: its scores, and its two curves with bands."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from imgsim_core.calibration import PrecisionRecall, Roc
from imgsim_core.separation import Separation
from pages.parts.language import plain, t

SAME, DIFFERENT = "#2b7fc3", "#d55e00"  # distinct to colour-blind eyes, and in both themes
_LINE, _GREY = "#1a9a88", "#8a9694"
_BAND = "rgba(43,127,195,.22)"
_BINS = 24
_HEIGHT = 300


def show_scores(one: Separation, in_use: float) -> None:
    """Draw the scores of same and of different pairs over each other, with the line."""
    scores = one.scores
    same, different = _drawn(scores.same, one), _drawn(scores.different, one)
    both = np.concatenate([same, different, [one.line]])
    edges = np.linspace(both.min(), both.max() or 1.0, _BINS + 1)
    if edges[0] == edges[-1]:
        edges = np.linspace(edges[0] - 0.5, edges[0] + 0.5, _BINS + 1)
    figure = go.Figure()
    middles = (edges[:-1] + edges[1:]) / 2
    for name, values, colour in (
        (t("Marked different"), different, DIFFERENT),
        (t("Marked same"), same, SAME),
    ):
        counts, _ = np.histogram(values, edges)
        figure.add_bar(
            x=middles, y=counts, width=edges[1] - edges[0], name=name, marker_color=colour,
            opacity=0.65,
        )  # fmt: skip
    figure.add_vline(one.line, line_color=_LINE, line_width=3)
    if in_use != one.line:
        figure.add_vline(in_use, line_color=_GREY, line_width=2, line_dash="dot")
    scale = scores.scale
    toward = "→" if scale.higher_is_alike else "←"
    label = plain(one.question.method.label)
    words = t("more alike")
    axis = f"{label} · {words} {toward}" if toward == "→" else f"{toward} {words} · {label}"
    figure.update_layout(barmode="overlay", bargap=0, xaxis_title=axis, yaxis_title=t("Pairs"))
    _show(figure, t("How the scores of same and different pairs lie"), "scores")
    legend = t("Green line: the best line, {line}.", line=_number(one.line, one))
    if in_use != one.line:
        legend += " " + t("Dotted: the line in use, {line}.", line=_number(in_use, one))
    st.caption(legend)


def _number(value: float, one: Separation) -> str:
    unit = one.scores.scale.unit
    return f"{value:g} {plain(unit)}" if unit else f"{value:g}"


def _drawn(values: NDArray[np.float64], one: Separation) -> NDArray[np.float64]:
    """Finite scores: an infinite one is drawn at the end of the axis."""
    low, high = sorted(one.scores.scale.axis)
    return np.where(np.isfinite(values), values, np.clip(values, low, high))


def show_roc(one: Separation, curve: Roc) -> None:
    """Draw hits against false alarms, with the band and the best line's place."""
    figure = go.Figure()
    _band(figure, curve.grid, curve.band_low, curve.band_high)
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": _GREY, "dash": "dot"}, name=t("Chance"),
        hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=curve.false_positive_rates, y=curve.true_positive_rates, mode="lines",
        line={"color": SAME, "width": 3, "shape": "hv"}, name=t("These pairs"),
    )  # fmt: skip
    _mark(figure, one.false_alarms, 1 - one.misses)
    figure.update_layout(xaxis_title=t("False alarms"), yaxis_title=t("Same pairs found"))
    st.markdown(f"**{t('What each line would cost (ROC)')}**")
    _show_shares(figure, t("Same pairs found against false alarms"), "roc")


def show_precision(one: Separation, curve: PrecisionRecall) -> None:
    """Draw precision against recall, with the band and the best line's place."""
    figure = go.Figure()
    _band(figure, curve.grid, curve.band_low, curve.band_high)
    figure.add_scatter(
        x=curve.recalls, y=curve.precisions, mode="lines",
        line={"color": SAME, "width": 3}, name=t("These pairs"),
    )  # fmt: skip
    same, different = len(one.scores.same), len(one.scores.different)
    found, false = (1 - one.misses) * same, one.false_alarms * different
    if found + false:
        _mark(figure, 1 - one.misses, found / (found + false))
    figure.update_layout(
        xaxis_title=t("Same pairs found"), yaxis_title=t("Of those called alike, truly same")
    )
    st.markdown(f"**{t('How far to trust alike (precision and recall)')}**")
    _show_shares(figure, t("Share of truly same pairs against same pairs found"), "precision")


def _band(
    figure: go.Figure,
    grid: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> None:
    """Shade where the curve lies in 95 of 100 redrawn sets of pairs."""
    figure.add_scatter(
        x=np.concatenate([grid, grid[::-1]]), y=np.concatenate([high, low[::-1]]),
        fill="toself", fillcolor=_BAND, line={"width": 0}, mode="lines", hoverinfo="skip",
        name=t("95 of 100 redrawn sets"),
    )  # fmt: skip


def _mark(figure: go.Figure, x: float, y: float) -> None:
    figure.add_scatter(
        x=[x], y=[y], mode="markers", name=t("Best line"),
        marker={"color": _LINE, "size": 14, "line": {"color": "#fff", "width": 2}},
        cliponaxis=False,  # it often lies in a corner
    )  # fmt: skip


def _show_shares(figure: go.Figure, alt: str, key: str) -> None:
    figure.update_xaxes(range=[-0.02, 1.02], tickformat=".0%")
    figure.update_yaxes(range=[-0.02, 1.04], tickformat=".0%")
    _show(figure, alt, key)


def _show(figure: go.Figure, alt: str, key: str) -> None:
    figure.update_layout(
        height=_HEIGHT,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    st.plotly_chart(figure, key=f"separation_{key}", config={"displayModeBar": False}, alt=alt)
