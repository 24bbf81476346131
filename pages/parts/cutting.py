"""Cut-outs on a page: what was found, and an editor to correct it; for any page.

`cutout_of` gives the cut-out of a picture, `show_editor` draws it and lets the visitor put it
right by a box and strokes. Both go by a `key`, so that a page may have several.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import cv2
import numpy as np
import streamlit as st

from imgsim_core.cutout import AS_SEEN, Correction, Cutout, cut_out
from imgsim_core.errors import NoSubject
from imgsim_core.picture import Picture
from imgsim_core.text import Text
from pages.parts import assets, cached, charts
from pages.parts.language import say, t

_CUT = assets.component("cut")
DRAWN = "cut_drawn"  # steps by place: kept while an editor is not on show
_MOST_PLACES, _MOST_STEPS, _MOST_POINTS = 40, 80, 100
_VEIL_SIDE = 900
_VEIL = (255, 255, 255, 190)  # over what is left out: white, so that any subject stands out
_EDGE = (0, 94, 213, 255)  # BGRA

Step = dict[str, Any]


def cutout_of(picture: Picture, *, key: str) -> Cutout | None:
    """Cut-out of a picture as the visitor has corrected it; None if there is no subject.

    Parameters
    ----------
    picture : Picture
    key : str
        Of the editor it is corrected in.
    """
    answer = found(picture, correction_of(picture, key=key))
    return answer if isinstance(answer, Cutout) else None


def correction_of(picture: Picture, *, key: str) -> Correction:
    """What the visitor has drawn on a picture in the editor with this key."""
    place = _place(picture, key)
    told = st.session_state.get(place)
    drawn = None if told is None else told.get("drawn")
    if drawn is not None:
        _keep(place, drawn)
    return correction_from(_steps_of(place))


def show_editor(picture: Picture, *, key: str) -> Correction:
    """Draw a picture with its cut-out, and the tools to correct it.

    Parameters
    ----------
    picture : Picture
    key : str
        The editor's, unique on its page.

    Returns
    -------
    Correction
        What is drawn now; `cutout_of` with the same key takes it into account.
    """
    correction = correction_of(picture, key=key)
    answer = found(picture, correction)
    place = _place(picture, key)
    _CUT(
        key=place,
        data={
            "turn": place,
            "steps": _steps_of(place),
            "url": charts.data_url(cached.preview(picture)),
            "mask": _overlay(picture, answer) if isinstance(answer, Cutout) else None,
            "alt": t("The picture with its cut-out laid over it"),
            "words": _words(),
        },
        default={"drawn": None},
        on_drawn_change=lambda: None,
    )
    _show_facts(answer)
    return correction


def found(picture: Picture, correction: Correction) -> Cutout | Text:
    """Cut-out of a picture, or why there is none; worked out once, from any thread."""

    def make() -> Cutout | Text:
        try:
            return cut_out(picture, correction)
        except NoSubject as error:
            return error.text

    return cached.memory().recall(("cut-out", picture.digest, correction), make)


def _show_facts(found: Cutout | Text) -> None:
    if isinstance(found, Text):
        st.warning(say(found), icon=":material/crop_free:")
        return
    share = f"{100 * found.share:.0f}"
    st.caption(t("Cut out {way}. It covers {share} % of the picture.", way=found.way, share=share))
    if found.doubt is not None:
        st.warning(say(found.doubt), icon=":material/help:")
    if found.note is not None:
        st.caption(f":material/info: {say(found.note)}")


def _words() -> dict[str, str]:
    return {
        "tools": t("Correct the cut-out"),
        "keep": t("This belongs"),
        "drop": t("This does not"),
        "box": t("Box"),
        "undo": t("Undo"),
        "clear": t("Clear"),
        "sides": t("Set the box by its four sides"),
        "left": t("Left"),
        "top": t("Top"),
        "right": t("Right"),
        "bottom": t("Bottom"),
    }


# ── What was drawn ─────────────────────────────────────────────────────────────────


def _place(picture: Picture, key: str) -> str:
    return f"{key}_{picture.digest[:16]}"


def _steps_of(place: str) -> list[Step]:
    return list(st.session_state.get(DRAWN, {}).get(place, ()))


def _keep(place: str, drawn: Any) -> None:
    """Remember what a browser says was drawn, as far as it can be."""
    steps = drawn.get("steps") if isinstance(drawn, dict) else None
    if not isinstance(steps, list) or drawn.get("turn") != place:
        return
    kept: dict[str, list[Step]] = st.session_state.setdefault(DRAWN, {})
    kept.pop(place, None)
    kept[place] = [step for step in map(checked_step, steps[-_MOST_STEPS:]) if step is not None]
    while len(kept) > _MOST_PLACES:
        kept.pop(next(iter(kept)))


def checked_step(step: Any) -> Step | None:
    """A step as it may be used: of a known kind, few points, each within the picture."""
    if not isinstance(step, dict) or step.get("kind") not in ("keep", "drop", "box"):
        return None
    points = step.get("points")
    if not isinstance(points, list) or not 1 <= len(points) <= _MOST_POINTS:
        return None
    for point in points:
        if not (isinstance(point, list) and len(point) == 2):
            return None
        # What is not a number is not between 0 and 1 either
        if not all(isinstance(one, (int, float)) and 0 <= one <= 1 for one in point):
            return None
    if step["kind"] == "box":
        if len(points) != 2:
            return None
        (left, top), (right, bottom) = points
        if not (left < right and top < bottom):
            return None
    by = {"by": "sides"} if step.get("by") == "sides" else {}
    return {"kind": step["kind"], "points": points, **by}


def correction_from(steps: list[Step]) -> Correction:
    """What steps of drawing amount to: all strokes count; of the boxes, the last."""
    if not steps:
        return AS_SEEN
    boxes = [step["points"] for step in steps if step["kind"] == "box"]
    strokes = {
        kind: tuple(
            tuple((float(x), float(y)) for x, y in step["points"])
            for step in steps
            if step["kind"] == kind
        )
        for kind in ("keep", "drop")
    }
    box = None
    if boxes:
        (left, top), (right, bottom) = boxes[-1]
        box = (float(left), float(top), float(right), float(bottom))
    return Correction(box, **strokes)


# ── What is seen ───────────────────────────────────────────────────────────────────


def _overlay(picture: Picture, cutout: Cutout) -> str:
    """Address of the veil, for a component."""
    mask = hashlib.sha256(np.packbits(cutout.mask).tobytes()).digest()
    data = cached.memory().recall(
        ("cut-out veil", picture.digest, mask), lambda: veil(picture, cutout)
    )
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def veil(picture: Picture, cutout: Cutout) -> bytes:
    """PNG, as large as a preview, that dims the background and draws the outline."""
    height, width = cached.reduced(picture.rgb, _VEIL_SIDE).shape[:2]
    mask = cv2.resize(
        cutout.mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST
    )
    levels = np.zeros((height, width, 4), np.uint8)
    levels[mask == 0] = _VEIL
    outlines, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(levels, outlines, -1, _EDGE, max(2, round(max(height, width) / 300)))
    _, data = cv2.imencode(".png", levels, [cv2.IMWRITE_PNG_COMPRESSION, 6])
    return data.tobytes()
