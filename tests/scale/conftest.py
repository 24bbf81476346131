"""A real Milvus server for these tests, out of its wheel: `make test-scale` installs it.

It listens on all interfaces, so it is started only where there is nothing but loopback, unless
`IMGSIM_TEST_MILVUS` names a server that is running already.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgsim_core.errors import StoreGone
from imgsim_core.gallery.store import Store, open_store
from tests.gallery.conftest import Storage

pytest.register_assert_rewrite("tests.gallery.any_store")

OUTSIDE = "IMGSIM_TEST_MILVUS"
"""Environment variable: address of a server to test against instead of the wheel's."""
SERVERS_PYTHON = Path(__file__).parents[2] / ".venv-milvus/bin/python"
PORT = 19530
# As in deploy/compose.yaml: without it, what was added just now is found badly
SETTINGS = {"QUERYNODE_SEGCORE_INTERIMINDEX_ENABLEINDEX": "false"}
_SERVE = """
import sys
from milvus import MilvusServer, MilvusServerConfig
server = MilvusServer(MilvusServerConfig(data_dir=sys.argv[1], proxy_port=int(sys.argv[2])))
server.start()
print(server.server_proc.pid, flush=True)
sys.stdin.readline()  # ends with whoever started this
server.stop()
"""


class Server:
    """A Milvus server that can be killed and started again.

    Parameters
    ----------
    folder : Path
        Where it keeps its data.
    """

    def __init__(self, folder: Path) -> None:
        self.address = f"milvus://127.0.0.1:{PORT}"
        self._folder = folder
        self.start()

    def start(self) -> None:
        """Start it, on what it holds."""
        python = os.environ.get("IMGSIM_TEST_MILVUS_PYTHON", str(SERVERS_PYTHON))
        self._keeper = subprocess.Popen(
            [python, "-c", _SERVE, str(self._folder), str(PORT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **SETTINGS},
        )
        assert self._keeper.stdout is not None
        said = self._keeper.stdout.readline()  # it waits until it is up, three minutes at most
        assert said, "the server did not start"
        self.pid = int(said)

    def kill(self) -> None:
        """End it as a power failure would."""
        os.kill(self.pid, signal.SIGKILL)
        self._keeper.communicate(b"\n", timeout=30)

    def stop(self) -> None:
        """End it in order, or at once if that takes long."""
        self._keeper.communicate(b"\n", timeout=30)


@pytest.fixture(scope="session", autouse=True)
def alone() -> bool:
    """Tell whether nothing but loopback is here, and see to it that it is up then."""
    if {name for _, name in socket.if_nameindex()} != {"lo"}:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        set_flags, up_and_running = 0x8914, 0x1 | 0x8 | 0x40
        fcntl.ioctl(asked, set_flags, struct.pack("16sh", b"lo", up_and_running))
    return True


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run one server for all tests."""
    if OUTSIDE in os.environ:
        pytest.skip("the server is not ours to start and kill")
    folder = tmp_path_factory.mktemp("milvus")
    running = Server(folder)
    yield running
    running.stop()
    shutil.rmtree(folder)  # its programs alone are 300 MB


@pytest.fixture(scope="session")
def milvus(request: pytest.FixtureRequest, alone: bool) -> Iterator[str]:
    """Return the address of a running server."""
    if OUTSIDE not in os.environ:
        assert alone, "start this by `make test-scale`: the server would be open to the network"
        running: Server = request.getfixturevalue("server")
        yield running.address
        return
    address = os.environ[OUTSIDE]
    held = [info.name for info in open_store(address).galleries()]
    assert not held, f"every gallery there would be dropped: {held}"
    yield address
    emptied(open_store(address))


@pytest.fixture
def storage(milvus: str, tmp_path: Path) -> Storage:
    """Return the server's address, with no gallery there, and a folder for pictures."""
    emptied(open_store(milvus))
    return Storage(milvus, str(tmp_path / "pictures"))


@pytest.fixture
def store(storage: Storage) -> Store:
    """Return an empty store on the server."""
    return open_store(storage.store)


def emptied(store: Store) -> None:
    """Drop every gallery."""
    for info in store.galleries():
        store.drop(info.name)


def wait_until_back(store: Store, gallery: str, seconds: float) -> None:
    """Wait until a server that was started again answers for a gallery."""
    until = time.monotonic() + seconds
    while True:
        try:
            store.count(gallery)
        except StoreGone:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return
