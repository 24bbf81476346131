"""What is worked out for the sample gallery before its first visitor."""

from __future__ import annotations

import pytest

from imgsim_core.background import StopSign
from imgsim_core.gallery import atlas
from imgsim_core.gallery.copies import Level
from imgsim_core.gallery.gallery import Gallery
from pages.parts import foresight, grouping_run
from tests.gallery.rows import rows


class Samples:
    """A sample gallery that is there at the third look."""

    def __init__(self, gallery: Gallery, state: str = "building") -> None:
        self._gallery, self.state, self.looks = gallery, state, 0

    def gallery(self) -> Gallery | None:
        self.looks += 1
        return self._gallery if self.looks > 2 else None


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    # Niceness cannot be taken back, and the tests after this one want their share.
    monkeypatch.setattr(foresight, "_step_back", lambda: None)
    monkeypatch.setattr(foresight, "_LOOK_AGAIN", 0.01)


@pytest.fixture
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    from imgsim_core.gallery.ingest import new_gallery
    from imgsim_core.gallery.shelf import Shelf
    from imgsim_core.gallery.store import open_store

    place = tmp_path_factory.mktemp("samples")
    made = new_gallery("samples", open_store(str(place)), Shelf(str(place / "pictures")))
    made.store.add("samples", rows(12, made.info.dimension))
    return made


def test_the_first_visitor_finds_duplicates_and_map_ready(gallery: Gallery) -> None:
    samples = Samples(gallery)
    foresight.prepare(samples, StopSign())  # type: ignore[arg-type]
    assert samples.looks == 3
    version = gallery.snapshot().version
    assert grouping_run.runs().known(gallery, Level.COPY, version)
    assert grouping_run.runs().of(gallery, Level.COPY, version).wait(0)
    assert atlas.begin(gallery, gallery.snapshot()).wait(0)


@pytest.mark.parametrize("state", ["building", "failed"])
def test_without_samples_or_with_the_server_closing_nothing_is_begun(
    gallery: Gallery, state: str
) -> None:
    samples, stop = Samples(gallery, state), StopSign()
    if state == "building":
        stop.set()
    foresight.prepare(samples, stop)  # type: ignore[arg-type]
    assert samples.looks == 1
    assert not grouping_run.runs().known(gallery, Level.COPY, gallery.snapshot().version)
