"""Models taught on this host: written, found by the catalogue, refused when changed."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from imgsim_core.errors import UnknownModel, WeightsWrong
from imgsim_core.models import encoder, own
from imgsim_core.models.catalogue import MODELS, all_models, model_by_id
from imgsim_core.models.identity import encoder_key
from imgsim_core.models.network import network_to_teach
from imgsim_core.models.tensor_file import read_tensors, write_tensors
from imgsim_core.models.weights import availability
from tests.pictures import photograph

TIMM = [model for model in MODELS if model.library != "open_clip"]


def numbers(module):
    return {name: part.numpy() for name, part in module.state_dict().items()}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Name an empty folder as the host's."""
    path = tmp_path / "own"
    path.mkdir()

    def name_it():
        monkeypatch.setenv("IMGSIM_WEIGHTS_DIR", str(path))
        return path

    return name_it


def written(base, folder, model_id="own-mine", summary=None):
    """Write a base's weights as a model of one's own."""
    module = network_to_teach(base).module
    path = folder / f"{model_id}.safetensors"
    model = dataclasses.replace(base, id=model_id, taught_from=base.id, classes=False)
    own.write_own(path, model, numbers(module), summary or {"note": "a summary"})
    return path


@pytest.mark.parametrize("base_name", ["tiny_clip", "tiny_resnet"])
def test_the_catalogue_opens_it_and_it_answers_as_the_network_that_was_written(
    base_name, request, folder, tmp_path
):
    base = request.getfixturevalue(base_name)
    model_id = f"own-{base.id}"
    written(base, tmp_path / "own", model_id)
    pictures = [photograph(name, 100) for name in ("chelsea", "coffee")]
    expected, key = encoder.encode(base, pictures, "squash"), encoder_key(base)
    folder()
    model = model_by_id(model_id)
    assert model in all_models()
    assert availability(model).state == "ready"
    assert model.taught_from == base.id
    assert own.summary_of(model_id) == {"note": "a summary"}
    assert encoder_key(model).split("/")[1] != key.split("/")[1]  # of the weights alone
    np.testing.assert_allclose(encoder.encode(model, pictures, "squash"), expected, atol=1e-5)
    if model.kind == "picture-and-text":
        assert encoder.encode_text(model, ["a cat"]).shape == (1, 32)


@pytest.mark.parametrize(
    ("line", "expected"), [(0.25, 0.25), (None, 0.8), ("high", 0.8), (float("nan"), 0.8), (7, 0.8)]
)
def test_its_method_takes_the_line_that_was_measured(tiny_resnet, folder, tmp_path, line, expected):
    from imgsim_core.methods import semantics

    path = written(tiny_resnet, tmp_path / "own", "own-lined", {"line": line})
    folder()
    model = model_by_id(path.stem)
    method = semantics._method(model)
    assert method.id == "own-lined"
    assert method.scale.line == expected
    assert method.about == model.about


@pytest.mark.parametrize("place", [0.5, 0.9])
def test_a_changed_byte_is_refused_with_a_sentence(tiny_resnet, folder, tmp_path, place):
    path = written(tiny_resnet, tmp_path / "own", f"own-changed{int(10 * place)}")
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 1
    path.write_bytes(data)
    folder()
    with pytest.raises(WeightsWrong, match=r"does not hold the weights"):
        encoder.encode(model_by_id(path.stem), [photograph("coffee", 50)], "squash")


def test_a_changed_summary_is_refused(tiny_resnet, folder, tmp_path):
    path = written(tiny_resnet, tmp_path / "own", "own-praised")
    path.write_bytes(path.read_bytes().replace(b"a summary", b"b summary"))
    folder()
    with pytest.raises(WeightsWrong, match="does not hold"):
        encoder.encode(model_by_id("own-praised"), [photograph("coffee", 50)], "squash")


@pytest.mark.parametrize(
    "data", [b"", b"\x08" + bytes(7) + b"{}" * 9, b"not a network at all", b"\xff" * 64]
)
def test_a_file_that_is_none_is_named_and_the_others_are_there(data, folder, tmp_path):
    (tmp_path / "own" / "own-broken.safetensors").write_bytes(data)
    folder()
    assert all_models() == MODELS
    with pytest.raises(WeightsWrong, match=r"own-broken\.safetensors is not a model"):
        model_by_id("own-broken")
    with pytest.raises(UnknownModel):
        model_by_id("own-missing")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("architecture", "hf-hub:somebody/something"),
        ("architecture", "local-dir:/etc"),
        ("architecture", ["resnet50"]),
        ("library", "pickle"),
        ("size", 10**9),
        ("size", True),
        ("dimension", "many"),
        ("std", [0, 1, 1]),
        ("mean", [float("nan"), 0, 0]),
        ("framing", "stretch"),
        ("source", "javascript:alert(1)"),
        ("source", 7),
        ("licence", "<b>"),
        ("taught_from", None),
        ("crop_share", None),
    ],
)
def test_a_header_that_says_what_cannot_be_is_refused(tiny_resnet, tmp_path, folder, key, value):
    path = written(tiny_resnet, tmp_path / "own", "own-odd")
    tensors, told = read_tensors(path)
    network = json.loads(told["network"]) | {key: value}
    write_tensors(path, tensors, told | {"network": json.dumps(network)})
    with pytest.raises(WeightsWrong, match="not a model taught by this app"):
        own.own_model(path)


@pytest.mark.parametrize("model", TIMM, ids=lambda model: model.id)
def test_without_its_classifier_a_network_has_the_layers_that_a_new_one_asks_for(model):
    import torch

    from imgsim_core.models.torchvision_operators import torch_library

    with torch.device("meta"):
        whole = torch_library("timm").create_model(model.architecture)
        whole.reset_classifier(0)
        bare = torch_library("timm").create_model(model.architecture, num_classes=0)
    shapes = [
        {name: part.shape for name, part in network.state_dict().items()}
        for network in (whole, bare)
    ]
    assert shapes[0] == shapes[1]


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "numbers.safetensors"
    write_tensors(path, {"a": np.arange(3), "one": np.float32(2.5).reshape(())}, {"said": "first"})
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            write_tensors(path, {"a": np.zeros(3)}, {"said": "second"})
    tensors, told = read_tensors(path)
    assert told == {"said": "first"}
    assert tensors["one"].shape == ()
    assert tensors["a"].tolist() == [0, 1, 2]
    assert [file.name for file in tmp_path.iterdir()] == ["numbers.safetensors"]
    assert path.stat().st_mode & 0o444 == 0o444  # a server may run as somebody else
