"""The search for duplicates behind the page: begun once for all who ask the same, never twice."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass
from typing import Any

import streamlit as st

from imgsim_core.background import StopSign, in_background
from imgsim_core.comparison import Question
from imgsim_core.errors import ImgSimError
from imgsim_core.gallery.belonging import Belonging, find_belonging
from imgsim_core.gallery.copies import Level
from imgsim_core.gallery.duplicates import STAGES, Report, find_duplicates
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.memory import Memory
from imgsim_core.method import Method
from imgsim_core.sizes import drop_oldest
from imgsim_core.text import Text
from pages.parts import tenancy
from pages.parts.language import plain, say, t
from pages.parts.oops import SORRY

_ANSWERS_BYTES = 60 * 2**20
_MOST_RUNS = 50  # of all visitors, with their results
_REPORTS_BYTES = 128 * 2**20
_ENTRY_BYTES, _LINK_BYTES = 1_000, 1_000
_MOST_OWN_RUNS = 2  # a line that is moved makes a new one each time
_OWN = "own_groupings"
_AT_ONCE = 0.3  # seconds in which a result that is nearly there comes without a flicker
_LOOK_AGAIN = 0.5


@dataclass(frozen=True, eq=False)
class ByNotion:
    """What is asked for where a notion of the visitor's counts: the notion and its line."""

    method: Method
    line: float


Asked = Level | ByNotion


class Run:
    """One search, in a thread of its own."""

    def __init__(self, gallery: Gallery, asked: Asked, answers: Memory) -> None:
        self.stage, self.share = "compare", 0.0
        self.report: Report | Belonging | None = None
        self.problem: Text | None = None
        self._over = threading.Event()
        self._stop = StopSign()
        self._work = gallery, asked, answers
        in_background(self._run, "duplicates")

    def _run(self) -> None:
        gallery, asked, answers = self._work
        told, stop = self._told, self._stop.is_set
        try:
            if isinstance(asked, ByNotion):
                question = Question(asked.method, asked.method.options())
                self.report = find_belonging(gallery, question, asked.line, told, stop)
            else:
                self.report = find_duplicates(gallery, asked, answers, told, stop)
        except ImgSimError as error:
            self.problem = error.text
        finally:
            self._over.set()

    def _told(self, stage: str, share: float) -> None:
        self.stage, self.share = stage, share

    def stop(self) -> None:
        """Let it end with what was found by now."""
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Tell whether it is over, waiting for it at most so long."""
        return self._over.wait(seconds)


class Runs:
    """Searches, the latest ones kept with their results: of all visitors, or of one's own.

    Parameters
    ----------
    most : int
        Kept at a time. Of all visitors, those that are at work come on top: whoever waits for
        one would only begin it anew, and so stop another.
    of_one : bool
        Whether all are one visitor's: then a newer one may stop one that is at work.
    """

    def __init__(self, most: int = _MOST_RUNS, of_one: bool = False) -> None:
        self._most, self._of_one = most, of_one
        self._answers = Memory(_ANSWERS_BYTES)
        self._runs: dict[tuple[Any, ...], Run] = {}
        self._lock = threading.Lock()

    def of(self, gallery: Gallery, asked: Asked, version: str) -> Run:
        """Return the search of a gallery's state, begun if it is new.

        One that failed, or was stopped, is begun anew when it is forgotten.
        """
        key = self._key(gallery, asked, version)
        with self._lock:
            run = self._runs.pop(key, None) or Run(gallery, asked, self._answers)
            self._runs[key] = run  # the latest at the end
            for old in self._unwanted(key):
                self._runs.pop(old).stop()
        return run

    def _unwanted(self, latest: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """List what to drop: searches of a gallery's former states, and the oldest results."""
        *gallery, version, _ = latest
        former = [key for key in self._runs if [*key[:-2]] == gallery and key[-2] != version]
        others = {
            key: run
            for key, run in self._runs.items()
            if key not in former and (self._of_one or run.wait(0))
        }
        kept = dict(list(others.items())[-self._most :])
        drop_oldest(kept, _REPORTS_BYTES, _size)
        return [*former, *(key for key in others if key not in kept)]

    def forget_gallery(self, address: str) -> None:
        """Stop and forget what is searched below an address, such as that of a visitor who left."""
        with self._lock:
            for key in [key for key in self._runs if str(key[0]).startswith(address)]:
                self._runs.pop(key).stop()

    def stop_all(self) -> None:
        """Let every search end."""
        with self._lock:
            for run in self._runs.values():
                run.stop()

    def known(self, gallery: Gallery, asked: Asked, version: str) -> bool:
        """Tell whether a search was begun."""
        return self._key(gallery, asked, version) in self._runs

    def forget(self, gallery: Gallery, asked: Asked, version: str) -> None:
        """Have the next visitor's question begin anew."""
        with self._lock:
            self._runs.pop(self._key(gallery, asked, version), None)

    def _key(self, gallery: Gallery, asked: Asked, version: str) -> tuple[Any, ...]:
        what = (asked.method.id, asked.line) if isinstance(asked, ByNotion) else asked
        return gallery.store.address, gallery.name, gallery.info.created, version, what


def _size(run: Run) -> int:
    """Bytes of what was found, by estimate."""
    report = run.report
    if report is None:
        return 0
    links = getattr(report, "links", ())
    return _ENTRY_BYTES * len(report.entries) + _LINK_BYTES * len(links)


@st.cache_resource(show_spinner=False)
def runs() -> Runs:
    """What was searched and what is being searched, for all visitors."""
    found = Runs()
    tenancy.visitors().when_dropped(found.forget_gallery)
    return found


class _Own:
    """A session's hold on its searches by notions: let go of, they stop."""

    def __init__(self) -> None:
        self.runs = Runs(_MOST_OWN_RUNS, of_one=True)
        weakref.finalize(self, self.runs.stop_all)


def runs_of(asked: Asked) -> Runs:
    """Searches among which this one belongs: a notion is one visitor's, all else is shared."""
    if not isinstance(asked, ByNotion):
        return runs()
    own: _Own = st.session_state.setdefault(_OWN, _Own())
    return own.runs


def report_of(gallery: Gallery, asked: Asked, version: str) -> Report | Belonging | None:
    """Return what was found; while the search runs, show how far it is.

    Parameters
    ----------
    gallery : Gallery
    asked : Level or ByNotion
    version : str
        State of the gallery.

    Returns
    -------
    Report or Belonging or None
        None while it runs: the page is drawn anew when it is over. None, too, if it failed:
        it has been said why, with a button to try again.
    """
    run = runs_of(asked).of(gallery, asked, version)
    if not run.wait(_AT_ONCE):
        _show_progress(run)
        return None
    if run.report is None:
        st.error(say(run.problem or SORRY), icon=":material/cloud_off:")
        _again(gallery, asked, version)
        return None
    if run.report.stopped:
        _again(gallery, asked, version)
    return run.report


def _again(gallery: Gallery, asked: Asked, version: str) -> None:
    st.button(
        t("Search again"),
        key="duplicates_again",
        icon=":material/refresh:",
        on_click=runs_of(asked).forget,
        args=(gallery, asked, version),
    )


@st.fragment(run_every=_LOOK_AGAIN)
def _show_progress(run: Run) -> None:
    """Draw how far a search is, and the page anew once it is over."""
    if run.wait(0):
        st.rerun()
    percent = f"{100 * run.share:.0f}"
    words = t("{stage}: {percent} %", stage=plain(STAGES[run.stage]), percent=percent)
    st.progress(min(1.0, run.share), text=words)
    st.button(
        t("Stop and show what was found"),
        key="duplicates_stop",
        icon=":material/stop_circle:",
        on_click=run.stop,
    )
