"""Curves of many methods against the strength of a damage: sentence, chart, table."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from imgsim_core.comparison import Unavailable
from imgsim_core.distort import Damage
from imgsim_core.method import Family
from imgsim_core.robustness import Applied, Curve, rounded_strength
from pages.parts import result
from pages.parts.language import plain, say, t

HEIGHT = 440
# Each at least 3:1 on the white and on the dark page, and apart to colour-blind eyes
_COLOURS = {
    Family.COLOUR: "#c17f00",
    Family.STRUCTURE: "#2b7fc3",
    Family.TEXTURE: "#009e73",
    Family.KEYPOINTS: "#d55e00",
    Family.HASHES: "#b8589a",
    Family.SEMANTICS: "#7a76d6",
}
_SYMBOLS = {
    Family.COLOUR: "circle",
    Family.STRUCTURE: "square",
    Family.TEXTURE: "diamond",
    Family.KEYPOINTS: "triangle-up",
    Family.HASHES: "star",
    Family.SEMANTICS: "pentagon",
}
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")  # within a family

Answers = Sequence[Curve | Unavailable]


def strength_words(damage: Damage, strength: float) -> str:
    """Write a strength as people read it, unit included."""
    if damage.is_switch:
        return t("on") if strength else t("off")
    return t("{strength} {unit}", strength=f"{strength:g}", unit=damage.unit)


def show_headline(found: Answers, damages: Sequence[Applied]) -> None:
    """Say in a sentence how many methods still recognise the picture."""
    drawn = _drawn(found)
    if not drawn:
        st.info(t("Choose at least one method."), icon=":material/arrow_downward:")
        return
    first = damages[0]
    alike = [one for one in drawn if one.is_alike_at(first.strength, result.line(one.question))]
    words = {
        "damage": first.damage.label,
        "strength": strength_words(first.damage, first.strength),
        "alike": len(alike),
        "all": len(drawn),
    }
    sentence = t("{damage}, {strength}: {alike} of {all} methods still call it alike.", **words)
    st.markdown(f"#### {sentence}")


def _drawn(found: Answers) -> list[Curve]:
    return [one for one in found if isinstance(one, Curve)]


# ── The chart ──────────────────────────────────────────────────────────────────────


def show_chart(found: Answers, damages: Sequence[Applied]) -> None:
    """Draw all curves on one axis, with every line at the same height."""
    drawn = _drawn(found)
    if not drawn:
        return
    first, *also = damages
    figure = go.Figure()
    dashes: dict[Family, int] = {}
    for one in drawn:
        family = one.question.method.family
        place = dashes.get(family, 0)
        dashes[family] = place + 1
        _add_curve(figure, one, first, _DASHES[place % len(_DASHES)])
    _add_frame(figure, first)
    st.plotly_chart(
        figure,
        key="robust_chart",
        config={"displayModeBar": False, "scrollZoom": False},
        alt=t(
            "Curves of {count} methods over the strength of {damage}; the table below says the "
            "same in words.",
            count=len(drawn),
            damage=first.damage.label,
        ),
    )
    st.caption(_how_to_read(also))


def _how_to_read(also: Sequence[Applied]) -> str:
    words = t(
        "Each method has a scale and a line of its own; here all lines lie at one height. "
        "Above it a method calls the copy alike, below it does not; a cross marks where it "
        "breaks."
    )
    if not also:
        return words
    others = ", ".join(
        f"{plain(one.damage.label)} ({strength_words(one.damage, one.strength)})" for one in also
    )
    return f"{words} {t('What stays the same all along: {damages}.', damages=others)}"


def _add_curve(figure: go.Figure, one: Curve, first: Applied, dash: str) -> None:
    method, line = one.question.method, result.line(one.question)
    colour, symbol = _COLOURS[method.family], _SYMBOLS[method.family]
    name = plain(method.label)
    outline = one.outline(line)
    figure.add_scatter(
        x=[strength for strength, _ in outline],
        y=[height for _, height in outline],
        mode="lines",
        line={"color": colour, "width": 2.5, "dash": dash},
        name=name,
        legendgroup=method.id,
        showlegend=False,
        hoverinfo="skip",
    )
    chosen = one.strengths.index(first.strength)
    figure.add_scatter(
        x=one.strengths,
        y=one.heights(line),
        mode="markers",
        marker={
            "color": colour,
            "symbol": symbol,
            "size": [12 if index == chosen else 6 for index in range(len(one.strengths))],
        },
        name=name,
        legendgroup=method.id,
        showlegend=False,
        customdata=[
            [
                strength_words(first.damage, strength),
                result.number(score, one.scale),
                result.number(line, one.scale),
            ]
            for strength, score in zip(one.strengths, one.scores, strict=True)
        ],
        hovertemplate="<b>%{fullData.name}</b><br>%{customdata[0]}: <b>%{customdata[1]}</b><br>"
        + t("line: {value}", value="%{customdata[2]}")
        + "<extra></extra>",
    )
    figure.add_scatter(
        x=[None],
        y=[None],
        mode="lines+markers",
        line={"color": colour, "width": 2.5, "dash": dash},
        marker={"color": colour, "symbol": symbol, "size": 8},
        name=name,
        legendgroup=method.id,
    )
    breaks = one.breaking_point(line)
    if breaks is not None:
        figure.add_scatter(
            x=[breaks],
            y=[0.5 if breaks > one.strengths[0] else one.heights(line)[0]],
            mode="markers",
            marker={
                "color": colour,
                "symbol": "x-thin",
                "size": 11,
                "line": {"color": colour, "width": 3},
            },
            name=name,
            legendgroup=method.id,
            showlegend=False,
            hovertemplate=f"<b>{name}</b><br>{break_words(one, first.damage)}<extra></extra>",
        )


def _add_frame(figure: go.Figure, first: Applied) -> None:
    """Draw what the curves lie in: the line, the side that is alike, the chosen strength."""
    damage = first.damage
    figure.add_hrect(0.5, 1.04, fillcolor="#1a9a88", opacity=0.10, line_width=0, layer="below")
    figure.add_hline(0.5, line={"color": "#1a9a88", "width": 2}, layer="below")
    figure.add_vline(first.strength, line={"color": "#7d8a88", "width": 1.5, "dash": "dash"})
    for height, anchor, words in (
        (1.03, "bottom", t("identical")),
        (0.5, "bottom", t("the line: alike above")),
        (0.0, "bottom", t("nothing in common")),
    ):
        figure.add_annotation(
            x=1, xref="paper", xanchor="right", y=height, yanchor=anchor, text=words,
            showarrow=False, font={"size": 12}, opacity=0.8,
        )  # fmt: skip
    title = t("Strength of {damage} ({unit})", damage=damage.label, unit=damage.unit)
    axis = {"title": title, "range": [damage.low, damage.high], "fixedrange": True}
    if damage.is_switch:
        axis |= {"tickvals": [damage.low, damage.high], "ticktext": [t("off"), t("on")]}
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 8, "r": 8, "t": 24, "b": 8},
        xaxis=axis,
        yaxis={
            "range": [-0.04, 1.04],
            "showticklabels": False,
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
        },
        legend={"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0},
        hovermode="closest",
        dragmode=False,
    )


# ── The table ──────────────────────────────────────────────────────────────────────


def break_words(one: Curve, damage: Damage) -> str:
    """Say where a method breaks."""
    line = result.line(one.question)
    breaks = one.breaking_point(line)
    if breaks is None:
        return t("holds throughout")
    if breaks == one.strengths[0]:
        alike = one.is_alike_at(one.strengths[0], line)
        return t("breaks at the slightest") if alike else t("not alike from the start")
    if damage.is_switch:
        return t("breaks")
    words = strength_words(damage, rounded_strength(damage, breaks))
    if one.recovers(line):
        return t("breaks at about {strength}, alike again later", strength=words)
    return t("breaks at about {strength}", strength=words)


def show_table(found: Answers, damages: Sequence[Applied]) -> None:
    """Say the same in words: value at the chosen strength, line, breaking point."""
    drawn = _drawn(found)
    if not drawn:
        return
    first = damages[0]
    at = t("At {strength}", strength=strength_words(first.damage, first.strength))
    head = f"| {t('Method')} | {at} | {t('Its line')} | {t('As it grows')} |"
    rows = [_row(one, first) for one in drawn]
    st.markdown("\n".join([head, "|---|---|---|---|", *rows]))


def _row(one: Curve, first: Applied) -> str:
    method, line = one.question.method, result.line(one.question)
    value = result.number(one.value_at(first.strength), one.scale)
    alike = one.is_alike_at(first.strength, line)
    sign = ":green[:material/check_circle:]" if alike else ":gray[:material/do_not_disturb_on:]"
    words = break_words(one, first.damage)
    name = f"{result.icon(method.family)} {say(method.label)}"
    return f"| {name} | {sign} **{value}** | {result.number(line, one.scale)} | {words} |"
