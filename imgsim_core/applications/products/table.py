"""A shop's list of products: a CSV file, whatever its encoding, delimiter and column names."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from imgsim_core.errors import CatalogueError
from imgsim_core.text import Text, UserText
from imgsim_core.text_file import decoded

MOST_ROWS = 10_000
MOST_BYTES = 20 * 2**20
_LONGEST = 300  # letters of a cell that are kept
_MOST_COLUMNS = 60
_DELIMITERS = ",;\t|"

# Without spaces, hyphens, underscores and a number at the end; the surest name first
_NAMES = {
    "picture": (
        *("picture", "image", "photo", "pic", "img", "picturefile", "imagefile", "photofile"),
        *("picturename", "imagename", "mainimage", "imagepath", "picturepath", "thumbnail"),
        *("filename", "file", "path"),
        *("图片", "图像", "照片", "主图", "图片文件", "图片名称", "图片路径", "文件名", "文件"),
    ),
    "sku": (
        *("sku", "skuid", "productid", "itemid", "articleid", "id", "article", "articlenumber"),
        *("itemnumber", "productnumber", "productcode", "itemcode", "ean", "gtin", "barcode"),
        *("upc", "code", "number"),
        *("编号", "商品编号", "产品编号", "货号", "款号"),
        *("条码", "条形码", "编码", "商品编码", "序号"),
    ),
    "title": (
        *("title", "name", "productname", "producttitle", "itemname", "product", "label"),
        *("description",),
        *("名称", "商品名称", "产品名称", "品名", "标题", "商品标题", "商品", "产品"),
    ),
}


@dataclass(frozen=True)
class Row:
    """One line of the list.

    Parameters
    ----------
    line : int
        Where it begins in the file, the header being line 1.
    pictures : tuple of str
        File names, as written; none if the cell is empty.
    sku, title : str
        The SKU is the first picture's name without its ending where no column holds one.
    more : tuple of (str, str)
        Further columns that are filled in, by name.
    """

    line: int
    pictures: tuple[str, ...]
    sku: str
    title: str
    more: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Table:
    """A list of products, as it was understood.

    Parameters
    ----------
    rows : tuple of Row
    encoding : str
        "utf-8", "utf-16", "gb18030" or "cp1252".
    delimiter : str
    columns : tuple of (str, str)
        Part ("picture", "sku", "title") and the name of a column taken for it.
    notes : tuple of Text
        What the visitor should know: a column that is missing, rows left out.
    """

    rows: tuple[Row, ...]
    encoding: str
    delimiter: str
    columns: tuple[tuple[str, str], ...]
    notes: tuple[Text, ...] = ()


def is_table(name: str) -> bool:
    """Tell whether a file is called as a table is."""
    return name.lower().endswith((".csv", ".tsv"))


def read_table(name: str, data: bytes) -> Table:
    """Read a list of products.

    Parameters
    ----------
    name : str
        The file's, for sentences.
    data : bytes
        Text in UTF-8, UTF-16, GB 18030 (and so GBK) or Windows-1252 (and so Latin-1), its
        columns parted by comma, semicolon, tab or bar, the first line naming them.

    Returns
    -------
    Table
        At most `MOST_ROWS` rows.

    Raises
    ------
    CatalogueError
        If it is empty, too large or no table, or if no column names pictures.
    """
    if len(data) > MOST_BYTES:
        raise CatalogueError(
            Text(
                "{name} is larger than {most} MB, the most that a list of products may have.",
                name=UserText(name),
                most=MOST_BYTES // 2**20,
            )
        )
    encoding, written = decoded(data)
    if not written.strip():
        raise CatalogueError(Text("{name} is empty.", name=UserText(name)))
    if "\0" in written:
        raise _not_a_table(name)
    delimiter, header, columns = _header(name, written)
    notes: list[Text] = []
    rows: list[Row] = []
    left_out = 0
    try:
        for line, cells in _lines(written, delimiter):
            if len(rows) < MOST_ROWS:
                rows.append(_row(line, cells, header, columns))
            else:
                left_out += 1
    except csv.Error as error:
        raise _not_a_table(name) from error
    if not rows:
        raise CatalogueError(
            Text("{name} names its columns, but holds no product.", name=UserText(name))
        )
    if "sku" not in columns:
        notes.append(
            Text("No column holds an SKU: the picture's file name without its ending serves.")
        )
    if left_out:
        notes.append(
            Text(
                "{count} rows were left out: a catalogue holds at most {most}.",
                count=left_out,
                most=MOST_ROWS,
            )
        )
    taken = tuple((part, header[place]) for part, places in columns.items() for place in places)
    return Table(tuple(rows), encoding, delimiter, taken, tuple(notes))


# ── Text to rows ───────────────────────────────────────────────────────────────────


def _header(name: str, written: str) -> tuple[str, list[str], dict[str, list[int]]]:
    """Find the delimiter by which the first line names most parts, then most columns."""
    found: list[tuple[int, int, str, list[str], dict[str, list[int]]]] = []
    for delimiter in _DELIMITERS:
        try:
            header = next(_cells(written, delimiter), (0, []))[1][:_MOST_COLUMNS]
        except csv.Error:
            continue
        columns = _columns(header)
        found.append((len(columns), len(header), delimiter, header, columns))
    if not found:
        raise _not_a_table(name)
    _, _, delimiter, header, columns = max(found, key=lambda one: one[:2])
    if "picture" not in columns:
        raise CatalogueError(
            Text(
                "No column of {name} names the picture files. Its columns are {columns}: call "
                "one of them “picture”.",
                name=UserText(name),
                columns=UserText(", ".join(column[:40] for column in header[:12])),
            )
        )
    return delimiter, header, columns


def _columns(header: Sequence[str]) -> dict[str, list[int]]:
    """Which columns stand for which part: of pictures all, of the others the surest."""
    plain = [re.sub(r"[\s_\-.#:]+", "", column).casefold() for column in header]
    found: dict[str, list[int]] = {}
    for part, names in _NAMES.items():
        ranked = sorted(
            (names.index(bare), place)
            for place, column in enumerate(plain)
            if (bare := re.sub(r"\d+$", "", column)) in names
        )
        if not ranked:
            continue
        best = ranked[0][0]
        same = [place for rank, place in ranked if rank == best]
        found[part] = same if part == "picture" else same[:1]
    return found


def _cells(written: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each line that is not empty, with its number."""
    reader = csv.reader(io.StringIO(written, newline=""), delimiter=delimiter)
    line = 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield line, [cell.strip()[:_LONGEST] for cell in cells]
        line = reader.line_num + 1


def _lines(written: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    lines = _cells(written, delimiter)
    next(lines, None)
    yield from lines


def _row(line: int, cells: list[str], header: list[str], columns: dict[str, list[int]]) -> Row:
    cells = (cells + [""] * len(header))[: len(header)]
    pictures = tuple(
        one.strip()
        for place in columns["picture"]
        for one in re.split(r"[;|\n]", cells[place])
        if one.strip()
    )
    sku, title = (cells[columns[part][0]] if part in columns else "" for part in ("sku", "title"))
    if "sku" not in columns and pictures:
        sku = PurePosixPath(pictures[0].replace("\\", "/")).stem
    taken = {place for places in columns.values() for place in places}
    more = tuple(
        (header[place], cell)
        for place, cell in enumerate(cells)
        if place not in taken and cell and header[place]
    )
    return Row(line, pictures, sku, title, more)


def _not_a_table(name: str) -> CatalogueError:
    return CatalogueError(
        Text("{name} cannot be read as a table. Save it as CSV.", name=UserText(name))
    )
