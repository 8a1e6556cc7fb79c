"""Pages of the documentation, whose blocks of code are run in order."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .rooms import REPOSITORY


@dataclass(frozen=True)
class Page:
    """A page under `docs`: its blocks are (language, text), in order."""

    path: Path
    blocks: list[tuple[str, str]]

    @classmethod
    def read(cls, name: str) -> Page:
        path = REPOSITORY / "docs" / name
        return cls(path, re.findall(r"^```(\w+)\n(.*?)^```", path.read_text(), flags=re.MULTILINE | re.DOTALL))

    def run(self, folder: Path, *, not_run: Collection[str] = ()) -> dict[str, Any]:
        """Runs every block in `folder`, the working folder: Python in one namespace, which is given back, with warnings
        as errors; `headrace` commands by the interpreter of the test; TOML becomes `headrace.toml`.

        Of other commands only those that are named in `not_run` may be there.
        """
        names: dict[str, Any] = {}
        for language, text in self.blocks:
            if language == "toml":
                (folder / "headrace.toml").write_text(text)
            elif language == "sh":
                for line in text.splitlines():
                    if line not in not_run:
                        run_headrace(line, folder)
            else:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    exec(compile(text, str(self.path), "exec"), names)  # noqa: S102  # the page's own code
        return names


def run_headrace(line: str, folder: Path) -> None:
    program, *arguments = line.split()
    assert program == "headrace", line
    command = [sys.executable, "-m", "headrace", *arguments]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
