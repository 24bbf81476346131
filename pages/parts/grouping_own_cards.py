"""Groups by what the visitor taught, as cards: the same as of duplicates, in other words."""

from __future__ import annotations

import streamlit as st

from imgsim_core.gallery.belonging import Belonging
from imgsim_core.gallery.copies import Link
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.groups import Group
from imgsim_core.gallery.keeping import Rule, advice
from imgsim_core.own_examples import own_meaning
from pages.parts import grouping_cards, grouping_marks, grouping_own, grouping_rule
from pages.parts.language import say, t


def show(gallery: Gallery, report: Belonging) -> None:
    """Draw what a notion put together: how much, the groups, the table of them."""
    method = report.question.method
    groups = report.regrouped(grouping_marks.apart(method.id))
    grouping_own.show_head(report, len(groups))
    grouping_own.show_marks(method)
    if not groups:
        st.info(t("No two pictures are above this line. Move it down."), icon=":material/info:")
        return
    rule = None
    if grouping_own.wants_keeping():
        with st.expander(t("What to keep"), icon=":material/tune:"):
            rule = grouping_rule.show(with_plan=False)
    grouping_cards.show(groups, lambda group: OwnCard(gallery, report, group, rule))
    chosen = grouping_marks.kept()  # asked for here: a download is made outside the session

    def kept() -> dict[str, str]:
        if rule is None:
            return {}
        return {one.key: _kept(report, one, rule, chosen.get(one.key)) for one in groups}

    grouping_own.show_table(report, groups, kept)


def _kept(report: Belonging, group: Group, rule: Rule, chosen: str | None) -> str:
    return chosen if chosen in group.members else advice(group, report.entries, rule).keep


class OwnCard(grouping_cards.Card):
    """One group on the page."""

    def __init__(self, gallery: Gallery, report: Belonging, group: Group, rule: Rule | None):
        super().__init__(gallery, report, group, rule)
        self.method = report.question.method
        self.marks = self.method.id

    def _weakest_in_words(self, link: Link) -> str:
        return t(
            "Weakest link: {a} and {b}, cosine {number}. 1 is the same, more is more alike.",
            a=self.number[link.a],
            b=self.number[link.b],
            number=f"{link.cosine:.3f}",
        )

    def _show_evidence(self, link: Link) -> None:
        if self.method.examples is not None:
            own = own_meaning(self.method.examples, link.cosine)
            st.caption(say(own.verdict))
        else:
            st.caption(" ".join(map(say, link.because)))

    def _split_in_words(self, one: int, other: int) -> str:
        return t(
            "Parts {one} from {other} pictures, and remembers that they do not belong together.",
            one=one,
            other=other,
        )

    def _apart_in_words(self) -> str:
        return t("Do not belong together")
