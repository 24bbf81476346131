"""Every odd and malformed file through every page that takes files, and every command.

The files are those of `hostile` in the evaluation pictures. Which of them are refused is asked
of the gate itself, in a process apart; a page must then say so in a sentence with the name.
"""

from __future__ import annotations

import csv
import io
import json
import os
import select
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import requests
from websockets.exceptions import WebSocketException

from imgsim_core.errors import ImgSimError
from imgsim_core.picture import open_picture
from imgsim_core.samples import open_sample
from pages.parts.inputs import TYPES
from tests.load.host import Host, hosted, load_average
from tests.load.trial import Findings, Row, percentile
from tests.load.visitor import Answer, Broken, Visitor, is_named

MOST_SECONDS = 10.0
MOST_MEMORY = 1024.0  # MiB above what the server had before
ROOT = Path(__file__).parents[2]

File = tuple[str, bytes]


@dataclass(frozen=True)
class Door:
    """A way to bring files.

    Parameters
    ----------
    name : str
        For the report.
    page : str
    uploader : str
        Beginning of its key.
    link : mapping
        That the page is opened by.
    at_a_time : int
        Files in one upload; a page shows so many reasons for refusing.
    before : sequence of (kind, key, words)
        What is done first: "click", "choose" or "write".
    afresh : bool
        Whether each upload wants a page without what came before.
    ending : str
        Of the names, where the uploader takes no pictures; those are refused, each of them.
    then : tuple of str
        Pages to go to at the end, with what was brought.
    """

    name: str
    page: str
    uploader: str
    link: Mapping[str, str] = field(default_factory=dict)
    at_a_time: int = 1
    before: Sequence[tuple[str, str, str]] = ()
    afresh: bool = False
    ending: str = ""
    then: tuple[str, ...] = ()
    tells: bool = True  # whether a refusal is a sentence with the file's name


_FACES = "faces_choice_task_en"

DOORS = (
    Door("Compare", "", "file_a_", {"b": "cat"}),
    Door("Compare, cut-outs", "", "file_b_", {"a": "cat", "cutout": "close"}),
    Door("Search, by a picture", "search", "file_search.sample_", {"gallery": "samples"}),
    Door(
        "A gallery, Duplicates, Map",
        "search",
        "file_gallery_files_",
        at_a_time=1000,
        afresh=True,
        then=("duplicates", "map", "search"),
    ),
    Door("Products, photographs", "products", "file_products_photographs_", at_a_time=8),
    Door("Products, a catalogue", "products", "file_products_catalogue_", at_a_time=12),
    Door("Objects, the object", "objects", "file_objects.thing_"),
    Door("Objects, the scene", "objects", "file_objects.scene_"),
    Door("Objects, a name for it", "objects", "file_objects.named_", {"objects.part": "name"}),
    Door(
        "Objects, examples",
        "objects",
        "file_objects_teach_",
        {"objects.part": "learn"},
        at_a_time=6,
        before=(("write", "objects_class_name", "things"),),
    ),
    Door("Faces, find", "faces", "file_faces_find_"),
    Door("Faces, compare", "faces", "file_faces_a_", before=(("choose", _FACES, "Compare two"),)),
    Door(
        "Faces, enrol",
        "faces",
        "file_faces_enrol_",
        before=(("choose", _FACES, "Who is it?"),),
        afresh=True,  # only so many wait for a name
    ),
    Door("Faces, who", "faces", "file_faces_who_", before=(("choose", _FACES, "Who is it?"),)),
    Door(
        "Robustness",
        "robustness",
        "file_robust.picture_",
        before=(("click", "another_picture", ""),),
        afresh=True,
    ),
    Door("Calibrate", "calibrate", "file_bring_", at_a_time=10, afresh=True),
    Door("Teach", "teach", "file_teach_0", at_a_time=10, afresh=True),
    Door("Teach, a notion", "teach", "file_teach_back_", ending=".safetensors"),
    Door("Calibrate, marks", "calibrate", "file_bring_", ending=".csv", afresh=True, tells=False),
)


@dataclass(frozen=True)
class _Spent:
    """Seconds a file took, and what the server computed in them."""

    seconds: float
    computed: float


# ── The files ──────────────────────────────────────────────────────────────────────


def files_of(folder: Path) -> list[File]:
    """Read every file of the manifest, under a name that an uploader lets a browser choose."""
    with (folder / "manifest.csv").open(encoding="utf-8") as file:
        names = [row["file"] for row in csv.DictReader(file)]
    return [(_allowed(Path(name).name), (folder / name).read_bytes()) for name in names]


def _allowed(name: str) -> str:
    return name if name.rpartition(".")[2].lower() in TYPES else f"{name}.png"


def refused(files: Sequence[File]) -> set[str]:
    """Names of those that the gate refuses."""
    found = set()
    for name, data in files:
        try:
            open_picture(data, name)
        except ImgSimError:
            found.add(name)
    return found


# ── Through the pages ──────────────────────────────────────────────────────────────


def _do(visitor: Visitor, door: Door, host: Host) -> None:
    visitor.open(door.page, door.link)
    if door.link.get("gallery"):
        visitor.wait_while(lambda _: True, 300)
    for kind, key, words in door.before:
        getattr(visitor, kind)(visitor.key_of(key), *([words] if words else []))


def _uploads(door: Door, files: Sequence[File]) -> Iterator[list[File]]:
    named = [(f"{name}{door.ending}", data) for name, data in files]
    for start in range(0, len(named), door.at_a_time):
        yield list(named[start : start + door.at_a_time])


def _complaints(
    door: Door, some: Sequence[File], answer: Answer, bad: set[str], before: Sequence[str]
) -> Iterator[str]:
    names = " ".join(name for name, _ in some) if len(some) < 3 else f"{len(some)} files"
    # Pages that read in the background show it while they do: each file has its seconds
    if answer.seconds > MOST_SECONDS * len(some):
        yield f"{door.name}: {answer.seconds:.1f} s for {names}"
    for name, _ in some:
        wanted = door.tells and (bool(door.ending) or name in bad)
        if wanted and not answer.names(name):
            yield f"{door.name}: nothing says why {name} is refused"
    if door.tells and door.at_a_time == 1 and not door.ending:
        for said in answer.errors:
            # What was brought before, and is said of it, stays when the next is refused
            if not any(is_named(name, said) for name in before):
                yield f"{door.name}: {said[:160]}"


def _through(
    door: Door, files: Sequence[File], bad: set[str], host: Host, spent: list[_Spent]
) -> Iterator[str]:
    """Bring all files by one door; yields what was wrong."""
    waiting = list(_uploads(door, files))
    while waiting:
        with Visitor(host.address).here() as visitor:
            _do(visitor, door, host)
            brought: list[str] = []
            while waiting:
                some = waiting.pop(0)
                brought += [name for name, _ in some]
                computed = host.processor_seconds()
                try:
                    answer = visitor.bring(door.uploader, some)
                    rest = visitor.wait_while(lambda _: True, 300)
                except (Broken, OSError, requests.RequestException, WebSocketException) as error:
                    names = ", ".join(name for name, _ in some)[:200]
                    yield f"{door.name}: {type(error).__name__}: {error} ({names})"
                    if not host.is_up:
                        return
                    break
                answer.seconds += rest.seconds
                answer.said += rest.said
                computed = host.processor_seconds() - computed
                spent.append(_Spent(answer.seconds / len(some), computed / len(some)))
                yield from _complaints(door, some, answer, bad, brought)
                if not waiting:
                    yield from _onwards(door, visitor)
                if door.afresh:
                    break


def _onwards(door: Door, visitor: Visitor) -> Iterator[str]:
    for page in door.then:
        try:
            visitor.go_to(page)
            visitor.wait_while(lambda _: True, 300)
        except (Broken, OSError, requests.RequestException, WebSocketException) as error:
            yield f"{door.name}, then {page}: {type(error).__name__}: {error}"


def try_pages(folder: Path, data: Path, only: str = "", every: int = 1) -> Findings:
    """Bring every file to every page.

    Parameters
    ----------
    folder : Path
        For the server.
    data : Path
        Of the files.
    only : str
        Parts of the names of the doors that are tried, parted by semicolons; all if empty.
    every : int
        1 takes all files, 10 each tenth: to see whether the trial itself works.
    """
    files = files_of(data)[::every]
    bad = refused(files)
    doors = [door for door in DOORS if any(part in door.name for part in only.split(";"))]
    found = Findings(f"{len(files)} odd and malformed files through {len(doors)} ways to bring one")
    with hosted(folder) as host:
        _warm(host, doors)
        before = host.memory()
        host.forget_peak()
        for door in doors:
            spent: list[_Spent] = []
            faults = list(_through(door, files, bad, host, spent))
            found.faults += faults
            slowest = max((one.seconds for one in spent), default=0.0)
            computed = max((one.computed for one in spent), default=0.0)
            found.rows += [
                Row(f"{door.name}: slowest of {len(files)}", slowest, "s", MOST_SECONDS),
                Row("  most computed for one", computed, "processor s"),
            ]
            print(f"{door.name}: {len(faults)} faults", *faults[:5], sep="\n  ", flush=True)
            if not host.is_up:
                found.faults.append(f"the server ended at {door.name}")
                return found
        peak, failures = host.peak(), host.failures()
    if failures:
        found.faults.append(f"{failures:.0f} pages failed by a fault of the app")
    found.rows += [
        Row("refused by the gate", len(bad), "files"),
        Row("resident before", before.resident, "MiB"),
        Row("resident at most, above that", peak.resident - before.resident, "MiB", MOST_MEMORY),
        Row("load average of the machine", load_average(), ""),
    ]
    return found


def _warm(host: Host, doors: Sequence[Door]) -> None:
    """Open each page once with a good picture: what is read in for that is not the files'."""
    good = io.BytesIO()
    from PIL import Image

    Image.fromarray(open_sample("coffee").rgb).save(good, "JPEG")
    for door in doors:
        if door.ending:
            continue
        with Visitor(host.address).here() as visitor:
            _do(visitor, door, host)
            visitor.bring(door.uploader, [("coffee_1.jpg", good.getvalue())])
            visitor.wait_while(lambda _: True, 300)


# ── Through the commands ───────────────────────────────────────────────────────────

_CHILD = """
import contextlib, io, json, sys, time
from imgsim_core.__main__ import main
def mib(name):
    return int(open("/proc/self/status").read().partition(name)[2].split()[0]) / 1024
for line in sys.stdin:
    arguments = json.loads(line)
    out, errors = io.StringIO(), io.StringIO()
    open("/proc/self/clear_refs", "w").write("5")  # the peak is this command's from here
    before = mib("VmRSS:")
    started = time.perf_counter()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        code = main(arguments)
    print(json.dumps({
        "code": code, "seconds": time.perf_counter() - started, "errors": errors.getvalue(),
        "out": out.getvalue()[-4000:], "mib": mib("VmHWM:"), "more": mib("VmHWM:") - before,
    }), file=sys.__stdout__, flush=True)
"""


class _Commands:
    """A process that runs one command after the other; another where one has ended it."""

    def __init__(self, place: Path) -> None:
        self._environment = {
            **os.environ,
            "IMGSIM_STORE": str(place / "store"),
            "IMGSIM_PICTURES": str(place / "pictures"),
            "HF_ENDPOINT": "http://127.0.0.1:9",
        }
        self._process: subprocess.Popen[str] | None = None

    def run(self, arguments: Sequence[str], seconds: float) -> dict[str, object]:
        """Run one, and say how it ended; "fault" if it never did."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _CHILD],
                cwd=ROOT,
                env=self._environment,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([str(one) for one in arguments]) + "\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], seconds)
        line = process.stdout.readline() if ready else ""
        if line:
            told: dict[str, object] = json.loads(line)
            return told
        self.end()
        return {"fault": f"no answer in {seconds:.0f} s" if not ready else "it crashed"}

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _each(place: Path, good: Path) -> dict[str, Callable[[Path], list[object]]]:
    return {
        "compare": lambda file: ["compare", file, good, "--json"],
        "search": lambda file: ["search", "good", "--picture", file, "--json"],
        "find, the object": lambda file: ["find", file, good, "--json"],
        "find, the scene": lambda file: ["find", good, file, "--json"],
        "name": lambda file: ["name", file, "--words", "cat, dog", "--json"],
        "match": lambda file: ["match", place / "shop", file, "--json"],
    }


def try_commands(folder: Path, data: Path, every: int = 1) -> Findings:
    """Give every file to every command that takes pictures, one by one and as folders.

    Parameters
    ----------
    folder : Path
        For galleries and copies.
    data : Path
        Of the files.
    every : int
        As for `try_pages`.
    """
    from PIL import Image

    files = files_of(data)[::every]
    bad = refused(files)
    many, shop = folder / "files", folder / "shop"
    for place in (many / "one", many / "other", shop):
        place.mkdir(parents=True)
    for number, (name, content) in enumerate(files):
        (many / ("one", "other")[number % 2] / name).write_bytes(content)
    for sample in ("coffee", "cat", "rocket"):
        Image.fromarray(open_sample(sample).rgb).save(shop / f"{sample}.png")
    with zipfile.ZipFile(folder / "files.zip", "w") as packed:
        for path in sorted(many.rglob("*.*")):
            packed.write(path, path.relative_to(many))
    found = Findings(f"{len(files)} odd and malformed files through every command")
    commands = _Commands(folder)
    first = commands.run(["index", "good", shop, "--json"], 300)
    if first.get("code") != 0:
        found.faults.append(f"a gallery of good pictures was not made: {first}")
    most, more = float(str(first.get("mib", 0))), (0.0, "")
    try:
        for kind, words in _each(folder, shop / "coffee.png").items():
            commands.run([str(one) for one in words(shop / "cat.png")], 300)  # reads models in
            seconds = []
            for path in sorted(many.rglob("*.*")):
                told = commands.run([str(one) for one in words(path)], 60)
                fault = _wrong(told, path.name, path.name in bad)
                if fault:
                    found.faults.append(f"{kind} {path.name}: {fault}")
                seconds.append(float(str(told.get("seconds", 60))))
                most = max(most, float(str(told.get("mib", 0))))
                more = max(more, (float(str(told.get("more", 0))), f"{kind} {path.name}"))
            found.rows += [
                Row(f"{kind}: slowest of {len(seconds)}", max(seconds), "s", MOST_SECONDS),
                Row(f"{kind}: median", percentile(seconds, 0.5), "s"),
            ]
            print(f"{kind}: {len(found.faults)} faults so far, {sum(seconds):.0f} s", flush=True)
        whole: dict[str, list[object]] = {
            "index, a folder": ["index", "odd", many, "--json"],
            "index, a zip": ["index", "packed", folder / "files.zip", "--json"],
            "duplicates": ["duplicates", "odd", "--level", "copy", "--json"],
            "match, as a catalogue": ["match", many, shop / "cat.png", "--json"],
            "teach": ["teach", "head", many, "--out", folder / "head.safetensors", "--json"],
        }
        for kind, arguments in whole.items():
            told = commands.run([str(one) for one in arguments], 10.0 * len(files))
            if told.get("code") not in (0, 2):
                found.faults.append(f"{kind}: {str(told)[:300]}")
            if kind.startswith("index"):
                said = str(told.get("out")) + str(told.get("errors"))
                count = sum(name in said for name in bad)
                found.rows.append(Row(f"{kind}: refused files named", count, f"of {len(bad)}"))
            most = max(most, float(str(told.get("mib", 0))))
            each = float(str(told.get("seconds", 0))) / len(files)
            found.rows.append(Row(f"{kind}: a file", each, "s", MOST_SECONDS))
    finally:
        commands.end()
    found.rows += [
        Row(
            f"resident at most for one, above what was before: {more[1]}",
            more[0],
            "MiB",
            MOST_MEMORY,
        ),
        Row("resident at most, all models and what is remembered included", most, "MiB"),
        Row("load average of the machine", load_average(), ""),
    ]
    return found


def _wrong(told: dict[str, object], name: str, is_bad: bool) -> str | None:
    if "fault" in told:
        return str(told["fault"])
    errors = str(told["errors"])
    if told["code"] == 2:
        one = errors.count("\n") == 1 and name in errors
        return None if one else f"not one sentence that names the file: {errors[:200]}"
    if told["code"] or errors:
        return f"exit {told['code']}: {errors[:200]}"
    return "let in" if is_bad else None
