"""What the theme in `.streamlit/config.toml` cannot say: a little style and a script.

Everything a visitor typed or named stays out of here: this HTML is on every page, and it holds
fixed text only.
"""

from __future__ import annotations

import json

import streamlit as st

from imgsim_core.text import Text
from pages.parts import assets
from pages.parts.language import plain

_SCRIPT = assets.component("script")
_FACES = tuple(f"faces_slot_{slot}" for slot in ("find", "a", "b", "enrol", "who"))
_OBJECTS = ("objects_thing", "objects_scene", "objects_named")


def apply(language: str) -> None:
    """Put style and script into the page, and its language into the document."""
    words = {
        "--sim-button": plain(Text("Choose a picture")),
        "--sim-hint": plain(Text("or drop or paste one here · up to 20 MB")),
        "--sim-not-taken": plain(
            Text(
                "A file marked red was not taken: it is over 20 MB or of another kind, or the "
                "server has too many waiting. Take it away, then bring fewer or smaller ones."
            )
        ),
    }
    ours = "".join(
        f"{name}:{json.dumps(word, ensure_ascii=False)};" for name, word in words.items()
    )
    # For what hangs over the page: the page itself says which of the two it is
    ours += f"color-scheme:{st.context.theme.type or 'light'};"
    style = [f":root{{{ours}}}", assets.text("frame.css"), assets.text("uploader.css")]
    st.html(f"<style>{''.join(style)}</style>")
    lang = {"zh": "zh-CN"}.get(language, language)
    _SCRIPT(
        key="sim_script",
        # A tuple: in a list Streamlit would look for a table, and load pandas for that
        data={"lang": lang, "slots": ("slot_a", "slot_b", "slot_robust", *_OBJECTS, *_FACES)},
        height=1,
    )
