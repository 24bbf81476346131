"""Which methods answer: the gallery's own model, or up to three side by side."""

from __future__ import annotations

import streamlit as st

from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.result import Query
from pages.parts import searching, settings
from pages.parts.language import plain, t

_KEY = "search_methods"


def show(gallery: Gallery, asked: Query) -> None:
    """Draw the choice of methods, for one picture; all else needs the gallery's own model."""
    if asked.only_picture is None:
        return
    labels = {code: plain(label) for code, label in searching.method_labels(gallery).items()}
    own = gallery.info.model
    labels[own] = t("{method} (fast)", method=labels.get(own, own))
    st.session_state[_KEY] = list(searching.methods(gallery))
    st.multiselect(
        t("Compare by"),
        list(labels),
        format_func=labels.__getitem__,
        key=_KEY,
        max_selections=searching.MOST_METHODS,
        placeholder=labels[own],
        on_change=_keep,
        args=(own,),
        help=t(
            "Up to three methods, side by side. Methods marked fast have an index; the others "
            "look at every picture. For words, colours and several parts the gallery's own "
            "model answers."
        ),
        width=420,
    )


def _keep(own: str) -> None:
    settings.put(searching.METHODS, ",".join(st.session_state[_KEY]) or None, own)
