"""A link restores what its sender saw; a broken one never hurts its reader."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from imgsim_core.method import Family, OptionField
from imgsim_core.registry import all_methods, methods_of, spokesman
from imgsim_core.samples import all_samples
from pages.parts import links
from pages.parts.language import catalogue
from tests.pages.visitor import (
    PAIR,
    checked,
    names,
    open_app,
    sample_names,
    shared_link,
    verdicts,
    whole,
)


def another_value(field: OptionField) -> Any:
    """Choose a value of an option that is not its default."""
    if field.choices is not None:
        return next(value for value in field.choices if value != field.default)
    if isinstance(field.default, bool):
        return not field.default
    return field.check(field.low if field.default != field.low else field.high)


def everything_set() -> dict[str, str]:
    """Build a link in which every option of every method differs from its default."""
    link = {"pair": PAIR, "lang": "zh", "look": Family.HASHES.value}
    for method in all_methods():
        values = {field.name: another_value(field) for field in method.option_fields}
        for name, value in values.items():
            link[links.option_key(method, name)] = str(value)
        options = method.options_from(values)
        low, high = (float(end) for end in sorted(method.scale_with(options).axis))
        link[links.line_key(method, options)] = str(low + (high - low) * 0.375)
    return link


def test_a_link_restores_pair_language_options_lines_and_look():
    sent = everything_set()
    app = open_app(sent)
    assert shared_link(app) == sent
    assert app.query_params == sent
    assert names(app) == sample_names(PAIR)
    assert app.segmented_control(key="widget.look").value == Family.HASHES.value
    assert set(verdicts(app, catalogue("zh"))) == set(Family)


def _page_with_a_name_of_the_visitors_own() -> None:
    from pages.parts import links, settings

    settings.put("duplicates.reference", "Grandma/1953")
    settings.put("duplicates.level", "shot")
    links.write()


def test_what_a_link_does_not_restore_is_not_in_it():
    """A folder's name is the visitor's own, and says nothing to who gets the link."""
    app = AppTest.from_function(_page_with_a_name_of_the_visitors_own).run()
    assert app.query_params == {"duplicates.level": "shot"}


def test_a_link_restores_the_level_and_rule_of_duplicates_and_the_error_accepted_on_calibrate():
    sent = {"duplicates.level": "shot", "duplicates.order": "lossless,pixels", "wanted": "1"}
    app = open_app(sent)
    kept = app.session_state["settings"]
    assert kept == {**sent, "duplicates.order": ["lossless", "pixels"]}
    assert app.query_params == sent
    broken = {"duplicates.level": "taught", "duplicates.order": "pixels,pixels", "wanted": "7"}
    assert not open_app(broken).session_state["settings"]


@pytest.mark.parametrize("family", Family, ids=lambda family: family.value)
def test_a_link_restores_the_method_looked_at(family: Family):
    method = methods_of(family)[-1]
    sent = {"pair": PAIR, "look": family.value, f"method.{family.value}": method.id}
    app = open_app(sent)
    assert str(method.about) in [item.value for item in app.markdown]


def test_a_link_restores_two_samples_that_are_no_pair():
    first, second = all_samples()[3], all_samples()[7]
    app = open_app({"a": first.id, "b": second.id})
    assert names(app) == [first.file_name, second.file_name]


def test_a_link_restores_the_article_s_options(on_pair: AppTest):
    checked(on_pair.button(key="article_on").click().run())
    app = open_app(shared_link(on_pair))
    assert app.button(key="article_off")
    assert shared_link(app) == shared_link(on_pair)


def test_a_line_among_256_bits_is_none_among_64():
    dhash = {"method.hashes": "dhash", "dhash.side": "16", "dhash.line.256": "150"}
    app = open_app({"pair": PAIR, "look": "hashes", **dhash})
    assert app.slider(key="widget.dhash.line.256").value == 150
    checked(app.button(key="reset_dhash").click().run())
    slider = whole(app).slider(key="widget.dhash.line")
    assert slider.value <= slider.max == 64


HOSTILE = "<script>alert(1)</script>"
NUMBERS = ("nan", "inf", "-inf", "1e999", "-1e999", "", " ", "0x10", "1,5", HOSTILE, "9" * 5000)


@pytest.mark.parametrize("value", NUMBERS, ids=lambda value: value[:12] or "empty")
def test_a_broken_line_falls_back(value: str):
    lines = {
        links.line_key(spokesman(family), spokesman(family).options()): value for family in Family
    }
    app = open_app({"pair": PAIR, **lines})
    assert shared_link(app) == {"lang": "en", "pair": PAIR}
    assert not app.error


@pytest.mark.parametrize("value", ["nothing", "-1", "1e30", "nan", "None", HOSTILE, "../x", "%00"])
def test_broken_options_fall_back(value: str):
    options = {
        links.option_key(method, field.name): value
        for method in all_methods()
        for field in method.option_fields
        if field.choices is None or value not in map(str, field.choices)
    }
    app = open_app({"pair": PAIR, **options})
    assert shared_link(app) == {"lang": "en", "pair": PAIR}
    assert not app.error


@pytest.mark.parametrize(
    "link",
    [
        {"pair": "unknown"},
        {"pair": HOSTILE},
        {"a": "../../etc/passwd", "b": HOSTILE},
        {"lang": HOSTILE},
        {"lang": "fr", "look": HOSTILE, "article": "maybe", "together": HOSTILE},
        {"method.colour": HOSTILE, "family": HOSTILE, "chooser": "99"},
        {"widget.lang": HOSTILE, "settings": HOSTILE, "brought_a": HOSTILE, "": HOSTILE},
        {HOSTILE: HOSTILE, "![x](https://evil.example/x.png)": "1"},
    ],
    ids=lambda link: next(iter(link))[:12] or "empty",
)
def test_what_is_unknown_falls_back_to_the_first_page(link: dict[str, str]):
    app = open_app(link)
    assert app.button(key=f"pair_start_{PAIR}")
    assert app.query_params == {}
    assert not app.error


def test_one_good_half_of_a_link_is_kept():
    app = open_app({"a": "coffee", "b": "unknown"})
    assert names(app) == ["coffee.png"]
    assert not app.error


def test_a_link_restores_how_to_look_at_both_and_the_page_of_the_handbook():
    app = open_app({"pair": PAIR, "together": "difference", "family": Family.HASHES.value})
    assert app.segmented_control(key="widget.together").value == "difference"
    app.switch_page("../methods.py").run()
    assert checked(app).segmented_control(key="widget.family").value == Family.HASHES.value


@pytest.mark.parametrize("name", ["../secret", "a b", "", "x" * 64, "UPPER", "~samples"])
def test_a_link_never_names_what_cannot_be_a_gallery(name: str):
    app = open_app({"gallery": name})
    assert "gallery" not in app.query_params


def test_a_link_restores_the_gallery():
    app = open_app({"pair": PAIR, "gallery": "holidays-2019"})
    assert shared_link(app)["gallery"] == "holidays-2019"
