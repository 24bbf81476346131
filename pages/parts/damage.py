"""One picture and what is done to it: the choices, before and after, the curves, the files."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import streamlit as st
from PIL import Image

from imgsim_core import robustness
from imgsim_core.comparison import Question, Unavailable
from imgsim_core.distort import Damage, Kind, all_damages, damage_by_id
from imgsim_core.method import Family
from imgsim_core.picture import Picture
from imgsim_core.registry import spokesman
from imgsim_core.robustness import Applied, Curve
from imgsim_core.samples import all_samples
from imgsim_core.text import Text
from pages.parts import (
    cached,
    curves,
    inputs,
    links,
    meanings,
    own_methods,
    result,
    settings,
)
from pages.parts.language import plain, say, t

SLOT = "robust.picture"
_DAMAGES, _METHODS, _STRENGTH = "robust.damages", "robust.methods", "robust.strength."
_FIRST = "jpeg"
_MOST = 4  # damages at a time
_OPEN = "robust_another"  # whether the ways to bring another picture are shown


@dataclass(frozen=True)
class Trial:
    """Something worth trying, one click away: damages and how strong each one is."""

    id: str
    label: Text
    damages: tuple[tuple[str, float], ...]


TRIALS = (
    Trial("turned", Text("Turned a little"), (("turn", 15.0),)),
    Trial("moved", Text("Moved aside"), (("shift", 16.0),)),
    Trial("close", Text("Cut close"), (("crop", 40.0),)),
    Trial("hues", Text("Wrong colours"), (("hue", 90.0),)),
    Trial("dark", Text("In the dark"), (("darkness", 70.0), ("noise", 20.0))),
    Trial("passed-on", Text("Passed on many times"), (("jpeg", 90.0), ("downscale", 60.0))),
    Trial("mirrored", Text("Mirrored"), (("mirror", 1.0),)),
)


def show() -> None:
    """Draw the page below its title."""
    original = inputs.picture(SLOT, all_samples()[0].id)
    if original is None:
        return
    _show_trials()
    left, right = st.columns([2, 3], gap="large")
    with left:
        damages = _choose_damages()
        picture = robustness.working_copy(original)
        damaged = robustness.combined(picture, damages)
        _show_both(original, picture, damaged)
    with right:
        place = st.container()
        meanings.strictness_control(then=None)
        questions = _choose_methods()
    with place:
        found = _answers(picture, damages, questions)
        curves.show_headline(found, damages)
        curves.show_chart(found, damages)
        curves.show_how_to_read(picture, damages)
    table, files = st.columns([2, 1], gap="large")
    with table:
        curves.show_table(found, damages)
    with files:
        _show_files(original, damaged, damages, found)
        _show_missing(found)
    links.write()


# ── What to do to the picture ──────────────────────────────────────────────────────


def _show_trials() -> None:
    labels = {trial.id: plain(trial.label) for trial in TRIALS}
    st.pills(
        t("Try"),
        list(labels),
        format_func=labels.__getitem__,
        key="trial",
        on_change=_try,
        wrap=True,
    )


def _try() -> None:
    """Set what a trial names; its pill is free again, since sliders may move on from there."""
    trial = next((one for one in TRIALS if one.id == st.session_state["trial"]), None)
    st.session_state["trial"] = None
    if trial is None:
        return
    _put_damages([code for code, _ in trial.damages])
    for code, strength in trial.damages:
        settings.put(_STRENGTH + code, strength, damage_by_id(code).default)


def _damage_codes() -> list[str]:
    return str(settings.get(_DAMAGES, _FIRST)).split(",")[:_MOST]


def _put_damages(codes: list[str]) -> None:
    settings.put(_DAMAGES, ",".join(codes), _FIRST)


def _choose_damages() -> tuple[Applied, ...]:
    """Draw a row for each damage: the first grows along the curves, the others stay."""
    codes = _damage_codes()
    chosen = [_choose_damage(0, codes)]
    for index in range(1, len(codes)):
        with st.container(border=True):
            chosen.append(_choose_damage(index, codes))
            with st.container(horizontal=True, gap="medium"):
                st.button(
                    t("Draw the curves over this one"),
                    key=f"first_{index}",
                    type="tertiary",
                    icon=":material/swap_vert:",
                    on_click=_put_damages,
                    args=([codes[index], *codes[:index], *codes[index + 1 :]],),
                )
                st.button(
                    t("Remove"),
                    key=f"remove_{index}",
                    type="tertiary",
                    icon=":material/close:",
                    on_click=_put_damages,
                    args=([*codes[:index], *codes[index + 1 :]],),
                )
    with st.container(horizontal=True, gap="medium"):
        if len(codes) < _MOST:
            st.button(
                t("Add another damage"),
                key="add_damage",
                type="tertiary",
                icon=":material/add:",
                on_click=_put_damages,
                args=([*codes, next(one.id for one in _grouped() if one.id not in codes)],),
            )
        st.button(
            t("Another picture"),
            key="another_picture",
            type="tertiary",
            icon=":material/add_photo_alternate:",
            on_click=_open_or_close,
        )
    return tuple(chosen)


def _open_or_close() -> None:
    st.session_state[_OPEN] = not st.session_state.get(_OPEN, False)


def _grouped() -> list[Damage]:
    order = list(Kind)
    return sorted(all_damages(), key=lambda one: order.index(one.kind))


def _choose_damage(index: int, codes: list[str]) -> Applied:
    labels = {
        one.id: f"{plain(one.kind.value)} · {plain(one.label)}"
        for one in _grouped()
        if one.id == codes[index] or one.id not in codes
    }
    key = f"damage_{index}"
    st.session_state[key] = codes[index]
    st.selectbox(
        t("Damage") if index == 0 else t("And then"),
        list(labels),
        format_func=labels.__getitem__,
        key=key,
        on_change=_replace_damage,
        args=(index, key),
    )
    damage = damage_by_id(codes[index])
    st.caption(say(damage.help))
    return Applied(damage, _choose_strength(damage))


def _replace_damage(index: int, key: str) -> None:
    codes, code = _damage_codes(), st.session_state[key]
    # The row may have been removed in between, and a browser may name what is no damage
    if index < len(codes) and code in {one.id for one in all_damages()}.difference(codes):
        codes[index] = code
        _put_damages(codes)


def _choose_strength(damage: Damage) -> float:
    label, key = t("Strength"), _STRENGTH + damage.id
    if damage.is_switch:
        ends = {damage.low: t("Off"), damage.high: t("On")}
        return settings.bound(
            st.segmented_control,
            label,
            list(ends),
            format_func=ends.__getitem__,
            key=key,
            default=float(damage.default),
            required=True,
        )
    unit = plain(damage.unit).replace("%", "%%")
    decimals = 0 if damage.step >= 1 else 1
    return settings.bound(
        st.slider,
        label,
        float(damage.low),
        float(damage.high),
        step=float(damage.step),
        format=f"%.{decimals}f {unit}",
        key=key,
        default=float(damage.default),
    )


# ── Before and after ───────────────────────────────────────────────────────────────


def _show_both(original: Picture, picture: Picture, damaged: Picture) -> None:
    with st.container(key="slot_robust"):
        if st.session_state.get(_OPEN, False):
            inputs.show_ways_in(SLOT, t("Picture"))
        columns = st.columns(2, wrap=False, gap="small")
        both = ((t("Original"), picture), (t("Damaged"), damaged))
        for column, (name, shown) in zip(columns, both, strict=True):
            alt = f"{name}: {original.name}"
            column.image(cached.jpeg(shown.rgb, 92), width="stretch", caption=name, alt=alt)
        inputs.show_caption(t("Picture"), original)


# ── The methods and their answers ──────────────────────────────────────────────────


def _usual_methods() -> list[str]:
    return [spokesman(family).id for family in Family]


def _choose_methods() -> tuple[Question, ...]:
    """Draw the choice of methods; those whose model is not here cannot be chosen."""
    usual = _usual_methods()
    usable = [method for method in own_methods.all_methods() if method.availability() is None]
    labels = {method.id: f"{result.icon(method.family)} {plain(method.label)}" for method in usable}
    wanted = str(settings.get(_METHODS, ",".join(usual))).split(",")
    key = "robust_methods"
    st.session_state[key] = [code for code in labels if code in wanted]
    with st.expander(t("Choose the methods"), icon=":material/tune:"):
        st.pills(
            t("Methods"),
            list(labels),
            selection_mode="multi",
            format_func=labels.__getitem__,
            key=key,
            on_change=_put_methods,
            args=(key,),
            label_visibility="collapsed",
            wrap=True,
        )
        with st.container(horizontal=True, gap="medium"):
            for label, name, codes in (
                (t("All methods"), "all", list(labels)),
                (t("One of each notion"), "usual", usual),
            ):
                st.button(
                    label,
                    key=f"methods_{name}",
                    type="tertiary",
                    on_click=settings.put,
                    args=(_METHODS, ",".join(codes), ",".join(usual)),
                )
    return tuple(result.question(own_methods.method_by_id(code)) for code in st.session_state[key])


def _put_methods(key: str) -> None:
    chosen = [
        method.id for method in own_methods.all_methods() if method.id in st.session_state[key]
    ]
    settings.put(_METHODS, ",".join(chosen), ",".join(_usual_methods()))


def _answers(
    picture: Picture, damages: tuple[Applied, ...], questions: tuple[Question, ...]
) -> tuple[Curve | Unavailable, ...]:
    first, *also = damages
    strengths = {*robustness.strengths_of(first.damage), first.strength}
    # Later on the last chart stays until the next is ready: a skeleton would push it about
    is_first = st.session_state.setdefault("robust_first", True)
    st.session_state["robust_first"] = False
    with st.skeleton(height=curves.HEIGHT) if is_first else st.spinner(t("Measuring …")):
        return robustness.curves(
            questions,
            picture,
            first.damage,
            tuple(strengths),
            also=also,
            memory=cached.memory(),
        )


def _show_missing(found: tuple[Curve | Unavailable, ...]) -> None:
    """Say once which methods have no answer here, and why."""
    for reason in dict.fromkeys(one.reason for one in found if isinstance(one, Unavailable)):
        result.unavailable_sentence(reason)
    absent = [
        plain(one.label) for one in own_methods.all_methods() if one.availability() is not None
    ]
    if absent:
        st.caption(
            t(
                ":material/cloud_off: Their model is not on this server, so they are left out: "
                "{methods}.",
                methods=", ".join(absent),
            )
        )


# ── To take along ──────────────────────────────────────────────────────────────────


def _show_files(
    original: Picture,
    damaged: Picture,
    damages: tuple[Applied, ...],
    found: tuple[Curve | Unavailable, ...],
) -> None:
    drawn = [one for one in found if isinstance(one, Curve)]
    lines = {one.question.method.id: result.line(one.question) for one in drawn}
    first, *also = damages
    csv = partial(robustness.curves_as_csv, drawn, first.damage, lines)
    json = partial(robustness.curves_as_json, original, drawn, first.damage, also, lines)
    with st.container(horizontal=True, key="robust_files"):
        _button(t("Curves as {kind}", kind="CSV"), "imgsim-robustness.csv", "text/csv", csv)
        _button(
            t("Curves as {kind}", kind="JSON"), "imgsim-robustness.json", "application/json", json
        )
        _button(
            t("Damaged picture as {kind}", kind="PNG"),
            "imgsim-damaged.png",
            "image/png",
            partial(_png, damaged),
        )


def _button(label: str, name: str, mime: str, make: Callable[[], str | bytes]) -> None:
    st.download_button(
        label, make, name, mime, key=name, icon=":material/download:", on_click="ignore"
    )


def _png(picture: Picture) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture.rgb).save(stream, "PNG")
    return stream.getvalue()
