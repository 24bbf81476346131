"""Siamese networks explained, live: two branches, the same weights, one number."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable
from functools import cache

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from imgsim_core.comparison import Question, Score
from imgsim_core.errors import ImgSimError
from imgsim_core.method import Family, Method
from imgsim_core.models.catalogue import Model, model_by_id
from imgsim_core.models.encoder import encode, framed
from imgsim_core.picture import Picture
from imgsim_core.samples import all_samples, open_sample
from pages.parts import assets, cached, lines, own_methods, result, settings
from pages.parts.language import plain, say, t

_A, _B = "siamese.a", "siamese.b"
_USUAL = {_A: "motorcycle-left", _B: "motorcycle-right"}
_CELLS = 64  # numbers of a row that are drawn
_SIDE = 144  # of what a branch sees, on the screen
_PLUS, _MINUS = (213, 94, 0), (0, 114, 178)
_AGREE, _DISAGREE = (0, 158, 115), (204, 121, 167)
_STRONG = 2.5  # standard deviations that are drawn in full colour

Row = NDArray[np.float32]


def link_settings() -> dict[str, Callable[[str], str | None]]:
    """How a link's text becomes the two pictures."""
    known = {sample.id for sample in all_samples()}
    return {key: lambda text: text if text in known else None for key in (_A, _B)}


def show() -> None:
    """Explain the two branches with two pictures of the visitor's choice, then teaching."""
    st.html(f"<style>{assets.text('siamese.css')}</style>")
    with st.container(border=True, key="siamese"):
        _show_all()


def _show_all() -> None:
    st.subheader(t("How a network learns what is alike: twin branches"), anchor="siamese")
    st.markdown(
        t(
            "Both pictures go through **the same network**, so it is called Siamese, after the "
            "twins. It turns each picture into a row of numbers. Pictures that are alike should "
            "get rows that are alike, and how alike two rows are is one number."
        )
    )
    method = _base()
    if method is None:
        st.info(t("No learned model is on this server, so there is nothing to watch at work."))
    else:
        _show_branches(method)
    _show_teaching()


def _base() -> Method | None:
    """First learned model that can be used here."""
    usable = (one for one in own_methods.methods_of(Family.SEMANTICS) if one.on_vectors is None)
    return next((one for one in usable if one.availability() is None), None)


# ── Two branches at work ───────────────────────────────────────────────────────────


@st.fragment
def _show_branches(method: Method) -> None:
    model = model_by_id(method.id)
    labels = {sample.id: plain(sample.label) for sample in all_samples()}
    columns = st.columns(2)
    names = {_A: t("Picture of branch A"), _B: t("Picture of branch B")}
    chosen = [
        settings.bound(
            column.selectbox,
            names[key],
            list(labels),
            key=key,
            default=_USUAL[key],
            format_func=labels.__getitem__,
        )
        for key, column in zip((_A, _B), columns, strict=True)
    ]
    a, b = (open_sample(one) for one in chosen)
    try:
        with st.spinner(t("Both pictures go through the network …")):
            rows = [_cells(model, picture) for picture in (a, b)]
    except ImgSimError as error:  # its weights are there, but cannot be used
        result.unavailable_sentence(error.text)
        return
    score = cached.memory().ask(Question(method, method.options()), a, b)
    if not isinstance(score, Score):
        result.unavailable_sentence(score.reason)
        return
    st.html(
        '<div class="sim-twins">'
        + "".join(
            f'<img class="see {branch}" src="{_seen(model, picture)}" '
            f'alt="{html.escape(t("What branch {branch} sees", branch=branch.upper()))}">'
            for branch, picture in (("a", a), ("b", b))
        )
        + "".join(f'<span class="to {place}">→</span>' for place in ("pa", "pb", "qa", "qb"))
        + f'<div class="net"><b>{html.escape(t("the same network"))}</b>'
        f"<span>{html.escape(plain(model.label))}</span>"
        f"<small>{html.escape(t('the same weights'))}</small></div>"
        + "".join(
            _strip(row, branch, t("Row of numbers of branch {branch}", branch=branch.upper()))
            for branch, row in zip(("a", "b"), rows, strict=True)
        )
        + f'<div class="times">{html.escape(t("where the two rows agree"))}</div>'
        + _strip(rows[0] * rows[1], "both", t("Where the two rows agree"), _AGREE, _DISAGREE)
        + "</div>"
    )
    st.caption(
        t(
            "The row has {dimension} numbers; drawn are {cells} sums of them, each with signs "
            "drawn once by lot, so that the colours agree as far as the rows do. Orange is above "
            "zero, blue below; green where both rows go the same way, pink where they go apart.",
            dimension=model.dimension,
            cells=_CELLS,
        )
    )
    _show_number(score, say(method.label))
    for taught in own_methods.taught()[-1:]:
        answer = cached.memory().ask(Question(taught, taught.options()), a, b)
        if isinstance(answer, Score):
            _show_number(answer, say(taught.label))


def _show_number(score: Score, name: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            t(
                "**{value}** is the cosine of the two rows by {name}",
                value=result.number(score.value, score.scale),
                name=name,
            )
        )
        result.verdict_badge(score)
    result.bar(score)
    line = result.number(lines.line(score.question), score.scale)
    st.caption(
        t("{scale} The line is at {line}.", scale=result.scale_words(score.scale), line=line)
    )


def _seen(model: Model, picture: Picture) -> str:
    data = cached.memory().recall(
        ("siamese-seen", model.id, picture.digest),
        lambda: cached.jpeg(cached.reduced(framed(model, picture, model.framing), _SIDE)),
    )
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"


def _cells(model: Model, picture: Picture) -> Row:
    """Reduce a picture's vector to a few sums that keep the cosine, about."""
    found: Row = cached.memory().recall(
        ("siamese-cells", model.id, picture.digest),
        lambda: _signs(model.dimension) @ encode(model, (picture,), model.framing)[0],
    )
    return found


@cache
def _signs(dimension: int) -> Row:
    """Draw signs by lot, the same every time, as Achlioptas 2003 does.

    See https://doi.org/10.1016/S0022-0000(03)00025-4.
    """
    drawn = np.random.default_rng(1).integers(2, size=(_CELLS, dimension))
    return np.asarray(2 * drawn - 1, np.float32)


def _strip(
    row: Row,
    place: str,
    label: str,
    plus: tuple[int, int, int] = _PLUS,
    minus: tuple[int, int, int] = _MINUS,
) -> str:
    strengths = np.clip(np.abs(row) / (float(row.std()) or 1.0) / _STRONG, 0.06, 1)
    colours = (",".join(map(str, plus if value > 0 else minus)) for value in row)
    cells = "".join(
        f'<i style="background:rgba({colour},{alpha:.2f})"></i>'
        for colour, alpha in zip(colours, strengths, strict=True)
    )
    return f'<div class="row {place}" role="img" aria-label="{html.escape(label)}">{cells}</div>'


# ── Teaching pulls and pushes ──────────────────────────────────────────────────────


def _show_teaching() -> None:
    st.subheader(t("How teaching pulls and pushes"), anchor="pulls-and-pushes")
    st.markdown(
        t(
            "Nobody tells the network what to look for, only which pictures belong together. It "
            "changes its weights, the same in both branches, until the rows agree with that. On "
            "the page Teach the large network stays as it is, and a small layer on top of it "
            "learns: that takes seconds."
        )
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.html(_drawing(_CONTRASTIVE, t("Two pictures of a group pulled together, two apart")))
        st.markdown(
            t(
                "**Contrastive:** two of a group are pulled together. Two of different groups are "
                "pushed apart until they are outside the ring, then left alone."
            )
        )
    with right:
        st.html(_drawing(_TRIPLET, t("A picture, one of its group, and one of another group")))
        st.markdown(
            t(
                "**Triplet:** a picture must be nearer to one of its own group than to one of "
                "another, by a margin. Who keeps the margin is left alone."
            )
        )
    st.page_link("../teach.py", label=t("Teach it your own alike"), icon=":material/school:")
    with st.expander(t("The formulas"), icon=":material/function:"):
        st.latex(r"u = f(x_A),\quad v = f(x_B),\quad s = \frac{u \cdot v}{\|u\|\,\|v\|}")
        st.markdown(
            t(
                "f is the network, in both branches with the same weights. Taught on a page, it is "
                "the model's row x and a small layer: U, D and b are all that is learned."
            )
        )
        st.latex(r"f(x) = \frac{x + U D x + b}{\|x + U D x + b\|}")
        st.markdown(
            t("Contrastive, over pairs of one group and pairs of two; triplet, over threes:")
        )
        st.latex(r"L = \overline{(1 - s_{same})} + \overline{\max(0,\ s_{different})}")
        st.latex(r"L = \overline{\max(0,\ \|u - u_{own}\| - \|u - u_{other}\| + 0.2)}")
        st.caption(
            "[Bromley 1993](https://doi.org/10.1142/S0218001493000339) · "
            "[Hadsell 2006](https://doi.org/10.1109/CVPR.2006.100) · "
            "[Schroff 2015](https://doi.org/10.1109/CVPR.2015.7298682)"
        )


# Middle greys and colours that show on light and on dark ground
_OWN, _OTHER, _LINE = "#009E73", "#D55E00", "#8a9290"
_HEADS = (
    f'<marker id="g" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="5" markerHeight="5" '
    f'orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" fill="{_OWN}"/></marker>'
    f'<marker id="o" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="5" markerHeight="5" '
    f'orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" fill="{_OTHER}"/></marker>'
)
_PULL = f'stroke="{_OWN}" stroke-width="3" marker-end="url(#g)"'
_PUSH = f'stroke="{_OTHER}" stroke-width="3" marker-end="url(#o)"'
_RING = f'fill="none" stroke="{_LINE}" stroke-width="1.5" stroke-dasharray="5 5"'
_CONTRASTIVE = (
    f'<circle cx="140" cy="80" r="62" {_RING}/>'
    f'<path d="M52 42L112 67" {_PULL}/><path d="M172 98L210 122" {_PUSH}/>'
    f'<circle cx="140" cy="80" r="11" fill="{_OWN}"/><circle cx="38" cy="36" r="11" fill="{_OWN}"/>'
    f'<rect x="152" y="84" width="19" height="19" rx="3" fill="{_OTHER}"/>'
    f'<rect x="262" y="28" width="19" height="19" rx="3" fill="{_OTHER}" opacity=".45"/>'
)
_TRIPLET = (
    f'<circle cx="90" cy="84" r="46" {_RING}/><circle cx="90" cy="84" r="76" {_RING}/>'
    f'<path d="M196 30L118 70" {_PULL}/><path d="M150 108L206 128" {_PUSH}/>'
    f'<circle cx="90" cy="84" r="11" fill="{_OWN}" stroke="{_LINE}" stroke-width="3"/>'
    f'<circle cx="210" cy="24" r="11" fill="{_OWN}"/>'
    f'<rect x="128" y="94" width="19" height="19" rx="3" fill="{_OTHER}"/>'
)


def _drawing(shapes: str, label: str) -> str:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 164">{_HEADS}{shapes}</svg>'
    address = f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
    return f'<img class="sim-sketch" src="{address}" alt="{html.escape(label)}">'
