"""Run any model of the catalogue: pictures in, normalised vectors and feature grids out."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core import counting, lanes
from imgsim_core.errors import ModelError
from imgsim_core.models.batching import BatchingQueue
from imgsim_core.models.catalogue import Framing, Model
from imgsim_core.models.framing import framed, network_input
from imgsim_core.models.network import network
from imgsim_core.models.torchvision_operators import torch_library
from imgsim_core.picture import Picture
from imgsim_core.text import Text

__all__ = [
    "best_likeness",
    "encode",
    "encode_framed",
    "encode_text",
    "encode_with_lengths",
    "framed",
    "patch_features",
    "patch_similarity",
    "tokenizer",
    "top_classes",
    "waiting",
]

Array = NDArray[np.float32]

_LONGEST_BATCH = 0.25  # seconds that whoever comes next waits for the batch at work

_LOCK = threading.Lock()
_queues: dict[tuple[str, str], BatchingQueue[NDArray[Any], Array]] = {}


def encode(model: Model, pictures: Sequence[Picture], framing: Framing) -> Array:
    """Embed pictures.

    Parameters
    ----------
    model : Model
    pictures : sequence of Picture
    framing : str
        "crop", "squash" or "pad".

    Returns
    -------
    ndarray of float32, shape (n, dimension)
        Each row of Euclidean length 1.

    Raises
    ------
    WeightsMissing, WeightsWrong
        If the model cannot be used on this host.
    """
    return encode_with_lengths(model, pictures, framing)[0]


def encode_with_lengths(
    model: Model, pictures: Sequence[Picture], framing: Framing
) -> tuple[Array, Array]:
    """Embed pictures as `encode` does, and tell how long the vectors were.

    Returns
    -------
    tuple of ndarray of float32, shapes (n, dimension) and (n,)
        Rows of Euclidean length 1, and the lengths they had before that.

    Raises
    ------
    WeightsMissing, WeightsWrong
        If the model cannot be used on this host.
    """
    vectors = _asked(model, "vectors", pictures, framing)
    return _with_lengths(np.stack(vectors) if vectors else np.zeros((0, model.dimension)))


def encode_framed(model: Model, squares: Sequence[NDArray[np.uint8]]) -> tuple[Array, Array]:
    """Embed pictures that `framed` has made squares of already, in this very thread.

    For many pictures: who brings them has threads of its own (see `compute_alone`), and
    visitors who ask for single ones do not wait behind them: in the background each step
    gives way to them.

    Parameters
    ----------
    model : Model
    squares : sequence of ndarray of uint8, shape (size, size, 3)
        All of them go through the network together.

    Returns
    -------
    tuple of ndarray of float32, shapes (n, dimension) and (n,)
        Rows of Euclidean length 1, and the lengths they had before that.

    Raises
    ------
    WeightsMissing, WeightsWrong
        If the model cannot be used on this host.
    """
    loaded = network(model)
    if not squares:
        return _with_lengths(np.zeros((0, model.dimension)))
    import torch

    lanes.give_way()
    batch = torch.from_numpy(np.stack([network_input(model, square) for square in squares]))
    return _with_lengths(loaded.run("vectors", batch).numpy())


def encode_text(model: Model, texts: Sequence[str]) -> Array:
    """Embed words with a model that knows words.

    Parameters
    ----------
    model : Model
        Of the kind "picture-and-text".
    texts : sequence of str

    Returns
    -------
    ndarray of float32, shape (n, dimension)
        Each row of Euclidean length 1, comparable with the rows of `encode`.

    Raises
    ------
    ModelError
        If the model knows no words, or its tokenizer needs a package that is not here.
    WeightsMissing, WeightsWrong
        If the model cannot be used on this host.
    """
    if model.kind != "picture-and-text":
        raise ModelError(Text("{model} cannot read words.", model=model.label))
    network(model)  # first: without weights nothing is to be looked for elsewhere either
    tokens = tokenizer(model)(list(texts)).numpy() if texts else ()
    vectors = _answers_to(model, "words", tokens)
    return _with_lengths(np.stack(vectors) if vectors else np.zeros((0, model.dimension)))[0]


def tokenizer(model: Model) -> Callable[[list[str]], Any]:
    """Find what turns texts into the numbers that a model's text side reads.

    Raises
    ------
    ModelError
        If it needs a package that is not here.
    """
    try:
        tokenize: Callable[[list[str]], Any] = torch_library("open_clip").get_tokenizer(
            model.architecture
        )
    except ImportError as error:
        raise ModelError(
            Text(
                "To read words, {model} needs the Python package {package}, which is not "
                "installed on this host.",
                model=model.label,
                package=error.name or "transformers",
            )
        ) from error
    return tokenize


def patch_features(model: Model, picture: Picture, framing: Framing) -> Array:
    """Describe each place of what the model sees: its last feature grid.

    Parameters
    ----------
    model : Model
    picture : Picture
    framing : str

    Returns
    -------
    ndarray of float32, shape (rows, columns, channels)
        Each place of Euclidean length 1, or 0 where the network saw nothing at all.
    """
    (grid,) = _asked(model, "grids", (picture,), framing)
    return _normalised(grid.transpose(1, 2, 0))


def patch_similarity(
    model: Model, a: Picture, b: Picture, row: int, column: int, framing: Framing
) -> Array:
    """Tell how alike each place of B is to one place of A.

    Parameters
    ----------
    model : Model
    a, b : Picture
    row, column : int
        A place in A's grid, as `patch_features` has it.
    framing : str

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Cosines, -1 to 1, over the grid of B.
    """
    place = patch_features(model, a, framing)[row, column]
    cosines: Array = np.clip(patch_features(model, b, framing) @ place, -1, 1)
    return cosines


def best_likeness(features_a: Array, features_b: Array) -> tuple[Array, Array]:
    """Tell for each place of either grid how alike its best partner in the other is.

    Parameters
    ----------
    features_a, features_b : ndarray of float32, shape (rows, columns, channels)
        As `patch_features` gives them.

    Returns
    -------
    tuple of ndarray of float32, shapes (rows, columns)
        Cosines, -1 to 1, over the grid of A and over the grid of B.
    """
    channels = features_a.shape[-1]
    cosines = np.clip(features_a.reshape(-1, channels) @ features_b.reshape(-1, channels).T, -1, 1)
    return (
        cosines.max(axis=1).reshape(features_a.shape[:2]),
        cosines.max(axis=0).reshape(features_b.shape[:2]),
    )


def top_classes(
    model: Model, picture: Picture, framing: Framing, count: int = 5
) -> tuple[tuple[str, float], ...]:
    """Name what a classifier takes a picture for, the surest first.

    Parameters
    ----------
    model : Model
        One with `classes`.
    picture : Picture
    framing : str
    count : int

    Returns
    -------
    tuple of (str, float)
        English name of an ImageNet class, and its probability 0..1 among the 1,000.
    """
    (probabilities,) = _asked(model, "classes", (picture,), framing)
    best = np.argsort(-probabilities, kind="stable")[:count]
    names = torch_library("timm.data").ImageNetInfo()
    return tuple(
        (str(names.index_to_description(int(i))).split(",")[0], float(probabilities[i]))
        for i in best
    )


def _asked(model: Model, task: str, pictures: Sequence[Picture], framing: Framing) -> list[Array]:
    inputs = (network_input(model, framed(model, picture, framing)) for picture in pictures)
    return _answers_to(model, task, inputs)


def _answers_to(model: Model, task: str, inputs: Iterable[NDArray[Any]]) -> list[Array]:
    """Ask the model's queue, as somebody who waits at a page."""
    work = _queue(model, task)
    network(model)  # fails here, in the caller's thread, if the model cannot be used
    with lanes.in_front():
        return work.answers(inputs)


def waiting() -> dict[str, int]:
    """Count the pictures and words that wait for a network now, by the model's id."""
    with _LOCK:
        queues = dict(_queues)
    count: Counter[str] = Counter()
    for (model_id, _), queue in queues.items():
        count[model_id] += queue.waiting
    return dict(count)


def _queue(model: Model, task: str) -> BatchingQueue[NDArray[Any], Array]:
    with _LOCK:
        key = model.id, task
        if key not in _queues:
            _queues[key] = BatchingQueue(
                lambda inputs: _answers(model, task, inputs), seconds=_LONGEST_BATCH
            )
        return _queues[key]


def _answers(model: Model, task: str, inputs: Sequence[NDArray[Any]]) -> Sequence[Array]:
    import torch

    counting.batches.add(model.id, len(inputs))
    batch = torch.from_numpy(np.stack(inputs))
    answers: Any = network(model).run(task, batch).numpy()
    return list(answers)


def _with_lengths(vectors: NDArray[Any]) -> tuple[Array, Array]:
    vectors = vectors.astype(np.float32, copy=False)
    return _normalised(vectors), np.linalg.norm(vectors, axis=-1)


def _normalised(vectors: Array) -> Array:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    normal: Array = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return normal
