"""Style sheets and scripts, as files of their own, and the components made from them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


@cache
def text(name: str) -> str:
    """Content of one file of this folder."""
    return (_HERE / name).read_text(encoding="utf-8")


def component(name: str) -> Any:
    """Make a component from NAME.js, and NAME.html and NAME.css where they exist."""
    parts = {
        kind: text(f"{name}.{kind}")
        for kind in ("html", "css", "js")
        if (_HERE / f"{name}.{kind}").exists()
    }
    return st.components.v2.component(f"sim_{name}", **parts)
