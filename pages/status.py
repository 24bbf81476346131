"""Status: versions, models and their weights, memory, and a self-check."""

from __future__ import annotations

import streamlit as st

from pages.parts import faces_words, health
from pages.parts.language import t

st.title(t("Status"))
st.subheader(t("Self-check"))
health.show_self_check()
st.subheader(t("Learned models"))
st.fragment(health.show_models, run_every=health.refresh_seconds())()
st.subheader(t("Faces"))
faces_words.show_status()
st.subheader(t("Galleries"))
health.show_galleries()
st.subheader(t("Memory"))
health.show_memory()
st.subheader(t("Versions"))
health.show_versions()
