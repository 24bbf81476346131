"""What has been worked out already, kept within a bound of bytes and shared by all visitors."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from cachetools import LRUCache

from imgsim_core import lanes
from imgsim_core.comparison import Question, Score, Unavailable, ask
from imgsim_core.method import Described, Evidence, Method
from imgsim_core.picture import Picture
from imgsim_core.sizes import holds, size_in_bytes

__all__ = ["Memory", "score_key", "size_in_bytes"]

Made = TypeVar("Made")


def score_key(question: Question, a: str, b: str) -> Hashable:
    """Key under which a score is kept: the question, and the digests of pictures A and B."""
    return ("score", question.method.id, question.options, a, b)


class _Turns:
    """Who may make a result, and how many want it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.wanted = 0


class Memory:
    """A bounded store of results, each made once even when several threads ask at a time.

    Keys hold a picture's digest, never its pixels: equal digests are equal pictures.

    Parameters
    ----------
    max_bytes : int
        Least recently used results are dropped beyond this.

    Attributes
    ----------
    described : int
        Descriptions made so far; a test or the status page can watch it stand still.
    """

    def __init__(self, max_bytes: int) -> None:
        self._results: LRUCache[Hashable, Any] = LRUCache(max_bytes, getsizeof=size_in_bytes)
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, _Turns] = {}
        self._makers: dict[Hashable, int] = {}  # threads, by what they are making now
        self._used: dict[Hashable, float] = {}  # when, of what was made for a visitor
        self.described = 0
        self._with_pictures: WeakKeyDictionary[Picture, dict[Hashable, Any]] = WeakKeyDictionary()

    @property
    def held_bytes(self) -> int:
        """Bytes held now, by estimate."""
        return int(self._results.currsize)

    def recall(
        self,
        key: Hashable,
        make: Callable[[], Made],
        worth_keeping: Callable[[Made], bool] = lambda made: True,
    ) -> Made:
        """Return the result kept under `key`, making it first if it is not there.

        Parameters
        ----------
        key : hashable
        make : callable
            Called at most once at a time for a key; what it raises is not kept.
        worth_keeping : callable
            Whether a result that was made is kept; the lock is held meanwhile.

        Raises
        ------
        RuntimeError
            If `make` asks for the very result it is making: it would wait for itself.
        """
        missing = object()
        with self._lock:
            found = self._found(key, missing)
            if found is not missing:
                return found  # type: ignore[no-any-return]
            if self._makers.get(key) == threading.get_ident():
                raise RuntimeError(f"{key!r} is needed to make itself")
            turns = self._under_way.setdefault(key, _Turns())
            turns.wanted += 1
        try:
            with turns.lock:
                with self._lock:
                    found = self._found(key, missing)
                if found is not missing:
                    return found  # type: ignore[no-any-return]
                return self._made(key, make, worth_keeping)
        finally:
            with self._lock:
                turns.wanted -= 1
                # Not before: whoever waits and whoever comes now would both be making it
                if not turns.wanted:
                    self._under_way.pop(key, None)

    def _made(
        self, key: Hashable, make: Callable[[], Made], worth_keeping: Callable[[Made], bool]
    ) -> Made:
        """Make a result and keep it; the turn to do so is the caller's."""
        with self._lock:
            self._makers[key] = threading.get_ident()
        try:
            made = make()
            with self._lock:
                if worth_keeping(made) and size_in_bytes(made) <= self._results.maxsize:
                    self._results[key] = made
                    if lanes.current().is_visitors:
                        self._used[key] = time.monotonic()
        finally:
            with self._lock:
                self._makers.pop(key, None)
        return made

    def _found(self, key: Hashable, otherwise: Any) -> Any:
        """Look for a result, which counts as using it; the lock is held."""
        if key in self._used:
            self._used[key] = time.monotonic()
        return self._results.get(key, otherwise)

    def forget_unused(self, seconds: float, now: float | None = None) -> int:
        """Let go of what was made for a visitor and used by nobody for so long.

        What was made for all, such as the answers for built-in pictures made ahead, stays.

        Parameters
        ----------
        seconds : float
        now : float or None
            By `time.monotonic`; None for the present.

        Returns
        -------
        int
            How many results that were.
        """
        oldest = (time.monotonic() if now is None else now) - seconds
        count = 0
        with self._lock:
            for key, used in list(self._used.items()):
                if used < oldest or key not in self._results:
                    del self._used[key]
                    count += self._results.pop(key, None) is not None
        return count

    def describe(self, method: Method, options: Any, picture: Picture) -> Any:
        """Describe a picture, or recall its description; fits `comparison.Describe`.

        A description that holds the picture's own pixels is kept for as long as somebody
        has the picture, and no longer: whoever brought it decides how long they stay.
        """
        key = ("describe", method.id, options, picture.digest)

        def make() -> Any:
            with self._lock:
                with_picture = self._with_pictures.get(picture, {})
                if key in with_picture:
                    return with_picture[key]
                self.described += 1
            return method.describe(picture, options)

        def goes_alone(made: Any) -> bool:  # the lock is held
            if not holds(made, picture.rgb):
                return True
            self._with_pictures.setdefault(picture, {})[key] = made
            return False

        return self.recall(key, make, goes_alone)

    def ask(self, question: Question, a: Picture, b: Picture) -> Score | Unavailable:
        """Ask a method about a pair, or recall its score.

        A method that could not answer is asked again next time: its model may have come.
        """
        key = score_key(question, a.digest, b.digest)
        with self._lock:
            found: Score | None = self._found(key, None)
        if found is not None:
            return found
        answer = ask(question, a, b, self.describe)
        if isinstance(answer, Score):
            return self.recall(key, lambda: answer)
        return answer

    def explain(self, method: Method, options: Any, a: Picture, b: Picture) -> tuple[Evidence, ...]:
        """Explain a pair's score, or recall the explanation."""

        def make() -> tuple[Evidence, ...]:
            described = [
                Described(picture, self.describe(method, options, picture)) for picture in (a, b)
            ]
            return method.explain(described[0], described[1], options)

        return self.recall(("explain", method.id, options, a.digest, b.digest), make)
