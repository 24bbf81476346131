"""What a search asks and what it answers, whichever way it is answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from imgsim_core.calibration import Meaning
from imgsim_core.comparison import Question
from imgsim_core.gallery.entry import Entry
from imgsim_core.method import Scale
from imgsim_core.own_examples import OwnMeaning
from imgsim_core.picture import Picture
from imgsim_core.text import Text

Told = Callable[[int, int], None]
"""Called with how many pictures have been compared, and of how many."""


@dataclass(frozen=True, eq=False)
class PictureAsked:
    """A picture to look for; with a negative weight, to look away from.

    digest : SHA-256 of its file. picture : opened, or None for one of the gallery.
    """

    digest: str
    picture: Picture | None = None
    weight: float = 1.0

    @staticmethod
    def of(picture: Picture, weight: float = 1.0) -> PictureAsked:
        """Ask with a picture at hand, in the gallery or not."""
        return PictureAsked(picture.digest, picture, weight)


@dataclass(frozen=True)
class WordsAsked:
    """Words to look for; with a negative weight, to look away from."""

    words: str
    weight: float = 1.0


@dataclass(frozen=True)
class ColourAsked:
    """A colour (sRGB, 0 to 255 each) and the share of the picture, 0 to 1, it should fill."""

    rgb: tuple[int, int, int]
    share: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Query:
    """What is looked for: pictures and words, weighted and added up, or colours."""

    pictures: tuple[PictureAsked, ...] = ()
    words: tuple[WordsAsked, ...] = ()
    colours: tuple[ColourAsked, ...] = ()

    @property
    def only_picture(self) -> PictureAsked | None:
        """The picture, if the query is one picture and nothing else."""
        if len(self.pictures) != 1 or self.words or self.colours or self.pictures[0].weight <= 0:
            return None
        return self.pictures[0]


@dataclass(frozen=True, eq=False)
class Hit:
    """One answer.

    Parameters
    ----------
    entry : Entry
    value : float
        On the result's scale.
    meaning : Meaning or None
        What the value says, where that was measured.
    same_file : bool
        Whether it is the very file that was asked with.
    details : int or None
        Details that agree in their arrangement with the picture asked with; None if nobody
        looked.
    own : OwnMeaning or None
        What the value says by the visitor's own groups, where a notion of his was asked.
    """

    entry: Entry
    value: float
    meaning: Meaning | None = None
    same_file: bool = False
    details: int | None = None
    own: OwnMeaning | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Result:
    """The answers to a query, the best first.

    Parameters
    ----------
    label : Text
        What measured.
    scale : Scale
        Of the values.
    hits : tuple of Hit
    standing_out : int or None
        How many of the first hits are probably related to what was asked; None where that
        cannot be told.
    guess : Text or None
        What `standing_out` is guessed from; None where a line measured on pairs of known
        relation says it.
    question : Question or None
        Method and options, where a method of the registry measured.
    looked_at, of : int
        Pictures compared, and pictures that meet the conditions.
    notes : tuple of Text
        What the reader should know.
    seconds : float
        What it took.
    """

    label: Text
    scale: Scale
    hits: tuple[Hit, ...]
    standing_out: int | None
    guess: Text | None = None
    question: Question | None = None
    looked_at: int = 0
    of: int = 0
    notes: tuple[Text, ...] = field(default=())
    seconds: float = 0.0
