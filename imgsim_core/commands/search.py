"""`search GALLERY`: find pictures of a gallery by a picture, by words, or by both."""

from __future__ import annotations

import argparse
from typing import Any

from imgsim_core.calibration import Strictness
from imgsim_core.commands.console import (
    CommandLineError,
    aligned,
    opened,
    print_json,
    printable,
    shown,
)
from imgsim_core.comparison import Question
from imgsim_core.gallery.entry import Filter
from imgsim_core.gallery.gallery import open_gallery
from imgsim_core.gallery.result import Hit, PictureAsked, Query, Result, WordsAsked
from imgsim_core.gallery.saving import result_as_dict
from imgsim_core.gallery.search import MOST_HITS, search, verify
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import open_store
from imgsim_core.memory import Memory
from imgsim_core.registry import method_by_id
from imgsim_core.report import number_in_words, scale_in_words
from imgsim_core.text import Text

_MEMORY = 256 * 2**20
_USUAL_MINUS = -0.5


def add(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "search",
        help="find pictures of a gallery",
        description=(
            "Find the pictures of a gallery that are most like a picture, or that words "
            "describe; several parts are added up."
        ),
    )
    parser.add_argument("gallery", metavar="GALLERY", help="name of the gallery")
    parser.add_argument("--picture", metavar="P", help="file of a picture to look for")
    parser.add_argument("--text", metavar="T", help="words to look for")
    parser.add_argument("--minus", metavar="T", help="words to look away from, at half the weight")
    parser.add_argument("-k", metavar="N", type=int, default=20, help="hits wanted; usually 20")
    parser.add_argument(
        "--method", metavar="ID", help="method to compare by instead of the gallery's model"
    )
    parser.add_argument("--name", metavar="PART", default="", help="only names that contain this")
    parser.add_argument(
        "--strict",
        choices=[one.name.lower() for one in Strictness],
        default=Strictness.NORMAL.name.lower(),
        help="how far a hit must stand out to count as related",
    )
    parser.add_argument(
        "--verify", action="store_true", help="put hits first that share details in place"
    )
    parser.add_argument("--json", action="store_true", help="write JSON instead of a table")
    parser.set_defaults(run=_search)


def _search(chosen: argparse.Namespace) -> None:
    if not 1 <= chosen.k <= MOST_HITS:
        raise CommandLineError(Text("-k must be from 1 to {most}.", most=MOST_HITS))
    if chosen.picture is None and chosen.text is None:
        raise CommandLineError(Text("Say what to look for: --picture FILE, --text WORDS, or both."))
    if chosen.verify and (chosen.picture is None or chosen.text or chosen.minus):
        raise CommandLineError(
            Text("--verify needs a picture alone: details are compared with it.")
        )
    gallery = open_gallery(chosen.gallery, open_store(), Shelf(), read_only=True)
    asked = None if chosen.picture is None else PictureAsked.of(opened(chosen.picture))
    words = [
        WordsAsked(said, weight)
        for said, weight in ((chosen.text, 1.0), (chosen.minus, _USUAL_MINUS))
        if said is not None
    ]
    query = Query(pictures=() if asked is None else (asked,), words=tuple(words))
    question = None
    if chosen.method is not None:
        method = method_by_id(chosen.method)
        question = Question(method, method.options())
    memory = Memory(_MEMORY)
    result = search(
        gallery,
        query,
        chosen.k,
        Filter(name=chosen.name),
        question=question,
        strictness=Strictness[chosen.strict.upper()],
        memory=memory,
    )
    if chosen.verify and asked is not None:
        result = verify(gallery, asked, result, memory)
    if chosen.json:
        print_json(result_as_dict(result))
    else:
        _print(result)


def _print(result: Result) -> None:
    if not result.hits:
        print("No picture meets these conditions.")
        return
    print(f"{shown(result.label)}: {shown(scale_in_words(result.scale))}")
    lines = aligned([_cells(hit, rank, result) for rank, hit in enumerate(result.hits, 1)])
    for rank, line in enumerate(lines):
        if rank == result.standing_out:
            print("-- probably unrelated below " + _why(result))
        print(line)
    for note in result.notes:
        print(shown(note))


def _why(result: Result) -> str:
    return "--" if result.guess is None else f"({shown(result.guess)}) --"


def _cells(hit: Hit, rank: int, result: Result) -> list[str]:
    if hit.same_file:
        words = "The same file."
    elif hit.details:
        words = f"{hit.details} details agree."
    else:
        words = "" if hit.meaning is None else shown(hit.meaning.verdict)
    number = number_in_words(hit.value, result.scale)
    return [str(rank), number, printable(hit.entry.name), words]
