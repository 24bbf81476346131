"""A whole lesson: train, keep groups out in turn to judge by, and say honestly what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.teaching.doubts import doubts
from imgsim_core.teaching.groups import Groups
from imgsim_core.teaching.head import Head
from imgsim_core.teaching.judging import (
    FEWEST_TO_CLAIM,
    Difference,
    Judged,
    difference,
    judged,
)
from imgsim_core.teaching.one_thread import one_thread
from imgsim_core.teaching.siamese import Loss, Moment, trained
from imgsim_core.text import Text

Array = NDArray[np.float32]
Labels = NDArray[np.intp]

FOLDS = 5
_SHARE_WATCHED = 0.4  # of the groups in training, kept aside to know when to stop
_FEWEST_WATCHED = 2
_SHARES = 100  # of the cosines that the summary keeps, each an equal part of the pairs


_ONLY_THE_MIDDLE = Text(
    "What helped was to take away what all these pictures share. Beyond that the groups taught "
    "nothing that holds for new ones, so no training followed."
)


@dataclass(frozen=True, eq=False)
class Lesson:
    """What was learned, and what it is worth.

    Parameters
    ----------
    head : Head
        Trained on all groups; its summary says what is below.
    before, after : Judged
        All pictures of groups of two or more, each among the groups kept out together with
        its own, by a head that has seen none of them; `before` by the model alone. With
        three groups one is kept out alone, and not judged.
    recall, area : Difference
        Of the share whose most alike other picture is of the same group, and of the area
        under the ROC curve.
    everywhere : Judged
        All pictures of groups of two or more, by the head that was trained on all: to look
        for pictures in wrong groups, not to judge by. What even this one does not bring to
        its group may not belong there.
    doubts : tuple of Text
        What to look at before believing it: see `doubts.doubts`.
    curve : tuple of Moment
        How the first of the heads was trained.
    verdict : Text
        Whether it helps, in words.
    helps : bool
    seconds : float
    """

    head: Head
    before: Judged
    after: Judged
    recall: Difference
    area: Difference
    everywhere: Judged
    doubts: tuple[Text, ...]
    curve: tuple[Moment, ...]
    verdict: Text
    helps: bool
    seconds: float


def lesson(
    groups: Groups,
    views: Array,
    base: str,
    name: str,
    *,
    loss: Loss = Loss.CONTRASTIVE,
    seed: int = 0,
    told: Callable[[int, int, Moment], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Lesson | None:
    """Teach a head with groups, and judge it on groups that were kept out in turn.

    Parameters
    ----------
    groups : Groups
    views : ndarray of float32, shape (n, copies, dimension)
        Of its pictures, as `views.embedded` gives them.
    base : str
        Which encoder made them.
    name : str
        What the visitor calls this notion of alike.
    loss : Loss
    seed : int
    told : callable or None
        Called with (training, of how many, moment).
    stop : callable
        True ends the lesson.

    Returns
    -------
    Lesson or None
        None if stopped.
    """
    with one_thread():
        return _lesson(groups, views, base, name, loss, seed, told, stop)


def _lesson(
    groups: Groups,
    views: Array,
    base: str,
    name: str,
    loss: Loss,
    seed: int,
    told: Callable[[int, int, Moment], None] | None,
    stop: Callable[[], bool],
) -> Lesson | None:
    started = time.perf_counter()
    random = np.random.default_rng(seed)
    judgeable = random.permutation(np.flatnonzero(groups.sizes >= 2))
    # Two groups or more in each, to be told apart from each other
    folds = np.array_split(judgeable, max(2, min(FOLDS, len(judgeable) // 2)))
    best_steps: list[int] = []
    keeps: list[NDArray[np.bool_]] = []
    curves: list[tuple[Moment, ...]] = []
    parts: list[tuple[Judged, Judged]] = []
    for number, fold in enumerate(folds):
        kept_in = ~np.isin(groups.labels, fold)
        found = trained(
            views[kept_in],
            groups.labels[kept_in],
            base,
            loss=loss,
            kept_out=_watched(np.setdiff1d(judgeable, fold), random),
            seed=seed,
            told=_run(number, len(folds) + 1, told),
            stop=stop,
        )
        if stop():
            return None
        best_steps.append(found.best_step)
        curves.append(found.curve)
        keeps.append(kept_in)
        parts += _kept_out_judged(found.head, views, groups.labels, kept_in)
    # The last one sees all groups, for as long as was best for the others on the whole
    usual = round(float(np.median(best_steps)))
    if not usual:
        # It will not be trained at all: then no trained one may speak for it
        parts = []
        for kept_in in keeps:
            start = trained(views[kept_in], groups.labels[kept_in], base, steps=0, seed=seed)
            parts += _kept_out_judged(start.head, views, groups.labels, kept_in)
    before, after = (_joined(kind) for kind in zip(*parts, strict=True))
    last = trained(
        views,
        groups.labels,
        base,
        loss=loss,
        steps=usual,
        seed=seed,
        told=_run(len(folds), len(folds) + 1, told),
        stop=stop,
    )
    if stop():
        return None
    own = groups.labels[before.asked]
    asked = np.flatnonzero(groups.sizes[groups.labels] >= 2)
    recall = difference(before.hit.astype(float), after.hit.astype(float), own)
    area = difference(before.area, after.area, own)
    helps, verdict = verdict_on(recall, area, len(judgeable))
    summary: dict[str, Any] = {
        "groups": len(groups.names),
        "pictures": len(groups),
        "loss": loss.value,
        "steps": usual,
        "seed": seed,
        "recall_at_1": [round(recall.before, 4), round(recall.after, 4)],
        "recall_gain_95": [round(recall.low, 4), round(recall.high, 4)],
        "roc_area": [round(area.before, 4), round(area.after, 4)],
        "roc_area_gain_95": [round(area.low, 4), round(area.high, 4)],
        "helps": helps,
        # Each pair of two that were asked about counts from both its ends
        "pairs": [len(after.same) // 2, len(after.different) // 2],
        "same": quantiles(after.same),
        "different": quantiles(after.different),
    }
    return Lesson(
        head=replace(last.head, name=name, summary=summary),
        before=before,
        after=after,
        recall=recall,
        area=area,
        everywhere=judged(last.head(views[:, 0]), groups.labels, asked),
        doubts=(*doubts(groups, views), *([_ONLY_THE_MIDDLE] if helps and not usual else [])),
        curve=curves[0],
        verdict=verdict,
        helps=helps,
        seconds=time.perf_counter() - started,
    )


def contradictory(found: Lesson, groups: Groups, most: int = 6) -> tuple[tuple[int, int], ...]:
    """List the pictures that fit their group least, as (picture, most alike other) rows.

    A picture that is nearer to pictures of other groups than to nearly all of its own may
    be in the wrong group, or show that the groups mean different things.
    """
    judged_so = found.everywhere
    wrong = np.flatnonzero(~judged_so.hit)
    order = wrong[np.argsort(judged_so.area[wrong], kind="stable")][:most]
    return tuple((int(judged_so.asked[i]), int(judged_so.nearest[i])) for i in order)


def _kept_out_judged(
    head: Head, views: Array, labels: Labels, kept_in: NDArray[np.bool_]
) -> list[tuple[Judged, Judged]]:
    """Judge the groups kept out, without the head and with it; nothing where it is only one.

    Among each other: what was trained on has been moved out of their way.
    """
    rows = np.flatnonzero(~kept_in)
    if len(np.unique(labels[rows])) < 2:
        return []
    own = views[:, 0]
    return [(judged(own, labels, rows, rows), judged(head(own), labels, rows, rows))]


def _watched(groups: Labels, random: np.random.Generator) -> Labels | None:
    """Choose the groups that tell when to stop; None where too few would be left to learn."""
    count = max(_FEWEST_WATCHED, round(_SHARE_WATCHED * len(groups)))
    if len(groups) - count < _FEWEST_WATCHED:
        return None
    return random.permutation(groups)[:count]


def quantiles(cosines: Array) -> list[float]:
    """Tell how cosines are spread: from the least to the greatest in a hundred equal shares."""
    if not len(cosines):
        return []
    shares = np.quantile(cosines.astype(np.float64), np.linspace(0, 1, _SHARES + 1))
    return [round(float(value), 4) for value in shares]


def _run(
    number: int, count: int, told: Callable[[int, int, Moment], None] | None
) -> Callable[[Moment], None] | None:
    if told is None:
        return None
    return lambda moment: told(number, count, moment)


def _joined(parts: Sequence[Judged]) -> Judged:
    """Put the answers of all folds into one, in the order of the pictures."""
    rows = np.concatenate([part.asked for part in parts])
    order = np.argsort(rows)
    return Judged(
        asked=rows[order],
        hit=np.concatenate([part.hit for part in parts])[order],
        area=np.concatenate([part.area for part in parts])[order],
        nearest=np.concatenate([part.nearest for part in parts])[order],
        same=np.concatenate([part.same for part in parts]),
        different=np.concatenate([part.different for part in parts]),
    )


def verdict_on(recall: Difference, area: Difference, groups: int) -> tuple[bool, Text]:
    """Say whether it helps, and why not, by what was gained on so many groups never seen."""
    if groups < FEWEST_TO_CLAIM:
        return False, Text(
            "With {count} groups nobody can tell whether this helps with new ones: {least} or "
            "more are needed.",
            count=groups,
            least=FEWEST_TO_CLAIM,
        )
    if (recall.is_gain and not area.is_loss) or (area.is_gain and not recall.is_loss):
        return True, Text(
            "It helps: groups that it has never seen are told apart better than before, beyond "
            "what chance would bring."
        )
    if recall.is_loss or area.is_loss:
        return False, Text(
            "It does harm: groups that it has never seen are told apart worse than before. The "
            "groups may mean different things, or hold pictures that do not belong."
        )
    return False, Text(
        "No proof that it helps: on groups that it has never seen, the difference is within what "
        "chance would bring. More groups may show one."
    )
