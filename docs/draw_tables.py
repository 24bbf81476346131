"""Draw the tables of both READMEs anew from the registry and the catalogue: `make readme`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHINESE = ["--translations", "pages/parts/locale/zh"]


def main() -> None:
    for name, language in (("README.md", []), ("README.zh-CN.md", CHINESE)):
        text = (ROOT / name).read_text(encoding="utf-8")
        for what in ("methods", "models"):
            command = [sys.executable, "-m", "imgsim_core", what, "--markdown", *language]
            table = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, check=True, encoding="utf-8"
            ).stdout
            head, _, rest = text.partition(f"<!-- {what} -->")
            _, _, tail = rest.partition(f"<!-- /{what} -->")
            text = f"{head}<!-- {what} -->\n{table}<!-- /{what} -->{tail}"
        (ROOT / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
