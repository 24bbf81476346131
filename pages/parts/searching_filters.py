"""Conditions on the hits: name, format, shape, size, date, camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from imgsim_core.gallery.entry import ANYTHING, Filter
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.lance import EXACT_UP_TO
from pages.parts import cached
from pages.parts.language import t

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "HEIF", "AVIF", "TIFF", "BMP")
_KEYS = ("name", "formats", "shape", "least", "from", "to", "camera")


def show(gallery: Gallery) -> Filter:
    """Draw the conditions behind a button, and return those that are set."""
    formats, cameras = _facets(gallery)
    _forget_all_but(formats, cameras)
    current = _current()
    count = sum(value not in ("", (), 0) for value in vars(current).values())
    label = t("Conditions ({count})", count=count) if count else t("Conditions")
    with st.popover(label, icon=":material/filter_alt:", key="search_filters"):
        _widget(st.text_input, t("Part of the name or folder"), key="search_filter_name")
        _widget(
            st.multiselect,
            t("File formats"),
            formats,
            placeholder=t("Any format"),
            key="search_filter_formats",
        )
        shapes = {
            "": t("Any shape"),
            "wide": t("Wide"),
            "tall": t("Tall"),
            "square": t("Square"),
        }
        _widget(
            st.selectbox,
            t("Shape"),
            list(shapes),
            format_func=shapes.__getitem__,
            key="search_filter_shape",
        )
        _widget(
            st.number_input,
            t("At least this many megapixels"),
            min_value=0.0,
            max_value=100.0,
            step=0.5,
            key="search_filter_least",
        )
        left, right = st.columns(2)
        with left:
            _widget(st.date_input, t("Taken from"), value=None, key="search_filter_from")
        with right:
            _widget(st.date_input, t("Taken until"), value=None, key="search_filter_to")
        if cameras:
            _widget(
                st.selectbox,
                t("Taken with"),
                cameras,
                index=None,
                placeholder=t("Any camera"),
                key="search_filter_camera",
            )
        if count:
            st.button(
                t("Remove all conditions"),
                key="search_filter_none",
                icon=":material/close:",
                on_click=_forget,
            )
    return current


def _widget(widget: Any, label: str, *arguments: Any, key: str, **keywords: Any) -> None:
    # Kept while the visitor is on another page
    widget(label, *arguments, key=key, persist_state="session", **keywords)


def _value(name: str) -> Any:
    return st.session_state.get(f"search_filter_{name}")


def _current() -> Filter:
    def day(name: str) -> str:
        value = _value(name)
        return "" if value is None else str(value.isoformat())

    return Filter(
        name=str(_value("name") or "").strip(),
        formats=tuple(_value("formats") or ()),
        shape=_value("shape") or ANYTHING.shape,
        least_pixels=round(1e6 * float(_value("least") or 0)),
        taken_from=day("from"),
        taken_to=day("to"),
        camera=str(_value("camera") or ""),
    )


def _forget() -> None:
    for name in _KEYS:
        st.session_state.pop(f"search_filter_{name}", None)


def _forget_all_but(formats: Sequence[str], cameras: Sequence[str]) -> None:
    """Let go of what was chosen in another gallery: here it would hold without being on show."""
    chosen = _value("formats") or []
    if not set(chosen).issubset(formats):
        st.session_state["search_filter_formats"] = [one for one in chosen if one in formats]
    if _value("camera") is not None and _value("camera") not in cameras:
        del st.session_state["search_filter_camera"]


def _facets(gallery: Gallery) -> tuple[list[str], list[str]]:
    """Formats and cameras there are; in a large gallery nobody looks through all rows."""
    if gallery.store.count(gallery.name) > EXACT_UP_TO:
        return list(_FORMATS), []
    snapshot = gallery.snapshot()
    key = ("facets", gallery.store.address, gallery.name, gallery.info.created, snapshot.version)

    def make() -> tuple[list[str], list[str]]:
        formats = sorted({entry.format for entry in snapshot.entries})
        return formats, sorted({entry.camera for entry in snapshot.entries} - {""})

    return cached.memory().recall(key, make)
