"""Where files come from: folders with traps, archives, uploads, samples, addresses."""

from __future__ import annotations

import io
import operator
import os
import zipfile
from pathlib import Path

import pytest

from imgsim_core.errors import PictureError, StoreGone
from imgsim_core.gallery import sources
from imgsim_core.gallery.facts import facts
from imgsim_core.gallery.sources import (
    Files,
    SourceFile,
    from_address,
    from_paths,
    from_samples,
    from_uploads,
)
from imgsim_core.text import Text


def packed(*files: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for name, data in files:
            target.writestr(name, data)
    return stream.getvalue()


def names(files: Files) -> list[str]:
    return [file.name for file in files if isinstance(file, SourceFile)]


def sentences(files: Files) -> str:
    return " ".join(str(file) for file in files if isinstance(file, Text))


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "holiday"
    for name in ("b/2.jpg", "b/10.jpg", "a.jpg", ".hidden/3.jpg", ".DS_Store", "b/Thumbs.db"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def test_a_folder_is_walked_in_order_and_hidden_files_are_passed_over(folder):
    files = from_paths([folder])
    assert names(files) == ["holiday/a.jpg", "holiday/b/10.jpg", "holiday/b/2.jpg"]
    assert operator.length_hint(files) == 3
    first = next(iter(files))
    assert isinstance(first, SourceFile)
    assert first.read() == b"a.jpg"
    assert first.source == str(folder / "a.jpg")
    assert first.modified == pytest.approx((folder / "a.jpg").stat().st_mtime)


def test_links_that_lead_back_end(folder):
    (folder / "b" / "up").symlink_to(folder)
    (folder / "b" / "self").symlink_to(folder / "b" / "self")
    (folder / "linked.jpg").symlink_to(folder / "a.jpg")
    found = names(from_paths([folder]))
    assert found.count("holiday/a.jpg") == 1
    assert "holiday/linked.jpg" in found
    assert len(found) == 4


def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "pipe.jpg")
    os.mkfifo(folder / "pipe.zip")
    files = from_paths([folder])
    assert len(names(files)) == 3
    assert operator.length_hint(files) == 5
    assert "pipe.jpg is not a file" in sentences(files)


def test_a_path_that_is_not_there_is_a_sentence_and_the_rest_comes(folder):
    files = from_paths([folder / "none.jpg", folder / "a.jpg"])
    assert names(files) == ["a.jpg"]
    assert "none.jpg" in sentences(files)


def test_nothing_is_read_before_its_turn(folder):
    files = iter(from_paths([folder]))
    first = next(files)
    (folder / "a.jpg").unlink()
    assert isinstance(first, SourceFile)
    with pytest.raises(PictureError, match=r"holiday/a\.jpg cannot be read"):
        first.read()
    assert isinstance(next(files), SourceFile)


def test_a_film_is_refused_by_its_length_alone(folder):
    with (folder / "film.mp4").open("wb") as stream:
        stream.truncate(5_000_000_000)
    (film,) = [one for one in from_paths([folder / "film.mp4"]) if isinstance(one, SourceFile)]
    with pytest.raises(PictureError, match=r"film\.mp4 has 5000\.0 MB"):
        film.read()


def test_an_archive_in_a_folder_is_opened_and_one_inside_an_archive_is_not(folder):
    inner = packed(("deep.jpg", b"deep"))
    (folder / "old.zip").write_bytes(packed(("x/1.jpg", b"one"), ("inner.zip", inner)))
    (folder / "not.zip").write_bytes(b"only called so")
    files = from_paths([folder])
    found = {one.name: one for one in files if isinstance(one, SourceFile)}
    assert {"x/1.jpg", "inner.zip", "holiday/not.zip"} <= set(found)
    assert "deep.jpg" not in found
    assert found["x/1.jpg"].source == ""
    assert found["x/1.jpg"].read() == b"one"
    assert operator.length_hint(files) == len(found)


def test_uploads_may_be_archives_by_their_content(monkeypatch):
    data = packed(("../../etc/1.jpg", b"one"), ("2.jpg", b"two" * 400))
    files = from_uploads([("a.jpg", b"one"), ("set.bin", data), ("broken.zip", data[:30])])
    assert names(files) == ["a.jpg", "../../etc/1.jpg", "2.jpg"]
    assert "broken.zip is a damaged archive" in sentences(files)
    assert operator.length_hint(files) == 3
    monkeypatch.setattr(sources, "MOST_UPLOADED", 1000)
    assert "the rest was left out" in sentences(files)


def test_an_address_is_listed_in_order(folder):
    files = from_address(folder.as_uri())
    assert names(files) == names(from_paths([folder]))
    assert [one.read() for one in files if isinstance(one, SourceFile)] == [
        one.read() for one in from_paths([folder]) if isinstance(one, SourceFile)
    ]
    first = next(iter(files))
    assert isinstance(first, SourceFile)
    assert first.source.startswith("file://")
    assert first.modified > 0


def test_an_address_in_memory_is_named_by_its_folder():
    import fsspec

    fsspec.filesystem("memory").pipe({"/bucket/trip/a.jpg": b"a", "/bucket/trip/b/c.jpg": b"c"})
    files = from_address("memory://bucket/trip/")
    assert names(files) == ["trip/a.jpg", "trip/b/c.jpg"]


@pytest.mark.parametrize("address", ["nothing://x/y", "s3:///"])
def test_an_address_that_cannot_be_listed_is_said(address, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(StoreGone):
        list(from_address(address))


def test_the_samples_are_the_same_each_time_and_all_are_pictures():
    files = [one for one in from_samples() if isinstance(one, SourceFile)]
    again = [one for one in from_samples() if isinstance(one, SourceFile)]
    assert 60 <= len(files) == operator.length_hint(from_samples()) <= 80
    digests = []
    for one, other in zip(files[::3], again[::3], strict=True):
        data = one.read()
        assert data == other.read()
        digests.append(facts(data, one.name)[0].digest)
    assert len(set(digests)) == len(digests)
    copies = {one.name: one for one in files}
    assert copies["backup/cat.png"].read() == copies["pets/cat.png"].read()
