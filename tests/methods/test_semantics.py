"""Learned embeddings as methods: the score, its scale, and what is shown beside it."""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np
import pytest

from imgsim_core.method import Described, Facts, Heatmap, Images
from imgsim_core.methods import semantics
from imgsim_core.methods.semantics import METHODS, Embedding, Options, compare
from imgsim_core.models.catalogue import all_models
from tests.pictures import blank, noise, photograph, picture_of

LITE = METHODS[0]
CLIP = next(method for method in METHODS if method.id == "clip")
COSINE, EUCLIDEAN = Options(measure="cosine"), Options(measure="euclidean")


def score(a, b, **options):
    chosen = LITE.options(**options)
    return LITE.compare(LITE.describe(a, chosen), LITE.describe(b, chosen), chosen)


def embedding(values, digest):
    vector = np.array(values, dtype=np.float32)
    return Embedding(vector / np.linalg.norm(vector), digest)


# ── The methods there are ──────────────────────────────────────────────────────────


def test_every_model_of_the_catalogue_is_a_method():
    assert [method.id for method in METHODS] == [model.id for model in all_models()]


def test_the_model_that_is_always_there_speaks_for_the_family():
    assert [method.id for method in METHODS if method.headline] == ["efficientnet-lite2"]
    assert LITE.availability() is None


def test_the_article_used_clip_with_a_crop_and_the_cosine():
    assert [method.id for method in METHODS if method.article is not None] == ["clip"]
    assert CLIP.article == Options(framing="crop", measure="cosine")
    assert "100" in str(CLIP.about)


def test_a_model_opens_with_its_own_framing():
    framings = {method.id: method.options().framing for method in METHODS}
    assert framings == {model.id: model.framing for model in all_models()}


# ── The score ──────────────────────────────────────────────────────────────────────


def test_known_angles():
    right = embedding([1, 0], "a"), embedding([0, 1], "b")
    opposite = embedding([1, 0], "a"), embedding([-1, 0], "b")
    assert compare(*right, COSINE) == 0
    assert compare(*right, EUCLIDEAN) == pytest.approx(math.sqrt(2))
    assert compare(*opposite, COSINE) == -1
    assert compare(*opposite, EUCLIDEAN) == 2


def test_both_measures_tell_the_same_story():
    random = np.random.default_rng(0)
    for _ in range(20):
        a, b = (embedding(random.normal(size=16), digest) for digest in "ab")
        cosine, distance = compare(a, b, COSINE), compare(a, b, EUCLIDEAN)
        assert distance**2 == pytest.approx(2 - 2 * cosine, abs=1e-6)


def test_identical_files_are_exactly_identical_whatever_the_rounding():
    a = embedding([0.1, 0.2, 0.3], "same")
    b = dataclasses.replace(a, vector=a.vector * np.float32(1.000001))
    assert compare(a, b, COSINE) == 1.0
    assert compare(a, b, EUCLIDEAN) == 0.0


def test_different_pictures_with_equal_vectors_are_not_identical():
    a, b = embedding([1, 2], "a"), embedding([1, 2], "b")
    assert 0.999999 < compare(a, b, COSINE) < 1.0
    assert 0 < compare(a, b, EUCLIDEAN) < 1e-6


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)
def test_both_scales_share_one_line(method):
    cosine = method.scale_with(method.options(measure="cosine"))
    distance = method.scale_with(method.options(measure="euclidean"))
    assert cosine == method.scale
    assert cosine.higher_is_alike
    assert not distance.higher_is_alike
    assert distance.line**2 == pytest.approx(2 - 2 * cosine.line, abs=0.02)
    for scale in (cosine, distance):
        assert 0 < scale.position(scale.line) < 1


def test_kinds_of_things_are_told_apart():
    cat, coffee = photograph("chelsea"), photograph("coffee")
    half_cat = picture_of(cat.rgb[:, : cat.width * 2 // 3])
    line = LITE.scale.line
    assert score(cat, coffee) < line < score(cat, half_cat)


def test_growing_blur_lowers_the_score():
    cat = photograph("chelsea")
    blurred = [picture_of(cv2.GaussianBlur(cat.rgb, (0, 0), sigma)) for sigma in (1, 3, 9, 27)]
    scores = [1.0, *(score(cat, damaged) for damaged in blurred)]
    assert scores == sorted(scores, reverse=True)


def test_colour_and_mirroring_matter_little():
    cat = photograph("chelsea")
    grey = np.repeat(cv2.cvtColor(cat.rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert score(cat, picture_of(cat.rgb[:, ::-1])) > 0.9
    assert score(cat, picture_of(grey)) > 0.7


# ── Evidence ───────────────────────────────────────────────────────────────────────


def evidence(a, b, **options):
    chosen = LITE.options(**options)
    sides = (Described(one, LITE.describe(one, chosen)) for one in (a, b))
    return LITE.explain(*sides, chosen)


def test_the_map_lights_the_half_that_the_other_picture_shows():
    cat, coffee = photograph("chelsea"), photograph("coffee")
    coffee_beside = cv2.resize(coffee.rgb, (cat.width, cat.height))
    both = picture_of(np.hstack([coffee_beside, cat.rgb]))
    found = evidence(both, cat)[0]
    assert isinstance(found, Heatmap)
    middle = found.values.shape[1] // 2
    assert found.values[:, middle:].mean() > 2 * found.values[:, :middle].mean()


def test_the_map_covers_the_picture_and_is_dark_where_the_model_did_not_look():
    wide = picture_of(np.hstack([photograph("chelsea").rgb] * 2))
    values = evidence(wide, wide, framing="crop")[0].values
    assert values.shape[1] / values.shape[0] == pytest.approx(wide.width / wide.height, rel=0.02)
    assert (values[:, 0] == 0).all()
    assert (values[:, -1] == 0).all()
    assert values[values.shape[0] // 2, values.shape[1] // 2] == pytest.approx(1, abs=1e-4)
    assert values.min() >= 0
    assert values.max() <= 1


def test_a_crop_says_how_much_of_the_picture_the_model_saw():
    wide = noise(100, 300)
    captions = [str(caption) for caption, _ in evidence(wide, wide, framing="crop")[-1].images]
    assert captions == ["A, 26 % of the picture", "B, 26 % of the picture"]
    captions = [str(caption) for caption, _ in evidence(wide, wide, framing="pad")[-1].images]
    assert captions == ["A, the whole picture", "B, the whole picture"]


def test_guesses_are_said_in_plain_words():
    facts = next(
        found
        for found in evidence(photograph("chelsea"), photograph("rocket"))
        if isinstance(found, Facts)
    )
    (cat_label, cat), (rocket_label, rocket) = facts.rows
    assert str(cat_label) == "The model would call A"
    assert str(cat).startswith("Egyptian cat 7")
    assert " 0 %" not in str(cat)
    assert str(rocket_label) == "The model is unsure about B; it guesses"
    assert rocket


@pytest.mark.parametrize("framing", ["crop", "squash", "pad"])
@pytest.mark.parametrize(
    "odd", [blank(1, 1, 0), blank(60, 60, 255), noise(1, 5000), noise(5000, 1)]
)
def test_odd_pictures_have_a_score_and_evidence(framing, odd):
    cat = photograph("chelsea")
    assert score(odd, cat, framing=framing) in LITE.scale
    for found in evidence(odd, cat, framing=framing):
        if isinstance(found, Heatmap):
            assert np.isfinite(found.values).all()
        if isinstance(found, Images):
            assert all(image.dtype == np.uint8 for _, image in found.images)


def test_the_default_line_lets_few_of_the_library_photographs_pass():
    names = ("chelsea", "coffee", "rocket", "astronaut")
    pictures = [photograph(name) for name in names]
    passed = [score(a, b) >= LITE.scale.line for i, a in enumerate(pictures) for b in pictures[:i]]
    assert not any(passed)
    assert LITE.id == semantics.DEFAULT_MODEL
