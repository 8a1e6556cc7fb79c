"""Kafka's own tools, from the jars that `headrace jars tools` fetches."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from headrace.errors import MachineError
from headrace.infra.local.jars import ensure_jars
from headrace.infra.local.java import find_java
from headrace.settings import load_settings


def run_tool(name: str, *options: object, printed: Path, within_s: float) -> None:
    """Runs `org.apache.kafka.tools.<name>`, with what it prints in a file; skips the test where there is no jar."""
    cache = load_settings().cache
    try:
        jars = [*ensure_jars("tools", cache), *ensure_jars("broker", cache)]
    except MachineError as err:
        pytest.skip(f"the jar kafka-tools is missing: {err}")
    command = [find_java().path, "-cp", os.pathsep.join(map(str, jars)), f"org.apache.kafka.tools.{name}"]
    with printed.open("wb") as stream:
        subprocess.run([*map(str, command), *map(str, options)], stdout=stream, check=True, timeout=within_s)
