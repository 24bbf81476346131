"""Search a gallery: by pictures and words in its model's space, by colours, by any method."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imgsim_core.calibration import Strictness, line, reference_for
from imgsim_core.comparison import Question
from imgsim_core.errors import GalleryError, UnknownMethod
from imgsim_core.gallery.by_colours import SCALE as COLOUR_SCALE
from imgsim_core.gallery.by_colours import colour_scores
from imgsim_core.gallery.by_method import by_method, is_stored, verified_details
from imgsim_core.gallery.carried import FROM_GALLERY, by_carried, fits, nearest_only
from imgsim_core.gallery.entry import ANYTHING, Entry, Filter
from imgsim_core.gallery.gallery import Gallery, Snapshot
from imgsim_core.gallery.lance import EXACT_UP_TO
from imgsim_core.gallery.ranking import (
    MOST_COMPARED,
    first,
    kept_rows,
    leading,
    marked,
    vector_of,
    with_meaning,
)
from imgsim_core.gallery.result import Hit, PictureAsked, Query, Result, Told
from imgsim_core.gallery.words import gallery_concepts
from imgsim_core.memory import Memory
from imgsim_core.method import Scale
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.words import (
    Way,
    check_words,
    typical_concepts,
    understanding,
    words_vectors,
)
from imgsim_core.registry import method_by_id
from imgsim_core.standing_out import guessed_line
from imgsim_core.text import Text

Array = NDArray[np.float32]

MOST_HITS = 1_000

_MEMORY = 64 * 2**20
_FROM_CLASSES = Text("a guess from how typical pictures of 1,000 kinds of things score")
_COSINE = Scale(identical=1.0, opposite=-1.0, line=0.5, decimals=3, shown=(0.0, 1.0))


def search(
    gallery: Gallery,
    query: Query,
    count: int = 20,
    where: Filter = ANYTHING,
    *,
    question: Question | None = None,
    strictness: Strictness = Strictness.NORMAL,
    memory: Memory | None = None,
    told: Told | None = None,
    stop: threading.Event | None = None,
) -> Result:
    """Find the pictures of a gallery that answer a query best.

    Parameters
    ----------
    gallery : Gallery
    query : Query
        Pictures and words, or colours.
    count : int
        Hits wanted, 1 to `MOST_HITS`.
    where : Filter
        Conditions every hit must meet.
    question : Question or None
        A method to ask instead of the gallery's own model, for a query of one picture; one
        that was taught on this gallery's vectors takes several, but no words.
    strictness : Strictness
        Where hits stop standing out.
    memory : Memory or None
        Where descriptions by other methods are remembered; None forgets them.
    told, stop : callable, threading.Event, or None
        For methods that take long: told how far they are, and stopped.

    Returns
    -------
    Result

    Raises
    ------
    GalleryError
        If the query asks for nothing, or for what the way of searching cannot answer; if
        the gallery is gone or was made with other weights.
    ModelError
        If words cannot be understood, or the model cannot be used on this host.
    """
    started = time.perf_counter()
    count = max(1, min(count, MOST_HITS))
    _check(query)
    if query.colours:
        result = _by_colours(gallery, query, count, where)
    elif question is None or question.method.id == gallery.info.model:
        result = _by_vectors(gallery, query, count, where, strictness)
    elif fits(gallery, question.method) and query.pictures and not query.words:
        result = by_carried(gallery, query.pictures, question, count, where, strictness)
    else:
        asked = query.only_picture
        if asked is None:
            raise GalleryError(
                Text(
                    "{method} compares one picture with others. Words and several pictures "
                    "need the gallery's own model.",
                    method=question.method.label,
                )
            )
        kept = memory or Memory(_MEMORY)
        result = _by_question(gallery, asked, question, count, where, strictness, kept, told, stop)
    return replace(result, seconds=time.perf_counter() - started)


def verify(
    gallery: Gallery,
    asked: PictureAsked,
    result: Result,
    memory: Memory,
    most: int = 20,
    told: Told | None = None,
) -> Result:
    """Look closely at the first hits: those that share details in one arrangement go first.

    Parameters
    ----------
    gallery : Gallery
    asked : PictureAsked
    result : Result
    memory : Memory
        Where the pictures' details are remembered.
    most : int
        Hits looked at; the rest keep their order behind them.
    told : callable or None

    Returns
    -------
    Result
        Hits looked at know their `details`: verified ones first, by their number, then the
        others in the order they had. Whatever is verified stands out.
    """
    looked: list[Hit] = []
    related = 0
    for rank, hit in enumerate(result.hits[:most]):
        match = verified_details(gallery, asked, hit.entry, memory)
        details = 0 if match is None else match.count
        looked.append(replace(hit, details=details))
        related += details > 0 or hit.same_file or rank < (result.standing_out or 0)
        if told is not None:
            told(rank + 1, min(most, len(result.hits)))
    looked.sort(key=lambda hit: (not hit.same_file, -(hit.details or 0)))
    if result.standing_out is not None or any(hit.details for hit in looked):
        related = max(related, result.standing_out or 0)
        return replace(result, hits=(*looked, *result.hits[most:]), standing_out=related)
    return replace(result, hits=(*looked, *result.hits[most:]))


def _check(query: Query) -> None:
    weights = [part.weight for part in query.pictures]
    weights += [part.weight for part in query.words]
    if query.colours:
        if weights:
            raise GalleryError(Text("Ask by colours, or by pictures and words, not by both."))
        if not any(colour.share > 0 for colour in query.colours):
            raise GalleryError(Text("Choose at least one colour with a share above 0."))
    elif not any(weight > 0 for weight in weights):
        raise GalleryError(Text("Say what to look for: a picture, words or colours."))
    if not all(map(math.isfinite, weights)):
        raise GalleryError(Text("A weight must be a number."))


# ── By the gallery's own model ─────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False)
class _Direction:
    """Where a query points: in the space of the vectors, and in that of the class names.

    One of the two may be None. Over both, likeness is the cosine in the space that holds
    an entry's two vectors one after the other.
    """

    seen: Array | None
    named: Array | None

    def cosines(self, vectors: Array, named: Array | None) -> Array:
        """Cosines of entries to it, shape (n,)."""
        total = np.zeros(len(vectors), np.float32)
        if self.seen is not None:
            total += vectors @ self.seen
        if self.named is not None and named is not None:
            total += named @ self.named
        if self.seen is not None and self.named is not None:
            total /= math.sqrt(2)  # length of two vectors of length 1, one after the other
        return np.clip(total, -1, 1)


def _by_vectors(
    gallery: Gallery, query: Query, count: int, where: Filter, strictness: Strictness
) -> Result:
    held = gallery.store.count(gallery.name)
    large = held > EXACT_UP_TO
    snapshot = None if large else gallery.snapshot()
    direction = _direction(gallery, query, snapshot)
    own = query.only_picture
    question = _own_question(gallery) if own is not None else None
    if large and direction.named is None:
        hits, usual = _in_store(gallery, direction, count, where, question is None)
        of = held
    else:
        whole = gallery.snapshot() if snapshot is None else snapshot
        hits, usual, of = _in_snapshot(gallery, whole, direction, count, where)
    if own is not None:
        hits = [marked(hit, own) for hit in hits]
    only_named = direction.seen is None
    return _judged(gallery, hits, usual, of, question, strictness, only_named)


def _in_snapshot(
    gallery: Gallery, snapshot: Snapshot, direction: _Direction, count: int, where: Filter
) -> tuple[list[Hit], Array, int]:
    named = gallery_concepts(gallery, snapshot) if direction.named is not None else None
    scores = direction.cosines(snapshot.vectors, named)
    rows = kept_rows(snapshot, where)
    best = rows[first(scores[rows], count)]
    hits = [Hit(snapshot.entries[row], float(scores[row])) for row in best]
    if direction.named is None or direction.seen is not None or not len(snapshot):
        return hits, scores, len(rows)
    length = float(np.median([entry.length for entry in snapshot.entries]))
    typical = typical_concepts(model_by_id(gallery.info.model), length)
    return hits, np.asarray(typical @ direction.named, np.float32), len(rows)


def _in_store(
    gallery: Gallery, direction: _Direction, count: int, where: Filter, need_usual: bool
) -> tuple[list[Hit], Array]:
    vector = direction.seen if direction.seen is not None else np.zeros(0, np.float32)
    found = gallery.store.search(gallery.name, vector, count, where)
    hits = [Hit(one.entry, one.cosine) for one in found]
    usual = np.zeros(0, np.float32)
    if need_usual:
        usual = gallery.sample() @ vector
    return hits, usual


def _direction(gallery: Gallery, query: Query, snapshot: Snapshot | None) -> _Direction:
    """Add up the parts of a query, each of length 1 times its weight."""
    seen = [part.weight * vector_of(gallery, part, snapshot) for part in query.pictures]
    named: list[Array] = []
    if query.words:
        model = gallery.model()
        asked = [check_words(model, part.words) for part in query.words]
        in_words = words_vectors(model, asked)
        parts = [part.weight * vector for part, vector in zip(query.words, in_words, strict=True)]
        if understanding(model).way is Way.TEXT_SIDE:
            seen += parts
        else:
            named = parts
    sums = [sum(found[1:], found[0]) if found else None for found in (seen, named)]
    length = math.sqrt(sum(float(one @ one) for one in sums if one is not None))
    if length < 1e-6:
        raise GalleryError(Text("The parts of the query cancel each other out."))
    return _Direction(
        *(None if one is None else np.asarray(one / length, np.float32) for one in sums)
    )


def _own_question(gallery: Gallery) -> Question | None:
    """Find the method that compares by the gallery's model, with its usual options."""
    try:
        method = method_by_id(gallery.info.model)
    except UnknownMethod:
        return None
    return Question(method, method.options())


def _judged(
    gallery: Gallery,
    hits: Sequence[Hit],
    usual: Array,
    of: int,
    question: Question | None,
    strictness: Strictness,
    only_named: bool,
) -> Result:
    """Say of each hit what its score means, and where hits stop standing out."""
    reference = reference_for(question) if question is not None else None
    label = question.method.label if question is not None else _model_label(gallery)
    if question is not None and reference is not None:
        scale = question.method.scale_with(question.options)
        limit: float | None = line(question, strictness)
        guess = None
    else:
        scale, limit = _COSINE, guessed_line(usual, strictness)
        guess = _FROM_CLASSES if only_named else FROM_GALLERY
    return Result(
        label=label,
        scale=scale,
        hits=with_meaning(hits, question),
        standing_out=None if limit is None else leading(hits, scale, limit),
        guess=guess,
        question=question,
        looked_at=of,
        of=of,
    )


def _model_label(gallery: Gallery) -> Text:
    question = _own_question(gallery)
    return Text("The gallery's model") if question is None else question.method.label


# ── By colours, by another method ──────────────────────────────────────────────────


def _by_colours(gallery: Gallery, query: Query, count: int, where: Filter) -> Result:
    snapshot = gallery.snapshot()
    rows = kept_rows(snapshot, where)
    asked = [colour for colour in query.colours if colour.share > 0]
    hits: list[Hit] = []
    if len(rows):
        colours = np.stack([snapshot.entries[row].colours for row in rows])
        scores, amounts = colour_scores(colours, asked)
        order = np.lexsort((-amounts, -scores))[:count]
        hits = [Hit(snapshot.entries[rows[i]], float(scores[i])) for i in order]
    return Result(
        label=Text("Colours"),
        scale=COLOUR_SCALE,
        hits=tuple(hits),
        standing_out=leading(hits, COLOUR_SCALE, COLOUR_SCALE.line),
        looked_at=len(rows),
        of=len(rows),
    )


def _by_question(
    gallery: Gallery,
    asked: PictureAsked,
    question: Question,
    count: int,
    where: Filter,
    strictness: Strictness,
    memory: Memory,
    told: Told | None,
    stop: threading.Event | None,
) -> Result:
    entries, of, notes = _candidates(gallery, asked, where, question)
    compared = by_method(gallery, asked, question, entries, memory, told, stop)
    scale = question.method.scale_with(question.options)
    # A gallery's model breaks ties: the candidates come in its order where it was asked
    known = [entry for entry in entries if entry.digest in compared.values]
    ordered = sorted(known, key=lambda entry: _place(scale, compared.values, entry))
    hits = [
        Hit(entry, compared.values[entry.digest], same_file=entry.digest == asked.digest)
        for entry in ordered[:count]
    ]
    looked_at = len(known) + compared.failed
    if looked_at < len(entries):
        notes.append(
            Text("Stopped: {done} of {count} were compared.", done=looked_at, count=len(entries))
        )
    if compared.failed:
        notes.append(
            Text("{count} pictures could not be compared by this method.", count=compared.failed)
        )
    return Result(
        label=question.method.label,
        scale=scale,
        hits=with_meaning(hits, question),
        standing_out=leading(hits, scale, line(question, strictness)),
        question=question,
        looked_at=looked_at,
        of=of,
        notes=tuple(notes),
    )


def _place(scale: Scale, values: Mapping[str, float], entry: Entry) -> float:
    value = values[entry.digest]
    return -value if scale.higher_is_alike else value


def _candidates(
    gallery: Gallery, asked: PictureAsked, where: Filter, question: Question
) -> tuple[Sequence[Entry], int, list[Text]]:
    """Choose whom a method looks at: all, or those the model finds nearest."""
    stored = is_stored(question)
    if gallery.store.count(gallery.name) <= EXACT_UP_TO or stored:
        snapshot = gallery.snapshot()
        rows = kept_rows(snapshot, where)
        entries = [snapshot.entries[row] for row in rows]
        if len(rows) <= MOST_COMPARED or stored:
            return entries, len(entries), []
        scores = snapshot.vectors[rows] @ vector_of(gallery, asked)
        chosen = [entries[i] for i in first(scores, MOST_COMPARED)]
        of = len(entries)
    else:
        vector = vector_of(gallery, asked)
        found = gallery.store.search(gallery.name, vector, MOST_COMPARED, where)
        chosen = [one.entry for one in found]
        of = gallery.store.count(gallery.name)
    return chosen, of, [nearest_only(len(chosen), of)]
