"""Learn classes from a handful of pictures each, and tell what a new picture belongs to.

Nothing is trained: pictures become vectors, and a new one goes to the class whose middle,
or whose nearest example, it lies closest to. Which of the two is better, how often it is
right and when nothing fits is measured by leaving out each picture, and each class, in turn.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from imgsim_core import lanes
from imgsim_core.errors import TooFewPairs
from imgsim_core.memory import Memory
from imgsim_core.models.catalogue import Model
from imgsim_core.models.encoder import encode
from imgsim_core.picture import Picture
from imgsim_core.text import Text, UserText

Array = NDArray[np.float64]

MOST_CLASSES = 30
MOST_PICTURES = 300

_SHARPNESS = (3.0, 5.0, 8.0, 12.0, 18.0, 27.0, 40.0, 60.0)  # of the shares, tried in turn
_WAYS = ("middle", "nearest")
_TOGETHER = 8


@dataclass(frozen=True, eq=False)
class Example:
    """A picture, and the class that it is an example of."""

    label: str
    picture: Picture


@dataclass(frozen=True)
class Mistake:
    """An example that its class was not told of when it was left out.

    Parameters
    ----------
    example : int
        Its place among the examples.
    taken_for : str
        The class that it was put into.
    """

    example: int
    taken_for: str


@dataclass(frozen=True)
class Interval:
    """A share of successes with what it may truly be, 95 % sure (Wilson 1927)."""

    right: int
    count: int

    @property
    def share(self) -> float:
        """Right answers among all, 0 to 1."""
        return self.right / self.count

    @property
    def ends(self) -> tuple[float, float]:
        """Lower and upper end, 0 to 1."""
        z, n, p = 1.96, self.count, self.share
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        reach = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - reach), min(1.0, middle + reach)


@dataclass(frozen=True)
class Belonging:
    """What class a new picture was put into.

    Parameters
    ----------
    labels : tuple of str
        All classes, the likeliest first.
    shares : tuple of float
        How likely each is if it is one of them, 0 to 1.
    likeness : float
        Cosine to the likeliest class.
    nearest : int
        Place of the most similar example.
    none : bool
        Whether it is less like every class than strangers usually are.
    example : bool
        Whether it is one of the examples itself.
    """

    labels: tuple[str, ...]
    shares: tuple[float, ...]
    likeness: float
    nearest: int
    none: bool
    example: bool = False

    @property
    def verdict(self) -> Text:
        """Say what the picture is taken for."""
        if self.none:
            return Text("None of these. Closest: {label}", label=UserText(self.labels[0]))
        if self.shares[0] >= 0.9:
            return Text("This is: {word}", word=UserText(self.labels[0]))
        if self.shares[0] >= 0.6:
            return Text("Probably: {word}", word=UserText(self.labels[0]))
        return Text("Hard to tell. The best guess: {word}", word=UserText(self.labels[0]))


@dataclass(frozen=True, eq=False)
class Learned:
    """Classes that were learned from examples.

    Parameters
    ----------
    model : Model
    examples : tuple of Example
    vectors : ndarray of float64, shape (n, d)
        Of the examples, each of length 1.
    way : str
        "middle" or "nearest": what made fewer mistakes.
    sharpness : float
        What cosines are multiplied by before they are shared out.
    line : float
        Cosine below which a picture is none of these.
    tested : Interval
        Examples put right when left out; those alone in their class are not asked.
    own_below, strangers_above : Interval
        Examples that the line would wrongly turn away, and pictures of a class that was
        left out whole that it would wrongly let in.
    mistakes : tuple of Mistake
    notes : tuple of Text
        What was found about the examples.
    """

    model: Model
    examples: tuple[Example, ...]
    vectors: Array
    way: str
    sharpness: float
    line: float
    tested: Interval
    own_below: Interval
    strangers_above: Interval
    mistakes: tuple[Mistake, ...]
    notes: tuple[Text, ...]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Classes, in the order they came."""
        return tuple(dict.fromkeys(one.label for one in self.examples))

    @cached_property
    def _rows(self) -> NDArray[np.intp]:
        place = {label: number for number, label in enumerate(self.labels)}
        return np.array([place[one.label] for one in self.examples])

    def belonging(self, picture: Picture, memory: Memory | None = None) -> Belonging:
        """Tell what class a picture belongs to.

        Raises
        ------
        WeightsMissing, WeightsWrong
            If the model cannot be used on this host.
        """
        kept = memory if memory is not None else Memory(2**24)
        vector = _vectors(self.model, (picture,), kept)[0]
        likeness = _likeness(vector, self.vectors, self._rows, len(self.labels), self.way)
        order = np.argsort(-likeness, kind="stable")
        shares = _shared(likeness, self.sharpness)[order]
        digests = {one.picture.digest for one in self.examples}
        return Belonging(
            labels=tuple(self.labels[int(i)] for i in order),
            shares=tuple(float(one) for one in shares),
            likeness=float(likeness.max()),
            nearest=int((self.vectors @ vector).argmax()),
            none=bool(likeness.max() < self.line),
            example=picture.digest in digests,
        )


def label_of(name: str) -> str:
    """Return the class that a file in a zip of folders belongs to: its folder; "" without one."""
    return PurePosixPath(name.replace("\\", "/")).parent.name


def learn(
    model: Model, classes: Sequence[tuple[str, Sequence[Picture]]], memory: Memory | None = None
) -> Learned:
    """Learn classes from their examples.

    Parameters
    ----------
    model : Model
    classes : sequence of (str, sequence of Picture)
        Names, each once, with their examples.
    memory : Memory or None
        Vectors are kept there.

    Returns
    -------
    Learned

    Raises
    ------
    TooFewPairs
        If fewer than two classes have examples, or none has two.
    WeightsMissing, WeightsWrong
        If the model cannot be used on this host.
    """
    kept = memory if memory is not None else Memory(2**24)
    examples, notes = _checked(classes)
    names = tuple(dict.fromkeys(one.label for one in examples))
    if len(names) < 2:
        raise TooFewPairs(Text("Give pictures to at least two classes."))
    counts = Counter(one.label for one in examples)
    if max(counts.values()) < 2:
        raise TooFewPairs(
            Text("Give at least one class two pictures: with one each, nothing can be tested.")
        )
    vectors = _vectors(model, [one.picture for one in examples], kept)
    rows = np.array([names.index(one.label) for one in examples])
    asked = np.array([counts[one.label] > 1 for one in examples])
    left_out = {way: _left_out(vectors, rows, len(names), way) for way in _WAYS}
    # The middle is preferred unless the nearest example is clearly better: it varies less
    right = {way: _right(left_out[way], rows)[asked].sum() for way in _WAYS}
    way = "nearest" if right["nearest"] > right["middle"] else "middle"
    given = left_out[way]
    answer = np.where(np.isfinite(given), given, -np.inf).argmax(axis=1)
    mistakes = tuple(
        Mistake(int(i), names[int(answer[i])]) for i in np.flatnonzero(asked & (answer != rows))
    )
    line, own_below, strangers_above = _line(given, rows, asked)
    return Learned(
        model=model,
        examples=examples,
        vectors=vectors,
        way=way,
        sharpness=_sharpness(given[asked], rows[asked]),
        line=line,
        tested=Interval(int(right[way]), int(asked.sum())),
        own_below=own_below,
        strangers_above=strangers_above,
        mistakes=mistakes,
        notes=notes,
    )


def _checked(
    classes: Sequence[tuple[str, Sequence[Picture]]],
) -> tuple[tuple[Example, ...], tuple[Text, ...]]:
    """Leave out what cannot be learned from, and say so by name."""
    notes: list[Text] = []
    places: dict[str, list[str]] = defaultdict(list)
    examples: list[Example] = []
    for label, pictures in classes:
        if not pictures:
            notes.append(Text("{label} has no pictures and was left out.", label=UserText(label)))
        for picture in pictures:
            if label in places[picture.digest]:
                notes.append(
                    Text(
                        "{name} is in {label} twice and counts once.",
                        name=UserText(picture.name),
                        label=UserText(label),
                    )
                )
                continue
            places[picture.digest].append(label)
            examples.append(Example(label, picture))
    several = {digest for digest, labels in places.items() if len(labels) > 1}
    told: set[str] = set()
    for one in examples:
        if one.picture.digest in several and one.picture.digest not in told:
            told.add(one.picture.digest)
            notes.append(
                Text(
                    "{name} is in more than one class ({labels}) and was left out: it cannot "
                    "teach the difference.",
                    name=UserText(one.picture.name),
                    labels=UserText(", ".join(places[one.picture.digest])),
                )
            )
    kept = tuple(one for one in examples if one.picture.digest not in several)
    counts = Counter(one.label for one in kept)
    for label, pictures in classes:
        if pictures and not counts[label]:
            notes.append(Text("{label} has no pictures and was left out.", label=UserText(label)))
        if counts[label] == 1:
            notes.append(
                Text(
                    "{label} has one picture only: it is recognised, but how well cannot be "
                    "tested. Add a few more.",
                    label=UserText(label),
                )
            )
    return kept, tuple(notes)


def _vectors(model: Model, pictures: Sequence[Picture], memory: Memory) -> Array:
    def vector(picture: Picture) -> NDArray[np.float32]:
        made = memory.recall(
            ("vector", model.id, picture.digest),
            lambda: encode(model, (picture,), model.framing),
        )
        return np.asarray(made[0])

    # Asked at the same time, they go through the network together
    with ThreadPoolExecutor(_TOGETHER, initializer=lanes.joined()) as threads:
        return np.asarray(np.stack(list(threads.map(vector, pictures))), np.float64)


def _likeness(
    vector: Array, vectors: Array, rows: NDArray[np.intp], classes: int, way: str
) -> Array:
    """Cosine of a picture to each class; -inf to classes without examples."""
    found = np.full(classes, -np.inf)
    cosines = vectors @ vector
    for number in np.unique(rows):
        own = rows == number
        if way == "nearest":
            found[number] = cosines[own].max()
        else:
            middle = vectors[own].mean(axis=0)
            found[number] = float(middle @ vector) / max(float(np.linalg.norm(middle)), 1e-9)
    return found


def _left_out(vectors: Array, rows: NDArray[np.intp], classes: int, way: str) -> Array:
    """Cosine of each example to each class, the class not knowing this example."""
    every = np.arange(len(rows))
    return np.stack(
        [_likeness(vectors[i], vectors[every != i], rows[every != i], classes, way) for i in every]
    )


def _right(likeness: Array, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    return np.asarray(likeness.argmax(axis=1) == rows)


def _shared(likeness: Array, sharpness: float) -> Array:
    raised = np.exp(sharpness * (likeness - likeness.max(axis=-1, keepdims=True)))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def _sharpness(likeness: Array, rows: NDArray[np.intp]) -> float:
    """Choose how sharply cosines become shares: as the left-out examples bear out."""

    def cost(sharpness: float) -> float:
        shares = _shared(likeness, sharpness)
        likely = shares[np.arange(len(rows)), rows]
        # One mistake more than was seen is believed in, or few examples would look certain
        mistaken = (1 - shares.max(axis=1)) / (likeness.shape[1] - 1)
        logs = [np.log(np.maximum(one, 1e-9)) for one in (likely, mistaken)]
        return -float(logs[0].sum() + logs[1].mean())

    return min(_SHARPNESS, key=cost)


def _line(
    likeness: Array, rows: NDArray[np.intp], asked: NDArray[np.bool_]
) -> tuple[float, Interval, Interval]:
    """Draw the line between examples left out and pictures of a class left out whole."""
    every = np.arange(len(rows))
    own = likeness[every, rows][asked]
    others = likeness.copy()
    others[every, rows] = -np.inf
    strangers = others.max(axis=1)
    tried = np.unique(np.concatenate([own, strangers]))
    between = np.concatenate([tried[:1] - 1e-3, (tried[1:] + tried[:-1]) / 2])
    wrong = [(own < cut).mean() + (strangers >= cut).mean() for cut in between]
    best = np.flatnonzero(np.isclose(wrong, min(wrong)))
    # Among equally good lines the middle one: nothing speaks for either side
    line = float((between[best[0]] + between[best[-1]]) / 2)
    below, above = int((own < line).sum()), int((strangers >= line).sum())
    return line, Interval(below, len(own)), Interval(above, len(strangers))
