"""Tests that measure on pictures made by others; skipped where those are missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(
    os.environ.get("IMGSIM_EVAL_DATA", Path(__file__).parents[2].parent / "shared" / "data")
)


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.external)
            if not DATA.is_dir():
                item.add_marker(pytest.mark.skip(reason=f"no evaluation pictures at {DATA}"))


@pytest.fixture(scope="session")
def evaluation_data() -> Path:
    return DATA
