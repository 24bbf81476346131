"""What a trial tells: a row of figures beside what they are to be, and all that was wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """A figure, and the most that it may be; None where it only informs."""

    what: str
    figure: float
    unit: str
    most: float | None = None

    @property
    def reached(self) -> bool:
        """Whether the figure is at most what it may be."""
        return self.most is None or self.figure <= self.most


@dataclass
class Findings:
    """Of one trial: `faults` are sentences, `details` goes into the JSON only."""

    trial: str
    rows: list[Row] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def held_up(self) -> bool:
        """Whether nothing was wrong and every figure was reached."""
        return not self.faults and all(row.reached for row in self.rows)

    def told(self) -> str:
        """Write it as a table."""
        lines = [f"{self.trial}: {'held up' if self.held_up else 'DID NOT HOLD UP'}"]
        for row in self.rows:
            most = "" if row.most is None else f"  (at most {row.most:g})"
            mark = " " if row.reached else "!"
            lines.append(f"{mark} {row.what:<58}{row.figure:>10.2f} {row.unit}{most}")
        lines += [f"! {fault}" for fault in self.faults[:40]]
        if len(self.faults) > 40:
            lines.append(f"! and {len(self.faults) - 40} more")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Write it for JSON."""
        return {
            "trial": self.trial,
            "held_up": self.held_up,
            "rows": [
                {"what": row.what, "figure": round(row.figure, 3), "unit": row.unit}
                | {"most": row.most, "reached": row.reached}
                for row in self.rows
            ],
            "faults": self.faults,
            **self.details,
        }


def percentile(values: list[float], share: float) -> float:
    """Value that this share of the values does not exceed; 0 where there are none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
