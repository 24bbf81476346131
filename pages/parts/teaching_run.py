"""A lesson behind the page: pictures embedded, heads trained, in a thread that can be stopped."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from imgsim_core import lanes
from imgsim_core.background import StopSign, in_background, leaving
from imgsim_core.errors import ImgSimError
from imgsim_core.models.catalogue import Model, model_by_id
from imgsim_core.models.identity import encoder_key
from imgsim_core.models.weights import availability
from imgsim_core.teaching.groups import Groups, grouped
from imgsim_core.teaching.lesson import Lesson, lesson
from imgsim_core.teaching.sample_lessons import all_lessons, members_of
from imgsim_core.teaching.siamese import Loss, Moment, trained
from imgsim_core.teaching.views import embedded
from imgsim_core.text import Text
from imgsim_core.turns import Turns
from pages.parts import tenancy

Known = dict[tuple[str, int], NDArray[np.float32]]

SAMPLE_COPIES = 0
"""The sample lessons vary their pictures themselves; more copies would only take longer."""

USUAL_MODEL = "efficientnet-lite2"
_RUN, _VECTORS = "teaching_run", "teaching_vectors"
_MOST_BYTES = 64 * 2**20  # of vectors that a session keeps between lessons
_LOOK_AGAIN = 0.2
_AGAIN_SECONDS = 300  # from a failure until samples may be embedded ahead again


@dataclass(frozen=True, eq=False)
class Wish:
    """What is to be taught, on what and how; `version` of the desk tells whether it still fits.

    codes, titles : of each of the groups, in their order.
    """

    groups: Groups
    codes: tuple[str, ...]
    titles: tuple[Text | str, ...]
    name: str
    model: Model
    loss: Loss
    copies: int
    version: int
    sample: str | None = None


@dataclass(eq=False)
class Run:
    """One lesson under way, or over."""

    wish: Wish
    known: Known
    waiting: bool = True
    done: int = 0
    total: int = 0
    training: int = 0
    trainings: int = 0
    curves: dict[int, list[Moment]] = field(default_factory=dict)
    views: NDArray[np.float32] | None = None
    lesson: Lesson | None = None
    problem: Text | None = None
    drawn: dict[str, Any] = field(default_factory=dict)  # what the page worked out from it
    _over: threading.Event = field(default_factory=threading.Event)
    _stop: StopSign = field(default_factory=StopSign)

    def begin(self) -> None:
        """Start the thread, which waits for its turn."""
        turns = tenancy.turns()
        in_background(lambda: self._run(turns), "teaching", lanes.current().behind())

    def _run(self, turns: Turns) -> None:
        try:
            with turns.turn(self._stop.is_set) as turn:
                if turn is None:
                    return
                self.waiting = False
                with shared().in_front(), _ending_quietly():
                    self._teach()
        except ImgSimError as error:
            self.problem = error.text
        finally:
            self._over.set()

    def _teach(self) -> None:
        wish = self.wish
        base = encoder_key(wish.model)
        if wish.sample is not None and wish.model.id == USUAL_MODEL:
            self.known.update(shared().vectors(wish.sample, self._told, self._stop.is_set))
        self.views = embedded(
            wish.model,
            wish.groups.pictures,
            wish.copies,
            known=self.known,
            told=self._told,
            stop=self._stop.is_set,
        )
        if self.views is None:
            return
        with one_blas_thread():
            self.lesson = lesson(
                wish.groups,
                self.views,
                base,
                wish.name,
                loss=wish.loss,
                told=self._learned,
                stop=self._stop.is_set,
            )

    def _told(self, done: int, total: int) -> None:
        self.done, self.total = done, total

    def _learned(self, number: int, count: int, moment: Moment) -> None:
        lanes.give_way()
        self.training, self.trainings = number, count
        self.curves.setdefault(number, []).append(moment)

    def stop(self) -> None:
        """End it; nothing of it is kept."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stop.is_set()

    def wait(self, seconds: float) -> bool:
        """Tell whether it is over, waiting for it at most so long."""
        return self._over.wait(seconds)


@contextmanager
def _ending_quietly() -> Iterator[None]:
    """End work without a word where the program ends: pools notice it before `leaving` does."""
    try:
        yield
    except RuntimeError as error:
        if "interpreter shutdown" not in str(error):
            raise


class _Blas:
    """How many threads BLAS has when no lesson is on: a number of the process, not of a thread."""

    lock = threading.Lock()
    lessons = 0
    limits: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS use one thread until the last of the lessons that overlap is over.

    Small matrices: measured on two busy processors, a lesson takes twice as long without.
    """
    from threadpoolctl import threadpool_limits

    with _Blas.lock:
        if not _Blas.lessons:
            _Blas.limits = threadpool_limits(1, user_api="blas")
        _Blas.lessons += 1
    try:
        yield
    finally:
        with _Blas.lock:
            _Blas.lessons -= 1
            if not _Blas.lessons:
                _Blas.limits.restore_original_limits()


class _Held:
    """A session's hold on its lesson: let go of, it stops."""

    def __init__(self, run: Run) -> None:
        self.run = run
        weakref.finalize(self, run.stop)


def current() -> Run | None:
    """The lesson of this session, under way or over."""
    held: _Held | None = st.session_state.get(_RUN)
    return None if held is None else held.run


def begin(wish: Wish) -> Run:
    """Start a lesson; one that is under way ends."""
    forget()
    run = Run(wish, _vectors_of(wish))
    st.session_state[_RUN] = _Held(run)
    run.begin()
    return run


def forget() -> None:
    """Put the lesson away, and stop it if it is under way."""
    held: _Held | None = st.session_state.pop(_RUN, None)
    if held is not None:
        held.run.stop()


def _vectors_of(wish: Wish) -> Known:
    """Vectors known from lessons before; what is too much is forgotten, the others' first."""
    kept: dict[str, Known] = st.session_state.setdefault(_VECTORS, {})
    # A copy, for a lesson that was just stopped may still be writing into its own
    mine = dict(kept.pop(wish.model.id, {}))
    kept[wish.model.id] = mine  # the latest at the end
    while _bytes(kept) > _MOST_BYTES and len(kept) > 1:
        kept.pop(next(iter(kept)))
    if _bytes(kept) > _MOST_BYTES:
        needed = {picture.digest for picture in wish.groups.pictures}
        for key in [key for key in mine if key[0] not in needed]:
            del mine[key]
    return mine


def _bytes(kept: dict[str, Known]) -> int:
    # Lists, for a lesson that was just stopped may still be writing into its own
    return sum(vector.nbytes for known in list(kept.values()) for vector in list(known.values()))


# ── Vectors of the sample lessons, shared by all visitors ──────────────────────────


class Shared:
    """What the usual model sees in the sample lessons: embedded once, whoever asks first."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {one.id: {} for one in all_lessons()}
        self._turns = {one.id: threading.Lock() for one in all_lessons()}
        self._begun = threading.Lock()
        self._not_before = 0.0  # by `time.monotonic`
        self._in_front = 0  # lessons under way: what is only made ahead waits for them
        self._count = threading.Lock()

    @contextmanager
    def in_front(self) -> Iterator[None]:
        """Have the processors for a visitor who waits."""
        with self._count:
            self._in_front += 1
        try:
            yield
        finally:
            with self._count:
                self._in_front -= 1

    def vectors(
        self, lesson_id: str, told: Callable[[int, int], None] | None, stop: Callable[[], bool]
    ) -> Known:
        """Return a lesson's vectors, waiting for whoever is at them; not all if stopped."""
        turn, known = self._turns[lesson_id], self._known[lesson_id]
        groups = grouped([(picture, str(label)) for picture, label in members_of(lesson_id)])
        while not turn.acquire(timeout=_LOOK_AGAIN):
            if stop():
                return {}
            if told is not None:
                told(len(known), len(groups))
        try:
            model = model_by_id(USUAL_MODEL)
            embedded(model, groups.pictures, SAMPLE_COPIES, known=known, told=told, stop=stop)
            return dict(known)
        finally:
            turn.release()

    def warm(self) -> None:
        """Have all lessons embedded behind the page, once a process; after a failure later on."""
        if time.monotonic() < self._not_before:
            return
        if availability(model_by_id(USUAL_MODEL)).path is None:
            return  # whoever teaches is told; it may come yet
        if self._begun.acquire(blocking=False):
            in_background(self._embed_all, "teaching samples")

    def _embed_all(self) -> None:
        with _ending_quietly():
            self._embed_one_by_one()

    def _embed_one_by_one(self) -> None:
        try:
            # One step on anything, for the first training in a process loads its libraries
            few = np.eye(4, dtype=np.float32)[:, None]
            trained(few, np.array([0, 0, 1, 1], np.intp), "", steps=1)
            for one in all_lessons():
                count = len(members_of(one.id))
                while len(self.vectors(one.id, None, self._is_unwanted)) < count:
                    if leaving():
                        return
                    time.sleep(_LOOK_AGAIN)
        except ImgSimError:  # no use to be had of the model: whoever teaches is told
            self._not_before = time.monotonic() + _AGAIN_SECONDS
            self._begun.release()

    def _is_unwanted(self) -> bool:
        return leaving() or self._in_front > 0


@st.cache_resource(show_spinner=False)
def shared() -> Shared:
    """Vectors of the sample lessons, for all visitors."""
    return Shared()
