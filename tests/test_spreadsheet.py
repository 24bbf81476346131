"""No cell that was written here is taken for a formula, whatever separator it is read with."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgsim_core.spreadsheet import harmless

SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
texts = st.text(st.sampled_from([*"=+-@＝＋－＠;|\t\r\n ,'\"a1"]), max_size=12)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        (" @SUM(A1)", "' @SUM(A1)"),
        ("a.png;=1+1", "a.png;'=1+1"),
        ("a\tb\t -2", "a\tb\t' -2"),
        ('a;"=1"', 'a;\'"=1"'),
        ("\tname", "'\tname"),
        ("a\r\n＝1", "a\r\n'＝1"),
        ("a-b=c, d+e@f.png", "a-b=c, d+e@f.png"),
        ("plain 名.png", "plain 名.png"),
        (-0.5, -0.5),
        (None, None),
    ],
)
def test_an_apostrophe_stands_before_what_begins_a_formula(value: object, written: object):
    assert harmless(value) == written


@settings(derandomize=True, database=None, max_examples=300, deadline=None)
@given(texts)
def test_no_cell_begins_as_a_formula_by_any_separator(text: str):
    stream = io.StringIO()
    csv.writer(stream).writerow(["name", harmless(text), harmless(text)])
    for separator in (",", ";", "\t", "|"):
        for row in csv.reader(io.StringIO(stream.getvalue(), newline=""), delimiter=separator):
            assert not [cell for cell in row if cell.lstrip(' "').startswith(SIGNS)]


@settings(derandomize=True, database=None, max_examples=100, deadline=None)
@given(texts)
def test_nothing_of_a_text_is_lost(text: str):
    kept = iter(str(harmless(text)))
    assert all(letter in kept for letter in text)
