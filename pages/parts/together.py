"""Both pictures in one place: a slider between them, blinking, and their difference."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import streamlit as st

from imgsim_core.picture import Picture
from pages.parts import cached, charts, settings
from pages.parts.language import t

_SIDE = 1000

_SWIPE = st.components.v2.component(
    "sim_swipe",
    html="""<figure class="wrap"><div class="stage"><img class="b" draggable="false"><img class="a" draggable="false">
<span class="tag l"></span><span class="tag r"></span><div class="bar" aria-hidden="true"><i>◂▸</i></div>
<input type="range" min="0" max="100" step="1" value="50"></div></figure>
""",
    css="""
.wrap{margin:0;max-width:820px;font-family:var(--st-font)}
.stage{position:relative;overflow:hidden;border-radius:var(--st-base-radius);touch-action:pan-y;line-height:0;--p:50%}
img{width:100%;height:auto;display:block;user-select:none}
img.a{position:absolute;inset:0;height:100%;clip-path:inset(0 calc(100% - var(--p)) 0 0)}
.blink img.a{clip-path:none;animation:blink 1.2s steps(1) infinite}
@keyframes blink{0%{opacity:1}50%{opacity:0}}
@media (prefers-reduced-motion:reduce){.blink img.a{animation-duration:4s}}
.bar{position:absolute;top:0;bottom:0;left:var(--p);width:3px;margin-left:-1.5px;background:#fff;box-shadow:0 0 0 1px rgba(0,0,0,.45);pointer-events:none}
.bar i{position:absolute;top:50%;left:50%;transform:translate(-50%,-50%);width:44px;height:44px;border-radius:50%;background:#fff;color:#17211f;font:600 15px/44px sans-serif;text-align:center}
.blink .bar,.blink input{display:none}
.tag{position:absolute;top:10px;padding:3px 10px;border-radius:999px;background:rgba(0,0,0,.68);color:#fff;font-size:.8rem;line-height:1.4}
.tag.l{left:10px}.tag.r{right:10px}
input{position:absolute;inset:0;width:100%;height:100%;margin:0;opacity:0;cursor:ew-resize}
.stage:focus-within{outline:3px solid var(--st-primary-color);outline-offset:2px}
""",
    js="""
export default function ({ data, parentElement }) {
  const $ = s => parentElement.querySelector(s), stage = $(".stage"), input = $("input"), a = $("img.a"), b = $("img.b")
  if (a.src !== data.a) a.src = data.a
  if (b.src !== data.b) b.src = data.b
  a.alt = data.left; b.alt = data.right
  stage.classList.toggle("blink", data.blink)
  $(".tag.l").textContent = data.left; $(".tag.r").textContent = data.right
  input.setAttribute("aria-label", data.label)
  const paint = () => stage.style.setProperty("--p", input.value + "%")
  input.oninput = paint
  paint()
}
""",
)


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
        list(labels),
        key="together",
        default="slider",
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
            "a": _url(cached.preview(a, _SIDE)),
            "b": _url(_stretched(a, b)),
            "left": t("Picture A"),
            "right": t("Picture B"),
            "label": t("Move to reveal picture A or B"),
            "blink": way == "blink",
        },
    )


def _url(data: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"


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
