"""Which jars there are: the lock file, read."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

JarSet = Literal["broker", "tools", "spark", "bench"]

LOCK_FILE = Path(__file__).with_name("jars.lock")


@dataclass(frozen=True)
class Jar:
    """One line of the lock file: where a jar comes from, and the sum of the one file that it may be."""

    organisation: str
    module: str
    revision: str
    sha256: str

    @property
    def file(self) -> str:
        """Its file name, everywhere."""
        return f"{self.module}-{self.revision}.jar"


@cache
def locked_jars(name: JarSet) -> tuple[Jar, ...]:
    """The jars of one set, in the order of the lock file."""
    return tuple(Jar(**entry) for entry in tomllib.loads(LOCK_FILE.read_text())[name])
