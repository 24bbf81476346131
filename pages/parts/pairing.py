"""The verdict for the pair: one of four kinds, its reasons, and what was changed where."""

from __future__ import annotations

import cv2
import numpy as np
import streamlit as st

from imgsim_core.memory import Memory
from imgsim_core.picture import Picture
from imgsim_core.verdict import Kind, PairVerdict, pair_verdict
from pages.parts import cached, charts
from pages.parts.language import say, t

_LOOKS = {
    Kind.SAME_FILE: (":material/task_alt:", "green"),
    Kind.CHANGED: (":material/auto_fix_high:", "green"),
    Kind.SAME_THING: (":material/photo_camera_front:", "blue"),
    Kind.DIFFERENT: (":material/call_split:", "gray"),
}
_MOST_BOXES = 12


def verdict(a: Picture, b: Picture, memory: Memory) -> PairVerdict:
    """The verdict for a pair, remembered; needs no page, so any thread may ask."""
    return pair_verdict(a, b, memory)  # it remembers under a key of its own


def show(found: PairVerdict, a: Picture) -> None:
    """Draw the kind in words, the changes, and the reasons."""
    symbol, colour = _LOOKS[found.kind]
    words = say(found.kind.label)
    if not found.certain:
        words = t("Cannot tell for sure; likeliest: {kind}", kind=found.kind.label)
    st.markdown(f"## :{colour}[{symbol}] {words}")
    if found.changes:
        with st.container(horizontal=True, gap="small"):
            for change in found.changes:
                st.badge(say(change), icon=":material/edit:", color="violet")
    st.markdown("  \n".join(say(reason) for reason in found.because))
    if found.regions:
        _show_regions(found, a)


def _show_regions(found: PairVerdict, a: Picture) -> None:
    label = t(
        "See what was changed: {count} places, {share} % of the picture",
        count=len(found.regions),
        share=f"{100 * found.changed_share:.0f}",
    )
    with st.expander(label, icon=":material/frame_inspect:"):
        left, right = st.columns(2)
        boxes = _boxed(found, a)
        left.image(boxes, caption=t("Picture A"), width="stretch", alt=label)
        if found.aligned is not None:
            aligned = charts.jpeg(found.aligned)
            right.image(aligned, caption=t("B laid on A"), width="stretch", alt=t("B laid on A"))


def _boxed(found: PairVerdict, a: Picture) -> bytes:
    base = cached.reduced(a.rgb, charts.SIDE).copy()
    scale = np.array([base.shape[1] / a.width, base.shape[0] / a.height] * 2)
    for region in found.regions[:_MOST_BOXES]:
        corners = np.array([region.left, region.top, region.width, region.height]) * scale
        left, top, width, height = corners.round().astype(int).tolist()
        for colour, thickness in (((255, 255, 255), 5), ((213, 94, 0), 3)):
            cv2.rectangle(base, (left, top, width, height), colour, thickness, cv2.LINE_AA)
    return charts.jpeg(base)
