"""The catalogue that photographs are matched with: the built-in one, or a visitor's own."""

from __future__ import annotations

import json
import re
import weakref

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from imgsim_core.applications.products.catalogue import Catalogue
from imgsim_core.applications.products.matching import title_vectors
from imgsim_core.applications.products.reading import Reading
from imgsim_core.applications.products.sample_catalogue import sample_catalogue
from imgsim_core.applications.products.sources import from_uploads
from imgsim_core.applications.products.table import MOST_ROWS
from imgsim_core.methods.semantics import DEFAULT_MODEL
from imgsim_core.models.catalogue import Model, model_by_id
from imgsim_core.text import Text
from pages.parts import assets, cached, inputs, paging, receiving, tenancy
from pages.parts.language import code_span, plain, say, t
from pages.parts.oops import SORRY

_READING = "products_reading"
_UPLOAD = "products_catalogue"
_MOST_SHOWN = 30
_PAGE = 24  # products of a catalogue, shown at a time


class _Held:
    """A session's hold on what is being read: let go of, it stops."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        weakref.finalize(self, reading.stop)


def words(text: str, longest: int = 80) -> str:
    """Make a visitor's title harmless in markdown, without the look of code."""
    printable = "".join(letter for letter in text if letter.isprintable())[:longest]
    # What marks up stands for itself, and nothing that looks like an address becomes a link
    return re.sub(r"([:.@/])", "\\1\u2060", re.sub(r"([^\w\s:.@/]|_)", r"\\\1", printable))


def model() -> Model:
    """The model that catalogues are described by."""
    return model_by_id(DEFAULT_MODEL)


def style() -> None:
    """Put the page's style in, and the words that Streamlit does not translate."""
    uploaders = {
        "products_bring_catalogue": (
            Text("Choose CSV and pictures"),
            Text("a CSV and its pictures, or a zip · up to 20 MB each"),
        ),
        "products_bring_photographs": (
            Text("Choose photographs"),
            Text("one or many · up to 20 MB each"),
        ),
    }
    rules = [
        f".st-key-{key}{{--sim-button:{_quoted(button)};--sim-hint:{_quoted(hint)};}}"
        for key, (button, hint) in uploaders.items()
    ]
    st.html(f"<style>{assets.text('products.css')}{''.join(rules)}</style>")


def _quoted(words: Text) -> str:
    return json.dumps(plain(words), ensure_ascii=False)


def samples() -> Catalogue:
    """The built-in catalogue, shared by all visitors; the first call takes seconds."""
    return cached.memory().recall(
        ("products samples", DEFAULT_MODEL), lambda: sample_catalogue(model())
    )


def words_of(catalogue: Catalogue) -> NDArray[np.float32] | None:
    """Where the titles of a catalogue lie among words; None if they cannot be used."""
    found = cached.memory().recall(
        ("products titles", catalogue.digest), lambda: (title_vectors(catalogue),)
    )
    return found[0]


def is_own() -> bool:
    """Whether the visitor has brought a catalogue."""
    return _READING in st.session_state


def show_bar() -> Catalogue | None:
    """Draw which catalogue is in use and how to change it; None while one is being read."""
    held: _Held | None = st.session_state.get(_READING)
    if held is not None and held.reading.running:
        _progress(held.reading)
        return None
    catalogue = None if held is None else held.reading.catalogue
    if held is not None and catalogue is None:
        st.error(say(held.reading.problem or SORRY), icon=":material/error:")
        st.session_state.pop(_READING, None)
    if catalogue is None:
        with st.spinner(t("Reading the sample catalogue …")):
            catalogue = samples()
    _bar(catalogue)
    return catalogue


def _bar(catalogue: Catalogue) -> None:
    own = is_own()
    with (
        st.container(border=True, key="products_bar", gap="small"),
        st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ),
    ):
        with st.container(width="content", gap=None):
            name = code_span(catalogue.name) if own else t("Sample catalogue")
            counted = t("{count} products", count=f"{len(catalogue):,}")
            st.markdown(f":material/storefront: **{name}** · {counted}", width="content")
            about = (
                t("private · in memory only, gone with this session")
                if own
                else t("Products of nobody: photographs cut out, and packages drawn by us.")
            )
            st.caption(about, width="content")
        with st.container(horizontal=True, width="content", gap="small"):
            _look_inside(catalogue)
            _change(own)
    if own:
        _say_problems(catalogue)


def _look_inside(catalogue: Catalogue) -> None:
    inside = st.popover(
        t("Look inside"), icon=":material/grid_view:", on_change="rerun", key="products_inside"
    )
    if not inside.open:
        return
    with inside:
        pages = max(1, -(-len(catalogue) // _PAGE))
        number = paging.number("products_inside_page", pages)
        grid = st.grid("auto", min_column_width=110, gap="small")
        for place in range((number - 1) * _PAGE, min(number * _PAGE, len(catalogue))):
            product = catalogue.products[place]
            with grid.cell(), st.container(key=f"products_tile_{place}", gap="xsmall"):
                st.image(catalogue.pictures_of(place)[0].small, alt=product.title or product.sku)
                st.caption(code_span(product.sku, 16))
        if pages > 1:
            st.pagination(pages, key="products_inside_page")


def _change(own: bool) -> None:
    with st.popover(t("Your catalogue"), icon=":material/upload_file:", key="products_change"):
        st.markdown(
            t(
                "Bring a table (CSV) and its pictures, loose or in a zip. Columns are found by "
                "their names: **picture**, **sku**, **title**; any others are kept and shown. "
                "Without a table every picture is a product."
            )
        )
        with st.container(key="products_bring_catalogue"):
            st.file_uploader(
                t("Your catalogue"),
                type=[*inputs.TYPES, "csv", "tsv", "zip"],
                accept_multiple_files=True,
                key=receiving.key_of(_UPLOAD),
                label_visibility="collapsed",
                on_change=_receive,
            )
        st.caption(t("At most {most} products.", most=f"{MOST_ROWS:,}"))
        if own:
            st.button(t("Back to the sample catalogue"), on_click=_forget, icon=":material/undo:")


def _receive() -> None:
    files = receiving.take(_UPLOAD)
    if not files:
        return
    tables = (file.name for file in files if file.name.lower().endswith((".csv", ".tsv")))
    named = next(tables, files[0].name)
    uploads = [(file.name, file.getvalue()) for file in files]
    # What was read before gives its place to what comes
    st.session_state.pop(_READING, None)
    hold = tenancy.allowance().tally().add
    reading = Reading(named, from_uploads(uploads), model(), hold, tenancy.turns())
    st.session_state[_READING] = _Held(reading)


def _forget() -> None:
    st.session_state.pop(_READING, None)


def _progress(reading: Reading) -> None:
    """Draw how far reading has come, every second, until it ends."""

    @st.fragment(run_every=1.0)
    def told() -> None:
        if not reading.running:
            st.rerun()
        share = reading.done / reading.total if reading.total else 0.0
        waits = tenancy.waits_words() if reading.waits_for_others else ""
        said = waits or t(
            "Reading {name}: {done} of {total} pictures",
            name=code_span(reading.name),
            done=f"{reading.done:,}",
            total=f"{reading.total:,}" if reading.total else "…",
        )
        st.progress(min(1.0, share), text=said)
        st.button(
            t("Stop, and use what is there"),
            icon=":material/stop_circle:",
            key="products_stop",
            on_click=reading.stop,
            disabled=reading.stopping,
        )

    told()


def _say_problems(catalogue: Catalogue) -> None:
    if catalogue.stopped:
        st.warning(
            t("Reading was stopped: these are the products read by then."),
            icon=":material/stop_circle:",
        )
    if not catalogue.problems:
        return
    with st.expander(
        t("{count} things to know about your catalogue", count=len(catalogue.problems)),
        icon=":material/report:",
    ):
        lines = [f"- {say(problem)}" for problem in catalogue.problems[:_MOST_SHOWN]]
        left = len(catalogue.problems) - _MOST_SHOWN
        if left > 0:
            lines.append("- " + t("… and {count} more.", count=left))
        st.markdown("\n".join(lines))
