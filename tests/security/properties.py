"""What has to hold of whatever comes: asked briefly in every run, and at length by `make fuzz`."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from imgsim_core.archive import Unpacked, count_of_files, is_archive, unpacked
from imgsim_core.errors import GalleryError, ImgSimError, PictureError, WrongHead
from imgsim_core.gallery.keeping import not_duplicates_as_json, not_duplicates_from_json
from imgsim_core.kept_lines import KeptLines, lines_from_json
from imgsim_core.labelled import ReadMarks, marks_from_csv
from imgsim_core.picture import (
    MAX_MEGAPIXELS,
    MAX_SIDE,
    Picture,
    open_picture,
    open_reduced,
    open_with_head,
)
from imgsim_core.picture_set import PictureSet
from imgsim_core.registry import all_methods
from imgsim_core.teaching.head import head_as_bytes, head_from_bytes, untaught
from imgsim_core.teaching.method import taught_method
from imgsim_core.text import Text
from pages.parts import links
from tests.security.mutations import archives, damaged, pictures


def gate(data: bytes) -> None:
    """A file is a Picture or a sentence, never a warning, never anything else."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=Warning, module="PIL")  # as the app has it
        for opened in (
            lambda: open_picture(data, "fuzz.png"),
            lambda: open_reduced(data, "fuzz.png", 16),
            lambda: open_with_head(data, "fuzz.png", 200)[0],
        ):
            answer = answered(opened, PictureError)
            if isinstance(answer, PictureError):
                assert "fuzz.png" in str(answer)
            else:
                is_sound(answer)


def answered(asked: Callable[[], Any], refusal: type[ImgSimError]) -> Any:
    """What comes of asking: an answer, or the one kind of refusal that there may be."""
    try:
        return asked()
    except refusal as error:
        return error


def is_sound(picture: Picture) -> None:
    """Check what every method relies on."""
    assert picture.rgb.dtype == np.uint8
    assert picture.rgb.ndim == 3
    assert picture.rgb.shape[2] == 3
    assert not picture.rgb.flags.writeable
    assert 0 < picture.width <= MAX_SIDE
    assert 0 < picture.height <= MAX_SIDE
    assert picture.width * picture.height <= MAX_MEGAPIXELS * 1_000_000
    if picture.mask is not None:
        assert picture.mask.shape == picture.rgb.shape[:2]
    assert all(len(str(note)) < 300 for note in picture.notes)


MOST_FILES, MOST_BYTES = 5, 20_000


def archive(data: bytes) -> None:
    """An archive yields files within bounds, and sentences."""
    found = list(unpacked("fuzz.zip", data, most_files=MOST_FILES, most_bytes=MOST_BYTES))
    files = [one for one in found if isinstance(one, Unpacked)]
    assert all(isinstance(one, Unpacked | Text) for one in found)
    assert len(found) <= MOST_FILES + 2
    assert sum(len(one.data) for one in files) <= MOST_BYTES
    assert count_of_files(data) >= 0
    assert is_archive(data[:4]) in (True, False)


def head(data: bytes) -> None:
    """A taught head is whole, or refused in a sentence."""
    found = answered(lambda: head_from_bytes(data, "fuzz.safetensors"), WrongHead)
    if isinstance(found, WrongHead):
        assert "fuzz.safetensors" in str(found)
    else:
        answered(lambda: taught_method(found), ImgSimError)


def brought_back(data: bytes) -> None:
    """Files that the app wrote and people bring back are read, or refused in sentences."""
    assert isinstance(lines_from_json(data), KeptLines)
    assert isinstance(marks_from_csv(data, PictureSet()), ReadMarks)
    answered(lambda: not_duplicates_from_json(data), GalleryError)


LONGEST = 600  # letters: words to look for, or a list of every method


def link(parameters: dict[str, str]) -> None:
    """Of a link only what is known and within its bounds is taken, and that is stable."""
    taken = dict(links._valid(parameters))
    for key, value in taken.items():
        assert key in parameters
        assert isinstance(value, str | int | float | bool)
        if isinstance(value, float):
            assert np.isfinite(value)
        if isinstance(value, str):
            assert len(value) <= LONGEST
    again = dict(links._valid({key: str(value) for key, value in taken.items()}))
    assert again == taken


# ── What is tried ──────────────────────────────────────────────────────────────────


def _heads() -> dict[str, bytes]:
    small = untaught(1280, "efficientnet-lite2/none/none", 2)
    return {"head": head_as_bytes(small)}


def _files_of_ours() -> dict[str, bytes]:
    pair = frozenset({"a" * 64, "b" * 64})
    lines = {
        "kind": "imgsim lines",
        "version": 1,
        "provenance": {},
        "lines": [{"method": one.id, "measure": None, "line": 0.5} for one in all_methods()[:4]],
    }
    return {
        "not-duplicates": not_duplicates_as_json([pair]).encode(),
        "lines": json.dumps(lines).encode(),
        "marks": "a,b,same\r\nx.png,y.png,yes\r\n二.png,=1.png,no\r\n".encode("utf-8-sig"),
        "marks-16": "a\tb\tsame\nx.png\ty.png\t1\n".encode("utf-16"),
    }


def known_keys() -> list[str]:
    """Every key that a link may have."""
    keys = ["lang", "look", "family", "together", "gallery", "labelled", "article", "pair", "a"]
    keys += ["b", "strict", *links._page_settings()]
    for method in all_methods():
        keys.append(f"method.{method.family.value}")
        keys += [links.option_key(method, field.name) for field in method.option_fields]
        keys.append(links.line_key(method, method.options()))
    return sorted(set(keys))


NASTY = (
    "", " ", "nan", "inf", "-inf", "1e999", "-0", "0x10", "1_000", "٣", "９", "True", "False",
    "None", "0", "1", "-1", "0.5", "256", "9" * 400, "../../etc/passwd", "..\\..\\x", "/etc",
    "%00", "\0", "a\r\nb", "<script>alert(1)</script>", "`x`", "[x](https://evil.example)",
    "![x](//evil.example/x.png)", "$\\frac{1}{2}$", ":material/bug_report:", "{0.__class__}",
    "\u202egnp.exe", "\ud800", "{}", "[]", "null", "samples", "own-x", "taught-", "cat", "zh",
    "phash,dhash", "phash,phash", ",", "ff0000:50", "ff0000:999,00ff00:0", "a" * 64, "A" * 64,
    "a" * 900 + ",0,0,9,9",
)  # fmt: skip

values = st.one_of(st.sampled_from(NASTY), st.text(max_size=40), st.floats().map(str))


def _parameters() -> st.SearchStrategy[dict[str, str]]:
    keys = st.one_of(st.sampled_from(known_keys()), st.sampled_from(NASTY), st.text(max_size=12))
    return st.dictionaries(keys, values, max_size=12)


def targets() -> dict[str, tuple[Any, st.SearchStrategy[Any]]]:
    """Each property with what it is tried on, by name."""
    return {
        "gate": (gate, damaged(pictures)),
        "archive": (archive, damaged(archives)),
        "head": (head, damaged(_heads)),
        "brought-back": (brought_back, st.one_of(damaged(_files_of_ours), st.binary(max_size=60))),
        "link": (link, _parameters()),
    }
