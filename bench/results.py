"""What the benchmarks measured: kept as JSON module by module, shown as tables.

A record of a module holds its rows, the peers with their versions, and in what conditions it
ran: processor, load at start and end, date, commit.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.measure import Missing, Moment, Row

RESULTS = Path(__file__).parent / "results.json"
CHINESE = Path(__file__).parent / "words.zh.json"
KINDS = {"row": Row, "moment": Moment, "missing": Missing}

Record = dict[str, Any]
Records = Mapping[str, Record]

SPEED = ("ssim", "histogram", "opening", "ingest", "duplicates", "store", "search", "again")
"""Modules of the work that is compared with others', in the order of the table."""
WAITS = ("visitor",)
"""Modules of what a visitor waits for."""


# ── Records ────────────────────────────────────────────────────────────────────────


def started() -> Record:
    """Tell in what conditions a run begins."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "load_at_start": round(os.getloadavg()[0], 2),
        "seconds": time.monotonic(),
    }


def finished(
    record: Record, rows: list[dict[str, Any]], peers: Mapping[str, str], failed: str = ""
) -> Record:
    """Complete a record with what was measured.

    Parameters
    ----------
    record : dict
        Of `started`.
    rows : list of dict
        Each the fields of a row, and its "kind".
    peers : mapping
        Version of each peer; "" for one that is not installed.
    failed : str
        Why the module did not come to its end; "" if it did.
    """
    return {
        **record,
        "load_at_end": round(os.getloadavg()[0], 2),
        "seconds": round(time.monotonic() - record["seconds"], 1),
        "peers": dict(peers),
        "failed": failed,
        "rows": [{**row, **_judged(row)} for row in rows],
    }


def _judged(row: dict[str, Any]) -> dict[str, Any]:
    made = _made(row)
    if isinstance(made, Row):
        return {"ratio": made.ratio, "reached": made.reached}
    return {"reached": made.reached} if isinstance(made, Moment) else {}


def _made(row: Mapping[str, Any]) -> Row | Moment | Missing:
    left_out = ("kind", "ratio", "reached")
    made: Row | Moment | Missing = KINDS[row["kind"]](
        **{name: value for name, value in row.items() if name not in left_out}
    )
    return made


def _commit() -> str:
    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return asked.stdout.strip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def read(path: Path) -> dict[str, Record]:
    """Read what is known; nothing if there is no such file."""
    if not path.exists():
        return {}
    found: dict[str, Record] = json.loads(path.read_text(encoding="utf-8"))
    return found


def merged(known: Records, new: Records) -> dict[str, Record]:
    """Put new records in place of those of the same modules; the others stay."""
    return dict(sorted({**known, **new}.items()))


def write(records: Records, path: Path) -> None:
    """Keep records as JSON."""
    text = json.dumps(records, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


# ── For a terminal ─────────────────────────────────────────────────────────────────


def table(records: Records) -> str:
    """Draw records as lines of text, every row with what was checked."""
    return "\n".join(line for name, record in records.items() for line in _lines(name, record))


def _lines(name: str, record: Record) -> Iterator[str]:
    load = f"load {record['load_at_start']} to {record['load_at_end']}"
    yield f"── {name}: {record['seconds']} s, {load}, {record['date']}, {record['commit']}"
    for row in map(_made, record["rows"]):
        if isinstance(row, Missing):
            yield f"{row.work:<52} NOT MEASURED  {row.why}"
        elif isinstance(row, Row):
            more = "> " if row.at_least else ""
            yield (
                f"{row.work:<52} {_figure(row.ours, row.measure):>10} "
                f"{more + _figure(row.theirs, row.measure):>12} "
                f"{row.ratio:>6.1f}x of {row.target:g}x  {_mark(row)}; {row.correct}"
            )
        else:
            yield (
                f"{row.moment:<52} {row.figure:>9.2f} of {row.target:g} {row.unit}  "
                f"{_mark(row)}; {row.note}"
            )
    if record["failed"]:
        yield f"{name:<52} FAILED  {record['failed']}"


def _mark(row: Row | Moment) -> str:
    return "reached" if row.reached else "MISSED"


# ── For a page ─────────────────────────────────────────────────────────────────────


def words(chinese: bool) -> Mapping[str, str]:
    """Return the table's words by their English ones; none for English itself."""
    found: dict[str, str] = json.loads(CHINESE.read_text(encoding="utf-8")) if chinese else {}
    return found


def markdown(records: Records, said: Mapping[str, str]) -> str:
    """Draw what the targets name as two tables, each missed target in bold.

    Parameters
    ----------
    records : mapping
    said : mapping
        Of `words`.
    """

    def t(text: str) -> str:
        return said.get(text, text)

    speed = [
        "| " + " | ".join(map(t, ("Work", "Ours", "Against", "Theirs", "Ratio", "Wanted"))) + " |",
        "| --- | ---: | --- | ---: | ---: | ---: |",
    ]
    waits = [
        "| " + " | ".join(map(t, ("What is waited for", "Measured", "At most"))) + " |",
        "| --- | ---: | ---: |",
    ]
    for record in (records[name] for name in (*SPEED, *WAITS) if name in records):
        for row in map(_made, record["rows"]):
            if isinstance(row, Row):
                speed.append(_speed_line(row, record["peers"], t))
            elif isinstance(row, Moment):
                figures = f"{_figure(row.figure, row.unit)} | {_figure(row.target, row.unit)}"
                waits.append(f"| {t(row.moment)} | {_bold(figures, row.reached)} |")
            else:
                waits.append(f"| {t(row.work)} | {t('not measured')} | |")
        if record["failed"]:
            waits.append(f"| {t('a benchmark that failed')} | {t('not measured')} | |")
    return "\n".join([*speed, "", *waits, "", _conditions(records, t)]) + "\n"


def _speed_line(row: Row, peers: Mapping[str, str], t: Any) -> str:
    peer = f"{t(row.peer)} {peers.get(row.peer, '')}".strip()
    theirs = ("> " if row.at_least else "") + _figure(row.theirs, row.measure)
    ratio = ("> " if row.at_least else "") + f"{row.ratio:.1f}×"
    cells = f"{ratio} | {row.target:g}×"
    ours = _figure(row.ours, row.measure)
    return f"| {t(row.work)} | {ours} | {peer} | {theirs} | {_bold(cells, row.reached)} |"


def _bold(cells: str, reached: bool) -> str:
    if reached:
        return cells
    first, _, rest = cells.partition(" | ")
    return f"**{first}** | {rest}"


def _figure(value: float, unit: str) -> str:
    digits = 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}".strip()


def _conditions(records: Records, t: Any) -> str:
    used = [records[name] for name in (*SPEED, *WAITS) if name in records]
    if not used:
        return ""
    loads = [load for one in used for load in (one["load_at_start"], one["load_at_end"])]
    days = sorted({one["date"] for one in used})
    machine = sorted({f"{one['processor']} × {one['processors']}" for one in used})
    template = t("Measured {days} on {machine}, load {least} to {most}. Missed targets are bold.")
    return template.format(
        days="–".join(dict.fromkeys((days[0], days[-1]))),
        machine=", ".join(machine),
        least=min(loads),
        most=max(loads),
    )
