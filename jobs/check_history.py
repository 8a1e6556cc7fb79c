"""The newest results in a table of checks, for the profile of the clean table beside it."""

from __future__ import annotations

from pathlib import Path

from delta.tables import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from headrace.check_results import CHECKS_COLUMNS, CheckResult
from headrace.profile.check_history import MOST_UNITS
from headrace.tables import CHECKS, CREATED_AT


def checks_beside(clean: Path) -> Path:
    """The folder of the table of checks that belongs to a clean table, which may not be there."""
    source = clean.parent
    return source.parent.parent / CHECKS / source.name / clean.name


def newest_results(spark: SparkSession, folder: Path) -> list[CheckResult]:
    """What came of the checks of the newest units of work; nothing where there is no table."""
    if not DeltaTable.isDeltaTable(spark, str(folder)):
        return []
    table = spark.read.format("delta").load(str(folder))
    newest = table.select(CREATED_AT).distinct().orderBy(F.desc(CREATED_AT)).limit(MOST_UNITS)
    at_us = F.unix_micros(CREATED_AT).alias("created_at_us")
    columns = [name for name in CHECKS_COLUMNS if name != CREATED_AT]
    found = table.join(newest, CREATED_AT, "left_semi").select(at_us, *columns)
    ordered = found.orderBy("created_at_us", "expectation", "check")
    return [CheckResult(**row.asDict()) for row in ordered.collect()]
