"""Where the pictures of galleries lie: thumbnails for walls, originals for a closer look.

Everything is kept by digest, in a folder or object storage; a wall never opens originals.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgsim_core.errors import StoreGone
from imgsim_core.text import Text, UserText

PICTURES_ADDRESS = "IMGSIM_PICTURES"
"""Environment variable: a folder, or an address that fsspec can open."""
USUAL_ADDRESS = "galleries/pictures"

THUMBNAIL_SIDE = 256
_QUALITY = 80


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
            self._files, self._root = fsspec.core.url_to_fs(self.address)

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
            with self._asked():
                try:
                    self._files.rm_file(self._path(kind, digest))
                except FileNotFoundError:
                    continue

    def clear(self) -> None:
        """Forget everything."""
        with self._asked():
            if self._files.exists(self._root):
                self._files.rm(self._root, recursive=True)

    def _path(self, kind: str, digest: str) -> str:
        # Two letters of folders keep any one folder short
        return f"{self._root}/{kind}/{digest[:2]}/{digest}"

    def _read(self, path: str) -> bytes | None:
        with self._asked():
            try:
                data: bytes = self._files.cat_file(path)
            except FileNotFoundError:
                return None
        return data

    def _write(self, path: str, data: bytes) -> None:
        with self._asked():
            if self._files.exists(path):
                return  # by its digest it is the same
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            # Under another name first: a process may die in the middle of writing
            part = f"{path}.{os.getpid()}.part"
            self._files.pipe_file(part, data)
            self._files.mv(part, path)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except (OSError, ImportError) as error:
            raise StoreGone(
                Text(
                    "The pictures at {address} cannot be reached: {why}.",
                    address=UserText(self.address),
                    why=UserText(error),
                )
            ) from error


def thumbnail(rgb: NDArray[np.uint8]) -> bytes:
    """Encode an RGB array as WebP with its long side at most 256 pixels."""
    image: Any = Image.fromarray(np.ascontiguousarray(rgb))
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX, reducing_gap=None)
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=_QUALITY, method=2)
    return stream.getvalue()
