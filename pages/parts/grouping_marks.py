"""What a visitor decided about groups: pairs that are no duplicates, and what to keep."""

from __future__ import annotations

import streamlit as st

from imgsim_core.errors import ImgSimError
from imgsim_core.gallery.groups import Group, Pair
from imgsim_core.gallery.keeping import not_duplicates_as_json, not_duplicates_from_json
from imgsim_core.text import Text
from pages.parts import receiving
from pages.parts.language import say, t

_APART, _KEPT, _SAID, _LAST = (
    "duplicates_apart",
    "duplicates_kept",
    "duplicates_said",
    "duplicates_last",
)


def apart() -> frozenset[Pair]:
    """Pairs of digests that the visitor said are no duplicates."""
    pairs: frozenset[Pair] = st.session_state.get(_APART, frozenset())
    return pairs


def part(pairs: frozenset[Pair]) -> None:
    """Remember pairs as no duplicates; what was new can be taken back."""
    st.session_state[_LAST] = pairs - apart()
    st.session_state[_APART] = apart() | pairs


def take_back() -> None:
    """Forget the pairs that were remembered last."""
    st.session_state[_APART] = apart() - st.session_state.pop(_LAST, frozenset())


def kept() -> dict[str, str]:
    """Digest that the visitor chose to keep, by the key of the group."""
    chosen: dict[str, str] = st.session_state.get(_KEPT, {})
    return chosen


def keep(group: Group, digest: str) -> None:
    """Choose what to keep of a group."""
    st.session_state[_KEPT] = {**kept(), group.key: digest}


def show() -> None:
    """Draw how many pairs are remembered, the file of them, and the way to bring one."""
    pairs = apart()
    st.markdown(
        t("**{count} pairs** are remembered as no duplicates.", count=len(pairs))
        if pairs
        else t("No pair is remembered as no duplicate so far.")
    )
    with st.container(horizontal=True):
        if st.session_state.get(_LAST):
            st.button(
                t("Take back the last"),
                key="apart_back",
                icon=":material/undo:",
                on_click=take_back,
            )
        if pairs:
            st.download_button(
                t("Save them (JSON)"),
                lambda: not_duplicates_as_json(pairs),
                "imgsim-not-duplicates.json",
                "application/json",
                key="apart_save",
                icon=":material/download:",
                on_click="ignore",
            )
    st.file_uploader(
        t("A file of pairs that was saved here"),
        type=["json"],
        accept_multiple_files=True,
        key=receiving.key_of("apart"),
        on_change=_load,
    )
    said = st.session_state.get(_SAID)
    if said is not None:
        st.caption(f":material/info: {say(said)}")


def _load() -> None:
    files = receiving.take("apart")
    if not files:
        return
    try:
        read = not_duplicates_from_json(files[0].getvalue())
    except ImgSimError as error:
        st.session_state[_SAID] = error.text
        return
    st.session_state[_SAID] = Text("{count} pairs came with the file.", count=len(read))
    part(read)
