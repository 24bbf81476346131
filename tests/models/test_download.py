"""Downloads, from a server in this process through the hub's own client."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from imgsim_core.models import download, reach
from imgsim_core.models.catalogue import HubFile, ReleaseFile, model_by_id
from imgsim_core.models.files import hub_cache, weights_file
from imgsim_core.models.weights import availability

CONTENT = bytes(range(256)) * 20_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Server(BaseHTTPRequestHandler):
    """Answers as the hub does for one file, and as a plain server for another."""

    requests: list[str]
    hold: threading.Event

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, with_body):
        self.requests.append(f"{self.command} {self.path}")
        if self.path not in ("/", "/some/model/resolve/main/model.bin", "/release.pt"):
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.send_header("ETag", f'"{DIGEST}"')
        self.send_header("X-Repo-Commit", "c0ffee")
        self.end_headers()
        if with_body:
            self.wfile.write(CONTENT[:100_000])
            self.hold.wait(10)
            self.wfile.write(CONTENT[100_000:])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    from huggingface_hub import constants

    handler = type("Handler", (Server,), {"requests": [], "hold": threading.Event()})
    handler.hold.set()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        address = f"http://127.0.0.1:{running.server_port}"
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setattr(constants, "ENDPOINT", address)
        template = address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(hub_cache()))
        reach.forget()
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        handler.address = address
        yield handler
        handler.hold.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def model(request):
    """Make a model of its own for each test: downloads are remembered by id."""
    return dataclasses.replace(
        model_by_id("resnet50"),
        id=request.node.name,
        files=(HubFile("some/model", "model.safetensors"), HubFile("some/model", "model.bin")),
    )


def finished(model, seconds=20):
    deadline = time.monotonic() + seconds
    while download.progress(model).state == "running":
        assert time.monotonic() < deadline, "still running"
        time.sleep(0.01)
    return download.progress(model)


def test_a_model_comes_from_the_hub_the_next_file_if_the_first_is_not_there(server, model):
    assert download.progress(model).state == "none"
    assert availability(model).state == "downloadable"
    assert download.start(model).state == "running"
    assert finished(model) == download.Progress("done", len(CONTENT), len(CONTENT))
    assert weights_file(model).path.read_bytes() == CONTENT
    assert availability(model).state == "ready"
    assert any(line.endswith("model.safetensors") for line in server.requests)


def test_a_hundred_visitors_start_one_download_and_watch_it(server, model):
    server.hold.clear()
    threads = [threading.Thread(target=download.start, args=(model,)) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = availability(model)
    assert found.state == "downloading"
    assert "is being downloaded" in str(found.reason)
    server.hold.set()
    assert finished(model).state == "done"
    gets = [line for line in server.requests if line.startswith("GET /some")]
    assert len(gets) == 1


def test_what_is_here_already_is_not_fetched(server, model):
    download.start(model)
    finished(model)
    before = len(server.requests)
    assert download.start(model).state == "done"
    assert len(server.requests) == before


def test_a_plain_address_serves_when_the_hub_has_no_such_file(server, model):
    model = dataclasses.replace(
        model,
        files=(
            HubFile("no/such", "model.safetensors"),
            ReleaseFile(f"{server.address}/release.pt", DIGEST[:8]),
        ),
    )
    download.start(model)
    assert finished(model).state == "done"
    assert weights_file(model).path.read_bytes() == CONTENT


def test_a_damaged_file_is_thrown_away_and_said(server, model):
    model = dataclasses.replace(
        model, files=(ReleaseFile(f"{server.address}/release.pt", "00000000"),)
    )
    download.start(model)
    failed = finished(model)
    assert failed.state == "failed"
    assert str(failed.error) == ("ResNet-50 could not be downloaded: release.pt arrived damaged")
    assert weights_file(model) is None


def test_a_download_can_be_called_off_and_begun_again(server, model):
    server.hold.clear()
    model = dataclasses.replace(
        model, files=(ReleaseFile(f"{server.address}/release.pt", DIGEST[:8]),)
    )
    download.start(model)
    download.cancel(model)
    server.hold.set()
    assert finished(model).state == "cancelled"
    download.start(model)
    assert finished(model).state == "done"


def test_an_unreachable_hub_fails_soon_and_says_so(model):
    started = time.perf_counter()
    download.start(model)
    failed = finished(model)
    assert time.perf_counter() - started < 4
    assert failed.state == "failed"
    assert "cannot be reached" in str(failed.error)
