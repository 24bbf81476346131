"""Built-in pictures: all open, the same every time, and each pair is what it says."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from imgsim_core.errors import UnknownSample
from imgsim_core.samples import (
    all_pairs,
    all_samples,
    open_sample,
    pair_by_id,
    sample_by_id,
)


def colour_counts(rgb):
    codes = rgb.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    return np.unique(codes, return_counts=True)


@pytest.mark.parametrize("sample", all_samples(), ids=lambda sample: sample.id)
def test_every_sample_opens_at_a_handy_size_and_is_the_same_every_time(sample):
    picture = open_sample(sample.id)
    assert 300 <= max(picture.width, picture.height) <= 800
    assert min(picture.width, picture.height) >= 190
    assert sample.make() == sample.make()
    assert picture.name == sample.file_name
    assert picture.name.startswith(sample.id)
    assert open_sample(sample.id) is picture


def test_ids_suit_links_and_are_unique():
    for ids in ([item.id for item in all_samples()], [item.id for item in all_pairs()]):
        assert len(set(ids)) == len(ids)
        assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", item) for item in ids)


def test_there_are_enough_pairs_and_they_are_made_of_samples():
    assert len(all_pairs()) >= 12
    assert all_pairs()[0].id == "two-views"
    for pair in all_pairs():
        assert sample_by_id(pair.a)
        assert sample_by_id(pair.b)
        assert pair_by_id(pair.id) is pair


def test_only_the_same_file_is_the_same_file():
    for pair in all_pairs():
        same = open_sample(pair.a).digest == open_sample(pair.b).digest
        assert same == (pair.id == "same-file")


def test_shuffled_coffee_has_exactly_the_colours_of_coffee():
    coffee, shuffled = open_sample("coffee").rgb, open_sample("coffee-shuffled").rgb
    assert not np.array_equal(coffee, shuffled)
    for ours, theirs in zip(colour_counts(coffee), colour_counts(shuffled), strict=True):
        assert np.array_equal(ours, theirs)


def test_mirrored_cat_is_the_cat_mirrored():
    assert np.array_equal(open_sample("cat-mirrored").rgb, np.fliplr(open_sample("cat").rgb))


def test_shifted_coffee_is_4_pixels_aside():
    coffee, shifted = open_sample("coffee").rgb, open_sample("coffee-shifted").rgb
    assert np.array_equal(shifted[4:, 4:], coffee[:-4, :-4])


@pytest.mark.parametrize("sample_id", ["cup-on-white", "motorcycle-on-white"])
def test_things_on_white_are_mostly_white_and_keep_their_red(sample_id):
    rgb = open_sample(sample_id).rgb
    assert 0.6 < np.mean((rgb == 255).all(axis=2)) < 0.8
    red = (rgb[..., 0] > 120) & (rgb[..., 1] < 80)
    assert red.mean() > 0.03


def test_the_poor_jpeg_is_a_jpeg():
    sample = sample_by_id("rocket-jpeg-10")
    assert Image.open(io.BytesIO(sample.make())).format == "JPEG"
    assert len(sample.make()) < 20_000


@pytest.mark.parametrize("find", [sample_by_id, open_sample, pair_by_id])
def test_an_unknown_id_is_told(find):
    with pytest.raises(UnknownSample, match="dragon"):
        find("dragon")
