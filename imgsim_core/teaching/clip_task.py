"""A network of pictures and words, and its loss, as a task to train: open_clip's own code."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.models.catalogue import Model
from imgsim_core.models.framing import framed, network_input
from imgsim_core.models.network import Network
from imgsim_core.models.torchvision_operators import torch_library
from imgsim_core.teaching.finetune import freeze_statistics, half_precision
from imgsim_core.teaching.pairs_table import Pairs
from imgsim_core.teaching.views import changed

if TYPE_CHECKING:
    import torch

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]

_TOGETHER = 32  # pictures or texts that go through the network at once while it is looked at
_LARGEST_SCALE = math.log(100)  # as in open_clip's own training


class ClipTask:
    """A network of pictures and words, and the pairs that it learns from and is watched on."""

    def __init__(
        self,
        pairs: Pairs,
        learned: Rows,
        watched: Rows,
        base: Model,
        network: Network,
        tokenize: Callable[[list[str]], Any],
        batch: int,
        seed: int,
        *,
        locked: bool,
    ) -> None:
        self.module = network.module
        self._pairs, self._base, self._network = pairs, base, network
        self._tokens = tokenize(list(pairs.texts))
        self._batch, self._seed, self._locked = batch, seed, locked
        self._learned, self._watched = learned, self.comparable(watched)
        # Scale and bias learn too, but move no cosine: all looks are through the original's
        self._scale = self.module.logit_scale.detach().exp().clone()
        bias = self.module.logit_bias
        self._bias = None if bias is None else bias.detach().clone()
        self._seen: torch.Tensor | None = None  # of a locked tower: it sees the same each time
        losses = torch_library("open_clip.loss")
        self._is_sigmoid = self.module.logit_bias is not None
        self._function = losses.SigLipLoss() if self._is_sigmoid else losses.ClipLoss()
        if locked:
            self.module.lock_image_tower(unlocked_groups=0, freeze_bn_stats=True)

    def see(
        self,
        told: Callable[[int, int], None] | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Let a locked tower see all pictures, once and for all; False if stopped.

        Always in the same order and company: what a training gives must not depend on where
        it was stopped.
        """
        import torch

        if not self._locked:
            return True
        self.rest()
        found = []
        for chunk in _chunks(np.arange(len(self._pairs.pictures))):
            if stop():
                return False
            with torch.no_grad():
                found.append(self._embedded([(place, 0) for place in chunk.tolist()]))
            if told is not None:
                told(int(chunk[-1]) + 1, len(self._pairs.pictures))
        self._seen = torch.cat(found)
        return True

    def study(self) -> None:
        self.module.train()
        freeze_statistics(self.module)
        if self._locked:
            self.module.visual.eval()

    def rest(self) -> None:
        self.module.eval()

    def loss(self, step: int) -> torch.Tensor:
        import torch

        if not self._is_sigmoid:
            with torch.no_grad():
                self.module.logit_scale.clamp_(0, _LARGEST_SCALE)
        random = np.random.default_rng((self._seed, step))
        links = self._pairs.links[random.permutation(self._learned)]
        rows = next(_rounds(links, self._batch))
        pictures, texts = links[rows].T
        copies = None if self._locked else random.integers(1, 2**30, len(rows))
        value: torch.Tensor = self._function(
            self._pictures(pictures, copies),
            self._texts(texts),
            self.module.logit_scale.exp(),
            self.module.logit_bias,
        )
        return value

    def quality(self) -> float:
        return -float(self.losses(self._watched).mean())

    def comparable(self, rows: Rows) -> Rows:
        """Leave out pairs whose loss says nothing, since they would be alone in their round."""
        rounds = _rounds(self._pairs.links[rows], self._batch)
        told = [places for places in rounds if len(places) > 1]
        return rows[np.sort(np.concatenate(told))] if told else rows[:0]

    def losses(self, rows: Rows) -> Floats:
        """Loss of each of some pairs among others of them, at the original's scale and bias.

        NaN for what is not `comparable`, and where a number ran away. Its mean over one round
        is what open_clip's own loss says of that round.
        """
        import torch

        functional = torch.nn.functional
        links = self._pairs.links[rows]
        found = np.full(len(rows), np.nan)
        pictures, texts = self._all_pictures(links[:, 0]), self._all_texts(links[:, 1])
        with torch.no_grad():
            for places in _rounds(links, self._batch):
                if len(places) < 2:
                    continue  # nothing to tell it from
                logits = self._scale * pictures[places] @ texts[places].T
                if self._is_sigmoid:
                    signs = 2 * torch.eye(len(places), device=logits.device) - 1
                    values = -functional.logsigmoid(signs * (logits + self._bias)).sum(dim=1)
                else:
                    right = torch.arange(len(places), device=logits.device)
                    values = (
                        functional.cross_entropy(logits, right, reduction="none")
                        + functional.cross_entropy(logits.T, right, reduction="none")
                    ) / 2
                found[places] = values.double().cpu().numpy()
        return found

    def hits(self, rows: Rows) -> Floats:
        """Whether the most alike text, of all in these pairs, is the picture's own; 0 or 1."""
        links = self._pairs.links[rows]
        choices = np.unique(links[:, 1])
        pictures, texts = self._all_pictures(links[:, 0]), self._all_texts(choices)
        best = choices[(pictures @ texts.T).argmax(dim=1).cpu().numpy()]
        own = {(picture, text) for picture, text in links.tolist()}
        return np.array(
            [(picture, text) in own for picture, text in zip(links[:, 0], best, strict=True)], float
        )

    def _all_pictures(self, pictures: Rows) -> torch.Tensor:
        import torch

        self.rest()
        with torch.no_grad():
            chunks = _chunks(pictures)
            return torch.cat([self._pictures(chunk, None) for chunk in chunks])

    def _all_texts(self, texts: Rows) -> torch.Tensor:
        import torch

        self.rest()
        with torch.no_grad():
            return torch.cat([self._texts(chunk) for chunk in _chunks(texts)])

    def _texts(self, texts: Rows) -> torch.Tensor:
        tokens = self._tokens[texts].to(self._network.device)
        with half_precision(self._network.device, self.module.training):
            vectors: torch.Tensor = self.module.encode_text(tokens, normalize=True)
        return vectors.float()

    def _pictures(self, pictures: Rows, copies: Rows | None) -> torch.Tensor:
        if self._seen is not None:
            return self._seen[pictures]
        every = [0] * len(pictures) if copies is None else (2 * copies).tolist()
        return self._embedded(list(zip(pictures.tolist(), every, strict=True)))

    def _embedded(self, wanted: list[tuple[int, int]]) -> torch.Tensor:
        import torch

        inputs = np.stack([self._input(picture, copy) for picture, copy in wanted])
        batch = torch.from_numpy(inputs).to(self._network.device)
        with half_precision(self._network.device, self.module.training):
            vectors: torch.Tensor = self.module.encode_image(batch, normalize=True)
        return vectors.float()

    def _input(self, place: int, copy: int) -> NDArray[np.float32]:
        """Frame a picture; its changed copies are never mirrored: texts tell left from right."""
        picture = self._pairs.pictures[place].opened()
        seen = changed(picture, copy) if copy else picture
        return network_input(self._base, framed(self._base, seen, self._base.framing))


def _rounds(links: NDArray[np.intp], most: int) -> Iterator[Rows]:
    """Deal rows into rounds in which no picture and no text comes twice.

    Two equal texts in one round would have to be told apart, which nobody can.
    """
    left = list(range(len(links)))
    while left:
        pictures: set[int] = set()
        texts: set[int] = set()
        taken: list[int] = []
        later: list[int] = []
        for place, row in enumerate(left):
            if len(taken) == most:
                later += left[place:]
                break
            picture, text = links[row].tolist()
            if picture in pictures or text in texts:
                later.append(row)
                continue
            taken.append(row)
            pictures.add(picture)
            texts.add(text)
        yield np.array(taken, np.intp)
        left = later


def _chunks(places: Rows) -> Iterator[Rows]:
    return (places[start : start + _TOGETHER] for start in range(0, len(places), _TOGETHER))
