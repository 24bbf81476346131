"""Real files of every kind, and ways to damage them, for the fuzz tests."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache

import numpy as np
from hypothesis import strategies as st
from PIL import Image, ImageCms

import imgsim_core.picture  # noqa: F401 - registers HEIF, and keeps Pillow's warnings quiet

WIDTH, HEIGHT = 40, 28


# ── Files ──────────────────────────────────────────────────────────────────────────


def _colours() -> Image.Image:
    corners = np.random.default_rng(5).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return Image.fromarray(corners).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x0110] = 6, "Maker", "Camera 1"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:31 18:02:11"
    return exif.tobytes()


@cache
def pictures() -> dict[str, bytes]:
    """One small file for each way a picture can come, by name."""
    rgb = _colours()
    alpha = rgb.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(rgb.size))
    grey = rgb.convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    real = Image.fromarray(np.asarray(grey).astype(np.float32) / 255)
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    frames = {"save_all": True, "append_images": [rgb.rotate(90, expand=False), rgb.rotate(180)]}
    made: dict[str, bytes] = {
        "jpeg": _saved(rgb, "JPEG", exif=_exif(), icc_profile=lab),
        "jpeg-progressive": _saved(rgb, "JPEG", progressive=True, optimize=True),
        "jpeg-cmyk": _saved(rgb.convert("CMYK"), "JPEG"),
        "jpeg-grey": _saved(grey, "JPEG"),
        "mpo": _saved(rgb, "MPO", **frames),
        "png": _saved(rgb, "PNG", exif=_exif(), icc_profile=lab),
        "png-alpha": _saved(alpha, "PNG"),
        "png-palette": _saved(rgb.quantize(16), "PNG", transparency=3),
        "png-bit": _saved(grey.convert("1"), "PNG"),
        "png-deep": _saved(deep, "PNG"),
        "png-moving": _saved(rgb, "PNG", **frames),
        "gif": _saved(rgb.quantize(32), "GIF"),
        "gif-moving": _saved(rgb, "GIF", **frames),
        "webp": _saved(rgb, "WEBP", exif=_exif()),
        "webp-lossless": _saved(alpha, "WEBP", lossless=True),
        "webp-moving": _saved(rgb, "WEBP", **frames),
        "bmp": _saved(rgb, "BMP"),
        "bmp-palette": _saved(rgb.quantize(256), "BMP"),
        "dib": _saved(rgb, "DIB"),
        "ico": _saved(alpha, "ICO", sizes=[(16, 16), (28, 28)]),
        "ppm": _saved(rgb, "PPM"),
        "pgm-deep": _saved(deep, "PPM"),
        "pbm": _saved(grey.convert("1"), "PPM"),
        "tga": _saved(alpha, "TGA"),
        "tga-packed": _saved(rgb, "TGA", compression="tga_rle"),
        "tiff": _saved(rgb, "TIFF", exif=_exif()),
        "tiff-deep": _saved(deep, "TIFF"),
        "tiff-real": _saved(real, "TIFF"),
        "tiff-lab": _saved(rgb.convert("RGB"), "TIFF", compression="packbits"),
        "jp2": _saved(rgb, "JPEG2000"),
        "jp2-alpha": _saved(alpha, "JPEG2000", irreversible=True),
        "avif": _saved(rgb, "AVIF"),
        "heif": _saved(rgb, "HEIF"),
        "qoi": _qoi(np.asarray(rgb)),
    }
    for packing in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "group4"):
        image = grey.convert("1") if packing == "group4" else rgb
        made[f"tiff-{packing}"] = _saved(image, "TIFF", compression=packing)
    return made


def _qoi(rgb: np.ndarray) -> bytes:
    """Write the plainest QOI: every pixel in full."""
    head = b"qoif" + struct.pack(">IIBB", rgb.shape[1], rgb.shape[0], 3, 0)
    pixels = b"".join(b"\xfe" + bytes(pixel) for row in rgb for pixel in row)
    return head + pixels + bytes(7) + b"\1"


@cache
def archives() -> dict[str, bytes]:
    """Small zip archives of every packing, by name."""
    found = {}
    packings = {
        "stored": zipfile.ZIP_STORED,
        "deflated": zipfile.ZIP_DEFLATED,
        "bzip2": zipfile.ZIP_BZIP2,
        "lzma": zipfile.ZIP_LZMA,
    }
    for name, packing in packings.items():
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", packing) as target:
            target.writestr("a/one.png", pictures()["png"])
            target.writestr("二.txt", b"two " * 300)
            target.writestr("../up.png", b"three")
            target.comment = b"a comment"
        found[name] = stream.getvalue()
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(stream, "w") as target,
        target.open(zipfile.ZipInfo("large.png"), "w", force_zip64=True) as file,
    ):
        file.write(b"large")
    return {**found, "zip64": stream.getvalue()}


# ── Damage ─────────────────────────────────────────────────────────────────────────

Damage = Callable[[bytearray], None]

# What counts, offsets and sizes are lied about with.
_NUMBERS = (0, 1, 2, 3, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF)
_NUMBERS += (0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)

# Heads say more than bodies, so half of all places are near the start.
places = st.one_of(st.integers(0, 200), st.integers(0, 2**16))


@st.composite
def damages(draw: st.DrawFn) -> Damage:
    """One thing that can happen to a file."""
    place = draw(places)
    kind = draw(st.sampled_from(["byte", "bit", "number", "cut", "drop", "insert", "repeat"]))
    value = draw(st.integers(0, 255))
    number, width = draw(st.sampled_from(_NUMBERS)), draw(st.sampled_from(["<I", ">I", "<H", ">H"]))
    length = draw(st.integers(1, 64))
    filling = draw(st.binary(min_size=1, max_size=16)) if kind == "insert" else b""

    def damage(data: bytearray) -> None:
        at = place % (len(data) or 1)
        if kind == "byte":
            data[at : at + 1] = bytes([value])
        elif kind == "bit" and data:
            data[at] ^= 1 << value % 8
        elif kind == "number":
            packed = struct.pack(width, number & (0xFFFF if width[1] == "H" else 0xFFFFFFFF))
            data[at : at + len(packed)] = packed
        elif kind == "cut":
            del data[max(1, at) :]
        elif kind == "drop":
            del data[at : at + length]
        elif kind == "insert":
            data[at:at] = filling
        elif kind == "repeat":
            data[at:at] = data[at : at + length] * (1 + value)

    return damage


def sums_mended(data: bytes) -> bytes:
    """Give the chunks of a PNG the check sums that belong to them, so that they are read."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    mended, at = bytearray(data), 8
    while at + 12 <= len(mended):
        length = int.from_bytes(mended[at : at + 4], "big")
        end = at + 8 + length
        if end + 4 > len(mended):
            break
        mended[end : end + 4] = struct.pack(">I", zlib.crc32(mended[at + 4 : end]))
        at = end + 4
    return bytes(mended)


@st.composite
def damaged(draw: st.DrawFn, files: Callable[[], dict[str, bytes]]) -> bytes:
    """A file of `files` that something has happened to, once or several times."""
    data = bytearray(files()[draw(st.sampled_from(sorted(files())))])
    for damage in draw(st.lists(damages(), min_size=1, max_size=6)):
        damage(data)
    whole = bytes(data[: 2**20])
    return sums_mended(whole) if draw(st.booleans()) else whole
