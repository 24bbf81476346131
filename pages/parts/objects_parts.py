"""What the parts of the Objects page share: their settings, and which of them a link may hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imgsim_core.applications.objects.examples import SCENES
from imgsim_core.samples import all_samples

FIND, NAME, LEARN = "find", "name", "learn"
PARTS = (FIND, NAME, LEARN)

PART = "objects.part"
EXAMPLE = "objects.example"
THING, SCENE, NAMED = "objects.thing", "objects.scene", "objects.named"
BOX = "objects.box"
WITHIN = "objects.within"
WORDS, WAY = "objects.words", "objects.way"

BY_WORDS, BY_CLASSES = "words", "classes"
USUAL_NAMED = "cat"
LONGEST_WORDS = 600  # letters of all words together


def link_settings() -> dict[str, Callable[[str], Any]]:
    """Settings of this page that a link may hold, and how its text becomes their value."""
    samples = {sample.id for sample in all_samples()}
    return {
        PART: _one_of(set(PARTS)),
        EXAMPLE: _one_of({example.id for example in SCENES}),
        THING: _one_of(samples),
        SCENE: _one_of(samples),
        NAMED: _one_of(samples),
        BOX: lambda text: text if len(text) < 40 and read_box(text) is not None else None,
        WITHIN: lambda text: True if text == "True" else None,
        WORDS: lambda text: text[:LONGEST_WORDS] or None,
        WAY: _one_of({BY_WORDS, BY_CLASSES}),
    }


def _one_of(codes: set[str]) -> Callable[[str], Any]:
    return lambda text: text if text in codes else None


def written_box(digest: str, box: tuple[float, ...]) -> str:
    """Write a box as it stands in links: whose picture it is of, then shares in thousandths."""
    return ",".join([digest[:8], *(str(round(1000 * share)) for share in box)])


def read_box(text: str) -> tuple[str, tuple[float, float, float, float]] | None:
    """Read what `written_box` wrote; None if it is no box."""
    start, *numbers = text.split(",")
    if len(numbers) != 4 or not all(number.isascii() and number.isdigit() for number in numbers):
        return None
    left, top, right, bottom = (int(number[:6]) / 1000 for number in numbers)
    if not (left < right <= 1 and top < bottom <= 1):
        return None
    return start, (left, top, right, bottom)
