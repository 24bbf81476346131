"""The groups a visitor teaches with: kept for the session, changed picture by picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import streamlit as st

from imgsim_core.picture import Picture
from imgsim_core.teaching.groups import Groups, grouped
from imgsim_core.teaching.sample_lessons import lesson_by_id, members_of
from imgsim_core.text import Text
from pages.parts import settings
from pages.parts.language import plain, t

MOST = 600
"""Pictures a session teaches with: they are held in memory, 400 pixels wide."""

SETTING = "lesson"  # the sample lesson on show, so that a link restores it
_STORE = "teaching_desk"
_LONGEST = 60  # letters of a group's name


@dataclass(eq=False)
class Member:
    """A picture and its group; None: the visitor left it out."""

    picture: Picture
    group: str | None


@dataclass(eq=False)
class Desk:
    """What lies before the visitor.

    members : in the order they came. name : what he calls this notion of alike.
    origin : where the groups come from. sample : id of the sample lesson, if it is one.
    titles : names of groups that are translated, by the group. version : raised by each change.
    """

    members: list[Member]
    name: str
    origin: Text
    sample: str | None = None
    titles: dict[str, Text] = field(default_factory=dict)
    notes: tuple[Text, ...] = ()
    version: int = 0
    _made: tuple[int, Groups] | None = None

    def groups(self) -> Groups:
        """Make the groups to teach with.

        Raises
        ------
        CannotTeach
            If there are too few.
        """
        if self._made is None or self._made[0] != self.version:
            within = [(one.picture, one.group) for one in self.members if one.group is not None]
            self._made = self.version, grouped(within)
        return self._made[1]

    def codes(self) -> list[str]:
        """List the groups that hold pictures, in the order they came."""
        return list(dict.fromkeys(one.group for one in self.members if one.group is not None))

    def title(self, group: str) -> str:
        """Name of a group, as the visitor reads it."""
        known = self.titles.get(group)
        return group if known is None else plain(known)

    def within(self, group: str | None) -> list[int]:
        """Places of a group's pictures among the members."""
        return [place for place, one in enumerate(self.members) if one.group == group]

    def move(self, place: int, group: str | None) -> None:
        """Put a picture into another group, or leave it out."""
        self.members[place].group = group
        self.version += 1

    def move_picture(self, digest: str, group: str | None) -> None:
        """Put a picture into another group, or leave it out, wherever it lies."""
        for place, one in enumerate(self.members):
            if one.picture.digest == digest and one.group is not None:
                self.move(place, group)

    def rename(self, group: str, name: str) -> bool:
        """Call a group otherwise; False if the name is empty or another group's."""
        wanted = " ".join(name.split())[:_LONGEST]
        if not wanted or wanted in {self.title(other) for other in self.codes()} | set(
            self.codes()
        ):
            return False
        for one in self.members:
            if one.group == group:
                one.group = wanted
        self.version += 1
        return True

    def new_group(self) -> str:
        """Find a free name for one more group."""
        taken = {self.title(group) for group in self.codes()} | set(self.codes())
        number = len(taken) + 1
        while (name := t("group {number}", number=number)) in taken:
            number += 1
        return name


def current() -> Desk | None:
    """What lies before the visitor, if anything."""
    desk: Desk | None = st.session_state.get(_STORE)
    return desk


def lay_out(desk: Desk) -> Desk:
    """Put groups before the visitor; what lay there before is put away."""
    st.session_state[_STORE] = desk
    settings.put(SETTING, desk.sample)
    return desk


def clear() -> None:
    """Put the groups away."""
    st.session_state.pop(_STORE, None)
    settings.put(SETTING, None)


def lay_out_sample(lesson_id: str) -> Desk:
    """Put a sample lesson before the visitor."""
    one = lesson_by_id(lesson_id)
    made = members_of(lesson_id)
    return lay_out(
        Desk(
            [Member(picture, str(label)) for picture, label in made],
            plain(one.label),
            one.label,
            sample=lesson_id,
            titles={str(label): label for _, label in made},
        )
    )


def hand_over(members: Iterable[tuple[Picture, str]], origin: str) -> None:
    """Take groups from another page; the Teach page opens with them.

    Parameters
    ----------
    members : iterable of (Picture, str)
        Each picture with the name of its group.
    origin : str
        Which page they come from: "calibrate", "duplicates" or "products".
    """
    lay_out(Desk(_bounded([], members), plain(_NOTIONS[origin]), _ORIGINS[origin]))


def add(members: Sequence[tuple[Picture, str]], notes: Sequence[Text], name: str) -> None:
    """Add what the visitor brought to his groups, or begin with it."""
    desk = current()
    if desk is None or desk.sample is not None:
        desk = lay_out(Desk([], name, Text("your own groups")))
    desk.members = _bounded(desk.members, members)
    desk.notes = tuple(notes)
    desk.version += 1


def _bounded(before: list[Member], more: Iterable[tuple[Picture, str]]) -> list[Member]:
    """Add members, each picture once a group, up to the bound."""
    known = {(one.picture.digest, one.group) for one in before}
    found = list(before)
    for picture, group in more:
        shown = "".join(letter for letter in group if letter.isprintable())[:_LONGEST] or "?"
        if (picture.digest, shown) not in known and len(found) < MOST:
            known.add((picture.digest, shown))
            found.append(Member(picture, shown))
    return found


_ORIGINS = {
    "calibrate": Text("pairs you marked on Calibrate"),
    "duplicates": Text("groups from Duplicates"),
    "products": Text("products of your catalogue"),
}
_NOTIONS = {
    "calibrate": Text("As I marked it"),
    "duplicates": Text("The same shot"),
    "products": Text("The same product"),
}
