"""Objects: find one in a scene, name one in words, learn some from a few examples."""

from __future__ import annotations

import streamlit as st

from pages.parts import (
    assets,
    objects_find,
    objects_learn,
    objects_name,
    objects_parts,
    promise,
    settings,
)
from pages.parts.language import t

st.html(f"<style>{assets.text('objects.css')}</style>")
st.title(t("Objects"))
labels = {
    objects_parts.FIND: t("Find it in a scene"),
    objects_parts.NAME: t("Name it"),
    objects_parts.LEARN: t("Teach by examples"),
}
part = settings.bound(
    st.segmented_control,
    t("What to do"),
    list(labels),
    key=objects_parts.PART,
    default=objects_parts.FIND,
    format_func=labels.__getitem__,
    required=True,
    label_visibility="collapsed",
)
shows = {
    objects_parts.FIND: objects_find.show,
    objects_parts.NAME: objects_name.show,
    objects_parts.LEARN: objects_learn.show,
}
st.fragment(shows[part], key="objects")()
promise.show()
