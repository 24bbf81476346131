"""The distributed store: a Milvus server or cluster, asked by as many hosts as there are.

Rows whose vectors have the same length share a collection, and each gallery's lie in one of
64 partitions of it. That a gallery is there is said by a collection of its own that holds no
rows: servers make a collection once, whoever asks at the same time, and all of them know of
it at once. Rows take longer to be seen by others: see `MilvusStore`.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

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
    shape_of,
)
from imgsim_core.gallery.store import GalleryInfo, checked_name
from imgsim_core.text import HostText, Text, UserText

MILVUS_TOKEN = "IMGSIM_MILVUS_TOKEN"
"""Environment variable: what the server wants to be shown, "user:password" or a token."""
SCHEMES = {"milvus": "http", "milvus+tls": "https"}
"""How addresses of such stores begin, and what is spoken there."""

_GALLERY, _ROWS = "imgsim_gallery_", "imgsim_rows_"
_PARTITIONS = 64
_PORT = 19530
_CHUNK = 1_000  # rows or digests of one call, far below the 64 MB that one may have
_MOST_FOUND = 16_384  # what one search or query may return
_LONGEST_TEXT = 65_535  # bytes of a text
_LONGEST_REASON = 200  # characters
_LAST_LETTER = "\U0010ffff"
# Rows of pictures, what is known of a gallery, and the name of its state
_PICTURE, _ABOUT, _STATE = 0, 1, 2

# Seconds: for an answer that is at hand, for one that is written, for one that is worked at.
# What is asked first is asked with the first, so a server that is gone is said within it.
_PATIENCE, _WRITING, _WORKING = 5.0, 30.0, 120.0
# Seconds after which the server itself sees to it that what was written is seen by all
_SEEN_BY_ALL = 10.0
# Seconds that a gallery may take from its making to its being listed
_BEING_MADE = 60.0

_INDEX = {"M": 16, "efConstruction": 200}
_LEAST_LOOKED_AT = 128  # candidates of a search in the index

_T = TypeVar("_T")


@dataclass(frozen=True)
class _Making:
    """One making of a gallery: one dropped and made again is another."""

    gallery: str
    id: str
    encoder: str
    dimension: int
    made: float

    @property
    def rows(self) -> str:
        return f"{_ROWS}{self.dimension}"

    @property
    def partition(self) -> str:
        return f"part_{zlib.crc32(self.gallery.encode()) % _PARTITIONS}"

    @property
    def mine(self) -> str:
        """Condition that keeps the rows of its pictures."""
        return f'making == "{self.id}" and kind == {_PICTURE}'

    def key(self, digest: str) -> str:
        return f"{self.id}:{digest}"


class MilvusStore:
    """A `Store` on Milvus.

    Parameters
    ----------
    address : str
        milvus://host:19530, or milvus+tls:// for an encrypted connection; a database may
        follow as the path. User and password stand in `IMGSIM_MILVUS_TOKEN`, or in the
        address, which is shown without them.

    Notes
    -----
    A process sees at once what it has written, and what others had written before it first
    read. What they write later it sees when the server has passed it on, within a second as
    a rule and within five by the server's promise. That a gallery was made or dropped is
    seen by all at once.

    Up to 1,000 rows are added wholly or not at all; more of them in one call are added in
    parts of so many. A search finds 16,384 at most.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        host, database = parts.hostname or "localhost", parts.path.strip("/")
        try:
            port = parts.port or _PORT
        except ValueError as error:  # no number
            raise StoreGone(
                Text("There is no store at {address}.", address=HostText(host))
            ) from error
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._address = f"{parts.scheme}://{place}" + (f"/{database}" if database else "")
        token = os.environ.get(MILVUS_TOKEN, "")
        if parts.username:
            token = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        self._ready: set[str] = set()  # collections and partitions that are there
        self._read: set[str] = set()  # collections that were read from
        with self._asked():
            self._client: Any = _client(f"{SCHEMES[parts.scheme]}://{place}", token, database)

    @property
    def address(self) -> str:
        """Where it is, for people."""
        return self._address

    # ── Galleries ──────────────────────────────────────────────────────────────────

    def galleries(self) -> tuple[GalleryInfo, ...]:
        """List the galleries there are, by name."""
        with self._asked():
            there = self._client.list_collections(timeout=_PATIENCE)
            abouts = []
            for name in there:
                if name.startswith(_ROWS):
                    self._make_rows(int(name.removeprefix(_ROWS)))
                    abouts += self._query(name, f"kind == {_ABOUT}", ["making", "payload"])
            infos: dict[str, GalleryInfo] = {}
            for one in abouts:
                info = _info(one)
                if _marker(info.name) not in there:
                    continue  # dropped
                if info.name in infos:  # dropped and made again, and not tidied up yet
                    making = self._making(info.name)
                    if making is None or making.id != one["making"]:
                        continue
                infos[info.name] = info
        return tuple(sorted(infos.values(), key=lambda info: info.name))

    def create(self, info: GalleryInfo) -> None:
        """Make an empty gallery, or change what is known of one of the same encoder."""
        marker = _marker(info.name)
        with self._asked():
            making = self._making(info.name)
            if making is not None and making.encoder != info.encoder and self._was_left(making):
                self._client.drop_collection(marker, timeout=_WRITING)
                making = None
            if making is None:
                self._make_rows(info.dimension)
                making = self._made(info)
            if making.encoder != info.encoder:
                raise OtherEncoder(
                    Text(
                        "The gallery {name} was made with {encoder}; embed it again to use "
                        "{wanted}.",
                        name=UserText(info.name),
                        encoder=making.encoder,
                        wanted=info.encoder,
                    )
                )
            self._upsert(making, [_row_about(making, info)])

    def drop(self, gallery: str) -> None:
        """Remove a gallery and its rows; nothing happens if there is none."""
        marker = _marker(gallery)
        with self._asked():
            making = self._making(gallery)
            if making is None:
                return
            self._client.drop_collection(marker, timeout=_WRITING)
            # From here on it is gone. What is cut short now, `settle` completes.
            self._clear(making.rows, making.id)

    # ── Rows ───────────────────────────────────────────────────────────────────────

    def add(self, gallery: str, rows: Sequence[Row]) -> None:
        """Add rows, or replace those with the same digest: 1,000 of them wholly or not at all."""
        if not rows:
            return
        with self._of(gallery) as making:
            # One row a digest: of those given twice the last counts.
            last = {row.entry.digest: row for row in rows}
            made = [_row_of(making, row) for row in last.values()]
            for some in _chunks(made):
                # The state in the same call: nobody sees one without the other
                self._upsert(making, [*some, _row_state(making)])

    def remove(self, gallery: str, digests: Iterable[str]) -> None:
        """Remove the rows that are there."""
        gone = list(digests)
        if not gone:
            return
        with self._of(gallery) as making:
            # No call removes and writes: if this one ends in the middle, the state that is
            # left behind is known for one that does not last
            self._upsert(making, [_row_state(making, lasts=False)])
            for some in _chunks(gone, _MOST_FOUND):
                self._client.delete(
                    making.rows,
                    filter=_among(making, some),
                    partition_name=making.partition,
                    timeout=_WRITING,
                )
            self._upsert(making, [_row_state(making)])

    def get(self, gallery: str, digests: Sequence[str]) -> tuple[Row, ...]:
        """Return rows in the order asked; those not there are left out."""
        with self._of(gallery) as making:
            found = {
                row.entry.digest: row
                for some in _chunks(digests)
                for row in map(_row, self._ask(making, _among(making, some), "payload", "vector"))
            }
        return tuple(found[digest] for digest in digests if digest in found)

    def held(self, gallery: str, digests: Iterable[str]) -> frozenset[str]:
        """Tell which of these digests are there."""
        with self._of(gallery) as making:
            return frozenset(
                one["key"].partition(":")[2]
                for some in _chunks(list(digests))
                for one in self._ask(making, _among(making, some), "key")
            )

    def search(
        self, gallery: str, vector: NDArray[np.float32], count: int, where: Filter = ANYTHING
    ) -> tuple[Found, ...]:
        """Find the entries whose vectors have the highest cosine, the best first."""
        if count < 1:
            return ()
        count = min(count, _MOST_FOUND)
        condition = _condition(where)
        with self._of(gallery) as making:
            if not where.name:
                return self._nearest(making, vector, count, condition)
            return self._nearest_named(making, vector, count, condition, in_unicode(where.name))

    def scan(
        self, gallery: str, *, vectors: bool = True, batch: int = 1000
    ) -> Iterator[Sequence[Row]]:
        """Yield all rows in batches, in no order; without vectors they have length 0."""
        columns = ("payload", "vector") if vectors else ("payload",)
        with self._of(gallery) as making:
            for found in self._all(making, making.mine, *columns):
                for some in _chunks(found, batch):
                    yield [_row(one) for one in some]

    def count(self, gallery: str) -> int:
        """Count the rows."""
        with self._of(gallery) as making:
            return self._count(making)

    def version(self, gallery: str) -> str:
        """Name the state of a gallery: another one after every change."""
        with self._of(gallery) as making:
            found = self._ask(making, f'key == "{making.key("state")}"', "payload")
        if not found:
            return making.id
        state = json.loads(found[0]["payload"])
        changes_until = state["changes_until"]
        if not changes_until:
            return f"{making.id}.{state['id']}"
        # Rows are being removed, or were when the remover ended: for a while it may be
        # another state every second
        now = min(time.time(), changes_until)
        return f"{making.id}.{state['id']}.{now:.0f}"

    def settle(self, gallery: str) -> None:
        """Have the server write down and index what was added, and clear what was dropped."""
        with self._of(gallery) as making:
            self._client.flush(making.rows, timeout=_WORKING)
            for one in self._query(making.rows, f"kind == {_ABOUT}", ["making", "payload"]):
                now = self._making(_info(one).name)
                if now is None or now.id != one["making"]:
                    self._clear(making.rows, one["making"])

    # ── Makings ────────────────────────────────────────────────────────────────────

    def _making(self, gallery: str) -> _Making | None:
        """Return the making that a gallery's marker tells of, None if there is none."""
        from pymilvus.exceptions import ErrorCode, MilvusException

        try:
            marker = self._client.describe_collection(_marker(gallery), timeout=_PATIENCE)
        except MilvusException as error:
            if error.code == ErrorCode.COLLECTION_NOT_FOUND:
                return None
            raise
        return _Making(**json.loads(marker["description"]))

    def _made(self, info: GalleryInfo) -> _Making:
        """Make a gallery's marker, unless somebody else is faster."""
        from pymilvus import DataType
        from pymilvus.exceptions import MilvusException

        mine = _Making(info.name, uuid.uuid4().hex, info.encoder, info.dimension, time.time())
        schema = self._client.create_schema(
            auto_id=False, description=json.dumps(asdict(mine)), enable_dynamic_field=False
        )
        schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=1)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)  # a collection must have one
        try:
            self._client.create_collection(_marker(info.name), schema=schema, timeout=_WRITING)
        except MilvusException:
            making = self._making(info.name)
            if making is None:
                raise
            return making
        return self._making(info.name) or mine

    def _was_left(self, making: _Making) -> bool:
        """Tell whether a gallery's maker ended before it was listed."""
        if time.time() < making.made + _BEING_MADE:
            return False
        return not self._ask(making, f'key == "{making.key("about")}"', "key")

    def _clear(self, rows: str, making: str) -> None:
        """Delete the rows of a making that is no more; the one that says so at last."""
        for kind in ("!=", "=="):
            condition = f'making == "{making}" and kind {kind} {_ABOUT}'
            self._client.delete(rows, filter=condition, timeout=_WORKING)

    def _make_rows(self, dimension: int) -> None:
        """See to it that there are rows with vectors of this length, and that they are loaded."""
        from pymilvus import DataType

        rows = f"{_ROWS}{dimension}"
        if rows in self._ready:
            return
        if not self._client.has_collection(rows, timeout=_PATIENCE):
            schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=128)
            schema.add_field("making", DataType.VARCHAR, max_length=32)
            schema.add_field("kind", DataType.INT8)
            # What conditions are about
            schema.add_field("format", DataType.VARCHAR, max_length=_LONGEST_TEXT)
            schema.add_field("shape", DataType.VARCHAR, max_length=6)
            schema.add_field("pixels", DataType.INT64)
            schema.add_field("taken", DataType.VARCHAR, max_length=_LONGEST_TEXT)
            schema.add_field("camera", DataType.VARCHAR, max_length=_LONGEST_TEXT)
            schema.add_field("payload", DataType.VARCHAR, max_length=_LONGEST_TEXT)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
            self._client.create_collection(rows, schema=schema, timeout=_WORKING)
        state = self._client.get_load_state(rows, timeout=_PATIENCE)["state"].name
        if state == "NotLoad":
            index = self._client.prepare_index_params()
            index.add_index("vector", index_type="HNSW", metric_type="COSINE", params=_INDEX)
            self._client.create_index(rows, index, timeout=_WORKING)
            self._client.load_collection(rows, timeout=_WORKING)
        elif state == "Loading":
            # By somebody else, which takes seconds; or the server was started again just now,
            # which may take a minute and is not waited for
            self._client.load_collection(rows, timeout=_PATIENCE)
        self._ready.add(rows)

    # ── Asking ─────────────────────────────────────────────────────────────────────

    def _upsert(self, making: _Making, rows: list[dict[str, Any]]) -> None:
        partition = f"{making.rows}/{making.partition}"
        if partition not in self._ready:
            self._make_rows(making.dimension)
            self._client.create_partition(making.rows, making.partition, timeout=_WRITING)
            self._ready.add(partition)
        self._client.upsert(making.rows, rows, partition_name=making.partition, timeout=_WRITING)
        _written[self._address, making.rows] = time.monotonic()

    def _consistency(self, rows: str) -> str:
        """Choose how fresh an answer must be; the fresher it is, the longer it takes."""
        if rows not in self._read:
            return "Strong"  # whatever anybody has written by now
        written = _written.get((self._address, rows))
        if written is not None and time.monotonic() < written + _SEEN_BY_ALL:
            return "Session"  # what this process has written
        return "Bounded"

    def _query(
        self, rows: str, condition: str, columns: list[str], **more: Any
    ) -> list[dict[str, Any]]:
        found = self._client.query(
            rows,
            filter=condition,
            output_fields=columns,
            consistency_level=self._consistency(rows),
            timeout=_WRITING,
            **more,
        )
        self._read.add(rows)
        return list(found)

    def _ask(self, making: _Making, condition: str, *columns: str) -> list[dict[str, Any]]:
        """Return what rows of a gallery's partition hold, as far as its partition is there."""
        if not self._has_partition(making):
            return []
        more = {} if columns == ("count(*)",) else {"limit": _MOST_FOUND}
        return self._query(
            making.rows, condition, list(columns), partition_names=[making.partition], **more
        )

    def _has_partition(self, making: _Making) -> bool:
        """Tell whether anything was ever added where a gallery's rows lie."""
        partition = f"{making.rows}/{making.partition}"
        if partition in self._ready:
            return True
        self._make_rows(making.dimension)
        if self._client.has_partition(making.rows, making.partition, timeout=_PATIENCE):
            self._ready.add(partition)
        return partition in self._ready

    def _count(self, making: _Making) -> int:
        found = self._ask(making, making.mine, "count(*)")
        return int(found[0]["count(*)"]) if found else 0

    def _all(
        self, making: _Making, condition: str, *columns: str
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield all rows that a condition keeps, about a thousand at a time.

        Digests are spread evenly, so equal spans of their first eight digits hold about as
        many each.
        """
        spans = max(1, -(-self._count(making) // _CHUNK))
        step = -(-(16**8) // spans)
        waiting = [(start, min(start + step, 16**8)) for start in range(0, 16**8, step)]
        while waiting:
            start, stop = waiting.pop()
            last = "g" if stop == 16**8 else f"{stop:08x}"  # "g" comes after every digit
            span = f'key >= "{making.key(f"{start:08x}")}" and key < "{making.key(last)}"'
            found = self._ask(making, f"{condition} and {span}", *columns)
            if len(found) < _MOST_FOUND:
                yield found
            else:
                waiting += [(start, (start + stop) // 2), ((start + stop) // 2, stop)]

    def _nearest(
        self, making: _Making, vector: NDArray[np.float32], count: int, condition: str = ""
    ) -> tuple[Found, ...]:
        if not self._has_partition(making):
            return ()
        answers = self._client.search(
            making.rows,
            data=[np.asarray(vector, np.float32)],
            limit=count,
            filter=" and ".join(filter(None, (making.mine, condition))),
            output_fields=["payload"],
            search_params={
                "metric_type": "COSINE",
                "params": {"ef": max(_LEAST_LOOKED_AT, count)},
            },
            partition_names=[making.partition],
            consistency_level=self._consistency(making.rows),
            timeout=_WRITING,
        )
        self._read.add(making.rows)
        (hits,) = answers
        return tuple(
            Found(_entry(hit["entity"]["payload"]), float(np.clip(hit["distance"], -1, 1)))
            for hit in hits
        )

    def _nearest_named(
        self, making: _Making, vector: NDArray[np.float32], count: int, condition: str, name: str
    ) -> tuple[Found, ...]:
        """Find the nearest of those with a name: the server knows no part of a text."""
        named = Filter(name=name)
        asked_for = min(8 * count, _MOST_FOUND)
        found = self._nearest(making, vector, asked_for, condition)
        kept = [one for one in found if named.keeps(one.entry)]
        if len(kept) >= count or len(found) < asked_for:
            return tuple(kept[:count])
        # Few have that name: look through all of them
        conditions = " and ".join(filter(None, (making.mine, condition)))
        digests = [
            entry.digest
            for some in self._all(making, conditions, "payload")
            for entry in (_entry(one["payload"]) for one in some)
            if named.keeps(entry)
        ]
        nearest = [
            one
            for some in _chunks(digests)
            for one in self._nearest(making, vector, count, _among(making, some))
        ]
        return tuple(sorted(nearest, key=lambda one: -one.cosine)[:count])

    @contextmanager
    def _of(self, gallery: str) -> Iterator[_Making]:
        with self._asked():
            making = self._making(gallery)
            if making is not None:
                yield making
                return
        raise UnknownGallery(Text("There is no gallery called {name}.", name=UserText(gallery)))

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            import grpc
            from pymilvus.exceptions import MilvusException
        except ImportError as error:
            raise StoreGone(
                Text(
                    "A store in Milvus needs a package that is not installed here: "
                    "pip install -r requirements-scale.txt."
                )
            ) from error
        try:
            yield
        except (MilvusException, grpc.RpcError) as error:
            raise StoreGone(
                Text(
                    "The gallery store at {address} cannot be used just now: {why}.",
                    address=HostText(self._address),
                    why=HostText(_reason(error)),
                )
            ) from error


# When this process wrote last, by address and collection: all its stores share what they see
_written: dict[tuple[str, str], float] = {}


def _client(uri: str, token: str, database: str) -> Any:
    from pymilvus import MilvusClient

    # Each refusal is raised as well; a traceback of each in the log says nothing more
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    return MilvusClient(uri, token=token, db_name=database, timeout=_PATIENCE)


def _marker(gallery: str) -> str:
    # Names of collections have no hyphens, names of galleries no capitals
    return _GALLERY + checked_name(gallery).replace("-", "D")


def _reason(error: Exception) -> str:
    """Shorten what the server says to its first line."""
    said = getattr(error, "message", "") or str(error) or type(error).__name__
    said = said.splitlines()[0].strip(" .,")
    return said if len(said) <= _LONGEST_REASON else said[:_LONGEST_REASON] + "…"


# ── Rows and texts ─────────────────────────────────────────────────────────────────

_FACTS = tuple(field.name for field in fields(Entry) if field.name not in ("hashes", "colours"))


def _row_of(making: _Making, row: Row) -> dict[str, Any]:
    entry = row.entry
    if row.vector.shape != (making.dimension,) or not np.isfinite(row.vector).all():
        raise ValueError(f"not a vector of {making.dimension} finite numbers: {row.vector!r}")
    return {
        "key": making.key(entry.digest),
        "making": making.id,
        "kind": _PICTURE,
        "format": entry.format,
        "shape": shape_of(entry.width, entry.height),
        "pixels": entry.pixels,
        "taken": entry.taken,
        "camera": in_unicode(entry.camera),
        "payload": _payload(entry),
        "vector": np.asarray(row.vector, np.float32),
    }


def _plain_row(making: _Making, key: str, kind: int, known: Mapping[str, Any]) -> dict[str, Any]:
    """Make a row that is no picture's: beside its payload it has only what a row must have."""
    vector = np.zeros(making.dimension, np.float32)
    vector[0] = 1
    return {
        "key": making.key(key),
        "making": making.id,
        "kind": kind,
        "format": "",
        "shape": "",
        "pixels": 0,
        "taken": "",
        "camera": "",
        "payload": json.dumps(known),
        "vector": vector,
    }


def _row_about(making: _Making, info: GalleryInfo) -> dict[str, Any]:
    return _plain_row(making, "about", _ABOUT, asdict(info))


def _row_state(making: _Making, *, lasts: bool = True) -> dict[str, Any]:
    until = 0.0 if lasts else time.time() + 2 * _WRITING
    return _plain_row(making, "state", _STATE, {"id": uuid.uuid4().hex, "changes_until": until})


def _info(row: Mapping[str, Any]) -> GalleryInfo:
    return GalleryInfo(**json.loads(row["payload"]))


def _payload(entry: Entry) -> str:
    """Write an entry down; of too many names only the first are kept."""
    known = {name: getattr(entry, name) for name in _FACTS}
    known["names"] = list(map(in_unicode, entry.names))
    known["sources"] = list(map(in_unicode, entry.sources))
    known["camera"] = in_unicode(entry.camera)
    known["hashes"] = base64.b64encode(entry.hashes.astype("<u8").tobytes()).decode()
    known["colours"] = base64.b64encode(entry.colours.astype("<f4").tobytes()).decode()
    text = json.dumps(known, ensure_ascii=False)
    while len(text.encode()) > _LONGEST_TEXT and len(known["names"]) > 1:
        kept = len(known["names"]) * 3 // 4
        known["names"], known["sources"] = known["names"][:kept], known["sources"][:kept]
        text = json.dumps(known, ensure_ascii=False)
    return text


def _entry(payload: str) -> Entry:
    known = json.loads(payload)
    known["names"] = tuple(known["names"])
    known["sources"] = tuple(known["sources"])
    known["hashes"] = _numbers(known["hashes"], np.uint64, TURNS)
    known["colours"] = _numbers(known["colours"], np.float32, COLOURS)
    return Entry(**known)


def _numbers(text: str, kind: type[np.generic], count: int) -> NDArray[Any]:
    # Little-endian as written; astype copies, so that it may be changed
    little = np.dtype(kind).newbyteorder("<")
    return np.frombuffer(base64.b64decode(text), little, count).astype(kind)


def _row(found: Mapping[str, Any]) -> Row:
    return Row(_entry(found["payload"]), np.asarray(found.get("vector", ()), np.float32))


def _chunks(items: Sequence[_T], size: int = _CHUNK) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _among(making: _Making, digests: Sequence[str]) -> str:
    return f"key in [{', '.join(_literal(making.key(digest)) for digest in digests)}]"


def _condition(where: Filter) -> str:
    """Write a filter, all but its name, as the server understands it."""
    conditions = []
    if where.formats:
        conditions.append(f"format in [{', '.join(map(_literal, where.formats))}]")
    if where.shape:
        conditions.append(f'shape == "{where.shape}"')
    if where.least_pixels:
        conditions.append(f"pixels >= {int(where.least_pixels)}")
    if where.most_pixels:
        conditions.append(f"pixels <= {int(where.most_pixels)}")
    if where.taken_from:
        conditions.append(f"taken >= {_literal(where.taken_from)}")
    if where.taken_to:
        # A day includes its times, which begin with it
        conditions.append(f'taken != "" and taken < {_literal(where.taken_to + _LAST_LETTER)}')
    if where.camera:
        conditions.append(f"camera == {_literal(in_unicode(where.camera))}")
    return " and ".join(conditions)
