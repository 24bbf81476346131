"""A Milvus server keeps what every store promises, and comes back whole after kill -9."""

from __future__ import annotations

from tests.gallery.any_store import *  # noqa: F403  the tests themselves
