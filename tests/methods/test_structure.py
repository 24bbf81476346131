"""SSIM, MS-SSIM, PSNR, MSE against scikit-image and a transcription of the 2003 paper."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import skimage.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import convolve2d

from imgsim_core.errors import PictureTooSmall
from imgsim_core.method import Described, Facts, Heatmap, Images
from imgsim_core.methods import structure
from imgsim_core.methods.structure import (
    GAUSSIAN,
    METHODS,
    UNIFORM,
    SsimOptions,
    Window,
    details_of,
    grey,
    laid_by_details,
    laid_by_shift,
    luminance_contrast_structure,
    mean_squared_error,
    multiscale_similarity,
    peak_signal_to_noise_ratio,
    resized_to,
    similarity_and_map,
    structural_similarity,
)
from tests.pictures import blank, noise, photograph, picture_of

SSIM, MS_SSIM, PSNR, MSE = METHODS
ARTICLE = SSIM.article

# scikit-image's own words for our two windows.
SCIKIT = {
    UNIFORM: {},
    GAUSSIAN: {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False},
}

sides = st.integers(11, 40)
pairs = st.tuples(sides, sides).flatmap(
    lambda shape: st.tuples(arrays(np.uint8, shape), arrays(np.uint8, shape))
)


def score(method, a, b, options=None):
    options = options or method.options()
    return method.compare(method.describe(a, options), method.describe(b, options), options)


def evidence(method, a, b, options=None):
    options = options or method.options()
    return method.explain(
        Described(a, method.describe(a, options)),
        Described(b, method.describe(b, options)),
        options,
    )


def damaged(picture, sigma=1.5):
    return picture_of(cv2.GaussianBlur(picture.rgb, (0, 0), sigma))


def moved(side=300, right=7, down=4):
    """Two cut-outs of one photograph; the second must go right and down to lie on the first."""
    rgb = photograph(side=side).rgb
    return (
        picture_of(rgb[: rgb.shape[0] - down, : rgb.shape[1] - right]),
        picture_of(rgb[down:, right:]),
    )


# ── SSIM against scikit-image ──────────────────────────────────────────────────────


@pytest.mark.parametrize("window", [UNIFORM, GAUSSIAN], ids=["uniform", "gaussian"])
@given(pair=pairs)
@settings(max_examples=30, deadline=None)
def test_ssim_and_its_map_match_scikit_image_on_any_pixels(window, pair):
    a, b = pair
    expected, expected_map = skimage.metrics.structural_similarity(
        a, b, data_range=255, full=True, **SCIKIT[window]
    )
    value, values = similarity_and_map(a, b, window)
    assert value == pytest.approx(expected, abs=1e-9)
    assert structural_similarity(a, b, window) == pytest.approx(expected, abs=1e-9)
    np.testing.assert_allclose(values, expected_map, atol=1e-6)


@pytest.mark.parametrize("window", [UNIFORM, GAUSSIAN], ids=["uniform", "gaussian"])
def test_colour_ssim_and_its_map_match_scikit_image(window):
    a, b = photograph().rgb, damaged(photograph()).rgb
    expected, expected_map = skimage.metrics.structural_similarity(
        a, b, data_range=255, full=True, channel_axis=2, **SCIKIT[window]
    )
    value, values = similarity_and_map(a, b, window)
    assert value == pytest.approx(expected, abs=1e-9)
    np.testing.assert_allclose(values, expected_map.mean(axis=2), atol=1e-6)


def test_the_articles_ssim_resizes_the_second_picture_then_compares_in_grey():
    a, b = photograph("astronaut", 240), photograph("coffee", 300)
    resized = cv2.resize(b.rgb, (a.width, a.height), interpolation=cv2.INTER_AREA)
    expected = skimage.metrics.structural_similarity(
        cv2.cvtColor(a.rgb, cv2.COLOR_RGB2GRAY), cv2.cvtColor(resized, cv2.COLOR_RGB2GRAY)
    )
    assert score(SSIM, a, b, ARTICLE) == pytest.approx(expected, abs=1e-9)
    assert SSIM.options() == ARTICLE


@pytest.mark.parametrize("level", [0, 128, 255])
def test_no_precision_is_lost_on_nearly_flat_pictures(level):
    random = np.random.default_rng(1)
    a = np.clip(level + random.integers(-1, 2, (60, 60)), 0, 255).astype(np.uint8)
    b = np.clip(level + random.integers(-1, 2, (60, 60)), 0, 255).astype(np.uint8)
    for window in (UNIFORM, GAUSSIAN):
        expected = skimage.metrics.structural_similarity(a, b, data_range=255, **SCIKIT[window])
        assert structural_similarity(a, b, window) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("window", [UNIFORM, GAUSSIAN], ids=["uniform", "gaussian"])
def test_strips_leave_no_seam(window):
    """1,000 pixels wide makes strips of 131 rows: their edges must match the rest."""
    random = np.random.default_rng(0)
    a = random.integers(0, 256, (400, 1000), dtype=np.uint8)
    b = cv2.blur(a, (3, 3))
    assert len(structure._strips(a.shape, window.radius)) == 4
    _, expected = skimage.metrics.structural_similarity(
        a, b, data_range=255, full=True, **SCIKIT[window]
    )
    value, values = similarity_and_map(a, b, window)
    for edge in (131, 262, 393):
        rows = slice(edge - 8, edge + 7)
        np.testing.assert_allclose(values[rows], expected[rows], atol=1e-6)
    radius = window.radius
    inside = values[radius:-radius, radius:-radius]
    assert value == pytest.approx(inside.mean(dtype=np.float64), abs=1e-7)


def test_threads_do_not_change_the_value():
    a, b = noise(600, 900).rgb, noise(600, 900, seed=1).rgb
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        alone = structural_similarity(a, b)
        cv2.setNumThreads(4)
        assert structural_similarity(a, b) == alone
    finally:
        cv2.setNumThreads(before)


@pytest.mark.parametrize(("height", "width"), [(6, 6), (5, 40), (8, 3), (2, 2)])
def test_small_pictures_shrink_the_window_to_an_odd_side(height, width):
    a, b = grey(noise(height, width).rgb), grey(noise(height, width, seed=1).rgb)
    side = UNIFORM.fitted(height, width).side
    assert side % 2 == 1
    assert side <= min(height, width)
    if side > 1:
        expected = skimage.metrics.structural_similarity(a, b, win_size=side)
        assert structural_similarity(a, b) == pytest.approx(expected, abs=1e-9)
    assert -1 <= structural_similarity(a, b) <= 1


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5000), (5000, 1)])
def test_one_pixel_windows_compare_brightness_alone(height, width):
    white, black = blank(height, width, 255), blank(height, width, 0)
    c1 = (0.01 * 255) ** 2
    assert score(SSIM, white, white) == 1.0
    assert score(SSIM, white, black) == pytest.approx(c1 / (255**2 + c1))


def test_negative_values_are_real():
    picture = photograph()
    assert score(SSIM, picture, picture_of(255 - picture.rgb)) < -0.1


def test_ssim_falls_as_blur_and_noise_grow():
    picture = photograph()
    random = np.random.default_rng(0)
    grain = random.normal(size=picture.rgb.shape)
    blurred = [score(SSIM, picture, damaged(picture, sigma)) for sigma in (0.5, 1, 2, 4)]
    grained = [
        score(SSIM, picture, picture_of(np.clip(picture.rgb + grain * s, 0, 255)))
        for s in (2, 8, 32, 64)
    ]
    for values in (blurred, grained):
        assert values == sorted(values, reverse=True)


# Made by scikit-image 0.26.0 (structural_similarity, data_range=255; Gaussian: sigma 1.5,
# population covariance; peak_signal_noise_ratio, mean_squared_error) with OpenCV 5.0.0's
# resize, cvtColor and GaussianBlur, 2026-11-22: chelsea of scikit-image's wheel, long side
# 300, against coffee, and against itself blurred by sigma 1.5.
GOLDEN = [
    (SSIM, SsimOptions(), 0.16286846186336978, 0.8623529190500357),
    (SSIM, SsimOptions(window="gaussian"), 0.20107653828823766, 0.846151259824424),
    (SSIM, SsimOptions(colours="colour"), 0.14805643933373544, 0.8614805230109474),
    (PSNR, PSNR.options(), 10.672409558300753, 31.24834706886107),
    (MSE, MSE.options(), 5569.797488888888, 48.780433333333335),
]


@pytest.mark.parametrize(
    ("method", "options", "other", "blurred"),
    GOLDEN,
    ids=["uniform", "gaussian", "colour", "psnr", "mse"],
)
def test_golden_values(method, options, other, blurred):
    cat = photograph("chelsea")
    assert score(method, cat, photograph("coffee"), options) == pytest.approx(other, rel=1e-8)
    assert score(method, cat, damaged(cat), options) == pytest.approx(blurred, rel=1e-8)


# ── The split into luminance, contrast and structure ───────────────────────────────


def test_the_three_factors_multiply_to_ssim():
    a, b = grey(photograph().rgb), grey(damaged(photograph()).rgb)
    similarity, luminance, contrast, structure_term = luminance_contrast_structure(a, b)
    _, expected = similarity_and_map(a, b)
    np.testing.assert_allclose(similarity, expected, atol=1e-6)
    np.testing.assert_allclose(luminance * contrast * structure_term, expected, atol=1e-5)


def test_each_factor_answers_to_its_own_damage():
    rgb = photograph().rgb
    middle = grey(rgb) // 4 + 64

    def lowest(other):
        means = [float(part.mean()) for part in luminance_contrast_structure(middle, other)[1:]]
        return ("luminance", "contrast", "structure")[int(np.argmin(means))]

    assert lowest(middle + np.uint8(100)) == "luminance"
    assert lowest((middle - np.uint8(64)) * np.uint8(3) + np.uint8(20)) == "contrast"
    assert lowest(np.ascontiguousarray(middle[:, ::-1])) == "structure"


@pytest.mark.parametrize("reduction", [1, 3, 7])
def test_reduced_maps_keep_the_mean_and_bound_the_size(reduction):
    a, b = noise(420, 1000).rgb, cv2.blur(noise(420, 1000).rgb, (3, 3))
    whole = luminance_contrast_structure(a, b)[0]
    reduced = luminance_contrast_structure(a, b, reduction=reduction)[0]
    assert reduced.shape == (math.ceil(420 / reduction), math.ceil(1000 / reduction))
    assert reduced.mean() == pytest.approx(whole.mean(), abs=1e-3)


# ── MS-SSIM against the paper ──────────────────────────────────────────────────────


def transcribed_ms_ssim(a, b):
    """Wang, Simoncelli, Bovik 2003, written out over scipy's full convolution."""
    offsets = np.arange(11) - 5
    kernel = np.exp(-(offsets[:, None] ** 2 + offsets[None, :] ** 2) / (2 * 1.5**2))
    kernel /= kernel.sum()

    def local(values):
        return convolve2d(values, kernel, mode="valid")

    a, b = a.astype(float), b.astype(float)
    result = 1.0
    weights = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    for scale, weight in enumerate(weights):
        mean_a, mean_b = local(a), local(b)
        covariance = local(a * b) - mean_a * mean_b
        variances = local(a * a) - mean_a**2 + local(b * b) - mean_b**2
        term = (2 * covariance + 58.5225) / (variances + 58.5225)
        if scale == 4:
            term = term * (2 * mean_a * mean_b + 6.5025) / (mean_a**2 + mean_b**2 + 6.5025)
        result *= term.mean() ** weight
        a, b = (
            (v[::2, ::2] + v[1::2, ::2] + v[::2, 1::2] + v[1::2, 1::2]) / 4
            for v in (np.pad(v, [(0, v.shape[0] % 2), (0, v.shape[1] % 2)], "edge") for v in (a, b))
        )
    return result


@pytest.mark.parametrize(("height", "width"), [(176, 176), (161, 203), (200, 300)])
def test_ms_ssim_matches_the_paper_written_out(height, width):
    a = grey(resized_to(photograph().rgb, (height, width)))
    b = cv2.GaussianBlur(a, (0, 0), 1.2)
    assert multiscale_similarity(a, b) == pytest.approx(transcribed_ms_ssim(a, b), abs=1e-10)


def test_ms_ssim_says_which_size_it_needs():
    with pytest.raises(PictureTooSmall, match="over 160 pixels; this one has 300 × 160"):
        score(MS_SSIM, noise(160, 300), noise(400, 400))
    assert 0 <= score(MS_SSIM, noise(161, 161), noise(20, 20)) <= 1


def test_ms_ssim_of_a_negative_is_zero_not_complex():
    picture = photograph()
    assert score(MS_SSIM, picture, picture_of(255 - picture.rgb)) == 0.0


# ── PSNR and MSE ───────────────────────────────────────────────────────────────────


@given(pair=pairs)
@settings(max_examples=50, deadline=None)
def test_psnr_and_mse_match_scikit_image(pair):
    a, b = pair
    expected = skimage.metrics.mean_squared_error(a, b)
    assert mean_squared_error(a, b) == pytest.approx(expected, rel=1e-12)
    if expected > 0:
        expected = skimage.metrics.peak_signal_noise_ratio(a, b, data_range=255)
        assert peak_signal_to_noise_ratio(a, b) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5000), (200, 300), (1999, 1511)])
def test_black_against_white_is_exactly_the_end_of_the_scale(height, width):
    black, white = blank(height, width, 0), blank(height, width, 255)
    assert score(PSNR, black, white) == 0.0
    assert score(MSE, black, white) == 255**2


def test_errors_do_not_wrap_around():
    a, b = blank(20, 20, 10), blank(20, 20, 250)
    assert score(MSE, a, b) == score(MSE, b, a) == 240**2


def test_identical_pictures_have_an_infinite_psnr():
    assert score(PSNR, photograph(), photograph()) == math.inf


# ── The methods ────────────────────────────────────────────────────────────────────

ALL_OPTIONS = [
    SsimOptions(window=window, colours=colours, align=align)
    for window in ("uniform", "gaussian")
    for colours in ("grey", "colour")
    for align in ("none", "shift", "details")
]


@pytest.mark.parametrize("options", ALL_OPTIONS, ids=str)
def test_a_picture_is_identical_to_itself_with_every_option(options):
    for picture in (photograph(side=150), noise(40, 60), blank(30, 30), blank(1, 1)):
        assert score(SSIM, picture, picture, options) == 1.0


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)
def test_equal_sizes_make_every_method_symmetric(method):
    a, b = photograph(), damaged(photograph())
    assert score(method, a, b) == score(method, b, a)


def test_ssim_describes_without_copying_the_picture():
    picture = photograph()
    assert SSIM.describe(picture, ARTICLE).rgb is picture.rgb
    assert SSIM.describe(picture, ARTICLE).details is None


# ── Alignment ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("right", "down"), [(7, 4), (-9, 3), (1, 0), (-30, -20)])
def test_phase_correlation_finds_a_shift_to_the_pixel(right, down):
    rgb = photograph().rgb
    a = rgb[40:160, 40:260]
    b = rgb[40 + down : 160 + down, 40 + right : 260 + right]
    laid = laid_by_shift(a, b)
    assert dict(laid.finding.values) == {"right": right, "down": down}
    np.testing.assert_array_equal(laid.pixels[laid.covered], a[laid.covered])
    assert laid.covered.sum() == (220 - abs(right)) * (120 - abs(down))


def test_phase_correlation_is_exact_on_large_pictures_too():
    rgb = cv2.resize(photograph(side=450).rgb, (2400, 1600), interpolation=cv2.INTER_CUBIC)
    a, b = rgb[:-37, :-101], rgb[37:, 101:]
    assert dict(laid_by_shift(a, b).finding.values) == {"right": 101, "down": 37}


def test_aligning_a_shifted_copy_restores_the_score():
    a, b = moved()
    assert score(SSIM, a, b) < 0.6
    assert score(SSIM, a, b, SsimOptions(align="shift")) == pytest.approx(1.0, abs=1e-7)
    assert score(SSIM, a, b, SsimOptions(align="details")) > 0.9


def test_details_undo_a_turn_and_an_enlarged_cut_out():
    rgb = photograph().rgb
    height, width = rgb.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 10, 0.9)
    turned = picture_of(cv2.warpAffine(rgb, turn, (width, height)))
    cut = picture_of(cv2.resize(rgb[20:180, 30:250], None, fx=3, fy=3))
    for other in (turned, cut):
        assert score(SSIM, picture_of(rgb), other) < 0.55
        assert score(SSIM, picture_of(rgb), other, SsimOptions(align="details")) > 0.85


def test_details_align_the_same_way_every_time():
    a, b = moved()
    first, second = (
        laid_by_details(a.rgb, b.rgb, details_of(a.rgb), details_of(b.rgb)) for _ in range(2)
    )
    np.testing.assert_array_equal(first.pixels, second.pixels)


@pytest.mark.parametrize("align", ["shift", "details"])
def test_failed_alignment_is_said_first_and_compares_as_they_are(align):
    options = SsimOptions(align=align)
    pairs_without_alignment = [
        (photograph("chelsea"), photograph("coffee")),
        (blank(50, 50, 0), blank(50, 50)),
        (noise(3, 40), noise(3, 40, seed=1)),
    ]
    for a, b in pairs_without_alignment:
        assert score(SSIM, a, b, options) == score(SSIM, a, b)
        first = evidence(SSIM, a, b, options)[0]
        assert isinstance(first, Facts)
        assert "could not be laid on each other" in str(
            dict(first.rows)[structure.Text("Alignment")]
        )


# ── Evidence ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)
@pytest.mark.parametrize(
    ("a", "b"),
    [
        (photograph(), photograph("coffee", 200)),
        (noise(900, 1700), noise(200, 170)),
        (noise(170, 5000), blank(170, 5000)),
    ],
    ids=["photographs", "large", "long"],
)
def test_heat_maps_are_small_finite_and_within_their_ends(method, a, b):
    maps = [item for item in evidence(method, a, b) if isinstance(item, Heatmap)]
    assert maps
    for item in maps:
        assert item.values.dtype == np.float32
        assert max(item.values.shape) <= 800
        assert item.values.min() >= item.low
        assert item.values.max() <= item.high


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (6, 6)], ids=str)
def test_tiny_pictures_have_evidence_too(shape):
    for method in (SSIM, PSNR, MSE):
        assert evidence(method, noise(*shape), noise(30, 40))
    facts = evidence(SSIM, noise(6, 6), noise(6, 6, seed=1))[5]
    assert ("Window", "Shrunk to 5 × 5 pixels to fit the picture") in [
        (str(name), str(value)) for name, value in facts.rows
    ]


def test_the_map_shows_where_the_damage_is():
    picture = photograph()
    rgb = picture.rgb.copy()
    rgb[50:100, 60:120] = 255 - rgb[50:100, 60:120]
    for method, inside_is_lower in ((SSIM, True), (PSNR, False)):
        values = evidence(method, picture, picture_of(rgb))[0].values
        inside, outside = float(values[55:95, 65:115].mean()), float(values[:40].mean())
        assert (inside < outside) is inside_is_lower


def test_evidence_says_which_picture_was_resized_and_shows_the_pair():
    parts = evidence(SSIM, photograph(side=200), photograph(side=300))
    facts = next(item for item in parts if isinstance(item, Facts))
    assert str(facts.rows[0][1]) == "Picture B was resized from 300 × 200 to 200 × 133 pixels"
    images = next(item for item in parts if isinstance(item, Images)).images
    assert len(images) == 3
    assert len({array.shape for _, array in images}) == 1


def test_evidence_of_an_aligned_pair_gives_the_score_before():
    a, b = moved()
    parts = evidence(SSIM, a, b, SsimOptions(align="shift"))
    facts = {
        str(name): str(value)
        for item in parts
        if isinstance(item, Facts)
        for name, value in item.rows
    }
    assert facts["Score without alignment"] == f"{score(SSIM, a, b):.2f}"
    assert "moved 7 pixels right and 4 down" in facts["Alignment"]


def test_window_sides_are_odd_and_fit():
    assert [Window(11).fitted(n, 50).side for n in (1, 2, 3, 10, 11, 12)] == [1, 1, 3, 9, 11, 11]
