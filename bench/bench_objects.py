"""Objects: false finds, copies found again in made scenes, and words given to photographs.

`python -m bench.bench_objects finds` writes imgsim_core/applications/objects/finding.json,
`... words` naming.json beside it: what pages and commands say of how sure an answer is.
Both need the evaluation photographs; what they print goes into bench/objects.json.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench import objects_words
from bench.measure import Moment
from bench.reference_photos import DATA
from imgsim_core.applications.objects.finding import FEWEST, find
from imgsim_core.applications.objects.made_scene import pasted
from imgsim_core.memory import Memory
from imgsim_core.picture import Picture, open_picture
from imgsim_core.samples import open_sample

HERE = Path(__file__).parent
CORE = HERE.parent / "imgsim_core/applications/objects"
SEED = 5
UNRELATED = 1000
SCENES = 60


def rows() -> list[Moment]:
    """Measure what a visitor waits for: the first find from samples."""
    started = time.perf_counter()
    found = find(open_sample("cat"), open_sample("cat-mirrored"))
    seconds = time.perf_counter() - started
    note = f"{found.verdict} {found.finds[0].agreeing} details"
    return [Moment("object looked for in a scene, from samples", seconds, "s", 3.0, note)]


def _photographs() -> list[Path]:
    return sorted((DATA / "photos").glob("*.jpg"))


def _opened(path: Path) -> Picture:
    return open_picture(path.read_bytes(), path.name)


def false_finds(count: int) -> list[int]:
    """Look for photographs in unrelated ones; the agreeing details of each find.

    Each photograph is object and scene a few times over, so that it is read once.
    """
    random = np.random.default_rng(SEED)
    paths = _photographs()
    some = [paths[i] for i in random.choice(len(paths), min(len(paths), count // 5), False)]
    memory = Memory(2**29)
    pictures = [_opened(path) for path in some]
    agreeing = []
    for step in random.choice(np.arange(1, len(some)), 5, replace=False):
        for i, the_object in enumerate(pictures):
            found = find(the_object, pictures[(i + int(step)) % len(pictures)], memory)
            agreeing += [one.agreeing for one in found.finds[:1]]
            for one in found.finds:
                print(the_object.name, pictures[(i + int(step)) % len(pictures)].name, one.agreeing)
    return agreeing


def made_scenes(count: int) -> dict[str, Any]:
    """Paste copies of an object on another photograph and look for them."""
    random = np.random.default_rng(SEED)
    paths = _photographs()
    right = wanted = wrong = 0
    by_scale: dict[str, list[int]] = {}
    for _ in range(count):
        the_object, ground = (_opened(paths[i]) for i in random.choice(len(paths), 2, False))
        scene, truth = pasted(the_object, ground, int(random.integers(2, 5)), random)
        found = find(the_object, scene)
        middles = [one.outline.mean(axis=0) for one in found.finds]
        hit: set[int] = set()
        for corners in truth:
            size = float(np.hypot(*(corners[1] - corners[0])))
            scale = size / the_object.width
            near = [
                k
                for k, one in enumerate(found.finds)
                if _same_outline(one.outline, corners) and k not in hit
            ]
            name = "0.4-0.7" if scale < 0.7 else "0.7-1.1" if scale < 1.1 else "1.1-1.5"
            by_scale.setdefault(name, []).append(len(near[:1]))
            hit.update(near[:1])
        right += len(hit)
        wanted += len(truth)
        wrong += len(middles) - len(hit)
    return {
        "scenes": count,
        "copies": wanted,
        "found": right,
        "recall": right / wanted,
        "false_finds": wrong,
        "recall_by_scale": {name: float(np.mean(one)) for name, one in sorted(by_scale.items())},
    }


def _same_outline(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Tell whether two outlines share more than 70 % of what they cover together."""
    rings = [
        ring if cv2.contourArea(ring, oriented=True) > 0 else np.ascontiguousarray(ring[::-1])
        for ring in (one.astype(np.float32), other.astype(np.float32))
    ]
    shared = cv2.intersectConvexConvex(*rings)[0]
    both = sum(cv2.contourArea(ring) for ring in rings) - shared
    return shared > 0.7 * both


def main() -> None:
    """Measure what was asked for and say it."""
    wanted = sys.argv[1:] or ["finds", "scenes", "words"]
    path = HERE / "objects.json"
    told = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    cv2.setNumThreads(1)
    if "finds" in wanted:
        agreeing = false_finds(UNRELATED)
        told["false_finds"] = {"pairs": UNRELATED, "agreeing": sorted(agreeing)}
        data = {
            "about": f"Details agreeing in one place among unrelated pairs, {FEWEST} or more; "
            "photographs of different kinds of things, 320 pixels, by bench/bench_objects.py.",
            "false_finds": {"pairs": [UNRELATED], "agreeing": sorted(agreeing)},
        }
        text = json.dumps(data, indent=1) + "\n"
        (CORE / "finding.json").write_text(text, encoding="utf-8")
    if "scenes" in wanted:
        told["made_scenes"] = made_scenes(SCENES)
    if "words" in wanted:
        ships, told["words"] = objects_words.measure()
        (CORE / "naming.json").write_text(json.dumps(ships, indent=1) + "\n", encoding="utf-8")
    told["load_at_end"] = os.getloadavg()
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
