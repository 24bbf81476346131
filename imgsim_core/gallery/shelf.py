"""Where the pictures of galleries lie: thumbnails for walls, originals for a closer look.

Everything is kept by digest, in a folder or object storage; a wall never opens originals.
"""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgsim_core.errors import StoreGone
from imgsim_core.text import HostText, Text

PICTURES_ADDRESS = "IMGSIM_PICTURES"
"""Environment variable: a folder, or an address that fsspec can open."""
USUAL_ADDRESS = "galleries/pictures"

THUMBNAIL_SIDE = 256
_QUALITY = 80
# Not all of their errors are an OSError, and they have no other base in common
_CLOUD_LIBRARIES = frozenset({"botocore", "aiobotocore", "aiohttp", "gcsfs", "google", "azure"})

# What s3fs is told: to look afresh each time, since others write too, and not to wait long
# for a storage that does not answer.
_S3 = {
    "use_listings_cache": False,
    "config_kwargs": {
        "connect_timeout": 3,
        "read_timeout": 10,
        "retries": {"max_attempts": 1},
    },
}


class Shelf:
    """Thumbnails and originals by digest.

    Parameters
    ----------
    address : str or None
        A folder or an fsspec address; None takes `IMGSIM_PICTURES`, and the folder
        "galleries/pictures" if that is not set.
    """

    def __init__(self, address: str | None = None) -> None:
        import fsspec

        self.address = address or os.environ.get(PICTURES_ADDRESS) or USUAL_ADDRESS
        with self._asked():
            told = _S3 if self.address.startswith("s3://") else {}
            try:
                self._files, self._root = fsspec.core.url_to_fs(self.address, **told)
            except ValueError as error:  # how fsspec says that it knows no such address
                raise OSError(str(error)) from error
        # A folder shows a file while it is being written; object storage only afterwards
        self._is_folder = "file" in np.atleast_1d(self._files.protocol)

    def put_thumbnail(self, digest: str, rgb: NDArray[np.uint8]) -> None:
        """Keep a small WebP of a picture, long side at most 256 pixels."""
        self._write(self._path("thumbnails", digest), thumbnail(rgb))

    def thumbnail(self, digest: str) -> bytes | None:
        """Return a picture's WebP, or None if there is none."""
        return self._read(self._path("thumbnails", digest))

    def put_original(self, digest: str, data: bytes) -> None:
        """Keep a file's bytes as they came."""
        self._write(self._path("originals", digest), data)

    def original(self, digest: str) -> bytes | None:
        """Return a file's bytes, or None if they are not kept."""
        return self._read(self._path("originals", digest))

    def remove(self, digest: str) -> None:
        """Forget a picture; nothing happens if it is not there."""
        for kind in ("thumbnails", "originals"):
            with self._asked(), suppress(FileNotFoundError):
                self._files.rm_file(self._path(kind, digest))

    def clear(self) -> None:
        """Forget everything."""
        with self._asked():
            if self._files.exists(self._root):
                self._files.rm(self._root, recursive=True)

    def _path(self, kind: str, digest: str) -> str:
        if not (digest.isascii() and digest.isalnum()):
            raise ValueError(f"not a digest: {digest!r}")  # it becomes part of an address
        # Two letters of folders keep any one folder short
        return f"{self._root}/{kind}/{digest[:2]}/{digest}"

    def _read(self, path: str) -> bytes | None:
        with self._asked(), suppress(FileNotFoundError):
            data: bytes = self._files.cat_file(path)
            return data
        return None

    def _write(self, path: str, data: bytes) -> None:
        with self._asked():
            if self._files.exists(path):
                return  # by its digest it is the same
            if not self._is_folder:
                self._files.pipe_file(path, data)
                return
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            # Under a name of its own first: a process may die in the middle of writing
            part = f"{path}.{uuid.uuid4().hex}.part"
            try:
                self._files.pipe_file(part, data)
                self._files.mv(part, path)
            except BaseException:
                with suppress(OSError):
                    self._files.rm_file(part)
                raise

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not _is_of_storage(error):
                raise  # a bug stays loud
            raise StoreGone(
                Text(
                    "The pictures at {address} cannot be reached: {why}.",
                    address=HostText(self.address),
                    why=HostText(str(error).strip(" .") or type(error).__name__),
                )
            ) from error


def _is_of_storage(error: Exception) -> bool:
    """Tell whether a storage raised this: the system, or a library that speaks to a cloud."""
    library = type(error).__module__.partition(".")[0]
    return isinstance(error, OSError | ImportError) or library in _CLOUD_LIBRARIES


def thumbnail(rgb: NDArray[np.uint8]) -> bytes:
    """Encode an RGB array as WebP with its long side at most 256 pixels."""
    height, width = rgb.shape[:2]
    scale = THUMBNAIL_SIDE / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    stream = io.BytesIO()
    # The quickest of WebP's ways: indexing spent a fifth of its time on the one before, which
    # made files a seventh smaller
    Image.fromarray(np.ascontiguousarray(rgb)).save(stream, "WEBP", quality=_QUALITY, method=0)
    return stream.getvalue()
