"""A gallery's pictures among the class names."""

from __future__ import annotations

import numpy as np
import pytest

from imgsim_core.gallery import words
from imgsim_core.gallery.gallery import open_gallery
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import open_store
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.words import concepts
from tests.gallery import rows

MODEL = model_by_id("efficientnet-lite2")


def test_only_new_pictures_are_placed_anew(tmp_path, monkeypatch):
    def synthetic(name, seed):
        vector = np.random.default_rng(seed).normal(size=MODEL.dimension)
        return rows.row(name, vector)

    store = open_store(str(tmp_path / "store"))
    info = rows.info("g", model=MODEL.id, dimension=MODEL.dimension)
    store.create(info)
    store.add("g", [synthetic(f"{i}.jpg", i) for i in range(5)])
    gallery = open_gallery("g", store, Shelf(str(tmp_path / "shelf")))
    counts = []

    def counted(model, vectors, lengths):
        counts.append(len(vectors))
        return concepts(model, vectors, lengths)

    monkeypatch.setattr(words, "concepts", counted)
    first = words.gallery_concepts(gallery, gallery.snapshot())
    assert words.gallery_concepts(gallery, gallery.snapshot()) is first
    store.add("g", [synthetic("new.jpg", 9)])
    store.remove("g", [rows.digest_of("2.jpg")])
    snapshot = gallery.snapshot()
    again = words.gallery_concepts(gallery, snapshot)
    assert counts == [5, 1]
    lengths = np.array([entry.length for entry in snapshot.entries], np.float32)
    assert again == pytest.approx(concepts(MODEL, snapshot.vectors, lengths), abs=1e-6)
