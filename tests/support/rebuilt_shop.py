"""Rebuilds of the shop's orders in the test's own Spark session: present tables by one plan, rebuilds by another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from pyspark.sql import SparkSession

from headrace.jobs.cleaning import SourceCleaner
from headrace.jobs.source_rebuild import SourceRebuild
from headrace.plans import PlanVersion
from headrace.tables import raw_table, source_tables

from .plans import a_plan
from .raw_lake import Record, append_raw
from .shop import order, shop

# One rule is fitted, so that a plan decides what is clean: what it calls an outlier is quarantined.
FITTED: dict[str, Any] = {
    "fit": {"from": "2013-01-01", "to": "2013-02-01"},
    "clean": {"amount": {"outliers": {"method": "mad", "threshold": 5, "action": "quarantine"}}},
}
UNIT_OFFSETS = 6  # of both partitions together


def plan(version: int) -> PlanVersion:
    """The first plan accepts amounts up to 100, the second up to 50, the third up to 10."""
    return a_plan(shop(**FITTED).sources["orders"], version, low=0.0, high={1: 100.0, 2: 50.0, 3: 10.0}[version])


def land(lake: Path, commit: int) -> None:
    """One commit of raw, three records in each of two partitions: new orders, one dearer than plan 2 accepts, a copy of
    an order of the commit before, and a record that is none.
    """
    records = []
    for partition in (0, 1):
        own, before = 10 * commit + partition, 10 * (commit - 1) + partition
        values = [
            order(own, amount=60.0 if partition else 5.0),
            order(before, amount=5.0),
            b"{" if partition else order(own + 5, amount=200.0),
        ]
        records += [Record(value, 3 * commit + at, partition) for at, value in enumerate(values)]
    append_raw(lake, "orders", records)


def cleaner(spark: SparkSession, lake: Path, version: int) -> SourceCleaner:
    """A cleaner of the present tables by a plan, as a fresh process would make it."""
    return SourceCleaner(spark, plan=plan(version), application=f"headrace/clean/{uuid4()}", **_places(lake))


def rebuild(
    spark: SparkSession,
    lake: Path,
    version: int,
    on_step: Callable[[str], None] = lambda step: None,
    unit_offsets: int = UNIT_OFFSETS,
    **changes: Any,
) -> SourceRebuild:
    """A rebuild of the present tables by a plan, as a fresh process would make it; `changes` are of the source."""
    return SourceRebuild(
        spark,
        plan=plan(version),
        application=f"headrace/rebuild/{uuid4()}",
        on_step=on_step,
        unit_offsets=unit_offsets,
        **_places(lake, **changes),
    )


def _places(lake: Path, **changes: Any) -> dict[str, Any]:
    declared = shop(**(FITTED | changes))
    return {
        "source": declared.sources["orders"],
        "raw": raw_table(lake, "orders"),
        "tables": source_tables(lake, "shop", "orders", declared.definition("orders")),
        "lock_wait_s": 60.0,
    }
