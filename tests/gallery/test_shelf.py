"""The shelf keeps pictures by digest, in a folder and in object storage alike."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgsim_core.errors import StoreGone
from imgsim_core.gallery.shelf import THUMBNAIL_SIDE, Shelf, thumbnail
from tests.gallery.conftest import ObjectStorage, Storage
from tests.gallery.rows import digest_of
from tests.pictures import photograph

A, B = digest_of("a"), digest_of("b")


def test_what_is_put_is_there_for_everybody(shelf: Shelf, storage: Storage) -> None:
    data = os.urandom(300_000)
    shelf.put_original(A, data)
    shelf.put_thumbnail(A, photograph().rgb)
    for reader in (shelf, Shelf(storage.pictures)):
        assert reader.original(A) == data
        assert Image.open(io.BytesIO(reader.thumbnail(A) or b"")).format == "WEBP"
        assert reader.original(B) is None
        assert reader.thumbnail(B) is None


def test_putting_again_changes_nothing(shelf: Shelf) -> None:
    shelf.put_original(A, b"first")
    shelf.put_original(A, b"first")
    assert shelf.original(A) == b"first"


def test_an_empty_file_is_kept_as_one(shelf: Shelf) -> None:
    shelf.put_original(A, b"")
    assert shelf.original(A) == b""


def test_a_removed_picture_is_forgotten_by_all_and_can_come_back(
    shelf: Shelf, storage: Storage
) -> None:
    other = Shelf(storage.pictures)
    for one in (A, B):
        shelf.put_original(one, b"bytes")
        shelf.put_thumbnail(one, photograph(side=20).rgb)
    assert other.original(A) == b"bytes"
    other.remove(A)
    other.remove(A)
    assert (shelf.original(A), shelf.thumbnail(A)) == (None, None)
    assert shelf.original(B) == b"bytes"
    shelf.put_original(A, b"bytes")
    assert other.original(A) == b"bytes"


def test_a_cleared_shelf_is_empty_and_can_be_used_again(shelf: Shelf) -> None:
    shelf.clear()  # before anything was put
    shelf.put_original(A, b"bytes")
    shelf.clear()
    assert shelf.original(A) is None
    shelf.put_original(A, b"bytes")
    assert shelf.original(A) == b"bytes"


@pytest.mark.parametrize("digest", ["", "../../secret", "a/b", ".", "é" * 64])
def test_only_a_digest_becomes_part_of_an_address(shelf: Shelf, digest: str) -> None:
    with pytest.raises(ValueError, match="not a digest"):
        shelf.original(digest)
    with pytest.raises(ValueError, match="not a digest"):
        shelf.put_original(digest, b"x")


def test_many_may_put_the_same_picture_at_once(shelf: Shelf) -> None:
    data = os.urandom(200_000)
    failed: list[Exception] = []

    def put() -> None:
        try:
            for name in "cdef":
                shelf.put_original(digest_of(name), data)
        except StoreGone as error:
            failed.append(error)

    threads = [threading.Thread(target=put) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert [shelf.original(digest_of(name)) for name in "cdef"] == [data] * 4


# ── Things that go wrong ───────────────────────────────────────────────────────────

_ENDLESS = """
import sys
from imgsim_core.gallery.shelf import Shelf
from tests.gallery.rows import digest_of
shelf = Shelf(sys.argv[1])
print("ready", flush=True)
for i in range(1_000_000):
    shelf.put_original(digest_of(str(i)), bytes([i % 251]) * 3_000_000)
"""


def test_a_killed_writer_leaves_no_half_file(storage: Storage) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", _ENDLESS, storage.pictures],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert writer.stdout is not None
    with writer:
        assert writer.stdout.readline() == b"ready\n"
        shelf = Shelf(storage.pictures)
        latest = time.monotonic() + 60
        while shelf.original(digest_of("0")) is None and time.monotonic() < latest:
            time.sleep(0.05)
        time.sleep(0.3)
        writer.kill()
    kept = 0
    for i in range(1_000_000):
        data = shelf.original(digest_of(str(i)))
        if data is None:
            break
        assert data == bytes([i % 251]) * 3_000_000
        kept = i + 1
    assert kept > 0
    shelf.put_original(digest_of(str(kept)), b"whole")
    assert shelf.original(digest_of(str(kept))) == b"whole"


def test_a_full_disk_is_said_and_leaves_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(str(tmp_path / "pictures"))
    shelf.put_original(A, b"kept")

    def full(path: str, data: bytes, **_: object) -> None:
        Path(path).write_bytes(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shelf._files, "pipe_file", full)
    with pytest.raises(StoreGone, match="No space left"):
        shelf.put_original(B, b"lost" * 1000)
    monkeypatch.undo()
    assert shelf.original(B) is None
    assert shelf.original(A) == b"kept"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [A]


def test_object_storage_that_went_away_is_said_soon(
    ending_object_storage: ObjectStorage,
) -> None:
    shelf = Shelf(ending_object_storage.storage().pictures)
    shelf.put_original(A, b"bytes")
    ending_object_storage.server.stop()
    for work in (
        lambda: shelf.original(A),
        lambda: shelf.thumbnail(A),
        lambda: shelf.put_original(B, b"bytes"),
        lambda: shelf.remove(A),
        shelf.clear,
    ):
        started = time.monotonic()
        with pytest.raises(StoreGone, match="cannot be reached"):
            work()
        assert time.monotonic() - started < 10


@pytest.mark.parametrize("storage", ["s3"], indirect=True)
def test_a_bucket_that_is_not_there_is_said(storage: Storage) -> None:
    assert storage.pictures.startswith("s3://")
    shelf = Shelf("s3://there-is-no-such-bucket/pictures")
    assert shelf.original(A) is None
    with pytest.raises(StoreGone, match="bucket"):
        shelf.put_original(A, b"bytes")


@pytest.mark.parametrize("address", ["nosuch://place/pictures"])
def test_an_address_nobody_can_open_is_said(address: str) -> None:
    with pytest.raises(StoreGone, match="nosuch"):
        Shelf(address)


def test_a_file_in_the_place_of_the_folder_is_said(tmp_path: Path) -> None:
    place = tmp_path / "pictures"
    place.write_text("a file")
    shelf = Shelf(str(place))
    with pytest.raises(StoreGone):
        shelf.put_original(A, b"bytes")


# ── Thumbnails ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("height", "width", "small"),
    [(1000, 1, (1, 256)), (1, 1000, (256, 1)), (1, 1, (1, 1)), (100, 50, (50, 100))],
)
def test_a_thumbnail_keeps_the_shape_and_is_never_enlarged(
    height: int, width: int, small: tuple[int, int]
) -> None:
    data = thumbnail(np.full((height, width, 3), 200, np.uint8))
    assert Image.open(io.BytesIO(data)).size == small


def test_a_thumbnail_looks_like_its_picture_and_stays_small() -> None:
    import cv2

    rgb = photograph(side=450).rgb
    data = thumbnail(rgb)
    opened = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert max(opened.shape) == THUMBNAIL_SIDE
    assert len(data) < 20_000
    expected = cv2.resize(rgb, opened.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(opened.astype(int) - expected).mean() < 4
    # Not blurred: as much fine detail as a careful reduction has
    detail = [
        cv2.Laplacian(cv2.cvtColor(one, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var()
        for one in (opened, expected)
    ]
    assert detail[0] > 0.9 * detail[1]
