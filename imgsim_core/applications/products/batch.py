"""Many photographs against one catalogue: a list of matches, and what a person decided."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imgsim_core.applications.products.catalogue import Catalogue
from imgsim_core.applications.products.matching import Answer, Match, Verdict
from imgsim_core.spreadsheet import harmless
from imgsim_core.text import Text

NOBODY = ""
"""Decision that a photograph shows nothing of the catalogue."""

_DIGITS = 4


@dataclass(frozen=True)
class Failed:
    """A photograph that could not be matched, and why."""

    name: str
    reason: Text


Outcome = Answer | Failed


def to_review(outcomes: Sequence[Outcome], decisions: Mapping[str, str]) -> list[Answer]:
    """List the answers that a person should look at, the least likely first.

    Parameters
    ----------
    outcomes : sequence of Answer or Failed
    decisions : mapping of str to str
        SKU by the photograph's digest, or `NOBODY`: these need no further look.
    """
    waiting = [
        one
        for one in outcomes
        if isinstance(one, Answer) and not one.sure and one.digest not in decisions
    ]
    return sorted(waiting, key=lambda one: one.matches[one.best].same + one.matches[one.best].kind)


def answer_as_dict(answer: Answer, catalogue: Catalogue) -> dict[str, Any]:
    """Put an answer into what JSON can hold: verdict, and every match with its parts."""
    return {
        "photograph": answer.name,
        "digest": answer.digest,
        "verdict": answer.verdict.value,
        "verdict_in_words": str(answer.verdict.label),
        "sure": answer.sure,
        "best": catalogue.products[answer.matches[answer.best].product].sku,
        "notes": [str(note) for note in answer.notes],
        "matches": [
            _match_as_dict(one, rank, catalogue) for rank, one in enumerate(answer.matches, 1)
        ],
    }


def _match_as_dict(match: Match, rank: int, catalogue: Catalogue) -> dict[str, Any]:
    product = catalogue.products[match.product]
    return {
        "rank": rank,
        "sku": product.sku,
        "title": product.title,
        "picture": catalogue.pictures[match.picture].name,
        "value": round(match.value, _DIGITS),
        "probability_same_product": round(match.same, _DIGITS),
        "probability_same_kind": round(match.kind, _DIGITS),
        "semantics": round(match.semantics, _DIGITS),
        "as_taught": None if match.taught is None else round(match.taught, _DIGITS),
        "colour": round(match.colour, _DIGITS),
        "shape": round(match.shape, _DIGITS),
        "title_words": None if match.words is None else round(match.words, _DIGITS),
        "agreeing_details": match.details,
        **{f"catalogue_{name}": value for name, value in product.more},
    }


_COLUMNS = (
    *("photograph", "verdict", "sku", "title", "probability", "needs_review", "decided_by"),
    *("second_sku", "third_sku", "agreeing_details", "problem"),
)


def outcomes_as_csv(
    outcomes: Sequence[Outcome], catalogue: Catalogue, decisions: Mapping[str, str]
) -> str:
    """Write a line for each photograph; a text that begins a formula is quoted.

    Parameters
    ----------
    outcomes : sequence of Answer or Failed
    catalogue : Catalogue
    decisions : mapping of str to str
        As for `to_review`: what a person decided stands in place of what was found.

    Returns
    -------
    str
        Columns photograph, verdict, sku, title, probability (that it is this very product),
        needs_review (yes or no), decided_by (nobody yet, "person" or "program"), second_sku,
        third_sku, agreeing_details, problem.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _COLUMNS, restval="")
    writer.writeheader()
    titles = {product.sku: product.title for product in catalogue.products}
    for one in outcomes:
        row = _failed(one) if isinstance(one, Failed) else _row(one, catalogue, decisions, titles)
        writer.writerow({key: harmless(value) for key, value in row.items()})
    return stream.getvalue()


def _failed(one: Failed) -> dict[str, object]:
    return {"photograph": one.name, "needs_review": "yes", "problem": str(one.reason)}


def _row(
    one: Answer, catalogue: Catalogue, decisions: Mapping[str, str], titles: Mapping[str, str]
) -> dict[str, object]:
    best = one.matches[one.best]
    skus = [catalogue.products[match.product].sku for match in one.matches]
    found = NOBODY if one.verdict is Verdict.ABSENT else skus[one.best]
    others = [sku for sku in skus if sku != found]
    row: dict[str, object] = {
        "photograph": one.name,
        "verdict": one.verdict.value,
        "sku": found,
        "probability": round(best.same, _DIGITS),
        "needs_review": "no" if one.sure else "yes",
        "decided_by": "program" if one.sure else "",
        "second_sku": others[0] if others else "",
        "third_sku": others[1] if len(others) > 1 else "",
        "agreeing_details": "" if best.details is None else best.details,
    }
    decided = decisions.get(one.digest)
    if decided is not None:
        row |= {"sku": decided, "needs_review": "no", "decided_by": "person"}
        if decided == NOBODY:
            row["verdict"] = Verdict.ABSENT.value
        elif decided != found:
            row["verdict"] = Verdict.SAME.value
    row["title"] = titles.get(str(row["sku"]), "")
    return row
