"""The contract's own parts: scales and options."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from imgsim_core.errors import BadOption
from imgsim_core.method import (
    Family,
    Method,
    NoOptions,
    Scale,
    choice,
    number,
    option_fields,
    switch,
)
from imgsim_core.text import Text

COSINE = Scale(identical=1.0, opposite=-1.0, line=0.5)
BITS = Scale(identical=0.0, opposite=64.0, line=10.0, unit=Text("bits"), decimals=0)
DECIBELS = Scale(identical=math.inf, opposite=0.0, line=20.0, shown=(0.0, 50.0))


@dataclass(frozen=True)
class Options:
    bins: int = choice(8, Text("Bins"), Text("How many"), {8: Text("8"), 256: Text("256")})
    sigma: float = number(1.5, Text("Sigma"), Text("How wide"), 0.5, 5.0, 0.5)
    tries: int = number(3, Text("Tries"), Text("How often"), 1, 9, 1)
    align: bool = switch(False, Text("Align"), Text("Move first"))


METHOD = Method(
    id="toy",
    label=Text("Toy"),
    family=Family.COLOUR,
    scale=COSINE,
    about=Text("Sees nothing."),
    formula="0",
    source="https://example.org",
    describe=lambda picture, options: None,
    compare=lambda a, b, options: 1.0,
    explain=lambda a, b, options: (),
    options=Options,
)


@pytest.mark.parametrize("family", Family)
def test_each_family_has_a_name_and_a_question(family):
    assert str(family.label)
    assert str(family.question).endswith("?")


# ── Scale ──────────────────────────────────────────────────────────────────────────


def test_the_direction_follows_from_the_two_ends():
    assert COSINE.higher_is_alike
    assert DECIBELS.higher_is_alike
    assert not BITS.higher_is_alike


@pytest.mark.parametrize(
    ("scale", "value", "inside"),
    [
        (COSINE, -1.0, True),
        (COSINE, 1.0, True),
        (COSINE, 1.0000001, False),
        (COSINE, math.nan, False),
        (BITS, 0.0, True),
        (BITS, 64.0, True),
        (BITS, -1.0, False),
        (DECIBELS, math.inf, True),
        (DECIBELS, -0.1, False),
    ],
)
def test_a_value_is_on_its_scale_or_not(scale, value, inside):
    assert (value in scale) is inside


def test_the_line_itself_counts_as_alike():
    assert COSINE.is_alike(0.5, 0.5)
    assert not COSINE.is_alike(0.49, 0.5)
    assert BITS.is_alike(10, 10)
    assert not BITS.is_alike(11, 10)


def test_the_axis_is_finite_and_ends_at_identical():
    assert COSINE.axis == (-1.0, 1.0)
    assert BITS.axis == (64.0, 0.0)
    assert DECIBELS.axis == (0.0, 50.0)


@pytest.mark.parametrize(
    ("scale", "value", "place"),
    [
        (COSINE, 0.0, 0.5),
        (BITS, 0.0, 1.0),
        (BITS, 48.0, 0.25),
        (DECIBELS, math.inf, 1.0),
        (DECIBELS, 10.0, 0.2),
        (COSINE, -3.0, 0.0),
    ],
)
def test_the_place_on_the_axis_is_between_nought_and_one(scale, value, place):
    assert scale.position(value) == pytest.approx(place)


# ── Options ────────────────────────────────────────────────────────────────────────


def test_options_are_listed_in_the_order_they_are_declared():
    assert [item.name for item in option_fields(Options)] == ["bins", "sigma", "tries", "align"]
    assert option_fields(NoOptions) == ()


def test_missing_options_take_their_defaults():
    assert METHOD.options_from({}) == Options()


def test_strings_become_the_options_own_type():
    options = METHOD.options_from({"bins": "256", "sigma": "2", "tries": "5", "align": "true"})
    assert options == Options(bins=256, sigma=2.0, tries=5, align=True)
    assert type(options.bins) is int
    assert type(options.tries) is int
    assert options.align is True


def test_values_of_the_right_type_pass_through():
    options = METHOD.options_from({"bins": 8, "sigma": 0.5, "align": False})
    assert options == Options(bins=8, sigma=0.5, align=False)


@pytest.mark.parametrize(
    "values",
    [
        {"bins": "9"},
        {"bins": ""},
        {"sigma": "wide"},
        {"sigma": "nan"},
        {"sigma": "inf"},
        {"sigma": "0.4"},
        {"tries": "10"},
        {"align": "yes please"},
        {"align": ""},
    ],
)
def test_a_value_that_is_not_allowed_is_refused_by_a_sentence(values):
    with pytest.raises(BadOption, match="not a value that the option"):
        METHOD.options_from(values)


def test_an_unknown_option_is_refused_by_a_sentence():
    with pytest.raises(BadOption, match="toy has no option window"):
        METHOD.options_from({"window": "7"})


def test_the_scale_may_depend_on_the_options():
    assert METHOD.scale_with(Options()) is COSINE
    other = Method(
        **{
            **METHOD.__dict__,
            "scale_by_options": lambda options: BITS if options.align else COSINE,
        }
    )
    assert other.scale_with(Options(align=True)) is BITS
    assert other.scale_with(Options()) is COSINE
