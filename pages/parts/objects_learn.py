"""Teach by examples: classes of a few pictures, how well they are told apart, new pictures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

import streamlit as st

from imgsim_core.applications.objects import examples, few_shot
from imgsim_core.applications.objects.few_shot import Belonging, Learned
from imgsim_core.applications.objects.naming import USUAL_MODEL
from imgsim_core.errors import ImgSimError
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.picture import Picture
from imgsim_core.picture_set import File, PictureSet, files_of, with_files
from imgsim_core.text import Text, UserText
from pages.parts import cached, inputs, receiving, tenancy
from pages.parts.language import code_span, plain, say, t

_CLASSES = "objects_classes"  # name -> pictures, in the order they came
_NEW = "objects_new"
_REFUSED = "objects_refused"
_NAME = "objects_class_name"
_TEACH, _ASK = "objects_teach", "objects_ask"
_TYPES = [*inputs.TYPES, "zip"]
_MOST_THUMBNAILS = 8  # of a class
_MOST_MISTAKES = 24  # shown; how many there are is said above them
_MOST_SAID = 8  # reasons why something was left out
_LONGEST = 60  # letters of a class's name


def show() -> None:
    """Draw this part of the page."""
    st.markdown(
        t(
            "Give a handful of pictures for each class; nothing is trained, and it takes "
            "seconds. Every picture is then left out once to see whether its class is found "
            "without it, and new pictures are put into the class they are most like, or none."
        )
    )
    _style()
    classes = _classes()
    # One place for both states: what was there before goes at once, however long the rest takes
    with st.empty().container():
        if classes:
            _show_both_sides(classes)
        else:
            _show_start()


def _show_both_sides(classes: dict[str, list[Picture]]) -> None:
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.subheader(t("The classes"))
        _show_classes(classes)
        _show_ways_in()
    with right:
        learned = _learned(classes)
        if learned is not None:
            _show_tested(learned)
            _show_new(learned)


def _style() -> None:
    """Words of the uploaders, which Streamlit does not translate."""
    words = {
        "--sim-button": plain(Text("Choose files")),
        "--sim-hint": plain(Text("pictures, or a zip · up to 20 MB each")),
    }
    ours = "".join(
        f"{name}:{json.dumps(word, ensure_ascii=False)};" for name, word in words.items()
    )
    st.html(f"<style>.st-key-objects_bring,.st-key-objects_ask{{{ours}}}</style>")


# ── The classes ────────────────────────────────────────────────────────────────────


def _classes() -> dict[str, list[Picture]]:
    held: dict[str, list[Picture]] = st.session_state.setdefault(_CLASSES, {})
    return held


def _show_start() -> None:
    with st.container(border=True, key="objects_start"):
        st.markdown(t("Three grounds, four pictures each, and five new pictures to tell apart:"))
        _show_row([pictures[0] for _, pictures in examples.classes()])
        st.button(
            t("Start from samples"),
            key="objects_samples",
            type="primary",
            icon=":material/play_arrow:",
            on_click=_start_from_samples,
        )
    st.markdown(f"**{t('Or bring your own')}**")
    _show_ways_in()


def _start_from_samples() -> None:
    st.session_state[_CLASSES] = {
        plain(label): list(pictures) for label, pictures in examples.classes()
    }
    st.session_state[_NEW] = list(examples.new_pictures())
    st.session_state[_REFUSED] = []


def _show_classes(classes: dict[str, list[Picture]]) -> None:
    for number, (label, pictures) in enumerate(classes.items()):
        with st.container(border=True, key=f"objects_class_{number}", gap="small"):
            with st.container(horizontal=True, horizontal_alignment="distribute"):
                counted = t("{count} pictures", count=len(pictures))
                st.markdown(f"{code_span(label)} · {counted}")
                st.button(
                    t("Remove"),
                    key=f"objects_remove_{number}",
                    type="tertiary",
                    icon=":material/delete:",
                    on_click=_remove,
                    args=(label,),
                )
            _show_row(pictures[:_MOST_THUMBNAILS])
    st.button(
        t("Remove all classes"),
        key="objects_remove_all",
        type="tertiary",
        on_click=_remove_all,
    )


def _show_row(pictures: Sequence[Picture]) -> None:
    with st.container(horizontal=True, gap="small"):
        for picture in pictures:
            st.image(_small(picture), width=72, alt=picture.name)


def _small(picture: Picture) -> bytes:
    return cached.memory().recall(
        ("objects small", picture.digest), lambda: cached.jpeg(inputs.cover(picture, 144, 144))
    )


def _remove(label: str) -> None:
    _classes().pop(label, None)


def _remove_all() -> None:
    for key in (_CLASSES, _NEW, _REFUSED):
        st.session_state.pop(key, None)


def _show_ways_in() -> None:
    with st.container(border=True, key="objects_bring"):
        st.text_input(
            t("Name of the class"),
            key=_NAME,
            max_chars=_LONGEST,
            placeholder=t("for instance: red mug"),
        )
        key = receiving.key_of(_TEACH)
        st.file_uploader(
            t("Its pictures; or a zip of folders, a folder for each class"),
            type=_TYPES,
            accept_multiple_files=True,
            key=key,
            on_change=_take_examples,
        )
    refused: list[Text] = st.session_state.get(_REFUSED, [])
    for sentence in refused[:_MOST_SAID]:
        st.warning(say(sentence), icon=":material/image_not_supported:")
    if len(refused) > _MOST_SAID:
        st.caption(t("… and {count} more.", count=len(refused) - _MOST_SAID))


def _take_examples() -> None:
    """Put uploaded pictures into the named class, those in a zip's folders into theirs."""
    named = " ".join(str(st.session_state.get(_NAME, "")).split())[:_LONGEST]
    refused: list[Text] = []
    for file in receiving.take(_TEACH):
        opened = _opened(files_of(file.name, file.getvalue()), refused)
        for picture in opened.pictures:
            label = few_shot.label_of(picture.name)[:_LONGEST] or named
            if not label:
                refused.append(
                    Text(
                        "{name} was left out: write the name of its class first, or put it in a "
                        "folder of that name.",
                        name=UserText(picture.name),
                    )
                )
            else:
                _add(label, picture, refused)
    st.session_state[_REFUSED] = refused


def _opened(files: Iterator[File | Text], refused: list[Text]) -> PictureSet:
    opened = with_files(PictureSet(), files, hold=tenancy.hold)
    refused.extend(one for one in opened.refused if one not in refused)
    refused.extend(
        Text(
            "{name} is the same picture as {other} and counts once.",
            name=UserText(name),
            other=UserText(other),
        )
        for name, other in opened.other_names.items()
    )
    return opened


def _add(label: str, picture: Picture, refused: list[Text]) -> None:
    classes = _classes()
    if label not in classes and len(classes) >= few_shot.MOST_CLASSES:
        text = Text("No more than {most} classes fit.", most=few_shot.MOST_CLASSES)
    elif sum(map(len, classes.values())) >= few_shot.MOST_PICTURES:
        text = Text("No more than {most} pictures fit.", most=few_shot.MOST_PICTURES)
    else:
        classes.setdefault(label, []).append(picture)
        return
    if text not in refused:
        refused.append(text)


# ── What was learned ───────────────────────────────────────────────────────────────


def _learned(classes: dict[str, list[Picture]]) -> Learned | None:
    said = [(label, [one.digest for one in pictures]) for label, pictures in classes.items()]
    key = ("learned", hashlib.sha256(repr(said).encode()).hexdigest())
    kept: dict[object, Learned] = st.session_state.setdefault("objects_learned", {})
    if key not in kept:
        kept.clear()
        try:
            with st.spinner(t("Looking at the pictures: the first time takes a few seconds …")):
                kept[key] = few_shot.learn(
                    model_by_id(USUAL_MODEL), list(classes.items()), cached.memory()
                )
        except ImgSimError as error:
            st.info(say(error.text), icon=":material/add_photo_alternate:")
            return None
    return kept[key]


def _show_tested(learned: Learned) -> None:
    st.subheader(t("How well they are told apart"))
    tested = learned.tested
    low, high = tested.ends
    st.markdown(
        "### "
        + t(
            "{right} of {count} right when left out: {share} %",
            right=tested.right,
            count=tested.count,
            share=f"{100 * tested.share:.0f}",
        )
    )
    ways = {
        "middle": t("compared with the middle of each class"),
        "nearest": t("compared with the nearest example"),
    }
    st.caption(
        t(
            "With so few pictures the truth may lie anywhere from {low} to {high} % (95 % sure). "
            "Pictures are {way}: that made fewer mistakes or as few.",
            low=f"{100 * low:.0f}",
            high=f"{100 * high:.0f}",
            way=ways[learned.way],
        )
    )
    st.caption(
        t(
            "*None of these*: the line turns away {own} of {count} examples that belong, and lets "
            "in {strangers} of {others} when their whole class is left out.",
            own=learned.own_below.right,
            count=learned.own_below.count,
            strangers=learned.strangers_above.right,
            others=learned.strangers_above.count,
        )
    )
    for note in learned.notes:
        st.warning(say(note), icon=":material/rule:")
    if learned.mistakes:
        st.markdown(f"**{t('Mistaken when left out')}**")
        grid = st.grid("auto", min_column_width=130, gap="small")
        for mistake in learned.mistakes[:_MOST_MISTAKES]:
            example = learned.examples[mistake.example]
            with grid.cell():
                st.image(_small(example.picture), width="stretch", alt=example.picture.name)
                st.caption(f"{code_span(example.label, 20)} → {code_span(mistake.taken_for, 20)}")


def _show_new(learned: Learned) -> None:
    st.subheader(t("New pictures"))
    key = receiving.key_of(_ASK)
    with st.container(key=_ASK):
        st.file_uploader(
            t("Pictures to put into a class"),
            type=_TYPES,
            accept_multiple_files=True,
            key=key,
            on_change=_take_new,
        )
    pictures: list[Picture] = st.session_state.get(_NEW, [])
    if not pictures:
        return
    with st.spinner(t("Looking at the pictures: the first time takes a few seconds …")):
        given = [learned.belonging(picture, cached.memory()) for picture in pictures]
    grid = st.grid("auto", min_column_width=165, gap="small")
    for number, (picture, one) in enumerate(zip(pictures, given, strict=True)):
        with grid.cell(), st.container(border=True, key=f"objects_new_{number}", gap="small"):
            st.image(_small(picture), width="stretch", alt=picture.name)
            st.markdown(f"**{say(one.verdict)}**")
            st.caption(_in_numbers(one))


def _in_numbers(one: Belonging) -> str:
    if one.example:
        return t("It is one of the examples.")
    if one.none:
        return t("Below the line: not enough like any class.")
    return " · ".join(
        f"{code_span(label, 20)} {100 * share:.0f} %"
        for label, share in zip(one.labels[:2], one.shares[:2], strict=True)
    )


def _take_new() -> None:
    refused: list[Text] = []
    before: list[Picture] = st.session_state.setdefault(_NEW, [])
    for file in receiving.take(_ASK):
        for picture in _opened(files_of(file.name, file.getvalue()), refused).pictures:
            if picture.digest not in {one.digest for one in before}:
                before.insert(0, picture)
    del before[few_shot.MOST_PICTURES :]
    st.session_state[_REFUSED] = refused
