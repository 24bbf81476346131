"""The registry finds every method by itself."""

from __future__ import annotations

import pytest

from imgsim_core import registry
from imgsim_core.errors import UnknownMethod
from imgsim_core.method import Family


def test_methods_come_family_by_family():
    order = list(Family)
    places = [order.index(method.family) for method in registry.all_methods()]
    assert places == sorted(places)


def test_the_families_together_are_all_methods():
    gathered = [method for family in Family for method in registry.methods_of(family)]
    assert {method.id for method in gathered} == {method.id for method in registry.all_methods()}
    assert len(gathered) == len(registry.all_methods())


@pytest.mark.parametrize("family", Family)
def test_each_family_opens_with_its_only_headline(family):
    assert [method.headline for method in registry.methods_of(family)].index(True) == 0
    assert sum(method.headline for method in registry.methods_of(family)) == 1


def test_the_article_used_five_methods():
    ids = {method.id for method in registry.article_methods()}
    assert ids == {"histogram", "ssim", "sift", "surf", "clip"}


def test_a_method_is_found_by_its_id():
    for method in registry.all_methods():
        assert registry.method_by_id(method.id) is method


def test_an_unknown_id_is_answered_with_those_there_are():
    with pytest.raises(UnknownMethod, match=r"no method called nonsense\. There are: .*ssim"):
        registry.method_by_id("nonsense")
