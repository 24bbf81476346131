"""Name what a picture shows: by the visitor's words, or among 1,000 kinds of things."""

from __future__ import annotations

import html

import streamlit as st

from imgsim_core.applications.objects import naming
from imgsim_core.applications.objects.naming import Named
from imgsim_core.errors import ImgSimError
from imgsim_core.models.catalogue import Model
from imgsim_core.picture import Picture
from imgsim_core.samples import sample_by_id
from imgsim_core.text import Text
from pages.parts import cached, inputs, links, settings
from pages.parts.language import plain, say, t
from pages.parts.objects_parts import (
    BY_CLASSES,
    BY_WORDS,
    LONGEST_WORDS,
    NAMED,
    USUAL_NAMED,
    WAY,
    WORDS,
)

_MODEL = "objects.model"
_TRY = ("cat", "coffee", "motorcycle-left", "rocket", "coins")
_SHOWN = 12


def show() -> None:
    """Draw this part of the page."""
    st.markdown(
        t(
            "Show a picture and write what it may be: the words are weighed against each other, "
            "and against *none of these*. Or let the model say what it sees among the 1,000 "
            "kinds of things it knows."
        )
    )
    picture = inputs.picture(NAMED, USUAL_NAMED)
    if picture is None:
        return
    left, right = st.columns([2, 3], gap="large")
    with left, st.container(key="objects_named"):
        st.image(
            cached.preview(picture),
            width="stretch",
            alt=f"{t('The picture to name')}: {picture.name}",
        )
        inputs.show_caption(t("Picture"), picture)
        _show_samples()
        inputs.show_ways_in(NAMED, t("The picture to name"))
    with right:
        _show_answer(picture)
    links.write()


def _show_samples() -> None:
    labels = {code: plain(sample_by_id(code).label) for code in _TRY}
    st.pills(
        t("Try"),
        list(labels),
        format_func=labels.__getitem__,
        key="objects_try",
        on_change=_try,
        wrap=True,
    )


def _try() -> None:
    """Take a sample; its pill is free again, since another picture may follow."""
    code = st.session_state["objects_try"]
    st.session_state["objects_try"] = None
    if code is not None:
        for prefix in ("brought_", "problem_"):
            st.session_state.pop(prefix + NAMED, None)
        settings.put(NAMED, code, USUAL_NAMED)


def _show_answer(picture: Picture) -> None:
    labels = {BY_WORDS: t("By my own words"), BY_CLASSES: t("Among 1,000 kinds of things")}
    way = settings.bound(
        st.segmented_control,
        t("Names to choose from"),
        list(labels),
        key=WAY,
        default=BY_WORDS,
        format_func=labels.__getitem__,
        required=True,
    )
    models = [model for model in naming.usable_models() if way == BY_WORDS or model.classes]
    if not models:
        st.warning(t("No model on this host can name pictures."), icon=":material/cloud_off:")
        return
    if way == BY_WORDS:
        settings.bound(
            st.text_area,
            t("Words, parted by commas"),
            key=WORDS,
            default=_usual_words(),
            max_chars=LONGEST_WORDS,
            height=88,
            help=t(
                "At most {most} words. The embedded model knows English names; Chinese words "
                "are understood where they are everyday words, or the name of one of the 1,000 "
                "kinds, whole or in part.",
                most=naming.MOST_WORDS,
            ),
        )
    model = _chosen(models)
    try:
        with st.spinner(t("Looking at the picture: the first time takes a few seconds …")):
            named = _named(model, picture, way)
    except ImgSimError as error:
        st.error(say(error.text), icon=":material/spellcheck:")
        return
    _show_named(named, model, way)


def _chosen(models: list[Model]) -> Model:
    if len(models) == 1:
        return models[0]
    by_id = {model.id: model for model in models}
    code = settings.bound(
        st.selectbox,
        t("Model"),
        list(by_id),
        key=_MODEL,
        default=models[0].id,
        format_func=lambda code: plain(by_id[code].label),
    )
    return by_id.get(code, models[0])


def _named(model: Model, picture: Picture, way: str) -> Named:
    memory = cached.memory()
    if way == BY_CLASSES:
        return naming.name_by_classes(model, picture, memory=memory)
    said = naming.split_words(str(settings.get(WORDS, _usual_words()))[:LONGEST_WORDS])
    return naming.name_by_words(model, picture, said, memory)


def _usual_words() -> str:
    return t("cat, dog, cup of coffee, motorcycle, rocket")


def _show_named(named: Named, model: Model, way: str) -> None:
    st.markdown(f"### {say(named.verdict)}")
    rows = [(plain(Text("{word}", word=one.label)), one.share, "") for one in named.answers]
    if named.none is not None:
        rows.append((t("none of these"), named.none, "none"))
        rows.sort(key=lambda row: -row[1])
    cells = "".join(
        f'<span>{html.escape(name)}</span><i class="{kind}"><b style="width:{100 * share:.1f}%">'
        f"</b></i><em>{_per_cent(share)}</em>"
        for name, share, kind in rows[:_SHOWN]
    )
    st.html(f'<div class="sim-shares">{cells}</div>')
    for note in named.notes:
        st.caption(f":material/info: {say(note)}")
    if way == BY_CLASSES:
        st.caption(
            t(
                "It always answers with one of its 1,000 kinds: below 50 % take it for a guess. "
                "People, places and moods are not among them."
            )
        )
    if named.measured:
        _show_reliability(model, way)


def _per_cent(share: float) -> str:
    return "< 1 %" if share < 0.01 else "> 99 %" if share > 0.99 else f"{100 * share:.0f} %"


def _show_reliability(model: Model, way: str) -> None:
    with st.expander(t("How far to believe these numbers"), icon=":material/query_stats:"):
        known = naming.reliability(way == BY_WORDS)
        values = {
            "model": model.label,
            "count": known.photographs,
            "right": f"{100 * known.right:.0f}",
            "lost": f"{100 * known.lost:.0f}",
            "wrong": f"{100 * known.wrong:.0f}",
            "error": f"{100 * known.error:.1f}",
        }
        if way == BY_WORDS:
            st.markdown(
                t(
                    "{model} was asked about {count} photographs that nothing was fitted to, "
                    "each with 2 to 15 words; in half of the sets no word was right. {right} % "
                    "of the answers were right. {lost} % of the pictures were called *none of "
                    "these* though a word fitted, {wrong} % were given a word though none did. "
                    "The likelihoods missed the truth by {error} points on average.",
                    **values,
                )
            )
        else:
            st.markdown(
                t(
                    "{model} was asked about {count} photographs that nothing was fitted to. "
                    "{right} % of its first answers were right. Of the answers at 50 % or more, "
                    "{wrong} % were wrong; {lost} % of the right ones stayed below 50 %. "
                    "The likelihoods missed the truth by {error} points on average.",
                    **values,
                )
            )
        st.caption(
            t(
                "The photographs show one thing each, of kinds that the model learned, and it may "
                "have seen them when it learned. With your own pictures, drawings above all, "
                "expect it to be right less often."
            )
        )
