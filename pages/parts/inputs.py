"""The pictures a page is about: samples, uploads, the clipboard, the camera.

A slot holds one picture. Compare has two, "a" and "b", which a guided pair fills together;
any other page may have a slot of its own, named like the setting that holds its sample.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from imgsim_core.errors import ImgSimError
from imgsim_core.picture import Picture, open_picture
from imgsim_core.samples import SamplePair, all_samples, open_sample, pair_by_id
from imgsim_core.text import Text
from pages.parts import cached, settings, tenancy
from pages.parts.language import code_span, plain, say, t

SLOTS = ("a", "b")
TYPES = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif", "avif", "jp2"]


def current_pair() -> SamplePair | None:
    """The guided pair on show, if the visitor chose one and replaced neither picture."""
    code = settings.get("pair")
    return pair_by_id(code) if code else None


def picture(slot: str, otherwise: str | None = None) -> Picture | None:
    """Picture of a slot: what was brought last wins; `otherwise` is a sample to start with."""
    brought: Picture | None = st.session_state.get(f"brought_{slot}")
    if brought is not None:
        return brought
    pair = current_pair() if slot in SLOTS else None
    sample = getattr(pair, slot) if pair else settings.get(slot, otherwise)
    return open_sample(sample) if sample else None


def is_brought(slot: str) -> bool:
    """Whether the visitor brought this picture, rather than choosing a sample."""
    return f"brought_{slot}" in st.session_state


def choose_pair(pair: SamplePair) -> None:
    """Put a guided pair into both slots."""
    for slot in SLOTS:
        st.session_state.pop(f"brought_{slot}", None)
        st.session_state.pop(f"problem_{slot}", None)
        settings.put(slot, None)
    settings.put("pair", pair.id)


def bring_pair(a: Picture, b: Picture) -> None:
    """Put two opened pictures into both slots, as if the visitor had brought them."""
    for slot, brought in zip(SLOTS, (a, b), strict=True):
        st.session_state[f"brought_{slot}"] = brought
        st.session_state.pop(f"problem_{slot}", None)
        settings.put(slot, None)
    settings.put("pair", None)


def _detach_pair(replaced: str) -> None:
    """Turn a guided pair into two separate samples, before one of them is replaced."""
    pair = current_pair()
    if pair and replaced in SLOTS:
        settings.put("pair", None)
        for slot in SLOTS:
            settings.put(slot, getattr(pair, slot))


def _choose_sample(slot: str) -> None:
    """Take a sample; the list is free again, since another picture may follow."""
    code = st.session_state[f"sample_{slot}"]
    st.session_state[f"sample_{slot}"] = None
    if code in {sample.id for sample in all_samples()}:  # or a label: see `main`
        _detach_pair(slot)
        st.session_state.pop(f"brought_{slot}", None)
        st.session_state.pop(f"problem_{slot}", None)
        settings.put(slot, code)


def _bring(slot: str, widget_key: str) -> None:
    """Open what was uploaded; on failure keep the sentence and whatever was there before."""
    file = st.session_state[widget_key]
    if file is None:
        return
    # A new key empties the uploader, so the next drop or paste starts clean and the
    # server lets go of the file's bytes.
    st.session_state[f"turn_{slot}"] = st.session_state.get(f"turn_{slot}", 0) + 1
    try:
        brought = tenancy.hold(open_picture(file.getvalue(), file.name))
    except ImgSimError as error:
        st.session_state[f"problem_{slot}"] = error.text
        return
    _detach_pair(slot)
    st.session_state[f"brought_{slot}"] = brought
    st.session_state.pop(f"problem_{slot}", None)
    settings.put(slot, None)


def _swap() -> None:
    _detach_pair(SLOTS[0])
    for prefix in ("brought_", "problem_"):
        first, second = (st.session_state.pop(prefix + slot, None) for slot in SLOTS)
        for slot, value in zip(SLOTS, (second, first), strict=True):
            if value is not None:
                st.session_state[prefix + slot] = value
    first, second = (settings.get(slot) for slot in SLOTS)
    settings.put("a", second)
    settings.put("b", first)


def show_slots() -> None:
    """Draw both slots side by side, also on a phone."""
    columns = st.columns(2, wrap=False, gap="small")
    for slot, column in zip(SLOTS, columns, strict=True):
        with column, st.container(key=f"slot_{slot}"):
            _show_slot(slot)


def _show_slot(slot: str) -> None:
    name = {"a": t("Picture A"), "b": t("Picture B")}[slot]
    shown = picture(slot)
    if shown is not None:
        st.image(cached.preview(shown), width="stretch", alt=f"{name}: {shown.name}")
        show_caption(name, shown)
    else:
        st.markdown(f"**{name}**")
    show_ways_in(slot, name)


def show_caption(name: str, shown: Picture) -> None:
    """Say under a picture which file it is, how large, and what was done to open it."""
    size = t("{width} × {height} pixels", width=shown.width, height=shown.height)
    st.caption(f"**{name}** {code_span(shown.name)} · {size}")
    if shown.notes:
        st.caption(" ".join(f":material/info: {say(note)}" for note in shown.notes))


def show_ways_in(slot: str, name: str) -> None:
    """Draw the ways to bring a picture into a slot, and why the last one brought was refused."""
    problem: Text | None = st.session_state.get(f"problem_{slot}")
    if problem:
        st.error(say(problem), icon=":material/image_not_supported:")
    turn = st.session_state.get(f"turn_{slot}", 0)
    key = f"file_{slot}_{turn}"
    st.file_uploader(
        name,
        type=TYPES,
        key=key,
        label_visibility="collapsed",
        on_change=_bring,
        args=(slot, key),
    )
    with st.container(horizontal=True, gap="small"):
        _camera(slot, name)
        _samples(slot, name)


def _camera(slot: str, name: str) -> None:
    camera = st.popover(
        t("Camera"), icon=":material/photo_camera:", on_change="rerun", key=f"camera_open_{slot}"
    )
    if camera.open:
        key = f"camera_{slot}_{st.session_state.get(f'turn_{slot}', 0)}"
        camera.camera_input(
            t("Take a photo for {slot}", slot=name), key=key, on_change=_bring, args=(slot, key)
        )


def _samples(slot: str, name: str) -> None:
    popover = st.popover(t("Samples"), icon=":material/photo_library:")
    labels = {sample.id: plain(sample.label) for sample in all_samples()}
    popover.selectbox(
        t("A sample for {slot}", slot=name),
        list(labels),
        index=None,
        format_func=labels.__getitem__,
        key=f"sample_{slot}",
        on_change=_choose_sample,
        args=(slot,),
        placeholder=t("Choose a sample"),
    )


def swap_button() -> None:
    """Offer to exchange the pictures: some methods resize the second to the first."""
    st.button(t("Swap A and B"), icon=":material/swap_horiz:", on_click=_swap, key="swap")


def show_pairs(key: str, pairs: Sequence[SamplePair]) -> None:
    """Draw a wall of guided pairs, each one click away from its result."""
    grid = st.grid("auto", min_column_width=165, gap="small")  # two columns on a phone
    for pair in pairs:
        with grid.cell(), st.container(key=f"thumb_{key}_{pair.id}", gap="small"):
            label = plain(pair.label)
            st.image(pair_thumbnail(pair), width="stretch", alt=label)
            st.button(
                label,
                key=f"pair_{key}_{pair.id}",
                on_click=choose_pair,
                args=(pair,),
                width="stretch",
            )


def pair_thumbnail(pair: SamplePair) -> bytes:
    """JPEG of a guided pair, side by side."""
    return side_by_side(open_sample(pair.a), open_sample(pair.b))


def side_by_side(a: Picture, b: Picture) -> bytes:
    """JPEG of two pictures next to each other, each cut to the same size."""

    def make() -> bytes:
        halves = [cover(picture, 210, 168) for picture in (a, b)]
        gap = np.full((168, 6, 3), 255, np.uint8)
        return cached.jpeg(np.hstack([halves[0], gap, halves[1]]))

    return cached.memory().recall(("side by side", a.digest, b.digest), make)


def cover(shown: Picture, width: int, height: int) -> np.ndarray:
    """Middle of a picture, scaled and cut to a size."""
    import cv2

    scale = max(width / shown.width, height / shown.height)
    # Cut before it is scaled: a strip as wide as can be would take gigabytes at this height
    wide, high = max(1, round(width / scale)), max(1, round(height / scale))
    left, top = (shown.width - wide) // 2, (shown.height - high) // 2
    middle = shown.rgb[top : top + high, left : left + wide]
    return cv2.resize(middle, (width, height), interpolation=cv2.INTER_AREA)
