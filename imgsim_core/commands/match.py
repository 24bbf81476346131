"""`match CATALOGUE PHOTO...`: find which product of a catalogue photographs show."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from imgsim_core.applications.products.batch import (
    Failed,
    Outcome,
    answer_as_dict,
    outcomes_as_csv,
)
from imgsim_core.applications.products.catalogue import Catalogue, catalogue_from
from imgsim_core.applications.products.matching import (
    MOST_WEIGHT,
    Answer,
    Verdict,
    Weights,
    match,
    title_vectors,
)
from imgsim_core.applications.products.sources import from_paths
from imgsim_core.applications.products.table import is_table, read_table
from imgsim_core.commands.console import (
    MOST_BYTES,
    CommandLineError,
    aligned,
    opened,
    print_json,
    printable,
    shown,
    stopped_by_ctrl_c,
)
from imgsim_core.errors import ImgSimError
from imgsim_core.memory import Memory
from imgsim_core.methods.semantics import DEFAULT_MODEL
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.text import Text, UserText

_MEMORY = 256 * 2**20
_MOST = 50
_PROBLEMS_SHOWN = 20


def add(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "match",
        help="find which product of a catalogue photographs show",
        description=(
            "Match photographs with the products of a catalogue: a CSV file with columns for "
            "picture file, SKU and title, a zip archive or a folder of pictures."
        ),
    )
    parser.add_argument("catalogue", metavar="CATALOGUE", help="CSV file, zip archive or folder")
    parser.add_argument("photographs", metavar="PHOTO", nargs="+", help="photographs to match")
    parser.add_argument(
        "--pictures",
        metavar="FOLDER",
        help="folder or zip archive with the pictures; usually where the CSV file lies",
    )
    parser.add_argument("-k", metavar="N", type=int, default=5, help="matches wanted; usually 5")
    for part in ("semantics", "colour", "shape", "details"):
        parser.add_argument(
            f"--{part}",
            metavar="W",
            type=float,
            default=1.0,
            help=f"how much {part} counts in the order: 0 to 3, usually 1",
        )
    parser.add_argument(
        "--no-titles", action="store_true", help="go by the pictures alone, not by the titles"
    )
    parser.add_argument(
        "--cutout",
        action="store_true",
        help="take colours and shape from the subject cut out, not from the picture's middle",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="write JSON instead of a table")
    form.add_argument("--csv", action="store_true", help="write a CSV line for each photograph")
    parser.set_defaults(run=_match)


def _match(chosen: argparse.Namespace) -> None:
    if not 1 <= chosen.k <= _MOST:
        raise CommandLineError(Text("-k must be from 1 to {most}.", most=_MOST))
    weights = Weights(chosen.semantics, chosen.colour, chosen.shape, chosen.details)
    if not all(
        0 <= weight <= MOST_WEIGHT
        for weight in (weights.semantics, weights.colour, weights.shape, weights.details)
    ):
        raise CommandLineError(Text("A weight must be from 0 to {most}.", most=int(MOST_WEIGHT)))
    catalogue = _catalogue(chosen)
    model, memory = model_by_id(DEFAULT_MODEL), Memory(_MEMORY)
    words = None if chosen.no_titles else title_vectors(catalogue)
    outcomes: list[Outcome] = []
    with stopped_by_ctrl_c() as stop:
        for path in chosen.photographs:
            if stop.is_set():
                break
            try:
                outcomes.append(
                    match(
                        opened(path),
                        catalogue,
                        model,
                        memory,
                        words=words,
                        cutout=chosen.cutout,
                        weights=weights,
                        count=chosen.k,
                    )
                )
            except ImgSimError as error:
                outcomes.append(Failed(os.fsencode(path).decode("utf-8", "replace"), error.text))
    if chosen.json:
        print_json(_as_dict(catalogue, outcomes))
    elif chosen.csv:
        print(outcomes_as_csv(outcomes, catalogue, {}), end="")
    else:
        _print(catalogue, outcomes)
    if catalogue.stopped or len(outcomes) < len(chosen.photographs):
        raise KeyboardInterrupt
    failed = [one for one in outcomes if isinstance(one, Failed)]
    if failed and len(failed) == len(outcomes):
        raise CommandLineError(failed[0].reason)


def _catalogue(chosen: argparse.Namespace) -> Catalogue:
    path = Path(chosen.catalogue)
    table = None
    if is_table(path.name):
        try:
            with path.open("rb") as file:
                table = read_table(path.name, file.read(MOST_BYTES))
        except (OSError, ValueError) as error:
            raise CommandLineError(
                Text(
                    "The file {name} cannot be read: {why}.",
                    name=UserText(path),
                    why=UserText(error),
                )
            ) from None
        place = Path(chosen.pictures) if chosen.pictures else path.absolute().parent
    else:
        place = path
    with stopped_by_ctrl_c() as stop:
        found = catalogue_from(
            path.name,
            from_paths([place]),
            model_by_id(DEFAULT_MODEL),
            table=table,
            told=_told,
            stop=stop,
        )
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    notes = (*(table.notes if table is not None else ()), *found.problems)
    for problem in notes[:_PROBLEMS_SHOWN]:
        print(shown(problem), file=sys.stderr)
    if len(notes) > _PROBLEMS_SHOWN:
        more = Text("… and {count} more.", count=len(notes) - _PROBLEMS_SHOWN)
        print(shown(more), file=sys.stderr)
    return found


def _told(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\rcatalogue: {done:,} of {total:,} pictures", end="", file=sys.stderr, flush=True)


def _as_dict(catalogue: Catalogue, outcomes: list[Outcome]) -> dict[str, Any]:
    return {
        "catalogue": catalogue.name,
        "products": len(catalogue),
        "pictures": len(catalogue.pictures),
        "stopped": catalogue.stopped,
        "problems": [str(problem) for problem in catalogue.problems],
        "photographs": [
            answer_as_dict(one, catalogue)
            if isinstance(one, Answer)
            else {"photograph": one.name, "problem": str(one.reason)}
            for one in outcomes
        ],
    }


def _print(catalogue: Catalogue, outcomes: list[Outcome]) -> None:
    for one in outcomes:
        if isinstance(one, Failed):
            print(f"{printable(one.name)}: {shown(one.reason)}")
            continue
        print(f"{printable(one.name)}: {one.verdict.label}{'' if one.sure else ' (not sure)'}")
        for note in one.notes:
            print(f"  {shown(note)}")
        rows = [
            [
                f"  {rank}",
                printable(catalogue.products[match_.product].sku),
                _likelihood(one, match_.same, match_.kind),
                "" if not match_.details else f"{match_.details} details",
                printable(catalogue.products[match_.product].title),
            ]
            for rank, match_ in enumerate(one.matches, 1)
        ]
        print("\n".join(aligned(rows)))


def _likelihood(one: Answer, same: float, kind: float) -> str:
    if one.verdict is Verdict.ABSENT:
        return f"{1 - same - kind:.0%} not this"
    return f"{same:.0%} same, {kind:.0%} same kind"
