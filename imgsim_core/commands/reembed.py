"""`reembed GALLERY`: make a gallery's vectors anew, by another model or a newer version."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from imgsim_core.commands.console import print_json, printable
from imgsim_core.gallery.gallery import open_gallery
from imgsim_core.gallery.reembedding import reembed
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import open_store
from imgsim_core.models import catalogue


def add(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "reembed",
        help="make a gallery's vectors anew",
        description=(
            "Embed all pictures of a gallery again, by the model that made it or by another. "
            "The gallery stays as it was until all are done."
        ),
    )
    parser.add_argument("gallery", metavar="GALLERY", help="name of the gallery")
    parser.add_argument("--model", metavar="ID", help="another model than before")
    parser.add_argument("--json", action="store_true", help="write JSON instead of sentences")
    parser.set_defaults(run=_reembed)


def _reembed(chosen: argparse.Namespace) -> None:
    gallery = open_gallery(chosen.gallery, open_store(), Shelf())
    model = catalogue.model_by_id(chosen.model or gallery.info.model)
    before = gallery.store.count(gallery.name)
    again = reembed(gallery, model, _show if sys.stderr.isatty() else None)
    count = again.store.count(again.name)
    if chosen.json:
        print_json(
            {
                "gallery": again.name,
                "encoder": again.info.encoder,
                "encoder_before": gallery.info.encoder,
                "pictures": count,
                "pictures_before": before,
            }
        )
    else:
        print(f"{printable(again.title)}: {count} of {before} pictures, by {again.info.encoder}")


def _show(done: int, total: int) -> None:
    print(f"\r{done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)
