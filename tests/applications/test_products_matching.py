"""Matching: the built-in photographs find their products, and verdicts follow the rule."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from imgsim_core.applications.products import matching
from imgsim_core.applications.products.batch import (
    NOBODY,
    Failed,
    answer_as_dict,
    outcomes_as_csv,
    to_review,
)
from imgsim_core.applications.products.looks import colours_of, shape_of
from imgsim_core.applications.products.matching import Verdict, Weights, judging, match
from imgsim_core.applications.products.sample_catalogue import (
    PHOTOGRAPHS,
    photograph_by_id,
    sample_catalogue,
)
from imgsim_core.memory import Memory
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.text import Text
from tests.pictures import noise

MODEL = model_by_id("efficientnet-lite2")
KEPT = Memory(64 * 2**20)


@pytest.fixture(scope="module")
def catalogue():
    return sample_catalogue(MODEL)


@pytest.fixture(scope="module")
def answers(catalogue):
    return {one.id: match(one.opened(), catalogue, MODEL, KEPT) for one in PHOTOGRAPHS}


def best_sku(answer, catalogue) -> str:
    return catalogue.products[answer.matches[answer.best].product].sku


def test_built_in_photographs_find_their_product_without_titles(answers, catalogue):
    for one in PHOTOGRAPHS:
        if one.truth and one.id != "green-mug":
            assert best_sku(answers[one.id], catalogue) == one.truth, one.id
            assert answers[one.id].verdict is Verdict.SAME, one.id
    assert best_sku(answers["green-mug"], catalogue).startswith("MUG")
    assert answers["green-mug"].verdict is not Verdict.ABSENT


def test_what_is_not_for_sale_is_not_called_a_product(answers):
    assert answers["cat"].verdict is Verdict.ABSENT


def test_details_are_compared_with_the_first_products_only(answers):
    for answer in answers.values():
        assert all(one.details is not None for one in answer.matches[: matching.LOOKED_AT])


def test_matches_are_in_order_and_their_chances_add_up(answers):
    for answer in answers.values():
        values = [one.value for one in answer.matches]
        assert values == sorted(values, reverse=True)
        assert len({one.product for one in answer.matches}) == len(answer.matches)
        for one in answer.matches:
            assert 0 <= one.same <= 1
            assert 0 <= one.kind <= 1
            assert one.same + one.kind <= 1 + 1e-9


def test_sliders_change_the_order_and_never_the_verdict_on_a_product(catalogue, answers):
    photograph = photograph_by_id("juice").opened()
    by_colour = match(photograph, catalogue, MODEL, KEPT, weights=Weights(0, 3, 0, 0), count=19)
    plain = {one.product: one for one in answers["juice"].matches}
    shared = [one for one in by_colour.matches if one.product in plain and one.details is not None]
    assert shared
    for one in shared:
        assert one.same == pytest.approx(plain[one.product].same)
    colours = [one.colour for one in by_colour.matches if one.details is not None]
    assert colours == sorted(colours, reverse=True)


def test_a_product_taken_out_of_the_catalogue_is_never_answered(catalogue, answers):
    allowed = np.array([product.sku != "MOTO-01" for product in catalogue.products])
    photograph = photograph_by_id("motorcycle").opened()
    answer = match(photograph, catalogue, MODEL, KEPT, allowed=allowed)
    assert "MOTO-01" not in {catalogue.products[one.product].sku for one in answer.matches}
    assert answer.verdict is not Verdict.SAME


def test_another_match_of_the_same_photograph_describes_nothing_anew(
    catalogue, answers, monkeypatch
):
    def never(*_):
        raise AssertionError("described again")

    monkeypatch.setattr(matching, "look_of_photograph", never)
    monkeypatch.setattr(matching, "sift_description", never)
    again = match(photograph_by_id("cup").opened(), catalogue, MODEL, KEPT)
    assert again == answers["cup"]


def test_the_rule_tells_where_it_comes_from_and_rewards_likeness():
    rule = judging()
    assert rule.provenance["fitted_on"]
    assert rule.provenance["reported"]["photographs"] > 20
    assert all(weight >= 0 for weight in rule.order.values())
    nothing = dict.fromkeys(rule.usual, 0.0)
    assert sum(rule.odds(nothing)) < 0.5
    assert rule.odds(nothing | {"details": 2.0})[0] > rule.odds(nothing)[0]


def test_another_colour_of_the_same_item_is_called_so(answers, monkeypatch):
    rule = judging()
    likely = replace(
        answers["cup"].matches[0], same=0.97, kind=0.02, colour=rule.other_colour - 0.1
    )
    answer = matching._answer(photograph_by_id("cup").opened(), [likely], ())
    assert answer.verdict is Verdict.OTHER_COLOUR
    assert not answer.sure


# ── Colours and shape ──────────────────────────────────────────────────────────────


def test_colours_are_the_same_for_a_mirrored_subject_and_shape_is_not():
    rgb = noise(80, 60, 3).rgb.copy()
    rgb[:, :30] = (200, 40, 40)
    every = np.ones(rgb.shape[:2], bool)
    mirrored = np.ascontiguousarray(rgb[:, ::-1])
    same = float(colours_of(rgb, every) @ colours_of(mirrored, every))
    assert same == pytest.approx(1, abs=1e-3)
    assert float(shape_of(rgb) @ shape_of(mirrored)) < 0.98


def test_a_little_less_light_is_nearly_the_same_colour_and_another_hue_is_not():
    def flat(*colour: int):
        rgb = np.broadcast_to(np.array(colour, np.uint8), (40, 40, 3)).copy()
        return colours_of(rgb, np.ones((40, 40), bool))

    red, darker, blue = flat(190, 40, 40), flat(165, 36, 36), flat(40, 60, 180)
    assert float(red @ darker) > 0.6
    assert float(red @ blue) < 0.05


# ── Many photographs ───────────────────────────────────────────────────────────────


def test_the_queue_holds_what_is_unsure_until_it_is_decided(answers):
    unsure = [replace(one, sure=False) for one in list(answers.values())[:2]]
    outcomes = [*unsure, replace(answers["cat"], sure=True), Failed("x.jpg", Text("No bytes."))]
    assert {one.digest for one in to_review(outcomes, {})} == {one.digest for one in unsure}
    assert to_review(outcomes, {one.digest: NOBODY for one in unsure}) == []


def test_the_list_says_who_decided_and_never_starts_a_formula(answers, catalogue):
    cup, cat = answers["cup"], replace(answers["cat"], name="=HYPERLINK(1).jpg")
    failed = Failed("-broken.jpg", Text("{name} is no picture.", name="-broken.jpg"))
    written = outcomes_as_csv([cup, cat, failed], catalogue, {cup.digest: "MUG-02"})
    rows = list(csv.DictReader(io.StringIO(written)))
    assert (rows[0]["sku"], rows[0]["decided_by"], rows[0]["needs_review"]) == (
        "MUG-02",
        "person",
        "no",
    )
    assert rows[0]["title"] == "Star mug, red"
    assert rows[1]["photograph"] == "'=HYPERLINK(1).jpg"
    assert rows[1]["sku"] == ""
    assert rows[2]["photograph"] == "'-broken.jpg"
    assert rows[2]["problem"]


def test_an_answer_as_data_names_every_part(answers, catalogue):
    data = answer_as_dict(answers["cup"], catalogue)
    assert data["best"] == "CUP-01"
    assert {"semantics", "colour", "shape", "agreeing_details", "catalogue_price"} <= set(
        data["matches"][0]
    )
