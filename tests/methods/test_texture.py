"""Patterns, edges, outlines: agreement with scikit-image and OpenCV, and what they promise."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage.feature import hog, local_binary_pattern

from imgsim_core.errors import MethodError
from imgsim_core.method import Bars, Described, Heatmap, Images
from imgsim_core.methods.texture import (
    METHODS,
    EdgeOptions,
    OutlineOptions,
    PatternOptions,
    edge_layout,
    hu_moments,
    log_moments,
    outline_distance,
    pattern_codes,
    pattern_shares,
    subject_mask,
)
from tests.pictures import blank, noise, photograph, picture_of

BY_ID = {method.id: method for method in METHODS}
PHOTOGRAPHS = ("chelsea", "coffee", "astronaut", "rocket")


def value(method_id, a, b, options=None):
    method = BY_ID[method_id]
    options = options or method.options()
    return method.compare(method.describe(a, options), method.describe(b, options), options)


def evidence(method_id, a, b, options=None):
    method = BY_ID[method_id]
    options = options or method.options()
    described = [Described(picture, method.describe(picture, options)) for picture in (a, b)]
    return method.explain(*described, options)


def grey_of(picture):
    return cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2GRAY)


def turned(picture, quarters=1):
    return picture_of(np.rot90(picture.rgb, quarters))


def mirrored(picture):
    return picture_of(picture.rgb[:, ::-1])


# ── Fine patterns ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("radius", [1, 2, 3])
def test_patterns_away_from_the_rim_are_those_of_scikit_image(radius):
    grey = grey_of(photograph("chelsea", 128))
    expected = local_binary_pattern(grey, 8 * radius, radius, method="uniform")
    inside = (slice(radius + 1, -radius - 1),) * 2
    assert np.array_equal(pattern_codes(grey, radius)[inside], expected[inside])


@settings(max_examples=40, deadline=None)
@given(grey=arrays.arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6))))
def test_a_ring_of_one_pixel_counts_neighbours_as_bright_or_brighter(grey):
    """Count by hand, in the four directions where no interpolation is needed."""
    codes = pattern_codes(grey, 1)
    padded = np.pad(grey.astype(int), 1, mode="edge")
    sides = [padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
    straight = sum((side >= grey).astype(int) for side in sides)
    uniform = codes <= 8
    assert codes.max() <= 9
    assert (codes[uniform] >= straight[uniform]).all()
    assert (codes[uniform] <= straight[uniform] + 4).all()


def test_a_flat_picture_has_one_pattern_up_to_its_rim():
    assert (pattern_codes(blank(9, 7, 80).rgb[..., 0], 2) == 16).all()


def test_shares_of_each_part_sum_to_one():
    codes = pattern_codes(grey_of(photograph("coffee", 128)), 2)
    shares = pattern_shares(codes, 2, 4)
    assert shares.shape == (16, 18)
    assert shares.sum(axis=1) == pytest.approx(np.ones(16))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5000), (3, 2)])
def test_every_part_of_a_tiny_picture_has_patterns(height, width):
    codes = pattern_codes(noise(height, width).rgb[..., 0], 3)
    assert pattern_shares(codes, 3, 4).sum(axis=1) == pytest.approx(np.ones(16))


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("change", [turned, mirrored], ids=["turned", "mirrored"])
def test_patterns_forgive_turning_and_mirroring(name, change):
    a = photograph(name)
    assert value("lbp", a, change(a)) > BY_ID["lbp"].scale.line


def test_patterns_forgive_turning_no_longer_when_places_are_kept_apart():
    a, options = photograph("astronaut"), PatternOptions(places=True)
    line = BY_ID["lbp"].scale_with(options).line
    assert value("lbp", a, turned(a), options) < line < value("lbp", a, a, options)


def test_patterns_are_blind_to_colour_and_to_an_even_change_of_light():
    a = photograph("coffee", 128)
    darker = picture_of(a.rgb // 2)
    assert value("lbp", a, darker) > BY_ID["lbp"].scale.line
    grey = picture_of(np.repeat(grey_of(a)[..., None], 3, axis=2))
    assert value("lbp", a, grey) == 1.0


def test_sand_is_nearer_to_noise_than_a_gradient_is():
    ramp = np.repeat(np.linspace(0, 255, 128).astype(np.uint8)[None, :, None], 128, axis=0)
    smooth = picture_of(np.repeat(ramp, 3, axis=2))
    assert value("lbp", noise(128, 128, 0), noise(128, 128, 1)) > 0.95
    assert value("lbp", noise(128, 128, 0), smooth) < 0.6


# ── The layout of edges ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cells", [4, 8, 16])
def test_edges_are_those_of_scikit_image(cells):
    rgb = cv2.resize(photograph("astronaut").rgb, (128, 128), interpolation=cv2.INTER_AREA)
    features = hog(
        cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY),
        orientations=9,
        pixels_per_cell=(128 // cells, 128 // cells),
        cells_per_block=(cells, cells),
    )
    expected = features / np.linalg.norm(features)
    assert edge_layout(rgb, cells).ravel() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("angle", "direction"), [(0, 0), (45, 2), (90, 4), (135, 6)])
def test_a_ramp_has_edges_in_one_direction_only(angle, direction):
    y, x = np.mgrid[:128, :128] - 64.0
    level = 128 + x * np.cos(np.radians(angle)) + y * np.sin(np.radians(angle))
    rgb = np.repeat(np.clip(level, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    by_direction = edge_layout(rgb).sum(axis=(0, 1))
    assert by_direction.argmax() == direction


def test_the_value_is_the_cosine():
    a, b = photograph("chelsea"), photograph("coffee")
    expected = float((edge_layout(a.rgb) * edge_layout(b.rgb)).sum())
    assert value("hog", a, b) == pytest.approx(expected, abs=1e-12)


def test_edges_do_not_mind_other_sizes_or_colours():
    a = photograph("astronaut")
    smaller = cv2.resize(a.rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    for copy in (picture_of(smaller), picture_of(255 - a.rgb)):
        assert value("hog", a, copy) > 0.95
    assert value("hog", a, photograph("coffee")) < BY_ID["hog"].scale.line


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_mirror_images_count_on_request(name):
    a, options = photograph(name), EdgeOptions(mirrored=True)
    assert value("hog", a, mirrored(a), options) == pytest.approx(1.0, abs=1e-6)
    assert value("hog", a, mirrored(a)) < 0.95
    b = photograph("chelsea" if name != "chelsea" else "coffee")
    assert value("hog", a, b, options) == value("hog", b, a, options) >= value("hog", a, b)


def test_no_edges_agree_with_no_edges_only():
    assert value("hog", blank(20, 30), blank(40, 10, 0)) == 1.0
    assert value("hog", blank(20, 30), photograph("chelsea")) == 0.0


# ── Outlines ───────────────────────────────────────────────────────────────────────


def shape(kind, size=(200, 260), centre=(120, 95), radius=50, angle=0.0, ground=255, ink=40):
    canvas = np.full((*size, 3), ground, dtype=np.uint8)
    corners = {
        "ell": [(-1, -1), (-0.4, -1), (-0.4, 0.5), (0.8, 0.5), (0.8, 1), (-1, 1)],
        "triangle": [(-1, 1), (0.2, -1), (0.5, 1)],
        "bar": [(-1, -0.2), (1, -0.2), (1, 0.2), (-1, 0.2)],
    }[kind]
    turn = np.radians(angle)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = np.array(corners) @ matrix.T * radius + centre
    cv2.fillPoly(canvas, [np.rint(points).astype(np.int32)], (ink,) * 3)
    return picture_of(canvas, f"{kind}.png")


SHAPES = ("ell", "triangle", "bar")


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize(
    "change",
    [
        {"centre": (160, 70)},
        {"radius": 65},
        {"angle": 90},
        {"angle": 30},
        {"ground": 20, "ink": 230},
        {"size": (400, 300), "radius": 80},
    ],
    ids=str,
)
def test_the_same_outline_elsewhere_larger_turned_or_in_other_colours_is_close(kind, change):
    a = shape(kind)
    other = value("hu", a, shape(SHAPES[SHAPES.index(kind) - 1]))
    assert value("hu", a, shape(kind, **change)) < 0.25 < 1.0 < other


def test_a_mirror_image_is_told_apart_on_request_only():
    a, handed = shape("triangle"), OutlineOptions(handed=True)
    line = BY_ID["hu"].scale_with(handed).line
    assert value("hu", a, mirrored(a)) == pytest.approx(0, abs=1e-6)
    assert value("hu", a, mirrored(a), handed) > line
    assert value("hu", a, turned(a), handed) < line


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_opencvs_formula_is_opencvs(name):
    masks = [subject_mask(photograph(each).rgb) for each in (name, "coins")]
    expected = cv2.matchShapes(*masks, cv2.CONTOURS_MATCH_I2, 0)
    distance = outline_distance(*map(hu_moments, masks), measure="opencv")
    assert expected > 0
    assert distance == pytest.approx(expected, rel=1e-5)


def test_hu_moments_of_a_square_are_those_of_its_formula():
    """Of an n x n square of pixels h1 = (n^2 - 1) / (6 n^2), and all others vanish."""
    mask = np.zeros((50, 60), dtype=np.uint8)
    mask[10:40, 20:50] = 1
    moments = hu_moments(mask)
    assert moments[0] == pytest.approx((30**2 - 1) / (6 * 30**2))
    assert moments[1:] == pytest.approx(np.zeros(6), abs=1e-12)
    assert log_moments(moments)[1:].tolist() == [0.0] * 6


def test_moments_near_zero_do_not_jump():
    a = np.array([0.2, 0.01, 0, 0, 1e-20, 1e-20, 1e-20])
    assert outline_distance(a, a * np.array([1, 1, 1, 1, -1, -1, -1]), handed=True) == 0.0
    assert outline_distance(a, a + np.eye(7)[2] * 1.001e-5) < 0.001


def test_transparency_tells_the_subject_where_it_can():
    a = photograph("coffee")
    mask = np.zeros((a.height, a.width), dtype=bool)
    mask[50:150, 60:260] = True
    cut_out = dataclasses.replace(a, mask=mask)
    box = picture_of(np.where(mask[..., None], np.uint8(0), np.uint8(255)).repeat(3, axis=2))
    assert value("hu", cut_out, box) < 0.05
    for useless in (np.zeros_like(mask), np.ones_like(mask)):
        assert value("hu", a, dataclasses.replace(a, mask=useless)) == 0.0


def test_the_subject_can_be_chosen():
    a = shape("triangle")
    dark, light = (subject_mask(a.rgb, None, subject) for subject in ("dark", "light"))
    assert np.array_equal(dark, 1 - light)
    assert np.array_equal(subject_mask(a.rgb), dark)


def test_a_flat_picture_has_no_outline_and_says_so():
    with pytest.raises(MethodError, match=r"test\.png has no outline"):
        value("hu", blank(30, 40), shape("bar"))


def test_a_line_one_pixel_wide_has_an_outline():
    column = picture_of((np.arange(300)[:, None, None] > 200).repeat(3, axis=2) * np.uint8(255))
    assert value("hu", column, column) == 0.0
    assert np.isfinite(value("hu", column, shape("bar")))


# ── Golden values and properties of all three ──────────────────────────────────────

# scikit-image 0.26.0, OpenCV 5.0.0, NumPy 2.4.6, 2026-11-22: chelsea against coffee
GOLDEN = {"hog": 0.52868, "lbp": 0.89825, "hu": 3.24046}


@pytest.mark.parametrize("method_id", BY_ID)
def test_golden_values(method_id):
    measured = value(method_id, photograph("chelsea"), photograph("coffee"))
    assert measured == pytest.approx(GOLDEN[method_id], abs=2e-3)


@pytest.mark.parametrize("method_id", ["hog", "lbp"])
@settings(max_examples=25, deadline=None)
@given(
    rgb=arrays.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3))),
    other=arrays.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3))),
)
def test_values_are_bounded_symmetric_and_exact_for_the_same_pixels(method_id, rgb, other):
    a, b = picture_of(rgb), picture_of(other)
    assert 0 <= value(method_id, a, b) <= 1
    assert value(method_id, a, b) == pytest.approx(value(method_id, b, a), abs=1e-12)
    assert value(method_id, a, picture_of(rgb.copy())) == 1.0


@pytest.mark.parametrize("method_id", ["hog", "lbp"])
def test_growing_noise_never_makes_pictures_more_alike(method_id):
    random = np.random.default_rng(0)
    a = photograph("astronaut")
    grain = random.normal(0, 1, a.rgb.shape)
    values = [
        value(method_id, a, picture_of(np.clip(a.rgb + strength * grain, 0, 255)))
        for strength in (0, 5, 15, 40, 100)
    ]
    assert values[0] == 1.0
    assert values == sorted(values, reverse=True)


# ── Evidence ───────────────────────────────────────────────────────────────────────


def test_evidence_of_patterns_shows_maps_and_shares():
    a, b = photograph("chelsea"), photograph("coffee")
    maps, bars = evidence("lbp", a, b)
    assert isinstance(maps, Images)
    assert isinstance(bars, Bars)
    assert np.minimum(bars.a, bars.b).sum() == pytest.approx(value("lbp", a, b))
    assert len(bars.labels) == 18


def test_evidence_of_patterns_with_places_shows_where():
    a = photograph("chelsea")
    changed = a.rgb.copy()
    changed[: a.height // 2, : a.width // 2] = noise(a.height // 2, a.width // 2).rgb
    _, heatmap, _ = evidence("lbp", a, picture_of(changed), PatternOptions(places=True))
    assert isinstance(heatmap, Heatmap)
    assert heatmap.values[:2, :2].max() < heatmap.values[2:, 2:].min()


def test_evidence_of_edges_shows_where_they_differ():
    a = photograph("astronaut")
    changed = a.rgb.copy()
    changed[:, : a.width // 2] = noise(a.height, a.width // 2).rgb
    _, heatmap, corners = evidence("hog", a, picture_of(changed))
    assert isinstance(heatmap, Heatmap)
    assert heatmap.values[:, :3].mean() < heatmap.values[:, 5:].mean() - 0.1
    assert len(corners.images) == 2


def test_strokes_run_along_the_edge():
    """A dark wedge above the rising diagonal: strokes from bottom left to top right."""
    y, x = np.mgrid[:128, :128]
    rgb = np.where((x + y < 128)[..., None], np.uint8(0), np.uint8(255)).repeat(3, axis=2)
    strokes = evidence("hog", picture_of(rgb), picture_of(rgb))[0].images[0][1]
    blue = strokes.astype(int)[..., 2] - strokes[..., 0] > 40
    rows, columns = np.nonzero(blue[180:300, 180:300])
    assert len(rows) > 50
    assert np.corrcoef(rows, columns)[0, 1] < -0.8


def test_evidence_of_a_mirror_image_shows_it_mirrored():
    a = photograph("coffee")
    strokes, heatmap, _ = evidence("hog", a, mirrored(a), EdgeOptions(mirrored=True))
    assert str(strokes.images[1][0]) == "Edges of B, mirrored"
    assert np.array_equal(strokes.images[0][1], strokes.images[1][1])
    assert heatmap.values.min() > 0.99


def test_evidence_of_outlines_draws_them_on_the_pictures():
    a, b = shape("ell"), shape("bar")
    images, bars, facts = evidence("hu", a, b)
    assert isinstance(images, Images)
    assert images.images[0][1].shape == a.rgb.shape
    assert not np.array_equal(images.images[0][1], a.rgb)
    assert np.abs(bars.a - bars.b).sum() == pytest.approx(value("hu", a, b))
    assert len(facts.rows) == 7
