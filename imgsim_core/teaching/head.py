"""A taught head: a small network on a model's vectors, and its file.

The file is safetensors: plain numbers and a header that any text editor shows. Nothing in
it can run. Its digest is part of the header, so that a changed byte is noticed.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.errors import WrongHead
from imgsim_core.text import Text, UserText

Array = NDArray[np.float32]

FORMAT = "imgsim head 1"
LARGEST = 64 * 2**20  # bytes of a file that is looked into at all
_LONGEST_HEADER = 256 * 2**10  # bytes; read as JSON, which takes many times its length
_LARGEST_NUMBER = 1e4  # a head that was trained holds numbers below 100
_KEYS = ("format", "name", "base", "summary", "digest")
_TENSORS = ("down", "up", "shift")


@dataclass(frozen=True, eq=False)
class Head:
    """What was learned on top of a model's vectors.

    A vector x becomes x + up(down x) + shift, brought to length 1 again. Untaught, the
    addition is 0 and nothing changes: whatever differs from the model was learned.

    Parameters
    ----------
    name : str
        What the visitor calls this notion of alike.
    base : str
        Which encoder made the vectors, as `models.identity.encoder_key` names it.
    down : ndarray of float32, shape (rank, dimension)
    up : ndarray of float32, shape (dimension, rank)
    shift : ndarray of float32, shape (dimension,)
    summary : mapping of str to plain values
        How it was trained and judged, for people to read.
    """

    name: str
    base: str
    down: Array
    up: Array
    shift: Array
    summary: dict[str, Any]

    @property
    def dimension(self) -> int:
        """Length of the vectors that go in and come out."""
        return int(self.down.shape[1])

    def __call__(self, vectors: Array) -> Array:
        """Carry vectors of the base model over to the taught space.

        Parameters
        ----------
        vectors : ndarray of float32, shape (n, dimension)
            Of length 1 each.

        Returns
        -------
        ndarray of float32, shape (n, dimension)
            Of length 1 each.
        """
        carried = vectors + (vectors @ self.down.T) @ self.up.T + self.shift
        lengths = np.linalg.norm(carried, axis=-1, keepdims=True)
        return np.asarray(carried / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all that the head is: its base, its numbers, its name and summary."""
        told = {"name": self.name, "base": self.base, "summary": self.summary}
        hashed = hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode())
        for key in _TENSORS:
            part = np.ascontiguousarray(getattr(self, key), "<f4")
            hashed.update(f"{key}{part.shape}".encode())
            hashed.update(part.tobytes())
        return hashed.hexdigest()


def head_as_bytes(head: Head) -> bytes:
    """Write a head as one safetensors file.

    Returns
    -------
    bytes
        The header holds the format, the name, the base model, the training summary (JSON)
        and the digest of them all.
    """
    from safetensors.numpy import save

    tensors = {key: np.ascontiguousarray(getattr(head, key), np.float32) for key in _TENSORS}
    metadata = {
        "format": FORMAT,
        "name": head.name,
        "base": head.base,
        "summary": json.dumps(head.summary, ensure_ascii=False, sort_keys=True),
        "digest": head.digest,
    }
    return bytes(save(tensors, metadata))


def head_from_bytes(data: bytes, file_name: str) -> Head:
    """Read a head's file; nothing in it is run.

    Parameters
    ----------
    data : bytes
    file_name : str
        For sentences.

    Raises
    ------
    WrongHead
        If it is no such file, was cut short or changed, or holds what cannot be.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        metadata = _metadata(data)
        tensors = load(data)
        summary = json.loads(metadata["summary"])
    # Foreign bytes: a header that is no JSON, lacks a key, or lies about lengths
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _wrong(file_name) from None
    down, up, shift = (tensors.get(key) for key in _TENSORS)
    only = tensors.keys() == set(_TENSORS)  # what else there was, no digest would vouch for
    if not only or down is None or up is None or shift is None or not isinstance(summary, dict):
        raise _wrong(file_name)
    fits = (
        all(part.dtype == np.float32 for part in (down, up, shift))
        and down.ndim == 2
        and up.shape == down.shape[::-1]
        and shift.shape == down.shape[1:]
        # More would not be finite any more once it was multiplied; nor is NaN below it
        and all((np.abs(part) <= _LARGEST_NUMBER).all() for part in (down, up, shift))
    )
    if not fits or metadata["format"] != FORMAT:
        raise _wrong(file_name)
    head = Head(metadata["name"], metadata["base"], down, up, shift, summary)
    if head.digest != metadata["digest"]:
        raise WrongHead(
            Text(
                "{name} has been changed since it was saved, or was damaged on the way. It is "
                "not used; take the file as it was downloaded.",
                name=UserText(file_name),
            )
        )
    return head


def _metadata(data: bytes) -> dict[str, str]:
    """Read the header of a safetensors file; ValueError or KeyError if it is none."""
    if not 8 < len(data) <= LARGEST:
        raise ValueError("no header")
    length = int.from_bytes(data[:8], "little")
    if length > min(len(data) - 8, _LONGEST_HEADER):
        raise ValueError("cut short, or too long")
    found: dict[str, str] = json.loads(data[8 : 8 + length])["__metadata__"]
    if found.keys() != set(_KEYS) or not all(isinstance(told, str) for told in found.values()):
        raise ValueError("not what such a file says of itself")
    return found


def _wrong(file_name: str) -> WrongHead:
    return WrongHead(
        Text("{name} is not a taught notion of alike saved by this app.", name=UserText(file_name))
    )


def untaught(dimension: int, base: str, rank: int, seed: int = 0) -> Head:
    """Make a head that changes nothing yet.

    Parameters
    ----------
    dimension, rank : int
    base : str
    seed : int
        Of the directions that training starts to look along.
    """
    down = np.random.default_rng(seed).normal(size=(rank, dimension)) / math.sqrt(dimension)
    return Head(
        name="",
        base=base,
        down=down.astype(np.float32),
        up=np.zeros((dimension, rank), np.float32),
        shift=np.zeros(dimension, np.float32),
        summary={},
    )
