"""A whole lesson on made vectors, whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from imgsim_core.picture import Picture
from imgsim_core.teaching import siamese
from imgsim_core.teaching.groups import grouped
from imgsim_core.teaching.judging import judged
from imgsim_core.teaching.lesson import contradictory, lesson
from imgsim_core.teaching.siamese import Loss, trained
from imgsim_core.text import Text

DIMENSION, GROUPS, EACH = 24, 12, 5


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def world(notion: float, seed: int = 0):
    """Vectors that say something of the group and, much louder, something else."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(GROUPS), EACH)
    count = len(labels)
    vectors = np.zeros((count, DIMENSION))
    vectors[:, :8] = notion * random.normal(size=(GROUPS, 8))[labels]
    vectors[:, 8:16] = 2 * random.normal(size=(count, 8))
    vectors += 0.3 * random.normal(size=vectors.shape)
    views = vectors[:, None] + 0.1 * random.normal(size=(count, 3, DIMENSION))
    members = [
        (Picture(np.zeros((1, 1, 3), np.uint8), f"{i:064x}", f"{i}.png"), f"g{label}")
        for i, label in enumerate(labels)
    ]
    return grouped(members), unit(views)


@pytest.mark.parametrize("loss", Loss)
def test_a_notion_that_is_there_is_learned_and_holds_for_groups_never_seen(loss):
    groups, views = world(notion=1.0)
    found = lesson(groups, views, "base", "mine", loss=loss)
    assert found.helps
    assert found.recall.low > 0
    assert found.recall.after > found.recall.before
    assert found.area.after > found.area.before
    assert found.head.summary["helps"]


def test_the_summary_tells_how_alike_pairs_never_seen_are():
    groups, views = world(notion=1.0)
    found = lesson(groups, views, "base", "mine")
    for kind in ("same", "different"):
        told = np.array(found.head.summary[kind])
        cosines = np.sort(getattr(found.after, kind))
        assert len(told) == 101
        assert (np.diff(told) >= 0).all()
        assert told[[0, -1]] == pytest.approx(cosines[[0, -1]], abs=1e-4)
        # An independent count: each share of the quantiles holds as many of the pairs
        shares = np.searchsorted(cosines, told[1:-1], side="right") / len(cosines)
        assert shares == pytest.approx(np.arange(1, 100) / 100, abs=0.02)
    # Of 12 groups of five, two or three are kept out together
    same, different = found.head.summary["pairs"]
    assert same == GROUPS * EACH * (EACH - 1) // 2
    assert 25 * GROUPS // 2 < different < 25 * 2 * GROUPS
    assert np.median(found.head.summary["same"]) > np.median(found.head.summary["different"])


def test_where_there_is_nothing_to_learn_no_help_is_claimed():
    """Groups dealt by chance: over many worlds a false claim must be rare."""
    claims = 0
    for seed in range(4):
        groups, views = world(notion=0.0, seed=seed)
        claims += lesson(groups, views, "base", "mine", seed=seed).helps
    assert claims <= 1


def test_few_groups_are_taught_but_nothing_is_claimed():
    groups, views = world(notion=1.0)
    few = np.flatnonzero(groups.labels < 4)
    members = [(groups.pictures[i], groups.names[groups.labels[i]]) for i in few]
    found = lesson(grouped(members), views[few], "base", "mine")
    assert not found.helps
    assert "5 or more" in str(found.verdict)


def test_the_same_seed_gives_the_same_head_and_another_another():
    groups, views = world(notion=1.0)
    first, again, other = (lesson(groups, views, "b", "n", seed=seed) for seed in (1, 1, 2))
    assert first.head.digest == again.head.digest
    assert first.head.digest != other.head.digest


def test_a_picture_in_the_wrong_group_is_found():
    groups, views = world(notion=4.0)
    labels = groups.labels.copy()
    labels[0] = 5
    members = [
        (picture, f"g{label}") for picture, label in zip(groups.pictures, labels, strict=True)
    ]
    regrouped = grouped(members)
    found = lesson(regrouped, views, "base", "mine")
    shown = [regrouped.pictures[row].name for row, _ in contradictory(found, regrouped)]
    assert "0.png" in shown[:2]


def test_training_that_runs_away_ends_and_keeps_the_best(monkeypatch):
    groups, views = world(notion=1.0)
    usual = siamese.loss_function(Loss.CONTRASTIVE)
    calls = []

    def breaks(vectors, labels):
        calls.append(1)
        return usual(vectors, labels) * (math.nan if len(calls) > 20 else 1.0)

    monkeypatch.setattr(siamese, "loss_function", lambda loss: breaks)
    found = trained(views, groups.labels, "base", kept_out=np.array([0, 1]))
    assert found.diverged
    assert len(calls) == 21
    assert np.isfinite(found.head(views[:, 0])).all()
    assert found.best_step == max(found.curve, key=lambda moment: moment.quality).step


def test_it_can_be_stopped_and_tells_how_far_it_is():
    groups, views = world(notion=1.0)
    told = []
    stopped = lesson(
        groups,
        views,
        "base",
        "mine",
        told=lambda number, count, moment: told.append((number, count)),
        stop=lambda: len(told) >= 3,
    )
    assert stopped is None
    assert told == [(0, 6)] * 3


def test_groups_that_are_watched_are_never_trained_on(monkeypatch):
    """Their vectors may be anything: the head at each step stays the same."""
    monkeypatch.setattr(siamese, "_quality", lambda *_: None)  # so that all steps are taken
    groups, views = world(notion=1.0)
    watched = np.array([0, 1])
    other = views.copy()
    other[groups.labels < 2] = unit(np.random.default_rng(9).normal(size=DIMENSION))
    assert not np.array_equal(other, views)
    heads = [
        trained(each, groups.labels, "b", kept_out=watched, steps=20).head.digest
        for each in (views, other)
    ]
    assert heads[0] == heads[1]
    seen = trained(other, groups.labels, "b", steps=20).head.digest
    assert seen != heads[0]


def test_no_head_is_judged_by_what_it_was_trained_on(monkeypatch):
    groups, views = world(notion=1.0)
    rows = {view.tobytes(): row for row, view in enumerate(views)}
    given: list[set[int]] = []
    asked: list[set[int]] = []

    def training(some, *rest, **named):
        given.append({rows[view.tobytes()] for view in some})
        return trained(some, *rest, **named)

    def judging(vectors, labels, which, among=None):
        assert among is not None or len(which) == len(labels)
        asked.append(set(which.tolist()) if among is not None else set())
        assert among is None or set(among.tolist()) == asked[-1]
        return judged(vectors, labels, which, among)

    monkeypatch.setattr("imgsim_core.teaching.lesson.trained", training)
    monkeypatch.setattr("imgsim_core.teaching.lesson.judged", judging)
    lesson(groups, views, "base", "mine")
    folds, last = given[:5], given[5]
    assert last == set(rows.values())
    for fold, (before, after) in zip(
        folds, zip(asked[::2], asked[1::2], strict=False), strict=False
    ):
        assert before == after == last - fold
    assert set.union(*asked) == last


def test_the_head_to_be_used_learned_as_long_as_those_that_were_judged():
    groups, views = world(notion=1.0)
    found = lesson(groups, views, "base", "mine")
    alone = judged(views[:, 0], groups.labels, found.everywhere.asked)
    assert found.everywhere.hit.mean() > alone.hit.mean() + 0.2
    assert found.head.summary["steps"] > siamese._STEPS_UNSEEN


@pytest.mark.parametrize(("steps", "said"), [(0, True), (20, False)])
def test_where_no_step_of_training_was_of_use_it_is_said(monkeypatch, steps, said):
    groups, views = world(notion=1.0)
    monkeypatch.setattr(
        "imgsim_core.teaching.lesson.trained",
        lambda *given, **named: trained(*given, **{**named, "steps": steps}),
    )
    monkeypatch.setattr(
        "imgsim_core.teaching.lesson.verdict_on", lambda *_: (True, Text("It helps."))
    )
    found = lesson(groups, views, "base", "mine")
    assert (found.head.summary["steps"] == 0) == said
    assert ("what all these pictures share" in " ".join(map(str, found.doubts))) == said
