"""The commands that error messages and `doctor` tell the user to type, as they work in this shell."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path


def headrace(*words: str) -> str:
    """The command `headrace WORDS`, with the folder of this environment in front unless it is on the PATH."""
    beside = Path(sys.executable).with_name("headrace")
    program = "headrace" if shutil.which("headrace") or not beside.exists() else str(beside)
    return shlex.join([program, *words])


def remove(*files: Path) -> str:
    """The command that deletes files."""
    return shlex.join(["rm", *map(str, files)])
