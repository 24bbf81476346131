"""The gate: every rule of opening a picture, on files made here."""

import hashlib
import io
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile, ImageOps
from skimage.color import rgb2lab

from imgsim_core.errors import EmptyFile, NotAPicture, PictureDamaged, PictureTooLarge
from imgsim_core.picture import MAX_SIDE, open_picture, open_reduced
from tests.pictures import photograph

ORIENTATION = 0x0112


def encoded(image, file_format, **options):
    target = io.BytesIO()
    image.save(target, file_format, **options)
    return target.getvalue()


def png(array, **options):
    return encoded(Image.fromarray(array), "PNG", **options)


def notes(picture):
    return " ".join(str(note) for note in picture.notes)


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width, height, depth, colour, rows, *chunks):
    """Write a PNG by hand, for what Pillow cannot write."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [png_chunk(b"IHDR", head), *chunks, png_chunk(b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + png_chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def cat():
    return photograph("chelsea", 160).rgb


@pytest.fixture(scope="module")
def heif_registered():
    import pillow_heif

    pillow_heif.register_heif_opener()


# ── What a Picture is ──────────────────────────────────────────────────────────────


def test_a_picture_is_read_only_rgb_with_digest_and_name(cat):
    data = png(cat)
    picture = open_picture(data, "cat.png")
    assert np.array_equal(picture.rgb, cat)
    assert picture.rgb.dtype == np.uint8
    assert picture.rgb.flags.c_contiguous
    assert not picture.rgb.flags.writeable
    assert picture.digest == hashlib.sha256(data).hexdigest()
    assert (picture.name, picture.notes, picture.mask) == ("cat.png", (), None)
    assert (picture.width, picture.height) == (cat.shape[1], cat.shape[0])


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("DIB", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {"lossless": True}),
        ("JPEG2000", {}),
        ("PPM", {}),
        ("QOI", {}),
        ("TGA", {}),
        ("ICO", {"sizes": [(160, 106)]}),
    ],
)
@pytest.mark.parametrize("name", ["a.jpg", "b", "c.txt"])
def test_the_content_decides_never_the_name(cat, file_format, options, name):
    picture = open_picture(encoded(Image.fromarray(cat), file_format, **options), name)
    assert np.array_equal(picture.rgb, cat)


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP", "AVIF", "HEIF", "GIF", "MPO"])
def test_lossy_formats_come_close(cat, heif_registered, file_format):
    picture = open_picture(encoded(Image.fromarray(cat), file_format, quality=95), "cat")
    assert np.abs(picture.rgb.astype(int) - cat).mean() < 6


def test_jpeg_is_decoded_as_opencv_decodes_it(cat):
    data = encoded(Image.fromarray(cat), "JPEG")
    reference = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert np.abs(open_picture(data, "cat.jpg").rgb.astype(int) - reference).max() <= 1


# ── Refusals ───────────────────────────────────────────────────────────────────────


def test_an_empty_file_is_named():
    with pytest.raises(EmptyFile, match=r"holiday\.jpg is empty"):
        open_picture(b"", "holiday.jpg")


@pytest.mark.parametrize(
    "data",
    [
        b"just words, nothing to see",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        b"%PDF-1.7\n1 0 obj",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"icns" + bytes(100),
        b"\x00",
        bytes(1000),
        bytes(range(256)) * 10,
    ],
)
def test_what_is_no_picture_is_told_so(data):
    with pytest.raises(NotAPicture, match=r"notes\.png is not a picture.*JPEG"):
        open_picture(data, "notes.png")


def test_too_many_bytes():
    with pytest.raises(PictureTooLarge, match=r"big\.png has 30\.0 MB; at most 30 MB"):
        open_picture(bytes(30_000_001), "big.png")


@pytest.fixture
def no_decoding(monkeypatch):
    def refuse(self):
        raise AssertionError("decoded before its size was checked")

    monkeypatch.setattr(ImageFile.ImageFile, "load", refuse)


@pytest.mark.parametrize("size", [(7072, 7072), (60_000, 60_000), (2_000_000_000, 2)])
def test_too_many_pixels_are_refused_before_decoding(no_decoding, size):
    with pytest.raises(PictureTooLarge, match=r"big\.png has more than 50 megapixels"):
        open_picture(png_of(*size, 8, 0, b""), "big.png")


def test_too_long_a_side_is_refused_before_decoding(no_decoding):
    with pytest.raises(PictureTooLarge, match=r"strip\.png is 65536 × 1 pixels.*65535"):
        open_picture(png_of(MAX_SIDE + 1, 1, 8, 0, b""), "strip.png")


def test_the_longest_side_and_50_megapixels_are_let_in():
    strip = open_picture(png_of(MAX_SIDE, 1, 1, 0, bytes(1 + 8192)), "strip.png")
    assert strip.rgb.shape == (1, MAX_SIDE, 3)
    rows = (b"\0" + bytes(1250)) * 5000
    assert open_picture(png_of(10_000, 5000, 1, 0, rows), "50.png").width == 10_000


@pytest.mark.parametrize("compression", [1, 5, 8])  # none, LZW, Deflate
def test_a_huge_tile_in_a_small_tiff_is_refused(compression):
    tags = [(256, 64), (257, 64), (258, 8), (259, compression), (262, 1), (277, 1)]
    tags += [(322, 60_000), (323, 60_000), (324, 150), (325, 5000)]  # the tile
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    data = b"II*\0" + struct.pack("<IH", 8, len(tags)) + body + bytes(6000)
    with pytest.raises(PictureTooLarge):
        open_picture(data, "tile.tif")


def test_kinds_that_decode_slowly_have_a_limit_of_their_own(no_decoding):
    data = b"P5 2500 2000 254\n" + bytes(5_000_000)
    with pytest.raises(PictureTooLarge, match=r"slow\.pgm is a PPM file.*4 megapixels"):
        open_picture(data, "slow.pgm")
    large = bytearray(encoded(Image.new("L", (64, 64)), "JPEG2000"))
    size = large.index(b"ihdr") + 4
    large[size : size + 8] = struct.pack(">II", 5100, 5100)
    with pytest.raises(PictureTooLarge, match=r"slow\.jp2 is a JPEG2000 file.*25 megapixels"):
        open_picture(bytes(large), "slow.jp2")


@pytest.mark.parametrize(
    "file_format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "JPEG2000", "AVIF", "HEIF", "TGA"]
)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_damaged(cat, heif_registered, file_format, share):
    data = encoded(Image.fromarray(cat), file_format)
    with pytest.raises(PictureDamaged, match=r"half\.jpg is damaged or incomplete"):
        open_picture(data[: int(len(data) * share)], "half.jpg")
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_random_damage_gives_a_picture_or_a_sentence(cat, file_format):
    random = np.random.default_rng(0)
    data = np.frombuffer(encoded(Image.fromarray(cat[:40, :40]), file_format), np.uint8)
    for _ in range(30):
        damaged = data.copy()
        damaged[random.integers(0, len(data), 8)] = random.integers(0, 256, 8)
        try:
            open_picture(damaged.tobytes(), "damaged")
        except (PictureDamaged, PictureTooLarge, NotAPicture):
            continue


def test_odd_metadata_warns_nobody_even_where_warnings_are_errors():
    """In a process of its own: the filter must be set by the import alone."""
    program = """
import io, struct
from PIL import Image
from imgsim_core.picture import open_picture
exif = b"Exif\\0\\0II*\\0\\x08\\0\\0\\0" + struct.pack("<HHHLL", 9, 0x0112, 3, 1, 6)
target = io.BytesIO()
Image.new("RGB", (60, 40)).save(target, "JPEG", exif=exif)
open_picture(target.getvalue(), "odd.jpg")
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_many_threads_open_the_same(cat):
    files = [
        encoded(Image.fromarray(cat), file_format)
        for file_format in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF", "BMP", "JPEG2000")
    ]
    alone = [open_picture(data, "x").rgb for data in files]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: open_picture(data, "x").rgb, files * 5))
    for index, rgb in enumerate(together):
        assert np.array_equal(rgb, alone[index % len(files)])


# ── Orientation ────────────────────────────────────────────────────────────────────

_STORED = {  # how an upright picture is stored under each orientation
    1: lambda rgb: rgb,
    2: lambda rgb: rgb[:, ::-1],
    3: lambda rgb: rgb[::-1, ::-1],
    4: lambda rgb: rgb[::-1],
    5: lambda rgb: rgb.swapaxes(0, 1),
    6: lambda rgb: np.rot90(rgb, 1),
    7: lambda rgb: np.rot90(rgb, 2).swapaxes(0, 1),
    8: lambda rgb: np.rot90(rgb, -1),
}


@pytest.fixture(scope="module")
def quarters():
    """Four flat quarters, wider than high: no two orientations look the same."""
    rgb = np.zeros((32, 64, 3), np.uint8)
    rgb[:16, :32], rgb[:16, 32:] = (200, 40, 40), (40, 200, 40)
    rgb[16:, :32], rgb[16:, 32:] = (40, 40, 200), (220, 220, 220)
    return rgb


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_orientation_is_applied_once(quarters, heif_registered, file_format, orientation):
    stored = Image.fromarray(np.ascontiguousarray(_STORED[orientation](quarters)))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {} if file_format in ("PNG", "TIFF") else {"quality": 95}
    data = encoded(stored, file_format, exif=exif.tobytes(), **options)
    picture = open_picture(data, "turned")
    assert picture.rgb.shape == quarters.shape
    assert np.abs(picture.rgb.astype(int) - quarters).mean() < 8
    if file_format != "HEIF":  # libheif turns it as part of decoding
        assert ("EXIF" in notes(picture)) == (orientation > 1)
        reference = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        assert np.array_equal(picture.rgb, np.asarray(reference.convert("RGB")))
    assert open_reduced(data, "turned", 16).rgb.shape == (8, 16, 3)


@pytest.mark.parametrize("value", [0, 9, 255])
def test_an_unknown_orientation_is_left_alone(quarters, value):
    exif = Image.Exif()
    exif[ORIENTATION] = value
    picture = open_picture(png(quarters, exif=exif), "odd.png")
    assert np.array_equal(picture.rgb, quarters)
    assert picture.notes == ()


def test_the_mask_turns_with_the_picture():
    rgba = np.zeros((20, 40, 4), np.uint8)
    rgba[:10, :10, 3] = 255
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be turned clockwise
    picture = open_picture(png(rgba, exif=exif), "turned.png")
    assert np.array_equal(picture.mask, np.rot90(rgba[..., 3] > 0, -1))
    assert not picture.mask.flags.writeable


# ── Transparency ───────────────────────────────────────────────────────────────────


def test_alpha_is_laid_on_white_and_kept_as_a_mask(cat):
    alpha = np.tile(np.linspace(0, 255, cat.shape[1]).astype(np.uint8), (cat.shape[0], 1))
    picture = open_picture(png(np.dstack([cat, alpha])), "cut.png")
    share = alpha[..., None] / 255
    assert np.abs(picture.rgb - (cat * share + 255 * (1 - share))).max() <= 1
    assert np.array_equal(picture.mask, alpha > 0)
    assert "white" in notes(picture)


def test_black_line_art_on_transparency_stays_two_drawings():
    drawings = np.zeros((2, 50, 50, 4), np.uint8)
    drawings[0, 10:20, :, 3] = drawings[1, :, 10:20, 3] = 255
    first, second = (open_picture(png(drawing), "line.png") for drawing in drawings)
    assert np.mean(first.rgb != second.rgb) > 0.3


def test_an_opaque_alpha_channel_is_no_transparency(cat):
    picture = open_picture(png(np.dstack([cat, np.full(cat.shape[:2], 255, np.uint8)])), "x.png")
    assert np.array_equal(picture.rgb, cat)
    assert (picture.mask, picture.notes) == (None, ())


def test_a_fully_transparent_picture_is_white_with_an_empty_mask(cat):
    picture = open_picture(png(np.dstack([cat, np.zeros(cat.shape[:2], np.uint8)])), "x.png")
    assert (picture.rgb == 255).all()
    assert not picture.mask.any()


TRANSPARENT = ["LA", "L-level", "1", "RGB-colour", "P-index", "P-bytes", "GIF"]
TRANSPARENT += ["L16-level", "L2-level", "L4-level", "RGB16-colour"]
HALF = np.repeat([[0, 255]], 8, axis=0).repeat(4, axis=1).astype(np.uint8)  # black, white


@pytest.mark.parametrize(
    "data",
    [
        encoded(Image.fromarray(np.dstack([HALF * 0, HALF])), "PNG"),  # LA
        encoded(Image.fromarray(HALF), "PNG", transparency=255),  # L with a transparent level
        encoded(Image.fromarray(HALF).convert("1"), "PNG", transparency=255),
        encoded(Image.fromarray(HALF).convert("RGB"), "PNG", transparency=(255, 255, 255)),
        encoded(Image.fromarray(HALF).convert("P"), "PNG", transparency=255),
        encoded(Image.fromarray(HALF).convert("P"), "PNG", transparency=bytes([255] * 255 + [0])),
        encoded(Image.fromarray(HALF).convert("P"), "GIF", transparency=255),
        encoded(Image.fromarray(HALF.astype(np.uint16) * 257), "PNG", transparency=65535),
        png_of(8, 8, 2, 0, b"\0\x00\xff" * 8, png_chunk(b"tRNS", b"\0\x03")),
        png_of(8, 8, 4, 0, b"\0\x00\x00\xff\xff" * 8, png_chunk(b"tRNS", b"\0\x0f")),
        png_of(
            8, 8, 16, 2, (b"\0" + bytes(24) + b"\xff" * 24) * 8, png_chunk(b"tRNS", b"\xff" * 6)
        ),
    ],
    ids=TRANSPARENT,
)
def test_every_way_to_be_transparent(data):
    picture = open_picture(data, "half")
    expected = HALF == 255 if picture.mask[0, 7] else HALF == 0
    assert np.array_equal(picture.mask, expected)
    assert (picture.rgb[~picture.mask] == 255).all()
    assert (picture.rgb[picture.mask] == 0).all()


# ── Depth ──────────────────────────────────────────────────────────────────────────

RAMP = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)


@pytest.mark.parametrize(
    "data",
    [
        encoded(Image.fromarray(RAMP), "PNG"),
        encoded(Image.fromarray(RAMP), "TIFF"),
        encoded(Image.fromarray(RAMP.astype(">u2")), "TIFF"),
        encoded(Image.fromarray(RAMP), "JPEG2000"),
        b"P5 64 64 65535\n" + RAMP.astype(">u2").tobytes(),
        b"P2 64 64 65535\n" + " ".join(map(str, RAMP.ravel())).encode(),
    ],
    ids=["PNG", "TIFF", "TIFF-big-endian", "JPEG2000", "PGM", "PGM-plain"],
)
def test_16_bit_greys_are_scaled_by_their_range(data):
    picture = open_picture(data, "deep")
    assert np.array_equal(picture.rgb[..., 0], np.rint(RAMP / 257).astype(np.uint8))
    assert len(np.unique(picture.rgb)) == 256
    assert "16 bits" in notes(picture)
    assert "grey" in notes(picture)


def test_12_bits_in_16_are_not_left_black():
    picture = open_picture(png(RAMP // 16), "microscope.png")
    assert np.array_equal(picture.rgb[..., 1], np.rint((RAMP // 16) * (255 / 4095)))
    assert "0 to 4095" in notes(picture)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("extension", [".png", ".tiff"])
def test_16_bit_colours_keep_their_upper_half(cat, channels, extension):
    deep = cat.astype(np.uint16) * 257
    if channels == 4:
        deep = np.dstack([deep, np.full(cat.shape[:2], 65535, np.uint16)])
    order = [2, 1, 0, 3][:channels]
    _, data = cv2.imencode(extension, np.ascontiguousarray(deep[..., order]))
    picture = open_picture(data.tobytes(), "deep")
    assert np.array_equal(picture.rgb, cat)
    assert "16 bits" in notes(picture)


@pytest.mark.parametrize(
    ("values", "black", "white"),
    [
        (np.linspace(0, 1, 256), 0, 1),
        (np.linspace(0, 255, 256), 0, 255),
        (np.linspace(-5, 5, 256), -5, 5),
        (np.linspace(0, 1e6, 256), 0, 1e6),
        (np.linspace(-3e38, 3e38, 256), -3e38, 3e38),
    ],
)
def test_float_pictures_are_scaled(values, black, white):
    array = values.astype(np.float32).reshape(16, 16)
    picture = open_picture(encoded(Image.fromarray(array), "TIFF"), "float.tif")
    expected = np.rint(255 * (array.astype(float) - black) / (float(white) - black))
    assert np.abs(picture.rgb[..., 0] - expected).max() <= 1
    assert "scaled" in notes(picture)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0, -7.0, 1e9, np.nan, np.inf, -np.inf])
def test_constant_float_pictures_are_defined(level):
    array = np.full((8, 8), level, np.float32)
    picture = open_picture(encoded(Image.fromarray(array), "TIFF"), "flat.tif")
    assert len(np.unique(picture.rgb)) == 1


def test_holes_in_float_pictures_become_the_ends():
    array = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    array[0, :3] = np.nan, np.inf, -np.inf
    picture = open_picture(encoded(Image.fromarray(array), "TIFF"), "holes.tif")
    assert picture.rgb[0, :3, 0].tolist() == [0, 255, 0]


def test_signed_32_bit_greys_are_stretched():
    array = np.array([[-1000, 0, 1000]], np.int32)
    picture = open_picture(encoded(Image.fromarray(array), "TIFF"), "signed.tif")
    assert picture.rgb[0, :, 0].tolist() == [0, 128, 255]


def test_one_bit_and_palette_pictures(cat):
    bits = Image.fromarray(cat).convert("1")
    assert np.array_equal(
        open_picture(encoded(bits, "PNG"), "x").rgb[..., 0], np.asarray(bits) * 255
    )
    palette = Image.fromarray(cat).quantize(16)
    picture = open_picture(encoded(palette, "PNG"), "x")
    assert np.array_equal(picture.rgb, np.asarray(palette.convert("RGB")))


# ── Colour ─────────────────────────────────────────────────────────────────────────

_SRGB_TO_XYZ = np.array(  # D50, as ICC profiles have it (IEC 61966-2-1, Bradford-adapted)
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)
_P3_TO_XYZ = np.array(
    [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]
)


def s15(value):
    return struct.pack(">i", round(value * 65536))


def matrix_profile(columns, gamma, space=b"RGB "):
    """Build a small ICC version 2 display profile: three primaries and one gamma."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    name = b"Wide test\0"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(78),
        b"wtpt": b"XYZ " + bytes(4) + s15(0.9642) + s15(1.0) + s15(0.8249),
    }
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        for letter, column in zip(b"rgb", columns.T, strict=True):
            tags[bytes([letter]) + b"XYZ"] = b"XYZ " + bytes(4) + b"".join(map(s15, column))
            tags[bytes([letter]) + b"TRC"] = curve
    table, body = b"", b""
    offset = 132 + 12 * len(tags)
    for tag, value in tags.items():
        value += bytes(-len(value) % 4)
        table += tag + struct.pack(">II", offset + len(body), len(value))
        body += value
    size = offset + len(body)
    head = struct.pack(">I", size) + bytes(4) + b"\x02\x10\0\0mntr" + space + b"XYZ "
    head += bytes(12) + b"acsp" + bytes(28) + s15(0.9642) + s15(1.0) + s15(0.8249) + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + body


def srgb_levels(linear):
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return 255 * np.clip(curved, 0, 1)


def test_a_wide_profile_is_converted_to_srgb(cat):
    picture = open_picture(png(cat, icc_profile=matrix_profile(_P3_TO_XYZ, 2.2)), "p3.png")
    linear = (cat / 255) ** 2.2 @ (np.linalg.inv(_SRGB_TO_XYZ) @ _P3_TO_XYZ).T
    assert np.abs(picture.rgb - srgb_levels(np.clip(linear, 0, 1))).max() <= 2
    assert np.abs(picture.rgb.astype(int) - cat).max() > 5
    assert "Wide test" in notes(picture)


def test_profile_and_transparency_together(cat):
    alpha = np.full(cat.shape[:2], 255, np.uint8)
    alpha[:, :50] = 0
    profile = matrix_profile(_P3_TO_XYZ, 2.2)
    opaque = open_picture(png(cat, icc_profile=profile), "x.png")
    picture = open_picture(png(np.dstack([cat, alpha]), icc_profile=profile), "x.png")
    assert (picture.rgb[:, :50] == 255).all()
    assert np.array_equal(picture.rgb[:, 50:], opaque.rgb[:, 50:])
    assert len(picture.notes) == 2


def test_a_grey_profile_is_converted():
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    picture = open_picture(png(ramp, icc_profile=matrix_profile(None, 1.8, b"GRAY")), "grey.png")
    assert np.abs(picture.rgb[..., 0] - srgb_levels((ramp / 255) ** 1.8)).max() <= 1
    assert (picture.rgb[..., 0] == picture.rgb[..., 2]).all()


def test_srgb_by_any_name_changes_nothing_and_needs_no_note(cat):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for array in (cat, cat[..., 0]):
        picture = open_picture(png(array, icc_profile=srgb), "x.png")
        assert "rofile" not in notes(picture)
        assert np.array_equal(picture.rgb[..., 0], cat[..., 0])


@pytest.mark.parametrize("profile", [b"rubbish", bytes(200), matrix_profile(_P3_TO_XYZ, 2.2)[:150]])
def test_a_broken_profile_is_told_and_left_out(cat, profile):
    picture = open_picture(png(cat, icc_profile=profile), "x.png")
    assert np.array_equal(picture.rgb, cat)
    assert "profile is broken" in notes(picture)


def test_a_profile_for_other_pictures_is_told_and_left_out(cat):
    picture = open_picture(png(cat, icc_profile=matrix_profile(None, 1.0, b"GRAY")), "x.png")
    assert np.array_equal(picture.rgb, cat)
    assert "other kinds" in notes(picture)


def test_cmyk_jpegs_are_not_inverted(cat):
    picture = open_picture(encoded(Image.fromarray(cat).convert("CMYK"), "JPEG"), "print.jpg")
    assert np.abs(picture.rgb.astype(int) - cat).mean() < 8
    assert "CMYK" in notes(picture)


def test_lab_pictures_agree_with_scikit_image(cat):
    # scikit-image's Lab is of D65, Pillow's of D50: greys and mid colours agree
    lab = rgb2lab(cat[::4, ::4])
    signs = np.rint(lab[..., 1:]).astype(np.int8).view(np.uint8)
    stored = np.dstack([np.rint(lab[..., 0] * 2.55).astype(np.uint8), signs])
    image = Image.frombytes("LAB", (stored.shape[1], stored.shape[0]), stored.tobytes())
    picture = open_picture(encoded(image, "TIFF"), "lab.tif")
    assert np.abs(picture.rgb.astype(int) - cat[::4, ::4]).mean() < 4
    assert "Lab" in notes(picture)


# ── Several pictures in one file ───────────────────────────────────────────────────


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_first_frame_is_used_and_that_is_said(cat, file_format):
    first, second = Image.fromarray(cat), Image.fromarray(255 - cat)
    data = encoded(first, file_format, save_all=True, append_images=[second, first])
    picture = open_picture(data, "moving")
    assert np.abs(picture.rgb.astype(int) - cat).mean() < 12
    counted = "several" if file_format in ("GIF", "TIFF") else "3"
    assert f"It holds {counted} pictures" in notes(picture)


def test_a_long_animation_is_not_counted_frame_by_frame():
    head = encoded(Image.new("P", (1, 1)), "GIF")[:-1]
    frame = b"\x2c" + bytes(4) + b"\1\0\1\0\0" + b"\2\2\x44\1\0"
    assert open_picture(head + frame * 200_000 + b";", "long.gif").width == 1


# ── Reduced copies ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_a_reduced_copy_looks_like_the_whole_picture_reduced(file_format):
    coffee = photograph("coffee", 600).rgb
    data = encoded(Image.fromarray(coffee), file_format, quality=95)
    for side in (320, 100, 33):
        reduced = open_reduced(data, "coffee", side)
        assert max(reduced.rgb.shape) == side
        size = (reduced.width, reduced.height)
        reference = cv2.resize(open_picture(data, "x").rgb, size, interpolation=cv2.INTER_AREA)
        assert np.abs(reduced.rgb.astype(int) - reference).mean() < 3
        assert reduced.digest == hashlib.sha256(data).hexdigest()
        assert "600 × 400" in notes(reduced)


def test_a_small_picture_keeps_its_size(cat):
    picture = open_reduced(png(cat), "cat.png", 1000)
    assert np.array_equal(picture.rgb, cat)
    assert picture.notes == ()


def test_a_reduced_copy_keeps_its_mask_and_extreme_shapes_keep_a_pixel():
    rgba = np.zeros((100, 200, 4), np.uint8)
    rgba[:, :100, 3] = 255
    reduced = open_reduced(png(rgba), "half.png", 20)
    assert reduced.mask.shape == (10, 20)
    assert reduced.mask[:, :10].all()
    assert not reduced.mask[:, 10:].any()
    assert open_reduced(png(np.zeros((1, 5000), np.uint8)), "line", 100).rgb.shape == (1, 100, 3)


def test_a_truncated_jpeg_is_damaged_when_reduced_too(cat):
    data = encoded(Image.fromarray(cat), "JPEG")
    with pytest.raises(PictureDamaged):
        open_reduced(data[: len(data) // 2], "half.jpg", 40)
