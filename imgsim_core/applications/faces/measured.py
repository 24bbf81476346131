"""What was measured once: how far apart the faces of one person and of two people lie.

The figures are made by `python -m bench.bench_faces`; they are counts of distances, no face.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

from imgsim_core.separation import share_interval
from imgsim_core.text import Text

STEP = 0.01  # of distance, that one count covers


@dataclass(frozen=True)
class Rate:
    """A share that was counted.

    Parameters
    ----------
    count, of : int
    low, high : float
        Its 95 % interval (Wilson 1927), shares 0 to 1.
    """

    count: int
    of: int
    low: float
    high: float


@dataclass(frozen=True)
class Measured:
    """Distances between faces, counted in steps of 0.01 from 0.

    Parameters
    ----------
    same : tuple of int
        Of labelled pairs of one person.
    different : tuple of int
        Of labelled pairs of two people.
    strangers : tuple of int
        Of pairs across unrelated photographs, taken for two people without a label.
    about : dict
        Numbers of pictures, people and faces, and when it was measured.
    """

    same: tuple[int, ...]
    different: tuple[int, ...]
    strangers: tuple[int, ...]
    about: dict[str, int | float | str]

    @property
    def provenance(self) -> Text:
        """Say what the figures rest on."""
        return Text(
            "Measured on {pairs} labelled pairs from {pictures} photographs of {people} public "
            "persons, all adults, and on {strangers} pairs of strangers out of other "
            "photographs. Few people, many pairs of each: the true rates may lie outside the "
            "intervals.",
            pairs=sum(self.same) + sum(self.different),
            pictures=self.about["pictures"],
            people=self.about["people"],
            strangers=f"{sum(self.strangers):,}",
        )


@cache
def measured() -> Measured:
    """Read the figures that ship."""
    text = resources.files(__package__).joinpath("measured.json").read_text("utf-8")
    found = json.loads(text)
    counts = {name: tuple(found[name]) for name in ("same", "different", "strangers")}
    return Measured(**counts, about=found["about"])


def missed(distance: float) -> Rate:
    """Share of pairs of one person that lie farther apart than a distance."""
    within, every = _counted(measured().same, distance)
    return _rate(every - within, every)


def joined(distance: float) -> Rate:
    """Share of labelled pairs of two people that lie within a distance."""
    return _rate(*_counted(measured().different, distance))


def strangers_joined(distance: float) -> Rate:
    """Share of pairs of strangers in unrelated photographs that lie within a distance."""
    return _rate(*_counted(measured().strangers, distance))


def _counted(counts: tuple[int, ...], distance: float) -> tuple[int, int]:
    """Count the pairs within a distance, whole steps, and all of them."""
    return sum(counts[: max(0, round(distance / STEP))]), sum(counts)


def _rate(count: int, of: int) -> Rate:
    low, high = share_interval(count, of)
    return Rate(count, of, low, high)
