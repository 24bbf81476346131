"""What the visitor has set, kept apart from widgets so that hidden ones keep their value.

A setting has a short key that also stands in links. Widgets are drawn with `bound`, which
starts them from the setting and writes back what the visitor chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

_STORE = "settings"
_DEFAULTS, _LEFT = "defaults_drawn", "defaults_left"


def _store() -> dict[str, Any]:
    store: dict[str, Any] = st.session_state.setdefault(_STORE, {})
    return store


def everything() -> dict[str, Any]:
    """Copy of all settings that differ from their defaults."""
    return dict(_store())


def get(key: str, default: Any = None) -> Any:
    """Value of a setting, or the default while the visitor has not changed it."""
    return _store().get(key, default)


def put(key: str, value: Any, default: Any = None) -> None:
    """Change a setting; the default is not stored, so links stay short."""
    if value is None or value == default:
        _store().pop(key, None)
    else:
        _store()[key] = value
    st.session_state.pop(f"widget.{key}", None)


def forget(prefix: str) -> None:
    """Return every setting that starts with `prefix` to its default."""
    for key in [key for key in _store() if key.startswith(prefix)]:
        put(key, None)


def redraw(prefix: str) -> None:
    """Let widgets whose setting starts with `prefix` start anew from it."""
    for key in [str(key) for key in st.session_state if str(key).startswith(f"widget.{prefix}")]:
        del st.session_state[key]


def bound(
    widget: Callable[..., Any],
    label: str,
    *arguments: Any,
    key: str,
    default: Any,
    then: Sequence[str] | None = None,
    before: Callable[[], None] | None = None,
    **keywords: Any,
) -> Any:
    """Draw a widget that shows and changes a setting.

    Parameters
    ----------
    widget : callable
        A Streamlit widget function.
    label : str
    *arguments, **keywords
        Passed to the widget.
    key : str
        Of the setting.
    default : object
    then : sequence of str or None
        Keys of the fragments to run again on a change; None runs what Streamlit would.
    before : callable or None
        Called on a change, before anything runs again.
    """
    widget_key = f"widget.{key}"

    def fits(value: Any) -> bool:
        return _fits(arguments, value)

    # `keep` has run before this for whatever the visitor changed, so a widget that differs
    # from its setting is out of date: a default moved, or the language its labels are in.
    wanted = get(key, default)
    defaults: dict[str, Any] = st.session_state.setdefault(_DEFAULTS, {})
    left: dict[str, Any] = st.session_state.setdefault(_LEFT, {})
    if key not in _store() and defaults.get(key, default) != default:
        left[key] = defaults[key]
    defaults[key] = default
    if not fits(wanted):
        wanted = default  # the link came from another host, or the option is gone since
    if widget_key not in st.session_state or st.session_state[widget_key] != wanted:
        st.session_state[widget_key] = wanted

    def keep() -> None:
        if widget_key not in st.session_state:
            return  # put away in this very run, by the language for instance
        value = st.session_state[widget_key]
        if key not in _store() and key in left and value == left.pop(key):
            return  # the browser tells what it was shown before the default moved
        if not fits(value):
            return  # a browser names an option by its label: in a language left, or made up
        if value is None or value == default:
            _store().pop(key, None)
        else:
            _store()[key] = value
        if before is not None:
            before()
        if then is not None:
            st.rerun([*then, "export"])  # the link and the reports hold every setting

    return widget(label, *arguments, key=widget_key, on_change=keep, **keywords)


def _fits(arguments: Sequence[Any], value: Any) -> bool:
    """Tell whether a widget can show a value: Streamlit breaks the page with one it cannot.

    Parameters
    ----------
    arguments : sequence
        The widget's: its options in a list, or the two ends of a slider.
    value : object
        A list is one of several options each.
    """
    match arguments:
        case _ if value is None:
            return True
        case [list() as options, *_]:
            return all(one in options for one in (value if isinstance(value, list) else [value]))
        case [int() | float() as low, int() | float() as high, *_]:
            return bool(low <= value <= high)
    return True
