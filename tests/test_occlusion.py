"""The occlusion map finds the part that a score hangs on."""

from __future__ import annotations

import numpy as np
import pytest

from imgsim_core.comparison import Question
from imgsim_core.occlusion import CELLS, OcclusionMap, occlusion_map
from imgsim_core.registry import method_by_id
from tests.pictures import noise, photograph, picture_of


def ask_ssim(a, b, **keywords):
    method = method_by_id("ssim")
    return occlusion_map(Question(method, method.options()), a, b, **keywords)


@pytest.fixture
def alike_at_the_left():
    """Two noise pictures that share their left half only."""
    a, b = noise(160, 160, seed=1).rgb, noise(160, 160, seed=2).rgb.copy()
    b[:, :80] = a[:, :80]
    return picture_of(a), picture_of(b)


def test_hiding_the_shared_half_costs_more_than_hiding_the_other(alike_at_the_left):
    drop = ask_ssim(*alike_at_the_left).drop
    assert drop.shape == (CELLS, CELLS)
    assert drop[:, :3].min() > 0.01
    assert np.abs(drop[:, 5:]).max() < drop[:, :3].min() / 3


def test_for_identical_pictures_hiding_anything_costs():
    picture = photograph("coffee", 200)
    assert ask_ssim(picture, picture).drop.min() > 0


def test_it_stops_when_told_and_keeps_what_it_found(alike_at_the_left):
    done: list[float] = []
    result = ask_ssim(*alike_at_the_left, progress=done.append, stopped=lambda: len(done) >= 5)
    assert isinstance(result, OcclusionMap)
    assert not result.complete
    assert len(done) == 5
    assert np.isfinite(result.drop).all()


def test_out_of_time_is_not_an_error(alike_at_the_left):
    result = ask_ssim(*alike_at_the_left, seconds=0)
    assert not result.complete
    assert (result.drop == 0).all()


def test_a_method_that_cannot_answer_says_why():
    method = method_by_id("ms-ssim")
    question = Question(method, method.options())
    reason = occlusion_map(question, noise(20, 20), noise(20, 20, seed=1))
    assert "160" in str(reason)
