"""Duplicates in a gallery, as a funnel: all pairs, then candidates, then what holds up.

1. Same file: equal digests. An entry knows every file with its bytes.
2. Candidates: pairs of near fingerprints (all pairs, in all turns and mirrors, exactly) and
   pairs of near vectors (each picture's nearest ones, beyond what is usual in the gallery).
3. The tests of `imgsim_core.gallery.copies`: outlines first, then, of what these do not
   settle, those that share some details are looked at closely. Neither fingerprints nor
   vectors alone ever link two pictures.
4. Groups that are never chained: `imgsim_core.gallery.groups`.
"""

from __future__ import annotations

import io
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgsim_core import lanes
from imgsim_core.errors import ImgSimError
from imgsim_core.gallery.copies import (
    FEWEST_DETAILS,
    SIDE,
    Level,
    Link,
    Outlines,
    agreeing_details,
    close_look,
    copy_by_outlines,
    details,
    outline_correlation,
    outlines,
)
from imgsim_core.gallery.entry import Entry
from imgsim_core.gallery.gallery import Gallery, Snapshot
from imgsim_core.gallery.groups import Group, Pair, grouped
from imgsim_core.gallery.near_hashes import equal_rows, hash_distance, near_pairs
from imgsim_core.gallery.neighbours import nearest
from imgsim_core.memory import Memory
from imgsim_core.methods.keypoints import Keypoints
from imgsim_core.models.network import usable_processors
from imgsim_core.text import Text

RADIUS = 10
"""Bits of 64 in which fingerprints of candidates differ at most."""
NEIGHBOURS = 6
"""Nearest vectors of each picture that can be candidates."""
MOST_CLOSE_LOOKS = 2000
"""Pairs that are looked at closely: about a quarter of a second each on one core."""
MOST_GLANCES = 20_000
"""Pairs of which it is tried whether they share some details: a tenth of that time each."""
MOST_OVERLAYS = 200_000
"""Pairs whose small copies are laid on each other."""

# How far above the usual cosine of the gallery's own pairs a candidate is: the median, plus
# so many times what the upper sixth of the pairs lies above that. Of 1,000 unrelated
# photographs, 1 pair in 1,500 passes 5 and 1 in 50 passes 3; edited copies lie above 5.
_ABOVE = {Level.COPY: 5.0, Level.SHOT: 4.0}
_HIGHEST_LINE = 0.9
_SAMPLED = 200_000  # pairs that tell what is usual
_FEW = 60  # pictures: there everybody's neighbours are candidates

_FEWEST_BITS_SET = 20  # of 64: a picture with a median has 32
_LEAST_SHARPNESS = 0.5  # blank pictures and smooth gradients; blurred photographs have 2 and up
_WORKING_BYTES = 150 * 2**20  # descriptions kept while a pair's other pairs wait
_BLOCK = 2048  # rows between two looks at `stop`
_PORTION = 64  # pairs that are handed to the threads at a time
_FEW_AT_A_TIME = 8  # where each takes long, and may make others needless
_UNOPENED, _DROPPED = "unopened", "dropped"

Told = Callable[[str, float], None]
"""Called with the code of a stage and the share of it that is done, 0 to 1."""

STAGES = {
    "compare": Text("Comparing fingerprints and vectors"),
    "overlay": Text("Laying small copies on each other"),
    "look": Text("Looking closely at pairs"),
}
"""The stages that are told of, in words."""


@dataclass(frozen=True)
class Counts:
    """How many were left at each stage of the funnel.

    Parameters
    ----------
    files : int
        Files, those with equal bytes included.
    pictures : int
        Different files.
    blank : int
        Pictures left out, for there is too little in them.
    pairs : int
        Pairs of pictures there are.
    by_hash, by_vector : int
        Pairs that near fingerprints made candidates, and those that only vectors did.
    settled : int
        Candidates that the outlines settled.
    dropped : int
        Candidates dropped since they share too few details.
    implied : int
        Candidates that need no look: whole copies of both were looked at.
    looked : int
        Candidates that were looked at closely.
    copies, shots : int
        Pairs found to be edited copies, and other shots of the same.
    unopened : int
        Pairs of which a picture could not be opened again.
    left : int
        Candidates beyond the bound, or after the stop, that nobody looked at.
    """

    files: int = 0
    pictures: int = 0
    blank: int = 0
    pairs: int = 0
    by_hash: int = 0
    by_vector: int = 0
    settled: int = 0
    dropped: int = 0
    implied: int = 0
    looked: int = 0
    copies: int = 0
    shots: int = 0
    unopened: int = 0
    left: int = 0


@dataclass(frozen=True)
class Report:
    """What was found.

    Parameters
    ----------
    level : Level
    entries : dict of str to Entry
        By digest: every picture of a group.
    links : tuple of Link
        Whatever was found to belong together at this level, for grouping anew.
    groups : tuple of Group
        The largest first. At the level `FILE`, a group is one entry with several names.
    counts : Counts
    notes : tuple of Text
        What the visitor has to know about the search: bounds that were hit, pictures that
        were left out.
    stopped : bool
        Ended by `stop`: what was found by then is there.
    seconds : float
    """

    level: Level
    entries: dict[str, Entry]
    links: tuple[Link, ...]
    groups: tuple[Group, ...]
    counts: Counts
    notes: tuple[Text, ...]
    stopped: bool
    seconds: float

    def regrouped(self, apart: Collection[Pair]) -> tuple[Group, ...]:
        """Form the groups anew, with other pairs known to be no duplicates."""
        return self.groups if self.level is Level.FILE else grouped(self.links, self.level, apart)


def find_duplicates(
    gallery: Gallery,
    level: Level = Level.COPY,
    memory: Memory | None = None,
    told: Told | None = None,
    stop: Callable[[], bool] | None = None,
    not_duplicates: Collection[Pair] = frozenset(),
    most_close_looks: int = MOST_CLOSE_LOOKS,
) -> Report:
    """Find what a gallery holds more than once.

    Parameters
    ----------
    gallery : Gallery
    level : Level
    memory : Memory or None
        Keeps the answer for each pair that was tested, so that another level or a second
        run asks only what is new.
    told : callable or None
        Told of the progress.
    stop : callable or None
        Asked now and then; once True, what has been found so far is returned.
    not_duplicates : collection of frozenset of two str
        Pairs of digests that are never linked or grouped.
    most_close_looks : int
        Bound on the costly tests; the likeliest pairs come first.

    Returns
    -------
    Report

    Raises
    ------
    UnknownGallery, StoreGone
        If the gallery cannot be read.
    """
    started = time.monotonic()
    snapshot = gallery.snapshot()
    search = _Search(gallery, snapshot, level, memory, told, stop, most_close_looks)
    links = () if level is Level.FILE else search.links(not_duplicates)
    if level is Level.FILE:
        groups = _same_files(snapshot.entries)
    else:
        groups = grouped(links, level, not_duplicates)
    shown = {member for group in groups for member in group.members}
    shown |= {end for link in links for end in link.pair}
    return Report(
        level,
        {entry.digest: entry for entry in snapshot.entries if entry.digest in shown},
        links,
        groups,
        search.counts,
        tuple(search.notes()),
        search.stopped,
        time.monotonic() - started,
    )


def says_little(entry: Entry) -> bool:
    """Tell whether a picture is blank or so smooth that fingerprints of it mean nothing."""
    bits = int(np.bitwise_count(entry.hashes[0]))
    even = _FEWEST_BITS_SET <= bits <= 64 - _FEWEST_BITS_SET
    return not even or entry.sharpness < _LEAST_SHARPNESS


def _same_files(entries: Iterable[Entry]) -> tuple[Group, ...]:
    more = [entry for entry in entries if len(entry.names) > 1]
    more.sort(key=lambda entry: (-len(entry.names), entry.name, entry.digest))
    return tuple(Group((entry.digest,), ()) for entry in more)


# ── Candidates ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Candidate:
    """Two rows of the snapshot, the bits and the cosine between them."""

    a: int
    b: int
    bits: int
    cosine: float

    @property
    def promise(self) -> tuple[float, float]:
        """Sorts the likeliest first."""
        # A bit counts as much as a twentieth of the cosine's range: both matter alike
        return self.bits / 20 - self.cosine, self.bits


class _Search:
    """One search, with what it has counted."""

    def __init__(
        self,
        gallery: Gallery,
        snapshot: Snapshot,
        level: Level,
        memory: Memory | None,
        told: Told | None,
        stop: Callable[[], bool] | None,
        most_close_looks: int,
    ) -> None:
        self.gallery, self.snapshot, self.level = gallery, snapshot, level
        self.told = told or (lambda stage, share: None)
        self.asked_to_stop = stop or (lambda: False)
        self.stopped = False
        self.most_close_looks = most_close_looks
        self.answers = memory or Memory(_WORKING_BYTES)
        self.working = Memory(_WORKING_BYTES)
        entries = snapshot.entries
        self.telling = np.array(
            [row for row, entry in enumerate(entries) if not says_little(entry)], np.int64
        )
        self.narrowed = RADIUS
        self.counts = Counts(
            files=sum(len(entry.names) for entry in entries),
            pictures=len(entries),
            blank=len(entries) - len(self.telling),
            pairs=len(entries) * (len(entries) - 1) // 2,
        )

    def stop(self) -> bool:
        self.stopped = self.stopped or self.asked_to_stop()
        return self.stopped

    def notes(self) -> Iterator[Text]:
        """Say what was not done."""
        if self.level is Level.FILE:
            return
        counts = self.counts
        if counts.blank:
            yield Text(
                "{count} nearly empty pictures were left out: there is too little in them "
                "to tell a copy from another.",
                count=counts.blank,
            )
        if self.narrowed < RADIUS:
            yield Text(
                "Very many pictures have nearly the same fingerprint: only pairs that differ "
                "in at most {bits} of 64 bits were tried.",
                bits=max(self.narrowed, 0),
            )
        if counts.left and not self.stopped:
            yield Text(
                "{left} less likely pairs were not looked at: the search is bounded. "
                "There may be more duplicates among them.",
                left=counts.left,
            )
        if counts.unopened:
            yield Text(
                "{count} pairs could not be tested: a picture cannot be opened any more.",
                count=counts.unopened,
            )
        if self.stopped:
            yield Text("Stopped early: these are the duplicates found until then.")

    def links(self, apart: Collection[Pair]) -> tuple[Link, ...]:
        by_hash = self._near_hashes()
        by_vector = self._near_vectors()
        self.counts = replace(
            self.counts, by_hash=len(by_hash), by_vector=len(by_vector.keys() - by_hash.keys())
        )
        candidates = [
            self._candidate(a, b)
            for a, b in by_hash.keys() | by_vector.keys()
            if self._pair(a, b) not in apart
        ]
        candidates.sort(key=lambda one: (*one.promise, one.a, one.b))
        found, doubtful = self._settled(candidates)
        found += self._looked_at(doubtful, found)
        copies = sum(link.level is Level.COPY for link in found)
        self.counts = replace(self.counts, copies=copies, shots=len(found) - copies)
        found.sort(key=lambda link: (-link.strength, link.a, link.b))
        return tuple(link for link in found if link.counts_at(self.level))

    def _pair(self, a: int, b: int) -> Pair:
        entries = self.snapshot.entries
        return frozenset((entries[a].digest, entries[b].digest))

    def _candidate(self, a: int, b: int) -> _Candidate:
        hashes, vectors = self.snapshot.hashes, self.snapshot.vectors
        return _Candidate(a, b, hash_distance(hashes[a], hashes[b]), float(vectors[a] @ vectors[b]))

    def _near_hashes(self) -> dict[tuple[int, int], None]:
        """Pairs of rows with near fingerprints; many equal ones are paired with their first."""
        hashes = self.snapshot.hashes[self.telling]
        firsts, belongs = equal_rows(hashes)
        found = near_pairs(
            hashes[firsts],
            RADIUS,
            most_pairs=MOST_OVERLAYS,
            told=lambda share: self.told("compare", share / 2),
            stop=self.stop,
        )
        self.narrowed = found.radius
        rows = self.telling[firsts[found.rows]]
        pairs = {(int(a), int(b)): None for a, b in rows}
        for row, first in enumerate(firsts[belongs]):
            if row != first:
                pairs[int(self.telling[first]), int(self.telling[row])] = None
        return pairs

    def _near_vectors(self) -> dict[tuple[int, int], None]:
        """Pairs of rows of which one is among the nearest of the other, and unusually near."""
        vectors = self.snapshot.vectors
        blank = np.setdiff1d(np.arange(len(vectors)), self.telling)
        line = candidate_line(vectors, self.telling, self.level)
        pairs: dict[tuple[int, int], None] = {}
        for start in range(0, len(self.telling), _BLOCK):
            if self.stop():
                break
            rows = self.telling[start : start + _BLOCK]
            found = nearest(vectors[rows], vectors, NEIGHBOURS, rows, blank)
            near, place = np.nonzero(found.cosines >= line)
            for a, b in zip(rows[near], found.rows[near, place], strict=True):
                pairs[int(min(a, b)), int(max(a, b))] = None
            self.told("compare", 0.5 + 0.5 * (start + len(rows)) / len(self.telling))
        return pairs

    # ── Testing ──

    def _settled(self, candidates: Sequence[_Candidate]) -> tuple[list[Link], list[_Candidate]]:
        """Part the candidates in copies that their outlines show, and those in doubt."""
        found: list[Link] = []
        doubtful: list[_Candidate] = []
        tried = 0
        for portion in _portions(candidates, _PORTION):
            if self.stop():
                self.counts = replace(self.counts, left=len(candidates) - tried)
                break
            for one in portion:
                near = one.bits <= RADIUS
                link = self._by_outlines(one) if near and tried < MOST_OVERLAYS else None
                if link is None:
                    doubtful.append(one)
                else:
                    found.append(link)
            tried += len(portion)
            self.told("overlay", tried / len(candidates))
        self.counts = replace(self.counts, settled=len(found))
        return found, doubtful

    def _looked_at(self, candidates: Sequence[_Candidate], settled: Sequence[Link]) -> list[Link]:
        """Look closely at candidates, the likeliest first, in all threads."""
        chosen = candidates[:MOST_GLANCES]
        found: list[Link] = []
        answered = _Answered(settled)
        seen = looked = dropped = unopened = implied = 0
        with ThreadPoolExecutor(usable_processors()) as threads:
            for portion in _portions(chosen, _FEW_AT_A_TIME):
                lanes.give_way()
                if self.stop() or looked >= self.most_close_looks:
                    break
                asked = []
                for one in portion:
                    follows = answered.for_copies_of(*self._digests(one))
                    if follows is None:
                        asked.append(one)
                    else:
                        found += [self._numbered(link, one) for link in follows if link]
                implied += len(portion) - len(asked)
                answers = threads.map(self._closely, asked)
                for one, answer in zip(asked, answers, strict=True):
                    answered.add(*self._digests(one), answer)
                    if isinstance(answer, Link):
                        found.append(answer)
                    dropped += answer == _DROPPED
                    unopened += answer == _UNOPENED
                seen += len(portion)
                self.told("look", seen / len(chosen))
                looked = seen - dropped - unopened - implied
        self.counts = replace(
            self.counts,
            looked=looked,
            dropped=dropped,
            implied=implied,
            unopened=unopened,
            left=self.counts.left + len(candidates) - seen,
        )
        return found

    def _digests(self, one: _Candidate) -> tuple[str, str]:
        entries = self.snapshot.entries
        return entries[one.a].digest, entries[one.b].digest

    def _by_outlines(self, one: _Candidate) -> Link | None:
        a, b = (self.snapshot.entries[row] for row in (one.a, one.b))

        def make() -> tuple[float, int]:
            return outline_correlation(self._outlines(a), self._outlines(b))

        try:
            fit = self.answers.recall(("outlines of", a.digest, b.digest), make)
        except ImgSimError:
            return None  # the close look counts it
        link = copy_by_outlines(a.digest, b.digest, *fit)
        return None if link is None else self._numbered(link, one)

    def _shared_details(self, a: Entry, b: Entry) -> int:
        def make() -> int:
            return agreeing_details(self._details(a), self._details(b))

        return self.answers.recall(("details shared", a.digest, b.digest), make)

    def _details(self, entry: Entry) -> Keypoints:
        def make() -> Keypoints:
            return details(entry.digest, self._small(entry))

        return self.working.recall(("details", entry.digest), make)

    def _outlines(self, entry: Entry) -> Outlines:
        """Outlines of a picture's small copy."""

        def make() -> Outlines:
            return outlines(self._small(entry))

        return self.working.recall(("outlines", entry.digest), make)

    def _small(self, entry: Entry) -> NDArray[np.uint8]:
        small = self.gallery.shelf.thumbnail(entry.digest)
        if small is None:
            return self.gallery.picture(entry, SIDE).rgb
        with Image.open(io.BytesIO(small)) as image:
            return np.asarray(image.convert("RGB"))

    def _closely(self, one: _Candidate) -> Link | str | None:
        a, b = (self.snapshot.entries[row] for row in (one.a, one.b))

        def make() -> tuple[Link | None]:
            first, second = (self.gallery.picture(entry, SIDE) for entry in (a, b))
            return (close_look(first, second, self.working),)

        try:
            if one.bits > RADIUS and self._shared_details(a, b) < FEWEST_DETAILS:
                return _DROPPED
            (link,) = self.answers.recall(("close look", a.digest, b.digest), make)
        except ImgSimError:
            return _UNOPENED
        return None if link is None else self._numbered(link, one)

    def _numbered(self, link: Link, one: _Candidate) -> Link:
        said = Text(
            "Their fingerprints differ in {bits} of 64 bits: fewer is more alike, and unrelated "
            "photographs rarely come below 18, turned and mirrored as well as may be.",
            bits=one.bits,
        )
        return replace(link, because=(*link.because, said), bits=one.bits, cosine=one.cosine)


def candidate_line(vectors: NDArray[np.float32], telling: NDArray[np.int64], level: Level) -> float:
    """Cosine from which near vectors make a pair a candidate, by what is usual among them.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
        Of length 1.
    telling : ndarray of int64
        Rows of those that count.
    level : Level

    Returns
    -------
    float
        -1 for few pictures, at most 0.9. Models differ in what cosine unrelated pictures
        have, so no fixed number would do.
    """
    if len(telling) < _FEW:
        return -1.0
    random = np.random.default_rng(0)
    rows = telling[random.integers(len(telling), size=(_SAMPLED, 2))]
    rows = rows[rows[:, 0] != rows[:, 1]]
    cosines = np.concatenate(
        [
            np.einsum("ij,ij->i", vectors[part[:, 0]], vectors[part[:, 1]])
            for part in np.array_split(rows, 50)
        ]
    )
    median, upper = np.quantile(cosines, (0.5, 0.84))
    return float(min(_HIGHEST_LINE, median + _ABOVE[level] * (upper - median)))


class _Answered:
    """Answers of close looks, which hold for whole copies of the two pictures as well."""

    def __init__(self, whole_copies: Iterable[Link]) -> None:
        self._copies: dict[str, set[str]] = defaultdict(set)
        for link in whole_copies:
            self._copies[link.a].add(link.b)
            self._copies[link.b].add(link.a)
        self._answers: dict[Pair, Link | str | None] = {}

    def add(self, a: str, b: str, answer: Link | str | None) -> None:
        self._answers[frozenset((a, b))] = answer

    def for_copies_of(self, a: str, b: str) -> tuple[Link | None] | None:
        """Return the answer that follows for two pictures; None if they must be looked at."""
        for one in (a, *sorted(self._copies[a])):
            for other in (b, *sorted(self._copies[b])):
                pair = frozenset((one, other))
                answer = self._answers.get(pair, _UNOPENED)
                if len(pair) < 2 or answer == _UNOPENED:
                    continue
                if not isinstance(answer, Link):
                    return (None,)
                ends = (a, b) if answer.a == one else (b, a)
                said = Text("This was tested on whole copies of them.")
                return (
                    replace(
                        answer,
                        a=ends[0],
                        b=ends[1],
                        because=(*answer.because[:-1], said),  # all but its own bits
                        changes=(),
                    ),
                )
        return None


def _portions(candidates: Sequence[_Candidate], size: int) -> Iterator[Sequence[_Candidate]]:
    for start in range(0, len(candidates), size):
        yield candidates[start : start + size]
