"""The command `search`, as a person at a terminal meets it."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from imgsim_core.__main__ import main
from imgsim_core.gallery.ingest import ingest, new_gallery
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.sources import from_samples
from imgsim_core.gallery.store import open_store
from imgsim_core.samples import open_sample


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("galleries")
    store, shelf = open_store(str(folder / "store")), Shelf(str(folder / "pictures"))
    ingest(new_gallery("samples", store, shelf), from_samples())
    Image.fromarray(open_sample("cat").rgb).save(folder / "cat.png")
    return folder


@pytest.fixture(autouse=True)
def _addresses(folder, monkeypatch):
    monkeypatch.setenv("IMGSIM_STORE", str(folder / "store"))
    monkeypatch.setenv("IMGSIM_PICTURES", str(folder / "pictures"))


def searched(capsys, *arguments):
    assert main(["search", "samples", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_picture_finds_its_kind(folder, capsys):
    answer = searched(capsys, "--picture", folder / "cat.png", "-k", 5)
    assert len(answer["hits"]) == 5
    assert all("cat" in hit["name"] for hit in answer["hits"][:3])
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3, 4, 5]
    assert answer["method"] == "efficientnet-lite2"
    assert (answer["scale"]["identical"], answer["scale"]["opposite"]) == (1.0, -1.0)
    assert all(hit["meaning"] for hit in answer["hits"])


def test_words_find_pictures_and_minus_turns_away(capsys):
    plain = searched(capsys, "--text", "motorcycle", "-k", 3)
    assert all("motorcycle" in hit["name"] for hit in plain["hits"])
    assert plain["standing_out_is_a_guess"]
    turned = searched(capsys, "--text", "animal", "--minus", "cat", "-k", 3)
    assert not any("cat" in hit["name"] for hit in turned["hits"])


def test_another_method_answers_on_its_own_scale(folder, capsys):
    answer = searched(capsys, "--picture", folder / "cat.png", "--method", "phash", "-k", 70)
    values = [hit["value"] for hit in answer["hits"]]
    assert values == sorted(values)
    assert answer["method"] == "phash"


def test_verified_hits_come_first_with_their_count(folder, capsys):
    answer = searched(capsys, "--picture", folder / "cat.png", "--verify", "-k", 8)
    details = [hit["agreeing_details"] for hit in answer["hits"]]
    assert details == sorted(details, reverse=True)
    assert details[0] > 0


def test_names_are_a_condition(folder, capsys):
    answer = searched(capsys, "--picture", folder / "cat.png", "--name", "coffee")
    assert answer["hits"]
    assert all("coffee" in hit["name"].lower() for hit in answer["hits"])


def test_a_table_for_people_has_the_divider(folder, capsys):
    assert main(["search", "samples", "--picture", str(folder / "cat.png"), "-k", "70"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("EfficientNet-Lite2: 1.000 identical, −1.000 at the other end")
    assert out.count("probably unrelated below") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["samples"], "Say what to look for"),
        (["samples", "--text", "猫"], "English words only"),
        (["samples", "--text", " "], "No words"),
        (["samples", "--text", "cat", "-k", "0"], "-k must be"),
        (["samples", "--text", "cat", "--verify"], "picture alone"),
        (["samples", "--text", "cat", "--method", "ssim"], "one picture"),
        (["samples", "--text", "cat", "--method", "nothing"], "no method called"),
        (["samples", "--picture", "nowhere.png"], "no file"),
        (["elsewhere", "--text", "cat"], "There are: samples"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments, said, capsys):
    assert main(["search", *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert not captured.out
