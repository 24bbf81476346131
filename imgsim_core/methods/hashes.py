"""Fingerprints: a few bits that a copy keeps, and the two exact levels, file and pixels.

The perceptual hashes are those of ImageHash 4.3.2, bit for bit. Other libraries give
other bits under the same names: imagededup's pHash, for one, leaves the mean out of its
median. A Hamming distance is a whole number of bits and never a percentage.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from imgsim_core.method import (
    BitGrids,
    Described,
    Evidence,
    Facts,
    Family,
    Heatmap,
    Images,
    Method,
    NoOptions,
    Scale,
    Swatches,
    choice,
    switch,
)
from imgsim_core.picture import Picture
from imgsim_core.text import Text

Grey = NDArray[np.uint8]
Bits = NDArray[np.bool_]

# ── Reading a picture as Pillow does ───────────────────────────────────────────────

# Pillow's own weights in 1/65536. Every product and sum of them with 8-bit levels stays
# under 2**24, so float32 holds each exactly and only the last step drops a fraction.
_GREY_WEIGHTS = np.array([[19595, 38470, 7471, 32768]], dtype=np.float32) / 65536
_STRIP = 32  # rows at a time: stays in the processor's cache


def grey_levels(rgb: NDArray[np.uint8]) -> Grey:
    """Grey levels of a picture, exactly those of Pillow's ``convert("L")``.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    ndarray of uint8, shape (height, width)
    """
    grey = np.empty(rgb.shape[:2], dtype=np.uint8)
    for top in range(0, len(rgb), _STRIP):
        strip = rgb[top : top + _STRIP].astype(np.float32)
        grey[top : top + _STRIP] = cv2.transform(strip, _GREY_WEIGHTS).reshape(strip.shape[:2])
    return grey


def _reduced(grey: Grey, width: int, height: int) -> Grey:
    small = Image.fromarray(grey).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(small)


# ── The four hashes of a grey picture ──────────────────────────────────────────────
# Each has two steps: what it reads the picture down to, and the bits of that. A reading
# can be turned as a picture can; `tall` asks for one that fits after a quarter turn, which
# matters to the difference hash alone: all other readings are square.


@dataclass(frozen=True)
class _Kind:
    read: Callable[[Grey, int, bool], NDArray[Any]]
    bits: Callable[[NDArray[Any], int], Bits]


def _read_for_frequencies(grey: Grey, side: int, tall: bool) -> Grey:
    return _reduced(grey, 4 * side, 4 * side)


def _bits_of_frequencies(square: NDArray[Any], side: int) -> Bits:
    from scipy.fft import dct  # 0.2 s to import: not before somebody asks

    waves = dct(dct(square.astype(np.float64), axis=0), axis=1)[:side, :side]
    return _above_median(waves)


def _read_for_differences(grey: Grey, side: int, tall: bool) -> Grey:
    return _reduced(grey, side, side + 1) if tall else _reduced(grey, side + 1, side)


def _bits_of_differences(wide: NDArray[Any], side: int) -> Bits:
    return np.asarray(wide[:, 1:] > wide[:, :-1])


def _read_for_average(grey: Grey, side: int, tall: bool) -> Grey:
    return _reduced(grey, side, side)


def _bits_of_average(square: NDArray[Any], side: int) -> Bits:
    return np.asarray(square > square.mean())


def _read_for_wavelets(grey: Grey, side: int, tall: bool) -> NDArray[np.float64]:
    """Read a picture down to the wavelets' lowest band, `side` × `side`."""
    natural = 2 ** (min(grey.shape).bit_length() - 1)
    scale = max(natural, side)
    square = _reduced(grey, scale, scale)
    block = scale // side
    sums = square.reshape(side, block, side, block).sum(axis=(1, 3), dtype=np.int64)
    below, above = np.sort(sums, axis=None)[side * side // 2 - 1 :][:2]
    if below < above:
        # The lowest band is the blocks' means, to a factor: whole sums say which lie above
        # the median, without a wavelet of the full picture.
        return np.asarray(sums, dtype=np.float64)
    # Blocks tie at the median (a white background): the reference's own rounding errors
    # decide there, so repeat its arithmetic step by step.
    return _lowest_band(square / 255.0, side)


def _above_median(values: NDArray[Any], side: int = 0) -> Bits:
    # Their number is even. The same arithmetic as numpy's median, without its many questions
    middle = np.sort(values, axis=None)[values.size // 2 - 1 : values.size // 2 + 1]
    return np.asarray(values > (middle[0] + middle[1]) / 2)


_HALF = 0.7071067811865476  # the Haar filter's one coefficient, as PyWavelets has it


def _lowest_band(pixels: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Lowest Haar band of a square picture, its mean taken out by a wavelet round trip.

    Parameters
    ----------
    pixels : ndarray of float64, shape (2**k, 2**k)
    side : int
        Power of two, at most 2**k.

    Returns
    -------
    ndarray of float64, shape (side, side)
    """
    details = []
    band = pixels
    while len(band) > 1:
        band, *detail = _haar(band)
        details.append(detail)
    band = np.zeros_like(band)
    for detail in reversed(details):
        band = _inverse_haar(band, *detail)
    while len(band) > side:
        band = _haar(band)[0]
    return band


def _haar(band: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    upper, lower = _HALF * band[::2], _HALF * band[1::2]
    parts = []
    for half in (upper + lower, upper - lower):
        left, right = _HALF * half[:, ::2], _HALF * half[:, 1::2]
        parts += [left + right, left - right]
    return tuple(parts)


def _inverse_haar(*parts: NDArray[np.float64]) -> NDArray[np.float64]:
    side = len(parts[0])
    halves = []
    for low, high in (parts[:2], parts[2:]):
        half = np.empty((side, 2 * side))
        low, high = _HALF * low, _HALF * high
        half[:, ::2], half[:, 1::2] = low + high, low - high
        halves.append(_HALF * half)
    band = np.empty((2 * side, 2 * side))
    band[::2], band[1::2] = halves[0] + halves[1], halves[0] - halves[1]
    return band


_KINDS = {
    "phash": _Kind(_read_for_frequencies, _bits_of_frequencies),
    "dhash": _Kind(_read_for_differences, _bits_of_differences),
    "ahash": _Kind(_read_for_average, _bits_of_average),
    "whash": _Kind(_read_for_wavelets, _above_median),
}


def fingerprint_bits(rgb: NDArray[np.uint8], kind: str, side: int = 8) -> Bits:
    """Perceptual hash of a picture, bit for bit that of ImageHash 4.3.2.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
    kind : {"phash", "dhash", "ahash", "whash"}
    side : int
        Bits on a side; a power of two.

    Returns
    -------
    ndarray of bool, shape (side, side)

    Notes
    -----
    Definitions: hackerfactor.com/blog, "Looks Like It" (2011) for ahash and phash, "Kind
    of Like That" (2013) for dhash; ImageHash 4.3.2 for whash.
    """
    chosen = _KINDS[kind]
    return chosen.bits(chosen.read(grey_levels(rgb), side, False), side)


def turned_fingerprints(rgb: NDArray[np.uint8], side: int = 8) -> Bits:
    """Perceptual hashes (phash) of a picture in its eight turns and mirrors.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
    side : int
        Bits on a side.

    Returns
    -------
    ndarray of bool, shape (8, side, side)
        As it is, then turned by one, two and three quarters to the left, then the same of
        its mirror image. Each equals `fingerprint_bits` of the picture so turned.
    """
    from scipy.fft import dct

    grey = grey_levels(rgb)
    # Reducing rounds between its two passes, across and down. A quarter turn swaps these, so
    # what it would read is read from the picture with rows and columns swapped.
    upright = _read_for_frequencies(grey, side, False)
    swapped = _read_for_frequencies(np.ascontiguousarray(grey.T), side, False).T
    turned = [_turned(swapped if number % 2 else upright, number) for number in range(8)]
    waves = dct(dct(np.stack(turned).astype(np.float64), axis=1), axis=2)[:, :side, :side]
    return np.asarray(waves > np.median(waves, axis=(1, 2), keepdims=True))


def hexadecimal(bits: Bits) -> str:
    """Bits as hexadecimal digits, row by row, as ImageHash writes them."""
    digits = "".join("1" if bit else "0" for bit in bits.flat)
    return f"{int(digits, 2):0{-(-len(digits) // 4)}x}"


def hamming_distance(a: Bits, b: Bits) -> int:
    """Number of places where two bit arrays of one shape differ."""
    return int(np.count_nonzero(a != b))


# ── Options, scales, and what unrelated photographs score ──────────────────────────


@dataclass(frozen=True)
class HashOptions:
    """Size of the fingerprint, and whether turned and mirrored copies count."""

    side: int = choice(
        8,
        Text("Size of the fingerprint"),
        Text("More bits tell more pictures apart, but forgive a copy less."),
        {8: Text("8 × 8: 64 bits"), 16: Text("16 × 16: 256 bits")},
    )
    turned: bool = switch(
        False,
        Text("Also turned and mirrored"),
        Text("Compare with all quarter turns and mirror images too, and take the closest."),
    )


@dataclass(frozen=True)
class _Unrelated:
    """What pairs of unrelated photographs score, in bits, and where the line starts."""

    line: int
    median: int
    hundredth: int  # 1 pair in 100 scores this or less


# 8,000 random pairs (seed 0) of 300 photographs, one an ImageNet class, long side 320.
# A fingerprint asks "is one a copy?", so the lines are stricter than 1 in 100: at most 1
# unrelated pair in 1,000 passes, while JPEG 30 and 30 % more light stay under the line for
# 95 copies in 100 (phash, dhash: 2 and 8 bits of 64).
_UNRELATED = {
    (method_id, HashOptions(side=side, turned=turned)): _Unrelated(line, median, hundredth)
    for method_id, side, turned, line, median, hundredth in (
        ("phash", 8, False, 10, 32, 22),
        ("phash", 8, True, 10, 26, 18),
        ("phash", 16, False, 64, 128, 108),
        ("phash", 16, True, 64, 116, 102),
        ("dhash", 8, False, 10, 32, 21),
        ("dhash", 8, True, 10, 25, 17),
        ("dhash", 16, False, 64, 128, 103),
        ("dhash", 16, True, 56, 113, 93),
        ("ahash", 8, False, 8, 32, 15),
        ("ahash", 8, True, 6, 24, 12),
        ("ahash", 16, False, 40, 128, 70),
        ("ahash", 16, True, 32, 104, 56),
        ("whash", 8, False, 8, 32, 16),
        ("whash", 8, True, 6, 24, 12),
        ("whash", 16, False, 40, 128, 72),
        ("whash", 16, True, 32, 104, 58),
    )
}
_COLOUR_UNRELATED = _Unrelated(1, 7, 1)  # too few bits for a stricter line
_SEGMENTS_UNRELATED = _Unrelated(10, 23, 14)  # 1 pair in 400 passes: the closest of many regions


def _bit_scale(bits: int, unrelated: _Unrelated, shown: tuple[float, float] | None = None) -> Scale:
    return Scale(
        identical=0, opposite=bits, line=unrelated.line, unit=Text("bits"), decimals=0, shown=shown
    )


def _differing(a: Bits, b: Bits) -> tuple[Text, Text | str]:
    counted = Text("{count} of {bits}", count=hamming_distance(a, b), bits=a.size)
    return Text("Bits that differ"), counted


def _facts(
    unrelated: _Unrelated, bits_a: Bits, bits_b: Bits, *first: tuple[Text, Text | str]
) -> Facts:
    """Figures of a pair of fingerprints, and what they would be by chance."""
    chance = Text(
        "usually about {median} bits; 1 pair in 100 stays at {hundredth} or below",
        median=unrelated.median,
        hundredth=unrelated.hundredth,
    )
    return Facts(
        title=Text("In figures"),
        rows=(
            *first,
            (Text("Between unrelated photographs"), chance),
            (Text("Fingerprint of A"), hexadecimal(bits_a)),
            (Text("Fingerprint of B"), hexadecimal(bits_b)),
        ),
    )


# ── Fingerprints as methods ────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """Bits of one picture.

    bits : ndarray of bool, shape (orientations, side, side), upright first; one
    orientation, or all eight. reduced : ndarray of uint8, the grey picture they were
    read from.
    """

    bits: Bits
    reduced: Grey


_ORIENTATIONS = (
    Text("as it is"),
    Text("turned a quarter to the left"),
    Text("turned upside down"),
    Text("turned a quarter to the right"),
    Text("mirrored"),
    Text("mirrored and turned a quarter to the left"),
    Text("flipped top to bottom"),
    Text("mirrored and turned a quarter to the right"),
)


def _turned(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    mirrored = orientation >= 4
    return np.rot90(array[:, ::-1] if mirrored else array, orientation % 4)


def _fingerprint(kind: _Kind, picture: Picture, options: HashOptions) -> Fingerprint:
    grey = grey_levels(picture.rgb)
    tall_or_not = (False, True) if options.turned else (False,)
    readings = [kind.read(grey, options.side, tall) for tall in tall_or_not]
    bits = [
        kind.bits(_turned(readings[orientation % 2], orientation), options.side)
        for orientation in range(8 if options.turned else 1)
    ]
    return Fingerprint(np.stack(bits), _as_grey(readings[0]))


def _as_grey(reading: NDArray[Any]) -> Grey:
    if reading.dtype == np.uint8:
        return reading
    low, high = float(reading.min()), float(reading.max())
    return np.asarray((reading - low) * (255 / max(high - low, 1e-9)), dtype=np.uint8)


def _distances(a: Fingerprint, b: Fingerprint) -> NDArray[np.int64]:
    """Bits that differ, shape (2, orientations): with A turned, then with B turned.

    Both, since bits at the edge of a decision may fall otherwise in the turned picture,
    and swapping the pictures must not change the answer.
    """
    return np.stack(
        [
            np.count_nonzero(a.bits != b.bits[0], axis=(1, 2)),
            np.count_nonzero(b.bits != a.bits[0], axis=(1, 2)),
        ]
    )


def _fewest_bits(a: Fingerprint, b: Fingerprint, options: HashOptions) -> float:
    return float(_distances(a, b).min())


def _fingerprint_evidence(
    method_id: str, a: Described, b: Described, options: HashOptions
) -> tuple[Evidence, ...]:
    one: Fingerprint = a.description
    other: Fingerprint = b.description
    distances = _distances(one, other)
    turned_side, orientation = divmod(int(distances.argmin()), distances.shape[1])
    turned_a, turned_b = (orientation, 0) if turned_side == 0 else (0, orientation)
    grids = BitGrids(
        title=Text("The two fingerprints, bit by bit"),
        bits_a=one.bits[turned_a],
        bits_b=other.bits[turned_b],
        reduced_a=_turned(one.reduced, turned_a),
        reduced_b=_turned(other.reduced, turned_b),
    )
    first = [_differing(grids.bits_a, grids.bits_b)]
    if options.turned:
        which = (
            Text("Closest with picture A") if turned_side == 0 else Text("Closest with picture B")
        )
        first.append((which, _ORIENTATIONS[orientation]))
    facts = _facts(_UNRELATED[method_id, options], one.bits[0], other.bits[0], *first)
    return grids, facts


def _hash_method(
    id: str, label: Text, about: Text, formula: str, source: str, headline: bool = False
) -> Method:
    kind = _KINDS[id]

    def scale(options: HashOptions) -> Scale:
        return _bit_scale(options.side**2, _UNRELATED[id, options])

    return Method(
        id=id,
        label=label,
        family=Family.HASHES,
        scale=scale(HashOptions()),
        about=about,
        formula=formula,
        source=source,
        describe=lambda picture, options: _fingerprint(kind, picture, options),
        compare=_fewest_bits,
        explain=lambda a, b, options: _fingerprint_evidence(id, a, b, options),
        options=HashOptions,
        headline=headline,
        scale_by_options=scale,
    )


# ── Colour ─────────────────────────────────────────────────────────────────────────

_HUES = 6
_GREY, _FAINT, _BETWEEN, _BRIGHT = (_HUES * row for row in range(1, 5))  # black comes first
_ROW_OF_SATURATION = np.full(256, _BRIGHT, dtype=np.uint8)
_ROW_OF_SATURATION[:85] = _GREY
_ROW_OF_SATURATION[85:170] = _FAINT
_ROW_OF_SATURATION[170] = _BETWEEN  # the reference counts it as coloured, but in no bin
_BIN_OF_HUE = np.minimum(np.arange(256) // 42.5, _HUES - 1).astype(np.uint8)


def colour_levels(rgb: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Shares of black, grey, six faint and six bright hues, in eighths.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    ndarray of int64, shape (14,), 0 to 7
        Black and grey as shares of the picture, hues as shares of its coloured part:
        the levels behind ``colorhash`` of ImageHash 4.3.2.
    """
    counts = np.zeros(5 * _HUES, dtype=np.int64)
    for top in range(0, len(rgb), _STRIP):
        strip = rgb[top : top + _STRIP]
        hue, saturation, _ = cv2.split(np.asarray(Image.fromarray(strip).convert("HSV")))
        bins = cv2.LUT(saturation, _ROW_OF_SATURATION) + cv2.LUT(hue, _BIN_OF_HUE)
        bins[grey_levels(strip) < 32] = 0
        found = cv2.calcHist([bins], [0], None, [len(counts)], [0, len(counts)])
        counts += found.ravel().astype(np.int64)
    black, grey = counts[0], counts[_GREY:_FAINT].sum()
    coloured = max(1, int(counts[_FAINT:].sum()))
    shares = np.concatenate(
        [
            np.array([black, grey]) / counts.sum(),
            counts[_FAINT:_BETWEEN] / coloured,
            counts[_BRIGHT:] / coloured,
        ]
    )
    return np.minimum(7, (shares * 8).astype(np.int64))


def colour_bits(levels: NDArray[np.int64]) -> Bits:
    """Write levels of 0 to 7 as three bits each, as ImageHash 4.3.2 does.

    Parameters
    ----------
    levels : ndarray of int64, shape (n,)

    Returns
    -------
    ndarray of bool, shape (n, 3)
        At least 4; at least 2; odd. (Not quite binary: kept for the reference's sake.)
    """
    return np.stack([levels >= 4, levels >= 2, levels % 2 == 1], axis=1)


# ── Segments, for crops ────────────────────────────────────────────────────────────

_FIELD = 300  # pixels on a side of the square in which segments are sought
_SMALLEST_SEGMENT = 500  # pixels of that square: a segment has more
_THRESHOLD = 128


@dataclass(frozen=True, eq=False)
class Segments:
    """Bright and dark regions of a picture, each with its own difference hash.

    boxes : ndarray of int64, shape (n, 4): left, top, right, bottom in pixels of the
    picture; bits : ndarray of bool, shape (n, 8, 8).
    """

    boxes: NDArray[np.int64]
    bits: Bits


def crop_resistant_hash(rgb: NDArray[np.uint8]) -> Segments:
    """Hash each bright and dark region apart, as ImageHash 4.3.2's ``crop_resistant_hash``.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    Segments
        At least one; in the reference's order.

    Notes
    -----
    Steinebach, Liu and Yannikos, doi:10.1109/ARES.2014.85.
    """
    grey = grey_levels(rgb)
    height, width = grey.shape
    scale = np.array([width, height, width, height]) / _FIELD
    boxes = []
    for box in _regions(grey):
        left, top, right, bottom = (round(edge) for edge in (box * scale).tolist())
        # In a picture smaller than the field a region may round to nothing
        left, top = min(left, width - 1), min(top, height - 1)
        boxes.append((left, top, max(right, left + 1), max(bottom, top + 1)))
    bits = [
        _bits_of_differences(
            _read_for_differences(
                np.ascontiguousarray(grey[top:bottom, left:right]), 8, tall=False
            ),
            8,
        )
        for left, top, right, bottom in boxes
    ]
    return Segments(np.array(boxes, dtype=np.int64), np.stack(bits))


def _regions(grey: Grey) -> NDArray[np.int64]:
    """Boxes of the bright, then the dark regions: shape (n, 4), ends exclusive."""
    field = Image.fromarray(grey).resize((_FIELD, _FIELD), Image.Resampling.LANCZOS)
    smooth = np.asarray(field.filter(ImageFilter.GaussianBlur()).filter(ImageFilter.MedianFilter()))
    bright = _connected(smooth > _THRESHOLD)
    dark = _connected(smooth <= _THRESHOLD)
    # The reference ends its search for dark regions when the pixels it has seen, its rim
    # of 4 x 300 around the field among them, are as many as the field has: so the last
    # dark regions may be left out. Regions of one pixel it never counts as seen.
    areas = dark[:, 4]
    seen_before = 4 * _FIELD + bright[bright[:, 4] > 1, 4].sum() + np.cumsum(areas * (areas > 1))
    dark = dark[seen_before - areas * (areas > 1) < _FIELD**2]
    regions = np.concatenate([bright, dark])
    large = regions[regions[:, 4] > _SMALLEST_SEGMENT, :4]
    return large if len(large) else np.array([[0, 0, _FIELD, _FIELD]])


def _connected(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Connected regions by their first pixel: left, top, right, bottom, area."""
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=4
    )
    found, first = np.unique(labels, return_index=True)
    order = [label for label in found[np.argsort(first)] if label != 0]
    left, top, width, height, area = statistics[order].astype(np.int64).T
    return np.stack([left, top, left + width, top + height, area], axis=1)


# ── Colour and segments as methods ─────────────────────────────────────────────────


def _colours_of(picture: Picture, options: NoOptions) -> NDArray[np.int64]:
    return colour_levels(picture.rgb)


def _colour_distance(a: NDArray[np.int64], b: NDArray[np.int64], options: NoOptions) -> float:
    return float(hamming_distance(colour_bits(a), colour_bits(b)))


def _colour_evidence(a: Described, b: Described, options: NoOptions) -> tuple[Evidence, ...]:
    colours_a, shares_a = _swatches(a.description)
    colours_b, shares_b = _swatches(b.description)
    bits_a, bits_b = colour_bits(a.description), colour_bits(b.description)
    swatches = Swatches(
        title=Text("Colours the fingerprint remembers, their shares in eighths"),
        colours_a=colours_a,
        shares_a=shares_a,
        colours_b=colours_b,
        shares_b=shares_b,
    )
    return swatches, _facts(_COLOUR_UNRELATED, bits_a, bits_b, _differing(bits_a, bits_b))


def _swatches(levels: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    hues = np.arange(_HUES) * 30 + 15  # in OpenCV's half degrees: middles of the six bins
    faint, bright = (
        np.stack([hues, np.full(_HUES, saturation), np.full(_HUES, 220)], axis=1)
        for saturation in (125, 220)
    )
    hsv = np.concatenate([[[0, 0, 0], [0, 0, 150]], faint, bright]).astype(np.uint8)
    colours = cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0]
    shares = levels / 8
    shares[2:] *= max(0.0, 1 - shares[0] - shares[1])  # from the coloured part to the whole
    kept = shares > 0
    return colours[kept], shares[kept]


def _segments_of(picture: Picture, options: NoOptions) -> Segments:
    return crop_resistant_hash(picture.rgb)


def _segment_distances(a: Segments, b: Segments) -> NDArray[np.int64]:
    return np.asarray((a.bits[:, None] != b.bits[None]).sum(axis=(2, 3)))


def _closest_segments(a: Segments, b: Segments, options: NoOptions) -> float:
    return float(_segment_distances(a, b).min())


def _segment_evidence(a: Described, b: Described, options: NoOptions) -> tuple[Evidence, ...]:
    one: Segments = a.description
    other: Segments = b.description
    distances = _segment_distances(one, other)
    best_a, best_b = divmod(int(distances.argmin()), distances.shape[1])
    bits_a, bits_b = one.bits[best_a], other.bits[best_b]
    images = Images(
        title=Text("Regions that were hashed; the closest two are green"),
        images=(
            (Text("Picture A"), _boxes_drawn(a.picture.rgb, one.boxes, best_a)),
            (Text("Picture B"), _boxes_drawn(b.picture.rgb, other.boxes, best_b)),
        ),
    )
    grids = BitGrids(
        title=Text("Fingerprints of the closest two regions"),
        bits_a=bits_a,
        bits_b=bits_b,
        reduced_a=_region_reduced(a.picture.rgb, one.boxes[best_a]),
        reduced_b=_region_reduced(b.picture.rgb, other.boxes[best_b]),
    )
    facts = _facts(_SEGMENTS_UNRELATED, bits_a, bits_b, _differing(bits_a, bits_b))
    return images, grids, facts


def _boxes_drawn(rgb: NDArray[np.uint8], boxes: NDArray[np.int64], best: int) -> NDArray[np.uint8]:
    scale = min(1.0, 600 / max(rgb.shape[:2]))
    size = [max(1, round(side * scale)) for side in rgb.shape[1::-1]]
    drawn = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    others = [box for index, box in enumerate(boxes) if index != best]
    for box, colour in [*((box, (150, 150, 150)) for box in others), (boxes[best], (30, 170, 70))]:
        left, top, right, bottom = (round(edge * scale) for edge in box.tolist())
        cv2.rectangle(drawn, (left, top), (right - 1, bottom - 1), colour, 3)
    return np.asarray(drawn, dtype=np.uint8)


def _region_reduced(rgb: NDArray[np.uint8], box: NDArray[np.int64]) -> Grey:
    left, top, right, bottom = box.tolist()
    return _reduced(grey_levels(rgb[top:bottom, left:right]), 9, 8)


# ── The two exact levels ───────────────────────────────────────────────────────────


def pixel_digest(rgb: NDArray[np.uint8]) -> str:
    """SHA-256 of a picture's shape and pixels.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    str
        64 hexadecimal digits, of "height,width;" in ASCII and the pixels row by row.
    """
    height, width, _ = rgb.shape
    digest = hashlib.sha256(f"{height},{width};".encode("ascii"))
    digest.update(np.ascontiguousarray(rgb).data)
    return digest.hexdigest()


def _digest_of_file(picture: Picture, options: NoOptions) -> str:
    return picture.digest


def _digest_of_pixels(picture: Picture, options: NoOptions) -> str:
    return pixel_digest(picture.rgb)


def _same(a: str, b: str, options: NoOptions) -> float:
    return float(a == b)


def _digest_facts(a: Described, b: Described) -> Facts:
    verdict = (
        Text("the same in every bit")
        if a.description == b.description
        else Text("different in at least one bit")
    )
    return Facts(
        title=Text("In figures"),
        rows=(
            (Text("The two are"), verdict),
            (Text("SHA-256 of A"), a.description),
            (Text("SHA-256 of B"), b.description),
        ),
    )


def _file_evidence(a: Described, b: Described, options: NoOptions) -> tuple[Evidence, ...]:
    return (_digest_facts(a, b),)


def _pixel_evidence(a: Described, b: Described, options: NoOptions) -> tuple[Evidence, ...]:
    facts = _digest_facts(a, b)
    if a.picture.rgb.shape != b.picture.rgb.shape:
        sizes = Text(
            "{width_a} × {height_a} and {width_b} × {height_b} pixels",
            width_a=a.picture.width,
            height_a=a.picture.height,
            width_b=b.picture.width,
            height_b=b.picture.height,
        )
        return (Facts(title=facts.title, rows=((Text("Sizes"), sizes), *facts.rows)),)
    largest = cv2.absdiff(a.picture.rgb, b.picture.rgb).max(axis=2)
    changed = largest > 0
    rows: tuple[tuple[Text, Text | str], ...] = (
        (
            Text("Pixels that differ"),
            Text("{count} of {pixels}", count=f"{changed.sum():,}", pixels=f"{changed.size:,}"),
        ),
        (
            Text("Largest difference in a channel"),
            Text("{levels} of 255 levels", levels=int(largest.max())),
        ),
    )
    return _changed_map(changed), Facts(title=facts.title, rows=rows + facts.rows)


def _changed_map(changed: NDArray[np.bool_]) -> Heatmap:
    height, width = changed.shape
    scale = min(1.0, 400 / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    shares = cv2.resize(changed.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return Heatmap(
        title=Text("Where pixels differ"),
        values=np.clip(shares, 0, 1),
        low=0.0,
        high=1.0,
        low_label=Text("all pixels the same"),
        high_label=Text("all pixels differ"),
    )


# ── The methods ────────────────────────────────────────────────────────────────────

_EXACT = Scale(identical=1.0, opposite=0.0, line=1.0, decimals=0)
_IMAGEHASH = "https://github.com/JohannesBuchner/imagehash"

METHODS = (
    _hash_method(
        id="phash",
        label=Text("Frequency fingerprint (pHash)"),
        about=Text(
            "Compares the broad light and dark waves of a tiny grey copy. Forgives "
            "recompression, resizing and changes of light; blind to colour, and lost when a "
            "picture is cropped, turned or mirrored."
        ),
        formula=(
            r"d = \sum_i [a_i \ne b_i], \quad a_i = [C_i > \operatorname{median}(C)], \quad "
            r"C = \mathrm{DCT}(A_{32 \times 32})_{8 \times 8}"
        ),
        source="https://www.hackerfactor.com/blog/index.php?/archives/432-Looks-Like-It.html",
        headline=True,
    ),
    _hash_method(
        id="dhash",
        label=Text("Gradient fingerprint (dHash)"),
        about=Text(
            "Notes for each spot of a tiny grey copy whether it gets brighter to the right. "
            "Fast and strict; blind to colour, and lost when a picture is cropped, turned or "
            "mirrored."
        ),
        formula=r"d = \sum_{y,x} [a_{yx} \ne b_{yx}], \quad a_{yx} = [A_{y,x+1} > A_{y,x}]",
        source="https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html",
    ),
    _hash_method(
        id="ahash",
        label=Text("Brightness fingerprint (aHash)"),
        about=Text(
            "Notes for each spot of a tiny grey copy whether it is brighter than the average. "
            "The simplest fingerprint: pictures on a white background often look the same to it."
        ),
        formula=r"d = \sum_i [a_i \ne b_i], \quad a_i = [A_i > \bar{A}]",
        source="https://www.hackerfactor.com/blog/index.php?/archives/432-Looks-Like-It.html",
    ),
    _hash_method(
        id="whash",
        label=Text("Wavelet fingerprint (wHash)"),
        about=Text(
            "Notes for each region, found by wavelets, whether it is brighter than the middle "
            "one. Close to the brightness fingerprint, steadier under small changes of light."
        ),
        formula=(
            r"d = \sum_i [a_i \ne b_i], \quad a_i = [L_i > \operatorname{median}(L)], \quad "
            r"L = \text{lowest Haar band of } A"
        ),
        source=_IMAGEHASH,
    ),
    Method(
        id="colorhash",
        label=Text("Colour fingerprint (colorhash)"),
        family=Family.HASHES,
        scale=_bit_scale(3 * (2 + 2 * _HUES), _COLOUR_UNRELATED, shown=(21, 0)),
        about=Text(
            "Remembers how much is black, grey, and of six hues, faint and bright. Forgives "
            "cropping, turning and mirroring; blind to where anything is, so many unrelated "
            "pictures come close."
        ),
        formula=r"d = \sum_i [a_i \ne b_i], \quad a = \text{shares of 14 colours in eighths}",
        source=_IMAGEHASH,
        describe=_colours_of,
        compare=_colour_distance,
        explain=_colour_evidence,
    ),
    Method(
        id="crop-resistant",
        label=Text("Fingerprints of regions"),
        family=Family.HASHES,
        scale=_bit_scale(64, _SEGMENTS_UNRELATED),
        about=Text(
            "Takes a gradient fingerprint of each bright and dark region, and compares the "
            "closest two. Finds a crop if a region survived it whole; plain regions without "
            "detail may agree by chance."
        ),
        formula=r"d = \min_{s \in A,\, t \in B} \sum_i [s_i \ne t_i]",
        source="https://doi.org/10.1109/ARES.2014.85",
        describe=_segments_of,
        compare=_closest_segments,
        explain=_segment_evidence,
    ),
    Method(
        id="pixel-digest",
        label=Text("Same pixels"),
        family=Family.HASHES,
        scale=_EXACT,
        about=Text(
            "Tells whether both pictures have the same size and exactly the same pixels, "
            "whatever kind of file they came in. One changed pixel makes them different."
        ),
        formula=r"[\mathrm{SHA256}(\text{pixels of } A) = \mathrm{SHA256}(\text{pixels of } B)]",
        source="https://doi.org/10.6028/NIST.FIPS.180-4",
        describe=_digest_of_pixels,
        compare=_same,
        explain=_pixel_evidence,
    ),
    Method(
        id="file-digest",
        label=Text("Same file"),
        family=Family.HASHES,
        scale=_EXACT,
        about=Text(
            "Tells whether both files are the same in every byte. The same picture saved "
            "anew, or with another date inside, is another file."
        ),
        formula=r"[\mathrm{SHA256}(\text{file } A) = \mathrm{SHA256}(\text{file } B)]",
        source="https://doi.org/10.6028/NIST.FIPS.180-4",
        describe=_digest_of_file,
        compare=_same,
        explain=_file_evidence,
    ),
)
