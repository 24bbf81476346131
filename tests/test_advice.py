"""The article's advice, "take the background away before SSIM": where it holds, where not.

Scenes made for it, in which only the background or only the thing differs, and the built-in
guided pairs. What the page says of it in words is what is asserted here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import combinations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from imgsim_core.comparison import Question, Score, ask
from imgsim_core.cutout import Cutout, cut_out, without_background
from imgsim_core.picture import Picture
from imgsim_core.registry import method_by_id
from imgsim_core.samples import all_pairs, open_sample
from imgsim_core.text import Text
from tests.pictures import picture_of

THINGS = ("cup-on-white", "motorcycle-on-white", "horse")
GROUNDS = ("bricks", "grass", "galaxies", "tissue")
UNRELATED = ("on-white", "two-people", "unrelated")

Way = Callable[[Picture, Cutout], Picture]


def ssim(a: Picture, b: Picture) -> float:
    """Structural similarity as the page measures it."""
    method = method_by_id("ssim")
    answer = ask(Question(method, method.options_from({})), a, b)
    assert isinstance(answer, Score)
    return answer.value


def whole(picture: Picture, cutout: Cutout) -> Picture:
    return picture


def in_place(picture: Picture, cutout: Cutout) -> Picture:
    return without_background(picture, cutout, crop=False)


def cropped(picture: Picture, cutout: Cutout) -> Picture:
    return without_background(picture, cutout)


# ── Made scenes ────────────────────────────────────────────────────────────────────


def thing(name: str) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A sample on white, cut tight and made small, and where it is."""
    rgb = open_sample(name).rgb
    there = rgb.min(axis=2) < 250
    rows, columns = (np.flatnonzero(there.any(axis=axis)) for axis in (1, 0))
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    scale = min(200 / (columns[-1] - columns[0]), 150 / (rows[-1] - rows[0]))
    size = (round(scale * np.ptp(columns)), round(scale * np.ptp(rows)))
    small = cv2.resize(rgb[window], size, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(there[window].astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), mask.astype(bool)


@cache
def scenes() -> dict[tuple[str, str], tuple[Picture, Cutout, Cutout]]:
    """Each thing in the middle of each ground: the scene, the true cut-out, the one found."""
    made = {}
    for ground in GROUNDS:
        for name in THINGS:
            rgb = cv2.resize(open_sample(ground).rgb, (320, 240), interpolation=cv2.INTER_AREA)
            pixels, there = thing(name)
            top, left = (240 - len(pixels)) // 2, (320 - pixels.shape[1]) // 2
            window = slice(top, top + len(pixels)), slice(left, left + pixels.shape[1])
            rgb[window][there] = pixels[there]
            mask = np.zeros((240, 320), bool)
            mask[window] = there
            picture = picture_of(rgb, f"{name} on {ground}")
            made[name, ground] = picture, Cutout(mask, Text("as made")), cut_out(picture)
    return made


def scene_scores(way: Way, found: bool) -> tuple[list[float], list[float]]:
    """SSIM of one thing on two grounds, and of two things on one ground."""
    laid = {key: way(scene[0], scene[2 if found else 1]) for key, scene in scenes().items()}
    pairs = list(combinations(laid, 2))
    same_thing = [ssim(laid[a], laid[b]) for a, b in pairs if a[0] == b[0]]
    same_ground = [ssim(laid[a], laid[b]) for a, b in pairs if a[1] == b[1]]
    assert len(same_thing) == 18
    assert len(same_ground) == 12
    return same_thing, same_ground


def test_with_the_background_the_ground_decides():
    same_thing, same_ground = scene_scores(whole, found=True)
    assert np.mean(same_thing) < 0.45
    assert np.mean(same_ground) > 0.6
    assert np.mean(np.greater.outer(same_thing, same_ground)) < 0.1


@pytest.mark.parametrize("way", [in_place, cropped])
@pytest.mark.parametrize("found", [False, True], ids=["as made", "as found"])
def test_without_the_background_the_thing_decides(way: Way, found: bool):
    same_thing, same_ground = scene_scores(way, found)
    assert np.mean(same_thing) > 0.7
    assert np.mean(same_thing) > np.mean(same_ground) + 0.2
    assert np.mean(np.greater.outer(same_thing, same_ground)) > 0.95


def test_the_things_of_the_scenes_are_found():
    overlaps = [
        (made.mask & found.mask).sum() / (made.mask | found.mask).sum()
        for _, made, found in scenes().values()
    ]
    assert min(overlaps) > 0.8


# ── The guided pairs ───────────────────────────────────────────────────────────────


@cache
def found_in(sample: str) -> Cutout:
    return cut_out(open_sample(sample))


def guided_scores(way: Way) -> tuple[dict[str, float], list[float]]:
    """SSIM of the guided pairs that belong together, by id, and of pictures that do not."""

    def score(a: str, b: str) -> float:
        return ssim(*(way(open_sample(one), found_in(one)) for one in (a, b)))

    related = {
        pair.id: score(pair.a, pair.b)
        for pair in all_pairs()
        if pair.id not in (*UNRELATED, "coffee-shuffled", "same-file")
    }
    originals = ("motorcycle-left", "cat", "coffee", "astronaut", "rocket", "photographer")
    return related, [score(*two) for two in combinations(originals, 2)]


def test_on_the_guided_pairs_the_advice_does_not_help():
    related, unrelated = guided_scores(whole)
    related_cut, unrelated_cut = guided_scores(in_place)
    # All rise, the unrelated by as much: white agrees with white
    assert np.mean(list(related_cut.values())) > np.mean(list(related.values())) + 0.05
    assert np.mean(unrelated_cut) > np.mean(unrelated) + 0.15
    before = np.mean(np.greater.outer(list(related.values()), unrelated))
    after = np.mean(np.greater.outer(list(related_cut.values()), unrelated_cut))
    assert after < before + 0.05
    # Where the cut-outs differ, a copy to the pixel is one no more
    assert related["cat-grey"] > 0.99
    assert related_cut["cat-grey"] < 0.8
    # A thing that moved a little is found again
    assert related_cut["coffee-shifted"] > related["coffee-shifted"] + 0.2
    assert related_cut["coffee-turned"] > related["coffee-turned"] + 0.2


def test_without_background_the_same_file_is_still_the_same():
    for way in (in_place, cropped):
        laid = way(open_sample("astronaut"), found_in("astronaut"))
        assert ssim(laid, laid) == 1
