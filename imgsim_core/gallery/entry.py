"""What a gallery knows of one picture, and the conditions a search can set on it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

TURNS = 8  # ways to turn and mirror a picture, itself first
COLOURS = 64  # bins of the colour summary

MOST_NAMES = 5_000
"""Names that an entry keeps. Each new one copies those before it, so that the cost grows with
their square: 5,000 took 0.5 s of processor, 20,000 took 8.6 s (load average 17)."""

Shape = Literal["", "wide", "tall", "square"]

_NO_UNICODE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Entry:
    """One picture of a gallery: facts that fit on a card, none of its pixels.

    Parameters
    ----------
    digest : str
        SHA-256 of the file's bytes, 64 hexadecimal digits: the key.
    names : tuple of str
        Every file with these bytes as the visitor calls it, folders included, up to
        `MOST_NAMES`; the first is shown. Never used as a path.
    sources : tuple of str
        Beside each name, the address the host can read the file at; "" if only the shelf
        has it.
    bytes : int
        Length of the file.
    format : str
        As Pillow calls it: "JPEG", "PNG" and so on.
    width, height : int
        Pixels of the upright picture in full size.
    modified : float
        When the file was last changed, seconds since 1970; 0 if unknown.
    taken : str
        When the camera took it, as ISO 8601 without zone; "" if unknown.
    camera : str
        Its model name; "" if unknown.
    quality : int
        Estimated JPEG quality 1..100; 0 for other formats.
    sharpness : float
        Variance of the Laplacian of the reduced grey picture, 0 and up.
    hashes : ndarray of uint64, shape (8,)
        pHash of the picture in its eight turns and mirrors, itself first.
    colours : ndarray of float32, shape (64,)
        Share of the picture in each colour bin; sums to 1.
    length : float
        Euclidean length of its vector before that was normalised: with it the model's own
        last layer can be asked again, without the picture.
    """

    digest: str
    names: tuple[str, ...]
    sources: tuple[str, ...]
    bytes: int
    format: str
    width: int
    height: int
    modified: float = 0.0
    taken: str = ""
    camera: str = ""
    quality: int = 0
    sharpness: float = 0.0
    hashes: NDArray[np.uint64]
    colours: NDArray[np.float32]
    length: float = 1.0

    @property
    def name(self) -> str:
        """Name that is shown."""
        return self.names[0]

    @property
    def pixels(self) -> int:
        """Pixels in full size."""
        return self.width * self.height

    def also_at(self, name: str, source: str) -> Entry:
        """Return the entry knowing one more file with the same bytes; itself if it knows enough."""
        if len(self.names) >= MOST_NAMES:
            return self
        if (name, source) in zip(self.names, self.sources, strict=True):
            return self
        return replace(self, names=(*self.names, name), sources=(*self.sources, source))

    def without_addresses(self) -> Entry:
        """Return the entry as a visitor may have it: where the host reads files is not told."""
        return replace(self, sources=("",) * len(self.names))


@dataclass(frozen=True, eq=False)
class Row:
    """An entry and its vector under the gallery's model: float32, length 1, shape (d,)."""

    entry: Entry
    vector: NDArray[np.float32]


@dataclass(frozen=True)
class Found:
    """An entry and its cosine to what was asked for, -1 to 1."""

    entry: Entry
    cosine: float


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Conditions on entries, all of which must hold; each default asks for nothing.

    Parameters
    ----------
    name : str
        Part of any of its names, folders included; letters' case does not count.
    formats : tuple of str
        Any of these.
    shape : str
        "wide", "tall" or "square" (sides within 5 % of each other).
    least_pixels, most_pixels : int
        Bounds on the size, included; 0 for none.
    taken_from, taken_to : str
        ISO 8601 dates or times, included; entries without a time fail.
    camera : str
        Exactly this camera.
    """

    name: str = ""
    formats: tuple[str, ...] = ()
    shape: Shape = ""
    least_pixels: int = 0
    most_pixels: int = 0
    taken_from: str = ""
    taken_to: str = ""
    camera: str = ""

    def keeps(self, entry: Entry) -> bool:
        """Tell whether all conditions hold for an entry."""
        wanted = self.name.casefold()
        return (
            (not wanted or any(wanted in name.casefold() for name in entry.names))
            and (not self.formats or entry.format in self.formats)
            and (not self.shape or shape_of(entry.width, entry.height) == self.shape)
            and entry.pixels >= self.least_pixels
            and (not self.most_pixels or entry.pixels <= self.most_pixels)
            and (not self.taken_from or entry.taken >= self.taken_from)
            # A day includes all its times, which are longer texts that start with it.
            and (not self.taken_to or "" < entry.taken[: len(self.taken_to)] <= self.taken_to)
            and (not self.camera or entry.camera == self.camera)
        )


ANYTHING = Filter()


def shape_of(width: int, height: int) -> Shape:
    """Tell whether a picture is wide, tall or (within 5 %) square."""
    if 20 * abs(width - height) <= max(width, height):
        return "square"
    return "wide" if width > height else "tall"


def in_unicode(text: str) -> str:
    """Put a mark for the bytes of a file's name that are no UTF-8, which Python keeps apart."""
    return _NO_UNICODE.sub("\N{REPLACEMENT CHARACTER}", text)
