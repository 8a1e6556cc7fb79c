"""One turn of a contender of `clean`, which is a process of its own: what its start took, and what its work did."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from spent import spent_by

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CORES = 2
DRIVER_MEMORY = "2g"  # as `headrace clean` has it


def take_turn(work: Callable[[], None], processes: Sequence[int] = ()) -> None:
    """Does the work and prints a line: CPU-seconds of the start and of the work, all threads of this process and of
    `processes`, seconds by the clock of the work, and the most memory that they have held together.
    """
    numbers = (os.getpid(), *processes)
    start, began = spent_by(numbers), time.perf_counter()
    work()
    wall_s, end = time.perf_counter() - began, spent_by(numbers)
    cpu_s = end.cpu_s - start.cpu_s
    answer = {"start_s": start.cpu_s, "cpu_s": cpu_s, "wall_s": wall_s, "peak_bytes": end.peak_bytes}
    print(json.dumps(answer), flush=True)


def open_spark(raw: str, memory: str = DRIVER_MEMORY) -> tuple[SparkSession, int]:
    """A session as `headrace clean` opens it, on two cores, after it has counted the rows of raw; and its JVM."""
    import shlex

    from pyspark import SparkContext

    from headrace.cli.class_archives import spark_archive_options, submit_options
    from headrace.infra.local.jars import ensure_jars
    from headrace.jobs.session import open_session
    from headrace.settings import load_settings

    cache = load_settings().cache
    jars = ",".join(map(str, ensure_jars("spark", cache)))
    arguments = ["--master", f"local[{CORES}]", "--driver-memory", memory, "--jars", jars, "pyspark-shell"]
    os.environ["PYSPARK_SUBMIT_ARGS"] = shlex.join(arguments)
    os.environ["SPARK_SUBMIT_OPTS"] = submit_options(spark_archive_options(cache))
    spark = open_session("benchmark clean")
    spark.read.format("delta").load(raw).count()
    return spark, SparkContext._gateway.proc.pid
