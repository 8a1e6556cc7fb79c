"""Jobs by spark-submit, with the package from a zip, as on a cluster that has no checkout."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pyspark

from headrace.cli.class_archives import spark_archive_options
from headrace.infra.local.jars import ensure_jars
from headrace.settings import load_settings

from .rooms import LINKED, REPOSITORY

NOT_PACKED = shutil.ignore_patterns("__pycache__", "*.egg-info")


def build_zip(folder: Path) -> Path:
    """The package as `make wheel` makes it for `--py-files`, built from a copy so that nothing is left in ours."""
    checkout = folder / "checkout"
    checkout.mkdir(parents=True)
    for name in ("setup.cfg", "pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(REPOSITORY / name, checkout)
    for name in ("src", *LINKED):
        shutil.copytree(REPOSITORY / name, checkout / name, symlinks=True, ignore=NOT_PACKED)
    script = f"from setuptools import build_meta; build_meta.build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], cwd=checkout, capture_output=True, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel.rename(folder / "headrace.zip")


def submit(script: Path, arguments: Sequence[str], *, master: str, package: Path, log: Path) -> str:
    """Runs `script` by spark-submit in the folder of `log` and gives its stdout; what Spark says goes to `log`.

    Raises:
        subprocess.CalledProcessError: it ended with another exit code than 0.
    """
    jars = ensure_jars("spark", load_settings().cache)
    words = [
        str(Path(pyspark.__file__).parent / "bin" / "spark-submit"),
        *("--master", master, "--py-files", str(package), "--jars", ",".join(map(str, jars))),
        *("--conf", "spark.sql.shuffle.partitions=3", "--conf", "spark.ui.enabled=false"),
        *(str(script), *arguments),
    ]
    ours = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    ours |= {"SPARK_SUBMIT_OPTS": shlex.join(spark_archive_options(load_settings().cache))}
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "PYTHON", "SPARK_"))
    }
    with log.open("ab") as said:
        answer = subprocess.run(
            words, cwd=log.parent, env={**inherited, **ours}, stdout=subprocess.PIPE, stderr=said, check=True, text=True
        )
    return answer.stdout
