"""Taking a visitor's files into their gallery, behind the page: with a stop and a resume."""

from __future__ import annotations

import itertools
import operator
import threading
from collections.abc import Iterable

from imgsim_core import lanes
from imgsim_core.background import StopSign, in_background
from imgsim_core.errors import ImgSimError
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.ingest import Progress, ingest, new_gallery
from imgsim_core.gallery.life import GALLERY, Visitors
from imgsim_core.gallery.reembedding import finish_reembedding, reembed
from imgsim_core.gallery.sources import Files, from_uploads
from imgsim_core.gallery.spool import Spool, Spooled
from imgsim_core.models.catalogue import Model
from imgsim_core.text import HostText, Text, UserText
from imgsim_core.turns import Turn, Turns

File = tuple[str, bytes]
Waiting = tuple[str, bytes | Spooled]


class Intake:
    """What a visitor has given, on its way into their gallery.

    Parameters
    ----------
    visitors : Visitors
    name : str
        Of the gallery's place, from `Visitors.make`.
    model : Model or None
        For a gallery that is still to be made; None takes the default.
    title : str
        What its visitor calls it.
    turns : Turns or None
        Among which it waits for its own; None: it begins at once.

    Attributes
    ----------
    progress : Progress or None
        Of the present or last run.
    embedded : (int, int) or None
        While all is embedded again: pictures done, and their number.
    problem : Text or None
        Why the last run ended before its end, if it was not asked to.
    """

    def __init__(
        self,
        visitors: Visitors,
        name: str,
        model: Model | None = None,
        title: str = "",
        turns: Turns | None = None,
    ) -> None:
        self._visitors = visitors
        self._name = name
        self._model = model
        self._title = title
        self._turns = turns or Turns()
        self._turn: Turn | None = None
        self._again: Model | None = None
        self._waiting: list[Waiting | Text] = []
        self._spool: Spool | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._at_work = False
        self._stop = StopSign()
        self.progress: Progress | None = None
        self.embedded: tuple[int, int] | None = None
        self.problem: Text | None = None

    @property
    def running(self) -> bool:
        """Whether it is at work."""
        return self._at_work

    @property
    def waits_for_others(self) -> bool:
        """Whether others' work comes first."""
        turn = self._turn
        return self.running and (turn is None or turn.is_waiting)

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop, and has not yet."""
        return self.running and self._stop.is_set()

    @property
    def waiting(self) -> int:
        """How many files are left to be taken in."""
        return len(self._waiting)

    @property
    def told_something(self) -> bool:
        """Whether there is anything to say: of a run, of what is left, or of a problem."""
        return self._at_work or bool(self._waiting or self.progress or self.problem)

    def forget_progress(self) -> None:
        """Say no more of the last run."""
        self.progress = self.problem = None

    def add(self, files: Iterable[File]) -> None:
        """Take files in, after those that are on their way.

        Parameters
        ----------
        files : iterable of (name, bytes)
            Kept on the disk until all of them are in, those already waiting included: of
            what is more than the gallery's quota of bytes only a refusal is kept.
        """
        most = self._visitors.limits.bytes
        with self._lock:
            if not self._waiting:
                self._spool = None  # its last piece closes it
            kept = sum(len(file[1]) for file in self._waiting if not isinstance(file, Text))
            for name, data in files:
                if kept + len(data) > most:
                    self._waiting.append(_too_much(name, most))
                else:
                    kept += len(data)
                    self._waiting.append(self._put_by(name, data))
        self.resume()

    def _put_by(self, name: str, data: bytes) -> Waiting | Text:
        """Lay a file where it takes up no memory, or say why that cannot be."""
        try:
            if self._spool is None:
                self._spool = self._visitors.spool(self._name)
            return name, self._spool.add(data)
        except ImgSimError as error:
            return error.text
        except OSError as error:
            return Text(
                "{name} was left out, since the disk refuses it: {why}.",
                name=UserText(name),
                why=HostText(error.strerror or error),
            )

    def resume(self) -> None:
        """Go on with what is left; what is in already is passed over."""
        with self._lock:
            self._stop.clear()
            if (self._waiting or self._again) and not self._at_work:
                self.problem, self._at_work, self._turn = None, True, None
                lane = lanes.current().behind()
                self._thread = in_background(self._run, "intake of a gallery", lane)

    def embed_again(self, model: Model) -> None:
        """Embed what is in the gallery by another model, before anything else is added."""
        with self._lock:
            self._again = model
        self.resume()

    def stop(self) -> None:
        """Stop after the batch it is at; what is in stays in. Takes no lock."""
        self._stop.set()

    def discard(self) -> None:
        """Let go of what is left."""
        with self._lock:
            self._waiting = []

    def join(self, seconds: float) -> None:
        """Wait until it has stopped."""
        if self._thread is not None:
            self._thread.join(seconds)

    # ── In the background ──────────────────────────────────────────────────────────

    def _run(self) -> None:
        at_end = False  # set by `_next`, which may have let another thread begin since
        try:
            with self._turns.turn(self._stop.is_set) as turn:
                if turn is not None:
                    self._turn = turn
                    if self._again is not None:
                        self._embed_again(self._again)
                    while batch := self._next():
                        self._take_in(batch)
                    at_end = True
        except ImgSimError as error:
            self.problem = error.text
        finally:
            if not at_end:
                self._at_work = False

    def _next(self) -> list[Waiting | Text]:
        """Return what waits; where nothing does, whoever adds more starts the work anew."""
        with self._lock:
            self._at_work = bool(self._waiting) and not self._stop.is_set()
            return list(self._waiting) if self._at_work else []

    def _take_in(self, batch: list[Waiting | Text]) -> None:
        gallery = self._gallery()
        room = self._visitors.room(self._name)
        refused = [file for file in batch if isinstance(file, Text)]
        uploads = from_uploads(file for file in batch if not isinstance(file, Text))
        end = ingest(
            gallery,
            Files(
                lambda: itertools.chain(refused, uploads),
                lambda: len(refused) + operator.length_hint(uploads),
            ),
            keep_originals=True,
            told=self._told,
            stop=self._stop,
            most_pictures=room.pictures,
            most_bytes=room.bytes,
        )
        if end.problem is not None:
            raise ImgSimError(end.problem)
        if end.state == "done":
            with self._lock:
                del self._waiting[: len(batch)]
                # What comes from here on lies elsewhere: who brings more again and again
                # would make one file grow for ever
                self._spool = None

    def _embed_again(self, model: Model) -> None:
        def told(done: int, total: int) -> None:
            self.embedded = done, total
            self._visitors.touch(self._name)
            self._give_way()

        try:
            reembed(self._visitors.open(self._name), model, told, self._stop)
            self._model = None  # what comes next is embedded as the gallery is now
        finally:
            self.embedded = self._again = None
            self._visitors.close_gallery(self._name)

    def _gallery(self) -> Gallery:
        store, shelf = self._visitors.store(self._name), self._visitors.shelf(self._name)
        finish_reembedding(GALLERY, store, shelf)
        return new_gallery(GALLERY, store, shelf, model=self._model, title=self._title)

    def _told(self, progress: Progress) -> None:
        self.progress = progress
        self._visitors.touch(self._name)
        self._give_way()

    def _give_way(self) -> None:
        if self._turn is not None:
            self._turn.give_way()


def _too_much(name: str, most: int) -> Text:
    return Text(
        "{name} was left out: at most {most} MB can be added at a time.",
        name=UserText(name),
        most=f"{most / 2**20:g}",
    )
