"""The article's four measures on built-in pairs, against scikit-image and a dense histogram."""

from __future__ import annotations

import contextlib
import io
import json

import cv2
import numpy as np
import pytest
from skimage.metrics import structural_similarity

from imgsim_core.__main__ import main
from imgsim_core.samples import open_sample, pair_by_id, sample_by_id

PAIRS = ("two-views", "on-white", "unrelated")


def dense_histogram(rgb):
    """The article's: 256 steps a channel, in one dense cube, pure white set to nothing."""
    codes = rgb.reshape(-1, 3).astype(np.int64) @ [65536, 256, 1]
    counts = np.bincount(codes, minlength=1 << 24).astype(np.float64)
    counts[-1] = 0
    return (counts - counts.min()) / (counts.max() - counts.min())


@pytest.fixture(scope="module", params=PAIRS)
def answered(request, tmp_path_factory):
    """A built-in pair as files, and what the command line says of it."""
    pair = pair_by_id(request.param)
    folder = tmp_path_factory.mktemp("pair")
    paths = []
    for side, code in (("a", pair.a), ("b", pair.b)):
        sample = sample_by_id(code)
        paths.append(folder / f"{side}-{sample.file_name}")
        paths[-1].write_bytes(sample.make())
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        assert main(["compare", *map(str, paths), "--article", "--json"]) == 0
    answer = json.loads(output.getvalue())
    scores = {score["method"]: score["value"] for score in answer["scores"]}
    return open_sample(pair.a).rgb, open_sample(pair.b).rgb, scores, answer


def test_ssim_is_scikit_image_s(answered):
    a, b, scores, _ = answered
    resized = cv2.resize(b, a.shape[1::-1], interpolation=cv2.INTER_AREA)
    greys = [cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in (a, resized)]
    expected = structural_similarity(*greys, data_range=255)
    assert scores["ssim"] == pytest.approx(expected, abs=1e-6)


def test_the_histogram_is_pearson_s_on_the_dense_cube(answered):
    a, b, scores, _ = answered
    expected = np.corrcoef(dense_histogram(a), dense_histogram(b))[0, 1]
    assert scores["histogram"] == pytest.approx(expected, abs=1e-6)


def test_keypoints_are_verified_matches(answered):
    _, _, scores, answer = answered
    related = answer["a"]["name"].endswith("left.png")
    for method in ("sift", "surf"):
        assert (scores[method] >= 12) if related else (scores[method] == 0)


def test_clip_answers_or_says_what_it_lacks(answered):
    _, _, scores, answer = answered
    missing = {one["method"]: one["reason"] for one in answer["unavailable"]}
    assert ("clip" in scores) != ("clip" in missing)
    if "clip" in missing:
        assert "834 MB" in missing["clip"]
