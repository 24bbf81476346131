"""Scores that others published for their own pictures, within the tolerance given there."""

from __future__ import annotations

import csv

import cv2
import pytest

from imgsim_core.methods.structure import (
    GAUSSIAN,
    Window,
    grey,
    mean_squared_error,
    multiscale_similarity,
    peak_signal_to_noise_ratio,
    structural_similarity,
)


def _in_grey(measure):
    return lambda a, b: measure(grey(a), grey(b))


def _uniform_ssim(a, b):
    """Even window of 11 × 11, population covariance: sewar's default."""
    return structural_similarity(a, b, Window(11))


def _gaussian_ssim(a, b):
    return structural_similarity(a, b, GAUSSIAN)


# (set, metric, how the conditions begin) -> our measure of two RGB arrays, rows expected.
CONDITIONS = {
    ("iqa_pytorch_calibra", "ssim", "MATLAB rgb2gray luma, 11x11 gaussian"): (
        _in_grey(_gaussian_ssim),
        5,
    ),
    ("iqa_pytorch_calibra", "ms_ssim", "MATLAB rgb2gray"): (_in_grey(multiscale_similarity), 5),
    ("iqa_pytorch_calibra", "psnr", "RGB, MSE over all 3 channels"): (
        peak_signal_to_noise_ratio,
        5,
    ),
    ("sewar", "ssim", "gray, UNIFORM 11x11"): (_in_grey(_uniform_ssim), 2),
    ("sewar", "ssim", "mean of per-channel"): (_uniform_ssim, 2),
    ("sewar", "ms_ssim", "gray, MATLAB original"): (_in_grey(multiscale_similarity), 1),
    ("sewar", "psnr", "gray"): (_in_grey(peak_signal_to_noise_ratio), 2),
    ("sewar", "psnr", "RGB"): (peak_signal_to_noise_ratio, 2),
    ("sewar", "mse", "gray"): (_in_grey(mean_squared_error), 2),
    ("sewar", "mse", "RGB"): (mean_squared_error, 2),
}
OURS = {metric for _, metric, _ in CONDITIONS}


def _published(evaluation_data):
    with (evaluation_data / "iqa" / "expected_scores.csv").open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["metric"] in OURS]


def _rgb(path):
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def _fits(row, condition):
    source, metric, beginning = condition
    return (
        row["set"] == source
        and row["metric"] == metric
        and row["channel_and_conditions"].startswith(beginning)
    )


def test_every_published_row_of_our_measures_is_read(evaluation_data):
    rows = _published(evaluation_data)
    assert len(rows) == sum(count for _, count in CONDITIONS.values()) == 28
    assert all(sum(_fits(row, condition) for condition in CONDITIONS) == 1 for row in rows)


@pytest.mark.parametrize("condition", CONDITIONS, ids=" ".join)
def test_published_scores_come_out_within_their_tolerance(evaluation_data, condition):
    measure, count = CONDITIONS[condition]
    rows = [row for row in _published(evaluation_data) if _fits(row, condition)]
    assert len(rows) == count
    for row in rows:
        reference, distorted = (
            _rgb(evaluation_data / "iqa" / row[side]) for side in ("reference", "distorted")
        )
        assert measure(reference, distorted) == pytest.approx(
            float(row["expected"]), abs=float(row["tolerance"])
        ), row["distorted"]
