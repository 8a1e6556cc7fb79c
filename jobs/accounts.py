"""The books: which raw positions are already placed in clean, duplicates or quarantine, and which come next.

A position that is placed is skipped, in batch and in stream. This alone makes overlap, repetition, a crash between two
writes and a lost checkpoint harmless.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from headrace.tables import OFFSET, PARTITION, TOPIC_ID, SourceTables

# One partition of one life of a topic: (topic id, partition).
PartitionKey = tuple[str, int]

KEY = [TOPIC_ID, PARTITION, OFFSET]

# What became of a record whose position clean, or duplicates, has; the words are those of an attempt.
OUTCOME, CLEANED, DUPLICATE = "__outcome", "cleaned", "duplicate"


def not_yet_placed(spark: SparkSession, raw: DataFrame, tables: SourceTables, span: Column) -> DataFrame:
    """The rows of `raw` inside `span` (a condition over position columns) that no table accounts for."""
    return raw.where(span).join(placed_positions(spark, tables, span), KEY, "left_anti")


def placed_positions(spark: SparkSession, tables: SourceTables, span: Column) -> DataFrame:
    """The positions inside `span` that a table accounts for; one of several attempts is there as often."""
    placed = [
        spark.read.format("delta").load(str(path)).where(span).select(*KEY)
        for path in (tables.clean, tables.duplicates, tables.quarantine)
    ]
    return reduce(DataFrame.unionAll, placed)


def accepted_positions(spark: SparkSession, tables: SourceTables, span: Column) -> DataFrame:
    """The positions inside `span` that are in clean or in duplicates, with `__outcome`; clean first where both have
    one.
    """
    read = spark.read.format("delta")
    clean, duplicates = (
        read.load(str(path)).where(span).select(*KEY, F.lit(outcome).alias(OUTCOME))
        for path, outcome in ((tables.clean, CLEANED), (tables.duplicates, DUPLICATE))
    )
    return clean.unionAll(duplicates).groupBy(*KEY).agg(F.min(OUTCOME).alias(OUTCOME))


def extents(rows: DataFrame) -> tuple[dict[PartitionKey, int], dict[PartitionKey, int]]:
    """The least and the greatest offset of each partition among `rows`. Runs a Spark job."""
    found = rows.groupBy(TOPIC_ID, PARTITION).agg(F.min(OFFSET).alias("least"), F.max(OFFSET).alias("greatest"))
    collected = {(row[TOPIC_ID], row[PARTITION]): row for row in found.collect()}
    return (
        {key: row["least"] for key, row in collected.items()},
        {key: row["greatest"] for key, row in collected.items()},
    )


def last_offsets(selected: DataFrame) -> dict[PartitionKey, int]:
    """The greatest offset of each partition among `selected` rows. Runs a Spark job."""
    rows = selected.groupBy(TOPIC_ID, PARTITION).agg(F.max(OFFSET).alias(OFFSET)).collect()
    return {(row[TOPIC_ID], row[PARTITION]): row[OFFSET] for row in rows}


def span_of(last: Mapping[PartitionKey, int], floor: Mapping[PartitionKey, int]) -> Column:
    """The condition for offsets up to and including `last`, from `floor` on where one is known, in the partitions of
    `last`.
    """
    return reduce(or_, [_partition_span(key, offset, floor.get(key)) for key, offset in last.items()], F.lit(False))


def behind(floor: Mapping[PartitionKey, int]) -> Column:
    """The condition for offsets from `floor` on, in its partitions."""
    return reduce(or_, [_of(key) & (F.col(OFFSET) >= offset) for key, offset in floor.items()], F.lit(False))


def _partition_span(key: PartitionKey, last: int, floor: int | None) -> Column:
    inside = _of(key) & (F.col(OFFSET) <= last)
    return inside if floor is None else inside & (F.col(OFFSET) >= floor)


def _of(key: PartitionKey) -> Column:
    topic_id, partition = key
    return (F.col(TOPIC_ID) == topic_id) & (F.col(PARTITION) == partition)
