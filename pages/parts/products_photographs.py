"""The photographs that are asked about: samples, one of a visitor's, or many."""

from __future__ import annotations

import streamlit as st

from imgsim_core.applications.products.batch import Failed
from imgsim_core.applications.products.catalogue import Catalogue
from imgsim_core.applications.products.sample_catalogue import (
    PHOTOGRAPHS,
    SamplePhotograph,
    photograph_by_id,
)
from imgsim_core.errors import ImgSimError, NoRoom
from imgsim_core.picture import Picture
from imgsim_core.picture_set import reduced_on_opening
from imgsim_core.text import Text, UserText
from pages.parts import cached, inputs, products_weights, receiving, settings, tenancy
from pages.parts.language import plain, say, t

MOST = 200
SIDE = 800  # pixels of the long side that a photograph is kept at
SAMPLE = products_weights.SAMPLE
ALL = products_weights.ALL
_BROUGHT, _FAILED = "products_brought", "products_failed"
_UPLOAD = "products_photographs"
_MOST_SAID = 8  # troubles told one by one


def show(catalogue: Catalogue) -> tuple[Picture, ...]:
    """Draw the ways to bring photographs, and return those to be matched."""
    brought: tuple[Picture, ...] = st.session_state.get(_BROUGHT, ())
    chosen = _chosen()
    with st.expander(
        t("Photographs to match"),
        icon=":material/add_a_photo:",
        expanded=not brought and not chosen,
        key=f"products_ways_{bool(brought or chosen)}",
    ):
        st.markdown(t("Choose a photograph to try, or bring your own."))
        _samples()
        with st.container(key="products_bring_photographs"):
            st.file_uploader(
                t("Your photographs"),
                type=inputs.TYPES,
                accept_multiple_files=True,
                key=receiving.key_of(_UPLOAD),
                label_visibility="collapsed",
                on_change=_receive,
            )
        st.caption(
            t(
                "One photograph gets a page of its own; several, at most {most}, become a table "
                "with a list of those to look at again.",
                most=MOST,
            )
        )
    if len(brought) < 2:  # of several, the table's page tells
        say_failed()
    return brought or chosen


def failed() -> tuple[Failed, ...]:
    """Uploads that are not matched, and why: no picture, no room, too many, one of them twice."""
    found: tuple[Failed, ...] = st.session_state.get(_FAILED, ())
    return found


def say_failed() -> None:
    """Say which uploads are not matched."""
    reasons = list(dict.fromkeys(say(one.reason) for one in failed()))  # no room is said once
    for reason in reasons[:_MOST_SAID]:
        st.warning(reason, icon=":material/image_not_supported:")
    if len(reasons) > _MOST_SAID:
        st.caption(t("… and {count} more.", count=len(reasons) - _MOST_SAID))


def _chosen() -> tuple[Picture, ...]:
    code = settings.get(SAMPLE)
    if code == ALL:
        return tuple(one.opened() for one in PHOTOGRAPHS)
    one = photograph_by_id(code) if code else None
    return (one.opened(),) if one is not None else ()


def _samples() -> None:
    grid = st.grid("auto", min_column_width=150, gap="small")
    for one in PHOTOGRAPHS:
        with grid.cell(), st.container(key=f"thumb_products_{one.id}", gap="xsmall"):
            label = plain(one.label)
            st.image(_thumbnail(one), width="stretch", alt=label)
            st.button(
                label, key=f"products_{one.id}", on_click=_choose, args=(one.id,), width="stretch"
            )
    st.button(
        t("All of them at once"),
        icon=":material/table_rows:",
        key="products_all",
        on_click=_choose,
        args=(ALL,),
    )


def _thumbnail(one: SamplePhotograph) -> bytes:
    return cached.memory().recall(
        ("products thumbnail", one.id), lambda: cached.jpeg(inputs.cover(one.opened(), 260, 200))
    )


def _choose(code: str) -> None:
    st.session_state.pop(_BROUGHT, None)
    st.session_state.pop(_FAILED, None)
    settings.put(SAMPLE, code)


def _twice(name: str, other: str) -> Text:
    return Text(
        "{name} is the same picture as {other} and counts once.",
        name=UserText(name),
        other=UserText(other),
    )


def _too_many(name: str) -> Text:
    return Text(
        "{name} was left out: at most {most} photographs are matched at a time.",
        name=UserText(name),
        most=MOST,
    )


def _receive() -> None:
    files = receiving.take(_UPLOAD)
    if not files:
        return
    opened: dict[str, Picture] = {}
    problems = []
    st.session_state.pop(_BROUGHT, None)  # they give their place to those that come
    for place, file in enumerate(files[:MOST]):
        try:
            picture = tenancy.hold(reduced_on_opening(file.name, file.getvalue(), SIDE))
        except NoRoom as error:
            problems += [Failed(one.name, error.text) for one in files[place:MOST]]
            break
        except ImgSimError as error:
            problems.append(Failed(file.name, error.text))
        else:
            known = opened.setdefault(picture.digest, picture)
            if known is not picture:
                problems.append(Failed(file.name, _twice(file.name, known.name)))
    problems += [Failed(file.name, _too_many(file.name)) for file in files[MOST:]]
    st.session_state[_BROUGHT] = tuple(opened.values())
    st.session_state[_FAILED] = tuple(problems)
    settings.put(SAMPLE, None)
