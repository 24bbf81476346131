"""Sentences: templates that are translated first and filled in afterwards."""

from __future__ import annotations

from imgsim_core.text import Text, UserText

CHINESE = {
    "{name} is {size} pixels wide.": "{name} 宽 {size} 像素。",
    "Because {reason}": "因为：{reason}",
    "Too small": "太小",
}


def chinese(template: str) -> str:
    return CHINESE[template]


def test_in_english_the_template_is_filled_in():
    assert str(Text("{name} is {size} pixels wide.", name="a", size=3)) == "a is 3 pixels wide."


def test_the_template_is_translated_before_the_values_go_in():
    text = Text("{name} is {size} pixels wide.", name="a", size=3)
    assert text.render(chinese) == "a 宽 3 像素。"


def test_a_text_inside_a_text_is_translated_too():
    assert Text("Because {reason}", reason=Text("Too small")).render(chinese) == "因为：太小"


def test_only_what_a_visitor_brought_is_shown_by_the_callers_rule():
    text = Text("{theirs} and {ours}", theirs=UserText("*x*"), ours="*y*")
    assert text.render(show_user_text=lambda name: f"`{name}`") == "`*x*` and *y*"


def test_a_visitors_braces_are_not_fields():
    assert str(Text("File {name}", name=UserText("{size}{0}"))) == "File {size}{0}"


def test_doubled_braces_are_single_with_and_without_values():
    assert str(Text("{{x}}")) == "{x}"
    assert str(Text("{{x}} {y}", y=1)) == "{x} 1"


def test_a_value_may_be_called_template_or_self():
    assert str(Text("{self} {template}", self=1, template=2)) == "1 2"


def test_numbers_may_carry_a_format():
    assert str(Text("{share:.0%} white", share=0.256)) == "26% white"


def test_texts_with_the_same_words_are_equal_and_hashable():
    assert Text("a {b}", b=1) == Text("a {b}", b=1)
    assert len({Text("a {b}", b=1), Text("a {b}", b=1), Text("a {b}", b=2)}) == 2
