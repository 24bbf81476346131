"""Files that wait on the disk: read as they were, seen by nobody, gone with the last of them."""

from __future__ import annotations

import gc
import os
from pathlib import Path

from imgsim_core.gallery.sources import from_uploads
from imgsim_core.gallery.spool import Spool


def test_files_come_back_as_they_were_and_nothing_is_to_be_seen(tmp_path: Path):
    spool = Spool(tmp_path)
    first, nothing, last = spool.add(b"abcdef"), spool.add(b""), spool.add(os.urandom(100_000))
    assert bytes(first) == b"abcdef"
    assert (first.head(4), nothing.head(4)) == (b"abcd", b"")
    assert (len(first), len(nothing), len(last)) == (6, 0, 100_000)
    assert bytes(last) == bytes(last)
    assert bytes(spool.add(b"later")) == b"later"
    assert bytes(first) == b"abcdef"
    assert list(tmp_path.iterdir()) == []


def test_a_spool_lives_as_long_as_a_file_on_it(tmp_path: Path):
    spool = Spool(tmp_path)
    file = spool._file
    one = spool.add(b"one")
    del spool
    gc.collect()
    assert bytes(one) == b"one"
    assert not file.closed
    del one
    gc.collect()
    assert file.closed


def test_uploads_on_a_spool_are_read_when_their_turn_comes(tmp_path: Path):
    spool = Spool(tmp_path)
    files = from_uploads([("a.jpg", spool.add(b"first")), ("b.jpg", b"second")])
    assert [(file.name, file.read()) for file in files] == [
        ("a.jpg", b"first"),
        ("b.jpg", b"second"),
    ]
