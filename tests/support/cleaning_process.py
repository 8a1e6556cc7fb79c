"""Cleaning jobs as processes of their own, each with a JVM of its own; nothing of them outlives the wait."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from headrace.cli.jvm_options import driver_options
from headrace.infra.local.jars import ensure_jars
from headrace.settings import load_settings

ROOT = Path(__file__).parents[2]


def run_job(
    module: str,
    arguments: Sequence[str],
    *,
    log: Path,
    confs: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = 300.0,
) -> int:
    """Runs `python -m module` as a Spark job with two threads and gives its exit code; what it says goes to `log`.

    `confs` are given to spark-submit. The job leads a process group, which is gone when this returns.
    """
    options = {"spark.driver.memory": "2g", "spark.jars": ",".join(map(str, _jars())), **(confs or {})}
    pairs = [word for name, value in options.items() for word in ("--conf", f"{name}={value}")]
    ours = {
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}",
        "PYSPARK_SUBMIT_ARGS": shlex.join(["--master", "local[2]", *pairs, "pyspark-shell"]),
        "SPARK_SUBMIT_OPTS": driver_options(load_settings().cache),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**clean, **ours, **(environment or {})},
            start_new_session=True,
        )
        try:
            return process.wait(timeout_s)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def events(log: Path, kind: str) -> list[dict[str, Any]]:
    """The events of this kind (progress, result …) that the jobs said with `--json-lines`, in order."""
    found = []
    for line in log.read_text(errors="replace").splitlines():
        with suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict) and event.get("event") == kind:
                found.append(event)
    return found


def _jars() -> list[Path]:
    return ensure_jars("spark", load_settings().cache)
