"""A cut-out network that the host brings: an ONNX or OpenVINO file like ISNet or U²-Net.

ISNet: Qin et al. 2022, https://doi.org/10.48550/arXiv.2203.03041. U²-Net: Qin et al. 2020,
https://doi.org/10.1016/j.patcog.2020.107404. A file whose input is at most 400 pixels is fed
as U²-Net's makers do, a larger one as ISNet's.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.models.openvino_alone import openvino_alone
from imgsim_core.text import Text, UserText

FILE = "IMGSIM_CUTOUT"
"""Environment variable: path of an .onnx or .xml file that separates a subject."""

Plane = NDArray[np.float32]

_USUAL_SIDE = 1024  # where a file leaves the size of its input open
_U2NET_SIDE = 400  # up to here a file is taken for one of U²-Net's kind
_IMAGENET_MEAN = np.array((0.485, 0.456, 0.406), np.float32)
_IMAGENET_STD = np.array((0.229, 0.224, 0.225), np.float32)

_LOCK = threading.Lock()
_known: dict[tuple[str, int], OwnNetwork | Text] = {}


@dataclass(frozen=True, eq=False)
class OwnNetwork:
    """A compiled network; `name` is its file's, `side` the pixels of its square input."""

    compiled: Any
    name: str
    side: int

    def likely_subject(self, rgb: NDArray[np.uint8]) -> Plane:
        """Tell how likely each pixel belongs to the subject.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (height, width, 3)

        Returns
        -------
        ndarray of float32, shape (height, width)
            0..1.
        """
        square = cv2.resize(rgb, (self.side, self.side), interpolation=cv2.INTER_AREA)
        levels = square.astype(np.float32)
        if self.side <= _U2NET_SIDE:
            levels = (levels / max(1.0, float(levels.max())) - _IMAGENET_MEAN) / _IMAGENET_STD
        else:
            levels = (levels - 128) / 256
        request = self.compiled.create_infer_request()  # one for each call: threads are apart
        request.infer([np.ascontiguousarray(levels.transpose(2, 0, 1)[None])])
        found = np.asarray(request.get_output_tensor(0).data, np.float32)[0, 0]
        if found.min() < -0.01 or found.max() > 1.01:  # before the last sigmoid
            found = 1 / (1 + np.exp(-found))
        found = np.nan_to_num(found, nan=0.0)
        size = (rgb.shape[1], rgb.shape[0])
        return np.asarray(cv2.resize(found, size, interpolation=cv2.INTER_LINEAR), np.float32)


def own_network() -> OwnNetwork | Text | None:
    """Return the host's network: loaded once, or why it cannot be used, or None if none is named.

    Returns
    -------
    OwnNetwork, Text or None
        Never raises: whoever asked goes on by colours.
    """
    named = os.environ.get(FILE, "").strip()
    if not named:
        return None
    path = Path(named)
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        return Text(
            "The host names the file {file} for cut-outs, but it cannot be opened.",
            file=UserText(path.name),
        )
    with _LOCK:
        key = str(path), changed
        if key not in _known:
            _known.clear()
            _known[key] = _opened(path)
        return _known[key]


def _opened(path: Path) -> OwnNetwork | Text:
    wrong = Text(
        "The file {file} that the host names for cut-outs is not a network that takes a "
        "picture and gives a mask.",
        file=UserText(path.name),
    )
    try:
        openvino = openvino_alone()
    except ImportError:
        return Text(
            "For the cut-outs of {file} the Python package openvino is needed, which is not "
            "installed on this host.",
            file=UserText(path.name),
        )
    try:
        network = openvino.Core().read_model(path)
        side = _side(network)
        if side is None:
            return wrong
        network.reshape({network.inputs[0]: [1, 3, side, side]})
        threads = {"INFERENCE_NUM_THREADS": min(4, os.cpu_count() or 1)}
        compiled = openvino.Core().compile_model(network, "CPU", threads)
        shape = list(compiled.outputs[0].shape)
    except (RuntimeError, ValueError, OSError):  # whatever OpenVINO finds wrong with a file
        return wrong
    if len(shape) != 4 or shape[:2] != [1, 1]:
        return wrong
    return OwnNetwork(compiled, path.name, side)


def _side(network: Any) -> int | None:
    """Side of the square that the network takes; None if it takes no picture."""
    if len(network.inputs) != 1:
        return None
    shape = network.inputs[0].partial_shape
    if shape.rank.is_dynamic or len(shape) != 4:
        return None
    if not shape[1].is_dynamic and shape[1].get_length() != 3:
        return None
    if shape[2].is_dynamic or shape[3].is_dynamic:
        return _USUAL_SIDE
    height, width = shape[2].get_length(), shape[3].get_length()
    return int(height) if height == width else None
