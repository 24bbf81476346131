"""Vectors of a convolutional network on the processor, by OpenVINO: the same, but sooner.

The network that torch has loaded is converted in memory. Where the processor multiplies
bfloat16 numbers, the later layers run in them: their rounding hardly shows in a vector, that
of the first layers does. How many layers stay in full precision is found by trial, and nothing
is taken that disagrees with torch on made-up pictures or is not faster than torch here.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.background import leaving
from imgsim_core.models.openvino_alone import openvino_alone

if TYPE_CHECKING:
    import torch

Array = NDArray[np.float32]

FULL_AGREEMENT = 0.99999
"""Cosine that vectors in full precision must keep to those of torch."""

MIXED_AGREEMENT = 0.999
"""Cosine that vectors must keep when later layers run in bfloat16.

Made-up pictures fare worse than photographs: see `probe_pictures`.
"""

MIXED_LENGTHS = 0.02
"""How far vectors may differ in length then, as a share: classes are read off lengths too."""

_FASTER = 1.1  # times as fast as torch, or nothing is changed
_TOGETHER = 2  # pictures in one request: measured fastest, more fall out of the cache
_FORMAT = 1  # of what is kept on the host
_SEARCHED = 0.6  # share of the cuts that are tried: behind it little is left to gain


class ProcessorVectors:
    """Vectors of a network, by one compiled part after the other.

    Parameters
    ----------
    parts : sequence of openvino.CompiledModel
        The first takes pictures, the last gives vectors.

    Notes
    -----
    May be called from several threads: each has requests of its own, and they share the
    threads that the parts were compiled for.
    """

    def __init__(self, parts: Sequence[Any]) -> None:
        self._parts = tuple(parts)
        self._own = threading.local()

    def __call__(self, batch: Array) -> Array:
        """Embed: (n, 3, size, size) -> (n, dimension), not normalised."""
        if not hasattr(self._own, "requests"):
            self._own.requests = [part.create_infer_request() for part in self._parts]
        pieces = []
        for start in range(0, len(batch), _TOGETHER):
            values: Any = batch[start : start + _TOGETHER]
            for request in self._own.requests:
                request.infer([values], share_inputs=True)
                values = request.get_output_tensor(0)
            pieces.append(values.data.copy())
        return np.concatenate(pieces)


def processor_vectors(
    module: torch.nn.Module,
    by_torch: Callable[[Array], Array],
    size: int,
    threads: int,
    kept_as: str,
) -> ProcessorVectors | None:
    """Make a network's vectors run by OpenVINO, if that agrees with torch and is faster.

    Parameters
    ----------
    module : torch.nn.Module
        Batch (n, 3, size, size) -> vectors (n, dimension).
    by_torch : callable
        The same from arrays, to compare with.
    size : int
        Pixels of a side.
    threads : int
        That all requests together may use.
    kept_as : str
        Name for the converted network in the host's cache folder: other weights, another
        name.

    Returns
    -------
    ProcessorVectors or None
        None if OpenVINO is not installed or refuses, disagrees or is not faster, and when
        the program is ending.

    Notes
    -----
    Seconds of work the first time on a host, about half a second later on.
    """
    if importlib.util.find_spec("openvino") is None:
        return None
    # Whatever goes wrong in a library that is only here for speed leaves torch at work
    with suppress(RuntimeError, ImportError, OSError, ValueError, KeyError, TypeError):
        return _Trial(module, by_torch, size, threads).result(_folder(kept_as))
    return None


def _folder(kept_as: str) -> Path:
    openvino = openvino_alone()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    build = openvino.__version__.partition("-")[0]
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in kept_as)
    return caches / "imgsim" / "openvino" / f"{safe}-{build}-{_FORMAT}"


class _Leaving(RuntimeError):
    """The program is ending."""


class _Trial:
    def __init__(
        self,
        module: torch.nn.Module,
        by_torch: Callable[[Array], Array],
        size: int,
        threads: int,
    ) -> None:
        openvino = openvino_alone()

        self._openvino = openvino
        self._core = openvino.Core()
        self._module, self._by_torch, self._size = module, by_torch, size
        self._threads = threads
        self._pictures = probe_pictures(size)

    def result(self, folder: Path) -> ProcessorVectors | None:
        kept = self._kept(folder)
        if kept is not None:
            return kept
        network = self._converted()
        full = self._compiled(network, None)
        if not self._agrees(full, FULL_AGREEMENT) or not self._is_faster(full, self._by_torch):
            return None
        best, place = full, None
        if self._has_bfloat16():
            for_mixed = self._earliest_cut(network)
            if for_mixed is not None:
                mixed = self._compiled(network, for_mixed)
                if self._is_faster(mixed, full):
                    best, place = mixed, for_mixed
        self._keep(folder, network, place)
        return best

    # ── Converting and compiling ──

    def _converted(self) -> Any:
        import torch

        self._go_on()
        example = torch.zeros(2, 3, self._size, self._size)
        with warnings.catch_warnings():
            # OpenVINO follows the network by a way that torch will give up one day
            warnings.simplefilter("ignore")
            network = self._openvino.convert_model(self._module, example_input=example)
        network.reshape([-1, 3, self._size, self._size])
        return network

    def _compiled(self, network: Any, cut: str | None) -> ProcessorVectors:
        if cut is None:
            return ProcessorVectors([self._part(network, "f32")])
        front, back = self._split(network, cut)
        return ProcessorVectors([self._part(front, "f32"), self._part(back, "bf16")])

    def _part(self, network: Any, precision: str) -> Any:
        self._go_on()
        return self._core.compile_model(
            network,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": precision,
                "INFERENCE_NUM_THREADS": self._threads,
                # A thread for each request: they never wait for each other's steps
                "NUM_STREAMS": self._threads,
            },
        )

    def _split(self, network: Any, cut: str) -> tuple[Any, Any]:
        openvino = self._openvino
        front, back = network.clone(), network.clone()
        (last,) = (op for op in front.get_ops() if op.get_friendly_name() == cut)
        front = openvino.Model([last.output(0)], front.get_parameters(), "front")
        (first,) = (op for op in back.get_ops() if op.get_friendly_name() == cut)
        begin = openvino.opset8.parameter(first.output(0).get_partial_shape(), np.float32)
        for reader in list(first.output(0).get_target_inputs()):
            reader.replace_source_output(begin.output(0))
        return front, openvino.Model(back.get_results(), [begin], "back")

    def _has_bfloat16(self) -> bool:
        return "BF16" in set(self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))

    def _earliest_cut(self, network: Any) -> str | None:
        """Search by halves for the first cut behind which bfloat16 does no harm."""
        cuts = _cuts(network)
        cuts = cuts[: round(_SEARCHED * len(cuts))]
        first, behind = 0, len(cuts)
        while first < behind:
            middle = (first + behind) // 2
            if self._agrees(self._compiled(network, cuts[middle]), MIXED_AGREEMENT):
                behind = middle
            else:
                first = middle + 1
        return cuts[first] if first < len(cuts) else None

    # ── Trying ──

    def _agrees(self, vectors: Callable[[Array], Array], agreement: float) -> bool:
        self._go_on()
        wanted, found = self._wanted(), vectors(self._pictures)
        lengths = np.linalg.norm(wanted, axis=1), np.linalg.norm(found, axis=1)
        cosines = np.einsum("nd,nd->n", wanted, found) / (lengths[0] * lengths[1])
        return bool(
            cosines.min() >= agreement
            and np.abs(lengths[1] / lengths[0] - 1).max() <= MIXED_LENGTHS
        )

    def _wanted(self) -> Array:
        if not hasattr(self, "_by_torch_found"):
            self._by_torch_found = self._by_torch(self._pictures)
        return self._by_torch_found

    def _is_faster(self, one: Callable[[Array], Array], other: Callable[[Array], Array]) -> bool:
        """Compare best times, turn about, so that other work on the host meets both alike."""
        few = self._pictures[:_TOGETHER]
        times: list[tuple[float, float]] = []
        for _ in range(4):
            self._go_on()
            times.append((_seconds(one, few), _seconds(other, few)))
        ours, theirs = (min(side) for side in zip(*times, strict=True))
        return bool(theirs > _FASTER * ours)

    def _go_on(self) -> None:
        if leaving():
            raise _Leaving

    # ── Keeping ──

    def _kept(self, folder: Path) -> ProcessorVectors | None:
        """Take up what an earlier run has found, if it still agrees on this processor."""
        with suppress(RuntimeError, OSError, ValueError, KeyError, TypeError):
            plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
            cut = plan["cut"]
            if cut is not None and not self._has_bfloat16():
                return None
            found = self._compiled(self._core.read_model(folder / "network.xml"), cut)
            if self._agrees(found, FULL_AGREEMENT if cut is None else MIXED_AGREEMENT):
                return found
        return None

    def _keep(self, folder: Path, network: Any, cut: str | None) -> None:
        """Keep all or nothing; a host that lets nothing be kept converts each time."""
        with suppress(OSError):
            folder.parent.mkdir(parents=True, exist_ok=True)
            part = Path(tempfile.mkdtemp(prefix="part-", dir=folder.parent))
            try:
                self._openvino.save_model(network, part / "network.xml", compress_to_fp16=False)
                (part / "plan.json").write_text(json.dumps({"cut": cut}), encoding="utf-8")
                shutil.rmtree(folder, ignore_errors=True)
                part.replace(folder)
            finally:
                shutil.rmtree(part, ignore_errors=True)


def _seconds(work: Callable[[Array], Array], batch: Array) -> float:
    started = time.perf_counter()
    work(batch)
    return time.perf_counter() - started


def _cuts(network: Any) -> list[str]:
    """Name the places, front to back, where one convolution's input is all there is."""
    (begin,) = (parameter.get_friendly_name() for parameter in network.get_parameters())
    waiting: dict[str, int] = {}  # readers that have not come yet
    depends = {begin}
    found = []
    for op in network.get_ordered_ops():
        name = op.get_friendly_name()
        sources = [
            entry.get_source_output().get_node().get_friendly_name() for entry in op.inputs()
        ]
        if name not in depends and not depends.intersection(sources):
            continue  # made of constants
        depends.add(name)
        for source in sources:
            if source in waiting:
                waiting[source] -= 1
                if waiting[source] == 0:
                    del waiting[source]
        readers = [reader for output in op.outputs() for reader in output.get_target_inputs()]
        if readers:
            waiting[name] = len(readers)
        kinds = {reader.get_node().get_type_name() for reader in readers}
        if (
            len(waiting) == 1
            and len(op.outputs()) == 1
            and name != begin
            and (kinds & {"Convolution", "GroupConvolution"})
        ):
            found.append(name)
    return found


def probe_pictures(size: int) -> Array:
    """Make pictures to compare encoders on: slopes, blotches, grain, strong and faint.

    Parameters
    ----------
    size : int
        Pixels of a side.

    Returns
    -------
    ndarray of float32, shape (8, 3, size, size)
        Values as networks take them, about -1 to 1.

    Notes
    -----
    Measured with EfficientNet-Lite2 at thirteen cuts: the worst of these keeps a lower
    cosine than the worst of 200 photographs in twelve of them (0.9991 against 0.9995 at the
    cut that is taken), and 0.98739 against 0.98392 where all layers are in bfloat16.
    """
    numbers = np.random.default_rng(0)
    ramp = np.broadcast_to(np.linspace(-1, 1, size, dtype=np.float32), (size, size))
    slope = np.stack((ramp, ramp.T, -ramp))
    pictures = [slope, 0.25 * slope + 0.6]
    across = np.fft.fftfreq(size)[:, None] ** 2 + np.fft.rfftfreq(size)[None] ** 2
    across[0, 0] = 1
    for steepness, contrast, level in (
        (1.0, 0.5, 0.0),  # amplitudes of photographs fall with frequency
        (1.0, 0.12, -0.6),
        (1.0, 0.12, 0.7),
        (1.5, 0.3, 0.3),
        (0.5, 0.3, 0.0),
        (2.0, 0.5, -0.2),
    ):
        waves = np.fft.rfft2(numbers.normal(size=(3, size, size)))
        grain = np.fft.irfft2(waves / across ** (steepness / 2), s=(size, size))
        grain = 0.3 * grain + 0.7 * grain.mean(axis=0)  # colours go together mostly
        pictures.append(np.clip(level + contrast * grain / grain.std(), -1, 1))
    return np.stack(pictures).astype(np.float32)
