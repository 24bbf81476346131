"""The embedded store: LanceDB tables in a folder or in object storage.

Every write is one version of a table, so a batch is there wholly or not at all, and several
processes may write. One table a gallery, and one that lists the galleries.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgsim_core.errors import OtherEncoder, StoreGone, UnknownGallery
from imgsim_core.gallery.entry import ANYTHING, COLOURS, TURNS, Entry, Filter, Found, Row
from imgsim_core.gallery.store import GalleryInfo, checked_name
from imgsim_core.text import Text, UserText

EXACT_UP_TO = 20_000
"""Rows up to which a search looks at every vector; above, `settle` builds an index."""

_LIST = "imgsim_galleries"
_PREFIX = "gallery_"
_CHUNK = 1_000  # digests named in one condition
_FACTS = (
    "digest", "names", "sources", "bytes", "format", "width", "height",
    "modified", "taken", "camera", "quality", "sharpness", "hashes", "colours",
    "length",
)  # fmt: skip
# Old versions are for readers that have them open; nobody reads for so long.
_KEPT_VERSIONS = timedelta(minutes=10)


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
        self._tables: dict[str, Any] = {}
        self._lock = threading.Lock()
        with self._asked():
            # Every read asks whether another process has written.
            self._base = lancedb.connect(address, read_consistency_interval=timedelta(0))

    @property
    def address(self) -> str:
        """Where it is, for people."""
        return self._address

    # ── Galleries ──────────────────────────────────────────────────────────────────

    def galleries(self) -> tuple[GalleryInfo, ...]:
        """List the galleries there are, by name."""
        with self._asked():
            if not self._exists(_LIST):
                return ()
            rows = self._open(_LIST).search().limit(None).to_arrow().to_pylist()
        return tuple(sorted((GalleryInfo(**row) for row in rows), key=lambda info: info.name))

    def create(self, info: GalleryInfo) -> None:
        """Make an empty gallery, or change what is known of one of the same encoder."""
        import pyarrow as pa

        table = _table_of(info.name)
        there = next((one for one in self.galleries() if one.name == info.name), None)
        if there is not None and there.encoder != info.encoder:
            raise OtherEncoder(
                Text(
                    "The gallery {name} was made with {encoder}; embed it again to use {wanted}.",
                    name=UserText(info.name),
                    encoder=there.encoder,
                    wanted=info.encoder,
                )
            )
        with self._asked():
            # First the rows' table: a gallery that is listed can be opened.
            self._base.create_table(table, schema=_schema(info.dimension), exist_ok=True)
            listed = pa.Table.from_pylist([asdict(info)])
            if self._exists(_LIST):
                _upsert(self._open(_LIST), "name", listed)
            else:
                self._base.create_table(_LIST, listed)

    def drop(self, gallery: str) -> None:
        """Remove a gallery and its rows; nothing happens if there is none."""
        table = _table_of(gallery)
        with self._asked():
            if self._exists(_LIST):
                self._open(_LIST).delete(f"name = {_quoted(gallery)}")
            if self._exists(table):
                with self._lock:
                    self._tables.pop(table, None)
                self._base.drop_table(table)

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
        with self._of(gallery) as table:
            for some in _chunks(digests):
                table.delete(_among(some))

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
        with self._of(gallery) as table:
            query = table.search(np.asarray(vector, np.float32), vector_column_name="vector")
            query = query.metric("cosine").ef(max(128, 4 * count)).select([*_FACTS, "_distance"])
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
            return str(table.version)

    def settle(self, gallery: str) -> None:
        """Compact, drop old versions, and index a gallery of more than `EXACT_UP_TO` rows."""
        with self._of(gallery) as table:
            if table.count_rows() > EXACT_UP_TO and not list(table.list_indices()):
                table.create_index("cosine", index_type="IVF_HNSW_SQ")
            table.optimize(cleanup_older_than=_KEPT_VERSIONS)

    # ── Inside ─────────────────────────────────────────────────────────────────────

    def _exists(self, table: str) -> bool:
        return table in self._base.table_names(limit=1_000_000)

    def _open(self, table: str) -> Any:
        with self._lock:
            if table not in self._tables:
                self._tables[table] = self._base.open_table(table)
            return self._tables[table]

    @contextmanager
    def _of(self, gallery: str) -> Iterator[Any]:
        name = _table_of(gallery)
        with self._asked():
            if not self._exists(name):
                with self._lock:
                    self._tables.pop(name, None)
                raise UnknownGallery(
                    Text("There is no gallery called {name}.", name=UserText(gallery))
                )
            yield self._open(name)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except (OSError, RuntimeError) as error:  # what LanceDB raises for its storage
            raise StoreGone(
                Text(
                    "The gallery store at {address} cannot be used just now: {why}.",
                    address=UserText(self._address),
                    why=UserText(str(error).splitlines()[0] if str(error) else error),
                )
            ) from error


def _table_of(gallery: str) -> str:
    return _PREFIX + checked_name(gallery)


def _upsert(table: Any, key: str, rows: Any) -> None:
    merge = table.merge_insert(key).when_matched_update_all().when_not_matched_insert_all()
    merge.execute(rows)


def _schema(dimension: int) -> Any:
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("digest", pa.string(), nullable=False),
            pa.field("names", pa.list_(pa.string())),
            pa.field("sources", pa.list_(pa.string())),
            pa.field("bytes", pa.int64()),
            pa.field("format", pa.string()),
            pa.field("width", pa.int32()),
            pa.field("height", pa.int32()),
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
        ]
    )


def _as_arrow(rows: Sequence[Row], schema: Any) -> Any:
    import pyarrow as pa

    columns: dict[str, Any] = {
        name: [getattr(row.entry, name) for row in rows]
        for name in _FACTS
        if name not in ("names", "sources", "hashes", "colours")
    }
    columns["names"] = [list(row.entry.names) for row in rows]
    columns["sources"] = [list(row.entry.sources) for row in rows]
    columns["folded_names"] = ["\n".join(row.entry.names).casefold() for row in rows]
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


def _fixed(values: NDArray[Any]) -> Any:
    import pyarrow as pa

    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def _rows(arrow: Any) -> list[Row]:
    """Turn an Arrow table or batch into rows whose arrays are views of its columns."""
    count = arrow.num_rows
    facts = {
        name: arrow.column(name).to_pylist() for name in _FACTS if name not in ("hashes", "colours")
    }
    hashes = _matrix(arrow, "hashes", count)
    colours = _matrix(arrow, "colours", count)
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
    if where.name:
        conditions.append(f"strpos(folded_names, {_quoted(where.name.casefold())}) > 0")
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
        # "~" sorts after all that can follow: a day includes its times
        conditions.append(f"taken <> '' AND taken <= {_quoted(where.taken_to + '~')}")
    if where.camera:
        conditions.append(f"camera = {_quoted(where.camera)}")
    return " AND ".join(f"({condition})" for condition in conditions)
