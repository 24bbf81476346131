"""Calibrate: pairs of the visitor's own pictures, marked; which method parts them, and where."""

from __future__ import annotations

import streamlit as st

from pages.parts import bringing, disputes, marking, promise, separating, workbench
from pages.parts.language import t

bringing.style()
st.title(t("Where do you draw the line?"))
bench = workbench.current()
if bench is None:
    st.markdown(
        t(
            "Every collection is different. Mark some pairs of pictures as same or different: "
            "you see which method separates yours best, and which line to use."
        )
    )
    bringing.show_examples()
    st.subheader(t("Or bring your own"))
    bringing.show_ways_in(bench)
else:
    bringing.show_problems(bench)
    if bench.came_marked:
        st.fragment(separating.show, key="separating")(bench)
        with st.expander(t("Mark more pairs"), icon=":material/touch_app:"):
            st.fragment(marking.show, key="marking")(bench)
    else:
        st.fragment(marking.show, key="marking")(bench)
        st.fragment(separating.show, key="separating")(bench)
    st.fragment(disputes.show, key="disputes")(bench)
    with st.expander(t("More pictures, other pictures"), icon=":material/add_photo_alternate:"):
        bringing.show_ways_in(bench)
        bringing.show_start_over()
promise.show()
