"""Compare: two pictures, every notion of likeness, one page."""

from __future__ import annotations

import streamlit as st

from imgsim_core.samples import all_pairs
from pages.parts import (
    article,
    closer,
    cutting_pair,
    export,
    inputs,
    navigation,
    own_tiles,
    promise,
    result,
    together,
)
from pages.parts.language import say, t

a, b = inputs.picture("a"), inputs.picture("b")
if a is None and b is None:
    st.title(t("How alike are two pictures?"))
    st.markdown(
        t(
            "Bring two pictures, or start with an example: you see at once how alike they are, "
            "by six notions of likeness."
        )
    )
    pairs = all_pairs()
    inputs.show_pairs("start", pairs[:12])
    with st.expander(t("More examples"), icon=":material/photo_library:"):
        inputs.show_pairs("rest", pairs[12:])
    st.subheader(t("Or bring your own"))

inputs.show_slots()
if a is not None and b is not None:
    inputs.swap_button()
    pair = inputs.current_pair()
    if pair:
        st.info(say(pair.notice), icon=":material/lightbulb:")
    a, b = cutting_pair.show(a, b)
    st.fragment(result.show_overview, key="overview")(a, b)
    own_tiles.show(a, b)
    st.fragment(closer.show_closer, key="closer")(a, b)
    st.fragment(together.show_together, key="together")(a, b)
    article.show_article(a, b)
    st.fragment(export.show_export, key="export")(a, b)
    with st.expander(t("Try another example"), icon=":material/photo_library:"):
        inputs.show_pairs("more", all_pairs())
elif (waiting := a or b) is not None:
    result.describe_ahead(waiting)
    st.info(t("Now bring the other picture."), icon=":material/arrow_upward:")
else:
    navigation.show_other_tasks()
promise.show()
