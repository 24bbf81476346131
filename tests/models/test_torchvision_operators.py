"""The import of torchvision over a CPU build of torch, each time in a fresh process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_torchvision_imports_and_the_operators_are_declared_only_if_missing():
    output = run(
        """
import torch
from importlib import import_module
try:
    import_module("torchvision")
    missing = False
except RuntimeError as error:
    assert "operator torchvision::nms does not exist" in str(error)
    missing = True
from imgsim_core.models.torchvision_operators import operators_were_declared, torch_library
first = torch_library("torchvision.transforms")
assert operators_were_declared() == missing
assert torch_library("torchvision.transforms") is first  # and again: nothing happens twice
assert torch.ops.torchvision.nms and torch.ops.torchvision.qnms
assert torch_library("timm") and torch_library("open_clip")
print("passed")
"""
    )
    assert output.strip() == "passed"


def test_another_fault_of_torchvision_is_not_hidden():
    output = run(
        """
import sys, importlib.abc, importlib.machinery
class Broken(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name == "torchvision":
            return importlib.machinery.ModuleSpec(name, self)
    def create_module(self, spec): return None
    def exec_module(self, module): raise RuntimeError("something else")
sys.meta_path.insert(0, Broken())
from imgsim_core.models.torchvision_operators import operators_were_declared, torch_library
try:
    torch_library("torchvision")
except RuntimeError as error:
    print(error, operators_were_declared(), "torch" in sys.modules)
"""
    )
    assert output.strip() == "something else False False"


def test_the_core_and_its_methods_open_no_torch():
    output = run(
        """
import sys, time
started = time.perf_counter()
import imgsim_core
took = time.perf_counter() - started
import imgsim_core.models.encoder, imgsim_core.models.weights, imgsim_core.models.download
from imgsim_core.methods import semantics
for library in ("torch", "timm", "open_clip", "torchvision", "huggingface_hub"):
    assert library not in sys.modules, library
print(took)
"""
    )
    assert float(output) < 0.5
