"""What every method promises, asked of each method that can answer on this machine.

A new method is tested here before its author writes a line of tests.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
import time
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest

from imgsim_core import registry
from imgsim_core.distort import damage_by_id
from imgsim_core.errors import ImgSimError
from imgsim_core.method import (
    Bars,
    BitGrids,
    Curves,
    Described,
    Evidence,
    Facts,
    Family,
    Heatmap,
    Images,
    Matches,
    Method,
    Scale,
    Swatches,
)
from imgsim_core.picture import Picture
from imgsim_core.text import Text
from tests.pictures import blank, noise, photograph, picture_of

ALL = registry.all_methods()
AVAILABLE = tuple(method for method in ALL if method.availability() is None)

each_method = pytest.mark.parametrize("method", ALL, ids=lambda method: method.id)
each_available = pytest.mark.parametrize("method", AVAILABLE, ids=lambda method: method.id)


# ── Ways to ask a method: default, article, and one option changed at a time ───────


def other_values(item: Any) -> list[Any]:
    """List the values of an option worth trying besides its default."""
    if item.choices is not None:
        values = list(item.choices)
    elif isinstance(item.default, bool):
        values = [True, False]
    else:
        values = [item.low, item.high]
    return [item.check(value) for value in values if value != item.default]


def ways(method: Method) -> dict[str, Any]:
    """Name every set of options that the contract is checked with."""
    found = {"default": method.options()}
    if method.article is not None:
        found["article"] = method.article
    for item in method.option_fields:
        for value in other_values(item):
            changed = dataclasses.replace(method.options(), **{item.name: value})
            found[f"{item.name}={value}"] = changed
    return found


def main_ways(method: Method) -> list[Any]:
    """Give the default options, and the article's where there are any."""
    return [options for name, options in ways(method).items() if name in ("default", "article")]


each_way = pytest.mark.parametrize(
    ("method", "options"),
    [
        pytest.param(method, options, id=f"{method.id}-{name}")
        for method in AVAILABLE
        for name, options in ways(method).items()
    ],
)
each_main_way = pytest.mark.parametrize(
    ("method", "options"),
    [
        pytest.param(method, options, id=f"{method.id}-{name}")
        for method in AVAILABLE
        for name, options in ways(method).items()
        if name in ("default", "article")
    ],
)


# ── Pictures, described once for all tests ─────────────────────────────────────────

PHOTOGRAPHS = ("chelsea", "coffee", "astronaut")


@cache
def photo(name: str) -> Picture:
    return photograph(name, 256)


def masked(picture: Picture, mask: np.ndarray) -> Picture:
    return dataclasses.replace(picture, mask=mask, digest=picture.digest[::-1] + str(mask.sum()))


@cache
def edge_pictures() -> dict[str, Picture]:
    """Make the pictures that methods stumble over."""
    chelsea = photo("chelsea")
    half = np.zeros((chelsea.height, chelsea.width), dtype=bool)
    half[:, : chelsea.width // 2] = True
    grey = cv2.cvtColor(chelsea.rgb, cv2.COLOR_RGB2GRAY)
    big = cv2.resize(photo("coffee").rgb, (2000, 1500), interpolation=cv2.INTER_CUBIC)
    return {
        "one pixel": noise(1, 1),
        "5000 × 1": noise(1, 5000),
        "1 × 5000": noise(5000, 1),
        "3 × 3": noise(3, 3),
        "8 × 8": noise(8, 8),
        "black": blank(64, 64, 0),
        "white": blank(64, 64, 255),
        "mid-grey": blank(50, 70, 127),
        "noise": noise(64, 64),
        "grey photograph": picture_of(np.repeat(grey[..., None], 3, axis=2)),
        "half transparent": masked(chelsea, half),
        "all transparent": masked(blank(40, 40), np.zeros((40, 40), dtype=bool)),
        "photograph": chelsea,
        "big": picture_of(big),
    }


EDGES = tuple(edge_pictures())
# Each against a photograph, both ways round, against itself and against the next one.
EDGE_PAIRS = tuple(
    dict.fromkeys(
        itertools.chain.from_iterable(
            ((name, "photograph"), ("photograph", name), (name, name), (name, following))
            for name, following in itertools.pairwise((*EDGES, EDGES[0]))
        )
    )
)

FEW_EDGE_PAIRS = (
    ("one pixel", "photograph"),
    ("photograph", "5000 × 1"),
    ("1 × 5000", "black"),
    ("half transparent", "all transparent"),
)

_descriptions: dict[Any, Any] = {}


def description(method: Method, options: Any, picture: Picture) -> Any:
    """Describe once; a refusal is remembered and raised again."""
    key = (method.id, options, picture.digest)
    if key not in _descriptions:
        try:
            _descriptions[key] = method.describe(picture, options)
        except ImgSimError as refusal:
            _descriptions[key] = refusal
    if isinstance(_descriptions[key], ImgSimError):
        raise _descriptions[key]
    return _descriptions[key]


def value(method: Method, options: Any, a: Picture, b: Picture) -> float:
    described = (description(method, options, a), description(method, options, b))
    return float(method.compare(*described, options))


def value_or_refusal(method: Method, options: Any, a: Picture, b: Picture) -> float | None:
    """Give the value, or None after checking that a sentence was given instead."""
    try:
        return value(method, options, a, b)
    except ImgSimError as refusal:
        assert_readable(refusal.text)
        return None


def evidence(method: Method, options: Any, a: Picture, b: Picture) -> tuple[Evidence, ...]:
    described = [Described(picture, description(method, options, picture)) for picture in (a, b)]
    return method.explain(*described, options)


def copy_of(picture: Picture) -> Picture:
    """Give another Picture with the same pixels under another name."""
    return dataclasses.replace(picture_of(picture.rgb.copy(), "copy.png"), digest=picture.digest)


def assert_readable(text: object) -> None:
    assert isinstance(text, Text), f"{text!r} is not a Text"
    shown = str(text)
    assert shown.strip() == shown
    assert shown
    assert "nan" not in shown.lower().split(), shown


# ── Data about a method ────────────────────────────────────────────────────────────


def test_there_are_methods_of_every_family_here():
    assert {method.family for method in AVAILABLE} == set(Family)


def test_ids_are_unique():
    ids = [method.id for method in ALL]
    assert len(set(ids)) == len(ids)


def test_labels_are_unique():
    labels = [str(method.label) for method in ALL]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("family", Family)
def test_each_family_has_exactly_one_headline(family):
    assert sum(method.headline for method in ALL if method.family is family) == 1


# Known to everybody by this name, underscore and all.
NAMED_BY_OTHERS = {"inception_v3"}


@each_method
def test_an_id_is_kebab_case(method):
    assert method.id in NAMED_BY_OTHERS or re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", method.id)


def assert_sentence_case(label: Text) -> None:
    assert_readable(label)
    shown = str(label)
    assert not shown[0].islower(), shown
    assert not shown.endswith("."), shown
    assert " " not in shown or not shown.istitle(), f"{shown!r} is in title case"


@each_method
def test_words_for_people_are_there_and_in_sentence_case(method):
    if method.family is not Family.SEMANTICS:  # there the label is a model's proper name
        assert_sentence_case(method.label)
    assert_readable(method.label)
    assert_readable(method.about)
    assert str(method.about)[0].isupper()
    assert str(method.about).endswith(".")
    for item in method.option_fields:
        assert_sentence_case(item.label)
        assert_readable(item.help)
        for label in (item.choices or {}).values():
            assert_sentence_case(label)


@each_method
def test_the_source_is_a_doi_or_an_address(method):
    assert re.match(r"(https?://|(doi:)?10\.\d+/|arXiv:)", method.source), method.source


@each_method
def test_a_reason_for_not_being_available_is_a_sentence_found_quickly(method):
    started = time.perf_counter()
    reason = method.availability()
    assert time.perf_counter() - started < 1.0
    if reason is not None:
        assert_readable(reason)


@each_method
def test_every_scale_can_be_drawn_and_its_line_lies_on_the_axis(method):
    for options in ways(method).values():
        scale = method.scale_with(options)
        assert isinstance(scale, Scale)
        low, high = scale.axis
        assert math.isfinite(low)
        assert math.isfinite(high)
        assert (high > low) == scale.higher_is_alike
        assert min(low, high) <= scale.line <= max(low, high)
        assert scale.position(scale.identical) == 1.0
        if scale.unit is not None:
            assert_readable(scale.unit)


@each_method
def test_defaults_are_among_the_allowed_values(method):
    for item in method.option_fields:
        assert item.check(item.default) == item.default
        assert type(item.check(item.default)) is type(item.default)


@each_method
def test_options_survive_a_link(method):
    for options in ways(method).values():
        as_strings = {item.name: str(getattr(options, item.name)) for item in method.option_fields}
        assert method.options_from(as_strings) == options


@each_method
def test_options_can_be_a_cache_key(method):
    for options in ways(method).values():
        assert hash(options) == hash(dataclasses.replace(options))


# ── Values ─────────────────────────────────────────────────────────────────────────


@each_way
@pytest.mark.parametrize("name", PHOTOGRAPHS[:2])
def test_identical_pictures_score_exactly_identical(method, options, name):
    picture = photo(name)
    first = description(method, options, picture)
    second = method.describe(copy_of(picture), options)
    assert method.compare(first, second, options) == method.scale_with(options).identical


@each_way
def test_a_value_lies_on_the_scale_and_is_symmetric(method, options):
    for a, b in itertools.combinations(map(photo, PHOTOGRAPHS), 2):
        there, back = value(method, options, a, b), value(method, options, b, a)
        assert there in method.scale_with(options)
        assert back in method.scale_with(options)
        if method.symmetric:
            assert back == pytest.approx(there, rel=1e-5, abs=1e-6)


@each_main_way
def test_odd_pictures_give_a_value_on_the_scale_or_a_sentence(method, options):
    pictures = edge_pictures()
    for name_a, name_b in EDGE_PAIRS:
        there = value_or_refusal(method, options, pictures[name_a], pictures[name_b])
        if there is None:
            continue
        scale = method.scale_with(options)
        assert there in scale, f"{name_a} and {name_b} give {there}"
        if name_a == name_b:
            assert there == scale.identical, f"{name_a} and itself give {there}"


@each_main_way
def test_odd_pictures_are_symmetric_too(method, options):
    if not method.symmetric:
        return
    pictures = edge_pictures()
    for name in EDGES:
        there = value_or_refusal(method, options, pictures[name], pictures["photograph"])
        back = value_or_refusal(method, options, pictures["photograph"], pictures[name])
        assert back == (there if there is None else pytest.approx(there, rel=1e-5, abs=1e-6)), name


@each_way
def test_every_option_stands_tiny_flat_and_transparent_pictures(method, options):
    pictures = edge_pictures()
    scale = method.scale_with(options)
    for name in ("one pixel", "5000 × 1", "black", "white", "half transparent", "all transparent"):
        for other in ("photograph", name):
            there = value_or_refusal(method, options, pictures[name], pictures[other])
            assert there is None or there in scale, f"{name} and {other} give {there}"


@each_main_way
def test_the_same_question_gets_the_same_answer(method, options):
    a, b = photo("chelsea"), photo("coffee")
    first = value(method, options, a, b)
    again = method.compare(method.describe(a, options), method.describe(b, options), options)
    assert again == first


@each_main_way
def test_describing_changes_nothing(method, options):
    picture = picture_of(photo("astronaut").rgb.copy())
    before = picture.rgb.tobytes()
    method.describe(picture, options)
    assert picture.rgb.tobytes() == before
    assert not picture.rgb.flags.writeable


@each_main_way
def test_comparing_and_explaining_change_no_description(method, options):
    a, b = photo("chelsea"), photo("coffee")
    first = value(method, options, a, b)
    evidence(method, options, a, b)
    assert value(method, options, a, b) == first


# ── Growing damage ─────────────────────────────────────────────────────────────────

# A share of the axis by which a stronger damage may seem milder: noise of the measure.
SLACK = 0.03


STRENGTHS = {"blur": (0.5, 3.0, 12.0), "noise": (4.0, 20.0, 80.0), "jpeg": (20.0, 80.0, 95.0)}


@cache
def damaged(name: str, damage: str, strength: float) -> Picture:
    return picture_of(damage_by_id(damage)(photo(name).rgb, strength))


@each_available
@pytest.mark.parametrize("damage", STRENGTHS)
def test_growing_damage_never_makes_pictures_more_alike(method, damage):
    options = method.options()
    scale = method.scale_with(options)
    places = [1.0]
    for strength in STRENGTHS[damage]:
        pairs = [(photo(name), damaged(name, damage, strength)) for name in PHOTOGRAPHS]
        values = [value(method, options, a, b) for a, b in pairs]
        places.append(float(np.mean([scale.position(each) for each in values])))
    for milder, stronger in itertools.pairwise(places):
        assert stronger <= milder + SLACK, places


@each_available
def test_other_photographs_are_less_alike_than_copies(method):
    options = method.options()
    scale = method.scale_with(options)
    pairs = list(itertools.combinations(map(photo, PHOTOGRAPHS), 2))
    others = np.mean([scale.position(value(method, options, a, b)) for a, b in pairs])
    light = [(photo(name), damaged(name, "jpeg", 10.0)) for name in PHOTOGRAPHS]
    copies = np.mean([scale.position(value(method, options, a, b)) for a, b in light])
    assert others < 1.0
    # Equal for the exact digests: to them a copy of other bytes is another picture.
    assert others <= copies


# ── Evidence ───────────────────────────────────────────────────────────────────────


def assert_numbers(array: np.ndarray, shape: tuple[int, ...] | None = None) -> None:
    assert isinstance(array, np.ndarray)
    assert np.isfinite(array).all()
    assert shape is None or array.shape == shape


def assert_points(points: np.ndarray, picture: Picture, count: int) -> None:
    assert_numbers(points, (count, 2))
    assert points.dtype == np.float32
    # A keypoint's place is between pixels; one pixel of grace on either side.
    assert ((points >= -1) & (points <= (picture.width, picture.height))).all()


def assert_heatmap(item: Heatmap, a: Picture, b: Picture) -> None:
    assert item.values.ndim == 2
    assert item.values.size
    assert item.values.dtype == np.float32
    assert_numbers(item.values)
    assert item.low < item.high
    assert item.low <= item.values.min()
    assert item.values.max() <= item.high
    assert_readable(item.low_label)
    assert_readable(item.high_label)


def assert_matches(item: Matches, a: Picture, b: Picture) -> None:
    count = len(item.points_a)
    assert_points(item.points_a, a, count)
    assert_points(item.points_b, b, count)
    assert item.verified.shape == (count,)
    assert item.verified.dtype == bool
    if item.outline is not None:
        assert_numbers(item.outline, (4, 2))


def assert_swatches(item: Swatches, a: Picture, b: Picture) -> None:
    for colours, shares in ((item.colours_a, item.shares_a), (item.colours_b, item.shares_b)):
        assert colours.dtype == np.uint8
        assert colours.shape == (len(shares), 3)
        assert_numbers(shares, (len(shares),))
        assert (shares >= 0).all()
        assert shares.sum() <= 1 + 1e-6


def assert_bars(item: Bars, a: Picture, b: Picture) -> None:
    count = len(item.labels)
    assert count
    assert_numbers(item.a, (count,))
    assert_numbers(item.b, (count,))
    assert_readable(item.axis)
    if item.colours is not None:
        assert item.colours.shape == (count, 3)
        assert item.colours.dtype == np.uint8


def assert_curves(item: Curves, a: Picture, b: Picture) -> None:
    assert item.lines
    for name, _colour, of_a, of_b in item.lines:
        assert_readable(name)
        assert_numbers(of_a, item.x.shape)
        assert_numbers(of_b, item.x.shape)
    assert_readable(item.x_label)
    assert_readable(item.y_label)


def assert_bit_grids(item: BitGrids, a: Picture, b: Picture) -> None:
    for bits in (item.bits_a, item.bits_b):
        assert bits.dtype == bool
        assert bits.shape == (len(item.bits_a), len(item.bits_a))
    for reduced in (item.reduced_a, item.reduced_b):
        assert reduced.dtype == np.uint8
        assert reduced.ndim == 2
        assert reduced.size


def assert_images(item: Images, a: Picture, b: Picture) -> None:
    assert item.images
    for caption, image in item.images:
        assert_readable(caption)
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert image.shape[2] == 3
        assert image.size


def assert_facts(item: Facts, a: Picture, b: Picture) -> None:
    assert item.rows
    for what, fact in item.rows:
        assert_readable(what)
        assert_readable(fact if isinstance(fact, Text) else Text("{fact}", fact=fact))


CHECKS = {
    Heatmap: assert_heatmap,
    Matches: assert_matches,
    Swatches: assert_swatches,
    Bars: assert_bars,
    Curves: assert_curves,
    BitGrids: assert_bit_grids,
    Images: assert_images,
    Facts: assert_facts,
}


def assert_evidence(items: tuple[Evidence, ...], a: Picture, b: Picture) -> None:
    assert isinstance(items, tuple)
    for item in items:
        assert_readable(item.title)
        CHECKS[type(item)](item, a, b)


@each_way
def test_evidence_for_two_photographs_can_be_shown(method, options):
    a, b = photo("chelsea"), photo("coffee")
    items = evidence(method, options, a, b)
    assert items, "nothing to look at"
    assert_evidence(items, a, b)


@each_main_way
def test_evidence_for_a_copy_can_be_shown(method, options):
    a = photo("chelsea")
    b = damaged("chelsea", "blur", 1.0)
    assert_evidence(evidence(method, options, a, b), a, b)
    assert_evidence(evidence(method, options, a, a), a, a)


@each_main_way
def test_evidence_for_odd_pictures_can_be_shown_or_is_refused_by_a_sentence(method, options):
    pictures = edge_pictures()
    # Evidence of a learned model takes a second, whatever the pictures are.
    pairs = FEW_EDGE_PAIRS if method.family is Family.SEMANTICS else EDGE_PAIRS
    for name_a, name_b in pairs:
        a, b = pictures[name_a], pictures[name_b]
        if value_or_refusal(method, options, a, b) is not None:
            assert_evidence(evidence(method, options, a, b), a, b)
