"""Photograph to shop picture: how often the right product comes first, and what verdicts err.

    python -m bench.bench_products [--renders FOLDER] [--fit]

Sets, each in two halves that share no product: what is fitted is fitted on one half
(`--fit` writes `judging.json`), what is reported is reported on the other.

- kinds: photographs of `data/photos` whose class a 3-D rendering on white shows too: another
  thing of the same kind. The renderings come from an npm package, which is not part of this
  project (`npm pack @lobehub/fluent-emoji-3d`, MIT; FOLDER holds its webp files).
- made: simulated photographs of those very renderings, single or on a full shelf, turned,
  in another light, partly hidden, before other photographs: the same product.
- packages: simulated photographs of packages drawn by this project, of four brands whose
  packages look alike: the same product.
- cut: photographs cut out and laid on white are the shop's pictures; the photographs
  themselves, turned, cropped and in another light, are asked: the same product.

Titles are the renderings' Unicode names, and the class names in the set "cut".
"""

from __future__ import annotations

import argparse
import hashlib
import io
import itertools
import json
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.optimize import minimize

from bench.measure import Moment
from bench.reference_photos import DATA
from imgsim_core.applications.products.camera import photographed, random_shot
from imgsim_core.applications.products.catalogue import (
    SIDE,
    Catalogue,
    Product,
    ProductPicture,
)
from imgsim_core.applications.products.drawn import Print, package
from imgsim_core.applications.products.looks import (
    colours_of,
    look_of_photograph,
    look_of_product,
    shape_of,
    tight,
)
from imgsim_core.applications.products.matching import (
    agreeing,
    best_pictures,
    match,
    parts_of,
    subject_of,
    title_vectors,
)
from imgsim_core.applications.products.sample_catalogue import PHOTOGRAPHS, sample_catalogue
from imgsim_core.comparison import Question
from imgsim_core.cutout import cut_out, without_background
from imgsim_core.distort import damage_by_id
from imgsim_core.errors import ImgSimError
from imgsim_core.memory import Memory
from imgsim_core.methods.semantics import DEFAULT_MODEL
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.encoder import encode_framed
from imgsim_core.models.framing import framed
from imgsim_core.picture import Picture, open_picture, open_reduced
from imgsim_core.registry import method_by_id

HERE = Path(__file__).parent
RULE = HERE.parent / "imgsim_core" / "applications" / "products" / "judging.json"
SEED = 20261123
FITTED, REPORTED = 0, 1  # the two halves
COMPARED = 3  # products whose details are compared, besides the true one
SETS = ("kinds", "made", "shelf", "packages", "cut")
NAMES = ("vector", "classes", "words", "colour", "shape")

# ImageNet class (as `data/photos/labels.csv` calls it) and a rendering of such a thing
PAIRED = json.loads((HERE / "products_paired.json").read_text("utf-8"))


@dataclass(frozen=True)
class Asked:
    """A photograph, and which product it shows."""

    photograph: Picture
    truth: int
    kind: str
    half: int


def picture_of(rgb: NDArray[np.uint8], name: str, quality: int = 92) -> Picture:
    """Write an array as a JPEG and open it through the gate."""
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=quality)
    return open_picture(stream.getvalue(), name)


def half_of(name: str) -> int:
    """Half of a product, by its name alone."""
    return hashlib.sha256(name.encode()).digest()[0] % 2


@cache
def photographs() -> Mapping[str, Picture]:
    """Photographs of `data/photos` by class name, those that are paired only."""
    lines = (DATA / "photos" / "labels.csv").read_text("utf-8").splitlines()[1:]
    found = {}
    for line in lines:
        image, _, _, label = line.split(",", 3)
        if label in PAIRED:
            data = (DATA / "photos" / image).read_bytes()
            found[label] = open_reduced(data, image, SIDE)
    return found


def rendering(folder: Path, code: str) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Open a rendering: its colours, and where it is."""
    with Image.open(folder / f"{code}.webp") as image:
        rgba = np.asarray(image.convert("RGBA"))
    return np.ascontiguousarray(rgba[..., :3]), rgba[..., 3] > 127


def on_white(rgb: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Lay a rendering on white, with room around it."""
    laid = np.where(mask[..., None], rgb, np.uint8(255))
    rim = round(0.12 * max(mask.shape))
    return np.pad(laid, ((rim, rim), (rim, rim), (0, 0)), constant_values=255)


def described(name: str, shown: Sequence[tuple[str, str, Picture]]) -> Catalogue:
    """Make a catalogue of pictures at hand: (SKU, title, picture) each."""
    model = model_by_id(DEFAULT_MODEL)
    products, pictures, looks = [], [], []
    for place, (sku, title, picture) in enumerate(shown):
        stream = io.BytesIO()
        Image.fromarray(picture.rgb).save(stream, "JPEG", quality=85)
        small = stream.getvalue()
        products.append(Product(sku, title))
        digest = hashlib.sha256(small).hexdigest()
        pictures.append(ProductPicture(place, picture.name, digest, small))
        looks.append(look_of_product(model, picture))
    return Catalogue(name, tuple(products), tuple(pictures), tuple(looks))


def rendered(folder: Path) -> tuple[Catalogue, list[Asked]]:
    """Bring the catalogue of renderings, with what is asked of it."""
    codes = sorted(set(PAIRED.values()))
    shown, asked = [], []
    for code in codes:
        title = unicodedata.name(chr(int(code.split("-")[0], 16)), code).lower()
        picture = picture_of(on_white(*rendering(folder, code)), f"{code}.jpg")
        shown.append((code, title, picture))
    scenes = list(photographs().values())
    for label, photograph in photographs().items():
        place = codes.index(PAIRED[label])
        asked.append(Asked(photograph, place, "kinds", half_of(PAIRED[label])))
    random = np.random.default_rng(SEED)
    for place, code in enumerate(codes):
        if place % 3:
            continue
        shelf = place % 9 == 0
        scene = scenes[(7 * place) % len(scenes)].rgb
        shot = random_shot(random, shelf=shelf)
        rgb = photographed(*rendering(folder, code), scene, shot, place)
        made = picture_of(rgb, f"made-{code}.jpg", 80)
        asked.append(Asked(made, place, "shelf" if shelf else "made", half_of(code)))
    return described("renderings", shown), asked


def cut() -> tuple[Catalogue, list[Asked]]:
    """Bring the catalogue of photographs cut out, with the photographs as they are asked."""
    shown, asked = [], []
    random = np.random.default_rng(SEED)
    for label, photograph in list(photographs().items())[::6]:
        try:
            subject = without_background(photograph, cut_out(photograph))
        except ImgSimError:
            continue
        shown.append((label, label, picture_of(subject.rgb, f"{label}.jpg")))
        rgb = damage_by_id("turn")(photograph.rgb, float(random.uniform(4, 20)))
        rgb = damage_by_id("crop")(rgb, float(random.uniform(5, 25)))
        rgb = damage_by_id("darkness")(rgb, float(random.uniform(5, 35)))
        rgb = damage_by_id("warmth")(rgb, float(random.uniform(5, 30)))
        asked.append(
            Asked(picture_of(rgb, f"asked-{label}.jpg", 80), len(shown) - 1, "cut", half_of(label))
        )
    return described("cut out", shown), asked


_BRANDS = ("LINDEN", "SOLERA", "ALMA", "MONTE")
_GOODS = ("Green tea", "Apple juice", "Whole milk", "Corn flakes", "Coffee beans", "Hand soap")


def packages() -> tuple[Catalogue, list[Asked]]:
    """Bring a catalogue of drawn packages, four brands of six goods, and simulated shots."""
    random = np.random.default_rng(SEED)
    scenes = list(photographs().values())
    shown, asked = [], []
    for place, (brand, goods) in enumerate(itertools.product(_BRANDS, _GOODS)):
        ground, accent = random.integers(40, 250, (2, 3)).tolist()
        gable = goods in ("Apple juice", "Whole milk")
        size = (220, 420) if gable else (300, 400)
        said = Print(brand, goods, tuple(ground), tuple(accent), place)
        rgb, mask = package(size, said, gable=gable)
        name = f"{brand} {goods}".lower()
        shown.append((name, name, picture_of(on_white(rgb, mask), f"{name}.jpg")))
        shot = random_shot(random, shelf=place % 3 == 0)
        taken = photographed(rgb, mask, scenes[(11 * place) % len(scenes)].rgb, shot, place)
        photograph = picture_of(taken, f"asked-{name}.jpg", 80)
        asked.append(Asked(photograph, place, "packages", half_of(name)))
    return described("packages", shown), asked


# ── Scores ─────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Scored:
    """One photograph against every product of its catalogue, each part an array."""

    kind: str
    half: int
    truth: int
    parts: Mapping[str, NDArray[np.float32]]
    details: NDArray[np.float32]  # not a number where they were not compared


def scored(
    catalogue: Catalogue, asked: Sequence[Asked], memory: Memory, *, cutouts: bool = False
) -> Iterator[Scored]:
    """Compare every photograph with every product, ours and both peers."""
    model = model_by_id(DEFAULT_MODEL)
    words = title_vectors(catalogue)
    opened = [picture.opened() for picture in catalogue.pictures]
    colour = method_by_id("histogram")
    question = Question(colour, colour.options())
    counted = [colour.describe(picture, question.options) for picture in opened]
    plain = _whole(opened)
    for one in asked:
        parts = dict(parts_of(look_of_photograph(model, one.photograph, None), catalogue, words))
        if cutouts:
            cutout, _ = subject_of(one.photograph)
            if cutout is not None:
                subject, cover = tight(one.photograph.rgb, cutout.mask)
                parts["colour, cut out"] = catalogue.colours @ colours_of(subject, cover)
                parts["shape, cut out"] = catalogue.shapes @ shape_of(subject)
            else:
                parts |= {f"{name}, cut out": parts[name] for name in ("colour", "shape")}
        mine = colour.describe(one.photograph, question.options)
        parts["peer colour"] = np.array(
            [colour.compare(mine, theirs, question.options) for theirs in counted], np.float32
        )
        parts["peer Lite2"] = plain @ _whole([one.photograph])[0]
        details = np.full(len(catalogue), np.nan, np.float32)
        rough = parts["vector"] + parts["classes"] + 0.3 * parts["colour"]
        for place in {*best_pictures(rough, catalogue.owners, COMPARED), one.truth}:
            details[place] = agreeing(one.photograph, catalogue.pictures[place], memory).count
        yield Scored(one.kind, one.half, one.truth, parts, details)


def _whole(pictures: Sequence[Picture]) -> NDArray[np.float32]:
    model = model_by_id(DEFAULT_MODEL)
    return np.concatenate(
        [encode_framed(model, [framed(model, one, model.framing)])[0] for one in pictures]
    )


def measured(folder: Path | None, kept: Path | None, cutouts: bool) -> list[Scored]:
    """Score all sets, or read the scores kept from another run."""
    if kept is not None and kept.exists():
        return list(np.load(kept, allow_pickle=True)["scores"])
    memory = Memory(256 * 2**20)
    found: list[Scored] = []
    for catalogue, asked in [
        packages(),
        cut(),
        *([rendered(folder)] if folder is not None else []),
    ]:
        for number, one in enumerate(scored(catalogue, asked, memory, cutouts=cutouts), 1):
            found.append(one)
            print(f"{catalogue.name}: {number} of {len(asked)}", file=sys.stderr, flush=True)
    if kept is not None:
        np.savez(kept, scores=np.array(found, object))
    return found


# ── Fitting, on one half ───────────────────────────────────────────────────────────

Rule = dict[str, Any]


def fitted(scores: Sequence[Scored]) -> Rule:
    """Fit order, verdict and lines; see `Judging` for the parts of the answer."""
    rule: Rule = _usual(scores)
    rule["order"] = _order(rule, scores)
    rule |= _odds(rule, scores)
    rule |= _lines(rule, scores)
    return rule


def _usual(scores: Sequence[Scored]) -> Rule:
    """Mean and spread of each part among wrong products."""
    usual, spread = {}, {}
    for name in NAMES:
        wrong = np.concatenate([np.delete(one.parts[name], one.truth) for one in scores])
        usual[name], spread[name] = float(np.nanmean(wrong)), float(np.nanstd(wrong))
    # Packages of one brand share up to 30 details, all others none: a spread is set to 25
    usual["details"], spread["details"] = 0.0, 25.0
    return {"usual": usual, "spread": spread}


def apart(rule: Rule, one: Scored) -> NDArray[np.float64]:
    """All parts in spreads, shape (products, 6), 0 where there is none."""
    columns = [(one.parts[name] - rule["usual"][name]) / rule["spread"][name] for name in NAMES]
    columns.append(np.minimum(one.details, 100) / rule["spread"]["details"])
    return np.nan_to_num(np.stack(columns, axis=1))


def _order(rule: Rule, scores: Sequence[Scored]) -> dict[str, float]:
    """Weights under which the right product is likeliest to come first; none below 0."""
    parts = [(apart(rule, one), one.truth) for one in scores]

    def cost(weights: NDArray[np.float64]) -> float:
        values = [(features @ weights, truth) for features, truth in parts]
        lost = [np.logaddexp.reduce(value) - value[truth] for value, truth in values]
        return float(np.mean(lost) + 0.005 * weights @ weights)

    start = np.full(len(NAMES) + 1, 0.5)
    found = minimize(cost, start, method="L-BFGS-B", bounds=[(0, None)] * len(start))
    return dict(zip((*NAMES, "details"), np.round(found.x, 3).tolist(), strict=True))


def _first(rule: Rule, one: Scored, *, without_truth: bool) -> int:
    """Which product comes first, the right one there or taken out."""
    value = apart(rule, one) @ np.array(list(rule["order"].values()))
    if without_truth:
        value[one.truth] = -np.inf
    return int(np.argmax(value))


def _odds(rule: Rule, scores: Sequence[Scored]) -> Rule:
    """Weights of the log-odds of same product and same kind against neither."""
    rows, labels = [], []
    for one in scores:
        features = apart(rule, one)
        rows.append(features[one.truth])
        labels.append("kind" if one.kind == "kinds" else "same")
        rows.append(features[_first(rule, one, without_truth=True)])
        labels.append("absent")
    return _chances_fitted(np.array(rows), labels)


def _chances_fitted(rows: NDArray[np.float64], labels: Sequence[str]) -> Rule:
    """Fit a multinomial logistic rule; likeness never speaks against a product."""
    count = rows.shape[1] + 1
    wanted = np.array([("absent", "same", "kind").index(label) for label in labels])
    with_bias = np.hstack([np.ones((len(rows), 1)), rows])

    def cost(weights: NDArray[np.float64]) -> float:
        logits = np.hstack([np.zeros((len(rows), 1)), with_bias @ weights.reshape(2, count).T])
        lost = np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(rows)), wanted]
        return float(np.mean(lost) + 0.001 * weights @ weights)

    bounds = [(None, None), *[(0, None)] * (count - 1)] * 2
    found = minimize(cost, np.zeros(2 * count), method="L-BFGS-B", bounds=bounds)
    rounded = np.round(found.x.reshape(2, count), 3).tolist()
    names = ("bias", *NAMES, "details")
    return {
        label: dict(zip(names, weights, strict=True))
        for label, weights in zip(("same", "kind"), rounded, strict=True)
    }


def chances(rule: Rule, features: NDArray[np.float64]) -> tuple[float, float]:
    """Probability of the same product and of the same kind."""
    logits = [
        rule[name]["bias"] + float(features @ [rule[name][part] for part in (*NAMES, "details")])
        for name in ("same", "kind")
    ]
    odds = np.exp(np.array([0.0, *logits]) - max(0.0, *logits))
    return float(odds[1] / odds.sum()), float(odds[2] / odds.sum())


def _lines(rule: Rule, scores: Sequence[Scored]) -> Rule:
    """Lines: nine of ten said to be the same are; one of ten there is said to be absent."""
    asked = [
        (*chances(rule, apart(rule, one)[first]), first == one.truth and one.kind != "kinds", there)
        for one in scores
        for there in (True, False)
        for first in [_first(rule, one, without_truth=not there)]
    ]
    same_line = 0.95
    for line in np.arange(0.95, 0.3, -0.01):
        said = [right for same, _, right, _ in asked if same >= line]
        if said and np.mean(said) < 0.9:
            break
        same_line = float(line)
    absent = [1 - same - kind for same, kind, _, there in asked if there]
    likely = [float(one.parts["colour"][one.truth]) for one in scores if one.kind != "kinds"]
    return {
        "same_line": round(max(0.5, same_line), 3),
        "absent_line": round(max(0.5, float(np.quantile(absent, 0.9))), 3),
        "other_colour": round(float(np.quantile(likely, 0.05)), 3),
    }


# ── Reporting, on the other ────────────────────────────────────────────────────────


def recalls(
    scores: Sequence[Scored], value: Callable[[Scored], NDArray[Any]]
) -> tuple[float, float]:
    """How often the right product is first, and among the first five."""
    ranks = []
    for one in scores:
        values = np.nan_to_num(value(one), nan=-1e9)
        ranks.append(int((values > values[one.truth]).sum()))
    return float(np.mean(np.array(ranks) < 1)), float(np.mean(np.array(ranks) < 5))


def rows_of(rule: Rule, cutouts: bool = False) -> dict[str, Callable[[Scored], NDArray[Any]]]:
    """Everything that is compared: both peers, each part, ours without and with titles."""
    weights = np.array(list(rule["order"].values()))
    untitled = weights * (np.array([*NAMES, "details"]) != "words")
    smooth = weights * (np.array([*NAMES, "details"]) != "details")
    parts: dict[str, Callable[[Scored], NDArray[Any]]] = {
        "colour histogram alone": lambda one: one.parts["peer colour"],
        "Lite2 alone": lambda one: one.parts["peer Lite2"],
    }
    for name in (*NAMES, *(("colour, cut out", "shape, cut out") if cutouts else ())):
        parts[f"part: {name}"] = lambda one, name=name: one.parts[name]
    parts["ours, without titles"] = lambda one: apart(rule, one) @ untitled
    parts["ours, without details"] = lambda one: apart(rule, one) @ smooth
    parts["ours"] = lambda one: apart(rule, one) @ weights
    return parts


def verdicts(rule: Rule, scores: Sequence[Scored]) -> Rule:
    """How verdicts err, each photograph asked with its product there and taken out."""
    said: dict[str, list[bool]] = {"same": [], "absent": []}
    called_same = []
    for one in scores:
        for there in (True, False):
            first = _first(rule, one, without_truth=not there)
            same, kind = chances(rule, apart(rule, one)[first])
            if 1 - same - kind >= rule["absent_line"]:
                said["absent"].append(not there)
                verdict = "absent"
            elif same >= rule["same_line"]:
                said["same"].append(first == one.truth and one.kind != "kinds")
                verdict = "same"
            else:
                verdict = "kind"
            if not there:
                called_same.append(verdict == "same")
    return {
        "photographs": 2 * len(scores),
        "same_said": len(said["same"]),
        "same_right": round(float(np.mean(said["same"])), 3),
        "absent_said": len(said["absent"]),
        "absent_right": round(float(np.mean(said["absent"])), 3),
        "absent_called_same": round(float(np.mean(called_same)), 3),
    }


def rows() -> list[Moment]:
    """Measure what a visitor waits for: the first answer from samples, described anew."""
    model, memory = model_by_id(DEFAULT_MODEL), Memory(64 * 2**20)
    catalogue = sample_catalogue(model)
    photograph = PHOTOGRAPHS[0].opened()
    started = time.perf_counter()
    answer = match(photograph, catalogue, model, memory)
    seconds = time.perf_counter() - started
    note = f"{answer.verdict.value}, catalogue of {len(catalogue)} described before"
    return [Moment("photograph matched with the sample catalogue", seconds, "s", 3.0, note)]


def main() -> None:
    """Measure, fit if so asked, and print what the rule is worth on the half kept apart."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--renders", type=Path, metavar="FOLDER", help="3-D renderings")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="keep the scores here")
    parser.add_argument("--cutouts", action="store_true", help="also measure cut-outs; slow")
    parser.add_argument("--fit", action="store_true", help="write judging.json anew")
    chosen = parser.parse_args()
    scores = measured(chosen.renders, chosen.keep, chosen.cutouts)
    rule = fitted([one for one in scores if one.half == FITTED])
    kept = [one for one in scores if one.half == REPORTED]
    sets = [name for name in SETS if any(one.kind == name for one in kept)]
    print(f"{'recall@1 / @5':<26}" + "".join(f"{name:>15}" for name in sets))
    table = {}
    for name, value in rows_of(rule, chosen.cutouts).items():
        found = [recalls([one for one in kept if one.kind == part], value) for part in sets]
        table[name] = dict(zip(sets, found, strict=True))
        print(f"{name:<26}" + "".join(f"{first:>8.2f} /{five:>5.2f}" for first, five in found))
    counts = {part: sum(one.kind == part for one in kept) for part in sets}
    reported = verdicts(rule, kept)
    print(counts, reported, {key: rule[key] for key in ("order", "same_line", "absent_line")})
    if chosen.fit:
        rule["provenance"] = {
            "by": "python -m bench.bench_products --fit",
            "fitted_on": {
                part: sum(s.kind == part and s.half == FITTED for s in scores) for part in sets
            },
            "reported_on": counts,
            "reported": reported,
            "recall_at_1_and_5": {
                name: {part: [round(x, 3) for x in pair] for part, pair in found.items()}
                for name, found in table.items()
                if name in ("colour histogram alone", "Lite2 alone", "ours, without titles", "ours")
            },
        }
        RULE.write_text(json.dumps(rule, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
