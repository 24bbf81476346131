"""Bringing pictures into a visitor's own gallery: uploads, progress, stop, resume."""

from __future__ import annotations

import json
from collections.abc import Callable

import streamlit as st

from imgsim_core.errors import ImgSimError
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.ingest import Progress
from imgsim_core.gallery.intake import Intake
from imgsim_core.models.catalogue import Model, all_models, model_by_id
from imgsim_core.models.weights import availability
from imgsim_core.text import Text
from pages.parts import inputs, receiving, tenancy
from pages.parts.language import plain, say, t

_MODEL = "gallery_model"
_PROBLEM = "gallery_problem"
_RUNNING = "intake_running"
_MOST_SHOWN = 50


def style() -> None:
    """Words of the uploaders, which Streamlit does not translate."""
    hint = Text("pictures or a zip · up to 20 MB each")
    words = {
        "bring_files": (Text("Choose files"), hint),
        "bring_folder": (Text("Choose a folder"), Text("with all pictures in it")),
    }
    rules = [
        f".st-key-{key}{{--sim-button:{_quoted(button)};--sim-hint:{_quoted(below)};}}"
        for key, (button, below) in words.items()
    ]
    st.html(f"<style>{''.join(rules)}</style>")


def _quoted(words: Text) -> str:
    return json.dumps(plain(words), ensure_ascii=False)


def lifetime() -> str:
    """Say how long a visitor's gallery lives, and who sees it."""
    hours = f"{tenancy.visitors().limits.hours:g}"
    return t("private · deleted {hours} h after you last used it", hours=hours)


# ── Ways in ────────────────────────────────────────────────────────────────────────


def show_ways_in(then: Callable[[], None]) -> None:
    """Draw the uploaders.

    Parameters
    ----------
    then : callable
        Called once files have come and the visitor has a gallery.
    """
    ways = {"files": t("Files or a zip"), "folder": t("A folder")}
    with st.container(key="ways_in", gap="small"):
        way = st.segmented_control(
            t("What to add"),
            list(ways),
            default="files",
            format_func=ways.__getitem__,
            required=True,
            key="way_in",
            label_visibility="collapsed",
        )
        name = f"gallery_{way}"
        with st.container(key=f"bring_{way}"):
            st.file_uploader(
                ways[way],
                type=inputs.TYPES if way == "folder" else [*inputs.TYPES, "zip"],
                accept_multiple_files="directory" if way == "folder" else True,
                key=receiving.key_of(name),
                label_visibility="collapsed",
                on_change=_receive,
                args=(name, then),
            )
        problem: Text | None = st.session_state.pop(_PROBLEM, None)
        if problem is not None:
            st.error(say(problem), icon=":material/error:")
        if tenancy.tenant() is None:
            _choose_model()
        _say_terms()


def _say_terms() -> None:
    try:
        limits = tenancy.visitors().limits
    except ImgSimError as error:
        st.error(say(error.text), icon=":material/error:")
        return
    st.caption(
        t(
            "Up to {pictures} pictures and {megabytes} MB. They are kept on this server for you "
            "alone, and deleted when you press the button, {hours} hours after you last used "
            "them, or soon after you close or reload this page.",
            pictures=f"{limits.pictures:,}",
            megabytes=f"{limits.megabytes:,.0f}",
            hours=f"{limits.hours:g}",
        )
    )


def _choose_model() -> None:
    """Let the visitor choose what compares the pictures, where there is a choice."""
    found = {model.id: availability(model) for model in all_models()}
    ready = [model for model in all_models() if found[model.id].state == "ready"]
    if len(ready) > 1:
        labels = {model.id: plain(model.label) for model in ready}
        st.selectbox(t("Compared by"), list(labels), format_func=labels.__getitem__, key=_MODEL)
    with st.expander(t("Other models"), icon=":material/neurology:"):
        if len(ready) == 1:
            st.markdown(t("Your pictures will be compared by {model}.", model=say(ready[0].label)))
        for available in found.values():
            if available.reason is not None:
                st.caption(say(available.reason))


def _model() -> Model | None:
    chosen = st.session_state.get(_MODEL)
    return model_by_id(chosen) if chosen else None


def _receive(name: str, then: Callable[[], None]) -> None:
    files = receiving.take(name)
    if not files:
        return
    try:
        tenant = tenancy.move_in(_model(), plain(Text("Your gallery")))
        tenancy.visitors().touch(tenant.name)
    except ImgSimError as error:
        tenancy.move_out()
        st.session_state[_PROBLEM] = error.text
        return
    tenant.intake.add((file.name, file.getvalue()) for file in files)
    then()


# ── Progress ───────────────────────────────────────────────────────────────────────


def show_progress() -> None:
    """Draw how far the visitor's files have come, as long as there is anything to say."""
    tenant = tenancy.tenant()
    if tenant is None or not tenant.intake.told_something:
        return
    running = tenant.intake.running
    st.session_state[_RUNNING] = running
    st.fragment(_show, run_every=0.7 if running else None, key="intake")(tenant.intake)


def _show(intake: Intake) -> None:
    if st.session_state.get(_RUNNING) != intake.running:
        st.rerun()  # the page itself: the gallery has changed
    if intake.running:
        _show_running(intake)
    elif intake.told_something:
        _show_end(intake)


def _show_running(intake: Intake) -> None:
    progress = intake.progress
    with st.container(horizontal=True, vertical_alignment="center", key="intake_running_row"):
        if intake.embedded is not None:
            done, total = intake.embedded
            words = t("Embedding again: {done} of {total} pictures", done=done, total=total)
            st.progress(done / max(1, total), text=words)
        elif intake.waits_for_others and not intake.stopping:
            st.progress(_share(progress), text=tenancy.waits_words())
        elif progress is None or progress.state != "running":
            st.progress(0.0, text=t("Beginning …"))
        else:
            st.progress(_share(progress), text=_so_far(progress))
        st.button(
            t("Stopping …") if intake.stopping else t("Stop"),
            key="stop_intake",
            icon=":material/stop_circle:",
            disabled=intake.stopping,
            on_click=intake.stop,
        )
    if progress is not None:
        _show_refused(progress)


def _share(progress: Progress | None) -> float:
    total = progress.total if progress is not None else None
    return min(1.0, progress.seen / total) if progress is not None and total else 0.0


def _so_far(progress: Progress) -> str:
    if progress.total is None:
        words = t("{done} files", done=progress.seen)
    else:
        words = t("{done} of {total} files", done=progress.seen, total=progress.total)
    if progress.seen:
        words += " · " + t("{rate} a second", rate=f"{progress.rate:.1f}")
        remaining = progress.remaining
        if remaining is not None:
            words += " · " + _time_left(remaining)
    return words


def _time_left(seconds: float) -> str:
    if seconds < 90:
        return t("about {count} s left", count=max(1, round(seconds)))
    return t("about {count} min left", count=round(seconds / 60))


def _show_end(intake: Intake) -> None:
    progress = intake.progress
    if intake.problem is not None:
        st.error(say(intake.problem), icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="center", key="intake_end_row"):
        if intake.waiting:
            st.markdown(t("Not all files are in. What is in stays in."), width="content")
            st.button(
                t("Resume"), key="resume_intake", icon=":material/resume:", on_click=intake.resume
            )
            st.button(t("Leave the rest out"), key="discard_intake", on_click=intake.discard)
        else:
            if progress is not None and intake.problem is None:
                st.markdown(f":material/check_circle: {_summary(progress)}", width="content")
            st.button(
                t("Fine"),
                key="end_intake",
                icon=":material/close:",
                type="tertiary",
                on_click=intake.forget_progress,
            )
    if progress is not None:
        _show_refused(progress)


def _summary(progress: Progress) -> str:
    parts = [t("{count} pictures added", count=progress.added)]
    if progress.known:
        parts.append(t("{count} in already", count=progress.known))
    if progress.same:
        parts.append(t("{count} only the same file under another name", count=progress.same))
    if progress.refused_count:
        parts.append(t("{count} refused", count=progress.refused_count))
    return " · ".join(parts)


def _show_refused(progress: Progress) -> None:
    if not progress.refused:
        return
    label = t("{count} refused: which, and why", count=progress.refused_count)
    with st.expander(label, icon=":material/image_not_supported:", key="intake_refused"):
        for reason in progress.refused[:_MOST_SHOWN]:
            st.markdown(f"- {say(reason)}")
        if progress.refused_count > _MOST_SHOWN:
            st.markdown(t("… and {count} more", count=progress.refused_count - _MOST_SHOWN))


# ── Embedding again ────────────────────────────────────────────────────────────────


def show_embedding_again(gallery: Gallery, urgent: bool) -> None:
    """Offer to embed the visitor's gallery by another model.

    Parameters
    ----------
    gallery : Gallery
    urgent : bool
        Whether the gallery cannot be compared with new pictures as it is.
    """
    tenant = tenancy.tenant()
    if tenant is None or tenant.intake.running:
        return
    ready = [model for model in all_models() if availability(model).state == "ready"]
    if not urgent:
        ready = [model for model in ready if model.id != gallery.info.model]
    if not ready:
        return
    place = st.container() if urgent else st.expander(t("Compare by another model"))
    with place:
        for model in ready:
            st.button(
                t("Embed again by {model}", model=say(model.label)),
                key=f"again_{model.id}",
                icon=":material/autorenew:",
                on_click=tenant.intake.embed_again,
                args=(model,),
            )
