"""The contract every method keeps: data about itself and three functions.

``describe`` is the costly part and sees one picture; ``compare`` is cheap and sees two
descriptions; ``explain`` runs only for what somebody looks at. A method is added by
writing one `Method` into the METHODS of its family's file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.errors import BadOption
from imgsim_core.picture import Picture
from imgsim_core.text import Text, UserText


class Family(Enum):
    """A notion of likeness; the order is the order on the page."""

    COLOUR = "colour"
    STRUCTURE = "structure"
    TEXTURE = "texture"
    KEYPOINTS = "keypoints"
    HASHES = "hashes"
    SEMANTICS = "semantics"

    @property
    def label(self) -> Text:
        """Name of the family, for a heading."""
        return _FAMILY_LABELS[self]

    @property
    def question(self) -> Text:
        """The everyday question the family answers."""
        return _FAMILY_QUESTIONS[self]

    def verdict(self, alike: bool) -> Text:
        """The family's answer in words, on one side of its line or the other."""
        return _FAMILY_VERDICTS[self][0 if alike else 1]

    def dissent(self, alike: bool) -> Text:
        """Why the family may say so while others say the opposite."""
        return _FAMILY_DISSENTS[self][0 if alike else 1]


_FAMILY_LABELS = {
    Family.COLOUR: Text("Colour"),
    Family.STRUCTURE: Text("Structure"),
    Family.TEXTURE: Text("Texture and shape"),
    Family.KEYPOINTS: Text("Matching details"),
    Family.HASHES: Text("Fingerprints"),
    Family.SEMANTICS: Text("Meaning"),
}
_FAMILY_QUESTIONS = {
    Family.COLOUR: Text("Do they have the same colours, wherever they are?"),
    Family.STRUCTURE: Text("Is the same pattern in the same place?"),
    Family.TEXTURE: Text("Do surfaces and outlines look alike?"),
    Family.KEYPOINTS: Text("Do the same details appear in both, even moved or turned?"),
    Family.HASHES: Text("Is one a copy of the other?"),
    Family.SEMANTICS: Text("Do they show the same kind of thing?"),
}
_FAMILY_VERDICTS = {
    Family.COLOUR: (Text("Same colours"), Text("Different colours")),
    Family.STRUCTURE: (Text("Same layout"), Text("Different layout")),
    Family.TEXTURE: (Text("Similar texture"), Text("Different texture")),
    Family.KEYPOINTS: (Text("Same details"), Text("No shared details")),
    Family.HASHES: (Text("Same fingerprint"), Text("Different fingerprint")),
    Family.SEMANTICS: (Text("Similar content"), Text("Different content")),
}


_TAUGHT_VERDICTS = (Text("Alike as taught"), Text("Not alike as taught"))

_FAMILY_DISSENTS = {
    Family.COLOUR: (
        Text("Colour says alike: other scenes can hold the same amounts of the same colours."),
        Text("Colour says different: the colours or the light were changed."),
    ),
    Family.STRUCTURE: (
        Text("Structure says alike: large flat areas agree by themselves."),
        Text(
            "Structure says different: things lie in other places. A small shift, turn or crop "
            "is enough."
        ),
    ),
    Family.TEXTURE: (
        Text("Texture says alike: other things can have edges in the same places."),
        Text("Texture says different: edges run elsewhere. A turn, a crop or blur is enough."),
    ),
    Family.KEYPOINTS: (
        Text("Matching details says alike: the same spots lie in the same arrangement."),
        Text(
            "Matching details finds none: smooth, blurred or tiny pictures have few to find, and "
            "things of one kind share none."
        ),
    ),
    Family.HASHES: (
        Text("Fingerprints say alike: the broad areas of light and dark are the same."),
        Text("Fingerprints say different: a crop, a turn or a mirror image breaks them."),
    ),
    Family.SEMANTICS: (
        Text("Meaning says alike: the same kind of thing need not be the same thing."),
        Text("Meaning says different: the model recognises other things in them."),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What a method's number can be, and how to read it.

    Parameters
    ----------
    identical : float
        Value for two identical pictures; may be infinite.
    opposite : float
        Value at the other end; may be infinite.
    line : float
        Where the line between alike and not alike starts before a visitor moves it.
    unit : Text or None
        Unit, such as "bits"; None for a plain ratio.
    decimals : int
        Decimals worth showing.
    shown : (float, float) or None
        Finite ends of the axis and of the line's slider, opposite end first.
        Needed where an end is infinite or is hardly ever reached.
    """

    identical: float
    opposite: float
    line: float
    unit: Text | None = None
    decimals: int = 2
    shown: tuple[float, float] | None = None

    @property
    def higher_is_alike(self) -> bool:
        """Direction: True if a larger value means more alike."""
        return self.identical > self.opposite

    @property
    def axis(self) -> tuple[float, float]:
        """Finite ends for drawing: (opposite end, identical end)."""
        return self.shown or (self.opposite, self.identical)

    def __contains__(self, value: float) -> bool:
        low, high = sorted((self.identical, self.opposite))
        return not math.isnan(value) and low <= value <= high

    def is_alike(self, value: float, line: float) -> bool:
        """Tell whether `value` is on the alike side of `line`, the line included."""
        return value >= line if self.higher_is_alike else value <= line

    def position(self, value: float) -> float:
        """Place of `value` on the drawn axis: 0 at the opposite end, 1 at identical."""
        low, high = self.axis
        return min(1.0, max(0.0, (value - low) / (high - low)))


# ── Options ────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class NoOptions:
    """Options of a method that has none."""


@dataclass(frozen=True, kw_only=True)
class OptionField:
    """What a page must know to draw one option as a widget.

    `choices` maps each allowed value to its label; otherwise `low`, `high`, `step`
    bound a number; an option with neither is a switch.
    """

    name: str
    label: Text
    help: Text
    default: Any
    choices: Mapping[Any, Text] | None = None
    low: float | None = None
    high: float | None = None
    step: float | None = None

    def check(self, value: object) -> Any:
        """Return `value` in the option's type, or raise `BadOption`.

        Strings are accepted for every kind, since links and command lines carry them.
        """
        parsed = self._parsed(value)
        if parsed is None:
            raise BadOption(
                Text(
                    "{value} is not a value that the option {option} can have.",
                    value=UserText(value),
                    option=self.name,
                )
            )
        return parsed

    def _parsed(self, value: object) -> Any:
        if self.choices is not None:
            by_code = {str(choice): choice for choice in self.choices}
            return by_code.get(str(value))
        if isinstance(self.default, bool):
            return {"true": True, "false": False}.get(str(value).lower())
        try:
            number = float(str(value))
        except ValueError:
            return None
        if self.low is None or self.high is None or not self.low <= number <= self.high:
            return None
        return type(self.default)(number)


def choice(default: Any, label: Text, help: Text, choices: Mapping[Any, Text]) -> Any:
    """Declare an option with a few named values, as a dataclass field."""
    return field(default=default, metadata={"label": label, "help": help, "choices": choices})


def number(default: float, label: Text, help: Text, low: float, high: float, step: float) -> Any:
    """Declare a numeric option with bounds, as a dataclass field."""
    metadata = {"label": label, "help": help, "low": low, "high": high, "step": step}
    return field(default=default, metadata=metadata)


def switch(default: bool, label: Text, help: Text) -> Any:
    """Declare an on-off option, as a dataclass field."""
    return field(default=default, metadata={"label": label, "help": help})


def option_fields(options: type) -> tuple[OptionField, ...]:
    """List the options of an options class, in the order they are declared."""
    return tuple(
        OptionField(name=item.name, default=item.default, **item.metadata)
        for item in fields(options)
    )


# ── Evidence ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Heatmap:
    """A number for each place of picture A: where the two agree or differ.

    values : ndarray of float32, shape (height, width), `low` to `high`. It covers the
    whole of picture A, at any resolution. `low_label`, `high_label` say what the two
    ends mean.
    """

    title: Text
    values: NDArray[np.float32]
    low: float
    high: float
    low_label: Text
    high_label: Text


@dataclass(frozen=True, kw_only=True)
class Matches:
    """Points of A and their partners in B, in pixels of each picture (x, y).

    points_a, points_b : ndarray of float32, shape (n, 2); verified : ndarray of bool, (n,).
    outline : ndarray of float32, shape (4, 2), where A's corners lie in B, or None.
    mirrored : whether the points belong to A mirrored left to right (already mapped back).
    """

    title: Text
    points_a: NDArray[np.float32]
    points_b: NDArray[np.float32]
    verified: NDArray[np.bool_]
    outline: NDArray[np.float32] | None
    mirrored: bool = False


@dataclass(frozen=True, kw_only=True)
class Swatches:
    """Colours of each side with their shares of the picture.

    colours_a, colours_b : ndarray of uint8, shape (n, 3), sRGB; shares 0..1, shape (n,).
    """

    title: Text
    colours_a: NDArray[np.uint8]
    shares_a: NDArray[np.float64]
    colours_b: NDArray[np.uint8]
    shares_b: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Two series of numbers over the same named bins, A and B side by side."""

    title: Text
    labels: tuple[str, ...]
    a: NDArray[np.float64]
    b: NDArray[np.float64]
    axis: Text
    colours: NDArray[np.uint8] | None = None


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Lines over a common x axis: (name, CSS colour, values of A, values of B)."""

    title: Text
    x: NDArray[np.float64]
    lines: tuple[tuple[Text, str, NDArray[np.float64], NDArray[np.float64]], ...]
    x_label: Text
    y_label: Text


@dataclass(frozen=True, kw_only=True)
class BitGrids:
    """Two square grids of bits and the reduced grey pictures they were read from.

    bits : ndarray of bool, shape (n, n); reduced : ndarray of uint8, shape (h, w).
    """

    title: Text
    bits_a: NDArray[np.bool_]
    bits_b: NDArray[np.bool_]
    reduced_a: NDArray[np.uint8]
    reduced_b: NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Images:
    """Pictures that the method made, each with a caption: (caption, RGB uint8 array)."""

    title: Text
    images: tuple[tuple[Text, NDArray[np.uint8]], ...]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Rows of (what, value) in plain words; numbers come as strings already rounded."""

    title: Text
    rows: tuple[tuple[Text, Text | str], ...]


Evidence = Heatmap | Matches | Swatches | Bars | Curves | BitGrids | Images | Facts


# ── The method itself ──────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Described:
    """A picture together with what one method remembers of it."""

    picture: Picture
    description: Any


def _always_available() -> Text | None:
    return None


@dataclass(frozen=True, eq=False)
class OnVectors:
    """How a method comes about from a model's vectors alone, without the pictures.

    encoder : which encoder made the vectors, as `models.identity.encoder_key` names it.
    carry : (ndarray of float32, shape (n, d)) -> the same shape: the vectors the method
    compares, each of length 1, by their cosine.
    """

    encoder: str
    carry: Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Examples:
    """Scores of pairs that somebody called the same, or not, by his own notion of alike.

    same, different : ndarray of float32, ascending; none of the pairs was learned from.
    counts : how many pairs of either sort there were, where the arrays hold but quantiles
    of their scores; None where they hold each pair.
    """

    same: NDArray[np.float32]
    different: NDArray[np.float32]
    counts: tuple[int, int] | None = None

    @property
    def fewest(self) -> int:
        """Pairs of the sort that there are fewer of."""
        return min(self.counts or (len(self.same), len(self.different)))


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way to measure likeness.

    Parameters
    ----------
    id : str
        In links and exports: never renamed.
    label : Text
        Sentence case, for people.
    family : Family
    scale : Scale
        For the default options; `scale_with` gives it for others.
    about : Text
        One plain sentence: what it sees and what it is blind to.
    formula : str
        LaTeX, for those who open the details.
    source : str
        DOI or URL of the definition.
    describe : callable
        (Picture, options) -> description: pure, costly, once a picture.
    compare : callable
        (description of A, description of B, options) -> float on the scale: cheap.
    explain : callable
        (Described A, Described B, options) -> tuple of Evidence, the most telling first.
    options : type
        Frozen dataclass made of `choice`, `number` and `switch` fields.
    article : object or None
        The options with which the article used the method; None if it did not.
    article_result : Text or None
        What the article reports for its own pair of pictures.
    symmetric : bool
        Whether swapping the pictures leaves the value unchanged by definition.
    headline : bool
        Whether it speaks for its family on the first screen.
    scale_by_options : callable or None
        options -> Scale, where the measure can be chosen.
    point_out : callable or None
        (Picture A, Picture B, options, x, y) -> Heatmap over B of how alike each place is to
        the spot of A at x, y (shares 0..1 of its width and height); None if the method
        cannot tell.
    availability : callable
        () -> None if usable now, else a sentence why not. Answers in under a second.
    on_vectors : OnVectors or None
        Where the method needs no more of a picture than a model's vector.
    examples : Examples or None
        Of a method that a visitor taught: what its number means, by his own groups.
    """

    id: str
    label: Text
    family: Family
    scale: Scale
    about: Text
    formula: str
    source: str
    describe: Callable[[Picture, Any], Any]
    compare: Callable[[Any, Any, Any], float]
    explain: Callable[[Described, Described, Any], tuple[Evidence, ...]]
    options: type = NoOptions
    article: Any = None
    article_result: Text | None = None
    symmetric: bool = True
    headline: bool = False
    scale_by_options: Callable[[Any], Scale] | None = None
    point_out: Callable[[Picture, Picture, Any, float, float], Heatmap] | None = None
    availability: Callable[[], Text | None] = _always_available
    on_vectors: OnVectors | None = None
    examples: Examples | None = None

    def verdict(self, alike: bool) -> Text:
        """Say in words what it says, on one side of its line or the other."""
        if self.on_vectors is not None:
            return _TAUGHT_VERDICTS[0 if alike else 1]
        return self.family.verdict(alike)

    def scale_with(self, options: Any) -> Scale:
        """Scale of the values that these options give."""
        return self.scale_by_options(options) if self.scale_by_options else self.scale

    @property
    def option_fields(self) -> tuple[OptionField, ...]:
        """The options, as data to draw widgets from."""
        return option_fields(self.options)

    def options_from(self, values: Mapping[str, object]) -> Any:
        """Build options from loose values (a link, a command line).

        Parameters
        ----------
        values : mapping
            Option name to value; a missing option takes its default.

        Returns
        -------
        object
            An instance of `options`.

        Raises
        ------
        BadOption
            If a name is unknown or a value is not allowed.
        """
        known = {item.name: item for item in self.option_fields}
        for name in values:
            if name not in known:
                raise BadOption(
                    Text(
                        "{method} has no option {option}.",
                        method=self.id,
                        option=UserText(name),
                    )
                )
        return self.options(**{name: known[name].check(value) for name, value in values.items()})
