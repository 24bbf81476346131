"""Pictures as a model sees them, and as it would see them a little changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, MutableMapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core import lanes
from imgsim_core.models.catalogue import Model
from imgsim_core.models.encoder import encode_framed, framed
from imgsim_core.models.network import compute_alone, network, quicken, usable_processors
from imgsim_core.picture import Picture

Array = NDArray[np.float32]
Known = MutableMapping[tuple[str, int], Array]

COPIES = 1
"""Changed copies of each picture that are trained on beside it."""

_BATCH = 4  # measured: more pictures together fall out of the processor's cache
_MOST_THREADS = 8
_AHEAD = 2  # batches a thread that wait their turn, so that stopping is soon
_MANY = 150  # from so many on, the seconds that making the model quicker takes come back
_LEAST_KEPT = 0.6  # share of the area that a changed copy shows at least
_MOST_LIGHT = 0.25  # of brightness and of contrast, up or down


def embedded(
    model: Model,
    pictures: Sequence[Picture],
    copies: int = COPIES,
    *,
    known: Known | None = None,
    told: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Array | None:
    """Embed pictures and changed copies of them: cut a little, mirrored, in other light.

    Parameters
    ----------
    model : Model
    pictures : sequence of Picture
    copies : int
        Changed copies of each, 0 or more; the same ones every time.
    known : mutable mapping of (digest, copy) to vector, or None
        What is in is not embedded again; what is new is put in.
    told : callable or None
        Called with (done, all) after each batch.
    stop : callable
        Asked between batches; True ends the work.

    Returns
    -------
    ndarray of float32, shape (n, 1 + copies, dimension), or None
        Each vector of length 1; copy 0 is the picture itself. None if stopped.

    Raises
    ------
    WeightsMissing, WeightsWrong
        If the model cannot be used on this host.
    """
    held: Known = {} if known is None else known
    wanted = [
        (picture, copy)
        for picture in pictures
        for copy in range(copies + 1)
        if (picture.digest, copy) not in held
    ]
    if not _all_embedded(model, wanted, held, told, stop):
        return None
    rows = [[held[picture.digest, copy] for copy in range(copies + 1)] for picture in pictures]
    return np.array(rows, np.float32).reshape(len(pictures), copies + 1, model.dimension)


def _all_embedded(
    model: Model,
    wanted: Sequence[tuple[Picture, int]],
    held: Known,
    told: Callable[[int, int], None] | None,
    stop: Callable[[], bool],
) -> bool:
    """Put what is wanted into `held`, a few at a time on each processor; False if stopped."""
    if not wanted:
        return True
    network(model)  # loaded before the threads that share it start
    if len(wanted) >= _MANY:
        quicken(model)
    batches = [wanted[start : start + _BATCH] for start in range(0, len(wanted), _BATCH)]
    threads = min(_MOST_THREADS, usable_processors(), len(batches))
    under_way: deque[tuple[Sequence[tuple[Picture, int]], Future[Array]]] = deque()
    pool = ThreadPoolExecutor(threads, "teaching", compute_alone, (lanes.current(),))
    done = 0

    def take() -> None:
        nonlocal done
        batch, made = under_way.popleft()
        for (picture, copy), vector in zip(batch, made.result(), strict=True):
            held[picture.digest, copy] = vector
        done += len(batch)
        if told is not None:
            told(done, len(wanted))

    try:
        for batch in batches:
            if stop():
                return False
            under_way.append((batch, pool.submit(_vectors, model, batch)))
            if len(under_way) > _AHEAD * threads:
                take()
        while under_way:
            if stop():
                return False
            take()
    finally:
        pool.shutdown(cancel_futures=True)
    return True


def _vectors(model: Model, batch: Sequence[tuple[Picture, int]]) -> Array:
    squares = [
        framed(model, changed(picture, copy) if copy else picture, model.framing)
        for picture, copy in batch
    ]
    return encode_framed(model, squares)[0]


def changed(picture: Picture, copy: int) -> Picture:
    """Make a copy of a picture as another photograph of the same might be.

    Parameters
    ----------
    picture : Picture
    copy : int
        Which of the copies, from 1; the same number gives the same copy.

    Returns
    -------
    Picture
        Part of it, mirrored or not, a little brighter or darker.
    """
    random = np.random.default_rng([int(picture.digest[:8], 16), copy])
    height, width = picture.rgb.shape[:2]
    side = np.sqrt(random.uniform(_LEAST_KEPT, 1))
    tall, wide = max(1, round(height * side)), max(1, round(width * side))
    top, left = random.integers(height - tall + 1), random.integers(width - wide + 1)
    rgb = picture.rgb[top : top + tall, left : left + wide]
    # By chance and not always: where sides matter, a copy must not always contradict
    if random.random() < 0.5:
        rgb = rgb[:, ::-1]
    gain, offset = 1 + random.uniform(-1, 1, 2) * _MOST_LIGHT
    rgb = cv2.convertScaleAbs(np.ascontiguousarray(rgb), alpha=gain, beta=64 * (offset - 1))
    rgb.setflags(write=False)
    return Picture(rgb, f"{picture.digest}/{copy}", picture.name)
