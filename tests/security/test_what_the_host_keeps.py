"""Paths, addresses and passwords of the host stay with the host, on pages and in exports."""

from __future__ import annotations

import ast
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from imgsim_core.errors import GalleryError
from imgsim_core.gallery import published
from imgsim_core.gallery.copies import Level, Link
from imgsim_core.gallery.entry import Entry
from imgsim_core.gallery.groups import Group
from imgsim_core.gallery.keeping import Rule
from imgsim_core.gallery.life import Visitors
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.text import HostText, Text, UserText
from pages.parts import grouping_own, grouping_rule, language

CORE = Path(__file__).parents[2] / "imgsim_core"
SECRET = "correct-horse"


@pytest.fixture
def secret_places(tmp_path, monkeypatch):
    """Things that fail, each with a place in its sentence that is nobody's business."""
    (tmp_path / SECRET).write_text("a file where a folder should be")

    def host_s_store() -> object:
        monkeypatch.setenv("IMGSIM_STORE", str(tmp_path / SECRET / "elsewhere"))
        return published.published()

    def shelf() -> object:
        return Shelf(str(tmp_path / SECRET / "pictures")).put_original("0" * 64, b"bytes")

    def visitors() -> object:
        return Visitors(tmp_path / SECRET / "visitors")

    return host_s_store, shelf, visitors


def test_no_sentence_of_a_page_tells_a_path_of_the_host(secret_places, monkeypatch):
    monkeypatch.setattr(language, "language", lambda: "en")
    for fails in secret_places:
        with pytest.raises(GalleryError) as caught:
            fails()
        assert SECRET in str(caught.value)  # whoever runs the command line may know
        for rendered in (language.say(caught.value.text), language.plain(caught.value.text)):
            assert SECRET not in rendered
            assert "…" in rendered


def test_every_sentence_with_a_place_of_storage_marks_it_as_the_host_s():
    wrong = [
        f"{path.name}:{call.lineno} {part.arg}"
        for path in (*(CORE / "gallery").glob("*.py"), *(CORE / "models").glob("*.py"))
        if path.name != "sources.py"  # speaks on the command line only
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Text"
        for part in call.keywords
        if part.arg in ("address", "folder", "path", "why")
        and getattr(getattr(part.value, "func", None), "id", "") in ("UserText", "str")
    ]
    assert not wrong


def test_the_log_has_what_was_left_out_but_no_password(monkeypatch, caplog):
    monkeypatch.setattr(language, "language", lambda: "en")
    monkeypatch.setattr(language._LOG, "propagate", True)
    address = f"s3://key:{SECRET}@bucket.example/pictures"
    text = Text("{a} and {b}", a=HostText(address), b=Text("{c}", c=UserText("x")))
    with caplog.at_level(logging.WARNING):
        assert language.say(text) == "… and `x`"
    assert "bucket.example/pictures" in caplog.text
    assert SECRET not in caplog.text


def entry(digest: str) -> Entry:
    return Entry(
        digest=digest,
        names=(f"holidays/{digest[:2]}.png", "twice.png"),
        sources=(f"/srv/{SECRET}/a.png", f"s3://{SECRET}/b.png"),
        bytes=1,
        format="PNG",
        width=8,
        height=8,
        hashes=np.zeros(8, np.uint64),
        colours=np.zeros(64, np.float32),
    )


def test_files_that_duplicates_gives_away_name_pictures_and_no_addresses(monkeypatch):
    found = {one.digest: one for one in map(entry, ("a" * 64, "b" * 64))}
    link = Link("a" * 64, "b" * 64, Level.COPY, 0.99, True, (), cosine=0.99)
    groups = [Group(tuple(found), (link,))]
    question = SimpleNamespace(method=SimpleNamespace(id="m", label="m"))
    report = SimpleNamespace(entries=found, question=question, line=0.9)
    given: list[Callable[[], str | bytes]] = []
    for part in (grouping_rule.st, grouping_own.st):
        monkeypatch.setattr(part, "download_button", lambda _, make, *a, **k: given.append(make))
    grouping_rule.show_plan(report, groups, Rule())
    grouping_own.show_table(report, groups, dict)
    assert len(given) == 5
    for make in given:
        written = make()
        text = written if isinstance(written, str) else written.decode()
        assert SECRET not in text
        assert "holidays/bb.png" in text
