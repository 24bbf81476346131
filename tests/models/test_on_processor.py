"""Vectors by OpenVINO: those of torch, sooner; or torch itself, where anything speaks against."""

from __future__ import annotations

import importlib.util
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from imgsim_core.models import network, on_processor
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.encoder import encode_framed, framed
from imgsim_core.models.openvino_alone import openvino_alone
from tests.pictures import photograph

openvino = openvino_alone()
NAMES = ("chelsea", "coffee", "astronaut", "rocket")


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Give converted networks a folder of their own, and call whatever works faster."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(on_processor, "_FASTER", 0.0)
    monkeypatch.setattr(on_processor, "_SEARCHED", 0.1)
    monkeypatch.setattr(network, "_networks", {})
    monkeypatch.setattr(network, "_quickened", {})
    return tmp_path / "imgsim" / "openvino"


def batch(model, count=5):
    pictures = np.random.default_rng(1).normal(0, 0.5, (count, 3, model.size, model.size))
    return torch.from_numpy(pictures.astype(np.float32))


def cosines(one, other):
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.einsum("nd,nd->n", one, other) / lengths


def test_vectors_are_those_of_torch_for_any_number_of_pictures_at_once(tiny_resnet, kept):
    loaded, pictures = network.network(tiny_resnet), batch(tiny_resnet)
    by_torch = loaded.run("vectors", pictures).numpy()
    network.quicken(tiny_resnet)
    assert loaded.sooner is not None
    found = loaded.run("vectors", pictures).numpy()
    assert cosines(found, by_torch).min() > 0.999
    for count in (1, 2, 3):
        np.testing.assert_allclose(
            loaded.run("vectors", pictures[:count]), found[:count], atol=1e-4
        )
    with ThreadPoolExecutor(3) as pool:
        for again in pool.map(lambda _: loaded.run("vectors", pictures).numpy(), range(6)):
            np.testing.assert_allclose(again, found, atol=1e-4)


def test_photographs_keep_their_vectors(kept, monkeypatch):
    monkeypatch.setattr(on_processor, "_SEARCHED", 0.6)
    model = model_by_id("efficientnet-lite2")
    pictures = [photograph(name) for name in NAMES]
    squares = [framed(model, picture, model.framing) for picture in pictures]
    by_torch, lengths = encode_framed(model, squares)
    network.quicken(model)
    assert network.network(model).sooner is not None
    found, found_lengths = encode_framed(model, squares)
    assert cosines(found, by_torch).min() >= 0.999
    np.testing.assert_allclose(found_lengths, lengths, rtol=0.02)
    assert network.network(model).run("grids", batch(model, 1)).ndim == 4


def test_what_was_converted_once_is_taken_up_by_the_next_process(tiny_resnet, kept, monkeypatch):
    network.quicken(tiny_resnet)
    first = network.network(tiny_resnet).run("vectors", batch(tiny_resnet))
    (folder,) = kept.iterdir()
    monkeypatch.setattr(network, "_networks", {})

    def refused(*_, **__):
        raise RuntimeError("converted again")

    monkeypatch.setattr(openvino, "convert_model", refused)
    network.quicken(tiny_resnet)
    assert network.network(tiny_resnet).sooner is not None
    np.testing.assert_allclose(
        network.network(tiny_resnet).run("vectors", batch(tiny_resnet)), first, atol=1e-4
    )
    monkeypatch.undo()
    assert json.loads((folder / "plan.json").read_text()).keys() == {"cut"}


@pytest.mark.parametrize("damage", ["[]", '{"cut": "no such place"}'])
def test_a_damaged_folder_is_made_anew(tiny_resnet, kept, monkeypatch, damage):
    network.quicken(tiny_resnet)
    (folder,) = kept.iterdir()
    (folder / "plan.json").write_text(damage)
    monkeypatch.setattr(network, "_networks", {})
    network.quicken(tiny_resnet)
    assert network.network(tiny_resnet).sooner is not None
    assert (folder / "plan.json").read_text() != damage
    assert [path.name for path in kept.iterdir()] == [folder.name]


def without_openvino(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "openvino" else real(name)
    )


def that_disagrees(monkeypatch):
    monkeypatch.setattr(on_processor, "FULL_AGREEMENT", 2.0)  # no cosine is so high


def that_is_slower(monkeypatch):
    monkeypatch.setattr(on_processor, "_FASTER", 1e9)


def that_refuses(monkeypatch):
    def refused(*_, **__):
        raise RuntimeError("an operator that OpenVINO does not know")

    monkeypatch.setattr(openvino, "convert_model", refused)


@pytest.mark.parametrize(
    "case",
    [without_openvino, that_disagrees, that_is_slower, that_refuses],
    ids=lambda c: c.__name__,
)
def test_torch_goes_on_with_openvino(tiny_resnet, kept, monkeypatch, case):
    before = network.network(tiny_resnet).run("vectors", batch(tiny_resnet))
    case(monkeypatch)
    network.quicken(tiny_resnet)
    assert network.network(tiny_resnet).sooner is None
    np.testing.assert_array_equal(
        network.network(tiny_resnet).run("vectors", batch(tiny_resnet)), before
    )
    assert not kept.exists()


def test_layers_whose_rounding_shows_stay_in_full_precision(tiny_resnet, kept, monkeypatch):
    monkeypatch.setattr(on_processor, "MIXED_AGREEMENT", 2.0)
    network.quicken(tiny_resnet)
    (folder,) = kept.iterdir()
    assert json.loads((folder / "plan.json").read_text()) == {"cut": None}


def test_a_transformer_is_left_to_torch(tiny_clip, kept):
    network.quicken(tiny_clip)
    assert network.network(tiny_clip).sooner is None


def test_probe_pictures_are_always_the_same_and_in_range():
    pictures = on_processor.probe_pictures(64)
    assert pictures.shape == (8, 3, 64, 64)
    assert np.abs(pictures).max() <= 1
    np.testing.assert_array_equal(pictures, on_processor.probe_pictures(64))
