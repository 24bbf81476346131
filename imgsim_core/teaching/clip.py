"""Fine-tune a model of pictures and words on pairs of both.

The recipe is the safe one: the picture tower is locked, so that the texts learn to read what
it sees (Zhai et al. 2022, LiT, arXiv:2111.07991); the rate is low; and the result is drawn
back towards the original as far as pairs kept out ask for it (Wortsman et al. 2022, WiSE-FT,
arXiv:2109.01903). Network and loss are open_clip's own.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.errors import CannotTeach
from imgsim_core.models.catalogue import Model
from imgsim_core.models.encoder import tokenizer
from imgsim_core.models.framing import framed, network_input
from imgsim_core.models.identity import encoder_key
from imgsim_core.models.network import Network, network_to_teach
from imgsim_core.models.own import entry
from imgsim_core.models.torchvision_operators import torch_library
from imgsim_core.teaching.checkpoints import Numbers
from imgsim_core.teaching.finetune import (
    Descent,
    Recipe,
    descent,
    freeze_statistics,
    put,
)
from imgsim_core.teaching.judging import FEWEST_TO_CLAIM, Difference, difference
from imgsim_core.teaching.pairs_table import Pairs
from imgsim_core.teaching.siamese import Moment
from imgsim_core.teaching.views import changed
from imgsim_core.text import Text

if TYPE_CHECKING:
    import torch

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]

BATCH = 256
ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the way from the original to what was learned, tried on the pairs watched."""

_SHARE_JUDGED = _SHARE_WATCHED = 0.2
_MOST_ASKED = 2_000  # pairs watched, and pairs judged by
_TOGETHER = 32  # pictures or texts that go through the network at once while it is looked at
_LARGEST_SCALE = math.log(100)  # as in open_clip's own training


@dataclasses.dataclass(frozen=True, eq=False)
class Tuned:
    """A network, and what it is worth.

    Parameters
    ----------
    model : Model
        The catalogue's entry.
    network : Network
        Mixed with the original as `alpha` says.
    descent : Descent
    alpha : float
        Share, 0 to 1, of what was learned in the result; 0 is the original.
    loss : Difference
        Loss of pairs that had no part in the training, with its sign turned: more is better.
    recall : Difference
        Share of their pictures whose most alike text, among all kept out, is their own.
    helps : bool
    verdict : Text
    summary : dict of str to plain values
    """

    model: Model
    network: Network
    descent: Descent
    alpha: float
    loss: Difference
    recall: Difference
    helps: bool
    verdict: Text
    summary: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Parts:
    """Pairs, by row, that are learned from, watched to know when to stop, and judged by."""

    learned: Rows
    watched: Rows
    judged: Rows


def parts_of(pairs: Pairs, seed: int = 0) -> Parts:
    """Deal pairs out so that no picture and no text is in two parts."""
    families = pairs.families()
    order = np.random.default_rng(seed).permutation(int(families.max()) + 1)
    asked = max(2, round(_SHARE_JUDGED * len(order)))
    seen = max(2, round(_SHARE_WATCHED * len(order)))

    def rows(chosen: Rows) -> Rows:
        return np.flatnonzero(np.isin(families, chosen))

    return Parts(
        learned=rows(order[asked + seen :]),
        watched=rows(order[asked : asked + seen])[:_MOST_ASKED],
        judged=rows(order[:asked])[:_MOST_ASKED],
    )


def model_from(model_id: str, base: Model) -> Model:
    """Describe what a catalogue model of pictures and words becomes.

    Raises
    ------
    CannotTeach
        If the base knows no words.
    """
    if base.kind != "picture-and-text":
        raise CannotTeach(
            Text(
                "{model} knows no words: texts are taught to models of pictures and words, such "
                "as clip-b32.",
                model=base.label,
            )
        )
    return entry(
        model_id,
        base,
        taught_from=base.id,
        **{
            name: getattr(base, name)
            for name in (
                *("library", "architecture", "kind", "dimension", "size", "framing"),
                *("crop_share", "mean", "std", "interpolation", "licence", "source"),
                "megabytes",
            )
        },
    )


def recipe_for(**wishes: Any) -> Recipe:
    """Choose how to train; what is wished for counts, the rest is as usual."""
    usual: dict[str, Any] = {"steps": 300, "rate": 1e-5, "decay": 0.1, "patience": 10}
    return Recipe(**usual | {key: value for key, value in wishes.items() if value is not None})


def tune(
    pairs: Pairs,
    model: Model,
    base: Model,
    recipe: Recipe,
    *,
    batch: int = BATCH,
    locked: bool = True,
    checkpoint: Path | None = None,
    resume: bool = False,
    told: Callable[[Moment], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Tuned:
    """Fine-tune a model on pairs of pictures and texts, and judge it on pairs kept out.

    Parameters
    ----------
    pairs : Pairs
    model : Model
        As `model_from` describes it.
    base : Model
        Whose weights to start from.
    recipe : Recipe
    batch : int
        Pairs a step. All other pairs of a batch are what a pair is told from: a small batch
        teaches little, and many small ones do not make up for a large one.
    locked : bool
        Whether the picture tower keeps its weights; pictures then go through it once.
    checkpoint, resume, told, stop
        As `finetune.descent`.

    Returns
    -------
    Tuned

    Raises
    ------
    ModelError
        If the base cannot be used on this host.
    WrongCheckpoint, OSError
        As `finetune.descent`.
    """
    started = time.perf_counter()
    parts = parts_of(pairs, recipe.seed)
    tokenize = tokenizer(base)
    network = network_to_teach(base)
    task = _Task(pairs, parts, base, network, tokenize, batch, recipe.seed, locked=locked)
    losses, hits = task.losses(parts.judged), task.hits(parts.judged)
    found = descent(
        task,
        recipe,
        checkpoint=checkpoint,
        settings={
            "pairs": _fingerprint(pairs),
            "base": encoder_key(base),
            "batch": batch,
            "locked": locked,
        },
        resume=resume,
        told=told,
        stop=stop,
    )
    alpha = _best_alpha(task, found)
    own = pairs.families()[parts.judged]
    loss = difference(-losses, -task.losses(parts.judged), own)
    recall = difference(hits, task.hits(parts.judged), own)
    helps, verdict = _verdict(loss, recall, len(set(own.tolist())), alpha)
    summary: dict[str, Any] = {
        "taught": "clip",
        "pairs": len(pairs),
        "pictures": len(pairs.pictures),
        "texts": len(pairs.texts),
        "pairs_judged": len(parts.judged),
        "pairs_watched": len(parts.watched),
        "locked_image_tower": locked,
        "batch": batch,
        "seed": recipe.seed,
        "rate": recipe.rate,
        "steps": found.last_step,
        "best_step": found.best_step,
        "diverged": found.diverged,
        "alpha": alpha,
        "loss": [round(-loss.before, 4), round(-loss.after, 4)],
        "loss_gain_95": [round(loss.low, 4), round(loss.high, 4)],
        "recall_at_1": [round(recall.before, 4), round(recall.after, 4)],
        "recall_gain_95": [round(recall.low, 4), round(recall.high, 4)],
        "helps": helps,
        "seconds": round(time.perf_counter() - started, 1),
    }
    return Tuned(model, network, found, alpha, loss, recall, helps, verdict, summary)


def mixed(first: Numbers, last: Numbers, alpha: float) -> Numbers:
    """Go a share of the way from one set of weights to another; what is counted is not mixed."""
    return {
        name: (first[name] + alpha * (values - first[name])).astype(values.dtype)
        if np.issubdtype(values.dtype, np.floating)
        else values
        for name, values in last.items()
    }


def _best_alpha(task: _Task, found: Descent) -> float:
    """Leave the network mixed as the pairs watched like it best."""
    if found.best_step == 0:
        return 0.0
    qualities = []
    for alpha in ALPHAS:
        put(task.module, mixed(found.first, found.best, alpha))
        qualities.append(task.quality())
    best = ALPHAS[int(np.argmax(qualities))]
    put(task.module, mixed(found.first, found.best, best))
    return best


def _verdict(
    loss: Difference, recall: Difference, families: int, alpha: float
) -> tuple[bool, Text]:
    if alpha == 0:
        return False, Text(
            "It learned nothing that helps with pairs kept out: the original is as good."
        )
    if families < FEWEST_TO_CLAIM:
        return False, Text(
            "With {count} texts kept out nobody can tell whether this helps with new ones: {least} "
            "or more are needed.",
            count=families,
            least=FEWEST_TO_CLAIM,
        )
    if loss.is_gain and not recall.is_loss:
        return True, Text(
            "It helps: pictures and texts that it has never seen fit together better than "
            "before, beyond what chance would bring."
        )
    return False, Text(
        "No proof that it helps: on pictures and texts that it has never seen, the difference is "
        "within what chance would bring. More pairs may show one."
    )


def _fingerprint(pairs: Pairs) -> str:
    hashed = hashlib.sha256()
    for picture, text in pairs.links.tolist():
        hashed.update(f"{pairs.pictures[picture].digest} {pairs.texts[text]}\n".encode())
    return hashed.hexdigest()


class _Task:
    """A network of pictures and words, and the pairs that it learns from and is watched on."""

    def __init__(
        self,
        pairs: Pairs,
        parts: Parts,
        base: Model,
        network: Network,
        tokenize: Callable[[list[str]], Any],
        batch: int,
        seed: int,
        *,
        locked: bool,
    ) -> None:
        self.module = network.module
        self._pairs, self._parts, self._base, self._network = pairs, parts, base, network
        self._tokens = tokenize(list(pairs.texts))
        self._batch, self._seed, self._locked = batch, seed, locked
        self._seen: dict[int, torch.Tensor] = {}  # of a locked tower: it sees the same each time
        losses = torch_library("open_clip.loss")
        self._is_sigmoid = self.module.logit_bias is not None
        self._function = losses.SigLipLoss() if self._is_sigmoid else losses.ClipLoss()
        if locked:
            self.module.lock_image_tower(unlocked_groups=0, freeze_bn_stats=True)

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
        links = self._pairs.links[random.permutation(self._parts.learned)]
        rows = next(_rounds(links, self._batch))
        pictures, texts = links[rows].T
        copies = None if self._locked else random.integers(1, 2**30, len(rows))
        value: torch.Tensor = self._function(
            self._pictures(pictures, copies).float(),
            self._texts(texts).float(),
            self.module.logit_scale.exp(),
            self.module.logit_bias,
        )
        return value

    def quality(self) -> float:
        return -float(self.losses(self._parts.watched).mean())

    def losses(self, rows: Rows) -> Floats:
        """Loss of each of some pairs among others of them, NaN where a number ran away.

        Its mean over one round is what open_clip's own loss says of that round.
        """
        import torch

        functional = torch.nn.functional
        links = self._pairs.links[rows]
        found = np.full(len(rows), np.nan)
        pictures, texts = self._all_pictures(links[:, 0]), self._all_texts(links[:, 1])
        alone = np.ones(len(rows), bool)
        with torch.no_grad():
            scale, bias = self.module.logit_scale.exp(), self.module.logit_bias
            for places in _rounds(links, self._batch):
                if len(places) < 2:
                    continue  # nothing to tell it from
                logits = scale * pictures[places] @ texts[places].T
                if self._is_sigmoid:
                    signs = 2 * torch.eye(len(places), device=logits.device) - 1
                    values = -functional.logsigmoid(signs * (logits + bias)).sum(dim=1)
                else:
                    right = torch.arange(len(places), device=logits.device)
                    values = (
                        functional.cross_entropy(logits, right, reduction="none")
                        + functional.cross_entropy(logits.T, right, reduction="none")
                    ) / 2
                found[places] = values.double().cpu().numpy()
                alone[places] = False
        found[alone] = found[~alone].mean()  # the same before and after: says nothing
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
            return torch.cat([self._pictures(chunk, None) for chunk in chunks]).float()

    def _all_texts(self, texts: Rows) -> torch.Tensor:
        import torch

        self.rest()
        with torch.no_grad():
            return torch.cat([self._texts(chunk) for chunk in _chunks(texts)]).float()

    def _texts(self, texts: Rows) -> torch.Tensor:
        tokens = self._tokens[texts].to(self._network.device)
        vectors: torch.Tensor = self.module.encode_text(tokens, normalize=True)
        return vectors

    def _pictures(self, pictures: Rows, copies: Rows | None) -> torch.Tensor:
        """Embed pictures; of a locked tower each once, of one that learns each time anew."""
        import torch

        if not self._locked:
            every = [0] * len(pictures) if copies is None else (2 * copies).tolist()
            return self._embedded(list(zip(pictures.tolist(), every, strict=True)))
        missing = [
            picture for picture in dict.fromkeys(pictures.tolist()) if picture not in self._seen
        ]
        for chunk in _chunks(np.array(missing, np.intp)):
            with torch.no_grad():
                vectors = self._embedded([(picture, 0) for picture in chunk.tolist()])
            self._seen.update(zip(chunk.tolist(), vectors, strict=True))
        return torch.stack([self._seen[picture] for picture in pictures.tolist()])

    def _embedded(self, wanted: list[tuple[int, int]]) -> torch.Tensor:
        import torch

        inputs = np.stack([self._input(picture, copy) for picture, copy in wanted])
        batch = torch.from_numpy(inputs).to(self._network.device)
        vectors: torch.Tensor = self.module.encode_image(batch, normalize=True)
        return vectors

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
