"""Fetch a model's weights: one download for all visitors, in the background."""

from __future__ import annotations

import hashlib
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from imgsim_core.models.catalogue import HubFile, Model, ReleaseFile, WheelFile
from imgsim_core.models.files import release_path, weights_file
from imgsim_core.models.reach import hub_address, reachable, told_to_stay_offline
from imgsim_core.text import HostText, Text

ANSWER_SECONDS = 5
"""How long a server may take for its first answer. The hub's client would go on asking an
unreachable hub for 46 seconds; we ask once by ourselves before we let it begin."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Progress:
    """How far a download is.

    done, total : bytes; total is 0 while unknown. error : a sentence if it failed.
    """

    state: Literal["none", "running", "done", "failed", "cancelled"]
    done: int = 0
    total: int = 0
    error: Text | None = None


class _Cancelled(Exception):
    """Somebody called the download off."""


class _NotThere(Exception):
    """The server answers but has no such file."""


class _Job:
    """One running download, as the fetching thread and the watching pages share it."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.progress = Progress("running", 0, model.megabytes * 1_000_000)
        self.called_off = threading.Event()

    def advance(self, done: int, total: int) -> None:
        if self.called_off.is_set():
            raise _Cancelled
        self.progress = Progress("running", done, total)

    def fail(self, reason: str) -> None:
        sentence = Text(
            "{model} could not be downloaded: {reason}",
            model=self.model.label,
            reason=HostText(reason),
        )
        self.progress = Progress("failed", self.progress.done, self.progress.total, sentence)


_LOCK = threading.Lock()
_jobs: dict[str, _Job] = {}


def start(model: Model) -> Progress:
    """Begin to fetch a model's weights unless they are here or on their way.

    Parameters
    ----------
    model : Model

    Returns
    -------
    Progress
        Where things stand now. Returns at once; ask `progress` from then on.
    """
    if weights_file(model) is not None:
        return Progress("done")
    with _LOCK:
        job = _jobs.get(model.id)
        if job is None or job.progress.state != "running":
            job = _jobs[model.id] = _Job(model)
            threading.Thread(
                target=_run, args=(job,), name=f"download {model.id}", daemon=True
            ).start()
        return job.progress


def progress(model: Model) -> Progress:
    """Tell how far a model's download is; state "none" if nobody asked for one."""
    job = _jobs.get(model.id)
    return job.progress if job else Progress("none")


def cancel(model: Model) -> None:
    """Call a running download off; it stops at its next chunk."""
    job = _jobs.get(model.id)
    if job:
        job.called_off.set()


def _run(job: _Job) -> None:
    try:
        _fetch_from_first(job)
    except _Cancelled:
        job.progress = Progress("cancelled", job.progress.done, job.progress.total)
    finally:
        if job.progress.state == "running":  # a bug is on its way up: no page may wait forever
            job.fail("an unexpected error, see the log of this host")


def _fetch_from_first(job: _Job) -> None:
    """Try the model's files in turn until one has come."""
    from httpx2 import HTTPError

    trouble = "no server has it"
    for file in job.model.files:
        try:
            _FETCH[type(file)](job, file)
        except _NotThere:
            continue
        except (OSError, HTTPError) as error:
            trouble = str(error) or type(error).__name__
            continue
        total = job.progress.total
        job.progress = Progress("done", total, total)
        return
    job.fail(trouble)


def _fetch_from_hub(job: _Job, file: HubFile) -> None:
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, RepositoryNotFoundError

    if told_to_stay_offline() or reachable(hub_address()) is False:
        raise OSError(f"{hub_address()} cannot be reached")
    try:
        address = hf_hub_url(file.repository, file.name)
        size = get_hf_file_metadata(address, timeout=ANSWER_SECONDS).size or 0
        job.advance(0, size)
        hf_hub_download(
            file.repository,
            file.name,
            etag_timeout=ANSWER_SECONDS,
            tqdm_class=_bar_of(job, size),
        )
    except (EntryNotFoundError, RepositoryNotFoundError, GatedRepoError) as error:
        raise _NotThere from error


def _bar_of(job: _Job, size: int) -> Any:
    """Make a progress bar class, as the hub's client wants one, that reports to the job."""

    class Bar:
        # The client opens two bars for some transfers, of bytes received and of bytes
        # written; the job shows whichever is further.
        def __init__(self, *_: object, initial: int = 0, total: int | None = None, **__: object):
            self.n, self.total = initial, total

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            self.close()

        def update(self, amount: float | None = 1) -> None:
            self.n += int(amount or 0)
            job.advance(min(max(self.n, job.progress.done), size), size)

        def close(self) -> None: ...

        def refresh(self) -> None: ...

        def set_postfix_str(self, *_: object, **__: object) -> None: ...

        def set_description(self, *_: object, **__: object) -> None: ...

    return Bar


def _fetch_release(job: _Job, file: ReleaseFile) -> None:
    if told_to_stay_offline():
        raise OSError("this host is told to stay offline")
    target = release_path(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Another server of this host may be fetching the same file
    part = target.with_suffix(f".{os.getpid()}.part")
    try:
        answer = urllib.request.urlopen(file.address, timeout=ANSWER_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        raise _NotThere from error
    digest, done = hashlib.sha256(), 0
    try:
        with answer, part.open("wb") as output:
            total = int(answer.headers.get("Content-Length") or 0)
            while chunk := answer.read(_CHUNK):
                output.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                job.advance(done, total)
        if not digest.hexdigest().startswith(file.sha256):
            raise OSError(f"{file.name} arrived damaged")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _no_download(job: _Job, file: WheelFile) -> None:
    raise _NotThere


_FETCH: dict[type, Callable[[_Job, Any], None]] = {
    HubFile: _fetch_from_hub,
    ReleaseFile: _fetch_release,
    WheelFile: _no_download,
}
