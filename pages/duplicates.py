"""Duplicates: over a gallery."""

from __future__ import annotations

import streamlit as st

from pages.parts import galleries
from pages.parts.language import t

st.title(t("Duplicates"))
gallery = galleries.show_bar()
