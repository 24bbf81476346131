"""Reading a catalogue behind a page: how it ends."""

from __future__ import annotations

from imgsim_core import lanes
from imgsim_core.applications.products import reading as reading_module
from imgsim_core.applications.products.reading import Reading
from imgsim_core.applications.products.sources import from_uploads
from imgsim_core.background import at_work
from imgsim_core.errors import CatalogueError
from imgsim_core.lanes import Lane
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.text import Text

MODEL = model_by_id("efficientnet-lite2")


def reading_of(monkeypatch, catalogue_from) -> Reading:
    monkeypatch.setattr(reading_module, "catalogue_from", catalogue_from)
    return Reading("shop", from_uploads([]), MODEL)


def test_reading_ends_without_a_word_when_its_visitor_has_left(monkeypatch):
    def looks_whether_anybody_waits(*_: object) -> None:
        assert at_work()["catalogue"] == 1  # Python waits for it at its end
        lanes.current().check()

    visitor = Lane("visitor")
    visitor.leave()
    with lanes.within(visitor):
        reading = reading_of(monkeypatch, looks_whether_anybody_waits)
    reading.join(10)
    assert (reading.running, reading.catalogue, reading.problem) == (False, None, None)


def test_what_cannot_be_read_is_a_sentence(monkeypatch):
    def refuses(*_: object) -> None:
        raise CatalogueError(Text("No."))

    reading = reading_of(monkeypatch, refuses)
    reading.join(10)
    assert (reading.catalogue, str(reading.problem)) == (None, "No.")
