"""Words to pictures, against what the model says when it is shown the pictures."""

from __future__ import annotations

import numpy as np
import pytest

from imgsim_core.calibration import Strictness
from imgsim_core.errors import ModelError
from imgsim_core.models import sentences, words
from imgsim_core.models.catalogue import all_models, model_by_id
from imgsim_core.models.encoder import encode_with_lengths, top_classes
from imgsim_core.models.words import Way, check_words, concepts, understanding, words_vectors
from imgsim_core.samples import open_sample
from imgsim_core.standing_out import guessed_line

MODEL = model_by_id("efficientnet-lite2")
SHOWN = ("cat", "coffee", "motorcycle-left", "rocket", "page", "coins")


@pytest.fixture(scope="module")
def embedded():
    return encode_with_lengths(MODEL, [open_sample(code) for code in SHOWN], MODEL.framing)


@pytest.fixture(scope="module")
def placed(embedded):
    return concepts(MODEL, *embedded)


def test_the_last_layer_says_of_a_vector_what_the_network_says_of_the_picture(embedded):
    logits = words.class_logits(MODEL, *embedded).astype(float)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    names = sentences.class_names()
    for code, mine in zip(SHOWN, shares, strict=True):
        for name, probability in top_classes(MODEL, open_sample(code), MODEL.framing, 3):
            likeliest = max((i for i in range(1000) if names[i] == name), key=mine.__getitem__)
            assert mine[likeliest] == pytest.approx(probability, abs=2e-4)


def test_pictures_lie_where_their_likeliest_names_lie(embedded, placed):
    """The definition, class by class and in double precision."""
    names = sentences.class_vectors().astype(float)
    for logits, mine in zip(words.class_logits(MODEL, *embedded), placed, strict=True):
        shares = np.exp(logits.astype(float) / 2)
        shares /= shares.sum()
        mixed = sum(shares[i] * names[i] for i in np.argsort(-shares)[:50])
        assert mine == pytest.approx(mixed / np.linalg.norm(mixed), abs=1e-5)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("a kitten", "cat"),
        ("a cup of coffee", "coffee"),
        ("motorbike", "motorcycle-left"),
        ("spaceship launch", "rocket"),
    ],
)
def test_words_find_the_picture(placed, asked, expected):
    scores = placed @ words_vectors(MODEL, [asked])[0]
    assert SHOWN[int(scores.argmax())] == expected


def test_the_picture_stands_out_from_typical_ones_and_others_do_not(embedded, placed):
    typical = words.typical_concepts(MODEL, float(np.median(embedded[1])))
    for asked, expected in (("a kitten", {"cat"}), ("wedding party", set())):
        (vector,) = words_vectors(MODEL, [asked])
        limit = guessed_line(typical @ vector, Strictness.NORMAL)
        assert {SHOWN[i] for i in np.flatnonzero(placed @ vector >= limit)} == expected


# ── What can be asked ──────────────────────────────────────────────────────────────


def test_every_model_says_how_far_it_understands_words():
    ways = {model.id: understanding(model).way for model in all_models()}
    assert ways["clip"] is Way.TEXT_SIDE
    assert ways["efficientnet-lite2"] is Way.CLASS_NAMES
    assert all(str(understanding(model).note) for model in all_models())


@pytest.mark.parametrize("asked", ["一只猫", "кошка", "ネコ", "cat 猫"])
def test_words_in_another_script_are_refused_in_words(asked):
    with pytest.raises(ModelError, match="English words only"):
        check_words(MODEL, asked)
    assert check_words(model_by_id("siglip2"), asked) == asked


def test_chinese_words_are_told_of_a_model_that_knows_them():
    with pytest.raises(ModelError, match=r"SigLIP 2.*Chinese"):
        check_words(MODEL, "一只猫")


@pytest.mark.parametrize("asked", ["", "   ", "\n\t"])
def test_no_words_are_refused(asked):
    with pytest.raises(ModelError):
        check_words(MODEL, asked)


def test_words_are_tidied():
    assert check_words(MODEL, "  café \n au lait ") == "café au lait"
    assert len(check_words(MODEL, "word " * 1000)) <= words.LONGEST


def test_without_the_sentence_encoder_there_is_a_sentence(monkeypatch):
    monkeypatch.setattr(sentences, "_PACKAGES", ("no_such_package",))
    assert understanding(MODEL).way is Way.NONE
    with pytest.raises(ModelError, match="no_such_package"):
        check_words(MODEL, "cat")
    with pytest.raises(ModelError, match="no_such_package"):
        words_vectors(MODEL, ["cat"])
