"""The table of plans: read and written by Spark, one row a version."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from delta.tables import DeltaTable
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from headrace import __version__
from headrace.locks import exclusive
from headrace.pinned_versions import read_pins
from headrace.pipeline import Source
from headrace.plans import Plan, PlanVersion
from headrace.plans.choice import choose
from headrace.plans.row import COLUMNS, body_of, read_row
from headrace.tables import PlansTable

from .clean_tables import ensure_table
from .commit import Commits


@dataclass(frozen=True)
class Fitted:
    """A plan that is to be stored, and what it was made from."""

    source: str
    definition: str
    from_us: int | None
    to_us: int | None
    inputs: dict[str, int]
    plan: Plan


def plan_in_use(spark: SparkSession, places: PlansTable, source: Source) -> PlanVersion | None:
    """The plan that holds for a source now: the pinned one, else the newest for its rules. None where it needs none,
    and where only drift is measured against one and nothing was fitted yet.

    Raises:
        UsageError: a rule needs one, and there is none.
        ContractError: plans or pins cannot be read.
    """
    if not source.needs_fit():
        return None
    return choose(source, versions_of(spark, places.path, source.name), read_pins(places.pinned).get(source.name))


def versions_of(spark: SparkSession, path: Path, source: str) -> list[PlanVersion]:
    """All plans of a source; none where nothing was fitted yet."""
    if not DeltaTable.isDeltaTable(spark, str(path)):
        return []
    table = spark.read.format("delta").load(str(path))
    return [read_row(_with_utc(row)) for row in table.where(F.col("source") == source).select(*COLUMNS).collect()]


def store_plan(spark: SparkSession, places: PlansTable, fitted: Fitted, *, application: str, lock_wait_s: float) -> int:
    """Writes a plan as the next version of its source, in one commit, and gives the version.

    Raises:
        LockTimeout: another run writes plans of this pipeline.
        ContractError: the table is not what this version of Headrace writes.
    """
    with exclusive(places.lock, wait_s=lock_wait_s, purpose=f"fit {fitted.source}"):
        ensure_table(spark, places.path, COLUMNS, "fit again")
        table = spark.read.format("delta").load(str(places.path)).where(F.col("source") == fitted.source)
        version = (table.agg(F.max("plan")).collect()[0][0] or 0) + 1
        row = spark.range(1).select(
            F.lit(fitted.source).alias("source"),
            F.lit(version).cast("int").alias("plan"),
            F.lit(fitted.definition).alias("definition"),
            F.timestamp_micros(F.lit(fitted.from_us).cast("bigint")).alias("fit_from"),
            F.timestamp_micros(F.lit(fitted.to_us).cast("bigint")).alias("fit_to"),
            F.lit(fitted.plan.rows).cast("bigint").alias("rows"),
            F.lit(json.dumps(fitted.inputs, sort_keys=True)).alias("inputs"),
            F.lit(__version__).alias("code"),
            F.lit(body_of(fitted.plan)).alias("body"),
        )
        said = {"headrace": {"source": fitted.source, "plan": version}}
        # One run fits many sources: their versions are numbers of one transaction each, or Delta would drop the second.
        commits = Commits(spark, f"{application}/{fitted.source}")
        commits.append(row, places.path, unit=version, metadata=said)
        return version


def _with_utc(row: Row) -> dict[str, Any]:
    """A row whose instants say so: Spark hands them over in the zone of the process, without a word of it."""
    found = row.asDict()
    return {name: value.astimezone(UTC) if hasattr(value, "astimezone") else value for name, value in found.items()}
