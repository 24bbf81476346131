"""Damaged files and made-up links for minutes: `python -m tests.security.fuzz [TARGET] [MINUTES]`.

Each round runs in a process of its own, bounded in memory, with a seed that is printed: what
crashes a decoder written in C ends that process only, and can be had again. The example that
was being tried lies in a file then.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings

from tests.security.properties import targets

_ROUND = 2_000  # examples
_MEMORY = 4 * 2**30  # bytes of addresses, torch's own included
_SECONDS = 10.0  # that one example may take


def main() -> int:
    """Try the targets in turn, as long as was asked for; returns how many rounds failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="?", choices=sorted(targets()))
    parser.add_argument("minutes", nargs="?", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=None, help="one round, with this seed")
    chosen = parser.parse_args()
    names = [chosen.target] if chosen.target else sorted(targets())
    failed = sum(_for_a_while(name, chosen.minutes, chosen.seed) for name in names)
    return min(1, failed)


def _for_a_while(name: str, minutes: float, only: int | None) -> int:
    started, rounds, failed = time.monotonic(), 0, 0
    number = int(time.time()) if only is None else only
    while rounds == 0 or (only is None and time.monotonic() - started < 60 * minutes):
        failed += not _round_apart(name, number + rounds)
        rounds += 1
    spent = time.monotonic() - started
    print(f"{name}: {rounds} rounds of {_ROUND}, {failed} failed, {spent:.0f} s", flush=True)
    return failed


def _round_apart(name: str, number: int) -> bool:
    """Run a round in a child; tell whether all was well."""
    last = Path(tempfile.gettempdir()) / f"fuzz-{name}-{number}"
    child = os.fork()
    if child == 0:
        code = 1
        try:
            # Decoders written in C tell the terminal of every byte that they do not like
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            _round(name, number, last)
            code = 0
        finally:
            sys.stdout.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if status == 0:
        last.unlink(missing_ok=True)
        return True
    how = signal.Signals(status & 0x7F).name if status & 0x7F else "an error"
    print(f"{name}: {how}; seed {number}; the last example is in {last}", flush=True)
    return False


def _round(name: str, number: int, last: Path) -> None:
    check, strategy = targets()[name]

    def timed(example: object) -> None:
        last.write_bytes(example if isinstance(example, bytes) else repr(example).encode())
        started = time.process_time()
        check(example)
        spent = time.process_time() - started
        if spent > _SECONDS:
            raise TimeoutError(f"{spent:.1f} s for one example")

    wanted = settings(
        database=None,
        deadline=None,
        max_examples=_ROUND,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    try:
        seed(number)(wanted(given(strategy)(timed)))()
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        raise


if __name__ == "__main__":
    sys.exit(main())
