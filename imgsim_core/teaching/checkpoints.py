"""Where a training stands, on disk: written whole or not at all, read without running anything.

What decides the next step is in the file: the network's parts that learn, the optimizer's
two moments, the best so far and the step. Chance is drawn anew for each step from the seed
and the step's number, so that nothing of it needs to be kept: a training that goes on is the
one that was never stopped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.errors import WrongCheckpoint
from imgsim_core.models.tensor_file import read_tensors, write_tensors
from imgsim_core.teaching.siamese import Moment
from imgsim_core.text import Text, UserText

FORMAT = "imgsim training 1"
Numbers = dict[str, NDArray[Any]]

_PARTS = ("now", "best", "first_moment", "second_moment")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Where a training stands.

    Parameters
    ----------
    step : int
        The last one done.
    now, best : dict of str to ndarray
        The network's parts that learn, at this step and at the best.
    first_moment, second_moment : dict of str to ndarray
        The optimizer's averages, by parameter.
    best_step : int
    curve : tuple of Moment
        Every look so far.
    """

    step: int
    now: Numbers
    best: Numbers
    first_moment: Numbers
    second_moment: Numbers
    best_step: int
    curve: tuple[Moment, ...]


def write_checkpoint(path: Path, found: Checkpoint, settings: Mapping[str, Any]) -> None:
    """Write where a training stands.

    Parameters
    ----------
    path : Path
    found : Checkpoint
    settings : mapping of str to plain values
        All that must be the same for the training to go on.

    Raises
    ------
    OSError
        If it cannot be written; an older one is then still there.
    """
    tensors = {
        f"{part}/{name}": values for part in _PARTS for name, values in getattr(found, part).items()
    }
    looks = [[moment.step, _plain(moment.loss), _plain(moment.quality)] for moment in found.curve]
    told = {
        "format": FORMAT,
        "settings": json.dumps(dict(settings), sort_keys=True),
        "progress": json.dumps({"step": found.step, "best": found.best_step, "curve": looks}),
    }
    write_tensors(path, tensors, told)


def read_checkpoint(path: Path, settings: Mapping[str, Any]) -> Checkpoint:
    """Read where a training stands.

    Parameters
    ----------
    path : Path
    settings : mapping of str to plain values
        As they are now.

    Raises
    ------
    WrongCheckpoint
        If there is none, it was changed or cut short, or is of another training; the
        sentence names what differs.
    """
    name = UserText(path.name)
    try:
        tensors, told = read_tensors(path)
        before, progress = json.loads(told["settings"]), json.loads(told["progress"])
        if told["format"] != FORMAT:
            raise ValueError("another format")
        parts: dict[str, Numbers] = {part: {} for part in _PARTS}
        for key, values in tensors.items():
            part, _, inside = key.partition("/")
            parts[part][inside] = values
        curve = tuple(
            Moment(step, np.nan if loss is None else loss, quality)
            for step, loss, quality in progress["curve"]
        )
        found = Checkpoint(step=progress["step"], best_step=progress["best"], curve=curve, **parts)
    except FileNotFoundError:
        raise WrongCheckpoint(
            Text("There is no training to go on with: {name} is not there.", name=name)
        ) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise WrongCheckpoint(
            Text("{name} is damaged or holds no training: start anew.", name=name)
        ) from error
    now = json.loads(json.dumps(dict(settings)))
    differing = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
    if differing:
        raise WrongCheckpoint(
            Text(
                "{name} is of a training that began otherwise: {what} differ. Go on with the "
                "same pictures and settings, or start anew.",
                name=name,
                what=", ".join(differing),
            )
        )
    return found


def _plain(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
