"""The gallery that the pages Search, Duplicates and Map work on, and every way to have one."""

from __future__ import annotations

import streamlit as st

from imgsim_core.gallery.gallery import Gallery
from pages.parts import settings, tenancy
from pages.parts.language import t

SETTING = "gallery"  # its name, also in links
SAMPLES = "samples"


def show_bar() -> Gallery | None:
    """Draw which gallery is in use and how to change it, at the head of a page.

    Returns
    -------
    Gallery or None
        None while none is chosen: the ways to have one have been drawn instead.
    """
    if settings.get(SETTING) != SAMPLES:
        st.button(
            t("Try it with the sample gallery"),
            key="try_samples",
            type="primary",
            icon=":material/play_arrow:",
            on_click=_choose,
            args=(SAMPLES,),
        )
        return None
    samples = tenancy.sample_gallery()
    gallery = samples.gallery()
    if gallery is None:
        samples.start()
        _wait_for_samples()
    return gallery


def _choose(code: str) -> None:
    settings.put(SETTING, code)


@st.fragment(run_every=0.5)
def _wait_for_samples() -> None:
    samples = tenancy.sample_gallery()
    if samples.problem:
        st.error(samples.problem.render())
    elif samples.state == "ready":
        st.rerun()
    else:
        st.progress(samples.done / samples.total, text=t("Preparing the sample gallery …"))
