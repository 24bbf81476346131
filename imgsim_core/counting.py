"""What this process has done so far, as plain numbers for whoever runs it.

Labels are words of this program, such as the id of a method; never anything that a visitor
brought, typed or named. Nothing here knows who reads the numbers.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bounds between which durations are told apart."""

OTHER = "other"
"""Label of whatever has too many labels."""

_MOST_LABELS = 200


@dataclass(frozen=True)
class Reading:
    """What a tally holds under one label.

    Parameters
    ----------
    count : int
        How often it happened.
    total : float
        Sum of the amounts.
    below : tuple of int
        How many amounts were at most each bound of the tally.
    """

    count: int
    total: float
    below: tuple[int, ...]


class Tally:
    """How often something happened, and how much each time, label by label.

    Parameters
    ----------
    bounds : sequence of float
        Ascending; amounts are told apart by them. Empty for what is only counted.
    """

    def __init__(self, bounds: Sequence[float] = ()) -> None:
        self.bounds = tuple(bounds)
        self._lock = threading.Lock()
        self._sums: dict[str, float] = {}
        self._counts: dict[str, list[int]] = {}

    def add(self, label: str, amount: float = 1.0) -> None:
        """Note that it happened once."""
        with self._lock:
            if label not in self._counts and len(self._counts) >= _MOST_LABELS:
                label = OTHER
            counts = self._counts.setdefault(label, [0] * (len(self.bounds) + 1))
            counts[bisect_left(self.bounds, amount)] += 1
            self._sums[label] = self._sums.get(label, 0.0) + amount

    def readings(self) -> dict[str, Reading]:
        """Read what there is under each label."""
        with self._lock:
            return {
                label: Reading(
                    sum(counts),
                    self._sums[label],
                    tuple(sum(counts[: i + 1]) for i in range(len(self.bounds))),
                )
                for label, counts in self._counts.items()
            }


comparisons = Tally(SECONDS)
"""Pairs that a method was asked about and answered, by its id, with the seconds it took; what
had been worked out before is not asked again."""

batches = Tally((1, 2, 4, 8, 16, 32))
"""Batches that went through a network, by the model's id, with the pictures in each."""

refusals = Tally()
"""Sentences made for visitors instead of an answer, by the class of the error."""
