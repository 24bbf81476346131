"""What belongs together in a gallery by a notion that was taught: every pair above a line.

Unlike duplicates nothing is looked at closely: the notion's own number decides, and where it
errs the line errs. The gallery's vectors are carried block by block, so that a large gallery
needs no more memory; all pairs are compared, exactly.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgsim_core.comparison import Question
from imgsim_core.gallery.copies import Link
from imgsim_core.gallery.entry import Entry
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.groups import Group, Pair, gathered
from imgsim_core.method import OnVectors
from imgsim_core.own_examples import own_meaning
from imgsim_core.spreadsheet import harmless
from imgsim_core.text import Text

MOST_PAIRS = 50_000
"""Pairs that are kept, the most alike of those above the line."""

_BLOCK = 2048  # rows carried at a time

Told = Callable[[str, float], None]


@dataclass(frozen=True)
class Belonging:
    """What a notion puts together.

    Parameters
    ----------
    question : Question
        The notion.
    line : float
        Cosine from which two belong together.
    entries : dict of str to Entry
        By digest: every picture of a pair.
    links : tuple of Link
        Every pair above the line, the most alike first; `strength` is the cosine, 0 for
        one below 0.
    groups : tuple of Group
        The largest first; never chained, as `imgsim_core.gallery.groups` says.
    pictures, pairs : int
        Pictures there are, and pairs of them.
    by_chance : float or None
        Pairs that are expected above the line though they do not belong together: as many as
        of the pairs that the visitor called different. None where that is not known.
    notes : tuple of Text
        Bounds that were hit.
    stopped : bool
    seconds : float
    """

    question: Question
    line: float
    entries: dict[str, Entry]
    links: tuple[Link, ...]
    groups: tuple[Group, ...]
    pictures: int
    pairs: int
    by_chance: float | None
    notes: tuple[Text, ...]
    stopped: bool
    seconds: float

    def regrouped(self, apart: Collection[Pair]) -> tuple[Group, ...]:
        """Form the groups anew, with pairs that the visitor told apart."""
        return gathered(self.links, apart)


def find_belonging(
    gallery: Gallery,
    question: Question,
    line: float,
    told: Told | None = None,
    stop: Callable[[], bool] | None = None,
) -> Belonging:
    """Find what belongs together in a gallery by a notion that fits its vectors.

    Parameters
    ----------
    gallery : Gallery
    question : Question
        Of a method that `imgsim_core.gallery.carried.fits` the gallery.
    line : float
        Cosine, -1 to 1, from which two belong together.
    told : callable or None
        Told of the progress: the stage "compare" and the share done.
    stop : callable or None
        Asked now and then; once True, what has been found so far is returned.

    Returns
    -------
    Belonging

    Raises
    ------
    UnknownGallery, StoreGone
        If the gallery cannot be read.
    """
    started = time.monotonic()
    method = question.method
    if method.on_vectors is None:
        raise ValueError(f"{method.id} does not work on vectors")
    snapshot = gallery.snapshot()
    found = near_pairs(method.on_vectors, snapshot.vectors, line, MOST_PAIRS, told, stop)
    entries = snapshot.entries
    links = tuple(
        _link(entries[a].digest, entries[b].digest, float(cosine))
        for (a, b), cosine in zip(found.rows, found.cosines, strict=True)
    )
    pairs = len(entries) * (len(entries) - 1) // 2
    shown = {digest for link in links for digest in link.pair}
    examples = method.examples
    return Belonging(
        question=question,
        line=line,
        entries={entry.digest: entry for entry in entries if entry.digest in shown},
        links=links,
        groups=gathered(links),
        pictures=len(entries),
        pairs=pairs,
        by_chance=None
        if examples is None
        else pairs * (1 - own_meaning(examples, line).beyond_different),
        notes=tuple(_notes(found, line)),
        stopped=found.stopped,
        seconds=time.monotonic() - started,
    )


def _link(a: str, b: str, cosine: float) -> Link:
    said = Text(
        "As it was taught, their cosine is {number}: 1 is the same, more is more alike.",
        number=f"{cosine:.3f}",
    )
    strength = min(1.0, max(0.0, cosine))
    return Link(a, b, None, strength, False, (said,), cosine=cosine)


def _notes(found: NearPairs, line: float) -> Iterator[Text]:
    if found.line > line:
        yield Text(
            "Very many pairs are above the line: only the {count} most alike are used, from "
            "{number} up. Move the line up.",
            count=f"{len(found.rows):,}",
            number=f"{found.line:.3f}",
        )
    if found.stopped:
        yield Text("Stopped early: this is what was found until then.")


# ── Pairs ──────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False)
class NearPairs:
    """Pairs of rows whose carried vectors are near.

    rows : ndarray of intp, shape (m, 2), the smaller row first. cosines : ndarray of
    float32, shape (m,), descending. line : the least cosine that was kept. stopped : whether
    some rows were not compared.
    """

    rows: NDArray[np.intp]
    cosines: NDArray[np.float32]
    line: float
    stopped: bool


def near_pairs(
    carried: OnVectors,
    vectors: NDArray[np.float32],
    line: float,
    most: int,
    told: Told | None = None,
    stop: Callable[[], bool] | None = None,
) -> NearPairs:
    """Find all pairs whose carried vectors have at least a cosine.

    Parameters
    ----------
    carried : OnVectors
    vectors : ndarray of float32, shape (n, d)
        As the model made them, of length 1.
    line : float
    most : int
        Pairs kept; where there are more, the line rises.
    told, stop : callable or None
        As for `find_belonging`.

    Returns
    -------
    NearPairs
    """
    starts = range(0, len(vectors), _BLOCK)
    blocks = [(a, b) for a in starts for b in range(a, len(vectors), _BLOCK)]
    rows, cosines = np.zeros((0, 2), np.intp), np.zeros(0, np.float32)
    mine, whose = np.zeros((0, 0), np.float32), -1
    stopped = False
    for done, (a, b) in enumerate(blocks):
        stopped = stop is not None and stop()
        if stopped:
            break
        if a != whose:
            mine, whose = carried.carry(vectors[a : a + _BLOCK]), a
        theirs = mine if a == b else carried.carry(vectors[b : b + _BLOCK])
        found = mine @ theirs.T
        above = found >= line
        if a == b:
            above = np.triu(above, 1)
        places = np.argwhere(above)
        rows = np.concatenate([rows, places + np.array([a, b])])
        cosines = np.concatenate([cosines, found[above]])
        if len(rows) > 2 * most:
            rows, cosines, line = _most_alike(rows, cosines, most)
        if told is not None:
            told("compare", (done + 1) / len(blocks))
    if len(rows) > most:
        rows, cosines, line = _most_alike(rows, cosines, most)
    order = np.lexsort((rows[:, 1], rows[:, 0], -cosines))
    return NearPairs(rows[order], np.clip(cosines[order], -1, 1), line, stopped)


def _most_alike(
    rows: NDArray[np.intp], cosines: NDArray[np.float32], most: int
) -> tuple[NDArray[np.intp], NDArray[np.float32], float]:
    kept = np.argpartition(-cosines, most - 1)[:most]
    return rows[kept], cosines[kept], float(cosines[kept].min())


# ── To take home ───────────────────────────────────────────────────────────────────


def belonging_rows(
    groups: Sequence[Group], entries: Mapping[str, Entry], kept: Mapping[str, str]
) -> list[dict[str, object]]:
    """Put groups into rows, a file each.

    Parameters
    ----------
    groups : sequence of Group
    entries : mapping of str to Entry
    kept : mapping of str to str
        Digest of the picture that was chosen of a group, by the group's key.

    Returns
    -------
    list of dict
        group (its number), name, address, digest, cosine (to the group's centre, None for
        the centre itself), chosen (whether it is the one that was chosen).
    """
    found: list[dict[str, object]] = []
    for number, group in enumerate(groups, 1):
        to_centre = {
            next(iter(link.pair - {group.centre})): round(link.cosine, 4)
            for link in group.links
            if group.centre in link.pair
        }
        for member in group.members:
            entry = entries[member]
            for name, source in zip(entry.names, entry.sources, strict=True):
                found.append(
                    {
                        "group": number,
                        "name": name,
                        "address": source,
                        "digest": member,
                        "cosine": to_centre.get(member),
                        "chosen": kept.get(group.key) == member,
                    }
                )
    return found


def belonging_as_csv(rows: Sequence[Mapping[str, object]]) -> str:
    """Write such rows as a table; a name that begins a formula is quoted."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, ["group", "name", "address", "digest", "cosine", "chosen"])
    writer.writeheader()
    writer.writerows({key: harmless(value) for key, value in row.items()} for row in rows)
    return stream.getvalue()


def belonging_as_json(found: Belonging, rows: Sequence[Mapping[str, object]]) -> str:
    """Write such rows as JSON, with the notion and the line that made them."""
    whole = {
        "kind": "imgsim belonging",
        "method": found.question.method.id,
        "measured_by": str(found.question.method.label),
        "line": found.line,
        "scale": "cosine, -1 to 1, higher is more alike",
        "files": list(rows),
    }
    return json.dumps(whole, indent=1, ensure_ascii=True, allow_nan=False) + "\n"
