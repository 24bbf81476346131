"""Search a gallery: by picture, by words, by colours; one method or several side by side."""

from __future__ import annotations

import streamlit as st

from imgsim_core.errors import ImgSimError
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.result import Result
from pages.parts import (
    galleries,
    meanings,
    searching_filters,
    searching_hits,
    searching_methods,
    searching_query,
    searching_saving,
)
from pages.parts.language import say, t


def _show(gallery: Gallery) -> None:
    asked = searching_query.show(gallery)
    if asked is None:
        st.info(t("This gallery is empty: add pictures first."), icon=":material/info:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="search_controls"):
        searching_methods.show(gallery, asked)
        meanings.strictness_control(None)
        where = searching_filters.show(gallery)
        verified = searching_hits.wants_verifying(asked)
        save = st.empty()
    searching_methods.say_unusable()
    found = searching_hits.results(gallery, asked, where, verified)
    first = next(iter(found.values()))
    if isinstance(first, Result) and first.hits:
        with save:
            searching_saving.show(gallery, first)
    searching_hits.show(gallery, asked, found)


st.title(t("Find pictures"))
chosen = galleries.show_bar()
if chosen is not None:
    try:
        _show(chosen)
    except ImgSimError as error:  # the gallery or the store went away meanwhile
        st.error(say(error.text), icon=":material/cloud_off:")
