"""Files of named numbers with a header for people: safetensors, whole or not at all.

Nothing in such a file can run. A digest over numbers and header is part of the header, so
that a changed byte is noticed; a file is written under another name first, so that one that
was interrupted is never taken for a whole one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensors = Mapping[str, NDArray[Any]]

_LONGEST_HEADER = 32 * 2**20  # bytes; a large network's own takes about 0.1 MB


def write_tensors(path: Path, tensors: Tensors, told: Mapping[str, str]) -> None:
    """Write a file, replacing one of that name only once the new one is whole.

    Parameters
    ----------
    path : Path
    tensors : mapping of str to ndarray
    told : mapping of str to str
        The header: what any text editor shows.

    Raises
    ------
    OSError
        If the folder is missing, full or read-only; an older file is then still there.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    whole = {name: np.ascontiguousarray(values) for name, values in tensors.items()}
    # ascontiguousarray makes a lone number a row of one
    whole = {name: values.reshape(tensors[name].shape) for name, values in whole.items()}
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            save_file(whole, part, {**told, "digest": _digest(whole, told)})
        except SafetensorError as error:  # it says so of a full disk too
            raise OSError(str(error)) from error
        part.chmod(0o644)  # made for its owner alone; a server may run as somebody else
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def told_in(path: Path) -> dict[str, str]:
    """Read the header alone; a few kilobytes, whatever the file holds.

    Raises
    ------
    ValueError
        If it is no such file or was cut short.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length <= min(_LONGEST_HEADER, os.fstat(file.fileno()).st_size - 8):
            raise ValueError("no header")
        try:
            told = json.loads(file.read(length))["__metadata__"]
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError("no header for people") from error
    if not isinstance(told, dict) or not all(isinstance(value, str) for value in told.values()):
        raise ValueError("not text")
    return told


def read_tensors(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Read a file whole and hold it against its digest.

    Returns
    -------
    tuple of (dict of str to ndarray, dict of str to str)
        The numbers, and the header without its digest.

    Raises
    ------
    ValueError
        If it is no such file, was cut short, or a byte was changed.
    OSError
        If it cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    told = told_in(path)
    expected = told.pop("digest", None)
    try:
        tensors = load_file(path)
    except (SafetensorError, KeyError, TypeError) as error:  # a length that lies, an odd type
        raise ValueError("not safetensors") from error
    if _digest(tensors, told) != expected:
        raise ValueError("changed since it was written")
    return tensors, told


def _digest(tensors: Tensors, told: Mapping[str, str]) -> str:
    hashed = hashlib.sha256(json.dumps(dict(told), sort_keys=True, ensure_ascii=False).encode())
    for name in sorted(tensors):
        values = tensors[name]
        hashed.update(f"{name}{values.dtype.str}{values.shape}".encode())
        hashed.update(values.reshape(-1).view(np.uint8).data)
    return hashed.hexdigest()
