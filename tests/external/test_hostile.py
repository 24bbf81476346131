"""Odd and malformed files made by others: each gives the right picture, or a sentence."""

import csv
import json
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest

from imgsim_core.errors import PictureError
from imgsim_core.picture import open_picture

SECONDS = 10
MEBIBYTES = 1024
LEAST_DECIBELS = 24  # among lossy copies, small palettes included


@pytest.fixture(scope="session")
def hostile(evaluation_data) -> Path:
    return evaluation_data / "hostile"


def rows(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def outcomes(hostile):
    """Every file opened once: (row of the manifest, Picture or error, seconds)."""
    result = {}
    for row in rows(hostile / "manifest.csv"):
        data = (hostile / row["file"]).read_bytes()
        started = time.perf_counter()
        try:
            answer = open_picture(data, Path(row["file"]).name)
        except PictureError as error:
            answer = error
        result[row["file"]] = (row, answer, time.perf_counter() - started)
    return result


def refused(answer):
    return isinstance(answer, PictureError)


def test_all_files_are_there_and_none_takes_long(outcomes):
    assert len(outcomes) == 135
    assert max(seconds for _, _, seconds in outcomes.values()) < SECONDS


def test_what_should_load_loads_at_its_size(outcomes):
    wrong = []
    for file, (row, answer, _) in outcomes.items():
        if not row["expectation"].startswith("load"):
            continue
        size = tuple(map(int, row["pillow_size"].split("x")))
        # The manifest has sizes before the EXIF turn, except for TIFF
        if row["exif_orientation"] in ("5", "6", "7", "8") and row["pillow_format"] != "TIFF":
            size = size[::-1]
        if refused(answer) or (answer.width, answer.height) != size:
            wrong.append(file)
    assert wrong == []


def test_what_should_be_refused_is_refused_with_its_name(outcomes):
    for file, (row, answer, _) in outcomes.items():
        if row["expectation"] == "reject cleanly":
            assert refused(answer), file
        if refused(answer):
            assert Path(file).name in str(answer)


def test_deep_pictures_keep_their_shades(outcomes):
    flat = {"pillow/uint16_1_4660.tif"}  # one level only, 0x1234
    for file, (row, answer, _) in outcomes.items():
        if row["category"] == "high_bit_depth" and file not in flat:
            # 12in16bit.tif holds 31 levels near black
            assert len(np.unique(answer.rgb)) > 2, file


def test_one_picture_in_many_files_comes_out_the_same(hostile, outcomes):
    groups = defaultdict(list)
    for row in rows(hostile / "equal_groups.csv"):
        groups[row["group"]].append((row["file"], "lossless" in row["note"]))
    assert groups
    for members in groups.values():
        members.sort(key=lambda member: not member[1])
        reference_file, exact = members[0]
        reference = outcomes[reference_file][1].rgb
        for file, lossless in members[1:]:
            rgb = outcomes[file][1].rgb
            assert rgb.shape == reference.shape, file
            if exact and lossless:
                assert np.array_equal(rgb, reference), file
            else:
                assert cv2.PSNR(rgb, reference) > LEAST_DECIBELS, file


def test_the_whole_folder_stays_under_a_gibibyte(hostile):
    program = """
import json, sys
from pathlib import Path
from imgsim_core.errors import PictureError
from imgsim_core.picture import open_picture
for path in sorted(Path(sys.argv[1]).rglob("*.*")):
    try:
        open_picture(path.read_bytes(), path.name)
    except PictureError:
        pass
# ru_maxrss would hold what the parent had before it started this program.
status = Path("/proc/self/status").read_text()
print(json.dumps(int(status.partition("VmHWM:")[2].split()[0]) / 1024))
"""
    command = [sys.executable, "-W", "error", "-c", program, str(hostile)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert json.loads(output) < MEBIBYTES
