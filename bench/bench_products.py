"""Photograph to shop picture: how often the right product comes first, and what verdicts err.

    python -m bench.bench_products [--renders FOLDER] [--fit]

Three sets, each in two halves that share no product: what is fitted is fitted on one half
(`--fit` writes `judging.json`), what is reported is reported on the other.

- kinds: photographs of `data/photos` whose class a 3-D rendering on white shows too: another
  thing of the same kind. The renderings come from an npm package, which is not part of this
  project (`npm pack @lobehub/fluent-emoji-3d`, MIT; FOLDER holds its webp files).
- made: simulated photographs of those very renderings, single or on a full shelf, turned,
  in another light, partly hidden, before other photographs: the same product.
- cut: photographs cut out and laid on white are the shop's pictures; the photographs
  themselves, turned, cropped and in another light, are asked: the same product.

Titles are the renderings' Unicode names, and the class names in the set "cut".
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.reference_photos import DATA
from imgsim_core.applications.products.camera import photographed, random_shot
from imgsim_core.applications.products.catalogue import (
    SIDE,
    Catalogue,
    Product,
    ProductPicture,
)
from imgsim_core.applications.products.looks import (
    colours_of,
    look_of_photograph,
    look_of_product,
    middle,
    shape_of,
)
from imgsim_core.applications.products.matching import (
    agreeing,
    best_pictures,
    parts_of,
    subject_of,
    title_vectors,
)
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
SETS = ("kinds", "made", "shelf", "cut")
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
        if place % 2:
            continue  # half of them are enough, and half the time
        shelf = place % 3 == 0
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
    for label, photograph in list(photographs().items())[::3]:
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


# ── Scores ─────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Scored:
    """One photograph against every product of its catalogue, each part an array."""

    kind: str
    half: int
    truth: int
    parts: Mapping[str, NDArray[np.float32]]
    details: NDArray[np.float32]  # not a number where they were not compared


def scored(catalogue: Catalogue, asked: Sequence[Asked], memory: Memory) -> Iterator[Scored]:
    """Compare every photograph with every product, ours and both peers."""
    model = model_by_id(DEFAULT_MODEL)
    words = title_vectors(catalogue)
    opened = [picture.opened() for picture in catalogue.pictures]
    colour = method_by_id("histogram")
    question = Question(colour, colour.options())
    counted = [colour.describe(picture, question.options) for picture in opened]
    plain = _whole(opened)
    for one in asked:
        found, _ = subject_of(one.photograph)
        parts = dict(parts_of(look_of_photograph(model, one.photograph, found), catalogue, words))
        centre = middle(one.photograph.rgb)
        every = np.ones(centre.shape[:2], bool)
        parts["colour, no cut-out"] = catalogue.colours @ colours_of(centre, every)
        parts["shape, no cut-out"] = catalogue.shapes @ shape_of(centre)
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


def measured(folder: Path | None, kept: Path | None) -> list[Scored]:
    """Score all sets, or read the scores kept from another run."""
    if kept is not None and kept.exists():
        return list(np.load(kept, allow_pickle=True)["scores"])
    memory = Memory(256 * 2**20)
    found: list[Scored] = []
    for catalogue, asked in [cut(), *([rendered(folder)] if folder is not None else [])]:
        for number, one in enumerate(scored(catalogue, asked, memory), 1):
            found.append(one)
            print(f"\r{catalogue.name}: {number} of {len(asked)}", end="", file=sys.stderr)
        print(file=sys.stderr)
    if kept is not None:
        np.savez(kept, scores=np.array(found, object))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--renders", type=Path, metavar="FOLDER")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="keep the scores here")
    parser.add_argument("--fit", action="store_true", help="fit the rule anew")
    chosen = parser.parse_args()
    measured(chosen.renders, chosen.keep)
