"""Both pictures in one place: a slider between them, blinking, and their difference."""

from __future__ import annotations

import cv2
import numpy as np
import streamlit as st

from imgsim_core.picture import Picture
from pages.parts import assets, cached, charts, settings
from pages.parts.language import t

WAYS = ("slider", "blink", "difference")  # values of the setting, also in links

_SIDE = 1000

_SWIPE = assets.component("swipe")


def show_together(a: Picture, b: Picture) -> None:
    """Draw A over B, in the way the visitor chose."""
    st.subheader(t("Look at both"))
    labels = {
        "slider": t("Slide"),
        "blink": t("Blink"),
        "difference": t("Difference"),
    }
    way = settings.bound(
        st.segmented_control,
        t("How to look at both"),
        list(WAYS),
        key="together",
        default=WAYS[0],
        format_func=labels.__getitem__,
        required=True,
        label_visibility="collapsed",
    )
    if (a.width, a.height) != (b.width, b.height):
        st.caption(t("B is stretched to the size of A here."))
    if way == "difference":
        st.image(_difference(a, b), width=820, alt=labels["difference"])
        st.caption(t("Dark where the two are the same, bright where they differ most."))
        return
    _SWIPE(
        key="sim_swipe",
        data={
            "a": charts.data_url(cached.preview(a, _SIDE)),
            "b": charts.data_url(_stretched(a, b)),
            "left": t("Picture A"),
            "right": t("Picture B"),
            "label": t("Move to reveal picture A or B"),
            "blink": way == "blink",
        },
    )


def _same_size(a: Picture, b: Picture) -> tuple[np.ndarray, np.ndarray]:
    base = cached.reduced(a.rgb, _SIDE)
    return base, cv2.resize(b.rgb, base.shape[1::-1], interpolation=cv2.INTER_AREA)


def _stretched(a: Picture, b: Picture) -> bytes:
    key = ("stretched", a.width, a.height, b.digest)
    return cached.memory().recall(key, lambda: cached.jpeg(_same_size(a, b)[1]))


def _difference(a: Picture, b: Picture) -> bytes:
    def make() -> bytes:
        gap = cv2.absdiff(*_same_size(a, b)).max(axis=2).astype(np.float32)
        return cached.jpeg(charts.viridis(gap / 255))

    return cached.memory().recall(("difference", a.digest, b.digest), make)
