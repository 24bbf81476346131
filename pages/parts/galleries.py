"""The gallery that the pages Search, Duplicates and Map work on, and every way to have one."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import streamlit as st

from imgsim_core.errors import ImgSimError, ModelError, UnknownGallery
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.published import open_published, published
from imgsim_core.gallery.reembedding import outdated
from imgsim_core.gallery.store import GalleryInfo
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.samples import open_sample
from imgsim_core.text import Text
from pages.parts import cached, gallery_intake, inputs, settings, tenancy
from pages.parts.language import code_span, say, t
from pages.parts.oops import SORRY

SETTING = "gallery"  # its name, also in links: that of a published one, or SAMPLES
SAMPLES = "samples"
_SHOWN = ("cat", "coffee", "motorcycle-left", "rocket")
_TRY_AGAIN = "samples_again"  # a click begins anew what failed; that others wait does not


@dataclass(frozen=True)
class _Chosen:
    """What is in use: a gallery, or why there is none yet."""

    gallery: Gallery | None = None
    problem: Text | None = None
    is_coming: bool = False


def show_bar() -> Gallery | None:
    """Draw which gallery is in use and how to change it, at the head of a page.

    Returns
    -------
    Gallery or None
        None while none is chosen: the ways to have one have been drawn instead.
    """
    gallery_intake.style()
    chosen = _chosen()
    if chosen.problem is not None:
        st.error(say(chosen.problem), icon=":material/cloud_off:")
    if chosen.gallery is not None:
        return _bar(chosen.gallery)
    if not chosen.is_coming:
        _show_choice()
    elif settings.get(SETTING) == SAMPLES:
        _wait_for_samples()
    else:
        gallery_intake.show_progress()
    return None


# ── Which one ──────────────────────────────────────────────────────────────────────


def _chosen() -> _Chosen:
    code = settings.get(SETTING)
    try:
        if code == SAMPLES:
            return _samples()
        if code is not None:
            return _Chosen(open_published(code))
        return _own()
    except ImgSimError as error:
        return _Chosen(problem=error.text)


def _samples() -> _Chosen:
    samples = tenancy.sample_gallery()
    tries_again = st.session_state.pop(_TRY_AGAIN, False)
    if samples.state == "failed" and not tries_again:
        settings.put(SETTING, None)
        return _Chosen(problem=samples.problem or SORRY)
    samples.start()
    gallery = samples.gallery()
    return _Chosen(gallery, is_coming=gallery is None)


def _own() -> _Chosen:
    tenant = tenancy.tenant()
    if tenant is None:
        return _Chosen()
    try:
        gallery = tenancy.visitors().open(tenant.name)
        if gallery.store.count(gallery.name) or not tenant.intake.running:
            return _Chosen(gallery)
    except UnknownGallery as error:
        if not (tenant.intake.running or tenant.intake.told_something):
            tenancy.move_out()
            return _Chosen(problem=error.text)
    return _Chosen(is_coming=True)


def _words(title: str) -> str:
    """Make a host's title harmless in markdown, without the look of code."""
    printable = "".join(letter for letter in title if letter.isprintable())
    return re.sub(r"([^\w\s])", r"\\\1", printable)


def _choose(code: str | None) -> None:
    settings.put(SETTING, code)
    st.session_state[_TRY_AGAIN] = code == SAMPLES


def _published() -> tuple[GalleryInfo, ...]:
    """List the host's galleries; where the store is gone, say so and go on."""
    try:
        return tuple(info for info in published() if info.name != SAMPLES)
    except ImgSimError as error:
        st.warning(say(error.text), icon=":material/cloud_off:")
        return ()


# ── The bar ────────────────────────────────────────────────────────────────────────


def _bar(gallery: Gallery) -> Gallery | None:
    is_own = settings.get(SETTING) is None
    try:
        count = gallery.store.count(gallery.name)
    except ImgSimError as error:
        st.error(say(error.text), icon=":material/cloud_off:")
        _show_choice()
        return None
    try:
        with st.container(border=True, key="gallery_bar", gap="small"):
            with st.container(
                horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
            ):
                with st.container(width="content", gap=None):
                    st.markdown(
                        f":material/photo_library: **{_title(gallery)}** · "
                        f"{t('{count} pictures', count=f'{count:,}')}",
                        width="content",
                    )
                    st.caption(_about(gallery, is_own), width="content")
                _change(gallery)
            _say_outdated(gallery, is_own)
            if is_own:
                gallery_intake.show_progress()
    except ImgSimError as error:
        st.error(say(error.text), icon=":material/cloud_off:")
        return None
    return gallery


def _title(gallery: Gallery) -> str:
    code = settings.get(SETTING)
    if code is None:
        return t("Your gallery")
    return t("Sample gallery") if code == SAMPLES else _words(gallery.title)


def _model_words(gallery: Gallery) -> str:
    try:
        label = say(model_by_id(gallery.info.model).label)
    except ModelError:
        label = code_span(gallery.info.model)
    return t("compared by {model}", model=label)


def _about(gallery: Gallery, is_own: bool) -> str:
    if is_own:
        return f"{_model_words(gallery)} · {gallery_intake.lifetime()}"
    if settings.get(SETTING) == SAMPLES:
        return f"{_model_words(gallery)} · {t('comes with the app')}"
    return f"{_model_words(gallery)} · {t('published by this server, to look at')}"


def _say_outdated(gallery: Gallery, is_own: bool) -> None:
    why = outdated(gallery)
    if why is not None:
        st.warning(say(why), icon=":material/history:")
    if is_own:
        gallery_intake.show_embedding_again(gallery, urgent=why is not None)
    elif why is not None:
        st.caption(
            t(
                "Whoever runs this server can make it anew with the command {command}.",
                command=code_span(f"python -m imgsim_core reembed {gallery.name}"),
            )
        )


def _change(gallery: Gallery) -> None:
    popover = st.popover(
        t("Change or add"), icon=":material/swap_horiz:", key="gallery_open", on_change="rerun"
    )
    if not popover.open:
        return
    with popover:
        code = settings.get(SETTING)
        st.markdown(f"**{t('Galleries')}**")
        if tenancy.tenant() is not None:
            _choice(t("Your gallery"), None, in_use=code is None)
        listed = _published()  # what it may have to say stands above all of them
        _choice(t("Sample gallery"), SAMPLES, in_use=code == SAMPLES)
        for info in listed:
            _choice(_words(info.title or info.name), info.name, in_use=code == info.name)
        st.markdown(f"**{t('Add your own pictures')}**")
        gallery_intake.show_ways_in(then=_use_own)
        if tenancy.tenant() is not None:
            st.button(
                t("Delete my gallery"),
                key="delete_gallery",
                icon=":material/delete:",
                on_click=_delete,
                width="stretch",
            )


def _choice(label: str, code: str | None, in_use: bool = False) -> None:
    st.button(
        label,
        key=f"gallery_{code or 'own'}",
        icon=":material/check:" if in_use else ":material/photo_library:",
        disabled=in_use,
        on_click=_choose,
        args=(code,),
        width="stretch",
    )


def _use_own() -> None:
    _choose(None)


def _delete() -> None:
    tenancy.move_out()
    st.toast(t("Your gallery and its pictures are deleted."), icon=":material/delete:")


# ── The choice, where there is no gallery yet ──────────────────────────────────────


def _show_choice() -> None:
    st.markdown(
        t(
            "A gallery is a set of pictures. **Search** finds in it what is like a picture, "
            "or fits your words; **Duplicates** finds what you have twice; **Map** shows all "
            "of it at a glance."
        )
    )
    listed = _published()
    if settings.get(SETTING) is not None and tenancy.tenant() is not None:
        _choice(t("Your gallery"), None)
    samples, own = st.columns(2, gap="small")
    with samples.container(border=True, key="thumb_samples", gap="small"):
        st.image(_strip(), width="stretch", alt=t("Some pictures of the sample gallery"))
        st.button(
            t("Try it with the sample gallery"),
            key="try_samples",
            type="primary",
            icon=":material/play_arrow:",
            on_click=_choose,
            args=(SAMPLES,),
            width="stretch",
        )
        st.caption(t("Photographs and edited copies of them, ready to be searched."))
    with own.container(border=True, key="own_pictures", gap="small"):
        st.markdown(f"**{t('Your own pictures')}**")
        gallery_intake.show_ways_in(then=_use_own)
    if listed:
        st.markdown(f"**{t('Galleries of this server')}**")
        shelf = st.grid("auto", min_column_width=220, gap="small")
        for info in listed:
            with shelf.cell():
                _choice(_words(info.title or info.name), info.name)


def _strip() -> bytes:
    """Some of the samples in one picture."""

    def make() -> bytes:
        pictures = [open_sample(code) for code in _SHOWN]
        return cached.jpeg(np.hstack([inputs.cover(picture, 220, 190) for picture in pictures]))

    return cached.memory().recall("strip of the sample gallery", make)


@st.fragment(run_every=0.5)
def _wait_for_samples() -> None:
    samples = tenancy.sample_gallery()
    if samples.state != "building":
        st.rerun()
    share = samples.done / max(1, samples.total)
    words = t(
        "Preparing the sample gallery: {done} of {total} pictures",
        done=samples.done,
        total=samples.total,
    )
    st.progress(min(1.0, share), text=words)
