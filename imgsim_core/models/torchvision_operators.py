"""Import the libraries that stand on torchvision, over any build of torch.

PyPI's torchvision is built for CUDA. Over a CPU build of torch its compiled operators
cannot be loaded, so the operator schemas ``torchvision::nms`` and ``torchvision::qnms``
are never declared; yet on import torchvision attaches a shape rule to them and dies with
"operator torchvision::nms does not exist". timm and open_clip import torchvision only for
its picture transforms, which need no compiled operator. Declaring the two missing schemas
lets the import pass; calling them still fails, as it should.
"""

from __future__ import annotations

import threading
from importlib import import_module
from types import ModuleType
from typing import Any

_LOCK = threading.RLock()
# torch withdraws the schemas when the Library object dies, so it is kept for good.
_declared: Any = None


def torch_library(name: str) -> ModuleType:
    """Import timm, open_clip or torchvision (or a part of them).

    Parameters
    ----------
    name : str
        Dotted name of a module that imports torchvision, directly or not.

    Returns
    -------
    module

    Notes
    -----
    Safe from several threads and to repeat: the schemas are declared at most once, and
    only after the import of torchvision has died for the lack of them.
    """
    with _LOCK:
        try:
            import_module("torchvision")
        except RuntimeError as error:
            if _declared is not None or "operator torchvision::nms does not exist" not in str(
                error
            ):
                raise
            _declare_missing_operators()
            import_module("torchvision")
        return import_module(name)


def operators_were_declared() -> bool:
    """Tell whether this process had to declare the schemas itself."""
    return _declared is not None


def _declare_missing_operators() -> None:
    import torch

    global _declared
    _declared = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        _declared.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
