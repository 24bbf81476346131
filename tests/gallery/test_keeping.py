"""What to keep, and plans that are safe whatever files are called."""

from __future__ import annotations

import csv
import io
import json
import shlex
import subprocess

import numpy as np
import pytest

from imgsim_core.gallery.copies import Level, Link
from imgsim_core.gallery.entry import COLOURS
from imgsim_core.gallery.groups import Group
from imgsim_core.gallery.keeping import (
    BadNotDuplicates,
    Criterion,
    Rule,
    advice,
    not_duplicates_as_json,
    not_duplicates_from_json,
    plan,
    plan_as_csv,
    plan_as_json,
    plan_as_script,
)
from tests.gallery.rows import digest_of, entry

USUAL = Rule()
WILD = (
    "plain.jpg",
    "with space.jpg",
    "-rf.jpg",
    "$(touch owned).jpg",
    "`touch owned`.jpg",
    "it's; touch owned.jpg",
    'quote".jpg',
    "line\ntouch owned\n.jpg",
    "照片.jpg",
    "&& touch owned #.jpg",
    "../../outside.jpg",
)


def group_of(*entries, shares=(1.0, 1.0)):
    centre, *others = entries
    links = tuple(
        Link(centre.digest, other.digest, Level.COPY, 0.9, True, (), (), *shares)
        for other in others
    )
    return Group(tuple(one.digest for one in entries), links), {one.digest: one for one in entries}


def kept(*entries, rule=USUAL, shares=(1.0, 1.0)):
    group, known = group_of(*entries, shares=shares)
    told = advice(group, known, rule)
    return known[told.keep].name, [text.template for text in told.because]


@pytest.mark.parametrize(
    ("criterion", "better", "worse", "said"),
    [
        (Criterion.PIXELS, {"width": 4000, "height": 3000}, {}, "more pixels"),
        (Criterion.DATE, {"taken": "2024-05-31T18:02:11"}, {}, "camera's date"),
        (Criterion.SHARPER, {"sharpness": 300.0}, {"sharpness": 100.0}, "sharper"),
        (Criterion.QUALITY, {"quality": 95}, {"quality": 60}, "quality"),
        (Criterion.LOSSLESS, {"format": "PNG"}, {}, "without loss"),
        (Criterion.BYTES, {"bytes": 5000}, {}, "larger"),
        (Criterion.OLDER, {"modified": 10.0}, {"modified": 99.0}, "older"),
    ],
)
def test_each_criterion_decides_alone_and_says_so(criterion, better, worse, said):
    one, other = entry("z.jpg", **better), entry("a.jpg", **worse)
    for order in ((criterion,), tuple(Criterion)):
        for pair in ((one, other), (other, one)):
            name, because = kept(*pair, rule=Rule(order))
            assert name == "z.jpg"
            assert said in because[0]
    without = tuple(item for item in Criterion if item is not criterion)
    assert kept(one, other, rule=Rule(without)) == ("a.jpg", [])


def test_a_cut_copy_is_not_kept_though_it_has_more_pixels():
    whole, cut = entry("whole.jpg"), entry("cut.jpg", width=2000, height=1500)
    name, because = kept(whole, cut, shares=(0.6, 1.0))
    assert name == "whole.jpg"
    assert "shows more" in because[0]
    name, _ = kept(cut, whole, shares=(1.0, 0.6))
    assert name == "whole.jpg"
    assert kept(whole, cut, shares=(0.6, 1.0), rule=Rule((Criterion.PIXELS,)))[0] == "cut.jpg"


def test_the_order_of_the_rule_decides():
    large, dated = entry("large.jpg", width=4000), entry("dated.jpg", taken="2020-01-01T00:00:00")
    assert kept(large, dated, rule=Rule((Criterion.PIXELS, Criterion.DATE)))[0] == "large.jpg"
    assert kept(large, dated, rule=Rule((Criterion.DATE, Criterion.PIXELS)))[0] == "dated.jpg"


def test_the_reference_folder_comes_first_and_is_never_set_aside():
    mine, other = entry("originals/a.jpg"), entry("b.jpg", width=9000)
    third = entry("originals/c.jpg")
    rule = Rule(reference="originals/")
    name, because = kept(other, mine, rule=rule)
    assert name == "originals/a.jpg"
    assert "reference folder" in because[0]
    group, known = group_of(other, mine, third)
    steps = plan([group], known, rule)
    assert {step.name for step in steps if step.keep} == {"originals/a.jpg", "originals/c.jpg"}
    chosen = plan([group], known, rule, {group.key: other.digest})
    assert all(step.keep for step in chosen)


def test_what_the_visitor_chose_is_kept():
    one, other = entry("a.jpg", width=9000), entry("b.jpg")
    group, known = group_of(one, other)
    steps = plan([group], known, kept={group.key: other.digest})
    assert [(step.name, step.keep) for step in steps] == [("b.jpg", True), ("a.jpg", False)]
    assert steps[1].same_as == "b.jpg"


def test_of_files_with_equal_bytes_one_stays():
    one = entry("a.jpg", names=("a.jpg", "b.jpg", "c.jpg"), sources=("", "", ""))
    steps = plan([Group((one.digest,), ())], {one.digest: one})
    assert [(step.name, step.keep) for step in steps] == [
        ("a.jpg", True), ("b.jpg", False), ("c.jpg", False),
    ]  # fmt: skip
    guarded = plan([Group((one.digest,), ())], {one.digest: one}, Rule(reference="c"))
    assert [step.name for step in guarded if step.keep] == ["c.jpg"]


def wild_steps(folder):
    entries = []
    for name in WILD:
        path = folder / "in" / name.replace("../", "")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())
        entries.append(entry(name, names=(name,), sources=(str(path),)))
    group, known = group_of(entry("best.jpg", width=9000), *entries)
    return plan([group], known)


def test_the_script_moves_any_name_and_runs_none(tmp_path):
    script = plan_as_script(wild_steps(tmp_path))
    assert "rm " not in script
    (tmp_path / "plan.sh").write_text(script, encoding="utf-8")
    run = subprocess.run(
        ["sh", "plan.sh"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert not list(tmp_path.rglob("owned"))
    assert not list((tmp_path / "in").iterdir())
    moved = {path.read_bytes().decode() for path in (tmp_path / "duplicates").rglob("*.jpg")}
    assert moved == set(WILD)
    assert not list(tmp_path.parent.glob("outside.jpg"))


def test_the_script_overwrites_nothing_and_can_run_twice(tmp_path):
    script = plan_as_script(wild_steps(tmp_path))
    (tmp_path / "plan.sh").write_text(script, encoding="utf-8")
    (tmp_path / "duplicates").mkdir()
    (tmp_path / "duplicates/plain.jpg").write_text("was there")
    for _ in range(2):
        run = subprocess.run(["sh", "plan.sh"], cwd=tmp_path, capture_output=True, check=False)
        assert run.returncode == 0
    assert (tmp_path / "duplicates/plain.jpg").read_text() == "was there"
    assert (tmp_path / "in/plain.jpg").exists()


def test_what_no_script_can_move_is_a_comment():
    group, known = group_of(
        entry("a.jpg", width=9000),
        entry("b.jpg", sources=("s3://bucket/b.jpg",)),
        entry("c.jpg", sources=("zip://c.jpg::/tmp/x.zip",)),
        entry("d.jpg"),
    )
    lines = plan_as_script(plan([group], known)).splitlines()
    moved = [shlex.split(line) for line in lines if line.startswith("aside ")]
    assert moved == [["aside", "./d.jpg", "d.jpg"]]


def test_csv_and_json_say_the_same_and_no_cell_is_a_formula():
    group, known = group_of(entry("a.jpg", width=9000), *[entry(name) for name in ("=1+1", *WILD)])
    steps = plan([group], known)
    table = list(csv.DictReader(io.StringIO(plan_as_csv(steps), newline="")))
    data = json.loads(plan_as_json(steps))
    assert [row["digest"] for row in table] == [step["digest"] for step in data]
    assert [row["action"] for row in table] == ["keep"] + ["set aside"] * (len(WILD) + 1)
    assert [row["name"].removeprefix("'") for row in table] == [step["name"] for step in data]
    assert not [cell for row in table for cell in row.values() if cell[:1] in ("=", "+", "-", "@")]


def test_pairs_come_back_from_their_file():
    pairs = frozenset(
        frozenset(map(digest_of, pair)) for pair in (("a", "b"), ("a", "c"), ("x", "y"))
    )
    written = not_duplicates_as_json(pairs)
    assert not_duplicates_from_json(written.encode()) == pairs
    assert not_duplicates_as_json(not_duplicates_from_json(written.encode())) == written


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b"null",
        b'{"form": "imgsim not-duplicates", "version": 2, "pairs": []}',
        b'{"form": "imgsim not-duplicates", "version": 1, "pairs": [["a", "b"]]}',
        b'{"form": "imgsim not-duplicates", "version": 1, "pairs": [[1, 2]]}',
        b'{"form": "imgsim not-duplicates", "version": 1, "pairs": {}}',
        b"[" * 100_000,
    ],
)
def test_other_files_are_refused_in_a_sentence(data):
    with pytest.raises(BadNotDuplicates, match="no duplicates"):
        not_duplicates_from_json(data)


def test_a_white_canvas_round_a_picture_is_no_more_of_the_scene():
    scene, laid_on_white = np.zeros(COLOURS, np.float32), np.zeros(COLOURS, np.float32)
    scene[20], laid_on_white[20], laid_on_white[7] = 1.0, 0.4, 0.6
    photograph = entry("photograph.jpg", colours=scene)
    # All of the photograph lies in the larger one, on 40 % of it
    shares = (1.0, 0.4)
    rule = Rule((Criterion.WHOLE,))
    wider = entry("wider.jpg", colours=scene)
    canvas = entry("canvas.jpg", colours=laid_on_white)
    assert kept(photograph, wider, rule=rule, shares=shares)[0] == "wider.jpg"
    name, because = kept(photograph, canvas, rule=rule, shares=shares)
    assert name == "canvas.jpg" or not because  # equal: nothing to say
    assert not any("shows more" in text for text in because)
