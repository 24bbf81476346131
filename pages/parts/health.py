"""How this server is: versions, models, memory, and whether the methods answer rightly."""

from __future__ import annotations

import os
import platform
from importlib import metadata

import streamlit as st

from imgsim_core.comparison import Question, Score, ask
from imgsim_core.errors import ImgSimError
from imgsim_core.gallery.published import published
from imgsim_core.gallery.store import STORE_ADDRESS, USUAL_ADDRESS
from imgsim_core.models import catalogue, download, weights
from imgsim_core.registry import all_methods
from imgsim_core.samples import all_pairs, open_sample
from pages.parts import cached, tenancy
from pages.parts.language import say, t

_LIBRARIES = (
    "streamlit",
    "numpy",
    "opencv-python",
    "scikit-image",
    "pillow",
    "mahotas",
    "torch",
    "timm",
    "open_clip_torch",
    "plotly",
    "lancedb",
)
_STATES = {
    "ready": (":material/check_circle:", "green"),
    "downloadable": (":material/download:", "blue"),
    "downloading": (":material/downloading:", "blue"),
    "offline": (":material/cloud_off:", "orange"),
}


def show_self_check() -> None:
    """Let the visitor see that every method finds a picture identical to itself."""
    if not st.button(t("Check every method now"), icon=":material/fact_check:", key="check"):
        st.caption(t("Asks each method whether a sample is identical to itself. Takes seconds."))
        return
    picture = open_sample(all_pairs()[0].a)
    rows = []
    for method in all_methods():
        # Nothing remembered: an answer of yesterday would not tell how the server is now
        answer = ask(Question(method, method.options()), picture, picture)
        if not isinstance(answer, Score):
            verdict = f":material/cloud_off: {say(answer.reason)}"
        elif answer.value == answer.scale.identical:
            verdict = f":material/check: {t('right')}"
        else:
            verdict = f":material/error: {t('wrong: {value}', value=answer.value)}"
        rows.append(f"| {say(method.label)} | {verdict} |")
    st.markdown("\n".join([f"| {t('Method')} | {t('Result')} |", "|---|---|", *rows]))


def refresh_seconds() -> float | None:
    """How often the list of models is drawn again: only while something is downloaded."""
    states = (download.progress(model).state for model in catalogue.all_models())
    return 1.0 if "running" in states else None


def show_models() -> None:
    """Draw every learned model: here or not, licence, size, and a download where possible."""
    labels = {
        "ready": t("Ready"),
        "downloadable": t("Can be downloaded"),
        "downloading": t("Downloading"),
        "offline": t("Not on this server"),
    }
    for model in catalogue.all_models():
        available = weights.availability(model)
        icon, colour = _STATES[available.state]
        with st.container(border=True, key=f"model_{model.id}"):
            with st.container(horizontal=True, horizontal_alignment="distribute"):
                st.markdown(f"**{say(model.label)}** `{model.id}`")
                st.badge(labels[available.state], icon=icon, color=colour)
            st.markdown(say(model.about))
            size = t("{size} MB", size=model.megabytes)
            st.caption(f"{size} · {model.licence} · [{t('Source')}]({model.source})")
            if available.reason:
                st.caption(say(available.reason))
            _download(model, available)


def _download(model: catalogue.Model, available: weights.Availability) -> None:
    progress = download.progress(model)
    if progress.state == "running":
        share = progress.done / progress.total if progress.total else 0.0
        done, total = progress.done / 1e6, progress.total / 1e6
        words = t("{done} of {total} MB", done=f"{done:.0f}", total=f"{total:.0f}")
        st.progress(min(1.0, share), text=words)
        st.button(
            t("Stop"),
            key=f"stop_{model.id}",
            on_click=download.cancel,
            args=(model,),
            type="tertiary",
        )
    elif available.state == "downloadable":
        st.button(
            t("Download once for everybody"),
            key=f"fetch_{model.id}",
            icon=":material/download:",
            on_click=_start,
            args=(model,),
        )
    if progress.error:
        st.error(say(progress.error))


def _start(model: catalogue.Model) -> None:
    download.start(model)
    st.rerun()  # the whole page, so that the list begins to refresh


def show_memory() -> None:
    """Show what is held for all visitors; pictures that people brought are not in it."""
    memory = cached.memory()
    held, made = st.columns(2)
    held.metric(
        t("Results remembered"),
        t("{size} MB", size=f"{memory.held_bytes / 2**20:.0f}"),
        border=True,
    )
    made.metric(t("Descriptions made"), memory.described, border=True)


def show_galleries() -> None:
    """Tell where galleries lie and how much is there; nothing says whose."""
    try:
        count = len(published())
        places = [t("The host's galleries: {count}, in {kind}.", count=count, kind=_kind())]
    except ImgSimError as error:
        st.warning(say(error.text), icon=":material/cloud_off:")
        places = []
    try:
        visitors = tenancy.visitors()
        held, limits = visitors.held(), visitors.limits
        free = visitors.disk_left()
    except ImgSimError as error:
        st.warning(say(error.text), icon=":material/cloud_off:")
        return
    mine, size, disk = st.columns(3)
    mine.metric(t("Temporary galleries"), held.galleries, border=True)
    size.metric(
        t("Their size"),
        t(
            "{size} of {most} MB",
            size=f"{held.bytes / 2**20:,.0f}",
            most=f"{limits.all_megabytes:,.0f}",
        ),
        border=True,
    )
    disk.metric(t("Disk space left"), t("{size} GB", size=f"{free / 1e9:,.1f}"), border=True)
    places.append(
        t(
            "Temporary galleries are visitors' own and the sample gallery; each is deleted "
            "{hours} h after its last use.",
            hours=f"{limits.hours:g}",
        )
    )
    st.caption(" ".join(places))


def _kind() -> str:
    scheme, separator, _ = (os.environ.get(STORE_ADDRESS) or USUAL_ADDRESS).partition("://")
    return t("object storage") if separator and scheme != "file" else t("a folder of this server")


def show_versions() -> None:
    """List the libraries that the numbers come from."""
    rows = [f"| Python | {platform.python_version()} |"]
    rows += [f"| {name} | {_version(name)} |" for name in _LIBRARIES]
    st.markdown("\n".join([f"| {t('Library')} | {t('Version')} |", "|---|---|", *rows]))


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "–"  # one family cannot answer without it; the others can
