"""The command line, thin over the core: exit 0, or 2 with one sentence on standard error."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from imgsim_core import __version__, registry
from imgsim_core.commands.console import (
    CommandLineError,
    aligned,
    opened,
    print_json,
    printable,
    shown,
)
from imgsim_core.commands.duplicates import add as _add_duplicates
from imgsim_core.commands.find import add as _add_find
from imgsim_core.commands.index import add as _add_index
from imgsim_core.commands.match import add as _add_match
from imgsim_core.commands.name import add as _add_name
from imgsim_core.commands.reembed import add as _add_reembed
from imgsim_core.commands.reindex import add as _add_reindex
from imgsim_core.commands.search import add as _add_search
from imgsim_core.commands.teach import add as _add_teach
from imgsim_core.commands.teaching_files import head_at
from imgsim_core.comparison import Comparison, Question, Score, compare_pictures
from imgsim_core.errors import BadOption, ImgSimError, UnknownMethod
from imgsim_core.memory import Memory
from imgsim_core.method import Method
from imgsim_core.models import catalogue, download
from imgsim_core.models.catalogue import Model
from imgsim_core.models.weights import availability
from imgsim_core.report import (
    comparison_as_dict,
    cost_in_words,
    direction_in_words,
    methods_as_markdown,
    models_as_markdown,
    number_in_words,
    scale_as_dict,
    scale_in_words,
)
from imgsim_core.teaching.method import taught_method
from imgsim_core.text import Text, UserText
from imgsim_core.verdict import pair_verdict

LOOK_SECONDS = 0.2
"""How often a running download is looked at."""


class _Parser(argparse.ArgumentParser):
    """Reports a mistake as one sentence instead of usage and message."""

    def error(self, message: str) -> NoReturn:
        raise CommandLineError(
            Text(
                "The command was not understood ({problem}); --help lists what there is.",
                problem=UserText(message),
            )
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the process, if not given.

    Returns
    -------
    int
        0, or 2 after one sentence on standard error.
    """
    parser = _parser()
    try:
        chosen = parser.parse_args(arguments)
        chosen.run(chosen)
    except ImgSimError as error:
        print(shown(error.text), file=sys.stderr)
        return 2
    return 0


def _parser() -> _Parser:
    parser = _Parser(prog="python -m imgsim_core", description="How alike are two pictures?")
    parser.add_argument("--version", action="version", version=f"imgsim {__version__}")
    parser.set_defaults(run=lambda chosen: parser.print_help())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_compare(commands)
    _add_methods(commands)
    _add_models(commands)
    _add_index(commands)
    _add_search(commands)
    _add_duplicates(commands)
    _add_reembed(commands)
    _add_reindex(commands)
    _add_match(commands)
    _add_find(commands)
    _add_name(commands)
    _add_teach(commands)
    return parser


# ── compare ────────────────────────────────────────────────────────────────────────


def _add_compare(commands: Any) -> None:
    parser = commands.add_parser("compare", help="measure how alike two pictures are")
    parser.add_argument("a", metavar="A", help="file of the first picture")
    parser.add_argument("b", metavar="B", help="file of the second picture")
    parser.add_argument(
        "--method",
        metavar="ID",
        action="append",
        default=[],
        help="ask this method only (may be repeated); all methods otherwise",
    )
    parser.add_argument(
        "--option",
        metavar="METHOD.NAME=VALUE",
        action="append",
        default=[],
        help="set an option of a method (may be repeated)",
    )
    parser.add_argument(
        "--article", action="store_true", help="measure as the article does: its methods, its way"
    )
    parser.add_argument(
        "--head",
        metavar="FILE",
        action="append",
        default=[],
        help="ask what was taught and saved in this file (may be repeated)",
    )
    parser.add_argument("--json", action="store_true", help="write JSON instead of a table")
    parser.set_defaults(run=_compare)


_MEMORY_BYTES = 512 * 2**20


def _compare(chosen: argparse.Namespace) -> None:
    # Who names methods or heads wants those; who names none wants to know what the two are.
    named = bool(chosen.method or chosen.article or chosen.head)
    only_heads = bool(chosen.head) and not (chosen.method or chosen.article)
    methods = () if only_heads else _methods(chosen.method, chosen.article)
    questions = _questions(methods, chosen.option, chosen.article)
    questions += tuple(_taught(path) for path in chosen.head)
    a, b = opened(chosen.a), opened(chosen.b)
    memory = Memory(_MEMORY_BYTES)
    comparison = compare_pictures(a, b, questions, memory.describe)
    verdict = None if named else pair_verdict(a, b, memory)
    if chosen.json:
        print_json(comparison_as_dict(comparison, verdict))
        return
    if verdict is not None:
        print(verdict.kind.label, *verdict.changes, *verdict.because, sep="\n  ", end="\n\n")
    print(_comparison_as_table(comparison))


def _taught(path: str) -> Question:
    method = taught_method(head_at(path))
    return Question(method, method.options())


def _questions(
    methods: Sequence[Method], settings: Sequence[str], article: bool
) -> tuple[Question, ...]:
    values: dict[str, dict[str, object]] = {method.id: {} for method in methods}
    for setting in settings:
        method_id, name, value = _setting(setting)
        if method_id not in values:
            raise BadOption(
                Text("{setting} is for a method that is not asked.", setting=UserText(setting))
            )
        values[method_id][name] = value
    return tuple(
        Question(method, _options(method, values[method.id], article)) for method in methods
    )


def _methods(method_ids: Sequence[str], article: bool) -> tuple[Method, ...]:
    if not method_ids:
        return registry.article_methods() if article else registry.all_methods()
    # A method named twice is asked once.
    methods = tuple(map(registry.method_by_id, dict.fromkeys(method_ids)))
    for method in methods:
        if article and method.article is None:
            raise UnknownMethod(
                Text("The article does not use the method {method}.", method=method.id)
            )
    return methods


def _setting(setting: str) -> tuple[str, str, str]:
    name, equals, value = setting.partition("=")
    method_id, dot, option = name.partition(".")
    if not (equals and dot):
        raise BadOption(
            Text("{setting} is not of the form METHOD.NAME=VALUE.", setting=UserText(setting))
        )
    return method_id, option, value


def _options(method: Method, values: Mapping[str, object], article: bool) -> Any:
    asked = method.options_from(values)
    if not article:
        return asked
    return dataclasses.replace(method.article, **{name: getattr(asked, name) for name in values})


def _comparison_as_table(comparison: Comparison) -> str:
    lines = []
    for letter, picture in (("A", comparison.a), ("B", comparison.b)):
        lines.append(f"{letter}  {printable(picture.name)}  {picture.width} × {picture.height}")
        lines += [f"   {shown(note)}" for note in picture.notes]
    lines += ["", *aligned([_score_cells(score) for score in comparison.scores])]
    if comparison.unavailable:
        lines += ["", "Not measured"]
        lines += [
            f"{item.question.method.id}: {shown(item.reason)}" for item in comparison.unavailable
        ]
    return "\n".join(lines)


def _score_cells(score: Score) -> list[str]:
    method, scale = score.question.method, score.scale
    unit = f" {scale.unit}" if scale.unit is not None else ""
    return [
        str(method.family.label),
        method.id,
        number_in_words(score.value, scale) + unit,
        f"{scale_in_words(scale)}; {str(direction_in_words(scale)).lower()}",
        cost_in_words(score),
    ]


# ── methods ────────────────────────────────────────────────────────────────────────


def _add_methods(commands: Any) -> None:
    parser = commands.add_parser("methods", help="list the methods and their options")
    _add_forms(parser)
    parser.set_defaults(run=_list_methods)


def _add_forms(parser: argparse.ArgumentParser) -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="write JSON instead of a table")
    form.add_argument("--markdown", action="store_true", help="write the table of the README")
    parser.add_argument(
        "--translations",
        metavar="FOLDER",
        help="translate the Markdown table by the JSON catalogues in this folder",
    )


def _list_methods(chosen: argparse.Namespace) -> None:
    methods = registry.all_methods()
    if chosen.json:
        print_json([_method_as_dict(method) for method in methods])
    elif chosen.markdown:
        print(methods_as_markdown(methods, _translate(chosen.translations)), end="")
    else:
        for line in aligned([_method_cells(method) for method in methods]):
            print(line)


def _translate(folder: str | None) -> Callable[[str], str]:
    translated: dict[str, str] = {}
    for path in sorted(Path(folder).glob("*.json")) if folder is not None else ():
        translated |= json.loads(path.read_text(encoding="utf-8"))
    return lambda english: translated.get(english, english)


def _method_as_dict(method: Method) -> dict[str, Any]:
    reason = method.availability()
    return {
        "id": method.id,
        "label": str(method.label),
        "family": method.family.value,
        "about": str(method.about),
        "scale": scale_as_dict(method.scale),
        "symmetric": method.symmetric,
        "article": method.article is not None,
        "source": method.source,
        "unavailable": None if reason is None else str(reason),
        "options": [
            {
                "name": item.name,
                "label": str(item.label),
                "default": item.default,
                "choices": None if item.choices is None else list(item.choices),
                "low": item.low,
                "high": item.high,
            }
            for item in method.option_fields
        ],
    }


def _method_cells(method: Method) -> list[str]:
    reason = method.availability()
    return [
        str(method.family.label),
        method.id,
        str(method.label),
        str(scale_in_words(method.scale)),
        "" if reason is None else str(reason),
    ]


# ── models ─────────────────────────────────────────────────────────────────────────


def _add_models(commands: Any) -> None:
    parser = commands.add_parser("models", help="list the learned models, or fetch one")
    _add_forms(parser)
    parser.set_defaults(run=_list_models)
    fetch = parser.add_subparsers(title="commands", metavar="COMMAND").add_parser(
        "fetch", help="download a model's weights"
    )
    fetch.add_argument("id", metavar="ID", help="the model, by its id")
    fetch.set_defaults(run=_fetch_model)


def _list_models(chosen: argparse.Namespace) -> None:
    models = catalogue.all_models()
    if chosen.json:
        print_json([_model_as_dict(model) for model in models])
    elif chosen.markdown:
        print(models_as_markdown(models, _translate(chosen.translations)), end="")
    else:
        for line in aligned([_model_cells(model) for model in models]):
            print(line)


def _model_as_dict(model: Model) -> dict[str, Any]:
    found = availability(model)
    return {
        "id": model.id,
        "label": str(model.label),
        "about": str(model.about),
        "kind": model.kind,
        "dimension": model.dimension,
        "licence": model.licence,
        "megabytes": model.megabytes,
        "source": model.source,
        "state": found.state,
        "path": None if found.path is None else str(found.path),
        "reason": None if found.reason is None else str(found.reason),
    }


def _model_cells(model: Model) -> list[str]:
    found = availability(model)
    return [
        model.id,
        str(model.label),
        f"{model.megabytes} MB",
        model.licence,
        found.state,
        "" if found.reason is None else str(found.reason),
    ]


def _fetch_model(chosen: argparse.Namespace) -> None:
    model = catalogue.model_by_id(chosen.id)
    progress = download.start(model)
    # A terminal gets one line that counts up, a log file a line for every tenth.
    end, step = ("\r", 1) if sys.stderr.isatty() else ("\n", 10)
    told = 0
    while progress.state == "running":
        percent = 100 * progress.done // max(progress.total, 1)
        if percent >= told + step:
            print(f"{model.id}: {percent} %", end=end, file=sys.stderr, flush=True)
            told = percent
        time.sleep(LOOK_SECONDS)
        progress = download.progress(model)
    if progress.error is not None:
        raise CommandLineError(progress.error)
    print(f"{model.id} is ready: {availability(model).path}")


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        # A console that lacks a letter (× on an old code page) shows an escape instead.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough: `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except KeyboardInterrupt:
        code = 130  # as a shell reports Ctrl-C
    sys.exit(code)
