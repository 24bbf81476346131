"""People the visitor enrols, and who of them is in a picture."""

from __future__ import annotations

import streamlit as st

from imgsim_core.applications.faces.examples import open_example
from imgsim_core.applications.faces.people import Person, Recognised, recognise
from imgsim_core.errors import ImgSimError, NotEnrolled
from imgsim_core.picture import Picture
from imgsim_core.text import Text, UserText
from pages.parts import faces_drawing, faces_held, faces_slot, faces_words
from pages.parts.language import code_span, plain, say, t

_SLOT, _ENROL = "who", "enrol"
_NAME, _CONSENT = "faces_name", "faces_consent"


def show() -> None:
    """Draw the task."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        _show_people()
        _show_enrolment()
    with right:
        _show_who()


# ── Who is enrolled ────────────────────────────────────────────────────────────────


def _show_people() -> None:
    people = faces_held.held().people
    st.markdown(f"#### {t('Enrolled: {count}', count=len(people))}")
    if not len(people):
        st.markdown(t("Nobody yet. Enrol somebody below, or see how it works:"))
        st.button(
            t("Try it with the astronaut"),
            key="faces_try_people",
            icon=":material/play_circle:",
            type="primary",
            on_click=_try,
        )
    for index, person in enumerate(people.everybody):
        _show_person(index, person)


def _show_person(index: int, person: Person) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", border=True, key=f"faces_person_{index}"
    ):
        st.image(faces_drawing.alone(person.faces[0]), width=56, alt=person.name)
        with st.container(gap=None):
            st.markdown(code_span(person.name))
            st.caption(t("Pictures: {count}", count=len(person.faces)))
        st.button(
            t("Remove"),
            key=f"faces_remove_{index}",
            icon=":material/close:",
            type="tertiary",
            on_click=faces_held.held().people.remove,
            args=(person.name,),
        )


def _try() -> None:
    """Enrol the astronaut from her portrait, and look at a picture of three faces."""
    if len(faces_held.held().people):
        return  # a double click: she is enrolled
    portrait = open_example("portrait")
    face = faces_held.faces_of(portrait)[0]
    name = plain(Text("Astronaut"))
    # A public portrait in the public domain: the one face that this app may enrol by itself
    faces_held.held().people.enrol(name, face, faces_held.print_of(portrait, 0), consent=True)
    faces_slot.put_example(_SLOT, "group")


# ── Enrolling ──────────────────────────────────────────────────────────────────────


def _show_enrolment() -> None:
    mine = faces_held.held()
    with st.container(border=True, key="faces_enrolment"):
        st.markdown(f"**{t('Enrol a person')}**")
        st.text_input(t("Name"), key=_NAME, max_chars=60)
        st.markdown(t("One picture of this person, or several: more make it surer."))
        with st.container(key="faces_slot_enrol"):
            faces_slot.show_ways_in(_ENROL, t("Pictures of this person"), many=True)
        chosen = [_show_waiting(picture) for picture in list(mine.waiting.values())]
        st.checkbox(t("I have this person's consent, or it is me."), key=_CONSENT)
        st.button(
            t("Enrol"),
            key="faces_enrol",
            type="primary",
            icon=":material/person_add:",
            on_click=_enrol,
            args=([one for one in chosen if one is not None],),
        )
        for said in mine.said:
            st.warning(say(said), icon=":material/info:")


def _show_waiting(picture: Picture) -> tuple[Picture, int] | None:
    """Draw a picture to enrol from; which face of it is meant."""
    with st.container(key=f"faces_waiting_{picture.digest[:12]}"):
        faces = faces_held.faces_of(picture, height=90)
        try:
            number = faces_slot.choose_face(_ENROL, picture, faces)
        except ImgSimError as error:
            st.warning(say(error.text), icon=":material/person_off:")
            _show_drop(picture)
            return None
        if len(faces) > 1:
            st.image(
                faces_drawing.marked(picture, faces, number), width="stretch", alt=picture.name
            )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.image(faces_drawing.alone(faces[number]), width=72, alt=picture.name)
            st.markdown(
                " ".join([code_span(picture.name), *(say(doubt) for doubt in faces[number].doubts)])
            )
            _show_drop(picture)
    return picture, number


def _show_drop(picture: Picture) -> None:
    st.button(
        t("Leave out"),
        key=f"faces_drop_{picture.digest[:12]}",
        icon=":material/close:",
        type="tertiary",
        on_click=faces_held.held().waiting.pop,
        args=(picture.digest, None),
    )


def _enrol(chosen: list[tuple[Picture, int]]) -> None:
    mine = faces_held.held()
    waiting = [one for one in chosen if one[0].digest in mine.waiting]
    if chosen and not waiting:
        return  # a double click: they are enrolled
    mine.said.clear()
    name, consent = st.session_state.get(_NAME, ""), st.session_state.get(_CONSENT, False)
    if not waiting:
        mine.said.append(Text("Please bring a picture of this person first."))
    enrolled = False
    for picture, number in waiting:
        try:
            face = faces_held.faces_of(picture)[number]
            mine.people.check(name, face, consent=consent)
            print_ = faces_held.print_of(picture, number)
            warning = mine.people.enrol(name, face, print_, consent=consent)
        except NotEnrolled as error:
            mine.said.append(error.text)
            break
        except ImgSimError as error:
            mine.said.append(
                Text("{name}: {reason}", name=UserText(picture.name), reason=error.text)
            )
            continue
        enrolled = True
        mine.waiting.pop(picture.digest, None)
        if warning is not None:
            mine.said.append(warning)
    mine.said[:] = dict.fromkeys(mine.said)
    if enrolled:  # the consent was this person's, and not the next one's
        st.session_state[_NAME], st.session_state[_CONSENT] = "", False


# ── Who is it? ─────────────────────────────────────────────────────────────────────


def _show_who() -> None:
    mine = faces_held.held()
    st.markdown(f"#### {t('Who is in this picture?')}")
    picture = mine.pictures.get(_SLOT)
    if picture is not None:
        faces = faces_held.faces_of(picture, height=320)
        faces_slot.show_marked(_SLOT, picture, faces)
        if not faces:
            st.warning(say(faces_slot.no_face(picture).text), icon=":material/person_off:")
        elif not len(mine.people):
            st.info(t("Enrol somebody first: then faces can be named."), icon=":material/info:")
        else:
            _show_answers(picture)
    with st.container(key="faces_slot_who"):
        faces_slot.show_ways_in(_SLOT, t("Picture"))


def _show_answers(picture: Picture) -> None:
    mine = faces_held.held()
    line = faces_words.line_control()
    faces = faces_held.faces_of(picture)
    with st.spinner(t("Comparing {count} faces …", count=len(faces))):
        pairs = [
            (face, faces_held.print_of(picture, number) if face.is_good else None)
            for number, face in enumerate(faces)
        ]
    found = recognise(pairs, mine.people.everybody, line)
    for number, answer in enumerate(found):
        _show_answer(number, answer)
    st.caption(t("Each person is named at most once in a picture."))
    faces_words.show_numbers(None, line)


def _show_answer(number: int, answer: Recognised) -> None:
    title = t("Face {number}", number=number + 1)
    with st.container(horizontal=True, vertical_alignment="center", key=f"faces_answer_{number}"):
        st.image(faces_drawing.alone(answer.face), width=72, alt=title)
        if answer.person is not None:
            st.image(faces_drawing.alone(answer.person.faces[0]), width=72, alt=answer.person.name)
        with st.container(gap=None):
            st.markdown(f"**{title}** {say(answer.words)}")
            if answer.distance is not None:
                st.caption(faces_words.meaning(answer.distance))
