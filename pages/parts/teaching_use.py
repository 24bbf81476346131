"""A taught notion put to use: a method of this session, a file to keep, a file brought back."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import streamlit as st

from imgsim_core.errors import ImgSimError
from imgsim_core.method import Method
from imgsim_core.samples import all_pairs
from imgsim_core.teaching.head import Head, head_as_bytes, head_from_bytes
from imgsim_core.teaching.lesson import Lesson
from imgsim_core.text import Text
from pages.parts import inputs, own_methods, receiving
from pages.parts.language import say, t
from pages.parts.teaching_groups import Desk, in_words

_UPLOAD, _PROBLEMS = "teach_back", "teach_back_problems"
_MOST_SHOWN = 8
_LARGEST_NAME = 40


def show_offer(desk: Desk, lesson: Lesson) -> None:
    """Offer what was taught as a method everywhere, or say that it is one."""
    if _is_in_use(desk, lesson.head):
        with st.container(border=True, key="teach_in_use", gap="small"):
            st.markdown(
                t(
                    ":material/check_circle: **It is one of your methods now**, on Compare, "
                    "Search, Duplicates, Products and Robustness, with what its number means by "
                    "your own groups."
                )
            )
            _show_ways_on()
        return
    with st.container(horizontal=True, vertical_alignment="center", key="teach_offer"):
        st.button(
            t("Use it on Compare, Search, …"),
            key="teach_use",
            type="primary" if lesson.helps else "secondary",
            icon=":material/add_circle:",
            disabled=len(own_methods.taught()) >= own_methods.MOST,
            on_click=_use,
            args=(desk, lesson.head),
        )
        if len(own_methods.taught()) >= own_methods.MOST:
            st.caption(say(own_methods.FULL))
        elif not lesson.helps:
            st.caption(t("You may, but nothing shows that it is better than the model alone."))


def _is_in_use(desk: Desk, head: Head) -> bool:
    """Tell whether it is a method under the name it has now; ours is one name in any language."""
    nameless = replace(head, name="").digest
    held = [own_methods.head_of(method.id) for method in own_methods.taught()]
    names = [one.name for one in held if replace(one, name="").digest == nameless]
    return bool(names) and (isinstance(desk.name, Text) or desk.name in names)


def _use(desk: Desk, head: Head) -> None:
    try:
        own_methods.add(replace(head, name=in_words(desk.name)))
    except ImgSimError as error:
        st.session_state[_PROBLEMS] = (error.text,)


def _show_ways_on() -> None:
    with st.container(horizontal=True, gap="small"):
        for name, label, icon in (
            ("compare", t("Try it on two pictures"), "compare"),
            ("search", t("Search with it"), "search"),
            ("duplicates", t("Find groups with it"), "content_copy"),
            ("robustness", t("See when it breaks"), "stress_management"),
        ):
            if st.button(label, key=f"teach_to_{name}", icon=f":material/{icon}:"):
                if name == "compare" and not any(map(inputs.picture, inputs.SLOTS)):
                    inputs.choose_pair(all_pairs()[0])  # an empty page would show nothing of it
                st.switch_page(f"../{name}.py")


# ── What the session holds ─────────────────────────────────────────────────────────


def show_held() -> None:
    """List the notions of this session, and take back saved ones."""
    st.subheader(t("Your notions of alike"))
    methods = own_methods.taught()
    if not methods:
        st.caption(
            t(
                "None so far in this session. What you teach is gone with it, unless you save "
                "its file."
            )
        )
    for method in methods:
        _show_one(method)
    with st.container(key="teach_bring_back"):
        st.file_uploader(
            t("Bring back a notion you saved"),
            type=["safetensors"],
            accept_multiple_files=True,
            key=receiving.key_of(_UPLOAD),
            on_change=_take_back,
        )
    problems: tuple[Text, ...] = st.session_state.get(_PROBLEMS, ())
    for problem in problems[:_MOST_SHOWN]:
        st.error(say(problem), icon=":material/error:")
    if len(problems) > _MOST_SHOWN:
        st.error(t("… and {count} more.", count=len(problems) - _MOST_SHOWN))


def _remove(method_id: str) -> None:
    own_methods.remove(method_id)
    st.session_state.pop(_PROBLEMS, None)


def _show_one(method: Method) -> None:
    head = own_methods.head_of(method.id)
    with st.container(border=True, key=f"teach_held_{method.id}", gap="small"):
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            st.markdown(f":material/school: **{say(method.label)}**", width="content")
            with st.container(horizontal=True, width="content", gap="small"):
                st.download_button(
                    t("Save its file"),
                    lambda: head_as_bytes(head),
                    _file_name(head),
                    "application/octet-stream",
                    key=f"teach_save_{method.id}",
                    icon=":material/download:",
                    on_click="ignore",
                )
                st.button(
                    t("Remove"),
                    key=f"teach_remove_{method.id}",
                    icon=":material/delete:",
                    type="tertiary",
                    on_click=_remove,
                    args=(method.id,),
                )
        st.caption(" ".join([say(method.about), *_in_numbers(head.summary)]))
        reason = method.availability()
        if reason is not None:
            st.warning(say(reason), icon=":material/cloud_off:")


def _in_numbers(summary: dict[str, Any]) -> list[str]:
    """Say how it was judged; a file says what it likes, so each number is looked at."""
    found = summary.get("recall_at_1")
    if not isinstance(found, list) or len(found) != 2:
        return []
    if not all(isinstance(one, (int, float)) and 0 <= one <= 1 for one in found):
        return []
    before, after = (round(100 * one) for one in found)
    return [
        t(
            "On groups it had never seen: {before} → {after} of 100 right.",
            before=before,
            after=after,
        )
    ]


def _file_name(head: Head) -> str:
    """Name for the file: letters, digits and dashes of any script, nothing else."""
    safe = re.sub(r"[^\w-]+", "-", head.name).strip("-_")[:_LARGEST_NAME]
    return f"imgsim-{safe or 'notion'}.safetensors"


def _take_back() -> None:
    problems: list[Text] = []
    for file in receiving.take(_UPLOAD):
        try:
            own_methods.add(head_from_bytes(file.getvalue(), file.name))
        except ImgSimError as error:
            problems.append(error.text)
    st.session_state[_PROBLEMS] = tuple(dict.fromkeys(problems))
