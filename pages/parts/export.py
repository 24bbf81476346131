"""Take the result along: a link that restores it, and reports as HTML, JSON, CSV."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import streamlit as st

from imgsim_core import lanes, report
from imgsim_core.comparison import Comparison
from imgsim_core.picture import Picture
from imgsim_core.verdict import PairVerdict
from pages.parts import cached, cutting_pair, inputs, lines, links, own_methods, pairing, result
from pages.parts.language import catalogue, language, t


def show_export(a: Picture, b: Picture) -> None:
    """Draw the link and the three reports; a report is made when it is asked for."""
    st.subheader(t("Keep it, share it"))
    st.caption(t("This link restores the samples, options, lines and language."))
    if any(inputs.is_brought(slot) for slot in inputs.SLOTS):
        st.caption(
            t("Pictures that you brought are not in the link: whoever opens it brings their own.")
        )
    st.code(links.address(), language=None, wrap_lines=True)
    everything = _Reports(a, b)
    with st.container(horizontal=True):
        for label, name, mime, make in (
            (t("Report as a page"), "imgsim-report.html", "text/html", everything.html),
            ("JSON", "imgsim-report.json", "application/json", everything.json),
            ("CSV", "imgsim-report.csv", "text/csv", everything.csv),
        ):
            _button(label, name, mime, make)


def _button(label: str, name: str, mime: str, make: Callable[[], str | bytes]) -> None:
    st.download_button(
        label, make, name, mime, key=name, icon=":material/download:", on_click="ignore"
    )


class _Reports:
    """The three reports on a pair; every method is asked, remembered answers cost nothing."""

    def __init__(self, a: Picture, b: Picture) -> None:
        self._a, self._b = a, b
        self._in_tables = [replace(one, name=cutting_pair.name_in_tables(one)) for one in (a, b)]
        self._questions = [result.question(method) for method in own_methods.all_methods()]
        self._lines = {asked.method.id: lines.line(asked) for asked in self._questions}
        self._language = language()
        self._memory = cached.memory()
        # Reports are made outside the session; what is made in nobody's lane is never let go of
        self._lane = lanes.current()

    def _comparison(self) -> Comparison:
        with ThreadPoolExecutor(2, initializer=lanes.enter, initargs=(self._lane,)) as pool:
            answers = pool.map(
                lambda asked: self._memory.ask(asked, self._a, self._b), self._questions
            )
            return Comparison(self._a, self._b, tuple(answers))

    def _verdict(self) -> PairVerdict:
        with lanes.within(self._lane):
            return pairing.verdict(self._a, self._b, self._memory)

    def html(self) -> str:
        # Runs outside the visitor's session, so the catalogue is taken by name.
        translations = catalogue(self._language)
        return report.comparison_as_html(
            self._comparison(),
            lines=self._lines,
            translate=lambda template: translations.get(template, template),
            language=self._language,
            verdict=self._verdict(),
        )

    def json(self) -> str:
        return report.comparison_as_json(self._comparison(), self._verdict())

    def csv(self) -> bytes:
        a, b = self._in_tables
        table = report.comparison_as_csv(replace(self._comparison(), a=a, b=b))
        return table.encode("utf-8-sig")  # for Excel
