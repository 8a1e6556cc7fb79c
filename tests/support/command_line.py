"""The command line as a user runs it: a process, its exit code, the one line of `--json`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def run(*arguments: object, folder: Path, timeout_s: float = 500.0) -> tuple[int, dict[str, Any], str]:
    """Runs `headrace … --json` in `folder`: exit code, the one line of stdout, stderr."""
    answer = subprocess.run(
        [sys.executable, "-m", "headrace", *map(str, arguments), "--json"],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    (line,) = answer.stdout.splitlines() or [json.dumps({"stderr": answer.stderr})]
    return answer.returncode, json.loads(line), answer.stderr
