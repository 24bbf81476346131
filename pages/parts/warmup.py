"""What a server makes ready behind its open port, in the order that visitors need it.

Its imports are most of what a page imports. So the server takes this file in once it is
listening: while a first visitor's browser loads the front end, the pages' code is loaded too.
"""

from __future__ import annotations

import gc
import importlib
import inspect

from imgsim_core.background import StopSign, in_background
from imgsim_core.gallery.ingest import default_model
from imgsim_core.method import Family
from imgsim_core.models.network import quicken_in_background
from imgsim_core.registry import all_methods, spokesman
from imgsim_core.samples import all_pairs, open_sample
from pages.parts import first_visit, foresight, products_foresight, tenancy
from pages.parts.cached import memory
from pages.parts.inputs import pair_thumbnail

# What the frame and Compare import besides: `links` alone brings most of the pages' code.
_FIRST_PAGE = ("links", "looks", "navigation", "article", "closer", "export", "own_tiles")


def warm(stop: StopSign) -> None:
    """Make what the first page shows; once it is on show, load what its answers need.

    Describing, not asking, brings code and model in: the scores of the guided pairs ship
    with the project, and asking would not need them.

    Parameters
    ----------
    stop : StopSign
        Ends it between two steps.
    """
    for name in _FIRST_PAGE:
        importlib.import_module(f"pages.parts.{name}")
    all_methods()
    # Streamlit looks once, at the first thing drawn, who started it, and for that reads where
    # every module lies; what was read here it need not read again while somebody waits.
    inspect.stack()
    for pair in all_pairs():
        pair_thumbnail(pair)
    first_visit.await_first_page()
    picture = open_sample(all_pairs()[0].a)
    for family in Family:
        if stop.is_set():
            return
        method = spokesman(family)
        memory().describe(method, method.options(), picture)
    spare_from_collection()


def begin_samples(stop: StopSign) -> None:
    """Begin the shared galleries, and what their first visitors would wait for.

    Raises
    ------
    StoreGone, BadSetting
        If there is no place for visitors' galleries.
    """
    samples = tenancy.sample_gallery()
    samples.start()
    in_background(lambda: foresight.prepare(samples, stop), "foresight")
    in_background(lambda: products_foresight.prepare(stop), "products foresight")
    quicken_in_background(default_model())


def spare_from_collection() -> None:
    """Keep what is there now out of the garbage collections to come.

    All threads wait while what torch alone brings is looked through: a quarter of a second
    each time. To be called when something large has been imported for good, not while
    visitors' work that ought to be let go is at hand.
    """
    gc.collect()
    gc.freeze()
