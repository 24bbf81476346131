"""Reading a catalogue behind a page: in a thread of its own, with progress, and a stop."""

from __future__ import annotations

import threading

from imgsim_core.applications.products.catalogue import Catalogue, catalogue_from
from imgsim_core.applications.products.sources import Files
from imgsim_core.errors import ImgSimError
from imgsim_core.models.catalogue import Model
from imgsim_core.text import Text


class Reading:
    """A catalogue on its way; starts at once.

    Parameters
    ----------
    name : str
    files : Files
    model : Model

    Attributes
    ----------
    done, total : int
        Pictures described, and how many there will be; `total` is 0 while that is unknown.
    catalogue : Catalogue or None
        Once it is there.
    problem : Text or None
        Why there will be none.
    """

    def __init__(self, name: str, files: Files, model: Model) -> None:
        self.name = name
        self.done = self.total = 0
        self.catalogue: Catalogue | None = None
        self.problem: Text | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=_read, args=(self, files, model), name="catalogue", daemon=True
        )
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether there is still something to come."""
        return self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Keep what is done by now, and end."""
        self._stop.set()

    def join(self, seconds: float) -> None:
        """Wait for the end, at most so long."""
        self._thread.join(seconds)

    def told(self, done: int, total: int) -> None:
        """Take note of the progress."""
        self.done, self.total = done, total


def _read(reading: Reading, files: Files, model: Model) -> None:
    try:
        reading.catalogue = catalogue_from(
            reading.name, files, model, told=reading.told, stop=reading._stop
        )
    except ImgSimError as error:
        reading.problem = error.text
