"""Pictures and the texts that belong to them: a CSV file, whatever its columns are called."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgsim_core.archive import MOST_OF_ONE
from imgsim_core.errors import CannotTeach, ImgSimError
from imgsim_core.picture import Picture
from imgsim_core.picture_set import reduced_digest, reduced_on_opening
from imgsim_core.text import Text, UserText
from imgsim_core.text_file import decoded

FEWEST_TEXTS = 10
"""Families of pictures and texts that share nothing: some to learn from, some to know when to
stop, some to judge by."""

MOST_PAIRS = 200_000
_DELIMITERS = ",;\t|"
_LONGEST = 2_000  # letters of a text that are kept; the models read far fewer
_NAMES = {
    "picture": (
        *("image", "picture", "path", "file", "filename", "filepath", "imagepath", "photo"),
        *("picturepath", "imagefile", "img", "图片", "图像", "照片", "图片路径", "文件", "路径"),
        *("文件名", "图片文件", "图片名称"),
    ),
    "text": (
        *("text", "caption", "title", "description", "label", "sentence", "words", "name"),
        *("文字", "文本", "标题", "描述", "说明", "图片说明", "名称", "标签"),
    ),
}


@dataclass(frozen=True)
class PictureFile:
    """A picture of the table, opened when it is needed: not all of them fit into memory.

    name : as the table has it; digest : of its content.
    """

    folder: Path
    name: str
    digest: str

    def opened(self) -> Picture:
        """Open it, reduced as the pictures of a set.

        Raises
        ------
        CannotTeach, PictureError
            If it is no longer there, or no longer a picture.
        """
        return reduced_on_opening(self.name, _bytes(self.folder, self.name))


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pictures and texts that belong together.

    Parameters
    ----------
    pictures : tuple of PictureFile
        Each content once.
    texts : tuple of str
        Each once.
    links : ndarray of intp, shape (n, 2)
        Places of a picture and of a text that belong together; each pair once.
    notes : tuple of Text
        What was left out, row by row.
    """

    pictures: tuple[PictureFile, ...]
    texts: tuple[str, ...]
    links: NDArray[np.intp]
    notes: tuple[Text, ...] = ()

    def __len__(self) -> int:
        return len(self.links)

    def families(self) -> NDArray[np.intp]:
        """Number what hangs together by a shared picture or a shared text.

        Returns
        -------
        ndarray of intp, shape (n,)
            Of each pair; pairs of different families share nothing.
        """
        parent = list(range(len(self.pictures) + len(self.texts)))

        def root(place: int) -> int:
            while parent[place] != place:
                parent[place] = parent[parent[place]]
                place = parent[place]
            return place

        for picture, text in self.links.tolist():
            parent[root(picture)] = root(len(self.pictures) + text)
        roots = np.array([root(picture) for picture in self.links[:, 0].tolist()], np.intp)
        return np.unique(roots, return_inverse=True)[1].astype(np.intp)


def pairs_from_csv(path: Path, told: Callable[[int], None] | None = None) -> Pairs:
    """Read pairs of pictures and texts.

    Parameters
    ----------
    path : Path
        A table whose first line names a column of picture files (image, picture, path, 图片)
        and one of texts (text, caption, title, 描述); the pictures' paths are meant from the
        folder of the table.
    told : callable or None
        Called with the number of rows read so far.

    Returns
    -------
    Pairs
        Rows that cannot be used are named in the notes.

    Raises
    ------
    CannotTeach
        If it is no such table, or holds fewer than `FEWEST_TEXTS` families: pictures with
        their texts that share neither with any other.
    """
    rows, columns = _table(path)
    pictures: dict[str, int] = {}
    opened: list[PictureFile] = []
    by_path: dict[str, int] = {}
    texts: dict[str, int] = {}
    links: dict[tuple[int, int], None] = {}
    notes: list[Text] = []
    for seen, (line, cells) in enumerate(rows[:MOST_PAIRS], 1):
        name, text = (cells[at].strip() if at < len(cells) else "" for at in columns)
        text = re.sub(r"\s+", " ", text)[:_LONGEST]
        if not name:
            notes.append(Text("Row {row}: the name of a picture is missing.", row=line))
            continue
        if not text:
            notes.append(Text("Row {row}: the text is missing.", row=line))
            continue
        if name not in by_path:
            try:
                data = _bytes(path.parent, name)
                reduced_on_opening(name, data)  # seen once now, so that a bad one is named
            except ImgSimError as error:
                notes.append(Text("Row {row}: {why}", row=line, why=error.text))
                continue
            digest = reduced_digest(data)
            if digest not in pictures:
                pictures[digest] = len(opened)
                opened.append(PictureFile(path.parent, name, digest))
            by_path[name] = pictures[digest]
        links[by_path[name], texts.setdefault(text, len(texts))] = None
        if told is not None:
            told(seen)
    if len(rows) > MOST_PAIRS:
        notes.append(
            Text(
                "Only the first {most} of {count} rows are used.", most=MOST_PAIRS, count=len(rows)
            )
        )
    found = Pairs(
        tuple(opened), tuple(texts), np.array(list(links), np.intp).reshape(-1, 2), tuple(notes)
    )
    _check(found, path)
    return found


def _check(pairs: Pairs, path: Path) -> None:
    families = len(set(pairs.families().tolist()))
    if families >= FEWEST_TEXTS:
        return
    sentence = Text(
        "{name} holds {count} pictures with texts that share nothing with the others; at least "
        "{least} are needed, so that some can be kept out to judge by.",
        name=UserText(path.name),
        count=families,
        least=FEWEST_TEXTS,
    )
    if pairs.notes:
        sentence = Text(
            "{sentence} The first problem: {problem}", sentence=sentence, problem=pairs.notes[0]
        )
    raise CannotTeach(sentence)


def _bytes(folder: Path, name: str) -> bytes:
    path = folder / name
    try:
        if not path.is_file():  # a name too long for the disk is an error already here
            path = folder / name.replace("\\", "/")  # written on Windows
        with path.open("rb") as file:
            return file.read(MOST_OF_ONE)
    except FileNotFoundError:
        raise CannotTeach(Text("There is no file {name}.", name=UserText(name))) from None
    except (OSError, ValueError) as error:
        raise CannotTeach(
            Text(
                "The file {name} cannot be read: {why}.",
                name=UserText(name),
                why=UserText(getattr(error, "strerror", None) or error),
            )
        ) from None


def _table(path: Path) -> tuple[list[tuple[int, list[str]]], tuple[int, int]]:
    """Read the rows, each with its number, and where the columns of pictures and texts are."""
    name = UserText(path.name)
    try:
        _, written = decoded(path.read_bytes())
    except FileNotFoundError:
        raise CannotTeach(Text("There is no file {name}.", name=name)) from None
    except (OSError, ValueError) as error:
        raise CannotTeach(
            Text("The file {name} cannot be read: {why}.", name=name, why=UserText(error))
        ) from None
    best: tuple[list[tuple[int, list[str]]], dict[str, int]] = ([], {})
    for delimiter in _DELIMITERS:
        try:
            reader = csv.reader(io.StringIO(written, newline=""), delimiter=delimiter)
            rows = [(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
        except csv.Error:
            continue  # a NUL or a field without end: not by this delimiter
        columns = _columns(rows[0][1]) if rows else {}
        if len(columns) > len(best[1]):
            best = rows, columns
    rows, columns = best
    if len(columns) < 2:
        raise CannotTeach(
            Text(
                "{name} is not a table (CSV) whose first line names a column of picture files "
                "and one of texts: call them “image” and “text”.",
                name=name,
            )
        )
    return rows[1:], (columns["picture"], columns["text"])


def _columns(header: list[str]) -> dict[str, int]:
    """Which column stands for which part: the surest name first."""
    plain = [re.sub(r"[\s_\-.#:]+", "", column).casefold() for column in header]
    found = {}
    for part, names in _NAMES.items():
        ranked = [plain.index(name) for name in names if name in plain]
        if ranked:
            found[part] = ranked[0]
    return found
