"""Faces of public persons: one fixed line, and what is refused.

The figures that ship are measured by the same functions (`bench/bench_faces.py`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import bench_faces
from imgsim_core.applications.faces import measured
from imgsim_core.applications.faces.comparing import Line
from imgsim_core.applications.faces.detecting import find_faces
from imgsim_core.picture import open_picture
from imgsim_core.samples import open_sample


@pytest.fixture(scope="module")
def found(evaluation_data: Path) -> bench_faces.Labelled:
    return bench_faces.labelled(evaluation_data)


def test_every_labelled_picture_has_a_good_face(found: bench_faces.Labelled):
    assert found.without_face == ()
    assert len(found.pairs) == 300


def test_nobody_is_on_both_sides_of_the_split(found: bench_faces.Labelled):
    first, second = bench_faces.halves(found)
    assert not first & second
    assert first | second == set(found.people.values())
    for half in (first, second):
        pairs = bench_faces.among(found, half)
        assert {pair.same for pair in pairs} == {True, False}


@pytest.mark.parametrize("order", [1, -1])
def test_one_line_chosen_on_half_the_people_holds_for_the_others(
    found: bench_faces.Labelled, order: int
):
    chosen_on, tried_on = bench_faces.halves(found)[::order]
    line = bench_faces.chosen_line(bench_faces.among(found, chosen_on))
    assert bench_faces.accuracy(bench_faces.among(found, tried_on), line) >= 0.97


def test_the_line_of_the_page_is_right_for_nearly_all(found: bench_faces.Labelled):
    assert bench_faces.accuracy(found.pairs, Line.USUAL.distance) >= 0.99
    assert bench_faces.area(found.pairs) > 0.999


def test_the_figures_that_ship_are_those_measured(found: bench_faces.Labelled):
    for line in (0.45, 0.5, 0.55, 0.6, 0.65):
        missed = sum(pair.same and pair.distance > line for pair in found.pairs)
        joined = sum(not pair.same and pair.distance <= line for pair in found.pairs)
        assert measured.missed(line).count == pytest.approx(missed, abs=1)
        assert measured.joined(line).count == pytest.approx(joined, abs=1)


def test_pictures_without_people_hold_no_good_face(evaluation_data: Path):
    files = sorted((evaluation_data / "keypoints" / "oxford_affine").rglob("*.p[pn]*"))[:2]
    assert len(files) == 2
    pictures = [open_picture(path.read_bytes(), path.name) for path in files]
    for picture in (*pictures, open_sample("cat"), open_sample("motorcycle-left")):
        assert not [face for face in find_faces(picture) if face.is_good]
