"""The sample gallery: the built-in pictures, made once in a process and shared by all."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Literal

from imgsim_core.background import StopSign, in_background
from imgsim_core.errors import ImgSimError
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.ingest import Progress, ingest, new_gallery
from imgsim_core.gallery.life import GALLERY, Visitors
from imgsim_core.gallery.sources import from_samples
from imgsim_core.samples import all_samples
from imgsim_core.text import Text

State = Literal["waiting", "building", "ready", "failed"]


class SampleGallery:
    """The built-in pictures as a gallery to look at.

    Parameters
    ----------
    visitors : Visitors
        It lies among their galleries, and is gone like them when the process ends.
    """

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors
        self._name = ""
        self._lock = threading.Lock()
        self._stop = StopSign()
        self.state: State = "waiting"
        self.done = 0
        self.total = len(all_samples())
        self.problem: Text | None = None

    def start(self) -> None:
        """Begin to make it in the background, unless that has been done."""
        with self._lock:
            if self.state in ("building", "ready"):
                return
            self.state, self.problem, self.done = "building", None, 0
        in_background(self._build, "sample gallery")

    def gallery(self) -> Gallery | None:
        """Return it for reading, or None while it is not ready."""
        if self.state != "ready":
            return None
        try:
            return replace(self._visitors.open(self._name), read_only=True)
        except ImgSimError:  # somebody has cleared the temporary folder: it is made anew
            self.state = "waiting"
            self.start()
            return None

    def keep(self) -> None:
        """Keep it from expiring; for whoever reaps."""
        if self.state == "ready":
            try:
                self._visitors.touch(self._name)
            except ImgSimError:
                self.state = "waiting"

    def stop(self) -> None:
        """Leave off making it."""
        self._stop.set()

    def _build(self) -> None:
        state: State = "failed"
        try:
            self._name = name = self._visitors.make()
            gallery = new_gallery(GALLERY, self._visitors.store(name), self._visitors.shelf(name))
            end = ingest(
                gallery, from_samples(), keep_originals=True, told=self._told, stop=self._stop
            )
            self.problem = end.problem
            state = "ready" if end.state == "done" else "failed"
        except ImgSimError as error:
            self.problem = error.text
        finally:
            self.state = state

    def _told(self, progress: Progress) -> None:
        self.done, self.total = progress.seen, progress.total or self.total
