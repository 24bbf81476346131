"""A whole server, as a host runs it: what it logs, where it tells figures, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from pages.parts import closing, logs, metrics

ROOT = Path(__file__).parents[2]
SECRET = "grandma's house.jpg"

# A visitor whose gallery is being filled, a thread that fails, and loggers that say too much.
PROGRAM = """
import logging, sys, threading, time
import uvicorn
import app
from imgsim_core.background import StopSign, in_background
from pages.parts import first_visit, tenancy

first_visit._COMING_SECONDS = first_visit._DRAWING_SECONDS = 60  # no model is needed here
stop = StopSign()
name = tenancy.visitors().make()
place = tenancy.visitors().folder / name

def fill():
    step = 0
    while not stop.is_set():
        (place / f"{step}.part").write_bytes(bytes(1000))
        time.sleep(0.2)  # a step that is not interrupted
        (place / f"{step}.part").rename(place / f"{step}.jpg")
        step += 1

in_background(fill, "intake of a gallery")
threading.Thread(target=open, args=(sys.argv[2],)).start()
logging.getLogger("PIL.Image").error("cannot open " + sys.argv[2])
uvicorn.run(app.app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None)
"""


@dataclass
class Server:
    """A server under way, its public and its private port, and where it keeps galleries."""

    process: subprocess.Popen[str]
    port: int
    figures: int
    galleries: Path
    log: Path

    def answer(self, path: str) -> tuple[int, str]:
        """HTTP status and body of a public path; 0 while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as found:
                return int(found.status), found.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    ports = []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    galleries, log = tmp_path / "visitors", tmp_path / "log"
    environment = {
        **os.environ,
        "IMGSIM_VISITORS": str(galleries),
        logs.FORM: "json",
        metrics.ADDRESS: f"127.0.0.1:{ports[1]}",
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(ports[0]), SECRET],
            cwd=ROOT, env=environment, stderr=output, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
    with process:
        found = Server(process, *ports, galleries, log)
        try:
            until = time.monotonic() + 60
            while found.answer("/_stcore/health")[0] != 200:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.05)
            yield found
        finally:
            process.kill()


def test_a_server_tells_nothing_of_its_visitors_and_ends_in_order(server: Server):
    assert list(server.galleries.iterdir())
    assert server.answer(f"/search?words={quote(SECRET)}")[0] == 200
    assert server.answer("/api/ready")[0] == 503

    # Figures: at their own address, and at no public one
    with urllib.request.urlopen(f"http://127.0.0.1:{server.figures}/", timeout=10) as answer:
        figures = answer.read().decode()
    assert 'imgsim_background_work{work="intake of a gallery"} 1.0' in figures
    assert 'imgsim_request_seconds_count{kind="page",status="200"} 1.0' in figures
    assert "grandma" not in figures
    for path in ("/metrics", "/_stcore/metrics"):
        assert "imgsim_" not in server.answer(path)[1]

    # One visitor sends something, slowly, while the server is told to end, and told again
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(
            b"PUT /_stcore/upload_file/a/b HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
        )
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGTERM)
        output, _ = server.process.communicate(timeout=20)
        took = time.monotonic() - started
    assert server.process.returncode == 0
    assert took < closing._MOST_SECONDS
    assert list(server.galleries.iterdir()) == []
    assert output == ""

    log = server.log.read_text()
    assert "grandma" not in log
    told = [json.loads(line) for line in log.splitlines()]
    assert {"told to end", "a thread failed"} <= {line["message"] for line in told}
    assert told[-1]["message"] == "ended, with 0 pieces of work left where they were"
    (failed,) = (line["traceback"] for line in told if "traceback" in line)
    assert failed.endswith("FileNotFoundError")
