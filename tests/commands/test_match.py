"""The command `match`, as a person at a terminal meets it."""

from __future__ import annotations

import csv
import io
import json
import signal

import pytest
from PIL import Image

from imgsim_core.__main__ import main
from imgsim_core.applications.products.sample_catalogue import files, photograph_by_id
from imgsim_core.commands import console, match


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A catalogue of five rows, one of them without its picture, and two photographs."""
    folder = tmp_path_factory.mktemp("shop")
    table, *pictures = files()
    lines = table[1].decode().splitlines()
    kept = [line for line in lines if line.startswith(("sku", "CUP", "TEA-01", "MUG"))]
    (folder / "list.csv").write_text("\n".join([*kept, "GONE-01,Gone,gone.jpg,1,A"]), "utf-8")
    for name, data in pictures:
        if name.startswith(("CUP", "TEA-01", "MUG")):
            (folder / name).write_bytes(data)
    Image.fromarray(photograph_by_id("cup").opened().rgb).save(folder / "asked.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def test_a_photograph_finds_its_product_and_a_broken_one_is_said(shop, capsys):
    arguments = ["match", shop / "list.csv", shop / "asked.png", shop / "broken.jpg"]
    assert main([*map(str, arguments), "-k", "2", "--json"]) == 0
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert answer["products"] == 4
    assert "gone.jpg is not among the files" in err
    first, second = answer["photographs"]
    assert first["best"] == "CUP-01"
    assert [one["rank"] for one in first["matches"]] == [1, 2]
    assert first["matches"][0]["catalogue_price"] == "12.50"
    assert "broken.jpg" in second["photograph"]
    assert "problem" in second


def test_a_folder_is_a_catalogue_too_and_csv_is_a_line_each(shop, capsys):
    arguments = ["match", shop, shop / "asked.png", "--csv", "--no-titles"]
    assert main(list(map(str, arguments))) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["sku"] == "CUP-01"


def test_ctrl_c_ends_with_what_is_done_and_is_no_success(shop, monkeypatch, capsys):
    def opened(path):
        signal.raise_signal(signal.SIGINT)
        return console.opened(path)

    monkeypatch.setattr(match, "opened", opened)
    photographs = [str(shop / "asked.png")] * 2
    with pytest.raises(KeyboardInterrupt):  # the program's code is then 130
        main(["match", str(shop / "list.csv"), *photographs, "--json"])
    (done,) = json.loads(capsys.readouterr().out)["photographs"]
    assert done["best"] == "CUP-01"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.csv", "x.jpg"], "nowhere.csv"),
        (["nowhere.zip", "x.jpg"], "nowhere.zip"),
        (["list.csv", "x.jpg", "-k", "0"], "-k must be"),
        (["list.csv", "x.jpg", "--colour", "7"], "weight"),
        (["list.csv", "x.jpg", "--shape", "nan"], "weight"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(shop, arguments, said, capsys):
    found = [str(shop / one) if one == "list.csv" else one for one in arguments]
    assert main(["match", *found]) != 0
    assert said in capsys.readouterr().err
