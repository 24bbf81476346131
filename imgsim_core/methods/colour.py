"""Colour: how alike the mixtures of colours are, wherever in the picture they lie.

One method, ``histogram``: the joint histogram of the three channels. Up to 64 steps a
channel it is an array of all bins; with all 256 steps (16.7 million bins, as in the
article) only the bins that occur are kept, packed in pages of 4 x 4 x 4 colours, and every
measure is still that of the whole cube of bins.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgsim_core.method import (
    Bars,
    Curves,
    Described,
    Evidence,
    Facts,
    Family,
    Method,
    Scale,
    Swatches,
    choice,
)
from imgsim_core.picture import Picture
from imgsim_core.text import Text

Pixels = NDArray[np.uint8]  # shape (n, 3)

# ── Options ────────────────────────────────────────────────────────────────────────

_ALL_STEPS = 256

# The defaults were chosen on 100 photographs (long side 320 px): 1,000 random unrelated
# pairs (seed 0) against four edited copies of each (JPEG 50, half size, blur of sigma 2,
# brightness + 20). Area under the curve, and copies above the line that 1 % of the
# unrelated pairs pass, in the order of the damages above; RGB, every pixel counted:
#   correlation    8 steps 0.984 (100 100 100 31 %)   64 steps 0.970 (99 100 99 35 %)
#                256 steps 0.937 ( 21  91  87 37 %)
#   intersection   8 steps 0.995 (100 100 100 78 %)  256 steps 0.952 (12 86 78 75 %)
#   Hellinger      8 steps 0.995 (100 100 100 83 %)  256 steps 0.937 ( 8 74 61 70 %)
#   chi-square     8 steps 0.995 (100 100 100 80 %)  256 steps 0.947 ( 8 83 68 71 %)
#   earth mover's  8 steps 0.999 (100 100 100 93 %)  256 steps the same
# HSV and Lab differ little at 8 steps (earth mover's 0.999 and 0.998, Hellinger 0.996 and
# 0.995). So: the earth mover's distance, 8 steps, and RGB, which needs no conversion.


@dataclass(frozen=True)
class HistogramOptions:
    """How colours are counted and the counts compared."""

    bins: int = choice(
        8,
        Text("Steps per channel"),
        Text("Few steps forgive small changes; 256 tell every shade apart, as in the article."),
        {
            8: Text("8: forgiving"),
            16: Text("16"),
            32: Text("32"),
            64: Text("64"),
            _ALL_STEPS: Text("256: every shade by itself"),
        },
    )
    space: str = choice(
        "rgb",
        Text("Colour space"),
        Text("How a colour is split into three numbers before counting."),
        {
            "rgb": Text("Red, green, blue"),
            "hsv": Text("Hue, saturation, brightness"),
            "lab": Text("Lab: steps as the eye sees them"),
        },
    )
    background: str = choice(
        "all",
        Text("Background"),
        Text("Which pixels count. A shared white background makes unrelated objects look alike."),
        {
            "all": Text("Count every pixel"),
            "white": Text("Ignore pure white"),
            "mask": Text("Ignore transparent pixels"),
        },
    )
    measure: str = choice(
        "earth-mover",
        Text("Measure"),
        Text("How the two sets of counts become one number."),
        {
            "correlation": Text("Correlation"),
            "intersection": Text("Overlap (intersection)"),
            "hellinger": Text("Hellinger distance (Bhattacharyya)"),
            "chi-square": Text("Chi-square distance, symmetric form"),
            "earth-mover": Text("Earth mover's distance"),
        },
    )


ARTICLE = HistogramOptions(bins=_ALL_STEPS, space="rgb", background="white", measure="correlation")


# ── Colour spaces ──────────────────────────────────────────────────────────────────

_CONVERSIONS = {"hsv": cv2.COLOR_RGB2HSV, "lab": cv2.COLOR_RGB2LAB}
# What the three 8-bit channels can be: hue is 0..179 in OpenCV, and a* and b* of sRGB
# colours leave the ends of 0..255 empty.
_RANGES = {
    "rgb": ((0, 256), (0, 256), (0, 256)),
    "hsv": ((0, 180), (0, 256), (0, 256)),
    "lab": ((0, 256), (40, 228), (18, 224)),
}
# Below this saturation or brightness (of 255) hue is noise: such pixels count as grey.
_GREY = 32
_WHITE: Pixels = np.full((1, 3), 255, dtype=np.uint8)
_STRIP = 1 << 16  # pixels at a time, where pixels must be copied: 192 KiB
# OpenCV gives its counts as float32: beyond so many pixels of one colour it would round them
_EXACT = 1 << 24


def _hue_shift(bins: int) -> int:
    """Half a bin of hue, so that red, where hue wraps around, falls into one bin."""
    return 0 if bins == _ALL_STEPS else 90 // bins


def converted(pixels: Pixels, space: str, bins: int) -> Pixels:
    """Pixels in a colour space, laid out for counting.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n, 3)
        sRGB.
    space : str
        "rgb", "hsv" (hue 0..179, turned by half a bin; grey pixels have hue and
        saturation 0) or "lab" (8-bit CIE L*a*b*).
    bins : int
        Steps per channel.

    Returns
    -------
    ndarray of uint8, shape (n, 3)
    """
    if space == "rgb":
        return pixels
    result: Pixels = cv2.cvtColor(pixels[None], _CONVERSIONS[space])[0]
    if space == "hsv":
        hue, saturation, brightness = result.T
        grey = (saturation < _GREY) | (brightness < _GREY)
        turned = (hue.astype(np.uint16) + _hue_shift(bins)) % 180
        result[:, 0] = np.where(grey, 0, turned)
        result[grey, 1] = 0
    return result


def _counted_pixels(picture: Picture, options: HistogramOptions) -> Iterator[Pixels]:
    """Yield the pixels to count, converted, without ever copying the whole picture."""
    flat = picture.rgb.reshape(-1, 3)
    mask = (
        picture.mask.reshape(-1)
        if options.background == "mask" and picture.mask is not None
        else None
    )
    if options.space == "rgb" and mask is None:
        yield from (flat[start : start + _EXACT] for start in range(0, len(flat), _EXACT))
        return
    for start in range(0, len(flat), _STRIP):
        strip = flat[start : start + _STRIP]
        if mask is not None:
            strip = strip[mask[start : start + _STRIP]]
        if len(strip):
            yield converted(strip, options.space, options.bins)


def white_pixels(rgb: NDArray[np.uint8]) -> int:
    """Count pure white pixels of an RGB array, shape (height, width, 3)."""
    flat = rgb.reshape(-1, 3)
    return sum(
        cv2.countNonZero(cv2.inRange(flat[start : start + _STRIP][None], (255,) * 3, (255,) * 3))
        for start in range(0, len(flat), _STRIP)
    )


# ── Counts of every bin, up to 64 steps a channel ──────────────────────────────────


@dataclass(frozen=True)
class DenseCounts:
    """Pixels in every bin.

    counts : ndarray of int32, shape (bins ** 3,), first channel slowest.
    """

    counts: NDArray[np.int32]
    total: int
    squares: int
    bins_in_all: int


def _dense_counts(picture: Picture, options: HistogramOptions) -> DenseCounts:
    ranges = [end for pair in _RANGES[options.space] for end in pair]
    sizes = [options.bins] * 3
    counted = np.zeros(sizes, dtype=np.int64)
    for pixels in _counted_pixels(picture, options):
        counted += cv2.calcHist([pixels[None]], [0, 1, 2], None, sizes, ranges).astype(np.int32)
    if options.background == "white":
        white = converted(_WHITE, options.space, options.bins)
        cube = cv2.calcHist([white[None]], [0, 1, 2], None, sizes, ranges)
        counted[cube > 0] -= white_pixels(picture.rgb)
    flat = counted.ravel()
    return DenseCounts(
        flat.astype(np.int32), int(flat.sum()), int(np.dot(flat, flat)), options.bins**3
    )


# ── Counts of the colours that occur, at 256 steps a channel ───────────────────────
#
# A dense cube costs 64 MiB a picture. Here a page holds 4 x 4 x 4 neighbouring colours with
# a byte for each; a photograph touches some 10,000 to 25,000 of the 262,144 pages.


@dataclass(frozen=True)
class SparseCounts:
    """Pixels of every colour that occurs, some 2 bytes a colour.

    pages : ndarray of uint32, rising; the codes of a page are ``page * 64 + place``.
    places : ndarray of uint64, bit ``place`` is set where that colour occurs.
    starts : ndarray of uint32, where a page's counts start in `counts`.
    counts : ndarray of uint8; where one is 255, `large` may have more to add.
    large : ndarray of int64, shape (n, 2): rows (index into `counts`, what to add), rising.
    """

    pages: NDArray[np.uint32]
    places: NDArray[np.uint64]
    starts: NDArray[np.uint32]
    counts: NDArray[np.uint8]
    large: NDArray[np.int64]
    total: int
    squares: int
    bins_in_all: int

    def counts_at(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Whole counts, given indices into `counts`."""
        found = self.counts[indices].astype(np.int64)
        if len(self.large):
            full = np.flatnonzero(found == 255)
            near = np.searchsorted(self.large[:, 0], indices[full]).clip(max=len(self.large) - 1)
            more = np.where(self.large[near, 0] == indices[full], self.large[near, 1], 0)
            found[full] += more
        return found


def _spread_bits() -> NDArray[np.uint32]:
    """Table (channel, level) -> the level's bits, every third bit of the 24-bit code.

    Interleaved like this, a code's last 6 bits are a place in a 4 x 4 x 4 page, and pages
    near in colour are near in number.
    """
    levels = np.arange(256, dtype=np.uint32)
    spread = np.zeros((3, 256), dtype=np.uint32)
    for channel in range(3):
        for bit in range(8):
            spread[channel] |= ((levels >> bit) & 1) << (3 * bit + channel)
    return spread


_SPREAD = _spread_bits()
_TWELVE_BITS = np.arange(1 << 12)
# The code of a colour red + 256 green + 65536 blue, by its lower and its upper 12 bits
_CODE_OF_LOW = _SPREAD[0][_TWELVE_BITS & 255] | _SPREAD[1][_TWELVE_BITS >> 8]
_CODE_OF_HIGH = _SPREAD[1][(_TWELVE_BITS & 15) << 4] | _SPREAD[2][_TWELVE_BITS >> 4]


def colour_codes(pixels: Pixels) -> NDArray[np.uint32]:
    """24-bit codes of colours, bits of the channels interleaved.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n, 3)

    Returns
    -------
    ndarray of uint32, shape (n,)
    """
    return np.asarray(
        _SPREAD[0][pixels[:, 0]] | _SPREAD[1][pixels[:, 1]] | _SPREAD[2][pixels[:, 2]]
    )


def colours_of(codes: NDArray[np.integer[Any]]) -> Pixels:
    """Colours of 24-bit codes: undoes `colour_codes`."""
    colours = np.zeros((len(codes), 3), dtype=np.uint8)
    for channel in range(3):
        for bit in range(8):
            colours[:, channel] |= (((codes >> (3 * bit + channel)) & 1) << bit).astype(np.uint8)
    return colours


# Loops over pixels, compiled by numba where a picture is large. All integers are unsigned
# and of one width, or numba would widen them.
_u8, _u32, _u64 = np.uint8, np.uint32, np.uint64


def _count_loop(
    words: Any, of_low: Any, of_high: Any, page_of: Any, table: Any, spills: Any, state: Any
) -> None:
    """Count pixels four at a time; `words` are the bytes of their RGB as uint32.

    table : a byte for each place of each page used so far; page 0 stays empty.
    spills : slots of the table that went over 255; each entry adds 255 to one.
    state : (pages used, spills), carried from call to call.
    """
    used = state[0]
    spilled = state[1]
    for quad in range(words.size // 3):
        middle = _u64(words[3 * quad + 1])
        low = _u64(words[3 * quad]) | (middle << _u64(32))
        high = (middle >> _u64(16)) | (_u64(words[3 * quad + 2]) << _u64(16))
        for lane in range(4):
            pair = low if lane < 2 else high
            colour = _u32(pair >> _u64(24 * (lane & 1))) & _u32(0xFFFFFF)
            code = of_low[colour & _u32(0xFFF)] | of_high[colour >> _u32(12)]
            page = page_of[code >> _u32(6)]
            if page == _u32(0):
                used += _u32(1)
                page = used
                page_of[code >> _u32(6)] = page
            slot = (page << _u32(6)) | (code & _u32(63))
            count = _u8(table[slot] + _u8(1))
            if count == _u8(0):
                spills[spilled] = slot
                spilled += _u32(1)
                count = _u8(1)
            table[slot] = count
    state[0] = used
    state[1] = spilled


def _pack_loop(table: Any, used: Any, places: Any, starts: Any) -> int:
    """Move the counts of a table to its front, in place; return how many there are."""
    filled = _u32(0)
    for page in range(used):
        starts[page] = filled
        here = _u64(0)
        for place in range(64):
            count = table[(page + 1) * 64 + place]
            occurs = _u64(count != _u8(0))
            table[filled] = count
            filled += _u32(occurs)
            here |= occurs << _u64(place)
        places[page] = here
    return int(filled)


@cache
def _compiled() -> tuple[Callable[..., None], Callable[..., int]]:
    """Both loops as machine code: a second or two, once on a machine."""
    from numba import njit

    try:
        compiler = njit(nogil=True, cache=True)
        return compiler(_count_loop), compiler(_pack_loop)
    except RuntimeError:  # no folder may be written that could keep the machine code
        compiler = njit(nogil=True)
        return compiler(_count_loop), compiler(_pack_loop)


def _zeros(length: int) -> mmap.mmap:
    """Zero bytes that take up memory only where they are written to.

    `numpy.zeros` would ask for huge pages, 2 MiB at a time.
    """
    return mmap.mmap(-1, length)


@dataclass
class _Packed:
    """Counts by page, before white is taken out."""

    pages: NDArray[np.uint32]
    places: NDArray[np.uint64]
    starts: NDArray[np.uint32]
    counts: NDArray[np.uint8]
    large: NDArray[np.int64]


def _packed_by_loops(strips: Iterator[Pixels], pixels_in_all: int) -> tuple[_Packed, int]:
    """Count many pixels; also return how many white ones were added to fill up fours."""
    count, pack = _compiled()
    page_of = np.frombuffer(_zeros(4 << 18), dtype=np.uint32)
    spills = np.frombuffer(_zeros(4 * (pixels_in_all // 128 + 1)), dtype=np.uint32)
    table_memory = _zeros((1 << 24) + 64)
    table = np.frombuffer(table_memory, dtype=np.uint8)
    state = np.zeros(2, dtype=np.uint32)
    added = 0
    for strip in strips:
        for pixels in _in_fours(strip):
            words = pixels.reshape(-1).view(np.uint32)
            words.flags.writeable = False  # as in a picture: one type, compiled once
            count(words, _CODE_OF_LOW, _CODE_OF_HIGH, page_of, table, spills, state)
        added += -len(strip) % 4

    used, spilled = (int(item) for item in state)
    pages = np.flatnonzero(page_of).astype(np.uint32)
    order = page_of[pages] - 1  # pages were numbered as they were met
    del page_of
    places, starts = np.empty(used, dtype=np.uint64), np.empty(used, dtype=np.uint32)
    filled = pack(table, used, places, starts)
    large = _large(spills[:spilled], places, starts, table)
    _forget(table_memory, filled)
    return _Packed(pages, places[order], starts[order], table[:filled].copy(), large), added


def _in_fours(pixels: Pixels) -> Iterator[Pixels]:
    """Yield all pixels in arrays of a multiple of four, the last filled up with white."""
    whole = len(pixels) // 4 * 4
    yield pixels[:whole]
    if whole < len(pixels):
        rest = np.full((4, 3), 255, dtype=np.uint8)
        rest[: len(pixels) - whole] = pixels[whole:]
        yield rest


def _forget(memory: mmap.mmap, after: int) -> None:
    """Give back what lies behind the first `after` bytes, where the system can."""
    if hasattr(memory, "madvise"):
        start = -(-after // mmap.PAGESIZE) * mmap.PAGESIZE
        memory.madvise(mmap.MADV_DONTNEED, start, len(memory) - start)


def _large(
    spills: NDArray[np.uint32],
    places: NDArray[np.uint64],
    starts: NDArray[np.uint32],
    counts: NDArray[np.uint8],
) -> NDArray[np.int64]:
    """Rows (index into the packed counts, what to add there); those counts become 255."""
    slots, times = np.unique(spills, return_counts=True)
    page = (slots >> 6) - 1
    before = (np.uint64(1) << (slots & 63).astype(np.uint64)) - np.uint64(1)
    index = starts[page] + np.bitwise_count(places[page] & before)
    order = np.argsort(index)
    index, more = index[order], times[order] * 255 + counts[index[order]] - 255
    counts[index] = 255
    return np.column_stack([index, more]).astype(np.int64)


def _packed_by_sorting(strips: Iterator[Pixels]) -> _Packed:
    """Count few pixels, without waiting for a compiler."""
    codes, times = np.unique(
        np.concatenate([np.empty(0, np.uint32), *map(colour_codes, strips)]), return_counts=True
    )
    pages, starts = np.unique(codes >> 6, return_index=True)
    bits = np.uint64(1) << (codes & 63).astype(np.uint64)
    places = np.bitwise_or.reduceat(bits, starts) if len(starts) else bits
    over = np.flatnonzero(times > 255)
    large = np.column_stack([over, times[over] - 255]).astype(np.int64)
    counts = times.clip(max=255).astype(np.uint8)
    return _Packed(pages, places, starts.astype(np.uint32), counts, large)


def _take_out(packed: _Packed, colour: Pixels, times: int | None) -> None:
    """Lower the count of one colour, in place; by all of it if `times` is None."""
    code = int(colour_codes(colour)[0])
    at = int(np.searchsorted(packed.pages, code >> 6))
    if at == len(packed.pages) or packed.pages[at] != code >> 6:
        return
    places = int(packed.places[at])
    if not places >> (code & 63) & 1:
        return
    index = int(packed.starts[at]) + (places & ((1 << (code & 63)) - 1)).bit_count()
    rows = packed.large[:, 0] == index
    count = int(packed.counts[index]) + int(packed.large[rows, 1].sum())
    left = 0 if times is None else count - times
    packed.counts[index] = min(left, 255)
    kept = packed.large[~rows]
    if left > 255:
        kept = np.vstack([kept, [[index, left - 255]]])
    packed.large = kept[np.argsort(kept[:, 0])]


_FEW = 1 << 20  # pixels up to which sorting beats waiting for the compiler


def _sparse_counts(picture: Picture, options: HistogramOptions) -> SparseCounts:
    strips = _counted_pixels(picture, options)
    pixels_in_all = picture.width * picture.height
    if pixels_in_all <= _FEW:
        packed, added = _packed_by_sorting(strips), 0
    else:
        packed, added = _packed_by_loops(strips, pixels_in_all)
    if added:
        _take_out(packed, _WHITE, added)
    if options.background == "white":
        white = converted(_WHITE, options.space, options.bins)
        # Only in RGB is the bin of white sure to hold nothing else.
        times = None if options.space == "rgb" else white_pixels(picture.rgb)
        _take_out(packed, white, times)
    total, squares = _sums(packed)
    bins_in_all = (180 if options.space == "hsv" else 256) * 256 * 256
    return SparseCounts(
        packed.pages,
        packed.places,
        packed.starts,
        packed.counts,
        packed.large,
        total,
        squares,
        bins_in_all,
    )


def _sums(packed: _Packed) -> tuple[int, int]:
    """Sum of the counts, and of their squares."""
    if not packed.counts.size:
        return 0, 0
    # How often each count occurs: no wider copy of the counts is needed
    often = cv2.calcHist([packed.counts[None]], [0], None, [256], [0, 256]).ravel()
    times = often.astype(np.int64)
    count = np.arange(256)
    index, more = packed.large.T
    less = packed.counts[index].astype(np.int64)
    total = int(times @ count) + int(more.sum())
    squares = int(times @ count**2) + int(((less + more) ** 2 - less**2).sum())
    return total, squares


# ── What two sets of counts share ──────────────────────────────────────────────────

Counts = DenseCounts | SparseCounts
_PAGES_AT_A_TIME = 512  # keeps what `_shared` adds under a MiB


def _shared(a: Counts, b: Counts) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the counts of the bins that both have, block by block."""
    if isinstance(a, DenseCounts) and isinstance(b, DenseCounts):
        both = np.flatnonzero((a.counts > 0) & (b.counts > 0))
        yield a.counts[both].astype(np.int64), b.counts[both].astype(np.int64)
        return
    if not (isinstance(a, SparseCounts) and isinstance(b, SparseCounts)):
        raise TypeError("the two descriptions were made with different options")
    _, in_a, in_b = np.intersect1d(a.pages, b.pages, assume_unique=True, return_indices=True)
    places = a.places[in_a] & b.places[in_b]
    in_a, in_b, places = in_a[places > 0], in_b[places > 0], places[places > 0]
    for start in range(0, len(places), _PAGES_AT_A_TIME):
        block = slice(start, start + _PAGES_AT_A_TIME)
        bits = np.unpackbits(
            places[block, None].astype("<u8").view(np.uint8), axis=1, bitorder="little"
        )
        row, place = np.nonzero(bits)
        before = (np.uint64(1) << place.astype(np.uint64)) - np.uint64(1)
        yield _found(a, in_a[block][row], before), _found(b, in_b[block][row], before)


def _found(
    counts: SparseCounts, page: NDArray[np.int64], before: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """Counts of one place in each page, given the bits of the places before it."""
    rank = np.bitwise_count(counts.places[page] & before)
    return counts.counts_at(counts.starts[page].astype(np.int64) + rank)


# ── Measures ───────────────────────────────────────────────────────────────────────


def correlation(a: Counts, b: Counts) -> float:
    """Pearson's correlation over all bins, empty ones included.

    Parameters
    ----------
    a, b : DenseCounts or SparseCounts

    Returns
    -------
    float
        -1 to 1. Stretching the counts of a side to 0..1, as the article does, leaves it
        unchanged. Where a side is the same in every bin (nothing was counted, say) the
        formula has no value: it is 1 if both are, else 0.
    """
    # Whole numbers throughout: equal counts give exactly 1, and nothing is rounded away
    # by the 16.7 million empty bins.
    product = sum(int(np.dot(x, y)) for x, y in _shared(a, b))
    size = a.bins_in_all
    covariance = size * product - a.total * b.total
    variances = (size * a.squares - a.total**2) * (size * b.squares - b.total**2)
    if variances == 0:
        return float(size * a.squares == a.total**2 and size * b.squares == b.total**2)
    return math.copysign(math.sqrt(covariance**2 / variances), covariance)


def intersection(a: Counts, b: Counts) -> float:
    """Share of the pixels that fall into the same bins, 0 to 1."""
    overlap = sum(int(np.minimum(x * b.total, y * a.total).sum()) for x, y in _shared(a, b))
    return overlap / (a.total * b.total)


def hellinger(a: Counts, b: Counts) -> float:
    """Hellinger distance, which OpenCV names Bhattacharyya's: 0 equal, 1 nothing shared."""
    overlap = sum(float(np.sqrt(x * y).sum()) for x, y in _shared(a, b))
    return math.sqrt(max(0.0, 1 - overlap / math.sqrt(a.total * b.total)))


def chi_square(a: Counts, b: Counts) -> float:
    """Symmetric chi-square distance: half the sum of (p - q)^2 / (p + q), 0 to 1.

    A quarter of OpenCV's ``HISTCMP_CHISQR_ALT`` on shares that add up to 1.
    """
    # (p - q)^2 / (p + q) = p + q - 4 p q / (p + q): only shared bins have the last term.
    overlap = 0.0
    for x, y in _shared(a, b):
        p, q = x * b.total, y * a.total
        overlap += float((2.0 * p / (p + q) * q).sum())
    return max(0.0, 1 - overlap / (a.total * b.total))


# ── Earth mover's distance: few colours, and how far their pixels must move ────────

_CELLS = 8  # a channel, whose colours are averaged in blocks of 2 x 2 x 2 cells


@dataclass(frozen=True)
class Signature:
    """At most 64 colours that stand for a picture: the means of 4 x 4 x 4 blocks.

    colours : ndarray of float32, shape (n, 3), CIE L*a*b*.
    shares : ndarray of float32, shape (n,), adding up to 1.
    """

    colours: NDArray[np.float32]
    shares: NDArray[np.float32]


def earth_mover(a: Signature, b: Signature) -> float:
    """Earth mover's distance between two colour signatures.

    Returns
    -------
    float
        How far, in CIE 1976 colour differences, the average pixel's colour must be moved
        to turn one mixture into the other: 0 up to 258. Colours are counted
        at the centres of their cells, so black to white is 90, not 100.
    """
    sides = [np.column_stack([side.shares, side.colours]) for side in (a, b)]
    if np.array_equal(sides[0], sides[1]):
        return 0.0
    # OpenCV's solver stops within a tolerance: in a fixed order both ways give one answer.
    first, second = sorted(sides, key=lambda side: side.tobytes())
    return max(0.0, float(cv2.EMD(first, second, cv2.DIST_L2)[0]))


def signature(counts: Counts, options: HistogramOptions) -> Signature:
    """Join the bins of a histogram into at most 64 colours."""
    if isinstance(counts, DenseCounts):
        ranges = _RANGES[options.space]
        side = options.bins // _CELLS
        blocks = counts.counts.reshape((_CELLS, side) * 3)
        cube = blocks.sum(axis=(1, 3, 5), dtype=np.int64)
    else:
        ranges = ((0, 256),) * 3
        cube = _cell_sums(counts)
    cells = np.argwhere(cube > 0)
    low, high = np.array(ranges, dtype=np.float64).T
    centres = low + (cells + 0.5) * (high - low) / _CELLS
    rgb = _srgb(centres, options).astype(np.float32)
    shares = cube[cube > 0] / max(1, counts.total)
    numbers = np.ravel_multi_index(tuple((cells // 2).T), (_CELLS // 2,) * 3)
    _, block = np.unique(numbers, return_inverse=True)
    together = np.bincount(block, shares)
    sums = [np.bincount(block, shares * channel) for channel in _lab(rgb).T]
    means = np.column_stack(sums) / together[:, None]
    return Signature(means.astype(np.float32), together.astype(np.float32))


def _cell_sums(counts: SparseCounts) -> NDArray[np.int64]:
    """Pixels in each of 8 x 8 x 8 cells, shape (8, 8, 8)."""
    running = np.concatenate([[0], np.cumsum(counts.counts_at(np.arange(counts.counts.size)))])
    ends = counts.starts.astype(np.int64) + np.bitwise_count(counts.places)
    in_page = running[ends] - running[counts.starts]
    red, green, blue = (colours_of(counts.pages << 6) >> 5).T
    cube = np.zeros((_CELLS,) * 3, dtype=np.int64)
    np.add.at(cube, (red, green, blue), in_page)
    return cube


def _srgb(levels: NDArray[np.float64], options: HistogramOptions) -> NDArray[np.float64]:
    """Colours that 8-bit levels of a colour space stand for, as sRGB 0..1, shape (n, 3)."""
    if options.space == "rgb":
        return levels / 255
    first, second, third = levels.T
    if options.space == "hsv":
        hue = (first - _hue_shift(options.bins)) % 180 * 2
        stack = np.column_stack([hue, second / 255, third / 255])
        code = cv2.COLOR_HSV2RGB
    else:
        stack = np.column_stack([first / 2.55, second - 128, third - 128])
        code = cv2.COLOR_LAB2RGB
    if not len(stack):
        return stack
    rgb = cv2.cvtColor(stack[None].astype(np.float32), code)[0]
    return np.asarray(rgb.clip(0, 1), dtype=np.float64)


def _lab(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """CIE L*a*b* of sRGB colours 0..1, shape (n, 3)."""
    if not len(rgb):
        return rgb
    return np.asarray(cv2.cvtColor(rgb[None], cv2.COLOR_RGB2LAB)[0])


# ── The method's three functions ───────────────────────────────────────────────────


@dataclass(frozen=True)
class ColourMixture:
    """What `histogram` remembers of a picture; the signature only where it is needed."""

    counts: Counts
    signature: Signature | None


def described(picture: Picture, options: HistogramOptions) -> ColourMixture:
    """Count a picture's colours."""
    count = _sparse_counts if options.bins == _ALL_STEPS else _dense_counts
    counts = count(picture, options)
    wanted = options.measure == "earth-mover"
    return ColourMixture(counts, signature(counts, options) if wanted else None)


_MEASURES: dict[str, Callable[[Counts, Counts], float]] = {
    "correlation": correlation,
    "intersection": intersection,
    "hellinger": hellinger,
    "chi-square": chi_square,
}


def compared(a: ColourMixture, b: ColourMixture, options: HistogramOptions) -> float:
    """Compare two mixtures by the measure of the options.

    Where nothing was left to count on one side (all white, say, and white ignored) the
    answer is the scale's opposite end; where nothing was left on either, they are equal.
    """
    if options.measure == "correlation":
        return correlation(a.counts, b.counts)
    scale = scale_of(options)
    if not a.counts.total or not b.counts.total:
        return scale.identical if a.counts.total == b.counts.total else scale.opposite
    if a.signature and b.signature:
        return earth_mover(a.signature, b.signature)
    return _MEASURES[options.measure](a.counts, b.counts)


# Lines that 1 % of the unrelated pairs described at the head of this file pass, measured
# with every pixel counted: (space, measure) -> line at 8, 16, 32, 64, 256 steps.
_LINES = {
    ("rgb", "correlation"): (0.86, 0.82, 0.79, 0.55, 0.30),
    ("hsv", "correlation"): (0.88, 0.89, 0.90, 0.90, 0.91),
    ("lab", "correlation"): (0.92, 0.83, 0.77, 0.84, 0.50),
    ("rgb", "intersection"): (0.59, 0.48, 0.37, 0.31, 0.18),
    ("hsv", "intersection"): (0.58, 0.54, 0.52, 0.49, 0.48),
    ("lab", "intersection"): (0.70, 0.54, 0.39, 0.33, 0.20),
    ("rgb", "hellinger"): (0.42, 0.53, 0.62, 0.70, 0.83),
    ("hsv", "hellinger"): (0.45, 0.50, 0.54, 0.57, 0.57),
    ("lab", "hellinger"): (0.33, 0.46, 0.60, 0.67, 0.80),
    ("rgb", "chi-square"): (0.26, 0.39, 0.51, 0.59, 0.75),
    ("hsv", "chi-square"): (0.28, 0.32, 0.37, 0.39, 0.39),
    ("lab", "chi-square"): (0.16, 0.31, 0.47, 0.55, 0.72),
    # Measured at 8 and 256 steps: RGB 11.5 11.5, HSV 10.7 10.8, Lab 10.2 13.6
    ("rgb", "earth-mover"): (11.5, 11.5, 11.5, 11.5, 11.5),
    ("hsv", "earth-mover"): (10.7, 10.7, 10.7, 10.7, 10.8),
    ("lab", "earth-mover"): (10.2, 10.2, 10.2, 10.2, 13.6),
}
_SCALES = {
    "correlation": Scale(identical=1, opposite=-1, line=0, shown=(0, 1)),
    "intersection": Scale(identical=1, opposite=0, line=0),
    "hellinger": Scale(identical=0, opposite=1, line=0),
    "chi-square": Scale(identical=0, opposite=1, line=0),
    # Pure blue to pure green is 258, but unrelated photographs have a median of 29.
    "earth-mover": Scale(
        identical=0,
        opposite=260,
        line=0,
        unit=Text("points"),
        decimals=1,
        shown=(100, 0),
    ),
}


def scale_of(options: HistogramOptions) -> Scale:
    """Scale of the chosen measure, with the line of the chosen steps and space."""
    steps = (8, 16, 32, 64, _ALL_STEPS).index(options.bins)
    line = _LINES[options.space, options.measure][steps]
    return replace(_SCALES[options.measure], line=line)


# ── Evidence ───────────────────────────────────────────────────────────────────────

_REDUCED = 96  # long side on which dominant colours are looked for
_DOMINANT = 6
_TOP_BINS = 10
_MUCH_WHITE = 0.1  # shared on both sides, it begins to move the correlation


def dominant_colours(
    picture: Picture, options: HistogramOptions
) -> tuple[Pixels, NDArray[np.float64]]:
    """Main colours of a picture, largest share first.

    Parameters
    ----------
    picture : Picture
    options : HistogramOptions
        Background that is not counted is left out here too.

    Returns
    -------
    colours : ndarray of uint8, shape (n, 3), sRGB; n is at most 6
    shares : ndarray of float64, shape (n,), adding up to 1
    """
    size = _reduced_size(picture)
    small = cv2.resize(picture.rgb, size, interpolation=cv2.INTER_AREA).reshape(-1, 3)
    small = small[_kept(picture, options, small, size)]
    count = min(_DOMINANT, len(np.unique(small, axis=0)))
    if count < 2:
        return small[:count], np.ones(count)
    lab = _lab(small.astype(np.float32) / 255)
    cv2.setRNGSeed(0)  # k-means starts from random colours
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    _, label, centres = cv2.kmeans(lab, count, None, stop, 1, cv2.KMEANS_PP_CENTERS)
    shares = np.bincount(label.ravel(), minlength=count) / len(small)
    order = np.argsort(-shares, kind="stable")
    rgb = cv2.cvtColor(centres[None], cv2.COLOR_LAB2RGB)[0].clip(0, 1)
    colours = np.asarray(np.rint(rgb * 255)[order], dtype=np.uint8)
    return colours, np.asarray(shares[order])


def _reduced_size(picture: Picture) -> tuple[int, int]:
    scale = min(1.0, _REDUCED / max(picture.width, picture.height))
    return max(1, round(picture.width * scale)), max(1, round(picture.height * scale))


def _kept(
    picture: Picture, options: HistogramOptions, small: Pixels, size: tuple[int, int]
) -> NDArray[np.bool_]:
    """Which pixels of the reduced picture count, shape (n,)."""
    if options.background == "white":
        return np.asarray((small < 255).any(axis=1))
    if options.background == "mask" and picture.mask is not None:
        mask = picture.mask.view(np.uint8)
        return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST).ravel() > 0)
    return np.ones(len(small), dtype=np.bool_)


def _swatches(a: Described, b: Described, options: HistogramOptions) -> Swatches:
    colours_a, shares_a = dominant_colours(a.picture, options)
    colours_b, shares_b = dominant_colours(b.picture, options)
    return Swatches(
        title=Text("Main colours"),
        colours_a=colours_a,
        shares_a=shares_a,
        colours_b=colours_b,
        shares_b=shares_b,
    )


def _fullest(counts: Counts) -> NDArray[np.int64]:
    """Numbers (dense) or codes (sparse) of the fullest bins, at most ten."""
    if isinstance(counts, DenseCounts):
        filled = np.flatnonzero(counts.counts)
        return filled[np.argsort(-counts.counts[filled], kind="stable")[:_TOP_BINS]]
    every = counts.counts_at(np.arange(counts.counts.size))
    top = np.argsort(-every, kind="stable")[:_TOP_BINS]
    row = np.array([_page_of_index(counts, int(index)) for index in top], dtype=np.int64)
    codes = [
        (int(counts.pages[page]) << 6) + _nth_place(int(counts.places[page]), int(rank))
        for page, rank in zip(row, top - counts.starts[row].astype(np.int64), strict=True)
    ]
    return np.array(codes, dtype=np.int64)


def _page_of_index(counts: SparseCounts, index: int) -> int:
    """Row of the page that holds the count at `index`."""
    sizes = np.bitwise_count(counts.places)
    return int(np.flatnonzero((counts.starts <= index) & (index < counts.starts + sizes))[0])


def _nth_place(places: int, rank: int) -> int:
    """Position of the set bit that has `rank` set bits below it."""
    return [place for place in range(64) if places >> place & 1][rank]


def _shares_of(counts: Counts, bins: NDArray[np.int64]) -> NDArray[np.float64]:
    """Shares of the picture in some bins."""
    if isinstance(counts, DenseCounts):
        return np.asarray(counts.counts[bins] / max(1, counts.total))
    shares = np.zeros(len(bins))
    pages = np.searchsorted(counts.pages, bins >> 6).clip(max=max(0, len(counts.pages) - 1))
    for row, (code, page) in enumerate(zip(bins, pages, strict=True)):
        bit = 1 << int(code & 63)
        if len(counts.pages) and counts.pages[page] == code >> 6 and int(counts.places[page]) & bit:
            before = np.array([bit - 1], dtype=np.uint64)
            shares[row] = _found(counts, np.array([page]), before)[0] / max(1, counts.total)
    return shares


def _bin_colours(counts: Counts, bins: NDArray[np.int64], options: HistogramOptions) -> Pixels:
    """Colours at the centres of some bins, sRGB."""
    if isinstance(counts, DenseCounts):
        cells = np.column_stack(np.unravel_index(bins, (options.bins,) * 3))
        low, high = np.array(_RANGES[options.space], dtype=np.float64).T
        levels = low + (cells + 0.5) * (high - low) / options.bins
    else:
        levels = colours_of(bins).astype(np.float64)
    return np.asarray(np.rint(_srgb(levels, options).clip(0, 1) * 255), dtype=np.uint8)


def _bars(a: Described, b: Described, options: HistogramOptions) -> Bars:
    """The bins that weigh most: those that hold most of the squares of either side."""
    first, second = a.description.counts, b.description.counts
    bins = np.union1d(_fullest(first), _fullest(second)).astype(np.int64)
    shares_a, shares_b = _shares_of(first, bins), _shares_of(second, bins)
    weight = _weights(shares_a, first) + _weights(shares_b, second)
    top = np.argsort(-weight, kind="stable")[:_TOP_BINS]
    colours = _bin_colours(first, bins[top], options)
    return Bars(
        title=Text("The colour steps that weigh most in the score"),
        labels=tuple(f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in colours),
        a=shares_a[top] * 100,
        b=shares_b[top] * 100,
        axis=Text("Share of the picture, in percent"),
        colours=colours,
    )


def _weights(shares: NDArray[np.float64], counts: Counts) -> NDArray[np.float64]:
    """What part of a side's squares, hence of its variance, each bin holds."""
    return np.asarray(shares**2 * counts.total**2 / max(1, counts.squares))


def _curves(a: Described, b: Described) -> Curves:
    """How many pixels have each level of red, green and blue."""

    def levels(picture: Picture, channel: int) -> NDArray[np.float64]:
        counted = cv2.calcHist([picture.rgb], [channel], None, [64], [0, 256]).ravel()
        return np.asarray(counted / counted.sum() * 100, dtype=np.float64)

    return Curves(
        title=Text("Red, green and blue by brightness"),
        x=np.arange(1.5, 256, 4, dtype=np.float64),
        lines=tuple(
            (name, colour, levels(a.picture, channel), levels(b.picture, channel))
            for channel, (name, colour) in enumerate(
                ((Text("Red"), "#d62728"), (Text("Green"), "#2ca02c"), (Text("Blue"), "#1f77b4"))
            )
        ),
        x_label=Text("Level, 0 dark to 255 bright"),
        y_label=Text("Share of the pixels, in percent"),
    )


def _facts(a: Described, b: Described, options: HistogramOptions) -> Facts:
    whites = [white_pixels(side.picture.rgb) / _pixels(side.picture) for side in (a, b)]
    first, second = a.description.counts, b.description.counts
    both = [(int(x.sum()), int(y.sum())) for x, y in _shared(first, second)]
    shared_a, shared_b = (sum(side) for side in zip((0, 0), *both, strict=True))
    rows: list[tuple[Text, Text | str]] = [
        (Text("Pure white in A"), f"{whites[0]:.1%}"),
        (Text("Pure white in B"), f"{whites[1]:.1%}"),
        (Text("Different colour steps in A"), f"{_bins_filled(first):,}"),
        (Text("Different colour steps in B"), f"{_bins_filled(second):,}"),
    ]
    if first.total and second.total:
        rows += [
            (Text("Share of A in steps that B has too"), f"{shared_a / first.total:.1%}"),
            (Text("Share of B in steps that A has too"), f"{shared_b / second.total:.1%}"),
        ]
    if min(whites) > _MUCH_WHITE and options.background == "all":
        rows.append(
            (
                Text("Mind the background"),
                Text(
                    "Both have much white. A shared white background alone makes unrelated "
                    "objects score as alike; ignore white to compare the objects."
                ),
            )
        )
    if options.bins == _ALL_STEPS:
        rows.append(
            (
                Text("Mind the small steps"),
                Text(
                    "With all 256 steps, saving as JPEG or resizing already changes most "
                    "colours: even copies can score low."
                ),
            )
        )
    if not first.total or not second.total:
        rows.append(
            (
                Text("Nothing to count"),
                Text("After leaving out the background, a picture has no pixel left."),
            )
        )
    if options.background == "mask" and not (_masked(a.picture) or _masked(b.picture)):
        rows.append(
            (
                Text("No transparency"),
                Text("Neither picture has transparent pixels, so every pixel was counted."),
            )
        )
    return Facts(title=Text("What was counted"), rows=tuple(rows))


def _pixels(picture: Picture) -> int:
    return picture.width * picture.height


def _masked(picture: Picture) -> bool:
    return picture.mask is not None


def _bins_filled(counts: Counts) -> int:
    return int(np.count_nonzero(counts.counts))


def explained(a: Described, b: Described, options: HistogramOptions) -> tuple[Evidence, ...]:
    """Show main colours, the bins that weigh most, channel curves, and what was counted."""
    return (
        _swatches(a, b, options),
        _bars(a, b, options),
        _curves(a, b),
        _facts(a, b, options),
    )


METHODS = (
    Method(
        id="histogram",
        label=Text("Colour histogram"),
        family=Family.COLOUR,
        scale=scale_of(HistogramOptions()),
        about=Text(
            "Compares how much of each colour the pictures have. Blind to where the colours "
            "are and to what is shown: a red car and a red rose can be alike."
        ),
        formula=(
            r"\mathrm{EMD} = \min_{f \ge 0} \sum_{i,j} f_{ij} \lVert c_i - c_j \rVert_{Lab},"
            r"\quad \sum_j f_{ij} = p_i, \; \sum_i f_{ij} = q_j; \qquad "
            r"r = \frac{\sum_i (a_i - \bar a)(b_i - \bar b)}"
            r"{\sqrt{\sum_i (a_i - \bar a)^2 \sum_i (b_i - \bar b)^2}}"
        ),
        source="https://doi.org/10.1007/BF00130487",
        describe=described,
        compare=compared,
        explain=explained,
        options=HistogramOptions,
        article=ARTICLE,
        article_result=Text("0.94"),
        headline=True,
        scale_by_options=scale_of,
    ),
)
