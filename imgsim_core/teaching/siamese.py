"""Train a head: two branches with the same weights, and a loss that pulls groups together.

Every picture goes through the same network (Bromley et al. 1993,
https://doi.org/10.1142/S0218001493000339); only which of them are alike is told. The model
below stays as it is, so that the whole is a matter of seconds.

Training begins at the pictures' own middle: what they all share is taken away, which alone
sets them apart better. From there on the groups teach, in the few directions in which these
pictures differ, for as long as groups that are watched fare better by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.models.torchvision_operators import torch_library
from imgsim_core.teaching.head import Head
from imgsim_core.teaching.judging import judged
from imgsim_core.teaching.one_thread import one_thread, product
from imgsim_core.text import Text

Array = NDArray[np.float32]
Labels = NDArray[np.intp]

RANK = 32
STEPS = 160
_BATCH = 256
_BATCH_TRIPLETS = 96  # their number grows with the third power
_MOST_OF_A_GROUP = 16  # pictures in one step, or a big group would be all there is
_DIRECTIONS = 128
_EVERY = 4  # steps between two looks at the groups kept out
_LEAST_GAIN = 0.03  # over the start, or it is kept: few watched groups make small gains by luck
_PATIENCE = 8  # looks without anything better before training ends
_RATE = 5e-3
_DECAY = 1e-3
_LEAST_STRENGTH = 1e-6  # of a direction against the strongest: rounding is weaker
_STEPS_UNSEEN = 10  # where too few groups are there to keep any out


class Loss(Enum):
    """What training pulls and pushes; each by the well-known function of that name."""

    CONTRASTIVE = "contrastive"
    TRIPLET = "triplet"
    SUPERVISED_CONTRASTIVE = "supcon"

    @property
    def label(self) -> Text:
        """Name for a visitor."""
        return _LABELS[self]


_LABELS = {
    Loss.SUPERVISED_CONTRASTIVE: Text("Supervised contrastive: every group against all others"),
    Loss.TRIPLET: Text("Triplet: nearer to its own than to the nearest wrong one"),
    Loss.CONTRASTIVE: Text("Contrastive: pairs together or apart"),
}


@dataclass(frozen=True)
class Moment:
    """Where training stands: step, loss, and quality 0..1 on the groups kept out, if any."""

    step: int
    loss: float
    quality: float | None


@dataclass(frozen=True, eq=False)
class Trained:
    """A head and how it came about.

    head : of the best moment. best_step : 0 if nothing was better than the start.
    curve : every look that was taken. diverged : whether the loss ran away and training
    ended early, at the best moment so far.
    """

    head: Head
    best_step: int
    curve: tuple[Moment, ...]
    diverged: bool


def trained(
    views: Array,
    labels: Labels,
    base: str,
    *,
    loss: Loss = Loss.CONTRASTIVE,
    kept_out: Labels | None = None,
    steps: int | None = None,
    seed: int = 0,
    told: Callable[[Moment], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Trained:
    """Train a head on grouped vectors.

    Parameters
    ----------
    views : ndarray of float32, shape (n, copies, dimension)
        As `views.embedded` gives them; each copy belongs to its picture's group.
    labels : ndarray of intp, shape (n,)
        Group of each picture.
    base : str
        Which encoder made the vectors.
    loss : Loss
    kept_out : ndarray of intp or None
        Groups that are not trained on: training stops when they fare no better.
    steps : int or None
        At most; None: `STEPS`, and fewer where nothing is kept out, since nobody would
        notice too many.
    seed : int
        The same seed and pictures give the same head on the same machine.
    told : callable or None
        Called at each look.
    stop : callable
        Asked at each step; True ends training with the best so far.

    Returns
    -------
    Trained

    Notes
    -----
    Losses: Hadsell et al. 2006, https://doi.org/10.1109/CVPR.2006.100; Schroff et al. 2015,
    https://doi.org/10.1109/CVPR.2015.7298682; Khosla et al. 2020, arXiv:2004.11362.
    """
    with one_thread():
        return _descent(views, labels, base, loss, kept_out, steps, seed, told, stop)


def _descent(
    views: Array,
    labels: Labels,
    base: str,
    loss: Loss,
    kept_out: Labels | None,
    steps: int | None,
    seed: int,
    told: Callable[[Moment], None] | None,
    stop: Callable[[], bool],
) -> Trained:
    import torch

    out = np.zeros(len(labels), bool) if kept_out is None else np.isin(labels, kept_out)
    random = np.random.default_rng(seed)
    seen, own = views[~out], labels[~out]
    space = _Space(seen, own)
    inside = torch.from_numpy(space.coordinates(seen))
    parts = [torch.from_numpy(part).requires_grad_() for part in space.start(random)]
    optimizer = torch.optim.AdamW(parts, lr=_RATE, weight_decay=_DECAY)
    function = loss_function(loss)
    batch = _BATCH_TRIPLETS if loss is Loss.TRIPLET else _BATCH
    best = space.head(parts, base)
    best_step, best_quality = 0, _quality(best, views, labels, out)
    enough = 0.0 if best_quality is None else best_quality + _LEAST_GAIN
    curve = [Moment(0, math.nan, best_quality)]
    last = (STEPS if best_quality is not None else _STEPS_UNSEEN) if steps is None else steps
    diverged = False
    for step in range(1, last + 1):
        if stop():
            break
        rows = _batch(own, batch, random)
        copies = random.integers(seen.shape[1], size=len(rows))
        value = function(_carried(inside[rows, copies], *parts), torch.from_numpy(own[rows]))
        if not torch.isfinite(value):
            diverged = True
            break
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        if step % _EVERY and step != last:
            continue
        if not all(bool(torch.isfinite(part).all()) for part in parts):
            diverged = True
            break
        now = space.head(parts, base)
        quality = _quality(now, views, labels, out)
        moment = Moment(step, float(value.detach()), quality)
        curve.append(moment)
        if told is not None:
            told(moment)
        if quality is None or best_quality is None or quality > max(best_quality, enough):
            best, best_step, best_quality = now, step, quality
        elif step - best_step >= _PATIENCE * _EVERY:
            break
    return Trained(best, best_step, tuple(curve), diverged)


class _Space:
    """Where training happens: around the pictures' middle, where these pictures differ.

    Other directions would not be trained by them anyway, and few numbers are quick.
    """

    def __init__(self, seen: Array, labels: Labels) -> None:
        import torch

        pictures = seen.mean(axis=1)
        # Each group weighs the same, however many pictures it has
        self.middle = np.stack(
            [pictures[labels == label].mean(axis=0) for label in np.unique(labels)]
        ).mean(axis=0)
        away = (seen - self.middle).reshape(-1, seen.shape[2])
        rows = torch.from_numpy(away)
        wide = len(away) < away.shape[1]
        products = rows @ rows.T if wide else rows.T @ rows
        strength, found = (part.numpy() for part in torch.linalg.eigh(products.double()))
        real = np.flatnonzero(strength > _LEAST_STRENGTH * strength[-1])[::-1][:_DIRECTIONS].copy()
        directions = found[:, real]
        if wide:
            directions = away.T @ directions / np.sqrt(strength[real])
        self.directions = directions.astype(np.float32)  # (dimension, directions)
        lengths = np.linalg.norm(away @ self.directions, axis=1)
        self.length = float(lengths.mean()) or 1.0

    def coordinates(self, views: Array) -> Array:
        found = (views - self.middle) @ self.directions / self.length
        return np.asarray(found, np.float32)

    def start(self, random: np.random.Generator) -> tuple[Array, Array, Array]:
        size = self.directions.shape[1]
        down = (random.normal(size=(RANK, size)) / math.sqrt(max(size, 1))).astype(np.float32)
        return down, np.zeros((size, RANK), np.float32), np.zeros(size, np.float32)

    def head(self, parts: Sequence[Any], base: str) -> Head:
        """Write what was learned here as a head for whole vectors."""
        down, up, shift = (part.detach().numpy() for part in parts)
        down, up = product(down, self.directions.T), product(self.directions, up)
        shift = self.length * (self.directions @ shift) - self.middle - up @ (down @ self.middle)
        own = [np.ascontiguousarray(part, np.float32) for part in (down, up, shift)]
        return Head("", base, own[0], own[1], own[2], {})


def loss_function(loss: Loss) -> Callable[[Any, Any], Any]:
    """Look up what training makes small: (vectors of length 1, groups) to one number."""
    losses = torch_library("pytorch_metric_learning.losses")
    if loss is Loss.SUPERVISED_CONTRASTIVE:
        supervised: Callable[[Any, Any], Any] = losses.SupConLoss()
        return supervised
    if loss is Loss.CONTRASTIVE:
        distances = torch_library("pytorch_metric_learning.distances")
        contrastive: Callable[[Any, Any], Any] = losses.ContrastiveLoss(
            pos_margin=1, neg_margin=0, distance=distances.CosineSimilarity()
        )
        return contrastive
    triplet = losses.TripletMarginLoss(margin=0.2)
    miner = torch_library("pytorch_metric_learning.miners").TripletMarginMiner(
        margin=0.2, type_of_triplets="semihard"
    )
    return lambda vectors, groups: triplet(vectors, groups, miner(vectors, groups))


def _batch(labels: Labels, most: int, random: np.random.Generator) -> NDArray[np.intp]:
    """Choose the rows of one step by chance: of every group a few, of many groups some whole."""
    rows = random.permutation(len(labels))
    order = rows[np.argsort(labels[rows], kind="stable")]
    starts = np.searchsorted(labels[order], labels[order])
    few = order[np.arange(len(order)) - starts < _MOST_OF_A_GROUP]
    if len(few) <= most:
        return np.sort(few)
    turn = random.permutation(int(labels.max()) + 1)
    return few[np.argsort(turn[labels[few]], kind="stable")][:most]


def _carried(inside: Any, down: Any, up: Any, shift: Any) -> Any:
    import torch

    return torch.nn.functional.normalize(inside + (inside @ down.T) @ up.T + shift, dim=-1)


def _quality(head: Head, views: Array, labels: Labels, out: NDArray[np.bool_]) -> float | None:
    """How well the groups kept out are told apart from each other, 0..1; None where none is."""
    rows = np.flatnonzero(out)
    if len(np.unique(labels[rows])) < 2:
        return None
    own = labels[rows]
    asked = np.flatnonzero(np.bincount(own)[own] >= 2)
    if not len(asked):
        return None
    vectors = views[rows, 0]
    carried = vectors + product(product(vectors, head.down.T), head.up.T) + head.shift
    carried /= np.maximum(np.linalg.norm(carried, axis=1, keepdims=True), 1e-12)
    found = judged(carried, own, asked)
    return float((found.hit.mean() + found.area.mean()) / 2)
