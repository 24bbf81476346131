"""The methods as a handbook, drawn from the registry alone."""

from __future__ import annotations

import streamlit as st

from imgsim_core.comparison import Question, Score, Unavailable, ask
from imgsim_core.method import Family, Method
from imgsim_core.registry import methods_of
from imgsim_core.samples import all_pairs, open_sample
from imgsim_core.text import Text
from pages.parts import cached, formulas, result, settings
from pages.parts.language import plain, say, t

# What people come with, and the family that answers it.
_QUESTIONS: tuple[tuple[Text, Family, Text], ...] = (
    (
        Text("Is one a copy of the other: resized, recompressed, lightly edited?"),
        Family.HASHES,
        Text("Fingerprints are quick and rarely wrong about copies. They miss crops and turns."),
    ),
    (
        Text("How much was a picture damaged by compression, blur or noise?"),
        Family.STRUCTURE,
        Text(
            "Structure compares place by place, so both must show the same thing in the same place."
        ),
    ),
    (
        Text("Is this object or place in that photograph, from another side, turned or cut off?"),
        Family.KEYPOINTS,
        Text(
            "Matching details find the same thing again and show where. They need visible texture."
        ),
    ),
    (
        Text("Do two different photographs show the same kind of thing?"),
        Family.SEMANTICS,
        Text(
            "A learned model knows kinds of things. It does not care which one of the kind it is."
        ),
    ),
    (
        Text("Do they share a palette or a mood?"),
        Family.COLOUR,
        Text("Colour looks at amounts of colours only, and is fooled by large white backgrounds."),
    ),
    (
        Text("Are surface, pattern or outline alike?"),
        Family.TEXTURE,
        Text("Texture and shape look at fine patterns, edges and outlines, without colour."),
    ),
)


def show_chooser() -> None:
    """Answer "which one do I need?" from the question a visitor has."""
    chosen = st.selectbox(
        t("What do you want to know?"),
        range(len(_QUESTIONS)),
        index=None,
        format_func=lambda index: plain(_QUESTIONS[index][0]),
        placeholder=t("Choose a question, and see which notion answers it"),
        key="chooser",
        on_change=_follow,
    )
    if chosen is not None:
        _, family, advice = _QUESTIONS[chosen]
        st.success(f"**{say(family.label)}** — {say(advice)}", icon=":material/recommend:")


def _follow() -> None:
    chosen = st.session_state["chooser"]
    if chosen is not None:
        settings.put("family", _QUESTIONS[chosen][1].value, Family.COLOUR.value)


def choose_family() -> Family:
    """Let the visitor turn the handbook's pages."""
    families = {family.value: family for family in Family}
    code = settings.bound(
        st.segmented_control,
        t("Notion of likeness"),
        list(families),
        key="family",
        default=Family.COLOUR.value,
        format_func=lambda one: f"{result.icon(families[one])} {say(families[one].label)}",
        required=True,
        label_visibility="collapsed",
        wrap=True,
    )
    return families[code]


def methods_of_choice(family: Family) -> tuple[Method, ...]:
    """Draw what a family asks, and return its methods, the one that speaks for it first."""
    st.caption(say(family.question))
    return methods_of(family)


def show_method(method: Method) -> None:
    """Draw one method: all of it comes from the method's own data."""
    with st.container(border=True, key=f"method_{method.id}"):
        reason = method.availability()
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            st.markdown(f"### {say(method.label)}")
            if reason is None:
                st.badge(t("Ready"), icon=":material/check:", color="green")
            else:
                st.badge(t("Not on this server"), icon=":material/cloud_off:", color="orange")
        st.markdown(say(method.about))
        st.caption(result.scale_words(method.scale))
        if reason is not None:
            result.unavailable_sentence(reason)
        words, formula = st.columns([3, 2])
        with formula:
            formulas.show(method.formula)
        for field in method.option_fields:
            words.markdown(f"- **{say(field.label)}**: {say(field.help)}")
        notes = [f"`{method.id}`", f"[{t('Where the method comes from')}]({method.source})"]
        if reason is None:
            notes.append(_cost(method))
        words.caption(" · ".join(note for note in notes if note))


def _cost(method: Method) -> str:
    """Time for the first sample pair on this host, measured once: a shipped score has none."""
    pair = all_pairs()[0]
    asked = Question(method, method.options())

    def measured() -> Score | Unavailable:
        a, b = open_sample(pair.a), open_sample(pair.b)
        ask(asked, a, b)  # what is loaded once, and by nobody since, is no cost of a pair
        return ask(asked, a, b)

    answer = cached.memory().recall(
        ("cost here", method.id), measured, lambda made: isinstance(made, Score)
    )
    if not isinstance(answer, Score):
        return ""
    return t("{cost} ms for a sample pair on this server", cost=f"{answer.milliseconds:.0f}")
