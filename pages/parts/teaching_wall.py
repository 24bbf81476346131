"""The groups on show, and the ways to change them: move a picture, leave it out, rename."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from imgsim_core.picture import Picture
from imgsim_core.text import Text
from pages.parts import cached, inputs, paging
from pages.parts.language import code_span, t
from pages.parts.teaching_groups import LONGEST, Desk

_SHOWN = 24  # groups on the wall
_IN_STRIP = 5  # pictures of a group on the wall
_SMALL = 84
_PAGE = 24  # pictures to change at a time
_OUT, _NEW = "out", "new"  # no code of a group


def small(picture: Picture, side: int = 144) -> bytes:
    """JPEG of the middle of a picture, square."""
    return cached.memory().recall(
        ("teaching small", picture.digest, side),
        lambda: cached.jpeg(inputs.cover(picture, side, side)),
    )


def show(desk: Desk) -> None:
    """Draw the groups: some pictures of each, its name and how many there are."""
    codes = desk.codes()
    grid = st.grid("auto", min_column_width=165, gap="small")  # two columns on a phone
    for number, code in enumerate(codes[:_SHOWN]):
        pictures = [desk.members[place].picture for place in desk.within(code)]
        with grid.cell(), st.container(key=f"teach_group_{number}", gap=None):
            st.image(strip(pictures), width="stretch", alt=desk.title(code))
            st.caption(f"{_named(desk, code)} · {len(pictures)}")
    if len(codes) > _SHOWN:
        st.caption(t("… and {count} more groups.", count=len(codes) - _SHOWN))


def _named(desk: Desk, code: str) -> str:
    """Name of a group as markdown; a visitor's own is shown letter by letter."""
    ours = isinstance(desk.titles[code], Text)
    return f"**{desk.title(code)}**" if ours else code_span(desk.title(code), 24)


def strip(pictures: Sequence[Picture], count: int = _IN_STRIP) -> bytes:
    """JPEG of the first pictures of a group side by side; an empty place stays empty."""

    back = ground()

    def make() -> bytes:
        row = np.empty((_SMALL, count * (_SMALL + 4) - 4, 3), np.uint8)
        row[:] = back
        for place, picture in enumerate(pictures[:count]):
            left = place * (_SMALL + 4)
            row[:, left : left + _SMALL] = inputs.cover(picture, _SMALL, _SMALL)
        return cached.jpeg(row)

    key = ("teaching strip", count, back, *(picture.digest for picture in pictures[:count]))
    return cached.memory().recall(key, make)


def ground() -> tuple[int, int, int]:
    """Colour of the page, as the theme has it, for the gaps in what is drawn together."""
    return (15, 21, 20) if st.context.theme.type == "dark" else (255, 255, 255)


# ── Changing them ──────────────────────────────────────────────────────────────────


def show_changes(desk: Desk) -> None:
    """Offer to change the groups; what is hidden is not worked out."""
    box = st.expander(
        t("Change the groups"), icon=":material/edit:", on_change="rerun", key="teach_change"
    )
    if not box.open:
        return
    with box:
        codes = desk.codes()
        labels = {code: f"{desk.title(code)} · {len(desk.within(code))}" for code in codes}
        out = len(desk.within(None))
        if out:
            labels[_OUT] = t("left out · {count}", count=out)
        if st.session_state.get("teach_group") not in labels:
            st.session_state["teach_group"] = next(iter(labels))
        chosen = st.selectbox(
            t("Group to change"), list(labels), format_func=labels.__getitem__, key="teach_group"
        )
        group = None if chosen == _OUT else chosen
        if group is not None:
            _show_rename(desk, group)
        _show_members(desk, group)


def _show_rename(desk: Desk, group: str) -> None:
    key = f"teach_rename_{desk.version}_{group}"
    st.text_input(
        t("Its name"),
        value=desk.title(group),
        key=key,
        max_chars=LONGEST,
        on_change=_rename,
        args=(desk, group, key),
    )


def _rename(desk: Desk, group: str, key: str) -> None:
    if not desk.rename(group, str(st.session_state[key])):
        st.toast(t("Another group has that name, or it is empty."), icon=":material/info:")


def _show_members(desk: Desk, group: str | None) -> None:
    places = desk.within(group)
    pages = max(1, -(-len(places) // _PAGE))
    page_key = f"teach_page_{group}"
    number = paging.number(page_key, pages)
    others = {code: desk.title(code) for code in desk.codes()}
    others |= {_NEW: t("a new group"), _OUT: t("left out")}
    here = _OUT if group is None else group
    grid = st.grid("auto", min_column_width=150, gap="small")
    for place in places[(number - 1) * _PAGE : number * _PAGE]:
        picture = desk.members[place].picture
        key = f"teach_move_{desk.version}_{place}"
        with grid.cell(), st.container(key=f"teach_member_{place}", gap="xsmall"):
            st.image(small(picture), width="stretch", alt=picture.name)
            st.selectbox(
                t("Group of {picture}", picture=plain_name(picture)),
                list(others),
                index=list(others).index(here),
                format_func=others.__getitem__,
                key=key,
                label_visibility="collapsed",
                on_change=_move,
                args=(desk, place, key),
            )
    if pages > 1:
        st.pagination(pages, key=page_key)


def plain_name(picture: Picture) -> str:
    """Name of a picture without its folders, for labels."""
    return picture.name.replace("\\", "/").rpartition("/")[2]


def _move(desk: Desk, place: int, key: str) -> None:
    wanted = st.session_state[key]
    if wanted == _NEW:
        wanted = desk.new_group()
    desk.move(place, None if wanted == _OUT else wanted)
