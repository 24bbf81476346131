"""Whether a model can be used here and now, and if not, why, in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from imgsim_core.models import download
from imgsim_core.models.catalogue import HubFile, Model, ReleaseFile, WheelFile
from imgsim_core.models.files import weights_file
from imgsim_core.models.reach import hub_address, reachable
from imgsim_core.text import Text


@dataclass(frozen=True)
class Availability:
    """Whether a model can be used.

    state : "ready", "downloadable", "downloading" or "offline". path : its weights file,
    if ready. reason : a sentence for a visitor, unless ready.
    """

    state: Literal["ready", "downloadable", "downloading", "offline"]
    path: Path | None = None
    reason: Text | None = None


def availability(model: Model) -> Availability:
    """Tell whether a model can be used, in well under a second and without the network.

    Parameters
    ----------
    model : Model

    Returns
    -------
    Availability
        While nobody knows yet whether a server can be reached, it counts as reachable.
    """
    file = weights_file(model)
    if file is not None:
        return Availability("ready", file.path)
    progress = download.progress(model)
    if progress.state == "running":
        return Availability("downloading", reason=_downloading(model, progress))
    addresses = _addresses(model)
    if model.taught_from is not None:
        return Availability("offline", reason=_file_missing(model))
    if not addresses:
        return Availability("offline", reason=_package_missing(model))
    if any(reachable(address) is not False for address in addresses):
        return Availability("downloadable", reason=_downloadable(model))
    return Availability("offline", reason=_offline(model))


def _addresses(model: Model) -> tuple[str, ...]:
    """List the servers that have the model's weights, each once."""
    found: dict[str, None] = {}
    for file in model.files:
        if isinstance(file, HubFile):
            found[hub_address()] = None
        elif isinstance(file, ReleaseFile):
            parts = urlsplit(file.address)
            found[f"{parts.scheme}://{parts.netloc}"] = None
    return tuple(found)


def _downloading(model: Model, progress: download.Progress) -> Text:
    return Text(
        "{model} is being downloaded: {done} of {total} MB.",
        model=model.label,
        done=progress.done // 1_000_000,
        total=progress.total // 1_000_000 or model.megabytes,
    )


def _downloadable(model: Model) -> Text:
    return Text(
        "{model} needs a one-time {megabytes} MB download.",
        model=model.label,
        megabytes=model.megabytes,
    )


def _offline(model: Model) -> Text:
    return Text(
        "{model} needs a one-time {megabytes} MB download; this host is offline.",
        model=model.label,
        megabytes=model.megabytes,
    )


def _package_missing(model: Model) -> Text:
    packages = (file.package for file in model.files if isinstance(file, WheelFile))
    return Text(
        "{model} needs the Python package {package}, which is not installed on this host.",
        model=model.label,
        package=next(packages, model.id),
    )


def _file_missing(model: Model) -> Text:
    return Text("The file {file} is no longer there.", file=f"{model.id}.safetensors")
