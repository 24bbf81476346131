"""Marking pairs by clicking: two pictures, Same or Different, and how far one has come."""

from __future__ import annotations

import streamlit as st

from imgsim_core.labelled import FEWEST, Pair
from imgsim_core.picture import Picture
from pages.parts import cached
from pages.parts.language import code_span, t
from pages.parts.workbench import Workbench

_FIRST_ANSWER = 2 * FEWEST
_GOALS = (_FIRST_ANSWER, 30, 60, 100, 200, 500, 1000)
_SIDE = 640


def show(bench: Workbench) -> None:
    """Propose a pair and take the visitor's answer."""
    st.subheader(t("Are these two the same?"))
    st.caption(
        t(
            "Same means what it means to you: the same file edited, the same product, the same "
            "place. Keep to one meaning."
        )
    )
    pair = bench.proposal()
    if pair is None:
        st.success(t("Every pair of these pictures has its answer."), icon=":material/done_all:")
    else:
        columns = st.columns(2, wrap=False, gap="small")
        ends = (bench.pictures[pair.a], bench.pictures[pair.b])
        names = (t("Picture A"), t("Picture B"))
        for side, column, picture, name in zip("ab", columns, ends, names, strict=True):
            with column, st.container(key=f"pair_{side}"):
                _show_picture(picture, name)
    _show_buttons(bench, pair)
    _show_progress(bench)


def _show_picture(picture: Picture, name: str) -> None:
    st.image(cached.preview(picture, _SIDE), width="stretch", alt=f"{name}: {picture.name}")
    st.caption(code_span(picture.name))


def _show_buttons(bench: Workbench, pair: Pair | None) -> None:
    answers = st.columns(2, wrap=False, gap="small")
    for column, same, label, icon, letter in (
        (answers[0], True, t("Same"), ":material/equal:", "S"),
        (answers[1], False, t("Different"), ":material/difference:", "D"),
    ):
        column.button(
            label,
            key=f"mark_{'same' if same else 'different'}",
            icon=icon,
            type="primary",
            width="stretch",
            shortcut=letter,
            disabled=pair is None,
            on_click=_answer,
            args=(bench, pair, same),
        )
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.button(
            t("Undo"),
            key="mark_undo",
            icon=":material/undo:",
            type="tertiary",
            shortcut="U",
            disabled=not bench.answered,
            on_click=_undo,
            args=(bench,),
        )
        st.button(
            t("Skip"),
            key="mark_skip",
            icon=":material/skip_next:",
            type="tertiary",
            shortcut="N",
            disabled=pair is None,
            on_click=_answer,
            args=(bench, pair, None),
        )


def _answer(bench: Workbench, pair: Pair, same: bool | None) -> None:
    # A double click sends one pair twice
    if pair.key not in {known.key for known in bench.answered}:
        bench.answered.append(Pair(pair.a, pair.b, same))
    st.rerun(["marking", "separating"])


def _undo(bench: Workbench) -> None:
    if bench.answered:
        bench.answered.pop()
    st.rerun(["marking", "separating"])


def _show_progress(bench: Workbench) -> None:
    marked = len(bench.marked)
    goal = next((goal for goal in _GOALS if marked < goal), _GOALS[-1])
    words = t("{marked} of {goal} marked", marked=marked, goal=goal)
    if marked < _FIRST_ANSWER:
        words += " · " + t("enough for a first answer at {goal}", goal=_FIRST_ANSWER)
    st.progress(min(1.0, marked / goal), text=words)
