"""Waiting for a map: what is being done, and how far it is."""

from __future__ import annotations

import streamlit as st

from imgsim_core.gallery import atlas
from imgsim_core.gallery.cluster_names import ClusterName
from imgsim_core.gallery.gallery import Gallery, Snapshot
from pages.parts import atlas_words
from pages.parts.atlas_view import View
from pages.parts.language import plain, t

_AT_ONCE = 0.2  # seconds in which a map that is known already appears without a flicker
_LOOK_AGAIN = 0.3


def view_of(gallery: Gallery, snapshot: Snapshot) -> tuple[View, tuple[ClusterName | None, ...]]:
    """Return a gallery's map and its clusters' names, showing what it is at meanwhile."""
    drawing = atlas.begin(gallery, snapshot)
    place = st.empty()
    if not drawing.wait(_AT_ONCE):
        with place.container():
            bar = st.progress(0.0)
            st.caption(
                t(
                    "It is drawn once for each state of a gallery; the first one after the "
                    "server's start takes longest."
                )
            )
            with st.skeleton(height=480):
                while True:
                    stage = drawing.stage
                    words = t("Drawing the map: {stage} …", stage=plain(stage.label))
                    bar.progress(stage.share, text=words)
                    if drawing.wait(_LOOK_AGAIN):
                        break
        place.empty()
    view = View(gallery, snapshot, drawing.atlas())
    with place, st.spinner(t("Naming the clusters …")):
        names = atlas_words.names(view)
    place.empty()
    return view, names
