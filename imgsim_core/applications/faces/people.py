"""The people a visitor has enrolled, and who of them is in a picture.

In one picture a person is named at most once: the faces and the people are matched as a
whole (Kuhn 1955, https://doi.org/10.1002/nav.3800020109).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from imgsim_core.applications.faces.comparing import NEAR, Line
from imgsim_core.applications.faces.face import Face, FacePrint, MemoryOnly
from imgsim_core.errors import NoFace, NotEnrolled
from imgsim_core.text import Text, UserText

MOST_PEOPLE = 50
MOST_PICTURES = 10  # of one person
_LONGEST_NAME = 60


@dataclass(frozen=True, eq=False)
class Person(MemoryOnly):
    """Somebody enrolled.

    Parameters
    ----------
    name : str
        As the visitor wrote it: shown, never read as markup.
    faces : tuple of Face
        All good ones, one a picture.
    prints : tuple of FacePrint
        As many.
    """

    name: str
    faces: tuple[Face, ...] = field(repr=False)
    prints: tuple[FacePrint, ...] = field(repr=False)

    def distance(self, other: FacePrint) -> float:
        """Mean distance of a face to this person's pictures: steadier than to the nearest."""
        return float(np.mean([one.distance(other) for one in self.prints]))


class People(MemoryOnly):
    """All that one visitor has enrolled; it goes when the visitor's session goes."""

    def __init__(self) -> None:
        self._people: dict[str, Person] = {}

    def __repr__(self) -> str:
        return f"<{len(self._people)} people>"

    def __len__(self) -> int:
        return len(self._people)

    @property
    def everybody(self) -> tuple[Person, ...]:
        """All people, in the order they were enrolled."""
        return tuple(self._people.values())

    def enrol(self, name: str, face: Face, print_: FacePrint, *, consent: bool) -> Text | None:
        """Take a face in under a name; a name that is there already gets one face more.

        Parameters
        ----------
        name : str
        face : Face
        print_ : FacePrint
            Of this face.
        consent : bool
            Whether the visitor has said that this person agrees.

        Returns
        -------
        Text or None
            What the visitor should know: the face is near to somebody else's, or far from
            this person's own.

        Raises
        ------
        NotEnrolled
            Without consent or a name; over 50 people, or 10 pictures of one.
        NoFace
            If the face is too poor to be known again by.
        """
        self.check(name, face, consent=consent)
        name = _tidy(name)
        before = self._people.get(name)
        warning = self._warning(name, before, print_)
        person = before or Person(name, (), ())
        self._people[name] = replace(
            person, faces=(*person.faces, face), prints=(*person.prints, print_)
        )
        return warning

    def check(self, name: str, face: Face, *, consent: bool) -> None:
        """Refuse what `enrol` would refuse, before the face is described at all.

        Raises
        ------
        NotEnrolled
        NoFace
        """
        name = _tidy(name)
        if not name:
            raise NotEnrolled(Text("Please give the person a name."))
        if not consent:
            raise NotEnrolled(
                Text("Nobody is enrolled without consent: please tick the box first.")
            )
        if not face.is_good:
            raise NoFace(Text("This face cannot be enrolled. {reason}", reason=face.doubts[0]))
        self._check_room(name, self._people.get(name))

    def remove(self, name: str) -> None:
        """Forget a person; nothing happens if nobody has this name."""
        self._people.pop(name, None)

    def forget(self) -> None:
        """Forget everybody."""
        self._people.clear()

    def _check_room(self, name: str, before: Person | None) -> None:
        if before is None and len(self._people) >= MOST_PEOPLE:
            raise NotEnrolled(Text("At most {count} people can be enrolled.", count=MOST_PEOPLE))
        if before is not None and len(before.faces) >= MOST_PICTURES:
            raise NotEnrolled(
                Text(
                    "{name} has {count} pictures already, which is enough.",
                    name=UserText(name),
                    count=MOST_PICTURES,
                )
            )

    def _warning(self, name: str, before: Person | None, print_: FacePrint) -> Text | None:
        line = Line.USUAL.distance
        if before is not None and before.distance(print_) > line:
            return Text(
                "This face is unlike the earlier pictures of {name}: is it the same person?",
                name=UserText(name),
            )
        others = [one for one in self._people.values() if one.name != name]
        near = min(others, key=lambda one: one.distance(print_), default=None)
        if near is not None and near.distance(print_) <= line:
            return Text(
                "This face is close to that of {other}: the same person twice, or people who "
                "look alike. Neither will be named with certainty.",
                other=UserText(near.name),
            )
        return None


def _tidy(name: str) -> str:
    return " ".join(name.split())[:_LONGEST_NAME]


@dataclass(frozen=True, eq=False)
class Recognised(MemoryOnly):
    """Who a face is.

    Parameters
    ----------
    face : Face
    person : Person or None
        None for nobody that is enrolled, or where nothing can be said.
    distance : float or None
        To the person named, or to the nearest; None without a verdict.
    rival : Person or None
        Somebody who is about as near: then nobody is named with certainty.
    elsewhere : Person or None
        Somebody near enough who is named for another face of the picture.
    is_close : bool
        Whether the distance lies close to the line.
    """

    face: Face
    person: Person | None = None
    distance: float | None = None
    rival: Person | None = None
    elsewhere: Person | None = None
    is_close: bool = False

    @property
    def is_certain(self) -> bool:
        """Whether one person is named, well inside the line, and nobody else comes close."""
        return self.person is not None and self.rival is None and not self.is_close

    @property
    def words(self) -> Text:
        """Say who it is, in a sentence."""
        if self.face.doubts:
            return Text("No verdict. {reason}", reason=self.face.doubts[0])
        if self.person is not None and self.rival is not None:
            return Text(
                "{name} or {other}: too alike to tell apart here.",
                name=UserText(self.person.name),
                other=UserText(self.rival.name),
            )
        if self.person is not None and self.is_close:
            return Text(
                "Perhaps {name}: too close to the line to say.", name=UserText(self.person.name)
            )
        if self.person is not None:
            return Text("Probably {name}.", name=UserText(self.person.name))
        if self.elsewhere is not None:
            return Text(
                "Nobody else enrolled. It is close to {name}, who is named for another face: "
                "nobody is twice in one picture.",
                name=UserText(self.elsewhere.name),
            )
        return Text("Nobody who is enrolled.")


def recognise(
    faces: Sequence[tuple[Face, FacePrint | None]],
    people: Sequence[Person],
    line: Line,
) -> tuple[Recognised, ...]:
    """Tell who of the enrolled people is in a picture, each at most once.

    Parameters
    ----------
    faces : sequence of (Face, FacePrint or None)
        All faces of one picture; a poor one is never named and needs no print.
    people : sequence of Person
    line : Line
        Nobody is named who is farther away.

    Returns
    -------
    tuple of Recognised
        One for each face, in their order.
    """
    usable = [i for i, (face, print_) in enumerate(faces) if face.is_good and print_ is not None]
    answers = [Recognised(face) for face, _ in faces]
    if not usable or not people:
        return tuple(answers)
    prints = [print_ for i in usable if (print_ := faces[i][1]) is not None]
    distances = np.array([[person.distance(print_) for person in people] for print_ in prints])
    for row, column in _assigned(distances, line.distance).items():
        answers[usable[row]] = _answer(faces[usable[row]][0], people, distances[row], column, line)
    return tuple(answers)


def _assigned(distances: np.ndarray, line: float) -> dict[int, int | None]:
    """Match faces with people so that the sum of distances is least.

    Each face may also go to nobody at the price of the line: then no name is forced on it.
    """
    from scipy.optimize import linear_sum_assignment

    faces, people = distances.shape
    nobody = np.full((faces, faces), line)
    rows, columns = linear_sum_assignment(np.hstack([distances, nobody]))
    return {
        int(row): int(column) if column < people and distances[row, column] <= line else None
        for row, column in zip(rows, columns, strict=True)
    }


def _answer(
    face: Face, people: Sequence[Person], distances: np.ndarray, column: int | None, line: Line
) -> Recognised:
    nearest = int(np.argmin(distances))
    if column is None:
        is_near = bool(distances[nearest] <= line.distance)
        elsewhere = people[nearest] if is_near else None
        return Recognised(face, None, float(distances[nearest]), elsewhere=elsewhere)
    others = [i for i in range(len(people)) if i != column and distances[i] <= line.distance]
    rival = min(others, key=lambda i: float(distances[i]), default=None)
    if rival is not None and distances[rival] - distances[column] > NEAR:
        rival = None
    return Recognised(
        face,
        people[column],
        float(distances[column]),
        rival=None if rival is None else people[rival],
        is_close=bool(distances[column] > line.distance - NEAR),
    )
