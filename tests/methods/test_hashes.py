"""Fingerprints: bit for bit those of ImageHash, and what they promise about copies."""

from __future__ import annotations

import dataclasses
import hashlib

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from imgsim_core.method import BitGrids, Described, Facts, Heatmap, Images, NoOptions, Swatches
from imgsim_core.methods.hashes import (
    METHODS,
    HashOptions,
    colour_bits,
    colour_levels,
    crop_resistant_hash,
    fingerprint_bits,
    grey_levels,
    hamming_distance,
    hexadecimal,
    pixel_digest,
)
from tests.pictures import blank, noise, photograph, picture_of

BY_ID = {method.id: method for method in METHODS}
REFERENCE = {
    "phash": imagehash.phash,
    "dhash": imagehash.dhash,
    "ahash": imagehash.average_hash,
    "whash": imagehash.whash,
}
each_kind = pytest.mark.parametrize("kind", REFERENCE)

# ImageHash 4.3.2 with Pillow 13.0.0, 2026-11-22, on skimage.data of scikit-image 0.26.0
GOLDEN = {
    ("chelsea", "phash"): "b15fe6465121175e",
    ("chelsea", "dhash"): "5414589aab6fa785",
    ("chelsea", "ahash"): "82808e4b09a373e7",
    ("chelsea", "whash"): "c2c08e4b09a377f7",
    ("chelsea", "colorhash"): "02c00000000",
    ("astronaut", "phash"): "c2924c5532bddfc8",
    ("astronaut", "dhash"): "cd8dd91d897293a7",
    ("astronaut", "ahash"): "7f7f7fc744f8d050",
    ("astronaut", "whash"): "7f775fc744f80040",
    ("astronaut", "colorhash"): "0b400018000",
}


def value(method_id, a, b, options=None):
    method = BY_ID[method_id]
    options = options or method.options()
    return method.compare(method.describe(a, options), method.describe(b, options), options)


def evidence(method_id, a, b, options=None):
    method = BY_ID[method_id]
    options = options or method.options()
    described = [Described(picture, method.describe(picture, options)) for picture in (a, b)]
    return method.explain(*described, options)


def on_white(height, width, seed):
    """A patch of noise on a flat ground: many regions tie exactly at the median."""
    rgb = np.full((height, width, 3), 255, dtype=np.uint8)
    rgb[: height // 3, width // 2 :] = noise(height // 3, width - width // 2, seed).rgb
    return picture_of(rgb)


PICTURES = {
    "photograph": photograph("chelsea"),
    "upright photograph": photograph("astronaut", 257),
    "noise": noise(200, 300),
    "on white": on_white(300, 200, 0),
    "small on white": on_white(77, 130, 1),
    "white": blank(64, 64),
    "black": blank(33, 90, 0),
    "dark grey": blank(300, 77, 77),
    "one pixel": noise(1, 1),
    "a row": noise(1, 5000),
    "a column": noise(5000, 1),
    "tiny": noise(5, 7),
}
each_picture = pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)


# ── The reference ──────────────────────────────────────────────────────────────────


def test_grey_levels_are_those_of_pillow_for_every_colour():
    codes = np.arange(2**24, dtype=np.uint32).reshape(4096, 4096)
    rgb = np.stack([codes & 255, codes >> 8 & 255, codes >> 16], axis=2).astype(np.uint8)
    assert np.array_equal(grey_levels(rgb), np.asarray(Image.fromarray(rgb).convert("L")))


@each_kind
@each_picture
@pytest.mark.parametrize("side", [8, 16])
def test_bits_are_those_of_imagehash(kind, picture, side):
    expected = REFERENCE[kind](Image.fromarray(picture.rgb), hash_size=side)
    bits = fingerprint_bits(picture.rgb, kind, side)
    assert np.array_equal(bits, expected.hash)
    assert hexadecimal(bits) == str(expected)


@each_kind
@settings(max_examples=40, deadline=None)
@given(
    rgb=arrays.arrays(
        np.uint8,
        st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3)),
        # few levels: bits often tie at the median
        elements=st.sampled_from([0, 128, 255]),
    )
)
def test_bits_are_those_of_imagehash_for_any_small_picture(kind, rgb):
    expected = REFERENCE[kind](Image.fromarray(rgb))
    assert np.array_equal(fingerprint_bits(rgb, kind), expected.hash)


@each_picture
def test_colour_bits_are_those_of_imagehash(picture):
    expected = imagehash.colorhash(Image.fromarray(picture.rgb))
    assert hexadecimal(colour_bits(colour_levels(picture.rgb))) == str(expected)


@settings(max_examples=60, deadline=None)
@given(rgb=arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_colour_bits_are_those_of_imagehash_for_any_small_picture(rgb):
    expected = imagehash.colorhash(Image.fromarray(rgb))
    assert hexadecimal(colour_bits(colour_levels(rgb))) == str(expected)


@pytest.mark.parametrize(
    "picture",
    [photograph(name) for name in ("chelsea", "coffee", "astronaut", "coins", "rocket")]
    + [blank(40, 40), blank(40, 40, 0), on_white(300, 200, 2)],
    ids=["chelsea", "coffee", "astronaut", "coins", "rocket", "white", "black", "on white"],
)
def test_region_hashes_are_those_of_imagehash(picture):
    expected = imagehash.crop_resistant_hash(Image.fromarray(picture.rgb))
    segments = crop_resistant_hash(picture.rgb)
    assert ",".join(hexadecimal(bits) for bits in segments.bits) == str(expected)


@pytest.mark.parametrize(("name", "kind"), GOLDEN)
def test_golden_hashes(name, kind):
    picture = photograph(name, 10_000)
    if kind == "colorhash":
        bits = colour_bits(colour_levels(picture.rgb))
    else:
        bits = fingerprint_bits(picture.rgb, kind)
    assert hexadecimal(bits) == GOLDEN[name, kind]


def test_hexadecimal_keeps_leading_zeros():
    bits = np.zeros((8, 8), dtype=bool)
    bits[7, 7] = True
    assert hexadecimal(bits) == "0000000000000001"
    assert hexadecimal(~bits) == "fffffffffffffffe"
    assert hamming_distance(bits, ~bits) == 64


# ── What the methods promise ───────────────────────────────────────────────────────

FINGERPRINTS = (*REFERENCE, "colorhash", "crop-resistant")


@pytest.mark.parametrize("method_id", FINGERPRINTS)
def test_a_value_is_the_whole_number_of_differing_bits(method_id):
    a, b = photograph("chelsea"), photograph("coffee")
    assert value(method_id, a, b) == int(value(method_id, a, b)) > 0


@each_kind
def test_the_distance_is_that_of_imagehash(kind):
    a, b = photograph("chelsea"), photograph("coffee")
    reference = REFERENCE[kind]
    expected = reference(Image.fromarray(a.rgb)) - reference(Image.fromarray(b.rgb))
    assert value(kind, a, b) == expected


@each_kind
def test_recompressed_darker_and_smaller_copies_pass_the_line(kind):
    import cv2

    a = photograph("astronaut")
    jpeg = cv2.imdecode(cv2.imencode(".jpg", a.rgb, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 1)
    darker = (a.rgb * 0.8).astype(np.uint8)
    smaller = cv2.resize(a.rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    scale = BY_ID[kind].scale
    for copy in (jpeg, darker, smaller):
        assert scale.is_alike(value(kind, a, picture_of(copy)), scale.line)
    assert not scale.is_alike(value(kind, a, photograph("coffee")), scale.line)


TURNS = {
    "a quarter": lambda rgb: np.rot90(rgb),
    "half": lambda rgb: np.rot90(rgb, 2),
    "three quarters": lambda rgb: np.rot90(rgb, 3),
    "mirrored": lambda rgb: rgb[:, ::-1],
    "flipped": lambda rgb: rgb[::-1],
    "transposed": lambda rgb: rgb.transpose(1, 0, 2),
    "mirrored and turned": lambda rgb: np.rot90(rgb[:, ::-1]),
}


@each_kind
@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
@pytest.mark.parametrize("side", [8, 16])
def test_turned_and_mirrored_copies_are_found_on_request(kind, turn, side):
    a = photograph("coffee")
    b = picture_of(turn(a.rgb))
    upright, turned = HashOptions(side=side), HashOptions(side=side, turned=True)
    limit = side**2 // 16
    assert value(kind, a, b, turned) <= limit < value(kind, a, b, upright)
    assert value(kind, a, b, turned) == value(kind, b, a, turned)


@each_kind
def test_asking_for_turned_copies_never_raises_the_distance(kind):
    a, b = photograph("chelsea"), photograph("coffee")
    assert value(kind, a, b, HashOptions(turned=True)) <= value(kind, a, b)


@each_kind
def test_the_scale_follows_the_size_of_the_fingerprint(kind):
    method = BY_ID[kind]
    assert method.scale.opposite == 64
    assert method.scale_with(HashOptions(side=16)).opposite == 256


def test_opposite_bits_reach_the_end_of_the_scale():
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None], 64, axis=0)
    a = picture_of(np.repeat(ramp[..., None], 3, axis=2))
    b = picture_of(255 - a.rgb)
    assert value("dhash", a, b) == 64


def test_regions_find_a_crop_that_other_fingerprints_lose():
    a = photograph("astronaut")
    b = picture_of(a.rgb[:, : int(a.width * 0.85)])
    scale = BY_ID["crop-resistant"].scale
    assert scale.is_alike(value("crop-resistant", a, b), scale.line)
    assert value("phash", a, b) > BY_ID["phash"].scale.line


def test_colours_do_not_mind_turning():
    a = photograph("coffee")
    assert value("colorhash", a, picture_of(np.rot90(a.rgb))) == 0


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 2), (1, 5000), (5000, 1)])
def test_regions_of_very_small_pictures_are_inside_them(height, width):
    segments = crop_resistant_hash(noise(height, width).rgb)
    left, top, right, bottom = segments.boxes.T
    assert (left >= 0).all()
    assert (top >= 0).all()
    assert (right <= width).all()
    assert (bottom <= height).all()
    assert (left < right).all()
    assert (top < bottom).all()


# ── The two exact levels ───────────────────────────────────────────────────────────


def test_one_changed_pixel_makes_other_pixels():
    a = photograph("chelsea")
    changed = a.rgb.copy()
    changed[10, 20, 1] ^= 1
    assert value("pixel-digest", a, picture_of(changed)) == 0.0
    assert value("pixel-digest", a, picture_of(a.rgb.copy())) == 1.0


def test_the_pixel_digest_knows_the_shape():
    assert pixel_digest(blank(2, 8).rgb) != pixel_digest(blank(4, 4).rgb)
    black = np.zeros((2, 3, 3), dtype=np.uint8)
    assert pixel_digest(black) == hashlib.sha256(b"2,3;" + bytes(18)).hexdigest()


def test_the_pixel_digest_reads_views_as_the_pixels_they_show():
    rgb = photograph("chelsea").rgb
    assert pixel_digest(rgb[::-1]) == pixel_digest(rgb[::-1].copy())


def test_the_file_digest_tells_files_with_the_same_pixels_apart():
    a = photograph("chelsea")
    b = dataclasses.replace(a, digest="0" * 64)
    assert value("file-digest", a, b) == 0.0
    assert value("pixel-digest", a, b) == 1.0
    assert value("file-digest", a, a) == 1.0


# ── Evidence ───────────────────────────────────────────────────────────────────────


@each_kind
def test_evidence_counts_the_bits_that_the_value_counts(kind):
    a, b = photograph("chelsea"), photograph("coffee")
    grids, facts = evidence(kind, a, b)
    assert isinstance(grids, BitGrids)
    assert isinstance(facts, Facts)
    differing = int(value(kind, a, b))
    assert hamming_distance(grids.bits_a, grids.bits_b) == differing
    assert str(facts.rows[0][1]) == f"{differing} of 64"


@each_kind
def test_evidence_says_which_turn_matched_best(kind):
    a = photograph("coffee")
    b = picture_of(a.rgb[:, ::-1])
    options = HashOptions(turned=True)
    grids, facts = evidence(kind, a, b, options)
    assert hamming_distance(grids.bits_a, grids.bits_b) == value(kind, a, b, options)
    assert [(str(what), str(fact)) for what, fact in facts.rows][1] == (
        "Closest with picture A",
        "mirrored",
    )


def test_evidence_of_a_picture_with_itself_leaves_it_as_it_is():
    a = photograph("coffee")
    _, facts = evidence("phash", a, a, HashOptions(turned=True))
    assert str(facts.rows[1][1]) == "as it is"


def test_evidence_of_regions_shows_the_closest_two():
    a, b = photograph("chelsea"), photograph("coffee")
    images, grids, _ = evidence("crop-resistant", a, b)
    assert isinstance(images, Images)
    assert hamming_distance(grids.bits_a, grids.bits_b) == value("crop-resistant", a, b)
    assert not np.array_equal(images.images[0][1], a.rgb)


def test_evidence_of_colours_shows_the_colours_that_are_there():
    red = picture_of(np.full((9, 9, 3), (250, 10, 10), dtype=np.uint8))
    swatches, _ = evidence("colorhash", red, blank(9, 9, 0))
    assert isinstance(swatches, Swatches)
    assert len(swatches.colours_a) == len(swatches.colours_b) == 1
    # the middle of the bin from red to yellow
    assert swatches.colours_a.tolist() == [[220, 125, 30]]
    assert swatches.colours_b[0].max() == 0


def test_evidence_of_pixels_shows_where_they_differ():
    a = blank(50, 80)
    changed = a.rgb.copy()
    changed[40:, 60:] = 254
    heatmap, facts = evidence("pixel-digest", a, picture_of(changed))
    assert isinstance(heatmap, Heatmap)
    assert heatmap.values[:40].max() == 0.0
    assert heatmap.values[40:, 60:].min() == 1.0
    shown = {str(what): str(fact) for what, fact in facts.rows}
    assert shown["Pixels that differ"] == "200 of 4,000"
    assert shown["Largest difference in a channel"] == "1 of 255 levels"


def test_evidence_of_pixels_names_other_sizes():
    (facts,) = evidence("pixel-digest", blank(5, 6), blank(7, 8))
    assert str(facts.rows[0][1]) == "6 × 5 and 8 × 7 pixels"


def test_exact_methods_have_no_options():
    assert {BY_ID[name].options for name in ("file-digest", "pixel-digest")} == {NoOptions}
