"""The same pair asked again after every line was moved, as a page does: nothing is made anew."""

from __future__ import annotations

import statistics
import time

from bench.measure import Moment
from imgsim_core.calibration import Strictness, line
from imgsim_core.comparison import Question, Score
from imgsim_core.memory import Memory
from imgsim_core.registry import all_methods
from imgsim_core.samples import all_pairs, open_sample

PAIRS = all_pairs()[1:4]


def rows() -> list[Moment]:
    """Ask every method that is ready about a few pairs, and again by stricter lines."""
    ready = [method for method in all_methods() if method.availability() is None]
    questions = [Question(method, method.options()) for method in ready]
    first, again, made_anew = [], [], 0
    for pair in PAIRS:
        memory, a, b = Memory(2**29), open_sample(pair.a), open_sample(pair.b)
        values = []
        for strictness, seconds in ((Strictness.NORMAL, first), (Strictness.STRICT, again)):
            before, started = memory.described, time.perf_counter()
            answers = [memory.ask(question, a, b) for question in questions]
            scores = [answer for answer in answers if isinstance(answer, Score)]
            for score in scores:
                score.scale.is_alike(score.value, line(score.question, strictness))
            seconds.append(time.perf_counter() - started)
            values.append([score.value for score in scores])
        made_anew += memory.described - before
        if not values[0] or values[0] != values[1]:
            raise AssertionError("a moved line changes a score")
    note = (
        f"{len(values[0])} methods, {len(PAIRS)} pairs: first {statistics.median(first):.2f} s, "
        f"then {1000 * statistics.median(again):.1f} ms; the same scores"
    )
    return [Moment("a line is moved: descriptions made anew", made_anew, "", 0, note)]
