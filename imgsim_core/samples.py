"""The built-in pictures, and pairs of them that each fool one method.

The pictures are those that scikit-image's own wheel carries; the variants are made from
them on the spot by `imgsim_core.distort`, the same every time.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import resources

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgsim_core.distort import damage_by_id
from imgsim_core.errors import UnknownSample
from imgsim_core.picture import Picture, open_picture
from imgsim_core.text import Text, UserText

RGB = NDArray[np.uint8]
Step = Callable[[RGB], RGB]


@dataclass(frozen=True)
class Sample:
    """One built-in picture.

    Parameters
    ----------
    id : str
        In links: never renamed.
    label : Text
    make : callable
        () -> bytes of an image file.
    file_name : str
    """

    id: str
    label: Text
    make: Callable[[], bytes]
    file_name: str


@dataclass(frozen=True)
class SamplePair:
    """Two built-in pictures to compare, and what to notice.

    Parameters
    ----------
    id : str
        In links: never renamed.
    label : Text
    notice : Text
        One sentence: which method is fooled here, and which is not.
    a, b : str
        Ids of the samples.
    """

    id: str
    label: Text
    notice: Text
    a: str
    b: str


def all_samples() -> tuple[Sample, ...]:
    """List every built-in picture, those of the guided pairs first."""
    return SAMPLES


def all_pairs() -> tuple[SamplePair, ...]:
    """List the guided pairs; the first is the one to begin with."""
    return PAIRS


def sample_by_id(sample_id: str) -> Sample:
    """Find a built-in picture.

    Raises
    ------
    UnknownSample
        If none has this id.
    """
    for sample in SAMPLES:
        if sample.id == sample_id:
            return sample
    raise UnknownSample(
        Text("There is no built-in picture called {sample}.", sample=UserText(sample_id))
    )


def pair_by_id(pair_id: str) -> SamplePair:
    """Find a guided pair.

    Raises
    ------
    UnknownSample
        If none has this id.
    """
    for pair in PAIRS:
        if pair.id == pair_id:
            return pair
    raise UnknownSample(Text("There is no built-in pair called {pair}.", pair=UserText(pair_id)))


@lru_cache(maxsize=64)
def open_sample(sample_id: str) -> Picture:
    """Open a built-in picture, through the same gate as a visitor's.

    Raises
    ------
    UnknownSample
        If none has this id.
    """
    sample = sample_by_id(sample_id)
    return open_picture(sample.make(), sample.file_name)


# ── Making ─────────────────────────────────────────────────────────────────────────


def _file(name: str) -> bytes:
    return resources.files("skimage").joinpath("data", name).read_bytes()


@lru_cache(maxsize=8)
def _original(name: str) -> RGB:
    return open_picture(_file(name), name).rgb


def _made(name: str, *steps: Step) -> bytes:
    """Take an original through some steps and write it as a lossless file."""
    rgb = _original(name)
    for step in steps:
        rgb = step(rgb)
    target = io.BytesIO()
    Image.fromarray(rgb).save(target, "PNG", compress_level=1)
    return target.getvalue()


def _damaged(damage_id: str, strength: float) -> Step:
    return partial(damage_by_id(damage_id), strength=strength)


def _at_most(rgb: RGB, side: int) -> RGB:
    height, width = rgb.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _cut(left: int, top: int, width: int, height: int) -> Step:
    def cut(rgb: RGB) -> RGB:
        return np.ascontiguousarray(rgb[top : top + height, left : left + width])

    return cut


def _moved(pixels: int) -> Step:
    """Move the scene to the right and down; the edge pixels are repeated, so none shows."""

    def moved(rgb: RGB) -> RGB:
        padded = np.pad(rgb, ((pixels, 0), (pixels, 0), (0, 0)), mode="edge")
        return np.ascontiguousarray(padded[: rgb.shape[0], : rgb.shape[1]])

    return moved


def _shuffled(side: int) -> Step:
    """Deal the squares of a picture anew: every colour stays, no scene does."""

    def shuffled(rgb: RGB) -> RGB:
        rows, columns = rgb.shape[0] // side, rgb.shape[1] // side
        squares = rgb.reshape(rows, side, columns, side, 3).swapaxes(1, 2)
        squares = squares.reshape(rows * columns, side, side, 3)
        squares = squares[np.random.default_rng(7).permutation(len(squares))]
        dealt = squares.reshape(rows, columns, side, side, 3).swapaxes(1, 2)
        return np.ascontiguousarray(dealt.reshape(rgb.shape))

    return shuffled


def _jpeg_file(name: str, quality: int) -> bytes:
    target = io.BytesIO()
    Image.fromarray(_original(name)).save(target, "JPEG", quality=quality)
    return target.getvalue()


def _on_white(rgb: RGB, cover: RGB) -> RGB:
    """Keep what is covered, with a soft edge; `cover` 0 to 255, shape (height, width)."""
    white = Image.new("RGB", (rgb.shape[1], rgb.shape[0]), "white")
    white.paste(Image.fromarray(rgb), mask=Image.fromarray(cover))
    return np.asarray(white)


def _cup_on_white(rgb: RGB) -> RGB:
    """Cut out cup, saucer and spoon: two ellipses and a handle, measured in the photograph."""
    height, width = rgb.shape[:2]
    outline = np.zeros((4 * height, 4 * width), np.uint8)  # drawn larger, for a smooth edge
    cv2.ellipse(outline, (1112, 910), (804, 644), 3, 0, 360, 255, -1)
    cv2.ellipse(outline, (1162, 452), (472, 380), 4, 0, 360, 255, -1)
    handle = [(1586, 300), (1600, 276), (1630, 264), (1664, 268)]
    handle += [(1692, 292), (1698, 320), (1670, 470), (1624, 550)]
    cv2.fillPoly(outline, [np.array(handle, np.int32)], 255)
    cover = cv2.resize(outline, (width, height), interpolation=cv2.INTER_AREA)
    return _on_white(rgb, np.asarray(cover, np.uint8))


def _motorcycle_on_white(rgb: RGB) -> RGB:
    """Cut out the motorcycle by the disparities measured with the photograph."""
    with resources.files("skimage").joinpath("data", "motorcycle_disp.npz").open("rb") as file:
        disparity = np.load(file)["arr_0"]
    disparity = np.nan_to_num(disparity, posinf=0.0, neginf=0.0)
    rows, columns = np.indices(disparity.shape, np.float32)
    # The floor is a plane that comes nearer towards the lower edge
    floor = 22.9 + 0.178 * (rows - 300) - 0.0015 * (columns - 370)
    near = np.uint8(255) * ((disparity > 36) & (disparity > floor + 1.6))
    near = cv2.morphologyEx(near, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, parts, sizes, _ = cv2.connectedComponentsWithStats(near)
    largest = 1 + int(np.argmax(sizes[1:, cv2.CC_STAT_AREA]))
    cover = cv2.GaussianBlur(np.uint8(255) * (parts == largest), (0, 0), 0.8)
    return _on_white(rgb, np.asarray(cover, np.uint8))


# ── The pictures ───────────────────────────────────────────────────────────────────


def _as_is(sample_id: str, label: Text, name: str) -> Sample:
    suffix = name.rpartition(".")[2]
    return Sample(sample_id, label, partial(_file, name), f"{sample_id}.{suffix}")


def _variant(sample_id: str, label: Text, name: str, *steps: Step) -> Sample:
    return Sample(sample_id, label, partial(_made, name, *steps), f"{sample_id}.png")


SAMPLES = (
    _as_is("motorcycle-left", Text("Motorcycle, from the left"), "motorcycle_left.png"),
    _as_is("motorcycle-right", Text("Motorcycle, from the right"), "motorcycle_right.png"),
    _as_is("cat", Text("Cat"), "chelsea.png"),
    _as_is("coffee", Text("Cup of coffee"), "coffee.png"),
    _as_is("astronaut", Text("Astronaut"), "astronaut.png"),
    _as_is("rocket", Text("Rocket"), "rocket.jpg"),
    _as_is("photographer", Text("Photographer"), "camera.png"),
    _as_is("bricks", Text("Bricks"), "brick.png"),
    _as_is("grass", Text("Grass"), "grass.png"),
    _as_is("gravel", Text("Gravel"), "gravel.png"),
    _as_is("coins", Text("Coins"), "coins.png"),
    _as_is("moon", Text("Moon"), "moon.png"),
    _variant("galaxies", Text("Galaxies"), "hubble_deep_field.jpg", partial(_at_most, side=800)),
    _variant("eye", Text("Back of an eye"), "retina.jpg", partial(_at_most, side=700)),
    _as_is("tissue", Text("Stained tissue"), "ihc.png"),
    _as_is("horse", Text("Horse, drawn on transparency"), "horse.png"),
    _as_is("page", Text("Printed page"), "page.png"),
    _as_is("colour-wheel", Text("Colour wheel"), "color.png"),
    _variant(
        "cat-edited",
        Text("Cat, cropped, warmer and recompressed"),
        "chelsea.png",
        _damaged("crop", 14),
        _damaged("warmth", 30),
        _damaged("jpeg", 60),
    ),
    _variant("cat-mirrored", Text("Cat, mirrored"), "chelsea.png", _damaged("mirror", 1)),
    _variant("cat-grey", Text("Cat, grey"), "chelsea.png", _damaged("grey", 100)),
    _variant("cat-blue", Text("Cat, in other hues"), "chelsea.png", _damaged("hue", 180)),
    _variant("coffee-shuffled", Text("Coffee, shuffled"), "coffee.png", _shuffled(50)),
    _variant("coffee-shifted", Text("Coffee, 4 pixels aside"), "coffee.png", _moved(4)),
    _variant(
        "coffee-turned", Text("Coffee, turned 15 degrees"), "coffee.png", _damaged("turn", 15)
    ),
    _variant(
        "coffee-enlarged",
        Text("Coffee, made tiny and enlarged"),
        "coffee.png",
        _damaged("downscale", 88),
    ),
    _variant(
        "astronaut-brighter",
        Text("Astronaut, brighter"),
        "astronaut.png",
        _damaged("brightness", 25),
    ),
    _variant(
        "astronaut-close", Text("Astronaut, close up"), "astronaut.png", _cut(130, 0, 300, 300)
    ),
    _variant("rocket-text", Text("Rocket, with text"), "rocket.jpg", _damaged("watermark", 80)),
    Sample(
        "rocket-jpeg-10",
        Text("Rocket, as JPEG of quality 10"),
        partial(_jpeg_file, "rocket.jpg", 10),
        "rocket-jpeg-10.jpg",
    ),
    _variant(
        "cup-on-white", Text("Cup on white"), "coffee.png", _cup_on_white, _damaged("border", 25)
    ),
    _variant(
        "motorcycle-on-white",
        Text("Motorcycle on white"),
        "motorcycle_left.png",
        _motorcycle_on_white,
    ),
    _variant("gravel-left", Text("Gravel, one part"), "gravel.png", _cut(0, 0, 300, 200)),
    _variant("gravel-right", Text("Gravel, another part"), "gravel.png", _cut(200, 312, 300, 200)),
)

PAIRS = (
    SamplePair(
        "two-views",
        Text("Two views of one thing"),
        Text(
            "The camera moved a little: comparing pixel by pixel sees many differences, "
            "matching details finds the same motorcycle."
        ),
        "motorcycle-left",
        "motorcycle-right",
    ),
    SamplePair(
        "cat-edited",
        Text("An edited copy"),
        Text(
            "Cropped, warmer and recompressed: colours and pixels have moved, "
            "yet matching details and meaning stay."
        ),
        "cat",
        "cat-edited",
    ),
    SamplePair(
        "coffee-shuffled",
        Text("Same colours, other arrangement"),
        Text("Every pixel is still there, only elsewhere: the colours agree, the scene is gone."),
        "coffee",
        "coffee-shuffled",
    ),
    SamplePair(
        "on-white",
        Text("Two things on white"),
        Text(
            "Most of both pictures is white, so colour and structure call them alike; "
            "the meaning does not."
        ),
        "cup-on-white",
        "motorcycle-on-white",
    ),
    SamplePair(
        "cat-mirrored",
        Text("Mirrored"),
        Text(
            "People see the same cat at once; structure and fingerprints compare left with right "
            "and miss it."
        ),
        "cat",
        "cat-mirrored",
    ),
    SamplePair(
        "coffee-shifted",
        Text("Moved by 4 pixels"),
        Text("Hardly visible, yet structure falls steeply: it compares the same places only."),
        "coffee",
        "coffee-shifted",
    ),
    SamplePair(
        "coffee-turned",
        Text("Turned by 15 degrees"),
        Text("Structure and fingerprints lose it; matching details even finds the angle."),
        "coffee",
        "coffee-turned",
    ),
    SamplePair(
        "astronaut-brighter",
        Text("Brighter"),
        Text("Colours move into other bins although nothing in the scene has changed."),
        "astronaut",
        "astronaut-brighter",
    ),
    SamplePair(
        "cat-grey",
        Text("Without colour"),
        Text("Structure works on grey pictures anyway and sees no difference; colour does."),
        "cat",
        "cat-grey",
    ),
    SamplePair(
        "cat-blue",
        Text("In other hues"),
        Text("The outlines are the same to the pixel: only the colour methods notice."),
        "cat",
        "cat-blue",
    ),
    SamplePair(
        "rocket-text",
        Text("Text laid over"),
        Text(
            "Words across it upset the fingerprints, which hold 64 bits only; "
            "colours and matching details know the photograph again."
        ),
        "rocket",
        "rocket-text",
    ),
    SamplePair(
        "astronaut-close",
        Text("A part of the picture"),
        Text(
            "One shows a part of the other: matching details says where it lies, "
            "structure and fingerprints do not."
        ),
        "astronaut",
        "astronaut-close",
    ),
    SamplePair(
        "coffee-enlarged",
        Text("Made tiny and enlarged"),
        Text("Fine detail is gone, so few details match; colours and fingerprints hardly change."),
        "coffee",
        "coffee-enlarged",
    ),
    SamplePair(
        "rocket-jpeg-10",
        Text("Saved as a poor JPEG"),
        Text("Blocks and false colours: finely counted colours differ, fingerprints do not mind."),
        "rocket",
        "rocket-jpeg-10",
    ),
    SamplePair(
        "same-texture",
        Text("Same texture, other place"),
        Text("Not one stone is the same, so structure and details fail; texture sees the gravel."),
        "gravel-left",
        "gravel-right",
    ),
    SamplePair(
        "two-people",
        Text("Two people"),
        Text("No colour, edge or detail agrees; only a learned method can see a person in both."),
        "astronaut",
        "photographer",
    ),
    SamplePair(
        "unrelated",
        Text("Nothing in common"),
        Text("This is what unlike means: remember these numbers when you judge others."),
        "cat",
        "rocket",
    ),
    SamplePair(
        "same-file",
        Text("The same file twice"),
        Text("Every method must show its best value here, and only here for certain."),
        "astronaut",
        "astronaut",
    ),
)
