"""Do they show the same kind of thing? Learned embeddings: one method a model of the catalogue."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgsim_core.method import (
    Described,
    Evidence,
    Facts,
    Family,
    Heatmap,
    Images,
    Method,
    Scale,
    choice,
)
from imgsim_core.models import encoder
from imgsim_core.models.catalogue import Framing, Model, all_models
from imgsim_core.models.framing import Window, window
from imgsim_core.models.own import line_of
from imgsim_core.models.weights import availability
from imgsim_core.picture import Picture
from imgsim_core.text import ClassName, Text

DEFAULT_MODEL = "efficientnet-lite2"
"""The model that comes with the installation, so that the family always answers."""

ARTICLE_MODEL = "clip"

# Measured on 100 photographs, each of another ImageNet class, long side 320 px, all 4,950
# pairs: median 0.23; 0.93 % reach 0.40 when squashed, 0.89 % cropped, 1.05 % padded.
_MEASURED_LINES = {"efficientnet-lite2": 0.40}
# Not measured, since the weights were not at hand: unrelated photographs reach cosines of
# 0.5 to 0.8 with models trained on captions. VGG's and the other classifiers' features are
# never negative, which lifts all cosines too.
_GUESSED_LINE = 0.80

# The map on picture A is drawn at most this many pixels long.
_MAP_SIDE = 240
# Places of two photographs of one kind of thing seldom reach a higher cosine.
_FULLY_LIT = 0.8
# Below this probability the best guess is as a rule wrong: say so.
_UNSURE = 0.2


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a model looks, and how two of its vectors are compared."""

    framing: Literal["crop", "squash", "pad"] = choice(
        "crop",
        Text("Framing"),
        Text("A model sees a square: how should the picture be fitted into it?"),
        {
            "crop": Text("Crop: keep the centre"),
            "squash": Text("Squash: keep everything, change proportions"),
            "pad": Text("Pad: keep everything, add borders"),
        },
    )
    measure: Literal["cosine", "euclidean"] = choice(
        "cosine",
        Text("Measure"),
        Text("How two vectors of length 1 are compared; both put pairs in the same order."),
        {
            "cosine": Text("Cosine: 1 for the same direction"),
            "euclidean": Text("Euclidean distance: 0 for the same point"),
        },
    )


@dataclass(frozen=True, kw_only=True)
class SquashingOptions(Options):
    """The same for models that were made for squashed pictures or fare better with them."""

    framing: Literal["crop", "squash", "pad"] = choice(
        "squash",
        Text("Framing"),
        Text("A model sees a square: how should the picture be fitted into it?"),
        {
            "squash": Text("Squash: keep everything, change proportions"),
            "crop": Text("Crop: keep the centre"),
            "pad": Text("Pad: keep everything, add borders"),
        },
    )


@dataclass(frozen=True, eq=False)
class Embedding:
    """What a model remembers of a picture.

    vector : ndarray of float32, shape (dimension,), of length 1; digest : the picture's.
    """

    vector: NDArray[np.float32]
    digest: str


# ── The score ──────────────────────────────────────────────────────────────────────


def cosine_similarity(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Cosine of the angle between two vectors of length 1.

    Parameters
    ----------
    a, b : ndarray of float32, shape (dimension,)

    Returns
    -------
    float
        -1 to 1.
    """
    return float(np.clip(np.dot(a.astype(np.float64), b.astype(np.float64)), -1, 1))


def euclidean_distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Distance of two vectors of length 1.

    Parameters
    ----------
    a, b : ndarray of float32, shape (dimension,)

    Returns
    -------
    float
        0 to 2.
    """
    return min(2.0, float(np.linalg.norm(a.astype(np.float64) - b.astype(np.float64))))


def compare(a: Embedding, b: Embedding, options: Options) -> float:
    """Compare two embeddings of one model.

    Parameters
    ----------
    a, b : Embedding
    options : Options

    Returns
    -------
    float
        Cosine -1 to 1, or distance 0 to 2. The ideal value is kept for identical files:
        two different pictures may look the same to a model, yet they are not identical.
    """
    euclidean = options.measure == "euclidean"
    if a.digest == b.digest:
        return 0.0 if euclidean else 1.0
    if euclidean:
        return max(euclidean_distance(a.vector, b.vector), float(np.finfo(np.float32).eps))
    return min(cosine_similarity(a.vector, b.vector), math.nextafter(1.0, 0.0))


def _scale(line: float) -> Callable[[Options], Scale]:
    cosine = Scale(identical=1.0, opposite=-1.0, line=line, decimals=3, shown=(0.0, 1.0))
    # The same line in other terms: |a - b|² = 2 - 2 cos for vectors of length 1.
    distance = round(math.sqrt(2 - 2 * line), 2)
    euclidean = Scale(
        identical=0.0, opposite=2.0, line=distance, decimals=3, shown=(math.sqrt(2), 0.0)
    )
    return lambda options: euclidean if options.measure == "euclidean" else cosine


# ── Evidence ───────────────────────────────────────────────────────────────────────


def evidence(
    model: Model,
    a: Picture,
    b: Picture,
    framing: Framing,
    carry: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None,
) -> tuple[Evidence, ...]:
    """Show what a model found in common, and what it saw.

    Parameters
    ----------
    model : Model
    a, b : Picture
    framing : str
    carry : callable or None
        (ndarray of float32, shape (n, dimension)) -> the same shape: where vectors are
        compared after having been carried elsewhere. Each place of a picture is carried
        too, if the model's vector is the mean of its places.

    Returns
    -------
    tuple of Evidence
        The map over A first.
    """
    features_a, features_b = (
        _carried(model, encoder.patch_features(model, one, framing), carry) for one in (a, b)
    )
    alike_a, alike_b = encoder.best_likeness(features_a, features_b)
    seen_a, seen_b = encoder.framed(model, a, framing), encoder.framed(model, b, framing)
    map_of_a = Heatmap(
        title=Text("Where A looks like something in B"),
        values=_over_picture(alike_a, a, window(model, a, framing)),
        low=0.0,
        high=1.0,
        low_label=Text("nothing like it in B"),
        high_label=Text("same thing in B"),
    )
    lit = Images(
        title=Text("Each picture lit where the other has something like it"),
        images=(
            (Text("A: bright where B has the like"), _lit(seen_a, alike_a)),
            (Text("B: bright where A has the like"), _lit(seen_b, alike_b)),
        ),
    )
    seen = Images(
        title=Text("What the model saw"),
        images=(
            (_seen_caption("A", a, window(model, a, framing)), seen_a),
            (_seen_caption("B", b, window(model, b, framing)), seen_b),
        ),
    )
    # Names of kinds are the model's own notion: beside a taught one they would mislead
    named = model.classes and carry is None
    names = (_class_facts(model, a, b, framing),) if named else ()
    return (map_of_a, lit, *names, seen)


def _carried(
    model: Model,
    places: NDArray[np.float32],
    carry: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None,
) -> NDArray[np.float32]:
    rows, columns, channels = places.shape
    if carry is None or model.kind != "picture" or channels != model.dimension:
        return places
    return carry(places.reshape(-1, channels)).reshape(rows, columns, channels)


def _point_out(
    model: Model, a: Picture, b: Picture, options: Options, x: float, y: float
) -> Heatmap:
    """Tell where B looks like one spot of A; a spot the model does not see counts as nearest."""
    framing = options.framing
    rows, columns = encoder.patch_features(model, a, framing).shape[:2]
    part = window(model, a, framing)
    column = (x - part.left) / (part.right - part.left) * columns
    row = (y - part.top) / (part.bottom - part.top) * rows
    place = (int(np.clip(row, 0, rows - 1)), int(np.clip(column, 0, columns - 1)))
    alike = encoder.patch_similarity(model, a, b, *place, framing)
    return Heatmap(
        title=Text("Where B looks like that spot of A"),
        values=_over_picture(alike, b, window(model, b, framing)),
        low=0.0,
        high=1.0,
        low_label=Text("nothing like it"),
        high_label=Text("same thing"),
    )


def _over_picture(grid: NDArray[np.float32], picture: Picture, part: Window) -> NDArray[np.float32]:
    """Lay a grid over the whole picture; 0 where the model did not look."""
    scale = min(1.0, _MAP_SIDE / max(picture.width, picture.height))
    width, height = (max(1, round(edge * scale)) for edge in (picture.width, picture.height))
    rows, columns = grid.shape
    across = part.left + (part.right - part.left) * np.array([0.0, 1.0])
    down = part.top + (part.bottom - part.top) * np.array([0.0, 1.0])
    # Each pixel's place in the grid, in cells; cell centres lie at whole numbers.
    x = ((np.arange(width) + 0.5) / width - across[0]) / (across[1] - across[0]) * columns - 0.5
    y = ((np.arange(height) + 0.5) / height - down[0]) / (down[1] - down[0]) * rows - 0.5
    smooth = _between_cells(_between_cells(np.clip(grid, 0, 1), y).T, x).T
    outside_x = (x < -0.5) | (x > columns - 0.5)
    outside_y = (y < -0.5) | (y > rows - 0.5)
    smooth[outside_y[:, None] | outside_x[None, :]] = 0.0
    return np.ascontiguousarray(smooth, dtype=np.float32)


def _between_cells(rows: NDArray[np.float32], at: NDArray[np.float64]) -> NDArray[np.float32]:
    """Interpolate linearly between the rows of an array; constant beyond its ends."""
    last = len(rows) - 1
    at = np.clip(at, 0, last)
    below = np.floor(at).astype(np.intp)
    above = np.minimum(below + 1, last)
    share = (at - below)[:, None].astype(np.float32)
    mixed: NDArray[np.float32] = rows[below] * (1 - share) + rows[above] * share
    return mixed


def _lit(square: NDArray[np.uint8], alike: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Darken what has no like; squared, since eyes compare ratios of brightness."""
    share = np.clip(alike / _FULLY_LIT, 0, 1) ** 2
    small = Image.fromarray(share.astype(np.float32))
    light = np.asarray(small.resize(square.shape[1::-1], Image.Resampling.BILINEAR))
    lit: NDArray[np.uint8] = (square * (0.1 + 0.9 * light[..., None])).round().astype(np.uint8)
    return lit


def _seen_caption(side: str, picture: Picture, part: Window) -> Text:
    across = min(1.0, part.right - part.left)
    down = min(1.0, part.bottom - part.top)
    share = round(100 * across * down)
    if share >= 100:
        return Text("{side}, the whole picture", side=side)
    return Text("{side}, {share} % of the picture", side=side, share=share)


def _class_facts(model: Model, a: Picture, b: Picture, framing: Framing) -> Facts:
    return Facts(
        title=Text("What it takes them for, among 1,000 kinds of things"),
        rows=(_guesses(model, "A", a, framing), _guesses(model, "B", b, framing)),
    )


def _guesses(model: Model, side: str, picture: Picture, framing: Framing) -> tuple[Text, Text]:
    guesses = encoder.top_classes(model, picture, framing)
    worth_saying = [guess for guess in guesses if guess[1] >= 0.01] or guesses[:1]
    said = [
        Text("{name} {share} %", name=ClassName(name), share=f"{100 * share:.0f}")
        for name, share in worth_saying
    ]
    words = reduce(
        lambda first, others: Text("{first}, {others}", first=first, others=others), said
    )
    if guesses[0][1] < _UNSURE:
        return Text("The model is unsure about {side}; it guesses", side=side), words
    return Text("The model would call {side}", side=side), words


# ── The methods ────────────────────────────────────────────────────────────────────


def _method(model: Model) -> Method:
    options = SquashingOptions if model.framing == "squash" else Options
    scale_of = _scale(_MEASURED_LINES.get(model.id) or line_of(model.id) or _GUESSED_LINE)
    about = Text("{about} It is blind to exact colours, sharpness and position.", about=model.about)

    def describe(picture: Picture, options: Options) -> Embedding:
        vector = encoder.encode(model, (picture,), options.framing)[0]
        vector.setflags(write=False)
        return Embedding(vector, picture.digest)

    def explain(a: Described, b: Described, options: Options) -> tuple[Evidence, ...]:
        return evidence(model, a.picture, b.picture, options.framing)

    return Method(
        id=model.id,
        label=model.label,
        family=Family.SEMANTICS,
        scale=scale_of(options()),
        # What was taught on this host may go by colour alone
        about=about if model.taught_from is None else model.about,
        formula=r"\cos\theta = \frac{u \cdot v}{\lVert u \rVert \, \lVert v \rVert}",
        source=model.source,
        options=options,
        describe=describe,
        compare=compare,
        explain=explain,
        headline=model.id == DEFAULT_MODEL,
        scale_by_options=scale_of,
        point_out=partial(_point_out, model),
        availability=lambda: availability(model).reason,
    )


def _methods() -> tuple[Method, ...]:
    methods = {model.id: _method(model) for model in all_models()}
    article = methods[ARTICLE_MODEL]
    methods[ARTICLE_MODEL] = replace(
        article,
        about=Text("{about} The article shows this cosine × 100.", about=article.about),
        formula=article.formula + r",\quad \text{article} = 100 \cos\theta",
        article=Options(framing="crop", measure="cosine"),
        article_result=Text("76.77, the cosine × 100"),
    )
    return tuple(methods.values())


METHODS = _methods()
