"""What a visitor takes home from a search: a table, data, the pictures."""

from __future__ import annotations

import json

import streamlit as st

from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.result import Result
from imgsim_core.gallery.saving import (
    MOST_ZIP_BYTES,
    Kind,
    result_as_csv,
    result_as_dict,
    result_as_zip,
)
from pages.parts.language import t


def show(gallery: Gallery, result: Result) -> None:
    """Draw the downloads behind a button."""
    with st.popover(t("Save"), icon=":material/download:", key="search_save"):
        st.caption(t("The {count} pictures of this list.", count=len(result.hits)))
        st.download_button(
            "CSV",
            lambda: result_as_csv(result).encode("utf-8-sig"),  # for Excel
            "imgsim-search.csv",
            "text/csv",
            key="search_csv",
            on_click="ignore",
        )
        st.download_button(
            "JSON",
            lambda: json.dumps(result_as_dict(result), indent=2, allow_nan=False),
            "imgsim-search.json",
            "application/json",
            key="search_json",
            on_click="ignore",
        )
        _zip(gallery, result, t("Small copies (zip)"), "thumbnails")
        _zip(gallery, result, t("Originals (zip)"), "originals")
        st.caption(
            t(
                "A zip holds at most {megabytes} MB, from the best hit on; where no original is "
                "kept, the small copy.",
                megabytes=MOST_ZIP_BYTES // 2**20,
            )
        )


def _zip(gallery: Gallery, result: Result, label: str, kind: Kind) -> None:
    st.download_button(
        label,
        lambda: result_as_zip(gallery, result, kind)[0],
        f"imgsim-{kind}.zip",
        "application/zip",
        key=f"search_{kind}",
        on_click="ignore",
    )
