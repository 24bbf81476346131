"""What a gallery learns of a picture in one decoding: all of an `Entry` but its vector."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.gallery.entry import COLOURS, Entry
from imgsim_core.methods.hashes import grey_levels, turned_fingerprints
from imgsim_core.picture import Picture, open_with_head

SIDE = 640
"""Pixels of the long side that pictures of a gallery are opened at."""

_SHARPNESS_SIDE = 512
_COLOUR_SIDE = 96
_LONGEST_CAMERA = 60


def facts(
    data: bytes, name: str, source: str = "", modified: float = 0.0, digest: str = ""
) -> tuple[Entry, Picture]:
    """Open a file and tell what a gallery keeps of it.

    Parameters
    ----------
    data : bytes
        The whole file.
    name : str
        As the visitor calls it, folders included.
    source : str
        Address the host can read it at again; "" if there is none.
    modified : float
        When it was last changed, seconds since 1970; 0 if unknown.
    digest : str
        SHA-256 of the data, where it is known already; "" to compute it.

    Returns
    -------
    tuple of Entry and Picture
        The entry's vector length is still 1; the picture's long side is at most `SIDE`.

    Raises
    ------
    PictureError
        As `open_picture`.
    """
    picture, head = open_with_head(data, name, SIDE, digest)
    entry = Entry(
        digest=picture.digest,
        names=(name,),
        sources=(source,),
        bytes=len(data),
        format=head.format,
        width=head.width,
        height=head.height,
        modified=modified,
        taken=taken_at(head.taken),
        camera=_camera(head.camera),
        quality=jpeg_quality(head.tables),
        sharpness=sharpness(picture.rgb),
        hashes=turned_hashes(picture.rgb),
        colours=colour_summary(picture.rgb),
    )
    return entry, picture


# ── From the head ──────────────────────────────────────────────────────────────────


def taken_at(words: str) -> str:
    """Write an EXIF time as ISO 8601.

    Parameters
    ----------
    words : str
        At best "2024:05:31 18:02:11".

    Returns
    -------
    str
        "2024-05-31T18:02:11"; "" for anything that is no time.
    """
    digits = re.findall(r"\d+", words)[:6]
    if len(digits) < 6:
        return ""
    try:
        year, month, day, hour, minute, second = map(int, digits)
        return datetime(year, month, day, hour, minute, second).isoformat()
    except (ValueError, OverflowError):  # a camera whose clock was never set: all zeros
        return ""


def _camera(words: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in words)
    return " ".join(printable.split())[:_LONGEST_CAMERA]


# Luminance steps of Annex K.1 of ITU-T T.81, row by row.
_ANNEX_K = np.array(
    [
        *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
        *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
        *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
        *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
    ]
)


@cache
def _tables_by_quality() -> NDArray[np.int64]:
    """Luminance tables of qualities 1 to 100, shape (100, 64)."""
    qualities = np.arange(1, 101)
    percent = np.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)
    tables: NDArray[np.int64] = np.clip((_ANNEX_K * percent[:, None] + 50) // 100, 1, 255)
    return tables


def jpeg_quality(tables: tuple[tuple[int, ...], ...]) -> int:
    """Estimate the quality a JPEG was saved with, on the scale of libjpeg.

    Parameters
    ----------
    tables : tuple of tuple of int
        Its quantisation tables, row by row, that of luminance first.

    Returns
    -------
    int
        1 to 100; 0 without tables.

    Notes
    -----
    libjpeg multiplies the tables of Annex K of ITU-T T.81 by 5000 / quality per cent below
    50, and by 200 - 2 quality from there (``jpeg_quality_scaling`` in its jcparam.c). The
    quality named is the one whose luminance table comes nearest, by the sum of absolute
    differences: exact for files of libjpeg, an estimate for programs with own tables.
    """
    if not tables or len(tables[0]) != _ANNEX_K.size:
        return 0
    away = np.abs(_tables_by_quality() - np.array(tables[0])).sum(axis=1)
    return int(away.argmin()) + 1


# ── From the pixels ────────────────────────────────────────────────────────────────


def sharpness(rgb: NDArray[np.uint8]) -> float:
    """Tell how sharp a picture is: the variance of its Laplacian.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    float
        0 for a flat picture, and up; of grey levels 0..255 at a long side of 512 pixels,
        so that copies of different size can be compared.

    Notes
    -----
    Pech-Pacheco et al. 2000, https://doi.org/10.1109/ICPR.2000.903548.
    """
    grey = grey_levels(rgb)
    height, width = grey.shape
    scale = _SHARPNESS_SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    laplacian = cv2.Laplacian(cv2.resize(grey, size, interpolation=way), cv2.CV_16S)
    return float(cv2.meanStdDev(laplacian)[1][0, 0] ** 2)


def turned_hashes(rgb: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Perceptual hashes (pHash) of a picture in its eight turns and mirrors.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    ndarray of uint64, shape (8,)
        As it is, turned by one, two and three quarters to the left, then the same of its
        mirror image. The first bit of `fingerprint_bits` is the highest.
    """
    packed = np.packbits(turned_fingerprints(rgb).reshape(8, -1), axis=1)
    return packed.view(">u8").astype(np.uint64).ravel()


# ── Colours ────────────────────────────────────────────────────────────────────────

# Eight greys in equal steps of lightness, and 56 colours spread over all that sRGB holds by
# k-means in CIELAB (cells of 4 units, each counted once). Written down and not worked out
# anew: summaries are stored, and must mean the same everywhere.
_BIN_COLOURS = (
    "000000 242424 434343 656565 898989 afafaf d6d6d6 ffffff "
    "4b9f9a 53dfd9 a1dbd6 58b0d4 3b5d7f 5b8dd5 361a67 4521a0 "
    "4c4c92 5a24e1 6450df 5a6bd8 ae86d6 adb0da 381f41 822a6c "
    "8b2f9b 8a6084 c02ede de37b8 c267e1 d872bd dda3c9 882645 "
    "d63583 d66e86 56241d 972e21 986157 df3225 db3457 dd755c "
    "daa390 9b6124 d96422 dd9328 6a5926 8e8d2f d5a560 dabd3b "
    "dcd49c 2b3b1b 386526 479333 8d976b 8eb631 9ee63c c7df7a "
    "dde536 4ca16d 47bd38 56dea9 67e17e 4ae93c abdea8 32695a"
)


def bin_colours() -> NDArray[np.uint8]:
    """Return the colours that stand for the bins of `colour_summary`.

    Returns
    -------
    ndarray of uint8, shape (64, 3)
        sRGB; the first eight are greys, from black to white.
    """
    return np.frombuffer(bytes.fromhex(_BIN_COLOURS), np.uint8).reshape(COLOURS, 3)


def colour_summary(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Tell how much of a picture has each of 64 colours.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    ndarray of float32, shape (64,)
        Shares that sum to 1. A pixel counts for the one of `bin_colours` nearest to it in
        CIELAB, where equal distances look about equally different.
    """
    height, width = rgb.shape[:2]
    scale = min(1.0, _COLOUR_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    cells = (small.reshape(-1, 3) >> 3).astype(np.intp)
    bins = _nearest_bins()[cells[:, 0], cells[:, 1], cells[:, 2]]
    counts = np.bincount(bins, minlength=COLOURS)
    shares: NDArray[np.float32] = (counts / counts.sum()).astype(np.float32)
    return shares


@cache
def _nearest_bins() -> NDArray[np.intp]:
    """Nearest bin of each of 32 × 32 × 32 cells of sRGB."""
    # From 0 to 255, so that black and white are themselves
    levels = np.linspace(0, 1, 32, dtype=np.float32)
    cells = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1)
    lab = _lab(np.asarray(cells.reshape(-1, 3), np.float32))
    own = _lab(np.asarray(bin_colours() / 255, np.float32))
    # |a - b|^2 without |a|^2, which does not change which is least
    away = np.square(own).sum(axis=1) - 2 * lab @ own.T
    nearest: NDArray[np.intp] = away.argmin(axis=1).reshape(32, 32, 32)
    return nearest


def _lab(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(rgb[:, None], cv2.COLOR_RGB2Lab), np.float32)[:, 0]
