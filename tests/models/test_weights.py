"""Where weights are looked for, in which order, and what a visitor is told meanwhile."""

from __future__ import annotations

import dataclasses
import socket
import time

import pytest

from imgsim_core.models import reach
from imgsim_core.models.catalogue import ReleaseFile, WheelFile, all_models, model_by_id
from imgsim_core.models.files import hub_cache, release_path, weights_file
from imgsim_core.models.weights import availability

RESNET = model_by_id("resnet50")


def put_in_hub_cache(model, content=b"x"):
    file = model.files[0]
    folder = hub_cache() / f"models--{file.repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc")
    path = folder / "snapshots" / "abc" / file.name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_the_wheel_carries_the_default_models_weights():
    found = availability(model_by_id("efficientnet-lite2"))
    assert found.state == "ready"
    assert found.path.name == "efficientnet-lite2-9656183e.pth"
    assert found.reason is None


def test_a_file_named_by_the_host_comes_before_the_wheel(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGSIM_WEIGHTS_DIR", str(tmp_path))
    own = tmp_path / "efficientnet-lite2.safetensors"
    own.write_bytes(b"x")
    file = weights_file(model_by_id("efficientnet-lite2"))
    assert file.path == own
    assert not file.from_wheel


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth", ".bin"])
def test_a_host_may_name_a_file_of_each_kind(tmp_path, monkeypatch, suffix):
    monkeypatch.setenv("IMGSIM_WEIGHTS_DIR", str(tmp_path))
    (tmp_path / f"resnet50{suffix}").write_bytes(b"x")
    assert availability(RESNET).path == tmp_path / f"resnet50{suffix}"


def test_safetensors_are_preferred(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGSIM_WEIGHTS_DIR", str(tmp_path))
    for suffix in (".bin", ".pt", ".safetensors"):
        (tmp_path / f"resnet50{suffix}").write_bytes(b"x")
    assert availability(RESNET).path.suffix == ".safetensors"


def test_the_hubs_local_cache_is_found_without_the_network():
    path = put_in_hub_cache(RESNET)
    assert availability(RESNET).path == path


def test_our_reading_of_the_hubs_cache_agrees_with_the_hubs_client(monkeypatch):
    from huggingface_hub import try_to_load_from_cache

    put_in_hub_cache(RESNET)
    file = RESNET.files[0]
    theirs = try_to_load_from_cache(file.repository, file.name, cache_dir=hub_cache())
    assert theirs == str(weights_file(RESNET).path)


def test_a_plain_download_is_found():
    clip = model_by_id("clip")
    release = next(file for file in clip.files if isinstance(file, ReleaseFile))
    release_path(release).parent.mkdir(parents=True)
    release_path(release).write_bytes(b"x")
    assert availability(clip).path == release_path(release)


def test_the_host_is_told_to_stay_offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = availability(model_by_id("clip"))
    assert found.state == "offline"
    assert str(found.reason) == (
        "CLIP ViT-B/16+ needs a one-time 834 MB download; this host is offline."
    )


def test_an_unreachable_hub_is_offline_at_once():
    assert availability(RESNET).state == "offline"  # port 9 refuses


def test_a_hub_that_answers_makes_models_downloadable(monkeypatch):
    monkeypatch.setattr("imgsim_core.models.weights.reachable", lambda address: True)
    found = availability(RESNET)
    assert found.state == "downloadable"
    assert str(found.reason) == "ResNet-50 needs a one-time 102 MB download."


def test_a_hub_that_never_answers_holds_nobody_for_a_second(monkeypatch):
    monkeypatch.setattr(reach, "PROBE_SECONDS", 0.7)
    with socket.socket() as silent:  # takes the connection and says nothing
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        models = [model for model in all_models() if model.id != "clip"]  # asks GitHub too
        started = time.perf_counter()
        states = [availability(model).state for model in models]
        assert time.perf_counter() - started < 1
        assert states[1:] == ["downloadable"] * (len(states) - 1)
        time.sleep(0.5)
        assert availability(RESNET).state == "offline"


def test_a_server_is_asked_once_and_the_answer_remembered(monkeypatch):
    asked = []
    monkeypatch.setattr(
        reach, "_ask", lambda address, probe: (asked.append(address), reach._settle(probe, True))
    )
    assert [reach.reachable("https://hub.example") for _ in range(5)] == [True] * 5
    assert asked == ["https://hub.example"]


def test_a_missing_package_is_named():
    model = dataclasses.replace(
        model_by_id("efficientnet-lite2"), files=(WheelFile("not_installed", "weights.pth", "0"),)
    )
    found = availability(model)
    assert found.state == "offline"
    assert "not_installed" in str(found.reason)
