"""The groups a visitor teaches with: kept for the session, changed picture by picture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import streamlit as st

from imgsim_core.errors import ImgSimError
from imgsim_core.picture import Picture
from imgsim_core.teaching.groups import Groups, grouped
from imgsim_core.teaching.sample_lessons import lesson_by_id, members_of
from imgsim_core.text import Text
from pages.parts import settings, teaching_run, tenancy
from pages.parts.language import code_span, plain, translated

MOST = 600
"""Pictures a session teaches with: they are held in memory, 400 pixels wide."""

SETTING = "lesson"  # the sample lesson on show, so that a link restores it
_STORE = "teaching_desk"
LONGEST = 60  # letters of a group's name
_CUT = 52  # of a longer one, so that a number fits behind it
_BETWEEN = re.compile(r"(, | \+ )")  # names that the core lists in one sentence


@dataclass(eq=False)
class Member:
    """A picture and the code of its group; None: the visitor left it out."""

    picture: Picture
    group: str | None


@dataclass(eq=False)
class Desk:
    """What lies before the visitor.

    name : what he calls this notion of alike; a `Text` until he types one himself.
    origin : where the groups come from. sample : id of the sample lesson, if it is one.
    members : in the order they came. titles : name of each group, by its code, which never
    changes. version : raised by each change.
    """

    name: Text | str
    origin: Text
    sample: str | None = None
    members: list[Member] = field(default_factory=list)
    titles: dict[str, Text | str] = field(default_factory=dict)
    notes: tuple[Text, ...] = ()
    version: int = 0
    _codes: dict[str, str] = field(default_factory=dict)  # by the whole name
    _made: tuple[int, Groups] | None = None

    def groups(self) -> Groups:
        """Make the groups to teach with, each called by its title in English.

        Raises
        ------
        CannotTeach
            If there are too few.
        """
        if self._made is None or self._made[0] != self.version:
            within = [
                (one.picture, str(self.titles[one.group]))
                for one in self.members
                if one.group is not None
            ]
            self._made = self.version, grouped(within)
        return self._made[1]

    def codes(self) -> list[str]:
        """List the groups that hold pictures, in the order they came."""
        return list(dict.fromkeys(one.group for one in self.members if one.group is not None))

    def title(self, group: str) -> str:
        """Name of a group, as the visitor reads it."""
        return in_words(self.titles[group])

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
        wanted = _printable(name)[:LONGEST].strip()
        if not wanted or wanted in self._taken():
            return False
        self._codes = {whole: code for whole, code in self._codes.items() if code != group}
        self._codes[wanted] = group
        self.titles[group] = wanted
        self.version += 1
        return True

    def new_group(self) -> str:
        """Make one more group with a free name; returns its code."""
        taken = self._taken()
        number = len(self.codes()) + 1
        while taken & {str(title := Text("group {number}", number=number)), plain(title)}:
            number += 1
        return self.call(title)

    def call(self, title: Text | str) -> str:
        """Return the code of the group of this name, a new one if there is none yet."""
        whole = str(title)
        if whole not in self._codes:
            self._codes[whole] = code = f"group-{len(self.titles)}"
            self.titles[code] = self._short(whole) if isinstance(title, str) else title
        return self._codes[whole]

    def take_in(self, more: Iterable[tuple[Picture, str]]) -> int:
        """Add members, each picture once a group, up to the bound; count those left out."""
        known = {(one.picture.digest, one.group) for one in self.members}
        left_out = 0
        for picture, name in more:
            whole = _printable(name) or "?"
            if (picture.digest, self._codes.get(whole)) in known:
                continue
            if len(self.members) >= MOST:
                left_out += 1
                continue
            code = self.call(whole)
            known.add((picture.digest, code))
            self.members.append(Member(picture, code))
        self.version += 1
        return left_out

    def _taken(self) -> set[str]:
        """Names of groups, as they are read and in English."""
        mine = [self.titles[code] for code in self.codes()]
        return {in_words(title) for title in mine} | {str(title) for title in mine}

    def _short(self, whole: str) -> str:
        """Cut a name that is too long; one that is then another's gets a number."""
        if len(whole) <= LONGEST:
            return whole
        taken = {str(title) for title in self.titles.values()}
        short, number = f"{whole[:_CUT]}…", 2
        while short in taken:
            short, number = f"{whole[:_CUT]}… ({number})", number + 1
        return short


def in_words(name: Text | str) -> str:
    """Write a name in the visitor's language; his own words stay as they are."""
    return plain(name) if isinstance(name, Text) else name


def _printable(name: str) -> str:
    return "".join(letter for letter in " ".join(name.split()) if letter.isprintable())


def say_of(text: Text, titles: Iterable[Text | str]) -> str:
    """Render a sentence of the core that names groups, these too in the visitor's language."""
    words = {str(title): in_words(title) for title in titles if isinstance(title, Text)}

    def shown(names: str) -> str:
        return code_span("".join(words.get(part, part) for part in _BETWEEN.split(names)))

    return text.render(translated, shown)


def current() -> Desk | None:
    """What lies before the visitor, if anything."""
    desk: Desk | None = st.session_state.get(_STORE)
    return desk


def lay_out(desk: Desk) -> Desk:
    """Put groups before the visitor; what lay there before is put away, with its lesson."""
    teaching_run.forget()
    st.session_state[_STORE] = desk
    settings.put(SETTING, desk.sample)
    return desk


def clear() -> None:
    """Put the groups away, with their lesson."""
    teaching_run.forget()
    st.session_state.pop(_STORE, None)
    settings.put(SETTING, None)


def lay_out_sample(lesson_id: str) -> Desk:
    """Put a sample lesson before the visitor."""
    one = lesson_by_id(lesson_id)
    desk = Desk(one.label, one.label, sample=lesson_id)
    desk.members = [Member(picture, desk.call(label)) for picture, label in members_of(lesson_id)]
    return lay_out(desk)


def hand_over(members: Iterable[tuple[Picture, str]], origin: str, left_out: int = 0) -> None:
    """Take groups from another page; the Teach page opens with them.

    Parameters
    ----------
    members : iterable of (Picture, str)
        Each picture with the name of its group.
    origin : str
        Which page they come from: "calibrate", "duplicates" or "products".
    left_out : int
        Pictures that the page left out already, since no more can be held.
    """
    desk = Desk(_NOTIONS[origin], _ORIGINS[origin])
    refused: list[Text] = []
    left_out += desk.take_in(_held(members, refused))
    desk.notes = (*refused, *_room(left_out))
    lay_out(desk)


def _held(
    members: Iterable[tuple[Picture, str]], refused: list[Text]
) -> Iterator[tuple[Picture, str]]:
    """Yield members while there is room for them, and say so where it ends."""
    for picture, name in members:
        try:
            yield tenancy.hold(picture), name
        except ImgSimError as error:
            refused.append(error.text)
            return


def add(members: Sequence[tuple[Picture, str]], notes: Sequence[Text], name: Text | str) -> None:
    """Add what the visitor brought to his groups, or begin with it."""
    desk = current()
    if desk is None or desk.sample is not None:
        desk = lay_out(Desk(name, Text("your own groups")))
    desk.notes = (*_room(desk.take_in(members)), *notes)


def _room(left_out: int) -> tuple[Text, ...]:
    if not left_out:
        return ()
    return (
        Text(
            "{count} more pictures were left out: at most {most} can be taught with at once.",
            count=left_out,
            most=MOST,
        ),
    )


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
