"""Faces: how often one fixed line errs, what damage does, and what a picture costs.

`python -m bench faces` prints the figures that have a target. `python -m bench.bench_faces`
takes minutes more: it also counts strangers in photographs without labels, and writes the
figures that ship (`imgsim_core/applications/faces/measured.json`).
"""

from __future__ import annotations

import csv
import json
import operator
import os
import statistics
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np

import imgsim_core.applications.faces as room
from bench.measure import Moment
from imgsim_core.applications.faces.comparing import Line
from imgsim_core.applications.faces.detecting import describe_face, find_faces
from imgsim_core.applications.faces.face import Face, FacePrint
from imgsim_core.applications.faces.measured import STEP
from imgsim_core.models.faces import FaceModels, face_models
from imgsim_core.picture import Picture, open_picture
from imgsim_core.samples import open_sample
from imgsim_core.separation import share_interval

DATA = Path(os.environ.get("IMGSIM_EVAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
# Found by looking at every face that was found: a doll is nobody
NOBODY = {"n02869837_bonnet.jpg"}
_STEPS = 160


@dataclass(frozen=True)
class Pair:
    """Two labelled pictures: how far apart, whether one person's, and whose."""

    distance: float
    same: bool
    a: str
    b: str


@dataclass(frozen=True)
class Labelled:
    """The labelled pairs that could be judged, those that could not, people by picture."""

    pairs: tuple[Pair, ...]
    without_face: tuple[str, ...]
    people: Mapping[str, str]


def labelled(data: Path = DATA) -> Labelled:
    """Find and describe the face of every labelled picture, and measure every pair."""
    rows = _rows(data)
    prints: dict[str, FacePrint] = {}
    without = []
    for name in sorted({row[key] for row in rows for key in ("image1", "image2")}):
        good = [
            face
            for face in find_faces(open_picture((data / "faces" / name).read_bytes(), name))
            if face.is_good
        ]
        if good:
            prints[name] = describe_face(max(good, key=lambda face: face.width))
        else:
            without.append(name)
    people = _people(rows)
    pairs = tuple(
        Pair(
            prints[row["image1"]].distance(prints[row["image2"]]),
            row["truth"] == "same",
            people[row["image1"]],
            people[row["image2"]],
        )
        for row in rows
        if row["image1"] in prints and row["image2"] in prints
    )
    return Labelled(pairs, tuple(without), people)


def _rows(data: Path) -> list[dict[str, str]]:
    text = (data / "faces" / "pairs.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _people(rows: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Person of each picture, named by one of the pictures: those marked same are joined."""
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        leader.setdefault(name, name)
        while leader[name] != name:
            name = leader[name]
        return name

    for row in rows:
        first, second = find(row["image1"]), find(row["image2"])
        if row["truth"] == "same":
            leader[max(first, second)] = min(first, second)
    return {name: find(name) for name in list(leader)}


def halves(found: Labelled) -> tuple[set[str], set[str]]:
    """Deal the people into two halves in turn, those with the most pictures first."""
    counts = {person: 0 for person in found.people.values()}
    for person in found.people.values():
        counts[person] += 1
    order = sorted(counts, key=lambda person: (-counts[person], person))
    return set(order[0::2]), set(order[1::2])


def among(found: Labelled, people: set[str]) -> list[Pair]:
    """Keep the pairs of which both pictures are of these people."""
    return [pair for pair in found.pairs if pair.a in people and pair.b in people]


def chosen_line(pairs: Iterable[Pair]) -> float:
    """Line at which as many standard deviations part it from both sorts, at most 0.6.

    Few pairs say little about their extremes, so mean and spread choose; and never a line
    more forgiving than the published one, since joining two people is the worse error.
    """
    pairs = list(pairs)
    same = [pair.distance for pair in pairs if pair.same]
    different = [pair.distance for pair in pairs if not pair.same]
    spread_same, spread_different = statistics.stdev(same), statistics.stdev(different)
    equal = (
        statistics.fmean(same) * spread_different + statistics.fmean(different) * spread_same
    ) / (spread_same + spread_different)
    return min(equal, Line.USUAL.distance)


def accuracy(pairs: Iterable[Pair], line: float) -> float:
    """Share of the pairs that lie on their side of the line."""
    return statistics.fmean((pair.distance <= line) == pair.same for pair in pairs)


def area(pairs: Iterable[Pair]) -> float:
    """Area under the ROC curve."""
    pairs = list(pairs)
    same = np.array([pair.distance for pair in pairs if pair.same])
    different = np.array([pair.distance for pair in pairs if not pair.same])
    return float((same[:, None] < different).mean())


# ── What damage does ───────────────────────────────────────────────────────────────


def damaged(data: Path = DATA) -> list[tuple[str, float, int, int]]:
    """Area, missed and joined at 0.6 where one picture of each pair is small or blurred."""
    models = face_models()
    rows = _rows(data)
    faces: dict[str, Face] = {}
    for name in sorted({row[key] for row in rows for key in ("image1", "image2")}):
        picture = open_picture((data / "faces" / name).read_bytes(), name)
        faces[name] = max(find_faces(picture), key=lambda face: face.width)
    plain = {name: describe_face(face).vector for name, face in faces.items()}
    lines = []
    for label, worsen in _DAMAGES:
        worse = {name: _encoded(models, worsen(face.chip)) for name, face in faces.items()}
        pairs = [
            Pair(
                float(np.linalg.norm(worse[row["image1"]] - plain[row["image2"]])),
                row["truth"] == "same",
                row["image1"],
                row["image2"],
            )
            for row in rows
        ]
        line = Line.USUAL.distance
        missed = sum(pair.same and pair.distance > line for pair in pairs)
        joined = sum(not pair.same and pair.distance <= line for pair in pairs)
        lines.append((label, area(pairs), missed, joined))
    return lines


def _encoded(models: FaceModels, chip: np.ndarray) -> np.ndarray:
    return (models.encode(chip) + models.encode(chip[:, ::-1])) / 2


def _smaller(chip: np.ndarray, width: int) -> np.ndarray:
    """Reduce an aligned face as if its box had been so many pixels wide, and enlarge it."""
    side = max(2, round(150 * width / 115))  # the box is about 115 of the 150 pixels wide
    small = cv2.resize(chip, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (150, 150), interpolation=cv2.INTER_LINEAR)


_DAMAGES = (
    ("as it is", lambda chip: chip),
    *((f"{width} pixels wide", lambda chip, w=width: _smaller(chip, w)) for width in (60, 40, 24)),
    *((f"blur {s}", lambda chip, s=s: cv2.GaussianBlur(chip, (0, 0), s)) for s in (2, 3, 4)),
    *(
        (f"light × {share}", lambda chip, s=share: (chip * s).astype(np.uint8))
        for share in (0.3, 0.15, 0.08)
    ),
)


# ── Strangers ──────────────────────────────────────────────────────────────────────


def strangers(data: Path = DATA) -> tuple[list[float], int, int]:
    """Distances between good faces of different photographs; faces found, and good ones."""
    found, every = [], 0
    for path in sorted((data / "photos").rglob("*.[jJ][pP]*[gG]")):
        faces = find_faces(open_picture(path.read_bytes(), path.name))
        every += len(faces)
        if path.name not in NOBODY:
            found += [(path.name, describe_face(face)) for face in faces if face.is_good]
    distances = [a.distance(b) for (one, a), (two, b) in combinations(found, 2) if one != two]
    return distances, every, len(found)


# ── What it costs ──────────────────────────────────────────────────────────────────


def _of_size(width: int, height: int, rgb: np.ndarray) -> Picture:
    return Picture(cv2.resize(rgb, (width, height)), f"{width}x{height}", "made")


def seconds(picture: Picture, small: bool = False) -> float:
    """Median of three looks for the faces of a picture."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        find_faces(picture, small)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def rows() -> list[Moment]:
    """Measure what has a target."""
    astronaut, coffee = (open_sample(name).rgb for name in ("astronaut", "coffee"))
    face_models()
    large, faceless = _of_size(4000, 3000, astronaut), _of_size(4000, 3000, coffee)
    moments = [
        Moment("12 megapixels with a face", seconds(large), "s", 1.0, "faces found"),
        Moment("12 megapixels, small faces", seconds(large, True), "s", 2.0, "the finer look"),
        Moment("12 megapixels without a face", seconds(faceless), "s", 3.0, "every look tried"),
    ]
    if DATA.is_dir():
        found = labelled()
        for name, (chosen_on, tried_on) in zip(
            ("second", "first"), (halves(found), halves(found)[::-1]), strict=True
        ):
            line = chosen_line(among(found, chosen_on))
            pairs = among(found, tried_on)
            wrong = 100 * (1 - accuracy(pairs, line))
            note = f"{len(pairs)} pairs, line {line:.2f} from the other half"
            moments.append(Moment(f"faces judged wrongly, {name} half", wrong, "%", 3.0, note))
    return moments


def main() -> None:
    """Print everything, and write the figures that ship."""
    found = labelled()
    print("without a good face:", found.without_face or "none", "· area", area(found.pairs))
    for chosen_on, tried_on in (halves(found), halves(found)[::-1]):
        line, pairs = chosen_line(among(found, chosen_on)), among(found, tried_on)
        print(f"line {line:.3f}: {accuracy(pairs, line):.4f} of {len(pairs)} pairs right")
    distances, every, good = strangers()
    print(f"strangers: {every} faces found, {good} good, {len(distances)} pairs")
    for line in (0.45, 0.5, 0.55, 0.6, 0.65):
        for label, values, wrong in (
            ("missed", [p.distance for p in found.pairs if p.same], operator.gt),
            ("joined", [p.distance for p in found.pairs if not p.same], operator.le),
            ("strangers joined", distances, operator.le),
        ):
            count = sum(wrong(distance, line) for distance in values)
            low, high = share_interval(count, len(values))
            print(f"{line:.2f} {label:<17} {count:>3} of {len(values)}  {low:.3f} to {high:.3f}")
    for label, size, missed, joined in damaged():
        print(f"{label:<18} area {size:.4f}  missed {missed}  joined {joined}")
    content = {
        "about": {
            "pictures": len(found.people),
            "people": len(set(found.people.values())),
            "faces": good,
            "date": date.today().isoformat(),
            "made_by": "python -m bench.bench_faces",
        },
        "same": _counts(pair.distance for pair in found.pairs if pair.same),
        "different": _counts(pair.distance for pair in found.pairs if not pair.same),
        "strangers": _counts(distances),
    }
    target = Path(room.__file__).with_name("measured.json")
    target.write_text(json.dumps(content, indent=None) + "\n", encoding="utf-8")


def _counts(distances: Iterable[float]) -> list[int]:
    """Count distances in steps; a distance on an edge belongs to the step below it."""
    places = [min(_STEPS - 1, max(0, int(np.ceil(d / STEP)) - 1)) for d in distances]
    return np.bincount(places, minlength=_STEPS).tolist()


if __name__ == "__main__":
    main()
