"""Which method parts the marked pairs, how surely, and where its line should be."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from imgsim_core.calibration import PrecisionRecall, Roc, precision_recall, roc
from imgsim_core.labelled import shortage
from imgsim_core.separation import (
    SETTLED,
    Combination,
    Separation,
    combination,
    level_with_best,
    marked_scores,
    ranked,
    separation,
)
from pages.parts import (
    inputs,
    keeping,
    lines,
    links,
    result,
    separation_charts,
    settings,
    teaching_handover,
)
from pages.parts.language import plain, say, t
from pages.parts.workbench import Workbench

_PATIENCE = 0.3  # seconds to wait for the last mark's scores before drawing without them
_BEST = "best"
_MOST_NAMED = 4
_MOST_MISTAKES = 12


def show(bench: Workbench) -> None:
    """Draw the answer for the marks there are, and the rest as it comes."""
    st.subheader(t("Which method separates these pictures?"))
    missing = shortage(bench.answered)
    if missing is not None:
        st.info(say(missing), icon=":material/rule:")
        keeping.show(bench, ())
        teaching_handover.offer_marked(bench)
        return
    _await(bench)
    ready = _ready(bench)
    found = _separations(bench, ready)
    if len(ready) < len(bench.scoring.questions):
        st.fragment(_watch, run_every=1.0)(bench, len(ready))
    if found:
        _show_answer(bench, found)
    else:
        st.skeleton(height=300)
    teaching_handover.offer_marked(bench)
    links.write()


def _await(bench: Workbench) -> None:
    """Give the scores of the last mark a moment."""
    keys = [pair.key for pair in bench.marked]
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        there, total = bench.scoring.done(keys)
        if there == total:
            return
        time.sleep(0.03)


def _watch(bench: Workbench, drawn: int) -> None:
    """Say how far the slower methods are; draw the page again when there is more to show.

    `drawn` methods were ready at the last drawing, those among them that could not answer too.
    """
    there, total = bench.scoring.done([pair.key for pair in bench.marked])
    words = t("{done} of {all} comparisons made; slower methods follow.", done=there, all=total)
    st.progress(there / max(1, total), text=words)
    ready = len(_ready(bench))
    if there == total or ready >= drawn + 3 or (ready and not drawn):
        st.rerun()


def _ready(bench: Workbench) -> list[int]:
    """Places of the methods that have answered for all marked pairs, but for the last ones."""
    keys = {pair.key for pair in bench.marked}
    places = range(len(bench.scoring.questions))
    return [place for place in places if len(keys - bench.scoring.scores(place).keys()) <= 2]


def _separations(bench: Workbench, ready: Sequence[int]) -> tuple[Separation, ...]:
    wanted = lines.WANTED_SHARES.get(settings.get(lines.WANTED, lines.USUAL_WANTED))
    judged = (
        separation(
            marked_scores(
                bench.scoring.questions[place], bench.marked, bench.scoring.scores(place)
            ),
            wanted,
        )
        for place in ready
    )
    return ranked([one for one in judged if one is not None])


# ── The answer ─────────────────────────────────────────────────────────────────────


def _show_answer(bench: Workbench, found: Sequence[Separation]) -> None:
    best = found[0]
    if best.beats_chance:
        name = say(best.question.method.label)
        st.markdown(f"#### :material/trophy: {t('{method} separates them best.', method=name)}")
        st.markdown(_plain_area(best))
        st.markdown(_rivals(found))
    else:
        st.markdown(f"#### {t('No method separates these pairs better than chance yet.')}")
    if best.more_pairs:
        st.caption(
            ":material/hourglass_empty: "
            + t(
                "About {more} more pairs would settle its figure to {points} points either way.",
                more=best.more_pairs,
                points=f"{100 * SETTLED:.0f}",
            )
        )
    _choose_wanted()
    _show_table(found)
    _show_one(bench, found)
    _show_combination(bench, found)
    keeping.show(bench, found)


def _plain_area(one: Separation) -> str:
    """The area under the curve as a share of cases that anybody can picture."""
    low, area, high = (f"{100 * value:.0f}" for value in (one.area_low, one.area, one.area_high))
    return t(
        "Take one pair marked same and one marked different: it finds the same pair more alike "
        "in {area} of 100 cases ({low} to {high}, given how few pairs are marked).",
        area=area,
        low=low,
        high=high,
    )


def _rivals(found: Sequence[Separation]) -> str:
    """Whether the lead of the best is more than chance, and over whom it is not."""
    rivals = level_with_best(found)
    if not rivals:
        return t("Its lead over every other method is more than chance.")
    names = [plain(one.question.method.label) for one in rivals[:_MOST_NAMED]]
    words = " · ".join(names)
    if len(rivals) > _MOST_NAMED:
        words += t(" and {count} more", count=len(rivals) - _MOST_NAMED)
    return t("Its lead may be chance over: {methods}.", methods=words)


def _choose_wanted() -> None:
    labels = {
        "equal": t("As many false alarms as misses"),
        "10": t("{share} % false alarms", share=10),
        "5": t("{share} % false alarms", share=5),
        "1": t("{share} % false alarms", share=1),
    }
    settings.bound(
        st.segmented_control,
        t("Which error do you accept?"),
        list(lines.WANTED_SHARES),
        key=lines.WANTED,
        default=lines.USUAL_WANTED,
        format_func=labels.__getitem__,
        required=True,
        wrap=True,
        help=t(
            "A false alarm is a different pair called alike; a miss is a same pair called "
            "different. Fewer of one mean more of the other."
        ),
    )


def _show_table(found: Sequence[Separation]) -> None:
    rows = [_row(one) for one in found]
    columns = {
        t("Method"): [row[0] for row in rows],
        t("Right order"): [row[1] for row in rows],
        t("Between"): [row[2] for row in rows],
        t("Best line"): [row[3] for row in rows],
        t("False alarms"): [row[4] for row in rows],
        t("Misses"): [row[5] for row in rows],
    }
    st.dataframe(
        columns,
        hide_index=True,
        key="separations",
        height=min(38 + 35 * len(rows), 320),
        alt=t("Every method, the best first, with its line and its errors"),
        column_config={
            # Pinned columns neither grow nor shrink; if wider, a phone would not pin it
            t("Method"): st.column_config.TextColumn(pinned=True, width=212),
            t("Right order"): st.column_config.ProgressColumn(
                min_value=0.0,
                max_value=100.0,
                format="%.0f %%",
                help=t("Cases in which the same pair is the more alike. Half is chance."),
            ),
            t("Between"): st.column_config.TextColumn(
                help=t("Within which it lies in 95 of 100 cases.")
            ),
            t("Best line"): st.column_config.TextColumn(
                help=t("Midway between the scores on its two sides.")
            ),
        },
    )


def _row(one: Separation) -> tuple[str, float, str, str, str, str]:
    scores = one.scores
    return (
        plain(one.question.method.label),
        100 * one.area,
        f"{100 * one.area_low:.0f}–{100 * one.area_high:.0f} %",
        line_words(one),
        _share_words(one.false_alarms, len(scores.different), one.false_alarms_range),
        _share_words(one.misses, len(scores.same), one.misses_range),
    )


def _share_words(share: float, count: int, between: tuple[float, float]) -> str:
    low, high = (f"{100 * end:.0f}" for end in between)
    return t(
        "{wrong} of {count} ({low}–{high} %)",
        wrong=round(share * count),
        count=count,
        low=low,
        high=high,
    )


def line_words(one: Separation) -> str:
    """A line with the sign that says which side of it is alike."""
    sign = "≥" if one.scores.scale.higher_is_alike else "≤"
    unit = one.scores.scale.unit
    return f"{sign} {one.line:g}" + (f" {plain(unit)}" if unit else "")


# ── One method ─────────────────────────────────────────────────────────────────────


def _show_one(bench: Workbench, found: Sequence[Separation]) -> None:
    by_id = {one.question.method.id: one for one in found}
    labels = {_BEST: t("the best one")}
    labels |= {code: plain(one.question.method.label) for code, one in by_id.items()}
    order = [_BEST, *(one.method.id for one in bench.scoring.questions if one.method.id in by_id)]
    chosen = st.selectbox(
        t("Look closer at"), order, format_func=labels.__getitem__, key="separation_method"
    )
    one = by_id.get(chosen, found[0])
    in_use = lines.line(one.question)
    separation_charts.show_scores(one, in_use)
    _show_use(one, in_use, found)
    _show_mistakes(bench, one)
    _show_curves(bench, one)


def _show_curves(bench: Workbench, one: Separation) -> None:
    """Draw both curves; while pairs are being marked only when asked, since bands take time."""
    more = st.expander(
        t("Curves: what each line would cost"),
        expanded=bench.came_marked,
        icon=":material/show_chart:",
        on_change="rerun",
        key="curves_open",
    )
    if not more.open:
        return
    curve, precision = more.columns(2, gap="medium")
    found_roc, found_precision = _curves(bench, one)
    with curve:
        separation_charts.show_roc(one, found_roc)
    with precision:
        separation_charts.show_precision(one, found_precision)


def _show_mistakes(bench: Workbench, one: Separation) -> None:
    """Draw the pairs on the wrong side of the best line: what the method does not see."""
    wrong = one.mistakes
    if not wrong:
        st.success(t("Its best line gets every marked pair right."), icon=":material/done_all:")
        return
    st.markdown(f"**{t('Pairs that its best line gets wrong: {count}', count=len(wrong))}**")
    grid = st.grid("auto", min_column_width=165, gap="small")
    for at in wrong[:_MOST_MISTAKES]:
        a, b = (bench.pictures[end] for end in one.scores.keys[at])
        words = t("missed") if one.scores.marks[at] else t("false alarm")
        value = result.number(float(one.scores.values[at]), one.scores.scale)
        with grid.cell():
            st.image(inputs.side_by_side(a, b), width="stretch", alt=f"{a.name}, {b.name}")
            st.caption(f"{words} · {value}")


def _curves(bench: Workbench, one: Separation) -> tuple[Roc, PrecisionRecall]:
    """Both curves with their bands, kept until another mark comes."""
    scores = one.scores

    def make() -> tuple[Roc, PrecisionRecall]:
        ends = (scores.same.tolist(), scores.different.tolist(), scores.scale)
        return roc(*ends), precision_recall(*ends)

    key = (one.question, scores.keys, scores.marks.tobytes())
    return _kept(bench, "curves", key, make)


def _kept(bench: Workbench, place: str, key: Any, make: Callable[[], Any]) -> Any:
    """What was made last at a place, made anew only under another key."""
    if place not in bench.kept or bench.kept[place][0] != key:
        bench.kept[place] = (key, make())
    return bench.kept[place][1]


def _show_use(one: Separation, in_use: float, found: Sequence[Separation]) -> None:
    is_in_use = in_use == one.line
    with st.container(horizontal=True):
        st.button(
            t("Use this line"),
            key="use_line",
            type="primary",
            icon=":material/check:" if is_in_use else ":material/tune:",
            disabled=is_in_use,
            on_click=_use,
            args=([one],),
        )
        st.button(
            t("Use the lines of all methods"),
            key="use_lines",
            icon=":material/done_all:",
            on_click=_use,
            args=([one for one in found if one.beats_chance],),
        )
    if is_in_use:
        st.caption(":material/check_circle: " + t("In use on every page of this visit."))


def _use(found: Sequence[Separation]) -> None:
    for one in found:
        method, options = one.question.method, one.question.options
        settings.put(lines.key(method, options), one.line)
    st.toast(
        t("Your lines now hold on every page: {count} in use.", count=len(found)),
        icon=":material/check_circle:",
    )


# ── All methods together ───────────────────────────────────────────────────────────


def _show_combination(bench: Workbench, found: Sequence[Separation]) -> None:
    key = tuple((one.question, one.scores.keys, one.scores.marks.tobytes()) for one in found)
    asked = bench.kept.get("combination", (None,))[0] == key
    with st.container(border=True):
        st.markdown(f"**{t('Could all methods together do better?')}**")
        place = st.empty()
        if not asked and not place.button(
            t("Try them together"), key="combine", icon=":material/join:"
        ):
            st.caption(
                t(
                    "A weighted sum of all scores, judged only on pairs whose pictures it has "
                    "not seen."
                )
            )
            return
        place.empty()
        together = _kept(bench, "combination", key, lambda: combination(found))
        _say_combination(together, found[0])


def _say_combination(together: Combination | None, best: Separation) -> None:
    if together is None:
        st.info(
            t("Too few pairs to tell: mark at least 12 of each sort, of many different pictures."),
            icon=":material/info:",
        )
        return
    area = f"{100 * together.area:.0f}"
    if not together.is_better:
        st.markdown(
            ":material/remove: "
            + t(
                "No: together they are right in {area} of 100 cases, {method} alone in {alone}. "
                "The difference may be chance.",
                area=area,
                method=best.question.method.label,
                alone=f"{100 * best.area:.0f}",
            )
        )
        return
    st.markdown(
        ":material/trending_up: "
        + t(
            "Yes: together they are right in {area} of 100 cases, {method} alone in {alone}. "
            "The difference is more than chance.",
            area=area,
            method=best.question.method.label,
            alone=f"{100 * best.area:.0f}",
        )
    )
    names = [
        f"{plain(question.method.label)} {100 * weight:.0f} %"
        for question, weight in together.weights[:_MOST_NAMED]
    ]
    st.caption(t("It leans most on: {methods}.", methods=" · ".join(names)))
