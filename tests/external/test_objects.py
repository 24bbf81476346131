"""Objects on pictures made by others: the box in its scene, copies found, nothing invented."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
import pytest

from imgsim_core.applications.objects.finding import find
from imgsim_core.applications.objects.made_scene import pasted
from imgsim_core.applications.objects.naming import USUAL_MODEL, name_by_words
from imgsim_core.memory import Memory
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.picture import Picture, open_picture


def opened(path: Path) -> Picture:
    return open_picture(path.read_bytes(), path.name)


@pytest.fixture(scope="module")
def photographs(evaluation_data) -> list[Path]:
    return sorted((evaluation_data / "photos").glob("*.jpg"))


def test_the_box_is_found_once_in_its_scene(evaluation_data):
    folder = evaluation_data / "keypoints" / "opencv"
    found = find(opened(folder / "box.png"), opened(folder / "box_in_scene.png"))
    # Read by eye off the picture
    expected = [[118, 160], [284, 175], [266, 297], [90, 272]]
    assert len(found.finds) == 1
    assert np.abs(found.finds[0].outline - expected).max() < 6


# Measured 2026-11-23 by `python -m bench.bench_objects`: 174 of 175 copies, no false find
def test_copies_in_made_scenes_are_found_and_nothing_else(photographs):
    chosen = np.random.default_rng(11)
    laid = right = wrong = 0
    for _ in range(6):
        the_object, ground = (opened(photographs[i]) for i in chosen.choice(1000, 2, False))
        scene, truth = pasted(the_object, ground, 3, chosen)
        found = find(the_object, scene)
        near = [
            any(np.abs(one.outline - corners).mean() < 8 for one in found.finds)
            for corners in truth
        ]
        laid, right = laid + len(truth), right + sum(near)
        wrong += len(found.finds) - sum(near)
    assert laid >= 15
    assert right >= 0.9 * laid
    assert wrong == 0


def test_nothing_is_found_in_unrelated_photographs(photographs):
    chosen = random.Random(3).sample(photographs, 8)
    memory = Memory(2**27)
    pictures = [opened(path) for path in chosen]
    found = [find(a, b, memory).finds for a in pictures for b in pictures if a.digest != b.digest]
    assert len(found) == 56
    assert not any(found)


def test_ten_words_name_photographs(evaluation_data):
    with (evaluation_data / "photos" / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    chosen = random.Random(4)
    model, memory = model_by_id(USUAL_MODEL), Memory(2**26)
    right = refused = 0
    some = chosen.sample(rows, 30)
    for row in some:
        picture = opened(evaluation_data / "photos" / row["image"])
        others = [one["label"] for one in chosen.sample(rows, 10) if one is not row]
        named = name_by_words(model, picture, [row["label"], *others[:9]], memory)
        right += str(named.answers[0].label) == row["label"]
        refused += name_by_words(model, picture, others, memory).nothing_fits
    assert right >= 27  # measured on 500: 98 %
    assert refused >= 25  # measured on 500: 94 %
