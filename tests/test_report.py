"""Reports: what a visitor takes home is complete, safe to open, and the same everywhere."""

from __future__ import annotations

import base64
import csv
import dataclasses
import io
import json
import math
import re
import tomllib
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgsim_core import report
from imgsim_core.comparison import Comparison, Question, Score, Unavailable
from imgsim_core.method import Examples, Family, Method, NoOptions, Scale, choice, switch
from imgsim_core.text import Text, UserText
from tests.pictures import blank, noise

EVIL = '<img src=x onerror="alert(1)">&amp;\u202e.png'


@dataclasses.dataclass(frozen=True)
class Options:
    window: str = choice("gauss", Text("Window"), Text("?"), {"gauss": Text("Soft <edge>")})
    align: bool = switch(True, Text("Align"), Text("?"))


def method(identity: str, scale: Scale, options: type = NoOptions) -> Method:
    return Method(
        id=identity,
        label=Text("Toy & measure"),
        family=Family.STRUCTURE,
        scale=scale,
        about=Text("Sees one | thing."),
        formula="",
        source="https://example.org",
        describe=lambda picture, options: None,
        compare=lambda a, b, options: 0.0,
        explain=lambda a, b, options: (),
        options=options,
    )


RATIO = method("ratio", Scale(identical=1.0, opposite=-1.0, line=0.5), Options)
BITS = method("bits", Scale(identical=0, opposite=64, line=10, unit=Text("bits"), decimals=0))
DECIBELS = method(
    "decibels", Scale(identical=math.inf, opposite=0, line=20, unit=Text("dB"), shown=(0, 50))
)
MISSING = method("missing", Scale(identical=1, opposite=0, line=0.5))


@pytest.fixture
def comparison() -> Comparison:
    a = dataclasses.replace(
        noise(30, 40), name=EVIL, notes=(Text("Read from {file}.", file=UserText(EVIL)),)
    )
    b = dataclasses.replace(blank(1200, 900), name='=HYPERLINK("http://evil","x")')
    return Comparison(
        a,
        b,
        (
            Score(Question(RATIO, Options(align=False)), -0.123456, 12.3456),
            Unavailable(Question(MISSING, NoOptions()), Text("-1 is <b>not</b> here.")),
            Score(Question(BITS, NoOptions()), 12.0, 0.04),
            Score(Question(DECIBELS, NoOptions()), math.inf, 3.0),
        ),
    )


class Document(HTMLParser):
    """Collects tags with attributes, and the text between."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


# ── JSON ───────────────────────────────────────────────────────────────────────────


def test_json_has_exactly_the_published_shape(comparison):
    data = json.loads(report.comparison_as_json(comparison))
    assert list(data) == ["a", "b", "scores", "unavailable"]
    assert data["a"] == {
        "name": EVIL,
        "digest": comparison.a.digest,
        "width": 40,
        "height": 30,
        "notes": [f"Read from {EVIL}."],
    }
    assert data["scores"][0] == {
        "method": "ratio",
        "label": "Toy & measure",
        "family": "structure",
        "value": -0.123456,
        "scale": {"identical": 1.0, "opposite": -1.0, "unit": None},
        "milliseconds": 12.3,
        "meaning": None,
    }
    assert data["unavailable"] == [{"method": "missing", "reason": "-1 is <b>not</b> here."}]


def test_json_is_valid_where_a_number_is_infinite(comparison):
    def refuse(constant):
        pytest.fail(f"{constant} is not JSON")

    data = json.loads(report.comparison_as_json(comparison), parse_constant=refuse)
    decibels = data["scores"][2]
    assert decibels["value"] == "inf"
    assert float(decibels["scale"]["identical"]) == math.inf


def test_json_is_plain_ascii(comparison):
    assert report.comparison_as_json(comparison).isascii()


# ── CSV ────────────────────────────────────────────────────────────────────────────


def rows_of(comparison: Comparison) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(report.comparison_as_csv(comparison), newline="")))


def test_csv_has_one_row_an_answer_in_the_order_asked(comparison):
    rows = rows_of(comparison)
    assert [row["method"] for row in rows] == ["ratio", "missing", "bits", "decibels"]
    assert rows[2]["unit"] == "bits"
    assert float(rows[3]["value"]) == math.inf
    assert rows[1]["value"] == ""


def test_no_text_cell_starts_a_formula_but_negative_numbers_stay_numbers(comparison):
    rows = rows_of(comparison)
    assert rows[0]["picture_b"].startswith("'=HYPERLINK")
    assert rows[1]["reason"].startswith("'-1")
    assert float(rows[0]["value"]) == -0.123456


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_every_start_of_a_formula_is_disarmed(comparison, start):
    named = dataclasses.replace(comparison.a, name=f"{start}1+1")
    rows = rows_of(dataclasses.replace(comparison, a=named))
    assert {row["picture_a"] for row in rows} == {f"'{start}1+1"}


# ── HTML ───────────────────────────────────────────────────────────────────────────


def test_html_reads_well(comparison):
    moment = datetime(2026, 11, 22, 9, 5, tzinfo=UTC)
    source = report.comparison_as_html(comparison, lines={}, written=moment)
    text = re.sub(r"\s+", " ", Document(source).text)
    for expected in (
        "How alike are these two pictures?",
        "2026-11-22 09:05 UTC",
        "Structure",
        "Toy & measure",
        "−0.12",
        "1.00 identical, −1.00 at the other end",
        "12 bits",
        "∞ dB",
        "Lower is more alike",
        "Window: Soft <edge>",
        "Align: Off",
        "40 × 30",
        "-1 is <b>not</b> here.",
        "12 ms",
        "opencv-python",
    ):
        assert expected in text


def test_html_escapes_all_that_a_visitor_brought(comparison):
    source = report.comparison_as_html(comparison, lines={})
    document = Document(source)
    assert EVIL in document.text
    assert f"Read from {EVIL}." in document.text
    assert [image["alt"] for image in document.of("img")] == ["Picture A", "Picture B"]
    names = {name for _, attributes in document.tags for name in attributes}
    assert not [name for name in names if name.startswith("on")]


def test_html_loads_and_runs_nothing(comparison):
    document = Document(report.comparison_as_html(comparison, lines={}))
    assert not {"script", "link", "iframe", "object", "a"} & {tag for tag, _ in document.tags}
    assert all(
        attributes[name].startswith("data:image/jpeg;base64,")
        for _, attributes in document.tags
        for name in ("src", "href")
        if name in attributes
    )
    style = document.text
    assert "url(" not in style
    assert "@import" not in style
    policy = next(meta["content"] for meta in document.of("meta") if "http-equiv" in meta)
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(
    ("height", "width", "shown"),
    [(30, 40, (40, 30)), (1200, 900, (600, 800)), (1, 5000, (800, 1)), (1, 1, (1, 1))],
)
def test_pictures_are_embedded_small_enough_to_send(comparison, height, width, shown):
    pair = dataclasses.replace(comparison, a=blank(height, width))
    document = Document(report.comparison_as_html(pair, lines={}))
    data = base64.b64decode(document.of("img")[0]["src"].partition(",")[2])
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "JPEG"
        assert image.size == shown


def test_the_verdict_follows_the_visitors_line_in_either_direction(comparison):
    def verdicts(lines):
        source = report.comparison_as_html(comparison, lines=lines)
        return re.findall(r'class="(alike|not-alike)"', source)

    assert verdicts({}) == ["not-alike", "not-alike", "alike"]
    assert verdicts({"ratio": -0.5, "bits": 12, "decibels": 50}) == ["alike"] * 3


def test_html_speaks_the_readers_language(comparison):
    source = report.comparison_as_html(
        comparison,
        lines={},
        translate=lambda english: {"Picture A": "图 A", "Alike": "相似"}.get(english, english),
        language="zh-CN",
    )
    assert '<html lang="zh-CN">' in source
    document = Document(source)
    assert document.of("img")[0]["alt"] == "图 A"
    assert "相似" in document.text


def test_html_without_scores_still_says_why(comparison):
    empty = dataclasses.replace(comparison, answers=comparison.unavailable)
    document = Document(report.comparison_as_html(empty, lines={}))
    assert not document.of("table")
    assert "not</b> here" in document.text


# ── Numbers, versions, Markdown ────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.005, "0.01"), (-0.5, "−0.50"), (-0.001, "0.00"), (math.inf, "∞"), (-math.inf, "−∞")],
)
def test_numbers_are_rounded_for_reading(value, words):
    assert report.number_in_words(value, RATIO.scale) == words


def test_the_version_is_that_of_the_project():
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert report.versions()["imgsim"] == project["version"]


def test_the_methods_make_a_markdown_table():
    lines = report.methods_as_markdown([RATIO, BITS]).splitlines()
    assert lines[1] == "| --- | --- | --- | --- | --- |"
    assert r"Sees one \| thing." in lines[2]
    assert "`bits`" in lines[3]
    assert "(bits)" in lines[3]


def test_what_was_taught_is_named_safely_and_tells_by_its_groups(comparison):
    examples = Examples(
        np.linspace(0.4, 0.8, 50, dtype=np.float32), np.linspace(-0.2, 0.5, 50, dtype=np.float32)
    )
    label = Text("{name} (taught)", name=UserText(EVIL))
    notion = dataclasses.replace(RATIO, label=label, examples=examples)
    formula = dataclasses.replace(notion, label=Text("{name} (taught)", name=UserText("=1+1")))
    scores = tuple(Score(Question(one, Options()), 0.75, 1.0) for one in (notion, formula))
    told = dataclasses.replace(comparison, answers=scores)
    said = json.loads(report.comparison_as_json(told))["scores"][0]["meaning"]
    assert said["belongs_together"] > 0.9
    assert "together" in said["verdict"]
    lines = list(csv.DictReader(io.StringIO(report.comparison_as_csv(told))))
    assert any("together" in cell for cell in lines[0].values())
    assert not any(cell.startswith("=") for line in lines for cell in line.values())
    page = Document(report.comparison_as_html(told, lines={}))
    assert EVIL in page.text
    assert "together" in page.text
    assert not page.of("script")
