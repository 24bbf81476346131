"""`index GALLERY PATH...`: add pictures to a gallery of this host."""

from __future__ import annotations

import argparse
import itertools
import operator
import os
import sys
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from typing import Any

from imgsim_core.commands.console import (
    CommandLineError,
    print_json,
    printable,
    shown,
    stopped_by_ctrl_c,
)
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.ingest import Progress, ingest, new_gallery
from imgsim_core.gallery.on_ray import RAY_ADDRESS, ray_cluster, ray_workers
from imgsim_core.gallery.reembedding import finish_reembedding
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.sources import Files, from_address, from_paths, from_samples
from imgsim_core.gallery.store import checked_name, open_store
from imgsim_core.gallery.workers import Workers
from imgsim_core.models import catalogue
from imgsim_core.text import Text, UserText


def add(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "index",
        help="add pictures to a gallery",
        description=(
            "Add pictures to a gallery, made if need be. What is in already is not done again: "
            "a run that was interrupted is completed by the same command. IMGSIM_STORE and "
            "IMGSIM_PICTURES say where galleries and their pictures lie."
        ),
    )
    parser.add_argument("gallery", metavar="GALLERY", help="name: small letters, digits, - and _")
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        help="picture, folder, zip archive, or an address such as s3://bucket/prefix",
    )
    parser.add_argument("--model", metavar="ID", help="model that a new gallery is made with")
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help=(
            "open and embed the pictures on a Ray cluster that this machine belongs to: "
            "host:port, or local for one of its own; IMGSIM_RAY if not given"
        ),
    )
    parser.add_argument("--samples", action="store_true", help="add the built-in pictures too")
    parser.add_argument("--title", metavar="TITLE", default="", help="what people call the gallery")
    parser.add_argument("--json", action="store_true", help="write JSON instead of sentences")
    parser.set_defaults(run=_index)


def _index(chosen: argparse.Namespace) -> None:
    if not chosen.paths and not chosen.samples:
        raise CommandLineError(Text("Name a file, a folder or an address, or add --samples."))
    model = None if chosen.model is None else catalogue.model_by_id(chosen.model)
    # Of workers that were lost Ray tells on standard output, where the answer alone belongs
    cluster = _cluster(chosen.ray or os.environ.get(RAY_ADDRESS, ""))
    with cluster as ray, redirect_stdout(sys.stdout if ray is None else sys.stderr):
        store, shelf = open_store(), Shelf()
        finish_reembedding(checked_name(chosen.gallery), store, shelf)  # else it might be missing
        gallery = new_gallery(chosen.gallery, store, shelf, model, chosen.title)
        told = _show if sys.stderr.isatty() else None
        files = _files(chosen.paths, chosen.samples)
        with stopped_by_ctrl_c() as stop, _workers(ray, gallery) as workers:
            result = ingest(gallery, files, told=told, stop=stop, workers=workers)
    if told is not None:
        print(file=sys.stderr)
    if chosen.json:
        print_json(_as_dict(gallery, result))
    else:
        print(*_as_lines(gallery, result), sep="\n")
    if result.problem is not None:
        raise CommandLineError(result.problem)
    if result.state == "stopped":
        raise KeyboardInterrupt
    if not result.added + result.known + result.same:
        raise CommandLineError(
            Text("No picture was found for the gallery {name}.", name=UserText(gallery.name))
        )


def _cluster(address: str) -> AbstractContextManager[Any]:
    return ray_cluster(address) if address else nullcontext()


def _workers(ray: Any, gallery: Gallery) -> AbstractContextManager[Workers | None]:
    return nullcontext() if ray is None else ray_workers(ray, gallery)


def _files(paths: list[str], samples: bool) -> Files:
    parts = [from_address(path) if "://" in path else from_paths([path]) for path in paths]
    if samples:
        parts.append(from_samples())
    return Files(
        lambda: itertools.chain.from_iterable(parts),
        lambda: sum(operator.length_hint(part) for part in parts),
    )


def _show(progress: Progress) -> None:
    of_all = "" if progress.total is None else f" of {progress.total}"
    left = "" if progress.remaining is None else f", {progress.remaining:.0f} s left"
    line = f"{progress.seen}{of_all} files, {progress.rate:.0f} a second{left}"
    print(f"\r{line:<60}", end="", file=sys.stderr, flush=True)


def _as_dict(gallery: Gallery, result: Progress) -> dict[str, Any]:
    return {
        "gallery": gallery.name,
        "title": gallery.title,
        "model": gallery.info.model,
        "encoder": gallery.info.encoder,
        "store": gallery.store.address,
        "state": result.state,
        "problem": None if result.problem is None else str(result.problem),
        "files": result.seen,
        "added": result.added,
        "known": result.known,
        "same": result.same,
        "refused": result.refused_count,
        "refusals": [str(text) for text in result.refused],
        "bytes": result.bytes,
        "seconds": round(result.seconds, 3),
    }


def _as_lines(gallery: Gallery, result: Progress) -> list[str]:
    rate = f"{result.seconds:.1f} s, {result.rate:.0f} files a second"
    lines = [
        f"{printable(gallery.title)}: {result.state} after {rate}",
        f"  {result.added} added",
        f"  {result.known} were in already",
        f"  {result.same} have the same bytes as another",
        f"  {result.refused_count} refused",
    ]
    lines += [f"    {shown(text)}" for text in result.refused]
    if result.refused_count > len(result.refused):
        lines.append("    ...")
    return lines
