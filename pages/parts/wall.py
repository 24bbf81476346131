"""A wall of a gallery's pictures: thumbnails in pages, with words and controls beneath each."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Sequence

import streamlit as st
from PIL import Image

from imgsim_core.errors import ImgSimError, StoreGone
from imgsim_core.gallery.entry import Entry
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.text import Text, UserText
from pages.parts import assets, cached, paging
from pages.parts.language import code_span, t

PAGE = 24

Beneath = Callable[[int, Entry], None]


def show(
    gallery: Gallery,
    entries: Sequence[Entry],
    captions: Sequence[str] | None = None,
    *,
    key: str,
    page: int = PAGE,
    helps: Sequence[str] | None = None,
    beneath: Beneath | None = None,
    divider: tuple[int, str] | None = None,
) -> None:
    """Draw pictures as a grid, one page of them at a time.

    Parameters
    ----------
    gallery : Gallery
    entries : sequence of Entry
        In the order they are shown; only those of the page on show are opened.
    captions : sequence of str or None
        Markdown under each picture; its name if None.
    key : str
        Tells walls apart. Another key starts at the first page again.
    page : int
        Pictures on a page.
    helps : sequence of str or None
        Markdown that a pointer over each caption brings up.
    beneath : callable or None
        Draws controls under a picture: called with its place in `entries` and its entry.
    divider : (int, str) or None
        A sentence (markdown) to draw before the entry at this place.
    """
    st.html(f"<style>{assets.text('wall.css')}</style>")
    pages = max(1, -(-len(entries) // page))
    number = paging.number(f"wall_{key}", pages)
    first, last = (number - 1) * page, min(number * page, len(entries))
    cuts = [first, last]
    if divider is not None and first < divider[0] < last:
        cuts.insert(1, divider[0])
    for start, end in itertools.pairwise(cuts):
        if divider is not None and start == divider[0]:
            with st.container(key=f"wall_divider_{key}"):
                st.markdown(divider[1])
        if start < end:
            _grid(gallery, entries, captions, helps, range(start, end), key, beneath)
    if pages > 1:
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.pagination(pages, key=f"wall_{key}")
        with st.container(horizontal=True, horizontal_alignment="center"):
            counted = t(
                "{first} to {last} of {count} pictures",
                first=first + 1,
                last=last,
                count=len(entries),
            )
            st.caption(counted)


def _grid(
    gallery: Gallery,
    entries: Sequence[Entry],
    captions: Sequence[str] | None,
    helps: Sequence[str] | None,
    places: range,
    key: str,
    beneath: Beneath | None,
) -> None:
    grid = st.grid("auto", min_column_width=150, gap="small")  # two columns on a phone
    for place in places:
        entry = entries[place]
        with grid.cell(), st.container(key=f"tile_{key}_{place}", gap="xsmall"):
            small = thumbnail(gallery, entry)
            if small is None:
                st.caption(f":material/hide_image: {t('No small copy of this picture is kept.')}")
            else:
                st.image(small, width="stretch", alt=entry.name)
            st.caption(
                captions[place] if captions is not None else code_span(entry.name, 24),
                help=None if helps is None else helps[place],
            )
            if beneath is not None:
                beneath(place, entry)


def thumbnail(gallery: Gallery, entry: Entry) -> bytes | None:
    """JPEG of an entry's small copy, or None where there is none or the shelf is gone."""

    def make() -> bytes:
        small = gallery.shelf.thumbnail(entry.digest)
        if small is None:
            # Raised, not returned: it may come later, and what is raised is not kept
            raise StoreGone(
                Text("The picture {name} is no longer there.", name=UserText(entry.name))
            )
        with Image.open(io.BytesIO(small)) as opened:
            stream = io.BytesIO()
            # Streamlit sends no WebP: it would encode it anew at every run
            opened.convert("RGB").save(stream, "JPEG", quality=82)
        return stream.getvalue()

    try:
        return cached.memory().recall(("wall", gallery.shelf.address, entry.digest), make)
    except ImgSimError:
        return None
