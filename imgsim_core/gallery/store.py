"""Where galleries are kept: the narrow protocol every vector store is used through.

A folder by default; another address puts the same galleries elsewhere. The store is never
asked who may see what: callers pass the galleries.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imgsim_core.errors import BadGalleryName, StoreGone
from imgsim_core.gallery.entry import ANYTHING, Filter, Found, Row
from imgsim_core.text import Text, UserText

STORE_ADDRESS = "IMGSIM_STORE"
"""Environment variable: a folder, object storage such as s3://bucket/galleries, or a server
such as milvus://host:19530."""
USUAL_ADDRESS = "galleries"

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, kw_only=True)
class GalleryInfo:
    """What is known of a gallery as a whole.

    Parameters
    ----------
    name : str
        Lower-case letters, digits, "-" and "_", at most 63.
    title : str
        For people; the name if empty.
    model : str
        Id of the model that made its vectors.
    encoder : str
        That model with the digest of its weights and its preprocessing: vectors of
        different encoders are never compared.
    dimension : int
        Length of a vector.
    created : float
        Seconds since 1970.
    expires : float
        When it may be removed, seconds since 1970; 0 for never.
    """

    name: str
    title: str = ""
    model: str
    encoder: str
    dimension: int
    created: float
    expires: float = 0.0


class Store(Protocol):
    """What a gallery asks of a vector store.

    Every method raises `UnknownGallery` for a gallery that is not there, and `StoreGone`
    when the store cannot be reached or written. Whatever `add` and `remove` have returned
    from survives the end of the process; what they were in the middle of is there wholly
    or not at all. What another process has changed is seen at once, or, in a store that says
    so, within seconds.
    """

    @property
    def address(self) -> str:
        """Where it is, for people."""

    def galleries(self) -> tuple[GalleryInfo, ...]:
        """List the galleries there are, by name."""

    def create(self, info: GalleryInfo) -> None:
        """Make an empty gallery, or change what is known of one of the same encoder.

        Raises `OtherEncoder` if one of another encoder has the name.
        """

    def drop(self, gallery: str) -> None:
        """Remove a gallery and its rows; nothing happens if there is none."""

    def add(self, gallery: str, rows: Sequence[Row]) -> None:
        """Add rows, or replace those with the same digest: all or none of them."""

    def remove(self, gallery: str, digests: Iterable[str]) -> None:
        """Remove the rows that are there."""

    def get(self, gallery: str, digests: Sequence[str]) -> tuple[Row, ...]:
        """Return rows in the order asked; those not there are left out."""

    def held(self, gallery: str, digests: Iterable[str]) -> frozenset[str]:
        """Tell which of these digests are there."""

    def search(
        self, gallery: str, vector: NDArray[np.float32], count: int, where: Filter = ANYTHING
    ) -> tuple[Found, ...]:
        """Find the entries whose vectors have the highest cosine, the best first."""

    def scan(
        self, gallery: str, *, vectors: bool = True, batch: int = 1000
    ) -> Iterator[Sequence[Row]]:
        """Yield all rows in batches, in no order; without vectors they have length 0."""

    def count(self, gallery: str) -> int:
        """Count the rows."""

    def version(self, gallery: str) -> str:
        """Name the state of a gallery: another one after every change."""

    def settle(self, gallery: str) -> None:
        """Tidy up after many additions: compact, drop old versions, index if it is large."""


def is_name(name: str) -> bool:
    """Tell whether a text can be the name of a gallery."""
    return _NAME.fullmatch(name) is not None


def checked_name(name: str) -> str:
    """Return a gallery's name if it is one.

    Raises
    ------
    BadGalleryName
        If it could be anything but a plain name: it becomes part of addresses.
    """
    if not is_name(name):
        raise BadGalleryName(
            Text(
                "{name} cannot be the name of a gallery: use up to 63 small letters, digits, "
                "hyphens and underscores.",
                name=UserText(name),
            )
        )
    return name


def open_store(address: str | None = None) -> Store:
    """Open the store at an address.

    Parameters
    ----------
    address : str or None
        A folder, object storage (s3://, gs://, az://), or a Milvus server (milvus://,
        milvus+tls://); None takes `IMGSIM_STORE`, and the folder "galleries" if that is not
        set.

    Returns
    -------
    Store

    Raises
    ------
    StoreGone
        If nothing can be opened there.
    """
    address = address or os.environ.get(STORE_ADDRESS) or USUAL_ADDRESS
    scheme, separator, _ = address.partition("://")
    if scheme in ("milvus", "milvus+tls"):
        from imgsim_core.gallery.milvus import MilvusStore

        return MilvusStore(address)
    if separator and scheme not in ("s3", "gs", "az", "file"):
        raise StoreGone(Text("There is no store of the kind {scheme}.", scheme=UserText(scheme)))
    from imgsim_core.gallery.lance import LanceStore

    return LanceStore(address)
