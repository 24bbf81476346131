"""What a visitor has set, and the widgets that show it."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def _slider_with_a_default_that_moves() -> None:
    import streamlit as st

    from pages.parts import settings

    usual = st.session_state.get("usual", 3)
    settings.bound(st.slider, "Line", 0, 10, key="line", default=usual)
    st.text(str(settings.everything()))


def test_a_widget_follows_its_default_until_the_visitor_moves_it() -> None:
    app = AppTest.from_function(_slider_with_a_default_that_moves).run()
    assert app.slider[0].value == 3
    app.session_state["usual"] = 5  # as when a measurement behind the page has come in
    app.run()
    assert app.slider[0].value == 5
    assert app.text[0].value == "{}"


def test_a_default_that_moves_leaves_what_the_visitor_chose() -> None:
    app = AppTest.from_function(_slider_with_a_default_that_moves).run()
    app.slider[0].set_value(7).run()
    app.session_state["usual"] = 5
    app.run()
    assert app.slider[0].value == 7
    assert app.text[0].value == "{'line': 7}"
    app.slider[0].set_value(5).run()
    assert app.text[0].value == "{}"


def test_a_browser_that_still_shows_the_default_of_before_chooses_nothing() -> None:
    app = AppTest.from_function(_slider_with_a_default_that_moves).run()
    app.session_state["usual"] = 5
    app.run()
    app.slider[0].set_value(3).run()  # sent before the page with 5 had come
    assert (app.slider[0].value, app.text[0].value) == (5, "{}")
    app.slider[0].set_value(3).run()  # this time the visitor means it
    assert (app.slider[0].value, app.text[0].value) == (3, "{'line': 3}")


def _toggle_that_puts_the_slider_away() -> None:
    import streamlit as st

    from pages.parts import settings

    settings.bound(
        st.toggle, "Anew", key="anew", default=False, before=lambda: settings.redraw("line")
    )
    settings.bound(st.slider, "Line", 0, 10, key="line", default=3)
    st.text(str(settings.everything()))


def test_a_widget_put_away_and_moved_in_one_run_is_no_error() -> None:
    app = AppTest.from_function(_toggle_that_puts_the_slider_away).run()
    app.toggle[0].set_value(True)
    app.slider[0].set_value(8)
    app.run()
    assert not app.exception
    assert "'anew': True" in app.text[0].value


def _several_and_one_of_three() -> None:
    import streamlit as st

    from pages.parts import settings

    letters = ["a", "b", "c"]
    several = settings.bound(st.multiselect, "Several", letters, key="several", default=letters)
    one = settings.bound(
        st.segmented_control, "One", letters, key="one", default="b", required=True
    )
    st.text(f"{several} {one}")


def test_several_choices_are_kept_in_their_order() -> None:
    app = AppTest.from_function(_several_and_one_of_three).run()
    app.multiselect[0].set_value(["c", "a"]).run()
    assert app.text[0].value == "['c', 'a'] b"
    app.run()
    assert app.text[0].value == "['c', 'a'] b"


def test_a_setting_that_is_no_option_here_shows_the_default() -> None:
    app = AppTest.from_function(_several_and_one_of_three)
    app.session_state["settings"] = {"one": "z", "several": ["a", "z"]}
    app.run()
    assert app.text[0].value == "['a', 'b', 'c'] b"


def _slider_of_what_is_set() -> None:
    import streamlit as st

    from pages.parts import settings

    if "line" in st.query_params:
        settings.put("line", float(st.query_params["line"]))
    settings.bound(st.slider, "Line", 0.0, 10.0, key="line", default=3.0)


@pytest.mark.parametrize(("line", "shown"), [("10", 10), ("10.5", 3), ("-1", 3), ("nan", 3)])
def test_a_number_beyond_a_slider_leaves_it_at_its_default(line: str, shown: float) -> None:
    """A setting may have been made where the ends were others."""
    app = AppTest.from_function(_slider_of_what_is_set)
    app.query_params["line"] = line
    app.run()
    assert not app.exception
    assert app.slider[0].value == shown
