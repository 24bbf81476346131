"""The embedded store: LanceDB tables in a folder or in object storage.

Every write is one version of a table, so a batch is there wholly or not at all, and several
processes may write. One table a gallery, and one that lists the galleries.
"""

from __future__ import annotations

import os
import re
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.errors import OtherEncoder, StoreGone, UnknownGallery
from imgsim_core.gallery.entry import (
    ANYTHING,
    COLOURS,
    TURNS,
    Entry,
    Filter,
    Found,
    Row,
    in_unicode,
)
from imgsim_core.gallery.store import GalleryInfo, checked_name
from imgsim_core.text import HostText, Text, UserText

EXACT_UP_TO = 20_000
"""Rows up to which a search looks at every vector; above, `settle` builds an index."""

_LIST = "imgsim_galleries"
_PREFIX = "gallery_"
_CHUNK = 1_000  # digests named in one condition
_BETWEEN_NAMES = "\0"  # the one character that is in no file's name
_LONGEST_REASON = 200  # characters
_FACTS = (
    "digest", "names", "sources", "bytes", "format", "width", "height",
    "modified", "taken", "camera", "quality", "sharpness", "hashes", "colours",
    "length",
)  # fmt: skip
# Old versions are for readers that have them open; nobody reads for so long.
_REFINED = 2  # times as many as asked for are compared exactly
_KEPT_VERSIONS = timedelta(minutes=10)
# Two processes that insert the same key at once: with a key declared the later one sees
# the conflict and tries again, without it both rows would stay.
_KEY = {"lance-schema:unenforced-primary-key": "true"}
# Written into a table's schema when it is made
_ENCODER, _MADE = b"imgsim.encoder", b"imgsim.made"
# Seconds that a gallery whose rows' table is there may take to appear in the list
_BEING_MADE = 60.0
_BETWEEN_LOOKS = 0.02  # seconds
_LOCK = ".making"
# Object storage that does not answer is said to be gone soon; it is tried six times anyway.
_PATIENCE = {
    "connect_timeout": "3s",
    "timeout": "10s",
    "client_max_retries": "1",
    "client_retry_timeout": "10",
    "lance_aimd_max_retries": "0",
}


class LanceStore:
    """A `Store` on LanceDB.

    Parameters
    ----------
    address : str
        A folder, made if need be, or s3://, gs://, az:// with the cloud's usual
        environment variables.
    """

    def __init__(self, address: str) -> None:
        import lancedb

        self._address = address
        self._folder = "" if _is_remote(address) else os.path.abspath(address)
        # Open tables, of each thread its own: what one of them sees, no other one moves
        self._mine = threading.local()
        with self._asked():
            try:
                self._base = lancedb.connect(
                    self._folder or address,
                    # Every read asks whether another process has written.
                    read_consistency_interval=timedelta(0),
                    storage_options=None if self._folder else _PATIENCE,
                )
            except ValueError as error:  # how it says that it cannot connect
                raise OSError(str(error)) from error

    @property
    def address(self) -> str:
        """Where it is, for people."""
        return self._address

    # ── Galleries ──────────────────────────────────────────────────────────────────

    def galleries(self) -> tuple[GalleryInfo, ...]:
        """List the galleries there are, by name."""
        with self._asked():
            table = self._table(_LIST)
            if table is None:
                return ()
            rows = table.search().limit(None).to_arrow().to_pylist()
        return tuple(sorted((GalleryInfo(**row) for row in rows), key=lambda info: info.name))

    def create(self, info: GalleryInfo) -> None:
        """Make an empty gallery, or change what is known of one of the same encoder."""
        import pyarrow as pa

        name = _table_of(info.name)
        with self._asked(), self._making():
            listed = next((one for one in self.galleries() if one.name == info.name), None)
            if listed is None:
                left = self._table(name)
                if left is not None and _age_of(left) > _BEING_MADE:
                    self._drop(name)  # of a gallery whose beginning or end was cut short
            # First the rows' table: a gallery that is listed can be opened. Of several that
            # make it at once one wins, and its encoder is what counts.
            encoder = _encoder_of(self._made(name, _schema(info.dimension, info.encoder)))
            if encoder != info.encoder:
                raise OtherEncoder(
                    Text(
                        "The gallery {name} was made with {encoder}; embed it again to use "
                        "{wanted}.",
                        name=UserText(info.name),
                        encoder=encoder,
                        wanted=info.encoder,
                    )
                )
            listing = self._made(_LIST, _list_schema())
            _upsert(listing, "name", pa.Table.from_pylist([asdict(info)], listing.schema))

    def drop(self, gallery: str) -> None:
        """Remove a gallery and its rows; nothing happens if there is none."""
        name = _table_of(gallery)
        with self._asked():
            table = self._table(_LIST)
            if table is not None:
                table.delete(f"name = {_quoted(gallery)}")
            self._drop(name)

    # ── Rows ───────────────────────────────────────────────────────────────────────

    def add(self, gallery: str, rows: Sequence[Row]) -> None:
        """Add rows, or replace those with the same digest: all or none of them."""
        if not rows:
            return
        with self._of(gallery) as table:
            # One row a digest: of those given twice the last counts.
            last = {row.entry.digest: row for row in rows}
            _upsert(table, "digest", _as_arrow(list(last.values()), table.schema))

    def remove(self, gallery: str, digests: Iterable[str]) -> None:
        """Remove the rows that are there."""
        gone = list(digests)
        if not gone:
            return
        with self._of(gallery) as table:
            # One condition, and so one version: all of them or none
            table.delete(_among(gone))

    def get(self, gallery: str, digests: Sequence[str]) -> tuple[Row, ...]:
        """Return rows in the order asked; those not there are left out."""
        found: dict[str, Row] = {}
        with self._of(gallery) as table:
            for some in _chunks(digests):
                arrow = table.search().where(_among(some)).limit(len(some)).to_arrow()
                found.update((row.entry.digest, row) for row in _rows(arrow))
        return tuple(found[digest] for digest in digests if digest in found)

    def held(self, gallery: str, digests: Iterable[str]) -> frozenset[str]:
        """Tell which of these digests are there."""
        found: set[str] = set()
        with self._of(gallery) as table:
            for some in _chunks(digests):
                query = table.search().where(_among(some)).select(["digest"]).limit(len(some))
                found.update(query.to_arrow()["digest"].to_pylist())
        return frozenset(found)

    def search(
        self, gallery: str, vector: NDArray[np.float32], count: int, where: Filter = ANYTHING
    ) -> tuple[Found, ...]:
        """Find the entries whose vectors have the highest cosine, the best first."""
        if count < 1:
            return ()
        with self._of(gallery) as table:
            query = table.search(np.asarray(vector, np.float32), vector_column_name="vector")
            query = query.distance_type("cosine").ef(max(128, 4 * count))
            # The index knows rounded vectors, and of filtered rows another distance altogether
            query = query.refine_factor(_REFINED).select([*_FACTS, "_distance"])
            condition = _condition(where)
            if condition:
                query = query.where(condition, prefilter=True)
            arrow = query.limit(count).to_arrow()
        distances = arrow["_distance"].to_numpy()
        return tuple(
            Found(row.entry, float(np.clip(1 - distance, -1, 1)))
            for row, distance in zip(_rows(arrow), distances, strict=True)
        )

    def scan(
        self, gallery: str, *, vectors: bool = True, batch: int = 1000
    ) -> Iterator[Sequence[Row]]:
        """Yield all rows in batches, in no order; without vectors they have length 0."""
        with self._of(gallery) as table:
            columns = [*_FACTS, "vector"] if vectors else list(_FACTS)
            reader = table.search().select(columns).limit(None).to_batches(batch_size=batch)
            for arrow in reader:
                yield _rows(arrow)

    def count(self, gallery: str) -> int:
        """Count the rows."""
        with self._of(gallery) as table:
            return int(table.count_rows())

    def version(self, gallery: str) -> str:
        """Name the state of a gallery: another one after every change."""
        with self._of(gallery) as table:
            # One dropped and made again counts anew
            return f"{_making_of(table.schema)}.{table.version}"

    def settle(self, gallery: str) -> None:
        """Compact, drop old versions, and index a gallery of more than `EXACT_UP_TO` rows."""
        from lancedb.index import BTree, HnswSq

        with self._of(gallery) as table:
            try:
                if table.count_rows() > EXACT_UP_TO:
                    there = {column for index in table.list_indices() for column in index.columns}
                    if "digest" not in there:  # without it, one row is looked for in all
                        table.create_index("digest", config=BTree())
                    if "vector" not in there:
                        table.create_index("vector", config=HnswSq(distance_type="cosine"))
                table.optimize(cleanup_older_than=_KEPT_VERSIONS)
            except RuntimeError as error:
                if "conflict" not in str(error):
                    raise  # else somebody is writing, and tidies up later

    # ── Inside ─────────────────────────────────────────────────────────────────────

    def _table(self, name: str) -> Any:
        """Return a table as it is now, or None if there is none."""
        tables = self._handles()
        table = tables.get(name)
        if table is not None:
            try:
                _ = table.version  # asks the storage, cheaper than a list of all tables
            except RuntimeError:  # dropped by another process, or the storage is gone
                del tables[name]
            else:
                return table
        table = self._opened(name)
        if table is not None:
            tables[name] = table
        return table

    def _opened(self, name: str) -> Any:
        """Return a table that nobody else holds, or None if there is none."""
        try:
            return self._base.open_table(name)
        except ValueError as error:
            if f"'{name}' was not found" not in str(error):
                raise OSError(str(error)) from error
            self._check_folder()
            return None

    def _check_folder(self) -> None:
        """Raise if a folder that was opened is gone: its disk may not be mounted just now."""
        if self._folder and not os.path.isdir(self._folder):
            raise OSError("the folder is not there")

    def _handles(self) -> dict[str, Any]:
        known: dict[str, Any] = self._mine.__dict__.setdefault("tables", {})
        return known

    @contextmanager
    def _making(self) -> Iterator[None]:
        """Let one maker at a time into a folder.

        Two that make the same table there at once may both believe to have made it; object
        storage refuses the second by itself.
        """
        if not self._folder:
            yield
            return
        from filelock import FileLock

        self._check_folder()
        with FileLock(os.path.join(self._folder, _LOCK)):
            yield

    def _made(self, name: str, schema: Any) -> Any:
        """Return a table, made of this schema if there was none; of several the first counts."""
        if self._table(name) is None:
            try:
                self._base.create_table(name, schema=schema)
            except (ValueError, RuntimeError) as error:
                # Another process was faster
                if "already exists" not in str(error) and "conflict" not in str(error):
                    raise
            else:
                self._give_way(name, _making_of(schema))
        return self._table_of_the_first(name)

    def _give_way(self, name: str, mine: str) -> None:
        """Put back what was there, if we have written over what another has just made.

        LanceDB looks whether there is a table and then commits: in object storage, of several
        that look at once, a later one's commit replaces the table of the first.
        """
        table = self._opened(name)
        if table is None:
            return
        before = None
        for version in _versions(table):
            table.checkout(version)
            if _making_of(table.schema) == mine:
                if before is not None:
                    table.restore(before)
                return
            before = version

    def _table_of_the_first(self, name: str) -> Any:
        """Return a table; wait while one that has written over it puts it back."""
        while True:
            table = self._table(name)
            if table is None or table.version == 1 or _age_of(table) > _BEING_MADE:
                return table
            first = self._opened(name)
            if first is not None:
                first.checkout(_versions(first)[0])
                if _making_of(first.schema) == _making_of(table.schema):
                    return table
            time.sleep(_BETWEEN_LOOKS)

    def _drop(self, name: str) -> None:
        self._handles().pop(name, None)
        self._base.drop_table(name, ignore_missing=True)

    @contextmanager
    def _of(self, gallery: str) -> Iterator[Any]:
        name = _table_of(gallery)
        with self._asked():
            table = self._table(name)
            if table is not None:
                try:
                    yield table
                    return
                except (OSError, RuntimeError):
                    # It may have been dropped in the middle
                    if self._table(name) is not None:
                        raise
        raise UnknownGallery(Text("There is no gallery called {name}.", name=UserText(gallery)))

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except (OSError, RuntimeError) as error:  # what LanceDB raises for its storage
            raise StoreGone(
                Text(
                    "The gallery store at {address} cannot be used just now: {why}.",
                    address=HostText(self._address),
                    why=HostText(_reason(error)),
                )
            ) from error


def _is_remote(address: str) -> bool:
    return "://" in address


def _reason(error: Exception) -> str:
    """Shorten what the storage says: its first line, without places in LanceDB's source."""
    said = (str(error) or type(error).__name__).splitlines()[0]
    said = re.sub(r",? ?\S+\.rs:\d+:\d+", "", said)
    said = re.sub(r"^(lance error: |LanceError\(IO\): )+", "", said).strip(" .,")
    return said if len(said) <= _LONGEST_REASON else said[:_LONGEST_REASON] + "…"


def _encoder_of(table: Any) -> str:
    known: dict[bytes, bytes] = table.schema.metadata or {}
    return known.get(_ENCODER, b"").decode()


def _age_of(table: Any) -> float:
    """Return the seconds since a table was made."""
    return time.time() - float(_making_of(table.schema).partition("-")[0] or 0)


def _making_of(schema: Any) -> str:
    known: dict[bytes, bytes] = schema.metadata or {}
    return known.get(_MADE, b"").decode()


def _versions(table: Any) -> list[int]:
    return sorted(one["version"] for one in table.list_versions())


def _new_making() -> bytes:
    """Return when a table is made, and what no other making of it has."""
    return f"{time.time():.0f}-{uuid.uuid4().hex}".encode()


def _table_of(gallery: str) -> str:
    return _PREFIX + checked_name(gallery)


def _upsert(table: Any, key: str, rows: Any) -> None:
    merge = table.merge_insert(key).when_matched_update_all().when_not_matched_insert_all()
    merge.execute(rows)


def _list_schema() -> Any:
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("name", pa.string(), nullable=False, metadata=_KEY),
            pa.field("title", pa.string()),
            pa.field("model", pa.string()),
            pa.field("encoder", pa.string()),
            pa.field("dimension", pa.int64()),
            pa.field("created", pa.float64()),
            pa.field("expires", pa.float64()),
        ],
        metadata={_MADE: _new_making()},
    )


def _schema(dimension: int, encoder: str) -> Any:
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("digest", pa.string(), nullable=False, metadata=_KEY),
            pa.field("names", pa.list_(pa.string())),
            pa.field("sources", pa.list_(pa.string())),
            pa.field("bytes", pa.int64()),
            pa.field("format", pa.string()),
            # 64 bits, because conditions multiply them
            pa.field("width", pa.int64()),
            pa.field("height", pa.int64()),
            pa.field("modified", pa.float64()),
            pa.field("taken", pa.string()),
            pa.field("camera", pa.string()),
            pa.field("quality", pa.int32()),
            pa.field("sharpness", pa.float32()),
            pa.field("hashes", pa.list_(pa.uint64(), TURNS)),
            pa.field("colours", pa.list_(pa.float32(), COLOURS)),
            pa.field("length", pa.float32()),
            # Folded once here, so that conditions on names need no folding of their own
            pa.field("folded_names", pa.string()),
            pa.field("vector", pa.list_(pa.float32(), dimension)),
        ],
        metadata={
            _ENCODER: encoder.encode(),
            _MADE: _new_making(),
        },
    )


def _as_arrow(rows: Sequence[Row], schema: Any) -> Any:
    import pyarrow as pa

    columns: dict[str, Any] = {
        name: [getattr(row.entry, name) for row in rows]
        for name in _FACTS
        if name not in ("names", "sources", "hashes", "colours")
    }
    columns["names"] = [list(map(in_unicode, row.entry.names)) for row in rows]
    columns["sources"] = [list(map(in_unicode, row.entry.sources)) for row in rows]
    columns["camera"] = [in_unicode(row.entry.camera) for row in rows]
    columns["folded_names"] = [_BETWEEN_NAMES.join(map(_folded, row.entry.names)) for row in rows]
    columns["hashes"] = _fixed(np.stack([row.entry.hashes for row in rows]).astype(np.uint64))
    columns["colours"] = _fixed(np.stack([row.entry.colours for row in rows]).astype(np.float32))
    columns["vector"] = _fixed(np.stack([row.vector for row in rows]).astype(np.float32))
    arrays = [
        columns[field.name]
        if isinstance(columns[field.name], pa.Array)
        else pa.array(columns[field.name], field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _folded(name: str) -> str:
    return in_unicode(name).casefold()


def _fixed(values: NDArray[Any]) -> Any:
    import pyarrow as pa

    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def _rows(arrow: Any) -> list[Row]:
    """Turn an Arrow table or batch into rows whose vectors are views of it."""
    count = arrow.num_rows
    facts = {
        name: arrow.column(name).to_pylist() for name in _FACTS if name not in ("hashes", "colours")
    }
    # Copied: a view of one column keeps the whole batch in memory, vectors included
    hashes = _matrix(arrow, "hashes", count).copy()
    colours = _matrix(arrow, "colours", count).copy()
    if "vector" in arrow.schema.names:
        vectors = _matrix(arrow, "vector", count)
    else:
        vectors = np.zeros((count, 0), np.float32)
    rows = []
    for i in range(count):
        known: dict[str, Any] = {name: values[i] for name, values in facts.items()}
        known["names"] = tuple(known["names"])
        known["sources"] = tuple(known["sources"])
        rows.append(Row(Entry(**known, hashes=hashes[i], colours=colours[i]), vectors[i]))
    return rows


def _matrix(arrow: Any, name: str, count: int) -> NDArray[Any]:
    column = arrow.column(name)
    if hasattr(column, "combine_chunks"):  # a table's, not a batch's
        column = column.combine_chunks()
    flat = column.flatten().to_numpy(zero_copy_only=False)
    matrix: NDArray[Any] = flat.reshape(count, column.type.list_size)
    return matrix


def _chunks(digests: Iterable[str]) -> Iterator[list[str]]:
    wanted = list(digests)
    for start in range(0, len(wanted), _CHUNK):
        yield wanted[start : start + _CHUNK]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _among(digests: Sequence[str]) -> str:
    return f"digest IN ({', '.join(map(_quoted, digests))})"


def _condition(where: Filter) -> str:
    """Write a filter in the store's SQL; `Filter.keeps` says what each condition means."""
    conditions = []
    if _BETWEEN_NAMES in where.name:
        conditions.append("false")
    elif where.name:
        conditions.append(f"strpos(folded_names, {_quoted(_folded(where.name))}) > 0")
    if where.formats:
        conditions.append(f"format IN ({', '.join(map(_quoted, where.formats))})")
    size = "width * height"
    square = "20 * abs(width - height) <= greatest(width, height)"
    if where.shape == "square":
        conditions.append(square)
    elif where.shape:
        sides = "width > height" if where.shape == "wide" else "width < height"
        conditions.append(f"NOT ({square}) AND {sides}")
    if where.least_pixels:
        conditions.append(f"{size} >= {int(where.least_pixels)}")
    if where.most_pixels:
        conditions.append(f"{size} <= {int(where.most_pixels)}")
    if where.taken_from:
        conditions.append(f"taken >= {_quoted(where.taken_from)}")
    if where.taken_to:
        start = f"left(taken, {len(where.taken_to)})"  # a day includes its times
        conditions.append(f"taken <> '' AND {start} <= {_quoted(where.taken_to)}")
    if where.camera:
        conditions.append(f"camera = {_quoted(in_unicode(where.camera))}")
    return " AND ".join(f"({condition})" for condition in conditions)
