"""What visitors may have, as the host sets it; light, so that a server can look before it opens."""

from __future__ import annotations

import os
from dataclasses import dataclass

from imgsim_core.errors import BadSetting
from imgsim_core.text import Text, UserText


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What visitors may have.

    Parameters
    ----------
    hours : float
        A gallery lives so long after it was last used.
    pictures : int
        In one gallery.
    megabytes : float
        Of one gallery's folder.
    all_megabytes : float
        Of all visitors' folders together.
    memory_megabytes, all_memory_megabytes : float
        What pictures that visitors bring to the other pages may take up in memory: those of
        one visitor, and of all.
    jobs : int
        Pieces of work behind the pages that one visitor has done at a time.
    """

    hours: float = 2.0
    pictures: int = 2_000
    megabytes: float = 500.0
    all_megabytes: float = 10_000.0
    memory_megabytes: float = 400.0
    all_memory_megabytes: float = 2_000.0
    jobs: int = 2

    @property
    def seconds(self) -> float:
        """Lifetime in seconds."""
        return self.hours * 3600

    @property
    def bytes(self) -> int:
        """Most bytes of one gallery."""
        return round(self.megabytes * 2**20)


def limits_of_host() -> Limits:
    """Read the limits from the environment.

    Returns
    -------
    Limits
        From IMGSIM_VISITOR_HOURS, IMGSIM_VISITOR_PICTURES, IMGSIM_VISITOR_MEGABYTES,
        IMGSIM_ALL_VISITORS_MEGABYTES, IMGSIM_VISITOR_MEMORY, IMGSIM_ALL_VISITORS_MEMORY and
        IMGSIM_VISITOR_JOBS; the usual ones where they are not set.

    Raises
    ------
    BadSetting
        If one of them is no number above 0.
    """
    usual = Limits()
    return Limits(
        hours=number_above_0("IMGSIM_VISITOR_HOURS", usual.hours),
        pictures=max(1, round(number_above_0("IMGSIM_VISITOR_PICTURES", usual.pictures))),
        megabytes=number_above_0("IMGSIM_VISITOR_MEGABYTES", usual.megabytes),
        all_megabytes=number_above_0("IMGSIM_ALL_VISITORS_MEGABYTES", usual.all_megabytes),
        memory_megabytes=number_above_0("IMGSIM_VISITOR_MEMORY", usual.memory_megabytes),
        all_memory_megabytes=number_above_0(
            "IMGSIM_ALL_VISITORS_MEMORY", usual.all_memory_megabytes
        ),
        jobs=max(1, round(number_above_0("IMGSIM_VISITOR_JOBS", usual.jobs))),
    )


def number_above_0(variable: str, usual: float) -> float:
    """Read a number that the host may set.

    Parameters
    ----------
    variable : str
        Of the environment.
    usual : float
        Where it is not set.

    Raises
    ------
    BadSetting
        If it is set to what is no number above 0.
    """
    written = os.environ.get(variable, "").strip()
    if not written:
        return usual
    try:
        value = float(written)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise BadSetting(
            Text(
                "The setting {variable} must be a number above 0, not {value}.",
                variable=variable,
                value=UserText(written),
            )
        )
    return value
