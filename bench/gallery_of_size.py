"""Build a gallery of synthetic pictures: `python -m bench.gallery_of_size big --count 100000`.

It goes where `IMGSIM_STORE` and `IMGSIM_PICTURES` say. Vectors lie in clusters with near
duplicates among them; every picture has a thumbnail, and none has an original. With
`--model` its vectors have that model's length, so that the app's pages open it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from imgsim_core.gallery.entry import Row
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import GalleryInfo, Store, open_store
from tests.gallery.rows import rows

CHUNK = 5_000
BATCH = 250


def chunks(count: int, dimension: int) -> Iterator[list[Row]]:
    """Yield rows 5,000 at a time, a hundred clusters in each."""
    for seed, start in enumerate(range(0, count, CHUNK)):
        yield rows(min(CHUNK, count - start), dimension, seed=seed)


def add(store: Store, name: str, some: list[Row]) -> None:
    """Add rows in batches of the size that indexing uses."""
    for start in range(0, len(some), BATCH):
        store.add(name, some[start : start + BATCH])


def picture(number: int) -> NDArray[np.uint8]:
    """Draw one of many plain pictures: two colours and a slope between them."""
    numbers = np.random.default_rng(number)
    ends = numbers.uniform(0, 255, (2, 3))
    across = np.linspace(0, 1, 128)[None, :, None]
    line = ends[0] * (1 - across) + ends[1] * across
    return np.repeat(line, 96, axis=0).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--model", help="id of a learned model whose vectors these pretend to be")
    arguments = parser.parse_args()
    model, encoder, dimension = "synthetic", "synthetic/1", arguments.dimension
    if arguments.model:
        from imgsim_core.models.catalogue import model_by_id
        from imgsim_core.models.identity import encoder_key

        known = model_by_id(arguments.model)
        model, encoder, dimension = known.id, encoder_key(known), known.dimension
    store, shelf = open_store(), Shelf()
    store.create(
        GalleryInfo(
            name=arguments.name,
            model=model,
            encoder=encoder,
            dimension=dimension,
            created=time.time(),
        )
    )
    done = 0
    for some in chunks(arguments.count, dimension):
        add(store, arguments.name, some)
        for row in some:
            shelf.put_thumbnail(row.entry.digest, picture(done))
            done += 1
        print(f"{done} of {arguments.count}", flush=True)
    store.settle(arguments.name)


if __name__ == "__main__":
    main()
