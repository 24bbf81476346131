"""Pairs that somebody marked same or different: where they come from, and their scores."""

from __future__ import annotations

import csv
import io
import itertools
import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from imgsim_core import lanes
from imgsim_core.background import in_background, leaving
from imgsim_core.calibration import FEWEST_PAIRS
from imgsim_core.comparison import Question, Score, Unavailable
from imgsim_core.distort import damage_by_id
from imgsim_core.picture import Picture
from imgsim_core.picture_set import PictureSet
from imgsim_core.reference_pairs import made_picture, reduced_picture, second_views
from imgsim_core.samples import open_sample
from imgsim_core.spreadsheet import harmless
from imgsim_core.standing import Standings
from imgsim_core.text import Text, UserText

Key = tuple[str, str]
Ask = Callable[[Question, Picture, Picture], Score | Unavailable]

FEWEST = FEWEST_PAIRS  # of each sort before anything is said
MOST_MARKS = 1_000


@dataclass(frozen=True)
class Pair:
    """Two pictures by digest, and whether they are marked same; None while nobody has said."""

    a: str
    b: str
    same: bool | None = None

    @property
    def key(self) -> Key:
        """The two in an order of their own: (A, B) and (B, A) are one pair."""
        return (self.a, self.b) if self.a <= self.b else (self.b, self.a)


def shortage(pairs: Iterable[Pair]) -> Text | None:
    """Say what is missing before methods can be judged; None when there is enough."""
    counts = Counter(pair.same for pair in pairs if pair.same is not None)
    same, different = counts[True], counts[False]
    if same + different == 0:
        return Text("Nothing is marked yet.")
    if different == 0:
        return Text(
            "All marked pairs are the same so far. Mark at least {least} that are different, too.",
            least=FEWEST,
        )
    if same == 0:
        return Text(
            "All marked pairs are different so far. Mark at least {least} that are the same, too.",
            least=FEWEST,
        )
    if min(same, different) < FEWEST:
        return Text(
            "{same} pairs are marked same and {different} different: at least {least} of each "
            "are needed.",
            same=same,
            different=different,
            least=FEWEST,
        )
    return None


# ── Which pair to ask about next ───────────────────────────────────────────────────

_FATIGUE = 0.04  # worth lost for each time a picture was on show before


def proposed(
    pictures: Sequence[Picture], standings: Standings, answered: Sequence[Pair]
) -> Pair | None:
    """Propose a pair whose mark would teach most.

    Two of three proposals fill up the rarer sort: pairs that most methods find alike, or
    pairs drawn at random. The third is a doubtful one: where methods differ, or, once
    both sorts are there, where same turns into different. No pair comes twice.

    Parameters
    ----------
    pictures : sequence of Picture
        Those of `standings`.
    standings : Standings
        Of all pairs, by quick methods.
    answered : sequence of Pair
        Marked pairs and skipped ones (marked None), in the order they came.

    Returns
    -------
    Pair or None
        Unmarked; None when every pair was answered.
    """
    places = {picture.digest: place for place, picture in enumerate(pictures)}
    count = len(standings.pairs)
    known = [
        (standings.place_of[min(ends), max(ends)], pair.same)
        for pair in answered
        if len(ends := {places[end] for end in pair.key if end in places}) == 2
    ]
    if len(known) >= count:
        return None
    likely = standings.ranks.mean(axis=0) if len(standings.ranks) else np.zeros(count)
    worth = _worth(standings, likely, known)
    seen = np.bincount(standings.pairs[[at for at, _ in known]].ravel(), minlength=len(pictures))
    worth = worth - _FATIGUE * seen[standings.pairs].sum(axis=1)
    worth[[at for at, _ in known]] = -np.inf
    a, b = standings.pairs[int(np.argmax(worth))].tolist()
    return Pair(pictures[a].digest, pictures[b].digest)


def _worth(
    standings: Standings, likely: NDArray[np.float64], known: Sequence[tuple[int, bool | None]]
) -> NDArray[np.float64]:
    """How much each pair is worth asking about now, about 0 to 1."""
    same = [likely[at] for at, mark in known if mark is True]
    different = [likely[at] for at, mark in known if mark is False]
    if len(known) % 3 == 2:
        spread = np.ptp(standings.ranks, axis=0) if len(standings.ranks) else likely
        if min(len(same), len(different)) < FEWEST or len(known) % 2:
            return np.asarray(spread, float)
        border = (np.median(same) + np.median(different)) / 2
        return np.asarray(1 - np.abs(likely - border), float)
    if len(same) <= len(different):
        return likely.copy()
    return np.random.default_rng(len(known)).random(len(likely))


# ── Marks as CSV ───────────────────────────────────────────────────────────────────

_COLUMNS = ("a", "b", "same")
_YES = {"1", "yes", "y", "true", "same", "是", "相同", "同"}
_NO = {"0", "no", "n", "false", "different", "否", "不同", "不是"}


@dataclass(frozen=True)
class ReadMarks:
    """What a file of marks holds: pairs that can be used, and a sentence for each fault."""

    pairs: tuple[Pair, ...]
    problems: tuple[Text, ...]


def marks_as_csv(pictures: PictureSet, pairs: Iterable[Pair]) -> str:
    """Write marked pairs as CSV with the columns a, b and same, by file name.

    Lines end in CR LF (RFC 4180). Where a spreadsheet could take a name for a formula, there
    is an apostrophe before it.
    """
    output = io.StringIO()
    table = csv.writer(output)
    table.writerow(_COLUMNS)
    for pair in pairs:
        if pair.same is not None:
            names = [harmless(pictures[end].name) for end in (pair.a, pair.b)]
            table.writerow([*names, "yes" if pair.same else "no"])
    return output.getvalue()


def marks_from_csv(data: bytes, pictures: PictureSet) -> ReadMarks:
    """Read marks: what is good is used, what is not is said row by row.

    Parameters
    ----------
    data : bytes
        CSV with a head row that names the columns a, b and same, in any order and among
        others; separated by commas, semicolons or tabs; UTF-8, UTF-16 or GB 18030.
    pictures : PictureSet
        Those that the names mean.

    Returns
    -------
    ReadMarks
        A pair that two rows mark differently is left out.
    """
    text = _decoded(data)
    if text is None:
        return ReadMarks((), (Text("The file of marks is not a text file."),))
    try:
        rows = _rows(text)
    except csv.Error:
        return ReadMarks((), (Text("The file of marks is not a table (CSV)."),))
    if not rows:
        return ReadMarks((), (Text("The file of marks is empty."),))
    head = [cell.strip().lower() for cell in rows[0][1]]
    missing = [column for column in _COLUMNS if column not in head]
    if missing:
        problem = Text(
            "Row 1 must name the columns a, b and same; {missing} is not there.",
            missing=", ".join(missing),
        )
        return ReadMarks((), (problem,))
    at = [head.index(column) for column in _COLUMNS]
    return _collected(((number, [_cell(row, i) for i in at]) for number, row in rows[1:]), pictures)


def _decoded(data: bytes) -> str | None:
    is_utf_16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if is_utf_16 else ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if "\0" in text else text
    return None


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Rows that are not empty, each with the number of the line it ends on."""
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]


def _cell(row: Sequence[str], at: int) -> str:
    return row[at].strip() if at < len(row) else ""


def _collected(rows: Iterable[tuple[int, list[str]]], pictures: PictureSet) -> ReadMarks:
    found: dict[Key, tuple[int, Pair]] = {}
    contrary: set[Key] = set()
    problems: list[Text] = []
    for number, cells in rows:
        pair = _pair(number, cells, pictures)
        if isinstance(pair, Text):
            problems.append(pair)
            continue
        earlier, known = found.setdefault(pair.key, (number, pair))
        if known.same != pair.same:
            contrary.add(pair.key)
            problems.append(
                Text(
                    "Row {row} says the opposite of row {earlier} about the same two pictures: "
                    "neither is used.",
                    row=number,
                    earlier=earlier,
                )
            )
    pairs = [pair for key, (_, pair) in found.items() if key not in contrary]
    if len(pairs) > MOST_MARKS:
        problems.append(
            Text(
                "Only the first {most} of {count} marks are used.",
                most=MOST_MARKS,
                count=len(pairs),
            )
        )
    return ReadMarks(tuple(pairs[:MOST_MARKS]), tuple(problems))


def _pair(row: int, cells: Sequence[str], pictures: PictureSet) -> Pair | Text:
    """Make a pair of one row, or say what is wrong with it."""
    *names, mark = cells
    ends = []
    for name in names:
        picture = _named(row, name, pictures)
        if isinstance(picture, Text):
            return picture
        ends.append(picture.digest)
    if ends[0] == ends[1]:
        return Text("Row {row}: both names mean the same picture.", row=row)
    if mark.lower() not in _YES | _NO:
        return Text(
            "Row {row}: {value} under same is neither yes nor no.", row=row, value=UserText(mark)
        )
    return Pair(ends[0], ends[1], mark.lower() in _YES)


def _named(row: int, name: str, pictures: PictureSet) -> Picture | Text:
    if not name:
        return Text("Row {row}: the name of a picture is missing.", row=row)
    found = pictures.named(name)
    if not found and "'" in name:  # as `marks_as_csv` writes what looks like a formula
        found = tuple(one for one in pictures.pictures if harmless(one.name) == name)
    if not found:
        return Text("Row {row}: there is no picture called {name}.", row=row, name=UserText(name))
    if len(found) > 1:
        return Text(
            "Row {row}: {name} may be one of {count} pictures. Give its folder, too.",
            row=row,
            name=UserText(name),
            count=len(found),
        )
    return found[0]


# ── Scores of marked pairs ─────────────────────────────────────────────────────────

_UNKNOWN_COST = 30.0  # milliseconds: methods known to be quicker go first


class Scoring:
    """Scores of many methods over marked pairs, worked out behind the page.

    Quick methods go first, so that there is something to show at once. Nothing is asked
    twice; adding a mark asks about that pair only.

    Parameters
    ----------
    questions : sequence of Question
    ask : callable
        (question, A, B) -> Score or Unavailable; one that remembers descriptions.
    workers : int
        Threads, which end when there is nothing left to do.
    """

    def __init__(self, questions: Sequence[Question], ask: Ask, workers: int = 2) -> None:
        self.questions = tuple(questions)
        self._ask = ask
        self._workers = workers
        self._lock = threading.Lock()
        self._waiting: list[deque[tuple[Picture, Picture]]] = [deque() for _ in self.questions]
        self._wanted: set[Key] = set()
        self._scores: list[dict[Key, float | None]] = [{} for _ in self.questions]
        self._cost = [0.0 for _ in self.questions]
        self._under_way = [0 for _ in self.questions]
        self._running = 0
        self._stopped = False
        self._lane = lanes.current().behind()  # for as long as whoever asks is here

    def want(self, pairs: Iterable[tuple[Picture, Picture]]) -> None:
        """Ask every method about pairs; those asked about before cost nothing."""
        with self._lock:
            for a, b in pairs:
                key = Pair(a.digest, b.digest).key
                if key not in self._wanted:
                    self._wanted.add(key)
                    for waiting in self._waiting:
                        waiting.append((a, b))
            missing = self._workers - self._running if any(self._waiting) else 0
            self._running += missing
            self._stopped = False
        for _ in range(missing):
            in_background(self._ask_on, "scoring", self._lane)

    def stop(self) -> None:
        """Drop what has not been asked yet."""
        with self._lock:
            self._stopped = True
            for waiting in self._waiting:
                waiting.clear()

    def done(self, keys: Collection[Key]) -> tuple[int, int]:
        """Count answers among those wanted of these pairs: (there, all)."""
        with self._lock:
            there = sum(key in scores for scores in self._scores for key in keys)
        return there, len(keys) * len(self.questions)

    def scores(self, place: int) -> Mapping[Key, float | None]:
        """Copy what one question, by its place, has scored so far; None: could not answer."""
        with self._lock:
            return dict(self._scores[place])

    def _ask_on(self) -> None:
        task = None
        try:
            while (task := self._next()) is not None:
                place, a, b = task
                answer = self._ask(self.questions[place], a, b)
                value, cost = None, 0.0
                if isinstance(answer, Score):
                    value, cost = answer.value, answer.milliseconds or 0.0
                with self._lock:
                    self._scores[place][Pair(a.digest, b.digest).key] = value
                    self._cost[place] += cost
                    self._under_way[place] -= 1
        finally:
            if task is not None:  # something is on its way up: `_next` did not end this worker
                with self._lock:
                    self._under_way[task[0]] -= 1
                    self._running -= 1

    def _next(self) -> tuple[int, Picture, Picture] | None:
        """Take a pair of the method that has cost least so far; None ends the worker."""
        with self._lock:
            places = [place for place, waiting in enumerate(self._waiting) if waiting]
            if self._stopped or self._lane.left or leaving() or not places:
                # Under the same lock: what is wanted from now on needs another worker
                self._running -= 1
                return None
            place = min(places, key=self._expected_cost)
            self._under_way[place] += 1
            return (place, *self._waiting[place].popleft())

    def _expected_cost(self, place: int) -> float:
        known = len(self._scores[place])
        if known:
            return self._cost[place] / known
        # One worker finds out about a method; the other need not wait for it
        return math.inf if self._under_way[place] else _UNKNOWN_COST


# ── Sets that come with the project ────────────────────────────────────────────────

EXAMPLES: Mapping[str, Text] = {
    "copies": Text("Edited copies"),
    "views": Text("Photographed again"),
}
_SIDE = 320
_ORIGINALS = (
    "cat",
    "coffee",
    "astronaut",
    "rocket",
    "photographer",
    "motorcycle-left",
    "coins",
    "moon",
    "gravel",
    "grass",
    "cup-on-white",
    "motorcycle-on-white",
)
_EDITS: tuple[tuple[str, float], ...] = (
    ("jpeg", 85),
    ("crop", 25),
    ("mirror", 1),
    ("turn", 12),
    ("watermark", 70),
    ("grey", 100),
    ("brightness", 30),
    ("border", 25),
    ("shift", 12),
    ("hue", 90),
    ("blur", 4),
    ("noise", 40),
)


@lru_cache(maxsize=2)
def example(code: str) -> tuple[PictureSet, tuple[Pair, ...]]:
    """Make a set of pictures that is marked already, the same every time.

    Parameters
    ----------
    code : str
        One of `EXAMPLES`: edited copies of twelve pictures, or two views of each.

    Returns
    -------
    PictureSet
    tuple of Pair
        Marked: same are a picture's own copies or views, different are others.
    """
    originals = [reduced_picture(open_sample(name), _SIDE) for name in _ORIGINALS]
    groups = _copies(originals) if code == "copies" else _views(originals)
    same = [
        Pair(a.digest, b.digest, True)
        for group in groups
        for a, b in itertools.combinations(group, 2)
        if a is group[0]
    ]
    pictures = tuple(picture for group in groups for picture in group)
    return PictureSet(pictures), (*same, *_different(groups))


def _copies(originals: Sequence[Picture]) -> list[list[Picture]]:
    edits = itertools.cycle(_EDITS)
    next(edits)  # twelve pictures, twelve edits: do not begin both with the same
    groups = []
    for original in originals:
        group = [original]
        while len(group) < 3:
            damage, strength = next(edits)
            copy = damage_by_id(damage)(original.rgb, strength)
            if not np.array_equal(copy, original.rgb):  # other hues leave a grey picture as it is
                group.append(made_picture(copy, f"{_stem(original)}, {damage}.png"))
        groups.append(group)
    return groups


def _views(originals: Sequence[Picture]) -> list[list[Picture]]:
    random = np.random.default_rng(20261122)
    right = reduced_picture(open_sample("motorcycle-right"), _SIDE)
    groups = []
    for original in originals:
        views = [*second_views(original.rgb, random), second_views(original.rgb, random)[1]]
        names = (f"{_stem(original)}, view {number}.jpg" for number in itertools.count(1))
        group = [made_picture(view, name) for view, name in zip(views, names, strict=False)]
        if original.name.startswith("motorcycle-left"):
            group = [original, right]
        groups.append(group)
    return groups


def _stem(picture: Picture) -> str:
    return picture.name.rpartition(".")[0]


def _different(groups: Sequence[Sequence[Picture]]) -> list[Pair]:
    """Pair each group with the three that follow it, a different picture of each."""
    found = []
    for index, group in enumerate(groups):
        for step in (1, 2, 5):
            other = groups[(index + step) % len(groups)]
            a, b = group[step % len(group)], other[(step + index) % len(other)]
            found.append(Pair(a.digest, b.digest, False))
    return found
