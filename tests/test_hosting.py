"""What hosts build from: each file says what is there, and nothing that only builders notice."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from streamlit import config

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
    assert users == ["1000"]
    assert any(step == "RUN" and "useradd --uid 1000" in rest for step, rest in last_stage)
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


def test_what_only_large_galleries_need_comes_when_asked_for(steps):
    (install,) = (rest for step, rest in steps if step == "RUN" and "pip install" in rest)
    assert "${SCALE:+-r /tmp/requirements-scale.txt}" in install
    assert ("ARG", 'SCALE=""') in steps


def test_the_app_is_compiled_before_it_is_nobodys_to_write(steps):
    commands = [f"{step} {rest}" for step, rest in steps]
    (compiled,) = (i for i, command in enumerate(commands) if "compileall" in command)
    assert commands.index("COPY . .") < compiled < commands.index("USER 1000")
    for source in commands[compiled].rpartition("-q ")[2].split():
        assert (ROOT / source).exists()


def test_nothing_is_left_behind_by_what_installs(steps):
    for step, rest in steps:
        if step == "RUN" and "apt-get install" in rest:
            assert "--no-install-recommends" in rest
            assert "rm -rf /var/lib/apt/lists/*" in rest
        if step == "RUN" and "pip install" in rest:
            assert "--no-cache-dir" in rest
    assert not [step for step, _ in steps if step == "ADD"]
    assert not [rest for step, rest in steps if step == "FROM" and ":latest" in rest]


def test_the_page_of_a_space_begins_with_what_the_container_is(steps):
    text = (ROOT / "deploy" / "huggingface" / "README.md").read_text(encoding="utf-8")
    front = dict(line.split(": ", 1) for line in text.split("---\n")[1].splitlines())
    (port,) = (rest for step, rest in steps if step == "EXPOSE")
    assert (front["sdk"], front["app_port"]) == ("docker", port)
    assert len(front["short_description"]) <= 60


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("hosting*.md")), ids=lambda p: p.stem)
def test_pages_of_instructions_name_settings_and_files_that_are_there(page):
    text = page.read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not [name for name in re.findall(r"IMGSIM_[A-Z_]+", text) if name not in readme]
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert not [link for link in links if not (page.parent / link).exists()]
    known = {option.env_var for option in config._config_options_template.values()}
    assert set(re.findall(r"STREAMLIT_[A-Z_]+", text)) <= known


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_every_setting_has_a_row_of_its_own_table_and_is_read_somewhere(name):
    """Both ways round: tests/test_house.py sees to it that none is missing."""
    text = (ROOT / name).read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[A-Z][^|]*) \|", text, re.MULTILINE)
    documented = [found for row in rows for found in re.findall(r"`(IMGSIM_[A-Z_]+)`", row)]
    assert len(documented) > 10
    assert sorted(documented) == sorted(set(documented))
    sources = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("imgsim_core", "pages", "tests")
        for path in (ROOT / folder).rglob("*.py")
    )
    assert not [setting for setting in documented if f'"{setting}"' not in sources]


def test_both_languages_document_the_same_settings():
    found = [
        set(re.findall(r"IMGSIM_[A-Z_]+", (ROOT / name).read_text(encoding="utf-8")))
        for name in ("README.md", "README.zh-CN.md")
    ]
    assert found[0] == found[1]


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
