"""How long a cut-out takes: the first of a picture, and the next after a stroke."""

from __future__ import annotations

import statistics
import time

from bench.measure import Moment
from imgsim_core.cutout import Correction, cut_out
from imgsim_core.samples import open_sample

PICTURES = ("cat", "coffee", "astronaut", "rocket", "motorcycle-left", "photographer")
STROKE = Correction(keep=(((0.4, 0.5), (0.6, 0.5)),))


def rows() -> list[Moment]:
    """Measure in this process, the network loaded already."""
    cut_out(open_sample("moon"))
    first, after_stroke = [], []
    for name in PICTURES:
        picture = open_sample(name)
        for correction, seconds in ((Correction(), first), (STROKE, after_stroke)):
            started = time.perf_counter()
            cut_out(picture, correction)
            seconds.append(time.perf_counter() - started)
    note = f"median of {len(PICTURES)} built-in photographs"
    return [
        Moment("first cut-out of a photograph", statistics.median(first), "s", 0.5, note),
        Moment("cut-out after a stroke", statistics.median(after_stroke), "s", 0.3, note),
    ]
