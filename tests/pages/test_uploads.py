"""Pictures that visitors bring: good ones, bad ones, and names that want to be markup."""

from __future__ import annotations

import re
import struct
import zlib

import pytest
from streamlit.testing.v1 import AppTest

from imgsim_core import background
from imgsim_core.method import Family
from imgsim_core.registry import spokesman
from imgsim_core.verdict import Kind
from pages.parts import cached
from tests.pages.visitor import (
    PAIR,
    bring,
    checked,
    file_of,
    line_slider,
    markdown,
    names,
    open_app,
    sample_names,
    shared_link,
    summary,
    verdicts,
    whole,
    without_code_spans,
)


def test_a_sample_can_be_chosen_again_after_a_picture_of_ones_own(png: bytes):
    app = open_app({"pair": PAIR})
    first = sample_names(PAIR)[1]
    for _ in range(2):
        checked(app.selectbox(key="sample_a").set_value("rocket").run())
        assert names(app) == ["rocket.jpg", first]
        assert app.selectbox(key="sample_a").value is None
        bring(app, "a", "first.png", png)
        assert names(app) == ["first.png", first]


def test_two_uploads_are_compared(png: bytes):
    app = open_app()
    bring(app, "a", "first.png", png)
    assert names(app) == ["first.png"]
    assert "Now bring the other picture." in [item.value for item in app.info]
    bring(app, "b", "second.jpg", file_of("JPEG", seed=1), "image/jpeg")
    assert names(app) == ["first.png", "second.jpg"]
    assert set(verdicts(app)) == set(Family)


def test_the_first_picture_is_described_while_the_other_is_looked_for():
    app, memory = open_app(), cached.memory()
    before = memory.described
    bring(app, "a", "first.png", file_of("PNG", seed=11))
    background.wait_for_work(60)
    assert memory.described - before == len(Family)
    checked(app.run())
    background.wait_for_work(60)
    assert memory.described - before == len(Family)
    bring(app, "b", "second.png", file_of("PNG", seed=12))
    assert len(verdicts(app)) == len(Family)
    assert memory.described - before == 2 * len(Family)


def test_an_upload_replaces_one_picture_of_a_pair_and_is_not_in_the_link(
    on_pair: AppTest, png: bytes
):
    bring(on_pair, "b", "mine.png", png)
    assert names(on_pair) == [sample_names(PAIR)[0], "mine.png"]
    link = shared_link(on_pair)
    assert set(link) == {"lang", "a"}
    assert any("not in the link" in item.value for item in on_pair.caption)


def test_a_pair_replaces_what_was_brought(png: bytes):
    app = open_app()
    bring(app, "a", "first.png", png)
    bring(app, "b", "second.png", png)
    assert str(Kind.SAME_FILE.label) in summary(app)
    checked(app.button(key=f"pair_more_{PAIR}").click().run())
    assert names(app) == sample_names(PAIR)


def bomb() -> bytes:
    """Make a PNG that says it has 900 million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(100_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


BAD = {
    "letter.png": b"Dear Sir or Madam,\n" * 40,
    "empty.png": b"",
    "cut.jpg": file_of("JPEG")[:700],
    "bomb.png": bomb(),
    "drawing.png": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gets_one_sentence_and_nothing_else_changes(on_pair: AppTest, name: str):
    method = spokesman(Family.STRUCTURE)
    slider = line_slider(on_pair, method)
    checked(slider.set_value(slider.min + slider.step).run())
    before = shared_link(whole(on_pair))
    bring(on_pair, "a", name, BAD[name])
    assert len(on_pair.error) == 1
    assert f"`{name}`" in on_pair.error[0].value
    assert names(on_pair) == sample_names(PAIR)
    assert shared_link(on_pair) == before
    assert set(verdicts(on_pair)) == set(Family)


def test_a_bad_file_leaves_the_other_picture_alone(png: bytes):
    app = open_app()
    bring(app, "b", "good.png", png)
    bring(app, "a", "letter.png", BAD["letter.png"])
    assert names(app) == ["good.png"]
    assert len(app.error) == 1
    # The sentence goes as soon as a good picture comes.
    bring(app, "a", "better.png", png)
    assert not app.error
    assert names(app) == ["better.png", "good.png"]


def test_a_bad_file_is_explained_in_the_visitor_s_language():
    app = open_app({"lang": "zh"})
    bring(app, "a", "letter.png", BAD["letter.png"])
    assert re.search("[一-鿿]", app.error[0].value)
    assert "`letter.png`" in app.error[0].value


NAMES = [
    "![x](https://evil.example/p.png).png",
    "[click](https://evil.example/).png",
    "https://evil.example/p.png",
    "<img src=https://evil.example/p.png onerror=alert(1)>.png",
    "`![x](https://evil.example/p.png)`.png",
    "``` ![x](https://evil.example/p.png).png",
    "a\n\n![x](https://evil.example/p.png).png",
    "a\n```\n![x](https://evil.example/p.png).png",
    ":red[:material/home: evil.example].png",
    "$\\href{https://evil.example}{x}$.png",
    "{name}{0}{evil.example}.png",
    "\u202egnp.elpmaxe.live evil.example.png",
    "evil.example" * 40 + ".png",
]


@pytest.mark.parametrize("data", [file_of("PNG"), b"no picture"], ids=["shown", "refused"])
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_file_name_is_never_markup(name: str, data: bytes):
    app = open_app()
    bring(app, "a", name, data)
    told = [text for text in markdown(app) if "evil.example" in text]
    assert told
    for text in told:
        # One line, one span: everything of the name is inside it.
        assert "\n" not in text
        assert text.count("`") == 2, text
        assert "evil.example" not in without_code_spans(text)
    assert not any("evil.example" in item.value for item in app.get("html"))
