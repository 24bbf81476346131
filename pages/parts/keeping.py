"""Marks and lines as files: to keep, to pass on, and to bring again."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import streamlit as st

from imgsim_core.kept_lines import KeptLine, lines_as_json, lines_from_json
from imgsim_core.labelled import marks_as_csv
from imgsim_core.picture_set import SIDE
from imgsim_core.separation import Separation
from imgsim_core.text import Text
from pages.parts import lines, own_methods, settings
from pages.parts.language import say, t
from pages.parts.workbench import Workbench

_SAID = "lines_said"
_MOST_SAID = 12  # a file may hold thousands of lines that are none


def show(bench: Workbench, found: Sequence[Separation]) -> None:
    """Draw the buttons that save, and the one that loads."""
    with st.container(horizontal=True):
        if bench.marked:
            st.download_button(
                t("Save the marks (CSV)"),
                lambda: marks_as_csv(bench.pictures, bench.marked).encode("utf-8-sig"),
                "imgsim-marks.csv",
                "text/csv",
                key="save_marks",
                icon=":material/download:",
                on_click="ignore",
            )
        if found:
            wanted = settings.get(lines.WANTED, lines.USUAL_WANTED)  # at the click nobody knows it
            st.download_button(
                t("Save the lines (JSON)"),
                lambda: _lines_file(bench, found, wanted),
                "imgsim-lines.json",
                "application/json",
                key="save_lines",
                icon=":material/download:",
                on_click="ignore",
            )
        load = st.popover(t("Load lines"), icon=":material/upload:")
        with load:
            show_load()
    said: list[Text] = st.session_state.get(_SAID, [])
    for text in said[:_MOST_SAID]:
        st.caption(f":material/info: {say(text)}")
    if len(said) > _MOST_SAID:
        st.caption(t("… and {count} more.", count=len(said) - _MOST_SAID))


def _lines_file(bench: Workbench, found: Sequence[Separation], wanted: str) -> str:
    same = sum(bool(pair.same) for pair in bench.marked)
    provenance = {
        "made": datetime.date.today().isoformat(),
        "pictures": len(bench.pictures),
        "same": same,
        "different": len(bench.marked) - same,
        "false_alarms_wanted": wanted,
        "long_side": SIDE,
    }
    kept = [KeptLine(one.question, one.line) for one in found if one.beats_chance]
    return lines_as_json(kept, provenance)


def show_load() -> None:
    """Take a file of lines; those that are good hold at once."""
    turn = st.session_state.get("turn_lines", 0)
    key = f"file_lines_{turn}"
    with st.container(key="bring_lines"):
        st.file_uploader(
            t("A file of lines that was saved here"),
            type=["json"],
            key=key,
            on_change=_load,
            args=(key,),
        )


def _load(key: str) -> None:
    file = st.session_state[key]
    if file is None:
        return
    st.session_state["turn_lines"] = st.session_state.get("turn_lines", 0) + 1
    read = lines_from_json(file.getvalue(), own_methods.taught())
    for kept in read.lines:
        settings.put(lines.key(kept.question.method, kept.question.options), kept.line)
    said = [*read.problems]
    if read.lines:
        said.insert(
            0, Text("{count} lines loaded: they hold on every page.", count=len(read.lines))
        )
    st.session_state[_SAID] = said
