"""Links that restore what a visitor saw: language, sample pictures, options, lines.

Parameters are read once a session and checked one by one; whatever does not fit falls
back to its default without a word, since the sender of a link is not its reader.
Uploaded pictures are never part of a link.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from imgsim_core.comparison import Question
from imgsim_core.distort import Damage, all_damages
from imgsim_core.errors import ImgSimError
from imgsim_core.gallery.copies import Level
from imgsim_core.gallery.keeping import Criterion
from imgsim_core.gallery.store import is_name
from imgsim_core.labelled import EXAMPLES
from imgsim_core.method import Family, Method
from imgsim_core.registry import all_methods, methods_of
from imgsim_core.samples import all_samples, pair_by_id, sample_by_id
from pages.parts import (
    atlas_colours,
    cutting_pair,
    handbook_siamese,
    lines,
    objects_parts,
    own_methods,
    products_weights,
    searching,
    settings,
    teaching_lesson,
    together,
)
from pages.parts.language import LANGUAGES, language
from pages.parts.lines import key as line_key


def option_key(method: Method, option: str) -> str:
    """Setting that holds one option of a method."""
    return f"{method.id}.{option}"


def read() -> None:
    """Take the settings of the link the visitor came by, once a session."""
    if "link_read" in st.session_state:
        return
    st.session_state["link_read"] = True
    parameters = st.query_params.to_dict()
    for key, value in _valid(parameters):
        settings.put(key, value)


def write() -> None:
    """Make the address bar say what is set now."""
    wanted = _shared()
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def address() -> str:
    """Whole link to what is set now, in the language it is read in."""
    base = (st.context.url or "").partition("?")[0]
    return f"{base}?{urlencode({'lang': language(), **_shared()})}"


def _shared() -> dict[str, str]:
    """Settings that a link restores, in its words; others may be names of the visitor's own."""
    set_now = own_methods.for_everybody(settings.everything())
    written = {key: _written(value) for key, value in set_now.items()}
    restored = dict(_valid(written))
    return {key: text for key, text in written.items() if key in restored}


def _written(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def _valid(parameters: dict[str, str]) -> Iterator[tuple[str, Any]]:
    if parameters.get("lang") in LANGUAGES:
        yield "lang", parameters["lang"]
    for key in ("look", "family"):
        if parameters.get(key) in {family.value for family in Family}:
            yield key, parameters[key]
    if parameters.get("together") in together.WAYS:
        yield "together", parameters["together"]
    if is_name(parameters.get("gallery", "")):
        yield "gallery", parameters["gallery"]  # whether there is one is seen where it is used
    for family in Family:
        key = f"method.{family.value}"
        if parameters.get(key) in {method.id for method in methods_of(family)}:
            yield key, parameters[key]
    if parameters.get("labelled") in EXAMPLES:
        yield "labelled", parameters["labelled"]
    if parameters.get("article") == "True":
        yield "article", True
    for key, find in (("pair", pair_by_id), ("a", sample_by_id), ("b", sample_by_id)):
        if key in parameters and _found(find, parameters[key]):
            yield key, parameters[key]
    if parameters.get("strict") in lines.STRICTNESSES:
        yield "strict", parameters["strict"]
    for method in all_methods():
        yield from _valid_for(method, parameters)
    for key, read_text in _page_settings().items():
        value = read_text(parameters[key]) if key in parameters else None
        if value is not None:
            yield key, value


ReadText = Callable[[str], Any]  # what a parameter says -> the setting; None: does not fit


@cache
def _page_settings() -> dict[str, ReadText]:
    """Settings that belong to one page each, and how a link's text becomes their value."""
    return {
        "robust.picture": _one_of(sample.id for sample in all_samples()),
        "robust.damages": _some_of(damage.id for damage in all_damages()),
        "robust.methods": _some_of(method.id for method in all_methods()),
        lines.WANTED: _one_of(lines.WANTED_SHARES),
        "duplicates.level": _one_of(level.value for level in Level),
        "duplicates.order": _order_of(criterion.value for criterion in Criterion),
        **searching.link_settings(),
        **products_weights.link_settings(),
        **cutting_pair.link_settings(),
        **objects_parts.link_settings(),
        **teaching_lesson.link_settings(),
        **handbook_siamese.link_settings(),
        atlas_colours.SETTING: _one_of(atlas_colours.MODES),
        **{f"robust.strength.{damage.id}": _strength(damage) for damage in all_damages()},
    }


def _one_of(codes: Iterable[str]) -> ReadText:
    known = frozenset(codes)
    return lambda text: text if text in known else None


def _some_of(codes: Iterable[str]) -> ReadText:
    """Read codes joined by commas: each known, none twice."""
    known = frozenset(codes)

    def read_text(text: str) -> str | None:
        parts = text.split(",")
        return text if known.issuperset(parts) and len(set(parts)) == len(parts) else None

    return read_text


def _order_of(codes: Iterable[str]) -> ReadText:
    """Read codes in an order as a list."""
    some_of = _some_of(codes)

    def read_text(text: str) -> list[str] | None:
        found: str | None = some_of(text)
        return None if found is None else found.split(",")

    return read_text


def _number(low: float, high: float, usual: float) -> ReadText:
    def read_text(text: str) -> float | None:
        try:
            value = float(text)
        except ValueError:
            return None
        return value if low <= value <= high and value != usual else None

    return read_text


def _strength(damage: Damage) -> ReadText:
    """Read how strong a damage is; what is only off or on is nothing between."""
    between = _number(damage.low, damage.high, damage.default)
    if not damage.is_switch:
        return between

    def read_text(text: str) -> float | None:
        value = between(text)
        return value if value in (damage.low, damage.high) else None

    return read_text


def _found(find: Any, code: str) -> bool:
    try:
        find(code)
    except ImgSimError:
        return False
    return True


def _valid_for(method: Method, parameters: dict[str, str]) -> Iterator[tuple[str, Any]]:
    chosen = {}
    for field in method.option_fields:
        key = option_key(method, field.name)
        if key not in parameters:
            continue
        try:
            value = field.check(parameters[key])
        except ImgSimError:
            continue
        chosen[field.name] = value
        if value != field.default:
            yield key, value
    options = method.options_from(chosen)
    key = line_key(method, options)
    try:
        line = float(parameters.get(key, ""))
    except ValueError:
        return
    low, high = sorted(method.scale_with(options).axis)
    if low <= line <= high and line != lines.usual(Question(method, options)):
        yield key, line
