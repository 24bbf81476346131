"""Every odd and malformed file through the command line: an answer or one sentence."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path

import pytest

from imgsim_core.__main__ import main

# One method of each family that answers without a learned model.
METHODS = ("histogram", "ssim", "lbp", "sift", "phash")
MOST_SECONDS = 10


@pytest.fixture(scope="module")
def manifest(evaluation_data) -> list[dict[str, str]]:
    with (evaluation_data / "hostile" / "manifest.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def run(capsys):
    """Compare two files; give the exit code, the JSON if any, and standard error."""

    def run(a: Path, b: Path) -> tuple[int, dict | None, str]:
        capsys.readouterr()
        chosen = [f"--method={method}" for method in METHODS]
        code = main(["compare", str(a), str(b), "--json", *chosen])
        output, errors = capsys.readouterr()
        return code, json.loads(output) if output else None, errors

    return run


def complaint(row: dict[str, str], code: int, answer: dict | None, errors: str) -> str | None:
    """Say what is wrong with the answer to a file compared with itself; None if nothing."""
    if code == 2:
        if row["expectation"].startswith("load"):
            return f"refused: {errors}"
        clean = answer is None and errors.count("\n") == 1 and Path(row["file"]).name in errors
        return None if clean else f"not one sentence that names the file: {errors}"
    if code or errors or answer is None:
        return f"exit {code}: {errors}"
    if row["expectation"] == "reject cleanly":
        return "let in"
    wrong = [
        score["method"]
        for score in answer["scores"]
        if score["value"] != score["scale"]["identical"]
    ]
    return f"not identical to itself by {wrong}" if wrong else None


def test_every_hostile_file_gets_scores_or_one_sentence(evaluation_data, manifest, run):
    complaints = {}
    for row in manifest:
        path = evaluation_data / "hostile" / row["file"]
        started = time.monotonic()
        problem = complaint(row, *run(path, path))
        seconds = time.monotonic() - started
        if seconds > MOST_SECONDS:
            problem = f"took {seconds:.1f} s"
        if problem is not None:
            complaints[row["file"]] = problem
    assert not complaints, json.dumps(complaints, indent=1)


def test_every_odd_picture_can_be_compared_with_a_photograph(evaluation_data, manifest, run):
    photograph = next(iter(sorted((evaluation_data / "photos").rglob("*.jp*g"))))
    complaints = {}
    for row in manifest:
        if not row["expectation"].startswith("load"):
            continue
        code, answer, errors = run(evaluation_data / "hostile" / row["file"], photograph)
        if code or answer is None:
            complaints[row["file"]] = errors
        elif len(answer["scores"]) + len(answer["unavailable"]) != len(METHODS):
            complaints[row["file"]] = "a method is missing"
    assert not complaints, json.dumps(complaints, indent=1)


def test_sizes_are_those_after_the_turn(evaluation_data, manifest, run):
    wrong = {}
    for row in manifest:
        if row["category"] != "exif_orientation" or not row["exif_orientation"].isdigit():
            continue
        path = evaluation_data / "hostile" / row["file"]
        width, height = map(int, row["pillow_size"].split("x"))
        turned = int(row["exif_orientation"]) >= 5
        _, answer, _ = run(path, path)
        shown = (answer["a"]["width"], answer["a"]["height"])
        if shown != ((height, width) if turned else (width, height)):
            wrong[row["file"]] = shown
    assert not wrong
