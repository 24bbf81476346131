"""Every page there is, in the sections of the menu: a page is added here and nowhere else."""

from __future__ import annotations

from typing import Any

import streamlit as st

from imgsim_core.applications.faces.switch import is_on
from imgsim_core.errors import BadSetting
from pages.parts.language import t


def sections() -> dict[str, list[Any]]:
    """List the pages by section, both in the visitor's language; Compare stands alone.

    Paths are seen from the script that frames the pages.
    """
    return {
        "": [
            st.Page(
                "../compare.py",
                title=t("Compare"),
                icon=":material/compare:",
                url_path="compare",
                default=True,
            ),
        ],
        t("Galleries"): [
            st.Page("../search.py", title=t("Search"), icon=":material/search:", url_path="search"),
            st.Page(
                "../duplicates.py",
                title=t("Duplicates"),
                icon=":material/content_copy:",
                url_path="duplicates",
            ),
            st.Page("../map.py", title=t("Map"), icon=":material/scatter_plot:", url_path="map"),
        ],
        t("Uses"): [
            st.Page(
                "../products.py",
                title=t("Products"),
                icon=":material/shopping_bag:",
                url_path="products",
            ),
            st.Page(
                "../objects.py",
                title=t("Objects"),
                icon=":material/center_focus_strong:",
                url_path="objects",
            ),
            st.Page(
                "../faces.py",
                title=t("Faces"),
                icon=":material/face:",
                url_path="faces",
                visibility="visible" if _faces_are_on() else "hidden",
            ),
        ],
        t("Experiments"): [
            st.Page(
                "../robustness.py",
                title=t("Robustness"),
                icon=":material/stress_management:",
                url_path="robustness",
            ),
            st.Page(
                "../calibrate.py",
                title=t("Calibrate"),
                icon=":material/tune:",
                url_path="calibrate",
            ),
        ],
        t("About"): [
            st.Page(
                "../methods.py", title=t("Methods"), icon=":material/menu_book:", url_path="methods"
            ),
            st.Page(
                "../status.py",
                title=t("Status"),
                icon=":material/monitor_heart:",
                url_path="status",
            ),
        ],
    }


def _faces_are_on() -> bool:
    """Whether Faces stands in the menu; a setting that makes no sense is said on its page."""
    try:
        return is_on()
    except BadSetting:
        return False
