"""Faces: find them, compare two, know enrolled people again; off unless the host says so."""

from __future__ import annotations

import streamlit as st

from imgsim_core.applications.faces.switch import check_on
from imgsim_core.errors import ImgSimError
from pages.parts import assets, faces_compare, faces_find, faces_held, faces_people, faces_words
from pages.parts.language import say, t

_TASKS = {"find": faces_find.show, "compare": faces_compare.show, "people": faces_people.show}


def _show() -> None:
    faces_held.begin()
    faces_words.show_note()
    labels = {"find": t("Find faces"), "compare": t("Compare two"), "people": t("Who is it?")}
    task = faces_held.choice(
        st.segmented_control,
        t("What to do"),
        labels,
        name="task",
        default="find",
        label_visibility="collapsed",
    )
    try:
        _TASKS[task]()
    except ImgSimError as error:
        st.error(say(error.text), icon=":material/error:")
    faces_words.show_limits()


st.html(f"<style>{assets.text('faces.css')}</style>")
with st.container(horizontal=True, horizontal_alignment="distribute", key="faces_head"):
    st.title(t("Faces"), width="content")
    forget = st.empty()
try:
    check_on()
    faces_words.check_installed()
except ImgSimError as error:
    faces_words.show_off(error)
else:
    faces_held.forget_button(forget)
    _show()
