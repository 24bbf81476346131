"""How much damage each method bears: its score along a growing strength, and where it breaks.

The picture is worked on at a bounded size. The original is described once, each damaged
picture is made once for all methods, and scores already known are not asked for again.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from imgsim_core import lanes
from imgsim_core.comparison import Question, Score, Unavailable, ask
from imgsim_core.distort import RGB, Damage
from imgsim_core.memory import Memory
from imgsim_core.method import Method, Scale
from imgsim_core.picture import Picture
from imgsim_core.report import number_in_json, scale_as_dict
from imgsim_core.spreadsheet import harmless

# Large enough for every method (SURF doubles what is smaller than 500 pixels, and takes three
# times as long), small enough for all of them over one damage within seconds.
LONG_SIDE = 512
STEPS = 11
# More threads than cores: those that wait for a learned model leave room for the others.
_WORKERS = 4
# Only for callers without a memory of their own: descriptions of one picture, and its copies.
_ONE_RUN_BYTES = 200 * 2**20


@dataclass(frozen=True)
class Applied:
    """A damage at a strength."""

    damage: Damage
    strength: float


@dataclass(frozen=True)
class Curve:
    """One method's scores for a picture against ever more damaged copies of it.

    question : the method and its options; strengths : rising, at least one;
    scores : as many, on the method's scale.
    """

    question: Question
    strengths: tuple[float, ...]
    scores: tuple[float, ...]

    @property
    def scale(self) -> Scale:
        """Scale of the scores."""
        return self.question.method.scale_with(self.question.options)

    def value_at(self, strength: float) -> float:
        """Score at one of the strengths.

        Raises
        ------
        ValueError
            If it is not one of them: scores between them are not guessed.
        """
        return self.scores[self.strengths.index(strength)]

    def is_alike_at(self, strength: float, line: float) -> bool:
        """Tell on which side of a line the score at one of the strengths lies."""
        return self.scale.is_alike(self.value_at(strength), line)

    def breaking_point(self, line: float) -> float | None:
        """Strength from which on the method no longer calls the copy alike.

        Parameters
        ----------
        line : float
            The method's line between alike and not alike.

        Returns
        -------
        float or None
            Between the last strength that is alike and the first that is not, where the
            straight line between their scores crosses; the first strength if not even that
            is alike; None if the method holds throughout.
        """
        if not self.scale.is_alike(self.scores[0], line):
            return self.strengths[0]
        return next((strength for _, strength in self._crossings(line)), None)

    def recovers(self, line: float) -> bool:
        """Tell whether a method that broke calls a still more damaged copy alike again."""
        sides = [self.scale.is_alike(score, line) for score in self.scores]
        return (False, True) in pairwise(sides)

    def heights(self, line: float) -> tuple[float, ...]:
        """Place of each score by `height`."""
        return tuple(height(self.scale, score, line) for score in self.scores)

    def outline(self, line: float) -> tuple[tuple[float, float], ...]:
        """Points (strength, height) to draw the curve through, crossings of the line included.

        A height bends at the line, so a stroke between two scores on different sides would
        cross it elsewhere than the scores do.
        """
        crossed = dict(self._crossings(line))
        points: list[tuple[float, float]] = []
        for index, point in enumerate(zip(self.strengths, self.heights(line), strict=True)):
            points.append(point)
            if index in crossed:
                points.append((crossed[index], 0.5))
        return tuple(points)

    def _crossings(self, line: float) -> Iterator[tuple[int, float]]:
        """Yield where scores change sides: index of the strength before, strength itself."""
        scale, mark = self.scale, self.scale.position(line)
        steps = pairwise(zip(self.strengths, self.scores, strict=True))
        for index, ((low, first), (high, second)) in enumerate(steps):
            if scale.is_alike(first, line) == scale.is_alike(second, line):
                continue
            before, after = scale.position(first), scale.position(second)
            share = (before - mark) / (before - after) if before != after else 1.0
            yield index, low + min(1.0, max(0.0, share)) * (high - low)


def height(scale: Scale, value: float, line: float) -> float:
    """Place of a value when every method's line is drawn at one height.

    Parameters
    ----------
    scale : Scale
    value, line : float
        On the scale.

    Returns
    -------
    float
        1 identical, 0.5 on the line, 0 nothing in common; within each half, proportional to
        `Scale.position`.
    """
    place, mark = scale.position(value), scale.position(line)
    if scale.is_alike(value, line):
        return 1.0 if mark == 1 else 0.5 + 0.5 * (place - mark) / (1 - mark)
    return 0.0 if mark == 0 else 0.5 * place / mark


def strengths_of(damage: Damage, steps: int = STEPS) -> tuple[float, ...]:
    """Choose the strengths at which to measure a damage.

    Parameters
    ----------
    damage : Damage
    steps : int
        At most this many, at least 2; fewer where the damage has not as many.

    Returns
    -------
    tuple of float
        From `damage.low` to `damage.high`, multiples of `damage.step`; closer together at
        both ends, since a method breaks either at the first touch or only near the last.
    """
    share = (1 - np.cos(np.linspace(0, np.pi, steps))) / 2
    count = (damage.high - damage.low) / damage.step
    rounded = np.unique(np.round(share * count)) * damage.step + damage.low
    digits = _decimals(damage.step)
    inside = [round(float(strength), digits) for strength in rounded]
    return tuple(sorted({damage.low, *(s for s in inside if s < damage.high), damage.high}))


def rounded_strength(damage: Damage, strength: float) -> float:
    """Round a strength to the damage's own steps; never down to nothing."""
    steps = max(1, round((strength - damage.low) / damage.step))
    return round(min(damage.high, damage.low + steps * damage.step), _decimals(damage.step))


def _decimals(step: float) -> int:
    return max(0, math.ceil(-math.log10(step)))


# ── Damaged copies ─────────────────────────────────────────────────────────────────


def working_copy(picture: Picture, long_side: int = LONG_SIDE) -> Picture:
    """Take the copy of a picture that damages are measured on.

    Parameters
    ----------
    picture : Picture
    long_side : int
        Pixels that the longer side has at most.

    Returns
    -------
    Picture
        Flat: what was transparent stays white, since a damaged copy has no transparency
        either. `picture` itself where nothing has to be done.
    """
    scale = long_side / max(picture.width, picture.height)
    if scale >= 1 and picture.mask is None:
        return picture
    rgb = picture.rgb
    if scale < 1:
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    return _copy(picture, rgb, _digest(picture, f"at most {long_side}"))


def combined(picture: Picture, damages: Sequence[Applied]) -> Picture:
    """Damage a picture in several ways, one after the other.

    Parameters
    ----------
    picture : Picture
    damages : sequence of Applied
        In the order in which they happen.

    Returns
    -------
    Picture
        Of the same size; `picture` itself if no damage has any strength.
    """
    telling = _telling(damages)
    if not telling:
        return picture
    return _copy(picture, _damaged(picture.rgb, telling), _digest(picture, _recipe(telling)))


def _telling(damages: Sequence[Applied]) -> tuple[Applied, ...]:
    return tuple(one for one in damages if one.strength > one.damage.low)


def _damaged(rgb: RGB, damages: Sequence[Applied]) -> RGB:
    for one in damages:
        rgb = one.damage(rgb, one.strength)
    return rgb


def _copy(picture: Picture, rgb: RGB, digest: str) -> Picture:
    rgb = np.ascontiguousarray(rgb)
    rgb.setflags(write=False)
    return Picture(rgb, digest, picture.name)


def _recipe(damages: Sequence[Applied]) -> str:
    return ", ".join(f"{one.damage.id} {one.strength:.6g}" for one in damages)


def _digest(picture: Picture, recipe: str) -> str:
    """Digest of a copy: what it was made from and how, so it is known before it is made."""
    return hashlib.sha256(f"{picture.digest}: {recipe}".encode()).hexdigest()


# ── Curves ─────────────────────────────────────────────────────────────────────────


def curve(
    question: Question,
    picture: Picture,
    damage: Damage,
    strengths: Sequence[float],
    *,
    also: Sequence[Applied] = (),
    memory: Memory | None = None,
) -> Curve | Unavailable:
    """Follow one method along the growing strength of a damage.

    Parameters
    ----------
    question : Question
        The method and its options.
    picture : Picture
        Worked on as it is: see `working_copy`.
    damage : Damage
    strengths : sequence of float
        In any order; clipped to what the damage has.
    also : sequence of Applied
        Further damages, at a fixed strength each, after this one.
    memory : Memory or None
        Where descriptions of the original, damaged copies and scores are kept.

    Returns
    -------
    Curve or Unavailable
        Unavailable if the method lacks its model or cannot take this picture.
    """
    return curves((question,), picture, damage, strengths, also=also, memory=memory)[0]


def curves(
    questions: Sequence[Question],
    picture: Picture,
    damage: Damage,
    strengths: Sequence[float],
    *,
    also: Sequence[Applied] = (),
    memory: Memory | None = None,
    workers: int = _WORKERS,
) -> tuple[Curve | Unavailable, ...]:
    """Follow many methods along the growing strength of a damage, several at a time.

    Parameters
    ----------
    questions : sequence of Question
    picture, damage, strengths, also, memory
        As in `curve`.
    workers : int
        Threads.

    Returns
    -------
    tuple of Curve or Unavailable
        In the order of the questions.
    """
    run = _Run(picture, memory or Memory(_ONE_RUN_BYTES))
    rising = tuple(sorted({min(max(one, damage.low), damage.high) for one in strengths}))
    recipes = [_telling((Applied(damage, strength), *also)) for strength in rising]
    with ThreadPoolExecutor(workers, initializer=lanes.joined()) as pool:
        # One strength after the other, so that a damaged copy is used while it is at hand
        rows = [
            [pool.submit(run.answer, question, recipe) for question in questions]
            for recipe in recipes
        ]
        answers = [[waiting.result() for waiting in row] for row in rows]
    return tuple(
        _curve_of(question, rising, [row[index] for row in answers])
        for index, question in enumerate(questions)
    )


def _curve_of(
    question: Question, strengths: tuple[float, ...], answers: Sequence[Score | Unavailable]
) -> Curve | Unavailable:
    missing = next((answer for answer in answers if isinstance(answer, Unavailable)), None)
    if missing is not None:
        return missing
    return Curve(question, strengths, tuple(a.value for a in answers if isinstance(a, Score)))


class _Run:
    """What the threads of one run share."""

    def __init__(self, picture: Picture, memory: Memory) -> None:
        self._picture = picture
        self._memory = memory

    def answer(self, question: Question, recipe: Sequence[Applied]) -> Score | Unavailable:
        """Ask a method about the original and one damaged copy, or recall its score."""
        picture, digest = self._picture, self._picture.digest
        if recipe:
            digest = _digest(picture, _recipe(recipe))
        key = ("damaged score", question.method.id, question.options, picture.digest, digest)
        try:
            return self._memory.recall(key, lambda: self._score(question, recipe, digest))
        except _NoScore as none:
            return none.answer

    def _score(self, question: Question, recipe: Sequence[Applied], digest: str) -> Score:
        answer = ask(question, self._picture, self._made(recipe, digest), self._describe)
        if isinstance(answer, Unavailable):
            raise _NoScore(answer)
        return answer

    def _made(self, recipe: Sequence[Applied], digest: str) -> Picture:
        if not recipe:
            return self._picture
        rgb = self._memory.recall(("damaged", digest), lambda: _damaged(self._picture.rgb, recipe))
        return _copy(self._picture, rgb, digest)

    def _describe(self, method: Method, options: object, picture: Picture) -> object:
        # A damaged copy is described for one score, which is kept: its description is not
        if picture is self._picture:
            return self._memory.describe(method, options, picture)
        return method.describe(picture, options)


class _NoScore(Exception):
    """An answer that must not be kept: the method's model may come later."""

    def __init__(self, answer: Unavailable) -> None:
        super().__init__()
        self.answer = answer


# ── To take along ──────────────────────────────────────────────────────────────────

CSV_COLUMNS = (
    "method", "label", "family", "damage", "strength", "strength_unit",
    "value", "unit", "line", "alike", "identical", "opposite",
)  # fmt: skip
Lines = Mapping[str, float]


def curves_as_csv(found: Sequence[Curve], damage: Damage, lines: Lines) -> str:
    """Write curves as CSV, one row a strength.

    Parameters
    ----------
    found : sequence of Curve
    damage : Damage
        The one that grows.
    lines : mapping
        Method id to its line.

    Returns
    -------
    str
        Columns as `CSV_COLUMNS`; infinite values are "inf". A visitor's text, the name of what
        was taught, begins no formula.
    """
    output = io.StringIO()
    table = csv.writer(output)
    table.writerow(CSV_COLUMNS)
    for one in found:
        method, scale, line = one.question.method, one.scale, lines[one.question.method.id]
        unit = "" if scale.unit is None else str(scale.unit)
        label = harmless(str(method.label))
        for strength, value in zip(one.strengths, one.scores, strict=True):
            head = (method.id, label, method.family.value, damage.id, strength, damage.unit)
            alike = str(scale.is_alike(value, line)).lower()
            table.writerow((*head, value, unit, line, alike, scale.identical, scale.opposite))
    return output.getvalue()


def curves_as_json(
    picture: Picture,
    found: Sequence[Curve],
    damage: Damage,
    also: Sequence[Applied],
    lines: Lines,
) -> str:
    """Write curves as JSON, ASCII only.

    Parameters
    ----------
    picture : Picture
        The one that was damaged.
    found : sequence of Curve
    damage : Damage
        The one that grows.
    also : sequence of Applied
        Those that stay at their strength.
    lines : mapping
        Method id to its line.

    Returns
    -------
    str
        Keys `picture` (name, digest, width, height), `damage` (id, unit), `also` (id,
        strength, unit) and `curves` (method, label, family, scale, line, breaks_at,
        strengths, values); infinite numbers are the strings "inf" and "-inf".
    """
    return json.dumps(
        {
            "picture": {
                "name": picture.name,
                "digest": picture.digest,
                "width": picture.width,
                "height": picture.height,
            },
            "damage": {"id": damage.id, "unit": str(damage.unit)},
            "also": [
                {"id": one.damage.id, "strength": one.strength, "unit": str(one.damage.unit)}
                for one in also
            ],
            "curves": [_curve_as_dict(one, lines[one.question.method.id]) for one in found],
        },
        indent=2,
        allow_nan=False,
    )


def _curve_as_dict(one: Curve, line: float) -> dict[str, object]:
    method = one.question.method
    return {
        "method": method.id,
        "label": str(method.label),
        "family": method.family.value,
        "scale": scale_as_dict(one.scale),
        "line": number_in_json(line),
        "breaks_at": one.breaking_point(line),
        "strengths": list(one.strengths),
        "values": [number_in_json(value) for value in one.scores],
    }
