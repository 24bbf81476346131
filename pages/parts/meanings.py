"""What a score means, in words and as a bar from unrelated to edited copy."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

from imgsim_core import calibration
from imgsim_core.calibration import Meaning, Relation
from imgsim_core.comparison import Score
from imgsim_core.method import Examples
from imgsim_core.own_examples import own_meaning
from pages.parts import lines, settings
from pages.parts.language import plain, say, t


def strictness_control(then: Sequence[str] | None = ("overview", "closer")) -> None:
    """Draw the one control that moves every line to the same share of false alarms.

    `then` names the fragments to run again; None runs the one the control is in.
    """
    labels = {code: plain(one.label) for code, one in lines.STRICTNESSES.items()}
    settings.bound(
        st.segmented_control,
        t("How strict?"),
        list(labels),
        key="strict",
        default=lines.USUAL,
        format_func=labels.__getitem__,
        required=True,
        help=t(
            "Moves every line at once: of 100 unrelated pairs, about {loose} pass a loose line, "
            "{normal} a normal one, {strict} a strict one. You can still move each line.",
            loose=f"{calibration.Strictness.LOOSE.value:g}",
            normal=f"{calibration.Strictness.NORMAL.value:g}",
            strict=f"{calibration.Strictness.STRICT.value:g}",
        ),
        before=lines.forget_all,
        then=then,
    )


def of(score: Score) -> Meaning | None:
    """Meaning of a score; where it was never measured, measuring begins behind the page."""
    reference = calibration.background_reference(score.question)
    return None if reference is None else calibration.meaning_by(reference, score.value)


def show(score: Score) -> None:
    """Draw the verdict in words, the bar, and how unusual the score is."""
    if score.question.method.examples is not None:
        _show_own(score, score.question.method.examples)
        return
    meaning = of(score)
    if meaning is None:
        _await(score)
        return
    st.markdown(f"**{say(meaning.verdict)}**")
    _bar(meaning)
    st.caption(_percentile(meaning))
    if meaning.coarse:
        st.caption(f":material/info: {say(meaning.provenance)}")


def _show_own(score: Score, examples: Examples) -> None:
    """Draw what a score means by the groups that the visitor taught."""
    own = own_meaning(examples, score.value)
    st.markdown(f"**{say(own.verdict)}**")
    apart, together = t("apart"), t("together")
    shares = (("unrelated", apart, 1 - own.belongs), ("copy", together, own.belongs))
    segments = [
        f'<i class="{name} {"stated" if share >= 0.5 else ""}" style="flex:{share:.3f}"'
        f' title="{words}: {share:.0%}"><span>{words if share > 0.3 else ""}</span></i>'
        for name, words, share in ((one, html.escape(two), three) for one, two, three in shares)
    ]
    label = html.escape(f"{apart} {1 - own.belongs:.0%}, {together} {own.belongs:.0%}")
    st.html(f'<div class="sim-meaning" role="img" aria-label="{label}">{"".join(segments)}</div>')
    st.caption(
        t(
            "More alike than {different} % of pairs from different groups, and than {same} % of "
            "pairs from one group.",
            different=_percent(own.beyond_different),
            same=_percent(own.beyond_same),
        )
    )
    st.caption(
        ":material/info: " + t("By your own groups: pairs that were kept out of the lesson.")
    )


def _percentile(meaning: Meaning) -> str:
    share = meaning.beyond_unrelated
    if share >= 0.5:
        return t("More alike than {share} % of unrelated pairs.", share=_percent(share))
    return t("Less alike than {share} % of unrelated pairs.", share=_percent(1 - share))


def _percent(share: float) -> str:
    """Percent that never claims all or none of what was measured."""
    percent = 100 * share
    if percent > 99.9:
        return "99.9"
    if percent < 0.1:
        return "0.1"
    return f"{percent:.0f}" if 1 <= percent < 99 else f"{percent:.1f}"


def _bar(meaning: Meaning) -> None:
    segments, words = [], []
    labels = {relation: html.escape(plain(relation.label)) for relation in Relation}
    for relation, label in labels.items():
        share = meaning.likelihoods[relation]
        words.append(f"{label} {share:.0%}")
        stated = "stated" if relation in meaning.stated else ""
        segments.append(
            f'<i class="{relation.value} {stated}" style="flex:{max(share, 0.004):.3f}"'
            f' title="{label}: {share:.0%}"><span>{label if share > 0.35 else ""}</span></i>'
        )
    label = html.escape(t("How likely each relation is:")) + " " + ", ".join(words)
    farthest, *_, nearest = labels.values()
    st.html(
        f'<div class="sim-meaning" role="img" aria-label="{label}">{"".join(segments)}</div>'
        f'<div class="sim-ends"><span>{farthest}</span><span>{nearest}</span></div>'
    )


def _await(score: Score) -> None:
    reason = calibration.why_unmeasured(score.question)
    if reason is None:
        st.fragment(_watch, run_every=1.5)(score)
    else:
        st.caption(t("What this number means could not be measured: {why}", why=reason))


def _watch(score: Score) -> None:
    """Say how far measuring is; who waits begins as soon as there is room."""
    if of(score) is not None or calibration.why_unmeasured(score.question) is not None:
        st.rerun()
    if calibration.waits_its_turn(score.question):
        words = t("Measuring what this number means waits its turn: others come first …")
    else:
        words = t("Measuring what this number means with these options, on the built-in pictures …")
    st.caption(f":material/hourglass_top: {words}")
