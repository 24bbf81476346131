"""`find OBJECT SCENE`: where an object lies in a scene, how often, and how sure that is."""

from __future__ import annotations

import argparse
from typing import Any

from imgsim_core.applications.objects.finding import Box, Find, Found, chance, cropped, find
from imgsim_core.commands.console import (
    CommandLineError,
    aligned,
    opened,
    print_json,
    shown,
)
from imgsim_core.text import Text, UserText


def add(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "find",
        help="find an object in a scene",
        description=(
            "Look for an object in a scene by its details, wherever, however turned, scaled or "
            "mirrored it lies, and as often as it is there."
        ),
    )
    parser.add_argument("object", metavar="OBJECT", help="picture that shows the object")
    parser.add_argument("scene", metavar="SCENE", help="picture to look in")
    parser.add_argument(
        "--box",
        metavar="L,T,R,B",
        help="where the object is in its picture, in pixels: left, top, right, bottom",
    )
    parser.add_argument("--json", action="store_true", help="write JSON instead of a table")
    parser.set_defaults(run=_find)


def _find(chosen: argparse.Namespace) -> None:
    the_object, scene = opened(chosen.object), opened(chosen.scene)
    if chosen.box is not None:
        edges = _edges(chosen.box)
        box: Box = (
            edges[0] / the_object.width,
            edges[1] / the_object.height,
            edges[2] / the_object.width,
            edges[3] / the_object.height,
        )
        the_object = cropped(the_object, box)
    found = find(the_object, scene)
    if chosen.json:
        print_json(_as_dict(found))
        return
    print(shown(found.verdict))
    for line in aligned([_cells(number, one) for number, one in enumerate(found.finds, 1)]):
        print(line)
    if found.advice is not None:
        print(shown(found.advice))


def _edges(text: str) -> tuple[float, float, float, float]:
    try:
        left, top, right, bottom = (float(part) for part in text.split(","))
    except ValueError:
        raise CommandLineError(
            Text(
                "--box takes four numbers parted by commas, such as 10,20,200,180; not {text}.",
                text=UserText(text),
            )
        ) from None
    return left, top, right, bottom


def _cells(number: int, one: Find) -> list[str]:
    x, y = one.outline.mean(axis=0)
    return [
        str(number),
        f"{one.agreeing} details",
        f"{one.growth:.2f} times as large",
        f"turned {one.turn:.0f} degrees",
        f"around {x:.0f}, {y:.0f}",
        "mirrored" if one.mirrored else "",
    ]


def _as_dict(found: Found) -> dict[str, Any]:
    return {
        "verdict": str(found.verdict),
        "advice": None if found.advice is None else str(found.advice),
        "object_details": found.object_details,
        "scene_details": found.scene_details,
        "same_picture": found.same_picture,
        "finds": [_find_as_dict(one) for one in found.finds],
    }


def _find_as_dict(one: Find) -> dict[str, Any]:
    known = chance(one.agreeing)
    return {
        "details": one.agreeing,
        "outline": [[round(float(x), 1), round(float(y), 1)] for x, y in one.outline],
        "growth": round(one.growth, 4),
        "turn": round(one.turn, 1),
        "mirrored": one.mirrored,
        "homography": [[float(cell) for cell in row] for row in one.homography],
        "false_finds": {
            "unrelated_pairs": known.pairs,
            "reached": known.reached,
            "rate_at_most": round(known.at_most, 5),
        },
    }
