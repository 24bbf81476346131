"""How well cut-outs agree with masks made by something better, and how well doubt tells.

    python -m bench.cutout_masks PHOTOGRAPHS MASKS

Each photograph NAME.jpg or NAME.png needs a mask NAME.png in the other folder: grey, bright
on the subject, of any size. Of the names in order every second one is "chosen on": the
constants in `imgsim_core.cutting` were chosen there, so the other half is what counts.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.cutout import cut_out
from imgsim_core.cutting.colours import first_guess, outline
from imgsim_core.errors import NoSubject
from imgsim_core.picture import open_reduced

SIDE = 320  # pixels that both masks are compared on
POOR = 0.6  # overlap under which a cut-out is of no use
LEAST, MOST = 0.01, 0.95  # share of the picture that a mask covers, to be of use here


def overlap(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    return float((a & b).sum() / max(1, (a | b).sum()))


def by_rectangle(rgb: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Cut out by GrabCut alone, started from all but a margin of 4 %."""
    likely = np.zeros(rgb.shape[:2], np.float32)
    rows, columns = (max(1, round(0.04 * side)) for side in rgb.shape[:2])
    likely[rows:-rows, columns:-columns] = 0.5
    return outline(rgb, first_guess(likely, 0.3, 0.05, 0.98))


def measured(photograph: Path, mask: Path) -> dict[str, float | bool] | None:
    """Overlaps with a mask, seconds and doubt; None where the mask is of no use."""
    picture = open_reduced(photograph.read_bytes(), photograph.name, SIDE)
    grey = cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE)
    size = (picture.width, picture.height)
    true = cv2.resize(grey, size, interpolation=cv2.INTER_AREA) > 127
    if not LEAST < true.mean() < MOST:
        return None
    started = time.perf_counter()
    try:
        found = cut_out(picture)
        ours, doubted = overlap(found.mask, true), found.doubt is not None
    except NoSubject:
        ours, doubted = 0.0, True
    seconds = time.perf_counter() - started
    rectangle = overlap(by_rectangle(picture.rgb), true)
    return {"ours": ours, "doubted": doubted, "rectangle": rectangle, "seconds": seconds}


def summary(found: list[dict[str, float | bool]]) -> dict[str, float]:
    """Figures of one half."""
    ours = np.array([one["ours"] for one in found])
    rectangle = np.array([one["rectangle"] for one in found])
    doubted = np.array([bool(one["doubted"]) for one in found])
    poor = ours < POOR
    return {
        "pictures": len(found),
        "overlap": float(ours.mean()),
        "median overlap": float(np.median(ours)),
        "poor": float(poor.mean()),
        "overlap of GrabCut alone": float(rectangle.mean()),
        "poor of GrabCut alone": float((rectangle < POOR).mean()),
        "doubted": float(doubted.mean()),
        "doubted and poor, of the doubted": float(poor[doubted].mean()),
        "doubted and poor, of the poor": float(doubted[poor].mean()),
        "overlap where not doubted": float(ours[~doubted].mean()),
        "median seconds": float(np.median([one["seconds"] for one in found])),
    }


def main() -> None:
    """Print a table and the same as JSON."""
    photographs, masks = (Path(one) for one in sys.argv[1:3])
    found = []
    for mask in sorted(masks.glob("*.png")):
        for suffix in (".jpg", ".jpeg", ".png"):
            photograph = photographs / f"{mask.stem}{suffix}"
            if photograph.is_file():
                found.append(measured(photograph, mask))
    useful = [one for one in found if one is not None]
    halves = {"chosen on": summary(useful[::2]), "held out": summary(useful[1::2])}
    for name in halves["held out"]:
        print(f"{name:<36}" + "".join(f"{half[name]:>10.3f}" for half in halves.values()))
    print(json.dumps(halves))


if __name__ == "__main__":
    main()
