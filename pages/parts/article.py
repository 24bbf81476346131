"""As in the article: its four measures with its own options, on the visitor's pair."""

from __future__ import annotations

import streamlit as st

from imgsim_core.comparison import Question, Score
from imgsim_core.method import Method
from imgsim_core.picture import Picture
from imgsim_core.registry import article_methods
from pages.parts import cached, links, result, settings
from pages.parts.language import plain, say, t


def show_article(a: Picture, b: Picture) -> None:
    """Offer the article's options for everything, and show its numbers beside this pair's."""
    st.subheader(t("As in the article"))
    on = bool(settings.get("article", False))
    st.markdown(
        t(
            "This app grew from an article that measured one pair of pictures in four ways and "
            "got four numbers that nobody can compare. Set every method as the article did and "
            "see its numbers for your pair."
        )
    )
    if not on:
        st.button(
            t("Measure as in the article"),
            icon=":material/article:",
            key="article_on",
            on_click=_set,
        )
        return
    rows = [_row(method, a, b) for method in article_methods()]
    head = (
        f"| {t('Method')} | {t('The article, its pair')} | {t('Here, your pair')} | {t('Scale')} |"
    )
    st.markdown("\n".join([head, "|---|---|---|---|", *rows]))
    st.caption(
        t(
            "The colour score is computed as the article meant it: OpenCV's own correlation is "
            "wrong for three-dimensional histograms, so it is taken over the flat list of bins. "
            "CLIP's number is the cosine times 100 in the article; it is not a percentage."
        )
    )
    st.button(
        t("Back to the usual options"),
        icon=":material/restart_alt:",
        key="article_off",
        on_click=_unset,
    )


def _row(method: Method, a: Picture, b: Picture) -> str:
    # By the article's options, also where the visitor has changed some of them since
    answer = cached.memory().ask(Question(method, method.article), a, b)
    theirs = say(method.article_result) if method.article_result else "–"
    if isinstance(answer, Score):
        ours, scale = result.number(answer.value, answer.scale), result.scale_words(answer.scale)
    else:
        ours, scale = say(answer.reason), "–"
    return f"| {plain(method.label)} | {theirs} | **{ours}** | {scale} |"


def _set() -> None:
    settings.put("article", True, False)
    for method in article_methods():
        for field in method.option_fields:
            value = getattr(method.article, field.name)
            settings.put(links.option_key(method, field.name), value, field.default)


def _unset() -> None:
    settings.put("article", None)
    for method in article_methods():
        for field in method.option_fields:
            settings.put(links.option_key(method, field.name), None)
