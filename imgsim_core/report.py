"""A comparison as something to keep: JSON, CSV, or one HTML file that needs nothing else.

Infinite numbers have no spelling in JSON: they are the strings "inf" and "-inf", which
``float`` reads back in Python.
"""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import math
import platform
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from itertools import groupby
from pathlib import Path
from typing import Any

from PIL import Image

from imgsim_core import __version__
from imgsim_core.calibration import Meaning, meaning
from imgsim_core.comparison import Comparison, Question, Score, Unavailable
from imgsim_core.method import Family, Method, OptionField, Scale
from imgsim_core.models.catalogue import Model
from imgsim_core.own_examples import OwnMeaning, own_meaning
from imgsim_core.picture import Picture
from imgsim_core.spreadsheet import harmless
from imgsim_core.text import Text
from imgsim_core.verdict import PairVerdict

Translate = Callable[[str], str]

PICTURE_SIDE = 800  # pixels: enough to recognise a picture, small enough to send by mail
LIBRARIES = (
    "numpy",
    "opencv-python",
    "scikit-image",
    "pillow",
    "mahotas",
    "torch",
    "timm",
    "open_clip_torch",
)

CSV_COLUMNS = (
    "picture_a",
    "picture_b",
    "method",
    "label",
    "family",
    "value",
    "identical",
    "opposite",
    "unit",
    "milliseconds",
    "beyond_unrelated",
    "meaning",
    "reason",
)


# ── Numbers and scales in words ────────────────────────────────────────────────────


def number_in_json(value: float) -> float | str:
    """Return `value` itself if finite, else "inf" or "-inf"."""
    return value if math.isfinite(value) else str(value)


def number_in_words(value: float, scale: Scale) -> str:
    """Write a value as a reader expects it: rounded to the scale, a minus sign, ∞."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    rounded = f"{value:.{scale.decimals}f}"
    # A tiny negative number would show as minus nought.
    return rounded.replace("-", "−" if float(rounded) else "")


def cost_in_words(score: Score) -> str:
    """Write what a score cost here; a dash if it was not worked out here."""
    return "–" if score.milliseconds is None else f"{score.milliseconds:.0f} ms"


def scale_in_words(scale: Scale) -> Text:
    """Say what the two ends of a scale are."""
    return Text(
        "{identical} identical, {opposite} at the other end",
        identical=number_in_words(scale.identical, scale),
        opposite=number_in_words(scale.opposite, scale),
    )


def direction_in_words(scale: Scale) -> Text:
    """Say whether more or less means more alike."""
    if scale.higher_is_alike:
        return Text("Higher is more alike")
    return Text("Lower is more alike")


# ── JSON and CSV ───────────────────────────────────────────────────────────────────


def comparison_as_dict(
    comparison: Comparison, verdict: PairVerdict | None = None
) -> dict[str, Any]:
    """Give a comparison as plain data, in English.

    Parameters
    ----------
    comparison : Comparison
    verdict : PairVerdict or None
        The verdict for the pair, where it was asked for.

    Returns
    -------
    dict
        Keys `a`, `b` (name, digest, width, height, notes), `scores` (method, label,
        family, value, scale, milliseconds, meaning), `unavailable` (method, reason) and,
        with a verdict, `verdict`. A meaning is None where the options were never measured.
        All of it fits JSON: infinite numbers are the strings "inf" and "-inf".
    """
    found = {} if verdict is None else {"verdict": _verdict_as_dict(verdict)}
    return {
        "a": _picture_as_dict(comparison.a),
        "b": _picture_as_dict(comparison.b),
        "scores": [_score_as_dict(score) for score in comparison.scores],
        "unavailable": [
            {"method": answer.question.method.id, "reason": str(answer.reason)}
            for answer in comparison.unavailable
        ],
        **found,
    }


def _verdict_as_dict(verdict: PairVerdict) -> dict[str, Any]:
    return {
        "kind": verdict.kind.value,
        "words": str(verdict.kind.label),
        "certain": verdict.certain,
        "because": [str(reason) for reason in verdict.because],
        "changes": [str(change) for change in verdict.changes],
        "changed_places": len(verdict.regions),
        "changed_share": verdict.changed_share,
    }


def _meaning_as_dict(said: Meaning) -> dict[str, Any]:
    return {
        "verdict": str(said.verdict),
        "certain": said.certain,
        "beyond_unrelated": said.beyond_unrelated,
        "beyond_copies": said.beyond_copies,
        "likelihoods": {relation.value: share for relation, share in said.likelihoods.items()},
        "stated": [relation.value for relation in said.stated],
    }


def scale_as_dict(scale: Scale) -> dict[str, Any]:
    """Give the two ends and the unit of a scale as plain data."""
    return {
        "identical": number_in_json(scale.identical),
        "opposite": number_in_json(scale.opposite),
        "unit": None if scale.unit is None else str(scale.unit),
    }


def comparison_as_json(comparison: Comparison, verdict: PairVerdict | None = None) -> str:
    """Write `comparison_as_dict` as JSON, ASCII only so that no console garbles it."""
    return json.dumps(comparison_as_dict(comparison, verdict), indent=2, allow_nan=False)


def comparison_as_csv(comparison: Comparison) -> str:
    """Write a comparison as CSV, one row an answer, safe to open in a spreadsheet.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    str
        Lines end in CR LF (RFC 4180). A text cell that a spreadsheet could take for a
        formula starts with an apostrophe. For Excel, encode it as "utf-8-sig".
    """
    output = io.StringIO()
    table = csv.writer(output)
    table.writerow(CSV_COLUMNS)
    for answer in comparison.answers:
        cells = [comparison.a.name, comparison.b.name, *_answer_cells(answer)]
        table.writerow([harmless(cell) for cell in cells])
    return output.getvalue()


def _picture_as_dict(picture: Picture) -> dict[str, Any]:
    return {
        "name": picture.name,
        "digest": picture.digest,
        "width": picture.width,
        "height": picture.height,
        "notes": [str(note) for note in picture.notes],
    }


def _score_as_dict(score: Score) -> dict[str, Any]:
    method, said, own = score.question.method, meaning(score), _own_meaning(score)
    told = None if said is None else _meaning_as_dict(said)
    return {
        "method": method.id,
        "label": str(method.label),
        "family": method.family.value,
        "value": number_in_json(score.value),
        "scale": scale_as_dict(score.scale),
        "milliseconds": None if score.milliseconds is None else round(score.milliseconds, 1),
        "meaning": told if own is None else _own_meaning_as_dict(own),
    }


def _own_meaning(score: Score) -> OwnMeaning | None:
    """What a score says by the groups of whoever taught its method, if somebody did."""
    examples = score.question.method.examples
    return None if examples is None else own_meaning(examples, score.value)


def _own_meaning_as_dict(said: OwnMeaning) -> dict[str, Any]:
    return {
        "verdict": str(said.verdict),
        "belongs_together": round(said.belongs, 4),
        "beyond_pairs_of_different_groups": round(said.beyond_different, 4),
        "beyond_pairs_of_one_group": round(said.beyond_same, 4),
    }


def _answer_cells(answer: Score | Unavailable) -> list[float | str]:
    method = answer.question.method
    head: list[float | str] = [method.id, str(method.label), method.family.value]
    if isinstance(answer, Unavailable):
        return [*head, "", "", "", "", "", "", "", str(answer.reason)]
    scale = answer.scale
    unit = "" if scale.unit is None else str(scale.unit)
    numbers = [answer.value, scale.identical, scale.opposite]
    said, own = meaning(answer), _own_meaning(answer)
    words = ["", ""] if said is None else [round(said.beyond_unrelated, 4), str(said.verdict)]
    if own is not None:
        words = ["", str(own.verdict)]
    cost = "" if answer.milliseconds is None else round(answer.milliseconds, 1)
    return [*head, *numbers, unit, cost, *words, ""]


# ── HTML ───────────────────────────────────────────────────────────────────────────

_STYLE = Path(__file__).with_suffix(".css")


def comparison_as_html(
    comparison: Comparison,
    *,
    lines: Mapping[str, float],
    translate: Translate = str,
    language: str = "en",
    verdict: PairVerdict | None = None,
    written: datetime | None = None,
) -> str:
    """Write a comparison as one HTML file without scripts or anything remote.

    Parameters
    ----------
    comparison : Comparison
    lines : mapping
        Method id to the line between alike and not alike; where one is missing, the
        line of the method's scale.
    translate : callable
        From an English template to the reader's language.
    language : str
        BCP 47 tag of that language.
    verdict : PairVerdict or None
        The verdict for the pair, to stand above the scores.
    written : datetime, optional
        When the report was made, with a time zone; now, if not given.

    Returns
    -------
    str
        A whole document. The pictures are in it as JPEG, at most `PICTURE_SIDE` pixels
        on a side; everything that came from a visitor is escaped.
    """

    def say(text: Text | str) -> str:
        return html.escape(text.render(translate) if isinstance(text, Text) else text)

    title = say(Text("How alike are these two pictures?"))
    moment = (written or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M %Z")
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="{html.escape(language)}">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            # Even if something slipped through the escaping, nothing could run or load.
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
            "img-src data:; style-src 'unsafe-inline'\">",
            f"<title>{title}</title>",
            f"<style>{_STYLE.read_text(encoding='utf-8')}</style>",
            "</head>",
            "<body>",
            f"<h1>{title}</h1>",
            f'<p class="soft">{say(Text("Made by imgsim on {moment}", moment=moment))}</p>',
            '<div class="pair">',
            _figure(comparison.a, Text("Picture A"), say),
            _figure(comparison.b, Text("Picture B"), say),
            "</div>",
            _pair_section(verdict, say),
            _scores_section(comparison.scores, lines, say),
            _unavailable_section(comparison.unavailable, say),
            _versions_section(say),
            "</body>",
            "</html>",
            "",
        ]
    )


Say = Callable[[Text | str], str]


def _figure(picture: Picture, title: Text, say: Say) -> str:
    notes = "".join(f"<li>{say(note)}</li>" for note in picture.notes)
    size = f"{picture.width} × {picture.height}"
    return (
        f'<figure><img src="{_data_url(picture)}" alt="{say(title)}">'
        f"<figcaption><strong>{say(title)}</strong> <bdi>{say(picture.name)}</bdi> "
        f"<small>{size}</small>"
        f"{f'<ul>{notes}</ul>' if notes else ''}</figcaption></figure>"
    )


def _data_url(picture: Picture) -> str:
    image = Image.fromarray(picture.rgb)
    image.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    output = io.BytesIO()
    image.save(output, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(output.getvalue()).decode('ascii')}"


def _pair_section(verdict: PairVerdict | None, say: Say) -> str:
    if verdict is None:
        return ""
    words: Text = verdict.kind.label
    if not verdict.certain:
        words = Text("Cannot tell for sure; likeliest: {kind}", kind=words)
    said = "".join(f"<li>{say(item)}</li>" for item in (*verdict.changes, *verdict.because))
    return f"<h2>{say(words)}</h2>\n<ul>{said}</ul>"


def _scores_section(scores: Iterable[Score], lines: Mapping[str, float], say: Say) -> str:
    groups = groupby(scores, key=lambda score: score.question.method.family)
    bodies = "\n".join(_family_rows(family, mine, lines, say) for family, mine in groups)
    if not bodies:
        return ""
    names = (_METHOD, _SCORE, _SCALE, _LINE, _VERDICT, _OPTIONS, _COST)
    head = "".join(f'<th scope="col">{say(name)}</th>' for name in names)
    explanation = Text(
        "Alike means that the score is on the alike side of the line, "
        "which whoever made this report could move."
    )
    return (
        f"<h2>{say(Text('Scores'))}</h2>\n<table>\n<thead><tr>{head}</tr></thead>\n"
        f'{bodies}\n</table>\n<p class="soft">{say(explanation)}</p>'
    )


_FAMILY = Text("Family")
_METHOD = Text("Method")
_SCORE = Text("Score")
_SCALE = Text("Scale")
_LINE = Text("Line")
_VERDICT = Text("Verdict")
_OPTIONS = Text("Options")
_COST = Text("Time")


def _family_rows(
    family: Family, scores: Iterable[Score], lines: Mapping[str, float], say: Say
) -> str:
    rows = "\n".join(_row(score, lines, say) for score in scores)
    return (
        f'<tbody>\n<tr class="family"><th scope="rowgroup" colspan="7">{say(family.label)}'
        f"<small>{say(family.question)}</small></th></tr>\n{rows}\n</tbody>"
    )


def _row(score: Score, lines: Mapping[str, float], say: Say) -> str:
    method, scale = score.question.method, score.scale
    line = lines.get(method.id, scale.line)
    unit = f" {say(scale.unit)}" if scale.unit is not None else ""
    said = _own_meaning(score) or meaning(score)
    words = "" if said is None else f"<small>{say(said.verdict)}</small>"
    cells = [
        (_SCORE, number_in_words(score.value, scale) + unit),
        (_SCALE, f"{say(scale_in_words(scale))}<small>{say(direction_in_words(scale))}</small>"),
        (_LINE, number_in_words(line, scale) + unit),
        (_VERDICT, _verdict(scale.is_alike(score.value, line), say) + words),
        (_OPTIONS, "<br>".join(map(say, _options_in_words(score.question))) or "–"),
        (_COST, cost_in_words(score)),
    ]
    shown = "".join(
        f"<td{' class=number' if name in (_SCORE, _LINE, _COST) else ''} "
        f'data-name="{say(name)}">{content}</td>'
        for name, content in cells
    )
    return f'<tr><th scope="row">{say(method.label)}</th>{shown}</tr>'


def _verdict(alike: bool, say: Say) -> str:
    if alike:
        return f'<span class="alike">{say(Text("Alike"))}</span>'
    return f'<span class="not-alike">{say(Text("Not alike"))}</span>'


def _options_in_words(question: Question) -> list[Text]:
    return [
        Text(
            "{option}: {choice}",
            option=item.label,
            choice=_option_in_words(item, getattr(question.options, item.name)),
        )
        for item in question.method.option_fields
    ]


def _option_in_words(item: OptionField, value: Any) -> Text | str:
    if item.choices is not None:
        return item.choices[value]
    if isinstance(value, bool):
        return Text("On") if value else Text("Off")
    return str(value)


def _unavailable_section(unavailable: Iterable[Unavailable], say: Say) -> str:
    rows = "".join(
        f"<li><strong>{say(answer.question.method.label)}</strong>: {say(answer.reason)}</li>"
        for answer in unavailable
    )
    return f"<h2>{say(Text('Not measured'))}</h2>\n<ul>{rows}</ul>" if rows else ""


def _versions_section(say: Say) -> str:
    rows = "".join(
        f"<dt>{say(name)}</dt><dd>{say(version)}</dd>" for name, version in versions().items()
    )
    return f"<h2>{say(Text('Made with'))}</h2>\n<dl>{rows}</dl>"


def versions() -> dict[str, str]:
    """List imgsim, Python and the libraries that a score depends on, with versions."""
    found = {"imgsim": __version__, "Python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue  # one family cannot answer without it; the others can
    return found


# ── Tables for the README ──────────────────────────────────────────────────────────


def methods_as_markdown(methods: Iterable[Method], translate: Translate = str) -> str:
    """Write a Markdown table of methods.

    Parameters
    ----------
    methods : iterable of Method
    translate : callable
        From an English template to the reader's language.

    Returns
    -------
    str
        One line a method, a line break at the end.
    """
    rows: list[tuple[Text | str, ...]] = []
    for method in methods:
        scale = scale_in_words(method.scale).render(translate)
        unit = method.scale.unit
        scale += f" ({unit.render(translate)})" if unit is not None else ""
        rows.append((method.family.label, method.label, f"`{method.id}`", scale, method.about))
    return _markdown((_FAMILY, _METHOD, Text("Id"), _SCALE, Text("What it sees")), rows, translate)


def models_as_markdown(models: Iterable[Model], translate: Translate = str) -> str:
    """Write a Markdown table of learned models; parameters as `methods_as_markdown`."""
    rows = [
        (model.label, f"`{model.id}`", f"{model.megabytes} MB", model.licence, model.about)
        for model in models
    ]
    head = (Text("Model"), Text("Id"), Text("Size"), Text("Licence"), Text("What it is good for"))
    return _markdown(head, rows, translate)


_BAR = r"\|"


def _markdown(
    head: Iterable[Text], rows: Iterable[Iterable[Text | str]], translate: Translate
) -> str:
    def line(cells: Iterable[Text | str]) -> str:
        shown = (cell.render(translate) if isinstance(cell, Text) else cell for cell in cells)
        # A bar inside a cell would start the next one.
        return f"| {' | '.join(cell.replace('|', _BAR) for cell in shown)} |\n"

    names = tuple(head)
    return line(names) + line(["---"] * len(names)) + "".join(map(line, rows))
