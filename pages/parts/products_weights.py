"""What counts how much: sliders for the order, cut-out or full picture, titles or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from imgsim_core.applications.products.by_notion import fits_model
from imgsim_core.applications.products.matching import MOST_WEIGHT, Weights
from imgsim_core.applications.products.sample_catalogue import PHOTOGRAPHS
from imgsim_core.method import Method
from pages.parts import own_methods, products_catalogue, settings
from pages.parts.language import plain, t

SAMPLE = "products.sample"
ALL = "all"
CUTOUT, TITLES = "products.cutout", "products.titles"
_WEIGHT, _NOTION = "products.weight.", "products.notion"
_PARTS = ("semantics", "colour", "shape", "details")


def link_settings() -> dict[str, Callable[[str], Any]]:
    """Settings of this page that stand in links, and how a link's text becomes their value."""
    photographs = {ALL, *(one.id for one in PHOTOGRAPHS)}
    return {
        SAMPLE: lambda text: text if text in photographs else None,
        CUTOUT: lambda text: True if text == "True" else None,
        TITLES: lambda text: False if text == "False" else None,
        **{_WEIGHT + part: _weight for part in _PARTS},
    }


def _weight(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= MOST_WEIGHT and value != 1.0 else None


def weights() -> Weights:
    """What the visitor has set; 1 is as fitted."""
    return Weights(**{part: float(settings.get(_WEIGHT + part, 1.0)) for part in _PARTS})


def fitting() -> dict[str, Method]:
    """List the session's notions that were taught on what catalogues are described by."""
    model = products_catalogue.model()
    return {one.id: one for one in own_methods.taught() if fits_model(one, model)}


def notion() -> Method | None:
    """The notion that stands for what the network sees, if the visitor chose one."""
    return fitting().get(str(settings.get(_NOTION, "")))


def by_cutout() -> bool:
    """Whether colours and shape are those of the subject cut out."""
    return bool(settings.get(CUTOUT, False))


def by_titles() -> bool:
    """Whether titles count."""
    return bool(settings.get(TITLES, True))


def show() -> None:
    """Draw the controls."""
    changed = weights() != Weights() or notion() is not None
    label = t("What counts (changed)") if changed else t("What counts")
    with st.container(horizontal=True, vertical_alignment="center", key="products_controls"):
        settings.bound(
            st.toggle,
            t("Cut the subject out"),
            key=CUTOUT,
            default=False,
            help=t(
                "Colours and shape are taken from the subject alone; switched off, from the "
                "middle of the photograph."
            ),
        )
        settings.bound(
            st.toggle,
            t("Read the titles"),
            key=TITLES,
            default=True,
            help=t(
                "The English titles of the catalogue are compared with what the network says "
                "the photograph shows."
            ),
        )
        with st.popover(label, icon=":material/tune:", key="products_what_counts"):
            _choose_notion()
            labels = {
                "semantics": t("Meaning"),
                "colour": t("Colours"),
                "shape": t("Shape"),
                "details": t("Details in common"),
            }
            for part in _PARTS:
                settings.bound(
                    st.slider,
                    labels[part],
                    0.0,
                    MOST_WEIGHT,
                    step=0.25,
                    key=_WEIGHT + part,
                    default=1.0,
                )
            st.caption(
                t(
                    "1 is the weight that was measured to be best. The order follows the "
                    "sliders; the verdict on each product does not."
                )
            )
            if changed:
                st.button(
                    t("As measured"),
                    icon=":material/restart_alt:",
                    on_click=_as_measured,
                )


def _as_measured() -> None:
    settings.forget(_WEIGHT)
    settings.put(_NOTION, None)


def _choose_notion() -> None:
    """Draw what the network's eyes are, where the visitor taught something that fits."""
    known = fitting()
    if not known:
        if own_methods.taught():
            st.caption(
                t(
                    ":material/info: What you taught rests on other vectors than those that "
                    "products are compared by: it cannot stand in here."
                )
            )
        return
    settings.bound(
        st.selectbox,
        t("What the network sees"),
        ["", *known],
        key=_NOTION,
        default="",
        format_func=lambda code: (
            plain(known[code].label) if code in known else t("As it was trained")
        ),
        help=t(
            "What you taught can stand in the order for what the network sees by itself. The "
            "verdict on each product does not follow: it was measured for the network."
        ),
    )
