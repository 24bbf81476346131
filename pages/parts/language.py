"""The visitor's language: English sentences in the code, Chinese in catalogues beside it."""

from __future__ import annotations

import json
import logging
import re
from functools import cache, lru_cache
from pathlib import Path

import streamlit as st

from imgsim_core.models.chinese import chinese_by_english
from imgsim_core.text import Text
from pages.parts import settings

LANGUAGES = {"en": "English", "zh": "中文"}
_LOG = logging.getLogger(__name__)
_CATALOGUES = Path(__file__).parent / "locale"


@cache
def catalogue(language: str) -> dict[str, str]:
    """All translations into a language: English template to translated template.

    One JSON file a room of the project; English needs none. Names of classes are translated
    where the models are, so that words can be asked in Chinese too.
    """
    merged = dict(chinese_by_english()) if language == "zh" else {}
    for file in sorted((_CATALOGUES / language).glob("*.json")):
        merged.update(json.loads(file.read_text(encoding="utf-8")))
    return merged


def language() -> str:
    """Code of the language the visitor reads: chosen, from the link, or the browser's."""
    chosen = settings.get("lang")
    if chosen in LANGUAGES:
        return chosen
    return "zh" if (st.context.locale or "").lower().startswith("zh") else "en"


def translated(template: str) -> str:
    """Template in the visitor's language; English where no translation exists."""
    return catalogue(language()).get(template, template)


def code_span(value: str, longest: int = 60) -> str:
    """Make a visitor's text harmless in markdown: a code span, printable, bounded."""
    printable = "".join(letter for letter in value if letter.isprintable()).replace("`", "'")
    shown = printable if len(printable) <= longest else printable[: longest - 1] + "…"
    return f"`{shown}`" if shown else "` `"


@lru_cache(maxsize=256)
def _to_the_log(value: str) -> str:
    """Tell the host once what visitors are not told, without passwords; return a sign for it."""
    _LOG.warning("left out of a sentence for visitors: %s", re.sub(r"//[^/@\s]*@", "//…@", value))
    return "…"


def say(text: Text) -> str:
    """Render a `Text` of the core as markdown in the visitor's language."""
    return text.render(translated, code_span, _to_the_log)


def plain(text: Text) -> str:
    """Render a `Text` without markup: for labels, alternative texts, HTML (escape it)."""
    return text.render(translated, show_host_text=_to_the_log)


def t(template: str, /, **values: object) -> str:
    """Translate a sentence of the pages; the template is always a literal."""
    return say(Text(template, **values))
