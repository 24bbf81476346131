"""Lines that a visitor found, as a file to keep and to bring again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from imgsim_core.comparison import Question
from imgsim_core.errors import ImgSimError
from imgsim_core.method import Method
from imgsim_core.registry import method_by_id
from imgsim_core.text import Text, UserText

_KIND, _VERSION = "imgsim lines", 1
MOST_BYTES = 2**20


@dataclass(frozen=True)
class KeptLine:
    """Line of one method; each measure of a method has a line of its own."""

    question: Question
    line: float


@dataclass(frozen=True)
class KeptLines:
    """Lines, where they come from, and a sentence for each that could not be read."""

    lines: tuple[KeptLine, ...]
    provenance: Mapping[str, Any]
    problems: tuple[Text, ...] = ()


def lines_as_json(lines: Iterable[KeptLine], provenance: Mapping[str, Any]) -> str:
    """Write lines as JSON.

    Parameters
    ----------
    lines : iterable of KeptLine
    provenance : mapping
        What they rest on: numbers and strings only.
    """
    entries = [_entry(kept) for kept in lines]
    whole = {"kind": _KIND, "version": _VERSION, "provenance": dict(provenance), "lines": entries}
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)


def _entry(kept: KeptLine) -> dict[str, Any]:
    method = kept.question.method
    entry = {
        "method": method.id,
        "measure": getattr(kept.question.options, "measure", None),
        "line": kept.line,
    }
    if method.on_vectors is not None:
        entry["taught"] = str(method.label)  # its id alone would tell nobody what to bring
    return entry


def lines_from_json(data: bytes, own: Iterable[Method] = ()) -> KeptLines:
    """Read lines: what is good is used, what is not is said.

    Parameters
    ----------
    data : bytes
        As `lines_as_json` writes them.
    own : iterable of Method
        Those that the visitor taught, which no registry knows.

    Returns
    -------
    KeptLines
    """
    found = _parsed(data)
    if found is None:
        return KeptLines((), {}, (Text("This is not a file of lines saved on this page."),))
    lines, problems = [], []
    taught = {method.id: method for method in own}
    for number, entry in enumerate(found["lines"], 1):
        line = _line(number, entry, taught)
        if isinstance(line, KeptLine):
            lines.append(line)
        else:
            problems.append(line)
    provenance = found.get("provenance")
    known = provenance if isinstance(provenance, dict) else {}
    return KeptLines(tuple(lines), known, tuple(problems))


def _parsed(data: bytes) -> dict[str, Any] | None:
    if len(data) > MOST_BYTES:
        return None
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):  # not UTF-8 and not JSON are both ValueError
        return None
    if not isinstance(found, dict) or found.get("kind") != _KIND:
        return None
    return found if isinstance(found.get("lines"), list) else None


def _line(number: int, entry: object, taught: Mapping[str, Method]) -> KeptLine | Text:
    if not isinstance(entry, dict) or not isinstance(entry.get("method"), str):
        return Text("Line {number} of the file names no method.", number=number)
    mine = taught.get(entry["method"])
    if mine is None and isinstance(entry.get("taught"), str):
        return Text(
            "The line of {name} was left out: that was taught elsewhere. Bring its file on the "
            "page Teach, then load these lines again.",
            name=UserText(entry["taught"][:60]),
        )
    try:
        method = mine or method_by_id(entry["method"])
        measure = entry.get("measure")
        options = method.options_from({} if measure is None else {"measure": str(measure)})
    except ImgSimError as error:
        return error.text
    low, high = sorted(method.scale_with(options).axis)
    line = entry.get("line")
    if isinstance(line, bool) or not isinstance(line, int | float) or not low <= line <= high:
        return Text(
            "The line of {method} must be a number from {low} to {high}, not {line}.",
            method=method.label,
            low=f"{low:g}",
            high=f"{high:g}",
            line=UserText(str(line)[:40]),
        )
    return KeptLine(Question(method, options), float(line))
