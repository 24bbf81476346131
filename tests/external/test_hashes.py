"""Every hash that ImageHash publishes for its own test pictures, through our own gate."""

from __future__ import annotations

import csv

from imgsim_core.methods.hashes import (
    colour_bits,
    colour_levels,
    crop_resistant_hash,
    fingerprint_bits,
    hexadecimal,
)
from imgsim_core.picture import open_picture


def hexadecimal_hash(algorithm, rgb):
    if algorithm == "colorhash":
        return hexadecimal(colour_bits(colour_levels(rgb)))
    if algorithm == "crop_resistant_hash":
        return ",".join(hexadecimal(bits) for bits in crop_resistant_hash(rgb).bits)
    return hexadecimal(fingerprint_bits(rgb, algorithm.replace("average_hash", "ahash")))


def test_every_published_hash_is_reproduced(evaluation_data):
    folder = evaluation_data / "hashes"
    with (folder / "expected_hashes.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 6
    for row in rows:
        path = folder / row["image"]
        rgb = open_picture(path.read_bytes(), path.name).rgb
        assert hexadecimal_hash(row["algorithm"], rgb) == row["expected_hash_hex"], row
