"""What was found of an object: outlines on the scene, each find beside the object, how sure."""

from __future__ import annotations

import cv2
import numpy as np
import streamlit as st

from imgsim_core.applications.objects.finding import (
    Box,
    Find,
    Found,
    chance,
    straightened,
)
from imgsim_core.method import Matches
from imgsim_core.picture import Picture
from imgsim_core.text import Text
from pages.parts import cached, charts, inputs
from pages.parts.language import say, t

_SIDE = 1000
_COLOURS = ((213, 94, 0), (0, 114, 178), (0, 158, 115), (204, 121, 167), (230, 159, 0))
_MOST_CARDS = 8


def show_scene(scene: Picture, found: Found | None) -> None:
    """Draw the scene with a numbered outline around each find, and say what was found."""
    finds = () if found is None else found.finds
    digest = (scene.digest, *(one.outline.tobytes() for one in finds))
    shown = cached.memory().recall(("outlined", digest), lambda: _outlined(scene, finds))
    alt = t("The scene with {count} outlines", count=len(finds)) if finds else t("The scene")
    st.image(shown, width="stretch", alt=alt)
    if found is None:
        return
    with st.container(key="objects_verdict"):
        icon = ":material/task_alt:" if found.finds else ":material/search_off:"
        st.markdown(f"### {icon} {say(found.verdict)}")
        if found.advice is not None:
            st.info(say(found.advice), icon=":material/lightbulb:")
        _show_how_sure(found)


def _outlined(scene: Picture, finds: tuple[Find, ...]) -> bytes:
    base = cached.reduced(scene.rgb, _SIDE).copy()
    scale = base.shape[1] / scene.width
    width = max(2, round(max(base.shape[:2]) / 250))
    for number, one in enumerate(finds, 1):
        colour = _COLOURS[(number - 1) % len(_COLOURS)]
        ring = np.rint(one.outline * scale).astype(np.int32)
        cv2.polylines(base, [ring], True, (255, 255, 255), width + 4, cv2.LINE_AA)
        cv2.polylines(base, [ring], True, colour, width, cv2.LINE_AA)
    for number, one in enumerate(finds, 1):
        colour = _COLOURS[(number - 1) % len(_COLOURS)]
        radius = max(9, round(max(base.shape[:2]) / 45))
        middle = one.outline.mean(axis=0) * scale
        x, y = np.clip(middle, radius, np.array(base.shape[1::-1]) - radius).astype(int).tolist()
        cv2.circle(base, (x, y), radius, (255, 255, 255), -1, cv2.LINE_AA)
        cv2.circle(base, (x, y), radius - 2, colour, -1, cv2.LINE_AA)
        size = radius / 18
        (wide, high), _ = cv2.getTextSize(str(number), cv2.FONT_HERSHEY_SIMPLEX, size, 2)
        cv2.putText(
            base,
            str(number),
            (x - wide // 2, y + high // 2),
            cv2.FONT_HERSHEY_SIMPLEX,
            size,
            (255, 255, 255),
            2,
            cv2.LINE_AA,
        )
    return cached.jpeg(base)


def show_each(found: Found, the_object: Picture, scene: Picture, own: Box | None) -> None:
    """Draw each find beside the object, with the details that agree.

    `own` is where the object itself is in the scene, if it was cut out of it.
    """
    if found.same_picture:
        return
    shown = found.finds[:_MOST_CARDS]
    if not shown:
        return
    grid = st.grid("auto", min_column_width=300, gap="small")
    for number, one in enumerate(shown, 1):
        with grid.cell(), st.container(border=True, key=f"objects_find_{number}", gap="small"):
            _show_find(number, one, the_object, scene, own)
    if len(found.finds) > _MOST_CARDS:
        st.caption(t("The first {count} are shown one by one.", count=_MOST_CARDS))
    number = 1
    if len(shown) > 1:
        number = st.segmented_control(
            t("Details of which find"),
            list(range(1, len(shown) + 1)),
            default=1,
            key=f"objects_which_{the_object.digest[:8]}_{scene.digest[:8]}",
            required=True,
        )
    _show_lines(shown[number - 1], the_object, scene)


def _show_how_sure(found: Found) -> None:
    counts = t(
        "{object} details on the object, {scene} in the scene; {alike} of those look like one "
        "of the object's.",
        object=found.object_details,
        scene=found.scene_details,
        alike=found.looked_alike,
    )
    if found.same_picture:
        st.caption(counts)
        return
    if not found.finds:
        st.caption(
            counts
            + " "
            + t(
                "They lie in no common arrangement. An object that is small in the scene, "
                "smooth, bent, mostly covered or seen from far aside can be missed."
            )
        )
        return
    known = chance(found.finds[-1].agreeing)
    sure = t(
        "How sure: in {pairs} pairs of unrelated photographs, {reached} false finds reached as "
        "many details as the weakest find here. Their true rate is at most {rate} % (95 % sure).",
        pairs=f"{known.pairs:,}",
        reached=known.reached,
        rate=f"{100 * known.at_most:.1f}",
    )
    st.caption(f"{counts} {sure}")


def _show_find(
    number: int, one: Find, the_object: Picture, scene: Picture, own: Box | None
) -> None:
    words = [t("{count} details agree", count=one.agreeing)]
    words.append(t("{factor} times as large", factor=f"{one.growth:.2g}"))
    turn = round(one.turn)
    if turn:
        sense = t("turned {degrees}° clockwise", degrees=turn)
        back = t("turned {degrees}° anticlockwise", degrees=-turn)
        words.append(sense if turn > 0 else back)
    if one.mirrored:
        words.append(t("mirrored"))
    if own is not None and _is_own(one, own, scene):
        words.append(t("where you drew it"))
    st.markdown(f"**{number}** · {' · '.join(words)}")
    crop = straightened(scene, one, the_object)
    left, right = st.columns(2, wrap=False, gap="small")
    left.image(cached.preview(the_object, 500), width="stretch", alt=t("The object"))
    left.caption(t("The object"))
    right.image(
        cached.preview(crop, 500),
        width="stretch",
        alt=t("Find {number}, laid straight", number=number),
    )
    right.caption(t("The find, laid straight"))
    if st.button(
        t("Compare the two"),
        key=f"objects_compare_{number}",
        icon=":material/compare:",
        type="tertiary",
    ):
        inputs.bring_pair(the_object, crop)
        st.switch_page("../compare.py")


def _show_lines(one: Find, the_object: Picture, scene: Picture) -> None:
    evidence = Matches(
        title=Text("The details that agree"),
        points_a=one.points_object,
        points_b=one.points_scene,
        verified=np.ones(len(one.points_object), np.bool_),
        outline=one.outline,
        mirrored=one.mirrored,
    )
    charts.show(evidence, the_object, scene, key="objects_lines")


def _is_own(one: Find, own: Box, scene: Picture) -> bool:
    left, top, right, bottom = own
    middle = one.outline.mean(axis=0) / (scene.width, scene.height)
    near = np.abs(middle - ((left + right) / 2, (top + bottom) / 2))
    return bool((near < 0.03).all() and 0.8 < one.growth < 1.25)
