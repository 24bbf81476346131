"""Tiny models that are real: the test writes their checkpoints, the product loads them."""

from __future__ import annotations

import dataclasses
import json

import pytest

from imgsim_core.models import reach
from imgsim_core.models.catalogue import HubFile, model_by_id
from imgsim_core.models.torchvision_operators import torch_library

TINY_CLIP = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


@pytest.fixture(autouse=True)
def _no_network_no_caches(monkeypatch, tmp_path_factory):
    """Keep this machine's caches and any real server out of the tests."""
    empty = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(empty))
    monkeypatch.setenv("HF_HUB_CACHE", str(empty / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("IMGSIM_WEIGHTS_DIR", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    reach.forget()


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """Write random but fixed weights of a tiny CLIP and a tiny ResNet, as a host would."""
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("weights")
    open_clip, timm = torch_library("open_clip"), torch_library("timm")
    (folder / "imgsim-tiny.json").write_text(json.dumps(TINY_CLIP))
    open_clip.add_model_config(folder / "imgsim-tiny.json")
    torch.manual_seed(0)
    save_file(open_clip.create_model("imgsim-tiny").state_dict(), folder / "tiny-clip.safetensors")
    wider = {**TINY_CLIP, "text_cfg": {**TINY_CLIP["text_cfg"], "width": 64}}
    (folder / "imgsim-wider.json").write_text(json.dumps(wider))
    open_clip.add_model_config(folder / "imgsim-wider.json")
    save_file(
        open_clip.create_model("imgsim-wider").state_dict(), folder / "other-clip.safetensors"
    )
    torch.save(timm.create_model("test_resnet").state_dict(), folder / "tiny-resnet.pt")
    return folder


@pytest.fixture
def tiny_clip(tiny_folder, monkeypatch):
    """Name the tiny CLIP's folder as the host's."""
    monkeypatch.setenv("IMGSIM_WEIGHTS_DIR", str(tiny_folder))
    return dataclasses.replace(
        model_by_id("clip"),
        id="tiny-clip",
        architecture="imgsim-tiny",
        dimension=32,
        size=64,
        files=(HubFile("nobody/nothing", "model.safetensors"),),
    )


@pytest.fixture
def tiny_resnet(tiny_folder, monkeypatch):
    """Name the tiny ResNet's folder as the host's."""
    monkeypatch.setenv("IMGSIM_WEIGHTS_DIR", str(tiny_folder))
    return dataclasses.replace(
        model_by_id("resnet50"),
        id="tiny-resnet",
        architecture="test_resnet",
        tag="r160_in1k",
        dimension=96,
        size=160,
        crop_share=0.95,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        files=(HubFile("nobody/nothing", "model.safetensors"),),
    )
