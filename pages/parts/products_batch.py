"""Many photographs: a table of matches, a list of those to look at, and a CSV of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from imgsim_core.applications.products.batch import (
    NOBODY,
    Outcome,
    outcomes_as_csv,
    to_review,
)
from imgsim_core.applications.products.catalogue import Catalogue
from imgsim_core.applications.products.matching import Answer, Verdict
from imgsim_core.errors import ImgSimError
from imgsim_core.picture import Picture
from pages.parts import cached, charts, products_answer, products_catalogue, products_photographs
from pages.parts.language import code_span, plain, say, t

_DECISIONS = "products_decisions"
_STOPPED = "products_stopped"  # what was asked for, and how many of it were answered
_DONE = "products_done"
_SMALL = 120  # pixels of the long side, in the table


def show(catalogue: Catalogue, photographs: Sequence[Picture]) -> None:
    """Draw the batch: progress, the queue, the table, the download."""
    products_photographs.say_failed()
    answers = _answers(catalogue, photographs)
    outcomes: list[Outcome] = [*answers, *products_photographs.failed()]
    decisions = _decisions(catalogue)
    waiting = to_review(outcomes, decisions)
    with st.container(horizontal=True, vertical_alignment="center", key="products_summary"):
        st.markdown(
            t(
                "**{count} photographs** · {sure} settled · {waiting} to look at",
                count=len(answers),  # those left out are told above
                sure=len(answers) - len(waiting),
                waiting=len(waiting),
            )
        )
        st.download_button(
            t("Matches as CSV"),
            lambda: outcomes_as_csv(outcomes, catalogue, decisions).encode("utf-8-sig"),
            "imgsim-matches.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            key="products_csv",
        )
    opened = {photograph.digest: photograph for photograph in photographs}
    if waiting:
        _review(catalogue, waiting[0], opened[waiting[0].digest], len(waiting))
    elif answers:
        st.success(t("Nothing left to look at."), icon=":material/task_alt:")
    _table(catalogue, answers, decisions, opened)
    _closer(catalogue, opened)


def _decisions(catalogue: Catalogue) -> dict[str, str]:
    """SKU by photograph, as the visitor decided for this catalogue."""
    every: dict[str, dict[str, str]] = st.session_state.setdefault(_DECISIONS, {})
    return every.setdefault(catalogue.digest, {})


def _answers(catalogue: Catalogue, photographs: Sequence[Picture]) -> list[Answer]:
    """Match one after the other; what is done stays, whatever the visitor clicks meanwhile."""
    place = st.container()
    answers: list[Answer] = []
    asked = (catalogue.digest, *(one.digest for one in photographs))
    stopped_of, most = st.session_state.get(_STOPPED, (None, 0))
    stopped = stopped_of == asked  # other photographs were not stopped
    if stopped:
        with place.container(horizontal=True, vertical_alignment="center"):
            st.warning(t("Matching was stopped."), icon=":material/stop_circle:")
            st.button(t("Go on"), on_click=_go_on, icon=":material/play_arrow:")
    bar = place.empty()
    button = place.empty()
    st.session_state[_DONE] = 0
    for number, photograph in enumerate(photographs):
        if stopped and number >= most:
            break
        said = t("{done} of {count} photographs", done=number, count=len(photographs))
        bar.progress(number / len(photographs), text=said)
        if number == 0:
            button.button(
                t("Stop"),
                on_click=_stop,
                args=(asked,),
                icon=":material/stop_circle:",
                key="products_halt",
            )
        try:
            answers.append(products_answer.answer_for(catalogue, photograph))
        except ImgSimError as error:
            st.error(say(error.text), icon=":material/error:")
            break
        st.session_state[_DONE] = number + 1
    bar.empty()
    button.empty()
    return answers


def _stop(asked: tuple[str, ...]) -> None:
    st.session_state[_STOPPED] = asked, int(st.session_state[_DONE])


def _go_on() -> None:
    st.session_state.pop(_STOPPED, None)


# ── The queue ──────────────────────────────────────────────────────────────────────


def _review(catalogue: Catalogue, answer: Answer, photograph: Picture, left: int) -> None:
    with st.container(border=True, key="products_review"):
        st.markdown(f":material/rate_review: **{t('Please decide')}** · {t('{n} left', n=left)}")
        mine, theirs = st.columns([2, 3], gap="medium")
        with mine:
            st.image(
                cached.preview(photograph, 500),
                width="stretch",
                alt=f"{t('Photograph')}: {photograph.name}",
            )
            # No caption: that would fade the badge
            st.markdown(f"{code_span(photograph.name)} {products_answer.badge(answer.verdict)}")
            st.button(
                t("None of these: not in the catalogue"),
                icon=":material/block:",
                key=f"products_none_{answer.digest[:12]}",
                on_click=_decide,
                args=(catalogue, answer.digest, NOBODY),
                width="stretch",
            )
        with theirs:
            grid = st.grid("auto", min_column_width=130, gap="small")
            for rank, one in enumerate(answer.matches):
                product = catalogue.products[one.product]
                with grid.cell(), st.container(key=f"products_pick_{rank}", gap="xsmall"):
                    st.image(
                        catalogue.pictures[one.picture].small,
                        width="stretch",
                        alt=product.title or product.sku,
                    )
                    st.caption(products_catalogue.words(product.title or product.sku, 40))
                    st.button(
                        t("It is this one"),
                        key=f"products_take_{answer.digest[:12]}_{rank}",
                        type="primary" if rank == answer.best else "secondary",
                        on_click=_decide,
                        args=(catalogue, answer.digest, product.sku),
                        width="stretch",
                    )
            skus = [product.sku for product in catalogue.products]
            titles = {product.sku: product.title for product in catalogue.products}
            st.selectbox(
                t("Another product"),
                skus,
                index=None,
                format_func=lambda sku: f"{sku} · {titles[sku]}" if titles[sku] else sku,
                placeholder=t("Search by SKU or title"),
                key=f"products_other_{answer.digest[:12]}",
                on_change=_decide_other,
                args=(catalogue, answer.digest),
            )


def _decide(catalogue: Catalogue, digest: str, sku: str) -> None:
    _decisions(catalogue)[digest] = sku


def _decide_other(catalogue: Catalogue, digest: str) -> None:
    sku = st.session_state.get(f"products_other_{digest[:12]}")
    if sku is not None:
        _decide(catalogue, digest, sku)


def _undo(catalogue: Catalogue) -> None:
    decided = _decisions(catalogue)
    if decided:
        decided.popitem()


# ── The table ──────────────────────────────────────────────────────────────────────


def _table(
    catalogue: Catalogue,
    answers: Sequence[Answer],
    decisions: dict[str, str],
    opened: dict[str, Picture],
) -> None:
    if not answers:
        return
    places = {product.sku: place for place, product in enumerate(catalogue.products)}
    head = {
        "photograph": t("Photograph"),
        "name": t("File name"),
        "verdict": t("Verdict"),
        "product": t("Product"),
        "sku": t("SKU"),
        "title": t("Title"),
        "by": t("Decided by"),
    }
    rows = []
    for one in answers:
        sku, verdict = _outcome(one, catalogue, decisions)
        product = catalogue.products[places[sku]] if sku else None
        rows.append(
            {
                head["photograph"]: _small(opened[one.digest]),
                head["product"]: _of_product(catalogue, places[sku]) if sku else "",
                head["verdict"]: plain(verdict.label),
                head["sku"]: sku,
                head["title"]: product.title if product is not None else "",
                head["by"]: _by(one, decisions),
                head["name"]: one.name,
            }
        )
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.subheader(t("All photographs"))
        if decisions:
            st.button(
                t("Undo the last decision"),
                icon=":material/undo:",
                on_click=_undo,
                args=(catalogue,),
                key="products_undo",
            )
    pictured = st.column_config.ImageColumn(width="small")
    st.dataframe(
        rows,
        hide_index=True,
        width="stretch",
        row_height=64,
        column_config={head["photograph"]: pictured, head["product"]: pictured},
        key="products_table",
    )


def _outcome(one: Answer, catalogue: Catalogue, decisions: dict[str, str]) -> tuple[str, Verdict]:
    found = "" if one.verdict is Verdict.ABSENT else _best_sku(one, catalogue)
    decided = decisions.get(one.digest, found)
    if decided == found:
        return found, one.verdict
    return decided, Verdict.SAME if decided else Verdict.ABSENT


def _best_sku(one: Answer, catalogue: Catalogue) -> str:
    return catalogue.products[one.matches[one.best].product].sku


def _by(one: Answer, decisions: dict[str, str]) -> str:
    if one.digest in decisions:
        return t("You")
    return t("The program") if one.sure else t("Nobody yet")


def _small(photograph: Picture) -> str:
    return charts.data_url(cached.preview(photograph, _SMALL))


def _of_product(catalogue: Catalogue, place: int) -> str:
    shown = catalogue.pictures_of(place)[0]
    small = cached.memory().recall(
        ("products small", shown.digest),  # of each row, at every run: not opened again
        lambda: cached.jpeg(cached.reduced(shown.opened().rgb, _SMALL)),
    )
    return charts.data_url(small)


def _closer(catalogue: Catalogue, opened: dict[str, Picture]) -> None:
    names = Counter(one.name for one in opened.values())
    labels = {  # of two with one label only the first could be chosen
        digest: one.name if names[one.name] == 1 else f"{one.name} · {place}"
        for place, (digest, one) in enumerate(opened.items(), 1)
    }
    chosen = st.selectbox(
        t("Look at one photograph more closely"),
        list(labels),
        index=None,
        format_func=labels.__getitem__,
        placeholder=t("Choose a photograph"),
        key="products_closer",
    )
    if chosen is not None:
        products_answer.show(catalogue, opened[chosen], key="closer")
