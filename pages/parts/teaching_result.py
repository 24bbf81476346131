"""What came of a lesson, the verdict first: numbers, neighbours, maps, what does not fit."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from imgsim_core.picture import Picture
from imgsim_core.teaching.groups import Groups
from imgsim_core.teaching.judging import FEWEST_TO_CLAIM
from imgsim_core.teaching.lesson import Lesson, contradictory
from imgsim_core.text import Text
from pages.parts import cached, inputs, teaching_charts, teaching_use, teaching_wall
from pages.parts.language import code_span, say, t
from pages.parts.teaching_groups import Desk, in_words, say_of
from pages.parts.teaching_run import Run

_MOST_ASKED = 6  # pictures whose neighbours are shown
_MOST_UNFIT = 6
_MOST_DOUBTS = 5
_FEW_GROUPS = 10
_NEARLY_ALWAYS = 0.9
_SIDE = 112
_RIGHT, _WRONG = (0, 158, 115), (213, 94, 0)


def show(desk: Desk, run: Run) -> None:
    """Draw the result of a lesson that is over."""
    lesson = run.lesson
    if lesson is None:
        return
    _show_verdict(run.wish.groups, lesson)
    if lesson.doubts:
        shown = lesson.doubts[:_MOST_DOUBTS]
        lines = [f"- {say_of(doubt, run.wish.titles)}" for doubt in shown]
        more = len(lesson.doubts) - len(shown)
        if more:
            lines.append("- " + t("… and {count} more.", count=more))
        st.warning("\n".join(lines), icon=":material/help:")
    teaching_use.show_offer(desk, lesson)
    teaching_charts.show_gains(lesson)
    _show_how_judged(lesson)
    tabs = st.tabs(
        [
            f":material/image_search: {t('What it finds now')}",
            f":material/rule: {t('What does not fit')}",
            f":material/scatter_plot: {t('Maps')}",
            f":material/show_chart: {t('Curve')}",
        ],
        on_change="rerun",
        key="teach_tabs",
    )
    for tab, draw in zip(
        tabs, (_show_neighbours, _show_unfit, _show_maps, _show_curve), strict=True
    ):
        if tab.open:
            with tab:
                draw(desk, run, lesson)


def _show_verdict(groups: Groups, lesson: Lesson) -> None:
    words = "**" + say(lesson.verdict) + "**"
    words += "\n\n" + t(
        "Asked for the most alike other picture, it names one of the same group {after} of 100 "
        "times; the model alone did so {before} of 100 times.",
        after=round(100 * lesson.recall.after),
        before=round(100 * lesson.recall.before),
    )
    if lesson.helps:
        st.success(words, icon=":material/check_circle:")
        return
    reasons = _reasons(groups, lesson)
    if reasons:
        words += "\n\n" + "\n".join(f"- {say(reason)}" for reason in reasons)
    if lesson.recall.is_loss or lesson.area.is_loss:
        st.warning(words, icon=":material/trending_down:")
    else:
        st.info(words, icon=":material/balance:")


def _reasons(groups: Groups, lesson: Lesson) -> list[Text]:
    """Tell what may stand in the way."""
    found = []
    usable = int((groups.sizes >= 2).sum())
    if FEWEST_TO_CLAIM <= usable < _FEW_GROUPS:
        found.append(
            Text(
                "There are only {count} groups of two or more; with {enough} chance has less say.",
                count=usable,
                enough=_FEW_GROUPS,
            )
        )
    if lesson.recall.before >= _NEARLY_ALWAYS:
        found.append(Text("The model alone is nearly always right: little is left to gain."))
    elif (~lesson.after.hit).mean() > 0.5:
        found.append(
            Text(
                "Most pictures are still most alike to one of another group. The groups may mean "
                "different things, hold pictures that do not belong, or follow nothing that can "
                "be seen: look at what does not fit."
            )
        )
    return found


def _show_how_judged(lesson: Lesson) -> None:
    with st.expander(t("How it was judged"), icon=":material/gavel:"):
        recall, area = lesson.recall, lesson.area
        st.markdown(
            t(
                "The groups were dealt into parts. Each part was kept out once: a network was "
                "taught with the others, and only then asked about the pictures of that part, "
                "which are also the possible answers. So every number above comes from groups "
                "that the network which was asked had never seen; the model alone was asked the "
                "same. The one you can use is taught with all groups in the end."
            )
        )
        head = f"| {t('Measure')} | {t('before')} | {t('after')} | {t('gain, 95 % sure')} |"
        rows = [
            f"| {name} | {one.before:.3f} | {one.after:.3f} | {one.low:+.3f} … {one.high:+.3f} |"
            for name, one in (
                (t("Recall@1: the most alike other picture is of the same group"), recall),
                (t("Area under the ROC curve: a picture of its group is more alike"), area),
            )
        ]
        st.markdown("\n".join([head, "|---|---|---|---|", *rows]))
        st.caption(
            t(
                "Both go from 0 to 1, and higher is better; 0.5 is chance for the area. The gain "
                "is redrawn 2,000 times over whole groups: where its interval holds 0, nothing is "
                "claimed. One lesson in twenty may still look better or worse by luck. Taught in "
                "{seconds} s.",
                seconds=f"{lesson.seconds:.1f}",
            )
        )


# ── What it finds now ──────────────────────────────────────────────────────────────


def _show_neighbours(desk: Desk, run: Run, lesson: Lesson) -> None:
    groups = run.wish.groups
    was, now = lesson.before.hit, lesson.after.hit
    kinds = {
        "any": (t("By chance"), np.ones(len(now), bool)),
        "gained": (t("Now right"), ~was & now),
        "lost": (t("Now wrong"), was & ~now),
        "never": (t("Still wrong"), ~was & ~now),
    }
    labels = {code: f"{name} · {int(which.sum())}" for code, (name, which) in kinds.items()}
    chosen = st.pills(
        t("Which pictures"),
        list(labels),
        format_func=labels.__getitem__,
        default="any",
        required=True,
        key="teach_neighbours",
        label_visibility="collapsed",
        wrap=True,
    )
    st.caption(
        t(
            "Left the picture asked about, then the most alike other one before and after, among "
            "all pictures kept out together: the network has seen none of them."
        )
    )
    places = np.flatnonzero(kinds[str(chosen)][1])
    if not len(places):
        st.markdown(t("There is none."))
        return
    places = np.sort(np.random.default_rng(0).permutation(places)[:_MOST_ASKED])
    grid = st.grid("auto", min_column_width=300, gap="small")
    for place in places:
        asked = int(lesson.after.asked[place])
        found = [int(one.nearest[place]) for one in (lesson.before, lesson.after)]
        right = [bool(one.hit[place]) for one in (lesson.before, lesson.after)]
        with grid.cell(), st.container(key=f"teach_asked_{place}", gap="xsmall"):
            row = [groups.pictures[i] for i in (asked, *found)]
            words = _in_words(run, asked, found, right)
            st.image(_triple(row, right), width="stretch", alt=row[0].name)
            st.caption(words)


def _in_words(run: Run, asked: int, found: Sequence[int], right: Sequence[bool]) -> str:
    names = [_group(run, one) for one in (asked, *found)]
    signs = [
        ":green[:material/check_circle:]" if one else ":orange[:material/cancel:]" for one in right
    ]
    return t(
        "{group} → before {first} {before}, after {second} {after}",
        group=names[0],
        first=signs[0],
        before=names[1],
        second=signs[1],
        after=names[2],
    )


def _group(run: Run, row: int) -> str:
    """Name of a picture's group, as markdown that holds no markup of the visitor's."""
    return code_span(in_words(run.wish.titles[run.wish.groups.labels[row]]), 24)


def _triple(row: Sequence[Picture], right: Sequence[bool]) -> bytes:
    """JPEG of a picture asked about and its two answers, framed as right or wrong."""

    def make() -> bytes:
        gap = np.empty((_SIDE, 14, 3), np.uint8)
        gap[:] = back
        framed = [_framed(row[0], None)]
        framed += [_framed(one, is_right) for one, is_right in zip(row[1:], right, strict=True)]
        return cached.jpeg(np.hstack([framed[0], gap, framed[1], gap[:, :6], framed[2]]))

    back = teaching_wall.ground()
    key = ("teaching triple", back, *(one.digest for one in row), *right)
    return cached.memory().recall(key, make)


def _framed(picture: Picture, right: bool | None) -> NDArray[np.uint8]:
    square = np.ascontiguousarray(inputs.cover(picture, _SIDE, _SIDE))
    if right is not None:
        cv2.rectangle(square, (2, 2), (_SIDE - 3, _SIDE - 3), _RIGHT if right else _WRONG, 5)
    return square


# ── What does not fit ──────────────────────────────────────────────────────────────


def _show_unfit(desk: Desk, run: Run, lesson: Lesson) -> None:
    groups = run.wish.groups
    unfit = contradictory(lesson, groups, _MOST_UNFIT)
    if not unfit:
        st.markdown(t("Every picture is most alike to one of its own group."))
        return
    st.caption(
        t(
            "The pictures that even the network taught with all of them does not bring to their "
            "group. Is one in the wrong group, or in none? Change it, then teach again. If it is "
            "right where it is, leave it: what is hard is worth teaching too."
        )
    )
    grid = st.grid("auto", min_column_width=300, gap="small")
    for number, (row, other) in enumerate(unfit):
        with grid.cell(), st.container(border=True, key=f"teach_unfit_{number}", gap="small"):
            _show_unfit_one(desk, run, row, other)


def _show_unfit_one(desk: Desk, run: Run, row: int, other: int) -> None:
    groups = run.wish.groups
    picture, nearest = groups.pictures[row], groups.pictures[other]
    own, theirs = (run.wish.codes[groups.labels[i]] for i in (row, other))
    st.image(inputs.side_by_side(picture, nearest), width="stretch", alt=picture.name)
    st.caption(
        t(
            "{picture} is in {own}, yet most alike to {nearest} in {theirs}.",
            picture=code_span(teaching_wall.plain_name(picture), 28),
            own=_group(run, row),
            nearest=code_span(teaching_wall.plain_name(nearest), 28),
            theirs=_group(run, other),
        )
    )
    lies = [one for one in desk.members if one.picture.digest == picture.digest]
    if not lies or lies[0].group != own:
        st.caption(f":material/check: {t('Changed.')}")
        return
    with st.container(horizontal=True, gap="small"):
        if theirs in desk.codes():
            st.button(
                t("Move it to {group}", group=code_span(desk.title(theirs), 20)),
                key=f"teach_unfit_move_{row}",
                icon=":material/drive_file_move:",
                on_click=desk.move_picture,
                args=(picture.digest, theirs),
            )
        st.button(
            t("Leave it out"),
            key=f"teach_unfit_out_{row}",
            icon=":material/block:",
            on_click=desk.move_picture,
            args=(picture.digest, None),
        )


# ── Maps and curve ─────────────────────────────────────────────────────────────────


def _show_maps(desk: Desk, run: Run, lesson: Lesson) -> None:
    st.caption(
        t(
            "All pictures laid out so that what is most alike lies near (t-SNE); distances across "
            "the map mean little. The second is drawn by the network that has seen all groups, "
            "so it flatters; the numbers above do not."
        )
    )
    teaching_charts.show_maps(run)


def _show_curve(desk: Desk, run: Run, lesson: Lesson) -> None:
    st.caption(
        t(
            "For every line one could draw: how many pairs of one group are found, against how "
            "many pairs of different groups are taken for alike. The nearer the upper left corner, "
            "the better; on the dotted line one might as well guess."
        )
    )
    teaching_charts.show_roc(lesson)
