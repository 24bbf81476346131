"""What the visitor's own notions of alike say of a pair: a tile each, beside the six families."""

from __future__ import annotations

import streamlit as st

from imgsim_core import registry
from imgsim_core.comparison import Score, Unavailable
from imgsim_core.method import Family, Method
from imgsim_core.picture import Picture
from pages.parts import cached, links, meanings, own_methods, result, settings
from pages.parts.language import say, t

_FRAGMENT = "own_tiles"


def show(a: Picture, b: Picture) -> None:
    """Draw a tile for each notion taught in this session; nothing where there is none."""
    if own_methods.taught():
        st.fragment(_show_all, key=_FRAGMENT)(a, b)


def _show_all(a: Picture, b: Picture) -> None:
    with st.container(key="taught_tiles"):
        st.subheader(t("By what you taught"))
        grid = st.grid("auto", min_column_width=300, gap="small", border=True)
        for method in own_methods.taught():
            with grid.cell():
                _show(method, a, b)
    links.write()


def _show(method: Method, a: Picture, b: Picture) -> None:
    answer = cached.memory().ask(result.question(method), a, b)
    st.markdown(f"#### :material/school: {say(method.label)}")
    st.caption(t("Do they belong together, as you taught it?"))
    if isinstance(answer, Unavailable):
        result.unavailable_sentence(answer.reason)
        return
    meanings.show(answer)
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.markdown(f"### {result.number(answer.value, answer.scale)}")
        result.verdict_badge(answer)
    result.bar(answer)
    result.beside(answer, a, b)
    st.caption(result.scale_words(answer.scale))
    _show_untaught(method, a, b)
    result.line_slider(answer.question, then=[_FRAGMENT, "closer"])
    st.button(
        t("Show why"),
        key=f"why_{method.id}",
        icon=":material/search:",
        type="tertiary",
        on_click=_look,
        args=(method,),
    )


def _show_untaught(method: Method, a: Picture, b: Picture) -> None:
    """Say what the model gives that was taught on, as it is."""
    if method.on_vectors is None:
        return
    base = registry.method_by_id(method.on_vectors.encoder.partition("/")[0])
    before = cached.memory().ask(result.question(base), a, b)
    if isinstance(before, Score):
        st.caption(
            t(
                "Without what you taught, {model} gives {value}: {words}",
                model=base.label,
                value=result.number(before.value, before.scale),
                words=result.scale_words(before.scale),
            )
        )


def _look(method: Method) -> None:
    settings.put("look", Family.SEMANTICS.value, Family.STRUCTURE.value)
    settings.put(f"method.{Family.SEMANTICS.value}", method.id)
    st.session_state["scroll"] = st.session_state.get("scroll", 0) + 1
    st.rerun(["closer", "export"])
