"""Draw the tables of both READMEs anew: `make readme`.

Those of methods and models from the registry and the catalogue, that of speed from what the
benchmarks have measured.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHINESE = ["--translations", "pages/parts/locale/zh"]


def main() -> None:
    sys.path.insert(0, str(ROOT))
    from bench.results import RESULTS, markdown, read, words

    for name, language in (("README.md", []), ("README.zh-CN.md", CHINESE)):
        text = (ROOT / name).read_text(encoding="utf-8")
        for what in ("methods", "models"):
            command = [sys.executable, "-m", "imgsim_core", what, "--markdown", *language]
            table = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, check=True, encoding="utf-8"
            ).stdout
            text = with_table(text, what, table)
        text = with_table(text, "speed", markdown(read(RESULTS), words(bool(language))))
        (ROOT / name).write_text(text, encoding="utf-8")


def with_table(text: str, what: str, table: str) -> str:
    """Put a table between its two marks."""
    head, _, rest = text.partition(f"<!-- {what} -->")
    _, _, tail = rest.partition(f"<!-- /{what} -->")
    return f"{head}<!-- {what} -->\n{table}<!-- /{what} -->{tail}"


if __name__ == "__main__":
    main()
