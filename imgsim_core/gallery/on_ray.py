"""Workers on a Ray cluster: collections that one machine would take too long for.

A worker is an actor, a process on one of the machines with the model in its memory. It reads
files where it can, opens and embeds them, and puts thumbnails on the shelf; this process
looks up what is in already, gathers the rows and writes them. So what is promised of
`ingest` holds here as well, and the rows are the same.

Ray does whatever it is told by who reaches its ports: they belong in a network that no visitor
reaches, and behind Ray's token.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import os
import socket
import struct
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from imgsim_core.errors import BadSetting, ImgSimError, PictureError
from imgsim_core.gallery.entry import Row
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.ray_worker import Ended, Order, Worker
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.sources import SourceFile
from imgsim_core.gallery.workers import NewFile, ReadFile, model_to_add_with, read_file
from imgsim_core.models.identity import encoder_key
from imgsim_core.models.network import usable_processors
from imgsim_core.text import HostText, Text, UserText

RAY_ADDRESS = "IMGSIM_RAY"
"""Environment variable: "local", or host:port of a Ray cluster."""

LOCAL = "local"
"""Address of a cluster on this machine alone, begun and ended with the work."""

_PROCESSORS = 4  # of one worker at most: more of them wait for each other's Python
_READ_TOGETHER = 8  # files in one question
_READINGS = 2  # questions that one worker reads for at a time
_TRIES = 2  # workers that may be lost over the same work
_PATIENCE = 300.0  # seconds without any worker
_CONNECTING = 3.0  # seconds
_ANSWERING = 5.0  # seconds
_LONGEST_REASON = 200  # characters


class WorkersGone(ImgSimError):
    """The cluster cannot be reached, or none of its workers can work."""


@contextmanager
def ray_cluster(address: str) -> Iterator[Any]:
    """Be connected to a Ray cluster.

    To be entered before a store is opened: a local cluster begins with forks of this process,
    which LanceDB's threads do not bear well.

    Parameters
    ----------
    address : str
        `LOCAL`, or host:port of the head, from a machine of the cluster.

    Yields
    ------
    module
        Ray.

    Raises
    ------
    WorkersGone
        If Ray is not installed here, or nothing answers at the address; within some seconds.
    BadSetting
        If the address cannot be one.
    """
    ray = _connected(address)
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def ray_workers(ray: Any, gallery: Gallery) -> Iterator[RayWorkers]:
    """Have the machines of a Ray cluster open and embed pictures for a gallery.

    Parameters
    ----------
    ray : module
        From `ray_cluster`.
    gallery : Gallery
        Every machine needs to reach its shelf: a shared folder, or object storage.

    Yields
    ------
    RayWorkers
        For `ingest`. They end with the block, and so does what was under way.

    Raises
    ------
    WorkersGone
        If the cluster has no processors.
    GalleryReadOnly, OtherEncoder, WeightsMissing
        As `ingest`.
    StoreGone
        If the shelf cannot be reached from here.
    """
    model = model_to_add_with(gallery)
    kinds = worker_kinds(ray.nodes())
    if not kinds:
        raise WorkersGone(Text("The Ray cluster has no processors to offer."))
    with _mark_on_shelf(gallery.shelf) as mark:
        order = Order(model.id, encoder_key(model), _absolute(gallery.shelf.address), mark)
        workers = RayWorkers(ray, order, kinds)
        try:
            yield workers
        finally:
            workers.close()


@dataclass(frozen=True)
class WorkerKind:
    """What one worker takes of a machine: processors, and GPUs (none or one)."""

    processors: int
    gpus: int = 0


def worker_kinds(nodes: Iterable[Mapping[str, Any]]) -> list[WorkerKind]:
    """Divide the machines of a cluster among workers.

    Parameters
    ----------
    nodes : iterable of mapping
        As ``ray.nodes()`` lists them.

    Returns
    -------
    list of WorkerKind
        For each machine that is alive: a worker for each GPU, or one for every four
        processors, sharing out its processors.
    """
    kinds = []
    for node in nodes:
        there = node["Resources"] if node["Alive"] else {}
        processors, gpus = int(there.get("CPU", 0)), int(there.get("GPU", 0))
        if processors:
            count = min(gpus, processors) or math.ceil(processors / _PROCESSORS)
            each, more = divmod(processors, count)
            kinds += [WorkerKind(each + (i < more), min(gpus, 1)) for i in range(count)]
    return kinds


# ── On this side ───────────────────────────────────────────────────────────────────


class _Lost(Exception):
    """As many workers were lost over the same work as may be."""


@dataclass(eq=False)
class _Hand:
    """A worker at work: its actor, and how much it has been asked for."""

    actor: Any
    kind: WorkerKind
    asked: int = 0
    is_alone: bool = False

    @property
    def load(self) -> float:
        return self.asked / self.kind.processors


@dataclass(frozen=True)
class _ReadThere(ReadFile):
    """A file that a worker has read and, for a while, keeps."""

    hand: _Hand


class RayWorkers:
    """`Workers` that are actors of a Ray cluster: see `ray_workers`.

    Parameters
    ----------
    ray : module
        Connected.
    order : Order
    kinds : sequence of WorkerKind
        A worker is begun for each; work starts with the first that has come.

    Notes
    -----
    Ray's own ways to repeat work are not used: they cannot tell a machine that went away from
    a file that ends every worker which opens it. Work whose workers were lost twice is done
    again file by file, each on a worker that does nothing else meanwhile.
    """

    def __init__(self, ray: Any, order: Order, kinds: Sequence[WorkerKind]) -> None:
        self._ray = ray
        self._order = order
        processors = sum(kind.processors for kind in kinds)
        self.share = math.ceil(processors / _PROCESSORS)
        self.read_together = _READ_TOGETHER * _READINGS * len(kinds)
        self._hands: list[_Hand] = []
        self._coming = len(kinds)
        self._why_not: Text | None = None
        self._is_closed = False
        self._actors: list[Any] = []
        self._changed = threading.Condition()
        self._beginning = ThreadPoolExecutor(len(kinds), "ray-beginning")
        self._reading = ThreadPoolExecutor(_READINGS * len(kinds), "ray-reading")
        # What is under way, and as much again that waits at the workers: no more
        self._making = ThreadPoolExecutor(2 * processors, "ray-making")
        for kind in kinds:
            self._beginning.submit(self._begin, kind)

    def close(self) -> None:
        """End the workers, whatever they are doing."""
        with self._changed:
            self._is_closed = True
            actors, self._actors = self._actors, []
            self._changed.notify_all()
        for actor in actors:
            self._ray.kill(actor)
        for pool in (self._beginning, self._reading, self._making):
            pool.shutdown(cancel_futures=True)

    def read(self, files: Sequence[SourceFile]) -> Iterator[ReadFile | Text]:
        """Read files, and yield them in their order."""
        asked = [
            self._reading.submit(self._read_few, files[start : start + _READ_TOGETHER])
            for start in range(0, len(files), _READ_TOGETHER)
        ]
        return itertools.chain.from_iterable(future.result() for future in asked)

    def make(self, files: Sequence[NewFile]) -> Future[list[Row | Text]]:
        """Open a few files, put their thumbnails on the shelf and embed them together."""
        return self._making.submit(self._make_few, files)

    def problem(self, read: ReadFile, name: str) -> Future[Text | None]:
        """Say why a file cannot be opened, by a name of it, or that it can: None."""
        return self._making.submit(self._problem, read, name)

    def expect_more(self) -> None:
        """Hear that more than a few files are coming: what it takes to be quick pays."""
        with self._changed:
            if self._order.many:
                return
            self._order = replace(self._order, many=True)
            hands = list(self._hands)
        for hand in hands:
            hand.actor.quicken.remote()

    # ── What is asked of a worker ──

    def _read_few(self, files: Sequence[SourceFile]) -> list[ReadFile | Text]:
        with_address = [file for file in files if file.source]
        found: dict[int, ReadFile] = {}
        if with_address:
            try:
                hand, told = self._ask("read", with_address)
            except _Lost:  # they may be read here, and what they do to a worker is seen later
                told = [None] * len(with_address)
            for file, one in zip(with_address, told, strict=True):
                if one is not None:
                    digest, size = one
                    found[id(file)] = _ReadThere(file, digest, size, None, hand)
        # What nobody else can read is read here, and why it cannot be read is said here
        return [found.get(id(file)) or _read_here(file) for file in files]

    def _make_few(self, files: Sequence[NewFile]) -> list[Row | Text]:
        sent = [replace(new, read=_to_send(new.read)) for new in files]
        try:
            return list(self._ask("make", sent, wanted=_hand_of(files[0].read))[1])
        except _Lost:
            return [self._make_alone(new) for new in sent]

    def _make_alone(self, new: NewFile) -> Row | Text:
        try:
            (result,) = self._ask("make", [new], alone=True)[1]
        except _Lost:
            return _given_up(new.read.file.name)
        row: Row | Text = result
        return row

    def _problem(self, read: ReadFile, name: str) -> Text | None:
        try:
            _, answer = self._ask("problem", _to_send(read), name, wanted=_hand_of(read))
        except _Lost:
            return _given_up(name)
        text: Text | None = answer
        return text

    def _ask(
        self, what: str, *words: Any, wanted: _Hand | None = None, alone: bool = False
    ) -> tuple[_Hand, Any]:
        """Ask a worker, and another one if that is lost; tell who has answered, and what."""
        for _ in range(_TRIES):
            with self._lent(wanted, alone) as hand:
                try:
                    answer = self._ray.get(getattr(hand.actor, what).remote(*words))
                except self._ray.exceptions.RayTaskError:
                    raise  # a bug stays loud
                except self._ray.exceptions.RayError:
                    self._lose(hand)
                    continue
            if isinstance(answer, Ended):
                raise WorkersGone(answer.why)
            return hand, answer
        raise _Lost

    # ── Who is there ──

    def _begin(self, kind: WorkerKind) -> None:
        """Bring a worker to work; it takes as long as the cluster needs to have room for it."""
        why: Text | None = None
        for _ in range(_TRIES):
            with self._changed:
                if self._is_closed:
                    return
                order = self._order
                # Those who make, those who read, and a question in between
                together = 2 * kind.processors + _READINGS + 1
                actor = (
                    self._ray.remote(Worker)
                    .options(
                        num_cpus=kind.processors,
                        num_gpus=kind.gpus,
                        max_concurrency=together,
                        max_restarts=0,
                    )
                    .remote(kind.processors)
                )
                self._actors.append(actor)
            try:
                why = self._ray.get(actor.begin.remote(order))
            except self._ray.exceptions.RayError as error:
                why = Text(
                    "A worker of the Ray cluster could not begin: {why}.",
                    why=HostText(_reason(error)),
                )
                continue
            break
        with self._changed:
            self._coming -= 1
            if why is None:
                self._hands.append(_Hand(actor, kind))
                if self._order.many and not order.many:
                    actor.quicken.remote()
            else:
                self._why_not = why
            self._changed.notify_all()

    @contextmanager
    def _lent(self, wanted: _Hand | None, alone: bool) -> Iterator[_Hand]:
        """Take the worker with the least to do, or the one wanted unless that has much more."""

        def found() -> _Hand | None:
            free = [hand for hand in self._hands if not hand.is_alone]
            if alone:
                return next((hand for hand in free if not hand.asked), None)
            least = min(free, key=lambda hand: hand.load, default=None)
            if wanted in free and least is not None and wanted.load <= least.load + 1:
                return wanted
            return least

        with self._changed:
            hand = self._waited_for(found)
            hand.asked += 1
            hand.is_alone = alone
        try:
            yield hand
        finally:
            with self._changed:
                hand.asked -= 1
                hand.is_alone = False
                self._changed.notify_all()

    def _waited_for(self, found: Callable[[], _Hand | None]) -> _Hand:
        while True:
            if self._is_closed:
                raise WorkersGone(Text("The work was ended."))
            hand = found()
            if hand is not None:
                return hand
            if not self._hands and not self._coming and self._why_not is not None:
                raise WorkersGone(self._why_not)
            in_time = self._changed.wait(_PATIENCE)
            if not in_time and not self._hands:
                raise WorkersGone(
                    Text(
                        "No worker of the Ray cluster has come to work for {minutes} minutes: "
                        "its processors may be taken by others.",
                        minutes=round(_PATIENCE / 60),
                    )
                )

    def _lose(self, hand: _Hand) -> None:
        """Let go of a worker, and begin another in its place."""
        with self._changed:
            if hand not in self._hands or self._is_closed:
                return
            self._hands.remove(hand)
            self._actors.remove(hand.actor)
            self._coming += 1
            self._beginning.submit(self._begin, hand.kind)
        self._ray.kill(hand.actor)  # where it is only out of reach


def _hand_of(read: ReadFile) -> _Hand | None:
    return read.hand if isinstance(read, _ReadThere) else None


def _read_here(file: SourceFile) -> ReadFile | Text:
    try:
        return read_file(file)
    except PictureError as error:
        return error.text


def _to_send(read: ReadFile) -> ReadFile:
    """Make what a worker needs: the bytes if they were read here, else the way to them."""
    file = read.file if read.data is None else replace(read.file, read=_not_to_be_read)
    return ReadFile(file, read.digest, read.size, read.data)


def _not_to_be_read() -> bytes:
    raise ValueError("its bytes are here")


def _given_up(name: str) -> Text:
    return Text(
        "The file {name} was given up: every worker that opened it came to an end.",
        name=UserText(name),
    )


# ── The cluster and the shelf ──────────────────────────────────────────────────────


def _connected(address: str) -> Any:
    """Connect to a cluster, or begin one here; return Ray.

    Raises
    ------
    WorkersGone, BadSetting
    """
    # Ray tells its makers of each use unless it is told not to
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ImportError as error:
        raise WorkersGone(
            Text(
                "To spread work over several machines, Ray is needed: "
                "pip install -r requirements-scale.txt."
            )
        ) from error
    how: dict[str, Any] = {}
    if address == LOCAL:
        how = {"num_cpus": usable_processors(), "include_dashboard": False}
    else:
        host, port = check_reachable(address)
        if ip_address(host).is_loopback:
            # Of a host's own addresses Ray takes the one that others know
            check_reachable(f"{ray.util.get_node_ip_address()}:{port}")
    try:
        ray.init(address, log_to_driver=False, logging_level="ERROR", **how)
    except (OSError, RuntimeError, ValueError, ImportError, ray.exceptions.RayError) as error:
        raise WorkersGone(
            Text(
                "The Ray cluster at {address} does not let this machine in: {why}. All machines "
                "need the same version of Ray, and the same token in RAY_AUTH_TOKEN.",
                address=HostText(address),
                why=HostText(_reason(error)),
            )
        ) from error
    return ray


def check_reachable(address: str) -> tuple[str, int]:
    """Ask whether a Ray cluster answers at an address.

    Ray itself tries for minutes, and then ends the process.

    Parameters
    ----------
    address : str
        host:port.

    Returns
    -------
    tuple of str and int
        IP address and port of what has answered.

    Raises
    ------
    BadSetting
        If it is something else.
    WorkersGone
        If nothing answers there within some seconds, or something else than gRPC, which Ray
        speaks.
    """
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or port is None:
        raise BadSetting(
            Text(
                "{address} is no address of a Ray cluster: it is local or host:port.",
                address=HostText(address),
            )
        )
    try:
        with socket.create_connection((host, port), timeout=_CONNECTING) as connection:
            connection.settimeout(_ANSWERING)
            if os.environ.get("RAY_USE_TLS", "0") == "0" and not _speaks_grpc(connection):
                raise OSError("what answers there is not Ray")
            peer: tuple[str, int] = connection.getpeername()[:2]
            return peer
    except OSError as error:
        raise _unreachable(address, error) from error


# RFC 9113: both sides begin with settings, the client after this line; their type is 4
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME = struct.Struct(">3sBBI")  # length, type, flags, stream


def _speaks_grpc(connection: socket.socket) -> bool:
    connection.sendall(_PREFACE + _FRAME.pack(b"\0\0\0", 4, 0, 0))
    head = connection.recv(_FRAME.size, socket.MSG_WAITALL)
    return len(head) == _FRAME.size and _FRAME.unpack(head)[1] == 4


def _unreachable(address: str, error: Exception) -> WorkersGone:
    return WorkersGone(
        Text(
            "The Ray cluster at {address} cannot be reached: {why}.",
            address=HostText(address),
            why=HostText(_reason(error)),
        )
    )


def _reason(error: Exception) -> str:
    """Return the last line of what Ray says, where it names the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[-1][:_LONGEST_REASON].rstrip(". ")


def _absolute(address: str) -> str:
    return address if "://" in address else os.path.abspath(address)


@contextmanager
def _mark_on_shelf(shelf: Shelf) -> Iterator[tuple[str, bytes]]:
    """Put something on the shelf for the workers to find there."""
    mark = uuid.uuid4().bytes
    digest = hashlib.sha256(mark).hexdigest()
    shelf.put_original(digest, mark)
    try:
        yield digest, mark
    finally:
        shelf.remove(digest)
