"""Where a visitor says what to look for: a picture, words, less of something, colours."""

from __future__ import annotations

import streamlit as st

from imgsim_core.errors import ImgSimError
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.result import ColourAsked, PictureAsked, Query
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.words import Way, understanding
from imgsim_core.text import UserText
from pages.parts import assets, cached, inputs, searching, settings, wall
from pages.parts.language import code_span, say, t

# Single English words: what such a model was trained on, whatever the page's language
_EXAMPLES = ("cat", "coffee", "flower", "motorcycle", "building", "dog")


def show(gallery: Gallery) -> Query | None:
    """Draw what is looked for and the ways to change it."""
    st.html(f"<style>{assets.text('search.css')}</style>")
    labels = {
        "parts": t("By picture and words"),
        "colours": t("By colours"),
    }
    way = settings.bound(
        st.segmented_control,
        t("How to search"),
        list(labels),
        key=searching.BY,
        default=searching.WAYS[0],
        format_func=labels.__getitem__,
        required=True,
        label_visibility="collapsed",
    )
    with st.container(border=True, key="search_query"):
        if way == "colours":
            _show_colours()
            return searching.query(gallery)
        asked = searching.query(gallery)
        left, right = st.columns([1, 3], gap="medium")
        with left:
            _show_picture(gallery, asked)
        with right:
            _show_words(gallery)
            _show_suggestions(gallery)
    return asked


# ── The picture ────────────────────────────────────────────────────────────────────


def _show_picture(gallery: Gallery, asked: Query | None) -> None:
    plus = next((one for one in asked.pictures if one.weight > 0), None) if asked else None
    with st.container(key="search_picture", gap="small"):
        if plus is None:
            st.caption(t("Without a picture"))
        else:
            _show_one(gallery, plus)
            if searching.picture_asked(gallery) is not None and settings.get(searching.WORDS):
                st.button(
                    t("Words only"),
                    key="search_no_picture",
                    type="tertiary",
                    icon=":material/close:",
                    on_click=searching.choose,
                    args=(gallery, None),
                )
        with st.popover(
            t("Another picture"), icon=":material/add_photo_alternate:", key="search_bring"
        ):
            inputs.show_ways_in(searching.SLOT, t("Picture to look for"))


def _show_one(gallery: Gallery, asked: PictureAsked) -> None:
    if asked.picture is not None:
        name = asked.picture.name
        shown: bytes | None = cached.preview(asked.picture, 400)
    else:
        try:
            entry = gallery.entry(asked.digest)
        except ImgSimError as error:
            st.warning(say(error.text))
            return
        name, shown = entry.name, wall.thumbnail(gallery, entry)
    if shown is not None:
        st.image(shown, width="stretch", alt=f"{t('Picture to look for')}: {name}")
    st.caption(f"**{t('Picture to look for')}** {code_span(name.rpartition('/')[2], 28)}")


def _show_suggestions(gallery: Gallery) -> None:
    found = searching.suggestions(gallery)
    if len(found) < 2:
        return
    st.caption(t("Or start from one of these:"))
    grid = st.grid("auto", min_column_width=72, gap="xsmall")
    for place, entry in enumerate(found):
        small = wall.thumbnail(gallery, entry)
        if small is None:
            continue
        with grid.cell(), st.container(key=f"thumb_suggestion_{place}", gap=None):
            st.image(small, width="stretch", alt=entry.name)
            st.button(
                t("Look for this"),
                key=f"suggestion_{place}",
                type="tertiary",
                on_click=searching.more_like,
                args=(gallery, entry.digest),
            )


# ── The words ──────────────────────────────────────────────────────────────────────


def _show_words(gallery: Gallery) -> None:
    try:
        known = understanding(model_by_id(gallery.info.model))
    except ImgSimError as error:
        st.caption(say(error.text))
        return
    if known.way is Way.NONE:
        st.caption(f":material/info: {say(known.note)}")
        return
    settings.bound(
        st.text_input,
        t("Words to look for"),
        key=searching.WORDS,
        default="",
        max_chars=200,
        placeholder=(
            t("in English, for instance: cat on a sofa")
            if known.way is Way.CLASS_NAMES
            else t("for instance: cat on a sofa")
        ),
        help=say(known.note),
        icon=":material/search:",
    )
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.pills(
            t("Examples of words"),
            _EXAMPLES,
            key="search_examples",
            on_change=_take_example,
            label_visibility="collapsed",
        )
        with st.popover(t("Less of, and weights"), icon=":material/tune:"):
            _show_minus(gallery)


def _take_example() -> None:
    word = st.session_state.get("search_examples")
    if word:
        settings.put(searching.WORDS, word)
        st.session_state["search_examples"] = None


def _show_minus(gallery: Gallery) -> None:
    settings.bound(
        st.text_input,
        t("But not these words"),
        key=searching.NOT,
        default="",
        max_chars=200,
    )
    minus = searching.chosen(gallery, searching.MINUS)
    if minus is not None:
        name = gallery.entry(minus).name
        st.markdown(t("Less like {name}", name=UserText(name)))
        st.button(
            t("Leave that out"),
            key="search_no_minus",
            type="tertiary",
            icon=":material/close:",
            on_click=searching.choose,
            args=(gallery, None, searching.MINUS),
        )
    st.caption(t("How much each part counts; 0 leaves it out."))
    labels = {
        "picture": t("The picture"),
        "words": t("The words"),
        "not": t("Less of the words"),
        "minus": t("Less like the picture"),
    }
    for part, usual in searching.WEIGHTS.items():
        if part == "minus" and minus is None:
            continue
        settings.bound(
            st.slider,
            labels[part],
            0.0,
            searching.HEAVIEST,
            step=0.1,
            key=f"{searching.WEIGHT}{part}",
            default=usual,
        )


# ── The colours ────────────────────────────────────────────────────────────────────


def _show_colours() -> None:
    st.markdown(t("Which colours should the picture hold, and how much of each?"))
    chosen = searching.colours()
    for place, column in enumerate(st.columns(searching.MOST_COLOURS)):
        with column:
            if place < len(chosen):
                _show_colour(place, chosen)
            elif place == len(chosen):
                st.button(
                    t("Add a colour"),
                    key="search_add_colour",
                    icon=":material/add:",
                    on_click=searching.put_colours,
                    args=((*chosen, ColourAsked((240, 240, 240), 0.3)),),
                )


def _show_colour(place: int, chosen: tuple[ColourAsked, ...]) -> None:
    one = chosen[place]
    keys = f"search_colour_{place}", f"search_share_{place}"
    st.session_state[keys[0]] = "#{:02x}{:02x}{:02x}".format(*one.rgb)
    st.session_state[keys[1]] = round(100 * one.share)
    st.color_picker(t("Colour {number}", number=place + 1), key=keys[0], on_change=_keep_colours)
    st.slider(
        t("Share of the picture, %"),
        searching.LEAST_SHARE,
        100,
        step=5,
        key=keys[1],
        on_change=_keep_colours,
    )
    if len(chosen) > 1:
        st.button(
            t("Remove"),
            key=f"search_drop_{place}",
            type="tertiary",
            icon=":material/close:",
            on_click=searching.put_colours,
            args=((*chosen[:place], *chosen[place + 1 :]),),
        )


def _keep_colours() -> None:
    found = []
    for place in range(searching.MOST_COLOURS):
        colour = st.session_state.get(f"search_colour_{place}")
        if colour is not None and place < len(searching.colours()):
            red, green, blue = bytes.fromhex(colour.lstrip("#"))
            share = st.session_state[f"search_share_{place}"] / 100
            found.append(ColourAsked((red, green, blue), share))
    searching.put_colours(tuple(found))
