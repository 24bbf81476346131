"""Colour histogram scores of 12-megapixel pairs against the article's own dense cubes."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from bench.measure import Row, cost
from imgsim_core.methods.colour import ARTICLE, HistogramOptions, compared, described
from imgsim_core.picture import Picture

PEERS = ("opencv-python",)
ARTICLES = "the article's code"
WIDTH, HEIGHT = 4000, 3000
CUBE = ([0, 1, 2], None, [256] * 3, [0, 256] * 3)


def photographs(noise: float = 1.0) -> tuple[Picture, Picture]:
    """Enlarge chelsea and coffee to 12 megapixels, with the noise of a camera's sensor."""
    return (
        _photograph(skimage.data.chelsea(), noise, seed=0),
        _photograph(skimage.data.coffee(), noise, seed=1),
    )


def _photograph(rgb: NDArray[np.uint8], noise: float, seed: int) -> Picture:
    large = cv2.resize(rgb, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    random = np.random.default_rng(seed)
    for strip in np.split(large, 10):  # a strip at a time keeps memory free of leftovers
        noisy = strip + noise * random.standard_normal(strip.shape, dtype=np.float32)
        strip[...] = np.clip(np.rint(noisy), 0, 255)
    large.setflags(write=False)
    return Picture(rgb=large, digest=f"{seed:064x}", name="bench.png")


def _our_score(a: Picture, b: Picture, options: HistogramOptions) -> float:
    return compared(described(a, options), described(b, options), options)


def _article_score(a: Picture, b: Picture) -> float:
    """Count, empty the white bin, stretch to 0..1, correlate: flattened, as OpenCV needs it."""
    cubes = []
    for picture in (a, b):
        counted = cv2.calcHist([picture.rgb], *CUBE)
        counted[255, 255, 255] = 0
        cubes.append(cv2.normalize(counted, counted, 0, 1, cv2.NORM_MINMAX))
    return cv2.compareHist(cubes[0].ravel(), cubes[1].ravel(), cv2.HISTCMP_CORREL)


def _numpys_score(a: Picture, b: Picture) -> float:
    """Pearson's correlation of the dense cubes, in double precision."""
    dense = []
    for picture in (a, b):
        codes = picture.rgb.reshape(-1, 3).astype(np.int64) @ np.array([65536, 256, 1])
        counted = np.bincount(codes, minlength=1 << 24).astype(np.float64)
        counted[-1] = 0
        dense.append(counted - counted.mean())
    return float(dense[0] @ dense[1] / np.sqrt((dense[0] @ dense[0]) * (dense[1] @ dense[1])))


def ours() -> Callable[[], float]:
    """Score the article's way, all 256 steps kept sparsely."""
    a, b = photographs()
    tiny = Picture(rgb=np.tile(a.rgb[:4, :4], (300, 300, 1)), digest="0" * 64, name="tiny.png")
    _our_score(tiny, tiny, ARTICLE)  # compiles: once on a machine, not once a pair
    return lambda: _our_score(a, b, ARTICLE)


def article() -> Callable[[], float]:
    """Score the article's way, by its own code."""
    a, b = photographs()
    return lambda: _article_score(a, b)


def ours_smooth() -> Callable[[], float]:
    """Score the article's way a pair without noise, as phones deliver: fewer colours."""
    a, b = photographs(noise=0)
    _our_score(a, a, ARTICLE)
    return lambda: _our_score(a, b, ARTICLE)


def article_smooth() -> Callable[[], float]:
    """Score a pair without noise by the article's own code."""
    a, b = photographs(noise=0)
    return lambda: _article_score(a, b)


def ours_default() -> Callable[[], float]:
    """Score with this project's default options."""
    a, b = photographs()
    return lambda: _our_score(a, b, HistogramOptions())


def _pair_rows(work: str, mine: str, theirs: str, noise: float) -> list[Row]:
    a, b = photographs(noise)
    off = abs(_our_score(a, b, ARTICLE) - _numpys_score(a, b))
    if off > 1e-6:
        raise AssertionError(f"the score is {off} away from numpy's")
    correct = f"{off:.0e} from numpy's Pearson"
    del a, b
    ours_cost, theirs_cost = (cost(f"{__name__}:{task}") for task in (mine, theirs))
    return [
        Row(work, "ms", ours_cost.milliseconds, theirs_cost.milliseconds, 3, correct, ARTICLES),
        Row(work, "MiB", ours_cost.peak_mib, theirs_cost.peak_mib, 50, correct, ARTICLES),
    ]


def rows() -> list[Row]:
    """Time and memory against the article's; scores checked in the same run."""
    noisy = _pair_rows("article's 256³ histogram, 12 MP pair", "ours", "article", noise=1)
    smooth = _pair_rows("the same, pair without noise", "ours_smooth", "article_smooth", noise=0)
    default = cost(f"{__name__}:ours_default")
    note = "another score: 8 steps, earth mover's distance"
    work = "our default histogram, 12 MP pair"
    quick = Row(work, "ms", default.milliseconds, noisy[0].theirs, 1, note, ARTICLES)
    return [*noisy, *smooth, quick]
