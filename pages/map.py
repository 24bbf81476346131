"""Map: a gallery laid out so that alike pictures lie near each other."""

from __future__ import annotations

import streamlit as st

from imgsim_core.errors import ImgSimError
from imgsim_core.gallery import atlas
from imgsim_core.gallery.gallery import Gallery
from pages.parts import (
    assets,
    atlas_clusters,
    atlas_distances,
    atlas_explore,
    atlas_waiting,
    atlas_words,
    galleries,
    links,
)
from pages.parts.language import say, t


def show(gallery: Gallery) -> None:
    """Draw the map of a gallery and everything that goes with it."""
    try:
        snapshot = gallery.snapshot()
    except ImgSimError as error:
        st.error(say(error.text), icon=":material/error:")
        return
    if not len(snapshot):
        st.info(t("This gallery is empty: add pictures first."), icon=":material/info:")
        return
    view, names = atlas_waiting.view_of(gallery, snapshot)
    titles = atlas_words.titles(view, names)
    st.fragment(atlas_explore.show, key="atlas_explore")(view, titles)
    if len(snapshot) == 1:
        return
    atlas_clusters.show(view, names, titles)
    atlas_words.show_note(names)
    atlas_clusters.show_apart(view)
    st.fragment(atlas_distances.show, key="atlas_lines")(view, atlas_explore.follows_the_line())
    atlas_explore.show_trust(view)


st.html(f"<style>{assets.text('atlas_page.css')}</style>")
st.title(t("Map"))
chosen = galleries.show_bar()
if chosen is None:
    st.markdown(
        t(
            "A whole gallery at a glance: pictures that a model finds alike lie next to each "
            "other. See what a collection consists of, what lies apart, and how close the "
            "closest pictures are."
        )
    )
    atlas.warm_up()  # while the visitor chooses a gallery
else:
    links.write()  # drawing may take a while: the link to the gallery need not wait
    show(chosen)
