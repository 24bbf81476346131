"""A visitor without a browser: the pages run in this process, from the script that frames them."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import numpy as np
from PIL import Image
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Slider

from imgsim_core.method import Family, Method
from imgsim_core.samples import open_sample, pair_by_id

MAIN = Path(__file__).parents[2] / "pages" / "parts" / "main.py"
# Language of the page on show: see the fixture `_labels_as_on_the_page`.
reading = {"language": "en"}
PAIR = "cat-edited"  # small pictures, so every method is quick

ENGLISH = re.compile(r"\b[a-z]{3,} [a-z]{3,}\b")
LABELLED = (
    "button", "download_button", "slider", "selectbox", "pills", "segmented_control",
    "toggle", "file_uploader", "expander", "metric",
)  # fmt: skip
WRITTEN = (
    "title", "header", "subheader", "markdown", "caption", "info", "success", "warning", "error",
)  # fmt: skip


def open_app(link: Mapping[str, str] | None = None, locale: str = "en-GB") -> AppTest:
    """Open the first page by a link's parameters, in a browser with this locale."""
    # The time is for a machine under load and the first import of torch, not for a page.
    app = AppTest.from_file(str(MAIN), default_timeout=120)
    app.context = {"locale": locale, "url": "http://localhost:8501/"}
    app.query_params.update(link or {})
    return checked(app.run())


def checked(app: AppTest) -> AppTest:
    """Return the app, having made sure that no page broke."""
    assert not app.exception, [(item.message, *item.stack_trace[-4:]) for item in app.exception]
    for control in app.segmented_control:
        if control.key == "widget.lang":
            reading["language"] = control.value
    return app


def whole(app: AppTest) -> AppTest:
    """Draw the whole page anew; after a fragment's run the app holds that fragment only."""
    return checked(app.run())


def markdown(app: AppTest) -> Iterator[str]:
    """Yield every piece of text on the page that is read as markdown."""
    for element in itertools.chain.from_iterable(app.get(kind) for kind in WRITTEN):
        yield element.value
    for widget in itertools.chain.from_iterable(app.get(kind) for kind in LABELLED):
        yield widget.label


def without_code_spans(text: str) -> str:
    """Drop what markdown shows letter by letter."""
    return re.sub(r"(`+).+?\1", "", text, flags=re.DOTALL)


def shared_link(app: AppTest) -> dict[str, str]:
    """Parameters of the link that the page offers for copying."""
    return dict(parse_qsl(urlsplit(app.code[0].value).query))


def summary(app: AppTest) -> str:
    """All that is said about the pair as a whole."""
    return "\n".join(item.value for item in app.get_by_key("agreement").markdown)


def verdicts(app: AppTest, translations: Mapping[str, str] | None = None) -> dict[Family, bool]:
    """Families with a verdict beside the agreement line, and whether it says alike."""
    badges = summary(app)
    words = {
        (family, alike): family.verdict(alike).template
        for family in Family
        for alike in (True, False)
    }
    return {
        family: alike
        for (family, alike), template in words.items()
        if f" {(translations or {}).get(template, template)}]" in badges
    }


def line_slider(app: AppTest, method: Method) -> Slider[float]:
    """Find the slider that moves a method's line."""
    return next(item for item in app.slider if f".{method.id}.line" in str(item.key))


def names(app: AppTest) -> list[str]:
    """Names of the pictures on show, A first, as the captions give them."""
    found = (re.search(r"\*\*.+?\*\* `(.*?)` · ", item.value) for item in app.caption)
    return [match.group(1) for match in found if match]


def sample_names(pair_id: str) -> list[str]:
    """File names of a guided pair, A first."""
    pair = pair_by_id(pair_id)
    return [open_sample(pair.a).name, open_sample(pair.b).name]


def bring(app: AppTest, slot: str, name: str, data: bytes, kind: str = "image/png") -> AppTest:
    """Upload a file into a slot, "a" or "b"."""
    uploader = next(item for item in app.file_uploader if str(item.key).startswith(f"file_{slot}_"))
    uploader.upload(name, data, kind)
    return checked(app.run())


def file_of(kind: str, seed: int = 0) -> bytes:
    """Make a small picture's file: smooth colours, different for each seed."""
    corners = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(corners).resize((120, 96), Image.Resampling.BICUBIC).save(stream, kind)
    return stream.getvalue()


def english(texts: list[str]) -> list[str]:
    """Texts that are not translated: two small English words in a row, markup left aside."""
    markup = re.compile(r"`[^`]*`|:material/\w+:|\]\([^)]*\)|:\w+-badge\[")
    return [text for text in texts if ENGLISH.search(markup.sub(" ", text))]
