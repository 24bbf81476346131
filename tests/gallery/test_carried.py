"""Search by a notion taught on a gallery's own vectors, against comparing pair by pair."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from imgsim_core.calibration import Strictness
from imgsim_core.comparison import Question
from imgsim_core.errors import GalleryError
from imgsim_core.gallery import carried
from imgsim_core.gallery import search as searching
from imgsim_core.gallery.carried import carried_cosines, fits
from imgsim_core.gallery.entry import Filter
from imgsim_core.gallery.gallery import Gallery, open_gallery
from imgsim_core.gallery.result import PictureAsked, Query, WordsAsked
from imgsim_core.gallery.saving import result_as_dict
from imgsim_core.gallery.search import search
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import open_store
from imgsim_core.method import Method, OnVectors
from imgsim_core.methods.semantics import Embedding
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.identity import encoder_key
from imgsim_core.samples import open_sample
from imgsim_core.teaching.head import Head, untaught
from imgsim_core.teaching.method import taught_method
from tests.gallery import rows
from tests.gallery.test_duplicates import made

COUNT = 200
MODEL = "efficientnet-lite2"


def notion(dimension: int = 1280, base: str | None = None) -> Head:
    """Make a head that carries vectors far from where they were."""
    base = encoder_key(model_by_id(MODEL)) if base is None else base
    plain = untaught(dimension, base, 8)
    up = np.random.default_rng(5).normal(scale=0.3, size=plain.up.shape).astype(np.float32)
    same = list(np.linspace(0.4, 1, 101))
    different = list(np.linspace(-0.2, 0.6, 101))
    summary = {"pictures": 40, "groups": 8, "same": same, "different": different}
    return replace(plain, name="Mine", up=up, summary=summary)


@pytest.fixture(scope="module")
def method() -> Method:
    return taught_method(notion())


@pytest.fixture(scope="module")
def gallery(tmp_path_factory) -> Gallery:
    """Vectors of the model's length that no picture stands behind: none could be opened."""
    folder = tmp_path_factory.mktemp("carried")
    store, shelf = open_store(str(folder / "store")), Shelf(str(folder / "shelf"))
    encoder = encoder_key(model_by_id(MODEL))
    store.create(replace(rows.info(), model=MODEL, encoder=encoder, dimension=1280))
    store.add("holiday", rows.rows(COUNT, 1280))
    return open_gallery("holiday", store, shelf)


def asked(gallery: Gallery, row: int, weight: float = 1.0) -> PictureAsked:
    return PictureAsked(gallery.snapshot().entries[row].digest, None, weight)


def question(method: Method) -> Question:
    return Question(method, method.options())


def found(gallery, method, *parts, count=COUNT, **how):
    return search(gallery, Query(pictures=parts), count, question=question(method), **how)


def test_every_hit_scores_as_the_method_compares_the_pair(gallery, method):
    snapshot = gallery.snapshot()
    told = method.on_vectors.carry(snapshot.vectors)
    described = [
        Embedding(vector, entry.digest)
        for vector, entry in zip(told, snapshot.entries, strict=True)
    ]
    result = found(gallery, method, asked(gallery, 7))
    assert len(result.hits) == result.looked_at == result.of == COUNT
    for hit in result.hits:
        theirs = described[snapshot.row_of[hit.entry.digest]]
        expected = method.compare(described[7], theirs, method.options())
        assert hit.value == pytest.approx(expected, abs=1e-5)
    values = [hit.value for hit in result.hits]
    assert values == sorted(values, reverse=True)
    assert [hit.same_file for hit in result.hits].count(True) == 1
    assert result.hits[0].same_file
    assert result.notes == ()


def test_the_order_is_the_notions_and_not_the_models(gallery, method):
    by_model = search(gallery, Query(pictures=(asked(gallery, 7),)), 30)
    by_notion = found(gallery, method, asked(gallery, 7), count=30)
    assert [hit.entry for hit in by_model.hits] != [hit.entry for hit in by_notion.hits]


def test_an_untaught_notion_answers_as_the_model_does(gallery):
    nothing = taught_method(replace(notion(), up=np.zeros((1280, 8), np.float32)))
    by_model = search(gallery, Query(pictures=(asked(gallery, 7),)), 30)
    by_notion = found(gallery, nothing, asked(gallery, 7), count=30)
    assert [hit.value for hit in by_notion.hits] == pytest.approx(
        [hit.value for hit in by_model.hits], abs=1e-5
    )


def test_hits_are_told_by_the_visitors_groups_and_end_at_their_line(gallery, method):
    result = found(gallery, method, asked(gallery, 7))
    assert all(hit.own is not None and hit.meaning is None for hit in result.hits)
    by_line = {}
    for strictness in Strictness:
        one = found(gallery, method, asked(gallery, 7), strictness=strictness)
        line = np.quantile(method.examples.different, 1 - strictness.rate)
        others = [hit.value for hit in one.hits if not hit.same_file]
        by_line[strictness] = one.standing_out
        assert one.standing_out == 1 + sum(value >= line for value in others)
    assert by_line[Strictness.LOOSE] >= by_line[Strictness.STRICT]
    saved = json.loads(json.dumps(result_as_dict(result), allow_nan=False))
    assert saved["method"] == method.id
    assert saved["hits"][0]["belongs_together"] > saved["hits"][-1]["belongs_together"]
    assert "together" in saved["hits"][0]["meaning"]


def test_pictures_are_added_up_and_taken_away_as_they_are_carried(gallery, method):
    weights = {3: 1.0, 50: 0.6, 120: -0.8}
    result = found(gallery, method, *(asked(gallery, row, w) for row, w in weights.items()))
    told = method.on_vectors.carry(gallery.snapshot().vectors).astype(float)
    direction = sum(w * told[row] for row, w in weights.items())
    cosines = told @ direction / np.linalg.norm(direction)
    assert [hit.value for hit in result.hits] == pytest.approx(np.sort(cosines)[::-1], abs=1e-5)
    assert result.guess is not None


def test_conditions_are_met(gallery, method):
    where = Filter(shape="tall")
    result = found(gallery, method, asked(gallery, 7), where=where)
    kept = {entry.digest for entry in gallery.snapshot().entries if where.keeps(entry)}
    assert 10 < len(kept) < COUNT
    assert {hit.entry.digest for hit in result.hits} == kept
    assert found(gallery, method, asked(gallery, 7), where=Filter(name="nowhere")).hits == ()


def test_a_large_gallery_answers_among_the_models_nearest_and_says_so(gallery, method, monkeypatch):
    whole = found(gallery, method, asked(gallery, 7))
    monkeypatch.setattr(carried, "EXACT_UP_TO", 10)
    monkeypatch.setattr(carried, "MOST_COMPARED", 40)
    nearest = search(gallery, Query(pictures=(asked(gallery, 7),)), 40)
    result = found(gallery, method, asked(gallery, 7))
    expected = {hit.entry.digest for hit in nearest.hits}
    assert [hit.entry.digest for hit in result.hits] == [
        hit.entry.digest for hit in whole.hits if hit.entry.digest in expected
    ]
    assert (result.looked_at, result.of) == (40, COUNT)
    assert "40 pictures" in str(result.notes[0])


def test_another_encoders_gallery_is_no_fit_and_words_are_not_for_it(gallery, method):
    assert fits(gallery, method)
    other = replace(method, on_vectors=OnVectors(MODEL + "/other", notion()))
    assert not fits(gallery, other)
    with_words = Query(pictures=(asked(gallery, 7),), words=(WordsAsked("a cat"),))
    with pytest.raises(GalleryError):
        search(gallery, with_words, question=question(method))
    cancelling = (asked(gallery, 7), asked(gallery, 7, -1.0))
    with pytest.raises(GalleryError, match="cancel"):
        found(gallery, method, *cancelling)


def test_a_picture_that_is_not_in_the_gallery_is_described_first(gallery, method):
    cat = open_sample("cat")
    result = found(gallery, method, PictureAsked.of(cat), count=5)
    vector = searching.vector_of(gallery, PictureAsked.of(cat))
    cosines = carried_cosines(
        method.on_vectors, gallery.snapshot().vectors, method.on_vectors.carry(vector[None])[0]
    )
    assert [hit.value for hit in result.hits] == pytest.approx(np.sort(cosines)[::-1][:5], abs=1e-5)
    assert not any(hit.same_file for hit in result.hits)


def test_a_gallery_of_another_model_is_answered_the_slow_way(method, tmp_path):
    names = ("cat", "coins", "rocket")
    other = made(tmp_path, {f"{name}.png": open_sample(name).rgb for name in names})
    assert not fits(other, method)
    cat = open_sample("cat")
    result = found(other, method, PictureAsked.of(cat), count=3)
    assert len(result.hits) == result.looked_at == 3
    assert result.hits[0].entry.name == "cat.png"
    assert all(hit.own is not None for hit in result.hits)
