"""What the Faces page holds for one visitor: in the session only, gone by one button.

Nothing here goes through `cached` or `settings`: the one is shared by all visitors, the
other stands in links.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from imgsim_core.applications.faces.detecting import describe_face, find_faces
from imgsim_core.applications.faces.face import Face, FacePrint
from imgsim_core.applications.faces.people import People
from imgsim_core.models.faces import begin_to_load
from imgsim_core.picture import Picture
from imgsim_core.text import Text
from pages.parts import media
from pages.parts.language import language, t

_KEY, _TURN = "faces_held", "faces_turn"
_MOST_LOOKS = 24  # pictures whose faces are remembered for a visitor


@dataclass(repr=False)  # a trace must not show what is held
class Held:
    """Pictures, faces and people of one visitor.

    Parameters
    ----------
    pictures : dict
        Slot to picture.
    problems : dict
        Slot to why the last picture brought was refused.
    looks : OrderedDict
        (digest, small) to the faces found.
    prints : dict
        (digest, small, number of the face) to its description.
    drawn : dict
        JPEGs made for the screen.
    waiting : dict
        Digest to a picture that is to be enrolled from.
    people : People
    chosen : dict
        What widgets of this page are set to.
    said : list of Text
        What the last enrolment brought up.
    """

    pictures: dict[str, Picture] = field(default_factory=dict)
    problems: dict[str, list[Text]] = field(default_factory=dict)
    looks: OrderedDict[tuple[str, bool], tuple[Face, ...]] = field(default_factory=OrderedDict)
    prints: dict[tuple[str, bool, int], FacePrint] = field(default_factory=dict)
    drawn: dict[Any, bytes] = field(default_factory=dict)
    waiting: dict[str, Picture] = field(default_factory=dict)
    people: People = field(default_factory=People)
    chosen: dict[str, Any] = field(default_factory=dict)
    said: list[Text] = field(default_factory=list)


def begin() -> None:
    """Let the models load behind the page while the visitor reads."""
    begin_to_load()


def held() -> Held:
    """All that is held for this visitor."""
    found = st.session_state.get(_KEY)
    if found is None:
        found = st.session_state[_KEY] = Held()
    return found


def forget() -> None:
    """Forget everything at once: pictures, faces, people, and what widgets hold of them."""
    turn = st.session_state.get(_TURN, 0)
    for key in [str(key) for key in st.session_state if "faces_" in str(key)]:
        del st.session_state[key]
    media.forget_what_was_shown()
    # Uploaders get other keys, and the server lets go of the files
    st.session_state[_TURN] = turn + 1
    st.toast(t("Everything is forgotten."), icon=":material/delete_forever:")


def uploader(slot: str) -> str:
    """Name of a slot's uploader, as `receiving` wants it; another after `forget`."""
    return f"faces_{slot}_{st.session_state.get(_TURN, 0)}"


def forget_button(place: Any) -> None:
    """Draw the button that forgets everything."""
    place.button(
        t("Forget everything now"),
        key="faces_forget",
        icon=":material/delete_forever:",
        on_click=forget,
    )


def choice(
    widget: Callable[..., Any],
    label: str,
    labels: Mapping[str, str],
    *,
    name: str,
    default: str,
    **keywords: Any,
) -> str:
    """Draw a choice whose value is kept here, and not in links.

    Parameters
    ----------
    widget : callable
        `st.pills` or `st.segmented_control`.
    label : str
    labels : mapping
        Code to the words for it.
    name : str
        Of the choice.
    default : str
    **keywords
        Passed to the widget.

    Returns
    -------
    str
        A code.
    """
    chosen = held().chosen
    if chosen.get(name) not in labels:
        chosen[name] = default
    key = f"faces_choice_{name}_{language()}"  # a browser knows options by their labels
    st.session_state[key] = chosen[name]

    def keep() -> None:
        if st.session_state.get(key) in labels:
            chosen[name] = st.session_state[key]

    widget(
        label,
        list(labels),
        format_func=labels.__getitem__,
        key=key,
        on_change=keep,
        required=True,
        **keywords,
    )
    return str(chosen[name])


def faces_of(picture: Picture, small: bool = False, height: int = 0) -> tuple[Face, ...]:
    """Find the faces of a picture, or recall them.

    Parameters
    ----------
    picture : Picture
    small : bool
        Whether to look for small faces from the start.
    height : int
        Pixels to keep free on the page meanwhile; 0 in a callback, which draws nothing.
    """
    mine = held()
    key = (picture.digest, small)
    if key not in mine.looks:
        with st.skeleton(height=height) if height else contextlib.nullcontext():
            mine.looks[key] = find_faces(picture, small)
        while len(mine.looks) > _MOST_LOOKS:
            gone, _ = mine.looks.popitem(last=False)
            for known in [one for one in mine.prints if one[:2] == gone]:
                del mine.prints[known]
            mine.drawn.clear()
    mine.looks.move_to_end(key)
    return mine.looks[key]


def print_of(picture: Picture, number: int, small: bool = False) -> FacePrint:
    """Describe a face of a picture, or recall its description."""
    mine = held()
    key = (picture.digest, small, number)
    if key not in mine.prints:
        mine.prints[key] = describe_face(faces_of(picture, small)[number])
    return mine.prints[key]
