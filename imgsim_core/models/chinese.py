"""Chinese words for what a classifier knows: names of its classes, and everyday words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class English:
    """What a Chinese word is asked as.

    Parameters
    ----------
    words : str
        English words.
    classes : frozenset of int
        Numbers of the classes that it names; empty for an everyday word.
    """

    words: str
    classes: frozenset[int] = frozenset()


@cache
def _file() -> tuple[tuple[tuple[str, str], ...], dict[str, str]]:
    text = resources.files(__package__).joinpath("class_names.zh.json").read_text(encoding="utf-8")
    content = json.loads(text)
    return tuple((english, chinese) for english, chinese in content["classes"]), content["words"]


def names_in_both() -> tuple[tuple[str, str], ...]:
    """List the English and the Chinese name of each ImageNet class, in the models' order."""
    return _file()[0]


@cache
def chinese_by_english() -> dict[str, str]:
    """Map the English name of each class to its Chinese one; both of a name that is two things."""
    found: dict[str, str] = {}
    for english, chinese in names_in_both():
        known = found.get(english)
        found[english] = chinese if known in (None, chinese) else f"{known}／{chinese}"
    return found


def in_english(word: str) -> English | None:
    """Find what a Chinese word means to a model that knows English names only.

    Parameters
    ----------
    word : str

    Returns
    -------
    English or None
        By an everyday word, else by a class of this very name, else by all classes whose
        name ends with it, else by those that contain it; None if there are none.
    """
    names, words = _file()
    if word in words:
        return English(words[word])
    if not word:
        return None
    for fits in (str.__eq__, str.endswith, str.__contains__):
        classes = [number for number, (_, name) in enumerate(names) if fits(name, word)]
        if classes:
            return English(names[classes[0]][0], frozenset(classes))
    return None
