"""A gallery at hand: what it holds is read once for all who ask."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from imgsim_core.gallery.gallery import open_gallery
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import GalleryInfo, open_store
from tests.gallery.rows import rows


def test_many_who_ask_at_once_share_one_reading(tmp_path, monkeypatch):
    store = open_store(str(tmp_path / "store"))
    store.create(GalleryInfo(name="g", model="m", encoder="e", dimension=8, created=1.0))
    some = rows(30, 8)
    store.add("g", some)
    gallery = open_gallery("g", store, Shelf(str(tmp_path / "pictures")))
    read: list[int] = []
    scan = store.scan

    def slowly(*arguments, **options):
        read.append(1)
        time.sleep(0.2)
        return scan(*arguments, **options)

    monkeypatch.setattr(store, "scan", slowly)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: gallery.snapshot(), range(4)))
    assert len(read) == 1
    assert all(one is found[0] for one in found)
    wanted = {row.entry.digest: row.vector for row in some}
    assert len(found[0]) == len(wanted) == 30
    for entry, vector in zip(found[0].entries, found[0].vectors, strict=True):
        np.testing.assert_array_equal(vector, wanted[entry.digest])
    store.add("g", rows(2, 8, seed=5))
    assert len(gallery.snapshot()) == 32
    assert len(read) == 2
