"""Every page there is, in the sections of the menu: a page is added here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from imgsim_core.applications.faces.switch import is_on
from imgsim_core.errors import BadSetting
from pages.parts.language import t


@dataclass(frozen=True)
class _Place:
    """A page, and what one does there; `section` is "" for a page that stands alone.

    Its file and its address are both called `name`.
    """

    name: str
    section: str
    title: str
    icon: str
    task: str
    hidden: bool = False

    def page(self) -> Any:
        """Make the page; its path is seen from the script that frames the pages."""
        return st.Page(
            f"../{self.name}.py",
            title=self.title,
            icon=f":material/{self.icon}:",
            url_path=self.name,
            default=not self.section,
            visibility="hidden" if self.hidden else "visible",
        )


def _places() -> list[_Place]:
    """List the pages in the visitor's language, section by section."""
    galleries, uses = t("Galleries"), t("Uses")
    experiments, about = t("Experiments"), t("About")
    return [
        _Place("compare", "", t("Compare"), "compare", t("Two pictures, every notion of likeness")),
        _Place("search", galleries, t("Search"), "search", t("Find pictures by picture or words")),
        _Place(
            "duplicates",
            galleries,
            t("Duplicates"),
            "content_copy",
            t("Find copies, also edited ones, and what to keep"),
        ),
        _Place("map", galleries, t("Map"), "scatter_plot", t("See a whole gallery at a glance")),
        _Place(
            "products",
            uses,
            t("Products"),
            "shopping_bag",
            t("Match photographs to a catalogue"),
        ),
        _Place(
            "objects",
            uses,
            t("Objects"),
            "center_focus_strong",
            t("Find a thing in a scene, name it, teach it"),
        ),
        _Place(
            "faces",
            uses,
            t("Faces"),
            "face",
            t("Compare faces, with the error said"),
            hidden=not _faces_are_on(),
        ),
        _Place(
            "robustness",
            experiments,
            t("Robustness"),
            "stress_management",
            t("Damage a picture and see which method breaks"),
        ),
        _Place(
            "calibrate",
            experiments,
            t("Calibrate"),
            "tune",
            t("Mark pairs and find your own line"),
        ),
        _Place(
            "teach",
            experiments,
            t("Teach"),
            "school",
            t("Show groups, and teach it your own alike"),
        ),
        _Place("methods", about, t("Methods"), "menu_book", t("What each method sees and misses")),
        _Place("status", about, t("Status"), "monitor_heart", t("What this server can do")),
    ]


def sections() -> dict[str, list[Any]]:
    """List the pages by section, both in the visitor's language; Compare stands alone."""
    found: dict[str, list[Any]] = {}
    for place in _places():
        found.setdefault(place.section, []).append(place.page())
    return found


def show_other_tasks() -> None:
    """Draw what else can be done here: on a phone the menu is out of sight."""
    st.subheader(t("What else you can do here"))
    grid = st.grid("auto", min_column_width=230, gap="small")
    for place in _places():
        if place.section and not place.hidden:
            with grid.cell(), st.container(key=f"task_{place.name}", gap=None):
                st.page_link(place.page())
                st.caption(place.task)


def _faces_are_on() -> bool:
    """Whether Faces stands in the menu; a setting that makes no sense is said on its page."""
    try:
        return is_on()
    except BadSetting:
        return False
