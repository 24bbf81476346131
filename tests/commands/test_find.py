"""The commands `find` and `name`, as a person at a terminal meets them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from imgsim_core.__main__ import main
from imgsim_core.samples import open_sample


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for code in ("cat", "cat-mirrored", "coffee"):
        Image.fromarray(open_sample(code).rgb).save(folder / f"{code}.png")
    return folder


def test_a_boxed_object_is_found_mirrored(folder, capsys):
    arguments = ["find", str(folder / "cat.png"), str(folder / "cat-mirrored.png")]
    assert main([*arguments, "--box", "90,15,290,225", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    (one,) = answer["finds"]
    assert one["mirrored"]
    # Mirrored, the box's left edge lies at 450 - 90
    assert np.abs(np.array(one["outline"][0]) - (360, 15)).max() < 4
    assert one["false_finds"]["rate_at_most"] < 0.01


def test_what_is_not_there_is_said_plainly(folder, capsys):
    assert main(["find", str(folder / "cat.png"), str(folder / "coffee.png")]) == 0
    assert capsys.readouterr().out == "Not there.\n"


@pytest.mark.parametrize("box", ["1,2,3", "a,b,c,d", "0,0,5,5", "9,9,5,5"])
def test_a_bad_box_ends_with_a_sentence(folder, capsys, box):
    arguments = ["find", str(folder / "cat.png"), str(folder / "coffee.png"), "--box", box]
    assert main(arguments) == 2
    assert "box" in capsys.readouterr().err


def test_a_picture_is_named(folder, capsys):
    assert main(["name", str(folder / "cat.png"), "--words", "cat, 狗, bridge", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["answers"][0]["name"] == "cat"
    assert 0 <= answer["none_of_these"] < 0.5
    assert main(["name", str(folder / "cat.png")]) == 0
    assert "Egyptian cat" in capsys.readouterr().out
    assert main(["name", str(folder / "cat.png"), "--words", ","]) == 2
