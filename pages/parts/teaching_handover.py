"""Groups that other pages know already, offered to be taught: one button each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TypeVar

import streamlit as st

from imgsim_core.applications.products.catalogue import Catalogue
from imgsim_core.gallery.duplicates import Report
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.groups import Group
from imgsim_core.labelled import Pair
from imgsim_core.picture import Picture
from imgsim_core.picture_set import SIDE
from imgsim_core.teaching.groups import FEWEST_GROUPS
from pages.parts import teaching_groups
from pages.parts.language import t
from pages.parts.workbench import Workbench

Named = list[tuple[Picture, str]]
_Kind = TypeVar("_Kind")

_WANTED = "teach_wanted"  # the page whose groups the visitor wants to teach


def offer_marked(bench: Workbench) -> None:
    """Offer the marked pairs of Calibrate: what was marked same, also by a third, is a group."""
    groups = groups_of_pairs(bench.marked)
    if sum(len(group) >= 2 for group in groups) < FEWEST_GROUPS:
        return

    def members() -> tuple[Named, int]:
        pictures = [[bench.pictures[digest] for digest in group] for group in groups]
        return _named([(_stem(group[0].name), group) for group in pictures]), 0

    _offer("calibrate", members)


def groups_of_pairs(pairs: Sequence[Pair]) -> list[list[str]]:
    """Join what was marked same into groups; a picture marked different only is one of one.

    Returns
    -------
    list of list of str
        Digests; groups and pictures in the order they were marked.
    """
    group_of: dict[str, list[str]] = {}
    for pair in pairs:
        one, other = (group_of.setdefault(end, [end]) for end in (pair.a, pair.b))
        if pair.same and one is not other:
            one.extend(other)
            group_of.update(dict.fromkeys(other, one))
    return list({id(group): group for group in group_of.values()}.values())


def offer_duplicates(gallery: Gallery, report: Report, groups: Sequence[Group]) -> None:
    """Offer the groups on Duplicates, as the visitor has left them."""
    joined = [group for group in groups if len(group.members) >= 2]
    if len(joined) < FEWEST_GROUPS:
        return

    def members() -> tuple[Named, int]:
        kept, left_out = _that_fit([("", group.members) for group in joined])
        found = []
        for _, digests in kept:
            entries = [report.entries[digest] for digest in digests]
            pictures = [_reduced(gallery.picture(entry, SIDE)) for entry in entries]
            found.append((_stem(entries[0].name), pictures))
        return _named(found), left_out

    _offer("duplicates", members)


def offer_products(catalogue: Catalogue) -> None:
    """Offer the products of a catalogue that have two pictures or more."""
    several = [
        (product, pictures)
        for place, product in enumerate(catalogue.products)
        if len(pictures := catalogue.pictures_of(place)) >= 2
    ]
    if len(several) < FEWEST_GROUPS:
        return

    def members() -> tuple[Named, int]:
        kept, left_out = _that_fit(
            [(product.title or product.sku, pictures) for product, pictures in several]
        )
        return _named([(name, [one.opened() for one in mine]) for name, mine in kept]), left_out

    _offer("products", members)


def _that_fit(
    groups: Sequence[tuple[str, Sequence[_Kind]]],
) -> tuple[list[tuple[str, Sequence[_Kind]]], int]:
    """Keep the groups there is room for, whole; count the pictures of the others."""
    room, kept, left_out = teaching_groups.MOST, [], 0
    for name, pictures in groups:
        if len(pictures) <= room:
            room -= len(pictures)
            kept.append((name, pictures))
        else:
            left_out += len(pictures)
    return kept, left_out


def _reduced(picture: Picture) -> Picture:
    """Give a small copy a digest of its own: it must not be taken for the whole picture."""
    digest = hashlib.sha256(f"{picture.digest} at {SIDE}".encode()).hexdigest()
    return replace(picture, digest=digest)


def _stem(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).stem


def _named(groups: Sequence[tuple[str, Sequence[Picture]]]) -> Named:
    """Name each picture's group; groups that are called the same are numbered."""
    taken: set[str] = set()
    found: Named = []
    for wanted, pictures in groups:
        name, number = wanted, 2
        while name in taken:
            name, number = f"{wanted} ({number})", number + 1
        taken.add(name)
        found.extend((picture, name) for picture in pictures)
    return found


def _offer(origin: str, members: Callable[[], tuple[Named, int]]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"teach_from_{origin}"):
        # A callback, for a press is lost where the page is drawn anew at the same moment
        st.button(
            t("Teach this notion of alike"),
            key=f"teach_hand_{origin}",
            icon=":material/school:",
            on_click=st.session_state.__setitem__,
            args=(_WANTED, origin),
        )
        st.caption(t("A network learns from these groups what alike means to you."))
    if st.session_state.get(_WANTED) != origin:
        return
    del st.session_state[_WANTED]
    with st.spinner(t("Opening the pictures …")):
        named, left_out = members()
        teaching_groups.hand_over(named, origin, left_out)
    st.switch_page("../teach.py")
