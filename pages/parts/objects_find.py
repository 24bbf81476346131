"""Find an object in a scene: the two pictures, the box around the object, what was found."""

from __future__ import annotations

import streamlit as st

from imgsim_core.applications.objects import finding
from imgsim_core.applications.objects.examples import (
    SCENES,
    WHOLE,
    SceneExample,
    scene_example,
    scene_of,
)
from imgsim_core.applications.objects.finding import Box, Found
from imgsim_core.errors import ImgSimError
from imgsim_core.picture import Picture
from imgsim_core.samples import open_sample
from pages.parts import assets, cached, charts, inputs, links, objects_finds, settings
from pages.parts.language import code_span, plain, say, t
from pages.parts.objects_parts import BOX, EXAMPLE, SCENE, THING, WITHIN, read_box, written_box

_BOX = assets.component("objects_box")
_SIDE = 800


def show() -> None:
    """Draw this part of the page."""
    st.markdown(
        t(
            "Show an object and a scene. Details of the object are looked for all over the "
            "scene, so it may lie there turned, larger, smaller, mirrored, or several times. "
            "It must be the same object, or the same print: for things of the same kind use "
            "*Name it*."
        )
    )
    _show_examples()
    source, scene = _source(), _scene()
    left, right = st.columns(2, gap="large")
    with left, st.container(key="objects_thing"):
        the_object = _show_object(source)
    with right, st.container(key="objects_scene"):
        place = st.container()
        _show_ways_to_scene()
    with place:
        st.markdown(f"**{t('The scene')}**")
        found = None
        if the_object is not None:
            with st.spinner(t("Looking for the object …")):
                found = _found(the_object, scene)
        objects_finds.show_scene(scene, found)
    if the_object is not None and found is not None:
        own = _box(source) if scene.digest == source.digest else None
        objects_finds.show_each(found, the_object, scene, own)
    links.write()


def _found(the_object: Picture, scene: Picture) -> Found:
    memory = cached.memory()
    return memory.recall(
        ("found", the_object.digest, scene.digest),
        lambda: finding.find(the_object, scene, memory),
    )


# ── Which pictures ─────────────────────────────────────────────────────────────────


def _example() -> SceneExample:
    return scene_example(settings.get(EXAMPLE, SCENES[0].id))


def _source() -> Picture:
    """Picture that the object is in: brought or chosen, else the example's."""
    chosen = inputs.picture(THING)
    return open_sample(_example().source) if chosen is None else chosen


def _scene() -> Picture:
    if settings.get(WITHIN, False):
        return _source()
    chosen = inputs.picture(SCENE)
    return scene_of(_example().id) if chosen is None else chosen


def _box(source: Picture) -> Box:
    """Box of the object: drawn for this very picture, else the example's, else all of it."""
    drawn = read_box(settings.get(BOX, ""))
    if drawn is not None and drawn[0] == source.digest[:8]:
        return drawn[1]
    return _example().box if inputs.picture(THING) is None else WHOLE


def _choose(code: str) -> None:
    for slot in (THING, SCENE):
        for prefix in ("brought_", "problem_"):
            st.session_state.pop(prefix + slot, None)
        settings.put(slot, None)
    settings.put(BOX, None)
    settings.put(WITHIN, None)
    settings.put(EXAMPLE, code, SCENES[0].id)


def _show_examples() -> None:
    grid = st.grid("auto", min_column_width=165, gap="small")
    for example in SCENES:
        with grid.cell(), st.container(key=f"thumb_objects_{example.id}", gap="small"):
            the_object = finding.cropped(open_sample(example.source), example.box)
            label = plain(example.label)
            small = inputs.side_by_side(the_object, scene_of(example.id))
            st.image(small, width="stretch", alt=label)
            st.button(
                label,
                key=f"objects_example_{example.id}",
                on_click=_choose,
                args=(example.id,),
                width="stretch",
            )
    if inputs.picture(THING) is None and inputs.picture(SCENE) is None:
        st.caption(f":material/lightbulb: {say(_example().notice)}")


# ── The object and its box ─────────────────────────────────────────────────────────


def _show_object(source: Picture) -> Picture | None:
    st.markdown(f"**{t('The object')}** · {t('draw a box around it')}")
    box = _box(source)
    key = f"objects_box_{source.digest[:8]}"
    told = st.session_state.get(key, {}).get("box")
    _BOX(
        key=key,
        data={
            "url": charts.data_url(cached.preview(source, _SIDE)),
            "alt": f"{t('The object')}: {source.name}",
            "label": t(
                "Box around the object: arrow keys move it, with Shift they change its size"
            ),
            "box": list(box),
        },
        default={"box": told or list(box)},
        on_box_change=lambda: _keep(source, st.session_state[key]["box"]),
    )
    inputs.show_caption(t("Object"), source)
    with st.container(horizontal=True, gap="small"):
        st.button(
            t("Take the whole picture"),
            key="objects_whole",
            icon=":material/select_all:",
            type="tertiary",
            disabled=box == WHOLE,
            on_click=_keep,
            args=(source, WHOLE),
        )
        _show_numbers(source, box)
    inputs.show_ways_in(THING, t("The object"))
    try:
        return finding.cropped(source, box)
    except ImgSimError as error:
        st.error(say(error.text), icon=":material/crop_free:")
        return None


def _keep(source: Picture, box: list[float] | Box) -> None:
    """Remember a box that the browser tells of, kept inside the picture."""
    left, top, right, bottom = (min(1.0, max(0.0, float(share))) for share in box)
    if left < right and top < bottom:
        settings.put(BOX, written_box(source.digest, (left, top, right, bottom)))


def _show_numbers(source: Picture, box: Box) -> None:
    """Offer the box as numbers: for the keyboard, and for who wants it exact."""
    popover = st.popover(t("Box in numbers"), icon=":material/straighten:")
    with popover:
        for name, low, high, which in (
            (t("From left to right, per cent"), box[0], box[2], "across"),
            (t("From top to bottom, per cent"), box[1], box[3], "down"),
        ):
            key = f"objects_{which}_{hash((source.digest, box)) % 10**8}"
            st.slider(
                name,
                0,
                100,
                (round(100 * low), round(100 * high)),
                key=key,
                on_change=_take_numbers,
                args=(source, box, key, which),
            )


def _take_numbers(source: Picture, box: Box, key: str, which: str) -> None:
    low, high = (share / 100 for share in st.session_state[key])
    left, top, right, bottom = box
    _keep(source, (low, top, high, bottom) if which == "across" else (left, low, right, high))


def _show_ways_to_scene() -> None:
    settings.bound(
        st.toggle,
        t("Look for more of it in the object's own picture"),
        key=WITHIN,
        default=False,
    )
    if not settings.get(WITHIN, False):
        shown = inputs.picture(SCENE)
        if shown is not None:
            st.caption(code_span(shown.name))
        inputs.show_ways_in(SCENE, t("The scene"))
