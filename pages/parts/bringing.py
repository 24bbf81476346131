"""Bringing many pictures at once: examples, files, a zip, marks as CSV."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import streamlit as st

from imgsim_core import labelled
from imgsim_core.labelled import EXAMPLES, Pair
from imgsim_core.picture_set import (
    MOST_PICTURES,
    File,
    PictureSet,
    files_of,
    with_files,
)
from imgsim_core.text import Text
from pages.parts import assets, cached, inputs, receiving, settings, tenancy, workbench
from pages.parts.language import plain, say, t
from pages.parts.workbench import Workbench

_INCOMING = "incoming_files"
_MOST_SHOWN = 12


def style() -> None:
    """Style of this page, and the words of its uploader, which Streamlit does not translate."""
    words = {
        "--sim-button": plain(Text("Choose files")),
        "--sim-hint": plain(Text("pictures, a zip, a CSV of marks · up to 20 MB each")),
    }
    ours = "".join(
        f"{name}:{json.dumps(word, ensure_ascii=False)};" for name, word in words.items()
    )
    st.html(f"<style>.st-key-bring{{{ours}}}{assets.text('calibrate.css')}</style>")


def show_examples() -> None:
    """Offer the sets that are marked already, each one click away from its result."""
    abouts = {
        "copies": t("12 pictures, each with two edited copies: cropped, turned, recoloured …"),
        "views": t("12 things, each photographed again from aside and in other light."),
    }
    grid = st.grid("auto", min_column_width=300, gap="small")
    for code, label in EXAMPLES.items():
        with grid.cell(), st.container(border=True, key=f"thumb_{code}", gap="small"):
            st.image(_wall(code), width="stretch", alt=plain(label))
            st.button(
                say(label),
                key=f"example_{code}",
                type="primary",
                icon=":material/play_arrow:",
                on_click=settings.put,
                args=(workbench.SETTING, code),
                width="stretch",
            )
            st.caption(abouts[code])


def _wall(code: str) -> bytes:
    """Six pairs of an example in one picture."""

    def make() -> bytes:
        pictures, pairs = labelled.example(code)
        halves = [
            np.hstack([inputs.cover(pictures[end], 150, 120) for end in (pair.a, pair.b)])
            for pair in pairs[:6]
        ]
        return cached.jpeg(np.vstack([np.hstack(halves[row : row + 3]) for row in (0, 3)]))

    return cached.memory().recall(("example wall", code), make)


def show_ways_in(bench: Workbench | None) -> None:
    """Draw the uploader; what was brought is opened here, with its progress."""
    with st.container(key="bring"):
        st.file_uploader(
            t("Your pictures"),
            type=[*inputs.TYPES, "zip", "csv"],
            accept_multiple_files=True,
            key=receiving.key_of("bring"),
            label_visibility="collapsed",
            on_change=_receive,
        )
    st.caption(
        t(
            "Up to {most} pictures; they are made smaller as they come in. A CSV has the "
            "columns a, b and same: two file names and yes or no.",
            most=MOST_PICTURES,
        )
    )
    if _INCOMING in st.session_state:
        _take_in(bench)


def _receive() -> None:
    files = receiving.take("bring")
    if files:
        st.session_state[_INCOMING] = [(file.name, file.getvalue()) for file in files]


def _take_in(bench: Workbench | None) -> None:
    """Open what came, and lay it out together with what was there."""
    uploads: list[File] = st.session_state[_INCOMING]
    mine = bench if bench is not None and bench.example is None else None
    before = mine.pictures if mine else PictureSet()
    marks = list(mine.files_of_marks) if mine else []
    earlier = len(marks)
    bar = st.progress(0.0, text=t("Opening the pictures …"))

    def told(seen: int) -> None:
        share = min(1.0, seen / MOST_PICTURES)
        bar.progress(share, text=t("{count} files opened …", count=seen))

    pictures = with_files(before, _without_marks(uploads, marks), told, hold=tenancy.hold)
    read = [labelled.marks_from_csv(file, pictures) for file in marks]
    said = {pair.key: pair for pair in (mine.answered if mine else [])}
    for number, one in enumerate(read):
        for pair in one.pairs:
            # Of pictures that were there, an earlier file has said it: the visitor's answers
            # may be newer
            if number >= earlier or not (pair.a in before and pair.b in before):
                said[pair.key] = pair
    problems = (*pictures.refused, *(problem for one in read for problem in one.problems))
    bar.empty()
    del st.session_state[_INCOMING]
    if len(pictures) < 2:
        needed = Text("At least two different pictures are needed.")
        _say_problems((*problems, needed), t("This is not enough to begin with."))
        return
    laid = workbench.lay_out(pictures, _known(said.values(), pictures))
    laid.files_of_marks = marks
    laid.problems = problems
    st.rerun()


def _without_marks(uploads: Sequence[File], marks: list[bytes]) -> Iterator[File | Text]:
    """Yield the files that should be pictures; files of marks are put aside."""
    for name, data in uploads:
        for file in files_of(name, data):
            if not isinstance(file, Text) and file[0].lower().endswith(".csv"):
                marks.append(file[1])
            else:
                yield file


def _known(pairs: Iterable[Pair], pictures: PictureSet) -> list[Pair]:
    return [pair for pair in pairs if pair.a in pictures and pair.b in pictures]


def show_problems(bench: Workbench) -> None:
    """Say what could not be used, file by file and row by row."""
    _say_problems(bench.problems, t("Not everything could be used; the rest is."))


def _say_problems(problems: Sequence[Text], head: str) -> None:
    if not problems:
        return
    lines = [f"- {say(problem)}" for problem in problems[:_MOST_SHOWN]]
    if len(problems) > _MOST_SHOWN:
        lines.append("- " + t("… and {count} more.", count=len(problems) - _MOST_SHOWN))
    st.warning("\n".join([head, "", *lines]), icon=":material/rule:")


def show_start_over() -> None:
    """Offer to put everything away."""
    st.button(
        t("Start over"),
        key="start_over",
        icon=":material/restart_alt:",
        on_click=workbench.clear,
    )
