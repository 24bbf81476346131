"""A catalogue: products by SKU, each with its pictures, described once.

Of a picture only a small copy and its description are kept, so that 10,000 products fit in
memory. Whatever cannot be taken is said by name, and the rest goes on.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from imgsim_core import lanes
from imgsim_core.applications.products.looks import Array, Look, look_of_product
from imgsim_core.applications.products.sources import File, Files
from imgsim_core.applications.products.table import MOST_ROWS, Row, Table, is_table, read_table
from imgsim_core.errors import CatalogueError, ImgSimError, NoRoom
from imgsim_core.models.catalogue import Model
from imgsim_core.models.network import compute_alone, network, usable_processors
from imgsim_core.picture import Picture, open_picture, open_reduced
from imgsim_core.text import Text, UserText

SIDE = 480  # pixels of the long side of what is kept of a picture
_SIDE_OF_MANY = 256
_MANY = 1_500
MOST_PICTURES = 20_000
MOST_OF_ONE = 8  # pictures of one product
_MOST_PROBLEMS = 1_000
_AHEAD = 4  # files read for each thread that describes
_MOST_THREADS = 16

Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Product:
    """One thing a shop sells.

    Parameters
    ----------
    sku, title : str
        As in the list; the title may be "".
    more : tuple of (str, str)
        Further columns that are filled in.
    """

    sku: str
    title: str
    more: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ProductPicture:
    """A picture of a product, reduced.

    Parameters
    ----------
    product : int
        Place among the catalogue's products.
    name : str
        The file's.
    digest : str
        SHA-256 of the reduced copy.
    small : bytes
        JPEG, long side at most `SIDE` pixels.
    """

    product: int
    name: str
    digest: str
    small: bytes

    def opened(self) -> Picture:
        """Open the reduced copy."""
        picture = open_picture(self.small, self.name)
        return Picture(picture.rgb, self.digest, self.name)


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Products to match photographs with.

    Parameters
    ----------
    name : str
    products : tuple of Product
        Each has at least one picture.
    pictures : tuple of ProductPicture
    looks : tuple of Look
        Of the pictures, in their order.
    problems : tuple of Text
        One sentence for each row or file that could not be taken, and notes.
    stopped : bool
        Whether the visitor stopped before all was read.
    """

    name: str
    products: tuple[Product, ...]
    pictures: tuple[ProductPicture, ...]
    looks: tuple[Look, ...] = field(repr=False)
    problems: tuple[Text, ...] = ()
    stopped: bool = False

    def __len__(self) -> int:
        return len(self.products)

    @cached_property
    def digest(self) -> str:
        """Digest of all products and pictures, 64 hexadecimal digits."""
        whole = hashlib.sha256()
        for product in self.products:
            whole.update(repr(product).encode())
        for picture in self.pictures:
            whole.update(f"{picture.product} {picture.digest}".encode())
        return whole.hexdigest()

    @cached_property
    def owners(self) -> np.ndarray:
        """Place of each picture's product, shape (pictures,)."""
        return np.array([picture.product for picture in self.pictures], np.intp)

    @cached_property
    def vectors(self) -> Array:
        """What the network saw in each picture, shape (pictures, dimension)."""
        return np.stack([look.vector for look in self.looks])

    @cached_property
    def classes(self) -> Array:
        """What each picture is taken for, shape (pictures, classes)."""
        return np.stack([look.classes for look in self.looks])

    @cached_property
    def colours(self) -> Array:
        """Colours of each picture, shape (pictures, 576)."""
        return np.stack([look.colours for look in self.looks])

    @cached_property
    def shapes(self) -> Array:
        """Shape of each picture, shape (pictures, 576)."""
        return np.stack([look.shape for look in self.looks])

    def pictures_of(self, product: int) -> tuple[ProductPicture, ...]:
        """List the pictures of a product, in the order of the list."""
        return tuple(picture for picture in self.pictures if picture.product == product)


def catalogue_from(
    name: str,
    files: Files,
    model: Model,
    table: Table | None = None,
    told: Told | None = None,
    stop: threading.Event | None = None,
    hold: Callable[[int], object] | None = None,
) -> Catalogue:
    """Read a catalogue and describe its pictures on all processors.

    Parameters
    ----------
    name : str
    files : Files
        The pictures; a table among them is used where none is given. Without any table
        each picture is a product, and its file name the SKU.
    model : Model
    table : Table or None
    told : callable or None
        Called with the pictures done and how many there will be, in this thread.
    stop : Event or None
        Once set, what is done by then is the catalogue.
    hold : callable or None
        Told the bytes that each picture takes up in memory; a `NoRoom` that it raises ends
        the reading, and what is done by then is the catalogue.

    Raises
    ------
    CatalogueError
        If there is no picture at all to match with, or the table cannot be read.
    WeightsMissing, WeightsWrong
        If the model cannot be used on this host.
    """
    work = _Work(
        name,
        model,
        stop or threading.Event(),
        told or (lambda done, of: None),
        hold or (lambda size: None),
    )
    if table is None:
        table = _table_among(files, work)
    plan = _Plan(None) if table is None else _Plan(table)
    work.problems += plan.problems
    return work.run(files, plan)


def _table_among(files: Files, work: _Work) -> Table | None:
    """Read the first table that lies among the files; say which others are passed over."""
    found: Table | None = None
    for file in files:
        if isinstance(file, Text) or not is_table(file.name):
            continue
        if found is None:
            found = read_table(file.name, file.read())
            work.problems += found.notes
        else:
            work.problems.append(
                Text("{name} was left out: one list is enough.", name=UserText(file.name))
            )
    return found


# ── Which file belongs to which product ────────────────────────────────────────────


class _Plan:
    """Products by SKU, and which of them wait for which file name."""

    def __init__(self, table: Table | None) -> None:
        self.free = table is None
        self.left_out = 0  # files, beyond the most products
        self.products: list[Product] = []
        self.problems: list[Text] = []
        self.wanted: dict[str, list[tuple[str, int]]] = {}  # last part of a name -> name, product
        self.lines: dict[str, tuple[int, int]] = {}  # SKU -> line, product
        for row in table.rows if table is not None else ():
            self._add(row)

    def _add(self, row: Row) -> None:
        if not row.pictures:
            self.problems.append(
                Text(
                    "Line {line}: {product} names no picture and was left out.",
                    line=row.line,
                    product=UserText(row.sku or row.title or "?"),
                )
            )
            return
        sku = row.sku or f"line {row.line}"
        known = self.lines.get(sku)
        if known is not None:
            first = self.products[known[1]]
            if row.title not in ("", first.title):
                self.problems.append(
                    Text(
                        "Line {line}: the SKU {sku} is that of line {first}, which has another "
                        "title. The line was left out.",
                        line=row.line,
                        sku=UserText(sku),
                        first=known[0],
                    )
                )
                return
            place = known[1]
        else:
            place = len(self.products)
            self.lines[sku] = row.line, place
            self.products.append(Product(sku, row.title, row.more))
        for name in row.pictures[:MOST_OF_ONE]:
            entry = _normal(name), place
            waiting = self.wanted.setdefault(_last(entry[0]), [])
            if entry in waiting:
                self.problems.append(
                    Text(
                        "Line {line}: the SKU {sku} with the picture {name} stands twice.",
                        line=row.line,
                        sku=UserText(sku),
                        name=UserText(name),
                    )
                )
            else:
                waiting.append(entry)

    @property
    def count(self) -> int:
        return sum(map(len, self.wanted.values()))

    def takers(self, file_name: str) -> list[int]:
        """Products whose picture this file is; each is asked for once.

        A name in the list may leave folders out, or have more than the archive has.
        """
        name = _normal(file_name)
        if self.free:
            if is_table(name):
                return []
            if len(self.products) >= MOST_ROWS:
                self.left_out += 1
                return []
            self.products.append(Product(PurePosixPath(file_name).stem, ""))
            return [len(self.products) - 1]
        waiting = self.wanted.get(_last(name), [])
        exact = [one for one in waiting if one[0] == name]
        fitting = exact or [
            one
            for one in waiting
            if f"/{name}".endswith(f"/{one[0]}") or f"/{one[0]}".endswith(f"/{name}")
        ]
        for one in fitting:
            waiting.remove(one)
        return [place for _, place in fitting]

    def missing(self) -> Iterator[Text]:
        """Say which files have not come."""
        for waiting in self.wanted.values():
            for name, place in waiting:
                yield Text(
                    "{product}: the picture {name} is not among the files.",
                    product=UserText(self.products[place].sku),
                    name=UserText(name),
                )


def _normal(name: str) -> str:
    return name.replace("\\", "/").strip().removeprefix("./").lstrip("/").casefold()


def _last(name: str) -> str:
    return name.rpartition("/")[2]


# ── The work ───────────────────────────────────────────────────────────────────────

_Made = tuple[bytes, str, Look]


class _Work:
    def __init__(
        self,
        name: str,
        model: Model,
        stop: threading.Event,
        told: Told,
        hold: Callable[[int], object],
    ) -> None:
        self.name, self.model, self.stop, self.told, self.hold = name, model, stop, told, hold
        self.full = False
        self.problems: list[Text] = []
        self.pictures: list[ProductPicture] = []
        self.looks: list[Look] = []
        self.done = 0

    def run(self, files: Files, plan: _Plan) -> Catalogue:
        network(self.model)  # loaded before the threads that share it start
        total = files.count() if plan.free else plan.count
        side = SIDE if total <= _MANY else _SIDE_OF_MANY
        threads = max(1, min(_MOST_THREADS, usable_processors()))
        under_way: deque[tuple[str, list[int], Future[_Made]]] = deque()
        pool = ThreadPoolExecutor(threads, "products", compute_alone, (lanes.current(),))
        self.told(0, total)
        try:
            for file in files:
                if self.stop.is_set() or self.full:
                    break
                if isinstance(file, Text):
                    self.problems.append(file)
                    continue
                takers = plan.takers(file.name)
                if takers and len(self.pictures) >= MOST_PICTURES:
                    self._say_full(
                        Text(
                            "A catalogue holds at most {most} pictures: the rest was left out.",
                            most=MOST_PICTURES,
                        )
                    )
                elif takers:
                    made = pool.submit(_made, self.model, file, side)
                    under_way.append((file.name, takers, made))
                while len(under_way) > _AHEAD * threads:
                    self._take(under_way, total)
            while under_way and not self.stop.is_set() and not self.full:
                self._take(under_way, total)
        finally:
            pool.shutdown(cancel_futures=True)
        stopped = self.stop.is_set()
        if not stopped and not self.full and not plan.free:
            self.problems += plan.missing()
        if plan.left_out:
            self.problems.append(
                Text(
                    "{count} files were left out: a catalogue holds at most {most} products.",
                    count=plan.left_out,
                    most=MOST_ROWS,
                )
            )
        return self._catalogue(plan, stopped)

    def _take(self, under_way: deque[tuple[str, list[int], Future[_Made]]], total: int) -> None:
        name, takers, made = under_way.popleft()
        try:
            small, digest, look = made.result()
            self.hold(len(small) + look.nbytes)
        except NoRoom as error:
            self._say_full(error.text)
            return
        except ImgSimError as error:
            self.problems.append(error.text)
        else:
            for product in takers:
                self.pictures.append(ProductPicture(product, name, digest, small))
                self.looks.append(look)
        self.done += len(takers)
        self.told(min(self.done, total), total)

    def _say_full(self, why: Text) -> None:
        """End the reading with what is done, and say why before all else."""
        self.problems.insert(0, why)
        self.full = True

    def _catalogue(self, plan: _Plan, stopped: bool) -> Catalogue:
        """Drop products that no picture came for, and count the others anew."""
        owned = sorted({picture.product for picture in self.pictures})
        if not owned:
            raise CatalogueError(_nothing(self.name, self.problems))
        place = {product: new for new, product in enumerate(owned)}
        order = sorted(range(len(self.pictures)), key=lambda at: self.pictures[at].product)
        pictures = [self.pictures[at] for at in order]
        problems = self.problems[:_MOST_PROBLEMS]
        if len(self.problems) > _MOST_PROBLEMS:
            problems.append(Text("… and {count} more.", count=len(self.problems) - _MOST_PROBLEMS))
        return Catalogue(
            self.name,
            tuple(plan.products[product] for product in owned),
            tuple(
                ProductPicture(place[one.product], one.name, one.digest, one.small)
                for one in pictures
            ),
            tuple(self.looks[at] for at in order),
            tuple(problems),
            stopped,
        )


def _made(model: Model, file: File, side: int) -> _Made:
    """Open a picture, make its small copy, and describe it."""
    picture = open_reduced(file.read(), file.name, side)
    stream = io.BytesIO()
    Image.fromarray(picture.rgb).save(stream, "JPEG", quality=85)
    small = stream.getvalue()
    return small, hashlib.sha256(small).hexdigest(), look_of_product(model, picture)


def _nothing(name: str, problems: list[Text]) -> Text:
    if problems:
        return Text(
            "{name} holds no product with a picture. First of {count} problems: {problem}",
            name=UserText(name),
            count=len(problems),
            problem=problems[0],
        )
    return Text("{name} holds no product with a picture.", name=UserText(name))
