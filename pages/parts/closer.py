"""A closer look at one family: what made its score, its other methods, options, formula."""

from __future__ import annotations

from typing import Any

import streamlit as st

from imgsim_core.comparison import Question, Score, Unavailable
from imgsim_core.errors import ImgSimError
from imgsim_core.method import Family, Method, OptionField
from imgsim_core.picture import Picture
from imgsim_core.registry import spokesman
from pages.parts import (
    assets,
    cached,
    charts,
    formulas,
    links,
    own_methods,
    probe,
    result,
    settings,
)
from pages.parts.language import plain, say, t

_SCROLL = assets.component("scroll")


def show_closer(a: Picture, b: Picture) -> None:
    """Draw the closer look at the family the visitor chose."""
    with st.container(key="closer_top"):
        st.subheader(t("Look closer"))
    _SCROLL(key="sim_scroll", data={"turn": st.session_state.get("scroll", 0)}, height=1)
    families = {family.value: family for family in Family}
    code = settings.bound(
        st.segmented_control,
        t("Notion of likeness"),
        list(families),
        key="look",
        default=Family.STRUCTURE.value,
        then=["closer"],
        format_func=lambda one: f"{result.icon(families[one])} {say(families[one].label)}",
        required=True,
        label_visibility="collapsed",
        wrap=True,
    )
    method = _choose_method(families[code])
    asked = result.question(method)
    evidence, facts = st.columns([3, 2], gap="large")
    answer = cached.memory().ask(asked, a, b)
    with facts:
        _show_facts(method, asked, answer, a, b)
    with evidence, st.container(key="evidence"):
        _show_evidence(asked, answer, a, b)
    links.write()


def _choose_method(family: Family) -> Method:
    methods = {method.id: method for method in own_methods.methods_of(family)}
    first = spokesman(family).id
    if len(methods) == 1:
        return methods[first]
    chosen = settings.bound(
        st.pills,
        t("Method"),
        list(methods),
        key=f"method.{family.value}",
        default=first,
        then=["closer"],
        format_func=lambda code: plain(methods[code].label),
        required=True,
        wrap=True,
    )
    return methods[chosen]


def _show_facts(
    method: Method, asked: Question, answer: Score | Unavailable, a: Picture, b: Picture
) -> None:
    st.markdown(say(method.about))
    if isinstance(answer, Unavailable):
        result.unavailable_sentence(answer.reason)
    else:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"### {result.number(answer.value, answer.scale)}")
            result.verdict_badge(answer)
        result.bar(answer)
        result.beside(answer, a, b)
        st.caption(result.scale_words(answer.scale))
        if method is not spokesman(method.family):
            result.line_slider(asked, then=["closer"])
    for field in method.option_fields:
        _draw_option(method, field)
    changed = any(
        getattr(asked.options, field.name) != field.default for field in method.option_fields
    )
    if changed:
        st.button(
            t("Back to the usual options"),
            key=f"reset_{method.id}",
            icon=":material/restart_alt:",
            type="tertiary",
            on_click=_reset,
            args=(method,),
        )
    with st.expander(t("Formula, source and cost"), icon=":material/function:"):
        formulas.show(method.formula)
        st.markdown(f"[{t('Where the method comes from')}]({method.source})")
        if isinstance(answer, Score) and answer.milliseconds is not None:
            st.caption(t("Took {cost} ms on this server.", cost=f"{answer.milliseconds:.0f}"))


def _reset(method: Method) -> None:
    for field in method.option_fields:
        settings.put(links.option_key(method, field.name), None)
    st.rerun(["overview", "closer", "export"])


def _draw_option(method: Method, field: OptionField) -> None:
    """Draw the widget that an option's own data ask for."""
    common: dict[str, Any] = {
        "key": links.option_key(method, field.name),
        "default": field.default,
        "help": plain(field.help),
        "then": ["overview", "closer"],
    }
    if field.choices is not None:
        choices = field.choices
        settings.bound(
            st.selectbox,
            plain(field.label),
            list(choices),
            format_func=lambda value: plain(choices[value]),
            **common,
        )
    elif isinstance(field.default, bool):
        settings.bound(st.toggle, plain(field.label), **common)
    else:
        settings.bound(
            st.slider, plain(field.label), field.low, field.high, step=field.step, **common
        )


def _show_evidence(asked: Question, answer: Score | Unavailable, a: Picture, b: Picture) -> None:
    if isinstance(answer, Unavailable):
        return
    with st.skeleton(height=360):
        try:
            pieces = cached.memory().explain(asked.method, asked.options, a, b)
        except ImgSimError as error:
            result.unavailable_sentence(error.text)
            return
    if pieces:
        charts.show(pieces[0], a, b, key=f"{asked.method.id}_first")
    probe.show_spot(asked, a, b)
    probe.show_occlusion(asked, a, b)
    charts.show_all(pieces[1:], a, b, key=asked.method.id)
