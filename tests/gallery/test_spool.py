"""Files that wait on the disk: read as they were, seen by nobody, gone with the last of them."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.skipif(sys.platform == "win32", reason="no limit to the size of files there")
def test_what_was_there_is_read_and_added_to_after_the_disk_has_refused_something(tmp_path: Path):
    code = """
import resource, sys
from pathlib import Path
from imgsim_core.gallery.spool import Spool
spool = Spool(Path(sys.argv[1]))
first = spool.add(b"first")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    spool.add(bytes(2000))
except OSError:
    print("refused")
print(bytes(first).decode(), bytes(spool.add(b"later")).decode())
"""
    run = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("refused\nfirst later\n", "")


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
