"""`headrace land` as a process of its own, and what the system says of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from .topic import Topic


def start_lander(topic: Topic, *more: object, folder: Path) -> subprocess.Popen[str]:
    """Starts `headrace land` of a topic in `folder`, with `--json`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    command = [sys.executable, "-m", "headrace", "land", "--topic", topic.name, "--brokers", topic.address]
    command += ["--lake", str(topic.lake), "--json", *map(str, more)]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def peak_memory_bytes(process: subprocess.Popen[str]) -> int:
    """The most resident memory that a process has had, as Linux tells it."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found, status
    return int(found[1]) * 1024
