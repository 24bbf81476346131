"""What naming is worth: fitted on half of the evaluation photographs, measured on the others.

Half of the sets of words hold the right one, half do not; the words are the photographs'
own labels, and coarse names such as dogs or boats.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from bench.reference_photos import DATA, GROUPS
from imgsim_core.applications.objects.kinds import classes_meant
from imgsim_core.applications.objects.naming import USUAL_MODEL, word_parts
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.encoder import encode_framed, framed
from imgsim_core.models.words import class_logits, concepts, typical_concepts, words_vectors
from imgsim_core.picture import open_reduced

SEED = 5
LENGTH = 11.0
NAMES = ("nearness", "standing_out", "sureness", "known", "none")
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Seen:
    """The photographs as the model sees them, and what each of two vocabularies says to them."""

    classes: NDArray[np.int64]
    logits: Array
    fine: tuple[Array, ...]
    coarse: tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class Case:
    """One photograph asked by one set of words; `right` is `len(words)` if none fits."""

    photo: int
    coarse: bool
    words: NDArray[np.int64]
    right: int


@cache
def seen() -> Seen:
    model = model_by_id(USUAL_MODEL)
    with (DATA / "photos" / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    vectors, lengths = [], []
    for start in range(0, len(rows), 32):
        pictures = [
            open_reduced((DATA / "photos" / row["image"]).read_bytes(), row["image"], 400)
            for row in rows[start : start + 32]
        ]
        found = encode_framed(model, [framed(model, one, model.framing) for one in pictures])
        vectors.append(found[0])
        lengths.append(found[1])
    vector, length = np.concatenate(vectors), np.concatenate(lengths)
    logits = class_logits(model, vector, length)
    placed, usual = concepts(model, vector, length), typical_concepts(model, LENGTH)

    def parts(words: list[str]) -> tuple[Array, ...]:
        texts = words_vectors(model, words)
        return word_parts(logits, placed, texts, classes_meant(texts), usual)

    return Seen(
        np.array([int(row["class_index"]) for row in rows]),
        logits.astype(float),
        parts([row["label"] for row in rows]),
        parts(list(GROUPS)),
    )


def cases(photos: NDArray[np.int64], coarse: bool, count: int | None, seed: int) -> list[Case]:
    """Draw sets of words, three for each photograph; `count` None takes 2 to 15 words."""
    random = np.random.default_rng(seed)
    group = np.full(1000, -1)
    for number, classes in enumerate(GROUPS.values()):
        group[list(classes)] = number
    own = group[seen().classes] if coarse else np.arange(len(seen().classes))
    vocabulary = len(GROUPS) if coarse else len(own)
    drawn = []
    for photo in np.tile(photos, 3):
        if own[photo] < 0:
            continue
        wrong = np.setdiff1d(np.arange(vocabulary), [own[photo]])
        words = random.choice(wrong, count or int(random.integers(2, 16)), replace=False)
        right = len(words)
        if random.random() < 0.5:
            right = int(random.integers(len(words)))
            words[right] = own[photo]
        drawn.append(Case(int(photo), coarse, words, right))
    return drawn


def shares(weights: Array, asked: list[Case]) -> Iterator[Array]:
    for one in asked:
        parts = seen().coarse if one.coarse else seen().fine
        said = sum(
            weight * part[one.photo, one.words]
            for weight, part in zip(weights[:4], parts, strict=True)
        )
        logits = np.append(said, weights[4])
        raised = np.exp(logits - logits.max())
        yield raised / raised.sum()


def loss(weights: Array, asked: list[Case]) -> float:
    likely = [max(p[one.right], 1e-9) for p, one in zip(shares(weights, asked), asked, strict=True)]
    return -float(np.mean(np.log(likely)))


def reliability_error(stated: Array, right: NDArray[np.bool_]) -> float:
    """By how much the stated likelihood misses the share that is right, over ten bins."""
    bins = np.minimum((stated * 10).astype(int), 9)
    return float(
        sum(
            (bins == k).mean() * abs(stated[bins == k].mean() - right[bins == k].mean())
            for k in np.unique(bins)
        )
    )


def worth(weights: Array, asked: list[Case]) -> dict[str, float]:
    given = list(shares(weights, asked))
    answer = np.array([p.argmax() for p in given])
    first = np.array([p[:-1].argmax() for p in given])
    truth = np.array([one.right for one in asked])
    count = np.array([len(one.words) for one in asked])
    fits = truth < count
    return {
        "questions": len(asked),
        "photographs": len({one.photo for one in asked}),
        "right": float((answer == truth).mean()),
        "first_word_right_where_one_fits": float((first == truth)[fits].mean()),
        "lost": float((answer == count)[fits].mean()),
        "wrong_word_where_one_fits": float(((answer != truth) & (answer != count))[fits].mean()),
        "wrong": float((answer != count)[~fits].mean()),
        "error": reliability_error(np.array([p.max() for p in given]), answer == truth),
    }


def _by_classes(fitted: NDArray[np.int64], kept: NDArray[np.int64]) -> tuple[float, dict[str, Any]]:
    def given(temperature: float, photos: NDArray[np.int64]) -> Array:
        logits = seen().logits[photos] / temperature
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return raised / raised.sum(axis=1, keepdims=True)

    def cost(temperature: float) -> float:
        likely = given(temperature, fitted)[np.arange(len(fitted)), seen().classes[fitted]]
        return -float(np.log(np.maximum(likely, 1e-9)).mean())

    grid = np.linspace(0.3, 1.5, 121)
    temperature = float(min(grid, key=cost))
    told = given(temperature, kept)
    right = told.argmax(axis=1) == seen().classes[kept]
    sure = told.max(axis=1) >= 0.5
    return temperature, {
        "photographs": len(kept),
        "right": float(right.mean()),
        "lost": float((~sure & right).sum() / max(1, right.sum())),
        "wrong": float((~right)[sure].mean()),
        "error": reliability_error(told.max(axis=1), right),
    }


def measure() -> tuple[dict[str, Any], dict[str, Any]]:
    """Fit on one half and measure on the other.

    Returns
    -------
    tuple of dict
        What ships as naming.json, and all figures.
    """
    order = np.random.default_rng(SEED).permutation(len(seen().classes))
    fitted, kept = np.split(order, 2)
    asked = cases(fitted, False, None, 1) + cases(fitted, True, None, 2)
    found = minimize(
        lambda weights: loss(weights, asked),
        [1.2, 1.6, 1.1, 4.2, 5.2],
        method="Nelder-Mead",
        options={"maxiter": 250},
    )
    weights = np.round(found.x, 4)
    figures = {
        "ten words": worth(weights, cases(kept, False, 10, 3)),
        "2 to 15 words": worth(weights, cases(kept, False, None, 4)),
        "coarse words": worth(weights, cases(kept, True, None, 5)),
    }
    temperature, by_classes = _by_classes(fitted, kept)
    both = worth(weights, cases(kept, False, None, 4) + cases(kept, True, None, 5))
    names = ("photographs", "right", "lost", "wrong", "error")
    ships = {
        "about": "EfficientNet-Lite2 on 1,000 photographs, one of each ImageNet class: fitted on "
        "500, measured on the other 500, by bench/objects_words.py. The model may have learned "
        "from these photographs.",
        "words": {
            "fit": {name: float(one) for name, one in zip(NAMES, weights, strict=True)},
            "reliability": {
                name: both[name] if name == "photographs" else round(both[name], 4)
                for name in names
            },
        },
        "classes": {
            "temperature": round(temperature, 3),
            "reliability": {
                name: one if name == "photographs" else round(one, 4)
                for name, one in by_classes.items()
            },
        },
    }
    return ships, {**figures, "all": both, "by classes": by_classes}
