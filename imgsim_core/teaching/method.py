"""A taught head as a method: what it compares, what its number means, when it can be used."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.errors import UnknownModel, WrongHead
from imgsim_core.method import (
    Described,
    Evidence,
    Examples,
    Family,
    Method,
    NoOptions,
    OnVectors,
    Scale,
)
from imgsim_core.methods import semantics
from imgsim_core.models import encoder
from imgsim_core.models.catalogue import Model, model_by_id
from imgsim_core.models.identity import encoder_key
from imgsim_core.models.weights import availability
from imgsim_core.own_examples import line_by_examples
from imgsim_core.picture import Picture
from imgsim_core.teaching.head import Head
from imgsim_core.text import Text, UserText

PREFIX = "taught-"
_DIGITS = 16
_FEWEST = 5  # scores of either sort, for them to say anything
_USUAL_LINE = 0.8  # where a head does not say how its groups score
_USUAL_RATE = 0.01
_LONGEST = 40  # letters of a name
# What markdown reads as more than letters: labels of widgets are drawn as markdown
_MARKUP = str.maketrans(dict.fromkeys("*_`[]()<>#$~|\\:!@&", " "))
_ADDRESS = re.compile(r"www\.", re.IGNORECASE)  # becomes a link by itself
_SOURCE = "https://doi.org/10.1142/S0218001493000339"


def taught_method(head: Head) -> Method:
    """Make a method of a head.

    Parameters
    ----------
    head : Head

    Returns
    -------
    Method
        Its id begins with `PREFIX` and goes on with the head's digest, so that the same
        head is the same method everywhere.

    Raises
    ------
    WrongHead
        If its base model is unknown here, or has vectors of another length.
    """
    model = _base_of(head)
    examples = _examples(head.summary)
    line = _USUAL_LINE if examples is None else line_by_examples(examples, _USUAL_RATE)
    measure = semantics.Options(framing=model.framing)

    def describe(picture: Picture, options: NoOptions) -> semantics.Embedding:
        vector = head(encoder.encode(model, (picture,), model.framing))[0]
        vector.setflags(write=False)
        return semantics.Embedding(vector, picture.digest)

    def compare(a: semantics.Embedding, b: semantics.Embedding, options: NoOptions) -> float:
        return semantics.compare(a, b, measure)

    def explain(a: Described, b: Described, options: NoOptions) -> tuple[Evidence, ...]:
        return semantics.evidence(model, a.picture, b.picture, model.framing, head)

    def reason() -> Text | None:
        missing = availability(model).reason
        if missing is not None or encoder_key(model) == head.base:
            return missing
        return Text(
            "{name} was taught on other weights of {model} than this server has.",
            name=UserText(name_to_show(head)),
            model=model.label,
        )

    return Method(
        id=PREFIX + head.digest[:_DIGITS],
        label=Text("{name} (taught)", name=name_to_show(head)),
        family=Family.SEMANTICS,
        scale=Scale(
            identical=1.0, opposite=-1.0, line=round(line, 3), decimals=3, shown=(-1.0, 1.0)
        ),
        about=Text(
            "Taught with {pictures} pictures in {groups} groups, on top of {model}. It sees what "
            "sets those groups apart, and is blind to what varies within them.",
            pictures=_count(head.summary, "pictures"),
            groups=_count(head.summary, "groups"),
            model=model.label,
        ),
        formula=(
            r"\cos\theta = \frac{u \cdot v}{\lVert u \rVert \, \lVert v \rVert},\quad "
            r"u = x + U D x + s"
        ),
        source=_SOURCE,
        describe=describe,
        compare=compare,
        explain=explain,
        availability=reason,
        on_vectors=OnVectors(head.base, head),
        examples=examples,
    )


def name_to_show(head: Head) -> str:
    """Name of a head, made harmless wherever it is drawn; it may come from anybody's file."""
    letters = "".join(one for one in head.name.translate(_MARKUP) if one.isprintable())
    letters = _ADDRESS.sub("www ", letters)
    return " ".join(letters.split())[:_LONGEST] or "?"


def _base_of(head: Head) -> Model:
    try:
        model = model_by_id(head.base.partition("/")[0])
    except UnknownModel:
        raise WrongHead(
            Text(
                "{name} was taught on a model that is not known here: {base}.",
                name=UserText(head.name),
                base=UserText(head.base[:40]),
            )
        ) from None
    if head.dimension != model.dimension:
        raise WrongHead(
            Text(
                "{name} does not fit {model}: it was made for vectors of another length.",
                name=UserText(head.name),
                model=model.label,
            )
        )
    return model


def _examples(summary: dict[str, Any]) -> Examples | None:
    """Read how the groups scored; a file says what it likes, so each number is looked at."""
    same, different = (_scores(summary.get(key)) for key in ("same", "different"))
    if same is None or different is None:
        return None
    counts = summary.get("pairs")
    if isinstance(counts, list) and [type(one) for one in counts] == [int, int]:
        return Examples(same, different, (max(1, counts[0]), max(1, counts[1])))
    return Examples(same, different, (1, 1))  # nobody knows how many there were


def _scores(found: object) -> NDArray[np.float32] | None:
    if not isinstance(found, list) or len(found) < _FEWEST:
        return None
    if not all(isinstance(one, (int, float)) and -1 <= one <= 1 for one in found):
        return None
    return np.sort(np.array(found, np.float32))


def _count(summary: dict[str, Any], key: str) -> str:
    found = summary.get(key)
    return str(found) if isinstance(found, int) else "?"
