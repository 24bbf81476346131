"""Models that were taught on this host's own pictures: the catalogue's entries of its owner.

Such a model is one file, own-NAME.safetensors, in the folder that `IMGSIM_WEIGHTS_DIR` names.
Its header says which network it is and how it came about; the file is all that is needed.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from imgsim_core.errors import WeightsWrong
from imgsim_core.models.catalogue import MODELS, Framing, Model
from imgsim_core.models.files import WEIGHTS_DIRECTORY
from imgsim_core.models.tensor_file import Tensors, read_tensors, told_in, write_tensors
from imgsim_core.text import Text, UserText

FORMAT = "imgsim model 1"
SUFFIX = ".safetensors"
FROM_NOTHING = "scratch"

_ID = re.compile(r"own-[a-z0-9][a-z0-9-]{0,39}")
# No colon and no slash: with them the libraries would fetch from the network or read a folder
_ARCHITECTURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_LICENCE = re.compile(r"[A-Za-z0-9.+ -]{1,60}")
_LARGEST_SIDE, _LONGEST_VECTOR = 1024, 8192
_PLAIN = (
    *("library", "architecture", "kind", "dimension", "size", "framing", "crop_share"),
    *("interpolation", "licence", "source", "taught_from"),
)


@dataclass(frozen=True)
class OwnModel:
    """A model of this host's own, and how it was taught and judged, for people to read."""

    model: Model
    summary: Mapping[str, Any]


def own_models() -> tuple[Model, ...]:
    """List the models in the host's folder, by id.

    Returns
    -------
    tuple of Model
        Looked for once a process and folder; a file that is none is left out, and
        `refusal` says why.
    """
    return tuple(own.model for own in _found(os.environ.get(WEIGHTS_DIRECTORY, ""))[0])


def summary_of(model_id: str) -> Mapping[str, Any]:
    """How a model of the host's own was taught and judged; empty for any other."""
    found = _found(os.environ.get(WEIGHTS_DIRECTORY, ""))[0]
    return next((own.summary for own in found if own.model.id == model_id), {})


def line_of(model_id: str) -> float | None:
    """Cosine that 1 in 100 pairs of different groups kept out reached; None if none is known."""
    line = summary_of(model_id).get("line")
    return float(line) if isinstance(line, int | float) and -1 <= line < 1 else None


def refusal(model_id: str) -> Text | None:
    """Say why a file of the host's own is not in the catalogue; None if there is no such."""
    return _found(os.environ.get(WEIGHTS_DIRECTORY, ""))[1].get(model_id)


def is_own_id(model_id: str) -> bool:
    """Tell whether a model of one's own may be called so: own- and small letters, digits, -."""
    return _ID.fullmatch(model_id) is not None


def is_plain(architecture: str) -> bool:
    """Tell whether a network's name is a name and nothing that a library would fetch."""
    return _ARCHITECTURE.fullmatch(architecture) is not None


@cache
def _found(folder: str) -> tuple[tuple[OwnModel, ...], dict[str, Text]]:
    found: list[OwnModel] = []
    refused: dict[str, Text] = {}
    try:
        paths = sorted(Path(folder).glob(f"own-*{SUFFIX}")) if folder else []
    except OSError:
        paths = []  # a folder that may not be read has nothing for us
    for path in paths:
        try:
            found.append(own_model(path))
        except WeightsWrong as error:
            refused[path.stem] = error.text
    return tuple(found), refused


def write_own(path: Path, model: Model, layers: Tensors, summary: Mapping[str, Any]) -> None:
    """Write a model's file.

    Parameters
    ----------
    path : Path
        Whose name is the model's id.
    model : Model
        With `taught_from`.
    layers : mapping of str to ndarray
        All that its network's state holds.
    summary : mapping of str to plain values
        How it was taught and judged, for people to read.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    network = {key: getattr(model, key) for key in _PLAIN}
    network |= {"mean": list(model.mean), "std": list(model.std)}
    network["library"] = "timm" if model.library == "wheel" else model.library
    told = {
        "format": FORMAT,
        "network": json.dumps(network, sort_keys=True),
        "summary": json.dumps(dict(summary), ensure_ascii=False, sort_keys=True),
    }
    write_tensors(path, layers, told)


def own_model(path: Path) -> OwnModel:
    """Read which model a file holds, from its header alone.

    Raises
    ------
    WeightsWrong
        If it is no such file, or its header says what cannot be.
    """
    try:
        told = told_in(path)
        network, summary = json.loads(told["network"]), json.loads(told["summary"])
        if told["format"] != FORMAT or not is_own_id(path.stem) or not isinstance(summary, dict):
            raise ValueError("another format")
        model = _model(path, network)
    # Foreign bytes: lists where numbers should be, keys that lack
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        OverflowError,
    ) as error:
        raise WeightsWrong(
            Text(
                "{name} is not a model taught by this app, or was cut short. It is not used.",
                name=UserText(path.name),
            )
        ) from error
    return OwnModel(model, summary)


def layers_of(path: Path) -> dict[str, NDArray[Any]]:
    """Read a model's numbers, held against its digest.

    Raises
    ------
    ValueError
        If a byte was changed since it was written.
    """
    layers, _ = read_tensors(path)
    if not all(np.isfinite(values).all() for values in layers.values()):
        raise ValueError("not finite")
    return layers


def _model(path: Path, told: Mapping[str, Any]) -> Model:
    """Make an entry of what a header says; ValueError, KeyError or TypeError if it cannot be."""
    base = next((model for model in MODELS if model.id == told["taught_from"]), None)
    words = told["kind"] == "picture-and-text"
    mean, std = (tuple(float(value) for value in told[key]) for key in ("mean", "std"))
    sound = (
        told["library"] in ("timm", "open_clip")
        and told["kind"] in ("picture", "picture-and-text")
        and words == (told["library"] == "open_clip")
        and told["framing"] in get_args(Framing)
        and told["interpolation"] in ("bicubic", "bilinear")
        and is_plain(told["architecture"])
        and all(type(told[key]) is int for key in ("size", "dimension"))
        and 16 <= told["size"] <= _LARGEST_SIDE
        and 1 <= told["dimension"] <= _LONGEST_VECTOR
        and 0.1 <= told["crop_share"] <= 1
        and len(mean) == len(std) == 3
        and all(map(math.isfinite, (*mean, *std)))
        and min(std) > 0
        and isinstance(told["taught_from"], str)
        and _LICENCE.fullmatch(told["licence"]) is not None
        and told["source"].startswith("https://")  # pages make a link of it
    )
    if not sound:
        raise ValueError("a header that says what cannot be")
    return entry(
        path.stem,
        base,
        library=told["library"],
        architecture=told["architecture"],
        kind=told["kind"],
        dimension=told["dimension"],
        size=told["size"],
        framing=told["framing"],
        crop_share=float(told["crop_share"]),
        mean=mean,
        std=std,
        interpolation=told["interpolation"],
        licence=told["licence"],
        source=told["source"],
        taught_from=told["taught_from"],
        megabytes=max(1, round(path.stat().st_size / 1e6)),
    )


def entry(model_id: str, base: Model | None, **parts: Any) -> Model:
    """Make the catalogue's entry of a model of one's own.

    Parameters
    ----------
    model_id : str
    base : Model or None
        The catalogue's model that it was taught from, if it is there.
    **parts
        The other fields of `Model`.
    """
    languages: Text | None = None
    if parts["kind"] == "picture-and-text":
        known = None if base is None else base.languages
        languages = known or Text("Those of the model it was taught from")
    if parts["taught_from"] == FROM_NOTHING:
        about = Text("Taught on this host's own pictures, from nothing.")
    else:
        about = Text(
            "Taught on this host's own pictures, starting from {base}.",
            base=UserText(parts["taught_from"]) if base is None else base.label,
        )
    return Model(
        id=model_id,
        label=Text("{name} (own model)", name=model_id.removeprefix("own-")),
        about=about,
        tag="own",
        files=(),
        languages=languages,
        **parts,
    )
