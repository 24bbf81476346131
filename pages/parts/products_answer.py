"""What a catalogue says to one photograph: the verdict, the product, why, and what else."""

from __future__ import annotations

import html

import numpy as np
import streamlit as st

from imgsim_core.applications.products.catalogue import Catalogue
from imgsim_core.applications.products.looks import plain_ground
from imgsim_core.applications.products.matching import (
    Answer,
    Match,
    Verdict,
    Weights,
    agreeing,
    judging,
    match,
    subject_of,
    verdict_on,
)
from imgsim_core.method import Matches, Method
from imgsim_core.methods.colour import HistogramOptions, dominant_colours
from imgsim_core.picture import Picture
from imgsim_core.text import Text
from pages.parts import cached, charts, products_catalogue, products_weights
from pages.parts.language import code_span, plain, say, t

CANDIDATES = 6
_LOOKS = {
    Verdict.SAME: ("green", ":material/check_circle:"),
    Verdict.OTHER_COLOUR: ("blue", ":material/palette:"),
    Verdict.KIND: ("orange", ":material/category:"),
    Verdict.ABSENT: ("gray", ":material/block:"),
}
_MASKED = HistogramOptions(background="mask")


def answer_for(catalogue: Catalogue, photograph: Picture) -> Answer:
    """Match a photograph as the visitor has set it, or recall the answer."""
    return answered(
        catalogue,
        photograph,
        products_weights.by_cutout(),
        products_weights.by_titles(),
        products_weights.weights(),
        products_weights.notion(),
    )


def answered(
    catalogue: Catalogue,
    photograph: Picture,
    cutout: bool,
    titles: bool,
    weights: Weights,
    notion: Method | None = None,
) -> Answer:
    """Match a photograph, or recall the answer; any thread may ask."""
    asked = (cutout, titles, weights, None if notion is None else notion.id)
    return cached.memory().recall(
        ("products answer", catalogue.digest, photograph.digest, *asked),
        lambda: match(
            photograph,
            catalogue,
            products_catalogue.model(),
            cached.memory(),
            words=products_catalogue.words_of(catalogue) if titles else None,
            cutout=cutout,
            weights=weights,
            notion=notion,
            count=CANDIDATES,
        ),
    )


def badge(verdict: Verdict) -> str:
    """Markdown of a verdict: colour, icon and words."""
    colour, icon = _LOOKS[verdict]
    return f":{colour}-badge[{icon} {plain(verdict.label)}]"


def show(catalogue: Catalogue, photograph: Picture, key: str = "one") -> None:
    """Draw everything about one photograph."""
    with st.spinner(t("Comparing with {count} products …", count=f"{len(catalogue):,}")):
        answer = answer_for(catalogue, photograph)
    best = answer.matches[answer.best]
    with st.container(key=f"products_result_{key}", border=True):
        left, right = st.columns(2, gap="medium")
        with left, st.container(key=f"products_photo_{key}", gap="xsmall"):
            _show_photograph(photograph)
        with right, st.container(key=f"products_best_{key}", gap="small"):
            _show_best(catalogue, answer, best)
    for note in answer.notes:
        st.caption(f":material/info: {say(note)}")
    if answer.verdict is not Verdict.ABSENT:
        _show_evidence(catalogue, photograph, best, key)
    _show_others(catalogue, answer, key)
    _show_exact(catalogue, answer, key)


def _show_photograph(photograph: Picture) -> None:
    if products_weights.by_cutout():
        shown = cached.memory().recall(
            ("products dimmed", photograph.digest), lambda: cached.jpeg(_dimmed(photograph))
        )
    else:
        shown = cached.preview(photograph)
    st.image(shown, width="stretch", alt=t("Photograph") + f": {photograph.name}")
    st.caption(f"{t('Photograph')} {code_span(photograph.name)}")


def _dimmed(photograph: Picture) -> np.ndarray:
    """The photograph with its background faded, where a subject was found."""
    cutout, _ = subject_of(photograph)
    rgb = photograph.rgb
    if cutout is not None:
        faded = (0.4 * rgb.astype(np.float32) + 0.6 * 200).astype(np.uint8)
        rgb = np.where(cutout.mask[..., None], rgb, faded)
    return cached.reduced(rgb, 700)


def _show_best(catalogue: Catalogue, answer: Answer, best: Match) -> None:
    st.markdown(badge(answer.verdict))
    product = catalogue.products[best.product]
    st.markdown(_sentence(answer, best))
    if answer.verdict is Verdict.ABSENT:
        st.caption(t("The nearest product is below, to be sure."))
    st.image(
        catalogue.pictures[best.picture].small, width="stretch", alt=product.title or product.sku
    )
    st.markdown(f"**{_title(product.title, product.sku)}**  \n{t('SKU')} {code_span(product.sku)}")
    if product.more:
        st.caption(
            " · ".join(
                f"{products_catalogue.words(name, 30)}: {products_catalogue.words(said, 60)}"
                for name, said in product.more
            )
        )


def _title(title: str, sku: str) -> str:
    return products_catalogue.words(title or sku)


def _sentence(answer: Answer, best: Match) -> str:
    """What the verdict rests on, in words."""
    if answer.verdict is Verdict.ABSENT:
        return t("Nothing in the catalogue is likely to be this product.")
    if answer.verdict is Verdict.OTHER_COLOUR:
        return t("Form and kind agree, the colours do not: perhaps another variant of it.")
    if best.details:
        said = t("{count} details were found again in the same arrangement.", count=best.details)
    elif answer.verdict is Verdict.SAME:
        said = t("No print to compare, but colours, shape and meaning agree.")
    else:
        said = t("It looks like this kind of product; nothing shows that it is this very one.")
    return said if answer.sure else f"{said} {t('**Please look at it yourself.**')}"


# ── Why ────────────────────────────────────────────────────────────────────────────


def _show_evidence(catalogue: Catalogue, photograph: Picture, best: Match, key: str) -> None:
    shown = catalogue.pictures[best.picture]
    why = st.expander(
        t("Why? Details and colours side by side"),
        icon=":material/search_insights:",
        on_change="rerun",
        key=f"products_why_{key}",
    )
    if not why.open:
        return
    with why, st.container(key=f"evidence_products_{key}"):
        product = shown.opened()
        found = agreeing(photograph, shown, cached.memory())
        if found.count:
            evidence = Matches(
                title=Text("Details in common"),
                points_a=found.points_a,
                points_b=found.points_b,
                verified=found.verified,
                outline=found.outline,
            )
            charts.show(evidence, product, photograph, key=f"products_matches_{key}")
        else:
            st.caption(t("No details agree in their arrangement: smooth things have none."))
        _show_colours(photograph, product)


def _show_colours(photograph: Picture, product: Picture) -> None:
    cutout = subject_of(photograph)[0] if products_weights.by_cutout() else None
    rows = []
    for label, picture, mask in (
        (t("Photograph"), photograph, None if cutout is None else cutout.mask),
        (t("Catalogue"), product, plain_ground(product)),
    ):
        subject = Picture(picture.rgb, picture.digest, picture.name, (), mask)
        colours, shares = dominant_colours(subject, _MASKED)
        cells = "".join(
            f'<i style="flex:{share:.4f};background:rgb({r},{g},{b})" title="{share:.0%}"></i>'
            for (r, g, b), share in zip(colours.tolist(), shares.tolist(), strict=True)
        )
        rows.append(f'<div class="sim-swatches"><span>{html.escape(label)}</span>{cells}</div>')
    st.markdown(f"**{t('Colours of the subject')}**")
    st.html("".join(rows))


# ── What else ──────────────────────────────────────────────────────────────────────


def _show_others(catalogue: Catalogue, answer: Answer, key: str) -> None:
    st.subheader(t("In order of likeness"))
    notion = products_weights.notion()
    if notion is not None:
        st.caption(
            ":material/school: "
            + t(
                "In this order {notion} stands for what the network sees. The verdict does not "
                "follow it.",
                notion=notion.label,
            )
        )
    grid = st.grid("auto", min_column_width=165, gap="small")
    for rank, one in enumerate(answer.matches, 1):
        product = catalogue.products[one.product]
        with grid.cell(), st.container(key=f"products_other_{key}_{rank}", gap="xsmall"):
            small = catalogue.pictures[one.picture].small
            st.image(small, width="stretch", alt=product.title or product.sku)
            st.caption(
                f"**{rank}.** {_relation(one)}  \n{_title(product.title, product.sku)}  \n"
                f"{code_span(product.sku, 24)}"
            )


def _relation(one: Match) -> str:
    """What a product is to the photograph, in words."""
    verdict = verdict_on(one)
    return t("Another product") if verdict is Verdict.ABSENT else say(verdict.label)


def _show_exact(catalogue: Catalogue, answer: Answer, key: str) -> None:
    exact = st.expander(
        t("Exact numbers, and how far to trust them"),
        icon=":material/functions:",
        on_change="rerun",
        key=f"products_exact_{key}",
    )
    if not exact.open:
        return
    with exact:
        columns = {
            "sku": t("SKU"),
            "same": t("Same product"),
            "kind": t("Same kind of product"),
            "semantics": t("Meaning"),
            "words": t("Title"),
            "colour": t("Colours"),
            "shape": t("Shape"),
            "details": t("Details in common"),
        }
        if any(one.taught is not None for one in answer.matches):
            columns["taught"] = t("As you taught it")
        rows = [
            {
                columns["sku"]: catalogue.products[one.product].sku,
                columns["same"]: f"{one.same:.0%}",
                columns["kind"]: f"{one.kind:.0%}",
                columns["semantics"]: f"{one.semantics:.2f}",
                columns["words"]: "–" if one.words is None else f"{one.words:.2f}",
                columns["colour"]: f"{one.colour:.2f}",
                columns["shape"]: f"{one.shape:.2f}",
                columns["details"]: "–" if one.details is None else f"{one.details:,}",
                **({} if one.taught is None else {columns["taught"]: f"{one.taught:.2f}"}),
            }
            for one in answer.matches
        ]
        st.dataframe(rows, hide_index=True, width="stretch")
        st.caption(
            t(
                "Meaning, title, colours and shape: 1 is the same, 0 nothing in common (a title "
                "can be below). The two chances come from all parts together, by a rule fitted "
                "on pairs of known truth."
            )
        )
        if "taught" in columns:
            st.caption(
                t(
                    "As you taught it: a cosine, -1 to 1; 1 is the same. It counts in the order "
                    "only, in place of the network's meaning."
                )
            )
        _show_trust()


def _show_trust() -> None:
    """How the rule did on photographs that it was not fitted on."""
    found = judging().provenance
    if "reported" not in found:
        return
    measured = found["reported"]
    st.caption(
        t(
            "On {count} photographs kept apart, half of them of products that were taken out of "
            "the catalogue: of those said to be the same product {same} % were, of those said "
            "not to be in the catalogue {absent} % were not, and {missed} % of what was taken "
            "out was called the same product.",
            count=measured["photographs"],
            same=f"{100 * measured['same_right']:.0f}",
            absent=f"{100 * measured['absent_right']:.0f}",
            missed=f"{100 * measured['absent_called_same']:.0f}",
        )
    )
