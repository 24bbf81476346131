"""What a number means by a visitor's own groups."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from imgsim_core.method import Examples
from imgsim_core.own_examples import line_by_examples, own_meaning


@pytest.fixture
def examples():
    random = np.random.default_rng(0)
    same = np.sort(random.normal(0.6, 0.15, 200)).clip(-1, 1).astype(np.float32)
    different = np.sort(random.normal(0.1, 0.2, 2_000)).clip(-1, 1).astype(np.float32)
    return Examples(same, different)


def test_more_alike_never_means_less(examples):
    found = [own_meaning(examples, value) for value in np.linspace(-1, 1, 60)]
    for shares in (
        [one.belongs for one in found],
        [one.beyond_same for one in found],
        [one.beyond_different for one in found],
    ):
        assert all(first <= second for first, second in pairwise(shares))
        assert 0 < shares[0] < shares[-1] < 1


def test_the_words_change_from_apart_to_together(examples):
    words = [str(own_meaning(examples, value).verdict) for value in (-0.5, 0.3, 0.9)]
    assert len(set(words)) == 3
    assert "do not belong" in words[0]
    assert words[2].startswith("Most likely they belong together")


@pytest.mark.parametrize("rate", [0.05, 0.01])
def test_a_line_lets_as_many_pass_as_the_roc_curve_says(examples, rate):
    marks = np.repeat([1, 0], [200, 2_000])
    scores = np.concatenate([examples.same, examples.different])
    rates, _, thresholds = roc_curve(marks, scores, drop_intermediate=False)
    line = line_by_examples(examples, rate)
    passing = rates[thresholds >= line].max()
    assert passing == pytest.approx(rate, abs=1e-3)


def test_few_pairs_prove_little(examples):
    few = Examples(examples.same, examples.different, counts=(2, 40))
    found = own_meaning(few, 0.99)
    assert found.belongs == pytest.approx(0.75)
    assert "not sure" in str(found.verdict)
    assert found.beyond_same == pytest.approx(0.75)
    assert found.beyond_different == pytest.approx(41 / 42)


def test_a_stricter_line_is_higher(examples):
    assert line_by_examples(examples, 0.05) < line_by_examples(examples, 0.01)
