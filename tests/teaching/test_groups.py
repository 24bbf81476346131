"""Groups to teach with: what is left out is said by name."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from imgsim_core.errors import CannotTeach
from imgsim_core.picture import Picture
from imgsim_core.picture_set import PictureSet, files_of, with_files
from imgsim_core.teaching.groups import FEWEST_GROUPS, MOST_PICTURES, grouped, groups_of_folders


def picture(number: int) -> Picture:
    rgb = np.full((8, 8, 3), number, np.uint8)
    return Picture(rgb, f"{number:064x}", f"{number}.png")


def members(*sizes: int) -> list[tuple[Picture, str]]:
    names = [f"group {i}" for i, size in enumerate(sizes) for _ in range(size)]
    return [(picture(i), name) for i, name in enumerate(names)]


def test_every_picture_is_in_its_group():
    groups = grouped(members(2, 3, 4))
    assert groups.names == ("group 0", "group 1", "group 2")
    assert groups.labels.tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 2]
    assert groups.sizes.tolist() == [2, 3, 4]
    assert not groups.notes


def test_a_picture_in_two_groups_is_in_neither_and_named():
    groups = grouped([*members(3, 3, 3), (picture(0), "group 2")])
    assert len(groups) == 8
    assert picture(0).digest not in {each.digest for each in groups.pictures}
    (note,) = groups.notes
    assert "0.png" in str(note)
    assert "group 0 + group 2" in str(note)


def test_the_same_picture_twice_in_a_group_counts_once():
    assert len(grouped([*members(2, 2, 2), (picture(0), "group 0")])) == 6


def test_groups_of_one_are_kept_and_named():
    groups = grouped(members(2, 2, 2, 1))
    assert len(groups) == 7
    assert "group 3" in str(groups.notes[0])


@pytest.mark.parametrize("sizes", [(), (5,), (1, 1, 1, 1), (4, 4, 1)])
def test_too_few_groups_are_refused_with_how_many_are_needed(sizes):
    with pytest.raises(CannotTeach, match=f"at least {FEWEST_GROUPS} groups"):
        grouped(members(*sizes))


def test_groups_too_few_are_named():
    with pytest.raises(CannotTeach, match="these are 2: group 0, group 1"):
        grouped(members(4, 4, 1))
    with pytest.raises(CannotTeach, match="each group has one: group 0, group 1, group 2"):
        grouped(members(1, 1, 1))
    with pytest.raises(CannotTeach, match="here are none"):
        grouped([])


def test_ten_thousand_pictures_are_refused_with_the_limit_and_the_biggest_groups():
    rgb = np.zeros((1, 1, 3), np.uint8)
    many = [(Picture(rgb, f"{i:064x}", f"{i}.png"), f"group {i % 7}") for i in range(10_001)]
    with pytest.raises(CannotTeach) as refused:
        grouped(many)
    assert str(MOST_PICTURES) in str(refused.value.text)
    assert "10001" in str(refused.value.text)
    assert "group 0 (1429)" in str(refused.value.text)


def archive(names: list[str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        for i, name in enumerate(names):
            image = io.BytesIO()
            Image.new("RGB", (8, 8), (i * 9, 255 - i * 9, 0)).save(image, "PNG")
            made.writestr(name, image.getvalue())
    return target.getvalue()


def test_folders_of_a_zip_are_groups_by_their_last_part():
    names = [f"all/{kind}/{i}.png" for kind in ("cups", "cats", "cars") for i in range(2)]
    pictures = with_files(PictureSet(), files_of("set.zip", archive([*names, "loose.png"])))
    groups = groups_of_folders(pictures)
    assert groups.names == ("cups", "cats", "cars")
    assert len(groups) == 6
    assert "loose.png" in str(groups.notes[0])


def test_folders_of_the_same_name_are_told_apart_by_their_path():
    names = [f"{side}/{kind}/{i}.png" for side in "ab" for kind in ("x", "y") for i in range(2)]
    pictures = with_files(PictureSet(), files_of("set.zip", archive(names)))
    assert groups_of_folders(pictures).names == ("a/x", "a/y", "b/x", "b/y")
