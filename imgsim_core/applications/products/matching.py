"""Rank the products of a catalogue for one photograph, and say what the best one is worth.

Four parts speak for a product: what the network sees and the title says (semantics), the
subject's colours, its shape, and details found again in the same arrangement. How they are
weighed was fitted on pairs of known truth (`judging.json` says which); the visitor's
sliders, and what the visitor taught, change the order, never the verdict.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from importlib import resources
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.applications.products.by_notion import Seen, seen_by
from imgsim_core.applications.products.catalogue import Catalogue, ProductPicture
from imgsim_core.applications.products.looks import Array, Look, look_of_photograph
from imgsim_core.cutout import Cutout, cut_out
from imgsim_core.errors import NoSubject
from imgsim_core.memory import Memory
from imgsim_core.method import Method
from imgsim_core.methods.keypoints import (
    MatchResult,
    SiftOptions,
    sift_description,
    verified_match,
)
from imgsim_core.models import sentences
from imgsim_core.models.catalogue import Model
from imgsim_core.picture import Picture
from imgsim_core.text import Text

LOOKED_AT = 8
"""Products, from the first on, whose details are compared with the photograph's."""
MOST_WEIGHT = 3.0
DETAILS = SiftOptions(keypoints=800, tilted=False, mirrored=False)
_CUT_SIDE = 160
_LIKELIER_THAN_NOT = 0.5
_ENOUGH = 100  # details beyond which more say nothing more
_NEAR = 0.12  # of a line: whoever lies nearer should be looked at
_NAMES = ("vector", "classes", "words", "colour", "shape", "details")


class Verdict(Enum):
    """What the best product of a catalogue is to a photograph."""

    SAME = "same"
    OTHER_COLOUR = "other-colour"
    KIND = "kind"
    ABSENT = "absent"

    @property
    def label(self) -> Text:
        """Short words for the visitor."""
        return _LABELS[self]


_LABELS = {
    Verdict.SAME: Text("Same product"),
    Verdict.OTHER_COLOUR: Text("Same item, other colour"),
    Verdict.KIND: Text("Same kind of product"),
    Verdict.ABSENT: Text("Not in the catalogue"),
}


@dataclass(frozen=True)
class Weights:
    """How much each part counts in the order, against what was fitted: 1 is as fitted, 0..3."""

    semantics: float = 1.0
    colour: float = 1.0
    shape: float = 1.0
    details: float = 1.0


AS_FITTED = Weights()


@dataclass(frozen=True)
class Match:
    """A product, as an answer to a photograph.

    Parameters
    ----------
    product : int
        Place among the catalogue's products.
    picture : int
        Place of its picture that is most like the photograph.
    semantics, colour, shape : float
        How alike, each from 0 (nothing in common) to 1.
    words : float or None
        Cosine of title and of what the photograph shows, -1 to 1; None without a title.
    details : int or None
        Verified details in common; None if they were not compared.
    value : float
        By which the order is made: weighted sum, in spreads of unrelated products.
    same, kind : float
        Probability that it is the same product, and that it is one of the same kind.
    taught : float or None
        Cosine as the visitor taught it, -1 to 1, higher is more alike; None where no notion
        of his was asked.
    """

    product: int
    picture: int
    semantics: float
    colour: float
    shape: float
    words: float | None
    details: int | None
    value: float
    same: float
    kind: float
    taught: float | None = None


@dataclass(frozen=True)
class Answer:
    """What a catalogue says to one photograph.

    Parameters
    ----------
    name, digest : str
        The photograph's.
    matches : tuple of Match
        The best first.
    verdict : Verdict
        On the likeliest product.
    best : int
        Place among `matches` of the product that the verdict is about.
    sure : bool
        Whether the verdict is one that need not be looked at again.
    notes : tuple of Text
    """

    name: str
    digest: str
    matches: tuple[Match, ...]
    verdict: Verdict
    best: int
    sure: bool
    notes: tuple[Text, ...] = ()


# ── Parts ──────────────────────────────────────────────────────────────────────────


def parts_of(look: Look, catalogue: Catalogue, words: Array | None) -> Mapping[str, Array]:
    """Compare a photograph with every picture of a catalogue, part by part.

    Parameters
    ----------
    look : Look
        The photograph's.
    catalogue : Catalogue
    words : ndarray of float32, shape (products, 384), or None
        Of the titles, as `title_vectors` gives them.

    Returns
    -------
    mapping of str to ndarray of float32, shape (pictures,)
        "vector", "classes", "words" (not a number where there is no title), "colour",
        "shape".
    """
    if words is None or not len(look.concept):
        in_words = np.full(len(catalogue.pictures), np.nan, np.float32)
    else:
        in_words = (words @ look.concept)[catalogue.owners]
    return {
        "vector": catalogue.vectors @ look.vector,
        "classes": catalogue.classes @ look.classes,
        "words": np.asarray(in_words, np.float32),
        "colour": catalogue.colours @ look.colours,
        "shape": catalogue.shapes @ look.shape,
    }


def title_vectors(catalogue: Catalogue) -> Array | None:
    """Place the titles among words; rows of a product without a title are not a number.

    Returns
    -------
    ndarray of float32, shape (products, 384), or None
        None where no product has a title or the sentence encoder is not on this host.
    """
    titled = [place for place, product in enumerate(catalogue.products) if product.title.strip()]
    if not titled or sentences.missing() is not None:
        return None
    vectors = np.full((len(catalogue), sentences.class_vectors().shape[1]), np.nan, np.float32)
    said = sorted({catalogue.products[place].title for place in titled})
    known = dict(zip(said, sentences.sentence_vectors(said), strict=True))
    for place in titled:
        vectors[place] = known[catalogue.products[place].title]
    return vectors


# ── The fitted rule ────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Judging:
    """The rule as it was fitted; see `bench/bench_products.py`.

    Parameters
    ----------
    usual, spread : mapping of str to float
        Mean and standard deviation of each part among wrong products.
    order : mapping of str to float
        Weight of each part in the order.
    same, kind : mapping of str to float
        Weights of each part, and "bias", in the log-odds against "not in the catalogue".
    same_line, absent_line : float
        Least probability of the same product to call it so; probability of not being in
        the catalogue from which that is said.
    other_colour : float
        Colours less alike than this are another colour.
    provenance : mapping
        What it was fitted on and how well it does on what was kept apart.
    """

    usual: Mapping[str, float]
    spread: Mapping[str, float]
    order: Mapping[str, float]
    same: Mapping[str, float]
    kind: Mapping[str, float]
    same_line: float
    absent_line: float
    other_colour: float
    provenance: Mapping[str, Any]

    def apart(self, name: str, values: Any) -> NDArray[np.float64]:
        """Say in spreads how far values lie beyond what is usual; 0 where there is none."""
        if name == "details":
            values = np.minimum(values, _ENOUGH)
        scaled = (np.asarray(values, float) - self.usual[name]) / self.spread[name]
        return np.where(np.isnan(scaled), 0.0, scaled)

    def odds(self, apart: Mapping[str, float]) -> tuple[float, float]:
        """Probabilities of the same product and of the same kind, from parts in spreads."""
        logits = [
            weights["bias"] + sum(weights[name] * apart[name] for name in _NAMES)
            for weights in (self.same, self.kind)
        ]
        top = max(0.0, *logits)
        same, kind = (math.exp(logit - top) for logit in logits)
        whole = same + kind + math.exp(-top)
        return same / whole, kind / whole


@cache
def judging() -> Judging:
    """The rule that ships with the project."""
    place = resources.files("imgsim_core.applications.products").joinpath("judging.json")
    return Judging(**json.loads(place.read_text("utf-8")))


# ── One photograph ─────────────────────────────────────────────────────────────────


def subject_of(photograph: Picture) -> tuple[Cutout | None, tuple[Text, ...]]:
    """Cut a photograph's subject out, or say that it has none.

    Found on a small copy: colours and shape need no finer outline, and somebody waits.
    """
    scale = min(1.0, _CUT_SIDE / max(photograph.width, photograph.height))
    size = (max(1, round(scale * photograph.width)), max(1, round(scale * photograph.height)))
    small = cv2.resize(photograph.rgb, size, interpolation=cv2.INTER_AREA)
    try:
        found = cut_out(Picture(small, photograph.digest, photograph.name))
    except NoSubject:
        note = Text(
            "Nothing stands apart from its background: colours and shape are those of the "
            "middle of the photograph."
        )
        return None, (note,)
    whole = (photograph.width, photograph.height)
    mask = cv2.resize(found.mask.astype(np.uint8), whole, interpolation=cv2.INTER_LINEAR)
    return Cutout(mask.astype(bool), found.way, found.doubt), ()


def match(
    photograph: Picture,
    catalogue: Catalogue,
    model: Model,
    memory: Memory,
    *,
    words: Array | None = None,
    cutout: bool = False,
    weights: Weights = AS_FITTED,
    notion: Method | None = None,
    count: int = 5,
    allowed: NDArray[np.bool_] | None = None,
) -> Answer:
    """Rank a catalogue for a photograph.

    Parameters
    ----------
    photograph : Picture
    catalogue : Catalogue
    model : Model
        The one that the catalogue was described by.
    memory : Memory
        Looks and details are made once and kept there.
    words : ndarray or None
        As `title_vectors` gives them; None leaves titles out.
    cutout : bool
        Whether colours and shape are those of the subject cut out, or of the photograph's
        middle, as the rule was fitted.
    weights : Weights
    notion : Method or None
        One that was taught on this model's vectors: in the order it stands for what the
        network sees. The verdict stays with the network, for which it was fitted.
    count : int
        Matches wanted, at least 1.
    allowed : ndarray of bool, shape (products,), or None
        Which products may be answered; None allows all.

    Returns
    -------
    Answer

    Raises
    ------
    WeightsMissing, WeightsWrong
        If the model cannot be used on this host.
    """
    look, notes = look_at(photograph, model, memory, cutout=cutout)
    parts = parts_of(look, catalogue, words)
    rule = judging()
    apart = {name: rule.apart(name, values) for name, values in parts.items()}
    taught = None if notion is None else seen_by(notion, catalogue, look, memory)
    value = _order(apart, weights, taught)
    if allowed is not None:
        value = np.where(allowed[catalogue.owners], value, -np.inf)
    best = best_pictures(value, catalogue.owners, max(count, LOOKED_AT))
    found = []
    for rank, picture in enumerate(best):
        shown = catalogue.pictures[picture]
        details = None
        if rank < LOOKED_AT:
            details = agreeing(photograph, shown, memory).count
        one = _judged(picture, catalogue, parts, apart, float(value[picture]), details, weights)
        if taught is not None:
            one = replace(one, taught=float(taught.cosines[picture]))
        found.append(one)
    found.sort(key=lambda one: -one.value)
    return _answer(photograph, tuple(found[:count]), notes)


def _order(
    apart: Mapping[str, NDArray[np.float64]], weights: Weights, taught: Seen | None
) -> NDArray[np.float64]:
    """Weigh the parts of every picture but the details, in spreads of unrelated products."""
    order = judging().order
    seen = apart["vector"] if taught is None else taught.apart
    meant = order["vector"] * seen + sum(order[one] * apart[one] for one in ("classes", "words"))
    return np.asarray(
        weights.semantics * meant
        + weights.colour * order["colour"] * apart["colour"]
        + weights.shape * order["shape"] * apart["shape"]
    )


def look_at(
    photograph: Picture, model: Model, memory: Memory, *, cutout: bool
) -> tuple[Look, tuple[Text, ...]]:
    """Describe a photograph, or recall how it looks, with what is to be said of it."""

    def make() -> tuple[Look, tuple[Text, ...]]:
        found, notes = subject_of(photograph) if cutout else (None, ())
        return look_of_photograph(model, photograph, found), notes

    return memory.recall(("product look", model.id, cutout, photograph.digest), make)


def best_pictures(value: NDArray[Any], owners: NDArray[Any], count: int) -> list[int]:
    """Best picture of each of the best products, the best product first."""
    found: dict[int, int] = {}
    for place in np.argsort(-value, kind="stable"):
        if not np.isfinite(value[place]) or len(found) >= count:
            break
        found.setdefault(int(owners[place]), int(place))
    return list(found.values())


def agreeing(photograph: Picture, shown: ProductPicture, memory: Memory) -> MatchResult:
    """Find the details of a product again in a photograph, in the same arrangement."""

    def details(digest: str, opened: Callable[[], Picture]) -> Any:
        return memory.recall(
            ("product details", digest), lambda: sift_description(opened(), DETAILS)
        )

    mine = details(photograph.digest, lambda: photograph)
    theirs = details(shown.digest, shown.opened)
    return memory.recall(
        ("product match", shown.digest, photograph.digest),
        lambda: verified_match(theirs, mine, DETAILS),
    )


def _judged(
    picture: int,
    catalogue: Catalogue,
    parts: Mapping[str, Array],
    apart: Mapping[str, NDArray[np.float64]],
    value: float,
    details: int | None,
    weights: Weights,
) -> Match:
    rule = judging()
    here = {name: float(values[picture]) for name, values in apart.items()}
    here["details"] = float(rule.apart("details", details or 0))
    same, kind = rule.odds(here)
    in_words = float(parts["words"][picture])
    return Match(
        product=int(catalogue.owners[picture]),
        picture=picture,
        semantics=float(np.clip(parts["vector"][picture], 0, 1)),
        colour=float(np.clip(parts["colour"][picture], 0, 1)),
        shape=float(np.clip(parts["shape"][picture], 0, 1)),
        words=None if math.isnan(in_words) else in_words,
        details=details,
        value=value + weights.details * rule.order["details"] * here["details"],
        same=same,
        kind=kind,
    )


def verdict_on(one: Match) -> Verdict:
    """Say what a product is to the photograph, by the lines that were fitted.

    Another colour is said where it is likelier than not the same but for its colours, which
    hardly count in that chance; nothing of the kind was measured, so it is never sure.
    """
    rule = judging()
    if 1 - one.same - one.kind >= rule.absent_line:
        return Verdict.ABSENT
    if one.same >= _LIKELIER_THAN_NOT and one.colour < rule.other_colour:
        return Verdict.OTHER_COLOUR
    return Verdict.SAME if one.same >= rule.same_line else Verdict.KIND


def _answer(photograph: Picture, found: Sequence[Match], notes: tuple[Text, ...]) -> Answer:
    """Judge the likeliest product of those found."""
    rule = judging()
    best = max(range(len(found)), key=lambda place: found[place].same + found[place].kind)
    likeliest = found[best]
    absent = 1 - likeliest.same - likeliest.kind
    verdict = verdict_on(likeliest)
    near = (abs(absent - rule.absent_line), abs(likeliest.same - rule.same_line))
    sure = verdict in (Verdict.SAME, Verdict.ABSENT) and min(near) > _NEAR
    return Answer(photograph.name, photograph.digest, tuple(found), verdict, best, sure, notes)
