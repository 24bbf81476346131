"""Everyday words that stand for many of a classifier's classes at once: dog, cup, boat."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from imgsim_core.models.sentences import CLASSES, class_vectors, sentence_vectors

LIKE = 0.8
"""Scalar product of two words' vectors from which they are taken to mean the same."""

_NEAR_BEST = 0.05  # below the best likeness: dog is no animal at large where there is dog


@cache
def _kinds() -> tuple[tuple[str, ...], NDArray[np.bool_]]:
    file = resources.files(__package__).joinpath("kinds.json")
    told: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))["kinds"]
    members = np.zeros((len(told), CLASSES), np.bool_)
    for row, text in enumerate(told.values()):
        for part in text.split():
            ends = [int(end) for end in part.split("-")]
            members[row, ends[0] : ends[-1] + 1] = True
    return tuple(told), members


@cache
def _vectors() -> NDArray[np.float32]:
    return sentence_vectors(_kinds()[0])


def classes_meant(words: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which classes words name, one by one or as a kind.

    Parameters
    ----------
    words : ndarray of float32, shape (n, 384)
        As `sentences.sentence_vectors` gives them.

    Returns
    -------
    ndarray of bool, shape (n, 1000)
        Rows without any True are of words that name no class.
    """
    to_kinds, to_classes = words @ _vectors().T, words @ class_vectors().T
    best = np.maximum(to_kinds.max(axis=1), to_classes.max(axis=1))[:, None]
    least = np.maximum(LIKE, best - _NEAR_BEST)
    by_kind = ((to_kinds >= least)[:, :, None] & _kinds()[1][None]).any(axis=1)
    return np.asarray(by_kind | (to_classes >= least))
