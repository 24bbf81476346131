"""How many bytes a value holds, by estimate: what caches are bounded by."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from imgsim_core.picture import Picture

Key = TypeVar("Key", bound=Hashable)
Kept = TypeVar("Kept")

_SMALL = 256  # bytes charged for anything that is not an array: keeps the count bounded too


def size_in_bytes(value: Any) -> int:
    """Estimate what a value holds: its arrays and byte strings, however deeply nested."""
    if isinstance(value, np.ndarray):
        return int(value.nbytes) + _SMALL
    if isinstance(value, (bytes, str)):
        return len(value) + _SMALL
    if isinstance(value, dict):
        return _SMALL + sum(size_in_bytes(item) for item in value.values())
    if isinstance(value, (tuple, list)):
        return _SMALL + sum(size_in_bytes(item) for item in value)
    if isinstance(value, Picture):
        return _SMALL  # held by whoever brought it
    if is_dataclass(value):
        return _SMALL + sum(size_in_bytes(getattr(value, item.name)) for item in fields(value))
    return _SMALL


def holds(value: Any, array: NDArray[Any]) -> bool:
    """Tell whether a value keeps an array in memory: itself or a view, however deeply nested."""
    if isinstance(value, np.ndarray):
        return bool(np.may_share_memory(value, array))
    if isinstance(value, dict):
        return any(holds(item, array) for item in value.values())
    if isinstance(value, (tuple, list)):
        return any(holds(item, array) for item in value)
    if is_dataclass(value):
        return any(holds(getattr(value, item.name), array) for item in fields(value))
    return False


def drop_oldest(
    kept: dict[Key, Kept], most: int, size: Callable[[Kept], int] = size_in_bytes
) -> list[Kept]:
    """Drop what was put first into a dictionary, until the rest is within a bound.

    Parameters
    ----------
    kept : dict
    most : int
        Bytes. What was put last stays, however large: somebody has just asked for it.
    size : callable
        Bytes of one.

    Returns
    -------
    list
        What was dropped.
    """
    sizes = {key: size(one) for key, one in kept.items()}
    whole, dropped = sum(sizes.values()), []
    for key in list(kept)[:-1]:
        if whole <= most:
            break
        whole -= sizes[key]
        dropped.append(kept.pop(key))
    return dropped
