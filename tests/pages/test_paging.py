"""What is drawn, and which page the control below it says this is."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def _pages_that_become_fewer() -> None:
    import streamlit as st

    from pages.parts import paging

    pages = st.session_state.get("pages", 5)
    number = paging.number("page", pages)
    st.text(f"{number}, {st.pagination(pages, key='page')}")


def test_the_last_page_is_shown_where_there_were_more_and_the_control_says_so() -> None:
    app = AppTest.from_function(_pages_that_become_fewer).run()
    app.session_state["page"] = 5
    assert app.run().text[0].value == "5, 5"
    app.session_state["pages"] = 3
    assert app.run().text[0].value == "3, 3"
    app.session_state["pages"] = 9
    assert app.run().text[0].value == "3, 3"
