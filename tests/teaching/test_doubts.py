"""Doubts about groups: near copies in two groups, one group that drowns the rest, two meanings."""

from __future__ import annotations

import numpy as np

from imgsim_core.picture import Picture
from imgsim_core.teaching.doubts import almost_the_same, doubts, two_meanings
from imgsim_core.teaching.groups import grouped


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def groups_of(labels):
    return grouped(
        (Picture(np.zeros((1, 1, 3), np.uint8), f"{i:064x}", f"{i}.png"), f"group {label}")
        for i, label in enumerate(labels)
    )


def inks_and_subjects(seed: int = 0):
    """144 pictures: each of twelve inks with each of twelve subjects."""
    random = np.random.default_rng(seed)
    ink, subject = (part.ravel() for part in np.meshgrid(np.arange(12), np.arange(12)))
    vectors = np.concatenate(
        [random.normal(size=(12, 10))[ink], random.normal(size=(12, 10))[subject]], axis=1
    )
    return unit(vectors + 0.2 * random.normal(size=vectors.shape)), ink, subject


def test_groups_by_ink_and_groups_by_subject_are_two_meanings_told_by_name():
    for seed in range(4):
        vectors, ink, subject = inks_and_subjects(seed)
        labels = np.where(ink < 6, ink, 6 + subject)
        sides = two_meanings(vectors, labels)
        assert sides is not None
        assert sorted(map(sorted, map(np.ndarray.tolist, sides))) == [
            list(range(6)),
            list(range(6, 18)),
        ]
    (said,) = doubts(groups_of(labels), vectors[:, None])
    assert "different meanings" in str(said)
    assert "group 0, group 1, group 2, group 3, group 4 + 1" in str(said)


def test_one_meaning_is_not_taken_for_two():
    alarms = 0
    for seed in range(6):
        vectors, ink, subject = inks_and_subjects(seed)
        random = np.random.default_rng(seed)
        for labels in (ink, subject, random.permutation(ink)):
            alarms += two_meanings(vectors, labels) is not None
    assert alarms == 0


def test_almost_the_same_picture_in_two_groups_is_named_and_in_one_group_not():
    vectors, ink, _ = inks_and_subjects()
    vectors[5], vectors[24] = vectors[4], vectors[0]  # in two groups, and in one
    assert ink[4] != ink[5]
    assert ink[0] == ink[24]
    assert almost_the_same(vectors, ink) == [(4, 5)]
    (said,) = doubts(groups_of(ink), vectors[:, None])
    for name in ("4.png", "5.png", f"group {ink[4]}", f"group {ink[5]}"):
        assert name in str(said)


def test_a_group_far_bigger_than_the_others_is_named():
    random = np.random.default_rng(0)
    labels = np.concatenate([np.zeros(60, int), np.repeat(np.arange(1, 7), 5)])
    (said,) = doubts(groups_of(labels), unit(random.normal(size=(90, 1, 40))))
    assert "group 0 holds 60 of the 90 pictures" in str(said)
