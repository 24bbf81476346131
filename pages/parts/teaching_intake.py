"""Ways to begin: a sample lesson in one click, a zip of folders, files named by their group."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

import numpy as np
import streamlit as st

from imgsim_core.picture_set import File, PictureSet, files_of, with_files
from imgsim_core.teaching.groups import members_of_files
from imgsim_core.teaching.sample_lessons import all_lessons, members_of
from imgsim_core.text import Text
from pages.parts import (
    assets,
    cached,
    inputs,
    receiving,
    settings,
    teaching_groups,
    teaching_lesson,
    teaching_run,
    tenancy,
)
from pages.parts.language import plain, say, t

_UPLOAD, _INCOMING, _PROBLEMS = "teach", "teach_incoming", "teach_problems"
_MOST_SHOWN = 8
_ROWS, _COLUMNS = 4, 5


def style() -> None:
    """Style of this page, and the words of its uploaders, which Streamlit does not translate."""
    words = {
        "teach_bring": Text("a zip of folders, or pictures · up to 20 MB each"),
        "teach_bring_back": Text("files saved here · .safetensors"),
    }
    button = json.dumps(plain(Text("Choose files")), ensure_ascii=False)
    rules = [
        f".st-key-{key}{{--sim-button:{button};"
        f"--sim-hint:{json.dumps(plain(hint), ensure_ascii=False)};}}"
        for key, hint in words.items()
    ]
    st.html(f"<style>{''.join(rules)}{assets.text('teach.css')}</style>")


def begin_by_link() -> None:
    """Lay out the sample lesson that a link names, and teach it."""
    wanted = settings.get(teaching_groups.SETTING)
    if wanted is not None and teaching_groups.current() is None:
        _begin_sample(wanted)


def show_samples() -> None:
    """Offer the sample lessons, each one click from its result."""
    grid = st.grid("auto", min_column_width=340, gap="small")
    for one in all_lessons():
        with grid.cell(), st.container(border=True, key=f"thumb_lesson_{one.id}", gap="small"):
            st.image(_wall(one.id), width="stretch", alt=plain(one.label))
            st.button(
                say(one.label),
                key=f"teach_begin_{one.id}",
                type="primary",
                icon=":material/school:",
                on_click=_begin_sample,
                args=(one.id,),
                width="stretch",
            )
            st.caption(say(one.about))
    # Last, for it takes the processors away from drawing
    teaching_run.shared().warm()


def _begin_sample(lesson_id: str) -> None:
    st.session_state.pop(_INCOMING, None)
    teaching_lesson.begin(teaching_groups.lay_out_sample(lesson_id))


def _wall(lesson_id: str) -> bytes:
    """Some groups of a lesson, a row each, in one picture."""

    def make() -> bytes:
        members = members_of(lesson_id)
        labels = list(dict.fromkeys(str(label) for _, label in members))
        step = len(labels) // _ROWS
        rows = []
        for label in labels[::step][:_ROWS]:
            pictures = [picture for picture, other in members if str(other) == label][:_COLUMNS]
            rows.append(np.hstack([inputs.cover(picture, 96, 72) for picture in pictures]))
            rows.append(np.full((4, rows[0].shape[1], 3), 255, np.uint8))
        return cached.jpeg(np.vstack(rows[:-1]))

    return cached.memory().recall(("teaching sample wall", lesson_id), make)


# ── A visitor's own ────────────────────────────────────────────────────────────────


def show_ways_in() -> None:
    """Draw the uploader; what was brought is opened here, with its progress."""
    with st.container(key="teach_bring"):
        st.file_uploader(
            t("Your groups of pictures"),
            type=[*inputs.TYPES, "zip"],
            accept_multiple_files=True,
            key=receiving.key_of(_UPLOAD),
            label_visibility="collapsed",
            on_change=_receive,
        )
    st.caption(
        t(
            "A zip with a folder for each group; or files named by their group: shoe_1.jpg, "
            "shoe_2.jpg, boot_1.jpg. Up to {most} pictures; they are made smaller as they come in.",
            most=teaching_groups.MOST,
        )
    )
    if _INCOMING in st.session_state:
        _take_in()


def _receive() -> None:
    files = receiving.take(_UPLOAD)
    if files:
        st.session_state[_INCOMING] = [(file.name, file.getvalue()) for file in files]


def _take_in() -> None:
    """Open what came, and lay it out as groups."""
    uploads: list[File] = st.session_state[_INCOMING]
    bar = st.progress(0.0, text=t("Opening the pictures …"))

    def told(seen: int) -> None:
        share = min(1.0, seen / teaching_groups.MOST)
        bar.progress(share, text=t("{count} files opened …", count=seen))

    files = (file for name, data in uploads for file in files_of(name, data))
    opened = with_files(PictureSet(), files, told, teaching_groups.MOST, tenancy.hold)
    bar.empty()
    # Only now: a click meanwhile ends this run, and the next begins anew
    del st.session_state[_INCOMING]
    members, notes = members_of_files(opened)
    st.session_state[_PROBLEMS] = opened.refused
    if not members:
        st.session_state[_PROBLEMS] = (_NOTHING, *opened.refused)
        st.rerun()
    name = PurePosixPath(uploads[0][0]).stem if len(uploads) == 1 else ""
    teaching_groups.add(
        members, notes, name[: teaching_lesson.LONGEST_NAME] or Text("My notion of alike")
    )
    st.rerun()


_NOTHING = Text("No groups were found: no picture lies in a folder or is named by its group.")


def show_problems() -> None:
    """Say what of the files that came last could not be used."""
    problems: tuple[Text, ...] = st.session_state.get(_PROBLEMS, ())
    if not problems:
        return
    nothing = problems[0] == _NOTHING
    head = say(_NOTHING) if nothing else t("Not everything could be used; the rest is.")
    problems = problems[1:] if nothing else problems
    lines = [f"- {say(problem)}" for problem in problems[:_MOST_SHOWN]]
    if len(problems) > _MOST_SHOWN:
        lines.append("- " + t("… and {count} more.", count=len(problems) - _MOST_SHOWN))
    st.warning("\n".join([head, "", *lines]), icon=":material/rule:")


def show_bar(desk: teaching_groups.Desk) -> None:
    """Draw where the groups come from, and the way back to the start."""
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key="teach_bar",
    ):
        counted = t(
            "{groups} groups · {pictures} pictures",
            groups=len(desk.codes()),
            pictures=len(desk.members) - len(desk.within(None)),
        )
        st.markdown(f"**{counted}** · {say(desk.origin)}", width="content")
        st.button(
            t("Other groups"),
            key="teach_start_over",
            icon=":material/arrow_back:",
            on_click=start_over,
        )


def start_over() -> None:
    """Put groups and lesson away."""
    teaching_groups.clear()
    for key in (_PROBLEMS, _INCOMING):
        st.session_state.pop(key, None)
