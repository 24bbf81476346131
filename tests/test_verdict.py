"""What two pictures are to each other: the guided pairs, each edit, and pictures of nothing."""

import cv2
import numpy as np
import pytest

from imgsim_core.comparison import Sameness
from imgsim_core.distort import damage_by_id
from imgsim_core.memory import Memory
from imgsim_core.samples import all_pairs, open_sample
from imgsim_core.verdict import Kind, pair_verdict
from tests.pictures import blank, noise, photograph, picture_of

OTHER_THAN_CHANGED = {
    "same-file": Kind.SAME_FILE,
    "two-views": Kind.SAME_THING,
    "coffee-shuffled": Kind.DIFFERENT,
    "on-white": Kind.DIFFERENT,
    "same-texture": Kind.DIFFERENT,
    "two-people": Kind.DIFFERENT,
    "unrelated": Kind.DIFFERENT,
}


@pytest.fixture(scope="module")
def memory():
    return Memory(200_000_000)


@pytest.fixture(scope="module")
def cat():
    return photograph()


@pytest.fixture
def verdict(memory):
    return lambda a, b: pair_verdict(a, b, memory)


def templates(verdict):
    return [change.template for change in verdict.changes]


def damaged(picture, *steps):
    rgb = picture.rgb
    for name, strength in steps:
        rgb = damage_by_id(name)(rgb, strength)
    return picture_of(rgb)


@pytest.mark.parametrize("pair", all_pairs(), ids=lambda pair: pair.id)
def test_every_guided_pair_gets_its_kind(pair, verdict):
    told = verdict(open_sample(pair.a), open_sample(pair.b))
    assert told.kind is OTHER_THAN_CHANGED.get(pair.id, Kind.CHANGED)
    assert 1 <= len(told.because) <= 3


def test_equal_bytes_and_equal_pixels_are_said_apart(cat, verdict):
    assert verdict(cat, cat).because == (Sameness.SAME_FILE.value,)
    same_pixels = picture_of(cat.rgb)
    object.__setattr__(same_pixels, "digest", "0" * 64)
    told = verdict(cat, same_pixels)
    assert (told.kind, told.because) == (Kind.SAME_FILE, (Sameness.SAME_PIXELS.value,))


@pytest.mark.parametrize(
    ("name", "strength", "change"),
    [
        ("jpeg", 90, None),
        ("blur", 3, "blurred, or saved with less detail"),
        ("noise", 25, "grainier or sharper"),
        ("brightness", 20, "made brighter"),
        ("darkness", 40, "made darker"),
        ("contrast", 50, "with less contrast"),
        ("saturation", 60, "in louder colours"),
        ("grey", 100, "made grey"),
        ("hue", 60, "in other hues"),
        ("warmth", 40, "in warmer colours"),
        ("turn", 15, "turned clockwise by {degrees}°"),
        ("mirror", 1, "mirrored left to right"),
        ("upside-down", 1, "turned upside down"),
        ("shift", 4, "moved by {pixels} px"),
        ("crop", 20, "cropped to {percent} %"),
        ("border", 20, "put on a larger canvas"),
        ("downscale", 75, "blurred, or saved with less detail"),
        ("pixelate", 6, None),
    ],
)
def test_an_edit_is_known_again_and_named(cat, verdict, name, strength, change):
    told = verdict(cat, damaged(cat, (name, strength)))
    assert (told.kind, told.certain) == (Kind.CHANGED, True)
    assert change is None or change in templates(told)


def test_edits_are_measured(cat, verdict):
    told = verdict(cat, damaged(cat, ("turn", 15)))
    degrees = dict(told.changes[0].values)["degrees"]
    assert degrees == 15
    told = verdict(cat, damaged(cat, ("shift", 4)))
    assert dict(told.changes[0].values)["pixels"] == 4
    told = verdict(open_sample("astronaut"), open_sample("astronaut-close"))
    cropped = next(change for change in told.changes if "cropped" in change.template)
    assert dict(cropped.values)["percent"] == pytest.approx(100 * (300 / 512) ** 2, abs=1)


def test_nothing_else_is_named_where_only_one_thing_was_done(cat, verdict):
    for name, strength in (("mirror", 1), ("upside-down", 1), ("grey", 100), ("shift", 4)):
        assert len(verdict(cat, damaged(cat, (name, strength))).changes) == 1


def test_the_transform_leads_from_pixels_of_a_to_pixels_of_b(cat, verdict):
    told = verdict(cat, damaged(cat, ("mirror", 1)))
    moved = told.transform @ (10, 20, 1)
    np.testing.assert_allclose(moved[:2] / moved[2], (cat.width - 11, 20), atol=0.3)


def test_a_box_laid_over_is_found_where_it_is(cat, verdict):
    rgb = cat.rgb.copy()
    rgb[60:120, 90:170] = (20, 160, 60)
    told = verdict(cat, damaged(picture_of(rgb), ("jpeg", 50)))
    assert told.kind is Kind.CHANGED
    assert len(told.regions) == 1
    box = told.regions[0]
    sides = box.left, box.top, box.left + box.width, box.top + box.height
    np.testing.assert_allclose(sides, (90, 60, 170, 120), atol=6)
    truth = np.zeros((cat.height, cat.width), np.uint8)
    truth[60:120, 90:170] = 1
    truth = cv2.resize(truth, told.changed.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    assert (truth & told.changed).sum() / (truth | told.changed).sum() > 0.8
    assert told.changed_share == pytest.approx(truth.mean(), rel=0.2)


def test_several_edits_at_once(cat, verdict):
    steps = (("mirror", 1), ("crop", 20), ("warmth", 40), ("jpeg", 70))
    told = verdict(cat, damaged(cat, *steps))
    assert told.kind is Kind.CHANGED
    assert {"mirrored left to right", "cropped to {percent} %"} <= set(templates(told))


def test_a_negative_is_a_copy(cat, verdict):
    told = verdict(cat, picture_of(255 - cat.rgb))
    assert templates(told) == ["light and dark swapped, like a negative"]


def test_perspective_is_another_photograph_not_an_edit(cat, verdict):
    corners = np.array([[0, 0], [299, 0], [299, 199], [0, 199]], np.float32)
    seen = np.array([[12, 8], [290, 0], [299, 180], [4, 199]], np.float32)
    side = cv2.warpPerspective(
        cat.rgb, cv2.getPerspectiveTransform(corners, seen), (300, 200), borderValue=(90, 90, 90)
    )
    told = verdict(cat, picture_of(side))
    assert (told.kind, told.certain) == (Kind.SAME_THING, True)
    assert "perspectives" in told.because[-1].template
    assert told.aligned is not None


def on_white(picture):
    canvas = np.full((400, 400, 3), 255, np.uint8)
    top, left = (400 - picture.height) // 2, (400 - picture.width) // 2
    canvas[top : top + picture.height, left : left + picture.width] = picture.rgb
    return picture_of(canvas)


def test_a_common_canvas_is_no_likeness(cat, verdict):
    rocket = photograph("rocket", 300)
    told = verdict(on_white(cat), on_white(rocket))
    assert (told.kind, told.certain) == (Kind.DIFFERENT, True)
    copy = verdict(on_white(cat), damaged(on_white(cat), ("jpeg", 80)))
    assert copy.kind is Kind.CHANGED


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (noise(1, 1), noise(1, 5000)),
        (noise(5000, 1), blank(40, 40)),
        (blank(200, 200, 0), blank(200, 200)),
        (noise(7, 7), noise(20, 20)),
        (noise(120, 120), noise(120, 120, 1)),
        (blank(120, 120), noise(120, 120)),
    ],
)
def test_pictures_of_nothing_get_a_sentence(a, b, verdict):
    for first, second in ((a, b), (b, a)):
        told = verdict(first, second)
        assert told.kind is Kind.DIFFERENT
        assert np.isfinite(told.agreement)


def test_hardly_anything_is_never_certain(verdict):
    dot = np.full((300, 300, 3), 255, np.uint8)
    dot[140:160, 140:160] = 0
    assert not verdict(picture_of(dot), blank(300, 300)).certain
    barely = verdict(blank(100, 100, 250), blank(100, 100, 252))
    assert (barely.kind, barely.certain) == (Kind.CHANGED, False)


def test_swapping_the_pictures_keeps_the_kind(verdict):
    for a, b in (("astronaut", "astronaut-close"), ("coffee", "coffee-turned")):
        kinds = {
            verdict(open_sample(first), open_sample(second)).kind
            for first, second in ((a, b), (b, a))
        }
        assert kinds == {Kind.CHANGED}


def test_a_verdict_is_remembered(cat):
    memory = Memory(100_000_000)
    first = pair_verdict(cat, damaged(cat, ("crop", 40)), memory)
    described = memory.described
    assert pair_verdict(cat, damaged(cat, ("crop", 40)), memory) is first
    assert memory.described == described
