"""What the server holds for the galleries of all visitors, once a process."""

from __future__ import annotations

import streamlit as st

from imgsim_core.gallery.life import Visitors
from imgsim_core.gallery.shared_samples import SampleGallery


@st.cache_resource(show_spinner=False)
def visitors() -> Visitors:
    """Places of all visitors' galleries."""
    return Visitors()


@st.cache_resource(show_spinner=False)
def sample_gallery() -> SampleGallery:
    """The built-in pictures, shared by all."""
    return SampleGallery(visitors())
