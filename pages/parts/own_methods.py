"""Methods as one visitor has them: those that ship, and the notions taught in this session.

A taught notion lives in its session only: nobody else can list it, name it in a link or
reach it; whoever wants to keep it downloads its file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from imgsim_core import registry
from imgsim_core.errors import ImgSimError
from imgsim_core.method import Family, Method
from imgsim_core.teaching.head import Head
from imgsim_core.teaching.method import PREFIX, taught_method
from imgsim_core.text import Text
from pages.parts import settings

MOST = 12
"""Notions that a session holds."""

FULL = Text(
    "A session holds at most {most} notions of alike. Remove one first; its file can be saved "
    "before.",
    most=MOST,
)

_HELD = "own_methods"


def add(head: Head) -> Method:
    """Make a head one of the session's methods; the same head twice is one.

    Raises
    ------
    WrongHead
        If its base model is unknown here.
    ImgSimError
        If the session holds as many as it can.
    """
    method = taught_method(head)
    held = _held()
    if method.id not in held and len(held) >= MOST:
        raise ImgSimError(FULL)
    held.pop(method.id, None)
    held[method.id] = (head, method)
    return method


def remove(method_id: str) -> None:
    """Forget a notion, and every setting that names it."""
    _held().pop(method_id, None)
    for key, value in settings.everything().items():
        if method_id in key:
            settings.put(key, None)
        elif isinstance(value, str) and method_id in value:
            others = [code for code in value.split(",") if code != method_id]
            settings.put(key, ",".join(others) or None)


def taught() -> tuple[Method, ...]:
    """List the session's notions, the latest last."""
    return tuple(method for _, method in _held().values())


def head_of(method_id: str) -> Head:
    """Head of one of the session's notions."""
    return _held()[method_id][0]


def all_methods() -> tuple[Method, ...]:
    """List every method this visitor can use: those that ship, then his own."""
    return (*registry.all_methods(), *taught())


def methods_of(family: Family) -> tuple[Method, ...]:
    """List the methods of a family, his own last."""
    mine = tuple(method for method in taught() if method.family is family)
    return (*registry.methods_of(family), *mine)


def method_by_id(method_id: str) -> Method:
    """Find a method among those that ship and his own.

    Raises
    ------
    UnknownMethod
        If there is none; the sentence lists those that ship.
    """
    held = _held().get(method_id)
    return registry.method_by_id(method_id) if held is None else held[1]


def for_everybody(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out of settings what names a notion: in a link it would say nothing to anybody."""
    found: dict[str, Any] = {}
    for key, value in chosen.items():
        if key.startswith(PREFIX):
            continue
        if isinstance(value, str) and PREFIX in value:
            value = ",".join(code for code in value.split(",") if not code.startswith(PREFIX))
        if value != "":
            found[key] = value
    return found


def _held() -> dict[str, tuple[Head, Method]]:
    held: dict[str, tuple[Head, Method]] = st.session_state.setdefault(_HELD, {})
    return held
