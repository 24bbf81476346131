"""A whole Siamese network: every layer learns which pictures belong together.

From nothing, or from a catalogue model's weights. The head of `siamese` is what to try first:
it takes seconds and few pictures; a whole network takes hundreds of them and minutes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.errors import CannotTeach
from imgsim_core.models.catalogue import Model
from imgsim_core.models.framing import framed, network_input
from imgsim_core.models.identity import encoder_key
from imgsim_core.models.network import Network, network_to_teach, new_network
from imgsim_core.models.own import FROM_NOTHING, entry
from imgsim_core.teaching.finetune import Descent, Recipe, descent, freeze_statistics
from imgsim_core.teaching.groups import Groups
from imgsim_core.teaching.judging import Difference, Judged, difference, judged
from imgsim_core.teaching.lesson import quantiles, verdict_on
from imgsim_core.teaching.siamese import Loss, Moment, loss_function
from imgsim_core.teaching.views import changed
from imgsim_core.text import Text

if TYPE_CHECKING:
    import torch

Array = NDArray[np.float32]
Labels = NDArray[np.intp]

ARCHITECTURE = "resnet10t"
"""Trained from nothing where nobody wishes another: 5 million numbers."""

SIDE = 128
FEWEST_GROUPS = 6
"""Of two or more pictures: two to learn from, two to know when to stop, two to judge by."""

_SHARE_JUDGED = _SHARE_WATCHED = 0.2
_EACH = 4  # pictures of a group in one step
_LOOKED_AT = 32  # pictures that go through the network together while it is looked at


@dataclasses.dataclass(frozen=True, eq=False)
class Taught:
    """A network, and what it is worth.

    Parameters
    ----------
    model : Model
        The catalogue's entry.
    network : Network
        At its best moment.
    descent : Descent
    before, after : Judged
        Pictures of groups that had no part in the training, among all pictures.
    recall, area : Difference
        As in `lesson.Lesson`.
    helps : bool
    verdict : Text
    summary : dict of str to plain values
        For the file and for people.
    """

    model: Model
    network: Network
    descent: Descent
    before: Judged
    after: Judged
    recall: Difference
    area: Difference
    helps: bool
    verdict: Text
    summary: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Parts:
    """Groups that are learned from, watched to know when to stop, and judged by."""

    learned: Labels
    watched: Labels
    judged: Labels


def parts_of(groups: Groups, seed: int = 0) -> Parts:
    """Deal the groups out; those of one picture are learned from, as what is not alike.

    Raises
    ------
    CannotTeach
        If fewer than `FEWEST_GROUPS` have two pictures or more.
    """
    usable = np.flatnonzero(groups.sizes >= 2)
    if len(usable) < FEWEST_GROUPS:
        raise CannotTeach(
            Text(
                "A whole network needs at least {least} groups of two or more pictures; these "
                "are {count}.",
                least=FEWEST_GROUPS,
                count=len(usable),
            )
        )
    order = np.random.default_rng(seed).permutation(usable)
    asked = max(2, round(_SHARE_JUDGED * len(order)))
    seen = max(2, round(_SHARE_WATCHED * len(order)))
    rest = np.concatenate((order[asked + seen :], np.flatnonzero(groups.sizes < 2)))
    return Parts(learned=rest, watched=order[asked : asked + seen], judged=order[:asked])


def new_model(model_id: str, architecture: str = ARCHITECTURE, side: int = SIDE) -> Model:
    """Describe a network that starts from nothing.

    Parameters
    ----------
    model_id : str
    architecture : str
        timm's name of a convolutional network.
    side : int
        Of the square that it sees, in pixels.

    Raises
    ------
    CannotTeach
        If timm knows no such network, or it cannot see so small a square.
    """
    import torch

    described = entry(
        model_id,
        None,
        library="timm",
        architecture=architecture,
        kind="picture",
        dimension=1,
        size=side,
        framing="squash",
        crop_share=1.0,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        interpolation="bilinear",
        licence="LicenseRef-own",
        source="https://doi.org/10.1142/S0218001493000339",
        taught_from=FROM_NOTHING,
        megabytes=1,
    )
    try:
        empty = new_network(described)
        with torch.inference_mode():
            vector = empty.vectors(torch.zeros(1, 3, side, side, device=empty.device))
    except (RuntimeError, AssertionError, ValueError, AttributeError, TypeError) as error:
        raise CannotTeach(
            Text(
                "No network called {name} can be trained on pictures of {side} × {side} pixels. "
                "Take the name of a convolutional network of timm, such as {usual}.",
                name=architecture,
                side=side,
                usual=ARCHITECTURE,
            )
        ) from error
    return dataclasses.replace(described, dimension=int(vector.shape[1]))


def model_from(model_id: str, base: Model) -> Model:
    """Describe a network that starts from a catalogue model's weights.

    Raises
    ------
    CannotTeach
        If the base is not a convolutional picture model.
    """
    if base.kind != "picture":
        raise CannotTeach(
            Text(
                "{model} is taught with pictures and their texts, not with groups: see "
                "“teach clip”.",
                model=base.label,
            )
        )
    return entry(
        model_id,
        base,
        library="timm",
        architecture=base.architecture,
        taught_from=base.id,
        **{
            name: getattr(base, name)
            for name in (
                *("kind", "dimension", "size", "framing", "crop_share", "mean", "std"),
                *("interpolation", "licence", "source", "megabytes"),
            )
        },
    )


def recipe_for(from_nothing: bool, **wishes: Any) -> Recipe:
    """Choose how to train; what is wished for counts, the rest is as usual.

    What has learned from a million pictures is moved with care; what knows nothing has to
    move.
    """
    usual: dict[str, Any] = (
        {"steps": 400, "rate": 1e-3, "decay": 0.05}
        if from_nothing
        else {"steps": 150, "rate": 5e-5, "decay": 0.01}
    )
    return Recipe(**usual | {key: value for key, value in wishes.items() if value is not None})


def teach_network(
    groups: Groups,
    model: Model,
    base: Model | None,
    recipe: Recipe,
    *,
    loss: Loss = Loss.SUPERVISED_CONTRASTIVE,
    batch: int = 32,
    locked: float = 0.0,
    checkpoint: Path | None = None,
    resume: bool = False,
    told: Callable[[Moment], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Taught:
    """Train a whole network on groups of pictures, and judge it on groups kept out.

    Parameters
    ----------
    groups : Groups
    model : Model
        As `new_model` or `model_from` describes it.
    base : Model or None
        Whose weights to start from; None for none.
    recipe : Recipe
    loss : Loss
    batch : int
        Pictures a step: four each of a quarter as many groups.
    locked : float
        Share, 0 to 1, of the layers, counted from the picture, that keep their weights.
    checkpoint, resume, told, stop
        As `finetune.descent`.

    Returns
    -------
    Taught

    Raises
    ------
    CannotTeach
        If the groups are too few.
    WeightsMissing, WeightsWrong
        If the base cannot be used on this host.
    WrongCheckpoint, OSError
        As `finetune.descent`.
    """
    import torch

    started = time.perf_counter()
    parts = parts_of(groups, recipe.seed)
    torch.manual_seed(recipe.seed)
    network = new_network(model) if base is None else network_to_teach(base)
    network.module.requires_grad_(True)
    layers = list(network.module.parameters())
    for layer in layers[: min(round(locked * len(layers)), len(layers) - 1)]:
        layer.requires_grad_(False)
    asked = np.flatnonzero(np.isin(groups.labels, parts.judged))
    task = _Task(groups, parts, model, network, loss, batch, recipe.seed, frozen=base is not None)
    with task:
        before = judged(task.vectors_of(groups), groups.labels, asked)
        found = descent(
            task,
            recipe,
            checkpoint=checkpoint,
            settings=_settings(groups, model, base, loss, batch, locked),
            resume=resume,
            told=told,
            stop=stop,
        )
        after = judged(task.vectors_of(groups), groups.labels, asked)
    own = groups.labels[asked]
    recall = difference(before.hit.astype(float), after.hit.astype(float), own)
    area = difference(before.area, after.area, own)
    helps, verdict = verdict_on(recall, area, len(parts.judged))
    summary: dict[str, Any] = {
        "taught": "siamese",
        "groups": len(groups.names),
        "pictures": len(groups),
        "groups_judged": len(parts.judged),
        "groups_watched": len(parts.watched),
        "loss": loss.value,
        "seed": recipe.seed,
        "rate": recipe.rate,
        "steps": found.last_step,
        "best_step": found.best_step,
        "diverged": found.diverged,
        "recall_at_1": [round(recall.before, 4), round(recall.after, 4)],
        "recall_gain_95": [round(recall.low, 4), round(recall.high, 4)],
        "roc_area": [round(area.before, 4), round(area.after, 4)],
        "roc_area_gain_95": [round(area.low, 4), round(area.high, 4)],
        "helps": helps,
        "same": quantiles(after.same),
        "different": quantiles(after.different),
        "seconds": round(time.perf_counter() - started, 1),
    }
    return Taught(model, network, found, before, after, recall, area, helps, verdict, summary)


def _settings(
    groups: Groups, model: Model, base: Model | None, loss: Loss, batch: int, locked: float
) -> Mapping[str, Any]:
    """All that a training must share with the one that it goes on from."""
    return {
        "pictures": _fingerprint(groups),
        "network": f"{model.architecture} {model.size}",
        "base": FROM_NOTHING if base is None else encoder_key(base),
        "loss": loss.value,
        "batch": batch,
        "locked": locked,
    }


def _fingerprint(groups: Groups) -> str:
    hashed = hashlib.sha256()
    for picture, label in zip(groups.pictures, groups.labels, strict=True):
        hashed.update(f"{picture.digest} {groups.names[label]}\n".encode())
    return hashed.hexdigest()


class _Task:
    """A network with shared weights, and the groups that it learns from and is watched on."""

    def __init__(
        self,
        groups: Groups,
        parts: Parts,
        model: Model,
        network: Network,
        loss: Loss,
        batch: int,
        seed: int,
        *,
        frozen: bool,
    ) -> None:
        self.module = network.module
        self._groups, self._model, self._network = groups, model, network
        self._function, self._seed, self._frozen = loss_function(loss), seed, frozen
        self._watched = np.flatnonzero(np.isin(groups.labels, parts.watched))
        self._rows = [np.flatnonzero(groups.labels == label) for label in parts.learned]
        self._together = min(max(2, batch // _EACH), len(self._rows))
        self._pool = ThreadPoolExecutor(2, "pictures")
        self._coming: dict[int, Future[tuple[torch.Tensor, Labels]]] = {}

    def __enter__(self) -> _Task:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def study(self) -> None:
        self.module.train()
        if self._frozen:
            freeze_statistics(self.module)

    def rest(self) -> None:
        self.module.eval()

    def loss(self, step: int) -> torch.Tensor:
        import torch

        for one in (step, step + 1):  # the next one is cut and framed while this one is learned
            if one not in self._coming:
                self._coming[one] = self._pool.submit(self._prepared, one)
        inputs, labels = self._coming.pop(step).result()
        vectors = torch.nn.functional.normalize(self._vectors(inputs), dim=-1)
        value: torch.Tensor = self._function(vectors, torch.from_numpy(labels).to(vectors.device))
        return value

    def quality(self) -> float:
        vectors = self._embedded(self._watched)
        if not np.isfinite(vectors).all():
            return math.nan
        labels = self._groups.labels[self._watched]
        found = judged(vectors, labels, np.arange(len(labels)))
        return float((found.hit.mean() + found.area.mean()) / 2)

    def vectors_of(self, groups: Groups) -> Array:
        """Embed all pictures, each row of length 1."""
        self.rest()
        return self._embedded(np.arange(len(groups)))

    def _prepared(self, step: int) -> tuple[torch.Tensor, Labels]:
        """Choose the pictures of a step by its number, each changed as never before."""
        random = np.random.default_rng((self._seed, step))
        inputs, labels = [], []
        for label in random.permutation(len(self._rows))[: self._together]:
            rows = self._rows[label]
            few = len(rows) < _EACH
            for row in random.choice(rows, _EACH, replace=few):
                copy = int(random.integers(1, 2**31))
                inputs.append(self._input(int(row), copy))
                labels.append(label)
        return self._stacked(inputs), np.array(labels, np.intp)

    def _input(self, row: int, copy: int = 0) -> Array:
        picture = self._groups.pictures[row]
        seen = changed(picture, copy) if copy else picture
        return network_input(self._model, framed(self._model, seen, self._model.framing))

    def _stacked(self, inputs: list[Array]) -> torch.Tensor:
        import torch

        return torch.from_numpy(np.stack(inputs))

    def _vectors(self, inputs: torch.Tensor) -> torch.Tensor:
        import torch

        inputs = inputs.to(self._network.device, memory_format=torch.channels_last)
        return self._network.vectors(inputs).float()

    def _embedded(self, rows: Labels) -> Array:
        import torch

        found = []
        with torch.inference_mode():
            for start in range(0, len(rows), _LOOKED_AT):
                inputs = [self._input(int(row)) for row in rows[start : start + _LOOKED_AT]]
                vectors = self._vectors(self._stacked(inputs))
                found.append(torch.nn.functional.normalize(vectors, dim=-1).cpu().numpy())
        return np.concatenate(found)
