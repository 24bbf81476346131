"""Search of a gallery, against plain sorting of all pictures."""

from __future__ import annotations

import csv
import io
import json
import math
import threading
import types
import zipfile

import numpy as np
import pytest

from imgsim_core import registry
from imgsim_core.calibration import Strictness
from imgsim_core.comparison import Question, ask
from imgsim_core.errors import GalleryError, ModelError, UnknownGallery
from imgsim_core.gallery import search as searching
from imgsim_core.gallery.agreement import agreement, rank_biased_overlap
from imgsim_core.gallery.by_method import small
from imgsim_core.gallery.entry import Filter
from imgsim_core.gallery.gallery import Gallery, forget_snapshots, open_gallery
from imgsim_core.gallery.ingest import ingest, new_gallery
from imgsim_core.gallery.result import (
    ColourAsked,
    Hit,
    PictureAsked,
    Query,
    Result,
    WordsAsked,
)
from imgsim_core.gallery.saving import result_as_csv, result_as_dict, result_as_zip
from imgsim_core.gallery.search import search, verify
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.sources import from_samples
from imgsim_core.gallery.store import open_store
from imgsim_core.memory import Memory
from imgsim_core.samples import open_sample
from imgsim_core.standing_out import guessed_line
from imgsim_core.text import Text
from tests.gallery import rows

COUNT = 300


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory) -> Gallery:
    """Vectors that no picture stands behind."""
    folder = tmp_path_factory.mktemp("synthetic")
    store, shelf = open_store(str(folder / "store")), Shelf(str(folder / "shelf"))
    store.create(rows.info())
    store.add("holiday", rows.rows(COUNT))
    return open_gallery("holiday", store, shelf)


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> Gallery:
    """The built-in pictures under the model that is always there."""
    folder = tmp_path_factory.mktemp("samples")
    store, shelf = open_store(str(folder / "store")), Shelf(str(folder / "shelf"))
    gallery = new_gallery("samples", store, shelf)
    ingest(gallery, from_samples(), keep_originals=True)
    return gallery


def digests(result) -> list[str]:
    return [hit.entry.digest for hit in result.hits]


def of_entry(gallery: Gallery, row: int, weight: float = 1.0) -> PictureAsked:
    return PictureAsked(gallery.snapshot().entries[row].digest, None, weight)


# ── In the space of the vectors ────────────────────────────────────────────────────


def test_a_picture_of_the_gallery_finds_itself_and_then_its_nearest(synthetic):
    snapshot = synthetic.snapshot()
    result = search(synthetic, Query(pictures=(of_entry(synthetic, 7),)), 20)
    cosines = snapshot.vectors.astype(float) @ snapshot.vectors[7].astype(float)
    expected = np.argsort(-cosines)[:20]
    assert digests(result) == [snapshot.entries[row].digest for row in expected]
    assert result.hits[0].same_file
    assert result.hits[0].value == 1.0
    assert not any(hit.same_file for hit in result.hits[1:])
    assert [hit.value for hit in result.hits] == pytest.approx(cosines[expected], abs=1e-5)
    assert result.looked_at == result.of == COUNT


def test_weighted_parts_are_added_up(synthetic):
    snapshot = synthetic.snapshot()
    weights = {3: 1.0, 50: 0.6, 120: -0.8}
    query = Query(pictures=tuple(of_entry(synthetic, row, w) for row, w in weights.items()))
    result = search(synthetic, query, 10)
    direction = sum(w * snapshot.vectors[row].astype(float) for row, w in weights.items())
    cosines = snapshot.vectors @ (direction / np.linalg.norm(direction))
    assert digests(result) == [snapshot.entries[i].digest for i in np.argsort(-cosines)[:10]]
    assert [hit.value for hit in result.hits] == pytest.approx(
        np.sort(-cosines)[:10] * -1, abs=1e-5
    )
    assert result.guess is not None
    assert not any(hit.meaning for hit in result.hits)


def test_minus_a_picture_moves_it_down(synthetic):
    start = of_entry(synthetic, 3)
    plain = digests(search(synthetic, Query(pictures=(start,)), COUNT))
    neighbour = plain[1]
    minus = Query(pictures=(start, PictureAsked(neighbour, None, -0.7)))
    assert digests(search(synthetic, minus, COUNT)).index(neighbour) > plain.index(neighbour)


def test_the_store_answers_a_large_gallery_as_numpy_would(synthetic, monkeypatch):
    query = Query(pictures=(of_entry(synthetic, 11), of_entry(synthetic, 12, 0.5)))
    here = search(synthetic, query, 15)
    monkeypatch.setattr(searching, "EXACT_UP_TO", 10)
    there = search(synthetic, query, 15)
    assert digests(here) == digests(there)
    assert there.of == COUNT
    # From a sample of the gallery, here all of it: the same guess
    assert there.standing_out == here.standing_out


def test_a_sample_of_a_large_gallery_is_read_once_until_the_gallery_changes(tmp_path):
    store = open_store(str(tmp_path / "store"))
    store.create(rows.info())
    store.add("holiday", rows.rows(50))
    gallery = open_gallery("holiday", store, Shelf(str(tmp_path / "shelf")))
    first = gallery.sample()
    assert gallery.sample() is first
    expected = {row.vector.tobytes() for batch in store.scan("holiday") for row in batch}
    assert {vector.tobytes() for vector in first} == expected
    store.add("holiday", rows.rows(70, seed=1))
    assert len(gallery.sample()) == store.count("holiday") > len(first)
    forget_snapshots(str(tmp_path))
    assert gallery.sample() is not first


def test_every_hit_meets_the_conditions(synthetic):
    where = Filter(shape="tall", formats=("JPEG", "PNG"))
    result = search(synthetic, Query(pictures=(of_entry(synthetic, 5),)), COUNT, where)
    kept = {entry.digest for entry in synthetic.snapshot().entries if where.keeps(entry)}
    assert 10 < len(kept) < COUNT
    assert set(digests(result)) == kept
    assert result.of == len(kept)


def test_conditions_that_nothing_meets_give_no_hit(synthetic):
    result = search(synthetic, Query(pictures=(of_entry(synthetic, 5),)), 5, Filter(name="nowhere"))
    assert result.hits == ()
    by_colour = Query(colours=(ColourAsked((255, 0, 0), 0.5),))
    assert search(synthetic, by_colour, 5, Filter(name="nowhere")).hits == ()


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(pictures=(PictureAsked("0" * 64, None, -1.0),)),
        Query(words=(WordsAsked("dog", math.nan), WordsAsked("cat", 1.0))),
        Query(colours=(ColourAsked((1, 2, 3), 0.0),)),
        Query(colours=(ColourAsked((1, 2, 3), 0.5),), words=(WordsAsked("dog"),)),
    ],
)
def test_a_query_for_nothing_gets_a_sentence(synthetic, query):
    with pytest.raises(GalleryError):
        search(synthetic, query)


def test_parts_that_cancel_out_get_a_sentence(synthetic):
    query = Query(pictures=(of_entry(synthetic, 1), of_entry(synthetic, 1, -1.0)))
    with pytest.raises(GalleryError, match="cancel"):
        search(synthetic, query)


def test_a_picture_that_has_left_the_gallery_gets_a_sentence(synthetic):
    with pytest.raises(UnknownGallery):
        search(synthetic, Query(pictures=(PictureAsked("0" * 64),)))


def test_words_for_an_unknown_model_get_a_sentence(synthetic):
    with pytest.raises(ModelError):
        search(synthetic, Query(words=(WordsAsked("dog"),)))


# ── Real pictures ──────────────────────────────────────────────────────────────────


def test_a_brought_copy_finds_the_original(samples):
    asked = PictureAsked.of(open_sample("cat"))
    result = search(samples, Query(pictures=(asked,)), 100)
    assert result.hits[0].same_file
    assert all(hit.meaning is not None for hit in result.hits)
    assert result.guess is None
    assert 1 <= result.standing_out < len(result.hits)
    values = [hit.value for hit in result.hits]
    assert values == sorted(values, reverse=True)


def test_stricter_lines_let_fewer_hits_stand_out(samples):
    query = Query(pictures=(PictureAsked.of(open_sample("cat")),))
    standing = [search(samples, query, 30, strictness=one).standing_out for one in Strictness]
    assert standing == sorted(standing, reverse=True)


@pytest.mark.parametrize("method_id", ["histogram", "dhash", "ssim"])
def test_other_methods_order_as_comparing_each_would(samples, method_id):
    method = registry.method_by_id(method_id)
    question = Question(method, method.options())
    asked = PictureAsked.of(open_sample("coffee"))
    told = []
    result = search(
        samples,
        Query(pictures=(asked,)),
        100,
        question=question,
        told=lambda done, total: told.append((done, total)),
    )
    mine = small(samples, asked)
    entries = samples.snapshot().entries
    for hit in result.hits[:: max(1, len(result.hits) // 6)]:
        theirs = small(samples, PictureAsked(hit.entry.digest))
        assert hit.value == pytest.approx(ask(question, mine, theirs).value)
    sign = -1 if result.scale.higher_is_alike else 1
    values = [sign * hit.value for hit in result.hits]
    assert values == sorted(values)
    assert len(result.hits) == len(entries)
    assert told[-1] == (len(entries), len(entries))


def test_stored_fingerprints_answer_as_the_method_does(samples):
    method = registry.method_by_id("phash")
    question = Question(method, method.options())
    asked = PictureAsked(samples.snapshot().entries[0].digest)
    result = search(samples, Query(pictures=(asked,)), 100, question=question)
    assert result.hits[0].same_file
    first = samples.picture(samples.entry(asked.digest), 640)
    for hit in result.hits[::10]:
        other = samples.picture(hit.entry, 640)
        assert hit.value == ask(question, first, other).value


def test_descriptions_are_remembered(samples):
    method = registry.method_by_id("hog")
    question, memory = Question(method, method.options()), Memory(2**26)
    query = Query(pictures=(PictureAsked(samples.snapshot().entries[2].digest),))
    first = search(samples, query, 10, question=question, memory=memory)
    held = memory.held_bytes
    again = search(samples, query, 10, question=question, memory=memory)
    assert digests(first) == digests(again)
    assert memory.held_bytes == held > 0


def test_a_stopped_search_says_how_far_it_came(samples):
    method = registry.method_by_id("histogram")
    stop = threading.Event()
    result = search(
        samples,
        Query(pictures=(PictureAsked(samples.snapshot().entries[0].digest),)),
        question=Question(method, method.options()),
        told=lambda done, total: stop.set(),
        stop=stop,
    )
    assert 0 < result.looked_at < len(samples.snapshot())
    assert "Stopped" in str(result.notes[0])


def test_a_large_gallery_is_looked_at_in_part_and_says_so(samples, monkeypatch):
    monkeypatch.setattr(searching, "MOST_COMPARED", 5)
    method = registry.method_by_id("histogram")
    question = Question(method, method.options())
    query = Query(pictures=(PictureAsked(samples.snapshot().entries[0].digest),))
    near = search(samples, query, 5)
    result = search(samples, query, 100, question=question)
    assert set(digests(result)) == set(digests(near))
    assert (result.looked_at, result.of) == (5, len(samples.snapshot()))
    assert "too long" in str(result.notes[0])


def test_fingerprints_that_are_not_stored_are_made_of_a_part_only(samples, monkeypatch):
    monkeypatch.setattr(searching, "MOST_COMPARED", 5)
    method = registry.method_by_id("phash")
    query = Query(pictures=(PictureAsked(samples.snapshot().entries[0].digest),))
    stored = search(samples, query, question=Question(method, method.options()))
    longer = search(samples, query, question=Question(method, method.options(side=16)))
    assert (stored.looked_at, longer.looked_at) == (len(samples.snapshot()), 5)


def test_only_the_model_takes_several_parts(samples):
    method = registry.method_by_id("histogram")
    query = Query(words=(WordsAsked("cat"),))
    with pytest.raises(GalleryError, match="one picture"):
        search(samples, query, question=Question(method, method.options()))


def test_shared_details_put_a_hit_first(samples):
    cat = PictureAsked.of(open_sample("cat"))
    result = search(samples, Query(pictures=(cat,)), 20)
    looked = verify(samples, cat, result, Memory(2**27), most=8)
    details = [hit.details for hit in looked.hits]
    assert set(digests(looked)) == set(digests(result))
    assert looked.hits[0].same_file
    assert details[1] > 0
    assert details[1:8] == sorted(details[1:8], reverse=True)
    assert details[8:] == [None] * len(details[8:])
    assert digests(looked)[8:] == digests(result)[8:]
    assert looked.standing_out >= sum(1 for found in details if found)


# ── Colours ────────────────────────────────────────────────────────────────────────


def test_chosen_colours_find_pictures_that_hold_them(samples):
    query = Query(colours=(ColourAsked((255, 255, 255), 0.6),))
    result = search(samples, query, 100)
    brightness = [small(samples, PictureAsked(hit.entry.digest)).rgb.mean() for hit in result.hits]
    third = len(brightness) // 3
    assert np.mean(brightness[:third]) > np.mean(brightness[-third:]) + 40
    values = [hit.value for hit in result.hits]
    assert values == sorted(values, reverse=True)
    assert all(0 <= value <= 1 for value in values)
    assert result.standing_out == sum(value >= 0.5 for value in values)


def test_a_neighbouring_colour_changes_little(samples):
    one, other = (
        search(samples, Query(colours=(ColourAsked(rgb, 0.4),)), 100)
        for rgb in ((200, 40, 40), (206, 46, 38))
    )
    values = {hit.entry.digest: hit.value for hit in other.hits}
    assert max(abs(hit.value - values[hit.entry.digest]) for hit in one.hits) < 0.1


# ── Two lists ──────────────────────────────────────────────────────────────────────


def brute_force(first, second, p):
    """Average overlap over all depths, the last agreement carried on for ever."""
    depth = max(len(first), len(second))
    overlaps = [len(set(first[:d]) & set(second[:d])) / d for d in range(1, depth + 1)]
    endless = [*overlaps, *[overlaps[-1]] * 2000]
    return (1 - p) * sum(value * p**i for i, value in enumerate(endless))


@pytest.mark.parametrize("seed", range(5))
def test_rank_biased_overlap_is_the_endless_sum(seed):
    numbers = np.random.default_rng(seed)
    first = [str(i) for i in numbers.permutation(30)[:12]]
    second = [str(i) for i in numbers.permutation(30)[:12]]
    assert rank_biased_overlap(first, second) == pytest.approx(
        brute_force(first, second, 0.9), abs=1e-9
    )
    assert rank_biased_overlap(first, second) == rank_biased_overlap(second, first)


def test_rank_biased_overlap_at_its_ends():
    letters = list("abcdefgh")
    assert rank_biased_overlap(letters, letters) == pytest.approx(1)
    assert rank_biased_overlap(letters, list("ijklmnop")) == 0
    assert rank_biased_overlap([], []) == 1
    assert rank_biased_overlap([], letters) == 0
    assert rank_biased_overlap(letters[:3], letters) == pytest.approx(1)
    swapped_first, swapped_last = list("bacdefgh"), list("abcdefhg")
    assert rank_biased_overlap(letters, swapped_first) < rank_biased_overlap(letters, swapped_last)


def test_agreement_in_words():
    letters = list("abcdefghij")
    same, none = agreement(letters, letters), agreement(letters, list("0123456789"))
    part = agreement(letters, list("abcde12345"))
    assert same.shared == tuple(letters)
    assert part.shared == tuple("abcde")
    assert none.shared == ()
    assert len({str(one.sentence) for one in (same, none, part)}) == 3
    assert "5 of the first 10" in str(part.sentence)


# ── What stands out ────────────────────────────────────────────────────────────────


def test_a_few_high_scores_stand_out_of_many():
    numbers = np.random.default_rng(0)
    scores = numbers.normal(0.2, 0.05, 500).astype(np.float32)
    scores[:4] = 0.8
    lines = [guessed_line(scores, one) for one in Strictness]
    assert lines == sorted(lines)
    assert [(scores >= limit).sum() for limit in lines][-1] == 4


def test_nothing_is_guessed_from_few_or_equal_scores():
    assert guessed_line(np.linspace(0, 1, 10, dtype=np.float32), Strictness.NORMAL) is None
    assert guessed_line(np.full(100, 0.3, np.float32), Strictness.NORMAL) is None


# ── Saved ──────────────────────────────────────────────────────────────────────────


def test_hits_are_saved_as_json_csv_and_zip(samples):
    query = Query(pictures=(PictureAsked(samples.snapshot().entries[0].digest),))
    result = search(samples, query, 5)
    data = json.loads(json.dumps(result_as_dict(result), allow_nan=False))
    assert [hit["rank"] for hit in data["hits"]] == [1, 2, 3, 4, 5]
    assert data["hits"][0]["same_file"]
    table = list(csv.DictReader(io.StringIO(result_as_csv(result))))
    assert [line["digest"] for line in table] == digests(result)
    for kind in ("originals", "thumbnails"):
        packed, count = result_as_zip(samples, result, kind)
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            assert count == len(archive.namelist()) == 5
            first = archive.read(sorted(archive.namelist())[0])
        kept = samples.shelf.original if kind == "originals" else samples.shelf.thumbnail
        assert first == kept(digests(result)[0])


def test_a_zip_stays_within_its_bound(samples):
    query = Query(pictures=(PictureAsked(samples.snapshot().entries[0].digest),))
    result = search(samples, query, 5)
    sizes = [len(samples.shelf.thumbnail(digest)) for digest in digests(result)]
    assert result_as_zip(samples, result, "thumbnails", sum(sizes[:3]))[1] == 3


def test_a_name_is_no_formula_and_no_path():
    hits = tuple(
        Hit(rows.entry(name, digest=rows.digest_of(name)), 0.5)
        for name in ("=1+1.jpg", "../../up.jpg", "a\\b/c d.jpg")
    )
    result = Result(label=Text("x"), scale=searching._COSINE, hits=hits, standing_out=None)
    table = list(csv.DictReader(io.StringIO(result_as_csv(result))))
    assert table[0]["name"] == "'=1+1.jpg"

    class Kept:
        def original(self, digest):
            return b"picture"

    gallery = types.SimpleNamespace(shelf=Kept())
    packed, _ = result_as_zip(gallery, result, "originals")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        names = archive.namelist()
    assert names == ["0001-_1_1.jpg", "0002-up.jpg", "0003-c_d.jpg"]
