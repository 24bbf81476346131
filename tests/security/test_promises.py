"""SECURITY.md names tests: each must be there, or a promise would rest on nothing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)


def test_every_promise_names_tests_that_are_there():
    assert len(NAMED) > 40
    missing = []
    for file, name in NAMED:
        source = (ROOT / file).read_text(encoding="utf-8")
        found = {one.name for one in ast.parse(source).body if isinstance(one, ast.FunctionDef)}
        if name not in found:
            missing.append(f"{file}::{name}")
    assert not missing


def test_every_row_of_promises_is_tested():
    rows = [line for line in TEXT.splitlines() if line.startswith("| ") and "---" not in line]
    promises = [row for row in rows if not row.startswith("| Promise")]
    assert len(promises) > 10
    assert not [row[:60] for row in promises if "::test_" not in row]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_readme_leads_there(name: str):
    assert "(SECURITY.md)" in (ROOT / name).read_text(encoding="utf-8")


def test_settings_and_commands_that_it_names_are_there():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not {one for one in re.findall(r"IMGSIM_[A-Z_]+", TEXT) if one not in readme}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z]+)", TEXT):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", TEXT):
        assert (ROOT / link).exists()
