"""Whether two faces are one person's: the lines, what a distance means, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from imgsim_core.applications.faces.face import Face, FacePrint
from imgsim_core.text import Text

NEAR = 0.05  # a distance this close to the line is not called: a little blur moves it so far


class Line(Enum):
    """How near two faces must be to be called one person's: a label, and the distance.

    0.6 is the line that the encoder's author published. Lines chosen on either half of our
    labelled pairs lie beside it (0.58, and above 0.6), and it is kept: joining two people is
    worse than missing one (`bench/bench_faces.py`).
    """

    STRICT = (Text("Strict"), 0.5)
    USUAL = (Text("Usual"), 0.6)

    @property
    def label(self) -> Text:
        """Its name."""
        return self.value[0]

    @property
    def distance(self) -> float:
        """Largest distance that is on the side of one person."""
        return self.value[1]


class Verdict(Enum):
    """What follows from two faces."""

    SAME = Text("Probably the same person.")
    CLOSE = Text("Too close to the line to say.")
    DIFFERENT = Text("Probably two different people.")
    NONE = Text("No verdict.")


@dataclass(frozen=True)
class Judged:
    """Two faces compared.

    Parameters
    ----------
    verdict : Verdict
    line : Line
    distance : float or None
        None without a verdict.
    reasons : tuple of Text
        Why there is no verdict.
    """

    verdict: Verdict
    line: Line
    distance: float | None = None
    reasons: tuple[Text, ...] = ()


def compare_faces(
    a: tuple[Face, FacePrint | None],
    b: tuple[Face, FacePrint | None],
    line: Line = Line.USUAL,
) -> Judged:
    """Compare two faces.

    Parameters
    ----------
    a, b : tuple of Face and its FacePrint
        The print of a poor face is not looked at, and may be None.
    line : Line

    Returns
    -------
    Judged
        Without a verdict if one of them is too poor.
    """
    reasons = tuple(
        Text("{face}: {reason}", face=name, reason=reason)
        for name, (face, _) in ((Text("Face A"), a), (Text("Face B"), b))
        for reason in face.doubts
    )
    if reasons or a[1] is None or b[1] is None:
        return Judged(Verdict.NONE, line, reasons=reasons)
    distance = a[1].distance(b[1])
    return Judged(verdict_of(distance, line), line, distance)


def verdict_of(distance: float, line: Line) -> Verdict:
    """Side of the line that a distance lies on, or that it is too close to it."""
    if abs(distance - line.distance) <= NEAR:
        return Verdict.CLOSE
    return Verdict.SAME if distance < line.distance else Verdict.DIFFERENT
