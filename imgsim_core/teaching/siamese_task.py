"""A convolutional network whose two branches share their weights, as a task to train."""

from __future__ import annotations

import math
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imgsim_core.models.catalogue import Model
from imgsim_core.models.framing import framed, network_input
from imgsim_core.models.network import Network
from imgsim_core.teaching.finetune import freeze_statistics, half_precision
from imgsim_core.teaching.groups import Groups
from imgsim_core.teaching.judging import Judged, judged
from imgsim_core.teaching.siamese import Loss, loss_function
from imgsim_core.teaching.views import changed

if TYPE_CHECKING:
    import torch

Array = NDArray[np.float32]
Labels = NDArray[np.intp]

_EACH = 4  # pictures of a group in one step
_LOOKED_AT = 32  # pictures that go through the network together while it is looked at


class SiameseTask:
    """A network with shared weights, and the groups that it learns from and is watched on."""

    def __init__(
        self,
        groups: Groups,
        learned: Labels,
        watched: Labels,
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
        self._watched = np.flatnonzero(np.isin(groups.labels, watched))
        self._rows = [np.flatnonzero(groups.labels == label) for label in learned]
        self._together = min(max(2, batch // _EACH), len(self._rows))
        self._pool = ThreadPoolExecutor(2, "pictures")
        self._coming: dict[int, Future[tuple[torch.Tensor, Labels]]] = {}

    def __enter__(self) -> SiameseTask:
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
        found = self._judged(vectors, self._watched)
        return float((found.hit.mean() + found.area.mean()) / 2)

    def judged_on(self, rows: Labels) -> Judged:
        """Ask how pictures fare among themselves."""
        self.rest()
        return self._judged(self._embedded(rows), rows)

    def _judged(self, vectors: Array, rows: Labels) -> Judged:
        return judged(vectors, self._groups.labels[rows], np.arange(len(rows)))

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
        with half_precision(self._network.device, self.module.training):
            vectors = self._network.vectors(inputs)
        return vectors.float()

    def _embedded(self, rows: Labels) -> Array:
        import torch

        found = []
        with torch.inference_mode():
            for start in range(0, len(rows), _LOOKED_AT):
                inputs = [self._input(int(row)) for row in rows[start : start + _LOOKED_AT]]
                vectors = self._vectors(self._stacked(inputs))
                found.append(torch.nn.functional.normalize(vectors, dim=-1).cpu().numpy())
        return np.concatenate(found)
