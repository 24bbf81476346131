"""Which picture of a group to keep, and a plan for the others that the visitor carries out.

Nothing here deletes, moves or runs anything: a plan is text. Its shell script moves files
into a folder beside them and never removes one.
"""

from __future__ import annotations

import csv
import io
import json
import math
import shlex
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from imgsim_core.errors import GalleryError
from imgsim_core.gallery.copies import Level
from imgsim_core.gallery.entry import Entry
from imgsim_core.gallery.groups import Group, Pair
from imgsim_core.spreadsheet import harmless
from imgsim_core.text import Text, UserText

# ── The rule ───────────────────────────────────────────────────────────────────────


class Criterion(Enum):
    """What makes a picture better to keep; the order is that of the usual rule."""

    WHOLE = "whole"
    PIXELS = "pixels"
    DATE = "date"
    QUALITY = "quality"
    TYPICAL = "typical"
    SHARPER = "sharper"
    LOSSLESS = "lossless"
    BYTES = "bytes"
    OLDER = "older"

    @property
    def label(self) -> Text:
        """Name, for a list."""
        return _LABELS[self]


_LABELS = {
    Criterion.WHOLE: Text("Shows more: not cut"),
    Criterion.PIXELS: Text("More pixels"),
    Criterion.DATE: Text("Has the camera's date"),
    Criterion.TYPICAL: Text("Most like the others"),
    Criterion.SHARPER: Text("Sharper (noise looks sharp too)"),
    Criterion.LOSSLESS: Text("Saved without loss"),
    Criterion.QUALITY: Text("Higher JPEG quality"),
    Criterion.BYTES: Text("Larger file"),
    Criterion.OLDER: Text("Older file"),
}

USUAL_ORDER = tuple(Criterion)


@dataclass(frozen=True)
class Rule:
    """How the picture to keep is chosen.

    Parameters
    ----------
    order : tuple of Criterion
        The first on which two pictures differ clearly decides; those left out do not count.
    reference : str
        Files whose name starts with this are never set aside, such as "originals/"; "" for
        none.
    """

    order: tuple[Criterion, ...] = USUAL_ORDER
    reference: str = ""

    def protects(self, name: str) -> bool:
        """Tell whether a file must stay where it is."""
        return bool(self.reference) and name.startswith(self.reference)


@dataclass(frozen=True)
class Advice:
    """What to keep of a group.

    Parameters
    ----------
    keep : str
        Digest.
    because : tuple of Text
        What it has over the others, the deciding reason first; empty if nothing tells them
        apart.
    """

    keep: str
    because: tuple[Text, ...]


_LOSSLESS = frozenset({"PNG", "TIFF", "BMP", "PPM", "GIF"})
_CANVAS_COLOURS = (0, 7)  # bins of the colour summary: black and white
_CLEARLY_MORE = 1.05  # of pixels or bytes
_CLEARLY_SHARPER = 1.3
_CLEARLY_MORE_LIKE = 0.03  # of the mean strength of its links
_CLEARLY_WHOLER = 0.02  # of the picture's area
_CLEARLY_BETTER = 3  # of JPEG quality, 1 to 100


def advice(group: Group, entries: Mapping[str, Entry], rule: Rule = Rule()) -> Advice:
    """Choose what to keep of a group.

    Parameters
    ----------
    group : Group
    entries : mapping of str to Entry
        By digest, all members of the group.
    rule : Rule

    Returns
    -------
    Advice
        A picture in the reference folder comes before all others.
    """
    members = [entries[member] for member in group.members]
    if len(members) == 1:
        return Advice(members[0].digest, ())
    known = _Known(_shares_shown(group, entries), _mean_strengths(group))
    left = members
    because: list[Text] = []
    protected = [entry for entry in members if any(map(rule.protects, entry.names))]
    if protected and len(protected) < len(members):
        because.append(Text("It lies in the reference folder."))
    left = protected or members
    for criterion in rule.order:
        best, worst = _compared(criterion, left if len(left) > 1 else members, known)
        if len(left) == 1:
            # Decided: from here on only what else speaks for it
            if best and best[0] is left[0] and len(best) == 1:
                because.append(_reason(criterion, left[0], worst, known))
            continue
        if len(best) < len(left):
            because.append(_reason(criterion, best[0], worst, known))
            left = best
    return Advice(min(left, key=lambda one: (one.name, one.digest)).digest, tuple(because[:3]))


@dataclass(frozen=True)
class _Known:
    """What the links tell of each member, by digest."""

    shares: Mapping[str, float]
    strengths: Mapping[str, float]


def _mean_strengths(group: Group) -> dict[str, float]:
    """Mean strength of each member's links: low for one that much was done to."""
    strengths = defaultdict(list)
    for link in group.links:
        for end in link.pair:
            strengths[end].append(link.strength)
    return {one: sum(found) / len(found) for one, found in strengths.items()}


def _shares_shown(group: Group, entries: Mapping[str, Entry]) -> dict[str, float]:
    """Share of the whole scene that each member shows: a cut copy less than what it is from.

    A black or white canvas that was laid round a picture is no scene.
    """
    shown = dict.fromkeys(group.members, 1.0)
    for link in group.links:
        if link.level is not Level.COPY or group.centre not in link.pair:
            continue
        other, of_centre, of_other = (
            (link.b, link.share_a, link.share_b)
            if link.a == group.centre
            else (link.a, link.share_b, link.share_a)
        )
        # What both show is one area, measured in the pictures' own sizes
        shown[other] = of_centre / max(of_other, 1e-6)
        shown[other] *= 1 - _canvas(entries[other], entries[group.centre])
    most = max(shown.values())
    return {member: share / most for member, share in shown.items()}


def _canvas(of: Entry, beside: Entry) -> float:
    """Share of a picture that is black or white and was not so in another of the group."""
    more = max(float(of.colours[grey] - beside.colours[grey]) for grey in _CANVAS_COLOURS)
    return min(max(more, 0.0), 1.0)


def _compared(
    criterion: Criterion, entries: Sequence[Entry], known: _Known
) -> tuple[list[Entry], Entry]:
    """Those nobody is clearly better than, and the one that is worst."""
    values = {entry.digest: _VALUES[criterion](entry, known) for entry in entries}
    if any(map(math.isnan, values.values())):
        # Not to be compared, such as a PNG's JPEG quality: it tells nobody apart
        return list(entries), entries[0]
    top = max(values.values())
    best = [
        entry for entry in entries if not _is_clearly_more(criterion, top, values[entry.digest])
    ]
    return best, min(entries, key=lambda entry: values[entry.digest])


def _is_clearly_more(criterion: Criterion, value: float, other: float) -> bool:
    if criterion is Criterion.WHOLE:
        return value - other > _CLEARLY_WHOLER
    if criterion is Criterion.TYPICAL:
        return value - other > _CLEARLY_MORE_LIKE
    if criterion is Criterion.QUALITY:
        return value - other >= _CLEARLY_BETTER
    if criterion is Criterion.SHARPER:
        return value > _CLEARLY_SHARPER * other
    if criterion in (Criterion.PIXELS, Criterion.BYTES):
        return value > _CLEARLY_MORE * other
    return value > other


_VALUES: dict[Criterion, Callable[[Entry, _Known], float]] = {
    Criterion.WHOLE: lambda entry, known: known.shares[entry.digest],
    Criterion.PIXELS: lambda entry, known: float(entry.pixels),
    Criterion.DATE: lambda entry, known: float(bool(entry.taken)),
    Criterion.TYPICAL: lambda entry, known: known.strengths.get(entry.digest, math.nan),
    Criterion.SHARPER: lambda entry, known: entry.sharpness,
    Criterion.LOSSLESS: lambda entry, known: float(entry.format in _LOSSLESS),
    Criterion.QUALITY: lambda entry, known: float(entry.quality) if entry.quality else math.nan,
    Criterion.BYTES: lambda entry, known: float(entry.bytes),
    Criterion.OLDER: lambda entry, known: -entry.modified if entry.modified else math.nan,
}


def _reason(criterion: Criterion, best: Entry, worst: Entry, known: _Known) -> Text:
    if criterion is Criterion.WHOLE:
        return Text(
            "It shows more: the least of the others shows {percent} % of the scene.",
            percent=round(100 * known.shares[worst.digest] / known.shares[best.digest]),
        )
    if criterion is Criterion.PIXELS:
        return Text(
            "It has more pixels: {width} × {height} against {less} × {lower} of the smallest.",
            width=best.width,
            height=best.height,
            less=worst.width,
            lower=worst.height,
        )
    if criterion is Criterion.DATE:
        return Text("It still has the camera's date: {date}.", date=UserText(best.taken[:10]))
    if criterion is Criterion.TYPICAL:
        return Text("It is most like the others: less was done to it.")
    if criterion is Criterion.SHARPER:
        return Text(
            "It is sharper: {factor} times the fine detail of the softest.",
            factor=f"{best.sharpness / max(worst.sharpness, 1e-6):.1f}",
        )
    if criterion is Criterion.LOSSLESS:
        return Text("It is saved without loss, as {format}.", format=UserText(best.format))
    if criterion is Criterion.QUALITY:
        return Text(
            "It was saved with JPEG quality {quality} of 100, another with {worst}.",
            quality=best.quality,
            worst=worst.quality,
        )
    if criterion is Criterion.BYTES:
        return Text("Its file is larger: less was thrown away.")
    return Text("Its file is older: the others were probably made from it.")


# ── The plan ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Step:
    """What the plan says of one file.

    Parameters
    ----------
    group : str
        Key of its group.
    name, source : str
        As the entry has them.
    digest : str
    keep : bool
        Whether it stays; otherwise it is to be set aside.
    same_as : str
        Name of the file that is kept in its place; "" for a file that stays.
    because : tuple of Text
        Why it stays, or why it was found to be a duplicate.
    """

    group: str
    name: str
    source: str
    digest: str
    keep: bool
    same_as: str
    because: tuple[Text, ...]


def plan(
    groups: Iterable[Group],
    entries: Mapping[str, Entry],
    rule: Rule = Rule(),
    kept: Mapping[str, str] | None = None,
) -> tuple[Step, ...]:
    """Tell what to do with every file of the groups.

    Parameters
    ----------
    groups : iterable of Group
    entries : mapping of str to Entry
    rule : Rule
    kept : mapping of str to str or None
        Digest that the visitor chose to keep, by the key of the group.

    Returns
    -------
    tuple of Step
        Group by group, the file that is kept first. Of several files with the kept bytes
        one stays: the first that the rule protects, or the first. Protected files all stay.
    """
    steps: list[Step] = []
    for group in groups:
        told = advice(group, entries, rule)
        chosen = (kept or {}).get(group.key, told.keep)
        because = told.because if chosen == told.keep else (Text("You chose it."),)
        best = entries[chosen if chosen in group.members else told.keep]
        place = next((i for i, name in enumerate(best.names) if rule.protects(name)), 0)
        steps.append(
            Step(
                group.key,
                best.names[place],
                best.sources[place],
                best.digest,
                True,
                "",
                because,
            )
        )
        shown = best.names[place]
        others = [best, *(entries[one] for one in group.members if one != best.digest)]
        for entry in others:
            for i, (name, source) in enumerate(zip(entry.names, entry.sources, strict=True)):
                if entry is not best or i != place:
                    why = _found_by(group, best, entry)
                    stays = rule.protects(name)
                    if stays:
                        why = (Text("It lies in the reference folder."), *why)
                    steps.append(
                        Step(
                            group.key,
                            name,
                            source,
                            entry.digest,
                            stays,
                            "" if stays else shown,
                            why,
                        )
                    )
    return tuple(steps)


def _found_by(group: Group, best: Entry, entry: Entry) -> tuple[Text, ...]:
    """Why an entry counts as a duplicate: its link to the kept one, or to the centre."""
    if entry.digest == best.digest:
        return (Text("Its bytes are the same."),)
    for wanted in (best.digest, group.centre):
        for link in group.links:
            if link.pair == {entry.digest, wanted}:
                return link.because
    return ()


def plan_as_csv(steps: Iterable[Step]) -> str:
    """Write a plan as a table.

    Returns
    -------
    str
        Columns group, action ("keep" or "set aside"), name, same_as, address, digest, why.
        A name that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(["group", "action", "name", "same_as", "address", "digest", "why"])
    for step in steps:
        why = " ".join(map(str, step.because))
        cells = [step.group, _action(step), step.name, step.same_as, step.source, step.digest, why]
        writer.writerow([harmless(cell) for cell in cells])
    return stream.getvalue()


def plan_as_json(steps: Iterable[Step]) -> str:
    """Write a plan as JSON: a list of steps."""
    data = [
        {
            "group": step.group,
            "action": _action(step),
            "name": step.name,
            "same_as": step.same_as,
            "address": step.source,
            "digest": step.digest,
            "because": [str(text) for text in step.because],
        }
        for step in steps
    ]
    return json.dumps(data, indent=2, ensure_ascii=True) + "\n"


def _action(step: Step) -> str:
    return "keep" if step.keep else "set aside"


_HEAD = """\
#!/bin/sh
# A plan for duplicates, to be read and changed before anybody runs it.
# It deletes nothing: files are moved into the folder "duplicates" below the folder it is
# run in, which has to be the one the pictures came from. To undo, move them back.
# A file that is already there is never overwritten.
set -eu

aside() {
    [ -e "$1" ] || { printf 'not there: %s\\n' "$1" >&2; return 0; }
    to="duplicates/$2"
    [ ! -e "$to" ] || { printf 'there already: %s\\n' "$to" >&2; return 0; }
    mkdir -p -- "$(dirname -- "$to")"
    mv -n -- "$1" "$to"
}
"""


def plan_as_script(steps: Iterable[Step]) -> str:
    """Write a plan as a POSIX shell script that moves what is set aside into "duplicates/".

    Parameters
    ----------
    steps : iterable of Step

    Returns
    -------
    str
        Every name is quoted, whatever it is made of; comments never hold a line break. A
        file inside a zip archive or at an address that is no file of this host is only
        named in a comment.
    """
    lines = [_HEAD]
    group = ""
    for step in steps:
        if step.group != group:
            group = step.group
            lines.append(f"\n# Group {group}")
        why = _comment(" ".join(map(str, step.because)))
        if step.keep:
            lines.append(f"# keep {_comment(step.name)}. {why}".rstrip())
            continue
        path = local_path(step)
        if path is None:
            lines.append(f"# cannot be moved by a script: {_comment(step.name)}")
        else:
            lines.append(f"# {why}" if why else "#")
            lines.append(f"aside {_quoted(path)} {_quoted(_below(step.name))}")
    return "\n".join(lines) + "\n"


def local_path(step: Step) -> str | None:
    """Path of a step's file for a script: where the host read it, or its name below a folder."""
    if not step.source:
        return f"./{_below(step.name)}" if _below(step.name) else None
    scheme, separator, rest = step.source.partition("://")
    if separator:
        return rest if scheme == "file" else None
    # fsspec joins an archive's inside to its address with "::"
    return None if "::" in step.source else step.source


def _below(name: str) -> str:
    """A name without what would lead out of a folder."""
    parts = name.replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", ".", "..") and "\0" not in part)


def _quoted(path: str) -> str:
    return shlex.quote(path.replace("\0", ""))


def _comment(text: str) -> str:
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


# ── What was said to be no duplicate ───────────────────────────────────────────────

_FORM = "imgsim not-duplicates"
_MOST_KEPT = 1_000_000
_DIGEST_DIGITS = frozenset("0123456789abcdef")


class BadNotDuplicates(GalleryError):
    """A file of pairs that are no duplicates cannot be read."""


def not_duplicates_as_json(pairs: Iterable[Pair]) -> str:
    """Write pairs of digests as a file that the visitor owns.

    Parameters
    ----------
    pairs : iterable of frozenset of two str
    """
    rows = sorted(sorted(pair) for pair in pairs)
    return json.dumps({"form": _FORM, "version": 1, "pairs": rows}, indent=1) + "\n"


def not_duplicates_from_json(data: bytes) -> frozenset[Pair]:
    """Read pairs of digests from such a file.

    Raises
    ------
    BadNotDuplicates
        If it is none.
    """
    try:
        read = json.loads(data)
        rows = read["pairs"] if read["form"] == _FORM and read["version"] == 1 else None
    except (ValueError, KeyError, TypeError, RecursionError):
        rows = None
    if not isinstance(rows, list) or len(rows) > _MOST_KEPT or not all(map(_is_pair, rows)):
        raise BadNotDuplicates(
            Text("This is no file of pairs that are no duplicates, as it can be saved here.")
        )
    return frozenset(map(frozenset, rows))


def _is_pair(row: object) -> bool:
    return (
        isinstance(row, list)
        and len(row) == 2
        and row[0] != row[1]
        and all(
            isinstance(one, str) and len(one) == 64 and _DIGEST_DIGITS.issuperset(one)
            for one in row
        )
    )
