"""Indexing on a Ray cluster of two nodes: the same rows as on one machine, whatever is lost.

`make test-scale` runs this, with Ray installed. The nodes are processes of this machine with
one processor each.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgsim_core.gallery.gallery import Gallery, open_gallery
from imgsim_core.gallery.shelf import PICTURES_ADDRESS, Shelf
from imgsim_core.gallery.store import STORE_ADDRESS, open_store
from tests.gallery.conftest import ObjectStorage, started_object_storage

ROOT = Path(__file__).parents[2]
PORT = 6390
MANY = 120
BOUND = 240  # seconds that any one step may take


@dataclass
class Cluster:
    """Nodes that run, the head first."""

    address: str
    folder: Path
    nodes: list[subprocess.Popen[bytes]]

    def add_node(self) -> subprocess.Popen[bytes]:
        """Begin one more node; only the first is the head."""
        if self.nodes:
            role = [f"--address={self.address}"]
        else:
            role = ["--head", f"--port={PORT}", "--ray-client-server-port=10005"]
            role += ["--include-dashboard=false", f"--temp-dir={self.folder}"]
        node = subprocess.Popen(
            [
                *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *role),
                *("--num-cpus=1", "--object-store-memory=100000000"),
                *("--min-worker-port=0", "--max-worker-port=0"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "RAY_USAGE_STATS_ENABLED": "0",
                "RAY_worker_niceness": "0",  # or they wait for all else that the machine does
            },
        )
        self.nodes.append(node)
        return node

    def workers(self) -> dict[int, int]:
        """List the processes that open and embed pictures now, each with its node's number."""
        parents = {pid: parent_of(pid) for pid in processes()}
        own = {node.pid: number for number, node in enumerate(self.nodes)}
        found = {}
        for pid in parents:
            if b"ray::Worker" in command_of(pid):
                above: int | None = pid
                while above is not None and above not in own:
                    above = parents.get(above)
                if above is not None:
                    found[pid] = own[above]
        return found


def processes() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def parent_of(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def wait_for(holds: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + BOUND
    while not holds():
        assert time.monotonic() < ends, what
        time.sleep(0.05)


@pytest.fixture(scope="module")
def object_storage_of_all(alone: bool) -> Iterator[ObjectStorage]:
    """Object storage, and a token, that the nodes know from their beginning."""
    running = started_object_storage()
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    with pytest.MonkeyPatch.context() as patched:
        for name, value in {**running.environment, **token}.items():
            patched.setenv(name, value)
        yield running
    running.server.stop()


@pytest.fixture(scope="module")
def cluster(object_storage_of_all: ObjectStorage) -> Iterator[Cluster]:
    ray = pytest.importorskip("ray", reason="make test-scale installs it")
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # paths of sockets must be short
    running = Cluster(f"{ray.util.get_node_ip_address()}:{PORT}", folder, [])
    try:
        for _ in range(2):
            running.add_node()
            wait_until_answers(running)
        yield running
    finally:
        for node in reversed(running.nodes):
            node.terminate()
        for node in reversed(running.nodes):
            node.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def wait_until_answers(cluster: Cluster) -> None:
    from imgsim_core.errors import ImgSimError
    from imgsim_core.gallery.on_ray import check_reachable

    def answers() -> bool:
        try:
            check_reachable(cluster.address)
        except ImgSimError:
            return False
        return True

    wait_for(answers, "the head answers")


@pytest.fixture(autouse=True)
def _own_places(monkeypatch, tmp_path):
    monkeypatch.setenv(STORE_ADDRESS, str(tmp_path / "store"))
    monkeypatch.setenv(PICTURES_ADDRESS, str(tmp_path / "shelf"))


def jpeg(seed: int) -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(coarse).resize((320, 240)).save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("here") / "photos"
    folder.mkdir()
    for seed in range(MANY):
        (folder / f"{seed:03}.jpg").write_bytes(jpeg(seed))
    return folder


@pytest.fixture(scope="module")
def mixed(tmp_path_factory) -> Path:
    """Good files, bad ones, the same under two names, and an archive."""
    folder = tmp_path_factory.mktemp("mixed") / "mixed"
    folder.mkdir()
    for seed in range(24):
        (folder / f"{seed:02}.jpg").write_bytes(jpeg(seed))
    (folder / "again.jpg").write_bytes(jpeg(3))
    (folder / "letter.txt").write_text("Dear Sir")
    (folder / "letter too.txt").write_text("Dear Sir")
    (folder / "cut.jpg").write_bytes(jpeg(30)[:700])
    (folder / "empty.jpg").write_bytes(b"")
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        for seed in range(20, 32):  # four of them are in the folder as well
            archive.writestr(f"{seed}.jpg", jpeg(seed))
        archive.writestr("note.txt", "Dear Madam")
    return folder


started: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def _nothing_goes_on():
    yield
    while started:
        process = started.pop()
        process.kill()
        process.communicate()


def index(*arguments: object) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "imgsim_core", "index", *map(str, arguments), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    started.append(process)
    return process


def indexed(*arguments: object) -> dict[str, object]:
    return result_of(index(*arguments))


def result_of(process: subprocess.Popen[str]) -> dict[str, object]:
    out, err = process.communicate(timeout=BOUND)
    assert process.returncode == 0, err
    result: dict[str, object] = json.loads(out)
    return result


def gallery(name: str) -> Gallery:
    return open_gallery(name, open_store(), Shelf())


def written(name: str) -> int:
    store = open_store()
    there = any(info.name == name for info in store.galleries())
    return store.count(name) if there else 0


def check_same(one: Gallery, other: Gallery) -> None:
    """Compare all that is kept of two galleries' pictures."""
    a, b = one.snapshot(), other.snapshot()
    assert len(a) == len(b)
    np.testing.assert_allclose(a.vectors, b.vectors, atol=1e-6)
    for mine, theirs in zip(a.entries, b.entries, strict=True):
        for field in type(mine).__slots__:
            left, right = getattr(mine, field), getattr(theirs, field)
            if field == "length":
                assert left == pytest.approx(right, rel=1e-5)
            else:
                assert np.array_equal(left, right), field
        for kept in ("thumbnail", "original"):
            found = getattr(one.shelf, kept)(mine.digest)
            assert found == getattr(other.shelf, kept)(mine.digest)
            assert kept == "original" or found


# ── The same as on one machine ─────────────────────────────────────────────────────


def test_rows_refusals_and_files_kept_are_those_of_a_local_run(
    cluster, mixed, monkeypatch, tmp_path
):
    told = indexed("spread", mixed, "--ray", cluster.address)
    spread = gallery("spread")
    monkeypatch.setenv(PICTURES_ADDRESS, str(tmp_path / "local shelf"))
    local = indexed("local", mixed)
    for what in ("state", "files", "added", "known", "same", "refused", "bytes"):
        assert told[what] == local[what], what
    assert sorted(told["refusals"]) == sorted(local["refusals"])
    assert local["refused"] == 5
    check_same(spread, gallery("local"))


def test_both_nodes_work_and_come_to_rest(cluster, folder):
    process = index("busy", folder, "--ray", cluster.address)
    wait_for(lambda: set(cluster.workers().values()) == {0, 1}, "a worker on each node")
    result = result_of(process)
    assert (result["state"], result["added"]) == ("done", MANY)
    wait_for(lambda: not cluster.workers(), "no worker is left")


def test_from_object_storage_into_object_storage(cluster, object_storage_of_all, monkeypatch):
    import s3fs

    place = object_storage_of_all.storage()
    s3fs.S3FileSystem.clear_instance_cache()
    files = s3fs.S3FileSystem()
    source = place.pictures.replace("pictures", "source")
    for seed in range(12):
        files.pipe_file(f"{source}/{seed:02}.jpg", jpeg(seed))
    files.pipe_file(f"{source}/cut.jpg", jpeg(40)[:700])
    monkeypatch.setenv(STORE_ADDRESS, place.store)
    monkeypatch.setenv(PICTURES_ADDRESS, place.pictures)
    result = indexed("bucket", source, "--ray", cluster.address)
    assert (result["state"], result["added"], result["refused"]) == ("done", 12, 1)
    for entry in gallery("bucket").snapshot().entries:
        assert entry.sources[0].startswith("s3://")
        assert gallery("bucket").shelf.thumbnail(entry.digest)


def test_a_cluster_of_its_own_needs_no_address(mixed):
    result = indexed("own", mixed, "--ray", "local")
    assert (result["state"], result["refused"]) == ("done", 5)


# ── What is lost ───────────────────────────────────────────────────────────────────


def test_a_worker_that_is_killed_costs_no_picture(cluster, folder):
    process = index("killed", folder, "--ray", cluster.address)
    wait_for(lambda: written("killed") > 0, "the first rows")
    before = cluster.workers()
    assert before
    os.kill(next(iter(before)), signal.SIGKILL)
    result = result_of(process)
    assert (result["state"], result["added"], result["refused"]) == ("done", MANY, 0)
    assert len(gallery("killed").snapshot()) == MANY


def test_a_run_that_is_killed_loses_nothing_and_is_completed(cluster, folder):
    process = index("ended", folder, "--ray", cluster.address)
    wait_for(lambda: written("ended") > 0, "the first rows")
    process.kill()
    process.communicate(timeout=BOUND)
    before = written("ended")
    assert 0 < before < MANY
    found = gallery("ended")
    for entry in found.snapshot().entries:
        assert found.shelf.thumbnail(entry.digest)
    wait_for(lambda: not cluster.workers(), "its workers end with it")
    result = indexed("ended", folder, "--ray", cluster.address)
    assert (result["state"], result["added"], result["known"]) == ("done", MANY - before, before)
    assert len(gallery("ended").snapshot()) == MANY


def test_ctrl_c_ends_it_in_order(cluster, folder):
    process = index("stopped", folder, "--ray", cluster.address)
    wait_for(lambda: written("stopped") > 0, "the first rows")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=BOUND)
    assert process.returncode == 130, err
    result = json.loads(out)
    assert result["state"] == "stopped"
    assert result["added"] == written("stopped") < MANY


def test_a_node_that_goes_away_costs_no_picture(cluster, folder):
    # The last test: the second node is gone after it
    process = index("halved", folder, "--ray", cluster.address)
    wait_for(lambda: written("halved") > 0, "the first rows")
    wait_for(lambda: set(cluster.workers().values()) == {0, 1}, "a worker on each node")
    cluster.nodes[1].terminate()
    result = result_of(process)
    assert (result["state"], result["added"], result["refused"]) == ("done", MANY, 0)
    assert len(gallery("halved").snapshot()) == MANY
