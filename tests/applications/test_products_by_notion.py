"""A taught notion in the order of products: never in the verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imgsim_core.applications.products.batch import answer_as_dict
from imgsim_core.applications.products.by_notion import fits_model, seen_by
from imgsim_core.applications.products.looks import Look
from imgsim_core.applications.products.matching import Weights, judging, look_at, match
from imgsim_core.applications.products.sample_catalogue import photograph_by_id, sample_catalogue
from imgsim_core.memory import Memory
from imgsim_core.method import OnVectors
from imgsim_core.methods.semantics import Embedding
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.identity import encoder_key
from imgsim_core.registry import method_by_id
from imgsim_core.teaching.head import untaught
from imgsim_core.teaching.method import taught_method

MODEL = model_by_id("efficientnet-lite2")
KEPT = Memory(64 * 2**20)
ALL = 100


@pytest.fixture(scope="module")
def catalogue():
    return sample_catalogue(MODEL)


@pytest.fixture(scope="module")
def notion():
    plain = untaught(1280, encoder_key(MODEL), 8)
    up = np.random.default_rng(2).normal(scale=0.4, size=plain.up.shape).astype(np.float32)
    return taught_method(replace(plain, name="=Mine", up=up))


@pytest.fixture(scope="module")
def photograph():
    return photograph_by_id("green-mug").opened()


def by_product(answer):
    return {one.picture: one for one in answer.matches}


def test_the_cosines_are_those_of_the_method(catalogue, notion, photograph):
    look, _ = look_at(photograph, MODEL, KEPT, cutout=False)
    seen = seen_by(notion, catalogue, look, KEPT)
    mine = Embedding(notion.on_vectors.carry(look.vector[None])[0], "mine")
    for place, vector in enumerate(catalogue.vectors):
        theirs = Embedding(notion.on_vectors.carry(vector[None])[0], f"{place}")
        expected = notion.compare(mine, theirs, notion.options())
        assert seen.cosines[place] == pytest.approx(expected, abs=1e-5)


def test_spreads_are_those_of_unrelated_products(catalogue, notion):
    carried = notion.on_vectors.carry(catalogue.vectors)
    everyone = carried @ carried.T
    unrelated = everyone[catalogue.owners[:, None] != catalogue.owners]
    look = Look(catalogue.vectors[0], *[np.zeros(0, np.float32)] * 4)
    apart = seen_by(notion, catalogue, look, KEPT).apart
    expected = (everyone[0] - unrelated.mean()) / unrelated.std()
    assert apart == pytest.approx(expected, abs=0.1)


def test_the_order_follows_and_the_verdict_does_not(catalogue, notion, photograph):
    without = match(photograph, catalogue, MODEL, KEPT, count=ALL)
    with_it = match(photograph, catalogue, MODEL, KEPT, notion=notion, count=ALL)
    order = [[one.product for one in answer.matches] for answer in (without, with_it)]
    assert order[0] != order[1]
    assert all(one.taught is None for one in without.matches)
    same_picture = by_product(without).keys() & by_product(with_it).keys()
    assert len(same_picture) > 5
    look, _ = look_at(photograph, MODEL, KEPT, cutout=False)
    seen, rule = seen_by(notion, catalogue, look, KEPT), judging()
    for picture in same_picture:
        before, after = by_product(without)[picture], by_product(with_it)[picture]
        assert after.taught == pytest.approx(float(seen.cosines[picture]))
        assert (before.semantics, before.colour) == (after.semantics, after.colour)
        if before.details == after.details:
            assert (before.same, before.kind) == (after.same, after.kind)
            own = rule.apart("vector", catalogue.vectors[picture] @ look.vector)
            moved = rule.order["vector"] * (seen.apart[picture] - float(own))
            assert after.value - before.value == pytest.approx(moved, abs=1e-4)


def test_without_weight_it_changes_nothing(catalogue, notion, photograph):
    blind = Weights(semantics=0.0)
    answers = [
        match(photograph, catalogue, MODEL, KEPT, weights=blind, notion=one)
        for one in (None, notion)
    ]
    first, second = ([one.product for one in answer.matches] for answer in answers)
    assert first == second


def test_it_is_saved_with_its_number(catalogue, notion, photograph):
    answer = match(photograph, catalogue, MODEL, KEPT, notion=notion)
    saved = answer_as_dict(answer, catalogue)["matches"][0]
    assert saved["as_taught"] == round(answer.matches[0].taught, 4)


def test_only_what_was_taught_on_this_models_vectors_fits(notion):
    assert fits_model(notion, MODEL)
    assert not fits_model(method_by_id("phash"), MODEL)
    other = replace(notion, on_vectors=OnVectors("efficientnet-lite2/other/squash/1", abs))
    assert not fits_model(other, MODEL)
