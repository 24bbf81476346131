"""`duplicates GALLERY`: what a gallery holds more than once, and a plan for it."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imgsim_core.commands.console import (
    CommandLineError,
    print_json,
    printable,
    shown,
    stopped_by_ctrl_c,
)
from imgsim_core.gallery.copies import Level, Link
from imgsim_core.gallery.duplicates import STAGES, Report, find_duplicates
from imgsim_core.gallery.gallery import open_gallery
from imgsim_core.gallery.groups import Group, Pair
from imgsim_core.gallery.keeping import (
    Rule,
    advice,
    not_duplicates_from_json,
    plan,
    plan_as_csv,
    plan_as_json,
    plan_as_script,
)
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import open_store
from imgsim_core.text import Text, UserText

_PLANS = {".csv": plan_as_csv, ".json": plan_as_json, ".sh": plan_as_script}


def add(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "duplicates",
        help="find duplicates in a gallery",
        description=(
            "Find what a gallery holds more than once, and say what to keep. Nothing is "
            "deleted, moved or run: a plan is a file for you to read."
        ),
    )
    parser.add_argument("gallery", metavar="GALLERY", help="name of the gallery")
    parser.add_argument(
        "--level",
        choices=[level.value for level in Level],
        default=Level.COPY.value,
        help="same file, edited copy (usual), or another shot of the same",
    )
    parser.add_argument(
        "--not-duplicates",
        metavar="FILE",
        help="pairs that are no duplicates, as the page saves them",
    )
    parser.add_argument(
        "--reference", metavar="PREFIX", default="", help="names that are never set aside"
    )
    parser.add_argument(
        "--plan", metavar="FILE", help="write a plan: a name that ends in .csv, .json or .sh"
    )
    parser.add_argument("--json", action="store_true", help="write JSON instead of sentences")
    parser.set_defaults(run=_duplicates)


def _duplicates(chosen: argparse.Namespace) -> None:
    written = None if chosen.plan is None else _form_of(chosen.plan)
    apart = _not_duplicates(chosen.not_duplicates)
    rule = Rule(reference=chosen.reference)
    gallery = open_gallery(chosen.gallery, open_store(), Shelf())
    told = _show if sys.stderr.isatty() else None
    with stopped_by_ctrl_c() as stop:
        report = find_duplicates(
            gallery, Level(chosen.level), told=told, stop=stop.is_set, not_duplicates=apart
        )
    if told is not None:
        print(file=sys.stderr)
    if chosen.json:
        print_json(report_as_dict(report, rule))
    else:
        print(*_as_lines(report, rule), sep="\n")
    if written is not None:
        _write(chosen.plan, written(plan(report.groups, report.entries, rule)))
    if report.stopped:
        raise KeyboardInterrupt


def _form_of(path: str) -> Any:
    form = _PLANS.get(Path(path).suffix.lower())
    if form is None:
        raise CommandLineError(Text("{name} must end in .csv, .json or .sh.", name=UserText(path)))
    return form


def _not_duplicates(path: str | None) -> frozenset[Pair]:
    if path is None:
        return frozenset()
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise CommandLineError(
            Text("The file {name} cannot be read: {why}.", name=UserText(path), why=UserText(error))
        ) from None
    return not_duplicates_from_json(data)


def _write(path: str, text: str) -> None:
    try:
        # Names of files may hold what UTF-8 has no letters for
        Path(path).write_text(text, encoding="utf-8", errors="replace", newline="")
    except (OSError, ValueError) as error:
        raise CommandLineError(
            Text(
                "The file {name} cannot be written: {why}.",
                name=UserText(path),
                why=UserText(error),
            )
        ) from None


def _show(stage: str, share: float) -> None:
    line = f"{STAGES[stage]}: {100 * share:.0f} %"
    print(f"\r{line:<60}", end="", file=sys.stderr, flush=True)


def report_as_dict(report: Report, rule: Rule) -> dict[str, Any]:
    """Return a report as plain data for JSON: every number with its scale beside it."""
    counts = {name: getattr(report.counts, name) for name in report.counts.__dataclass_fields__}
    return {
        "level": report.level.value,
        "counts": counts,
        "notes": [str(note) for note in report.notes],
        "seconds": round(report.seconds, 3),
        "stopped": report.stopped,
        "scales": {
            "strength": "0 to 1, higher is more alike; 1 identical, about 0.2 unrelated",
            "bits": "0 to 64, lower is more alike; 0 identical fingerprints",
            "cosine": "-1 to 1, higher is more alike; 1 identical vectors",
        },
        "groups": [_group_as_dict(group, report, rule) for group in report.groups],
    }


def _group_as_dict(group: Group, report: Report, rule: Rule) -> dict[str, Any]:
    told = advice(group, report.entries, rule)
    weakest = group.weakest
    return {
        "key": group.key,
        "keep": told.keep,
        "because": [str(text) for text in told.because],
        "members": [
            {"digest": one, "files": list(report.entries[one].names)} for one in group.members
        ],
        "links": [_link_as_dict(link) for link in group.links],
        "weakest": None if weakest is None else [weakest.a, weakest.b],
    }


def _link_as_dict(link: Link) -> dict[str, Any]:
    return {
        "a": link.a,
        "b": link.b,
        "level": None if link.level is None else link.level.value,
        "strength": round(link.strength, 4),
        "certain": link.certain,
        "bits": link.bits,
        "cosine": None if math.isnan(link.cosine) else round(link.cosine, 4),
        "because": [str(text) for text in link.because],
        "changes": [str(text) for text in link.changes],
    }


def _as_lines(report: Report, rule: Rule) -> Iterator[str]:
    counts = report.counts
    yield f"{counts.files} files, {counts.pictures} different; {report.seconds:.1f} s"
    if report.level is not Level.FILE:
        yield (
            f"{counts.pairs} pairs, {counts.by_hash + counts.by_vector} candidates, "
            f"{counts.copies} edited copies, {counts.shots} other shots"
        )
    yield from (f"note: {shown(note)}" for note in report.notes)
    yield f"{len(report.groups)} groups"
    for group in report.groups:
        told = advice(group, report.entries, rule)
        yield ""
        for member in group.members:
            first, *others = report.entries[member].names
            mark = "keep" if member == told.keep else "    "
            yield f"  {mark}  {printable(first)}"
            yield from (f"        = {printable(name)}" for name in others)
        yield from (f"        {shown(text)}" for text in told.because)


__all__ = ["add", "report_as_dict"]
