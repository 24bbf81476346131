"""The built-in catalogue, and photographs to try it with.

Photographs are those that scikit-image carries, cut out; packages are drawn by this
project. A photograph of a drawn thing is simulated and says so in its label; those of the
cup and of the motorcycle are real.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgsim_core.applications.products.camera import Shot, photographed
from imgsim_core.applications.products.catalogue import Catalogue, Told, catalogue_from
from imgsim_core.applications.products.drawn import Colour, Print, mug, package, shirt
from imgsim_core.applications.products.sources import File, Files
from imgsim_core.models.catalogue import Model
from imgsim_core.picture import Picture, open_picture
from imgsim_core.samples import open_sample
from imgsim_core.text import Text

NAME = "samples"

RGB = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Cut = Callable[[], tuple[RGB, Mask]]

_COLUMNS = ("sku", "title", "picture", "price", "shelf")


@dataclass(frozen=True)
class _Item:
    sku: str
    title: str
    price: str
    shelf: str
    cut: Cut


@dataclass(frozen=True)
class SamplePhotograph:
    """A photograph to try the built-in catalogue with.

    Parameters
    ----------
    id : str
        In links: never renamed.
    label : Text
    truth : str
        SKU of what it shows; "" if the catalogue has no such thing.
    make : callable
        () -> ndarray of uint8, shape (height, width, 3).
    """

    id: str
    label: Text
    truth: str
    make: Callable[[], RGB]

    def opened(self) -> Picture:
        """Open it through the gate, as a visitor's own."""
        return _opened(self.id)


@lru_cache(maxsize=32)
def _opened(photograph_id: str) -> Picture:
    made = next(one for one in PHOTOGRAPHS if one.id == photograph_id).make()
    return open_picture(_jpeg(made), f"{photograph_id}.jpg")


@lru_cache(maxsize=1)
def files() -> tuple[tuple[str, bytes], ...]:
    """Make the built-in catalogue's files: a table, and a picture for each of its rows.

    Returns
    -------
    tuple of (str, bytes)
        "catalogue.csv" first.
    """
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(_COLUMNS)
    for item in _ITEMS:
        writer.writerow([item.sku, item.title, f"{item.sku}.jpg", item.price, item.shelf])
    table = ("catalogue.csv", stream.getvalue().encode())
    return table, *((f"{item.sku}.jpg", _jpeg(_on_white(*item.cut()))) for item in _ITEMS)


def sample_catalogue(model: Model, told: Told | None = None) -> Catalogue:
    """Read the built-in catalogue as one that a visitor brings.

    Raises
    ------
    WeightsMissing, WeightsWrong
        If the model cannot be used on this host.
    """
    return catalogue_from(NAME, Files(_files, lambda: len(_ITEMS) + 1), model, told=told)


def _files() -> Iterator[File | Text]:
    return (File(name, partial(bytes, data)) for name, data in files())


# ── Products ───────────────────────────────────────────────────────────────────────


def _on_white(rgb: RGB, mask: Mask, side: int = 480) -> RGB:
    """Lay a product on a white square, as shops do."""
    scale = 0.84 * side / max(mask.shape)
    size = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    cover = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)[..., None]
    laid = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    window = (slice(top, top + size[1]), slice(left, left + size[0]))
    laid[window] = np.rint(small * cover + 255 * (1 - cover)).astype(np.uint8)
    return laid


def _jpeg(rgb: RGB) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def _of_sample(sample_id: str) -> tuple[RGB, Mask]:
    """Take a built-in picture that lies on white already."""
    rgb = open_sample(sample_id).rgb
    far = cv2.morphologyEx(
        (rgb.min(axis=2) < 250).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)
    )
    rows, columns = (np.flatnonzero(far.any(axis=axis)) for axis in (1, 0))
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    return np.ascontiguousarray(rgb[window]), far[window].astype(bool)


def _swatch(sample_id: str, gains: tuple[float, float, float]) -> tuple[RGB, Mask]:
    """Take a square piece of a material, in a colour it is sold in."""
    piece = open_sample(sample_id).rgb[60:360, 60:360].astype(np.float32)
    tinted = np.clip(piece * np.array(gains, np.float32), 0, 255).astype(np.uint8)
    return tinted, np.ones(tinted.shape[:2], bool)


def _box(width: int, height: int, said: Print, gable: bool = False) -> Cut:
    return partial(package, (width, height), said, gable=gable)


_BLUE: Colour = (38, 84, 160)
_RED: Colour = (190, 44, 40)
_GREEN: Colour = (46, 120, 72)
_CREAM: Colour = (240, 226, 190)
_YELLOW: Colour = (244, 190, 50)
_BROWN: Colour = (96, 62, 40)

_GREEN_TEA = _box(300, 400, Print("LINDEN", "Green tea", (206, 226, 190), _GREEN, 3))
_ORANGE_JUICE = _box(220, 420, Print("SOLERA", "Orange juice", (255, 170, 60), _RED, 4), True)
_MUG_SIZE = (340, 320)

_ITEMS = (
    _Item("CUP-01", "Espresso cup with saucer", "12.50", "A1", partial(_of_sample, "cup-on-white")),
    _Item("MOTO-01", "Motorcycle", "4,900.00", "Yard", partial(_of_sample, "motorcycle-on-white")),
    _Item(
        "BRICK-01",
        "Facing bricks, red",
        "0.90",
        "Yard",
        partial(_swatch, "bricks", (1.2, 0.75, 0.62)),
    ),
    _Item(
        "GRAVEL-01",
        "Gravel, grey, 20 kg",
        "6.40",
        "Yard",
        partial(_swatch, "gravel", (1.0, 1.0, 1.02)),
    ),
    _Item(
        "TURF-01",
        "Lawn turf, a square metre",
        "4.20",
        "Yard",
        partial(_swatch, "grass", (0.75, 1.1, 0.55)),
    ),
    _Item("TEA-01", "Linden green tea, 20 bags", "3.20", "B2", _GREEN_TEA),
    _Item(
        "TEA-02",
        "Linden black tea, 20 bags",
        "3.20",
        "B2",
        _box(300, 400, Print("LINDEN", "Black tea", _CREAM, _BROWN, 4)),
    ),
    _Item(
        "TEA-03",
        "Linden rooibos tea, 20 bags",
        "3.40",
        "B2",
        _box(300, 400, Print("LINDEN", "Rooibos", (236, 180, 140), _RED, 5)),
    ),
    _Item("JUICE-01", "Solera orange juice, 1 l", "2.10", "B3", _ORANGE_JUICE),
    _Item(
        "JUICE-02",
        "Solera apple juice, 1 l",
        "2.10",
        "B3",
        _box(220, 420, Print("SOLERA", "Apple juice", (206, 222, 110), _GREEN, 7), True),
    ),
    _Item(
        "MILK-01",
        "Alma whole milk, 1 l",
        "1.30",
        "C1",
        _box(220, 420, Print("ALMA", "Whole milk", (244, 246, 250), _BLUE, 8), True),
    ),
    _Item(
        "CEREAL-01",
        "Morning flakes, 500 g",
        "3.90",
        "B1",
        _box(320, 440, Print("MORNING", "Corn flakes", _YELLOW, _RED, 9)),
    ),
    _Item(
        "COFFEE-01",
        "Monte coffee beans, 1 kg",
        "14.90",
        "B2",
        _box(280, 440, Print("MONTE", "Coffee beans", _BROWN, _YELLOW, 10)),
    ),
    _Item(
        "CHOC-01",
        "Notte dark chocolate, 100 g",
        "2.60",
        "B4",
        _box(460, 210, Print("NOTTE", "Dark chocolate", (60, 40, 48), (190, 150, 90), 11)),
    ),
    _Item(
        "SOAP-01",
        "Brise hand soap, 90 g",
        "1.80",
        "D1",
        _box(360, 240, Print("BRISE", "Hand soap", (190, 224, 232), _BLUE, 12)),
    ),
    _Item("MUG-01", "Star mug, blue", "8.00", "A1", partial(mug, _MUG_SIZE, _BLUE, _CREAM)),
    _Item("MUG-02", "Star mug, red", "8.00", "A1", partial(mug, _MUG_SIZE, _RED, _CREAM)),
    _Item(
        "SHIRT-01",
        "Striped shirt, navy",
        "19.00",
        "E1",
        partial(shirt, (420, 400), (34, 48, 92), _CREAM),
    ),
    _Item(
        "SHIRT-02",
        "Striped shirt, sand",
        "19.00",
        "E1",
        partial(shirt, (420, 400), (214, 190, 150), _RED),
    ),
)


# ── Photographs ────────────────────────────────────────────────────────────────────


def _taken(cut: Cut, scene: str, shot: Shot, seed: int) -> RGB:
    return photographed(*cut(), open_sample(scene).rgb, shot, seed)


def _as_it_is(sample_id: str) -> RGB:
    return open_sample(sample_id).rgb


_WARM, _DIM = (1.12, 0.98, 0.8), (0.78, 0.8, 0.88)

PHOTOGRAPHS = (
    SamplePhotograph("cup", Text("Cup on a table"), "CUP-01", partial(_as_it_is, "coffee")),
    SamplePhotograph(
        "shelf-of-tea",
        Text("Shelf full of tea"),
        "TEA-01",
        partial(_taken, _GREEN_TEA, "bricks", Shot(rows=2, columns=3, light=_WARM, tilt=0.08), 1),
    ),
    SamplePhotograph(
        "juice",
        Text("Juice, turned and partly hidden"),
        "JUICE-01",
        partial(
            _taken,
            _ORANGE_JUICE,
            "gravel",
            Shot(turn=16, tilt=0.12, share=0.85, light=_DIM, hidden=0.2),
            2,
        ),
    ),
    SamplePhotograph(
        "green-mug",
        Text("Mug in a colour not sold"),
        "MUG-01",
        partial(
            _taken,
            partial(mug, _MUG_SIZE, (60, 150, 70), _CREAM),
            "grass",
            Shot(turn=-6, share=0.7, light=_WARM, shade=0.2),
            3,
        ),
    ),
    SamplePhotograph(
        "motorcycle",
        Text("Motorcycle, from another side"),
        "MOTO-01",
        partial(_as_it_is, "motorcycle-right"),
    ),
    SamplePhotograph("cat", Text("A cat: not for sale"), "", partial(_as_it_is, "cat")),
)


def photograph_by_id(photograph_id: str) -> SamplePhotograph | None:
    """Find a photograph to try; None if there is none of this id."""
    return next((one for one in PHOTOGRAPHS if one.id == photograph_id), None)
