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


def apart(notion: str = "") -> frozenset[Pair]:
    """Pairs of digests that the visitor told apart.

    As no duplicates, or, under the id of a notion of his, as not belonging together by it:
    neither says anything about the other.
    """
    pairs: frozenset[Pair] = st.session_state.get(_APART + notion, frozenset())
    return pairs


def part(pairs: frozenset[Pair], notion: str = "") -> None:
    """Remember pairs as told apart; what was new can be taken back."""
    st.session_state[_LAST + notion] = pairs - apart(notion)
    st.session_state[_APART + notion] = apart(notion) | pairs


def can_take_back(notion: str = "") -> bool:
    """Tell whether there is a last one to take back."""
    return bool(st.session_state.get(_LAST + notion))


def take_back(notion: str = "") -> None:
    """Forget the pairs that were remembered last."""
    last = st.session_state.pop(_LAST + notion, frozenset())
    st.session_state[_APART + notion] = apart(notion) - last


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
        if can_take_back():
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
    for said in st.session_state.get(_SAID, ()):
        st.caption(f":material/info: {say(said)}")


def _load() -> None:
    files = receiving.take("apart")
    if not files:
        return
    read: set[Pair] = set()
    said: list[Text] = []
    for file in files:
        try:
            read |= not_duplicates_from_json(file.getvalue())
        except ImgSimError as error:
            said.append(error.text)
    if len(said) < len(files):
        said.append(Text("{count} pairs came with the file.", count=len(read)))
        part(frozenset(read))
    st.session_state[_SAID] = said
