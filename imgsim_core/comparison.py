"""Compare two pictures by many methods: describe each picture once, in parallel."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from imgsim_core import counting, lanes
from imgsim_core.errors import ImgSimError
from imgsim_core.method import Method, Scale
from imgsim_core.picture import Picture
from imgsim_core.registry import all_methods
from imgsim_core.text import Text

Describe = Callable[[Method, Any, Picture], Any]


@dataclass(frozen=True)
class Question:
    """A method and the options to ask it with."""

    method: Method
    options: Any


@dataclass(frozen=True)
class Score:
    """One method's answer for a pair.

    value : the method's own number, on `scale`; milliseconds : what it cost here,
    descriptions included if they had to be made; None if it ships with the project.
    """

    question: Question
    value: float
    milliseconds: float | None

    @property
    def scale(self) -> Scale:
        """Scale of `value`, by the options that were asked."""
        return self.question.method.scale_with(self.question.options)


@dataclass(frozen=True)
class Unavailable:
    """A method that could not answer for this pair, and why."""

    question: Question
    reason: Text


@dataclass(frozen=True)
class Comparison:
    """Two pictures and every answer, in the order of the questions."""

    a: Picture
    b: Picture
    answers: tuple[Score | Unavailable, ...]

    @property
    def scores(self) -> tuple[Score, ...]:
        """The answers that came."""
        return tuple(answer for answer in self.answers if isinstance(answer, Score))

    @property
    def unavailable(self) -> tuple[Unavailable, ...]:
        """The answers that did not come."""
        return tuple(answer for answer in self.answers if isinstance(answer, Unavailable))


class Sameness(Enum):
    """What can be told without measuring likeness at all."""

    SAME_FILE = Text("Exactly the same file, byte for byte.")
    SAME_PIXELS = Text("Different files, but every pixel is the same.")
    DIFFERENT = Text("Two different pictures.")


def sameness(a: Picture, b: Picture) -> Sameness:
    """Tell whether two pictures are one file, or one array of pixels."""
    if a.digest == b.digest:
        return Sameness.SAME_FILE
    if np.array_equal(a.rgb, b.rgb):
        return Sameness.SAME_PIXELS
    return Sameness.DIFFERENT


def describe_now(method: Method, options: Any, picture: Picture) -> Any:
    """Describe a picture without remembering anything."""
    return method.describe(picture, options)


def ask(
    question: Question, a: Picture, b: Picture, describe: Describe = describe_now
) -> Score | Unavailable:
    """Ask one method about one pair.

    Parameters
    ----------
    question : Question
    a, b : Picture
    describe : callable
        (method, options, picture) -> description; a caller with a cache passes its own.

    Returns
    -------
    Score or Unavailable
        Unavailable if the method lacks its model or cannot take these pictures.
    """
    method, options = question.method, question.options
    started = time.perf_counter()
    reason = method.availability()
    if reason is not None:
        return Unavailable(question, reason)
    try:
        with lanes.in_front():
            description_a = describe(method, options, a)
            description_b = describe(method, options, b)
            value = method.compare(description_a, description_b, options)
    except ImgSimError as error:
        return Unavailable(question, error.text)
    seconds = time.perf_counter() - started
    # What a visitor taught is a method of nobody else's
    known = any(method.id == each.id for each in all_methods())
    counting.comparisons.add(method.id if known else counting.OTHER, seconds)
    return Score(question, float(value), seconds * 1000)


def compare_pictures(
    a: Picture,
    b: Picture,
    questions: Sequence[Question],
    describe: Describe = describe_now,
    workers: int = 2,
) -> Comparison:
    """Ask many methods about one pair, several at a time.

    Parameters
    ----------
    a, b : Picture
    questions : sequence of Question
    describe : callable
        As in `ask`.
    workers : int
        Threads; the numeric libraries release the interpreter lock.

    Returns
    -------
    Comparison
    """
    with ThreadPoolExecutor(workers, initializer=lanes.joined()) as pool:
        answers = pool.map(lambda question: ask(question, a, b, describe), questions)
        return Comparison(a, b, tuple(answers))
