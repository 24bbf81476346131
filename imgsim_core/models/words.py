"""Words that find pictures: by a model's own text side, or by the names of what it knows.

A model trained on pictures with captions puts words and pictures into one space. A
classifier knows no words, but it has names for 1,000 kinds of things: a picture is placed
among the meanings of those names, as surely as the classifier is of each, and the words
asked for are placed there too (ConSE, Norouzi et al. 2014, arXiv:1312.5650).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from imgsim_core.errors import ModelError
from imgsim_core.models import sentences
from imgsim_core.models.catalogue import Model, all_models
from imgsim_core.models.encoder import encode_text
from imgsim_core.models.network import network
from imgsim_core.text import Text

Array = NDArray[np.float32]

LONGEST = 200  # letters of a query; more would be cut by the models anyway

# Tuned on 28 queries, then confirmed on 22 others: k matters most (mean reciprocal rank
# 0.55 for k = 1, 0.68 for k = 50).
CLASSES_USED = 50
TEMPERATURE = 2.0

# A photograph is a less pure case of its class than the classifier's own weights: at half
# the length, the middle and spread of scores come nearest to those of 1,000 photographs.
_TYPICAL = 0.5

_BLOCK = 2048
_OTHER_THAN_LATIN = re.compile(r"[^\W\d_\u0000-\u024f]")
_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


class Way(Enum):
    """How a model's pictures can be asked for in words."""

    TEXT_SIDE = "text side"
    CLASS_NAMES = "class names"
    NONE = "none"


@dataclass(frozen=True)
class Understanding:
    """Whether and how far a model's pictures can be asked for in words.

    way : how. note : what it understands, or why nothing, for the visitor.
    """

    way: Way
    note: Text


def understanding(model: Model) -> Understanding:
    """Tell how far pictures under a model can be asked for in words; loads nothing."""
    if model.kind == "picture-and-text":
        languages = model.languages or Text("English")
        return Understanding(
            Way.TEXT_SIDE,
            Text(
                "{model} was trained on pictures with captions. It understands: {languages}.",
                model=model.label,
                languages=languages,
            ),
        )
    if not model.classes:
        return Understanding(Way.NONE, Text("{model} cannot read words.", model=model.label))
    reason = sentences.missing()
    if reason is not None:
        return Understanding(Way.NONE, reason)
    return Understanding(
        Way.CLASS_NAMES,
        Text(
            "{model} knows about 1,000 kinds of things, such as animals, food, vehicles and "
            "household objects, by their English names. People, places, moods and actions are "
            "not among them: for those its answers are guesses.",
            model=model.label,
        ),
    )


def check_words(model: Model, words: str) -> str:
    """Return words as they can be asked, or say why they cannot.

    Parameters
    ----------
    model : Model
        The gallery's.
    words : str

    Returns
    -------
    str
        Without spaces around them, at most `LONGEST` letters.

    Raises
    ------
    ModelError
        If there are none, if the model reads no words, or not in this script.
    """
    asked = " ".join(words.split())[:LONGEST]
    if not asked:
        raise ModelError(Text("No words were given."))
    known = understanding(model)
    if known.way is Way.NONE:
        raise ModelError(known.note)
    if _OTHER_THAN_LATIN.search(asked) and not _reads_many_languages(model):
        many = next(other for other in all_models() if _reads_many_languages(other))
        if _CHINESE.search(asked):
            raise ModelError(
                Text(
                    "{model} understands English words only. Write them in English, or use "
                    "{many}, which understands Chinese.",
                    model=model.label,
                    many=many.label,
                )
            )
        raise ModelError(
            Text(
                "{model} understands English words only. Write them in English, or use "
                "{many}, which understands about 100 languages.",
                model=model.label,
                many=many.label,
            )
        )
    return asked


def _reads_many_languages(model: Model) -> bool:
    return model.languages is not None and "Chinese" in model.languages.template


def words_vectors(model: Model, words: Sequence[str]) -> Array:
    """Place words where the pictures of a model can be compared with them.

    Parameters
    ----------
    model : Model
    words : sequence of str
        Each as `check_words` returns it.

    Returns
    -------
    ndarray of float32, shape (n, d)
        Each of length 1: comparable with the model's own vectors if it has a text side,
        else with `concepts`.

    Raises
    ------
    ModelError
        If the model reads no words or cannot be used on this host.
    """
    known = understanding(model)
    if known.way is Way.TEXT_SIDE:
        return encode_text(model, words)
    if known.way is Way.CLASS_NAMES:
        return sentences.sentence_vectors(words)
    raise ModelError(known.note)


def concepts(model: Model, vectors: Array, lengths: Array) -> Array:
    """Place pictures among the meanings of the class names, from their vectors alone.

    The classifier is the network's last layer: given the vector before it was normalised,
    it says what it would have said of the picture, which is not opened again.

    Parameters
    ----------
    model : Model
        One with `classes`.
    vectors : ndarray of float32, shape (n, dimension)
        Each of length 1.
    lengths : ndarray of float32, shape (n,)
        What each vector's length was.

    Returns
    -------
    ndarray of float32, shape (n, 384)
        Each of length 1.

    Raises
    ------
    WeightsMissing, WeightsWrong
        If the model or the sentence encoder cannot be used on this host.
    """
    names = sentences.class_vectors()
    placed = np.empty((len(vectors), names.shape[1]), np.float32)
    for start in range(0, len(vectors), _BLOCK):
        rows = slice(start, start + _BLOCK)
        placed[rows] = _among_names(class_logits(model, vectors[rows], lengths[rows]), names)
    return placed


def class_logits(model: Model, vectors: Array, lengths: Array) -> Array:
    """Let a model's last layer judge vectors as it would have judged the pictures.

    Returns
    -------
    ndarray of float32, shape (n, classes)
    """
    layer = network(model).module.get_classifier()
    weight, bias = (part.detach().float().cpu().numpy() for part in (layer.weight, layer.bias))
    return np.asarray((vectors * lengths[:, None]) @ weight.T + bias, np.float32)


def typical_concepts(model: Model, length: float) -> Array:
    """Place a typical picture of each class among the meanings of the class names.

    What the classifier looks for in a class stands for such a picture: the weights that
    speak for it. They say what scores are usual when words are compared with pictures of
    all kinds, whatever one gallery happens to hold.

    Parameters
    ----------
    model : Model
        One with `classes`.
    length : float
        Usual length of its vectors before they were normalised.

    Returns
    -------
    ndarray of float32, shape (classes, 384)
        Each of length 1.

    Raises
    ------
    WeightsMissing, WeightsWrong
        As `concepts`.
    """
    weight = network(model).module.get_classifier().weight.detach().float().cpu().numpy()
    # No feature of these networks' vectors is much below 0
    spoken_for = np.maximum(weight, 0)
    spoken_for /= np.maximum(np.linalg.norm(spoken_for, axis=1, keepdims=True), 1e-9)
    shorter = np.full(len(spoken_for), _TYPICAL * length, np.float32)
    return concepts(model, spoken_for, shorter)


def _among_names(logits: Array, names: Array) -> Array:
    """Mix the names of the likeliest classes by how likely each is; rows of length 1."""
    best = np.argpartition(logits, -CLASSES_USED, axis=1)[:, -CLASSES_USED:]
    kept = np.take_along_axis(logits, best, axis=1) / TEMPERATURE
    # Only ratios count, since the mix is normalised: the softmax needs no denominator
    shares = np.zeros_like(logits)
    np.put_along_axis(shares, best, np.exp(kept - kept.max(axis=1, keepdims=True)), axis=1)
    mixed = shares @ names
    lengths = np.linalg.norm(mixed, axis=1, keepdims=True)
    return np.asarray(mixed / np.maximum(lengths, 1e-9), np.float32)
