"""Teaching: what a head gains on labelled pictures of groups that it has never seen.

`python -m bench.bench_teach` measures every set of `bench.teach_sets` with the three losses
and five seeds (a seed deals the groups into those kept out), then deals labels by chance and
counts false claims; bench/teach.json keeps all of it. Needs the evaluation photographs.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.measure import Moment
from bench.teach_sets import REPORTED, TUNED_ON, digits
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.encoder import encode
from imgsim_core.teaching.groups import Groups, grouped
from imgsim_core.teaching.lesson import Lesson, lesson
from imgsim_core.teaching.sample_lessons import all_lessons, members_of
from imgsim_core.teaching.siamese import Loss
from imgsim_core.teaching.views import embedded

RESULTS = Path(__file__).parent / "teach.json"
MODEL = "efficientnet-lite2"
SEEDS = range(5)
DEALS = 40


def rows() -> list[Moment]:
    """Measure what a visitor waits for: a lesson from samples, and one on 200 pictures."""
    model = model_by_id(MODEL)
    first = all_lessons()[0]
    sample = grouped([(picture, str(label)) for picture, label in members_of(first.id)])
    encode(model, sample.pictures[:1], model.framing)  # the model is loaded at the start
    moments = []
    for name, groups, copies, target in (
        ("sample lesson", sample, 0, 5.0),
        ("lesson on 200 pictures", digits(), 1, 20.0),
    ):
        started, used = time.perf_counter(), time.process_time()
        views = embedded(model, groups.pictures, copies)
        assert views is not None
        seconds = time.perf_counter() - started
        found = lesson(groups, views, MODEL, name)
        assert found is not None
        cpu = time.process_time() - used
        note = f"embedding {seconds:.1f} s, the rest {found.seconds:.1f} s, CPU {cpu:.1f} s"
        moments.append(Moment(name, seconds + found.seconds, "s", target, note))
    return moments


def _figures(found: Lesson) -> dict[str, Any]:
    summary = found.head.summary
    kept = ("recall_at_1", "recall_gain_95", "roc_area", "roc_area_gain_95", "steps", "helps")
    return {**{key: summary[key] for key in kept}, "seconds": round(found.seconds, 2)}


def _views(name: str, groups: Groups, folder: Path | None) -> NDArray[np.float32]:
    """Embed a set's pictures, or take their vectors from where they were kept."""
    path = None if folder is None else folder / f"{name.replace(' ', '_')}.npy"
    if path is not None and path.exists():
        return np.asarray(np.load(path), np.float32)
    views = embedded(model_by_id(MODEL), groups.pictures)
    assert views is not None
    if path is not None:
        np.save(path, views)
    return views


def _gains(name: str, groups: Groups, views: NDArray[np.float32]) -> dict[str, Any]:
    told: dict[str, Any] = {"pictures": len(groups), "groups": len(groups.names)}
    for loss in Loss:
        runs = []
        for seed in SEEDS:
            found = lesson(groups, views, MODEL, name, loss=loss, seed=seed)
            assert found is not None
            runs.append(_figures(found))
        told[loss.value] = runs
        means = {
            key: np.mean([run[key] for run in runs], axis=0)
            for key in ("recall_at_1", "recall_gain_95", "roc_area", "roc_area_gain_95")
        }
        line = "  ".join(
            "{:.3f} > {:.3f} [{:+.3f}, {:+.3f}]".format(*means[key], *means[gain])
            for key, gain in (("recall_at_1", "recall_gain_95"), ("roc_area", "roc_area_gain_95"))
        )
        claims = sum(run["helps"] for run in runs)
        print(f"{name:<24}{loss.value:<13}{line}  helps in {claims} of {len(runs)}", flush=True)
    return told


def _false_claims(name: str, groups: Groups, views: NDArray[np.float32]) -> dict[str, int]:
    """Deal the pictures into groups of the same sizes by chance, and see who claims help."""
    claims = harms = 0
    for deal in range(DEALS):
        labels = np.random.default_rng(deal).permutation(groups.labels)
        pictures = zip(groups.pictures, labels, strict=True)
        dealt = grouped((picture, groups.names[label]) for picture, label in pictures)
        found = lesson(dealt, views, MODEL, name, seed=deal)
        assert found is not None
        claims += found.helps
        harms += found.recall.is_loss or found.area.is_loss
    print(f"{name:<24}by chance: help claimed in {claims} of {DEALS}, harm in {harms}", flush=True)
    return {"deals": DEALS, "help_claimed": claims, "harm_found": harms}


def main() -> None:
    """Measure what was asked for, print it, and put it into the file of results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="*", help="names of sets; all if none")
    parser.add_argument("--vectors", type=Path, metavar="FOLDER", help="keep vectors here")
    parser.add_argument("--only-chance", action="store_true", help="false claims alone")
    chosen = parser.parse_args()
    told = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    print(f"{'set':<24}{'loss':<13}recall@1 before > after, gain    ROC area before > after, gain")
    for part, sets in (("tuned_on", TUNED_ON), ("reported", REPORTED)):
        for name, make in sets.items():
            if chosen.sets and name not in chosen.sets:
                continue
            groups = make()
            views = _views(name, groups, chosen.vectors)
            entry = told.setdefault(part, {}).setdefault(name, {})
            if not chosen.only_chance:
                entry.update(_gains(name, groups, views))
            entry["by_chance"] = _false_claims(name, groups, views)
            told["load_at_end"] = os.getloadavg()
            RESULTS.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
