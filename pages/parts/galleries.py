"""The gallery that the pages Search, Duplicates and Map work on, and every way to have one."""

from __future__ import annotations

from imgsim_core.gallery.gallery import Gallery

SETTING = "gallery"  # its name, also in links


def show_bar() -> Gallery | None:
    """Draw which gallery is in use and how to change it, at the head of a page.

    Returns
    -------
    Gallery or None
        None while none is chosen: the ways to have one have been drawn instead.
    """
    return None
