"""Name what a picture shows: by the visitor's own words, or by 1,000 kinds of things.

A model trained on pictures with captions compares words and picture itself. Otherwise the
classifier that is always there is asked: how sure it is of the classes that a word names
(dog: 118 of them), and how near the word lies to what it sees (ConSE, Norouzi et al. 2014,
arXiv:1312.5650). What that is worth, and when none of the words fits, was measured.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from imgsim_core.applications.objects.kinds import classes_meant
from imgsim_core.errors import ModelError
from imgsim_core.memory import Memory
from imgsim_core.models.catalogue import Model, all_models, model_by_id
from imgsim_core.models.chinese import English, in_english
from imgsim_core.models.encoder import encode, encode_with_lengths
from imgsim_core.models.sentences import class_names
from imgsim_core.models.weights import availability
from imgsim_core.models.words import (
    LONGEST,
    Way,
    check_words,
    class_logits,
    concepts,
    typical_concepts,
    understanding,
    words_vectors,
)
from imgsim_core.picture import Picture
from imgsim_core.text import ClassName, Text, UserText

Array = NDArray[np.float32]

MOST_WORDS = 40
USUAL_MODEL = "efficientnet-lite2"

_LOGIT_SCALE = 100.0  # what CLIP models were trained with, at most
_LENGTH = 11.0  # usual length of a vector before it was normalised, of the usual model
_LEAST_SHARE = 1e-4
_BREAKS = re.compile(r"[,;\n，；、]+")
_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True)
class Word:
    """One word of the visitor's.

    Parameters
    ----------
    said : str
        As it was written.
    asked : str
        What the model is asked.
    classes : frozenset of int
        Classes that it is known to name beforehand.
    """

    said: str
    asked: str
    classes: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Answer:
    """One name for a picture.

    Parameters
    ----------
    label : UserText or ClassName
        The visitor's word, or a class.
    share : float
        How likely it is, 0 to 1.
    """

    label: UserText | ClassName
    share: float


@dataclass(frozen=True)
class Named:
    """What a picture was called.

    Parameters
    ----------
    answers : tuple of Answer
        The likeliest first.
    none : float or None
        How likely it is that none of the words fits, 0 to 1; None where that was never
        measured.
    measured : bool
        Whether the shares mean what they say: see `Reliability`.
    notes : tuple of Text
        Words left out, and what the visitor should know.
    """

    answers: tuple[Answer, ...]
    none: float | None
    measured: bool
    notes: tuple[Text, ...] = ()

    @property
    def nothing_fits(self) -> bool:
        """Whether "none of these" is likelier than every answer."""
        return self.none is not None and all(one.share <= self.none for one in self.answers)

    @property
    def verdict(self) -> Text:
        """Say in a sentence what the picture shows."""
        if self.nothing_fits:
            return Text("None of these.")
        best = self.answers[0]
        if best.share >= _SURE:
            return Text("This is: {word}", word=best.label)
        if best.share >= _PERHAPS:
            return Text("Probably: {word}", word=best.label)
        return Text("Hard to tell. The best guess: {word}", word=best.label)


_SURE, _PERHAPS = 0.9, 0.5


@dataclass(frozen=True)
class Reliability:
    """How right answers were on photographs that were kept apart.

    Parameters
    ----------
    photographs : int
    right : float
        Share of the answers that were right, "none of these" among them.
    lost : float
        Share of pictures that were called none of these though a word fitted.
    wrong : float
        Share of pictures given a word though none fitted.
    error : float
        By how much the stated likelihood missed the share that was right, on average.
    """

    photographs: int
    right: float
    lost: float
    wrong: float
    error: float


@dataclass(frozen=True)
class _Fit:
    """Weights of the parts of an answer: see `_shares`."""

    nearness: float
    standing_out: float
    sureness: float
    known: float
    none: float
    temperature: float
    reliability: Reliability
    class_reliability: Reliability


@cache
def _fit() -> _Fit:
    file = resources.files(__package__).joinpath("naming.json")
    told = json.loads(file.read_text(encoding="utf-8"))
    words, classes = told["words"], told["classes"]
    return _Fit(
        **words["fit"],
        temperature=classes["temperature"],
        reliability=Reliability(**words["reliability"]),
        class_reliability=Reliability(**classes["reliability"]),
    )


def reliability(by_words: bool) -> Reliability:
    """Tell how right the usual model was: by the visitor's words, or by its own classes."""
    return _fit().reliability if by_words else _fit().class_reliability


def usable_models() -> tuple[Model, ...]:
    """List the models that can name pictures on this host now; those that know words first."""
    here = [
        model
        for model in all_models()
        if understanding(model).way is not Way.NONE and availability(model).path is not None
    ]
    return tuple(sorted(here, key=lambda model: understanding(model).way is not Way.TEXT_SIDE))


def split_words(text: str) -> tuple[str, ...]:
    """Part what a visitor wrote into words: by commas, semicolons or lines, none twice.

    Raises
    ------
    ModelError
        If there are none, or more than 40.
    """
    parts = (" ".join(part.split())[:LONGEST] for part in _BREAKS.split(text))
    first: dict[str, str] = {}
    for part in parts:
        if part:
            first.setdefault(part.casefold(), part)
    words = tuple(first.values())
    if not words:
        raise ModelError(Text("No words were given."))
    if len(words) > MOST_WORDS:
        raise ModelError(
            Text(
                "{count} words are too many: give at most {most}.",
                count=len(words),
                most=MOST_WORDS,
            )
        )
    return words


def understood(model: Model, words: Sequence[str]) -> tuple[tuple[Word, ...], tuple[Text, ...]]:
    """Find what each word is asked as, and say which cannot be asked.

    Returns
    -------
    words : tuple of Word
    notes : tuple of Text

    Raises
    ------
    ModelError
        If the model understands none of them.
    """
    known: list[Word] = []
    unknown: list[str] = []
    for said in words:
        chinese = bool(_CHINESE.search(said)) and understanding(model).way is Way.CLASS_NAMES
        english: English | None = in_english(said) if chinese else None
        if english is not None:
            known.append(Word(said, english.words, english.classes))
            continue
        try:
            known.append(Word(said, check_words(model, said)))
        except ModelError as error:
            if not chinese and len(words) == 1:
                raise error
            unknown.append(said)
    notes = []
    if unknown:
        notes.append(
            Text(
                "Left out, since {model} does not know them: {words}.",
                model=model.label,
                words=UserText(", ".join(unknown)),
            )
        )
    if not known:
        raise ModelError(notes[0])
    return tuple(known), tuple(notes)


def name_by_words(
    model: Model, picture: Picture, words: Sequence[str], memory: Memory | None = None
) -> Named:
    """Choose among words what a picture shows, or none of them.

    Parameters
    ----------
    model : Model
        One of `usable_models`.
    picture : Picture
    words : sequence of str
        As `split_words` gives them.
    memory : Memory or None
        What is worked out of words and picture is kept there.

    Returns
    -------
    Named

    Raises
    ------
    ModelError
        If the model understands none of the words, or cannot be used on this host.
    """
    kept = memory if memory is not None else Memory(2**24)
    asked, notes = understood(model, words)
    if understanding(model).way is Way.TEXT_SIDE:
        shares = _by_captions(model, picture, asked, kept)
        none = None
        notes += (
            Text(
                "Likelihoods are shared out among your words as {model} was trained to do. "
                "When none of them fits was never measured for it: do not take the best for right.",
                model=model.label,
            ),
        )
    else:
        *by_word, none = _by_classes(model, picture, asked, kept)
        shares = by_word
        if model.id != USUAL_MODEL:
            notes += (
                Text(
                    "Measured with {usual}; {model} may be surer or less sure.",
                    usual=model_by_id(USUAL_MODEL).label,
                    model=model.label,
                ),
            )
    answers = [
        Answer(UserText(word.said), float(share)) for word, share in zip(asked, shares, strict=True)
    ]
    answers.sort(key=lambda one: -one.share)
    return Named(
        tuple(answers), None if none is None else float(none), model.id == USUAL_MODEL, notes
    )


def _by_captions(
    model: Model, picture: Picture, words: Sequence[Word], memory: Memory
) -> Sequence[float]:
    asked = tuple(word.asked for word in words)
    texts = memory.recall(("words", model.id, asked), lambda: words_vectors(model, asked))
    vector = memory.recall(
        ("vector", model.id, picture.digest), lambda: encode(model, (picture,), model.framing)
    )
    return [float(share) for share in _softmax(_LOGIT_SCALE * (texts @ vector[0]))]


def _by_classes(
    model: Model, picture: Picture, words: Sequence[Word], memory: Memory
) -> list[float]:
    """Shares of the words, and of none of them last."""
    asked = tuple(word.asked for word in words)
    texts = memory.recall(("words", model.id, asked), lambda: words_vectors(model, asked))
    vectors, lengths = _looked_at(model, picture, memory)
    usual = memory.recall(("typical", model.id), lambda: typical_concepts(model, _LENGTH))
    meant = memory.recall(("meant", asked), lambda: classes_meant(texts))
    meant = meant.copy()
    for row, word in enumerate(words):
        meant[row, list(word.classes)] = True
    logits = class_logits(model, vectors, lengths)
    seen = concepts(model, vectors, lengths)
    return [float(one) for one in word_shares(logits, seen, texts, meant, usual)[0]]


def word_shares(
    logits: Array, seen: Array, texts: Array, meant: NDArray[np.bool_], usual: Array
) -> NDArray[np.float64]:
    """Work out how likely each word is for each picture, and none of them.

    Parameters
    ----------
    logits : ndarray of float32, shape (n, 1000)
    seen : ndarray of float32, shape (n, 384)
        The pictures among the meanings of words, as `words.concepts` places them.
    texts : ndarray of float32, shape (w, 384)
    meant : ndarray of bool, shape (w, 1000)
        Classes that each word names.
    usual : ndarray of float32, shape (1000, 384)
        Typical pictures, as `words.typical_concepts` places them.

    Returns
    -------
    ndarray of float64, shape (n, w + 1)
        Rows sum to 1; the last column is "none of these".
    """
    fit = _fit()
    parts = word_parts(logits, seen, texts, meant, usual)
    weights = (fit.nearness, fit.standing_out, fit.sureness, fit.known)
    said = sum(weight * part for weight, part in zip(weights, parts, strict=True))
    none = np.full((len(logits), 1), fit.none)
    return _softmax(np.hstack([np.asarray(said), none]))


def word_parts(
    logits: Array, seen: Array, texts: Array, meant: NDArray[np.bool_], usual: Array
) -> tuple[NDArray[np.float64], ...]:
    """What speaks for each word, each of shape (n, w): see `word_shares`.

    Returns
    -------
    tuple of ndarray of float64
        Nearness to what is seen; how far that stands out from usual pictures; log-odds of
        the classes that the word names; whether it names any.
    """
    nearness = seen.astype(np.float64) @ texts.T
    ordinary = usual.astype(np.float64) @ texts.T
    standing_out = (nearness - ordinary.mean(axis=0)) / np.maximum(ordinary.std(axis=0), 1e-6)
    known = meant.any(axis=1).astype(np.float64)
    share = _softmax(logits.astype(np.float64)) @ meant.T.astype(np.float64)
    share = np.clip(share, _LEAST_SHARE, 1 - _LEAST_SHARE)
    sureness = np.log(share / (1 - share)) * known
    return nearness, standing_out, sureness, np.broadcast_to(known, nearness.shape)


def name_by_classes(
    model: Model, picture: Picture, count: int = 5, memory: Memory | None = None
) -> Named:
    """Name what a picture shows among the 1,000 kinds of things of a classifier.

    Parameters
    ----------
    model : Model
        One with `classes`.
    picture : Picture
    count : int
        Answers wanted.
    memory : Memory or None

    Returns
    -------
    Named
        Its `none` is None: a classifier always names something. Where even the likeliest class
        is unlikely, the verdict says that it is hard to tell.

    Raises
    ------
    ModelError
        If the model knows no classes or cannot be used on this host.
    """
    if not model.classes:
        raise ModelError(Text("{model} has no names of its own for things.", model=model.label))
    kept = memory if memory is not None else Memory(2**24)
    vectors, lengths = _looked_at(model, picture, kept)
    logits = class_logits(model, vectors, lengths)[0].astype(np.float64)
    shares = _softmax(logits[None] / _fit().temperature)[0]
    best = np.argsort(-shares, kind="stable")[:count]
    names = class_names()
    answers = tuple(Answer(ClassName(names[int(i)]), float(shares[i])) for i in best)
    return Named(answers, None, model.id == USUAL_MODEL)


def _looked_at(model: Model, picture: Picture, memory: Memory) -> tuple[Array, Array]:
    return memory.recall(
        ("vector and length", model.id, picture.digest),
        lambda: encode_with_lengths(model, (picture,), model.framing),
    )


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))
