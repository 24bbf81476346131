"""The pictures chosen on the map: one looked at closely, or several as a wall."""

from __future__ import annotations

import numpy as np
import streamlit as st

from imgsim_core.errors import ImgSimError
from imgsim_core.gallery.entry import Entry
from imgsim_core.gallery.neighbours import nearest
from pages.parts import inputs, searching, tenancy, wall
from pages.parts.atlas_view import Choice, View, choice, choose, choose_nothing, turn
from pages.parts.language import code_span, say, t

_NEIGHBOURS = 4


def show(view: View, titles: list[str]) -> None:
    """Draw what is chosen, or how to choose."""
    chosen = choice(view)
    if chosen is None:
        return
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.markdown(f"#### {_heading(view, chosen, titles)}")
        st.button(
            t("Choose nothing"), key="atlas_none", icon=":material/close:", on_click=choose_nothing
        )
    if chosen.how == "picture":
        _show_one(view, int(chosen.rows[0]))
        return
    entries = [view.entry(int(row)) for row in chosen.rows]

    def beneath(place: int, entry: Entry) -> None:
        row = int(chosen.rows[place])
        st.button(
            t("Look closer"), key=f"atlas_look_{row}", type="tertiary", icon=":material/search:",
            on_click=choose, args=(view, "picture", [row]),
        )  # fmt: skip

    wall.show(view.gallery, entries, key=f"atlas_{turn()}", page=12, beneath=beneath)


def _heading(view: View, chosen: Choice, titles: list[str]) -> str:
    count = f"{len(chosen.rows):,}"
    if chosen.how == "picture":
        return code_span(view.entry(int(chosen.rows[0])).name.rpartition("/")[2])
    if chosen.how == "cluster":
        return t("{name}: {count} pictures", name=titles[chosen.number], count=count)
    if chosen.how == "outliers":
        return t("{count} pictures that lie apart", count=count)
    if chosen.how == "line":
        return t("{count} pictures with another one above the line", count=count)
    return t("{count} pictures chosen", count=count)


def _show_one(view: View, row: int) -> None:
    """A picture, what is known of it, and the pictures nearest to it."""
    entry, vectors = view.entry(row), view.snapshot.vectors
    with st.container(key="atlas_one"):
        left, right = st.columns([2, 3], gap="medium")
        with left:
            small = wall.thumbnail(view.gallery, entry)
            if small is not None:
                st.image(small, width="stretch", alt=entry.name)
            st.caption(_facts(view, entry, row))
            if st.button(t("More like this"), key="atlas_more", icon=":material/search:"):
                searching.more_like(view.gallery, entry.digest)
                st.switch_page("../search.py")
        with right:
            near = nearest(vectors[row : row + 1], vectors, _NEIGHBOURS, own=np.array([row]))
            if not near.rows.size:
                st.caption(t("There is no other picture in this gallery."))
                return
            st.markdown(f"**{t('Nearest to it')}**")
            _show_neighbours(view, row, near.rows[0].tolist(), near.cosines[0].tolist())


def _facts(view: View, entry: Entry, row: int) -> str:
    size = t("{width} × {height} pixels", width=entry.width, height=entry.height)
    parts = [size]
    if entry.taken:
        parts.append(entry.taken.partition("T")[0])
    outlier = next((one for one in view.atlas.outliers if one.row == row), None)
    if outlier is not None:
        parts.append(say(outlier.reason))
    return " · ".join(parts)


def _show_neighbours(view: View, row: int, rows: list[int], cosines: list[float]) -> None:
    entries = [view.entry(other) for other in rows]
    captions = [t("cosine {cosine}", cosine=f"{cosine:.2f}") for cosine in cosines]

    def beneath(place: int, entry: Entry) -> None:
        compare_button(view, row, rows[place], key=f"atlas_compare_{place}")

    wall.show(
        view.gallery, entries, captions, key=f"atlas_near_{turn()}", page=_NEIGHBOURS,
        beneath=beneath,
    )  # fmt: skip
    st.caption(t("Cosine of the model's two vectors: 1 for the same direction, -1 for opposite."))


def compare_button(view: View, row: int, other: int, *, key: str) -> None:
    """Offer to open two pictures of the gallery in Compare."""
    if st.button(t("Compare"), key=key, type="tertiary", icon=":material/compare:"):
        try:
            # In full: what Compare remembers is kept by the digest of the whole file
            first, second = (
                tenancy.hold(view.gallery.picture(view.entry(one))) for one in (row, other)
            )
        except ImgSimError as error:
            st.error(say(error.text), icon=":material/image_not_supported:")
            return
        inputs.bring_pair(first, second)
        st.switch_page("../compare.py")
