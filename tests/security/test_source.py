"""What the source never does, read from the source."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
APP = [
    *sorted((ROOT / "imgsim_core").rglob("*.py")),
    *sorted((ROOT / "pages").rglob("*.py")),
    ROOT / "app.py",
]

# Who may open a connection, and to whom: only addresses that the host has set or that stand
# in the catalogue; none ever comes from a visitor.
CONNECTS = {
    "imgsim_core/models/download.py": "a model's weights, when somebody asks for them",
    "imgsim_core/models/reach.py": "whether the hub answers",
    "imgsim_core/gallery/gallery.py": "pictures of the host's own galleries, by fsspec",
    "imgsim_core/gallery/shelf.py": "the host's place for pictures, by fsspec",
    "imgsim_core/gallery/sources.py": "pictures named on the command line, by fsspec",
    "imgsim_core/gallery/lance.py": "the host's store",
    "imgsim_core/gallery/milvus.py": "the host's store",
    "imgsim_core/gallery/on_ray.py": "the host's cluster",
    "imgsim_core/gallery/ray_worker.py": "the host's cluster",
    "pages/parts/metrics.py": "waits for the host's own questions, on an address he sets",
}
NETWORK = {
    "aiohttp", "fsspec", "ftplib", "grpc", "http", "httpx", "httpx2", "huggingface_hub",
    "lancedb", "pymilvus", "ray", "requests", "s3fs", "smtplib", "socket", "socketserver",
    "telnetlib", "urllib3", "websocket", "websockets", "xmlrpc",
}  # fmt: skip
UNPICKLES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def nodes() -> tuple[tuple[str, ast.AST], ...]:
    """Every call and every import, each with its file."""
    return tuple(
        (path.relative_to(ROOT).as_posix(), node)
        for path in APP
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call | ast.Import | ast.ImportFrom)
    )


def dotted(node: ast.AST) -> str:
    """Name of what is called, as far as it is one."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@cache
def calls() -> tuple[tuple[str, str, ast.Call], ...]:
    """File, dotted name and node of every call."""
    return tuple(
        (file, dotted(node.func), node) for file, node in nodes() if isinstance(node, ast.Call)
    )


@cache
def imported() -> frozenset[tuple[str, str]]:
    found = set()
    for file, node in nodes():
        if isinstance(node, ast.Import):
            found |= {(file, alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((file, node.module or ""))
    return frozenset(found)


def keyword(call: ast.Call, name: str) -> object:
    for one in call.keywords:
        if one.arg == name:
            return one.value.value if isinstance(one.value, ast.Constant) else ...
    return None


def test_nothing_is_unpickled():
    # network.py names the module for the error that torch raises, and for nothing else
    assert {file for file, name in imported() if name.partition(".")[0] in UNPICKLES} <= {
        "imgsim_core/models/network.py"
    }
    network = ast.unparse(tree(ROOT / "imgsim_core/models/network.py"))
    assert set(re.findall(r"\bpickle\.\w+", network)) == {"pickle.UnpicklingError"}


def test_weights_and_arrays_are_read_as_numbers_only():
    read = [
        (file, name, call)
        for file, name, call in calls()
        if name.endswith(("torch.load", "np.load", ".load_state_dict", "create_model"))
    ]
    assert read
    wrong = []
    for file, name, call in read:
        if name == "torch.load" or "models.load_state_dict" in name:
            sound = keyword(call, "weights_only") is True
        elif name == "np.load":
            sound = keyword(call, "allow_pickle") in (None, False)  # None: its default is False
        elif keyword(call, "pretrained") not in (None, False, ""):
            # Either the file is read as numbers only, or it has been, and the numbers are given
            overlay = keyword(call, "pretrained_cfg_overlay") is ...
            sound = overlay or keyword(call, "weights_only") is True
        else:
            sound = True
        if not sound:
            wrong.append(f"{file}:{call.lineno} {name}")
    assert not wrong


def test_nothing_is_run_that_somebody_wrote():
    forbidden = re.compile(
        r"(builtins\.)?(eval|exec|compile|__import__)|os\.(system|popen|exec\w*|spawn\w*)"
        r"|subprocess\.\w+|pty\.\w+|runpy\.\w+|yaml\.\w*load\w*|tempfile\.mktemp"
        r"|.*\.extractall|.*\.unpack_archive"
    )
    assert not [
        f"{file}:{call.lineno} {name}" for file, name, call in calls() if forbidden.fullmatch(name)
    ]
    assert not [
        f"{file}:{call.lineno}" for file, _, call in calls() if keyword(call, "shell") is not None
    ]
    assert not {
        file for file, name in imported() if name.partition(".")[0] in {"subprocess", "yaml"}
    }


def test_only_these_modules_open_connections():
    found = {
        file
        for file, name in imported()
        if name.partition(".")[0] in NETWORK or name.startswith("urllib.request")
    }
    assert found <= CONNECTS.keys()


def test_pages_write_no_markup_but_their_own():
    """HTML is written in few places, and what a visitor brought is escaped in each."""
    allowed = re.compile(r"html\.escape|assets\.text")
    wrong = []
    for path in (ROOT / "pages").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert "unsafe_allow_html" not in source, path.name
        assert "unsafe_allow_javascript" not in source, path.name
        assert "components.v1" not in source, path.name
        if re.search(r"\bst\.html\(", source):
            plain = re.findall(r"st\.html\((f?\"<style>.*)", source)
            if not (allowed.search(source) or plain):
                wrong.append(path.name)
    assert not wrong


def test_scripts_of_pages_never_write_markup():
    for path in (ROOT / "pages/parts/assets").glob("*.js"):
        source = path.read_text(encoding="utf-8")
        for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"):
            assert forbidden not in source, path.name
        for forbidden in ("eval(", "new Function", "fetch(", "XMLHttpRequest", "WebSocket("):
            assert forbidden not in source, path.name


@pytest.mark.parametrize("suffix", ["js", "css", "html"])
def test_no_part_of_a_page_comes_from_elsewhere(suffix: str):
    files = [*(ROOT / "pages/parts/assets").glob(f"*.{suffix}"), ROOT / "imgsim_core/report.css"]
    assert files
    for path in files:
        source = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(?:https?:)?//[\w-]+\.[\w-]+|@import", source), path.name


def test_every_table_that_is_written_is_harmless_to_a_spreadsheet():
    sample = "imgsim_core/applications/products/sample_catalogue.py"  # its words are ours
    wrong = [
        file
        for file, name, _ in calls()
        if re.fullmatch(r"csv\.(writer|DictWriter)", name)
        and file != sample
        and "harmless(" not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert not wrong


def test_no_path_is_made_of_what_a_link_says():
    """Links are looked up among what is known: `links.py` knows no files at all."""
    names = {name.partition(".")[0] for file, name in imported() if file == "pages/parts/links.py"}
    assert not names & {"os", "pathlib", "io", "shutil", "glob"}
    assert not [
        name for file, name, _ in calls() if file == "pages/parts/links.py" and name == "open"
    ]
