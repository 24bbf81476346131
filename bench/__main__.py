"""`python -m bench [--all] [NAME ...]`: run benchmarks, print one table, keep bench/results.json.

Each module runs in a process of its own, with pinned threads. What it measures takes the place
of what was known of it; the other modules' figures stay. One that fails says so in the table.
Without names all run but those that take minutes; `--all` runs these too.
"""

from __future__ import annotations

import argparse
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import bench
from bench.measure import PINNED
from bench.results import KINDS, RESULTS, Record, finished, merged, read, started, table, write

LONG = ("atlas", "teach")
"""Modules that take more than about three minutes and are not of what the targets name."""
PATIENCE = 20 * 60  # seconds for one module


def names() -> list[str]:
    """Return the benchmarks there are."""
    found = (module.name for module in pkgutil.iter_modules(bench.__path__))
    return [name.removeprefix("bench_") for name in found if name.startswith("bench_")]


def measured(name: str) -> Record:
    """Run a module in a process of its own; what it had measured when it failed is kept."""
    record = started()
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "rows"
        lines.touch()
        command = [sys.executable, "-m", "bench", "--into", str(lines), name]
        failed = ""
        try:
            done = subprocess.run(
                command,
                env={**os.environ, **PINNED, "TMPDIR": folder},
                stderr=subprocess.PIPE,
                text=True,
                timeout=PATIENCE,
                cwd=Path(__file__).parents[1],
            )
            sys.stderr.write(done.stderr)
            if done.returncode:
                said = done.stderr.strip().splitlines()
                failed = said[-1] if said else f"ended with {done.returncode}"
        except subprocess.TimeoutExpired:
            failed = f"not done in {PATIENCE} seconds"
        told = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    peers = next((one["peers"] for one in told if "peers" in one), {})
    return finished(record, [one for one in told if "kind" in one], peers, failed)


def _run_here(name: str, into: Path) -> None:
    """Write a module's peers and rows, a line each, as they come."""
    module = import_module(f"bench.bench_{name}")
    with into.open("a", encoding="utf-8") as file:
        peers = {peer: bench.version(peer) for peer in getattr(module, "PEERS", ())}
        file.write(json.dumps({"peers": peers}) + "\n")
        file.flush()
        for row in module.rows():
            kind = next(kind for kind, form in KINDS.items() if isinstance(row, form))
            file.write(json.dumps({"kind": kind, **asdict(row)}) + "\n")
            file.flush()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names()))
    parser.add_argument("--all", action="store_true", help=f"also {', '.join(LONG)}")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.names) - set(names()))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(names())}")
    if chosen.into is not None:
        _run_here(chosen.names[0], chosen.into)
        return
    wanted = chosen.names or [name for name in names() if chosen.all or name not in LONG]
    for name in wanted:
        record = measured(name)
        write(merged(read(RESULTS), {name: record}), RESULTS)
        print(table({name: record}), flush=True)
    left = [name for name in names() if name not in wanted]
    if left and not chosen.names:
        print(f"not run: {', '.join(left)}")


if __name__ == "__main__":
    main()
