"""`name PHOTO`: what a picture shows, by words of one's own or among 1,000 kinds of things."""

from __future__ import annotations

import argparse
from typing import Any

from imgsim_core.applications.objects.naming import (
    USUAL_MODEL,
    Named,
    name_by_classes,
    name_by_words,
    split_words,
)
from imgsim_core.commands.console import aligned, opened, print_json, printable, shown
from imgsim_core.models.catalogue import model_by_id


def add(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "name",
        help="name what a picture shows",
        description=(
            "Choose among words what a picture shows, or none of them; without words, name it "
            "among the 1,000 kinds of things that the model knows."
        ),
    )
    parser.add_argument("photo", metavar="PHOTO", help="file of the picture")
    parser.add_argument("--words", metavar="A,B,C", help="words to choose from, parted by commas")
    parser.add_argument(
        "--model", metavar="ID", default=USUAL_MODEL, help=f"model to ask; usually {USUAL_MODEL}"
    )
    parser.add_argument("--json", action="store_true", help="write JSON instead of a table")
    parser.set_defaults(run=_name)


def _name(chosen: argparse.Namespace) -> None:
    picture = opened(chosen.photo)
    model = model_by_id(chosen.model)
    if chosen.words is None:
        named = name_by_classes(model, picture)
    else:
        named = name_by_words(model, picture, split_words(chosen.words))
    if chosen.json:
        print_json(_as_dict(named))
        return
    print(shown(named.verdict))
    rows = [(f"{100 * one.share:5.1f} %", printable(str(one.label))) for one in named.answers]
    if named.none is not None:
        rows.append((f"{100 * named.none:5.1f} %", "none of these"))
    for line in aligned(rows):
        print(line)
    for note in named.notes:
        print(shown(note))


def _as_dict(named: Named) -> dict[str, Any]:
    return {
        "verdict": str(named.verdict),
        "answers": [
            {"name": str(one.label), "likelihood": round(one.share, 4)} for one in named.answers
        ],
        "none_of_these": None if named.none is None else round(named.none, 4),
        "measured": named.measured,
        "notes": [str(note) for note in named.notes],
    }
