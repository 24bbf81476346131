"""`index`: pictures of a host into a gallery, also when it is killed in the middle."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgsim_core.__main__ import main
from imgsim_core.gallery.gallery import Gallery, open_gallery
from imgsim_core.gallery.shelf import PICTURES_ADDRESS, Shelf
from imgsim_core.gallery.store import STORE_ADDRESS, open_store

ROOT = Path(__file__).parents[2]
PICTURES = 40
KILLS = 3


@pytest.fixture(autouse=True)
def _own_places(monkeypatch, tmp_path):
    monkeypatch.setenv(STORE_ADDRESS, str(tmp_path / "store"))
    monkeypatch.setenv(PICTURES_ADDRESS, str(tmp_path / "shelf"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("here") / "photos"
    folder.mkdir()
    for seed in range(PICTURES):
        coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((320, 240)).save(folder / f"{seed:02}.jpg")
    (folder / "letter.txt").write_text("Dear Sir")
    return folder


def gallery(name: str) -> Gallery:
    return open_gallery(name, open_store(), Shelf())


def indexed(capsys, *arguments: str) -> dict[str, object]:
    assert main(["index", *arguments, "--json"]) == 0
    result: dict[str, object] = json.loads(capsys.readouterr().out)
    return result


def test_a_folder_becomes_a_gallery_and_again_adds_nothing(folder, capsys):
    result = indexed(capsys, "trip", str(folder), "--title", "Our trip")
    assert (result["state"], result["added"], result["refused"]) == ("done", PICTURES, 1)
    assert "letter.txt" in str(result["refusals"])
    assert result["title"] == gallery("trip").title == "Our trip"
    entries = gallery("trip").snapshot().entries
    assert entries[0].name == "photos/00.jpg"
    assert entries[0].sources == (str(folder / "00.jpg"),)
    assert gallery("trip").shelf.original(entries[0].digest) is None
    again = indexed(capsys, "trip", str(folder))
    assert (again["added"], again["known"]) == (0, PICTURES)


def test_the_samples_and_sentences(capsys):
    assert main(["index", "samples", "--samples"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("samples: done")
    added = int(lines[1].split()[0])
    assert added == len(gallery("samples").snapshot()) >= 60


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["trip"], "Name a file"),
        (["../trip", "x.png"], "cannot be the name"),
        (["trip", "nothing-there.png"], "No picture was found"),
        (["trip", "x.png", "--model", "none"], "no model called none"),
        (["trip", "nothing://there/x"], "cannot be reached"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments, says, capsys):
    assert main(["index", *arguments]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert says in said


def test_another_model_for_a_gallery_that_is_there_is_refused(folder, capsys, monkeypatch):
    indexed(capsys, "trip", str(folder / "00.jpg"))
    from imgsim_core.gallery import ingest

    monkeypatch.setattr(ingest, "encoder_key", lambda model: "another")
    assert main(["index", "trip", str(folder)]) == 2
    assert "embed it again" in capsys.readouterr().err


@pytest.fixture
def program(tmp_path) -> str:
    """The command in batches of a few pictures, so that there is something to interrupt.

    The time that is spent on making many more quick is left out.
    """
    path = tmp_path / "run.py"
    path.write_text(
        "import runpy; from imgsim_core.gallery import ingest, workers\n"
        "ingest.BATCH = 4; ingest._AT_ONCE = 4; workers.quicken_in_background = id\n"
        "runpy.run_module('imgsim_core', run_name='__main__')"
    )
    return str(path)


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, program, "index", *arguments, "--json"],  # as python -m imgsim_core
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )


def written(name: str) -> int:
    """Count the rows of a gallery that another process is filling."""
    store = open_store()
    there = any(info.name == name for info in store.galleries())
    return store.count(name) if there else 0


def wait_for(name: str, rows: int, process: subprocess.Popen[str]) -> None:
    ends = time.monotonic() + 60
    while written(name) < rows and process.poll() is None and time.monotonic() < ends:
        time.sleep(0.05)


def test_killed_at_any_moment_it_reopens_and_is_completed(folder, program, capsys):
    indexed(capsys, "undisturbed", str(folder))
    moments = random.Random(4)
    before = 0
    for kill in range(KILLS):
        process = start(program, "killed", str(folder))
        wait_for("killed", 4 + 8 * kill, process)
        time.sleep(moments.uniform(0, 0.3))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        rows = written("killed")
        assert before <= rows < PICTURES
        found = gallery("killed")
        assert len(found.snapshot()) == rows
        for entry in found.snapshot().entries:
            assert found.shelf.thumbnail(entry.digest)
        before = rows
    assert before >= 4 + 8 * (KILLS - 1)
    result = indexed(capsys, "killed", str(folder))
    assert (result["state"], result["added"]) == ("done", PICTURES - before)
    one, other = gallery("killed").snapshot(), gallery("undisturbed").snapshot()
    assert [entry.digest for entry in one.entries] == [entry.digest for entry in other.entries]
    np.testing.assert_allclose(one.vectors, other.vectors, atol=1e-5)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to send there")
def test_ctrl_c_stops_cleanly_and_reports(folder, program):
    # More files than it can have done, all different in their last byte
    many = folder.parent / "many"
    many.mkdir()
    data = (folder / "00.jpg").read_bytes()
    for number in range(600):
        (many / f"{number}.jpg").write_bytes(data + number.to_bytes(2, "big"))
    process = start(program, "stopped", str(many))
    wait_for("stopped", 1, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    result = json.loads(out)
    assert result["state"] == "stopped"
    assert 0 < result["added"] == written("stopped") < 600


def test_a_name_cannot_move_the_cursor(tmp_path, capsys):
    stream = io.BytesIO()
    Image.new("RGB", (9, 9)).save(stream, "PNG")
    (tmp_path / "a.png").write_bytes(stream.getvalue())
    (tmp_path / "\x1b[2J.png").write_bytes(b"no picture")
    assert main(["index", "trip", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err
