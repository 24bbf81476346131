"""What ships holds for pictures it was not measured on: the other photographs, and neardup."""

from __future__ import annotations

import numpy as np
import pytest

from bench.calibrate import measured, questions
from bench.calibration_check import COVERAGE_WANTED, ERROR_ALLOWED, judged
from bench.reference_photos import (
    CHECKED,
    GROUPS,
    Sizes,
    near_duplicates,
    photos,
    reference_pairs,
)
from imgsim_core.calibration import RELATIONS, meaning_by, reference_for
from imgsim_core.registry import methods_of

ASKED = [(preset, question) for preset, question in questions(set()) if preset == "default"]
QUICK = {"histogram", "psnr", "hog", "lbp", "hu", "phash", "dhash", "ahash", "whash"}
SIZES = Sizes(photos=300, unrelated=1500, per_group=12, views=200, per_damage=4)

pytestmark = pytest.mark.usefixtures("evaluation_data")


def asked(name_of) -> list:
    return [
        pytest.param(question, id=question.method.id)
        for _, question in ASKED
        if name_of(question.method)
    ]


@pytest.mark.parametrize("question", asked(lambda method: method.id in QUICK))
def test_the_stated_relations_hold_for_photographs_never_measured(question):
    scores = measured(question, reference_pairs(CHECKED, SIZES))
    coverage, _, error = judged(reference_for(question), scores)
    assert np.mean(list(coverage.values())) >= COVERAGE_WANTED
    assert error < ERROR_ALLOWED


@pytest.mark.parametrize("question", asked(lambda method: method in methods_of(method.family)[:1]))
def test_the_stated_relations_hold_for_near_duplicates(question):
    scores = measured(question, near_duplicates())
    covered = [
        relation in meaning_by(reference_for(question), value).stated
        for relation in RELATIONS
        for value in scores[relation]
    ]
    assert len(covered) >= 60
    assert np.mean(covered) >= COVERAGE_WANTED


def test_the_halves_share_no_photograph():
    halves = [{photo.path for photo in photos(half)} for half in (0, 1)]
    assert [len(half) for half in halves] == [500, 500]
    assert not halves[0] & halves[1]


def test_no_class_is_of_two_kinds():
    numbers = [number for group in GROUPS.values() for number in group]
    assert len(numbers) == len(set(numbers))
