"""Matching details, against OpenCV's own matcher and warps whose truth is known."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest

from imgsim_core.method import Described, Facts, Images, Matches
from imgsim_core.methods import keypoints
from imgsim_core.methods.keypoints import FEWEST, METHODS, MatchResult, verified_match
from imgsim_core.picture import Picture
from tests.pictures import blank, noise, photograph, picture_of

BY_ID = {method.id: method for method in METHODS}

every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)

# A turned by 20 degrees, at 0.8 of its size, with a little perspective
TRUTH = np.array([[0.7518, -0.2736, 86.0], [0.2736, 0.7518, 8.0], [1.3e-4, 6e-5, 1.0]])
SIDE = 400


@cache
def photo(name: str = "astronaut") -> Picture:
    return photograph(name, SIDE)


_described: dict[Any, Any] = {}


def described(method, picture: Picture, options) -> Any:
    """Describe each picture once for all tests."""
    key = method.id, options, picture.digest
    if key not in _described:
        _described[key] = method.describe(picture, options)
    return _described[key]


def warped(picture: Picture, homography: np.ndarray = TRUTH) -> Picture:
    size = (picture.width, picture.height)
    return picture_of(cv2.warpPerspective(picture.rgb, homography, size))


def mirrored(picture: Picture) -> Picture:
    return picture_of(picture.rgb[:, ::-1])


def match(method, a: Picture, b: Picture, **options) -> MatchResult:
    chosen = method.options(**options)
    return verified_match(described(method, a, chosen), described(method, b, chosen), chosen)


def score(method, a: Picture, b: Picture, **options) -> float:
    chosen = method.options(**options)
    return method.compare(described(method, a, chosen), described(method, b, chosen), chosen)


def corner_error(found: np.ndarray, truth: np.ndarray, picture: Picture) -> float:
    corners = [[0, 0], [picture.width, 0], [picture.width, picture.height], [0, picture.height]]
    places = [cv2.perspectiveTransform(np.array([corners], float), h) for h in (found, truth)]
    return float(np.linalg.norm(places[0] - places[1], axis=2).mean())


# ── Right answers ──────────────────────────────────────────────────────────────────


@every_method
@pytest.mark.parametrize("model", ["homography", "affine"])
def test_a_known_movement_is_found_again(method, model):
    truth = TRUTH.copy()
    if model == "affine":
        truth[2] = [0, 0, 1]
    a = photo()
    result = match(method, a, warped(a, truth), model=model)
    assert result.sane
    assert not result.mirrored
    assert corner_error(result.homography, truth, a) < 2.0  # pixels, of 400
    assert cv2.perspectiveTransform(
        np.array([[[0, 0], [a.width - 1, a.height - 1]]], float), result.homography
    )[0] == pytest.approx(result.outline[[0, 2]], abs=0.01)


@every_method
def test_the_movement_is_in_pixels_of_the_original_sizes(method):
    a = photo()
    large = picture_of(cv2.resize(a.rgb, (1200, 1200), interpolation=cv2.INTER_CUBIC))
    result = match(method, large, a)
    # Pixel centres: 3 pixels of the large one lie on 1 of the small one
    truth = np.array([[1 / 3, 0, -1 / 3], [0, 1 / 3, -1 / 3], [0, 0, 1]])
    assert corner_error(result.homography, truth, large) < (3.0 if method.id == "surf" else 1.0)
    assert result.points_a.max() > 2 * SIDE
    assert result.points_b.max() < SIDE


@every_method
def test_verified_points_lie_where_the_movement_puts_them(method):
    a = photo()
    result = match(method, a, warped(a))
    kept = result.verified
    moved = cv2.perspectiveTransform(result.points_a[None, kept], result.homography)[0]
    distance = np.linalg.norm(moved - result.points_b[kept], axis=1)
    assert distance.max() < 2 * keypoints.TOLERANCE
    assert FEWEST <= result.count <= kept.sum() <= len(kept)


@every_method
def test_a_mirrored_picture_is_found_and_said(method):
    a = photo()
    b = mirrored(a)
    result = match(method, a, b, mirrored=True)
    assert result.mirrored
    assert result.share > 0.5
    truth = np.array([[-1.0, 0, a.width - 1], [0, 1, 0], [0, 0, 1]])
    assert corner_error(result.homography, truth, a) < 1.0
    assert match(method, a, b, mirrored=False).share < 0.05


@every_method
def test_unrelated_pictures_score_nothing(method):
    names = ("astronaut", "chelsea", "coffee")
    options = method.options()
    descriptions = [described(method, photo(name), options) for name in names]
    for a, b in itertools.combinations(descriptions, 2):
        result = verified_match(a, b, options)
        assert not result.sane
        assert result.agreeing < FEWEST
        assert not result.verified.any()
        assert method.compare(a, b, options) == 0


def test_steeply_tilted_pictures_need_the_tilted_views():
    a = photo()
    # Narrowed to a quarter: a wall seen from 75 degrees aside
    narrow = picture_of(cv2.resize(a.rgb, (100, SIDE), interpolation=cv2.INTER_AREA))
    plain = match(BY_ID["sift"], a, narrow, tilted=False)
    tilted = match(BY_ID["sift"], a, narrow, tilted=True)
    assert tilted.sane
    assert tilted.count > 2 * plain.count
    truth = np.diag([0.25, 1, 1])
    truth[0, 2] = -0.375
    assert corner_error(tilted.homography, truth, a) < 3


# ── Named references ───────────────────────────────────────────────────────────────


def unit_vectors(count: int, seed: int) -> np.ndarray:
    vectors = np.abs(np.random.default_rng(seed).normal(size=(count, 16))).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("counts", [(700, 300), (40, 1300), (1, 2), (513, 512)])
def test_ratio_pairs_are_those_of_opencv_knn_match(counts):
    first, second = unit_vectors(counts[0], 1), unit_vectors(counts[1], 2)
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    nearest_back = {m[0].queryIdx: m[0].trainIdx for m in matcher.knnMatch(second, first, 1)}
    expected = {
        (best.queryIdx, best.trainIdx)
        for best, next_best in matcher.knnMatch(first, second, 2)
        if best.distance < 0.8 * next_best.distance and nearest_back[best.trainIdx] == best.queryIdx
    }
    i, j, ratios = keypoints.ratio_pairs(first, second, 0.8)
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == expected
    assert (np.diff(ratios) >= 0).all()


def test_bits_are_paired_as_by_opencv_with_hamming():
    random = np.random.default_rng(3)
    first, second = random.integers(0, 256, (2, 200, 32), dtype=np.uint8)
    second[:50] = first[:50] ^ (random.random((50, 32)) < 0.1)
    forward = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(first, second, 2)
    mutual = {
        (m.queryIdx, m.trainIdx) for m in cv2.BFMatcher(cv2.NORM_HAMMING, True).match(first, second)
    }
    expected = {
        (best.queryIdx, best.trainIdx)
        for best, next_best in forward
        if best.distance < 0.7 * next_best.distance and (best.queryIdx, best.trainIdx) in mutual
    }
    unit = keypoints._unit_bits
    i, j, _ = keypoints.ratio_pairs(unit(first), unit(second), 0.7, squared=False)
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == expected
    assert len(expected) == 50


def test_the_rearranged_sift_is_that_of_the_mirrored_picture():
    grey = cv2.cvtColor(photo().rgb, cv2.COLOR_RGB2GRAY)
    detector = keypoints._sift(500)
    upright = keypoints._detected(detector, grey, 128)
    flipped = keypoints._detected(detector, np.ascontiguousarray(grey[:, ::-1]), 128)
    places = np.column_stack([grey.shape[1] - 1 - upright.points[:, 0], upright.points[:, 1]])
    apart = np.linalg.norm(places[:, None] - flipped.points[None], axis=2)
    same = apart.min(axis=1) < 0.01
    assert same.mean() > 0.7
    rearranged = upright.vectors[same][:, keypoints._SIFT_MIRROR].astype(float)
    # Places with several directions have several descriptors: take the nearest
    distance = [
        np.linalg.norm(vector - flipped.vectors[row < 0.01].astype(float), axis=1).min()
        for vector, row in zip(rearranged, apart[same], strict=True)
    ]
    assert np.median(distance) < 5  # of a length of 512
    assert np.percentile(distance, 95) < 60


def test_without_tilted_views_the_keypoints_are_those_of_opencv():
    picture = photo()
    found = BY_ID["sift"].describe(picture, keypoints.SiftOptions(tilted=False))
    grey = cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2GRAY)
    expected, vectors = cv2.SIFT.create(
        nfeatures=1000, enable_precise_upscale=True
    ).detectAndCompute(grey, None)
    assert found.upright.points == pytest.approx(np.array([k.pt for k in expected]))
    assert (found.upright.vectors == vectors).all()


# scikit-image 0.26's astronaut at 400 pixels against its warp by TRUTH; OpenCV 5.0.0.93,
# mahotas 1.4.19, 2026-11-22. Other builds may differ in a few keypoints.
GOLDEN = {"sift": (679, 566), "surf": (174, 111), "orb": (662, 575)}


@every_method
def test_golden_counts(method):
    a = photo()
    result = match(method, a, warped(a))
    pairs, verified = GOLDEN[method.id]
    assert len(result.points_a) == pytest.approx(pairs, rel=0.05)
    assert result.count == pytest.approx(verified, rel=0.05)


# ── Properties ─────────────────────────────────────────────────────────────────────


@every_method
def test_identical_pictures_score_exactly_identical(method):
    for picture in (photo(), blank(40, 60), blank(1, 1), noise(3, 900), blank(300, 300, 0)):
        assert score(method, picture, picture) == 1.0
        assert score(method, picture, picture, measure="count") == math.inf


@every_method
def test_swapping_the_pictures_swaps_the_answer_exactly(method):
    a, b = photo(), mirrored(warped(photo()))
    for options in ({}, {"mirrored": True}):
        there, back = match(method, a, b, **options), match(method, b, a, **options)
        assert there.share == back.share
        assert there.agreeing == back.agreeing
        assert (there.points_a == back.points_b).all()
        assert (there.verified == back.verified).all()
        assert there.mirrored == back.mirrored
        assert there.sane == back.sane
        if there.sane:
            both = there.homography @ back.homography
            assert both / both[2, 2] == pytest.approx(np.eye(3), abs=1e-6)


@every_method
def test_more_damage_finds_fewer_details(method):
    a = photo()
    damaged = [picture_of(cv2.GaussianBlur(a.rgb, (0, 0), sigma)) for sigma in (0.7, 2, 6)]
    shares = [score(method, a, picture) for picture in damaged]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.3
    assert all(0 <= share <= 1 for share in shares)


@every_method
def test_the_answer_is_the_same_in_every_thread(method):
    options = method.options()
    a, b = (described(method, picture, options) for picture in (photo(), warped(photo())))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: verified_match(a, b, options), range(8)))
    assert len({result.homography.tobytes() for result in results}) == 1
    cv2.setRNGSeed(77)
    assert (verified_match(a, b, options).homography == results[0].homography).all()


@every_method
@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (16, 16), (15, 400), (40, 3000)])
def test_tiny_and_narrow_pictures_have_an_answer(method, size):
    options = method.options(mirrored=True)
    pictures = noise(*size), noise(*size, seed=1), photo()
    descriptions = [described(method, picture, options) for picture in pictures]
    for a in descriptions:
        for b in descriptions:
            value = method.compare(a, b, options)
            assert value == (1.0 if a is b else 0.0)


@every_method
def test_blank_pictures_are_unlike_without_error(method):
    assert score(method, blank(200, 300, 0), blank(200, 300, 255)) == 0
    assert score(method, blank(200, 300, 0), photo()) == 0


@every_method
def test_count_and_share_are_of_the_same_match(method):
    a, b = photo(), warped(photo())
    result = match(method, a, b)
    assert score(method, a, b) == pytest.approx(result.count / result.details)
    assert score(method, a, b, measure="count") == result.count
    scale = method.scale_with(method.options(measure="count"))
    assert scale.line == FEWEST
    assert result.count in scale


def test_the_article_counts_verified_matches_of_plain_sift_and_surf():
    a, b = photo(), warped(photo())
    for method_id in ("sift", "surf"):
        method = BY_ID[method_id]
        assert method.article.measure == "count"
        assert method.article.ratio == 0.75
        descriptions = [described(method, picture, method.article) for picture in (a, b)]
        value = method.compare(*descriptions, method.article)
        assert FEWEST <= value == int(value)
        assert method.scale_with(method.article).identical == math.inf
    assert BY_ID["orb"].article is None


def test_impossible_outlines_are_no_match():
    description = BY_ID["orb"].describe(photo(), keypoints.OrbOptions())
    possible = keypoints._is_possible
    assert possible(np.eye(3), description)
    assert possible(TRUTH, description)
    assert not possible(np.diag([-1.0, 1, 1]), description)  # turned over
    assert not possible(np.diag([0.05, 0.05, 1]), description)  # shrunk away
    bent = np.array([[1.0, 0, 0], [0, 1, 0], [-0.01, 0, 1]])  # the horizon runs through it
    assert not possible(bent, description)


def test_a_corner_behind_the_horizon_has_no_place_to_draw(monkeypatch):
    """B shows a part of A from aside: the rest of A may reach behind B's horizon."""
    options = keypoints.OrbOptions()
    views = [BY_ID["orb"].describe(photo(name), options) for name in ("chelsea", "coffee")]
    b, a = sorted(views, key=lambda view: view.digest)
    back = np.array([[1.0, 0, 0], [0, 1, 0], [-2 / a.reduced_width, 0, 1]])
    points = np.float32([[10 * i, 10 * j] for i in range(1, 6) for j in range(1, 6)])
    places = cv2.perspectiveTransform(points[None], np.linalg.inv(back))[0]
    found = keypoints._Attempt(points, places, np.ones(25, bool), np.linalg.inv(back), False)
    monkeypatch.setattr(keypoints, "_best_attempt", lambda *_: found)
    result = verified_match(a, b, options)
    assert result.sane
    assert result.outline is None
    assert np.isfinite(verified_match(b, a, options).outline).all()


# ── Evidence ───────────────────────────────────────────────────────────────────────


def evidence(method, a: Picture, b: Picture, **options):
    chosen = method.options(**options)
    sides = [Described(picture, described(method, picture, chosen)) for picture in (a, b)]
    return method.explain(*sides, chosen)


def fact(facts: Facts, label: str) -> str:
    return {str(name): str(value) for name, value in facts.rows}[label]


@every_method
def test_evidence_of_a_match_shows_lines_overlay_and_counts(method):
    a = photo()
    matches, images, facts = evidence(method, a, warped(a))
    assert isinstance(matches, Matches)
    assert matches.outline.shape == (4, 2)
    assert matches.verified.any()
    assert len(matches.points_a) == len(matches.points_b) == len(matches.verified)
    assert isinstance(images, Images)
    assert {image.shape for _, image in images.images} == {(SIDE, SIDE, 3)}
    assert "were found again in B, in the same arrangement." in fact(facts, "What was found")
    assert fact(facts, "Size of A in B").startswith("0.7")
    assert fact(facts, "A is turned clockwise by") in {"18°", "19°", "20°", "21°", "22°"}
    assert fact(facts, "Mirrored left to right") == "no"


def test_the_overlay_lays_a_on_its_place_in_b():
    a = photo()
    large = picture_of(cv2.resize(a.rgb, (1100, 1100), interpolation=cv2.INTER_CUBIC))
    for first, second in ((a, large), (large, a), (a, mirrored(large))):
        images = evidence(BY_ID["sift"], first, second)[1]
        size = images.images[0][1].shape[1::-1]
        expected = cv2.resize(second.rgb, size, interpolation=cv2.INTER_AREA)
        for _, image in images.images:
            assert max(image.shape) <= 800
            difference = np.abs(image.astype(int) - expected)[20:-20, 20:-20]
            assert difference.mean() < 6


def test_evidence_says_mirrored_identical_and_nothing_found():
    method = BY_ID["sift"]
    a = photo()
    facts = evidence(method, a, mirrored(a))[-1]
    assert fact(facts, "What was found").endswith("but mirrored left to right.")
    assert fact(facts, "Mirrored left to right") == "yes"
    assert fact(facts, "A is turned clockwise by") == "0°"
    facts = evidence(method, a, a)[-1]
    assert fact(facts, "What was found") == "Both pictures have the same grey pixels."
    (facts,) = evidence(method, blank(90, 90, 0), blank(90, 90, 255))
    assert "too few details" in fact(facts, "What was found")
    matches, facts = evidence(method, a, photo("coffee"))
    assert not matches.verified.any()
    assert matches.outline is None
    assert "agree" in fact(facts, "What was found")


def test_too_many_lines_are_not_drawn():
    a = photo()
    matches = evidence(BY_ID["sift"], a, picture_of(255 - (255 - a.rgb) // 2), keypoints=4000)[0]
    assert matches.verified.sum() == 250


def test_a_description_is_of_bounded_size():
    options = keypoints.SiftOptions()
    found = described(BY_ID["sift"], photo(), options)
    total = sum(
        getattr(view, field.name).nbytes
        for view in (found.upright, found.mirrored)
        for field in fields(view)
    )
    assert total < 1_000_000
