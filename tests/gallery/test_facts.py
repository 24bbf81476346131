"""What a gallery learns of a picture: against ImageHash, Pillow's qualities and plain cases."""

from __future__ import annotations

import hashlib
import io

import cv2
import imagehash
import numpy as np
import pytest
from PIL import ExifTags, Image

from imgsim_core.errors import NotAPicture, PictureDamaged
from imgsim_core.gallery import facts as module
from imgsim_core.gallery.facts import bin_colours, colour_summary, facts, sharpness, turned_hashes
from tests.pictures import blank, photograph

TURNS = [
    lambda rgb: rgb,
    lambda rgb: np.rot90(rgb, 1),
    lambda rgb: np.rot90(rgb, 2),
    lambda rgb: np.rot90(rgb, 3),
    np.fliplr,
    lambda rgb: np.rot90(np.fliplr(rgb), 1),
    lambda rgb: np.rot90(np.fliplr(rgb), 2),
    lambda rgb: np.rot90(np.fliplr(rgb), 3),
]


def saved(rgb: np.ndarray, form: str = "JPEG", **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(stream, form, **options)
    return stream.getvalue()


def exif(**tags: object) -> Image.Exif:
    found = Image.Exif()
    for name, value in tags.items():
        tag = ExifTags.Base[name]
        if name == "DateTimeOriginal":
            found.get_ifd(ExifTags.IFD.Exif)[tag] = value
        else:
            found[tag] = value
    return found


def test_an_entry_tells_the_file_and_the_picture_is_reduced():
    data = saved(photograph("astronaut", 512).rgb.repeat(2, 0).repeat(2, 1))
    entry, picture = facts(data, "trip/astronaut.jpg", "/trip/astronaut.jpg", 12.5)
    assert entry.digest == picture.digest == hashlib.sha256(data).hexdigest()
    assert (entry.names, entry.sources) == (("trip/astronaut.jpg",), ("/trip/astronaut.jpg",))
    assert (entry.width, entry.height, entry.bytes) == (1024, 1024, len(data))
    assert (entry.format, entry.modified, entry.length) == ("JPEG", 12.5, 1.0)
    assert max(picture.width, picture.height) == module.SIDE


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_size_is_the_full_one_of_the_upright_picture(form, orientation):
    data = saved(np.zeros((600, 900, 3), np.uint8), form, exif=exif(Orientation=orientation))
    entry, picture = facts(data, "x")
    assert (entry.width > entry.height) == (picture.width > picture.height)
    assert {entry.width, entry.height} == {900, 600}


def test_a_camera_and_its_clock():
    tags = exif(Model="X100V\0 ", DateTime="2025:01:01 00:00:00")
    assert facts(saved(blank(8, 8).rgb, exif=tags), "x")[0].taken == "2025-01-01T00:00:00"
    tags = exif(
        Model="X100V\0 ", DateTime="2025:01:01 00:00:00", DateTimeOriginal="2024:05:31 18:02:11"
    )
    entry, _ = facts(saved(blank(8, 8).rgb, exif=tags), "x")
    # The moment of the photograph counts, not that of the last edit
    assert (entry.taken, entry.camera) == ("2024-05-31T18:02:11", "X100V")


@pytest.mark.parametrize("words", ["", "0000:00:00 00:00:00", "yesterday", "2024:13:01 1:1:1"])
def test_a_clock_that_was_never_set_says_nothing(words):
    assert module.taken_at(words) == ""


@pytest.mark.parametrize("quality", range(1, 101))
def test_the_quality_is_the_one_pillow_saved_with(quality):
    entry, _ = facts(saved(photograph("chelsea", 32).rgb, quality=quality), "x")
    assert entry.quality == quality


def test_only_a_jpeg_has_a_quality():
    assert facts(saved(blank(8, 8).rgb, "PNG"), "x")[0].quality == 0


def test_hashes_are_those_of_imagehash_in_every_turn():
    for name in ("chelsea", "coffee", "astronaut"):
        rgb = photograph(name, 500).rgb[:-37]
        found = turned_hashes(rgb)
        for turn, value in zip(TURNS, found, strict=True):
            turned = Image.fromarray(np.ascontiguousarray(turn(rgb)))
            assert f"{int(value):016x}" == str(imagehash.phash(turned))


def test_the_hashes_of_a_turned_picture_are_those_of_the_picture_in_another_order():
    rgb = photograph("coffee", 400).rgb
    for turn in TURNS:
        assert set(turned_hashes(np.ascontiguousarray(turn(rgb)))) == set(turned_hashes(rgb))


def test_blurring_more_makes_less_sharp_and_size_does_not_count():
    rgb = photograph("astronaut", 512).rgb
    blurred = [sharpness(np.asarray(cv2.GaussianBlur(rgb, (0, 0), s))) for s in (0.5, 1, 2, 4)]
    assert [sharpness(rgb), *blurred] == sorted([sharpness(rgb), *blurred], reverse=True)
    doubled = np.asarray(cv2.resize(rgb, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST))
    assert sharpness(doubled) == pytest.approx(sharpness(rgb), rel=0.05)
    assert sharpness(blank(20, 30).rgb) == 0


def test_each_bin_holds_its_own_colour():
    for number, colour in enumerate(bin_colours()):
        shares = colour_summary(np.full((5, 7, 3), colour, np.uint8))
        assert shares.argmax() == number
        assert shares.sum() == pytest.approx(1)


def test_colours_count_by_area_and_greys_are_greys():
    rgb = np.zeros((80, 80, 3), np.uint8)
    rgb[:20] = (255, 255, 255)
    shares = colour_summary(rgb)
    assert (shares[0], shares[7]) == (0.75, 0.25)
    grey = np.repeat(photograph("camera", 200).rgb[..., :1], 3, axis=2)
    assert colour_summary(grey)[:8].sum() == pytest.approx(1)


def test_a_bin_is_the_nearest_in_cielab():
    random = np.random.default_rng(0)
    colours = random.integers(0, 256, (300, 3), dtype=np.uint8)

    def lab(rgb: np.ndarray) -> np.ndarray:
        return cv2.cvtColor(rgb.astype(np.float32)[:, None] / 255, cv2.COLOR_RGB2Lab)[:, 0]

    away = np.linalg.norm(lab(colours)[:, None] - lab(bin_colours())[None], axis=2)
    for colour, distances in zip(colours, away, strict=True):
        chosen = colour_summary(np.full((2, 2, 3), colour, np.uint8)).argmax()
        # Cells are 8 levels wide: near a border either side will do
        assert distances[chosen] <= distances.min() + 8


def test_what_cannot_be_opened_is_refused():
    with pytest.raises(NotAPicture, match=r"letter\.txt"):
        facts(b"Dear Sir or Madam", "letter.txt")
    with pytest.raises(PictureDamaged):
        facts(saved(photograph("chelsea", 100).rgb, "PNG")[:200], "cut.png")
