"""Kill the indexing of a folder of pictures at random moments, and see what is left.

    python -m bench.kill_index FOLDER [--kills 20] [--json FILE]

Every time the gallery is opened again: each row must have its thumbnail and its vector of
length 1, none may be lost, and in the end all must be there, with the vectors of a run that
nobody disturbed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from imgsim_core.gallery.gallery import Gallery, open_gallery
from imgsim_core.gallery.shelf import PICTURES_ADDRESS, Shelf
from imgsim_core.gallery.store import STORE_ADDRESS, open_store


def gallery(name: str, place: Path) -> Gallery | None:
    """Open a gallery, or return None while there is none."""
    store = open_store(str(place / "store"))
    if name not in {info.name for info in store.galleries()}:
        return None
    return open_gallery(name, store, Shelf(str(place / "pictures")))


def rows(name: str, place: Path) -> int:
    """Count what a gallery holds."""
    found = gallery(name, place)
    return 0 if found is None else found.store.count(name)


def command(name: str, folder: Path, place: Path) -> tuple[list[str], dict[str, str]]:
    """Return the index command and its environment."""
    places = {STORE_ADDRESS: str(place / "store"), PICTURES_ADDRESS: str(place / "pictures")}
    words = [sys.executable, "-m", "imgsim_core", "index", name, str(folder), "--json"]
    return words, {**os.environ, **places}


def completed(name: str, folder: Path, place: Path) -> dict[str, Any]:
    """Run the command to its end."""
    words, environment = command(name, folder, place)
    output = subprocess.run(
        words, env=environment, check=True, capture_output=True, text=True
    ).stdout
    result: dict[str, Any] = json.loads(output)
    return result


def killed(name: str, folder: Path, place: Path, from_rows: int, seconds: float) -> int:
    """Kill the command some seconds after the gallery has so many rows; return how many."""
    words, environment = command(name, folder, place)
    process = subprocess.Popen(
        words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while rows(name, place) < from_rows and process.poll() is None:
        time.sleep(0.1)
    time.sleep(seconds)
    process.kill()
    process.wait()
    return rows(name, place)


def faults(found: Gallery | None) -> list[str]:
    """List what is wrong with a gallery that was just opened again."""
    if found is None:
        return []
    snapshot = found.snapshot()
    wrong = [
        f"{entry.name} has no thumbnail"
        for entry in snapshot.entries
        if found.shelf.thumbnail(entry.digest) is None
    ]
    lengths = np.linalg.norm(snapshot.vectors, axis=1)
    if len(snapshot) and np.abs(lengths - 1).max() > 1e-3:
        wrong.append("a vector is not of length 1")
    if len({entry.digest for entry in snapshot.entries}) < len(snapshot):
        wrong.append("a picture is there twice")
    return wrong


def main() -> None:
    """Do it and print what happened."""
    parser = argparse.ArgumentParser(description="kill -9 while a gallery is made")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        result = kill_often(chosen.folder.absolute(), chosen.kills, Path(temporary))
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=2) + "\n")
    sys.exit(1 if result["faults"] else 0)


def kill_often(folder: Path, kills: int, place: Path) -> dict[str, Any]:
    """Index a folder undisturbed, then with kills, and compare."""
    whole = completed("whole", folder, place)
    print(f"undisturbed: {whole['added']} pictures in {whole['seconds']:.0f} s", flush=True)
    moments = random.Random(20)
    wrong: list[str] = []
    held, left = 0, []
    for kill in range(kills):
        # Spread over the run: each waits for its share of the rows, then a while by chance
        wanted = kill * whole["added"] // (kills + 1)
        now = killed("killed", folder, place, wanted, moments.uniform(0, 1.5))
        if now < held:
            wrong.append(f"{held - now} rows were lost by kill {kill + 1}")
        wrong += faults(gallery("killed", place))
        held = now
        left.append(now)
        print(f"kill {kill + 1}: {now} rows, {len(wrong)} faults so far", flush=True)
    last = completed("killed", folder, place)
    one, other = gallery("killed", place), gallery("whole", place)
    cosine = 0.0
    if one is None or other is None:
        wrong.append("no gallery was made")
    else:
        wrong += faults(one)
        ours, theirs = one.snapshot(), other.snapshot()
        if [entry.digest for entry in ours.entries] != [entry.digest for entry in theirs.entries]:
            wrong.append("the pictures are not those of the undisturbed run")
        else:
            cosine = float(np.einsum("nd,nd->n", ours.vectors, theirs.vectors).min())
    if cosine < 0.99999:
        wrong.append(f"vectors differ: least cosine {cosine:.6f}")
    print(
        f"{kills} kills: {len(wrong)} faults; the last run added {last['added']}, "
        f"{last['known']} were in already; least cosine to the undisturbed run {cosine:.7f}"
    )
    print(*wrong, sep="\n")
    return {"rows_after_kill": left, "faults": wrong, "least_cosine": cosine, "last_run": last}


if __name__ == "__main__":
    main()
