"""The app as visitors meet it: a server of its own on a free port."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Playwright

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path

    def status(self, path: str) -> int:
        """HTTP status of a path; 0 while nobody listens."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            return 0

    def processor_seconds(self) -> float:
        """What it has computed so far: says what a load on the machine does not change."""
        told = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")

    def wait_until(self, path: str, seconds: float = 90) -> None:
        """Wait until a path is answered with 200."""
        deadline = time.monotonic() + seconds
        while self.status(path) != 200:
            told = self.log.read_text(errors="replace")[-3000:]
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended by itself:\n{told}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path} was not answered in {seconds} s:\n{told}")
            time.sleep(0.05)

    def wait_until_ready(self) -> None:
        """Wait until the warm-up is over."""
        self.wait_until("/api/ready")


def launch(playwright: Playwright) -> Browser:
    """Start the machine's Chromium.

    Raises
    ------
    FileNotFoundError
        If there is none: browser tests fail then, since nothing else would tell.
    """
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise FileNotFoundError("No Chromium is installed here: `make test` installs it.")
    # Only this machine has a name: whatever is asked of another host fails at once.
    rules = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    return playwright.chromium.launch(
        executable_path=found, args=["--no-sandbox", f"--host-resolver-rules={rules}"]
    )


@contextmanager
def served(log: Path, **settings: str) -> Iterator[Server]:
    """Start a server with these settings and wait until it is healthy; end it afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    # No hub: a model that is not on this machine is not to be looked for elsewhere.
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", **settings}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=environment
        )
        try:
            server = Server(process, f"http://127.0.0.1:{port}", log)
            server.wait_until("/_stcore/health")
            yield server
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
