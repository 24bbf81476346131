"""Places for galleries: a folder, and object storage on this machine that ends with the tests."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from moto.s3.responses import S3Response
from moto.server import ThreadedMotoServer

from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import Store, open_store

pytest.register_assert_rewrite("tests.gallery.any_store")

BUCKET = "imgsim-tests"


@dataclass(frozen=True)
class Storage:
    """Addresses of a store and a shelf that nobody has used before."""

    store: str
    pictures: str


@dataclass(frozen=True)
class ObjectStorage:
    """A running server that speaks S3, and the environment that leads to it."""

    server: ThreadedMotoServer
    environment: dict[str, str]

    def storage(self) -> Storage:
        """Return addresses nobody has used before."""
        place = f"s3://{BUCKET}/{uuid.uuid4().hex}"
        return Storage(f"{place}/galleries", f"{place}/pictures")


def _putting_in_one_step(put: Callable[[S3Response], Any]) -> Callable[[S3Response], Any]:
    """Let one object at a time be written.

    Real storage writes an object "unless it is there" in one step. Moto looks first and then
    writes, in as many threads as ask: of several that make one, two may believe to have.
    """
    one_at_a_time = threading.Lock()

    def put_object(response: S3Response) -> Any:
        with one_at_a_time:
            return put(response)

    return put_object


S3Response.put_object = _putting_in_one_step(S3Response.put_object)


def started_object_storage() -> ObjectStorage:
    """Start a server on a free port of loopback, with a bucket in it."""
    import boto3

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    client = boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    client.create_bucket(Bucket=BUCKET)
    client.close()
    return ObjectStorage(server, environment)


@pytest.fixture(scope="session")
def object_storage() -> Iterator[ObjectStorage]:
    """One server for all tests that do not stop it."""
    running = started_object_storage()
    yield running
    running.server.stop()


@pytest.fixture
def ending_object_storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStorage]:
    """A server that the test may stop."""
    import s3fs

    # s3fs would go on using the server it has found first
    s3fs.S3FileSystem.clear_instance_cache()
    running = started_object_storage()
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    yield running
    running.server.stop()
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(params=["folder", "s3"])
def storage(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Storage:
    """A folder, then object storage."""
    if request.param == "folder":
        return Storage(str(tmp_path / "galleries"), str(tmp_path / "pictures"))
    running: ObjectStorage = request.getfixturevalue("object_storage")
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    return running.storage()


@pytest.fixture
def store(storage: Storage) -> Store:
    """Return an empty store at either place."""
    return open_store(storage.store)


@pytest.fixture
def shelf(storage: Storage) -> Shelf:
    """Return an empty shelf at either place."""
    return Shelf(storage.pictures)
