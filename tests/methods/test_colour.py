"""Colour histograms against numpy, OpenCV and SciPy, and what a visitor may rely on."""

from __future__ import annotations

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.spatial.distance import cdist

from imgsim_core.method import Bars, Curves, Described, Facts, Swatches
from imgsim_core.methods import colour
from imgsim_core.methods.colour import ARTICLE, METHODS, HistogramOptions
from imgsim_core.picture import Picture
from tests.pictures import blank, noise, photograph, picture_of

(HISTOGRAM,) = METHODS
MEASURES = ("correlation", "intersection", "hellinger", "chi-square", "earth-mover")
SPACES = ("rgb", "hsv", "lab")
ALL_BINS = (8, 16, 32, 64, 256)


def score(a, b, options):
    described = [HISTOGRAM.describe(picture, options) for picture in (a, b)]
    return HISTOGRAM.compare(*described, options)


def jpeg(picture, quality):
    _, data = cv2.imencode(".jpg", picture.rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return picture_of(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def cube(picture, bins):
    """Dense histogram by numpy alone."""
    steps = picture.rgb.reshape(-1, 3).astype(np.int64) * bins // 256
    codes = (steps[:, 0] * bins + steps[:, 1]) * bins + steps[:, 2]
    return np.bincount(codes, minlength=bins**3).astype(np.float64)


def article_cube(picture):
    """The article's own steps: dense cube, white set to 0, stretched to 0..1."""
    counted = cv2.calcHist([picture.rgb], [0, 1, 2], None, [256] * 3, [0, 256] * 3)
    counted[255, 255, 255] = 0
    return cv2.normalize(counted, None, 0, 1, cv2.NORM_MINMAX)


# ── References ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("bins", [8, 16, 32, 64])
def test_correlation_is_numpys_pearson_over_all_bins(bins):
    a, b = photograph("chelsea"), photograph("coffee")
    expected = np.corrcoef(cube(a, bins), cube(b, bins))[0, 1]
    options = HistogramOptions(bins=bins, measure="correlation")
    assert score(a, b, options) == pytest.approx(expected, abs=1e-12)


def test_the_articles_score_is_numpys_and_opencvs_on_the_dense_cube():
    a = photograph("coffee")
    spotted = a.rgb.copy()
    spotted[:60] = 255  # white that the article leaves out
    b = jpeg(picture_of(spotted), 95)
    dense = [article_cube(picture).ravel() for picture in (a, b)]
    ours = score(a, b, ARTICLE)
    assert 0.05 < ours < 0.95
    assert ours == pytest.approx(cv2.compareHist(*dense, cv2.HISTCMP_CORREL), abs=1e-6)
    assert ours == pytest.approx(np.corrcoef(*dense)[0, 1], abs=1e-6)


def test_opencv_is_wrong_on_three_dimensional_arrays_which_is_why_they_are_flattened():
    a, b = (
        cv2.calcHist([photograph(name).rgb], [0, 1, 2], None, [8] * 3, [0, 256] * 3)
        for name in ("chelsea", "coffee")
    )
    truth = np.corrcoef(a.ravel(), b.ravel())[0, 1]
    assert cv2.compareHist(a.ravel(), b.ravel(), cv2.HISTCMP_CORREL) == pytest.approx(truth)
    assert abs(cv2.compareHist(a, b, cv2.HISTCMP_CORREL) - truth) > 0.01  # opencv#13990


@pytest.mark.parametrize("bins", [8, 32])
def test_the_other_measures_are_opencvs_on_shares(bins):
    a, b = photograph("chelsea"), photograph("astronaut")
    p, q = (
        (counted / counted.sum()).astype(np.float32) for counted in (cube(a, bins), cube(b, bins))
    )
    expected = {
        "intersection": cv2.compareHist(p, q, cv2.HISTCMP_INTERSECT),
        "hellinger": cv2.compareHist(p, q, cv2.HISTCMP_BHATTACHARYYA),
        "chi-square": cv2.compareHist(p, q, cv2.HISTCMP_CHISQR_ALT) / 4,
    }
    for measure, value in expected.items():
        ours = score(a, b, HistogramOptions(bins=bins, measure=measure))
        assert ours == pytest.approx(value, abs=1e-5), measure


def test_the_earth_movers_distance_is_the_optimum_of_a_linear_programme():
    options = HistogramOptions(measure="earth-mover")
    a, b = (
        HISTOGRAM.describe(photograph(name), options).signature for name in ("chelsea", "coffee")
    )
    distance = cdist(a.colours, b.colours)
    rows = np.kron(np.eye(len(a.shares)), np.ones(len(b.shares)))
    columns = np.kron(np.ones(len(a.shares)), np.eye(len(b.shares)))
    p, q = a.shares / a.shares.sum(), b.shares / b.shares.sum()
    optimum = linprog(
        distance.ravel(), A_eq=np.vstack([rows, columns])[:-1], b_eq=np.concatenate([p, q])[:-1]
    )
    assert colour.earth_mover(a, b) == pytest.approx(optimum.fun, abs=1e-3)


def test_a_signature_is_at_most_64_colours_and_all_the_pixels():
    options = HistogramOptions(measure="earth-mover")
    for picture in (noise(80, 80), photograph("coffee"), blank(3, 3, 7)):
        found = HISTOGRAM.describe(picture, options).signature
        assert len(found.colours) == len(found.shares) <= 64
        assert found.shares.sum() == pytest.approx(1)


@pytest.mark.parametrize("space", SPACES)
def test_all_256_steps_kept_sparsely_equal_the_dense_counts(space):
    a, b = photograph("coffee", 120), jpeg(photograph("coffee", 120), 90)
    options = HistogramOptions(bins=256, space=space, measure="correlation")
    codes = [
        colour.converted(picture.rgb.reshape(-1, 3), space, 256).astype(np.int64)
        @ np.array([65536, 256, 1])
        for picture in (a, b)
    ]
    size = (180 if space == "hsv" else 256) << 16
    dense = [np.bincount(code, minlength=size) for code in codes]
    assert score(a, b, options) == pytest.approx(np.corrcoef(*dense)[0, 1], abs=1e-9)
    shares = [counted / counted.sum() for counted in dense]
    overlap = score(a, b, replace(options, measure="intersection"))
    assert overlap == pytest.approx(np.minimum(*shares).sum(), abs=1e-9)


@pytest.mark.parametrize(
    "rgb",
    [
        noise(37, 41).rgb,
        np.repeat(np.repeat(photograph("astronaut", 64).rgb, 8, axis=0), 9, axis=1),
        np.full((301, 307, 3), 255, dtype=np.uint8),
        np.full((255, 1, 3), 9, dtype=np.uint8),
        np.full((256, 1, 3), 9, dtype=np.uint8),
    ],
    ids=["noise", "few colours, many pixels", "white", "255 of a colour", "256 of a colour"],
)
@pytest.mark.parametrize("background", ["all", "white"])
@pytest.mark.parametrize("space", ["rgb", "lab"])
def test_large_pictures_are_counted_as_small_ones_are(rgb, background, space, monkeypatch):
    options = replace(ARTICLE, background=background, space=space)
    picture = picture_of(rgb)
    sorted_out = HISTOGRAM.describe(picture, options).counts
    monkeypatch.setattr(colour, "_FEW", 0)
    looped = HISTOGRAM.describe(picture, options).counts
    assert (looped.total, looped.squares) == (sorted_out.total, sorted_out.squares)
    assert colour.correlation(looped, sorted_out) == colour.correlation(sorted_out, sorted_out)
    for measure in (colour.intersection, colour.hellinger) if looped.total else ():
        assert measure(looped, sorted_out) == measure(looped, looped)


def test_codes_lead_back_to_their_colours():
    colours = noise(50, 50).rgb.reshape(-1, 3)
    assert np.array_equal(colour.colours_of(colour.colour_codes(colours)), colours)


# ── Golden values ──────────────────────────────────────────────────────────────────

# chelsea against coffee of scikit-image 0.26.0, long side 300 px by INTER_AREA; the first
# five by numpy 2.4.6 (corrcoef of dense cubes), the rest by this module; 2026-11-22.
GOLDEN = {
    HistogramOptions(bins=8, measure="correlation"): 0.098795,
    ARTICLE: 0.001923,
    HistogramOptions(measure="intersection"): 0.157970,
    HistogramOptions(measure="hellinger"): 0.807980,
    HistogramOptions(measure="chi-square"): 0.772660,
    HistogramOptions(measure="earth-mover"): 28.330914,
}


@pytest.mark.parametrize(("options", "value"), [*GOLDEN.items()])
def test_golden_values(options, value):
    assert score(photograph("chelsea"), photograph("coffee"), options) == pytest.approx(
        value, rel=1e-3, abs=1e-5
    )


# ── Promises ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("space", "measure", "bins"), [*itertools.product(SPACES, MEASURES, ALL_BINS)]
)
def test_identical_symmetric_and_on_the_scale(space, measure, bins):
    options = HistogramOptions(bins=bins, space=space, measure=measure)
    scale = HISTOGRAM.scale_with(options)
    described = [
        HISTOGRAM.describe(picture, options)
        for picture in (photograph("coffee", 80), noise(9, 11), blank(5, 7, 0), blank(2, 3, 255))
    ]
    for a, b in itertools.combinations_with_replacement(described, 2):
        there, back = (HISTOGRAM.compare(*pair, options) for pair in ((a, b), (b, a)))
        assert there in scale
        assert back == pytest.approx(there, rel=1e-12, abs=1e-12)
        if a is b:
            assert there == scale.identical
    assert scale.line in scale


@pytest.mark.parametrize("measure", MEASURES)
def test_growing_jpeg_damage_never_brings_pictures_closer(measure):
    picture = photograph("coffee")
    for bins in (8, 256):
        options = HistogramOptions(bins=bins, measure=measure)
        towards = 1 if HISTOGRAM.scale_with(options).higher_is_alike else -1
        likeness = [
            score(picture, jpeg(picture, quality), options) * towards for quality in (95, 50, 5)
        ]
        assert likeness == sorted(likeness, reverse=True), (bins, likeness)


def test_eight_steps_forgive_jpeg_and_256_do_not():
    picture = photograph("chelsea")
    copy = jpeg(picture, 50)
    assert score(picture, copy, HistogramOptions(bins=8, measure="correlation")) > 0.98
    assert score(picture, copy, ARTICLE) < 0.5


def test_place_does_not_matter():
    picture = photograph("coffee")
    turned = picture_of(picture.rgb[::-1, ::-1])
    for bins, measure in itertools.product((8, 256), MEASURES):
        options = HistogramOptions(bins=bins, measure=measure)
        assert score(picture, turned, options) == HISTOGRAM.scale_with(options).identical


# ── Background ─────────────────────────────────────────────────────────────────────


def on_white(rgb):
    canvas = np.full((200, 200, 3), 255, dtype=np.uint8)
    canvas[60:140, 60:140] = rgb
    return canvas


@pytest.mark.parametrize("bins", ALL_BINS)
def test_shared_white_makes_unrelated_objects_alike_until_it_is_ignored(bins):
    red, blue = (picture_of(on_white(rgb)) for rgb in ((200, 30, 20), (20, 40, 190)))
    options = HistogramOptions(bins=bins, measure="correlation")
    assert score(red, blue, options) > 0.9
    assert score(red, blue, replace(options, background="white")) < 0.01


@pytest.mark.parametrize(("space", "bins"), [*itertools.product(SPACES, ALL_BINS)])
def test_ignoring_white_removes_white_pixels_and_no_others(space, bins):
    nearly = on_white((200, 30, 20))
    nearly[:5] = 254
    options = HistogramOptions(bins=bins, space=space, background="white")
    counts = HISTOGRAM.describe(picture_of(nearly), options).counts
    assert counts.total == 80 * 80 + 5 * 200


@pytest.mark.parametrize(("space", "bins"), [*itertools.product(SPACES, (8, 256))])
def test_a_mask_counts_only_what_is_not_transparent(space, bins):
    rgb = photograph("coffee", 100).rgb
    mask = np.zeros(rgb.shape[:2], dtype=bool)
    mask[10:31, 5:38] = True
    whole = Picture(rgb=rgb, digest="0" * 64, name="cut.png", mask=mask)
    part = picture_of(rgb[10:31, 5:38])
    options = HistogramOptions(bins=bins, space=space, background="mask", measure="correlation")
    assert score(whole, part, options) == 1
    assert score(whole, part, replace(options, background="all")) < 1


@pytest.mark.parametrize(("measure", "bins"), [*itertools.product(MEASURES, (8, 256))])
def test_with_nothing_left_to_count_the_answer_is_defined(measure, bins):
    options = HistogramOptions(bins=bins, background="white", measure=measure)
    scale = HISTOGRAM.scale_with(options)
    assert score(blank(5, 5), blank(9, 2), options) == scale.identical
    apart = 0 if measure == "correlation" else scale.opposite
    assert score(blank(5, 5), photograph("coffee", 50), options) == apart


def test_nothing_is_left_of_a_large_white_picture_either():
    """More pixels of one colour than float32, in which OpenCV counts, has whole numbers for."""
    large, small = blank(4097, 4097), blank(9, 2)
    options = HistogramOptions(background="white")
    assert HISTOGRAM.describe(large, options).counts.total == 0
    assert score(large, small, options) == 0


def test_an_even_histogram_has_no_correlation_but_an_answer():
    steps = np.stack(np.meshgrid(*[np.arange(16, 256, 32)] * 3), axis=-1).reshape(8, 64, 3)
    even = picture_of(steps)
    options = HistogramOptions(bins=8, measure="correlation")
    assert score(even, even, options) == 1
    assert score(even, photograph("coffee"), options) == 0


# ── Hue ────────────────────────────────────────────────────────────────────────────


def test_red_stays_in_one_step_though_hue_wraps_there():
    options = HistogramOptions(space="hsv", measure="intersection")
    orange_red, pink_red = (
        picture_of(np.full((4, 4, 3), rgb, dtype=np.uint8))
        for rgb in ((220, 30, 20), (220, 20, 30))
    )
    assert score(orange_red, pink_red, options) == 1


def test_the_hue_of_nearly_grey_pixels_is_not_counted():
    options = HistogramOptions(space="hsv", measure="intersection")
    warm, cool = (
        picture_of(np.full((4, 4, 3), rgb, dtype=np.uint8))
        for rgb in ((130, 128, 126), (126, 128, 130))
    )
    assert score(warm, cool, options) == 1


def test_no_colour_falls_outside_the_counted_ranges():
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    every = picture_of(np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(18, -1, 3))
    for space, bins in itertools.product(SPACES, ALL_BINS):
        counts = HISTOGRAM.describe(every, HistogramOptions(bins=bins, space=space)).counts
        assert counts.total == 18**3


# ── Evidence ───────────────────────────────────────────────────────────────────────


def evidence(a, b, options):
    sides = [Described(picture, HISTOGRAM.describe(picture, options)) for picture in (a, b)]
    return {type(item): item for item in HISTOGRAM.explain(*sides, options)}


def test_the_main_colours_of_a_two_coloured_picture_are_those_two():
    rgb = np.full((40, 40, 3), (200, 30, 20), dtype=np.uint8)
    rgb[:10] = (10, 60, 180)
    shown = evidence(picture_of(rgb), photograph("coffee"), HistogramOptions())[Swatches]
    assert np.abs(shown.colours_a.astype(int) - [(200, 30, 20), (10, 60, 180)]).max() <= 2
    assert shown.shares_a == pytest.approx([0.75, 0.25])
    assert shown.shares_b.sum() == pytest.approx(1)


@pytest.mark.parametrize(("space", "bins"), [*itertools.product(SPACES, (8, 64, 256))])
def test_the_bars_are_the_fullest_bins_with_their_colours_and_shares(space, bins):
    rgb = np.full((40, 40, 3), (200, 30, 20), dtype=np.uint8)
    rgb[:10] = (10, 60, 180)
    options = HistogramOptions(bins=bins, space=space)
    bars = evidence(picture_of(rgb), picture_of(rgb[:20]), options)[Bars]
    assert bars.a == pytest.approx([75, 25]) or bars.a == pytest.approx([25, 75])
    assert sorted(bars.b) == pytest.approx([50, 50])
    red = bars.colours[int(np.argmax(bars.a))].astype(int)
    assert np.abs(red - (200, 30, 20)).max() <= 128 // bins + 20 * (space != "rgb")


def test_bars_of_a_large_picture_are_those_of_a_small_one(monkeypatch):
    a, b = photograph("coffee", 100), photograph("chelsea", 100)
    small = evidence(a, b, ARTICLE)[Bars]
    monkeypatch.setattr(colour, "_FEW", 0)
    large = evidence(a, b, ARTICLE)[Bars]
    assert sorted(small.a) == pytest.approx(sorted(large.a))
    assert sorted(small.b) == pytest.approx(sorted(large.b))


def test_curves_add_up_to_all_pixels():
    curves = evidence(photograph("coffee"), photograph("chelsea"), HistogramOptions())[Curves]
    for _, _, a, b in curves.lines:
        assert a.sum() == pytest.approx(100)
        assert b.sum() == pytest.approx(100)


def test_much_white_on_both_sides_is_pointed_out():
    red, blue = (picture_of(on_white(rgb)) for rgb in ((200, 30, 20), (20, 40, 190)))
    rows = {
        str(what): str(value) for what, value in evidence(red, blue, HistogramOptions())[Facts].rows
    }
    assert rows["Pure white in A"] == "84.0%"
    assert "white background" in rows["Mind the background"]
    ignored = evidence(red, blue, HistogramOptions(background="white"))[Facts]
    assert "Mind the background" not in [str(what) for what, _ in ignored.rows]
