"""Damaged files and made-up links, some of each and always the same.

`make fuzz` tries others for minutes, in processes that may crash: see `fuzz.py`.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from tests.security.mutations import archives, pictures
from tests.security.properties import archive, brought_back, gate, known_keys, link, targets

EXAMPLES = {"gate": 150, "archive": 80, "head": 40, "brought-back": 80, "link": 60}


@pytest.mark.parametrize("name", EXAMPLES)
def test_nothing_that_comes_breaks_anything(name: str):
    check, strategy = targets()[name]
    settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=EXAMPLES[name],
        suppress_health_check=list(HealthCheck),
    )(given(strategy)(check))()


@pytest.mark.parametrize("name", pictures())
def test_every_kind_of_file_is_a_picture_before_it_is_damaged(name: str):
    gate(pictures()[name])


def test_files_that_are_cut_short_are_sentences():
    for data in pictures().values():
        for length in range(0, len(data), max(1, len(data) // 8)):
            gate(data[:length])


def test_every_archive_is_read_before_it_is_damaged():
    for data in archives().values():
        archive(data)


def test_deep_json_is_a_sentence():
    for opening in (b"[", b'{"a":', b'{"pairs":['):
        brought_back(opening * 100_000)


def test_every_key_at_once_with_one_nasty_value():
    for value in ("nan", "1e400", "\ud800", "<b>", "0"):
        link(dict.fromkeys(known_keys(), value))
