"""What the server holds for all visitors, and what each session has of it.

A session has a lane, in which its work is done in turn with others'; an allowance, which its
pictures take up on whatever page they lie; and, once it brings one, a gallery. All end with
the session: nothing else may hold them.
"""

from __future__ import annotations

import weakref

import streamlit as st
from streamlit.runtime.scriptrunner_utils.script_run_context import (
    RunLocation,
    ThreadState,
    get_run_yield_check,
    get_script_run_ctx,
)

from imgsim_core import cutout, lanes
from imgsim_core.allowance import Allowance, Allowances
from imgsim_core.gallery import atlas, words
from imgsim_core.gallery.intake import Intake
from imgsim_core.gallery.life import Visitors
from imgsim_core.gallery.limits import limits_of_host
from imgsim_core.gallery.shared_samples import SampleGallery
from imgsim_core.lanes import Lane
from imgsim_core.models.catalogue import Model
from imgsim_core.picture import Picture
from imgsim_core.turns import Turns
from pages.parts import cached
from pages.parts.language import t

_TENANT, _PRESENCE = "tenant", "presence"
_LEAVING_SECONDS = 10  # for the batch that a gallery is at when its visitor deletes it

_intakes: weakref.WeakSet[Intake] = weakref.WeakSet()


# ── Who asks ───────────────────────────────────────────────────────────────────────


class _Presence:
    """A session's hold on its lane and its allowance: let go of, what is asked for is dropped."""

    def __init__(self) -> None:
        self.lane = Lane("visitor", interrupted=_leave_off)
        self.allowance: Allowance | None = None
        weakref.finalize(self, self.lane.leave)


def _leave_off() -> None:
    """End this run of the script here if its visitor has left, or has clicked elsewhere.

    As every command of Streamlit does; but one that waits for a model gives none. A callback
    is not broken off: it may have done half of what belongs together.
    """
    check = get_run_yield_check()
    if check is not None and ThreadState.get().run_location is not RunLocation.CALLBACK:
        check()


def _presence() -> _Presence | None:
    if get_script_run_ctx(suppress_warning=True) is None:
        return None
    if _PRESENCE not in st.session_state:
        st.session_state[_PRESENCE] = _Presence()
    found: _Presence = st.session_state[_PRESENCE]
    return found


def _lane() -> Lane | None:
    found = _presence()
    return None if found is None else found.lane


lanes.find_by(_lane)


# ── What a session may have ────────────────────────────────────────────────────────


@st.cache_resource(show_spinner=False)
def allowances() -> Allowances:
    """The memory that all visitors' pictures may take up."""
    limits = limits_of_host()
    return Allowances(
        round(limits.memory_megabytes * 2**20), round(limits.all_memory_megabytes * 2**20)
    )


def allowance() -> Allowance:
    """What this visitor may have in memory.

    Raises
    ------
    BadSetting
        If the host's settings cannot be used.
    """
    found = _presence()
    if found is None:
        return allowances().new()
    if found.allowance is None:
        found.allowance = allowances().new()
    return found.allowance


def hold(picture: Picture) -> Picture:
    """Count a picture that this visitor brings, for as long as anything holds it.

    Returns
    -------
    Picture
        The same.

    Raises
    ------
    NoRoom
        If there is no room for it; the sentence says what to do.
    BadSetting
    """
    return allowance().hold(picture)


@st.cache_resource(show_spinner=False)
def turns() -> Turns:
    """The order in which heavy work behind the pages is done, of all visitors."""
    return Turns(each=limits_of_host().jobs)


def waits_words() -> str:
    """Say that others' work comes first."""
    return t("Others are using this server too: it goes on in a moment …")


# ── Galleries ──────────────────────────────────────────────────────────────────────


class Tenant:
    """A session's hold on its gallery: when the session is let go of, so is the gallery.

    Parameters
    ----------
    model : Model or None
        To make the gallery with; None takes the default.
    title : str
        What its visitor calls it.
    """

    def __init__(self, model: Model | None, title: str) -> None:
        self.name = visitors().make()
        self.intake = Intake(visitors(), self.name, model, title, turns())
        _intakes.add(self.intake)
        # No part of this may hold the tenant itself, or it would never be let go of
        weakref.finalize(self, _leave, visitors(), self.intake, self.name)


def _leave(all_visitors: Visitors, intake: Intake, name: str) -> None:
    intake.stop()
    all_visitors.leave(name)


@st.cache_resource(show_spinner=False)
def visitors() -> Visitors:
    """Places of all visitors' galleries; what is remembered of them goes with them."""
    found = Visitors()
    found.when_dropped(atlas.forget_drawings)
    found.when_dropped(words.forget_concepts)
    return found


@st.cache_resource(show_spinner=False)
def sample_gallery() -> SampleGallery:
    """The built-in pictures, shared by all."""
    return SampleGallery(visitors())


def tenant() -> Tenant | None:
    """This visitor's gallery, if they have made one."""
    found: Tenant | None = st.session_state.get(_TENANT)
    return found


def move_in(model: Model | None, title: str) -> Tenant:
    """Make a gallery for this visitor, unless there is one.

    Raises
    ------
    GalleryFull, StoreGone, BadSetting
    """
    found = tenant()
    if found is None:
        found = st.session_state[_TENANT] = Tenant(model, title)
    return found


def move_out() -> None:
    """Delete this visitor's gallery at once."""
    found: Tenant | None = st.session_state.pop(_TENANT, None)
    if found is None:
        return
    found.intake.stop()
    found.intake.discard()
    found.intake.join(_LEAVING_SECONDS)
    visitors().drop(found.name)


def reap() -> None:
    """Delete what has expired or was left; the sample gallery is kept.

    What was worked out of visitors' pictures goes with them, when nobody has used it for as
    long as a gallery lives.
    """
    cached.memory().forget_unused(visitors().limits.seconds)
    cutout.forget_old()
    sample_gallery().keep()
    visitors().reap()


def stop() -> None:
    """Tell all that fills galleries to stop after the batch it is at."""
    sample_gallery().stop()
    for intake in list(_intakes):
        intake.stop()


def close() -> None:
    """Delete what this server has made, at its end; to be called when nothing is written."""
    visitors().close()
