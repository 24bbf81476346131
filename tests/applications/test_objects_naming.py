"""What naming a picture promises."""

from __future__ import annotations

import numpy as np
import pytest

from imgsim_core.applications.objects import naming
from imgsim_core.applications.objects.kinds import classes_meant
from imgsim_core.applications.objects.naming import (
    MOST_WORDS,
    USUAL_MODEL,
    name_by_classes,
    name_by_words,
    reliability,
    split_words,
    understood,
    usable_models,
)
from imgsim_core.errors import ModelError
from imgsim_core.memory import Memory
from imgsim_core.models.catalogue import all_models, model_by_id
from imgsim_core.models.chinese import chinese_by_english, in_english, names_in_both
from imgsim_core.models.encoder import top_classes
from imgsim_core.models.sentences import class_names, sentence_vectors
from imgsim_core.samples import open_sample

MODEL = model_by_id(USUAL_MODEL)


@pytest.fixture(scope="module")
def memory() -> Memory:
    return Memory(2**26)


def named(sample: str, words: str, memory: Memory) -> naming.Named:
    return name_by_words(MODEL, open_sample(sample), split_words(words), memory)


@pytest.mark.parametrize(
    ("sample", "word"),
    [("cat", "cat"), ("coffee", "cup of coffee"), ("motorcycle-left", "motorcycle")],
)
def test_the_right_word_is_found(sample, word, memory):
    answer = named(sample, "cat, dog, cup of coffee, motorcycle, bridge", memory)
    assert answer.answers[0].label == word
    assert answer.answers[0].share > 0.5
    assert not answer.nothing_fits


def test_none_of_these_when_no_word_fits(memory):
    answer = named("cat", "guitar, volcano, sailing boat, pizza", memory)
    assert answer.nothing_fits
    assert str(answer.verdict) == "None of these."


def test_likelihoods_add_up_to_one(memory):
    answer = named("cat", "cat, dog", memory)
    assert sum(one.share for one in answer.answers) + answer.none == pytest.approx(1)


def test_a_single_word_can_be_refused(memory):
    assert not named("cat", "cat", memory).nothing_fits
    assert named("cat", "bicycle", memory).nothing_fits


def test_chinese_words_work_without_a_model_that_reads_chinese(memory):
    answer = named("cat", "猫，狗，钢琴", memory)
    assert answer.answers[0].label == "猫"
    assert answer.answers[0].share > 0.5
    assert named("coffee", "猫、浓缩咖啡、狗", memory).answers[0].label == "浓缩咖啡"


def test_words_that_are_not_understood_are_named_and_left_out(memory):
    answer = named("cat", "cat, 龘靐", memory)
    assert len(answer.answers) == 1
    assert "龘靐" in str(answer.notes[0])
    with pytest.raises(ModelError, match="龘靐"):
        named("cat", "龘靐", memory)
    with pytest.raises(ModelError):
        named("cat", "кошка", memory)


def test_the_thousand_kinds_come_in_the_order_of_the_classifier(memory):
    picture = open_sample("cat")
    answer = name_by_classes(MODEL, picture, memory=memory)
    expected = top_classes(MODEL, picture, MODEL.framing)
    assert [one.label for one in answer.answers] == [name for name, _ in expected]
    assert answer.none is None
    without = next(model for model in all_models() if not model.classes)
    with pytest.raises(ModelError):
        name_by_classes(without, picture)


def test_words_are_parted_cleaned_and_bounded():
    assert split_words(" cat ,dog；一只  猫\n\nCat,") == ("cat", "dog", "一只 猫")
    with pytest.raises(ModelError):
        split_words(" , ;")
    with pytest.raises(ModelError, match=str(MOST_WORDS)):
        split_words(",".join(str(number) for number in range(MOST_WORDS + 1)))


def test_the_model_that_is_always_there_can_name():
    assert MODEL in usable_models()


def test_shipped_measurements_are_of_pictures_kept_apart():
    for by_words in (True, False):
        known = reliability(by_words)
        assert known.photographs >= 400
        assert known.right > 0.75
        assert known.error < 0.05


def test_everyday_words_stand_for_many_classes():
    meant = classes_meant(sentence_vectors(["dog", "goldfish", "justice"]))
    assert meant[0, 151:269].all()
    assert not meant[0, 281:286].any()
    assert np.flatnonzero(meant[1]).tolist() == [1]
    assert not meant[2].any()


# ── Chinese names ──────────────────────────────────────────────────────────────────


def test_the_names_are_those_of_the_model_in_its_order():
    both = names_in_both()
    assert tuple(english for english, _ in both) == class_names()
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in chinese) for _, chinese in both)


def test_an_english_name_of_two_things_has_both_in_chinese():
    assert chinese_by_english()["crane"] == "鹤／起重机"
    assert chinese_by_english()["maillot"] == "连体泳衣"


@pytest.mark.parametrize(
    ("word", "english", "classes"),
    [("猫", "cat", 0), ("波斯猫", "Persian cat", 1), ("蝾螈", "European fire salamander", 2)],
)
def test_a_chinese_word_is_found_by_itself_or_by_part(word, english, classes):
    found = in_english(word)
    assert found is not None
    assert found.words == english
    assert len(found.classes) >= classes
    assert in_english("龘靐") is None
    assert in_english("") is None


def test_what_a_word_is_asked_as_is_kept_beside_it():
    (word,), notes = understood(MODEL, ["狗"])
    assert (word.said, word.asked) == ("狗", "dog")
    assert not notes
