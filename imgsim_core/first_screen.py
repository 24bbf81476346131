"""Scores of the guided pairs that ship with the project, so a first click waits for nothing.

`python -m bench.first_screen` measures them anew. A score belongs to two digests: when a
built-in picture changes, its old scores are simply never found.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources

from imgsim_core.comparison import Question, Score
from imgsim_core.errors import UnknownMethod
from imgsim_core.memory import Memory, score_key
from imgsim_core.registry import method_by_id


def shipped_scores() -> Iterator[tuple[Score, str, str]]:
    """Yield each shipped score with the digests of its pictures A and B."""
    text = resources.files("imgsim_core").joinpath("first_screen.json").read_text("utf-8")
    for entry in json.loads(text)["scores"]:
        try:
            method = method_by_id(entry["method"])
        except UnknownMethod:  # the method has gone since it was measured
            continue
        question = Question(method, method.options())
        score = Score(question, float(entry["value"]), milliseconds=None)
        yield score, entry["a"], entry["b"]


def fill(memory: Memory) -> None:
    """Put the shipped scores into a memory, as if they had been asked for."""
    for score, a, b in shipped_scores():
        memory.recall(score_key(score.question, a, b), lambda score=score: score)  # type: ignore[misc]
