"""Lines as a file: written, read back, and never trusted."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from imgsim_core.comparison import Question
from imgsim_core.kept_lines import KeptLine, lines_as_json, lines_from_json
from imgsim_core.method import OnVectors
from imgsim_core.registry import all_methods, method_by_id
from imgsim_core.text import Text, UserText


def test_lines_written_are_the_lines_read():
    kept = tuple(
        KeptLine(Question(method, method.options()), float(method.scale.line))
        for method in all_methods()
    )
    text = lines_as_json(kept, {"pictures": 12})
    found = lines_from_json(text.encode())
    assert [one.line for one in found.lines] == [one.line for one in kept]
    assert [one.question.method.id for one in found.lines] == [m.id for m in all_methods()]
    assert found.provenance == {"pictures": 12}
    assert not found.problems


def test_each_measure_keeps_a_line_of_its_own():
    method = method_by_id("histogram")
    measures = next(item for item in method.option_fields if item.name == "measure").choices
    kept = [
        KeptLine(Question(method, options), float(method.scale_with(options).line))
        for options in (method.options_from({"measure": measure}) for measure in measures)
    ]
    found = lines_from_json(lines_as_json(kept, {}).encode())
    assert [one.question.options.measure for one in found.lines] == list(measures)


def file_of(*entries: object) -> bytes:
    return json.dumps({"kind": "imgsim lines", "version": 1, "lines": entries}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG",
        b"[]",
        b"{}",
        b'{"kind": "imgsim lines"}',
        b'{"kind": "imgsim lines", "lines": 3}',
        b"[" * 100_000,
        b" " * (2**20 + 1),
    ],
)
def test_another_file_is_said_to_be_one(data):
    found = lines_from_json(data)
    assert not found.lines
    assert "not a file of lines" in str(found.problems[0])


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (7, "names no method"),
        ({"line": 0.5}, "names no method"),
        ({"method": "psychic", "line": 0.5}, "no method called psychic"),
        ({"method": "histogram", "measure": "gut", "line": 1}, "gut"),
        ({"method": "ssim", "line": 7}, "from 0 to 1, not 7"),
        ({"method": "ssim", "line": "0.5"}, "must be a number"),
        ({"method": "ssim", "line": True}, "must be a number"),
        ({"method": "ssim"}, "must be a number"),
        ({"method": "ssim", "line": float("nan")}, "must be a number"),
        ({"method": "psnr", "line": float("inf")}, "must be a number"),
    ],
)
def test_a_bad_line_is_said_and_the_good_one_is_used(entry, words):
    found = lines_from_json(file_of(entry, {"method": "ssim", "line": 0.5}))
    assert words in str(found.problems[0])
    assert [one.line for one in found.lines] == [0.5]


def test_the_line_of_what_was_taught_is_found_where_the_notion_is_and_else_said():
    notion = replace(
        method_by_id("phash"),
        id="taught-0123456789abcdef",
        label=Text("{name} (taught)", name=UserText("My *bits*")),
        on_vectors=OnVectors("model/0/squash/1", lambda vectors: vectors),
    )
    data = lines_as_json([KeptLine(Question(notion, notion.options()), 3.0)], {}).encode()
    here = lines_from_json(data, [notion])
    assert [(one.question.method, one.line) for one in here.lines] == [(notion, 3.0)]
    assert not here.problems
    elsewhere = lines_from_json(data)
    assert not elsewhere.lines
    assert "My *bits* (taught)" in str(elsewhere.problems[0])
    assert isinstance(dict(elsewhere.problems[0].values)["name"], UserText)
    entry = {**json.loads(data)["lines"][0], "line": 900}
    assert "must be a number" in str(lines_from_json(file_of(entry), [notion]).problems[0])
