"""Matching details on pictures made by others: known homographies and unrelated photographs."""

from __future__ import annotations

import csv
import itertools
import random
from pathlib import Path

import cv2
import numpy as np
import pytest

from imgsim_core.methods.keypoints import METHODS, verified_match
from imgsim_core.picture import Picture
from tests.pictures import picture_of

BY_ID = {method.id: method for method in METHODS}

every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)


def picture(path: Path) -> Picture:
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert pixels is not None, path
    return picture_of(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), path.name)


def corner_error(found: np.ndarray, truth: np.ndarray, a: Picture) -> float:
    right, bottom = a.width - 1, a.height - 1
    corners = np.array([[[0, 0], [right, 0], [right, bottom], [0, bottom]]], float)
    moved = [cv2.perspectiveTransform(corners, homography) for homography in (found, truth)]
    return float(np.linalg.norm(moved[0] - moved[1], axis=2).mean())


def oxford_pairs(data: Path) -> list[tuple[Path, Path, np.ndarray]]:
    with (data / "keypoints" / "pairs.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["set"].startswith("oxford")]
    folder = data / "keypoints"
    return [
        (
            folder / row["image1"],
            folder / row["image2"],
            np.loadtxt(folder / row["ground_truth_file"]),
        )
        for row in rows
    ]


# Of 15 pairs within 5 pixels, measured 2026-11-22 with OpenCV 5.0.0.93. The published
# boat 1-6 is out of reach: all detectors agree on a homography 10 pixels away from it,
# under which the pictures correlate 0.75; under the published one 0.52.
WITHIN_5_PIXELS = {"sift": 14, "surf": 10, "orb": 12}


@every_method
def test_homographies_of_oxford_pairs(evaluation_data, method):
    options = method.options()
    described = {}
    errors = []
    for first, second, truth in oxford_pairs(evaluation_data):
        for path in (first, second):
            if path not in described:
                described[path] = method.describe(picture(path), options)
        result = verified_match(described[first], described[second], options)
        if result.sane:
            errors.append(corner_error(result.homography, truth, picture(first)))
    assert sum(error <= 5 for error in errors) >= WITHIN_5_PIXELS[method.id]
    assert max(errors) < 15  # no match is confidently wrong


@every_method
def test_different_oxford_scenes_never_match(evaluation_data, method):
    options = method.options()
    scenes = {
        scene: [
            method.describe(
                picture(
                    evaluation_data / "keypoints" / "oxford_affine" / scene / f"img{number}.png"
                ),
                options,
            )
            for number in (1, 4, 6)
        ]
        for scene in ("boat", "graf", "leuven")
    }
    for one, other in itertools.combinations(scenes, 2):
        for a, b in itertools.product(scenes[one], scenes[other]):
            assert not verified_match(a, b, options).sane


@pytest.mark.parametrize("method_id", ["sift", "orb"])
def test_the_box_is_found_in_its_scene(evaluation_data, method_id):
    method = BY_ID[method_id]
    folder = evaluation_data / "keypoints" / "opencv"
    box, scene = (
        method.describe(picture(folder / name), method.options())
        for name in ("box.png", "box_in_scene.png")
    )
    result = verified_match(box, scene, method.options())
    # Read by eye off the picture
    expected = [[118, 160], [284, 175], [266, 297], [90, 272]]
    assert np.abs(result.outline - expected).max() < 6
    assert result.count > 30


@every_method
def test_unrelated_photographs_never_match(evaluation_data, method):
    paths = sorted((evaluation_data / "photos").glob("*.jpg"))
    chosen = random.Random(0).sample(paths, 40)
    described = [method.describe(picture(path), method.options()) for path in chosen]
    pairs = random.Random(0).sample(list(itertools.combinations(described, 2)), 150)
    scores = [method.compare(a, b, method.options()) for a, b in pairs]
    assert sum(score > 0 for score in scores) <= 1  # one in a hundred; measured: none
