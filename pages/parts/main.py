"""The script of every page: page config, the frame around the page, and the navigation."""

from __future__ import annotations

import streamlit as st

from pages.parts import first_visit, links, looks, metrics, navigation, settings
from pages.parts.language import LANGUAGES, language, t


def _start_widgets_anew() -> None:
    """Forget what widgets hold: a browser tells a chosen option by its label, now another."""
    settings.redraw("")
    samples = [key for key in map(str, st.session_state) if key.startswith("sample_")]
    for key in ("chooser", "separation_method", *samples):
        st.session_state.pop(key, None)


st.set_page_config(page_title="imgsim", page_icon="static/favicon.png", layout="wide")
links.read()
looks.apply(language())

page = st.navigation(navigation.sections(), position="top")

with st.container(horizontal=True, horizontal_alignment="distribute", key="frame"):
    st.markdown(f"**imgsim** · {t('how alike are two pictures, and what does the number mean?')}")
    settings.bound(
        st.segmented_control,
        "Language / 语言",
        list(LANGUAGES),
        key="lang",
        default=language(),
        format_func=LANGUAGES.__getitem__,
        required=True,
        label_visibility="collapsed",
        before=_start_widgets_anew,
    )

with metrics.page_timed(page.url_path or "compare"):
    page.run()
    links.write()
first_visit.page_is_drawn()
