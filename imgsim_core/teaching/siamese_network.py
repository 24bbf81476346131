"""A whole Siamese network: every layer learns which pictures belong together.

From nothing, or from a catalogue model's weights. The head of `siamese` is what to try first:
it takes seconds and few pictures; a whole network takes hundreds of them and minutes.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.errors import CannotTeach
from imgsim_core.models.catalogue import Model
from imgsim_core.models.encoder import encode
from imgsim_core.models.identity import encoder_key
from imgsim_core.models.network import Network, network_to_teach, new_network
from imgsim_core.models.own import FROM_NOTHING, entry, is_plain
from imgsim_core.teaching.finetune import (
    FEWEST_TO_BRING,
    Descent,
    Parts,
    Recipe,
    dealt,
    descent,
    fingerprint,
    inherited,
)
from imgsim_core.teaching.groups import Groups
from imgsim_core.teaching.judging import FEWEST_TO_CLAIM, Difference, Judged, difference, judged
from imgsim_core.teaching.lesson import quantiles, verdict_on
from imgsim_core.teaching.siamese import Loss, Moment
from imgsim_core.teaching.siamese_task import SiameseTask
from imgsim_core.text import Text

Array = NDArray[np.float32]
Labels = NDArray[np.intp]

ARCHITECTURE = "resnet10t"
"""Trained from nothing where nobody wishes another: 5 million numbers."""

SIDE = 128
FEWEST_GROUPS = 6
"""Of two or more pictures: two to learn from, two to know when to stop, two to judge by."""

_WRONG = 0.01  # share of pairs of different groups beyond the line
_FEWEST_PAIRS = round(1 / _WRONG)  # of fewer, no share as small can be told


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
        Pictures of groups that had no part in the training, among themselves; `before` by the
        network as it began.
    recall, area : Difference
        As in `lesson.Lesson`.
    helps : bool
        Of a network that began from nothing: whether it beats the usual model as it is.
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
    parts = dealt(order)
    alone = np.flatnonzero(groups.sizes < 2)
    return dataclasses.replace(parts, learned=np.concatenate((parts.learned, alone)))


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
        if not is_plain(architecture):
            raise ValueError("not a plain name")
        empty = new_network(described)
        with torch.inference_mode():
            nothing = torch.zeros(1, 3, side, side, device=empty.device)
            vector, grid = empty.vectors(nothing), empty.grids(nothing)
        if grid.ndim != 4:  # no places to show where two pictures are alike
            raise ValueError("not convolutional")
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
    return entry(model_id, base, **inherited(base) | {"library": "timm"})


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
    usual: Model | None = None,
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
    usual : Model or None
        What a network from nothing is set beside, as it is: anything is better than nothing.
        None if there is none on this host; then no help is claimed.
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
        If the base, or the usual model, cannot be used on this host.
    WrongCheckpoint, OSError
        As `finetune.descent`.
    """
    import torch

    started = time.perf_counter()
    parts = parts_of(groups, recipe.seed)
    beside = None if usual is None or base is not None else untaught(groups, usual, recipe.seed)
    torch.manual_seed(recipe.seed)
    network = new_network(model) if base is None else network_to_teach(base)
    network.module.requires_grad_(True)
    layers = list(network.module.parameters())
    for layer in layers[: min(round(locked * len(layers)), len(layers) - 1)]:
        layer.requires_grad_(False)
    asked = np.flatnonzero(np.isin(groups.labels, parts.judged))
    with SiameseTask(
        groups,
        parts.learned,
        parts.watched,
        model,
        network,
        loss,
        batch,
        recipe.seed,
        frozen=base is not None,
    ) as task:
        before = task.judged_on(asked)
        found = descent(
            task,
            recipe,
            checkpoint=checkpoint,
            settings=_settings(groups, model, base, loss, batch, locked),
            resume=resume,
            told=told,
            stop=stop,
        )
        after = task.judged_on(asked)
    own = groups.labels[asked]
    recall, area = _gained(before, after, own)
    over = None if beside is None else _gained(beside, after, own)
    few = _too_few(groups, parts)
    if few is not None:
        helps, verdict = False, few
    elif base is not None:
        helps, verdict = verdict_on(recall, area, len(parts.judged))
    elif not found.best_step:
        helps, verdict = False, Text("It learned nothing that helps with groups kept out.")
    else:
        helps, verdict = _verdict_from_nothing(over, usual)
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
    if len(after.different) // 2 >= _FEWEST_PAIRS:  # each pair counts from both its ends
        summary["line"] = round(float(np.quantile(after.different, 1 - _WRONG)), 4)
    if usual is not None and over is not None:
        summary["untaught"] = {
            "model": usual.id,
            "recall_at_1": round(over[0].before, 4),
            "recall_gain_95": [round(over[0].low, 4), round(over[0].high, 4)],
            "roc_area": round(over[1].before, 4),
            "roc_area_gain_95": [round(over[1].low, 4), round(over[1].high, 4)],
        }
    return Taught(model, network, found, before, after, recall, area, helps, verdict, summary)


def untaught(groups: Groups, model: Model, seed: int = 0) -> Judged:
    """Ask how a model as it is fares on the same pictures that a network is judged by.

    Raises
    ------
    WeightsMissing, WeightsWrong
        If the model cannot be used on this host.
    """
    asked = np.flatnonzero(np.isin(groups.labels, parts_of(groups, seed).judged))
    pictures = [groups.pictures[row] for row in asked]
    vectors = encode(model, pictures, model.framing)
    return judged(vectors, groups.labels[asked], np.arange(len(asked)))


def _gained(before: Judged, after: Judged, own: Labels) -> tuple[Difference, Difference]:
    """Compare recall and area of the same pictures."""
    recall = difference(before.hit.astype(float), after.hit.astype(float), own)
    return recall, difference(before.area, after.area, own)


def _too_few(groups: Groups, parts: Parts) -> Text | None:
    if len(parts.judged) >= FEWEST_TO_CLAIM:
        return None
    return Text(
        "Of {all} groups {count} were kept out to judge by, too few to tell whether this helps "
        "with new ones: {least} are needed. Bring {bring} or more groups of two or more pictures.",
        all=int(np.count_nonzero(groups.sizes >= 2)),
        count=len(parts.judged),
        least=FEWEST_TO_CLAIM,
        bring=FEWEST_TO_BRING,
    )


def _verdict_from_nothing(
    over: tuple[Difference, Difference] | None, usual: Model | None
) -> tuple[bool, Text]:
    """Say whether a network that began from nothing was worth it, beside the usual model."""
    if over is None or usual is None:
        return False, Text(
            "It began from nothing, and anything is better than that: without a usual model on "
            "this host to set beside it, nobody can tell whether it helps."
        )
    helps, _ = verdict_on(*over, FEWEST_TO_CLAIM)
    if helps:
        return True, Text(
            "It helps: groups that it has never seen are told apart better than by {model} as it "
            "is, beyond what chance would bring.",
            model=usual.label,
        )
    if over[0].is_loss or over[1].is_loss:
        return False, Text(
            "{model} as it is tells groups that neither has seen apart better than what was "
            "learned from nothing.",
            model=usual.label,
        )
    return False, Text(
        "No proof that it helps: on groups that it has never seen, the difference to {model} as "
        "it is lies within what chance would bring. More groups may show one.",
        model=usual.label,
    )


def _settings(
    groups: Groups, model: Model, base: Model | None, loss: Loss, batch: int, locked: float
) -> Mapping[str, Any]:
    """All that a training must share with the one that it goes on from."""
    return {
        "pictures": fingerprint(_lines(groups)),
        "network": f"{model.architecture} {model.size}",
        "base": FROM_NOTHING if base is None else encoder_key(base),
        "loss": loss.value,
        "batch": batch,
        "locked": locked,
    }


def _lines(groups: Groups) -> Iterator[str]:
    for picture, label in zip(groups.pictures, groups.labels, strict=True):
        yield f"{picture.digest} {groups.names[label]}"
