"""Groups of duplicates as cards: pictures, what to keep and why, the graph, ways to part them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from imgsim_core.errors import ImgSimError
from imgsim_core.gallery.belonging import Belonging
from imgsim_core.gallery.copies import Level, Link
from imgsim_core.gallery.duplicates import Report
from imgsim_core.gallery.entry import Entry
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.groups import Group
from imgsim_core.gallery.keeping import Advice, Rule, advice
from pages.parts import grouping_graph, grouping_marks, inputs, paging, tenancy, wall
from pages.parts.language import code_span, say, t

PAGE = 8
_MOST_SHOWN = 12  # pictures of a card
_MOST_NAMES = 6  # names of one picture


def show(groups: Sequence[Group], card_of: Callable[[Group], Card]) -> None:
    """Draw the groups, one page of them at a time."""
    pages = max(1, -(-len(groups) // PAGE))
    number = paging.number("duplicates_page", pages)
    for group in groups[(number - 1) * PAGE : number * PAGE]:
        with st.container(border=True, key=f"group_{group.key}"):
            card_of(group).show()
    if pages > 1:
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.pagination(pages, key="duplicates_page")


class Card:
    """One group on the page; without a rule nothing is said of which picture to keep."""

    marks = ""  # under which pairs are told apart: as `grouping_marks` has it

    def __init__(
        self, gallery: Gallery, report: Report | Belonging, group: Group, rule: Rule | None
    ) -> None:
        self.gallery, self.report, self.group = gallery, report, group
        self.entries = report.entries
        self.advice: Advice | None = None
        self.kept: str | None = None
        if rule is not None:
            self.advice = advice(group, self.entries, rule)
            chosen = grouping_marks.kept().get(group.key)
            self.kept = chosen if chosen in group.members else self.advice.keep
        self.number = {one: place for place, one in enumerate(group.members, 1)}

    def show(self) -> None:
        if isinstance(self.report, Report) and self.report.level is Level.FILE:
            self._show_files()
            return
        st.markdown(f"**{t('{count} pictures', count=len(self.group.members))}**")
        pictures, graph = st.columns([3, 1.15])
        with pictures:
            self._show_pictures()
        with graph:
            grouping_graph.show(self.group, self.entries, self.kept)
        self._show_advice()
        self._show_weakest()
        with st.container(horizontal=True):
            self._show_split()
            with st.popover(t("Two of them"), icon=":material/compare:"):
                self._show_two()

    # ── Same files ──

    def _show_files(self) -> None:
        entry = self.entries[self.group.centre]
        picture, names = st.columns([1, 4])
        with picture:
            self._show_small(entry)
        with names:
            st.markdown(f"**{t('{count} files with the same bytes', count=len(entry.names))}**")
            self._show_names(entry.names)

    def _show_names(self, names: Sequence[str]) -> None:
        lines = [f"- {code_span(name)}" for name in names[:_MOST_NAMES]]
        if len(names) > _MOST_NAMES:
            lines.append("- " + t("… and {count} more.", count=len(names) - _MOST_NAMES))
        st.markdown("\n".join(lines))

    # ── The pictures ──

    def _show_small(self, entry: Entry) -> None:
        small = wall.thumbnail(self.gallery, entry)
        if small is None:
            st.caption(f":material/hide_image: {t('No small copy of this picture is kept.')}")
        else:
            st.image(small, width="stretch", alt=entry.name)

    def _show_pictures(self) -> None:
        grid = st.grid("auto", min_column_width=120, gap="small")
        shown = list(self.group.members[:_MOST_SHOWN])
        if self.kept is not None and self.kept not in shown:
            shown[-1] = self.kept
        for member in shown:
            with (
                grid.cell(),
                st.container(key=f"tile_{self.group.key}_{member[:12]}", gap="xsmall"),
            ):
                self._show_member(member)
        rest = len(self.group.members) - _MOST_SHOWN
        if rest > 0:
            st.caption(t("… and {count} more.", count=rest))

    def _show_member(self, member: str) -> None:
        entry = self.entries[member]
        self._show_small(entry)
        facts = [f"{entry.width} × {entry.height}", f"{entry.bytes / 1000:,.0f} kB", entry.format]
        st.caption(f"{self.number[member]} · {code_span(entry.name, 26)}  \n{' · '.join(facts)}")
        if len(entry.names) > 1:
            st.caption(t("{count} files with the same bytes", count=len(entry.names)))
        if self.kept is None:
            return
        if member == self.kept:
            st.markdown(f":green-badge[:material/check: {t('Keep')}]")
        else:
            st.button(
                t("Keep this one"),
                key=f"keep_{self.group.key}_{member[:12]}",
                on_click=grouping_marks.keep,
                args=(self.group, member),
                type="tertiary",
            )

    # ── What is said ──

    def _show_advice(self) -> None:
        if self.advice is None or self.kept is None:
            return
        head = t("Keep number {number}.", number=self.number[self.kept])
        if self.kept != self.advice.keep:
            advised = t(
                "You chose it; the rule says number {number}.",
                number=self.number[self.advice.keep],
            )
            st.markdown(f":material/bookmark: **{head}** {advised}")
        elif self.advice.because:
            reasons = " ".join(map(say, self.advice.because))
            st.markdown(f":material/bookmark: **{head}** {reasons}")
        else:
            none = t("Nothing in the rule tells them apart; it is the first by name.")
            st.markdown(f":material/bookmark: **{head}** {none}")

    def _show_weakest(self) -> None:
        link = self.group.weakest
        if link is None:
            return
        st.markdown(f":material/link_off: {self._weakest_in_words(link)}")
        self._show_evidence(link)

    def _weakest_in_words(self, link: Link) -> str:
        return t(
            "Weakest link: {a} and {b}, strength {number}. 1 is identical, more is more "
            "alike, unrelated pictures have about 0.2.",
            a=self.number[link.a],
            b=self.number[link.b],
            number=f"{link.strength:.2f}",
        )

    def _show_evidence(self, link: Link) -> None:
        lines = [say(text) for text in link.because]
        if link.changes:
            changes = "; ".join(map(say, link.changes))
            lines.append(t("B was made from A: {changes}.", changes=changes))
        if not link.certain:
            lines.append(t("This is not certain."))
        names = t("A is number {a}, B number {b}.", a=self.number[link.a], b=self.number[link.b])
        st.caption(" ".join([names, *lines]))

    def _show_split(self) -> None:
        there, here = self.group.halves()
        st.button(
            t("Split at the weakest link"),
            key=f"split_{self.group.key}",
            icon=":material/content_cut:",
            on_click=grouping_marks.part,
            args=(self.group.split(), self.marks),
            help=self._split_in_words(min(len(there), len(here)), max(len(there), len(here))),
        )

    def _split_in_words(self, one: int, other: int) -> str:
        return t(
            "Parts {one} from {other} pictures, and remembers them as no duplicates.",
            one=one,
            other=other,
        )

    # ── Two of them ──

    def _show_two(self) -> None:
        """Choose two pictures of the group, to compare them or to tell them apart."""
        link = self.group.weakest
        places = list(self.number.values())
        start = [self.number[link.a], self.number[link.b]] if link else [1, 2]
        chosen = []
        for letter, place in zip("ab", start, strict=True):
            chosen.append(
                st.selectbox(
                    t("Picture A") if letter == "a" else t("Picture B"),
                    places,
                    index=places.index(place),
                    key=f"two_{letter}_{self.group.key}",
                    format_func=self._named,
                )
            )
        a, b = (self.group.members[place - 1] for place in chosen)
        for link in self.group.links:
            if link.pair == {a, b}:
                self._show_evidence(link)
        if a == b:
            st.caption(t("Choose two different pictures."))
        if st.button(
            t("Open in Compare"),
            key=f"compare_{self.group.key}",
            icon=":material/compare:",
            disabled=a == b,
        ):
            self._compare(a, b)
        st.button(
            self._apart_in_words(),
            key=f"apart_{self.group.key}",
            icon=":material/block:",
            disabled=a == b,
            on_click=grouping_marks.part,
            args=(frozenset([frozenset((a, b))]), self.marks),
        )

    def _apart_in_words(self) -> str:
        return t("Not duplicates")

    def _named(self, place: int) -> str:
        name = self.entries[self.group.members[place - 1]].name
        return f"{place} · {name[-40:]}"

    def _compare(self, a: str, b: str) -> None:
        try:
            pictures = [tenancy.hold(self.gallery.picture(self.entries[one])) for one in (a, b)]
        except ImgSimError as error:
            st.error(say(error.text))
            return
        inputs.bring_pair(*pictures)
        st.switch_page("../compare.py")
