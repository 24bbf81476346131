"""Bring pictures into a gallery: read, open, embed, keep; batch by batch, in bounded memory.

Workers read, open and embed the files, a few at a time: see `workers`. A batch is in the
store wholly or not at all, and a row that is there has its thumbnail: whatever interrupts
the work, running it again completes it.
"""

from __future__ import annotations

import itertools
import operator
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgsim_core.errors import ImgSimError
from imgsim_core.gallery.entry import Row
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.sources import SourceFile
from imgsim_core.gallery.store import GalleryInfo, Store
from imgsim_core.gallery.workers import (
    NewFile,
    ReadFile,
    ThreadWorkers,
    Workers,
    model_to_add_with,
)
from imgsim_core.models.catalogue import Model, all_models, model_by_id
from imgsim_core.models.encoder import encode_with_lengths
from imgsim_core.models.identity import encoder_key
from imgsim_core.models.weights import availability
from imgsim_core.picture import Picture
from imgsim_core.text import Text

BATCH = 64
"""Rows written at a time, at most, for each share of the workers."""
MOST_REFUSALS = 200
"""Sentences about refused files that are kept; all are counted."""

# Writings between which a store is tidied: every one adds a file to those that the next looks
# through. Measured: after 150 unsettled ones, telling what is in already takes four times as long.
_SETTLED_EVERY = 50
_LONGEST_WAIT = 3.0  # seconds until what is ready is written, however little it is
_AT_ONCE = 64  # files looked up together, for each share
_BYTES_AT_ONCE = 64 * 2**20
_TOGETHER = 4  # pictures in one forward pass: more of them fall out of the processor's cache
_TOLD_EVERY = 0.2  # seconds

State = Literal["running", "stopped", "done", "failed"]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the work has come.

    Parameters
    ----------
    seen : int
        Files whose fate is known.
    total : int or None
        Files there are, if that could be counted.
    added : int
        Pictures that are new in the gallery.
    known : int
        Files that were in already.
    same : int
        Files with the same bytes as a picture that is in under another name.
    refused : tuple of Text
        A sentence for each refused file, at most `MOST_REFUSALS`.
    refused_count : int
        All refused files.
    bytes : int
        Read so far.
    seconds : float
        Since the start.
    state : str
        "running", "stopped" on demand, "done" or "failed".
    problem : Text or None
        Why it failed.
    """

    seen: int = 0
    total: int | None = None
    added: int = 0
    known: int = 0
    same: int = 0
    refused: tuple[Text, ...] = ()
    refused_count: int = 0
    bytes: int = 0
    seconds: float = 0.0
    state: State = "running"
    problem: Text | None = None

    @property
    def rate(self) -> float:
        """Files a second so far."""
        return self.seen / self.seconds if self.seconds > 0 else 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds that the rest will take at this rate; None if nobody knows."""
        if self.total is None or self.rate == 0:
            return None
        return max(0, self.total - self.seen) / self.rate


def default_model() -> Model:
    """Return the model that galleries are made with unless another is named.

    Returns
    -------
    Model
        The first of the catalogue whose weights are on this host; the first of all if none.
    """
    models = all_models()
    ready = (model for model in models if availability(model).state == "ready")
    return next(ready, models[0])


def new_gallery(
    name: str,
    store: Store,
    shelf: Shelf,
    model: Model | None = None,
    title: str = "",
    expires: float = 0.0,
) -> Gallery:
    """Make a gallery, or take up the one of this name.

    Parameters
    ----------
    name : str
        Lower-case letters, digits, "-" and "_".
    store : Store
    shelf : Shelf
    model : Model or None
        None takes `default_model`, or that of the gallery if it is there.
    title : str
        For people; "" leaves it as it is.
    expires : float
        Seconds since 1970; 0 leaves it as it is.

    Raises
    ------
    OtherEncoder
        If the gallery is there and was made with another model.
    BadGalleryName, WeightsMissing, StoreGone
    """
    there = next((info for info in store.galleries() if info.name == name), None)
    if model is None:
        model = default_model() if there is None else model_by_id(there.model)
    info = GalleryInfo(
        name=name,
        title=title or (there.title if there else ""),
        model=model.id,
        encoder=encoder_key(model),
        dimension=model.dimension,
        created=there.created if there else time.time(),
        expires=expires or (there.expires if there else 0.0),
    )
    if info != there:
        store.create(info)
    return Gallery(store, shelf, info)


def embed(
    model: Model, pictures: Sequence[Picture]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Embed pictures as a gallery of this model does.

    Parameters
    ----------
    model : Model
    pictures : sequence of Picture

    Returns
    -------
    tuple of ndarray of float32, shapes (n, dimension) and (n,)
        Vectors of length 1, and the lengths they had before that.

    Raises
    ------
    WeightsMissing, WeightsWrong
    """
    return encode_with_lengths(model, pictures, model.framing)


def ingest(
    gallery: Gallery,
    files: Iterable[SourceFile | Text],
    *,
    keep_originals: bool | None = None,
    told: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
    most_pictures: int | None = None,
    most_bytes: int | None = None,
    workers: Workers | None = None,
) -> Progress:
    """Add files to a gallery.

    Parameters
    ----------
    gallery : Gallery
    files : iterable of SourceFile or Text
        A Text is a sentence about a file that could not even be offered.
    keep_originals : bool or None
        Whether the files themselves go on the shelf; None keeps those that cannot be read
        anywhere else.
    told : callable or None
        Called in this thread with the `Progress`, at most five times a second, and at the
        end.
    stop : threading.Event or None
        Once set, what is under way is finished and the rest left.
    most_pictures, most_bytes : int or None
        What the gallery may hold in all; pictures beyond are refused.
    workers : Workers or None
        Who reads, opens and embeds the files; None takes threads of this process.

    Returns
    -------
    Progress
        The last: "done", "stopped", or "failed" with its problem. Whatever is counted as
        added is in the store.

    Raises
    ------
    GalleryReadOnly
        If the gallery is published to look at.
    OtherEncoder
        If this host's model makes other vectors than those of the gallery.
    WeightsMissing
        If the gallery's model is not on this host.
    UnknownGallery, StoreGone
        If the gallery cannot be reached at the start.
    """
    model = model_to_add_with(gallery)
    total = operator.length_hint(files, -1)
    work = _Work(
        gallery,
        None if total < 0 else total,
        keep_originals,
        told,
        stop,
        most_pictures,
        most_bytes,
    )
    if workers is not None:
        return work.run(workers, iter(files))
    with ThreadWorkers(gallery, model) as threads:
        return work.run(threads, iter(files))


# ── The work ───────────────────────────────────────────────────────────────────────


@dataclass
class _New:
    """A new picture on its way, and other files that turned out to be the same."""

    read: ReadFile
    others: list[SourceFile] = field(default_factory=list)


@dataclass(frozen=True)
class _Few:
    """New pictures that are opened and embedded together."""

    pictures: list[_New]
    made: Future[list[Row | Text]]


class _Work:
    """One run of `ingest`: all but the opening of files happens in the caller's thread."""

    def __init__(
        self,
        gallery: Gallery,
        total: int | None,
        keep_originals: bool | None,
        told: Callable[[Progress], None] | None,
        stop: threading.Event | None,
        most_pictures: int | None,
        most_bytes: int | None,
    ) -> None:
        self._gallery = gallery
        self._keep_originals = keep_originals
        self._told = told
        self._stop = stop or threading.Event()
        self._most_pictures, self._most_bytes = most_pictures, most_bytes
        self._progress = Progress(total=total)
        self._started = self._last_written = time.monotonic()
        self._last_told = -_TOLD_EVERY
        self._under_way: dict[str, _New] = {}
        # Read, but there may be no room for it: at most what is read at once
        self._put_off: list[ReadFile] = []
        self._too_much: list[Future[Text | None]] = []
        # Embedded but not written yet, with what that will add to the progress
        self._ready: dict[str, Row] = {}
        self._ready_added = self._ready_known = self._ready_same = 0
        self._left_out = 0
        self._unsettled = 0  # writings
        self._pictures = gallery.store.count(gallery.name)
        self._bytes = 0
        if most_bytes is not None:
            batches = gallery.store.scan(gallery.name, vectors=False)
            self._bytes = sum(row.entry.bytes for batch in batches for row in batch)

    def run(self, workers: Workers, files: Iterator[SourceFile | Text]) -> Progress:
        try:
            before: list[_Few] = []
            while some := self._some(workers, files):
                if before:
                    workers.expect_more()
                coming = self._look_up(workers, some)
                self._collect(workers, before)
                before = coming
            self._collect(workers, before)
            self._write()
            self._settle(1)
        except ImgSimError as error:
            # What has been written stays; what is under way is found again next time.
            return self._end("failed", error.text)
        return self._end("stopped" if self._stop.is_set() else "done")

    # ── Reading ──

    def _some(self, workers: Workers, files: Iterator[SourceFile | Text]) -> list[ReadFile]:
        """Take up what was put off, or read more; nothing at the end or when stopped."""
        if self._put_off and not self._stop.is_set():
            some, self._put_off = self._put_off, []
            return some
        return self._read_some(workers, files)

    def _read_some(self, workers: Workers, files: Iterator[SourceFile | Text]) -> list[ReadFile]:
        """Read up to a number of files, or of bytes; none at the end or when stopped."""
        read: list[ReadFile] = []
        size = 0
        while len(read) < _AT_ONCE * workers.share and size < _BYTES_AT_ONCE * workers.share:
            offered = list(itertools.islice(files, workers.read_together))
            if self._stop.is_set():
                return []
            if not offered:
                break
            asked = workers.read([file for file in offered if isinstance(file, SourceFile)])
            for one in itertools.chain((file for file in offered if isinstance(file, Text)), asked):
                if isinstance(one, Text):
                    self._refuse(one)
                else:
                    read.append(one)
                    size += one.size
                    self._tell(bytes=self._progress.bytes + one.size)
        return read

    def _look_up(self, workers: Workers, some: list[ReadFile]) -> list[_Few]:
        """Tell new pictures from known ones, and start to open and embed the new ones."""
        gallery = self._gallery
        digests = list(dict.fromkeys(one.digest for one in some))
        held = {row.entry.digest: row for row in gallery.store.get(gallery.name, digests)}
        new: list[_New] = []
        for one in some:
            under_way = self._under_way.get(one.digest)
            row = self._ready.get(one.digest) or held.get(one.digest)
            if under_way is not None:
                under_way.others.append(one.file)
            elif row is not None:
                self._meet_again(row, one.file)
            elif self._put_off or (self._under_way and self._is_full(one.size)):
                # What is under way may yet be refused, and leave its place
                self._put_off.append(one)
            elif self._is_full(one.size):
                self._too_much.append(workers.problem(one, one.file.name))
            else:
                self._pictures += 1
                self._bytes += one.size
                new.append(_New(one))
                self._under_way[one.digest] = new[-1]
        return [
            self._start(workers, new[start : start + _TOGETHER])
            for start in range(0, len(new), _TOGETHER)
        ]

    def _start(self, workers: Workers, few: list[_New]) -> _Few:
        files = [NewFile(one.read, self._is_kept(one.read.file)) for one in few]
        return _Few(few, workers.make(files))

    def _is_kept(self, file: SourceFile) -> bool:
        return not file.source if self._keep_originals is None else self._keep_originals

    def _is_full(self, size: int) -> bool:
        return (self._most_pictures is not None and self._pictures >= self._most_pictures) or (
            self._most_bytes is not None and self._bytes + size > self._most_bytes
        )

    def _meet_again(self, row: Row, file: SourceFile) -> None:
        entry = row.entry.also_at(file.name, file.source)
        if entry is row.entry:
            self._tell(seen=self._progress.seen + 1, known=self._progress.known + 1)
        else:
            self._ready[entry.digest] = replace(row, entry=entry)
            self._ready_same += 1

    # ── Collecting and writing ──

    def _leave_out(self) -> None:
        """Count what there is no room for; what could not be opened anyway says so instead."""
        for asked in self._too_much:
            if self._stop.is_set():
                return
            problem = asked.result()
            if problem is not None:
                self._refuse(problem)
                continue
            self._left_out += 1
            done = self._progress
            self._tell(seen=done.seen + 1, refused_count=done.refused_count + 1)
        self._too_much = []

    def _collect(self, workers: Workers, coming: list[_Few]) -> None:
        self._leave_out()
        for few in coming:
            if self._stop.is_set():
                return
            for new, made in zip(few.pictures, few.made.result(), strict=True):
                del self._under_way[new.read.digest]
                if isinstance(made, Text):
                    self._give_up(workers, new, made)
                else:
                    self._take(new, made)
            late = time.monotonic() - self._last_written > _LONGEST_WAIT
            if late or len(self._ready) >= BATCH * workers.share:
                self._write()

    def _take(self, new: _New, row: Row) -> None:
        entry = row.entry
        for other in new.others:
            longer = entry.also_at(other.name, other.source)
            self._ready_known += longer is entry
            self._ready_same += longer is not entry
            entry = longer
        self._ready[entry.digest] = replace(row, entry=entry)
        self._ready_added += 1

    def _give_up(self, workers: Workers, new: _New, why: Text) -> None:
        self._pictures -= 1
        self._bytes -= new.read.size
        self._refuse(why)
        for other in new.others:
            # The same in a sentence with the other's name
            self._refuse(workers.problem(new.read, other.name).result() or why)

    def _write(self) -> None:
        if self._ready:
            self._gallery.store.add(self._gallery.name, list(self._ready.values()))
            self._unsettled += 1
        done = self._progress
        self._tell(
            seen=done.seen + self._ready_added + self._ready_known + self._ready_same,
            added=done.added + self._ready_added,
            known=done.known + self._ready_known,
            same=done.same + self._ready_same,
        )
        self._ready = {}
        self._ready_added = self._ready_known = self._ready_same = 0
        self._settle(_SETTLED_EVERY)
        self._last_written = time.monotonic()

    def _settle(self, least: int) -> None:
        """Tidy the store if there were so many writings since the last time."""
        if self._unsettled >= least:
            self._gallery.store.settle(self._gallery.name)
            self._unsettled = 0

    # ── Telling ──

    def _refuse(self, text: Text) -> None:
        done = self._progress
        self._tell(
            seen=done.seen + 1,
            refused=(*done.refused, text)[:MOST_REFUSALS],
            refused_count=done.refused_count + 1,
        )

    def _tell(self, **changes: Any) -> None:
        now = time.monotonic()
        self._progress = replace(self._progress, seconds=now - self._started, **changes)
        if self._told is not None and now - self._last_told >= _TOLD_EVERY:
            self._last_told = now
            self._told(self._progress)

    def _end(self, state: State, problem: Text | None = None) -> Progress:
        refused = self._progress.refused
        if self._left_out:
            refused = (*refused[: MOST_REFUSALS - 1], self._full())
        self._progress = replace(
            self._progress,
            refused=refused,
            seconds=time.monotonic() - self._started,
            state=state,
            problem=problem,
        )
        if self._told is not None:
            self._told(self._progress)
        return self._progress

    def _full(self) -> Text:
        if self._most_pictures is not None and self._pictures >= self._most_pictures:
            return Text(
                "Files left out: {count}. This gallery holds at most {most} pictures.",
                count=self._left_out,
                most=self._most_pictures,
            )
        return Text(
            "Files left out: {count}. This gallery holds at most {most} MB of pictures.",
            count=self._left_out,
            most=(self._most_bytes or 0) // 2**20,
        )
