"""Teaching itself: what to call it, on which model, how; and how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from imgsim_core.errors import CannotTeach
from imgsim_core.models.catalogue import Model, all_models, model_by_id
from imgsim_core.models.weights import availability
from imgsim_core.teaching.sample_lessons import all_lessons
from imgsim_core.teaching.siamese import Loss
from imgsim_core.teaching.views import COPIES
from pages.parts import settings, teaching_charts, teaching_run, tenancy
from pages.parts.language import language, plain, say, t
from pages.parts.teaching_groups import SETTING, Desk, in_words, say_of
from pages.parts.teaching_run import Run, Wish

_MODEL, _LOSS, _COPIES = "teach.model", "teach.loss", "teach.copies"
USUAL_LOSS = Loss.CONTRASTIVE
_MOST_COPIES = 4
_AT_ONCE = 0.2  # seconds in which a result that is nearly there comes without a flicker
_LOOK_AGAIN = 0.4
LONGEST_NAME = 40  # letters of a notion's name
_MOST_NOTES = 6


def begin(desk: Desk) -> None:
    """Teach what lies on the desk; where that cannot be, the page says why."""
    try:
        groups = desk.groups()
    except CannotTeach:
        teaching_run.forget()
        return
    code_of = {str(desk.titles[code]): code for code in desk.codes()}
    codes = tuple(code_of[name] for name in groups.names)
    model, loss, copies = _asked(desk)
    teaching_run.begin(
        Wish(
            groups=groups,
            codes=codes,
            titles=tuple(desk.titles[code] for code in codes),
            name=in_words(desk.name),
            model=model,
            loss=loss,
            copies=copies,
            version=desk.version,
            sample=desk.sample,
        )
    )


def _asked(desk: Desk) -> tuple[Model, Loss, int]:
    """On what to teach, and how, as it is set now."""
    return (
        _model(),
        Loss(settings.get(_LOSS, USUAL_LOSS.value)),
        int(settings.get(_COPIES, _usual_copies(desk))),
    )


def _usual_copies(desk: Desk) -> int:
    return COPIES if desk.sample is None else teaching_run.SAMPLE_COPIES


def _usable() -> list[Model]:
    return [model for model in all_models() if availability(model).path is not None]


def _usual_model() -> Model:
    """The usual model; where it is not on this server, the first that is."""
    here = {model.id: model for model in _usable()}
    usual = model_by_id(teaching_run.USUAL_MODEL)
    return here.get(usual.id) or next(iter(here.values()), usual)


def _model() -> Model:
    here = {model.id: model for model in _usable()}
    return here.get(settings.get(_MODEL, ""), _usual_model())


# ── The form ───────────────────────────────────────────────────────────────────────


def is_busy() -> bool:
    """Tell whether a lesson is under way; asked once a drawing, for it may end meanwhile."""
    run = teaching_run.current()
    return run is not None and not run.wait(_AT_ONCE)


def show_form(desk: Desk, busy: bool) -> None:
    """Draw the name, the button, and what may be set; say what keeps it from being taught."""
    run = teaching_run.current()
    problem = None
    notes = list(desk.notes)
    try:
        notes += desk.groups().notes
    except CannotTeach as error:
        problem = error.text
    if notes:
        lines = [f"- {say_of(note, desk.titles.values())}" for note in notes[:_MOST_NOTES]]
        if len(notes) > _MOST_NOTES:
            lines.append("- " + t("… and {count} more.", count=len(notes) - _MOST_NOTES))
        st.warning("\n".join(lines), icon=":material/rule:")
    if problem is not None:
        st.error(say_of(problem, desk.titles.values()), icon=":material/block:")
    changed = run is not None and run.wish.version != desk.version
    if changed and not busy and problem is None:
        st.info(
            t("You changed the groups: what is shown below was taught before that."),
            icon=":material/history:",
        )
    elif run is not None and run.lesson is not None and not busy:
        changed = _show_otherwise(desk, run)
    with st.container(horizontal=True, vertical_alignment="bottom", key="teach_form"):
        name_key = f"teach_name_{id(desk)}_{language()}"  # its words may be the page's own
        st.text_input(
            t("Name of this notion of alike"),
            value=in_words(desk.name),
            key=name_key,
            max_chars=LONGEST_NAME,
            on_change=_call,
            args=(desk, name_key),
            width=320,
        )
        st.button(
            t("Teach") if run is None else t("Teach again"),
            key="teach_go",
            type="primary" if run is None or changed else "secondary",
            icon=":material/school:",
            disabled=busy or problem is not None,
            on_click=begin,
            args=(desk,),
        )
    _show_settings(desk)


def _show_otherwise(desk: Desk, run: Run) -> bool:
    """Say what the result on show was taught with, where something else is set now."""
    wish = run.wish
    if (wish.model, wish.loss, wish.copies) == _asked(desk):
        return False
    st.info(
        t(
            "What is shown below was taught otherwise than is set now: on {model}; {loss}; "
            "changed copies of each picture: {copies}.",
            model=wish.model.label,
            loss=wish.loss.label,
            copies=wish.copies,
        ),
        icon=":material/history:",
    )
    return True


def _call(desk: Desk, key: str) -> None:
    desk.name = " ".join(str(st.session_state[key]).split())[:LONGEST_NAME] or desk.name


def _show_settings(desk: Desk) -> None:
    with st.expander(t("How it is taught"), icon=":material/tune:"):
        st.markdown(
            t(
                "Every picture goes through the same model, which stays as it is. On top of it a "
                "small network learns to bring pictures of one group nearer and to push those of "
                "different groups apart: a *Siamese* network, for both pictures of a pair go "
                "through the very same weights."
            )
        )
        labels = {model.id: plain(model.label) for model in _usable()}
        if labels:
            settings.bound(
                st.selectbox,
                t("Model to build on"),
                list(labels),
                key=_MODEL,
                default=_usual_model().id,
                format_func=labels.__getitem__,
                help=t("Only models that are on this server; the others are on the page Status."),
            )
        losses = {loss.value: plain(loss.label) for loss in Loss}
        settings.bound(
            st.selectbox,
            t("What it pulls and pushes"),
            list(losses),
            key=_LOSS,
            default=USUAL_LOSS.value,
            format_func=losses.__getitem__,
            help=t(
                "Three well-known ways to learn from groups. They rarely differ by much; try "
                "another if the first shows nothing."
            ),
        )
        settings.bound(
            st.slider,
            t("Changed copies of each picture"),
            0,
            _MOST_COPIES,
            key=_COPIES,
            default=_usual_copies(desk),
            help=t(
                "Cut a little, mirrored, in other light: so it learns that these do not matter. "
                "Each copy takes as long as the picture itself. If light or sides do matter to "
                "you, choose 0."
            ),
        )


def link_settings() -> dict[str, Callable[[str], Any]]:
    """Settings of this page that stand in links, and how a link's text becomes their value."""
    models = {model.id for model in all_models()}
    losses = {loss.value for loss in Loss}
    lessons = {one.id for one in all_lessons()}
    copies = {str(number): number for number in range(_MOST_COPIES + 1)}
    return {
        SETTING: lambda text: text if text in lessons else None,
        _MODEL: lambda text: text if text in models else None,
        _LOSS: lambda text: text if text in losses else None,
        _COPIES: copies.get,
    }


# ── While it runs ──────────────────────────────────────────────────────────────────


def finished(busy: bool) -> Run | None:
    """Return the lesson once it is over and came to something; until then show how far it is."""
    run = teaching_run.current()
    if run is None:
        return None
    if busy:
        _show_progress(run)
        return None
    if run.problem is not None:
        st.error(say(run.problem), icon=":material/error:")
        return None
    if run.lesson is None:
        if not run.stopping:
            teaching_run.forget()  # said once, and what else is on the page stays within reach
            raise RuntimeError("a lesson ended without a result")
        st.info(
            t("Stopped: nothing was learned. What the model saw is kept, so it is quicker again."),
            icon=":material/stop_circle:",
        )
        return None
    return run


@st.fragment(run_every=_LOOK_AGAIN)
def _show_progress(run: Run) -> None:
    """Draw how far a lesson is, and the page anew once it is over."""
    if run.wait(0):
        st.rerun()
    share, words = _stage(run)
    with st.container(border=True, key="teach_progress"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(share, text=words)
            st.button(
                t("Stop"),
                key="teach_stop",
                icon=":material/stop_circle:",
                on_click=run.stop,
                disabled=run.stopping,
            )
        teaching_charts.show_live(run)


def _stage(run: Run) -> tuple[float, str]:
    """How far it is, 0 to 1, and what it is at."""
    if run.stopping:
        return 0.0, t("Stopping …")
    if run.waiting:
        return 0.0, tenancy.waits_words()
    if run.trainings:
        share = 0.5 + 0.5 * run.training / run.trainings
        if run.training + 1 == run.trainings:
            return share, t("Teaching with all groups …")
        words = t(
            "Training {number} of {count}: some groups are kept out to judge by …",
            number=run.training + 1,
            count=run.trainings - 1,
        )
        return share, words
    if run.total:
        words = t("Looking at the pictures: {done} of {total}", done=run.done, total=run.total)
        return 0.5 * min(1.0, run.done / run.total), words
    return 0.0, t("Looking at the pictures …")
