"""Teach: groups of the visitor's pictures become a notion of alike, judged before it is used."""

from __future__ import annotations

import streamlit as st

from pages.parts import (
    promise,
    teaching_groups,
    teaching_intake,
    teaching_lesson,
    teaching_result,
    teaching_use,
    teaching_wall,
)
from pages.parts.language import t

teaching_intake.style()
st.title(t("Teach it what alike means to you"))
teaching_intake.begin_by_link()
desk = teaching_groups.current()
# One place for both states: what was there before goes at once, however long the rest takes
with st.empty().container():
    if desk is None:
        st.markdown(
            t(
                "To you, alike may mean the same ink, the same shape, the same style. Show groups "
                "of pictures that belong together: a small network learns your notion in seconds, "
                "is judged on groups that it has never seen, and can then be used on the other "
                "pages. If it does not help, you are told."
            )
        )
        teaching_intake.show_samples()
        st.subheader(t("Or bring your own groups"))
        teaching_intake.show_problems()
        teaching_intake.show_ways_in()
    else:
        teaching_intake.show_bar(desk)
        teaching_intake.show_problems()
        teaching_wall.show(desk)
        teaching_wall.show_changes(desk)
        busy = teaching_lesson.is_busy()
        teaching_lesson.show_form(desk, busy)
        run = teaching_lesson.finished(busy)
        if run is not None:
            teaching_result.show(desk, run)
        with st.expander(t("Add more groups"), icon=":material/add_photo_alternate:"):
            teaching_intake.show_ways_in()
teaching_use.show_held()
promise.show()
