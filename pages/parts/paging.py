"""Which page of many things is on show, where a control below them turns the pages."""

from __future__ import annotations

import streamlit as st


def number(key: str, pages: int) -> int:
    """Tell which page to draw.

    Parameters
    ----------
    key : str
        Of the control, which is drawn later.
    pages : int
        How many there are by now. Where there were more, the last one is shown: the control
        by itself would start anew at 1, below the things of another page.
    """
    if st.session_state.get(key, 1) > pages:
        st.session_state[key] = pages
    return int(st.session_state.get(key, 1))
