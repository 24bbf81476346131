"""What hosts build from: each file says what is there, and nothing that only builders notice."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile with their arguments, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^#.*\n", "", text))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def test_what_is_copied_is_there(steps):
    sources = [
        source
        for step, rest in steps
        if step == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    ]
    assert sources
    assert not [source for source in sources if not (ROOT / source).exists()]


def test_the_server_does_not_run_as_root(steps):
    last_stage = steps[max(i for i, (step, _) in enumerate(steps) if step == "FROM") :]
    users = [rest for step, rest in last_stage if step == "USER"]
    assert users == ["imgsim"]
    commands = [step for step, _ in last_stage]
    assert commands.index("USER") < commands.index("CMD")


def test_python_is_the_one_the_project_is_tested_with(steps):
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["python_version"]
    images = [rest for step, rest in steps if step == "FROM"]
    assert images
    assert all(f"python:{wanted}-slim" in image for image in images)


def test_torch_may_come_without_cuda(steps):
    first_stage = steps[: [step for step, _ in steps].index("FROM", 1)]
    (install,) = (rest for step, rest in first_stage if step == "RUN" and "pip install" in rest)
    assert '${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"}' in install
    assert ("ARG", 'TORCH_INDEX=""') in first_stage
    assert "TORCH_INDEX=" in (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")


def test_what_starts_in_the_container_is_what_the_readme_starts(steps):
    (command,) = (json.loads(rest) for step, rest in steps if step == "CMD")
    assert command[:3] == ["streamlit", "run", "app.py"]
    assert "streamlit run app.py" in (ROOT / "README.md").read_text(encoding="utf-8")
    (port,) = (rest for step, rest in steps if step == "EXPOSE")
    assert command[command.index("--server.port") + 1] == port


def test_the_check_of_health_is_python_that_compiles(steps):
    (check,) = (rest for step, rest in steps if step == "HEALTHCHECK")
    program = json.loads(check.partition("CMD ")[2])
    compile(program[2], "healthcheck", "exec")
    assert "/_stcore/health" in program[2]


def test_settings_in_the_container_are_documented(steps):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (settings,) = (rest for step, rest in steps if step == "ENV")
    names = re.findall(r"(IMGSIM_[A-Z_]+)=", settings)
    assert names
    assert all(name in text for name in names)


def test_nothing_that_the_app_needs_is_left_out_of_the_container():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    needed = {"app.py", "pages", "imgsim_core", "static", ".streamlit", "requirements.txt"}
    assert not needed & set(ignored)
    assert {".git", ".venv", "galleries", "weights"} <= set(ignored)
