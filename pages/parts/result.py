"""The answer for a pair: the agreement line and one tile a family, each with its line."""

from __future__ import annotations

import html
from collections.abc import Sequence
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import streamlit as st

from imgsim_core import background, lanes
from imgsim_core.comparison import Question, Score, Unavailable
from imgsim_core.errors import ImgSimError
from imgsim_core.method import Family, Method, Scale
from imgsim_core.picture import Picture
from imgsim_core.registry import spokesman
from imgsim_core.report import number_in_words
from imgsim_core.text import Text
from pages.parts import cached, cutting_pair, lines, links, meanings, pairing, settings
from pages.parts.language import plain, say, t
from pages.parts.lines import is_alike, line

_ICONS = {
    Family.COLOUR: ":material/palette:",
    Family.STRUCTURE: ":material/grid_on:",
    Family.TEXTURE: ":material/texture:",
    Family.KEYPOINTS: ":material/join_inner:",
    Family.HASHES: ":material/fingerprint:",
    Family.SEMANTICS: ":material/psychology:",
}


_AHEAD = "described_ahead"
_AT_ONCE = 0.05  # seconds: shorter waits are not worth a placeholder


def icon(family: Family) -> str:
    """Material icon of a family, as markdown."""
    return _ICONS[family]


def question(method: Method) -> Question:
    """Ask a method with the options the visitor has set."""
    chosen = {}
    for field in method.option_fields:
        value = settings.get(links.option_key(method, field.name), field.default)
        chosen[field.name] = value
    return Question(method, method.options_from(chosen))


def number(value: float, scale: Scale) -> str:
    """A value of a scale as people read it, unit included."""
    shown = number_in_words(value, scale)
    return f"{shown} {plain(scale.unit)}" if scale.unit else shown


def scale_words(scale: Scale) -> str:
    """Ends and direction of a scale, in words."""
    ends = {"identical": number(scale.identical, scale), "opposite": number(scale.opposite, scale)}
    if scale.higher_is_alike:
        return t(
            "{identical} = identical, {opposite} = nothing in common. Higher is more alike.", **ends
        )
    return t(
        "{identical} = identical, {opposite} = nothing in common. Lower is more alike.", **ends
    )


def line_slider(asked: Question, then: list[str] | None = None) -> None:
    """Draw the slider that moves a method's line; only the named fragments run again, or all."""
    scale = asked.method.scale_with(asked.options)
    low, high = (float(end) for end in sorted(scale.axis))
    step = 10.0**-scale.decimals
    label = (
        t("Alike from this value up") if scale.higher_is_alike else t("Alike from this value down")
    )
    settings.bound(
        st.slider,
        label,
        low,
        high,
        step=step,
        format=f"%.{scale.decimals}f",
        key=lines.key(asked.method, asked.options),
        default=lines.usual(asked),
        then=then,
    )


def bar(score: Score) -> None:
    """Draw where a score lies between nothing in common and identical, with the line."""
    scale = score.scale
    # Numbers grow to the right, as on the slider below; the band is the side that is alike.
    place, mark = (
        100 * (one if scale.higher_is_alike else 1 - one)
        for one in (scale.position(score.value), scale.position(line(score.question)))
    )
    label = html.escape(
        t(
            "{value} on a scale where {words}",
            value=number(score.value, scale),
            words=scale_words(scale),
        )
    )
    ends = [html.escape(words) for words in _end_words(scale)]
    band = f"left:{mark:.1f}%;right:0"
    if not scale.higher_is_alike:
        ends.reverse()
        band = f"left:0;width:{mark:.1f}%"
    tone = "yes" if is_alike(score) else "no"
    st.html(
        f'<div class="sim-bar {tone}" role="img" aria-label="{label}">'
        f'<div class="track"><i class="band" style="{band}"></i>'
        f'<i class="mark" style="left:{mark:.1f}%"></i>'
        f'<i class="dot" style="left:{place:.1f}%"></i></div>'
        f'<div class="ends"><span>{ends[0]}</span><span>{ends[1]}</span></div></div>'
    )


def _end_words(scale: Scale) -> tuple[str, str]:
    """Words at the opposite and the identical end of the bar: a number where it stops short."""
    apart, alike = scale.axis
    farther, nearer = ("≤", "≥") if scale.higher_is_alike else ("≥", "≤")
    return (
        t("nothing in common") if apart == scale.opposite else f"{farther} {number(apart, scale)}",
        t("identical") if alike == scale.identical else f"{nearer} {number(alike, scale)}",
    )


def beside(score: Score, a: Picture, b: Picture) -> None:
    """Where cut-outs are compared, show what the whole pictures score."""
    whole_a, whole_b = cutting_pair.whole_of(a), cutting_pair.whole_of(b)
    if whole_a is a and whole_b is b:
        return
    before = cached.memory().ask(score.question, whole_a, whole_b)
    if isinstance(before, Score):
        words = t(
            "With background {before} → without {after}",
            before=number(before.value, score.scale),
            after=number(score.value, score.scale),
        )
        st.markdown(f":material/content_cut: {words}")


def verdict_badge(score: Score) -> None:
    """Say on which side of the line a score lies: colour, icon and words."""
    alike = is_alike(score)
    words = say(score.question.method.verdict(alike))
    if alike:
        st.badge(words, icon=":material/check_circle:", color="green")
    else:
        st.badge(words, icon=":material/do_not_disturb_on:", color="gray")


def describe_ahead(picture: Picture) -> None:
    """Begin to describe a picture that waits for the other: half of the answer is there then."""
    if st.session_state.get(_AHEAD) == picture.digest:
        return
    st.session_state[_AHEAD] = picture.digest
    memory = cached.memory()
    questions = [question(spokesman(family)) for family in Family]

    def describe() -> None:
        for asked in questions:
            if background.leaving():
                return
            lanes.current().check()
            if asked.method.availability() is None:
                with suppress(ImgSimError):  # said where it is asked about a pair
                    memory.describe(asked.method, asked.options, picture)

    background.in_background(describe, "describing ahead", lanes.current())


def show_overview(a: Picture, b: Picture) -> None:
    """Draw the agreement line and the tiles; they fill in as the answers come.

    Each tile is a fragment of its own, and so is the agreement: a line that moves draws
    those two again and leaves the rest of the page alone.
    """
    memory = cached.memory()
    pool = ThreadPoolExecutor(2, initializer=lanes.joined())
    try:
        answers: dict[Family, Future[Score | Unavailable]] = {
            family: pool.submit(memory.ask, question(spokesman(family)), a, b) for family in Family
        }
        found = pool.submit(pairing.verdict, a, b, memory)
        # What is remembered is there at once: nothing to wait for, so nothing that flickers.
        late = futures.wait([*answers.values(), found], timeout=_AT_ONCE).not_done
        agreement = st.container(key="agreement").empty()
        if found in late:
            agreement.skeleton(height=92)
        meanings.strictness_control()
        grid = st.grid("auto", min_column_width=300, gap="small", border=True)
        slots = {family: grid.cell().empty() for family in Family}
        for family, answer in answers.items():
            if answer in late:
                slots[family].skeleton(height=240)
        for family, answer in answers.items():
            answer.result()
            with slots[family].container():
                st.fragment(_show_tile, key=_tile(family))(family, a, b)
        found.result()
    finally:
        # Who clicks elsewhere ends this run here, and waits for what has begun only
        pool.shutdown(cancel_futures=True)
    with agreement.container():
        st.fragment(_show_verdict, key="agreed")(a, b)
    links.write()


def _tile(family: Family) -> str:
    return f"tile_{family.value}"


def _show_verdict(a: Picture, b: Picture) -> None:
    memory = cached.memory()
    pairing.show(pairing.verdict(a, b, memory), a)
    _show_agreement([memory.ask(question(spokesman(family)), a, b) for family in Family])
    links.write()


def _show_tile(family: Family, a: Picture, b: Picture) -> None:
    answer = cached.memory().ask(question(spokesman(family)), a, b)
    method = answer.question.method
    st.markdown(f"#### {icon(family)} {say(family.label)}")
    st.caption(say(family.question))
    if isinstance(answer, Unavailable):
        unavailable_sentence(answer.reason)
        return
    meanings.show(answer)
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.markdown(f"### {number(answer.value, answer.scale)}")
        verdict_badge(answer)
    bar(answer)
    beside(answer, a, b)
    st.caption(f"{say(method.label)} · {scale_words(answer.scale)}")
    looked_at = settings.get("look", Family.STRUCTURE.value) == family.value
    line_slider(answer.question, then=["agreed", _tile(family), *(["closer"] if looked_at else [])])
    st.button(
        t("Show why"),
        key=f"why_{family.value}",
        icon=":material/search:",
        type="tertiary",
        on_click=_look,
        args=(family,),
    )


def _look(family: Family) -> None:
    settings.put("look", family.value, Family.STRUCTURE.value)
    st.session_state["scroll"] = st.session_state.get("scroll", 0) + 1
    st.rerun(["closer", "export"])


def _show_agreement(answers: Sequence[Score | Unavailable]) -> None:
    """Say which families agree, and why some do not."""
    scores = [answer for answer in answers if isinstance(answer, Score)]
    alike = [score for score in scores if is_alike(score)]
    unlike = [score for score in scores if not is_alike(score)]
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(_agreement(len(alike), len(scores)))
        for score in (*alike, *unlike):
            verdict_badge(score)
    fewer = alike if len(alike) <= len(unlike) else unlike
    if alike and unlike:
        with st.expander(t("Why do they disagree?"), icon=":material/help:"):
            for score in fewer:
                family = score.question.method.family
                st.markdown(f"- {icon(family)} {say(family.dissent(is_alike(score)))}")


def _agreement(alike: int, total: int) -> str:
    if alike == total:
        return t("Alike in every way we measure.")
    if alike == 0:
        return t("Alike in none of the ways we measure.")
    return t("Alike in {alike} of {all} ways:", alike=alike, all=total)


def unavailable_sentence(reason: Text) -> None:
    """Say why a method has no answer; the rest of the page stands."""
    st.info(say(reason), icon=":material/cloud_off:")
