"""Reading a catalogue behind a page: in a thread of its own, with progress, and a stop."""

from __future__ import annotations

from collections.abc import Callable

from imgsim_core import lanes
from imgsim_core.applications.products.catalogue import Catalogue, catalogue_from
from imgsim_core.applications.products.sources import Files
from imgsim_core.background import StopSign, in_background
from imgsim_core.errors import ImgSimError
from imgsim_core.models.catalogue import Model
from imgsim_core.text import Text
from imgsim_core.turns import Turn, Turns


class Reading:
    """A catalogue on its way; starts at once.

    Parameters
    ----------
    name : str
    files : Files
    model : Model
    hold : callable or None
        As `catalogue_from`; kept as long as this is.
    turns : Turns or None
        Among which it waits for its own; None: it begins at once.

    Attributes
    ----------
    done, total : int
        Pictures described, and how many there will be; `total` is 0 while that is unknown.
    catalogue : Catalogue or None
        Once it is there.
    problem : Text or None
        Why there will be none.
    """

    def __init__(
        self,
        name: str,
        files: Files,
        model: Model,
        hold: Callable[[int], object] | None = None,
        turns: Turns | None = None,
    ) -> None:
        self.name = name
        self.done = self.total = 0
        self.catalogue: Catalogue | None = None
        self.problem: Text | None = None
        self._hold = hold
        self._turns = turns or Turns()
        self._turn: Turn | None = None
        self._stop = StopSign()
        self._thread = in_background(
            lambda: self._read(files, model), "catalogue", lanes.current().behind()
        )

    @property
    def running(self) -> bool:
        """Whether there is still something to come."""
        return self._thread.is_alive()

    @property
    def waits_for_others(self) -> bool:
        """Whether others' work comes first."""
        turn = self._turn
        return self.running and (turn is None or turn.is_waiting)

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
        if self._turn is not None:
            self._turn.give_way()

    def _read(self, files: Files, model: Model) -> None:
        try:
            with self._turns.turn(self._stop.is_set) as turn:
                self._turn = turn
                self.catalogue = catalogue_from(
                    self.name, files, model, None, self.told, self._stop, self._hold
                )
        except ImgSimError as error:
            self.problem = error.text
