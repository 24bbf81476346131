"""The clusters of a map as cards, and the pictures that lie apart."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

from imgsim_core.gallery.cluster_names import ClusterName
from imgsim_core.gallery.entry import Entry
from pages.parts import atlas_chosen, atlas_colours, atlas_tiles, wall
from pages.parts.atlas_view import View, choose
from pages.parts.language import say, t, translated

_CARDS = 12
_APART = 6


def show(view: View, names: Sequence[ClusterName | None], titles: Sequence[str]) -> None:
    """Draw a card a cluster, the largest first."""
    clusters = view.atlas.clusters
    st.subheader(t("Clusters"))
    if not clusters:
        st.caption(t("No part of the map is crowded enough to be called a cluster."))
        return
    pages = -(-len(clusters) // _CARDS)
    number = min(pages, int(st.session_state.get("atlas_cards", 1))) if pages > 1 else 1
    shown = range((number - 1) * _CARDS, min(number * _CARDS, len(clusters)))
    grid = st.grid("auto", min_column_width=165, gap="small")  # two columns on a phone
    for place in shown:
        with grid.cell(), st.container(key=f"atlas_cluster_{place}", gap="xsmall"):
            _show_card(view, place, titles[place], names[place])
    if pages > 1:
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.pagination(pages, key="atlas_cards")


def _show_card(view: View, place: int, title: str, name: ClusterName | None) -> None:
    cluster = view.atlas.clusters[place]
    entries = [view.entry(row) for row in cluster.representatives]
    # Its tiles are remembered; a copy of a picture that is not there yet may come
    picture = atlas_tiles.montage(view.gallery, entries)
    if picture is not None:
        st.image(picture, width="stretch", alt=title)
    dot = f'<i class="sim-atlas-dot" style="background:{atlas_colours.colour_of(place)}"></i>'
    st.html(f'<div class="sim-atlas-title">{dot}{html.escape(title)}</div>')
    words = t("{count} pictures", count=f"{len(cluster):,}")
    if name is not None and name.examples and not name.common:
        examples = ", ".join(map(translated, name.examples[:3]))
        words += " · " + t("such as {examples}", examples=examples)
    st.caption(words)
    st.button(
        t("Show on the map"), key=f"atlas_show_{place}", icon=":material/my_location:",
        type="tertiary", on_click=choose, args=(view, "cluster", cluster.rows, place),
        kwargs={"scroll": True},
    )  # fmt: skip


def show_apart(view: View) -> None:
    """Draw the pictures far from all others, each with the reason."""
    outliers = view.atlas.outliers
    st.subheader(t("Lying apart"))
    if not outliers:
        st.caption(t("No picture is much farther from its nearest than is usual here."))
        return
    st.caption(
        t(
            "Pictures whose nearest ones are much farther from them than is usual here. They may "
            "be one of a kind, or not belong here."
        )
    )
    entries = [view.entry(one.row) for one in outliers]
    captions = [say(one.reason) for one in outliers]

    def beneath(place: int, entry: Entry) -> None:
        one = outliers[place]
        st.button(
            t("Show on the map"), key=f"atlas_apart_{place}", icon=":material/my_location:",
            type="tertiary", on_click=choose, args=(view, "picture", [one.row]),
            kwargs={"scroll": True},
        )  # fmt: skip
        atlas_chosen.compare_button(view, one.row, one.nearest, key=f"atlas_apart_with_{place}")

    wall.show(
        view.gallery, entries, captions, key=f"atlas_apart_{view.id}", page=_APART,
        beneath=beneath,
    )  # fmt: skip
