"""The command `duplicates`, over a small gallery."""

from __future__ import annotations

import json

import pytest

from imgsim_core import __main__ as command_line
from imgsim_core.gallery.keeping import not_duplicates_as_json
from tests.gallery.test_duplicates import made, sample


@pytest.fixture
def called(tmp_path, monkeypatch, capsys):
    """Run the command on a gallery with two cats, one mirrored, a double and a stranger."""
    cat = sample("cat")
    made(
        tmp_path,
        {
            "cat.png": cat,
            "double/cat.png": cat,
            "mirrored.png": cat[:, ::-1],
            "rocket.png": sample("rocket"),
        },
    )
    monkeypatch.setenv("IMGSIM_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("IMGSIM_PICTURES", str(tmp_path / "pictures"))

    def call(*arguments):
        code = command_line.main(["duplicates", "g", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def names(data):
    return sorted(
        sorted(name for member in group["members"] for name in member["files"])
        for group in data["groups"]
    )


@pytest.mark.parametrize(
    ("level", "wanted"),
    [
        ("file", [["cat.png", "double/cat.png"]]),
        ("copy", [["cat.png", "double/cat.png", "mirrored.png"]]),
        ("shot", [["cat.png", "double/cat.png", "mirrored.png"]]),
    ],
)
def test_each_level_as_json(called, level, wanted):
    code, out, _ = called("--level", level, "--json")
    data = json.loads(out)
    assert code == 0
    assert names(data) == wanted
    assert data["level"] == level
    assert data["counts"]["files"] == 4
    for group in data["groups"]:
        assert group["keep"] in {member["digest"] for member in group["members"]}


def test_sentences_name_every_file_and_what_to_keep(called):
    code, out, _ = called()
    assert code == 0
    for name in ("cat.png", "double/cat.png", "mirrored.png"):
        assert name in out
    assert "rocket" not in out
    assert out.count("keep") == 1


@pytest.mark.parametrize("form", ["csv", "json", "sh"])
def test_plans_are_written_and_nothing_else_happens(called, tmp_path, form):
    before = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    code, _, _ = called("--plan", str(tmp_path / f"plan.{form}"))
    assert code == 0
    text = (tmp_path / f"plan.{form}").read_text()
    assert "mirrored.png" in text
    assert "keep" in text
    after = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert set(after) - set(before) == {tmp_path / f"plan.{form}"}


def test_pairs_of_the_file_are_no_duplicates(called, tmp_path):
    _, out, _ = called("--json")
    (group,) = json.loads(out)["groups"]
    pair = frozenset(member["digest"] for member in group["members"])
    (tmp_path / "apart.json").write_text(not_duplicates_as_json([pair]))
    code, out, _ = called("--json", "--not-duplicates", str(tmp_path / "apart.json"))
    assert (code, json.loads(out)["groups"]) == (0, [])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--plan", "plan.txt"),
        ("--plan", "/no/such/folder/plan.csv"),
        ("--not-duplicates", "/no/such/file.json"),
        ("--not-duplicates", __file__),
        ("--level", "everything"),
    ],
)
def test_mistakes_are_one_sentence(called, arguments):
    code, _, said = called(*arguments)
    assert code == 2
    assert len(said.strip().splitlines()) == 1


def test_an_unknown_gallery_is_named(called, capsys):
    assert command_line.main(["duplicates", "nothing-here"]) == 2
    assert "nothing-here" in capsys.readouterr().err
