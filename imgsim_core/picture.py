"""Picture, and the one gate through which image bytes enter: `open_picture`.

From here on every picture is the same kind of thing: upright, sRGB, 8-bit RGB. What was
done to make it so is told in its notes; what cannot be made so is refused in a sentence.
"""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pillow_heif
from numpy.typing import NDArray

# Imported for their effect: with every allowed plug-in loaded here, Pillow never loads
# plug-ins later, which two threads must not do at once.
from PIL import (  # noqa: F401
    AvifImagePlugin,
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    IcoImagePlugin,
    Image,
    ImageCms,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    QoiImagePlugin,
    TgaImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from imgsim_core.errors import EmptyFile, NotAPicture, PictureDamaged, PictureTooLarge
from imgsim_core.text import Text, UserText

MAX_MEGAPIXELS = 50
MAX_MEGABYTES = 30
MAX_SIDE = 65_535
# Decoders written in Python need about a microsecond a pixel; OpenJPEG needs half of that,
# and 18 bytes a pixel. All stay under 10 seconds and 1 GB so.
MAX_MEGAPIXELS_IN_PYTHON = 4
MAX_MEGAPIXELS_JPEG2000 = 25

# The content decides which of these it is, never the name. What draws (SVG, PDF, EPS) or
# unpacks (ICNS) is left out on purpose. TGA has no signature, so it is asked last.
FORMATS = (
    "JPEG",
    "PNG",
    "WEBP",
    "GIF",
    "HEIF",
    "AVIF",
    "TIFF",
    "BMP",
    "DIB",
    "JPEG2000",
    "PPM",
    "QOI",
    "ICO",
    "TGA",
)

# Once for the process, since neither can be set for one call without hurting other threads.
# Pillow raises above twice its limit: this holds inside tiles, frames and icons as well.
Image.MAX_IMAGE_PIXELS = MAX_MEGAPIXELS * 1_000_000 // 2
# Oddities of a file's metadata, and sizes above half our limit: nothing a visitor can use.
warnings.filterwarnings("ignore", category=Warning, module="PIL")
pillow_heif.register_heif_opener()

# What the decoders raise on damaged files, and nothing is known to bound it better: Pillow
# parses with struct, int() and indexing, and asserts; zlib and libheif bring their own.
# Only foreign code runs under this net, never ours.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
)


_TILE_WIDTH, _TILE_LENGTH = 322, 323
# Pillow joins the EXIF segments of a JPEG one by one, which takes minutes for a million of
# them; a camera writes one, and one for each picture behind the first.
_EXIF, _MOST_EXIF = b"Exif\0\0", 256


@dataclass(frozen=True, eq=False)
class Picture:
    """One opened image, the same for every method.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
        Upright, sRGB, alpha laid on white; read-only.
    digest : str
        SHA-256 of the file's bytes, 64 hexadecimal digits.
    name : str
        The visitor's file name: shown, never used as a path.
    notes : tuple of Text
        What was done to open it, for the visitor to read.
    mask : ndarray of bool, shape (height, width), or None
        True where the picture was not fully transparent; None if it had no alpha.
    """

    rgb: NDArray[np.uint8]
    digest: str
    name: str
    notes: tuple[Text, ...] = ()
    mask: NDArray[np.bool_] | None = None

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return int(self.rgb.shape[0])


@dataclass(frozen=True, kw_only=True)
class Head:
    """What a file says of itself beside its pixels.

    Parameters
    ----------
    format : str
        As Pillow calls it; a camera's MPO is a JPEG here.
    width, height : int
        Pixels in full size, upright.
    taken : str
        EXIF time of the photograph as it stands there, at best "2024:05:31 18:02:11".
    camera : str
        EXIF name of the camera's model as it stands there.
    tables : tuple of tuple of int
        A JPEG's quantisation tables, 64 steps each, row by row; none for other formats.
    """

    format: str
    width: int
    height: int
    taken: str = ""
    camera: str = ""
    tables: tuple[tuple[int, ...], ...] = ()


def open_picture(data: bytes, name: str) -> Picture:
    """Open image bytes: the only way in for pictures.

    Parameters
    ----------
    data : bytes
        A whole file. Its content decides the format, not its name.
    name : str
        The visitor's file name, for sentences.

    Returns
    -------
    Picture

    Raises
    ------
    EmptyFile
        If there are no bytes.
    NotAPicture
        If no decoder knows them.
    PictureTooLarge
        Over 30 MB, 50 megapixels or 65,535 pixels on a side; known before decoding.
    PictureDamaged
        If decoding fails or the file ends too early.
    """
    return _opened(data, name, None)[0]


def open_reduced(data: bytes, name: str, long_side: int) -> Picture:
    """Open a smaller copy, quickly: for galleries and thumbnails.

    A JPEG is decoded at an eighth, a quarter or half of its size right away.

    Parameters
    ----------
    data : bytes
    name : str
    long_side : int
        Pixels that the longer side has at most; a smaller picture keeps its size.

    Returns
    -------
    Picture
        Its digest is that of the file, and so the same as that of the full picture.

    Raises
    ------
    PictureError
        As `open_picture`.
    """
    return _opened(data, name, long_side)[0]


def open_with_head(
    data: bytes, name: str, long_side: int, digest: str = ""
) -> tuple[Picture, Head]:
    """Open a smaller copy as `open_reduced` does, and tell what the file says of itself.

    Parameters
    ----------
    data : bytes
    name : str
    long_side : int
    digest : str
        SHA-256 of the data, where it is known already; "" to compute it.

    Raises
    ------
    PictureError
        As `open_picture`.
    """
    return _opened(data, name, long_side, digest)


def _opened(
    data: bytes, name: str, long_side: int | None, digest: str = ""
) -> tuple[Picture, Head]:
    _check_bytes(data, name)
    notes: list[Text] = []
    with _decoded(data, name, long_side, notes) as (image, orientation, full_size):
        head = _head(image, full_size, orientation)
        rgb, mask = _eight_bit_rgb(image, notes)
    if long_side is not None:
        rgb, mask = _reduced(rgb, mask, long_side)
    turn = _TURNS.get(orientation)
    if turn is not None:
        rgb = turn(rgb)
        mask = None if mask is None else turn(mask.view(np.uint8)).view(np.bool_)
    rgb.setflags(write=False)
    if mask is not None:
        mask.setflags(write=False)
    digest = digest or hashlib.sha256(data).hexdigest()
    return Picture(rgb, digest, name, tuple(notes), mask), head


# ── Limits ─────────────────────────────────────────────────────────────────────────


def _check_bytes(data: bytes, name: str) -> None:
    if not data:
        raise EmptyFile(Text("{name} is empty. Please choose the file again.", name=UserText(name)))
    check_length(len(data), name)


def check_length(length: int, name: str) -> None:
    """Refuse a file by its length in bytes alone, before it is read.

    Raises
    ------
    PictureTooLarge
        Over 30 MB.
    """
    if length > MAX_MEGABYTES * 1_000_000:
        raise PictureTooLarge(
            Text(
                "{name} has {megabytes} MB; at most {limit} MB can be opened. "
                "Please save it smaller, for instance as JPEG.",
                name=UserText(name),
                megabytes=round(length / 1_000_000, 1),
                limit=MAX_MEGABYTES,
            )
        )


def _too_many_pixels(name: str) -> PictureTooLarge:
    return PictureTooLarge(
        Text(
            "{name} has more than {limit} megapixels, the most that can be opened. "
            "Please make it smaller first.",
            name=UserText(name),
            limit=MAX_MEGAPIXELS,
        )
    )


def _check_size(image: ImageFile.ImageFile, name: str) -> None:
    width, height = image.size
    if max(width, height) > MAX_SIDE:
        raise PictureTooLarge(
            Text(
                "{name} is {width} × {height} pixels; a side can have at most {limit}. "
                "Please crop it or make it smaller first.",
                name=UserText(name),
                width=width,
                height=height,
                limit=MAX_SIDE,
            )
        )
    if max(width * height, _tile_pixels(image)) > MAX_MEGAPIXELS * 1_000_000:
        raise _too_many_pixels(name)
    limit = _megapixels_of_kind(image)
    if width * height > limit * 1_000_000:
        raise PictureTooLarge(
            Text(
                "{name} is a {format} file of a kind that can be opened up to {limit} megapixels "
                "only. Please save it as PNG or JPEG.",
                name=UserText(name),
                format=str(image.format),
                limit=limit,
            )
        )


def _megapixels_of_kind(image: ImageFile.ImageFile) -> int:
    if any(tile.codec_name in Image.DECODERS for tile in image.tile):
        return MAX_MEGAPIXELS_IN_PYTHON
    return MAX_MEGAPIXELS_JPEG2000 if image.format == "JPEG2000" else MAX_MEGAPIXELS


def _tile_pixels(image: ImageFile.ImageFile) -> int:
    """Pixels of a TIFF's tile: libtiff makes room for all of it, however small the picture."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return 0
    width, height = (image.tag_v2.get(tag, 0) for tag in (_TILE_WIDTH, _TILE_LENGTH))
    return width * height if isinstance(width, int) and isinstance(height, int) else 0


# ── Decoding: foreign code runs only here ──────────────────────────────────────────


@contextmanager
def _decoded(
    data: bytes, name: str, long_side: int | None, notes: list[Text]
) -> Iterator[tuple[ImageFile.ImageFile, int, tuple[int, int]]]:
    """Yield the decoded first frame, the EXIF orientation to be applied, and the full size."""
    image = _recognised(data, name)
    with image:
        _check_size(image, name)
        frames = _frames_note(image, name)
        sixteen_bits = _has_sixteen_bits(image)
        full_size = image.size
        _mend_transparent_colour(image)
        try:
            orientation = _orientation(image)
            if long_side is not None and image.format in ("JPEG", "MPO"):
                image.draft(None, _draft_size(image.size, long_side))
            image.load()
        except Image.DecompressionBombError:
            raise _too_many_pixels(name) from None
        except _DECODER_ERRORS as error:
            raise _damaged(name) from error
        if frames is not None:
            notes.append(frames)
        if orientation in _TURNS:
            notes.append(Text("Turned or mirrored as its EXIF data asks."))
        if sixteen_bits and image.mode[0] != "I":
            notes.append(Text("Scaled from 16 bits a channel to 8."))
        if long_side is not None and max(full_size) > long_side:
            notes.append(
                Text(
                    "Opened as a reduced copy of {width} × {height} pixels.",
                    width=full_size[0],
                    height=full_size[1],
                )
            )
        # Pillow turns a TIFF by itself while loading
        yield image, 1 if image.format == "TIFF" else orientation, full_size


def _recognised(data: bytes, name: str) -> ImageFile.ImageFile:
    if data.startswith(b"\xff\xd8") and data.count(_EXIF) > _MOST_EXIF:
        raise _damaged(name)
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise _too_many_pixels(name) from None
    except UnidentifiedImageError as error:
        if _has_signature(data):
            raise _damaged(name) from error
        raise NotAPicture(
            Text(
                "{name} is not a picture that can be opened here. Please bring a JPEG, PNG, WebP, "
                "GIF, TIFF, BMP, HEIC or AVIF file.",
                name=UserText(name),
            )
        ) from error
    except _DECODER_ERRORS as error:
        raise _damaged(name) from error


def _has_signature(data: bytes) -> bool:
    """Tell whether the first bytes are those of a format we know."""
    accepts = (Image.OPEN[format_name][1] for format_name in FORMATS)
    prefix = data[:16].ljust(16, b"\0")
    return any(accept is not None and accept(prefix) is True for accept in accepts)


def _damaged(name: str) -> PictureDamaged:
    return PictureDamaged(
        Text(
            "{name} is damaged or incomplete and cannot be read. Please download or save it again.",
            name=UserText(name),
        )
    )


def _frames_note(image: ImageFile.ImageFile, name: str) -> Text | None:
    # The other images of an MPO are previews or gain maps of the same photograph.
    if image.format == "MPO":
        return None
    try:
        if not getattr(image, "is_animated", False):
            return None
        # Pillow reads a whole GIF or TIFF to count its frames, so those stay uncounted.
        count = None if image.format in ("GIF", "TIFF") else int(getattr(image, "n_frames", 1))
    except _DECODER_ERRORS as error:
        raise _damaged(name) from error
    if count is None:
        return Text("It holds several pictures; only the first is used.")
    return Text("It holds {count} pictures; only the first is used.", count=count)


def _has_sixteen_bits(image: ImageFile.ImageFile) -> bool:
    """Tell whether Pillow will drop the lower half of 16-bit channels."""
    if image.format not in ("PNG", "TIFF"):
        return False
    return any(";16" in str(tile.args) for tile in image.tile)


def _mend_transparent_colour(image: ImageFile.ImageFile) -> None:
    """Bring a PNG's transparent colour from the file's depth to that of the pixels."""
    colour = image.info.get("transparency")
    stored = str(image.tile[0].args) if image.format == "PNG" and image.tile else ""
    if isinstance(colour, int) and stored in ("L;2", "L;4"):
        image.info["transparency"] = colour * {"L;2": 85, "L;4": 17}[stored]
    elif isinstance(colour, tuple) and stored == "RGB;16B":
        image.info["transparency"] = tuple(channel >> 8 for channel in colour)


def _orientation(image: ImageFile.ImageFile) -> int:
    """EXIF orientation, 1 to 8; 1 where the metadata is unreadable."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Image.DecompressionBombError:
        raise
    except _DECODER_ERRORS:
        return 1
    return value if isinstance(value, int) else 1


def _head(image: ImageFile.ImageFile, full_size: tuple[int, int], orientation: int) -> Head:
    width, height = reversed(full_size) if orientation in _QUARTER_TURNS else full_size
    taken, camera = _exif_words(image)
    return Head(
        format="JPEG" if image.format == "MPO" else str(image.format),
        width=width,
        height=height,
        taken=taken,
        camera=camera,
        tables=tuple(map(tuple, getattr(image, "quantization", {}).values())),
    )


def _exif_words(image: ImageFile.ImageFile) -> tuple[str, str]:
    """Time and camera, each "" where the metadata has none or is unreadable."""
    try:
        exif = image.getexif()
        details = exif.get_ifd(ExifTags.IFD.Exif) if exif else {}
        taken = details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
        camera = exif.get(ExifTags.Base.Model)
    except Image.DecompressionBombError:
        raise
    except _DECODER_ERRORS:
        return "", ""
    return taken if isinstance(taken, str) else "", camera if isinstance(camera, str) else ""


def _draft_size(size: tuple[int, int], long_side: int) -> tuple[int, int]:
    """Size that the decoder may not go below."""
    scale = min(1.0, long_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


# ── From any mode to 8-bit sRGB ────────────────────────────────────────────────────


def _eight_bit_rgb(
    image: Image.Image, notes: list[Text]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
    profile = image.info.get("icc_profile")
    if image.mode[0] in "IF":
        image = _scaled_to_eight_bits(image, notes)
    image, alpha = _without_alpha(image)
    if image.mode == "L":
        notes.append(Text("A grey picture, without colours."))
    image = _in_srgb(image, profile, notes)
    if alpha is None:
        return _array(image), None
    notes.append(Text("Its transparent parts are shown on white."))
    return _array(image, alpha), np.asarray(alpha) > 0


def _scaled_to_eight_bits(image: Image.Image, notes: list[Text]) -> Image.Image:
    """Bring 16-bit, 32-bit and float greys to 8 bits, as mode L or LA."""
    values = np.asarray(image)
    low, high = _value_range(values, image)
    if (low, high) == (0.0, 65535.0):
        notes.append(Text("Scaled from 16 bits a channel to 8."))
    else:
        notes.append(
            Text(
                "Its brightness values, {low} to {high}, were scaled to 0 to 255.",
                low=f"{low:g}",
                high=f"{high:g}",
            )
        )
    levels = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), _STRIP):
        rows = values[top : top + _STRIP].astype(np.float64)
        rows = np.nan_to_num(rows, copy=False, nan=low, posinf=high, neginf=low)
        levels[top : top + _STRIP] = np.clip(np.rint((rows - low) * (255 / (high - low))), 0, 255)
    grey = Image.fromarray(levels)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return grey


def _value_range(values: NDArray[Any], image: Image.Image) -> tuple[float, float]:
    """Values that stand for black and white.

    They are those of the type, if it has such; else the least and the greatest present.
    Cameras and microscopes put 12 bits into 16: those would come out all but black.
    """
    if image.format == "PPM" and image.mode == "I":
        return 0.0, 65535.0  # Pillow has read the file's own maximum
    finite = values[np.isfinite(values)] if image.mode == "F" else values
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    tops = (1.0, 255.0, 65535.0) if image.mode == "F" else (4095.0, 65535.0)
    fitting = [top for top in tops if low >= 0 and high <= top]
    if fitting:
        return 0.0, fitting[0]
    return (low, high) if high > low else (low - 1.0, low + 1.0)


def _without_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Split a picture into its colours, and its alpha unless that is all opaque.

    The colours are L, RGB, CMYK or LAB, or an RGBA whose A no longer counts.
    """
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return image.convert("L"), None
    if image.mode in ("1", "L", "La", "LA"):
        image = image.convert("LA")
        return image.getchannel("L"), _unless_opaque(image.getchannel("A"))
    if "transparency" in image.info or image.mode in ("RGBA", "RGBa", "PA"):
        if image.mode != "RGBA" or "transparency" in image.info:
            image = image.convert("RGBA")
        return image, _unless_opaque(image.getchannel("A"))
    if image.mode in ("RGB", "CMYK", "LAB"):
        return image, None
    return image.convert("RGB"), None


def _unless_opaque(alpha: Image.Image) -> Image.Image | None:
    return None if alpha.getextrema() == (255, 255) else alpha


def _in_srgb(image: Image.Image, profile: bytes | None, notes: list[Text]) -> Image.Image:
    """Convert to sRGB: RGB, or as it was where nothing is to be done."""
    if image.mode == "LAB":
        notes.append(Text("Converted from Lab colours to sRGB."))
        lab = ImageCms.createProfile("LAB")
        return _transformed(image, ImageCms.ImageCmsProfile(lab))
    if profile:
        converted = _by_profile(image, profile, notes)
        if converted is not None:
            return converted
    if image.mode == "CMYK":
        notes.append(Text("Converted from printing colours (CMYK) to sRGB."))
        return image.convert("RGB")
    return image


_COLOUR_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}


def _by_profile(image: Image.Image, profile: bytes, notes: list[Text]) -> Image.Image | None:
    """Convert by an embedded ICC profile; None if that changes nothing or cannot be done."""
    try:
        embedded = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = embedded.profile.xcolor_space.strip()
        description = embedded.profile.profile_description or "ICC"
        if image.mode == "RGBA" or (image.mode, space) == ("L", "RGB"):
            image = image.convert("RGB")
        if space != _COLOUR_SPACES[image.mode]:
            notes.append(Text("Its colour profile is for other kinds of picture: left out."))
            return None
        if _changes_nothing(embedded, image.mode):
            return None
        converted = _transformed(image, embedded)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        notes.append(Text("Its colour profile is broken and was left out."))
        return None
    notes.append(
        Text(
            "Colours converted from its profile {profile} to sRGB.",
            profile=UserText(" ".join(description.split())[:60]),
        )
    )
    return converted


def _transformed(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    srgb = ImageCms.createProfile("sRGB")
    # As fast as without the flag, and dark greys come out right
    flags = ImageCms.Flags.HIGHRESPRECALC
    return ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB", flags=flags) or image


def _changes_nothing(profile: ImageCms.ImageCmsProfile, mode: str) -> bool:
    """Tell whether a profile is sRGB, by whatever name, as most are: converting is costly.

    It is if no grey, or no colour of a 9 × 9 × 9 grid, moves by more than one level.
    """
    if mode == "CMYK":
        return False
    if mode == "L":
        colours: NDArray[np.uint8] = np.arange(256, dtype=np.uint8).reshape(16, 16)
    else:
        levels = np.linspace(0, 255, 9).astype(np.uint8)
        colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(27, 27, 3)
    image = Image.fromarray(colours)
    moved = np.asarray(_transformed(image, profile), np.int16)
    return int(np.abs(moved - np.asarray(image.convert("RGB"), np.int16)).max()) <= 1


# ── Arrays ─────────────────────────────────────────────────────────────────────────

# Pillow hands out an array by packing all of it twice; strips of this many rows halve
# the memory and take a sixth of the time.
_STRIP = 256


def _array(image: Image.Image, alpha: Image.Image | None = None) -> NDArray[np.uint8]:
    """Lay an L, RGB or RGBA image on white by `alpha`, as a new (height, width, 3) array."""
    width, height = image.size
    if height <= _STRIP and image.mode == "RGB" and alpha is None:
        return np.asarray(image)  # a thumbnail: one packing, which nobody else holds
    rgb = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _STRIP):
        box = (0, top, width, min(top + _STRIP, height))
        strip = image.crop(box)
        if alpha is not None:
            colours, strip = strip, Image.new("RGB", strip.size, "white")
            strip.paste(colours.convert("RGB"), mask=alpha.crop(box))
        elif strip.mode == "RGBA":
            strip = strip.convert("RGB")
        rows = np.asarray(strip)
        rgb[top : top + _STRIP] = rows if rows.ndim == 3 else rows[..., None]
    return rgb


def _reduced(
    rgb: NDArray[np.uint8], mask: NDArray[np.bool_] | None, long_side: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
    height, width = rgb.shape[:2]
    scale = long_side / max(height, width)
    if scale >= 1:
        return rgb, mask
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    smaller = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    if mask is None:
        return smaller, None
    # A pixel counts as seen if any part of it was
    seen = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    return smaller, seen


_QUARTER_TURNS = (5, 6, 7, 8)

_TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    2: lambda array: cv2.flip(array, 1),
    3: lambda array: cv2.rotate(array, cv2.ROTATE_180),
    4: lambda array: cv2.flip(array, 0),
    5: lambda array: cv2.transpose(array),
    6: lambda array: cv2.rotate(array, cv2.ROTATE_90_CLOCKWISE),
    7: lambda array: cv2.flip(cv2.transpose(array), -1),
    8: lambda array: cv2.rotate(array, cv2.ROTATE_90_COUNTERCLOCKWISE),
}
