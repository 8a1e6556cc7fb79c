"""spark-submit entry: a little of what every job does, run once so that the classes it needs can be archived."""

from __future__ import annotations

import sys
from tempfile import TemporaryDirectory

from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F

from headrace.jobs.clean_tables import ensure_table
from headrace.jobs.commit import Commits
from headrace.jobs.session import open_session
from headrace.tables import CREATED_AT

COLUMNS = {"key": "string", "at": "timestamp", CREATED_AT: "timestamp", "x": "double", "document": "string"}


def main() -> int:
    """Makes a table in a folder of its own, appends to it twice, reads it in the ways of our jobs, and forgets it."""
    spark = open_session("headrace typical work")
    with TemporaryDirectory(prefix="headrace-typical-") as folder:
        _work(spark, f"{folder}/table")
    spark.stop()
    return 0


def _work(spark: SparkSession, table: str) -> None:
    ensure_table(spark, table, COLUMNS, "run again")
    rows = spark.range(1_000).select(
        F.concat(F.lit("key "), (F.col("id") % 7).cast("string")).alias("key"),
        F.timestamp_micros(F.col("id") * 1_000_000).alias("at"),
        F.col("id").cast("double").alias("x"),
        F.to_json(F.struct("id")).alias("document"),
    )
    commits = Commits(spark, "headrace/typical")
    for unit in (1, 2):
        commits.append(rows.sortWithinPartitions("key", "at"), table, unit=unit, metadata={"unit": unit})
    found = spark.read.format("delta").load(table)
    in_order = Window.partitionBy("key").orderBy("at").rowsBetween(Window.unboundedPreceding, 0)
    folded = found.withColumn("sum", F.sum("x").over(in_order)).withColumn("parsed", F.try_parse_json("document"))
    last = folded.groupBy("key").agg(F.max("sum").alias("sum"), F.max(F.to_json("parsed")).alias("parsed"))
    found.join(F.broadcast(last), "key", "left_anti").union(found).localCheckpoint().count()
    last.collect()


if __name__ == "__main__":
    sys.exit(main())
