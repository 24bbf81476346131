"""Measure the scores that ship with the guided pairs: `python -m bench.first_screen`."""

from __future__ import annotations

import json
from pathlib import Path

from imgsim_core.comparison import Question, Score, ask
from imgsim_core.method import Family
from imgsim_core.registry import spokesman
from imgsim_core.report import number_in_json, versions
from imgsim_core.samples import all_pairs, open_sample

PLACE = Path(__file__).parents[1] / "imgsim_core" / "first_screen.json"


def main() -> None:
    scores = []
    for family in Family:
        method = spokesman(family)
        for pair in all_pairs():
            a, b = open_sample(pair.a), open_sample(pair.b)
            answer = ask(Question(method, method.options()), a, b)
            if isinstance(answer, Score):
                scores.append(
                    {
                        "pair": pair.id,
                        "a": a.digest,
                        "b": b.digest,
                        "method": method.id,
                        "value": number_in_json(answer.value),
                    }
                )
    stored = {"provenance": versions(), "scores": scores}
    PLACE.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
