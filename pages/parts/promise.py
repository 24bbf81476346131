"""What becomes of a visitor's pictures: said on every page that keeps them in memory only."""

from __future__ import annotations

import streamlit as st

from pages.parts.language import t


def show() -> None:
    """Draw the promise, as the last thing on a page."""
    st.caption(
        t(
            "Your pictures stay in this server's memory while you use the page and are removed "
            "shortly after. Nothing is written to disk, nothing is sent on."
        )
    )
