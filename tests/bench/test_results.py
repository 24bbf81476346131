"""What benchmarks measured: kept, merged, drawn. No benchmark runs here."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from bench import __main__ as running
from bench import measure, results

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "bench").glob("bench_*.py"))

QUICK = {
    "kind": "row",
    **vars(measure.Row("some work", "ms", 20.0, 90.0, 4, "equal", peer="a-peer")),
}
SLOW = {"kind": "moment", **vars(measure.Moment("page switch", 700.0, "ms", 500, "3 times"))}
ABSENT = {"kind": "missing", **vars(measure.Missing("other work", "no pictures"))}


def record(*rows: dict[str, object], failed: str = "") -> results.Record:
    return results.finished(results.started(), list(rows), {"a-peer": "1.2"}, failed)


def test_a_record_tells_its_conditions_and_judges_its_rows():
    found = record(QUICK, SLOW, ABSENT)
    assert found["processors"] >= 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", found["date"])
    assert found["load_at_start"] >= 0
    assert found["load_at_end"] >= 0
    ratio, waited, absent = found["rows"]
    assert ratio["ratio"] == 4.5
    assert ratio["reached"]
    assert not waited["reached"]
    assert "reached" not in absent


def test_one_module_run_again_leaves_the_others_as_they_were(tmp_path):
    path = tmp_path / "results.json"
    assert results.read(path) == {}
    results.write(results.merged({}, {"ssim": record(QUICK), "visitor": record(SLOW)}), path)
    before = results.read(path)
    results.write(results.merged(before, {"visitor": record(SLOW, failed="it broke")}), path)
    after = results.read(path)
    assert after["ssim"] == before["ssim"]
    assert after["visitor"]["failed"] == "it broke"


def test_what_fails_is_said_beside_what_was_measured():
    text = results.table({"ssim": record(QUICK, ABSENT, failed="ValueError: no")})
    assert "4.5x of 4x  reached; equal" in text
    assert "no pictures" in text
    assert "FAILED  ValueError: no" in text
    page = results.markdown({"ssim": record(QUICK, ABSENT, failed="ValueError: no")}, {})
    assert page.count("not measured") == 2
    assert "ValueError" not in page


def test_the_page_names_peers_and_marks_what_is_missed():
    missed = {**QUICK, "target": 5, "at_least": True}
    page = results.markdown({"ssim": record(QUICK, missed), "visitor": record(SLOW)}, {})
    assert "| some work | 20 ms | a-peer 1.2 | 90 ms | 4.5× | 4× |" in page
    assert "| some work | 20 ms | a-peer 1.2 | > 90 ms | **> 4.5×** | 5× |" in page
    assert "| page switch | **700 ms** | 500 ms |" in page


def test_a_module_that_breaks_keeps_what_it_had_measured(monkeypatch):
    """Of a process of its own: here one that writes a row and ends badly."""

    def broken(command, **told):
        into = Path(command[command.index("--into") + 1])
        into.write_text(json.dumps({"peers": {"a-peer": "1.2"}}) + "\n" + json.dumps(QUICK) + "\n")
        return type("Done", (), {"stderr": "Traceback\nKeyError: 'x'\n", "returncode": 1})()

    begun = results.started()  # asks git, which is not to break
    monkeypatch.setattr(running, "started", lambda: begun)
    monkeypatch.setattr(running.subprocess, "run", broken)
    found = running.measured("ssim")
    assert found["failed"] == "KeyError: 'x'"
    assert [row["work"] for row in found["rows"]] == ["some work"]
    assert found["peers"] == {"a-peer": "1.2"}


def test_an_unknown_name_is_refused(capsys):
    with pytest.raises(SystemExit):
        running.main(["nonsense"])
    assert "there are" in capsys.readouterr().err


# ── What is kept in the project ────────────────────────────────────────────────────


def peers() -> set[str]:
    """Names in the modules' PEERS."""
    return {
        name.value
        for path in MODULES
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PEERS"
        for name in ast.walk(node.value)
        if isinstance(name, ast.Constant)
    }


def test_every_requirement_of_the_benchmarks_is_a_peer_of_one():
    lines = (ROOT / "requirements-bench.txt").read_text(encoding="utf-8").splitlines()
    required = {line.partition("==")[0] for line in lines if "==" in line}
    assert required
    assert required <= peers()


def test_every_module_of_the_tables_is_there():
    names = {path.stem.removeprefix("bench_") for path in MODULES}
    assert {*results.SPEED, *results.WAITS, *running.LONG} <= names


@pytest.mark.parametrize("chinese", [False, True])
def test_the_tables_of_speed_are_those_of_the_results(chinese):
    """Drawn anew by `make readme`."""
    text = (ROOT / ("README.zh-CN.md" if chinese else "README.md")).read_text(encoding="utf-8")
    drawn = text.partition("<!-- speed -->")[2].partition("<!-- /speed -->")[0]
    known = results.read(results.RESULTS)
    assert drawn.strip() == results.markdown(known, results.words(chinese)).strip()


def test_every_row_of_the_tables_is_translated():
    said = results.words(chinese=True)
    known = results.read(results.RESULTS)
    wanted = {
        row.get("work") or row["moment"]
        for name in (*results.SPEED, *results.WAITS)
        if name in known
        for row in known[name]["rows"]
    }
    assert wanted <= set(said)
