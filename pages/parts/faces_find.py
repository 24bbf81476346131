"""The faces of one picture: where they are, and whether they are good enough to compare."""

from __future__ import annotations

import streamlit as st

from imgsim_core.applications.faces.detecting import MOST
from imgsim_core.applications.faces.face import Face
from imgsim_core.applications.faces.judging import LEAST_SCORE
from pages.parts import faces_drawing, faces_held, faces_slot
from pages.parts.language import say, t

_SLOT = "find"


def show() -> None:
    """Draw the task."""
    mine = faces_held.held()
    picture = mine.pictures.get(_SLOT)
    if picture is None:
        left, right = st.columns([1, 2], gap="large")
        with left:
            st.markdown(t("**Bring a picture**, and see which faces are found."))
            _show_ways_in()
        with right:
            st.markdown(t("**Or try one of these.**"))
            faces_slot.show_examples(_SLOT)
        return
    left, right = st.columns([3, 2], gap="large")
    with right:
        small = st.toggle(
            t("Look for small faces too"),
            key="faces_small",
            help=t("Looks at a larger copy: about four times the time."),
        )
        place = st.container()
        with st.expander(
            t("Another picture"),
            icon=":material/add_photo_alternate:",
            # A picture may be pasted while it is closed: why it was refused stands inside
            expanded=bool(faces_held.held().problems.get(_SLOT)),
        ):
            _show_ways_in()
    with left:
        faces = faces_held.faces_of(picture, small, height=420)
        faces_slot.show_marked(_SLOT, picture, faces)
    with place:
        if faces:
            _show_faces(faces)
        else:
            st.warning(say(faces_slot.no_face(picture).text), icon=":material/person_off:")
    st.markdown(t("**Or try one of these.**"))
    faces_slot.show_examples(_SLOT)


def _show_ways_in() -> None:
    with st.container(key="faces_slot_find"):
        faces_slot.show_ways_in(_SLOT, t("Picture"))


def _show_faces(faces: tuple[Face, ...]) -> None:
    good = sum(face.is_good for face in faces)
    st.markdown(t("#### {count} found, {good} good enough to compare", count=len(faces), good=good))
    if len(faces) == MOST:
        st.caption(t("Only the {count} surest are shown.", count=MOST))
    for number, face in enumerate(faces):
        show_face(face, t("Face {number}", number=number + 1), key=f"found_{number}")


def show_face(face: Face, title: str, key: str) -> None:
    """Draw a face alone beside what is to be said of it."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"faces_card_{key}"):
        st.image(faces_drawing.alone(face), width=84, alt=title)
        with st.container(gap=None):
            st.markdown(f"**{title}**")
            st.markdown(quality(face))
            st.caption(
                t(
                    "{width} pixels wide · detector's score {score}, at least {least} is needed",
                    width=round(face.width),
                    score=f"{face.score:.2f}",
                    least=LEAST_SCORE,
                )
            )


def quality(face: Face) -> str:
    """Say whether a face is good enough, in words and by an icon."""
    if face.is_good:
        return f":material/check_circle: {t('Good enough to compare.')}"
    reasons = " ".join(say(doubt) for doubt in face.doubts)
    return f":material/block: {t('No verdict from this one.')} {reasons}"
