"""Whether it holds up: `python -m tests.load [TRIAL ...]`; `make load` runs all of them.

Not part of `make test`: together they take most of an hour, and their figures hold for a
machine that does nothing else. pytest finds nothing here, since no file is called test_*.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.load import crowd, hostile, killed, large_gallery
from tests.load.trial import Findings

ROOT = Path(__file__).parents[2]
_DATA = "IMGSIM_EVAL_DATA"

Trial = Callable[[argparse.Namespace, Path], Findings]


def _hostile(chosen: argparse.Namespace) -> Path:
    usual = ROOT.parent / "shared" / "data"
    return Path(os.environ.get(_DATA, usual)) / "hostile"


TRIALS: dict[str, Trial] = {
    "hostile-commands": lambda chosen, place: hostile.try_commands(
        place, _hostile(chosen), chosen.every
    ),
    "hostile-pages": lambda chosen, place: hostile.try_pages(
        place, _hostile(chosen), chosen.door, chosen.every
    ),
    "killed-commands": lambda chosen, place: killed.try_commands(place, chosen.kills),
    "killed-visitors": lambda chosen, place: killed.try_visitors(place, chosen.kills),
    "large-gallery": lambda chosen, place: large_gallery.try_pages(
        place, chosen.gallery, chosen.count
    ),
    "crowd": lambda chosen, place: crowd.try_crowd(
        place, chosen.minutes, chosen.visitors, chosen.think
    ),
}


def main() -> int:
    """Run the trials that were asked for; returns how many did not hold up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trials", nargs="*", metavar="TRIAL", help=", ".join(TRIALS))
    parser.add_argument("--json", type=Path, default=None, help="file to write figures to")
    parser.add_argument("--minutes", type=float, default=5.0, help="that the crowd stays")
    parser.add_argument("--visitors", type=int, default=20, help="in the crowd")
    parser.add_argument("--think", type=float, default=6.0, help="seconds between their actions")
    parser.add_argument("--every", type=int, default=1, help="of the hostile files, each N-th")
    parser.add_argument("--door", default="", help="parts of names of ways to bring files, with ;")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--count", type=int, default=100_000, help="pictures of a large gallery")
    parser.add_argument("--gallery", type=Path, help="galleries with one called big: not made anew")
    chosen = parser.parse_args()
    unknown = set(chosen.trials) - set(TRIALS)
    if unknown:
        parser.error(f"there is no trial {', '.join(sorted(unknown))}")
    told = []
    for name in chosen.trials or TRIALS:
        with tempfile.TemporaryDirectory(prefix="imgsim-load-") as place:
            findings = TRIALS[name](chosen, Path(place))
        print(findings.told(), end="\n\n", flush=True)
        told.append(findings)
        if chosen.json is not None:
            about = {"python": platform.python_version(), "processors": os.cpu_count()}
            whole = {**about, "trials": [one.as_dict() for one in told]}
            chosen.json.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")
    return min(1, sum(not one.held_up for one in told))


if __name__ == "__main__":
    sys.exit(main())
