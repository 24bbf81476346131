"""`reembed GALLERY`: make a gallery's vectors anew, by another model or a newer version."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from imgsim_core.commands.console import print_json, printable
from imgsim_core.gallery.gallery import open_gallery
from imgsim_core.gallery.reembedding import finish_reembedding, reembed
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import checked_name, open_store
from imgsim_core.models import catalogue
from imgsim_core.models.identity import encoder_key


def add(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "reembed",
        help="make a gallery's vectors anew",
        description=(
            "Embed all pictures of a gallery again, by the model that made it or by another. "
            "The gallery stays as it was until all are done; a run that was interrupted is "
            "completed by the same command."
        ),
    )
    parser.add_argument("gallery", metavar="GALLERY", help="name of the gallery")
    parser.add_argument("--model", metavar="ID", help="another model than before")
    parser.add_argument("--json", action="store_true", help="write JSON instead of sentences")
    parser.set_defaults(run=_reembed)


def _reembed(chosen: argparse.Namespace) -> None:
    store, shelf = open_store(), Shelf()
    # Of a run that was cut short the gallery itself may be missing
    finished = finish_reembedding(checked_name(chosen.gallery), store, shelf)
    gallery = finished or open_gallery(chosen.gallery, store, shelf)
    model = catalogue.model_by_id(chosen.model or gallery.info.model)
    before = store.count(gallery.name)
    if finished is not None and finished.info.encoder == encoder_key(model):
        again = finished
    else:
        again = reembed(gallery, model, _show if sys.stderr.isatty() else None)
    count = store.count(again.name)
    if chosen.json:
        print_json(
            {
                "gallery": again.name,
                "encoder": again.info.encoder,
                "encoder_before": gallery.info.encoder,
                "pictures": count,
                "pictures_before": before,
                "finished_earlier_run": finished is not None,
            }
        )
    else:
        if finished is not None:
            print("An earlier run that was interrupted has been completed.")
        print(f"{printable(again.title)}: {count} of {before} pictures, by {again.info.encoder}")


def _show(done: int, total: int) -> None:
    print(f"\r{done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)
