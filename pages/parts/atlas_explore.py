"""The upper half of the Map page: what the map is of, its controls, itself, what is chosen."""

from __future__ import annotations

import streamlit as st

from pages.parts import (
    atlas_chart,
    atlas_chosen,
    atlas_colours,
    atlas_distances,
    atlas_words,
    links,
    settings,
)
from pages.parts.atlas_view import View, choice, choose, choose_nothing
from pages.parts.language import t

_LIST = "atlas_list"
_ALL, _APART = "all", "apart"


def follows_the_line() -> bool:
    """Whether dots are coloured by the line between alike and not alike."""
    return settings.get(atlas_colours.SETTING, atlas_colours.USUAL) == "line"


def show(view: View, titles: list[str]) -> None:
    """Draw the map with its controls, and what is chosen beneath it."""
    st.markdown(_summary(view))
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    labels = atlas_colours.labels()
    with left:
        mode = settings.bound(
            st.segmented_control,
            t("Colours show"),
            list(labels),
            key=atlas_colours.SETTING,
            default=atlas_colours.USUAL,
            format_func=labels.__getitem__,
            required=True,
            wrap=True,
            before=_anew,
        )
    with right:
        _show_list(view, titles)
    colouring = atlas_colours.colouring(view, mode, atlas_distances.line(view))
    atlas_chart.show(view, colouring, atlas_words.labels(atlas_words.names(view)))
    atlas_colours.show_key(colouring)
    if view.is_partly_drawn:
        st.caption(
            t(
                "{drawn} of {count} pictures are drawn, chosen at random, so that the map stays "
                "quick. A lasso takes in those that are not drawn, too.",
                drawn=f"{len(view.drawn):,}",
                count=f"{len(view.atlas):,}",
            )
        )
    atlas_chosen.show(view, titles)
    links.write()


def _anew() -> None:
    # The line's slider must know whether the colours follow it
    st.rerun(["atlas_explore", "atlas_lines"])


def _summary(view: View) -> str:
    atlas = view.atlas
    if not atlas.clusters:
        return t("{count} pictures. Alike ones lie near each other.", count=f"{len(atlas):,}")
    return t(
        "{count} pictures in {clusters} clusters; {apart} lie apart. Alike ones lie near each "
        "other.",
        count=f"{len(atlas):,}",
        clusters=len(atlas.clusters),
        apart=len(atlas.outliers),
    )


def _show_list(view: View, titles: list[str]) -> None:
    """The way to choose without a pointer."""
    named = {_ALL: t("All pictures"), _APART: t("Those that lie apart")}
    named |= {str(place): title for place, title in enumerate(titles)}
    codes = [_ALL, *([_APART] if view.atlas.outliers else []), *map(str, range(len(titles)))]
    chosen = choice(view)
    shown = None  # a lasso or a single picture is none of these
    if chosen is None:
        shown = _ALL
    elif chosen.how == "cluster":
        shown = str(chosen.number)
    elif chosen.how == "outliers":
        shown = _APART
    st.session_state[_LIST] = shown if shown in codes else None
    st.selectbox(
        t("Show a cluster"),
        codes,
        index=None,
        format_func=named.__getitem__,
        key=_LIST,
        on_change=_choose_listed,
        args=(view,),
        placeholder=t("Pictures chosen on the map"),
    )


def _choose_listed(view: View) -> None:
    code = st.session_state[_LIST]
    if code in (None, _ALL):
        choose_nothing()
    elif code == _APART:
        choose(view, "outliers", [one.row for one in view.atlas.outliers])
    elif code.isdecimal() and int(code) < len(view.atlas.clusters):
        place = int(code)
        choose(view, "cluster", view.atlas.clusters[place].rows, place)


def show_trust(view: View) -> None:
    """Say how far the map can be trusted, and how it was made."""
    atlas = view.atlas
    with st.expander(t("How far can this map be trusted?"), icon=":material/verified:"):
        if atlas.quality is not None:
            one = atlas.quality
            st.markdown(
                t(
                    "Of the {of} pictures nearest to one on the map, {kept} on average are also "
                    "among the {of} nearest for the model. Trustworthiness: **{trust}** (1: "
                    "whatever lies close on the map is close for the model too; about 0.5: no "
                    "better than chance).",
                    of=one.of,
                    kept=f"{one.kept:.1f}",
                    trust=f"{one.trustworthiness:.2f}",
                )
            )
            if one.judged < len(atlas):
                st.caption(t("Judged on {count} pictures drawn at random.", count=one.judged))
        st.markdown(
            t(
                "A flat map cannot keep all distances of a space with {dimensions} directions: "
                "trust who lies next to whom more than how far apart distant crowds are. The "
                "axes mean nothing.",
                dimensions=view.snapshot.vectors.shape[1],
            )
        )
        if atlas.drawn < len(atlas):
            st.markdown(
                t(
                    "{drawn} pictures were laid out by UMAP; each other one was placed beside "
                    "those most like it.",
                    drawn=f"{atlas.drawn:,}",
                )
            )
