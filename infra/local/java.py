"""The Java that the broker and Spark run on: the one that spark-submit would take."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from headrace.errors import MachineError

OLDEST_VERSION = 17
ANSWER_WITHIN_S = 60.0  # a JVM answers in 0.1 s; a first start from a cold, slow disk may take many seconds


@dataclass(frozen=True)
class Java:
    """A usable Java: its program, and its feature version (17, 21, …)."""

    path: Path
    version: int

    def has_module(self, name: str) -> bool:
        """Whether this Java was built with the module `name`; a reduced runtime may lack some."""
        listed = _run(self.path, "--list-modules")
        return any(line.partition("@")[0] == name for line in listed.stdout.splitlines())


def find_java() -> Java:
    """Finds `$JAVA_HOME/bin/java`, else `java` on the PATH, as spark-submit does.

    Raises:
        MachineError: there is none, it does not run, or it is older than 17; the message has the command that mends it.
    """
    path = _program()
    answer = _run(path, "-version")
    version = feature_version(answer.stderr)
    if answer.returncode != 0 or version is None:
        raise MachineError(f"{path} does not run: {_first_line(answer.stderr)}. {how_to_install()}")
    if version < OLDEST_VERSION:
        raise MachineError(
            f"Java {OLDEST_VERSION} or newer is needed, but {path} is Java {version}. {how_to_install()}"
        )
    return Java(path, version)


def feature_version(text: str) -> int | None:
    """Reads the feature version from what `java -version` prints: 17 of "17.0.15", 8 of "1.8.0_392"."""
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(found[1]) if found else None


def how_to_install() -> str:
    """One sentence with the command that installs a fitting Java on this machine."""
    if sys.platform == "darwin":
        command = "brew install --cask temurin@21"
    elif shutil.which("apt-get"):
        package = "sudo apt-get install -y openjdk-{}-jre-headless"
        command = f"sudo apt-get update; {package.format(17)} || {package.format(21)}"
    elif shutil.which("dnf"):
        command = "sudo dnf install -y java-21-openjdk-headless || sudo dnf install -y java-17-openjdk-headless"
    else:
        return "Install a Java 17 or 21 runtime and put its `java` on the PATH"
    return f"Install one with: {command}"


def _program() -> Path:
    if home := os.environ.get("JAVA_HOME"):
        path = Path(home, "bin", "java")
        if not path.is_file():
            raise MachineError(f"JAVA_HOME is {home}, but there is no {path}. Type: unset JAVA_HOME")
        return path
    if found := shutil.which("java"):
        return Path(found)
    raise MachineError(
        f"Java {OLDEST_VERSION} or newer is needed, and there is no java on the PATH. {how_to_install()}"
    )


def _run(java: Path, option: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603  the program is the user's own Java
            [java, option], capture_output=True, text=True, errors="replace", timeout=ANSWER_WITHIN_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        raise MachineError(f"{java} does not run: {err}. {how_to_install()}") from err


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "it printed nothing")
