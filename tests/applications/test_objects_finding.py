"""What looking for an object in a scene promises."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.stats import beta

from imgsim_core.applications.objects.details import Details, candidates, details_of
from imgsim_core.applications.objects.examples import SCENES, scene_example, scene_of
from imgsim_core.applications.objects.finding import (
    FEWEST,
    Chance,
    chance,
    cropped,
    find,
    straightened,
)
from imgsim_core.applications.objects.made_scene import pasted
from imgsim_core.errors import BadBox, UnknownSample
from imgsim_core.memory import Memory
from imgsim_core.picture import Picture
from imgsim_core.samples import open_sample
from tests.pictures import blank, photograph, picture_of


def same_outline(one: np.ndarray, other: np.ndarray, within: float) -> bool:
    return bool(np.abs(one - other).max() < within)


@pytest.fixture(scope="module")
def badge() -> Picture:
    return photograph("astronaut", 260)


def test_every_copy_is_found_where_it_was_laid_and_nothing_else(badge):
    random = np.random.default_rng(2)
    scene, truth = pasted(badge, photograph("gravel", 500), 4, random, (0.5, 1.4))
    found = find(badge, scene)
    assert len(truth) == len(found.finds) == 4
    for corners in truth:
        assert sum(same_outline(one.outline, corners, 5) for one in found.finds) == 1
    assert str(found.verdict) == "Found 4 times."


def test_turn_size_and_mirroring_are_told(badge):
    ground = np.full((700, 700, 3), 128, np.uint8)
    move = cv2.getRotationMatrix2D((130, 130), -40, 1.3)  # clockwise, as the eye sees it
    move[:, 2] += 220
    laid = cv2.warpAffine(badge.rgb[:, ::-1], move, (700, 700), dst=ground, borderMode=5)
    (one,) = find(badge, picture_of(laid)).finds
    assert one.mirrored
    assert one.growth == pytest.approx(1.3, rel=0.02)
    assert one.turn == pytest.approx(40, abs=1)


def test_the_way_there_agrees_with_the_one_that_the_scene_was_made_by(badge):
    truth = np.array([[0.9, 0.2, 80], [-0.1, 1.0, 90], [3e-4, -2e-4, 1]])
    laid = cv2.warpPerspective(badge.rgb, truth, (500, 500), borderValue=(90, 90, 90))
    (one,) = find(badge, picture_of(laid)).finds
    corners = np.array([[[0, 0], [259, 0], [259, 259], [0, 259]]], float)
    expected = cv2.perspectiveTransform(corners, truth)[0]
    assert same_outline(one.outline, expected, 4)
    laid_straight = straightened(picture_of(laid), one, badge)
    inside = np.s_[20:-20, 20:-20]
    difference = np.abs(laid_straight.rgb[inside].astype(int) - badge.rgb[inside])
    assert difference.mean() < 12  # twice resampled, else the same


@pytest.mark.parametrize("scene", ["coffee", "gravel", "page"])
def test_what_is_not_there_is_not_found(badge, scene):
    found = find(badge, open_sample(scene))
    assert not found.finds
    assert str(found.verdict) == "Not there."


def test_a_smooth_object_is_refused_with_a_reason():
    found = find(blank(200, 200, 90), open_sample("coffee"))
    assert not found.finds
    assert "too few details" in str(found.verdict)
    assert "Smooth" in str(found.advice)


def test_a_smooth_scene_is_told_apart_from_an_absent_object(badge):
    found = find(badge, blank(300, 300))
    assert "in this scene" in str(found.verdict)
    assert found.advice is not None


def test_the_same_picture_twice_is_said_so(badge):
    found = find(badge, badge)
    assert found.same_picture
    assert len(found.finds) == 1
    assert "same picture" in str(found.verdict)
    assert found.finds[0].growth == pytest.approx(1)


def test_finds_do_not_cover_each_other():
    tile = photograph("chelsea", 150)
    rows = np.hstack([tile.rgb] * 3)
    found = find(tile, picture_of(np.vstack([rows] * 2)))
    assert len(found.finds) == 6
    middles = np.array([one.outline.mean(axis=0) for one in found.finds])
    apart = np.linalg.norm(middles[:, None] - middles[None], axis=2)
    assert (apart + 1000 * np.eye(6)).min() > 80


def test_pictures_are_described_once(badge, monkeypatch):
    memory = Memory(2**26)
    scene = open_sample("cat-mirrored")
    first = find(badge, scene, memory)

    def never(*given: object) -> Details:
        raise AssertionError(given)

    monkeypatch.setattr("imgsim_core.applications.objects.details.details_of", never)
    assert find(badge, scene, memory).looked_alike == first.looked_alike


def test_several_details_of_a_scene_may_look_like_one_of_the_object():
    tile = photograph("chelsea", 150)
    own = details_of(tile, 800, 500)
    twice = details_of(picture_of(np.hstack([tile.rgb, tile.rgb])), 800, 1500)
    pairs = candidates(own, twice)
    _, times = np.unique(pairs.on_object, return_counts=True)
    assert (times >= 2).mean() > 0.5


# ── Boxes ──────────────────────────────────────────────────────────────────────────


def test_a_box_cuts_the_object_out():
    cat = open_sample("cat")
    part = cropped(cat, (0.1, 0.2, 0.5, 0.8))
    assert np.array_equal(part.rgb, cat.rgb[60:240, 45:226])
    assert part.digest != cat.digest
    assert cropped(cat, (0, 0, 1, 1)) is cat


@pytest.mark.parametrize(
    "box", [(0.5, 0, 0.4, 1), (-0.1, 0, 1, 1), (0, 0, 1, 1.2), (0, 0, 0.02, 1)]
)
def test_an_impossible_or_tiny_box_is_refused_by_name(box):
    with pytest.raises(BadBox, match=r"cat\.png"):
        cropped(open_sample("cat"), box)


# ── How sure ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("reached", "pairs"), [(0, 1000), (3, 500), (20, 60)])
def test_the_bound_is_that_of_clopper_and_pearson(reached, pairs):
    expected = beta.ppf(0.95, reached + 1, pairs - reached)
    assert Chance(reached, pairs).at_most == pytest.approx(expected, abs=1e-6)


def test_the_shipped_measurement_covers_every_find():
    assert chance(FEWEST).pairs >= 500
    assert chance(FEWEST).at_most < 0.01
    assert chance(500).reached <= chance(FEWEST).reached


# ── Examples ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("example", SCENES, ids=lambda example: example.id)
def test_every_example_shows_what_it_says(example):
    the_object = cropped(open_sample(example.source), example.box)
    found = find(the_object, scene_of(example.id))
    expected = {"four": 4, "absent": 0}.get(example.id, 1)
    assert len(found.finds) == expected
    assert all(one.mirrored == (example.id == "mirrored") for one in found.finds)


def test_an_unknown_example_is_refused():
    with pytest.raises(UnknownSample):
        scene_example("nothing")
