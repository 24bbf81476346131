"""Damages: nothing at 0, more with strength, the same every time, the size kept."""

import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from imgsim_core.distort import all_damages, damage_by_id
from imgsim_core.errors import UnknownDamage
from tests.pictures import blank, noise, photograph

every_damage = pytest.mark.parametrize("damage", all_damages(), ids=lambda damage: damage.id)


def mean_squared_error(a, b):
    return float(np.mean((a.astype(float) - b.astype(float)) ** 2))


@pytest.fixture(scope="module")
def cat():
    return photograph("chelsea", 240).rgb


def test_there_are_enough_and_each_has_its_own_id():
    ids = [damage.id for damage in all_damages()]
    assert len(ids) >= 16
    assert len(set(ids)) == len(ids)


@every_damage
def test_nothing_changes_at_strength_0(damage, cat):
    assert np.array_equal(damage(cat, 0), cat)
    assert damage.low == 0


@every_damage
def test_damage_grows_with_strength(damage, cat):
    strengths = np.linspace(0, damage.high, 6) if damage.high > 1 else [0, 1]
    errors = [mean_squared_error(cat, damage(cat, strength)) for strength in strengths]
    assert errors[0] == 0
    assert errors[1] > 0
    # A turn, a crop or a shift moves detail about, so its error wavers a little at the top.
    assert all(after >= 0.93 * before for before, after in pairwise(errors))
    assert errors[-1] > 1.5 * errors[1] or len(errors) == 2


@every_damage
def test_default_is_one_of_the_steps(damage):
    assert 0 < damage.default <= damage.high
    assert damage.default / damage.step == pytest.approx(round(damage.default / damage.step))


@every_damage
@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (31, 47)])
def test_size_and_type_stay_and_the_given_array_is_left_alone(damage, shape):
    picture = noise(*shape).rgb
    before = picture.copy()
    for strength in (damage.default, damage.high):
        damaged = damage(picture, strength)
        assert damaged.shape == picture.shape
        assert damaged.dtype == np.uint8
    assert np.array_equal(picture, before)


@every_damage
def test_the_same_every_time(damage, cat):
    assert np.array_equal(damage(cat, damage.default), damage(cat, damage.default))


@every_damage
def test_strength_is_clipped(damage, cat):
    assert np.array_equal(damage(cat, damage.high + 50), damage(cat, damage.high))


def test_an_unknown_damage_names_those_there_are():
    with pytest.raises(UnknownDamage, match=r"rust.*jpeg, blur"):
        damage_by_id("rust")


def test_jpeg_is_what_pillow_writes_at_100_minus_strength(cat):
    target = io.BytesIO()
    Image.fromarray(cat).save(target, "JPEG", quality=30)
    assert np.array_equal(damage_by_id("jpeg")(cat, 70), np.asarray(Image.open(target)))


def test_mirror_turn_and_upside_down_agree_with_numpy(cat):
    square = np.ascontiguousarray(cat[:100, :100])
    assert np.array_equal(damage_by_id("mirror")(cat, 1), np.fliplr(cat))
    assert np.array_equal(damage_by_id("upside-down")(cat, 1), np.rot90(cat, 2))
    quarter = damage_by_id("turn")(square, 90)  # clockwise
    assert mean_squared_error(quarter, np.rot90(square, -1)) < 1


def test_shift_moves_by_whole_pixels_and_brings_in_white(cat):
    shifted = damage_by_id("shift")(cat, 4)
    assert np.array_equal(shifted[4:, 4:], cat[:-4, :-4])
    assert (shifted[:4] == 255).all()


def test_grey_at_100_has_no_colour(cat):
    grey = damage_by_id("grey")(cat, 100)
    assert np.array_equal(grey[..., 0], grey[..., 1])
    assert np.array_equal(grey[..., 0], grey[..., 2])


def test_box_and_specks_cover_the_share_they_say():
    white = blank(200, 200).rgb
    box = damage_by_id("occlusion")(white, 25)
    assert np.mean(box[..., 0] != 255) == pytest.approx(0.25, abs=0.01)
    specks = damage_by_id("salt-and-pepper")(blank(200, 200, 128).rgb, 20)
    assert np.mean(specks[..., 0] != 128) == pytest.approx(0.2, abs=0.01)


def test_hue_by_120_degrees_turns_red_to_green():
    red = np.full((4, 4, 3), (255, 0, 0), np.uint8)
    assert (damage_by_id("hue")(red, 120) == (0, 255, 0)).all()


def test_watermark_covers_some_of_the_picture_only(cat):
    marked = damage_by_id("watermark")(cat, 100)
    changed = np.mean((marked != cat).any(axis=2))
    assert 0.05 < changed < 0.5
