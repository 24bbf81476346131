"""Photograph to shop picture, on photographs that the rule was not fitted on."""

from __future__ import annotations

import json

import numpy as np

from bench.bench_products import RULE, packages, recalls, rows_of, scored
from imgsim_core.memory import Memory


def test_photographs_of_packages_find_theirs_far_above_the_colour_histogram(evaluation_data):
    assert evaluation_data.is_dir()
    rule = json.loads(RULE.read_text("utf-8"))
    catalogue, asked = packages()
    found = list(scored(catalogue, asked, Memory(64 * 2**20)))
    assert len(found) >= 15
    rows = rows_of(rule)
    ours, _ = recalls(found, rows["ours, without titles"])
    colour, _ = recalls(found, rows["colour histogram alone"])
    assert ours >= 0.7
    assert ours > colour + 0.3


def test_the_shipped_rule_says_what_it_is_worth():
    shipped = json.loads(RULE.read_text("utf-8"))["provenance"]
    recall = shipped["recall_at_1_and_5"]
    for part in shipped["reported_on"]:
        assert recall["ours"][part][0] >= recall["colour histogram alone"][part][0]
    assert np.isfinite(shipped["reported"]["same_right"])
