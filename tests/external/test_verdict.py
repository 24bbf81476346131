"""Verdicts on pictures made by others: second photographs, near-duplicates, strangers."""

import csv
from itertools import pairwise

import cv2
import numpy as np
import pytest

from imgsim_core.memory import Memory
from imgsim_core.picture import open_picture
from imgsim_core.verdict import Kind, pair_verdict
from tests.pictures import picture_of


def opened(path):
    return open_picture(path.read_bytes(), path.name)


def verdict(a, b):
    return pair_verdict(a, b, Memory(100_000_000))


@pytest.mark.parametrize("scene", ["graf", "leuven"])
@pytest.mark.parametrize("number", [2, 4, 6])
def test_a_second_photograph_is_not_an_edit(evaluation_data, scene, number):
    folder = evaluation_data / "keypoints/oxford_affine" / scene
    told = verdict(opened(folder / "img1.png"), opened(folder / f"img{number}.png"))
    assert told.kind is Kind.SAME_THING


def test_an_object_in_a_scene_is_the_same_thing(evaluation_data):
    folder = evaluation_data / "keypoints/opencv"
    told = verdict(opened(folder / "box.png"), opened(folder / "box_in_scene.png"))
    assert told.kind is Kind.SAME_THING


def test_near_duplicates_are_told_from_others(evaluation_data):
    folder = evaluation_data / "neardup"
    rows = list(csv.DictReader((folder / "pairs.csv").read_text().splitlines()))
    same = [row for row in rows if row["truth"] == "same"]
    other = [row for row in rows if row["truth"] == "different"][::8]
    for row in [*same, *other]:
        # White drawn on transparency: on white nothing of it is left to be seen
        if "White" in row["image2"]:
            continue
        told = verdict(opened(folder / row["image1"]), opened(folder / row["image2"]))
        assert (told.kind is Kind.CHANGED) == (row["truth"] == "same"), row


def test_strangers_on_white_canvases_are_never_copies(evaluation_data):
    paths = sorted((evaluation_data / "photos").glob("*.jpg"))[1::90]
    canvases = []
    for path in paths:
        canvas = np.full((400, 400, 3), 255, np.uint8)
        rgb = cv2.resize(opened(path).rgb, (280, 210), interpolation=cv2.INTER_AREA)
        canvas[95:305, 60:340] = rgb
        canvases.append(picture_of(canvas))
    for a, b in pairwise(canvases):
        assert verdict(a, b).kind is Kind.DIFFERENT
