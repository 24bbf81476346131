"""Vectors of real pictures, enough for an index: photographs and views cut out of them.

`python -m bench.real_vectors FILE.npy [--count N]` embeds the photographs of
IMGSIM_EVAL_DATA/photos with the default model, and random parts of each, mirrored or not,
lighter or darker, until there are N. `bench.bench_search` reads the file that
IMGSIM_BENCH_VECTORS names.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.measure import THREADS
from bench.reference_photos import DATA
from imgsim_core.gallery.ingest import default_model
from imgsim_core.models.encoder import encode_framed, framed
from imgsim_core.models.network import compute_alone, network, quicken
from imgsim_core.picture import Picture, open_reduced

SEED = 11
_TOGETHER = 8


def view(picture: Picture, number: int) -> Picture:
    """Cut a part out of a picture: the whole for number 0, a fifth of its area or more."""
    if number == 0:
        return picture
    numbers = np.random.default_rng((SEED, number, len(picture.name), picture.width))
    share = numbers.uniform(0.45, 0.95)
    height, width = (round(share * side) for side in picture.rgb.shape[:2])
    top = numbers.integers(picture.height - height + 1)
    left = numbers.integers(picture.width - width + 1)
    rgb = picture.rgb[top : top + height, left : left + width]
    rgb = rgb[:, ::-1] if numbers.random() < 0.5 else rgb
    lighter = np.clip(rgb * numbers.uniform(0.7, 1.3), 0, 255).astype(np.uint8)
    return Picture(np.ascontiguousarray(lighter), "", picture.name)


def real_vectors(count: int) -> NDArray[np.float32]:
    """Embed as many views: shape (count, d), each of length 1."""
    model = default_model()
    network(model)
    quicken(model)
    photos = sorted((DATA / "photos").glob("*.jpg"))
    pictures = [open_reduced(path.read_bytes(), path.name, 640) for path in photos]

    def few(start: int) -> NDArray[np.float32]:
        places = range(start, min(start + _TOGETHER, count))
        views = [view(pictures[i % len(pictures)], i // len(pictures)) for i in places]
        return encode_framed(model, [framed(model, one, model.framing) for one in views])[0]

    with ThreadPoolExecutor(int(THREADS), initializer=compute_alone) as pool:
        return np.concatenate(list(pool.map(few, range(0, count, _TOGETHER))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--count", type=int, default=20_500)
    arguments = parser.parse_args()
    np.save(arguments.file, real_vectors(arguments.count))


if __name__ == "__main__":
    main()
