"""Robustness: one picture, ever more damaged; which notion of likeness holds, which breaks."""

from __future__ import annotations

import streamlit as st

from pages.parts import damage, promise
from pages.parts.language import t

st.title(t("How much damage can it take?"))
st.markdown(
    t(
        "Damage one picture step by step and see which notion of likeness still recognises it, "
        "and where each one gives up."
    )
)
st.fragment(damage.show, key="robust")()
promise.show()
