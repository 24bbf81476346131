"""Every entry of the catalogue against the registries of timm and open_clip."""

from __future__ import annotations

import pytest

from imgsim_core.errors import UnknownModel
from imgsim_core.models.catalogue import HubFile, WheelFile, all_models, model_by_id
from imgsim_core.models.torchvision_operators import torch_library

OPEN_CLIP = [model for model in all_models() if model.library == "open_clip"]
TIMM = [model for model in all_models() if model.library != "open_clip"]


def by_id(model):
    return model.id


def megabytes(network) -> float:
    return 4 * sum(parameter.numel() for parameter in network.parameters()) / 1e6


def test_ids_are_unique_and_the_default_comes_first():
    ids = [model.id for model in all_models()]
    assert len(set(ids)) == len(ids)
    assert ids[0] == "efficientnet-lite2"


def test_a_model_is_found_by_its_id():
    assert model_by_id("clip").tag == "laion400m_e32"


def test_an_unknown_model_is_answered_with_those_there_are():
    with pytest.raises(UnknownModel, match="efficientnet-lite2"):
        model_by_id("nonsense")


@pytest.mark.parametrize("model", OPEN_CLIP, ids=by_id)
def test_open_clip_knows_the_model_and_its_preprocessing(model):
    open_clip = torch_library("open_clip")
    registered = open_clip.get_pretrained_cfg(model.architecture, model.tag)
    network = open_clip.get_model_config(model.architecture)
    assert registered, "not in open_clip's registry"
    assert model.size == network["vision_cfg"]["image_size"]
    assert model.dimension == network["embed_dim"]
    assert model.mean == registered["mean"]
    assert model.std == registered["std"]
    assert model.interpolation == registered["interpolation"]
    assert (model.framing == "squash") == (registered["resize_mode"] == "squash")
    assert model.crop_share == 1
    # Weights trained with QuickGELU answer nonsense in a network built without it.
    assert registered.get("quick_gelu", False) == network.get("quick_gelu", False)


@pytest.mark.parametrize("model", OPEN_CLIP, ids=by_id)
def test_open_clip_fetches_from_the_same_repository(model):
    registered = torch_library("open_clip").get_pretrained_cfg(model.architecture, model.tag)
    repository = registered["hf_hub"].rstrip("/")
    if model.id == "clip":
        # open_clip 3.3.0 sends epoch 32 to epoch 31's repository; timm has the right name.
        assert repository == "timm/vit_base_patch16_plus_clip_240.laion400m_e31"
        timm = torch_library("timm")
        named = timm.get_pretrained_cfg("vit_base_patch16_plus_clip_240.laion400m_e32")
        repository = named.hf_hub_id
        assert model.files[-1].address == registered["url"]
    assert {file.repository for file in model.files if isinstance(file, HubFile)} == {repository}


@pytest.mark.parametrize("model", OPEN_CLIP, ids=by_id)
def test_the_stated_size_is_that_of_the_open_clip_network(model):
    import torch

    open_clip = torch_library("open_clip")
    with torch.device("meta"):  # no memory, no random numbers
        network = open_clip.create_model(model.architecture, device="meta")
    assert model.megabytes == pytest.approx(megabytes(network), rel=0.01)


@pytest.mark.parametrize("model", TIMM, ids=by_id)
def test_timm_knows_the_model_and_its_preprocessing(model):
    registered = torch_library("timm").get_pretrained_cfg(f"{model.architecture}.{model.tag}")
    assert registered, "not in timm's registry"
    assert registered.input_size == (3, model.size, model.size)
    assert (registered.mean, registered.std) == (model.mean, model.std)
    assert registered.interpolation == model.interpolation
    assert registered.crop_pct == model.crop_share
    assert registered.license == model.licence.lower()
    for file in model.files:
        assert isinstance(file, WheelFile) or file.repository == registered.hf_hub_id


@pytest.mark.parametrize("model", TIMM, ids=by_id)
def test_the_stated_dimension_and_size_are_those_of_the_timm_network(model):
    import torch

    with torch.device("meta"):
        network = torch_library("timm").create_model(model.architecture)
    assert model.dimension == network.head_hidden_size
    # Inception's file also holds a classifier that only training needs.
    slack = 0.15 if model.id == "inception_v3" else 0.03
    assert model.megabytes == pytest.approx(megabytes(network), rel=slack)


@pytest.mark.parametrize("model", all_models(), ids=by_id)
def test_every_model_says_what_a_visitor_asks(model):
    assert str(model.label)
    assert str(model.about).endswith(".")
    assert model.licence
    assert model.source.startswith("https://")
    assert (model.languages is not None) == (model.kind == "picture-and-text")
    assert model.files
