"""What learning from a handful of examples promises."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from imgsim_core.applications.objects import few_shot
from imgsim_core.applications.objects.examples import classes, new_pictures
from imgsim_core.applications.objects.few_shot import Interval, label_of, learn
from imgsim_core.applications.objects.naming import USUAL_MODEL
from imgsim_core.errors import TooFewPairs
from imgsim_core.memory import Memory
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.picture import Picture
from tests.pictures import noise

MODEL = model_by_id(USUAL_MODEL)


def pictures(count: int, start: int = 0) -> list[Picture]:
    return [noise(8, 8, start + k) for k in range(count)]


@pytest.fixture
def given_vectors(monkeypatch):
    """Let pictures have vectors of the test's choosing, in the order they are first asked."""
    vectors: dict[str, np.ndarray] = {}

    def lookup(model, asked, memory):
        return np.stack([vectors[one.digest] for one in asked])

    monkeypatch.setattr(few_shot, "_vectors", lookup)
    return vectors


def scattered(count: int, middle: list[float], spread: float, seed: int) -> np.ndarray:
    points = np.random.default_rng(seed).normal(middle, spread, (count, len(middle)))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def test_samples_are_told_apart_and_strangers_turned_away():
    memory = Memory(2**26)
    learned = learn(MODEL, [(str(label), own) for label, own in classes()], memory)
    assert (learned.tested.right, learned.tested.count) == (12, 12)
    given = [learned.belonging(one, memory) for one in new_pictures()]
    assert [one.labels[0] for one in given[:3]] == ["Bricks", "Grass", "Gravel"]
    assert [one.none for one in given] == [False, False, False, True, True]
    assert 0.5 < given[0].shares[0] < 1
    assert learned.belonging(classes()[0][1][0], memory).example


@pytest.mark.parametrize("seed", range(4))
def test_leaving_out_agrees_with_a_plain_loop(given_vectors, seed):
    kinds = {"one": pictures(5), "other": pictures(6, 10), "third": pictures(4, 20)}
    middles = {"one": [1.0, 0.3, 0, 0], "other": [0.3, 1.0, 0, 0], "third": [0.4, 0.4, 1, 0]}
    for number, (label, own) in enumerate(kinds.items()):
        points = scattered(len(own), middles[label], 0.5, 10 * seed + number)
        given_vectors.update({one.digest: v for one, v in zip(own, points, strict=True)})
    learned = learn(MODEL, list(kinds.items()))
    everything = [(label, one.digest) for label, own in kinds.items() for one in own]
    right = {"middle": 0, "nearest": 0}
    for label, digest in everything:
        vector = given_vectors[digest]
        scores = {}
        for other in kinds:
            rest = [given_vectors[d] for name, d in everything if name == other and d != digest]
            middle = np.mean(rest, axis=0)
            scores[other] = (middle @ vector / np.linalg.norm(middle), max(rest @ vector))
        right["middle"] += max(scores, key=lambda name: scores[name][0]) == label
        right["nearest"] += max(scores, key=lambda name: scores[name][1]) == label
    assert learned.tested.right == max(right.values())
    assert right[learned.way] == max(right.values())
    assert len(learned.mistakes) == learned.tested.count - learned.tested.right


@pytest.mark.parametrize(("right", "count"), [(0, 5), (3, 7), (12, 12), (40, 90)])
def test_the_interval_is_wilsons(right, count):
    expected = binomtest(right, count).proportion_ci(0.95, method="wilson")
    assert Interval(right, count).ends == pytest.approx((expected.low, expected.high), abs=1e-4)


def test_what_cannot_be_learned_from_is_said_by_name(given_vectors):
    one, other, lonely = pictures(3), pictures(3, 10), pictures(1, 20)
    for number, own in enumerate((one, other, lonely)):
        points = scattered(len(own), [float(number == k) for k in range(3)], 0.1, number)
        given_vectors.update({p.digest: v for p, v in zip(own, points, strict=True)})
    shared = one[0]
    learned = learn(
        MODEL,
        [
            ("mugs", [*one, one[1]]),
            ("bowls", [*other, shared]),
            ("lamps", lonely),
            ("chairs", []),
        ],
    )
    said = " ".join(str(note) for note in learned.notes)
    assert "chairs has no pictures" in said
    assert "lamps has one picture only" in said
    assert "in more than one class (mugs, bowls)" in said
    assert "in mugs twice" in said
    assert shared.digest not in {example.picture.digest for example in learned.examples}
    assert learned.labels == ("mugs", "bowls", "lamps")
    assert learned.tested.count == 5  # the lonely one cannot be asked


def test_too_little_to_learn_from_is_refused():
    with pytest.raises(TooFewPairs, match="two classes"):
        learn(MODEL, [("mugs", pictures(3)), ("bowls", [])])
    with pytest.raises(TooFewPairs, match="two pictures"):
        learn(MODEL, [("mugs", pictures(1)), ("bowls", pictures(1, 5))])


def test_a_file_in_a_zip_belongs_to_its_folder():
    assert label_of("set/red mug/a.png") == "red mug"
    assert label_of("bowls\\b.png") == "bowls"
    assert label_of("c.png") == ""
