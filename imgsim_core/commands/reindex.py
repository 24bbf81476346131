"""`reindex GALLERY... --from ADDRESS --to ADDRESS`: galleries from one store into another."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from imgsim_core.commands.console import (
    CommandLineError,
    print_json,
    printable,
    stopped_by_ctrl_c,
)
from imgsim_core.gallery.reindexing import Copied, reindex
from imgsim_core.gallery.store import Store, checked_name, open_store
from imgsim_core.text import HostText, Text


def add(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "reindex",
        help="copy galleries from one store into another",
        description=(
            "Copy galleries, all if none is named, from one store into another: a folder, "
            "object storage, a Milvus server. No model is asked, and their pictures stay where "
            "they are (IMGSIM_PICTURES). What the other store holds already is not copied "
            "again: a run that was interrupted is completed by the same command."
        ),
    )
    parser.add_argument("galleries", metavar="GALLERY", nargs="*", help="name of a gallery")
    parser.add_argument(
        "--from", dest="source", metavar="ADDRESS", required=True, help="the store they are in"
    )
    parser.add_argument(
        "--to", dest="target", metavar="ADDRESS", required=True, help="the store to fill"
    )
    parser.add_argument("--json", action="store_true", help="write JSON instead of sentences")
    parser.set_defaults(run=_reindex)


def _reindex(chosen: argparse.Namespace) -> None:
    source, target = _opened(chosen.source), open_store(chosen.target)
    if source.address == target.address:
        raise CommandLineError(Text("--from and --to name the same store."))
    names = list(map(checked_name, chosen.galleries))
    names = names or [info.name for info in source.galleries()]
    done: list[Copied] = []
    with stopped_by_ctrl_c() as stop:
        told = _show if sys.stderr.isatty() else None
        for name in dict.fromkeys(names):
            done.append(reindex(name, source, target, told, stop))
            if not done[-1].complete:
                break
    if chosen.json:
        print_json(_as_dict(source, target, done))
    else:
        for one in done:
            print(_as_line(one))
    if done and not done[-1].complete:
        raise KeyboardInterrupt


def _opened(address: str) -> Store:
    """Open the store to read from; a folder that is not there is not made."""
    if "://" not in address and not Path(address).is_dir():
        raise CommandLineError(Text("There is no store at {address}.", address=HostText(address)))
    return open_store(address)


def _as_dict(source: Store, target: Store, done: list[Copied]) -> dict[str, Any]:
    return {
        "from": source.address,
        "to": target.address,
        "galleries": [
            {
                "gallery": one.gallery,
                "state": "done" if one.complete else "stopped",
                "rows": one.rows,
                "copied": one.copied,
                "held": one.held,
                "seconds": round(one.seconds, 3),
                "rows_per_second": round(one.rate, 1),
                "settling_seconds": round(one.settling, 3),
            }
            for one in done
        ],
    }


def _as_line(one: Copied) -> str:
    state = "done" if one.complete else "stopped"
    return (
        f"{printable(one.gallery)}: {state}, {one.rows} rows, {one.copied} copied "
        f"({one.rate:.0f} a second), {one.held} were there already"
    )


def _show(done: int, total: int) -> None:
    print(f"\r{done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)
