"""The command `teach`, as a person at a terminal meets it."""

from __future__ import annotations

import csv
import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys
import types
import zipfile

import numpy as np
import pytest
from PIL import Image

from imgsim_core.__main__ import main
from imgsim_core.commands import teach, teaching_files
from imgsim_core.commands.console import CommandLineError
from imgsim_core.models import own
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.torchvision_operators import torch_library
from imgsim_core.teaching.clip_task import ClipTask
from imgsim_core.teaching.head import head_from_bytes
from imgsim_core.teaching.siamese_task import SiameseTask

EACH = 4
COLOURS = {
    "red": (1, 0.1, 0.1),
    "green": (0.1, 1, 0.1),
    "blue": (0.1, 0.1, 1),
    "yellow": (1, 1, 0.1),
    "purple": (1, 0.1, 1),
    "white": (1, 1, 1),
}
LIGHTS = {"bright": 250, "dark": 110}
GROUPS = len(COLOURS) * len(LIGHTS)
SCRATCH = ("siamese", "{folder}", "--out", "{out}/own-x.safetensors", "--from", "scratch")
TINY_CLIP = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 8},
    "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


@pytest.fixture(autouse=True)
def _one_thread():
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write noise of one colour a group, a folder each, and a table of what they are."""
    folder = tmp_path_factory.mktemp("coloured")
    random = np.random.default_rng(0)
    with (folder / "pairs.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["图片", "描述"])
        kinds = [(colour, light) for colour in COLOURS for light in LIGHTS]
        for group, (colour, light) in enumerate(kinds):
            (folder / f"c{group}").mkdir()
            for number in range(EACH):
                noise = random.uniform(0.4, 1, (12, 12, 1)).repeat(4, 0).repeat(4, 1)
                rgb = noise * LIGHTS[light] * np.array(COLOURS[colour])
                name = f"c{group}/{number}.png"
                Image.fromarray(rgb.astype(np.uint8)).save(folder / name)
                rows.writerow([name, f"{light} {colour} noise"])
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Write a tiny picture network and a tiny CLIP as models of the host's own."""
    import torch

    from imgsim_core.models.network import new_network

    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    described = dataclasses.replace(
        model_by_id("resnet50"),
        id="own-tiny",
        architecture="test_resnet",
        dimension=96,
        size=64,
        taught_from="resnet50",
    )
    write(folder / "own-tiny.safetensors", described, new_network(described).module)
    open_clip = torch_library("open_clip")
    (folder / "imgsim-commanded.json").write_text(json.dumps(TINY_CLIP))
    open_clip.add_model_config(folder / "imgsim-commanded.json")
    described = dataclasses.replace(
        model_by_id("clip-b32"),
        id="own-tiny-clip",
        architecture="imgsim-commanded",
        dimension=32,
        size=32,
        taught_from="clip-b32",
    )
    module = open_clip.create_model("imgsim-commanded")
    write(folder / "own-tiny-clip.safetensors", described, module)
    return folder


def write(path, model, module):
    layers = {name: part.numpy() for name, part in module.state_dict().items()}
    own.write_own(path, model, layers, {})


@pytest.fixture(autouse=True)
def _host(weights, monkeypatch):
    monkeypatch.setenv("IMGSIM_WEIGHTS_DIR", str(weights))


@pytest.fixture
def run(capsys):
    """Run a command; give its exit code, standard output and standard error."""

    def run(*arguments):
        capsys.readouterr()
        code = main(["teach", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_a_head_is_taught_from_folders_and_from_a_zip(folder, run, tmp_path, capsys):
    archive = tmp_path / "coloured.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.glob("c*/*.png")):
            file.write(path, path.relative_to(folder))
    answers = []
    for place, out in ((folder, "folder.safetensors"), (archive, "zip.safetensors")):
        code, output, errors = run(
            *("head", place, "--name", "my colours", "--out", tmp_path / out),
            *("--model", "own-tiny"),
        )
        assert code == 0, errors
        answers.append(json.loads(output))
    answer = answers[0]
    assert answer["name"] == "my colours"
    assert answer["groups"] == GROUPS
    assert answer["pictures"] == GROUPS * EACH
    assert answer["recall_gain_95"][0] <= answer["recall_gain_95"][1]
    assert answer["verdict"]
    head = head_from_bytes((tmp_path / "folder.safetensors").read_bytes(), "folder")
    assert head.digest == answer["digest"] == answers[1]["digest"]
    assert head.base.startswith("own-tiny/")
    # It is a method from the command line too
    pictures = [str(folder / name) for name in ("c0/0.png", "c0/1.png", "c3/0.png")]
    cosines = []
    for other in pictures[1:]:
        path = str(tmp_path / "folder.safetensors")
        assert main(["compare", pictures[0], other, "--head", path, "--json"]) == 0
        (score,) = json.loads(capsys.readouterr().out)["scores"]
        assert score["method"] == f"taught-{head.digest[:16]}"
        cosines.append(score["value"])
    assert cosines[0] > cosines[1]
    assert main(["compare", *pictures[:2], "--head", pictures[0]]) == 2
    assert "not a taught notion" in capsys.readouterr().err
    # What is there is never overwritten
    code, _, errors = run("head", folder, "--out", tmp_path / "folder.safetensors")
    assert (code, "there already" in errors) == (2, True)


def test_a_head_never_replaces_what_came_meanwhile(folder, run, tmp_path, monkeypatch):
    out = tmp_path / "colours.safetensors"

    def meanwhile(*arguments, **options):
        out.write_text("somebody else's")
        return types.SimpleNamespace(head=None)

    monkeypatch.setattr(teach, "lesson", meanwhile)
    monkeypatch.setattr(teach, "head_as_bytes", lambda head: b"ours")
    code, output, errors = run("head", folder, "--out", out, "--model", "own-tiny")
    assert (code, output, "there already" in errors) == (2, "", True)
    assert out.read_text() == "somebody else's"
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("links", [True, False])
def test_a_new_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch, links):
    def none(*_):
        raise PermissionError(errno.EPERM, "no links on this disk")

    if not links:
        monkeypatch.setattr(os, "link", none)
    out = tmp_path / "a.safetensors"
    teaching_files.write_new(out, b"one")
    with pytest.raises(CommandLineError, match="there already"):
        teaching_files.write_new(out, b"two")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", none)
        with pytest.raises(PermissionError):
            teaching_files.write_new(tmp_path / "b.safetensors", b"three")
    assert list(tmp_path.iterdir()) == [out]
    assert out.read_bytes() == b"one"


def test_a_network_is_taught_stopped_and_resumed(folder, run, tmp_path, monkeypatch):
    out = tmp_path / "own-colours.safetensors"
    arguments = (
        *("siamese", folder, "--out", out, "--from", "own-tiny", "--steps", "6"),
        *("--rate", "0.005", "--every", "2", "--keep-every", "2"),
    )
    looks = []
    # Nothing is better before the last look: this is not about what is learned
    qualities = iter([0.5, 0.4, 0.4, 0.9])
    monkeypatch.setattr(SiameseTask, "quality", lambda self: next(qualities))

    def stops(moment):
        looks.append(moment.step)
        if moment.step == 4:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(teach, "_moment", stops)
        with pytest.raises(KeyboardInterrupt):
            run(*arguments)
    assert looks == [2, 4]
    training = tmp_path / "own-colours.safetensors.training"
    assert training.is_file()
    assert not out.exists()
    code, _, errors = run(*arguments)
    assert (code, "--resume" in errors) == (2, True)
    code, output, errors = run(*arguments, "--resume")
    assert code == 0, errors
    answer = json.loads(output)
    assert answer["steps"] == 6
    assert not answer["stopped"]
    assert [step for step, _, _ in answer["curve"]] == [0, 2, 4, 6]
    assert not training.exists()
    assert "step 6" in errors
    assert "step 2" not in errors
    assert answer["best_step"] == 6
    assert answer["out"] == str(out)
    monkeypatch.setenv("IMGSIM_WEIGHTS_DIR", str(tmp_path))
    assert model_by_id("own-colours").taught_from == "own-tiny"
    assert own.summary_of("own-colours")["pictures"] == GROUPS * EACH


def test_a_network_from_scratch_is_in_the_catalogue_of_a_fresh_process(
    folder, run, tmp_path, monkeypatch
):
    looks = iter(range(99))  # each better than the last: this is not about what is learned
    monkeypatch.setattr(SiameseTask, "quality", lambda self: float(next(looks)))
    monkeypatch.setattr(teach, "DEFAULT_MODEL", "own-tiny")
    out = tmp_path / "own-anew.safetensors"
    code, output, errors = run(
        *("siamese", folder, "--out", out, "--from", "scratch", "--architecture", "test_resnet"),
        *("--size", "64", "--steps", "4", "--rate", "0.005", "--every", "2"),
    )
    assert code == 0, errors
    answer = json.loads(output)
    assert answer["out"] == str(out), answer
    assert "IMGSIM_WEIGHTS_DIR" in errors
    assert answer["untaught"]["model"] == "own-tiny"
    usual_is_better = answer["untaught"]["roc_area"] >= answer["roc_area"][1]
    assert ("Start from it (--from own-tiny)" in errors) == usual_is_better
    assert not (usual_is_better and answer["helps"])
    assert answer["verdict"].startswith("Of 12 groups 4 were kept out")
    assert "Bring 15 or more groups" in answer["verdict"]
    listed = subprocess.run(
        [sys.executable, "-m", "imgsim_core", "methods", "--json"],
        env={**os.environ, "IMGSIM_WEIGHTS_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    (method,) = [one for one in json.loads(listed.stdout) if one["id"] == "own-anew"]
    assert method["unavailable"] is None
    assert "from nothing" in method["about"]


def test_where_nothing_was_better_no_file_is_written(folder, run, tmp_path, monkeypatch):
    monkeypatch.setattr(SiameseTask, "quality", lambda self: 0.5)
    out = tmp_path / "own-same.safetensors"
    code, output, errors = run(
        *("siamese", folder, "--out", out, "--from", "own-tiny", "--steps", "2", "--every", "1")
    )
    assert code == 0, errors
    assert json.loads(output)["out"] is None
    assert "no file was written" in errors
    assert not list(tmp_path.iterdir())


def test_clip_is_tuned_on_a_table(folder, run, tmp_path, monkeypatch):
    looks = iter(range(99))  # each better than the last: this is not about what is learned
    monkeypatch.setattr(ClipTask, "quality", lambda self: float(next(looks)))
    out = tmp_path / "own-words.safetensors"
    code, output, errors = run(
        *("clip", folder / "pairs.csv", "--out", out, "--model", "own-tiny-clip"),
        *("--steps", "4", "--rate", "0.001", "--every", "2"),
    )
    assert code == 0, errors
    answer = json.loads(output)
    assert answer["pairs"] == GROUPS * EACH
    assert answer["locked_image_tower"]
    assert answer["loss"][1] != answer["loss"][0]
    assert answer["alpha"] == 1
    assert answer["out"] == str(out)
    monkeypatch.setenv("IMGSIM_WEIGHTS_DIR", str(tmp_path))
    assert model_by_id("own-words").kind == "picture-and-text"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("siamese", "{folder}", "--out", "{out}/mine.safetensors"), "own-NAME.safetensors"),
        (("siamese", "{folder}", "--out", "{out}/own-x.pt"), "own-NAME.safetensors"),
        (("siamese", "{folder}", "--out", "{out}/none/own-x.safetensors"), "no folder"),
        (("siamese", "{folder}/none", "--out", "{out}/own-x.safetensors"), "There is no file"),
        (("siamese", "{folder}", "--out", "{out}/own-x.safetensors", "--from", "x"), "no model"),
        (("siamese", "{folder}", "--out", "{out}/own-x.safetensors", "--from", "clip"), "clip"),
        (("siamese", "{folder}", "--out", "{out}/own-x.safetensors", "--batch", "0"), "--batch"),
        (("siamese", "{folder}", "--out", "{out}/own-x.safetensors", "--locked", "1"), "--locked"),
        (("siamese", "{folder}", "--out", "{out}/own-x.safetensors", "--rate", "nan"), "--rate"),
        (("siamese", "{folder}", "--out", "{out}/own-x.safetensors", "--steps", "0"), "--steps"),
        (("siamese", "{folder}", "--out", "{out}/own-x.safetensors", "--resume"), "go on with"),
        (("siamese", "{folder}", "--out", "{out}/own-x.safetensors", "--seed", "-1"), "--seed"),
        (("siamese", "{folder}", "--out", "{out}/own-x.safetensors", "--size", "64"), "scratch"),
        (
            ("siamese", "{folder}", "--out", "{out}/own-x.safetensors", "--architecture", "x"),
            "--architecture is for --from scratch only",
        ),
        ((*SCRATCH, "--size", "0"), "--size must be from 32 to 512"),
        ((*SCRATCH, "--architecture", ""), "No network called"),
        (("head", "{folder}", "--out", "{out}/a.safetensors", "--seed", "-1"), "--seed"),
        (("siamese", "{folder}/c1", "--out", "{out}/own-x.safetensors"), "groups"),
        (("clip", "{folder}/c1/0.png", "--out", "{out}/own-x.safetensors"), "not a table"),
        (("clip", "{folder}/pairs.csv", "--out", "{out}/own-x.safetensors"), "own-tiny-clip"),
        (("head", "{folder}", "--out", "{out}/a.safetensors", "--model", "x"), "no model"),
        (("head", "{folder}"), "--out"),
        ((), "KIND"),
    ],
)
def test_what_cannot_be_ends_with_one_sentence(folder, run, tmp_path, arguments, why):
    if "{folder}/pairs.csv" in arguments:
        arguments = (*arguments, "--model", "own-tiny")
        why = "knows no words"
    filled = [str(part).format(folder=folder, out=tmp_path) for part in arguments]
    code, output, errors = run(*filled, *(() if "--from" in filled else from_tiny(filled)))
    assert code == 2
    assert not output
    assert why in errors
    assert "Traceback" not in errors
    assert not list(tmp_path.iterdir())


def from_tiny(arguments):
    return ("--from", "own-tiny") if "siamese" in arguments else ()
