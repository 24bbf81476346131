"""The command line: JSON of a fixed shape, exit 0, or 2 with one sentence."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgsim_core import registry
from imgsim_core.__main__ import main
from imgsim_core.method import Family
from imgsim_core.models import catalogue, download
from imgsim_core.text import Text
from imgsim_core.verdict import Kind
from tests.pictures import photograph

# Of every family but semantics, whose model takes seconds to load.
QUICK = [f"--method={method}" for method in ("histogram", "ssim", "psnr", "sift", "phash")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for name in ("chelsea", "coffee"):
        Image.fromarray(photograph(name, 200).rgb).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def pair(folder) -> list[str]:
    return [str(folder / "chelsea.png"), str(folder / "coffee.png")]


@pytest.fixture
def run(capsys):
    """Run a command; give its exit code, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def answer(run):
    """Run a command that must succeed; give its JSON."""

    def answer(*arguments: str):
        code, output, errors = run(*arguments, "--json")
        assert (code, errors) == (0, "")
        return json.loads(output, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))

    return answer


@pytest.fixture
def refusal(run):
    """Run a command that must fail; give its one sentence."""

    def refusal(*arguments: str) -> str:
        code, output, errors = run(*arguments)
        assert (code, output) == (2, "")
        assert errors.endswith("\n")
        assert errors.count("\n") == 1
        assert "Traceback" not in errors
        return errors.strip()

    return refusal


# ── compare ────────────────────────────────────────────────────────────────────────


def test_a_score_comes_with_its_meaning(answer, pair):
    (score,) = answer("compare", *pair, "--method", "phash")["scores"]
    meaning = score["meaning"]
    assert sum(meaning["likelihoods"].values()) == pytest.approx(1)
    assert set(meaning["stated"]) <= set(meaning["likelihoods"])
    assert 0 <= meaning["beyond_unrelated"] <= 1
    assert meaning["verdict"].endswith(".")


def test_without_methods_named_the_pair_gets_a_verdict(answer, pair):
    verdict = answer("compare", *pair)["verdict"]
    assert verdict["kind"] in {kind.value for kind in Kind}
    assert verdict["because"]


def test_json_has_exactly_the_published_shape(answer, pair):
    data = answer("compare", *pair, *QUICK)
    assert list(data) == ["a", "b", "scores", "unavailable"]
    assert list(data["a"]) == ["name", "digest", "width", "height", "notes"]
    assert (data["a"]["name"], data["a"]["width"], data["a"]["height"]) == ("chelsea.png", 200, 133)
    assert data["unavailable"] == []
    for score in data["scores"]:
        assert list(score) == [
            "method", "label", "family", "value", "scale", "milliseconds", "meaning",
        ]  # fmt: skip
        assert list(score["scale"]) == ["identical", "opposite", "unit"]
        assert score["family"] in {family.value for family in Family}
        assert score["milliseconds"] >= 0


def test_the_digest_is_that_of_the_file(answer, pair):
    import hashlib

    data = answer("compare", *pair, "--method=phash")
    assert data["a"]["digest"] == hashlib.sha256(Path(pair[0]).read_bytes()).hexdigest()


def test_identical_files_score_identical_and_infinity_is_a_string(answer, pair):
    data = answer("compare", pair[0], pair[0], *QUICK)
    assert {score["method"]: score["value"] for score in data["scores"]}["psnr"] == "inf"
    for score in data["scores"]:
        assert score["value"] == score["scale"]["identical"]


def test_methods_are_asked_once_in_the_order_named(answer, pair):
    chosen = [f"--method={name}" for name in ("ssim", "phash", "ssim")]
    data = answer("compare", *pair, *chosen)
    assert [score["method"] for score in data["scores"]] == ["ssim", "phash"]


def test_an_option_changes_the_score(answer, pair):
    usual = answer("compare", *pair, "--method=histogram")
    finer = answer("compare", *pair, "--method=histogram", "--option=histogram.measure=correlation")
    assert usual["scores"][0]["value"] != finer["scores"][0]["value"]


def test_the_articles_measures_are_asked_in_the_articles_way(answer, pair):
    data = answer("compare", *pair, "--article")
    asked = {item["method"] for item in (*data["scores"], *data["unavailable"])}
    assert asked == {method.id for method in registry.article_methods()}


def test_the_articles_ssim_is_scikit_images(answer, pair):
    import cv2
    from skimage.metrics import structural_similarity

    a, b = (np.asarray(Image.open(path)) for path in pair)
    b = cv2.resize(b, (a.shape[1], a.shape[0]), interpolation=cv2.INTER_AREA)
    grey_a, grey_b = (cv2.cvtColor(array, cv2.COLOR_RGB2GRAY) for array in (a, b))
    data = answer("compare", *pair, "--article", "--method=ssim")
    expected = structural_similarity(grey_a, grey_b, data_range=255)
    assert data["scores"][0]["value"] == pytest.approx(expected, abs=1e-6)


def test_the_articles_histogram_is_pearsons_correlation_of_the_dense_cube(answer, pair):
    def cube(path):
        array = np.asarray(Image.open(path)).reshape(-1, 3).astype(np.int64)
        codes = (array[:, 2] << 16) | (array[:, 1] << 8) | array[:, 0]
        counts = np.bincount(codes, minlength=1 << 24).astype(np.float64)
        counts[-1] = 0  # the article leaves pure white out
        return counts

    a, b = (cube(path) for path in pair)
    a, b = a - a.mean(), b - b.mean()
    expected = a @ b / math.sqrt((a @ a) * (b @ b))
    data = answer("compare", *pair, "--article", "--method=histogram")
    assert data["scores"][0]["value"] == pytest.approx(expected, abs=1e-6)


def test_a_method_without_its_model_says_why_and_the_rest_stands(answer, pair, monkeypatch):
    missing = Text("CLIP is not here.")
    clip = registry.method_by_id("clip")
    monkeypatch.setattr("imgsim_core.comparison.ask", ask_but(clip.id, missing))
    data = answer("compare", *pair, "--method=clip", "--method=phash")
    assert data["unavailable"] == [{"method": "clip", "reason": "CLIP is not here."}]
    assert [score["method"] for score in data["scores"]] == ["phash"]


def ask_but(method_id, reason):
    from imgsim_core.comparison import Unavailable, ask

    def answer(question, *rest):
        if question.method.id == method_id:
            return Unavailable(question, reason)
        return ask(question, *rest)

    return answer


def test_without_json_a_table_tells_value_scale_and_direction(run, pair):
    code, output, errors = run("compare", *pair, "--method=ssim", "--method=phash")
    assert (code, errors) == (0, "")
    assert "chelsea.png  200 × 133" in output
    ssim, phash = (
        next(line for line in output.splitlines() if name in line) for name in ("ssim", "phash")
    )
    assert "1.00 identical" in ssim
    assert "higher is more alike" in ssim
    assert "bits" in phash
    assert "lower is more alike" in phash


def test_every_refusal_is_one_sentence(refusal, pair, folder):
    (folder / "empty.png").write_bytes(b"")
    (folder / "words.png").write_text("not a picture")
    a = pair[0]
    assert "nowhere.png" in refusal("compare", a, folder / "nowhere.png")
    assert "folder" in refusal("compare", folder, a)
    assert "empty.png" in refusal("compare", folder / "empty.png", a)
    assert "words.png" in refusal("compare", a, folder / "words.png")
    assert "nonsense" in refusal("compare", *pair, "--method=nonsense")
    assert "bins" in refusal("compare", *pair, "--method=ssim", "--option=ssim.bins=8")
    assert "METHOD.NAME=VALUE" in refusal("compare", *pair, "--option=ssim")
    assert "not asked" in refusal("compare", *pair, "--method=ssim", "--option=phash.size=8")
    assert "not asked" in refusal("compare", *pair, "--head=mine", "--option=phash.size=8")
    assert "article" in refusal("compare", *pair, "--article", "--method=phash")
    assert "--help" in refusal("compare", a)
    assert "--help" in refusal("compare", *pair, "--colour")
    assert "--help" in refusal("embroider")
    assert "cannot be read" in refusal("compare", "a\0b", a)
    assert refusal("compare", "x" * 5000, a)


def test_a_file_name_cannot_steer_the_terminal(refusal):
    sentence = refusal("compare", "\x1b[31mred\nline.png", "b.png")
    assert "\x1b" not in sentence


def test_a_file_name_that_is_no_text_still_gives_valid_json(answer, pair, tmp_path):
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/odd\xff.png")
    Path(odd).write_bytes(Path(pair[0]).read_bytes())
    assert answer("compare", odd, pair[0], "--method=phash")["a"]["name"] == "odd\ufffd.png"


def test_a_file_is_read_no_further_than_the_gate_allows(refusal, pair):
    class Endless(io.RawIOBase):
        def readinto(self, buffer):
            buffer[:] = bytes(len(buffer))
            return len(buffer)

        def readable(self):
            return True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.open", lambda *_: io.BufferedReader(Endless()))
        assert "MB" in refusal("compare", *pair)


# ── methods ────────────────────────────────────────────────────────────────────────


def test_methods_are_listed_with_their_options(answer):
    data = answer("methods")
    assert [item["id"] for item in data] == [method.id for method in registry.all_methods()]
    bins = next(
        option
        for item in data
        if item["id"] == "histogram"
        for option in item["options"]
        if option["name"] == "bins"
    )
    assert 256 in bins["choices"]
    assert data[0]["scale"].keys() == {"identical", "opposite", "unit"}


def test_methods_are_listed_as_a_table(run):
    code, output, _ = run("methods")
    assert code == 0
    assert len(output.splitlines()) == len(registry.all_methods())


def test_the_markdown_table_can_be_translated(run, tmp_path):
    (tmp_path / "one.json").write_text(json.dumps({"Family": "类别"}), encoding="utf-8")
    _, english, _ = run("methods", "--markdown")
    _, chinese, _ = run("methods", "--markdown", "--translations", tmp_path)
    assert english.startswith("| Family |")
    assert chinese.startswith("| 类别 |")


# ── models ─────────────────────────────────────────────────────────────────────────


def test_models_are_listed_with_their_state(answer, run):
    data = answer("models")
    assert [item["id"] for item in data] == [model.id for model in catalogue.all_models()]
    for item in data:
        assert item["licence"]
        assert (item["state"] == "ready") == (item["path"] is not None)
        assert (item["state"] == "ready") == (item["reason"] is None)
    assert len(run("models")[1].splitlines()) == len(data)


def test_a_model_that_is_here_is_fetched_at_once(run):
    default = catalogue.all_models()[0]
    code, output, errors = run("models", "fetch", default.id)
    assert (code, errors) == (0, "")
    assert default.id in output


def test_a_fetch_shows_progress_and_ends(run, monkeypatch):
    model = catalogue.all_models()[0]
    states = [download.Progress("running", done, 100) for done in (0, 5, 40, 44, 90)]
    remaining = iter([*states, download.Progress("done", 100, 100)])
    monkeypatch.setattr(download, "start", lambda model: next(remaining))
    monkeypatch.setattr(download, "progress", lambda model: next(remaining))
    monkeypatch.setattr("imgsim_core.__main__.LOOK_SECONDS", 0)
    code, _, errors = run("models", "fetch", model.id)
    assert code == 0
    assert errors.splitlines() == [f"{model.id}: 40 %", f"{model.id}: 90 %"]


def test_a_fetch_that_fails_says_why(refusal, monkeypatch):
    failed = download.Progress("failed", error=Text("No network."))
    monkeypatch.setattr(download, "start", lambda model: failed)
    assert refusal("models", "fetch", "clip") == "No network."
    assert "nonsense" in refusal("models", "fetch", "nonsense")


# ── The program as a whole ─────────────────────────────────────────────────────────


def program(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "imgsim_core", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **settings)


def test_the_program_exits_as_promised(pair):
    done = program("compare", *pair, "--method=phash", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["scores"][0]["method"] == "phash"
    failed = program("compare", *pair, "--method=nonsense")
    assert (failed.returncode, failed.stdout) == (2, "")
    assert len(failed.stderr.splitlines()) == 1


def test_alone_it_prints_help(run):
    code, output, errors = run()
    assert (code, errors) == (0, "")
    assert "compare" in output
