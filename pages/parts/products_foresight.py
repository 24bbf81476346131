"""What the first visitor of the Products page would wait for, worked out before they come."""

from __future__ import annotations

from imgsim_core.applications.products.matching import AS_FITTED
from imgsim_core.applications.products.sample_catalogue import PHOTOGRAPHS
from imgsim_core.background import StopSign
from imgsim_core.errors import ImgSimError
from pages.parts import products_answer, products_catalogue


def prepare(stop: StopSign) -> None:
    """Read the sample catalogue and match the sample photographs.

    Parameters
    ----------
    stop : StopSign
        Ends the work between two answers.
    """
    try:
        catalogue = products_catalogue.samples()
        for one in PHOTOGRAPHS:
            if stop.is_set():
                return
            products_answer.answered(catalogue, one.opened(), False, True, AS_FITTED)
    except ImgSimError:
        return  # the page will say so to whoever asks
