"""Appending to a raw table: rows and commits per CPU-second, ours against `write_deltalake` in append mode.

Both write the same rows, real events as they land, commit by commit in turn, in one process. Ours has every commit on
the disk before it counts, and makes the rows of record batches; the baseline is given finished rows and syncs nothing.
The CPU is that of all threads, and of the checkpoints too. The tables are raw tables that have been landed into for a
quarter of an hour (a commit a second), for three hours, and new ones. Before any time is printed the answers are
compared: every row by deltalake, and by Spark the number, the sum of offsets and the sum of hashes over all columns.
"""

from __future__ import annotations

import gc
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, write_deltalake
from raw_events import record_batches

from headrace.infra.local.jars import ensure_jars
from headrace.ingestion.landing import Landing
from headrace.ingestion.positions import Move
from headrace.ingestion.raw_columns import raw_rows
from headrace.ingestion.raw_table import RawTable
from headrace.settings import load_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TOPIC_ID = "gTa5qzOPQEaYl0mGzVLfTg"
LANDED_AT_MS = 1_700_000_000_000
# Rows a commit, commits that are measured, and commits of one row that the table has had before.
SHAPES = {
    "commits": (1_000, 100, 1_000),
    "rows": (20_000, 50, 1_000),
    "rows, long table": (20_000, 20, 10_000),
    "commits, new table": (1_000, 100, 0),
    "rows, new table": (20_000, 50, 0),
}
COMPARED_ROWS = 200_000  # at once
VERSIONS = {name: version(name) for name in ("deltalake", "pyarrow", "pyspark", "delta-spark")}


@dataclass
class Cpu:
    """CPU-seconds of the commits of one writer, each."""

    seconds: list[float] = field(default_factory=list)

    @contextmanager
    def spent(self) -> Iterator[None]:
        before = time.process_time()
        yield
        self.seconds.append(time.process_time() - before)


@dataclass(frozen=True)
class Run:
    """Two tables with the same rows, and what each cost."""

    rows: int
    commits: int
    history: int
    ours: Path
    baseline: Path
    our_cpu: Cpu
    baseline_cpu: Cpu

    @property
    def total(self) -> int:
        """The rows of each table."""
        return self.history + self.rows * self.commits


def write(folder: Path, rows: int, commits: int, history: int) -> Run:
    """Makes both tables: one that has its history is copied, and then each writer adds to its own."""
    table = RawTable.of(folder, "flights", "cluster")
    run = Run(rows, commits, history, table.folder, folder / "baseline", Cpu(), Cpu())
    before = Landing(table, TOPIC_ID, durable=False)
    before.positions([0])
    for batch in record_batches(1, history):
        land(before, batch)
    landing = Landing(table, TOPIC_ID)
    landing.positions([0])
    shutil.copytree(run.ours, run.baseline)
    gc.freeze()  # else the collector looks through all that this process has imported, whosever turn it is
    for batch in record_batches(rows, commits, first=history):
        finished = raw_rows([batch], topic_id=TOPIC_ID, generation=0, landed_at_ms=LANDED_AT_MS)
        with run.our_cpu.spent():
            land(landing, batch)
        with run.baseline_cpu.spent():
            write_deltalake(str(run.baseline), finished, mode="append")
    return run


def land(landing: Landing, batch: pa.RecordBatch) -> None:
    """One commit of ours, and the checkpoint if it is the turn of one."""
    first = batch.column("_offset")[0].as_py()
    landing.commit([batch], {0: Move(first or None, first + len(batch))}, lock_wait_s=10.0, now_ms=LANDED_AT_MS)
    landing.wait_for_checkpoint()


def compare_by_deltalake(run: Run) -> None:
    """Every row and column, in the order of offsets."""
    ours, theirs = (QueryBuilder().register("t", DeltaTable(str(path))) for path in (run.ours, run.baseline))
    for first in range(0, run.total, COMPARED_ROWS):
        sql = f"select * from t where _offset >= {first} and _offset < {first + COMPARED_ROWS} order by _offset"  # noqa: S608 (numbers only)
        found = [pa.table(each.execute(sql).read_all()) for each in (ours, theirs)]
        if not found[0].equals(found[1]) or found[0].num_rows != min(COMPARED_ROWS, run.total - first):
            raise SystemExit(f"the tables differ behind offset {first}: {found[0].num_rows}, {found[1].num_rows} rows")


def compare_by_spark(spark: SparkSession, run: Run) -> None:
    """The number of rows, the sum of offsets, and the sum of the hashes of all columns."""
    sums = ["count(*)", "sum(_offset)", "sum(cast(xxhash64(*) as decimal(38, 0)))"]
    found = [spark.read.format("delta").load(str(path)).selectExpr(*sums).first() for path in (run.ours, run.baseline)]
    if found[0] != found[1] or found[0][0] != run.total:
        raise SystemExit(f"Spark reads {found[0]} in ours and {found[1]} in the baseline")


def open_spark() -> SparkSession:
    """A local session with the locked jars of Delta."""
    from pyspark.sql import SparkSession

    from headrace.jobs.session import CONFIGURATION, LOCAL_DEFAULTS

    jars = ",".join(map(str, ensure_jars("spark", load_settings().cache)))
    options = LOCAL_DEFAULTS | CONFIGURATION | {"spark.jars": jars, "spark.driver.memory": "2g"}
    session = SparkSession.builder.master("local[2]").config(map=options).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def result(name: str, run: Run) -> dict[str, object]:
    """The line that is printed."""
    unit = name.partition(",")[0]
    count = run.commits if unit == "commits" else run.rows * run.commits
    ours, baseline = (count / sum(cpu.seconds) for cpu in (run.our_cpu, run.baseline_cpu))
    return {
        "name": f"delta_append.{name}",
        "ours": round(ours, 1),
        "baseline": round(baseline, 1),
        "ratio": round(ours / baseline, 2),
        "unit": f"{unit} per CPU-second, {run.rows:,} rows a commit, {run.history:,} commits before",
        "n": run.commits,
        "bytes": {"ours": size(run.ours), "baseline": size(run.baseline)},
        "versions": VERSIONS,
    }


def size(table: Path) -> int:
    """What the data files take."""
    return sum(path.stat().st_size for path in table.glob("*.parquet"))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        runs = {name: write(Path(folder) / name, *shape) for name, shape in SHAPES.items()}
        for run in runs.values():
            compare_by_deltalake(run)
        spark = open_spark()
        for run in runs.values():
            compare_by_spark(spark, run)
        spark.stop()
        for name, run in runs.items():
            print(json.dumps(result(name, run)), flush=True)


if __name__ == "__main__":
    main()
