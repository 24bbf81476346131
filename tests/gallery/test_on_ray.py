"""Work on a Ray cluster, tried without one: how it is divided, and what is lost and done again.

Ray itself, with processes that are killed, is tried by `make test-scale`.
"""

from __future__ import annotations

import hashlib
import pickle
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from imgsim_core.__main__ import main
from imgsim_core.errors import BadSetting, ImgSimError, PictureError
from imgsim_core.gallery import on_ray, ray_worker
from imgsim_core.gallery.entry import COLOURS, TURNS, Entry, Row
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.ingest import ingest
from imgsim_core.gallery.on_ray import RayWorkers, WorkerKind, WorkersGone, worker_kinds
from imgsim_core.gallery.ray_worker import Order, Worker
from imgsim_core.gallery.shelf import PICTURES_ADDRESS, Shelf
from imgsim_core.gallery.sources import SourceFile, from_paths
from imgsim_core.gallery.store import STORE_ADDRESS, GalleryInfo, open_store
from imgsim_core.gallery.workers import NewFile
from imgsim_core.text import Text, UserText

MODEL = "efficientnet-lite2"

# ── A cluster of threads ───────────────────────────────────────────────────────────


class RayError(Exception):
    """As Ray's own."""


class RayTaskError(RayError):
    """As Ray's own."""


class Death(BaseException):
    """Ends the worker that it is raised in."""


class Actor:
    """As Ray's: whatever goes to it and comes from it is pickled."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._pool = ThreadPoolExecutor(4)
        self._asked: list[Future[Any]] = []
        self.is_dead = False

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace(remote=lambda *words: self._ask(name, words))

    def _ask(self, name: str, words: tuple[Any, ...]) -> Future[bytes]:
        answer: Future[bytes] = Future()
        sent = pickle.dumps(words)

        def work() -> None:
            try:
                result = pickle.dumps(getattr(self._worker, name)(*pickle.loads(sent)))
            except Death:
                self.die()
            except Exception as error:
                settle(answer, partial(answer.set_exception, RayTaskError(repr(error))))
            else:
                settle(answer, partial(answer.set_result, result))

        self._asked.append(answer)
        if self.is_dead:
            self.die()
        else:
            self._pool.submit(work)
        return answer

    def die(self) -> None:
        self.is_dead = True
        for answer in self._asked:
            settle(answer, partial(answer.set_exception, RayError("the worker died")))


def settle(answer: Future[bytes], how: Callable[[], None]) -> None:
    if not answer.done():
        how()


class Ray:
    """What of Ray is used."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def __init__(self) -> None:
        self.actors: list[Actor] = []
        self.resources: list[dict[str, Any]] = []

    def remote(self, kind: type[Worker]) -> Any:
        def make(processors: int) -> Actor:
            self.actors.append(Actor(kind(processors)))
            return self.actors[-1]

        def options(**resources: Any) -> Any:
            self.resources.append(resources)
            return SimpleNamespace(remote=make)

        return SimpleNamespace(options=options)

    def get(self, answer: Future[bytes]) -> Any:
        return pickle.loads(answer.result(timeout=20))

    def kill(self, actor: Actor) -> None:
        actor.die()


def fails() -> bytes:
    raise PictureError(Text("{n} cannot be read.", n=UserText("gone")))


def row(new: NewFile) -> Row:
    """Make up what would be known of a file."""
    file = new.read.file
    entry = Entry(
        digest=new.read.digest,
        names=(file.name,),
        sources=(file.source,),
        bytes=new.read.size,
        format="PNG",
        width=1,
        height=1,
        hashes=np.zeros(TURNS, np.uint64),
        colours=np.full(COLOURS, 1 / COLOURS, np.float32),
    )
    vector = np.random.default_rng(int(new.read.digest[:8], 16)).normal(size=4)
    return Row(entry, (vector / np.linalg.norm(vector)).astype(np.float32))


class Pretended:
    """Instead of opening and embedding: what a file's bytes say is done."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.opened: list[str] = []
        self.deaths = 0
        self.most_deaths = 10**6

    def __call__(self, shelf: Shelf, model: object, files: Sequence[NewFile]) -> list[Row | Text]:
        results: list[Row | Text] = []
        for new in files:
            data = new.read.data
            assert data is not None
            assert hashlib.sha256(data).hexdigest() == new.read.digest
            with self.lock:
                self.opened.append(new.read.file.name)
                if data.startswith(b"deadly") and self.deaths < self.most_deaths:
                    self.deaths += 1
                    raise Death
            if data.startswith(b"bug"):
                raise KeyError("a bug")
            bad = data.startswith(b"bad")
            results.append(Text("{n} is bad.", n=new.read.file.name) if bad else row(new))
        return results


@pytest.fixture
def pretended(monkeypatch) -> Pretended:
    doing = Pretended()
    monkeypatch.setattr(ray_worker, "made", doing)
    for name in ("network", "use_processors", "compute_alone", "quicken_in_background"):
        monkeypatch.setattr(ray_worker, name, lambda *given: None)
    monkeypatch.setattr(ray_worker, "encoder_key", lambda model: "key")
    monkeypatch.setattr(
        ray_worker,
        "problem_of",
        lambda read, name: Text("{n} is bad.", n=name) if read.data.startswith(b"bad") else None,
    )
    return doing


@pytest.fixture
def gallery(tmp_path, monkeypatch) -> Gallery:
    monkeypatch.setattr(Gallery, "model", lambda self: None)
    store = open_store(str(tmp_path / "store"))
    info = GalleryInfo(name="trip", model=MODEL, encoder="key", dimension=4, created=1.0)
    store.create(info)
    return Gallery(store, Shelf(str(tmp_path / "shelf")), info)


@pytest.fixture
def ray() -> Ray:
    return Ray()


def workers_of(ray: Ray, gallery: Gallery, order: Order | None = None) -> RayWorkers:
    mark = "0" * 64, b"mark"
    gallery.shelf.put_original(*mark)
    order = order or Order(MODEL, "key", gallery.shelf.address, mark)
    return RayWorkers(ray, order, [WorkerKind(2), WorkerKind(2)])


@pytest.fixture
def workers(ray, gallery, pretended) -> Iterator[RayWorkers]:
    made = workers_of(ray, gallery)
    yield made
    made.close()


def folder_of(tmp_path: Any, **contents: bytes) -> Any:
    folder = tmp_path / "files"
    folder.mkdir()
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return folder


GOOD = {f"good{number:02}": b"good %d" % number for number in range(30)}


# ── The work ───────────────────────────────────────────────────────────────────────


def test_what_is_in_is_skipped_and_bad_files_and_copies_are_told(
    ray, gallery, workers, pretended, tmp_path
):
    folder = folder_of(tmp_path, **GOOD, bad=b"bad", worse=b"bad", copy=GOOD["good07"])
    result = ingest(gallery, from_paths([folder]), workers=workers)
    assert (result.state, result.added, result.same, result.refused_count) == ("done", 30, 1, 2)
    assert {str(text) for text in result.refused} == {"files/bad is bad.", "files/worse is bad."}
    assert result.bytes == sum(path.stat().st_size for path in folder.iterdir())
    assert len(gallery.snapshot()) == 30
    assert len(ray.actors) == 2  # and both are still there
    pretended.opened.clear()
    again = ingest(gallery, from_paths([folder]), workers=workers)
    assert (again.added, again.known, again.refused_count) == (0, 31, 2)
    assert pretended.opened == ["files/bad"]


def test_a_deadly_file_is_refused_and_nothing_else_is(ray, gallery, workers, pretended, tmp_path):
    folder = folder_of(tmp_path, **GOOD, deadly=b"deadly")
    result = ingest(gallery, from_paths([folder]), workers=workers)
    assert (result.state, result.added, result.refused_count) == ("done", 30, 1)
    (said,) = map(str, result.refused)
    assert "files/deadly was given up" in said
    assert pretended.deaths == 4  # twice among others, twice alone
    assert len(ray.actors) == 6


@pytest.mark.parametrize("deaths", [1, 3])
def test_workers_that_are_lost_otherwise_cost_no_file(
    gallery, workers, pretended, tmp_path, deaths
):
    pretended.most_deaths = deaths
    folder = folder_of(tmp_path, **GOOD, **{f"deadly{n}": b"deadly %d" % n for n in range(3)})
    result = ingest(gallery, from_paths([folder]), workers=workers)
    assert (result.state, result.added, result.refused_count) == ("done", 33, 0)


def test_a_file_that_workers_do_not_see_is_sent(gallery, workers, tmp_path):
    path = tmp_path / "here"
    path.write_bytes(b"only here")
    elsewhere = SourceFile("here", str(path), path.stat().st_mtime + 1, path.read_bytes)
    held = SourceFile("held", "", 0.0, partial(bytes, b"held"))
    gone = SourceFile("gone", str(tmp_path / "gone"), 0.0, fails)
    result = ingest(gallery, [elsewhere, held, gone], workers=workers)
    assert (result.added, result.refused_count) == (2, 1)
    assert str(result.refused[0]) == "gone cannot be read."
    found = {entry.name: entry.sources for entry in gallery.snapshot().entries}
    assert found == {"here": (str(path),), "held": ("",)}


def test_a_file_that_changes_between_is_told(gallery, workers, pretended, tmp_path, monkeypatch):
    monkeypatch.setattr(ray_worker, "_KEPT_BYTES", 0)  # all is read a second time
    folder = folder_of(tmp_path, a=b"good", b=b"good too")
    genuine = workers.make

    def make(files: Sequence[NewFile]) -> Any:
        (folder / "b").write_bytes(b"something else")
        return genuine(files)

    monkeypatch.setattr(workers, "make", make)
    result = ingest(gallery, from_paths([folder]), workers=workers)
    assert (result.added, result.refused_count) == (1, 1)
    assert "b was changed while" in str(result.refused[0])


def test_what_a_worker_has_read_it_need_not_read_again(gallery, workers, tmp_path, monkeypatch):
    folder = folder_of(tmp_path, **GOOD)
    read = []
    genuine = ray_worker.read_file
    monkeypatch.setattr(
        ray_worker, "read_file", lambda file: read.append(file.name) or genuine(file)
    )
    assert ingest(gallery, from_paths([folder]), workers=workers).added == 30
    assert len(read) < 60  # each once, if nobody is much busier than others


def test_no_more_is_in_hand_than_a_few_at_each_worker(ray, gallery, pretended, tmp_path):
    going, most = 0, 0
    lock = threading.Lock()

    class Watching(Ray):
        def get(self, answer: Future[bytes]) -> Any:
            nonlocal going, most
            with lock:
                going += 1
                most = max(most, going)
            try:
                return super().get(answer)
            finally:
                with lock:
                    going -= 1

    made = workers_of(Watching(), gallery)
    files = {f"file{number:03}": b"good %d" % number for number in range(200)}
    result = ingest(gallery, from_paths([folder_of(tmp_path, **files)]), workers=made)
    made.close()
    assert result.added == 200
    # For four processors twice what is under way, two readings a worker, two beginnings
    assert most <= 2 * 4 + 2 * 2 + 2


def test_a_bug_is_not_taken_for_a_lost_worker(gallery, workers, tmp_path):
    with pytest.raises(RayTaskError, match="a bug"):
        ingest(gallery, from_paths([folder_of(tmp_path, a=b"bug")]), workers=workers)


def test_what_a_worker_finds_amiss_ends_the_work_with_its_sentence(
    ray, gallery, pretended, tmp_path
):
    mark = "0" * 64, b"mark"
    right = Order(MODEL, "key", gallery.shelf.address, mark)
    for wrong, says in (
        (replace(right, version="0"), "of this program, not 0"),
        (replace(right, encoder="another"), "other weights"),
        (replace(right, model="none"), "no model called none"),
        (replace(right, shelf=str(tmp_path / "not shared")), "take a folder that all of them"),
    ):
        made = workers_of(ray, gallery, wrong)
        result = ingest(gallery, [SourceFile("a", "", 0.0, partial(bytes, b"a"))], workers=made)
        made.close()
        assert result.state == "failed"
        assert says in str(result.problem)


def test_where_no_worker_comes_it_does_not_wait_for_ever(gallery, pretended, monkeypatch):
    class Full(Ray):
        def get(self, answer: Future[bytes]) -> Any:
            closed.wait(20)
            raise RayError("killed")

    closed = threading.Event()
    monkeypatch.setattr(on_ray, "_PATIENCE", 0.05)
    made = workers_of(Full(), gallery)
    with pytest.raises(WorkersGone, match="has come to work"):
        made.problem(on_ray._read_here(SourceFile("a", "", 0.0, bytes)), "a").result()
    closed.set()
    made.close()


def test_workers_are_told_what_the_cluster_is_to_keep_for_them(ray, workers):
    workers.expect_more()
    assert [(one["num_cpus"], one["num_gpus"]) for one in ray.resources] == [(2, 0), (2, 0)]
    assert all(one["max_restarts"] == 0 for one in ray.resources)


# ── Dividing a cluster ─────────────────────────────────────────────────────────────


def node(processors: float, gpus: float = 0, alive: bool = True) -> dict[str, Any]:
    return {"Alive": alive, "Resources": {"CPU": processors, "GPU": gpus, "memory": 1e9}}


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([], []),
        ([node(2)], [(2, 0)]),
        ([node(16)], [(4, 0)] * 4),
        ([node(6), node(1)], [(3, 0), (3, 0), (1, 0)]),
        ([node(0), node(4, alive=False), node(5)], [(3, 0), (2, 0)]),
        ([node(16, gpus=1)], [(16, 1)]),
        ([node(9, gpus=2)], [(5, 1), (4, 1)]),
        ([node(1, gpus=2)], [(1, 1)]),
    ],
)
def test_processors_and_gpus_are_shared_out(nodes, expected):
    assert worker_kinds(nodes) == [WorkerKind(*kind) for kind in expected]


# ── Reaching it ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "address", ["", "auto", "host", "host:", "host:many", "http://host:80", "ray://host:1", ":6379"]
)
def test_what_is_no_address_is_said(address):
    with pytest.raises(BadSetting, match="no address of a Ray cluster"):
        on_ray.check_reachable(address)


class Listener:
    """Somebody else at a port, who says something, or nothing."""

    def __init__(self, says: bytes | None) -> None:
        self._says = says
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection, suppress(OSError):  # who asked goes away
            if self._says is not None:
                connection.sendall(self._says)
            connection.settimeout(5)
            while connection.recv(1000):
                pass

    def close(self) -> None:
        self._thread.join(10)
        self._socket.close()


@pytest.mark.parametrize("says", [None, b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_something_else_than_ray_is_told_from_it_soon(monkeypatch, says):
    monkeypatch.setattr(on_ray, "_ANSWERING", 0.1)
    other = Listener(says)
    try:
        began = time.monotonic()
        with pytest.raises(WorkersGone, match="cannot be reached"):
            on_ray.check_reachable(other.address)
        assert time.monotonic() - began < 5
    finally:
        other.close()


def test_settings_of_a_grpc_server_are_an_answer():
    other = Listener(b"\0\0\0\4\0\0\0\0\0")
    try:
        host, port = on_ray.check_reachable(other.address)
        assert f"{host}:{port}" == other.address
    finally:
        other.close()


def test_a_port_where_nobody_listens_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ImgSimError, match="cannot be reached"):
        on_ray.check_reachable(f"127.0.0.1:{port}")


def test_without_ray_the_command_says_what_to_install(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv(STORE_ADDRESS, str(tmp_path / "store"))
    monkeypatch.setenv(PICTURES_ADDRESS, str(tmp_path / "shelf"))
    monkeypatch.setitem(sys.modules, "ray", None)  # makes its import fail
    monkeypatch.setenv(on_ray.RAY_ADDRESS, "local")
    assert main(["index", "trip", "x.png"]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert "pip install -r requirements-scale.txt" in said
    assert not (tmp_path / "store").exists()
