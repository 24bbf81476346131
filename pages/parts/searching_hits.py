"""The hits of a search: one wall, or several methods side by side with shared hits linked."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from imgsim_core.calibration import Meaning, Relation
from imgsim_core.comparison import Question
from imgsim_core.errors import ImgSimError, NoRoom
from imgsim_core.gallery.agreement import agreement
from imgsim_core.gallery.by_colours import SCALE as COLOUR_SCALE
from imgsim_core.gallery.entry import Entry, Filter
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.result import Hit, PictureAsked, Query, Result
from imgsim_core.gallery.search import search, verify
from imgsim_core.report import number_in_words, scale_in_words
from pages.parts import cached, inputs, lines, own_methods, searching, settings, tenancy, wall
from pages.parts.language import code_span, plain, say, t

HITS = 120
SIDE_BY_SIDE = 12
_AMONG = 10
_VERIFIED = 20
_KEPT = 8
_LIKELY = 0.9  # from here on two are said to belong together
_TOLD_FROM = 64  # pictures: fewer are compared before a bar could be read
_COLOURS = ("blue", "orange", "green", "violet", "red", "grey")
_RESULTS = "search_results"


def results(
    gallery: Gallery, asked: Query, where: Filter, verified: bool
) -> dict[str, Result | ImgSimError]:
    """Answer the query by every method chosen, or recall the answers."""
    codes = searching.methods(gallery, asked)
    count = HITS if len(codes) == 1 else 4 * SIDE_BY_SIDE
    return {code: _answer(gallery, asked, where, code, count, verified) for code in codes}


def _answer(
    gallery: Gallery, asked: Query, where: Filter, code: str, count: int, verified: bool
) -> Result | ImgSimError:
    kept: dict[Any, Result] = st.session_state.setdefault(_RESULTS, {})
    key = (
        gallery.store.address,
        gallery.name,
        gallery.info.created,
        gallery.store.version(gallery.name),
        searching.signature(asked),
        where,
        code,
        count,
        lines.strictness(),
    )
    place = st.empty()
    try:
        found = kept.get(key)
        if found is None:
            found = _searched(gallery, asked, where, code, count, place)
            kept[key] = found
        one = asked.only_picture
        if verified and one is not None:
            closer = (*key, "verified")
            if closer not in kept:
                with place, st.spinner(t("Looking for shared details …")):
                    kept[closer] = verify(gallery, one, found, cached.memory(), _VERIFIED)
            found = kept[closer]
    except ImgSimError as error:
        return error
    finally:
        place.empty()
        while len(kept) > _KEPT:
            kept.pop(next(iter(kept)))
    return found


def _searched(
    gallery: Gallery, asked: Query, where: Filter, code: str, count: int, place: Any
) -> Result:
    question = None
    if code != gallery.info.model:
        method = own_methods.method_by_id(code)
        question = Question(method, method.options())
    bars: list[Any] = []

    def told(done: int, total: int) -> None:
        if total < _TOLD_FROM:
            return
        text = t("Comparing: {done} of {total} pictures", done=done, total=total)
        if not bars:
            bars.append(place.progress(0.0, text=text))
        # Whatever the visitor clicks meanwhile ends this run here; what is described stays
        bars[0].progress(done / total, text=text)

    def ask() -> Result:
        return search(
            gallery,
            asked,
            count,
            where,
            question=question,
            strictness=lines.strictness(),
            memory=cached.memory(),
            told=told,
            stop=threading.Event(),
        )

    if not asked.words:
        return ask()
    with place, st.spinner(t("Understanding the words: the first time takes a few seconds …")):
        return ask()


# ── Drawing ────────────────────────────────────────────────────────────────────────


def show(gallery: Gallery, asked: Query, found: dict[str, Result | ImgSimError]) -> None:
    """Draw the results of one method as a wall, of several side by side."""
    if len(found) == 1:
        (result,) = found.values()
        if isinstance(result, ImgSimError):
            st.error(say(result.text), icon=":material/search_off:")
        else:
            _show_one(gallery, asked, result)
        return
    shared = _shared_numbers([one for one in found.values() if isinstance(one, Result)])
    _show_agreement(found)
    for column, (code, result) in zip(st.columns(len(found)), found.items(), strict=True):
        with column, st.container(key=f"search_by_{code}"):
            st.subheader(plain(own_methods.method_by_id(code).label))
            if isinstance(result, ImgSimError):
                st.error(say(result.text), icon=":material/search_off:")
            else:
                first = replace(result, hits=result.hits[:SIDE_BY_SIDE])
                _show_wall(gallery, asked, first, f"side_{code}", shared)
    st.caption(t("Equal numbers mark the same picture in several lists."))


def _show_one(gallery: Gallery, asked: Query, result: Result) -> None:
    if not result.hits:
        st.info(t("No picture meets these conditions."), icon=":material/filter_alt_off:")
        return
    st.markdown(f"**{_headline(result)}**")
    milliseconds = max(1, round(1000 * result.seconds))
    st.caption(
        t(
            "{method} · {count} pictures compared · {milliseconds} ms",
            method=result.label,
            count=f"{result.looked_at:,}",
            milliseconds=f"{milliseconds:,}",
        )
    )
    chance = _by_chance(result)
    if chance >= 1:
        numbers = {"count": f"{result.looked_at:,}", "chance": f"{chance:,}"}
        st.caption(
            t(
                ":material/casino: Among {count} pictures of other groups about {chance} come "
                "this far by chance. A stricter line lets fewer in.",
                **numbers,
            )
            if _is_taught(result)
            else t(
                ":material/casino: Among {count} unrelated pictures about {chance} come this far "
                "by chance. A stricter line lets fewer in.",
                **numbers,
            )
        )
    for note in result.notes:
        st.caption(f":material/info: {say(note)}")
    _show_wall(gallery, asked, result, "hits", {})


def _by_chance(result: Result) -> int:
    """Unrelated pictures that a measured line is expected to let pass among so many."""
    if result.guess is not None or result.question is None or not result.standing_out:
        return 0
    return round(result.looked_at * lines.strictness().value / 100)


def _headline(result: Result) -> str:
    count = result.standing_out
    if count is None:
        return t("The closest pictures, the best first.")
    if _is_by_colours(result):
        return _headline_by_colours(count)
    if _is_taught(result):
        return _headline_as_taught(count)
    if count == 0:
        return t("Probably nothing here matches. These come closest.")
    if count == 1:
        return t("1 picture is probably related.")
    if count == len(result.hits):
        return t("All {count} pictures shown are probably related.", count=count)
    return t("{count} pictures are probably related.", count=count)


def _headline_by_colours(count: int) -> str:
    if count == 0:
        return t("No picture holds half of these colours. These come closest.")
    if count == 1:
        return t("1 picture holds at least half of these colours.")
    return t("{count} pictures hold at least half of these colours.", count=count)


def _headline_as_taught(count: int) -> str:
    if count == 0:
        return t("Nothing here is alike as you taught it. These come closest.")
    if count == 1:
        return t("1 picture is alike as you taught it.")
    return t("{count} pictures are alike as you taught it.", count=count)


def _show_wall(
    gallery: Gallery, asked: Query, result: Result, key: str, shared: dict[str, int]
) -> None:
    if not result.hits:
        st.info(t("No picture meets these conditions."), icon=":material/filter_alt_off:")
        return
    divider = None
    if result.standing_out is not None and result.standing_out < len(result.hits):
        divider = (result.standing_out, _divider(result))
    version = abs(hash((searching.signature(asked), result.hits[0].entry.digest))) % 10**8
    wall.show(
        gallery,
        [hit.entry for hit in result.hits],
        [_caption(hit, result, shared, place) for place, hit in enumerate(result.hits)],
        key=f"{key}_{version}",
        helps=[_exact(hit, result) for hit in result.hits],
        beneath=lambda place, entry: _controls(gallery, asked, f"{key}_{place}", entry),
        divider=divider,
    )


def _is_by_colours(result: Result) -> bool:
    return result.scale is COLOUR_SCALE


def _is_taught(result: Result) -> bool:
    return result.question is not None and result.question.method.on_vectors is not None


def _divider(result: Result) -> str:
    if _is_taught(result):
        return f":material/arrow_downward: **{t('Not alike as you taught it, from here on')}**"
    if _is_by_colours(result):
        return f":material/arrow_downward: **{t('Less than half of these colours below')}**"
    said = f":material/arrow_downward: **{t('Probably unrelated below')}**"
    return said if result.guess is None else f"{said} · {say(result.guess)}"


def _caption(hit: Hit, result: Result, shared: dict[str, int], place: int) -> str:
    badge = ""
    if hit.entry.digest in shared:
        number = shared[hit.entry.digest]
        badge = f":{_COLOURS[(number - 1) % len(_COLOURS)]}-badge[{number}] "
    name = code_span(hit.entry.name.rpartition("/")[2], 17)
    is_below = result.standing_out is not None and place >= result.standing_out
    words = _in_words(hit, result, is_below)
    return f"{badge}**{words}**  \n{name}" if words else f"{badge}{name}"


def _in_words(hit: Hit, result: Result, is_below: bool) -> str:
    if hit.same_file:
        return t("The same file")
    if hit.details:
        return t("{count} details agree", count=hit.details)
    if _is_by_colours(result):
        return t("{share} % of these colours", share=f"{100 * hit.value:.0f}")
    if hit.own is not None:
        return _short_as_taught(hit.own.belongs, is_below)
    return "" if hit.meaning is None else _short(hit.meaning, is_below)


def _short_as_taught(belongs: float, is_below: bool) -> str:
    """Whether two belong together; below the line of a whole gallery nothing is sure to."""
    if belongs >= _LIKELY and not is_below:
        return t("Belongs together")
    if belongs >= 0.5:
        return t("Perhaps together")
    return t("Rather apart") if belongs > 1 - _LIKELY else t("Apart")


def _short(meaning: Meaning, is_below: bool) -> str:
    """The likeliest relation; all that are possible stand behind the question mark.

    The meaning takes all relations for equally common. Below the line of a whole gallery
    they are not: nearly all that is left there is unrelated.
    """
    if is_below and Relation.UNRELATED in meaning.stated:
        return t("Probably unrelated")
    if len(meaning.stated) == len(Relation):
        return t("Cannot tell")
    likeliest = say(meaning.likeliest.label)
    if meaning.stated == (meaning.likeliest,):
        return likeliest
    return t("Perhaps: {relation}", relation=likeliest)


def _exact(hit: Hit, result: Result) -> str:
    number = number_in_words(hit.value, result.scale)
    said = [
        t(
            "{method}: {number} ({scale})",
            method=result.label,
            number=number,
            scale=scale_in_words(result.scale),
        )
    ]
    if hit.meaning is not None:
        said.append(say(hit.meaning.verdict))
    if hit.own is not None:
        said.append(say(hit.own.verdict))
    said.append(
        t("{width} × {height} pixels", width=hit.entry.width, height=hit.entry.height)
        + f" · {hit.entry.format}"
    )
    return "\n\n".join(said)


def _controls(gallery: Gallery, asked: Query, key: str, entry: Entry) -> None:
    with st.container(horizontal=True, gap="small", key=f"hit_{key}"):
        st.button(
            t("More like this"),
            key=f"more_{key}",
            type="tertiary",
            on_click=searching.more_like,
            args=(gallery, entry.digest),
        )
        plus = next((one for one in asked.pictures if one.weight > 0), None)
        if plus is not None and plus.digest != entry.digest:
            if st.button(t("Why?"), key=f"why_{key}", type="tertiary"):
                _compare(gallery, plus, entry)
        elif asked.words:
            st.button(
                t("Less like this"),
                key=f"less_{key}",
                type="tertiary",
                on_click=searching.choose,
                args=(gallery, entry.digest, searching.MINUS),
            )


def _compare(gallery: Gallery, plus: PictureAsked, entry: Entry) -> None:
    mine = searching.opened(gallery, plus)
    theirs = searching.opened(gallery, PictureAsked(entry.digest))
    if mine is None or theirs is None:
        st.toast(t("One of the two pictures cannot be opened any more."))
        return
    try:
        tenancy.hold(theirs)
        if plus.picture is None:  # else it is held already, or one of the samples
            tenancy.hold(mine)
    except NoRoom as error:
        st.error(say(error.text), icon=":material/error:")
        return
    inputs.bring_pair(mine, theirs)
    st.switch_page("../compare.py")


# ── Several methods ────────────────────────────────────────────────────────────────


def _shared_numbers(found: Sequence[Result]) -> dict[str, int]:
    """Number the pictures that stand in more than one list, in the order of the first."""
    seen: dict[str, int] = {}
    for result in found:
        for hit in result.hits[:SIDE_BY_SIDE]:
            seen[hit.entry.digest] = seen.get(hit.entry.digest, 0) + 1
    several = [digest for digest, times in seen.items() if times > 1]
    return {digest: number for number, digest in enumerate(several, 1)}


def _show_agreement(found: dict[str, Result | ImgSimError]) -> None:
    lists = {
        code: [hit.entry.digest for hit in result.hits]
        for code, result in found.items()
        if isinstance(result, Result)
    }
    codes = list(lists)
    for i, first in enumerate(codes):
        for second in codes[i + 1 :]:
            both = agreement(lists[first], lists[second], _AMONG)
            names = " · ".join(
                plain(own_methods.method_by_id(one).label) for one in (first, second)
            )
            st.markdown(
                f"**{names}**: {say(both.sentence)}",
                help=t(
                    "Rank-biased overlap {overlap}: 1 for the same order, 0 for nothing shared.",
                    overlap=f"{both.overlap:.2f}",
                ),
            )


def wants_verifying(asked: Query) -> bool:
    """Draw the switch for a closer look, where there is one picture to look with."""
    if asked.only_picture is None:
        return False
    return bool(
        settings.bound(
            st.toggle,
            t("Check for shared details"),
            key=searching.VERIFY,
            default=False,
            help=t(
                "Looks at the first {count} hits for the same spots in the same arrangement, "
                "and puts those that have them first: the same object or scene.",
                count=_VERIFIED,
            ),
        )
    )
