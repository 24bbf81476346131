"""Fine-tune a model of pictures and words on pairs of both.

The recipe is the safe one: the picture tower is locked, so that the texts learn to read what
it sees (Zhai et al. 2022, LiT, arXiv:2111.07991); the rate is low; and the result is drawn
back towards the original as far as pairs kept out ask for it (Wortsman et al. 2022, WiSE-FT,
arXiv:2109.01903). Network and loss are open_clip's own.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.errors import CannotTeach
from imgsim_core.models.catalogue import Model
from imgsim_core.models.encoder import tokenizer
from imgsim_core.models.identity import encoder_key
from imgsim_core.models.network import Network, network_to_teach
from imgsim_core.models.own import entry
from imgsim_core.teaching.checkpoints import Numbers
from imgsim_core.teaching.clip_task import ClipTask
from imgsim_core.teaching.finetune import (
    FEWEST_TO_BRING,
    Descent,
    Parts,
    Recipe,
    dealt,
    descent,
    fingerprint,
    inherited,
    put,
)
from imgsim_core.teaching.judging import FEWEST_TO_CLAIM, Difference, difference
from imgsim_core.teaching.pairs_table import Pairs
from imgsim_core.teaching.siamese import Moment
from imgsim_core.text import Text

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]

BATCH = 256
ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the way from the original to what was learned, tried on the pairs watched."""

_MOST_ASKED = 2_000  # pairs watched, and pairs judged by


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
        At the original's scale, so that only cosines count; without pairs that are alone in
        their round.
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


def parts_of(pairs: Pairs, seed: int = 0) -> Parts:
    """Deal pairs out so that no picture and no text is in two parts."""
    families = pairs.families()
    order = np.random.default_rng(seed).permutation(int(families.max()) + 1)
    families_of = dealt(order)

    def rows(chosen: Rows, most: int = len(families)) -> Rows:
        found = np.flatnonzero(np.isin(families, chosen))
        # Should there be too many, then one of each family first
        found = found[np.argsort(_place_in_family(families[found]), kind="stable")][:most]
        return np.sort(found)

    return Parts(
        learned=rows(families_of.learned),
        watched=rows(families_of.watched, _MOST_ASKED),
        judged=rows(families_of.judged, _MOST_ASKED),
    )


def _place_in_family(families: Rows) -> Rows:
    """Count each pair within its family, from 0 on."""
    order = np.argsort(families, kind="stable")
    _, first, sizes = np.unique(families[order], return_index=True, return_counts=True)
    places = np.empty(len(families), np.intp)
    places[order] = np.arange(len(families)) - np.repeat(first, sizes)
    return places


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
    return entry(model_id, base, **inherited(base))


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
    seen: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Tuned | None:
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
        Pairs a step, 2 or more. All other pairs of a batch are what a pair is told from: a
        small batch teaches little, and many small ones do not make up for a large one.
    locked : bool
        Whether the picture tower keeps its weights; pictures then go through it once.
    checkpoint, resume, told, stop
        As `finetune.descent`.
    seen : callable or None
        Called with (done, all) while a locked tower sees the pictures, before training.

    Returns
    -------
    Tuned or None
        None if stopped before training began.

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
    task = ClipTask(
        pairs,
        parts.learned,
        parts.watched,
        base,
        network,
        tokenize,
        batch,
        recipe.seed,
        locked=locked,
    )
    if not task.see(seen, stop):
        return None
    compared = task.comparable(parts.judged)
    losses, hits = task.losses(compared), task.hits(parts.judged)
    found = descent(
        task,
        recipe,
        checkpoint=checkpoint,
        settings={
            "pairs": fingerprint(_lines(pairs)),
            "base": encoder_key(base),
            "batch": batch,
            "locked": locked,
        },
        resume=resume,
        told=told,
        stop=stop,
    )
    alpha = _best_alpha(task, found)
    families = pairs.families()
    loss = difference(-losses, -task.losses(compared), families[compared])
    recall = difference(hits, task.hits(parts.judged), families[parts.judged])
    helps, verdict = _verdict(loss, recall, len(np.unique(families[compared])), alpha)
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


def _best_alpha(task: ClipTask, found: Descent) -> float:
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
            "are needed. Bring {bring} or more pictures with texts of their own.",
            count=families,
            least=FEWEST_TO_CLAIM,
            bring=FEWEST_TO_BRING,
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


def _lines(pairs: Pairs) -> Iterator[str]:
    for picture, text in pairs.links.tolist():
        yield f"{pairs.pictures[picture].digest} {pairs.texts[text]}"
