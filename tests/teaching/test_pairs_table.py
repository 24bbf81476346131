"""Tables of pictures and texts, as people write them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from imgsim_core.errors import CannotTeach
from imgsim_core.teaching.pairs_table import FEWEST_TEXTS, pairs_from_csv

COUNT = 12


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "图片").mkdir()
    for number in range(COUNT):
        shade = np.full((4, 4, 3), 20 * number, np.uint8)
        Image.fromarray(shade).save(tmp_path / "图片" / f"{number}.png")
    return tmp_path


def write(folder, rows, encoding="utf-8"):
    path = folder / "pairs.csv"
    path.write_bytes("\n".join(rows).encode(encoding))
    return path


def rows(delimiter=",", slash="/"):
    return [f"图片{slash}{number}.png{delimiter}text {number}" for number in range(COUNT)]


@pytest.mark.parametrize(
    ("header", "delimiter", "encoding"),
    [
        ("image,text", ",", "utf-8"),
        ("Image Path;Caption", ";", "utf-8-sig"),
        ("picture\ttitle", "\t", "utf-16"),
        ("图片,描述", ",", "gb18030"),
        ("filename|说明", "|", "utf-8"),
    ],
)
def test_columns_are_found_by_their_names(folder, header, delimiter, encoding):
    pairs = pairs_from_csv(write(folder, [header, *rows(delimiter)], encoding))
    assert len(pairs) == COUNT
    assert pairs.texts[3] == "text 3"
    assert pairs.pictures[3].opened().rgb[0, 0].tolist() == [60, 60, 60]
    assert not pairs.notes


def test_columns_may_come_in_any_order_and_paths_from_windows(folder):
    lines = [f"{number},text {number},图片\\{number}.png" for number in range(COUNT)]
    assert len(pairs_from_csv(write(folder, ["id,text,file", *lines]))) == COUNT


def test_bad_rows_are_named_and_the_rest_is_used(folder):
    (folder / "note.png").write_text("no picture")
    bad = ["图片/99.png,gone", "note.png,no picture", ",nothing", "图片/1.png,", "图片/1.png"]
    bad.append(f"https:%2F%2Fpictures.invalid%2F{'a' * 300},longer than a file may be called")
    pairs = pairs_from_csv(write(folder, ["image,text", *rows(), *bad]))
    assert len(pairs) == COUNT
    said = [str(note) for note in pairs.notes]
    assert said[0] == f"Row {COUNT + 2}: There is no file 图片/99.png."
    assert "note.png" in said[1]
    assert said[2] == f"Row {COUNT + 4}: the name of a picture is missing."
    assert said[3] == f"Row {COUNT + 5}: the text is missing."
    assert said[5].startswith(f"Row {COUNT + 7}: The file https:%2F%2Fpictures")
    assert "cannot be read" in said[5]
    assert str(folder) not in said[5]
    assert len(said) == len(bad)


def test_what_shares_a_picture_or_a_text_is_one_family(folder):
    more = ["图片/0.png,another", "图片/1.png,another", "图片/1.png,text 1"]
    pairs = pairs_from_csv(write(folder, ["image,text", *rows(), *more]))
    assert len(pairs) == COUNT + 2  # the last one was there already
    families = pairs.families()
    assert len(set(families)) == COUNT - 1
    assert families[0] == families[1] == families[COUNT] == families[COUNT + 1]
    assert families[2] != families[0]


def test_different_texts_of_one_picture_are_not_enough(folder):
    lines = [f"图片/1.png,text {number}" for number in range(2 * FEWEST_TEXTS)]
    with pytest.raises(CannotTeach, match="holds 1 pictures with texts that share nothing"):
        pairs_from_csv(write(folder, ["image,text", *lines]))


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "not a table"),
        (["text,number", "a,1"], "not a table"),
        (["image,text", "图片/1.png,one"], "at least 10 are needed"),
        (["image,text", *(f"{number}.png,t{number}" for number in range(12))], "no file 0.png"),
    ],
)
def test_what_cannot_be_learned_from_is_said(folder, lines, why):
    with pytest.raises(CannotTeach, match=why):
        pairs_from_csv(write(folder, lines))


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(CannotTeach, match=r"no file pairs\.csv"):
        pairs_from_csv(tmp_path / "pairs.csv")


def test_any_bytes_are_answered_with_a_sentence(tmp_path):
    random = np.random.default_rng(0)
    for number in range(50):
        path = tmp_path / f"{number}.csv"
        path.write_bytes(random.bytes(number * 7))
        with pytest.raises(CannotTeach):
            pairs_from_csv(path)
