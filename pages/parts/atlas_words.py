"""What the Map page calls things: clusters, and pictures of the gallery."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from imgsim_core.gallery.cluster_names import ClusterName, cluster_names
from pages.parts import cached
from pages.parts.atlas_view import View
from pages.parts.language import t, translated

_MOST_LETTERS = 24


def names(view: View) -> tuple[ClusterName | None, ...]:
    """What the model calls each cluster; worked out once for a map, as soon as it can be."""
    return cached.memory().recall(
        ("cluster names", view.id),
        lambda: cluster_names(view.gallery, view.snapshot, view.atlas.clusters),
        worth_keeping=any,  # a model that is not here yet may come
    )


def titles(view: View, found: Sequence[ClusterName | None]) -> list[str]:
    """Title of each cluster, without markup: its number, and its name if it has one."""
    return [
        f"{number} · {translated(name.common)[:_MOST_LETTERS]}"
        if name is not None and name.common
        else t("Cluster {number}", number=number)
        for number, name in enumerate(found, 1)
    ]


def labels(found: Sequence[ClusterName | None]) -> list[str]:
    """What stands on the map at each cluster: its number, and its name if it has one."""
    return [
        f"{number} · {translated(name.common)[:_MOST_LETTERS]}"
        if name is not None and name.common
        else f"{number}"
        for number, name in enumerate(found, 1)
    ]


def show_note(found: Sequence[ClusterName | None]) -> None:
    """Say where the clusters' names come from."""
    if not any(found):
        return
    st.caption(t("Names are what the model recognises in the pictures; it can be wrong."))
