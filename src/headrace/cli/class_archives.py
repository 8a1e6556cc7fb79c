"""Archives of the classes of the broker and of Spark's drivers: `headrace jars` makes them, Spark jobs take theirs."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from headrace.errors import HeadraceError

Report = Callable[[str], None]

TYPICAL_WORK = "headrace.jobs.typical_work"
WORK_WITHIN_S = 600.0  # 20 s are usual
SHORT_LIVED = "-XX:TieredStopAtLevel=1"  # the second compiler would take CPU that a run of seconds does not win back


def ensure_archives(cache: Path, report: Report) -> None:
    """Makes the archives that are missing, each in some 10 to 30 s: starts a broker, and a Spark job, and ends them.

    Where one cannot be made, that is told, and everything starts as slowly as without.
    """
    from headrace.infra.local.class_archives import ensure_archive
    from headrace.infra.local.jars import ensure_jars
    from headrace.infra.local.java import find_java

    java = find_java()
    report("broker")
    jars = ensure_jars("broker", cache)
    try:
        ensure_archive("broker", java, jars, cache, lambda options: _run_broker(cache, [SHORT_LIVED, *options]))
        report("spark")
        ensure_archive("spark", java, _spark_jars(), cache, lambda options: _run_spark(cache, [SHORT_LIVED, *options]))
    except (HeadraceError, OSError, subprocess.SubprocessError) as err:
        report(f"none, so starts take longer: {err}")


def spark_archive_options(cache: Path) -> list[str]:
    """What to tell the JVM of a Spark job so that it takes the archive; nothing where there is none."""
    from headrace.infra.local.class_archives import archive_options
    from headrace.infra.local.java import find_java

    return archive_options("spark", find_java(), _spark_jars(), cache)


def submit_options(options: Sequence[str]) -> str:
    """SPARK_SUBMIT_OPTS, options of the driver's JVM in the words of a shell: ours, and those of the environment behind
    them, since the last word counts.
    """
    return " ".join(filter(None, [shlex.join(options), os.environ.get("SPARK_SUBMIT_OPTS", "")]))


def _run_broker(cache: Path, options: Sequence[str]) -> None:
    from headrace.infra.local import broker

    with TemporaryDirectory(prefix="headrace-classes-") as folder:
        broker.start(Path(folder), cache, jvm_options=options)
        broker.stop(Path(folder))


def _run_spark(cache: Path, options: Sequence[str]) -> None:
    from headrace.infra.local.jars import ensure_jars

    work = find_spec(TYPICAL_WORK)
    if work is None or work.origin is None:
        raise ModuleNotFoundError(TYPICAL_WORK)
    jars = ",".join(map(str, ensure_jars("spark", cache)))
    command = [str(spark_folder() / "bin" / "spark-submit"), "--master", "local[2]", "--jars", jars, work.origin]
    python = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    own = os.environ | python | {"SPARK_SUBMIT_OPTS": submit_options(options)}
    subprocess.run(command, env=own, capture_output=True, check=True, timeout=WORK_WITHIN_S)  # noqa: S603  Spark's own


def _spark_jars() -> list[Path]:
    """What Spark puts on the class path of a driver, in a fixed order; Delta's jars come later, by another loader."""
    return sorted((spark_folder() / "jars").glob("*.jar"))


def spark_folder() -> Path:
    """Where spark-submit comes from: SPARK_HOME, else the installed pyspark, as pyspark itself looks for it."""
    if home := os.environ.get("SPARK_HOME"):
        return Path(home)
    found = find_spec("pyspark")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("pyspark")
    return Path(found.origin).parent
