"""What belongs together by what the visitor taught: which notion, where its line is, the head."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from imgsim_core.comparison import Question
from imgsim_core.gallery.belonging import (
    Belonging,
    belonging_as_csv,
    belonging_as_json,
    belonging_rows,
)
from imgsim_core.gallery.carried import fits
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.groups import Group
from imgsim_core.method import Method
from pages.parts import grouping_marks, lines, meanings, own_methods, result, settings
from pages.parts.grouping_run import ByNotion
from pages.parts.language import plain, say, t

_NOTION, _KEEPING = "duplicates.notion", "duplicates.best"


def fitting(gallery: Gallery) -> tuple[Method, ...]:
    """List the session's notions that were taught on this gallery's vectors."""
    return tuple(method for method in own_methods.taught() if fits(gallery, method))


def show_choice(gallery: Gallery) -> ByNotion:
    """Draw which notion counts, how strict, and its line."""
    methods = {method.id: method for method in fitting(gallery)}
    latest = next(reversed(methods))
    code = latest
    if len(methods) > 1:
        code = settings.bound(
            st.selectbox,
            t("Which notion?"),
            list(methods),
            key=_NOTION,
            default=latest,
            format_func=lambda code: plain(methods[code].label),
            width=420,
        )
    method = methods.get(code, methods[latest])
    question = Question(method, method.options())
    st.caption(
        t(
            "Pictures that {method} finds alike: it puts together what you would put together. "
            "Whether they are copies of each other it does not ask.",
            method=method.label,
        )
    )
    with st.container(horizontal=True, vertical_alignment="bottom", key="notion_controls"):
        meanings.strictness_control(None)
        with st.container(width=380):
            result.line_slider(question)
    return ByNotion(method, lines.line(question))


def show_head(report: Belonging, groups: int) -> None:
    """Draw how many were put together, and how many of them by chance."""
    st.markdown(
        t(
            "**{pairs} of {all} pairs** are above the line, in **{groups} groups**.",
            pairs=f"{len(report.links):,}",
            all=f"{report.pairs:,}",
            groups=f"{groups:,}",
        )
    )
    if report.by_chance is not None and round(report.by_chance):
        st.caption(
            ":material/casino: "
            + t(
                "About {count} of these pairs would be above this line by chance: as many as of "
                "the pairs from different groups of yours. A higher line lets fewer in.",
                count=f"{min(round(report.by_chance), len(report.links)):,}",
            )
        )
    for note in report.notes:
        st.caption(f":material/info: {say(note)}")


def wants_keeping() -> bool:
    """Draw the switch for choosing one picture of each group."""
    return bool(
        settings.bound(
            st.toggle,
            t("Choose the best one of each group"),
            key=_KEEPING,
            default=False,
            help=t("By the rule below, or by you. Nothing is set aside."),
        )
    )


def show_table(
    report: Belonging, groups: Sequence[Group], kept: Callable[[], dict[str, str]]
) -> None:
    """Draw the downloads of the groups, worked out when one is clicked.

    Parameters
    ----------
    report : Belonging
    groups : sequence of Group
    kept : callable
        Tells the picture chosen of each group, by the group's key; empty where none is chosen.
    """
    st.markdown(
        t(
            "**Take the groups home** as a table: which file is in which group. There is no plan "
            "to set files aside: what you taught is no test for copies."
        )
    )

    def rows() -> list[dict[str, object]]:
        entries = {key: one.without_addresses() for key, one in report.entries.items()}
        return belonging_rows(groups, entries, kept())

    with st.container(horizontal=True):
        st.download_button(
            t("Groups as a table (CSV)"),
            # Names of files may hold what UTF-8 has no letters for
            lambda: ("\ufeff" + belonging_as_csv(rows())).encode("utf-8", "replace"),
            "imgsim-groups.csv",
            "text/csv",
            key="notion_csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            t("Groups as JSON"),
            lambda: belonging_as_json(report, rows()),
            "imgsim-groups.json",
            "application/json",
            key="notion_json",
            icon=":material/download:",
            on_click="ignore",
        )


def show_marks(method: Method) -> None:
    """Draw how many pairs the visitor told apart under a notion, and the way back."""
    pairs = grouping_marks.apart(method.id)
    if not pairs:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            t("**{count} pairs** are remembered as not belonging together.", count=len(pairs))
        )
        if grouping_marks.can_take_back(method.id):
            st.button(
                t("Take back the last"),
                key="apart_back",
                icon=":material/undo:",
                on_click=grouping_marks.take_back,
                args=(method.id,),
            )
