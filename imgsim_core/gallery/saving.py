"""The hits of a search as data to keep: CSV, JSON, and a zip of the pictures."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from typing import Any, Literal

from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.result import Hit, Result
from imgsim_core.report import number_in_json, scale_as_dict
from imgsim_core.spreadsheet import harmless

MOST_ZIP_BYTES = 200 * 2**20

Kind = Literal["originals", "thumbnails"]


def result_as_dict(result: Result) -> dict[str, Any]:
    """Put a result into what JSON can hold.

    Returns
    -------
    dict
        With the scale that every value is to be read on; infinite values are words.
    """
    return {
        "measured_by": str(result.label),
        "method": None if result.question is None else result.question.method.id,
        "scale": scale_as_dict(result.scale),
        "pictures": result.of,
        "compared": result.looked_at,
        "standing_out": result.standing_out,
        "standing_out_is_a_guess": result.guess is not None,
        "seconds": round(result.seconds, 4),
        "notes": [str(note) for note in result.notes],
        "hits": [_hit_as_dict(hit, rank) for rank, hit in enumerate(result.hits, 1)],
    }


def _hit_as_dict(hit: Hit, rank: int) -> dict[str, Any]:
    entry, meaning = hit.entry, hit.meaning
    return {
        "rank": rank,
        "name": entry.name,
        "digest": entry.digest,
        "width": entry.width,
        "height": entry.height,
        "bytes": entry.bytes,
        "format": entry.format,
        "taken": entry.taken or None,
        "camera": entry.camera or None,
        "value": number_in_json(hit.value),
        "same_file": hit.same_file,
        "meaning": _verdict(hit),
        "beyond_unrelated": None if meaning is None else round(meaning.beyond_unrelated, 4),
        "belongs_together": None if hit.own is None else round(hit.own.belongs, 4),
        "agreeing_details": hit.details,
    }


def _verdict(hit: Hit) -> str | None:
    said = hit.own or hit.meaning
    return None if said is None else str(said.verdict)


def result_as_csv(result: Result) -> str:
    """Write the hits as a table, a line each; a name that begins a formula is quoted."""
    stream = io.StringIO()
    rows = [_hit_as_dict(hit, rank) for rank, hit in enumerate(result.hits, 1)]
    columns = list(rows[0]) if rows else ["rank", "name", "digest", "value"]
    writer = csv.DictWriter(stream, columns)
    writer.writeheader()
    writer.writerows({key: harmless(value) for key, value in row.items()} for row in rows)
    return stream.getvalue()


def result_as_zip(
    gallery: Gallery, result: Result, kind: Kind, most_bytes: int = MOST_ZIP_BYTES
) -> tuple[bytes, int]:
    """Pack the pictures of the hits, numbered by rank.

    Parameters
    ----------
    gallery : Gallery
    result : Result
    kind : str
        "originals", where the gallery keeps them, else the thumbnail; or "thumbnails".
    most_bytes : int
        Pictures are packed until the next would go beyond.

    Returns
    -------
    tuple of bytes and int
        The zip, and how many pictures are in it.
    """
    stream = io.BytesIO()
    packed = size = 0
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for rank, hit in enumerate(result.hits, 1):
            data, suffix = _bytes_of(gallery, hit, kind)
            if data is None:
                continue
            size += len(data)
            if size > most_bytes:
                break
            archive.writestr(f"{rank:04}-{_plain_name(hit.entry.name)}{suffix}", data)
            packed += 1
    return stream.getvalue(), packed


def _bytes_of(gallery: Gallery, hit: Hit, kind: Kind) -> tuple[bytes | None, str]:
    original = gallery.shelf.original(hit.entry.digest) if kind == "originals" else None
    if original is not None:
        return original, ""
    return gallery.shelf.thumbnail(hit.entry.digest), ".webp"


def _plain_name(name: str) -> str:
    """Last part of a name, without anything that a file system might object to."""
    return re.sub(r"[^\w.-]+", "_", re.split(r"[/\\]", name)[-1])[-80:] or "picture"
