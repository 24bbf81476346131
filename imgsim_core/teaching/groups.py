"""Groups of pictures that belong together: what a visitor teaches with, checked by name."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from imgsim_core.errors import CannotTeach
from imgsim_core.picture import Picture
from imgsim_core.picture_set import PictureSet
from imgsim_core.text import Text, UserText

FEWEST_GROUPS = 3
"""Groups of two or more pictures: with fewer, none can be kept out of training to judge by."""

MOST_PICTURES = 2_000
"""More take many minutes to embed, and teach hardly more than some of them would."""

_NUMBER = re.compile(r"[\s_.\-]*(\d+|\(\d+\))$")  # at the end of a file's name
_NAMED = 5  # names in one sentence; the rest are counted


@dataclass(frozen=True, eq=False)
class Groups:
    """Pictures, each in one group.

    Parameters
    ----------
    pictures : tuple of Picture
        Each content once.
    labels : ndarray of intp, shape (n,)
        Place of each picture's group in `names`.
    names : tuple of str
        What the visitor calls the groups.
    notes : tuple of Text
        What was left out, and why.
    """

    pictures: tuple[Picture, ...]
    labels: NDArray[np.intp]
    names: tuple[str, ...]
    notes: tuple[Text, ...] = ()

    @cached_property
    def sizes(self) -> NDArray[np.intp]:
        """Pictures in each group, shape (groups,)."""
        return np.bincount(self.labels, minlength=len(self.names))

    def __len__(self) -> int:
        return len(self.pictures)


def grouped(members: Iterable[tuple[Picture, str]]) -> Groups:
    """Make groups of pictures and the names of their groups.

    Parameters
    ----------
    members : iterable of (Picture, str)

    Returns
    -------
    Groups
        A picture that is in two groups is in neither: nobody can tell which was meant.
        Groups and pictures stay in the order they came.

    Raises
    ------
    CannotTeach
        If fewer than `FEWEST_GROUPS` groups have two pictures or more, or all together are
        more than `MOST_PICTURES`.
    """
    pictures: dict[str, Picture] = {}
    groups_of: dict[str, list[str]] = defaultdict(list)
    for picture, name in members:
        pictures.setdefault(picture.digest, picture)
        if name not in groups_of[picture.digest]:
            groups_of[picture.digest].append(name)
    torn = [digest for digest, names in groups_of.items() if len(names) > 1]
    kept = [(pictures[digest], names[0]) for digest, names in groups_of.items() if len(names) == 1]
    names = tuple(dict.fromkeys(name for _, name in kept))
    place = {name: i for i, name in enumerate(names)}
    labels = np.array([place[name] for _, name in kept], np.intp)
    notes = [
        Text(
            "{name} is in {groups}: it was left out, since it cannot be in two groups.",
            name=UserText(pictures[digest].name),
            groups=UserText(" + ".join(groups_of[digest])),
        )
        for digest in torn
    ]
    result = Groups(tuple(picture for picture, _ in kept), labels, names)
    alone = [name for name, size in zip(names, result.sizes, strict=True) if size == 1]
    if alone:
        notes.append(
            Text(
                "Groups of one picture show only what is not alike: {names}.",
                names=UserText(listed(alone)),
            )
        )
    if len(result) > MOST_PICTURES:
        biggest = np.argsort(-result.sizes, kind="stable")
        raise CannotTeach(
            Text(
                "Teaching takes at most {most} pictures, and these are {count}. Bring some of "
                "each group; the biggest groups are {names}.",
                most=MOST_PICTURES,
                count=len(result),
                names=UserText(listed([f"{names[i]} ({result.sizes[i]})" for i in biggest])),
            )
        )
    usable = [name for name, size in zip(names, result.sizes, strict=True) if size >= 2]
    if len(usable) < FEWEST_GROUPS:
        raise CannotTeach(_too_few(usable, alone))
    return Groups(result.pictures, labels, names, tuple(notes))


def groups_of_folders(pictures: PictureSet) -> Groups:
    """Take each picture's innermost folder for its group, as in a zip of folders.

    Raises
    ------
    CannotTeach
        As `grouped`; pictures outside any folder belong to no group.
    """
    members, notes = members_of_files(pictures)
    result = grouped(members)
    return Groups(result.pictures, result.labels, result.names, (*result.notes, *notes))


def members_of_files(
    pictures: PictureSet,
) -> tuple[list[tuple[Picture, str]], tuple[Text, ...]]:
    """Tell from the names of files which picture belongs to which group.

    Parameters
    ----------
    pictures : PictureSet

    Returns
    -------
    tuple of list of (Picture, str) and tuple of Text
        The innermost folder is the group. Where no file is in a folder, it is the name
        without the number at its end: shoe_1 and shoe_2 are of the group shoe. The notes say
        what belongs to no group.
    """
    named = _every_name(pictures)
    parents = [_path(name).parent for name, _ in named]
    groups = [str(parent) if parent.name else "" for parent in parents]
    if not any(groups):
        groups = [_NUMBER.sub("", _path(name).stem) for name, _ in named]
    members = [(picture, group) for (_, picture), group in zip(named, groups, strict=True) if group]
    loose = [name for (name, _), group in zip(named, groups, strict=True) if not group]
    note = Text(
        "Pictures outside any folder belong to no group and were left out: {names}.",
        names=UserText(listed(loose)),
    )
    return _by_last_part(members), (note,) if loose else ()


def _path(name: str) -> PurePosixPath:
    return PurePosixPath(name.replace("\\", "/"))


def _every_name(pictures: PictureSet) -> list[tuple[str, Picture]]:
    """List each file's name with its picture, also of files that hold the same bytes."""
    found = [(picture.name, picture) for picture in pictures.pictures]
    by_name = dict(found)
    return found + [(other, by_name[kept]) for other, kept in pictures.other_names.items()]


def _by_last_part(members: Sequence[tuple[Picture, str]]) -> list[tuple[Picture, str]]:
    """Call folders by their last part where that tells them apart, else by their whole path."""
    folders = {folder for _, folder in members}
    times = Counter(PurePosixPath(folder).name for folder in folders)
    short = {
        folder: name if times[name := PurePosixPath(folder).name] == 1 else folder
        for folder in folders
    }
    return [(picture, short[folder]) for picture, folder in members]


def _too_few(usable: Sequence[str], alone: Sequence[str]) -> Text:
    if usable:
        return Text(
            "Teaching needs at least {least} groups of two or more pictures; these are {count}: "
            "{names}. Put the pictures that belong together into one folder each.",
            least=FEWEST_GROUPS,
            count=len(usable),
            names=UserText(listed(usable)),
        )
    if alone:
        return Text(
            "Teaching needs at least {least} groups of two or more pictures. Here each group has "
            "one: {names}. Put the pictures that belong together into one folder each.",
            least=FEWEST_GROUPS,
            names=UserText(listed(alone)),
        )
    return Text(
        "Teaching needs at least {least} groups of two or more pictures, and here are none. Put "
        "the pictures that belong together into one folder each.",
        least=FEWEST_GROUPS,
    )


def listed(names: Sequence[str]) -> str:
    """Join the first few names, and count the rest."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" + {more}" if more > 0 else "")
