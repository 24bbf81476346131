"""Train a whole network, carefully: slowly, watched on what it has not seen, and resumable.

What is trained is a `Task`; `descent` knows only how. The recipe is the safe one for small
sets: a low rate that warms up and fades (Loshchilov and Hutter 2017, arXiv:1608.03983),
decoupled decay (arXiv:1711.05101), gradients of bounded length, the best moment kept.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imgsim_core.models.catalogue import Model
from imgsim_core.teaching.checkpoints import (
    Checkpoint,
    Numbers,
    read_checkpoint,
    write_checkpoint,
)
from imgsim_core.teaching.judging import FEWEST_TO_CLAIM
from imgsim_core.teaching.siamese import Moment

if TYPE_CHECKING:
    import torch


FEWEST_TO_BRING = 3 * FEWEST_TO_CLAIM
"""Groups or families of which `dealt` keeps enough out for something to be claimed."""

_LONGEST_UNKEPT = 120.0  # seconds of work that an accident may cost, about
_SHARE_JUDGED = _SHARE_WATCHED = 0.2
_INHERITED = (
    *("library", "architecture", "kind", "dimension", "size", "framing", "crop_share"),
    *("mean", "std", "interpolation", "licence", "source", "megabytes"),
)


class Task(Protocol):
    """What is trained: a network, its loss at a step, and how good it is.

    `module` is the network on its device; of its parameters, those that require a gradient
    learn. `study` and `rest` put it into the mode for training and for looking.
    """

    module: Any

    def study(self) -> None:
        """Go over to training."""

    def rest(self) -> None:
        """Go over to looking: nothing is drawn by chance, nothing is remembered."""

    def loss(self, step: int) -> torch.Tensor:
        """Loss of one step; all its chance comes from the step's number."""

    def quality(self) -> float:
        """How good the network is on what it is not trained with; more is better."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to train.

    Parameters
    ----------
    steps : int
        At most.
    rate : float
        Highest learning rate.
    warm_up : float
        Share of the steps in which the rate rises; it fades like a cosine after them.
    decay : float
        Of weights, not of biases and gains.
    longest : float
        Length that the gradient is cut to.
    every : int
        Steps between two looks at the quality.
    patience : int
        Looks without anything better before training ends.
    keep_every : int
        Steps between two checkpoints; where steps are slow, one is kept every two minutes.
    seed : int
    """

    steps: int
    rate: float
    warm_up: float = 0.1
    decay: float = 0.05
    longest: float = 1.0
    every: int = 10
    patience: int = 8
    keep_every: int = 50
    seed: int = 0

    def rate_at(self, step: int) -> float:
        """Learning rate of a step, 1 to `steps`."""
        rising = max(1, round(self.warm_up * self.steps))
        if step <= rising:
            return self.rate * step / rising
        share = (step - rising) / max(1, self.steps - rising)
        return self.rate * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True, eq=False)
class Descent:
    """What came of a training.

    Parameters
    ----------
    first, best : dict of str to ndarray
        The parts that learn, before training and at the best moment; the network is left
        at the best.
    best_step : int
        0 if nothing was better than no training.
    last_step : int
    curve : tuple of Moment
    diverged : bool
        Whether loss or gradient ran away and training ended early.
    stopped : bool
        Whether somebody stopped it; the checkpoint is then where it can go on.
    """

    first: Numbers
    best: Numbers
    best_step: int
    last_step: int
    curve: tuple[Moment, ...]
    diverged: bool
    stopped: bool


@dataclass
class _State:
    best: Numbers
    step: int = 0
    best_step: int = 0
    curve: list[Moment] = field(default_factory=list)

    @property
    def best_quality(self) -> float:
        looks = [moment for moment in self.curve if moment.step == self.best_step]
        quality = looks[0].quality if looks else None
        return -math.inf if quality is None else quality


def descent(
    task: Task,
    recipe: Recipe,
    *,
    checkpoint: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    resume: bool = False,
    told: Callable[[Moment], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Descent:
    """Train a task's network.

    Parameters
    ----------
    task : Task
    recipe : Recipe
    checkpoint : Path or None
        Where to keep how far it is.
    settings : mapping or None
        What must be the same to go on from a checkpoint; the recipe is part of it anyway.
    resume : bool
        Go on from the checkpoint.
    told : callable or None
        Called at each look.
    stop : callable
        Asked at each step; True ends training, with a checkpoint and the best so far.

    Returns
    -------
    Descent

    Raises
    ------
    WrongCheckpoint
        If there is nothing to go on from, or it is of another training.
    OSError
        If a checkpoint cannot be written.
    """
    import torch

    parameters = {name: part for name, part in task.module.named_parameters() if part.requires_grad}
    optimizer = _optimizer(parameters, recipe)
    first = learned(task.module)
    all_settings = {**(settings or {}), "recipe": vars(recipe)}
    state = _State(best=first)
    if resume and checkpoint is not None:
        state = _taken_up(read_checkpoint(checkpoint, all_settings), task, optimizer, parameters)
    else:
        state.curve.append(Moment(0, math.nan, _looked(task)))
    diverged = stopped = False

    def keep() -> None:
        if checkpoint is not None:
            write_checkpoint(checkpoint, _where(state, task, optimizer, parameters), all_settings)

    kept = time.monotonic()
    task.study()
    while state.step < recipe.steps and not _is_tired(state, recipe):
        if stop():
            stopped = True
            keep()
            break
        step = state.step + 1
        torch.manual_seed(hash((recipe.seed, step)))  # of tuples of numbers: always the same
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate_at(step)
        value = task.loss(step)
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        length = torch.nn.utils.clip_grad_norm_(parameters.values(), recipe.longest)
        if not (torch.isfinite(value) and torch.isfinite(length)):
            diverged = True
            break
        optimizer.step()
        state.step = step
        if step % recipe.every == 0 or step == recipe.steps:
            moment = Moment(step, float(value.detach()), _looked(task))
            if moment.quality is None:
                diverged = True
                break
            if moment.quality > state.best_quality:
                state.best, state.best_step = learned(task.module), step
            state.curve.append(moment)
            if told is not None:
                told(moment)
        if step % recipe.keep_every == 0 or time.monotonic() - kept > _LONGEST_UNKEPT:
            keep()
            kept = time.monotonic()
    put(task.module, state.best)
    task.rest()
    return Descent(
        first=first,
        best=state.best,
        best_step=state.best_step,
        last_step=state.step,
        curve=tuple(state.curve),
        diverged=diverged,
        stopped=stopped,
    )


@dataclass(frozen=True, eq=False)
class Parts:
    """What is learned from, watched to know when to stop, and judged by.

    learned, watched, judged : ndarray of intp; rows of pairs, or groups. None is in two.
    """

    learned: NDArray[np.intp]
    watched: NDArray[np.intp]
    judged: NDArray[np.intp]


def dealt(order: NDArray[np.intp]) -> Parts:
    """Deal out, in this order, what has no part in the training first."""
    fewest = min(FEWEST_TO_CLAIM, len(order) // 3)  # so that something can be said, if possible
    asked = max(fewest, round(_SHARE_JUDGED * len(order)))
    seen = max(2, round(_SHARE_WATCHED * len(order)))
    return Parts(order[asked + seen :], order[asked : asked + seen], order[:asked])


def fingerprint(lines: Iterable[str]) -> str:
    """Make a digest of all that was brought, a line each."""
    hashed = hashlib.sha256()
    for line in lines:
        hashed.update(f"{line}\n".encode())
    return hashed.hexdigest()


def inherited(base: Model) -> dict[str, Any]:
    """List the fields that a model has from the one that it is taught from."""
    return {name: getattr(base, name) for name in _INHERITED} | {"taught_from": base.id}


def learned(module: Any) -> Numbers:
    """Copy the parts of a network that training changes: what learns, and what is counted."""
    learning = {name for name, part in module.named_parameters() if part.requires_grad}
    learning |= {name for name, _ in module.named_buffers()}
    return {
        name: part.detach().cpu().numpy().copy()
        for name, part in module.state_dict().items()
        if name in learning
    }


def put(module: Any, parts: Numbers) -> None:
    """Put copied parts back into their network."""
    import torch

    layers = {name: torch.from_numpy(np.array(values)) for name, values in parts.items()}
    module.load_state_dict(layers, strict=False)


def half_precision(device: torch.device, studies: bool) -> AbstractContextManager[Any]:
    """Let a network that studies compute in bfloat16, where the graphics processor knows it.

    The loss, and every look that something is judged by, keep full precision.
    """
    import torch

    helps = studies and device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=helps)


def freeze_statistics(module: Any) -> None:
    """Keep the means and spreads that a network's normalisations learned from far more pictures."""
    from torch import nn

    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.eval()


def _looked(task: Task) -> float | None:
    """Ask for the quality; None if it is no number any more."""
    import torch

    task.rest()
    with torch.inference_mode():
        quality = task.quality()
    task.study()
    return quality if math.isfinite(quality) else None


def _is_tired(state: _State, recipe: Recipe) -> bool:
    looks = [moment for moment in state.curve if moment.step > state.best_step]
    return len(looks) >= recipe.patience


def _optimizer(parameters: Mapping[str, Any], recipe: Recipe) -> Any:
    import torch

    weights = [part for part in parameters.values() if part.ndim >= 2]
    rest = [part for part in parameters.values() if part.ndim < 2]
    groups = [
        {"params": weights, "weight_decay": recipe.decay},
        {"params": rest, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=recipe.rate)


def _where(state: _State, task: Task, optimizer: Any, parameters: Mapping[str, Any]) -> Checkpoint:
    def average(key: str) -> Numbers:
        return {
            name: optimizer.state[part][key].cpu().numpy()
            for name, part in parameters.items()
            if part in optimizer.state
        }

    return Checkpoint(
        step=state.step,
        now=learned(task.module),
        best=state.best,
        first_moment=average("exp_avg"),
        second_moment=average("exp_avg_sq"),
        best_step=state.best_step,
        curve=tuple(state.curve),
    )


def _taken_up(
    found: Checkpoint, task: Task, optimizer: Any, parameters: Mapping[str, Any]
) -> _State:
    import torch

    put(task.module, found.now)
    for name, part in parameters.items():
        if name in found.first_moment:
            optimizer.state[part] = {
                "step": torch.tensor(float(found.step)),
                "exp_avg": torch.from_numpy(found.first_moment[name]).to(part.device),
                "exp_avg_sq": torch.from_numpy(found.second_moment[name]).to(part.device),
            }
    return _State(found.best, found.step, found.best_step, list(found.curve))
