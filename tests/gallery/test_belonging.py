"""What belongs together by a taught notion, against comparing every pair."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from imgsim_core.comparison import Question
from imgsim_core.gallery import belonging
from imgsim_core.gallery.belonging import (
    belonging_as_csv,
    belonging_as_json,
    belonging_rows,
    find_belonging,
    near_pairs,
)
from imgsim_core.gallery.gallery import open_gallery
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import open_store
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.identity import encoder_key
from imgsim_core.teaching.method import taught_method
from tests.gallery import rows
from tests.gallery.test_carried import MODEL, notion

COUNT = 300
LINE = 0.75


@pytest.fixture(scope="module")
def question() -> Question:
    method = taught_method(notion())
    return Question(method, method.options())


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    folder = tmp_path_factory.mktemp("belonging")
    store, shelf = open_store(str(folder / "store")), Shelf(str(folder / "shelf"))
    encoder = encoder_key(model_by_id(MODEL))
    store.create(replace(rows.info(), model=MODEL, encoder=encoder, dimension=1280))
    store.add("holiday", rows.rows(COUNT, 1280))
    return open_gallery("holiday", store, shelf)


@pytest.fixture(scope="module")
def cosines(gallery, question):
    told = question.method.on_vectors.carry(gallery.snapshot().vectors).astype(float)
    return told @ told.T


def expected(cosines, line):
    return {(a, b) for a, b in combinations(range(len(cosines)), 2) if cosines[a, b] >= line}


@pytest.mark.parametrize("block", [7, 64, 4096])
def test_pairs_are_those_of_comparing_each_with_each(
    block, gallery, question, cosines, monkeypatch
):
    monkeypatch.setattr(belonging, "_BLOCK", block)
    found = near_pairs(question.method.on_vectors, gallery.snapshot().vectors, LINE, 10**6)
    pairs = {tuple(map(int, row)) for row in found.rows}
    assert 50 < len(pairs) < COUNT * COUNT / 4
    near = {pair for pair in expected(cosines, LINE) if abs(cosines[pair] - LINE) < 1e-5}
    assert pairs ^ expected(cosines, LINE) <= near
    assert len(found.rows) == len(pairs)
    assert found.cosines == pytest.approx([cosines[a, b] for a, b in found.rows], abs=1e-5)
    assert list(found.cosines) == sorted(found.cosines, reverse=True)
    assert (found.line, found.stopped) == (LINE, False)


def test_too_many_pairs_leave_the_most_alike_and_a_higher_line(gallery, question, cosines):
    vectors = gallery.snapshot().vectors
    found = near_pairs(question.method.on_vectors, vectors, -1.0, 40)
    upper = cosines[np.triu_indices(COUNT, 1)]
    assert found.cosines == pytest.approx(np.sort(upper)[::-1][:40], abs=1e-5)
    assert found.line == pytest.approx(found.cosines[-1])


def test_groups_are_not_chained_and_can_be_told_apart(gallery, question, cosines):
    found = find_belonging(gallery, question, LINE)
    row_of = gallery.snapshot().row_of
    assert found.groups
    for group in found.groups:
        centre = row_of[group.centre]
        for member in group.members[1:]:
            assert cosines[centre, row_of[member]] >= LINE - 1e-5
    assert found.pairs == COUNT * (COUNT - 1) // 2
    assert found.by_chance is not None
    largest = found.groups[0]
    parted = found.regrouped({frozenset(largest.members[:2])})
    assert not any({*largest.members[:2]} <= {*group.members} for group in parted)
    assert all(link.level is None for link in found.links)


def test_a_higher_line_never_puts_more_together(gallery, question):
    pairs = [len(find_belonging(gallery, question, line).links) for line in (0.6, 0.75, 0.9, 1.0)]
    assert pairs == sorted(pairs, reverse=True)
    assert pairs[0] > pairs[-1]


def test_it_can_be_stopped_and_says_so(gallery, question):
    found = find_belonging(gallery, question, LINE, stop=lambda: True)
    assert found.stopped
    assert found.links == found.groups == ()
    assert "Stopped" in str(found.notes[-1])


def test_groups_are_taken_home_as_a_table_and_as_json(gallery, question):
    found = find_belonging(gallery, question, LINE)
    group = found.groups[0]
    told = belonging_rows(found.groups, found.entries, {group.key: group.members[1]})
    table = list(csv.DictReader(io.StringIO(belonging_as_csv(told))))
    assert len(table) == sum(len(one.members) for one in found.groups)
    assert [line["chosen"] for line in table].count("True") == 1
    assert table[0]["cosine"] == ""
    assert float(table[1]["cosine"]) >= LINE
    data = json.loads(belonging_as_json(found, told))
    assert data["line"] == LINE
    assert data["method"] == question.method.id
    assert "duplicate" not in json.dumps(data)


def test_an_empty_gallery_has_nothing_together(tmp_path, question):
    store = open_store(str(tmp_path / "store"))
    encoder = encoder_key(model_by_id(MODEL))
    store.create(replace(rows.info(), model=MODEL, encoder=encoder, dimension=1280))
    empty = open_gallery("holiday", store, Shelf(str(tmp_path / "shelf")))
    found = find_belonging(empty, question, LINE)
    assert (found.groups, found.pictures, found.pairs) == ((), 0, 0)
