"""A gallery at hand: its place in a store, its pictures on a shelf, and what it holds now."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from imgsim_core import paged
from imgsim_core.errors import ImgSimError, OtherEncoder, StoreGone, UnknownGallery
from imgsim_core.gallery.entry import TURNS, Entry
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import GalleryInfo, Store
from imgsim_core.heap import give_back_memory
from imgsim_core.models.catalogue import Model, model_by_id
from imgsim_core.models.identity import encoder_key
from imgsim_core.picture import Picture, open_picture, open_reduced
from imgsim_core.sizes import drop_oldest
from imgsim_core.text import Text, UserText


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All of a gallery at one moment, in memory: for what has to look at every picture.

    Parameters
    ----------
    entries : tuple of Entry
        By name, then digest.
    vectors : ndarray of float32, shape (n, d)
        Row i belongs to entry i; length 1.
    version : str
        The store's name for this state.
    """

    entries: tuple[Entry, ...]
    vectors: NDArray[np.float32]
    version: str

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def nbytes(self) -> int:
        """Bytes in memory, by estimate."""
        return self.vectors.nbytes + _ENTRY_BYTES * len(self.entries)

    @cached_property
    def hashes(self) -> NDArray[np.uint64]:
        """Hashes of all entries, shape (n, 8)."""
        found = [entry.hashes for entry in self.entries]
        return np.array(found, np.uint64).reshape(-1, TURNS)

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """Row of each digest."""
        return {entry.digest: row for row, entry in enumerate(self.entries)}


@dataclass(frozen=True, eq=False)
class Gallery:
    """A gallery in a store, with the shelf that holds its pictures.

    Parameters
    ----------
    store : Store
    shelf : Shelf
    info : GalleryInfo
    read_only : bool
        Published by the host: to look at, not to change.
    """

    store: Store
    shelf: Shelf
    info: GalleryInfo
    read_only: bool = False

    @property
    def name(self) -> str:
        """Name in the store."""
        return self.info.name

    @property
    def title(self) -> str:
        """Name for people."""
        return self.info.title or self.info.name

    def model(self) -> Model:
        """Return the gallery's model, if it is here with the very weights of the gallery.

        Raises
        ------
        OtherEncoder
            If this host's model makes other vectors than those of the gallery.
        UnknownModel, WeightsMissing
        """
        model = model_by_id(self.info.model)
        key = encoder_key(model)
        if key != self.info.encoder:
            raise OtherEncoder(
                Text(
                    "The gallery {name} was made with {encoder}; embed it again to use {wanted}.",
                    name=UserText(self.name),
                    encoder=self.info.encoder,
                    wanted=key,
                )
            )
        return model

    def snapshot(self) -> Snapshot:
        """Read all of it, or recall it if nothing has changed since."""
        # One dropped and made again counts its versions anew
        key = (self.store.address, self.name, self.info.created)
        with _lock:
            reading = _reading.setdefault(key, threading.Lock())
        # Who asks while another reads waits for that, or a large gallery is in memory twice
        with reading:
            version = self.store.version(self.name)
            with _lock:
                known = _snapshots.get(key)
            if known is not None and known.version == version:
                return known
            return self._read_anew(key, version)

    def sample(self) -> NDArray[np.float32]:
        """Vectors of some pictures: what stands for all where those are too many to be read.

        Returns
        -------
        ndarray of float32, shape (n, d)
            At most `SAMPLE` rows, in no order; read-only. Read once for each state of the
            gallery.
        """
        key = (self.store.address, self.name, self.info.created)
        version = self.store.version(self.name)
        with _lock:
            known = _samples.get(key)
        if known is not None and known[0] == version:
            return known[1]
        batches = self.store.scan(self.name, batch=SAMPLE)
        rows = itertools.islice(itertools.chain.from_iterable(batches), SAMPLE)
        vectors = np.array([row.vector for row in rows], np.float32)
        vectors = vectors.reshape(-1, self.info.dimension)
        vectors.setflags(write=False)
        with _lock:
            _samples.pop(key, None)
            _samples[key] = version, vectors
            drop_oldest(_samples, _MOST_SAMPLE_BYTES)
        return vectors

    def _read_anew(self, key: tuple[str, str, float], version: str) -> Snapshot:
        entries, vectors = self._read()
        if len(entries) > _MANY:  # takes longer than to read a few
            give_back_memory()
        vectors.setflags(write=False)
        read = Snapshot(entries, vectors, version)
        with _lock:
            _snapshots.pop(key, None)
            _snapshots[key] = read
            drop_oldest(_snapshots, _MOST_BYTES, lambda one: one.nbytes)
        return read

    def _read(self) -> tuple[tuple[Entry, ...], NDArray[np.float32]]:
        """Read entries by name, and their vectors, which are in memory only once."""
        entries: list[Entry] = []
        vectors = paged.zeros(self.store.count(self.name), self.info.dimension)
        for rows in self.store.scan(self.name):
            if len(entries) + len(rows) > len(vectors):  # somebody adds at the same time
                more = np.zeros((len(rows) + len(vectors) // 8, self.info.dimension), np.float32)
                vectors = np.concatenate([vectors, more])
            for row in rows:
                vectors[len(entries)] = row.vector
                entries.append(row.entry)
        order = sorted(range(len(entries)), key=lambda i: (entries[i].name, entries[i].digest))
        vectors = vectors[: len(entries)]
        for start in range(0, self.info.dimension, _COLUMNS):
            some = slice(start, start + _COLUMNS)
            vectors[:, some] = vectors[order, some]
        return tuple(entries[i] for i in order), vectors

    def entry(self, digest: str) -> Entry:
        """Find one picture's entry.

        Raises
        ------
        UnknownGallery
            If the gallery is gone, or no longer holds the picture.
        """
        rows = self.store.get(self.name, [digest])
        if not rows:
            raise UnknownGallery(
                Text("The gallery {name} no longer holds this picture.", name=UserText(self.title))
            )
        return rows[0].entry

    def picture(self, entry: Entry, long_side: int | None = None) -> Picture:
        """Open a picture of the gallery again.

        Parameters
        ----------
        entry : Entry
        long_side : int or None
            Opened at most this large; None opens it in full.

        Returns
        -------
        Picture
            From the original: on the shelf, or where it was read. If both are gone, the
            thumbnail, with a note that says so, and with a digest of its own: what is
            remembered of it must never be taken for what is known of the whole picture.

        Raises
        ------
        ImgSimError
            If not even a thumbnail is there.
        """
        for data in (self.shelf.original(entry.digest), *map(_read, entry.sources)):
            if data is not None:
                try:
                    if long_side is None:
                        picture = open_picture(data, entry.name)
                    else:
                        picture = open_reduced(data, entry.name, long_side)
                except ImgSimError:
                    continue  # changed since it was read
                if picture.digest == entry.digest:
                    return picture
        small = self.shelf.thumbnail(entry.digest)
        if small is None:
            raise StoreGone(
                Text("The picture {name} is no longer there.", name=UserText(entry.name))
            )
        opened = open_picture(small, entry.name)
        note = Text("The original is gone: this is the gallery's small copy.")
        return replace(opened, notes=(*opened.notes, note))


SAMPLE = 2_000
"""Rows whose vectors stand for a large gallery's."""

_MOST_BYTES = 2**30  # of all snapshots
_MOST_SAMPLE_BYTES = 64 * 2**20  # of all samples
_ENTRY_BYTES = 1_000  # measured: 940 for an entry with one name
_COLUMNS = 64  # put in order at a time
_MANY = 10_000
_snapshots: dict[tuple[str, str, float], Snapshot] = {}
_samples: dict[tuple[str, str, float], tuple[str, NDArray[np.float32]]] = {}
_reading: WeakValueDictionary[tuple[str, str, float], threading.Lock] = WeakValueDictionary()
_lock = threading.Lock()


def forget_snapshots(address: str) -> None:
    """Let go of what is remembered of galleries whose store lies at or below an address."""
    with _lock:
        for key in [key for key in (*_snapshots, *_samples) if key[0].startswith(address)]:
            _snapshots.pop(key, None)
            _samples.pop(key, None)


def _read(source: str) -> bytes | None:
    """Read a file at an address, or return None if it is not there any more."""
    if not source:
        return None
    import fsspec

    try:
        with fsspec.open(source, "rb") as file:
            data: bytes = file.read()
    except (OSError, ValueError, ImportError):
        return None
    return data


def open_gallery(name: str, store: Store, shelf: Shelf, read_only: bool = False) -> Gallery:
    """Find a gallery.

    Raises
    ------
    UnknownGallery
        If there is none of this name; the sentence lists those there are.
    """
    galleries: Sequence[GalleryInfo] = store.galleries()
    for info in galleries:
        if info.name == name:
            return Gallery(store, shelf, info, read_only)
    known = ", ".join(info.name for info in galleries)
    if not known:
        raise UnknownGallery(
            Text("There is no gallery called {name}; there is none yet.", name=UserText(name))
        )
    raise UnknownGallery(
        Text(
            "There is no gallery called {name}. There are: {known}.",
            name=UserText(name),
            known=UserText(known),
        )
    )
