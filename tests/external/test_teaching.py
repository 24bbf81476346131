"""Teaching on labelled photographs: kinds of things that the head has never seen."""

from __future__ import annotations

from bench.teach_sets import photographs_by_kind
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.teaching.lesson import lesson
from imgsim_core.teaching.views import embedded


# Measured 2026-11-23 by `python -m bench.bench_teach`: see bench/teach.json
def test_thirty_kinds_of_things_are_told_apart_better_and_without_harm():
    groups = photographs_by_kind()
    assert len(groups) == 240
    assert groups.sizes.tolist() == [8] * 30
    views = embedded(model_by_id("efficientnet-lite2"), groups.pictures, 0)
    found = [lesson(groups, views, "base", "kinds", seed=seed) for seed in range(3)]
    assert sum(one.helps for one in found) >= 2
    assert all(one.area.after > one.area.before for one in found)
    assert not any(one.recall.is_loss or one.area.is_loss for one in found)
