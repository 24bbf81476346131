"""Rows that no picture stands behind: any number of them, the same ones for the same seed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.gallery.entry import COLOURS, TURNS, Entry, Row
from imgsim_core.gallery.store import GalleryInfo

DIMENSION = 16
FORMATS = ("JPEG", "PNG", "WEBP")
CAMERAS = ("", "X100V", "Pixel 9", "O'Brien 35")
SIZES = ((640, 480), (480, 640), (500, 500), (500, 520), (4000, 3000), (1, 1), (1, 1000))


def digest_of(name: str) -> str:
    """Return the digest that a file of these synthetic galleries has."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def entry(name: str = "a.jpg", **facts: Any) -> Entry:
    """Make an entry; every fact not given is a plain one."""
    known: dict[str, Any] = {
        "digest": digest_of(name),
        "names": (name,),
        "sources": ("",),
        "bytes": 1000,
        "format": "JPEG",
        "width": 640,
        "height": 480,
        "hashes": np.arange(TURNS, dtype=np.uint64),
        "colours": np.full(COLOURS, 1 / COLOURS, np.float32),
    }
    return Entry(**{**known, **facts})


def row(name: str = "a.jpg", vector: Sequence[float] | None = None, **facts: Any) -> Row:
    """Make a row; its vector, if not given, follows from the name."""
    if vector is None:
        made = np.random.default_rng(int(digest_of(name)[:8], 16)).normal(size=DIMENSION)
    else:
        made = np.asarray(vector, float)
    length = float(np.linalg.norm(made))
    return Row(entry(name, **{"length": length, **facts}), (made / length).astype(np.float32))


def rows(count: int, dimension: int = DIMENSION, seed: int = 0) -> list[Row]:
    """Make rows with varied facts and clustered vectors, every tenth one a near duplicate."""
    numbers = np.random.default_rng(seed)
    vectors = clustered(count, dimension, seed=seed)
    made = []
    for i in range(count):
        width, height = SIZES[int(numbers.integers(len(SIZES)))]
        name = f"folder {i % 7}/picture-{seed}-{i:06}.jpg"
        year, month, day = numbers.integers((2001, 1, 1), (2027, 13, 29))
        facts = entry(
            name,
            bytes=int(numbers.integers(100, 10_000_000)),
            format=FORMATS[int(numbers.integers(len(FORMATS)))],
            width=width,
            height=height,
            modified=float(numbers.integers(1, 2_000_000_000)),
            taken=f"{year}-{month:02}-{day:02}T12:30:00" if i % 3 else "",
            camera=CAMERAS[int(numbers.integers(len(CAMERAS)))],
            quality=int(numbers.integers(1, 101)),
            sharpness=float(numbers.random() * 1000),
            hashes=numbers.integers(0, 2**64, TURNS, dtype=np.uint64),
            colours=numbers.dirichlet(np.ones(COLOURS)).astype(np.float32),
            length=float(numbers.random() * 20 + 1),
        )
        made.append(Row(facts, vectors[i]))
    return made


def clustered(
    count: int, dimension: int, *, clusters: int | None = None, seed: int = 0
) -> NDArray[np.float32]:
    """Make vectors of length 1 in clusters, with near duplicates among them.

    Parameters
    ----------
    count, dimension : int
        Shape of the result.
    clusters : int or None
        One for every fifty vectors if None.
    seed : int
        Equal seeds give equal vectors.

    Returns
    -------
    ndarray of float32, shape (count, dimension)
    """
    numbers = np.random.default_rng(seed)
    centres = numbers.normal(size=(clusters or max(1, count // 50), dimension)).astype(np.float32)
    vectors = centres[numbers.integers(len(centres), size=count)]
    vectors = vectors + 0.7 * numbers.normal(size=vectors.shape).astype(np.float32)
    copies = np.arange(9, count, 10)
    nudge = 0.05 * numbers.normal(size=(len(copies), dimension)).astype(np.float32)
    vectors[copies] = vectors[copies - 1] + nudge
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors, np.float32)


def info(name: str = "holiday", **known: Any) -> GalleryInfo:
    """Describe a gallery of these rows."""
    usual: dict[str, Any] = {
        "model": "synthetic",
        "encoder": "synthetic/1",
        "dimension": DIMENSION,
        "created": 1_700_000_000.0,
    }
    return GalleryInfo(name=name, **{**usual, **known})
