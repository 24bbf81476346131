"""What the first visitor of the sample gallery would wait for, worked out before they come.

Duplicates looks closely at pairs, Map draws and compiles, words need a language model: half
a minute in all on a small host. The work steps back behind whatever a visitor asks for.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from imgsim_core.background import StopSign
from imgsim_core.errors import ImgSimError
from imgsim_core.gallery import atlas
from imgsim_core.gallery.copies import Level
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.shared_samples import SampleGallery
from imgsim_core.gallery.words import gallery_concepts
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.words import words_vectors
from pages.parts import grouping_run

_LOOK_AGAIN = 0.5  # seconds
_NICENESS = 10
_LONGEST_MAP = 60.0  # seconds


def prepare(samples: SampleGallery, stop: StopSign) -> None:
    """Answer what the pages ask of the sample gallery first, once it is there.

    Parameters
    ----------
    samples : SampleGallery
        Begun already.
    stop : StopSign
        Ends the waiting, and the work between two answers.
    """
    _step_back()
    while (gallery := samples.gallery()) is None:
        if stop.is_set() or samples.state == "failed":
            return
        time.sleep(_LOOK_AGAIN)
    for answer in (_duplicates, _map, _words):
        try:
            answer(gallery, stop)
        except ImgSimError:
            continue  # the page will say so to whoever asks


def _step_back() -> None:
    """Let this thread, and those it begins, run only when nothing else wants to."""
    # On Linux each thread has a niceness of its own; elsewhere it would be the process's.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def _duplicates(gallery: Gallery, stop: StopSign) -> None:
    run = grouping_run.runs().of(gallery, Level.COPY, gallery.snapshot().version)
    while not run.wait(_LOOK_AGAIN):
        if stop.is_set():
            run.stop()
            return


def _map(gallery: Gallery, stop: StopSign) -> None:
    if not stop.is_set():
        atlas.begin(gallery, gallery.snapshot()).wait(_LONGEST_MAP)


def _words(gallery: Gallery, stop: StopSign) -> None:
    if not stop.is_set():
        words_vectors(model_by_id(gallery.info.model), ("cat",))
        gallery_concepts(gallery, gallery.snapshot())
