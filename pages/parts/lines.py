"""Where the visitor draws the line between alike and not alike, method by method."""

from __future__ import annotations

from typing import Any

from imgsim_core.calibration import Strictness
from imgsim_core.calibration import line as calibrated_line
from imgsim_core.comparison import Question, Score
from imgsim_core.method import Method
from pages.parts import own_methods, settings

STRICTNESSES = {one.name.lower(): one for one in Strictness}
USUAL = "normal"

WANTED = "wanted"
"""Setting: the share of false alarms for which lines are found from marked pairs."""

WANTED_SHARES: dict[str, float | None] = {"equal": None, "10": 0.10, "5": 0.05, "1": 0.01}
USUAL_WANTED = "5"


def key(method: Method, options: Any) -> str:
    """Setting that holds the line of a method; each measure, and each axis, has its own.

    A line among 256 bits means nothing among 64, and need not lie on that axis.
    """
    measure = getattr(options, "measure", None)
    if measure is not None:
        return f"{method.id}.line.{measure}"
    axis = method.scale_with(options).axis
    own = "" if axis == method.scale.axis else f".{max(axis):g}"
    return f"{method.id}.line{own}"


def strictness() -> Strictness:
    """How strict the visitor wants all lines to be."""
    return STRICTNESSES[settings.get("strict", USUAL)]


def usual(asked: Question) -> float:
    """Line of a method before the visitor moves it, by the strictness chosen.

    Rounded to what the slider can show, and kept on its axis.
    """
    scale = asked.method.scale_with(asked.options)
    low, high = sorted(scale.axis)
    return round(min(high, max(low, float(calibrated_line(asked, strictness())))), scale.decimals)


def line(asked: Question) -> float:
    """Line of a method: the visitor's own, or the usual one."""
    return float(settings.get(key(asked.method, asked.options), usual(asked)))


def is_alike(score: Score) -> bool:
    """Tell on which side of the visitor's line a score lies."""
    return score.scale.is_alike(score.value, line(score.question))


def forget_all() -> None:
    """Put every line back where the strictness has it."""
    for method in own_methods.all_methods():
        settings.forget(f"{method.id}.line")
        settings.redraw(f"{method.id}.line")
