"""The pairs of a set on which methods differ most, as a wall that leads to Compare."""

from __future__ import annotations

import html

import streamlit as st

from imgsim_core.disagreement import Disagreement, disagreements, family_questions
from pages.parts import cached, inputs
from pages.parts.language import code_span, plain, say, t
from pages.parts.workbench import Workbench

_MOST = 12


def show(bench: Workbench) -> None:
    """Draw the wall; the pairs are looked for when the visitor asks."""
    st.subheader(t("Where do methods disagree most?"))
    st.markdown(
        t(
            "Among all pairs of these pictures, those that one notion of likeness finds alike "
            "and another does not. They show best what each method is blind to."
        )
    )
    if bench.disagreements is None:
        place = st.empty()
        if not place.button(
            t("Find these pairs"), icon=":material/call_split:", key="find_disputes"
        ):
            return
        place.empty()
        _find(bench)
    found = bench.disagreements or ()
    if not found:
        st.info(t("Too few pictures to find any."), icon=":material/info:")
        return
    grid = st.grid("auto", min_column_width=300, gap="small", border=True)
    for index, one in enumerate(found):
        with grid.cell(), st.container(key=f"dispute_{index}", gap="small"):
            _show_one(one, index)


def _find(bench: Workbench) -> None:
    bar = st.progress(0.0, text=t("Comparing all pairs …"))

    def told(share: float) -> None:
        percent = f"{100 * share:.0f}"
        bar.progress(min(1.0, share), text=t("Comparing all pairs: {share} %", share=percent))

    bench.disagreements = disagreements(
        bench.pictures.pictures, family_questions(), cached.memory().describe, _MOST, told
    )
    bar.empty()


def _show_one(one: Disagreement, index: int) -> None:
    st.image(inputs.side_by_side(one.a, one.b), width="stretch", alt=f"{one.a.name}, {one.b.name}")
    st.markdown(f"**{say(one.contrast)}**")
    _bars(one)
    st.caption(say(one.sentence))
    st.caption(f"{code_span(one.a.name, 28)} · {code_span(one.b.name, 28)}")
    if st.button(t("Open in Compare"), key=f"open_{index}", icon=":material/compare:"):
        inputs.bring_pair(one.a, one.b)
        st.switch_page("../compare.py")


def _bars(one: Disagreement) -> None:
    """A row a notion of likeness, as long as it finds the pair alike."""
    rows, words = [], []
    for stand in one.stands:
        label = html.escape(plain(stand.family.label))
        percent = f"{100 * stand.height:.0f}"
        words.append(f"{label} {percent} %")
        rows.append(f'<span>{label}</span><i><b style="width:{percent}%"></b></i>')
    st.html(
        f'<div class="sim-stands" role="img" aria-label="{", ".join(words)}">{"".join(rows)}</div>'
    )
