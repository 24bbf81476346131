"""Bringing pictures to the Faces page: files, the camera, examples; held by the session."""

from __future__ import annotations

import streamlit as st

from imgsim_core.applications.faces.examples import EXAMPLES, open_example
from imgsim_core.applications.faces.face import Face
from imgsim_core.errors import ImgSimError, NoFace
from imgsim_core.picture import Picture, open_picture
from imgsim_core.text import Text, UserText
from pages.parts import cached, faces_drawing, faces_held, inputs, receiving, tenancy
from pages.parts.language import code_span, plain, say, t

_MOST_FILES = 10  # that wait to be enrolled: as many pictures as a person may have


def put_example(slot: str, example: str) -> None:
    """Put an example into a slot."""
    mine = faces_held.held()
    mine.pictures[slot] = open_example(example)
    mine.problems.pop(slot, None)


def show_ways_in(slot: str, label: str, many: bool = False) -> None:
    """Draw an uploader and the camera for a slot, and why the last picture was refused.

    Parameters
    ----------
    slot : str
    label : str
    many : bool
        Whether several files may come; they wait to be enrolled.
    """
    mine = faces_held.held()
    for problem in mine.problems.get(slot, []):
        st.error(say(problem), icon=":material/image_not_supported:")
    name = faces_held.uploader(slot)
    st.file_uploader(
        label,
        type=inputs.TYPES,
        accept_multiple_files=True,
        key=receiving.key_of(name),
        label_visibility="collapsed",
        on_change=_receive,
        args=(slot, name, many),
    )
    camera = st.popover(
        t("Camera"), icon=":material/photo_camera:", on_change="rerun", key=f"faces_camera_{slot}"
    )
    if camera.open:
        key = f"faces_photo_{slot}"
        camera.camera_input(
            t("Take a photo for {slot}", slot=label),
            key=key,
            on_change=_shoot,
            args=(slot, key, many),
        )


def _receive(slot: str, name: str, many: bool) -> None:
    files = receiving.take(name)
    faces_held.held().problems.pop(slot, None)
    for file in files[: _room_for(slot, len(files), many)]:
        _open(slot, file.getvalue(), file.name, many)


def _room_for(slot: str, count: int, many: bool) -> int:
    """How many more pictures a slot takes; if that is fewer than came, say so."""
    most = _MOST_FILES if many else 1
    room = max(0, most - len(faces_held.held().waiting)) if many else most
    if count > room:
        _refuse(slot, Text("Taken here at a time: {count}. The rest is left out.", count=most))
    return room


def _shoot(slot: str, key: str, many: bool) -> None:
    photo = st.session_state.get(key)
    if photo is None:
        return
    faces_held.held().problems.pop(slot, None)
    if _room_for(slot, 1, many):
        _open(slot, photo.getvalue(), photo.name, many)


def _open(slot: str, data: bytes, name: str, many: bool) -> None:
    mine = faces_held.held()
    try:
        picture = tenancy.hold(open_picture(data, name))
    except ImgSimError as error:
        _refuse(slot, error.text)
        return
    if many:
        mine.waiting[picture.digest] = picture
    else:
        mine.pictures[slot] = picture


def _refuse(slot: str, reason: Text) -> None:
    faces_held.held().problems.setdefault(slot, []).append(reason)


# ── Examples ───────────────────────────────────────────────────────────────────────


def show_examples(slot: str) -> None:
    """Draw every example, each one click away from its result."""
    grid = st.grid("auto", min_column_width=125, gap="small")
    for example in EXAMPLES:
        with grid.cell(), st.container(key=f"thumb_faces_{slot}_{example.id}", gap="small"):
            label = plain(example.label)
            st.image(_thumbnail(example.id), width="stretch", alt=label)
            st.button(
                label,
                key=f"faces_try_{slot}_{example.id}",
                on_click=put_example,
                args=(slot, example.id),
                width="stretch",
            )
    st.caption(
        t(
            "All made from one portrait: the astronaut Eileen Collins, NASA, public domain. "
            "No second face is shipped, since nobody else has agreed to be an example."
        )
    )


def _thumbnail(example: str) -> bytes:
    """Small JPEG of an example: public, and so for all visitors."""
    return cached.memory().recall(
        ("face example", example),
        lambda: cached.jpeg(inputs.cover(open_example(example), 220, 180)),
    )


# ── A picture and its faces ────────────────────────────────────────────────────────


def show_marked(
    slot: str, picture: Picture, faces: tuple[Face, ...], only: int | None = None
) -> None:
    """Draw a picture with its faces, its name, and what was done to open it."""
    alt = t("{count} faces in {name}", count=len(faces), name=picture.name)
    with st.container(key=f"faces_picture_{slot}"):
        st.image(faces_drawing.marked(picture, faces, only), width="stretch", alt=alt)
    size = t("{width} × {height} pixels", width=picture.width, height=picture.height)
    st.caption(f"{code_span(picture.name)} · {size}")
    notes = [say(note) for note in picture.notes]
    if any(face.turns for face in faces):
        notes.append(t("The faces were found after turning the picture."))
    if notes:
        st.caption(" ".join(f":material/info: {note}" for note in notes))


def no_face(picture: Picture) -> NoFace:
    """Say that nothing was found, and what to try."""
    return NoFace(
        Text(
            "No face is found in {name}. Faces are found from the front, at least about 5 % of "
            "the picture wide, and not covered; profiles, backs of heads and drawings mostly "
            "are not.",
            name=UserText(picture.name),
        )
    )


def choose_face(slot: str, picture: Picture, faces: tuple[Face, ...]) -> int:
    """Let the visitor say which face is meant, where there are several; the best is the first.

    Raises
    ------
    NoFace
        If there is none.
    """
    if not faces:
        raise no_face(picture)
    best = max(range(len(faces)), key=lambda i: (faces[i].is_good, faces[i].width))
    if len(faces) == 1:
        return best
    labels = {str(i): t("Face {number}", number=i + 1) for i in range(len(faces))}
    chosen = faces_held.choice(
        st.pills,
        t("Which face?"),
        labels,
        name=f"face_{slot}_{picture.digest[:12]}",
        default=str(best),
        wrap=True,
    )
    return int(chosen)
