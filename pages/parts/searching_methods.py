"""Which methods answer: the gallery's own model, or up to three side by side."""

from __future__ import annotations

import streamlit as st

from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.result import Query
from pages.parts import own_methods, searching, settings
from pages.parts.language import plain, say, t

_KEY = "search_methods"


def show(gallery: Gallery, asked: Query) -> None:
    """Draw the choice of methods, where more than the gallery's own model can answer."""
    known = searching.method_labels(gallery, asked)
    own = gallery.info.model
    if asked.only_picture is None and known.keys() <= {own}:
        return
    labels = {code: plain(label) for code, label in known.items()}
    labels.setdefault(own, own)
    for code in searching.fast(gallery) & labels.keys():
        labels[code] = t("{method} (fast)", method=labels[code])
    st.session_state[_KEY] = list(searching.methods(gallery, asked))
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
            "model answers; for several pictures, what you taught can answer too."
        ),
        width=420,
    )


def _keep(own: str) -> None:
    settings.put(searching.METHODS, ",".join(st.session_state[_KEY]) or None, own)


def say_unusable() -> None:
    """Say why a notion that was taught in this session is not among the methods."""
    for method in own_methods.taught():
        reason = method.availability()
        if reason is not None:
            st.caption(f":material/info: {say(reason)}")
