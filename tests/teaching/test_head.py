"""A taught head and its file."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load, save

from imgsim_core.errors import WrongHead
from imgsim_core.teaching.head import Head, head_as_bytes, head_from_bytes, untaught


@pytest.fixture
def head():
    random = np.random.default_rng(0)
    parts = [random.normal(size=shape).astype(np.float32) for shape in ((4, 16), (16, 4), (16,))]
    return Head("My colours / 我的颜色", "model/abc/crop/1", *parts, {"steps": 10, "helps": True})


def unit(count: int) -> np.ndarray:
    vectors = np.random.default_rng(1).normal(size=(count, 16)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_an_untaught_head_changes_nothing():
    assert untaught(16, "base", 4)(unit(5)) == pytest.approx(unit(5), abs=1e-6)


def test_what_comes_out_is_what_the_formula_says_in_double_precision(head):
    expected = unit(6).astype(float)
    expected = expected + expected @ head.down.T.astype(float) @ head.up.T + head.shift
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert head(unit(6)) == pytest.approx(expected, abs=1e-5)


def test_a_saved_head_is_the_same_in_a_fresh_process(head, tmp_path):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(head_as_bytes(head))
    np.save(tmp_path / "in.npy", unit(6))
    program = (
        "import sys, numpy as np; from pathlib import Path;"
        "from imgsim_core.teaching.head import head_from_bytes;"
        "folder = Path(sys.argv[1]);"
        "head = head_from_bytes((folder / 'mine.safetensors').read_bytes(), 'mine');"
        "np.save(folder / 'out.npy', head(np.load(folder / 'in.npy'))); print(head.digest)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], check=True, capture_output=True, text=True
    )
    assert told.stdout.strip() == head.digest
    assert np.load(tmp_path / "out.npy") == pytest.approx(head(unit(6)), abs=1e-6)


def saved(head, tensors=None, metadata=None):
    """Write a file as anybody could, its digest made to fit what the head says."""
    parts = {key: getattr(head, key) for key in ("down", "up", "shift")} | (tensors or {})
    told = {
        "format": "imgsim head 1", "name": head.name, "base": head.base,
        "summary": json.dumps(head.summary), "digest": head.digest,
    }  # fmt: skip
    return save(parts, told | (metadata or {}))


def test_what_no_digest_vouches_for_is_refused(head):
    assert head_from_bytes(saved(head), "x").digest == head.digest
    with pytest.raises(WrongHead):
        head_from_bytes(saved(head, tensors={"more": np.zeros(3, np.float32)}), "x")
    with pytest.raises(WrongHead):
        head_from_bytes(saved(head, metadata={"more": "said"}), "x")


@pytest.mark.parametrize("number", [1e30, -1e30, np.inf, np.nan])
def test_numbers_that_would_overflow_are_refused(head, number):
    down = head.down.copy()
    down[0, 0] = number
    with pytest.raises(WrongHead):
        head_from_bytes(saved(replace(head, down=down)), "x")


def test_a_header_that_is_nearly_the_whole_file_is_refused(head):
    with pytest.raises(WrongHead):
        head_from_bytes(saved(replace(head, summary={"much": "[]," * 100_000})), "x")


def test_name_base_and_summary_come_back(head):
    again = head_from_bytes(head_as_bytes(head), "mine.safetensors")
    assert (again.name, again.base, again.summary) == (head.name, head.base, head.summary)


def test_every_changed_byte_is_refused_or_changes_nothing(head):
    """A space for a tab in the header's padding is the one change that means nothing."""
    data = head_as_bytes(head)
    refused = 0
    for place in range(0, len(data), 7):
        changed = bytearray(data)
        changed[place] ^= 1
        try:
            same = head_from_bytes(bytes(changed), "mine.safetensors")
        except WrongHead:
            refused += 1
        else:
            assert same.digest == head.digest
            assert same(unit(3)).tobytes() == head(unit(3)).tobytes()
    assert refused >= len(range(0, len(data), 7)) - 2


@pytest.mark.parametrize("data", [b"", b"x" * 7, b"\xff" * 100, b"PK\x03\x04" + b"0" * 50])
def test_other_files_are_refused_by_name(data):
    with pytest.raises(WrongHead, match=r"mine\.bin"):
        head_from_bytes(data, "mine.bin")


def test_a_cut_file_is_refused(head):
    with pytest.raises(WrongHead):
        head_from_bytes(head_as_bytes(head)[:-5], "mine.safetensors")


def test_a_safetensors_file_of_something_else_is_refused(head):
    with pytest.raises(WrongHead):
        head_from_bytes(save({"weight": np.zeros(3, np.float32)}), "other.safetensors")
    tensors = load(head_as_bytes(head))
    tensors["up"] = np.full_like(tensors["up"], np.nan)
    with pytest.raises(WrongHead):
        head_from_bytes(save(tensors, {"format": "imgsim head 1"}), "nan.safetensors")
