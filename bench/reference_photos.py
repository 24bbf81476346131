"""Pairs of known relation from the evaluation pictures, in two halves that share no photo.

The photographs are one of each ImageNet class. Groups of classes give pairs of one kind;
pairs across groups are unrelated. Copies are made by the project's own damages, second
views are simulated, and some are real (Oxford, LightGlue, OpenCV, Middlebury stereo).
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np

from imgsim_core.picture import Picture, open_picture
from imgsim_core.reference_pairs import (
    Pair,
    ReferencePairs,
    edited_copies,
    made_picture,
    reduced_picture,
    second_views,
)
from imgsim_core.samples import open_sample

DATA = Path(
    os.environ.get("IMGSIM_EVAL_DATA", Path(__file__).parents[1].parent / "shared" / "data")
)
SEED = 20261122
CALIBRATED, CHECKED = 0, 1  # the two halves
# The real second views are larger than the photographs, and slow to match
REAL_SIDE = 480


def _numbers(text: str) -> frozenset[int]:
    """Read "1-3 7" as 1, 2, 3, 7."""
    ends = [part.split("-") for part in text.split()]
    return frozenset(n for part in ends for n in range(int(part[0]), int(part[-1]) + 1))


# Kinds of thing, as ranges of ImageNet's class numbers
GROUPS = {
    name: _numbers(text)
    for name, text in {
        "sharks": "2-4",
        "fishes": "0-1 389-397",
        "birds": "7-24 80-100 127-146",
        "newts": "25-29",
        "frogs": "30-32",
        "turtles": "33-37",
        "lizards": "38-48",
        "crocodiles": "49-50",
        "snakes": "52-68",
        "spiders": "72-77 70",
        "crabs": "118-125",
        "snails": "113-115",
        "whales": "147-148",
        "dogs": "151-268",
        "wolves and foxes": "269-280",
        "cats": "281-285",
        "big cats": "286-293",
        "bears": "294-297",
        "beetles": "300-307",
        "grasshoppers": "311-313 315",
        "dragonflies": "318-320",
        "butterflies": "321-326",
        "rabbits": "330-332",
        "pigs": "341-343",
        "cattle": "345-347",
        "sheep and antelopes": "348-353",
        "weasels": "356-362",
        "apes and monkeys": "365-384",
        "elephants": "101 385-386",
        "aeroplanes": "404 895",
        "stringed instruments": "402 420 486 546 889",
        "wind instruments": "432 513 558 566 683 699 776 875",
        "keyboard instruments": "579 687 881",
        "cars": "436 468 511 609 627 656 661 717 751 817",
        "lorries and buses": "407 555 569 654 675 734 779 864 867 874",
        "trains": "466 547 705 820 829",
        "boats": "403 472 484 510 554 576 625 628 724 780 814 871 914",
        "bicycles": "444 671 880",
        "bottles": "440 720 737 898 901 907",
        "chairs": "423 559 765 703 857",
        "clocks": "409 530-531 826 892",
        "computers": "527 590 620 681",
        "keyboards": "508 810 878",
        "cameras": "732 759",
        "cups": "441 504 572 967-968",
        "balls": "429-430 522 574 722 768 805 852 890",
        "hats": "439 452 515 808",
        "shoes": "502 514 630 770 774",
        "dresses": "399-400 578 601 614 689",
        "churches and temples": "497 538 663 668 832",
        "bridges": "821 839 888",
        "shops": "415 454 467 509 582 788 860 865",
        "beds and cradles": "431 516 520 564",
        "guns": "413 763 764",
        "vegetables": "936-946",
        "fruit": "948-957",
        "mushrooms": "947 991-997",
        "flowers": "985-986",
        "landscapes": "970 972 974-980",
        "dishes": "924-927 933-935 959 962-965",
    }.items()
}


@dataclass(frozen=True)
class Sizes:
    """How many pairs of each relation; `photos` bounds the photographs drawn from.

    `unrelated` None takes every pair of them. `enlarged`: two photographs in three are
    made twice and three times as large, for methods whose scores depend on the size.
    """

    photos: int
    unrelated: int | None
    per_group: int
    views: int
    per_damage: int
    enlarged: bool = False


@dataclass(frozen=True)
class _Photo:
    path: Path
    number: int
    scale: int

    def open(self) -> Picture:
        return _enlarged(self.path, self.scale)


@cache
def _enlarged(path: Path, scale: int) -> Picture:
    picture = _opened(path)
    if scale == 1:
        return picture
    larger = cv2.resize(picture.rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return made_picture(np.asarray(larger, np.uint8), picture.name)


@cache
def _opened(path: Path) -> Picture:
    return open_picture(path.read_bytes(), path.name)


@cache
def photos(half: int, enlarged: bool = False) -> tuple[_Photo, ...]:
    """List the photographs with even (0) or odd (1) class numbers."""
    with (DATA / "photos" / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["image"], int(row["class_index"])) for row in csv.DictReader(file)]
    return tuple(
        _Photo(DATA / "photos" / name, number, number // 2 % 3 + 1 if enlarged else 1)
        for name, number in rows
        if number % 2 == half
    )


def _kind(number: int) -> str | None:
    return next((name for name, numbers in GROUPS.items() if number in numbers), None)


@cache
def reference_pairs(half: int, sizes: Sizes) -> ReferencePairs:
    """Make the pairs of one half: the same every time."""
    random = np.random.default_rng((SEED, half))
    every = photos(half, sizes.enlarged)
    drawn = [every[index] for index in random.permutation(len(every))[: sizes.photos]]
    originals = tuple(photo.open() for photo in drawn)
    return ReferencePairs(
        unrelated=tuple(_unrelated(drawn, sizes, random)),
        same_kind=tuple(_same_kind(every, sizes, random)),
        same_scene=(
            *_simulated(originals, sizes.views, random),
            *list(real_second_views())[half::2],
        ),
        copies=tuple(edited_copies(originals, sizes.per_damage)),
    )


def _unrelated(
    drawn: Sequence[_Photo], sizes: Sizes, random: np.random.Generator
) -> Iterator[Pair]:
    pairs = [
        (a, b)
        for a, b in combinations(drawn, 2)
        if _kind(a.number) is None or _kind(a.number) != _kind(b.number)
    ]
    order = random.permutation(len(pairs))[: sizes.unrelated]
    return ((pairs[index][0].open(), pairs[index][1].open()) for index in order)


def _same_kind(
    every: Sequence[_Photo], sizes: Sizes, random: np.random.Generator
) -> Iterator[Pair]:
    for numbers in GROUPS.values():
        pairs = list(combinations([photo for photo in every if photo.number in numbers], 2))
        for index in random.permutation(len(pairs))[: sizes.per_group]:
            yield pairs[index][0].open(), pairs[index][1].open()


def _simulated(
    originals: Sequence[Picture], count: int, random: np.random.Generator
) -> Iterator[Pair]:
    for index in range(count):
        original = originals[index % len(originals)]
        first, second = second_views(original.rgb, random)
        yield made_picture(first, original.name), made_picture(second, original.name)


@cache
def real_second_views() -> tuple[Pair, ...]:
    """Photographs of one thing or place taken twice."""
    folder = DATA / "keypoints"
    series = [
        sorted(place.glob("img*.p?m")) or sorted(place.glob("img*.png"))
        for place in sorted((folder / "oxford_affine").iterdir())
        if place.is_dir()
    ]
    series += [
        [folder / "lightglue/DSC_0410.JPG", folder / "lightglue/DSC_0411.JPG"],
        [folder / "lightglue/sacre_coeur1.jpg", folder / "lightglue/sacre_coeur2.jpg"],
        [folder / "opencv/box.png", folder / "opencv/box_in_scene.png"],
    ]
    found = [
        tuple(reduced_picture(_opened(path), REAL_SIDE) for path in pair)
        for paths in series
        for pair in combinations(paths, 2)
    ]
    stereo = [open_sample("motorcycle-left"), open_sample("motorcycle-right")]
    found.append(tuple(reduced_picture(picture, REAL_SIDE) for picture in stereo))
    return tuple((a, b) for a, b in found)


def near_duplicates() -> ReferencePairs:
    """Pairs of data/neardup: edited copies and different pictures."""
    folder = DATA / "neardup"
    with (folder / "pairs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_truth: dict[str, list[Pair]] = {"same": [], "different": []}
    for row in rows:
        pair = (_opened(folder / row["image1"]), _opened(folder / row["image2"]))
        by_truth[row["truth"]].append(pair)
    return ReferencePairs(
        unrelated=tuple(by_truth["different"]),
        same_kind=(),
        same_scene=(),
        copies=tuple(by_truth["same"]),
    )
