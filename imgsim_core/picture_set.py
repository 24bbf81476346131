"""A set of pictures brought together: loose files and zip archives, each through the one gate.

Pictures are reduced as they come in, so that a whole set stays small.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath

from imgsim_core.archive import is_archive, unpacked
from imgsim_core.errors import ImgSimError, NoRoom
from imgsim_core.picture import Picture, open_reduced
from imgsim_core.text import Text

SIDE = 400  # long side in pixels that a set's pictures are kept at
MOST_PICTURES = 200
MOST_ENTRIES = 2_000  # files looked at in one archive
MOST_UNPACKED = 500 * 2**20  # bytes that one archive may yield, whatever it says of itself

File = tuple[str, bytes]


@dataclass(frozen=True, eq=False)
class PictureSet:
    """Pictures of different content, each under a name of its own.

    Parameters
    ----------
    pictures : tuple of Picture
        Long side at most `SIDE` pixels.
    other_names : mapping of str to str
        Names of files with the same bytes as one that is in, to that one's name.
    refused : tuple of Text
        One sentence for each file that could not be taken.
    """

    pictures: tuple[Picture, ...] = ()
    other_names: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[Text, ...] = ()

    def __len__(self) -> int:
        return len(self.pictures)

    def __contains__(self, digest: str) -> bool:
        return digest in self._by_digest

    def __getitem__(self, digest: str) -> Picture:
        return self._by_digest[digest]

    @cached_property
    def _by_digest(self) -> Mapping[str, Picture]:
        return {picture.digest: picture for picture in self.pictures}

    def named(self, name: str) -> tuple[Picture, ...]:
        """Find the pictures that a name may mean.

        Returns
        -------
        tuple of Picture
            The one of exactly this name; else all whose name without folders it is.
        """
        wanted = self.other_names.get(name, name)
        for exactly in (name, wanted):
            exact = tuple(picture for picture in self.pictures if picture.name == exactly)
            if exact:
                return exact
        known = [(picture.name, picture) for picture in self.pictures]
        known += [(other, self.named(kept)[0]) for other, kept in self.other_names.items()]
        found = {
            picture.digest: picture for other, picture in known if _last(other) == _last(wanted)
        }
        return tuple(found.values())


def _last(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name


def with_files(
    pictures: PictureSet,
    files: Iterable[File | Text],
    told: Callable[[int], None] | None = None,
    most: int | None = None,
    hold: Callable[[Picture], object] | None = None,
) -> PictureSet:
    """Open files and add them to a set.

    Parameters
    ----------
    pictures : PictureSet
    files : iterable of (name, bytes) or Text
        A Text is a sentence about a file that could not even be read.
    told : callable or None
        Called with the number of files seen so far, after each.
    most : int or None
        Pictures that the set may hold; None: `MOST_PICTURES`.
    hold : callable or None
        Told of each picture before it is taken; a `NoRoom` that it raises ends the taking,
        and what is in by then stays.

    Returns
    -------
    PictureSet
        A file whose bytes are in already only adds its name; names that come twice are
        numbered.
    """
    kept = list(pictures.pictures)
    names = {picture.name for picture in kept}
    by_digest = {picture.digest: picture for picture in kept}
    other_names, refused = dict(pictures.other_names), list(pictures.refused)
    bound, left_out = MOST_PICTURES if most is None else most, 0
    for seen, file in enumerate(files, 1):
        if isinstance(file, Text):
            refused.append(file)
        elif (known := by_digest.get(reduced_digest(file[1]))) is not None:
            other_names[file[0]] = known.name
        elif len(kept) >= bound:
            left_out += 1
        else:
            try:
                picture = reduced_on_opening(*file)
                if hold is not None:
                    hold(picture)
            except NoRoom as error:
                refused.insert(0, error.text)
                break
            except ImgSimError as error:
                refused.append(error.text)
            else:
                picture = replace(picture, name=_free(picture.name, names))
                names.add(picture.name)
                kept.append(picture)
                by_digest[picture.digest] = picture
        if told is not None:
            told(seen)
    if left_out:
        refused.append(
            Text(
                "Files left out: {count}. A set holds at most {most} pictures.",
                count=left_out,
                most=bound,
            )
        )
    return PictureSet(tuple(kept), other_names, tuple(refused))


def reduced_on_opening(name: str, data: bytes, side: int = SIDE) -> Picture:
    """Open a picture for a set, or for another place that keeps small copies.

    Parameters
    ----------
    name : str
    data : bytes
        Of the file.
    side : int
        Pixels that the long side has at most.

    Returns
    -------
    Picture
        Its digest is `reduced_digest`.

    Raises
    ------
    PictureError
        As `open_picture`.
    """
    return replace(open_reduced(data, name, side), digest=reduced_digest(data, side))


def reduced_digest(data: bytes, side: int = SIDE) -> str:
    """Digest of a file's small copy, 64 hexadecimal digits.

    It is not that of the file: what is remembered of the small copy must never be taken
    for what is known of the whole picture.
    """
    whole = hashlib.sha256(data).hexdigest()
    return hashlib.sha256(f"{whole} at {side}".encode()).hexdigest()


def _free(name: str, taken: set[str]) -> str:
    """Return the name, numbered if another picture has it."""
    if name not in taken:
        return name
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"


# ── Archives ───────────────────────────────────────────────────────────────────────


def files_of(name: str, data: bytes) -> Iterator[File | Text]:
    """Yield a file as it is, or the files inside if it is a zip archive.

    Parameters
    ----------
    name : str
    data : bytes

    Yields
    ------
    (name, bytes) or Text
        As `archive.unpacked`, within this module's bounds.
    """
    if not is_archive(data):
        yield name, data
        return
    for file in unpacked(name, data, most_files=MOST_ENTRIES, most_bytes=MOST_UNPACKED):
        yield file if isinstance(file, Text) else (file.name, file.data)
