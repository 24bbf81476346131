"""A taught head as a method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imgsim_core.calibration import Strictness, background_reference, line
from imgsim_core.comparison import Question, Score, Unavailable, ask
from imgsim_core.errors import WrongHead
from imgsim_core.method import Described, Heatmap
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.identity import encoder_key
from imgsim_core.registry import method_by_id
from imgsim_core.samples import open_sample
from imgsim_core.teaching.head import head_as_bytes, head_from_bytes, untaught
from imgsim_core.teaching.method import taught_method

BASE = "efficientnet-lite2"


@pytest.fixture(scope="module")
def head():
    plain = untaught(1280, encoder_key(model_by_id(BASE)), 8)
    up = np.random.default_rng(3).normal(scale=0.1, size=plain.up.shape).astype(np.float32)
    scores = np.linspace(0, 1, 101)
    summary = {"pictures": 40, "groups": 8, "same": list(scores), "different": list(scores - 1)}
    return replace(plain, name="My *colours*", up=up, summary=summary)


@pytest.fixture(scope="module")
def pair():
    return open_sample("cat"), open_sample("coffee")


def score(method, a, b):
    answer = ask(Question(method, method.options()), a, b)
    assert isinstance(answer, Score)
    return answer.value


def test_an_untaught_head_scores_as_its_base_does(head, pair):
    nothing = taught_method(replace(untaught(1280, head.base, 8), name="nothing"))
    assert score(nothing, *pair) == pytest.approx(score(method_by_id(BASE), *pair), abs=1e-5)


def test_it_is_identical_only_to_itself_and_symmetric(head, pair):
    method = taught_method(head)
    a, b = pair
    assert score(method, a, a) == 1.0
    assert score(method, a, b) == score(method, b, a) < 1.0


def test_what_is_carried_from_stored_vectors_scores_the_same(head, pair):
    method, base = taught_method(head), method_by_id(BASE)
    vectors = np.stack([base.describe(one, base.options()).vector for one in pair])
    a, b = method.on_vectors.carry(vectors)
    assert float(a @ b) == pytest.approx(score(method, *pair), abs=1e-6)


def test_a_head_that_was_saved_is_the_same_method(head, pair):
    again = taught_method(head_from_bytes(head_as_bytes(head), "mine.safetensors"))
    assert again.id == taught_method(head).id
    assert score(again, *pair) == pytest.approx(score(taught_method(head), *pair), abs=1e-6)


def test_its_groups_say_what_its_number_means(head):
    method = taught_method(head)
    question = Question(method, method.options())
    assert line(question, Strictness.NORMAL) == pytest.approx(-0.01, abs=0.01)
    assert line(question, Strictness.LOOSE) < line(question, Strictness.STRICT)
    assert background_reference(question) is None


def test_evidence_is_that_of_the_carried_places(head, pair):
    method, base = taught_method(head), method_by_id(BASE)
    maps = []
    for one in (method, base):
        described = [Described(p, one.describe(p, one.options())) for p in pair]
        first = one.explain(*described, one.options())[0]
        assert isinstance(first, Heatmap)
        maps.append(first.values)
    assert maps[0].shape == maps[1].shape
    assert not np.allclose(maps[0], maps[1])


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("My *colours*", "My colours"),
        ("我的颜色 v1.2", "我的颜色 v1.2"),
        ("![x](https://a.b/c.png)", "x https //a.b/c.png"),
        ("WWW.evil.example me@evil.example &lt;b", "www evil.example me evil.example lt;b"),
        ("\u202e\n# ", "?"),
        ("a" * 99, "a" * 40),
    ],
)
def test_a_name_holds_no_markup_and_becomes_no_link(head, name, shown):
    assert str(taught_method(replace(head, name=name)).label) == f"{shown} (taught)"


def test_other_weights_are_said(head, pair):
    other = taught_method(replace(head, base=f"{BASE}/000000000000/squash/1"))
    answer = ask(Question(other, other.options()), *pair)
    assert isinstance(answer, Unavailable)
    assert "other weights" in str(answer.reason)


@pytest.mark.parametrize("base", ["nobody/1/crop/1", "clip/1/crop/1"])
def test_a_base_that_is_unknown_or_does_not_fit_is_refused(head, base):
    with pytest.raises(WrongHead):
        taught_method(replace(head, base=base))


@pytest.mark.parametrize("same", [None, [], ["a"] * 9, [2.0] * 9, [float("nan")] * 9])
def test_what_no_groups_can_have_scored_is_not_believed(head, same):
    method = taught_method(replace(head, summary={**head.summary, "same": same}))
    assert method.examples is None
