"""Which encoder made a vector: the model, its very weights, and how pictures were prepared."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from imgsim_core.errors import WeightsMissing
from imgsim_core.models.catalogue import Model
from imgsim_core.models.files import weights_file
from imgsim_core.text import Text

PREPROCESSING = 1
"""Raised whenever the same picture and weights would give other vectors than before."""

_DIGITS = 12


def encoder_key(model: Model) -> str:
    """Name what made a vector, so that vectors of different origin are never compared.

    Parameters
    ----------
    model : Model

    Returns
    -------
    str
        "<model id>/<start of the weights' SHA-256>/<framing>/<preprocessing version>".

    Raises
    ------
    WeightsMissing
        If the weights are not on this host.
    """
    file = weights_file(model)
    if file is None:
        raise WeightsMissing(
            Text("The weights of {model} are not on this host.", model=model.label)
        )
    stat = file.path.stat()
    digest = _digest(file.path, stat.st_size, stat.st_mtime_ns)
    return f"{model.id}/{digest[:_DIGITS]}/{model.framing}/{PREPROCESSING}"


@lru_cache(maxsize=32)
def _digest(path: Path, size: int, modified: int) -> str:
    """SHA-256 of a file; size and time stand for its content in the cache's key."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
