"""Duplicates: what a gallery holds more than once, in groups; what to keep, and a plan for it."""

from __future__ import annotations

import streamlit as st

from imgsim_core.errors import ImgSimError
from imgsim_core.gallery.belonging import Belonging
from imgsim_core.gallery.gallery import Gallery
from pages.parts import (
    assets,
    galleries,
    grouping_cards,
    grouping_funnel,
    grouping_marks,
    grouping_own_cards,
    grouping_rule,
    grouping_run,
    teaching_handover,
)
from pages.parts.language import say, t

# Pictures; a larger gallery is searched when the visitor says so. Vectors are quick.
_BEGUN_AT_ONCE, _BEGUN_BY_VECTORS = 2000, 20_000


def _show(gallery: Gallery) -> None:
    # Asked of the store: a large gallery is read whole only when somebody wants it searched
    count, version = gallery.store.count(gallery.name), gallery.store.version(gallery.name)
    if count == 0:
        st.info(t("This gallery is empty: add pictures first."), icon=":material/info:")
        return
    asked = grouping_funnel.show_level(gallery)
    begun = grouping_run.runs_of(asked).known(gallery, asked, version)
    by_notion = isinstance(asked, grouping_run.ByNotion)
    if count > (_BEGUN_BY_VECTORS if by_notion else _BEGUN_AT_ONCE) and not begun:
        place = st.empty()
        with place.container():
            st.markdown(t("This gallery has {count} pictures.", count=f"{count:,}"))
            if not st.button(
                t("Look for what belongs together") if by_notion else t("Look for duplicates"),
                key="duplicates_begin",
                type="primary",
                icon=":material/search:",
            ):
                return
        place.empty()
    report = grouping_run.report_of(gallery, asked, version)
    if isinstance(report, Belonging):
        grouping_own_cards.show(gallery, report)
        return
    if report is None:
        return
    groups = report.regrouped(grouping_marks.apart())
    with st.container(key="duplicates_head"):
        grouping_funnel.show(report, len(groups))
    with st.expander(t("What to keep, and what is no duplicate"), icon=":material/tune:"):
        rule = grouping_rule.show()
        grouping_marks.show()
    if not groups:
        st.success(t("No duplicates at this level."), icon=":material/check_circle:")
        return
    grouping_cards.show(groups, lambda group: grouping_cards.Card(gallery, report, group, rule))
    grouping_rule.show_plan(report, groups, rule)
    teaching_handover.offer_duplicates(gallery, report, groups)


st.html(f"<style>{assets.text('wall.css')}{assets.text('duplicates.css')}</style>")
st.title(t("Duplicates"))
chosen = galleries.show_bar()
if chosen is None:
    st.markdown(
        t(
            "Find what a collection holds more than once: the same file under other names, "
            "copies that were resized, cut, turned or recoloured, and other shots of the same. "
            "You see why each two belong together, what to keep, and get a plan. "
            "Nothing is deleted."
        )
    )
else:
    try:
        _show(chosen)
    except ImgSimError as error:  # the gallery or the store went away meanwhile
        st.error(say(error.text), icon=":material/cloud_off:")
