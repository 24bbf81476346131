"""Two faces side by side, and whether they are one person's."""

from __future__ import annotations

import streamlit as st

from imgsim_core.applications.faces.comparing import Line, Verdict, compare_faces
from imgsim_core.applications.faces.face import Face
from imgsim_core.errors import ImgSimError
from imgsim_core.picture import Picture
from imgsim_core.text import Text
from pages.parts import faces_drawing, faces_held, faces_slot, faces_words
from pages.parts.language import plain, say, t

_SLOTS = ("a", "b")
_PAIRS = {
    "older": (Text("The same portrait, saved poorly"), ("portrait", "older")),
    "bent": (Text("Nearly the same face"), ("portrait", "bent")),
    "blurred": (Text("One is blurred"), ("portrait", "blurred")),
    "group": (Text("Several faces in one"), ("portrait", "group")),
}
_ICONS = {
    Verdict.SAME: ":material/check_circle:",
    Verdict.CLOSE: ":material/help:",
    Verdict.DIFFERENT: ":material/cancel:",
    Verdict.NONE: ":material/block:",
}


def show() -> None:
    """Draw the task."""
    labels = {code: plain(label) for code, (label, _) in _PAIRS.items()}
    with st.container(horizontal=True, gap="small", key="faces_pairs"):
        for code, label in labels.items():
            st.button(label, key=f"faces_pair_{code}", on_click=_try, args=(code,))
    verdict = st.container(key="faces_verdict")
    control = st.container()
    columns = st.columns(2, gap="medium")
    chosen = [
        _show_slot(slot, column, name)
        for slot, column, name in zip(
            _SLOTS, columns, (t("Picture A"), t("Picture B")), strict=True
        )
    ]
    with control:
        line = faces_words.line_control()
    a, b = chosen
    with verdict:
        if a is not None and b is not None:
            _show_verdict(a, b, line)
        elif all(slot not in faces_held.held().pictures for slot in _SLOTS):
            st.markdown(t("**Bring two pictures**, or try one of the pairs above."))


def _try(code: str) -> None:
    for slot, example in zip(_SLOTS, _PAIRS[code][1], strict=True):
        faces_slot.put_example(slot, example)


def _show_slot(slot: str, column: object, name: str) -> tuple[Picture, Face, int] | None:
    with column, st.container(key=f"faces_slot_{slot}"):
        st.markdown(f"**{name}**")
        picture = faces_held.held().pictures.get(slot)
        chosen = None
        if picture is not None:
            faces = faces_held.faces_of(picture, height=320)
            try:
                number = faces_slot.choose_face(slot, picture, faces)
            except ImgSimError as error:
                faces_slot.show_marked(slot, picture, faces)
                st.warning(say(error.text), icon=":material/person_off:")
            else:
                faces_slot.show_marked(slot, picture, faces, number)
                chosen = (picture, faces[number], number)
        faces_slot.show_ways_in(slot, name)
    return chosen


def _show_verdict(a: tuple[Picture, Face, int], b: tuple[Picture, Face, int], line: Line) -> None:
    good = all(face.is_good for _, face, _ in (a, b))
    with st.skeleton(height=130):
        both = [
            (face, faces_held.print_of(picture, number) if good else None)
            for picture, face, number in (a, b)
        ]
    judged = compare_faces(both[0], both[1], line)
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="medium"):
        for (face, _), name in zip(both, (t("Face A"), t("Face B")), strict=True):
            st.image(faces_drawing.alone(face), width=96, alt=name)
        with st.container(gap="small"):
            st.markdown(f"#### {_ICONS[judged.verdict]} {say(judged.verdict.value)}")
            for reason in judged.reasons:
                st.markdown(f"- {say(reason)}")
            if judged.distance is not None:
                st.markdown(faces_words.meaning(judged.distance))
    if judged.distance is not None:
        faces_words.show_numbers(judged.distance, line)
    else:
        st.caption(
            t("A poor face is near to everybody or to nobody by chance: so nothing is said.")
        )
