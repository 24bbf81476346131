"""The pairs a visitor is marking: kept for the session, apart from the widgets that show them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from imgsim_core import labelled, lanes, standing
from imgsim_core.comparison import Question
from imgsim_core.disagreement import Disagreement, family_questions
from imgsim_core.labelled import EXAMPLES, Pair, Scoring
from imgsim_core.method import Method
from imgsim_core.picture import Picture
from imgsim_core.picture_set import PictureSet
from imgsim_core.standing import Standings
from imgsim_core.text import Text
from pages.parts import cached, own_methods, result, settings

SETTING = "labelled"  # holds the example on show, so that a link restores it
_STORE = "workbench"


@dataclass(eq=False)
class Workbench:
    """Pictures, what was said about their pairs, and what is worked out behind the page.

    answered : marked pairs, and skipped ones (marked None), in the order they came.
    files_of_marks : kept, since pictures that come later may fit them.
    """

    pictures: PictureSet
    answered: list[Pair]
    scoring: Scoring
    example: str | None = None
    came_marked: bool = False
    files_of_marks: list[bytes] = field(default_factory=list)
    problems: tuple[Text, ...] = ()
    disagreements: tuple[Disagreement, ...] | None = None
    kept: dict[Any, Any] = field(default_factory=dict)
    _glance: Standings | None = None
    _standings: Future[Standings] | None = None

    @property
    def marked(self) -> list[Pair]:
        """The pairs marked same or different."""
        return [pair for pair in self.answered if pair.same is not None]

    def standings(self) -> Standings:
        """Likeness of all pairs: by quick methods once they are through, else at a glance."""
        if self._standings is None:
            self._glance = standing.glance(self.pictures.pictures)
            self._standings = _in_background(self.pictures)
        if self._standings.done():
            return self._standings.result()
        return self._glance or standing.glance(self.pictures.pictures)

    def proposal(self) -> Pair | None:
        """Propose the next pair; its scores are worked out while the visitor looks at it."""
        pictures = self.pictures.pictures
        if len(pictures) < 2:
            return None
        found = labelled.proposed(pictures, self.standings(), self.answered)
        if found is not None:
            self.want([found])
        return found

    def want(self, pairs: Sequence[Pair]) -> None:
        """Have pairs scored."""
        self.scoring.want([(self.pictures[pair.a], self.pictures[pair.b]) for pair in pairs])


def _in_background(pictures: PictureSet) -> Future[Standings]:
    memory, lane = cached.memory(), lanes.current().behind()

    def describe(method: Method, options: Any, picture: Picture) -> Any:
        lane.check()
        return memory.describe(method, options, picture)

    def work() -> Standings:
        sample = (pictures.pictures[0], pictures.pictures[1])
        quick = standing.quick_questions(family_questions(), sample, describe)
        return standing.standings(pictures.pictures, quick, describe)

    pool = ThreadPoolExecutor(1, initializer=lanes.enter, initargs=(lane,))
    future = pool.submit(work)
    pool.shutdown(wait=False)  # the thread ends with its work
    return future


def current() -> Workbench | None:
    """The workbench of this session; an example that the link names is laid out at once."""
    bench: Workbench | None = st.session_state.get(_STORE)
    code = settings.get(SETTING)
    if code in EXAMPLES and (bench is None or bench.example != code):
        pictures, pairs = labelled.example(code)
        return lay_out(pictures, pairs, example=code)
    if bench is not None:
        _ask_what_was_taught(bench)
    return bench


def _questions() -> list[Question]:
    usable = (one for one in own_methods.all_methods() if one.availability() is None)
    return [result.question(method) for method in usable]


def _ask_what_was_taught(bench: Workbench) -> None:
    """Ask what the visitor taught since the pictures were laid out, and no more what is gone."""
    asked = {one.method.id for one in bench.scoring.questions if one.method.on_vectors is not None}
    if asked == {one.id for one in own_methods.taught() if one.availability() is None}:
        return
    bench.scoring.stop()
    # What the other methods said is remembered
    bench.scoring = Scoring(_questions(), cached.memory().ask)
    bench.kept.clear()
    bench.want(bench.marked)


def lay_out(
    pictures: PictureSet, pairs: Sequence[Pair] = (), example: str | None = None
) -> Workbench:
    """Begin with pictures and what is known of them; what lay there before is put away."""
    clear()
    bench = Workbench(
        pictures=pictures,
        answered=list(pairs),
        scoring=Scoring(_questions(), cached.memory().ask),
        example=example,
        came_marked=labelled.shortage(pairs) is None,
    )
    bench.want(bench.marked)
    st.session_state[_STORE] = bench
    settings.put(SETTING, example)
    return bench


def clear() -> None:
    """Put everything away."""
    bench: Workbench | None = st.session_state.pop(_STORE, None)
    if bench is not None:
        bench.scoring.stop()
    settings.put(SETTING, None)
