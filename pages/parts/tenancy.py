"""What the server holds for the galleries of all visitors, and each session's hold on its own."""

from __future__ import annotations

import time
import weakref

import streamlit as st

from imgsim_core.gallery.intake import Intake
from imgsim_core.gallery.life import Visitors
from imgsim_core.gallery.shared_samples import SampleGallery
from imgsim_core.models.catalogue import Model

_TENANT = "tenant"
_CLOSING_SECONDS = 3.0

_intakes: weakref.WeakSet[Intake] = weakref.WeakSet()


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
        self.intake = Intake(visitors(), self.name, model, title)
        _intakes.add(self.intake)
        # No part of this may hold the tenant itself, or it would never be let go of
        weakref.finalize(self, _leave, visitors(), self.intake, self.name)


def _leave(all_visitors: Visitors, intake: Intake, name: str) -> None:
    intake.stop()
    all_visitors.leave(name)


@st.cache_resource(show_spinner=False)
def visitors() -> Visitors:
    """Places of all visitors' galleries."""
    return Visitors()


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
    found.intake.join(10)
    visitors().drop(found.name)


def reap() -> None:
    """Delete what has expired or was left; the sample gallery is kept."""
    sample_gallery().keep()
    visitors().reap()


def close() -> None:
    """Delete what this server has made, at its end; what is being written is let finish."""
    sample_gallery().stop()
    at_work = list(_intakes)
    for intake in at_work:
        intake.stop()
    until = time.monotonic() + _CLOSING_SECONDS
    for intake in at_work:
        intake.join(max(0.0, until - time.monotonic()))
    visitors().close()
