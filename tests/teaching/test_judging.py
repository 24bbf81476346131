"""Judging of a head, against scikit-learn and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap, norm
from sklearn.metrics import roc_auc_score

from imgsim_core.teaching.judging import difference, judged


@pytest.fixture
def world():
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(6), 4)
    vectors = random.normal(size=(24, 8)) + 0.7 * random.normal(size=(6, 8))[labels]
    vectors = np.round(vectors, 1)  # so that some cosines are equal
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), labels


def test_areas_are_those_of_scikit_learn(world):
    vectors, labels = world
    found = judged(vectors, labels, np.arange(24))
    for i in range(24):
        others = np.arange(24) != i
        truth = labels[others] == labels[i]
        cosines = vectors[others] @ vectors[i]
        assert found.area[i] == pytest.approx(roc_auc_score(truth, cosines), abs=1e-6)
        nearest = np.flatnonzero(others)[cosines.argmax()]
        assert found.hit[i] == (labels[nearest] == labels[i])
    assert len(found.same) == 24 * 3
    assert len(found.different) == 24 * 20


def test_only_those_asked_about_are_judged_but_all_are_searched(world):
    vectors, labels = world
    whole = judged(vectors, labels, np.arange(24))
    some = judged(vectors, labels, np.array([3, 17]))
    assert some.area.tolist() == whole.area[[3, 17]].tolist()
    assert some.nearest.tolist() == whole.nearest[[3, 17]].tolist()


def test_perfect_groups_are_judged_perfect():
    vectors = np.eye(4, dtype=np.float32)[np.repeat(np.arange(4), 3)]
    found = judged(vectors, np.repeat(np.arange(4), 3), np.arange(12))
    assert found.hit.all()
    assert (found.area == 1).all()


def test_what_is_not_among_them_is_not_searched(world):
    vectors, labels = world
    rows = np.flatnonzero(labels < 3)
    found = judged(vectors, labels, rows, rows)
    alone = judged(vectors[rows], labels[rows], np.arange(12))
    assert found.area.tolist() == alone.area.tolist()
    assert found.nearest.tolist() == rows[alone.nearest].tolist()
    assert len(found.different) == 12 * 8


def test_the_interval_is_that_of_scipys_bootstrap_over_groups_widened_for_few():
    random = np.random.default_rng(1)
    groups = np.repeat(np.arange(12), 3)
    before, after = random.random(36), random.random(36) + 0.2
    found = difference(before, after, groups)
    gains = (after - before).reshape(12, 3).mean(axis=1)
    # Hesterberg 2015, section 5.2, for n = 12, and 1.25 % a side, since two measures are
    # looked at: Student's t of 11 degrees has 2.593093 there, and they become 0.34 %
    level = 1 - 2 * norm.cdf(-2.593093 * (12 / 11) ** 0.5)
    interval = bootstrap(
        (gains,),
        np.mean,
        method="percentile",
        confidence_level=level,
        n_resamples=20_000,
        random_state=0,
    ).confidence_interval
    assert found.low == pytest.approx(interval.low, abs=0.02)
    assert found.high == pytest.approx(interval.high, abs=0.02)
    assert found.after - found.before == pytest.approx(gains.mean())


def test_no_difference_is_no_gain():
    values = np.random.default_rng(2).random(20)
    found = difference(values, values, np.repeat(np.arange(5), 4))
    assert (found.low, found.high) == (0, 0)
    assert not found.is_gain
    assert not found.is_loss
