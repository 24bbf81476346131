"""Marked pairs: proposals without repeats, marks as CSV row by row, scores behind the page."""

from __future__ import annotations

import threading
import time
from collections import Counter

import numpy as np
import pytest

from imgsim_core import background, labelled
from imgsim_core.comparison import Question, Score, Unavailable
from imgsim_core.labelled import (
    EXAMPLES,
    Pair,
    Scoring,
    example,
    marks_as_csv,
    marks_from_csv,
    proposed,
    shortage,
)
from imgsim_core.memory import Memory
from imgsim_core.picture_set import PictureSet
from imgsim_core.registry import method_by_id
from imgsim_core.standing import glance, standings
from imgsim_core.text import Text
from tests.pictures import noise, photograph, picture_of


def question(method_id: str) -> Question:
    method = method_by_id(method_id)
    return Question(method, method.options())


def some_pictures(count: int) -> PictureSet:
    pictures = (noise(16, 16, seed) for seed in range(count))
    return PictureSet(
        tuple(picture_of(one.rgb, f"p{number}.png") for number, one in enumerate(pictures))
    )


@pytest.fixture(scope="module")
def six() -> PictureSet:
    return some_pictures(6)


# ── Pairs ──────────────────────────────────────────────────────────────────────────


def test_a_pair_is_the_same_in_either_order():
    assert Pair("x", "y", True).key == Pair("y", "x", False).key


@pytest.mark.parametrize(
    ("marks", "words"),
    [
        ("", "Nothing is marked"),
        ("sssss", "All marked pairs are the same"),
        ("ddddddd", "All marked pairs are different"),
        ("sssssdd", "at least 5 of each"),
        ("sssssddddd", None),
    ],
)
def test_what_is_missing_is_said(marks, words):
    pairs = [Pair(f"a{i}", f"b{i}", mark == "s") for i, mark in enumerate(marks)]
    pairs.append(Pair("skipped", "pair"))
    missing = shortage(pairs)
    assert (missing is None) if words is None else (words in str(missing))


# ── Proposals ──────────────────────────────────────────────────────────────────────


def test_every_pair_is_proposed_once_and_then_none(six):
    known = glance(six.pictures)
    answered: list[Pair] = []
    for number in range(15):
        pair = proposed(six.pictures, known, answered)
        assert pair is not None
        answered.append(Pair(pair.b, pair.a, [True, False, None][number % 3]))
    assert len({pair.key for pair in answered}) == 15
    assert all(pair.a != pair.b for pair in answered)
    assert proposed(six.pictures, known, answered) is None


def test_proposals_find_both_sorts_in_a_set_of_mostly_different_pictures():
    pictures, pairs = example("copies")
    truth = {pair.key: pair.same for pair in pairs}
    asked = [question("histogram"), question("phash"), question("hog")]
    known = standings(pictures.pictures, asked, Memory(2**26).describe)
    answered: list[Pair] = []
    for _ in range(30):
        pair = proposed(pictures.pictures, known, answered)
        stems = {pictures[end].name.partition(",")[0].removesuffix(".png") for end in pair.key}
        answered.append(Pair(pair.a, pair.b, truth.get(pair.key, len(stems) == 1)))
    marks = Counter(pair.same for pair in answered)
    assert min(marks[True], marks[False]) >= 8  # by chance it were 1.7 of 30
    shown = Counter(end for pair in answered for end in pair.key)
    assert max(shown.values()) <= 8


def test_marks_of_pictures_that_are_gone_do_not_disturb(six):
    stranger = Pair("gone", six.pictures[0].digest, True)
    assert proposed(six.pictures, glance(six.pictures), [stranger]) is not None


def test_two_pictures_have_one_pair():
    two = some_pictures(2)
    pair = proposed(two.pictures, glance(two.pictures), [])
    assert pair is not None
    assert proposed(two.pictures, glance(two.pictures), [pair]) is None


# ── CSV ────────────────────────────────────────────────────────────────────────────


def read(text: str, pictures: PictureSet, encoding: str = "utf-8"):
    return marks_from_csv(text.encode(encoding), pictures)


def test_marks_written_are_the_marks_read(six):
    ends = [picture.digest for picture in six.pictures]
    pairs = (Pair(ends[0], ends[1], True), Pair(ends[4], ends[2], False))
    text = marks_as_csv(six, [*pairs, Pair(ends[3], ends[5])])
    assert text.splitlines() == ["a,b,same", "p0.png,p1.png,yes", "p4.png,p2.png,no"]
    assert text.endswith("\r\n")
    assert marks_from_csv(text.encode("utf-8-sig"), six) == labelled.ReadMarks(pairs, ())


def test_a_name_that_looks_like_a_formula_comes_back():
    pictures = PictureSet(
        (picture_of(noise(8, 8, 0).rgb, "=1+1.png"), picture_of(noise(8, 8, 1).rgb, "a, b.png"))
    )
    pair = Pair(pictures.pictures[0].digest, pictures.pictures[1].digest, True)
    text = marks_as_csv(pictures, [pair])
    assert "\n'=1+1.png" in text
    assert read(text, pictures).pairs == (pair,)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("same;b;a\nyes;p0.png;p1.png\n", "utf-8"),
        ("a\tb\tsame\np1.png\tp0.png\t1\n", "utf-16"),
        ("备注,A,B,Same\n好,p1.png,p0.png,是\n", "gb18030"),
        ("a,b,same\r\n\r\n p1.png , p0.png , TRUE \r\n", "utf-8-sig"),
        ('a,b,same\n"p1.png","p0.png","same"', "utf-8"),
    ],
)
def test_tables_of_many_makes_are_understood(six, text, encoding):
    found = read(text, six, encoding)
    assert not found.problems
    assert [pair.same for pair in found.pairs] == [True]
    assert found.pairs[0].key == Pair(six.pictures[0].digest, six.pictures[1].digest).key


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("p0.png,nowhere.png,yes", "there is no picture called nowhere.png"),
        ("p0.png,p1.png,perhaps", "perhaps under same is neither yes nor no"),
        ("p0.png,p1.png", "under same is neither yes nor no"),
        ("p0.png,,yes", "the name of a picture is missing"),
        ("p0.png,p0.png,yes", "both names mean the same picture"),
        ("p5.png,p4.png,no", "says the opposite of row 2"),
    ],
)
def test_a_bad_row_is_named_and_good_ones_are_used(six, row, words):
    found = read(f"a,b,same\np4.png,p5.png,yes\np2.png,p3.png,no\n{row}\n", six)
    (problem,) = found.problems
    assert str(problem).startswith("Row 4")
    assert words in str(problem)
    contradicted = "opposite" in words
    assert [pair.same for pair in found.pairs] == ([False] if contradicted else [True, False])


def test_a_row_that_comes_again_is_used_once_without_a_word(six):
    found = read("a,b,same\np0.png,p1.png,yes\np1.png,p0.png,yes\n", six)
    assert (len(found.pairs), found.problems) == (1, ())


def test_an_ambiguous_name_is_said():
    pictures = PictureSet(
        tuple(picture_of(noise(8, 8, i).rgb, name) for i, name in enumerate(["a/1.png", "b/1.png"]))
    )
    found = read("a,b,same\n1.png,b/1.png,yes\na/1.png,b/1.png,yes\n", pictures)
    assert "may be one of 2 pictures" in str(found.problems[0])
    assert len(found.pairs) == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"a,b\np0.png,p1.png\n", "same is not there"),
        (b"first,second,alike\n", "a, b, same is not there"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not a text file"),
        (b'a,b,same\n"p0.png,p1.png,yes\n', "not a table"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_sentence(six, data, words):
    found = marks_from_csv(data, six)
    assert not found.pairs
    assert words in str(found.problems[0])


def test_very_many_marks_are_cut_and_said(six, monkeypatch):
    monkeypatch.setattr(labelled, "MOST_MARKS", 2)
    rows = "\n".join(f"p0.png,p{number}.png,yes" for number in range(1, 6))
    found = read(f"a,b,same\n{rows}\n", six)
    assert len(found.pairs) == 2
    assert "first 2 of 5" in str(found.problems[-1])


# ── Scores ─────────────────────────────────────────────────────────────────────────


def until_done(scoring: Scoring, keys) -> None:
    ending = time.monotonic() + 20
    while scoring.done(keys)[0] < scoring.done(keys)[1]:
        assert time.monotonic() < ending
        time.sleep(0.01)


def test_each_pair_is_asked_once_and_each_picture_described_once(six):
    memory = Memory(2**26)
    asked = [question("phash"), question("histogram")]
    scoring = Scoring(asked, memory.ask)
    pairs = [(six.pictures[0], six.pictures[1]), (six.pictures[1], six.pictures[2])]
    keys = [Pair(a.digest, b.digest).key for a, b in pairs]
    scoring.want(pairs)
    until_done(scoring, keys)
    assert memory.described == 6  # three pictures by two methods
    scoring.want([(b, a) for a, b in pairs])
    until_done(scoring, keys)
    assert memory.described == 6
    expected = memory.ask(asked[0], *pairs[0])
    assert isinstance(expected, Score)
    assert scoring.scores(0)[keys[0]] == expected.value


def test_a_method_that_cannot_answer_is_remembered_as_such(six):
    scoring = Scoring([question("phash")], lambda asked, a, b: Unavailable(asked, Text("No.")))
    scoring.want([six.pictures[:2]])
    key = Pair(six.pictures[0].digest, six.pictures[1].digest).key
    until_done(scoring, [key])
    assert scoring.scores(0) == {key: None}


def test_quick_methods_do_not_wait_for_slow_ones(six):
    order: list[str] = []
    release = threading.Event()

    def slow(asked, a, b):
        order.append(asked.method.id)
        if asked.method.id == "sift":
            release.wait(10)
        return Score(asked, 0.0, 500.0 if asked.method.id == "sift" else 1.0)

    scoring = Scoring([question("sift"), question("phash")], slow)
    pairs = [six.pictures[:2], six.pictures[1:3], six.pictures[2:4]]
    scoring.want(pairs)
    ending = time.monotonic() + 10
    while order.count("phash") < 3:
        assert time.monotonic() < ending
        time.sleep(0.01)
    assert order[:4].count("sift") == 1
    release.set()
    until_done(scoring, [Pair(a.digest, b.digest).key for a, b in pairs])


def test_what_is_wanted_while_the_last_worker_leaves_is_asked_too(six, monkeypatch):
    scoring = Scoring([question("phash")], lambda asked, a, b: Score(asked, 0.0, 1.0), workers=1)
    first, late = six.pictures[:2], six.pictures[2:4]
    take = scoring._next

    def take_and_want_more():
        task = take()
        if task is None:
            scoring.want([late])
        return task

    monkeypatch.setattr(scoring, "_next", take_and_want_more)
    scoring.want([first])
    until_done(scoring, [Pair(a.digest, b.digest).key for a, b in (first, late)])


def test_an_end_of_the_program_waits_for_the_pair_at_work_only(six, monkeypatch):
    begun, release = threading.Event(), threading.Event()

    def slow(asked, a, b):
        begun.set()
        release.wait(10)
        return Score(asked, 0.0, 1.0)

    scoring = Scoring([question("phash")], slow, workers=1)
    scoring.want([six.pictures[:2], six.pictures[1:3]])
    assert begun.wait(10)
    assert background.at_work()["scoring"] >= 1
    monkeypatch.setattr(labelled, "leaving", lambda: True)
    release.set()
    assert "scoring" not in background.wait_for_work(10)
    assert len(scoring.scores(0)) == 1


def test_what_is_stopped_asks_no_more(six):
    asked = threading.Event()

    def wait(one, a, b):
        asked.set()
        time.sleep(0.05)
        return Score(one, 0.0, 1.0)

    scoring = Scoring([question("phash")], wait, workers=1)
    scoring.want([six.pictures[:2], six.pictures[1:3], six.pictures[2:4]])
    asked.wait(5)
    scoring.stop()
    time.sleep(0.2)
    assert len(scoring.scores(0)) == 1


# ── Examples ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", EXAMPLES)
def test_an_example_has_enough_marks_of_both_sorts_and_no_pair_twice(code):
    pictures, pairs = example(code)
    assert shortage(pairs) is None
    marks = Counter(pair.same for pair in pairs)
    assert marks[True] >= 20
    assert marks[False] >= 30
    assert len({pair.key for pair in pairs}) == len(pairs)
    assert all(end in pictures for pair in pairs for end in pair.key)
    assert len({picture.name for picture in pictures.pictures}) == len(pictures)
    assert len({picture.digest for picture in pictures.pictures}) == len(pictures)


@pytest.mark.parametrize("code", EXAMPLES)
def test_in_an_example_same_is_one_thing_and_different_is_not(code):
    pictures, pairs = example(code)
    for pair in pairs:
        things = {pictures[end].name.partition(",")[0].rpartition(".")[0] or
                  pictures[end].name.partition(",")[0] for end in pair.key}  # fmt: skip
        things = {thing.removesuffix("-left").removesuffix("-right") for thing in things}
        assert (len(things) == 1) is pair.same


def test_a_glance_finds_the_copy_of_a_photograph():
    cat, coffee = photograph("chelsea"), photograph("coffee")
    darker = picture_of((cat.rgb * 0.8).astype(np.uint8))
    known = glance((cat, coffee, darker))
    assert known.place_of[0, 2] == int(np.argmax(known.ranks[0]))
