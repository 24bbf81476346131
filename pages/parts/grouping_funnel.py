"""Which level counts as a duplicate, and how many were left at each stage of the search."""

from __future__ import annotations

import html
import math

import streamlit as st

from imgsim_core.gallery.copies import Level
from imgsim_core.gallery.duplicates import Report
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.text import Text
from pages.parts import grouping_own, own_methods, settings
from pages.parts.grouping_run import Asked
from pages.parts.language import plain, say, t

SETTING = "duplicates.level"
_TAUGHT = "taught"


def show_level(gallery: Gallery) -> Asked:
    """Draw the control for the level, and what the chosen one means.

    Where the visitor taught something that fits this gallery, that can count instead.
    """
    codes = [level.value for level in Level]
    own = bool(grouping_own.fitting(gallery))
    if not own and settings.get(SETTING) == _TAUGHT:
        settings.put(SETTING, None)  # forgotten meanwhile, or of another gallery's vectors
    code = settings.bound(
        st.segmented_control,
        t("What belongs together?") if own else t("What counts as a duplicate?"),
        [*codes, _TAUGHT] if own else codes,
        key=SETTING,
        default=Level.COPY.value,
        format_func=_level_in_words,
    )
    if own and code == _TAUGHT:
        return grouping_own.show_choice(gallery)
    level = Level(code) if code in codes else Level.COPY
    st.caption(say(level.about))
    if own_methods.taught() and not own:
        st.caption(
            t(
                ":material/info: What you taught rests on other vectors than this gallery's: it "
                "cannot put its pictures together."
            )
        )
    return level


def _level_in_words(code: str) -> str:
    return t("By what you taught") if code == _TAUGHT else plain(Level(code).label)


def show(report: Report, groups: int) -> None:
    """Draw the funnel: bars that shrink, on a scale of powers of ten."""
    counts = report.counts
    stages = [(Text("Files"), counts.files), (Text("Different files"), counts.pictures)]
    if report.level is not Level.FILE:
        links = counts.copies + (counts.shots if report.level is Level.SHOT else 0)
        stages += [
            (Text("All pairs of them"), counts.pairs),
            (Text("Pairs with near fingerprints or vectors"), counts.by_hash + counts.by_vector),
            (Text("Copies by their outlines alone"), counts.settled),
            (Text("Others looked at closely"), counts.looked),
            (Text("Pairs that belong together"), links),
        ]
    stages.append((Text("Groups"), groups))
    most = math.log10(1 + max(count for _, count in stages)) or 1.0
    rows = "".join(
        f"<span>{html.escape(plain(label))}</span>"
        f'<i><b style="width:{100 * math.log10(1 + count) / most:.0f}%"></b></i>'
        f"<em>{count:,}</em>"
        for label, count in stages
    )
    st.html(f'<div class="sim-funnel">{rows}</div>')
    seconds = f"{report.seconds:.1f}"
    st.caption(t("The search took {seconds} s. Bars grow by powers of ten.", seconds=seconds))
    for note in report.notes:
        st.caption(f":material/info: {say(note)}")
