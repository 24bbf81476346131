"""The shipped scores are what the methods say, and spare a visitor the wait."""

from __future__ import annotations

import pytest

from imgsim_core.comparison import Question, Score, ask
from imgsim_core.first_screen import fill, shipped_scores
from imgsim_core.memory import Memory
from imgsim_core.method import Family
from imgsim_core.registry import methods_of
from imgsim_core.samples import all_pairs, open_sample

HEADLINES = [methods_of(family)[0] for family in Family]


@pytest.fixture(scope="module")
def shipped():
    return {(score.question.method.id, a, b): score.value for score, a, b in shipped_scores()}


@pytest.mark.parametrize("pair", all_pairs(), ids=lambda pair: pair.id)
def test_every_guided_pair_has_the_scores_its_methods_give(pair, shipped):
    a, b = open_sample(pair.a), open_sample(pair.b)
    for method in HEADLINES:
        answer = ask(Question(method, method.options()), a, b)
        assert isinstance(answer, Score)
        # Another processor may round a network's last digits otherwise.
        expected = pytest.approx(answer.value, rel=1e-3, abs=1e-3)
        assert shipped[method.id, a.digest, b.digest] == expected


def test_a_filled_memory_describes_nothing_for_a_guided_pair():
    memory = Memory(2**24)
    fill(memory)
    pair = all_pairs()[0]
    for method in HEADLINES:
        question = Question(method, method.options())
        answer = memory.ask(question, open_sample(pair.a), open_sample(pair.b))
        assert isinstance(answer, Score)
        assert answer.milliseconds is None  # what it cost elsewhere says nothing of this host
    assert memory.described == 0
