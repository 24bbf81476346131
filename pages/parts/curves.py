"""Curves of many methods against the strength of a damage: sentence, chart, table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from imgsim_core.comparison import Unavailable
from imgsim_core.distort import Damage
from imgsim_core.method import Family
from imgsim_core.picture import Picture
from imgsim_core.robustness import Applied, Curve, rounded_strength
from pages.parts import result
from pages.parts.language import plain, say, t

HEIGHT = 440  # pixels
_HEIGHT_OF_ONE, _HEIGHT_OF_NAME = 260, 20  # of a family's chart, and a row of its legend
_MOST_TOGETHER = 8
# A family's colour and sign; each colour is at least 3:1 on the white and on the dark page
_MARKS = {
    Family.COLOUR: ("#c17f00", "circle"),
    Family.STRUCTURE: ("#2b7fc3", "square"),
    Family.TEXTURE: ("#009e73", "diamond"),
    Family.KEYPOINTS: ("#d55e00", "triangle-up"),
    Family.HASHES: ("#b8589a", "star"),
    Family.SEMANTICS: ("#7a76d6", "pentagon"),
}
_DASHES = ("solid", "dash", "dot")  # the methods of one family in turn

Answers = Sequence[Curve | Unavailable]


def strength_words(damage: Damage, strength: float) -> str:
    """Write a strength as people read it, unit included."""
    if damage.is_switch:
        return t("on") if strength else t("off")
    return t("{strength} {unit}", strength=f"{strength:g}", unit=damage.unit)


def show_headline(found: Answers, damages: Sequence[Applied]) -> None:
    """Say in a sentence how many methods still recognise the picture."""
    if not found:
        st.info(t("Choose at least one method."), icon=":material/arrow_downward:")
        return
    drawn = _drawn(found)
    if not drawn:
        st.info(
            t("None of the chosen methods has an answer for this picture; below is why."),
            icon=":material/arrow_downward:",
        )
        return
    first = damages[0]
    alike = [one for one in drawn if one.is_alike_at(first.strength, result.line(one.question))]
    sentence = t(
        "{damages}: {alike} of {all} methods still call it alike.",
        damages=damages_words(damages),
        alike=len(alike),
        all=len(drawn),
    )
    st.markdown(f"#### {sentence}")


def damages_words(damages: Sequence[Applied]) -> str:
    """Write damages and their strengths, joined by a sign that needs no translation."""
    return " + ".join(
        plain(one.damage.label)
        if one.damage.is_switch and one.strength
        else f"{plain(one.damage.label)} {strength_words(one.damage, one.strength)}"
        for one in damages
    )


def _drawn(found: Answers) -> list[Curve]:
    return [one for one in found if isinstance(one, Curve)]


# ── The chart ──────────────────────────────────────────────────────────────────────


def show_chart(found: Answers, damages: Sequence[Applied]) -> None:
    """Draw all curves on one axis, or a chart a family where one would be a tangle."""
    drawn, first = _drawn(found), damages[0]
    if len(drawn) <= _MOST_TOGETHER:
        if drawn:
            _show_figure(drawn, first, "all", HEIGHT)
        return
    grid = st.grid("auto", min_column_width=280, gap="small")
    for family in Family:
        mine = [one for one in drawn if one.question.method.family is family]
        if mine:
            with grid.cell():
                st.markdown(f"**{result.icon(family)} {say(family.label)}**")
                height = _HEIGHT_OF_ONE + _HEIGHT_OF_NAME * len(mine)
                _show_figure(mine, first, family.value, height)


def _show_figure(drawn: Sequence[Curve], first: Applied, key: str, height: int) -> None:
    figure = go.Figure()
    families = {one.question.method.family for one in drawn}
    places: Counter[Family] = Counter()
    for index, one in enumerate(drawn):
        family = one.question.method.family
        # Colours tell families apart, and within one family's chart its methods
        colour, sign = _mark(index) if len(families) == 1 else _MARKS[family]
        _add_curve(figure, one, first, colour, sign, _DASHES[places[family] % len(_DASHES)])
        places[family] += 1
    _add_frame(figure, first)
    figure.update_layout(height=height)
    st.plotly_chart(
        figure,
        key=f"robust_chart_{key}",
        config={"displayModeBar": False},
        alt=t(
            "Curves of {count} methods over the strength of {damage}; the table below says the "
            "same in words.",
            count=len(drawn),
            damage=first.damage.label,
        ),
    )


def _mark(index: int) -> tuple[str, str]:
    marks = list(_MARKS.values())
    return marks[index % len(marks)]


def show_how_to_read(picture: Picture, damages: Sequence[Applied]) -> None:
    """Explain the chart below it."""
    notes = [
        t(
            "Each method has a scale and a line of its own; here all lines lie at one height. "
            "In the green part a method calls the copy alike; a cross marks where it breaks."
        )
    ]
    if len(damages) > 1:
        notes.append(
            t("What stays the same all along: {damages}.", damages=damages_words(damages[1:]))
        )
    notes.append(
        t(
            "Damaged and measured at {width} × {height} pixels.",
            width=picture.width,
            height=picture.height,
        )
    )
    st.caption(" ".join(notes))


def _add_curve(
    figure: go.Figure, one: Curve, first: Applied, colour: str, symbol: str, dash: str
) -> None:
    method, line = one.question.method, result.line(one.question)
    name = plain(method.label)
    heights = one.heights(line)
    is_switch = first.damage.is_switch  # nothing between off and on: no crossing to show
    outline = list(zip(one.strengths, heights, strict=True)) if is_switch else one.outline(line)
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
        y=heights,
        mode="markers",
        cliponaxis=False,
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
    if breaks is not None and one.is_alike_at(one.strengths[0], line):
        figure.add_scatter(
            x=[one.strengths[-1] if is_switch else breaks],
            y=[heights[-1] if is_switch else 0.5],
            mode="markers",
            cliponaxis=False,
            marker={
                "color": colour,
                "symbol": "x-thin",
                "size": 11,
                "line": {"color": colour, "width": 3},
            },
            name=name,
            legendgroup=method.id,
            showlegend=False,
            hovertemplate=f"<b>{name}</b><br>{t('Breaks at')}: {break_words(one, first.damage)}"
            "<extra></extra>",
        )


def _add_frame(figure: go.Figure, first: Applied) -> None:
    """Draw what the curves lie in: the line, the side that is alike, the chosen strength."""
    damage = first.damage
    figure.add_hrect(0.5, 1.03, fillcolor="#1a9a88", opacity=0.10, line_width=0, layer="below")
    figure.add_hline(0.5, line={"color": "#1a9a88", "width": 2}, layer="below")
    figure.add_vline(first.strength, line={"color": "#7d8a88", "width": 1.5, "dash": "dash"})
    title = t("{damage} ({unit})", damage=damage.label, unit=damage.unit)
    axis = {"title": title, "range": [damage.low, damage.high], "fixedrange": True}
    if damage.is_switch:
        axis |= {"tickvals": [damage.low, damage.high], "ticktext": [t("off"), t("on")]}
    ends = [t("nothing in common"), t("line"), t("identical")]
    figure.update_layout(
        margin={"l": 8, "r": 16, "t": 8, "b": 8},
        xaxis=axis,
        yaxis={
            "range": [-0.03, 1.03],
            "tickvals": [0, 0.5, 1],
            "ticktext": [words.replace(" ", "<br>", 1) for words in ends],
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
        },
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0},
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
        return t("the slightest touch") if alike else t("not alike from the start")
    if damage.is_switch:
        return t("breaks")
    words = strength_words(damage, rounded_strength(damage, breaks))
    if one.recovers(line):
        return t("about {strength}, alike again later", strength=words)
    return t("about {strength}", strength=words)


def show_table(found: Answers, damages: Sequence[Applied]) -> None:
    """Say the same in words: value at the chosen strength, line, breaking point."""
    drawn = _drawn(found)
    if not drawn:
        return
    first = damages[0]
    at = t("At {strength}", strength=strength_words(first.damage, first.strength))
    if first.damage.is_switch:
        at = t("Now")
    head = f"| {t('Method')} | {at} | {t('Its line')} | {t('Breaks at')} |"
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
