"""`python -m bench`: run every benchmark, print one table, write bench/results.json."""

from __future__ import annotations

import json
import pkgutil
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import bench
from bench.measure import Moment, Row


def main() -> None:
    rows: list[Row] = []
    moments: list[Moment] = []
    wanted = sys.argv[1:]
    for module in pkgutil.iter_modules(bench.__path__):
        if module.name.startswith("bench_") and (not wanted or module.name[6:] in wanted):
            for row in import_module(f"bench.{module.name}").rows():
                (moments if isinstance(row, Moment) else rows).append(row)
    if rows:
        print(f"{'work':<44} {'measure':<8} {'ours':>10} {'peer':>10} {'ratio':>8} {'target':>7}")
    for row in rows:
        mark = "reached" if row.reached else "MISSED"
        print(
            f"{row.work:<44} {row.measure:<8} {row.ours:>10.1f} {row.theirs:>10.1f} "
            f"{row.ratio:>7.1f}x {row.target:>6.0f}x  {mark}; {row.correct}"
        )
    if moments:
        print(f"{'what a visitor waits for':<52} {'figure':>9} {'target':>9}")
    for one in moments:
        mark = "reached" if one.reached else "MISSED"
        print(
            f"{one.moment:<52} {one.figure:>9.2f} {one.target:>9.2f} {one.unit}  {mark}; {one.note}"
        )
    if not wanted:
        results = [{**asdict(row), "ratio": row.ratio, "reached": row.reached} for row in rows]
        results += [{**asdict(one), "reached": one.reached} for one in moments]
        (Path(__file__).parent / "results.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
